"""Whether a message that the gate does not let through is tried on the next channel it names."""

from collections.abc import Collection
from typing import Final

from backoffice.outreach.domain.purposes import Purpose

NOT_REACHABLE: Final = "core.endpoint"
OPTED_OUT: Final = "core.opt_out"


def goes_on(*, purpose: Purpose, rules: Collection[str]) -> bool:
    """Whether a message denied by these rules goes on by its next channel.

    Only a channel the borrower cannot be reached on is a reason to try another. What they refused, a hold, a cap or
    the hours say that they are not to be reached, and going around it by another channel would reach them all the
    same. A notice required by law goes on past an opt-out: it has to arrive somewhere.
    """
    passed = {NOT_REACHABLE, OPTED_OUT} if purpose is Purpose.NOTICE else {NOT_REACHABLE}
    return bool(rules) and set(rules) <= passed
