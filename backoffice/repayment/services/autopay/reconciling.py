"""T+1: a day's file against commands and ledger; every difference becomes a ticket; a day closes at zero unexplained.

What the file proves beyond doubt is done without asking (`file_truth`): an unknown command that stands in it, a return
no notice told of, an unknown command that stands in no file. Comparing a day again changes nothing that did not change:
tickets whose cause is gone end as cleared.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import Any, BinaryIO, Final

from django.conf import settings
from django.db import transaction
from django.db.models import Min, Q
from django.utils.translation import gettext as _

from backoffice.audit.services import record
from backoffice.calendars import clock
from backoffice.calendars.selectors import business_date
from backoffice.core.actors import SYSTEM, Actor
from backoffice.core.bulk import fetch
from backoffice.core.errors import Refusal
from backoffice.core.money import ZERO
from backoffice.core.words import phrase
from backoffice.repayment.domain.autopay.codes import Family, shipped_codes
from backoffice.repayment.domain.autopay.debit_states import IN_FLIGHT
from backoffice.repayment.domain.autopay.differences import OPENED_AGAIN, DifferenceKind, Resolution, is_overdue
from backoffice.repayment.domain.autopay.matching import DIFFERENCES, EXPLAINED, Outcome, Why
from backoffice.repayment.domain.autopay.outcomes import NOT_IN_FILE
from backoffice.repayment.models import (
    DebitCommand,
    Difference,
    Payee,
    Rail,
    ReconciledDay,
    SettlementFile,
    SettlementLine,
)
from backoffice.repayment.selectors.verification import statement
from backoffice.repayment.services.autopay.claim_matching import match_claims
from backoffice.repayment.services.autopay.file_truth import Proof, prove_absent, prove_debited, prove_returned
from backoffice.repayment.services.autopay.settlement_files import (
    TakenIn,
    take_in_channel_file,
    take_in_payee_file,
)

AUTOMATIC: Final = {Outcome.SETTLE, Outcome.RETURN, Outcome.DECLINE}
ROUNDS: Final = 3
"""A debit that is settled by a file may have its return in the same file, which the next round finds."""
REFUSED: Final = "refused"
AFTER_TWICE: Final = "after_twice"


class DayNotFound(Refusal):
    """There is no such day of a rail or payee."""

    code = "repayment.reconciled_day_not_found"
    status = 404


class DayNotExplained(Refusal):
    """The day has differences nobody explained, or its file is not here."""

    code = "repayment.reconciled_day_not_explained"
    status = 409


@dataclass(frozen=True, slots=True)
class Row:
    """One movement that is not simply matched; amounts in major units."""

    order_no: str
    movement: str
    outcome: Outcome
    why: str
    command_id: int | None
    line_id: int | None
    ours: Decimal | None
    theirs: Decimal | None
    currency: str
    component: str = ""

    @property
    def key(self) -> tuple[str, str, str, str]:
        """What makes it one ticket."""
        return (self.order_no, self.movement, self.component, _kind(self).value)


@dataclass(frozen=True, slots=True)
class Found:
    """What a comparison found: movements to deal with; sums by movement, outcome and currency as JSON holds them."""

    rows: list[Row]
    totals: list[dict[str, Any]]


def receive_channel_file(*, rail: Rail, day: date, name: str, content: BinaryIO, actor: Actor) -> TakenIn:
    """Take a rail's file in and compare its day, and the days it decides. Raises SettlementRefused and its like."""
    taken = take_in_channel_file(rail=rail, day=day, name=name, content=content, actor=actor)
    compare_around(rail=rail, day=day, actor=actor)
    return taken


def receive_payee_file(*, payee: Payee, day: date, name: str, content: BinaryIO, actor: Actor) -> TakenIn:
    """Take a funder's or guarantor's file in and compare its day with our splits and claims."""
    taken = take_in_payee_file(payee=payee, day=day, name=name, content=content, actor=actor)
    compare_day(day_id=taken.day_id, actor=actor)
    return taken


