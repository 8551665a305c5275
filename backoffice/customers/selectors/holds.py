"""Holds as rules read them and as the page shows them."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, ClassVar

from django.contrib.postgres.aggregates import ArrayAgg
from django.db.models import Exists, F, Func, OuterRef, Q, QuerySet, Subquery, Value
from django.db.models.functions import Concat
from django.utils import timezone
from django.utils.translation import gettext as _

from backoffice.audit.models import Approval
from backoffice.core.bulk import fetch
from backoffice.core.errors import Refusal
from backoffice.customers.domain.holds import LIFT, HoldPeriod, HoldReason
from backoffice.customers.models import Hold
from backoffice.customers.models.hold_labels import ENDED_BY, effect_text
from backoffice.staff.models import User
from backoffice.staff.permissions import ROLES

# Text and arrays: written as a condition of the ORM, two thousand loans cost more than the rest of a posting's reads.
HOLDS_OF_LOANS = """
SELECT id, loan_id, borrower_id, scope, period, reason FROM customers_hold
WHERE (loan_id = ANY(%s) OR (loan_id IS NULL AND borrower_id = ANY(%s))) AND scope = ANY(%s) AND NOT isempty(period)
ORDER BY period, id
"""


CONTACT_HOLDS = """
SELECT borrower_id, loan_id, scope, reason, effect, lower(period), upper(period), id FROM customers_hold
WHERE borrower_id = ANY(%s) AND scope IN ('calls', 'texts') AND NOT isempty(period)
  AND %s::date >= coalesce(contact_from, lower(period)) AND (upper_inf(period) OR %s::date < upper(period))
ORDER BY borrower_id, id
"""

SOON = timedelta(days=7)


class HoldNotFound(Refusal):
    """There is no such hold, or none the person may see."""

    code: ClassVar[str] = "customers.hold_not_found"
    status: ClassVar[int] = 404


@dataclass(frozen=True, slots=True)
class HoldFacts:
    """One hold for the page; `state` is "coming", "running" or "over" as of the day asked for."""

    id: int
    group_id: int
    bulk_id: int | None
    loan_id: int | None
    scope: str
    scope_label: str
    effect: str
    effect_text: str
    start: date | None
    end_exclusive: date | None
    planned_end: date | None
    review_on: date | None
    reason: str
    reason_label: str
    note: str
    evidence: str
    owner: str
    owner_role: str
    set_by_name: str
    set_at: datetime
    lifted_by_name: str
    lift_reason: str
    is_lift_asked_for: bool
    state: str


@dataclass(frozen=True, slots=True)
class HoldGroup:
    """What was placed by one act, as people speak of it: one hold with several effects.

    `effects` are in words, those that still count while any does; `lead` is the hold that stands for them all. `ended`
    tells of parts that are over while others run. `is_review_due` as of the day asked for.
    """

    lead: HoldFacts
    parts: tuple[HoldFacts, ...]
    effects: tuple[str, ...]
    ended: tuple[str, ...]
    state: str
    is_lift_asked_for: bool
    is_review_due: bool
    waits_for: str

    @property
    def words(self) -> str:
        """The effects in one sentence: "calls stop; texts: facts only"."""
        return _("; ").join(self.effects)


@dataclass(frozen=True, slots=True)
class ContactHold:
    """A hold on calls or texts in force at one moment, as the contact gate reads it; the end is exclusive."""

    borrower_id: int
    loan_id: int | None
    scope: str
    reason: str
    effect: str
    start: date
    end: date | None
    id: int


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


def contact_holds(*, borrower_ids: Collection[int], at: datetime) -> list[ContactHold]:
    """Holds on calls and texts in force at an aware moment, counted in the lender's dates; one query.

    A hold whose review is overdue counts on: only its end or a lift ends it.
    """
    day = at.astimezone(timezone.get_default_timezone()).date()
    rows = fetch(CONTACT_HOLDS, [list(borrower_ids), day, day])
    return [ContactHold(*row) for row in rows]


def holds_of_borrower(*, borrower_id: int, as_of: date, loan_id: int | None = None) -> list[HoldFacts]:
    """Every hold of a borrower, the newest first; with `loan_id`, that loan's and borrower-wide ones. Two queries."""
    rows = Hold.objects.filter(borrower_id=borrower_id)
    if loan_id is not None:
        rows = rows.filter(Q(loan_id=loan_id) | Q(loan_id__isnull=True))
    holds = list(rows.order_by("-pk"))
    asked_for = _lifts_asked_for(holds)
    return [_facts(hold, as_of=as_of, is_lift_asked_for=hold.pk in asked_for) for hold in holds]


def groups_of(*, holds: Sequence[HoldFacts], as_of: date) -> tuple[HoldGroup, ...]:
    """Holds as people see them: those placed together as one; what waits first, what is over last, else the newest."""
    by_group: dict[int, list[HoldFacts]] = {}
    for hold in holds:
        by_group.setdefault(hold.group_id, []).append(hold)
    groups = [_group(sorted(group, key=lambda hold: hold.id), as_of=as_of) for group in by_group.values()]
    return tuple(sorted(groups, key=lambda group: (group.state == "over", not group.is_review_due, -group.lead.id)))


