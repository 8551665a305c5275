"""Holds: what may not happen to a borrower or a loan for a time, and why."""

from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Final

LIFT: Final = "customers.hold.lift"
"""The verb a second person agrees to."""


class HoldScope(StrEnum):
    """What a hold stops."""

    CALLS = "calls"
    TEXTS = "texts"
    DEBIT = "debit"
    PENALTY = "penalty"
    AGING = "aging"


class HoldReason(StrEnum):
    """Why a hold is placed."""

    DISPUTE = "dispute"
    HARDSHIP = "hardship"
    ILLNESS = "illness"
    DECEASED = "deceased"
    DISASTER = "disaster"
    FRAUD = "fraud"
    COMPLAINT = "complaint"
    LEGAL = "legal"
    REQUEST = "request"
    EXTENSION = "extension"
    SYSTEM_FAULT = "system_fault"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class HoldPeriod:
    """One hold as rules read it: `[start, end_exclusive)` in calendar dates, no end meaning until lifted."""

    scope: str
    start: date
    end_exclusive: date | None
    id: int
    reason: str

    def covers(self, *, day: date) -> bool:
        """True when the hold is in force on the day."""
        return self.start <= day and (self.end_exclusive is None or day < self.end_exclusive)
