"""A slot begins: the commands of its open bills are made, with their agreements, and the forecast is written down.

One transaction a batch: a slot killed while it is built is built again, and a slot is run once.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any, ClassVar, Final
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db import transaction
from django.utils.translation import gettext as _

from backoffice.audit.services import record
from backoffice.calendars.domain.business_day import OPEN
from backoffice.calendars.selectors import business_date, business_day
from backoffice.core.actors import SYSTEM, Actor
from backoffice.core.bulk import copy_rows, execute, fetch, next_ids
from backoffice.core.errors import Refusal
from backoffice.core.money import ZERO
from backoffice.repayment.domain.autopay.amounts import AmountRule
from backoffice.repayment.domain.autopay.configuration import MINUTES_OF_A_DAY, Configuration, Slot, parse
from backoffice.repayment.domain.autopay.debit_states import BillState, CommandState
from backoffice.repayment.domain.autopay.last_look import History, foreseen
from backoffice.repayment.domain.autopay.order_numbers import Purpose, order_number
from backoffice.repayment.models import AutopaySwitch, AutopayVersion, Breaker, DebitBatch, Rail
from backoffice.repayment.selectors.autopay.in_force import Ruling, is_debited_on, ruling_of, rulings_on
from backoffice.repayment.selectors.autopay.last_facts import rooms_of
from backoffice.repayment.selectors.verification import statement
from backoffice.repayment.services.autopay import commands
from backoffice.repayment.services.autopay.planning import settle_paid

# When the open bill that was tried longest ago was last tried.
FIRST_AGAIN: Final = """
SELECT min(tried.last) FROM (
    SELECT max(coalesce(command.answered_at, command.submitted_at)) AS last
    FROM repayment_debitbill bill JOIN repayment_debitcommand command ON command.bill_id = bill.id
    WHERE bill.version_id = %(version_id)s AND bill.day = %(day)s AND bill.state = 'open' GROUP BY bill.id
) tried
"""
COLUMNS: Final = (
    "id",
    "order_no",
    "purpose",
    "bill_id",
    "batch_id",
    "version_id",
    "loan_id",
    "borrower_id",
    "installment_number",
    "from_version",
    "attempt",
    "day",
    "mandate_id",
    "rail_id",
    "currency",
    "forecast",
    "amount",
    "state",
    "code",
    "family",
    "reference",
    "tries",
    "looks",
    "is_unplaced",
)
NO_MANDATE: Final = "no_mandate"
# Versions are few and bills many: each version is looked up, rather than all bills read for their versions.
PLANNED: Final = """
SELECT version.id FROM repayment_autopayversion version WHERE EXISTS (
    SELECT 1 FROM repayment_debitbill bill
    WHERE bill.version_id = version.id AND bill.day = %(day)s AND bill.state = 'open')
ORDER BY version.id
"""
# The next currency after the last one found, by the index; there are few.
CURRENCIES: Final = """
WITH RECURSIVE found AS (
    SELECT min(currency) AS currency FROM repayment_debitbill
    WHERE version_id = %(version_id)s AND day = %(day)s AND state = 'open'
    UNION ALL
    SELECT (SELECT min(bill.currency) FROM repayment_debitbill bill
            WHERE bill.version_id = %(version_id)s AND bill.day = %(day)s AND bill.state = 'open'
              AND bill.currency > found.currency)
    FROM found WHERE found.currency IS NOT NULL
)
SELECT currency FROM found WHERE currency IS NOT NULL ORDER BY currency
"""


class SlotNotKnown(Refusal):
    """The version has no such slot, or is not in force."""

    code: ClassVar[str] = "repayment.autopay_slot_not_known"
    status: ClassVar[int] = 404


class SlotRun(Refusal):
    """The slot of that day has begun already."""

    code: ClassVar[str] = "repayment.autopay_slot_run"
    status: ClassVar[int] = 409


class DayBeingClosed(Refusal):
    """No slot begins while a day is being closed: its bills may not all be planned yet."""

    code: ClassVar[str] = "repayment.autopay_day_closing"
    status: ClassVar[int] = 409


class NoDebitsToday(Refusal):
    """The day is closed or blacked out under the version, whatever was planned."""

    code: ClassVar[str] = "repayment.autopay_no_debits_today"
    status: ClassVar[int] = 409


class AutopayStopped(Refusal):
    """The switch is off: nothing is debited."""

    code: ClassVar[str] = "repayment.autopay_stopped"
    status: ClassVar[int] = 409


class NothingToTry(Refusal):
    """No open bill may be tried at this moment."""

    code: ClassVar[str] = "repayment.autopay_nothing_to_try"
    status: ClassVar[int] = 409


class AfterCutOff(Refusal):
    """What leaves now would count for the rails' next day."""

    code: ClassVar[str] = "repayment.autopay_after_cut_off"
    status: ClassVar[int] = 409