def compare_around(*, rail: Rail, day: date, actor: Actor) -> None:
    """Compare the day of a new file, its neighbours, and the days whose tickets wait for it; the earliest first."""
    near = Q(day__range=(day - timedelta(days=1), day + timedelta(days=1)))
    waiting = Q(differences__due_on=day)
    # A rail need not write a file on every day: any later one decides what an earlier day waits for, or brings late.
    late = [DifferenceKind.CUT_OFF.value, DifferenceKind.SHORT.value]
    undecided = Q(day__lt=day, counts__waiting__gt=0) | Q(
        day__lt=day, differences__kind__in=late, differences__state=Difference.State.OPEN
    )
    days = ReconciledDay.objects.filter(near | waiting | undecided, rail=rail).order_by("day").distinct()
    for day_id in days.values_list("pk", flat=True):
        compare_day(day_id=day_id, actor=actor)


def compare_day(*, day_id: int, actor: Actor) -> ReconciledDay:
    """Compare a day, do what its file proves, open and end tickets. Safe to repeat. Raises DayNotFound."""
    reconciled = _found(day_id)
    file = file_of(reconciled)
    if file is None:
        return reconciled
    if reconciled.payee is not None:
        match_claims(file=file, actor=SYSTEM, at=clock.now())
    refused: dict[str, str] = {}
    for turns_left in range(ROUNDS, -1, -1):
        proven, reconciled = _compare_once(day_id=day_id, refused=refused, is_last=not turns_left, actor=actor)
        if not proven:
            break
        _carry_out(proven, refused=refused)
    return reconciled


@transaction.atomic
def _compare_once(
    *, day_id: int, refused: dict[str, str], is_last: bool, actor: Actor
) -> tuple[list[Row], ReconciledDay]:
    """What the file proves and is not done yet; when there is nothing of it, the day is written down as it stands.

    What is proven is done without the day's lock: it takes those of loans, one order at a time.
    """
    reconciled = locked_day(day_id)
    found = _compare(reconciled)
    proven = [row for row in found.rows if row.outcome in AUTOMATIC and row.order_no not in refused]
    if proven and not is_last:
        return proven, reconciled
    _write_down(reconciled, found, refused=refused, actor=actor)
    return [], reconciled


def close_day(*, day_id: int, reason: str, actor: Actor) -> ReconciledDay:
    """Close a day that has nothing unexplained left; it is compared once more first. Raises DayNotExplained."""
    compare_day(day_id=day_id, actor=actor)
    with transaction.atomic():
        reconciled = locked_day(day_id)
        if reconciled.state == ReconciledDay.State.CLOSED:
            return reconciled
        _check_explained(reconciled)
        reconciled.state, reconciled.closed_by = ReconciledDay.State.CLOSED, actor.name
        reconciled.closed_at = clock.now()
        reconciled.save(update_fields=["state", "closed_by", "closed_at"])
        _note(reconciled, verb="closed", actor=actor, reason=reason, after={"day": str(reconciled.day)})
    return reconciled


def _check_explained(reconciled: ReconciledDay) -> None:
    if file_of(reconciled) is None:
        raise DayNotExplained(
            _("The file of this day is not here yet."), next_step=_("Fetch or upload it; then the day is compared.")
        )
    unexplained, waiting = reconciled.counts.get("unexplained", 0), reconciled.counts.get("waiting", 0)
    if unexplained:
        raise DayNotExplained(
            _("Differences that nobody explained yet: %(count)d.") % {"count": unexplained},
            next_step=_("Resolve every open ticket of the day, then close it."),
        )
    if waiting:
        raise DayNotExplained(
            _("Debits of which nobody knows yet what became of them: %(count)d.") % {"count": waiting},
            next_step=_("Ask the rail about them, or wait for the file of the next day, which decides."),
        )


