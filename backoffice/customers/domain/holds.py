"""Holds: what may not happen to a borrower or a loan for a time, and why. What each reason brings is `hold_policy`."""

from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Final

LIFT: Final = "customers.hold.lift"
"""The verb a second person agrees to: ending a hold before its time, or leaving out what its reason demands."""


class HoldScope(StrEnum):
    """What a hold is about."""

    CALLS = "calls"
    TEXTS = "texts"
    DEBIT = "debit"
    PENALTY = "penalty"
    AGING = "aging"


CONTACT: Final = frozenset({HoldScope.CALLS, HoldScope.TEXTS})
CLOCKS: Final = frozenset({HoldScope.PENALTY, HoldScope.AGING})
"""Scopes whose rows stop a clock of the loan, whatever the reason."""


class HoldReason(StrEnum):
    """Why a hold is placed."""

    DISPUTE = "dispute"
    COMPLAINT = "complaint"
    EXTENSION = "extension"
    HARDSHIP = "hardship"
    VULNERABLE = "vulnerable"
    MORATORIUM = "moratorium"
    REPRESENTED = "represented"
    CEASE = "cease"
    BANKRUPTCY = "bankruptcy"
    DECEASED = "deceased"
    IDENTITY_THEFT = "identity_theft"
    DISASTER = "disaster"
    ILLNESS = "illness"
    FRAUD = "fraud"
    LEGAL = "legal"
    REQUEST = "request"
    SYSTEM_FAULT = "system_fault"
    OTHER = "other"


class Effect(StrEnum):
    """What a hold does within its scope. `pause` is a stop that is meant to end; everything else says what remains."""

    STOP = "stop"
    PAUSE = "pause"
    SPECIALIST_ONLY = "specialist_only"
    VIA_REPRESENTATIVE = "via_representative"
    FACTUAL_ONLY = "factual_only"
    REPLY_ONLY = "reply_only"
    STATUS_ONLY = "status_only"
    AGREED_ONLY = "agreed_only"
    NOTICES_ONLY = "notices_only"
    CLOSING_NOTICE_ONLY = "closing_notice_only"
    HELP_ONLY = "help_only"
    VERIFIED_ONLY = "verified_only"
    SKIP_DUE = "skip_due"
    ASK_FIRST = "ask_first"
    ASK_REPRESENTATIVE = "ask_representative"
    UNLESS_ASKED = "unless_asked"
    IF_MANDATED = "if_mandated"


EFFECTS_OF: Final[dict[HoldScope, frozenset[Effect]]] = {
    HoldScope.CALLS: frozenset({Effect.STOP, Effect.PAUSE, Effect.SPECIALIST_ONLY, Effect.VIA_REPRESENTATIVE}),
    HoldScope.TEXTS: frozenset(
        {
            Effect.STOP,
            Effect.PAUSE,
            Effect.VIA_REPRESENTATIVE,
            Effect.FACTUAL_ONLY,
            Effect.REPLY_ONLY,
            Effect.STATUS_ONLY,
            Effect.AGREED_ONLY,
            Effect.NOTICES_ONLY,
            Effect.CLOSING_NOTICE_ONLY,
            Effect.HELP_ONLY,
            Effect.VERIFIED_ONLY,
        }
    ),
    HoldScope.DEBIT: frozenset(
        {
            Effect.STOP,
            Effect.SKIP_DUE,
            Effect.ASK_FIRST,
            Effect.ASK_REPRESENTATIVE,
            Effect.UNLESS_ASKED,
            Effect.IF_MANDATED,
        }
    ),
    HoldScope.PENALTY: frozenset({Effect.STOP}),
    HoldScope.AGING: frozenset({Effect.STOP}),
}
"""The effects a scope knows. A row on penalty or aging always stops it."""


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
