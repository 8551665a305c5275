"""The business day and its two states: every legal move is in this table, and a day is never skipped."""

from datetime import date, timedelta
from typing import Literal

State = Literal["open", "closing"]
Verb = Literal["begin_close", "finish_close"]

OPEN: State = "open"
CLOSING: State = "closing"

TRANSITIONS: dict[tuple[State, Verb], State] = {
    (OPEN, "begin_close"): CLOSING,
    (CLOSING, "finish_close"): OPEN,
}


def following(*, day: date) -> date:
    """The business day after `day`: the next calendar day, worked or not, so that every night is closed."""
    return day + timedelta(days=1)