def _carry_out(rows: Sequence[Row], *, refused: dict[str, str]) -> None:
    """Do what the file proves, each in a transaction of its own; what is refused is kept by order, with why."""
    lines = SettlementLine.objects.in_bulk([row.line_id for row in rows if row.line_id])
    twice = set(
        Difference.objects.filter(
            kind=DifferenceKind.LONG.value,
            detail=Why.TWICE.value,
            order_no__in=[row.order_no for row in rows if row.outcome is Outcome.RETURN],
        ).values_list("order_no", flat=True)
    )
    for row in rows:
        if row.order_no in twice:
            # Debited twice and given back once: which of the two was given back, a person has to say.
            refused[row.order_no] = AFTER_TWICE
            continue
        try:
            _carry_out_one(row, line=lines.get(row.line_id or 0))
        except Refusal as refusal:
            refused[row.order_no] = f"{REFUSED} {refusal.code}"


def _carry_out_one(row: Row, *, line: SettlementLine | None) -> None:
    command_id = row.command_id or 0
    if line is None:
        prove_absent(command_id=command_id, actor=SYSTEM)
    elif row.outcome is Outcome.SETTLE:
        prove_debited(command_id=command_id, proof=proof_of(line), actor=SYSTEM)
    else:
        prove_returned(command_id=command_id, proof=proof_of(line), actor=SYSTEM)


def proof_of(line: SettlementLine) -> Proof:
    """What a line says of its order."""
    return Proof(at=line.at, amount=line.amount, currency=line.currency, code=line.code, reference=line.reference)


def _write_down(reconciled: ReconciledDay, found: Found, *, refused: dict[str, str], actor: Actor) -> None:
    """Bring the tickets and counts of a locked day in line with what was found."""
    differing = {
        row.key: row for row in found.rows if row.outcome in DIFFERENCES or row.component or row.outcome in AUTOMATIC
    }
    _update_tickets(reconciled, differing, refused=refused)
    reconciled.counts = {"totals": found.totals, "waiting": _in_flight(found), **_open_tickets(reconciled)}
    unexplained = reconciled.counts["unexplained"]
    reconciled.matched_at = clock.now()
    if reconciled.state == ReconciledDay.State.CLOSED and unexplained:
        reconciled.state, reconciled.closed_by, reconciled.closed_at = ReconciledDay.State.OPEN, "", None
        _note(reconciled, verb="reopened", actor=actor, after={"unexplained": unexplained})
    reconciled.save()


def _in_flight(found: Found) -> int:
    """Debits of the day of which nobody knows yet what became of them, whatever their tickets say."""
    ids = {row.command_id for row in found.rows if row.command_id is not None}
    return DebitCommand.objects.filter(pk__in=ids, state__in=[state.value for state in IN_FLIGHT]).count()


def recount(reconciled: ReconciledDay) -> None:
    """Bring the counts of a locked day in line with its tickets after one of them ended."""
    reconciled.counts = reconciled.counts | _open_tickets(reconciled)
    reconciled.save(update_fields=["counts"])


def _open_tickets(reconciled: ReconciledDay) -> dict[str, int]:
    kinds = [ticket.kind for ticket in reconciled.differences.filter(state=Difference.State.OPEN).only("kind")]
    explained = sum(kind in EXPLAINED for kind in kinds)
    expected = reconciled.differences.filter(resolution=Resolution.LATER.value).count()
    return {"unexplained": len(kinds) - explained, "explained": explained + expected}