def held_groups(*, user: User) -> QuerySet[Hold]:
    """One row per hold as people see it, of those still to end: the lead of its group, with `effect_codes`.

    Rows are restricted to who asks. `effect_codes` is a list of "scope effect" of all that was not lifted.
    """
    mates = Hold.objects.filter(
        group_id=OuterRef("group_id"), borrower_id=OuterRef("borrower_id"), lifted_at__isnull=True
    ).order_by()
    codes = mates.values("group_id").annotate(
        codes=ArrayAgg(Concat(F("scope"), Value(" "), F("effect")), order_by="id")
    )
    return (
        Hold.objects.visible_to(user)
        .filter(~Exists(mates.filter(pk__lt=OuterRef("pk"))), lifted_at__isnull=True)
        .annotate(effect_codes=Subquery(codes.values("codes")), ends=Func(F("period"), function="upper"))
        .select_related("borrower", "bulk")
    )


def running_on(rows: QuerySet[Hold], *, day: date) -> QuerySet[Hold]:
    """Of the holds, those in force on a day."""
    return rows.filter(period__contains=day)


def due_for_review(rows: QuerySet[Hold], *, day: date) -> QuerySet[Hold]:
    """Of the holds, those whose review has come and that still run."""
    return running_on(rows, day=day).filter(review_on__lte=day)


def ending_soon(rows: QuerySet[Hold], *, day: date) -> QuerySet[Hold]:
    """Of the holds, those that run out or are to be reviewed within a week from the day."""
    soon = day + SOON
    return running_on(rows, day=day).filter(
        Q(review_on__gt=day, review_on__lte=soon) | Q(period__endswith__gt=day, period__endswith__lte=soon)
    )


def review_count(*, user: User, day: date) -> int:
    """How many holds wait for their review; one query."""
    return due_for_review(held_groups(user=user), day=day).count()


def effects_in_words(codes: Sequence[str]) -> str:
    """The `effect_codes` of a row as one sentence."""
    return _("; ").join(effect_text(scope=scope, effect=effect) for scope, effect in map(str.split, codes))


def owner_text(*, name: str, role: str) -> str:
    """The person who owns a hold, else the role."""
    return name or str(ROLES.get(role, role))


def check_hold_visible(*, hold_id: int, user: User) -> None:
    """Raises HoldNotFound for a hold that does not exist among those the person may see; one query."""
    if not Hold.objects.visible_to(user).filter(pk=hold_id).exists():
        raise HoldNotFound(_("There is no such hold."), next_step=_("Reload the borrower's page."))


def facts_of_group(*, hold_id: int, user: User, as_of: date) -> tuple[Hold, HoldGroup]:
    """A hold with what was placed together with it. Raises HoldNotFound. Three queries."""
    hold = Hold.objects.visible_to(user).select_related("borrower").filter(pk=hold_id).first()
    if hold is None:
        raise HoldNotFound(_("There is no such hold."), next_step=_("Reload the borrower's page."))
    mates = list(Hold.objects.filter(group_id=hold.group_id, borrower_id=hold.borrower_id).order_by("pk"))
    asked_for = _lifts_asked_for(mates)
    facts = [_facts(mate, as_of=as_of, is_lift_asked_for=mate.pk in asked_for) for mate in mates]
    return hold, _group(facts, as_of=as_of)


def _lifts_asked_for(holds: Sequence[Hold]) -> set[int]:
    """The holds whose lift waits for a second person."""
    groups = {str(hold.group_id) for hold in holds}
    waiting = Approval.objects.filter(verb=LIFT, state="pending", subject_id__in=groups) if groups else []
    return {int(hold_id) for request in waiting for hold_id in request.payload["hold_ids"]}


def _group(holds: Sequence[HoldFacts], *, as_of: date) -> HoldGroup:
    alive = [hold for hold in holds if hold.state != "over"]
    shown = alive or list(holds)
    lead = shown[0]
    return HoldGroup(
        lead=lead,
        parts=tuple(holds),
        effects=tuple(hold.effect_text for hold in shown),
        ended=tuple(hold.effect_text for hold in holds if hold not in shown),
        state=lead.state,
        is_lift_asked_for=any(hold.is_lift_asked_for for hold in shown),
        is_review_due=lead.state == "running" and lead.review_on is not None and lead.review_on <= as_of,
        waits_for=str(ENDED_BY[HoldReason(lead.reason)]),
    )


def _facts(hold: Hold, *, as_of: date, is_lift_asked_for: bool) -> HoldFacts:
    lower, upper = hold.period.lower, hold.period.upper
    if hold.period.isempty or (upper is not None and upper <= as_of):
        state = "over"
    else:
        state = "coming" if lower > as_of else "running"
    shown: dict[str, Any] = {
        name: getattr(hold, name)
        for name in (
            "group_id", "bulk_id", "loan_id", "scope", "effect", "planned_end", "review_on", "reason", "note",
            "evidence", "owner_role", "set_by_name", "set_at", "lifted_by_name", "lift_reason",
        )
    }  # fmt: skip
    return HoldFacts(
        id=hold.pk,
        scope_label=str(hold.get_scope_display()),
        effect_text=effect_text(scope=hold.scope, effect=hold.effect),
        start=lower,
        end_exclusive=upper,
        reason_label=str(hold.get_reason_display()),
        owner=owner_text(name=hold.owner_name, role=hold.owner_role),
        is_lift_asked_for=is_lift_asked_for,
        state=state,
        **shown,
    )
