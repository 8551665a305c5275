"""Files that have to come: each rail and payee with something on a day has that day on the desk, file or no file.

A day whose file never comes stays open and is shown as overdue; what was expected in a file that did not come opens
again, and a day that waited for debits is compared again once they are known.
"""

from datetime import date, timedelta
from typing import Final

from django.db import transaction
from django.db.models import Exists, OuterRef

from backoffice.core.actors import Actor
from backoffice.repayment.domain.autopay.debit_states import IN_FLIGHT
from backoffice.repayment.domain.autopay.differences import LATE_AFTER, Resolution
from backoffice.repayment.models import DebitCommand, Difference, Payee, Rail, ReconciledDay, SettlementFile, SplitLine
from backoffice.repayment.services.autopay.reconciling import compare_day

SENDS: Final = timedelta(days=35)
"""A payee whose last file is not older than this sends files."""


@transaction.atomic
def expect_files(*, day: date) -> int:
    """Put a day on the desk for each rail that had orders on it, and each payee that sends files; gives how many."""
    left = DebitCommand.objects.filter(day=day, submitted_at__isnull=False)
    rails = Rail.objects.filter(pk__in=set(left.values_list("rail_id", flat=True).distinct()))
    sent = SettlementFile.objects.filter(payee=OuterRef("pk"), day__gte=day - SENDS, day__lt=day)
    split = SplitLine.objects.filter(payee=OuterRef("pk"), day=day)
    payees = Payee.objects.filter(Exists(sent), Exists(split))
    rows = [
        *(ReconciledDay(rail=rail, day=day) for rail in rails.order_by("pk")),
        *(ReconciledDay(payee=payee, day=day) for payee in payees.order_by("pk")),
    ]
    ReconciledDay.objects.bulk_create(rows, ignore_conflicts=True)
    return len(rows)


def compare_overdue(*, today: date, actor: Actor) -> int:
    """Compare the days with tickets that were expected in a file which never came; gives how many days."""
    came = SettlementFile.objects.filter(
        rail=OuterRef("reconciled_day__rail"), day=OuterRef("due_on"), rail__isnull=False
    )
    came_of_payee = SettlementFile.objects.filter(
        payee=OuterRef("reconciled_day__payee"), day=OuterRef("due_on"), payee__isnull=False
    )
    waiting = Difference.objects.filter(resolution=Resolution.LATER.value, due_on__lte=today - LATE_AFTER).exclude(
        Exists(came) | Exists(came_of_payee)
    )
    days = sorted(set(waiting.values_list("reconciled_day_id", flat=True)))
    for day_id in days:
        compare_day(day_id=day_id, actor=actor)
    return len(days)


def compare_known(*, actor: Actor) -> int:
    """Compare the open days that waited for debits of which it is known by now what became of them; gives how many."""
    days = ReconciledDay.objects.filter(state=ReconciledDay.State.OPEN, counts__waiting__gt=0, rail__isnull=False)
    known = [one for one in days.order_by("day", "pk") if _still_under_way(one) < one.counts["waiting"]]
    for one in known:
        compare_day(day_id=one.pk, actor=actor)
    return len(known)


def _still_under_way(reconciled: ReconciledDay) -> int:
    """At most so many debits of the rail can be what a day waits for."""
    in_flight = [state.value for state in IN_FLIGHT]
    return DebitCommand.objects.filter(
        rail=reconciled.rail, state__in=in_flight, day__lte=reconciled.day + timedelta(days=1)
    ).count()


def missing_days(*, rail: Rail, today: date) -> set[date]:
    """The past days of a rail that are open on the desk without their file, however old."""
    file = SettlementFile.objects.filter(rail=rail, day=OuterRef("day"))
    days = ReconciledDay.objects.filter(rail=rail, state=ReconciledDay.State.OPEN, day__lt=today).exclude(Exists(file))
    return set(days.values_list("day", flat=True))