def _update_tickets(
    reconciled: ReconciledDay, differing: dict[tuple[str, str, str, str], Row], *, refused: dict[str, str]
) -> None:
    known = {
        (ticket.order_no, ticket.movement, ticket.component, ticket.kind): ticket
        for ticket in reconciled.differences.select_for_update()
    }
    new = {key: row for key, row in differing.items() if key not in known}
    _open(reconciled, list(new.values()), refused=refused)
    changed = []
    for key, ticket in known.items():
        row = differing.get(key)
        if row is None and ticket.state == Difference.State.OPEN:
            changed.append(_cleared(ticket))
        elif row is None and ticket.resolution == Resolution.LATER:
            ticket.resolution = Resolution.CLEARED.value
            changed.append(ticket)
        elif row is not None and (ticket.state == Difference.State.OPEN or _opens_again(ticket, row, refused)):
            ticket.state, ticket.resolution, ticket.reason = Difference.State.OPEN, "", ""
            ticket.resolved_by, ticket.resolved_at, ticket.due_on = "", None, None
            ticket.paged_step = ""
            changed.append(_take_facts(ticket, row, refused))
    Difference.objects.bulk_update(
        changed,
        [
            "command", "line", "ours", "theirs", "currency", "detail", "state", "resolution", "reason", "resolved_by",
            "resolved_at", "due_on", "paged_step",
        ],
        batch_size=2_000,
    )  # fmt: skip


def _open(reconciled: ReconciledDay, rows: Sequence[Row], *, refused: dict[str, str]) -> None:
    """New tickets. One belongs to whoever has an open one of the same order; else to nobody until somebody takes it."""
    today = business_date()
    order_nos = [row.order_no for row in rows]
    owned = Difference.objects.filter(order_no__in=order_nos, state=Difference.State.OPEN, owner_id__isnull=False)
    owners = {ticket.order_no: ticket for ticket in owned.only("order_no", "owner_id", "owner_name").order_by("pk")}
    tickets = []
    for row in rows:
        ticket = Difference(reconciled_day=reconciled, opened_on=today, kind=_kind(row).value)
        if owner := owners.get(row.order_no):
            ticket.owner_id, ticket.owner_name = owner.owner_id, owner.owner_name
        tickets.append(_take_facts(ticket, row, refused))
    Difference.objects.bulk_create(tickets, batch_size=2_000)


def _opens_again(ticket: Difference, row: Row, refused: dict[str, str]) -> bool:
    """True when how it ended no longer explains it: it had cleared itself, the facts are others than those that were
    explained, or the file it was expected in is here or overdue."""
    if ticket.resolution in OPENED_AGAIN:
        return True
    explained = (ticket.ours, ticket.theirs, ticket.currency, ticket.detail)
    if explained != (row.ours, row.theirs, row.currency, _detail(row, refused)):
        return True
    if ticket.resolution != Resolution.LATER or ticket.due_on is None:
        return False
    is_here = file_of(ticket.reconciled_day, day=ticket.due_on) is not None
    return is_here or is_overdue(ticket.due_on, today=business_date())


def _detail(row: Row, refused: dict[str, str]) -> str:
    """The finer reason, or what our books refused of what the file proves."""
    return refused.get(row.order_no, row.why)[:300]


def _take_facts(ticket: Difference, row: Row, refused: dict[str, str]) -> Difference:
    ticket.order_no, ticket.movement, ticket.component = row.order_no, row.movement, row.component
    ticket.command_id, ticket.line_id = row.command_id, row.line_id
    ticket.ours, ticket.theirs, ticket.currency = row.ours, row.theirs, row.currency
    ticket.detail = _detail(row, refused)
    return ticket


def _cleared(ticket: Difference) -> Difference:
    ticket.state, ticket.resolution = Difference.State.RESOLVED, Resolution.CLEARED.value
    ticket.reason = phrase("The two records agree by now.")
    ticket.resolved_by, ticket.resolved_at = SYSTEM.name, clock.now()
    return ticket


def _kind(row: Row) -> DifferenceKind:
    """The ticket's kind; what a file proves and our books refused is a status that differs."""
    if row.component:
        return DifferenceKind.PAYEE
    return DifferenceKind.STATUS if row.outcome in AUTOMATIC else DifferenceKind(row.outcome.value)


def _compare(reconciled: ReconciledDay) -> Found:
    return _compare_payee(reconciled) if reconciled.rail is None else _compare_rail(reconciled, reconciled.rail)


