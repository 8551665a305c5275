"""What the repayment app does in the background: each task takes ids, is safe to run twice and calls one service."""

from datetime import date, timedelta

from celery import shared_task
from django.db.models import Q

from backoffice.calendars import clock
from backoffice.calendars.selectors import business_date
from backoffice.core.actors import SYSTEM
from backoffice.customers.domain.holds import CLOCKS
from backoffice.repayment.models import PaymentFile
from backoffice.repayment.services.autopay import (
    building,
    fetching_settlements,
    paging,
    paging_differences,
    resolving,
    submitting,
    taking_files,
    version_paging,
)
from backoffice.repayment.services.autopay.mandate_telling import tell_while_due
from backoffice.repayment.services.autopay.simulating import run_simulation
from backoffice.repayment.services.autopay.telling import tell_known, tell_returned
from backoffice.repayment.services.holds import replay_loans_of_borrowers, replay_loans_of_bulk
from backoffice.repayment.services.payment_files import post_file
from backoffice.repayment.services.reminders import put_right
from backoffice.repayment.tape import runs

IMPORT_SECONDS = 60.0
DEBIT_SECONDS = 8.0
RAIL_SECONDS = 25.0
TIME_TO_READ = timedelta(minutes=10)


@shared_task(name="repayment.post_payment_file", acks_late=True)
def post_payment_file(*, file_id: int) -> None:
    """Read a file of payments, or post what is left of it."""
    post_file(file_id=file_id, actor=SYSTEM)


@shared_task(name="repayment.take_up_payment_files")
def take_up_payment_files() -> None:
    """Hand out files whose reading or posting was cut off; chunks in other hands are passed over by lock and mark.

    A file that came in within the last minutes is still being read by whoever took it.
    """
    posting = Q(state=PaymentFile.State.POSTING)
    forgotten = Q(state=PaymentFile.State.RECEIVED, created_at__lt=clock.now() - TIME_TO_READ)
    for file_id in PaymentFile.objects.filter(posting | forgotten).values_list("pk", flat=True):
        post_payment_file.delay(file_id=file_id)


@shared_task(name="repayment.check_import", acks_late=True)
def check_import(*, run_id: int) -> None:
    """Judge a tape that was received; nothing is loaded by it."""
    runs.check(run_id=run_id)


@shared_task(name="repayment.load_import", acks_late=True)
def load_import(*, run_id: int) -> None:
    """Load an accepted tape for about a minute, and hand on what is left of it."""
    if not runs.load_some(run_id=run_id, seconds=IMPORT_SECONDS):
        load_import.delay(run_id=run_id)


@shared_task(name="repayment.take_up_imports")
def take_up_imports() -> None:
    """Hand out imports that nobody has touched for minutes: the worker that had them was killed."""
    for run_id, is_loading in runs.left_behind():
        (load_import if is_loading else check_import).delay(run_id=run_id)


@shared_task(name="repayment.discard_forgotten_imports")
def discard_forgotten_imports() -> None:
    """Delete what tapes hold that nobody decided on for weeks."""
    runs.discard_forgotten()


@shared_task(name="repayment.simulate_autopay", acks_late=True)
def simulate_autopay(*, simulation_id: int) -> None:
    """Run a version of an autopay configuration beside the one in force."""
    run_simulation(simulation_id=simulation_id)


@shared_task(name="repayment.follow_bulk_hold", acks_late=True)
def follow_bulk_hold(*, bulk_id: int, scopes: list[str], first_borrower_id: int, last_borrower_id: int) -> None:
    """A hold on many was placed or lifted: bring the loans of a range of its borrowers in line."""
    if CLOCKS & set(scopes):
        replay_loans_of_bulk(bulk_id=bulk_id, first_borrower_id=first_borrower_id, last_borrower_id=last_borrower_id)


@shared_task(name="repayment.follow_merge")
def follow_merge(*, survivor_id: int, absorbed_id: int) -> None:
    """Two records became one, or two again: the holds that bear on their loans may have changed."""
    replay_loans_of_borrowers(borrower_ids=[survivor_id, absorbed_id])


@shared_task(name="repayment.look_again", acks_late=True)
def look_again(*, loan_id: int) -> None:
    """A message about a bill came back to the queue: stop or correct it, and let it go on."""
    put_right(loan_ids=[loan_id])


@shared_task(name="repayment.begin_debits")
def begin_debits() -> int:
    """Begin the slots whose time has come; gives how many commands were made."""
    return building.begin_slots(at=clock.now())


@shared_task(name="repayment.submit_debits", acks_late=True)
def submit_debits() -> int:
    """Let commands out, for some seconds at a time, so that other work gets its turn; gives how many left."""
    return submitting.submit_while_due(clock=clock.now, seconds=DEBIT_SECONDS)


@shared_task(name="repayment.exchange_files", acks_late=True)
def exchange_files() -> None:
    """Put the files that wait, and take what banks have written on file rails."""
    taking_files.exchange(clock=clock.now)


@shared_task(name="repayment.fetch_settlements", acks_late=True)
def fetch_settlements() -> int:
    """Fetch the settlement files of past days that are not here yet, and compare their days; gives how many came."""
    return fetching_settlements.fetch_settlements(today=business_date())


@shared_task(name="repayment.resolve_debits", acks_late=True)
def resolve_debits() -> int:
    """Give up leases that ran out, and ask rails about what nobody knows; gives how many were looked at."""
    return resolving.resolve(clock=clock.now)


@shared_task(name="repayment.page_owners", acks_late=True)
def page_owners(*, breaker_id: int | None = None) -> int:
    """Page those who may close a breaker that opened, or every one that is open and nobody was paged of lately."""
    return paging.page_owners(at=clock.now(), breaker_id=breaker_id)


@shared_task(name="repayment.page_old_differences", acks_late=True)
def page_old_differences() -> int:
    """Page about the differences that went up a step by their age; gives how many did."""
    return paging_differences.page_old_differences(today=business_date())


@shared_task(
    name="repayment.page_publishers",
    acks_late=True,
    autoretry_for=(version_paging.MailServerAway,),
    retry_backoff=60,
    retry_backoff_max=1_800,
    max_retries=20,
)
def page_publishers(*, version_id: int, why: str, day: str) -> int:
    """Page those who may publish a version that it needs people; gives how many."""
    return version_paging.page_publishers(version_id=version_id, why=why, day=date.fromisoformat(day))


@shared_task(name="repayment.tell_rails")
def tell_rails() -> None:
    """Tell rails about the agreements they do not know yet as they stand here."""
    tell_while_due(clock=clock.now, seconds=RAIL_SECONDS)


@shared_task(name="repayment.tell_of_debits", acks_late=True)
def tell_of_debits(*, command_ids: list[int]) -> None:
    """Borrowers are told what became of their debits, as the configuration says."""
    tell_known(command_ids=command_ids, at=clock.now())


@shared_task(name="repayment.tell_of_return", acks_late=True)
def tell_of_return(*, command_id: int, code: str) -> None:
    """A borrower is told that a debit was taken back; `code` says why and is for people to look at."""
    tell_returned(command_ids=[command_id], at=clock.now())
