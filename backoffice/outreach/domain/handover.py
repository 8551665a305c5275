"""Handing a message to a gateway: what is handed over, what may come back, and what each answer means.

An answer is certain or it is not. Certain ones move the message; an uncertain one makes it unknown, and the gateway is
asked, since a message sent twice is worse than one that is late.
"""

from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from enum import StrEnum
from typing import Final

from backoffice.outreach.domain.receipts import Event


class Outcome(StrEnum):
    """What came of handing a message over.

    `accepted`: the gateway has it. `refused`: it will never take it. `not_now`: it did not take it and may later.
    `never_left`: no connection came about. `unclear`: it may have it.
    """

    ACCEPTED = "accepted"
    REFUSED = "refused"
    NOT_NOW = "not_now"
    NEVER_LEFT = "never_left"
    UNCLEAR = "unclear"


@dataclass(frozen=True, slots=True, kw_only=True)
class Outgoing:
    """One message as it leaves. `attempt` counts from 1; `to` is a number, an address or the person's id in the app."""

    message_id: int
    wire_id: str
    attempt: int
    gateway_id: int
    channel: str
    purpose: str
    language: str
    to: str
    subject: str
    body: str
    expires_at: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What the gateway answered. `code` is its own word for a refusal; `retry_after` in seconds."""

    outcome: Outcome
    reference: str = ""
    code: str = ""
    detail: str = ""
    retry_after: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """What a gateway knows of a message when asked. `event` None: it never had it (`is_clear`), or it did not say."""

    is_clear: bool
    event: Event | None = None
    code: str = ""
    reference: str = ""


LOOKS: Final = tuple(timedelta(seconds=seconds) for seconds in (10, 30, 120, 600, 3_600))
"""How long after each question a gateway is asked again about one message; the last one stays."""
RECEIPT_LOOKS: Final = len(LOOKS)
"""How often a gateway is asked about a message whose receipt never came."""
_FIRST_WAIT: Final = 5
_LONGEST_WAIT: Final = 600


def next_look(*, looks: int) -> timedelta:
    """How long to wait before the next question, after so many."""
    return LOOKS[min(looks, len(LOOKS) - 1)]


def wait_before_retry(*, tries: int, retry_after: int) -> timedelta:
    """How long a message waits that a gateway did not take: 5 s, doubling to ten minutes, or what the gateway says."""
    return timedelta(seconds=max(retry_after, min(_FIRST_WAIT * 2 ** max(tries - 1, 0), _LONGEST_WAIT)))


def refilled(*, tokens: Decimal, elapsed: timedelta, per_second: Decimal, burst: int) -> Decimal:
    """What a gateway's bucket holds after a while: it fills with `per_second` and never beyond `burst`."""
    seconds = Decimal(max(elapsed, timedelta()) // timedelta(milliseconds=1)) / 1000
    return min(Decimal(burst), tokens + seconds * per_second)
