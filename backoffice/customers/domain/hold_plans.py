"""What a hold as somebody wishes it comes to: the effects of its reason, its end and its review, or what is wrong."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from backoffice.customers.domain.hold_policy import MATRIX, last_review, review_of
from backoffice.customers.domain.holds import Effect, HoldReason, HoldScope


class Fault(StrEnum):
    """What can be wrong with one field."""

    SCOPE_MISSING = "scope_missing"
    SCOPE_UNKNOWN = "scope_unknown"
    REASON_UNKNOWN = "reason_unknown"
    END_BEFORE_START = "end_before_start"
    END_MISSING = "end_missing"
    REVIEW_TOO_EARLY = "review_too_early"
    REVIEW_TOO_LATE = "review_too_late"
    NOTE_MISSING = "note_missing"
    NOT_DEMANDED = "not_demanded"
    WHY_LEFT_OUT = "why_left_out"
    NOTHING_LEFT = "nothing_left"


class PlanFaulty(ValueError):
    """The wish makes no sense; `faults` says what is wrong by field."""

    def __init__(self, faults: dict[str, Fault]) -> None:
        super().__init__(", ".join(f"{name}: {fault}" for name, fault in faults.items()))
        self.faults = faults


@dataclass(frozen=True, slots=True)
class HoldPlan:
    """A hold before it is placed: every effect by scope, those asked for by name, those to be left out.

    `[start, end_exclusive)` in calendar dates; no end means until lifted, and then there is a review.
    """

    reason: HoldReason
    effects: dict[HoldScope, Effect]
    asked: frozenset[HoldScope]
    left_out: tuple[HoldScope, ...]
    start: date
    end_exclusive: date | None
    review_on: date | None


def plan_hold(
    *,
    reason: str,
    scopes: Collection[str],
    leave_out: Collection[str],
    start: date,
    end_exclusive: date | None,
    review_on: date | None,
    note: str,
) -> HoldPlan:
    """The hold a wish comes to: what its reason demands, with `scopes` added. Raises PlanFaulty.

    `leave_out` are demanded scopes somebody does not want; the note says why.
    """
    faults: dict[str, Fault] = {}
    known = {scope.value for scope in HoldScope}
    if not set(scopes) <= known:
        faults["scopes"] = Fault.SCOPE_UNKNOWN
    if end_exclusive is not None and end_exclusive <= start:
        faults["end_exclusive"] = Fault.END_BEFORE_START
    if reason not in set(HoldReason):
        faults["reason"] = Fault.REASON_UNKNOWN
        raise PlanFaulty(faults)
    faults |= _faults_of_reason(
        HoldReason(reason), scopes=scopes, leave_out=leave_out, end_exclusive=end_exclusive, note=note
    )
    if review_on is not None and review_on <= start:
        faults["review_on"] = Fault.REVIEW_TOO_EARLY
    elif review_on is not None and review_on > last_review(reason=HoldReason(reason), since=start):
        faults["review_on"] = Fault.REVIEW_TOO_LATE
    if faults:
        raise PlanFaulty(faults)
    policy = MATRIX[HoldReason(reason)]
    asked = frozenset(HoldScope(scope) for scope in scopes)
    return HoldPlan(
        reason=HoldReason(reason),
        effects={
            scope: policy.effect_on(scope=scope) for scope in HoldScope if scope in policy.demanded or scope in asked
        },
        asked=asked,
        left_out=tuple(scope for scope in HoldScope if scope in set(leave_out)),
        start=start,
        end_exclusive=end_exclusive,
        review_on=review_of(reason=HoldReason(reason), start=start, end_exclusive=end_exclusive, asked=review_on),
    )


def _faults_of_reason(
    reason: HoldReason,
    *,
    scopes: Collection[str],
    leave_out: Collection[str],
    end_exclusive: date | None,
    note: str,
) -> dict[str, Fault]:
    policy = MATRIX[reason]
    demanded = {scope.value for scope in policy.demanded}
    faults: dict[str, Fault] = {}
    if not scopes and not demanded:
        faults["scopes"] = Fault.SCOPE_MISSING
    if policy.needs_end and end_exclusive is None:
        faults["end_exclusive"] = Fault.END_MISSING
    if reason == HoldReason.OTHER and not note.strip():
        faults["note"] = Fault.NOTE_MISSING
    if leave_out and not note.strip():
        faults["note"] = Fault.WHY_LEFT_OUT
    if not set(leave_out) <= demanded - set(scopes):
        faults["leave_out"] = Fault.NOT_DEMANDED
    elif leave_out and not (demanded | set(scopes)) - set(leave_out):
        faults["leave_out"] = Fault.NOTHING_LEFT
    return faults
