"""The plug is pulled twenty times during a day end and twenty times while a file is posted: the books are the same."""

import io
import random
from datetime import date, timedelta

import pytest
from celery import Celery
from django.core.management import call_command
from django.db import connection

from backoffice.calendars.selectors import business_date, business_day
from backoffice.calendars.services import open_first_day
from backoffice.config.services import valkey
from backoffice.core.actors import SYSTEM
from backoffice.core.bulk import fetch
from backoffice.dayend.models import DayEndRange, DayEndRun, SetAside
from backoffice.repayment.models import PaymentFile
from backoffice.repayment.services.opening import Opening, PastOperation, open_and_replay
from backoffice.repayment.services.payment_files import receive_file
from tests.repayment.cases import D, terms
from tests.repayment.factories import PORTFOLIO, borrower, differences, drifts, whole_book
from tests.repayment.killing import Mother, Worker

pytestmark = [pytest.mark.slow, pytest.mark.django_db(transaction=True)]

KILLS = 20
MORNING = date(2026, 2, 25)
THROUGH = date(2026, 3, 3)  # seven days, a month end among them
LOANS = 240
EMPTIED = (
    "repayment_loan, repayment_operation, repayment_transfer, repayment_bucketmove, repayment_monthend, "
    "repayment_installment, repayment_scheduleversion, repayment_paymentfile, repayment_paymentfileline, "
    "repayment_paymentfilelane, "
    "dayend_dayendrun, dayend_setaside, calendars_businessday, calendars_businessdaymove, customers_borrower, "
    "audit_auditentry, audit_outboxevent"
)


def open_book():
    """The same book every time: every day of the month falls due for some, a third pays, some hold a surplus."""
    open_first_day(day=MORNING, actor=SYSTEM)
    owner = borrower().pk
    openings = []
    for number in range(LOANS):
        disbursed_on = date(2025, 11, 26) + timedelta(days=number % 60)
        paid = [
            PastOperation(
                kind="payment",
                value_date=disbursed_on + timedelta(days=29 + 31 * turn),
                amount=D("95.00") + turn * 7,
                external_id=f"old-{number}-{turn}",
            )
            for turn in range(number % 3)
            if disbursed_on + timedelta(days=29 + 31 * turn) < MORNING
        ]
        openings.append(
            Opening(
                external_id=f"K{number:03d}",
                portfolio=PORTFOLIO,
                borrower_id=owner,
                terms=terms(),
                principal=D("1000.00"),
                disbursed_on=disbursed_on,
                history=tuple(paid),
            )
        )
    open_and_replay(loans=openings, business_date=MORNING, actor=SYSTEM)


def start_over():
    """The same book again, as if nothing had happened."""
    with connection.cursor() as cursor:
        cursor.execute(f"TRUNCATE {EMPTIED} CASCADE")
    open_book()


