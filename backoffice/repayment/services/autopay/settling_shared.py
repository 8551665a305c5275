"""What settling answers and settling returns have in common: locks in order, a day, the alarm of what fails."""

from collections.abc import Iterable
from datetime import date, datetime
from typing import Final

from django.db import InterfaceError, OperationalError

from backoffice.calendars.services import hold_business_date
from backoffice.repayment.domain.autopay.breakers import BreakerKind, Tripped
from backoffice.repayment.domain.autopay.codes import Family
from backoffice.repayment.domain.autopay.outcomes import BillAfter, next_month
from backoffice.repayment.models import DebitBatch
from backoffice.repayment.services.autopay import breaking, commands
from backoffice.repayment.services.autopay.commands import Row
from backoffice.repayment.services.autopay.debit_stops import Aftermath

SOURCE: Final = "autopay"
"""Orders are booked under this source with their order number: each at most once, however often it is told."""
TRANSIENT: Final = (OperationalError, InterfaceError)
"""A lock or a connection that was lost: nothing is wrong with what was to be written, and it is tried again."""


def lock_for_settling(command_ids: Iterable[int]) -> date:
    """The locks that settling takes, in their order; gives the business date, which is held."""
    today = hold_business_date(at_least=date.min)
    glimpse = commands.read(ids=command_ids, lock=False)
    commands.lock_batches(row.batch_id for row in glimpse.values())
    commands.lock_loans(row.loan_id for row in glimpse.values())
    return today


def alarm_unbooked(row: Row, *, why: str, at: datetime) -> None:
    """The breaker of what could not be booked, which stops the batch: it goes wrong with the next one too."""
    batch = DebitBatch.objects.get(pk=row.batch_id) if row.batch_id else None
    tripped = Tripped(BreakerKind.UNBOOKED, f"{row.amount:f} {row.currency}", "", f"{row.order_no}: {why}")
    breaking.open_breaker(tripped=tripped, batch=batch, command_id=row.id, at=at)


def aftermath_of(row: Row, after: BillAfter, *, code: str, family: Family | None) -> Aftermath:
    """What outlives the day of a refusal or return."""
    return Aftermath(
        row=row,
        code=code,
        family=family,
        suspend_mandate=after.suspend_mandate,
        stop_loan=after.stop_loan,
        until=next_month(row.day) if after.until_next_month else None,
    )
