"""Holds as rules read them and as the page shows them."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import ClassVar

from django.db.models import Exists, OuterRef, Q
from django.db.models.fields import CharField
from django.db.models.functions import Cast
from django.utils.translation import gettext as _

from backoffice.audit.models import Approval
from backoffice.core.bulk import fetch
from backoffice.core.errors import Refusal
from backoffice.customers.domain.holds import LIFT, HoldPeriod
from backoffice.customers.models import Hold
from backoffice.staff.models import User

# Text and arrays: written as a condition of the ORM, two thousand loans cost more than the rest of a posting's reads.
HOLDS_OF_LOANS = """
SELECT id, loan_id, borrower_id, scope, period, reason FROM customers_hold
WHERE (loan_id = ANY(%s) OR (loan_id IS NULL AND borrower_id = ANY(%s))) AND scope = ANY(%s) AND NOT isempty(period)
ORDER BY period, id
"""


class HoldNotFound(Refusal):
    """There is no such hold, or none the person may see."""

    code: ClassVar[str] = "customers.hold_not_found"
    status: ClassVar[int] = 404


@dataclass(frozen=True, slots=True)
class HoldFacts:
    """One hold for the page; `state` is "coming", "running" or "over" as of the day asked for."""

    id: int
    loan_id: int | None
    scope: str
    scope_label: str
    start: date | None
    end_exclusive: date | None
    planned_end: date | None
    reason: str
    reason_label: str
    note: str
    evidence: str
    set_by_name: str
    set_at: datetime
    lifted_by_name: str
    lift_reason: str
    is_lift_asked_for: bool
    state: str


def holds_of_loans(
    *, loan_ids: Sequence[int], borrower_ids: Sequence[int], scopes: Collection[str]
) -> dict[int, list[HoldPeriod]]:
    """Holds that bear on each loan, its borrower's included, by start; one query.

    `loan_ids` and `borrower_ids` run side by side. Every loan asked for is a key; without holds its list is empty.
    """
    found: dict[int, list[HoldPeriod]] = {loan_id: [] for loan_id in loan_ids}
    loans_of: dict[int, list[int]] = {}
    for loan_id, borrower_id in zip(loan_ids, borrower_ids, strict=True):
        loans_of.setdefault(borrower_id, []).append(loan_id)
    holds = fetch(HOLDS_OF_LOANS, [list(found), list(loans_of), list(scopes)])
    for hold_id, held_loan, borrower_id, scope, period, reason in holds:
        hold = HoldPeriod(scope=scope, start=period.lower, end_exclusive=period.upper, id=hold_id, reason=reason)
        for loan_id in [held_loan] if held_loan is not None else loans_of[borrower_id]:
            found[loan_id].append(hold)
    return found


def holds_of_borrower(*, borrower_id: int, as_of: date, loan_id: int | None = None) -> list[HoldFacts]:
    """Every hold of a borrower, the newest first; with `loan_id`, that loan's and borrower-wide ones. One query."""
    holds = Hold.objects.filter(borrower_id=borrower_id)
    if loan_id is not None:
        holds = holds.filter(Q(loan_id=loan_id) | Q(loan_id__isnull=True))
    asked = Approval.objects.filter(verb=LIFT, state="pending", subject_id=Cast(OuterRef("pk"), CharField()))
    return [_facts(hold, as_of=as_of) for hold in holds.annotate(is_lift_asked_for=Exists(asked)).order_by("-pk")]


def check_hold_visible(*, hold_id: int, user: User) -> None:
    """Raises HoldNotFound for a hold that does not exist among those the person may see; one query."""
    if not Hold.objects.visible_to(user).filter(pk=hold_id).exists():
        raise HoldNotFound(_("There is no such hold."), next_step=_("Reload the borrower's page."))


def _facts(hold: Hold, *, as_of: date) -> HoldFacts:
    lower, upper = hold.period.lower, hold.period.upper
    if hold.period.isempty or (upper is not None and upper <= as_of):
        state = "over"
    else:
        state = "coming" if lower > as_of else "running"
    return HoldFacts(
        id=hold.pk,
        loan_id=hold.loan_id,
        scope=hold.scope,
        scope_label=str(hold.get_scope_display()),
        start=lower,
        end_exclusive=upper,
        planned_end=hold.planned_end,
        reason=hold.reason,
        reason_label=str(hold.get_reason_display()),
        note=hold.note,
        evidence=hold.evidence,
        set_by_name=hold.set_by_name,
        set_at=hold.set_at,
        lifted_by_name=hold.lifted_by_name,
        lift_reason=hold.lift_reason,
        is_lift_asked_for=hold.is_lift_asked_for,  # type: ignore[attr-defined]
        state=state,
    )
