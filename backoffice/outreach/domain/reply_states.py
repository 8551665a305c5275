"""Where a reply of a borrower stands with the people who read them."""

from enum import StrEnum

from backoffice.outreach.domain.channels import Channel
from backoffice.outreach.domain.replies import Stop


class ReplyState(StrEnum):
    """`open`: nobody has dealt with it yet. `done`: a person has, or there was nothing left to do."""

    OPEN = "open"
    DONE = "done"


def state_of(*, stop: Stop | None, is_known: bool) -> ReplyState:
    """Where a reply begins: done when it says nothing but STOP to what is written, and it is known who said so.

    Whatever else it says, and what it says of calls by people, is for a person to read.
    """
    is_dealt_with = stop is not None and stop.is_all and Channel.SMS in stop.channels and is_known
    return ReplyState.DONE if is_dealt_with else ReplyState.OPEN