@dataclass(frozen=True, slots=True)
class Beginning:
    """A slot of a version whose time has come; `ends_at` is when no further command leaves."""

    version_id: int
    slot: Slot
    begins_at: datetime
    ends_at: datetime


def slots_due(*, at: datetime) -> list[Beginning]:
    """Slots of the business day that should have begun, are not over and have no batch, in order of their time."""
    now = business_day()
    if now.state != OPEN:
        return []  # a close is under way, and with it the planning of these very bills
    today = now.today
    planned = fetch(PLANNED, {"day": today})
    run = set(DebitBatch.objects.filter(day=today).values_list("version_id", "slot"))
    due: list[Beginning] = []
    versions = AutopayVersion.objects.select_related("configuration").filter(pk__in=[row[0] for row in planned])
    for version in versions:
        ruling = ruling_of(version)
        if not is_debited_on(today, ruling=ruling):
            continue  # a holiday that was declared after the day was planned
        last = _last_moment(ruling.configuration, day=today)
        for slot in ruling.configuration.slots:
            begins_at, ends_at = local_time(today, slot.at), min(local_time(today, slot.until), last)
            if begins_at <= at < ends_at and (version.pk, slot.id) not in run:
                due.append(Beginning(version.pk, slot, begins_at, ends_at))
    return sorted(due, key=lambda one: (one.begins_at, one.version_id))


def begin_slots(*, at: datetime) -> int:
    """Begin every slot whose time has come; gives how many commands were made. Nothing while the switch is off."""
    if AutopaySwitch.objects.filter(is_stopped=True).exists():
        return 0
    day = business_date()
    beginnings = slots_due(at=at)
    if beginnings:
        settle_paid(day=day)
    return sum(_build(beginning, day=day, actor=SYSTEM, reason="") for beginning in beginnings)


def begin_now(*, version_id: int, slot_id: str, at: datetime, reason: str, actor: Actor) -> int:
    """Begin a slot of the business day at once, by a person, for as long as it would last; gives how many commands.

    Nothing of it leaves after the cut-off of its rails: that would be of the rail's next day.
    One in which nothing may be tried does not begin, so that it can begin later. Raises SlotNotKnown, SlotRun,
    AutopayStopped, DayBeingClosed, NoDebitsToday, AfterCutOff, NothingToTry.
    """
    if AutopaySwitch.objects.filter(is_stopped=True).exists():
        raise AutopayStopped(_("All debits are stopped."), next_step=_("Turn autopay on again first."))
    ruling = _in_force(version_id)
    slot = ruling.configuration.slot(slot_id) if ruling else None
    if ruling is None or slot is None:
        raise SlotNotKnown(_("There is no such slot."), next_step=_("Look at the configuration in force."))
    now = business_day()
    if now.state != OPEN:
        raise DayBeingClosed(
            _("The day is being closed."), next_step=_("Begin the slot once the debits of the next day are planned.")
        )
    day = now.today
    if DebitBatch.objects.filter(day=day, version_id=version_id, slot=slot_id).exists():
        raise SlotRun(_("This slot has begun already today."), next_step=_("Look at its batch."))
    if not is_debited_on(day, ruling=ruling):
        raise NoDebitsToday(
            _("Nothing is debited today under this configuration: it is a holiday, or a day without debits."),
            next_step=_("Wait for the next day on which debits are made."),
        )
    last = _last_moment(ruling.configuration, day=day)
    if at >= last:
        raise AfterCutOff(
            _("The cut-off of its rails was at %(time)s.") % {"time": f"{last:%H:%M}"},
            next_step=_("Leave it to the slots of tomorrow."),
        )
    beginning = Beginning(version_id, slot, at, min(at + timedelta(minutes=slot.until - slot.at), last))
    settle_paid(day=day)
    with transaction.atomic():
        made = _build(beginning, day=day, actor=actor, reason=reason)
        if not made:
            raise NothingToTry(_("No bill may be tried at this moment."), next_step=_when_again(ruling, day=day))
    return made