def killed_often(mother, work, *, statements, **order):
    """Start the work twenty times and kill it at a random point each time, never so late that it could end."""
    points = random.Random(20260225)
    return sum(
        mother.run(work, kill_at=points.randint(1, statements // (KILLS + 5)), **order).was_killed for _ in range(KILLS)
    )


def test_a_day_end_killed_twenty_times_ends_with_the_same_books():
    with Mother() as mother:
        order = {"through": THROUGH.isoformat(), "due_per_range": 12}
        open_book()
        statements = mother.run("day_end", **order).statements
        undisturbed = whole_book()
        assert business_date() == date(2026, 3, 4)

        start_over()
        killed = killed_often(mother, "day_end", statements=statements, **order)
        mother.run("day_end", **order)
    assert killed == KILLS
    assert business_date() == date(2026, 3, 4)
    assert differences(whole_book(), undisturbed) == {}
    assert set(DayEndRun.objects.values_list("state", flat=True)) == {"done"}
    assert not DayEndRange.objects.filter(is_done=False).exists()
    assert not SetAside.objects.exists()
    assert drifts(date(2026, 3, 4)) == []
    # A loan ages once a night at most, whatever was killed and begun again.
    twice = 'SELECT loan_id, "on" FROM repayment_bucketmove GROUP BY 1, 2 HAVING count(*) > 1'
    assert fetch(twice) == []


def ranges_done():
    return DayEndRange.objects.filter(is_done=True).count()


def wait_until(happened):
    """Returns once it has; fails after a minute and a half."""
    for _ in range(1_800):
        if happened():
            return
        fetch("SELECT pg_sleep(0.05)")
    pytest.fail("it never happened")


@pytest.fixture
def queue(tmp_path):
    """A queue of the test's own, and a way to send tasks to it."""
    server = valkey.Server(data=tmp_path / "valkey")
    valkey.start(server=server)
    yield Celery(broker=server.broker_url)
    valkey.stop(server=server)


def test_a_worker_killed_during_a_day_end_is_taken_over_by_the_next_one(queue):
    with Mother() as mother:
        open_book()
        mother.run("day_end", through=THROUGH.isoformat(), due_per_range=4)
    undisturbed = whole_book()

    start_over()
    moments = random.Random(3)
    queue.send_task("dayend.close_days", kwargs={"through": THROUGH.isoformat()})
    for _ in range(3):
        target = ranges_done() + moments.randint(2, 20)
        with Worker(broker_url=queue.conf.broker_url):
            queue.send_task("dayend.sweep")
            wait_until(lambda target=target: ranges_done() >= target)
        assert business_day().today <= THROUGH
    with Worker(broker_url=queue.conf.broker_url):
        queue.send_task("dayend.sweep")
        wait_until(lambda: business_day().today == THROUGH + timedelta(days=1))
    assert differences(whole_book(), undisturbed) == {}
    assert not SetAside.objects.exists()
    assert drifts(THROUGH + timedelta(days=1)) == []


def payments():
    """A file of 900 lines: on time, late, for the past, twice, too much, for nobody, and nonsense."""
    lines = ["loan,amount,currency,value_date,external_id"]
    for number in range(900):
        loan = f"K{number * 7 % LOANS:03d}"
        value_date = MORNING - timedelta(days=number % 40)
        match number % 50:
            case 17:
                lines.append(f"nobody,10.00,CNY,{value_date},x{number}")
            case 23:
                lines.append(f"{loan},-5.00,CNY,{value_date},x{number}")
            case 31:
                lines.append(f"K{(number - 1) * 7 % LOANS:03d},12.00,CNY,{value_date},p{number - 1}")
            case 44:
                lines.append(f"{loan},5000.00,CNY,{value_date},p{number}")
            case _:
                lines.append(f"{loan},{20 + number % 90}.{number % 100:02d},CNY,{value_date},p{number}")
    return io.BytesIO("".join(f"{line}\n" for line in lines).encode())


def facts_of_the_file():
    file = PaymentFile.objects.get()
    refused = file.refused_lines.order_by("line").values_list("line", "code")
    return file.state, file.posted_through, file.posted_count, file.posted_sums, file.refused_count, list(refused)


def test_a_file_posting_killed_twenty_times_ends_with_the_same_books(tmp_path, settings):
    settings.MEDIA_ROOT = tmp_path
    with Mother(MEDIA_ROOT=str(tmp_path)) as mother:

        def receive():
            return {
                "file_id": receive_file(
                    name="march.csv", content=payments(), source="bank", actor=SYSTEM, is_confirmed=True
                ).pk,
                "chunk": 12,
            }

        open_book()
        order = receive()
        statements = mother.run("post_file", **order).statements
        undisturbed, file = whole_book(), facts_of_the_file()
        assert (file[0], file[1]) == ("partly", 901)
        assert file[2] + file[4] == 900

        start_over()
        order = receive()
        killed = killed_often(mother, "post_file", statements=statements, **order)
        mother.run("post_file", **order)
    assert killed == KILLS
    assert facts_of_the_file() == file
    assert differences(whole_book(), undisturbed) == {}
    assert drifts(MORNING) == []
    call_command("verify_books", quiet=True)