def _compare_rail(reconciled: ReconciledDay, rail: Rail) -> Found:
    later = SettlementFile.objects.filter(rail=rail, day__gt=reconciled.day)
    rows = fetch(
        statement("match_settlement.sql"),
        {
            "rail": rail.pk,
            "day": reconciled.day,
            "cut_off": rail.cut_off,
            "zone": settings.LENDER_TIME_ZONE,
            "done": _done_codes(rail.scheme),
            "is_next_known": later.filter(day=reconciled.day + timedelta(days=1)).exists(),
            "is_later_known": later.exists(),
            "not_in_file": NOT_IN_FILE,
            "file_at": SettlementFile.objects.filter(rail=rail, day=reconciled.day).aggregate(at=Min("received_at"))[
                "at"
            ],
        },
    )
    found = Found(rows=[], totals=[])
    for kind, order_no, movement, outcome, why, command_id, line_id, asked, told, booked, currency, count in rows:
        if kind == "total":
            found.totals.append(_total(movement, outcome, currency, count, asked=asked, told=told, booked=booked))
            continue
        ours = booked if outcome in {Outcome.SHORT, Outcome.AMOUNT} and booked is not None else asked
        found.rows.append(Row(order_no, movement, Outcome(outcome), why, command_id, line_id, ours, told, currency))
    return found


def _done_codes(scheme: str) -> list[str]:
    """The codes of a scheme that say that money moved, those among them that read like a failure."""
    return [
        each.code
        for each in shipped_codes()
        if each.scheme == scheme and (each.family is Family.DONE or each.was_debited)
    ]


def _compare_payee(reconciled: ReconciledDay) -> Found:
    rows = fetch(statement("match_payee_file.sql"), {"payee": reconciled.payee_id, "day": reconciled.day})
    found = Found(rows=[], totals=[])
    for kind, order_no, component, movement, outcome, why, command_id, line_id, ours, theirs, currency, count in rows:
        if kind == "total":
            total = _total(movement, outcome, currency, count, asked=ours, told=theirs, booked=ours)
            found.totals.append(total | {"component": component})
            continue
        side = Outcome.LONG if ours is None else Outcome.SHORT if theirs is None else Outcome.AMOUNT
        found.rows.append(
            Row(order_no, movement, side, why, command_id, line_id, ours, theirs, currency, component=component)
        )
    return found


def _total(movement: str, outcome: str, currency: str, count: int, **sums: Decimal | None) -> dict[str, Any]:
    """One line of the summary as JSON holds it: amounts as decimal strings in major units."""
    return {
        "movement": movement,
        "outcome": outcome,
        "currency": currency,
        "count": count,
        **{name: str(amount or ZERO) for name, amount in sums.items()},
    }


def file_of(reconciled: ReconciledDay, *, day: date | None = None) -> SettlementFile | None:
    """The file of a day, or of another day of the same rail or payee; None while it is not here."""
    files = SettlementFile.objects.filter(rail=reconciled.rail, payee=reconciled.payee)
    return files.filter(day=day or reconciled.day).first()


def _found(day_id: int) -> ReconciledDay:
    reconciled = ReconciledDay.objects.select_related("rail", "payee").filter(pk=day_id).first()
    if reconciled is None:
        raise DayNotFound(_("There is no such day."), next_step=_("Open it from the list of days."))
    return reconciled


def locked_day(day_id: int) -> ReconciledDay:
    """The day under its lock, which is taken before those of its tickets and of loans. Raises DayNotFound."""
    _found(day_id)
    return ReconciledDay.objects.select_for_update(of=("self",)).select_related("rail", "payee").get(pk=day_id)


def _note(reconciled: ReconciledDay, *, verb: str, actor: Actor, after: dict[str, Any], reason: str = "") -> None:
    record(
        verb=f"repayment.settlement.{verb}",
        subject_type="repayment.reconciled_day",
        subject_id=reconciled.pk,
        actor=actor,
        reason=reason,
        after=after,
    )