def _when_again(ruling: Ruling, *, day: date) -> str:
    """When the first of the open bills may be tried again, in words."""
    ((last,),) = fetch(FIRST_AGAIN, {"version_id": ruling.version_id, "day": day})
    if last is None or not ruling.configuration.min_gap:
        return _("The open bills were tried as often as a day allows, or have no agreement.")
    again = (last + ruling.configuration.min_gap).astimezone(ZoneInfo(settings.LENDER_TIME_ZONE))
    return _("Begin it from %(time)s on: the first bill that was refused may be tried again then.") % {
        "time": f"{again:%H:%M}"
    }


def _in_force(version_id: int) -> Ruling | None:
    """The version as it rules, if it does on the business date."""
    return next((ruling for ruling in rulings_on(business_date()) if ruling.version_id == version_id), None)


def local_time(day: date, minute: int) -> datetime:
    """A minute of a day in the lender's zone."""
    return datetime.combine(day, time(minute // 60, minute % 60), tzinfo=ZoneInfo(settings.LENDER_TIME_ZONE))


def _last_moment(configuration: Configuration, *, day: date) -> datetime:
    """When the first of a version's rails closes or has its cut-off: later nothing of a batch leaves."""
    rails = Rail.objects.filter(code__in=configuration.rails).values_list("closes", "cut_off")
    minutes = [at.hour * 60 + at.minute for times in rails for at in times]
    return local_time(day, min(minutes, default=MINUTES_OF_A_DAY - 1))


@transaction.atomic
def _build(beginning: Beginning, *, day: date, actor: Actor, reason: str) -> int:
    """The batches of a slot, one for each currency; nothing when another worker has built them meanwhile."""
    version = AutopayVersion.objects.select_for_update(no_key=True).get(pk=beginning.version_id)
    made = 0
    for currency in _currencies(version_id=version.pk, day=day):
        batch, is_new = DebitBatch.objects.get_or_create(
            day=day,
            version_id=version.pk,
            slot=beginning.slot.id,
            currency=currency,
            defaults={"begins_at": beginning.begins_at, "ends_at": beginning.ends_at},
        )
        if is_new:
            made += _fill(batch, configuration=parse(version.content), at=beginning.begins_at)
            record(
                verb="repayment.debit_batch.begun",
                subject_type="repayment.debit_batch",
                subject_id=batch.pk,
                actor=actor,
                reason=reason,
                after={"slot": batch.slot, "commands": batch.commands, "forecast": str(batch.forecast)},
            )
    return made


def _currencies(*, version_id: int, day: date) -> list[str]:
    return [row[0] for row in fetch(CURRENCIES, {"version_id": version_id, "day": day})]


def _fill(batch: DebitBatch, *, configuration: Configuration, at: datetime) -> int:
    rows = fetch(
        statement("commands_to_build.sql"),
        {
            "version_id": batch.version_id,
            "day": batch.day,
            "currency": batch.currency,
            "most": configuration.attempts_per_day,
            "quiet_since": at - configuration.min_gap,
            "rails": list(configuration.rails),
            "order": configuration.mandate_order.value,
            "each": configuration.amount == AmountRule.CURRENT_ONLY,
        },
    )
    without = [row[0] for row in rows if row[7] is None]
    if without:
        commands.lock_bills(without)
        execute(
            "UPDATE repayment_debitbill SET state = %s, stopped_by = %s WHERE id = ANY(%s) AND state = 'open'",
            [BillState.STOPPED.value, NO_MANDATE, without],
        )
    rows = [row for row in rows if row[7] is not None]
    amounts = _foreseen(rows, batch=batch, configuration=configuration)
    forecast = sum(amounts, ZERO)
    copy_rows(
        table="repayment_debitcommand",
        columns=COLUMNS,
        rows=(
            _row(row, key=key, amount=amount, batch=batch)
            for row, amount, key in zip(
                rows, amounts, next_ids(table="repayment_debitcommand", count=len(rows)), strict=True
            )
        ),
    )
    batch.commands, batch.forecast = len(rows), forecast
    batch.state = DebitBatch.State.RUNNING if _may_run(batch) else DebitBatch.State.STOPPED
    batch.save(update_fields=["commands", "forecast", "state"])
    return len(rows)


def _foreseen(rows: Sequence[tuple[Any, ...]], *, batch: DebitBatch, configuration: Configuration) -> list[Decimal]:
    """What each command is expected to ask for; what is asked for in the end is computed when it leaves."""
    rooms = rooms_of(mandate_ids={row[7] for row in rows}, day=batch.day)
    return [
        foreseen(
            left,
            overdue=overdue,
            held=held,
            history=History(
                currency=batch.currency,
                planned=planned,
                tries_without_funds=without_funds,
                tries_over_limit=over_limit,
                allows_partial=allows_partial,
            ),
            room=rooms[mandate_id],
            configuration=configuration,
        )
        for *_bill, left, mandate_id, _rail, planned, without_funds, over_limit, overdue, held, allows_partial in rows
    ]


def _row(row: tuple[Any, ...], *, key: int, amount: Decimal, batch: DebitBatch) -> tuple[Any, ...]:
    bill_id, loan_id, borrower_id, number, version, attempt, _left, mandate_id, rail_id, *_for_forecast = row
    return values_of_command(
        key=key,
        order_no=order_number(
            loan_id=loan_id, bill_number=number, version=version, purpose=Purpose.DEBIT, attempt=attempt
        ),
        purpose=Purpose.DEBIT,
        bill_id=bill_id,
        batch_id=batch.pk,
        version_id=batch.version_id,
        loan_id=loan_id,
        borrower_id=borrower_id,
        installment_number=number,
        from_version=version,
        attempt=attempt,
        day=batch.day,
        mandate_id=mandate_id,
        rail_id=rail_id,
        currency=batch.currency,
        amount=amount,
    )


def values_of_command(
    *,
    key: int,
    order_no: str,
    purpose: Purpose,
    bill_id: int | None,
    batch_id: int | None,
    version_id: int | None,
    loan_id: int,
    borrower_id: int,
    installment_number: int,
    from_version: int,
    attempt: int,
    day: date,
    mandate_id: int,
    rail_id: int,
    currency: str,
    amount: Decimal,
) -> tuple[Any, ...]:
    """A command that is planned, in the order of `COLUMNS`; `amount` (major units) is its forecast."""
    return (
        key,
        order_no,
        purpose.value,
        bill_id,
        batch_id,
        version_id,
        loan_id,
        borrower_id,
        installment_number,
        from_version,
        attempt,
        day,
        mandate_id,
        rail_id,
        currency,
        amount,
        amount,
        CommandState.PLANNED.value,
        "",
        "",
        "",
        0,
        0,
        False,
    )


def _may_run(batch: DebitBatch) -> bool:
    """Not while a breaker is open that an earlier batch of the version opened, today or before."""
    return not Breaker.objects.filter(closed_at__isnull=True, batch__version_id=batch.version_id).exists()
