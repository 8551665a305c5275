"""A payment and a transfer at the same moment: whichever is first, the funder ends up with what it is owed, once."""

import threading
from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection, transaction

from backoffice.core.bulk import fetch
from backoffice.core.errors import Refusal
from backoffice.repayment.models import Claim, ClaimMove, ClaimReturn, Loan
from tests.repayment.autopay.claiming import (
    DAY,
    business_date_is,
    confirmed,
    late_loan,
    listed,
    pays,
    rule,
    the_claim,
    transferred,
)
from tests.repayment.factories import post

pytestmark = pytest.mark.django_db(transaction=True)
NEXT = DAY + timedelta(days=1)


@pytest.fixture
def claim() -> Claim:
    late_loan()
    listed(rule())
    return confirmed(the_claim())


def side_by_side(*deeds: Callable[[], Any]) -> list[Any]:
    """Each deed in a thread and a connection of its own; what came of each, a refusal as itself."""
    found: list[Any] = [None] * len(deeds)

    def run(place: int) -> None:
        try:
            found[place] = deeds[place]()
        except Refusal as refusal:
            found[place] = refusal
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=(place,)) for place in range(len(deeds))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    assert not any(thread.is_alive() for thread in threads)
    return found


def while_the_loan_is_locked(claim: Claim, *, first: Callable[[], Any], second: Callable[[], Any]) -> list[Any]:
    """`first` and then `second` wait for the loan, which is let go when both do: they come in that order."""
    found: list[Any] = []
    done = threading.Event()
    with transaction.atomic():
        Loan.objects.select_for_update(no_key=True).get(pk=claim.loan_id)
        runner = threading.Thread(
            target=lambda: (found.extend(side_by_side(_ready(first, 1), _ready(second, 2))), done.set())
        )
        STEPS.clear()
        runner.start()
        _wait_for_waiters(1)
        STEPS.append(2)
        _wait_for_waiters(2)
    runner.join(timeout=60)
    assert done.is_set()
    return found


STEPS: list[int] = []


def _ready(deed: Callable[[], Any], place: int) -> Callable[[], Any]:
    def run() -> Any:
        while place == 2 and 2 not in STEPS:
            threading.Event().wait(0.01)
        return deed()

    return run


def _wait_for_waiters(count: int) -> None:
    """Until so many connections of this database wait for a lock."""
    for _attempt in range(1_500):
        fetch("SELECT pg_stat_clear_snapshot() IS NULL")
        waiting = fetch(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
        )[0][0]
        if waiting >= count:
            return
        threading.Event().wait(0.01)
    raise AssertionError(count)


def test_the_payment_is_first_the_claim_stands_and_its_part_is_given_back(claim: Claim) -> None:
    business_date_is(NEXT)
    paid, done = while_the_loan_is_locked(
        claim,
        first=lambda: pays_next_day(claim),
        second=lambda: transferred(claim, day=NEXT),
    )
    assert paid
    assert done.state == "transferred"
    claim.refresh_from_db()
    assert (done.amount, done.overpaid) == (claim.amount, ClaimReturn.objects.get().amount)
    assert_once(claim)


def test_the_transfer_is_first_and_the_payment_is_the_guarantors(claim: Claim) -> None:
    business_date_is(NEXT)
    done, paid = while_the_loan_is_locked(
        claim,
        first=lambda: transferred(claim, day=NEXT),
        second=lambda: pays_next_day(claim),
    )
    assert (done.state, done.overpaid) == ("transferred", Decimal(0))
    claim.refresh_from_db()
    assert claim.booked_through is not None
    assert claim.booked_through < paid
    assert not ClaimReturn.objects.exists()
    assert_once(claim)


def test_a_payment_before_the_cut_off_that_is_first_drops_the_claim(claim: Claim) -> None:
    pays(claim, "1150.00", clock="12:00")
    two = side_by_side(lambda: transferred(claim), lambda: transferred(claim))
    assert sorted(getattr(each, "state", getattr(each, "code", "")) for each in two) == [
        "dropped",
        "repayment.claim_in_state",
    ]


def test_two_transfers_at_once_are_one(claim: Claim) -> None:
    two = side_by_side(lambda: transferred(claim), lambda: transferred(claim))
    assert sorted(getattr(each, "state", getattr(each, "code", "")) for each in two) == [
        "repayment.claim_in_state",
        "transferred",
    ]
    assert ClaimMove.objects.filter(cause="transferred").count() == 1


def test_two_confirmations_at_once_are_one() -> None:
    late_loan()
    listed(rule())
    candidate = the_claim()
    two = side_by_side(lambda: confirmed(candidate), lambda: confirmed(candidate))
    assert sorted(getattr(each, "state", getattr(each, "code", "")) for each in two) == [
        "confirmed",
        "repayment.claim_in_state",
    ]
    assert ClaimMove.objects.filter(cause="confirmed").count() == 1


def test_two_closes_at_once_list_once() -> None:
    late_loan()
    of = rule()
    assert sorted(done.listed for done in side_by_side(lambda: listed(of), lambda: listed(of))) == [0, 1]


def pays_next_day(claim: Claim) -> int:
    """The borrower pays a part at a counter, on the day after the cut-off."""
    return int(post(claim.loan_id, "300.00", NEXT))  # type: ignore[arg-type]


def assert_once(claim: Claim) -> None:
    """What the guarantor paid, less what it gets back, is what the borrower still owed when it paid."""
    back = sum((row.amount for row in ClaimReturn.objects.filter(claim=claim)), Decimal(0))
    bill = claim.loan.installments.get(number=claim.installment_number)
    owed_now = bill.principal - bill.principal_paid + bill.interest - bill.interest_paid
    paid_since = fetch(
        "SELECT coalesce(sum(amount), 0) FROM repayment_transfer WHERE loan_id = %s AND operation_id > %s "
        "AND debit = 'cash' AND component IN ('principal', 'interest')",
        [claim.loan_id, claim.booked_through],
    )[0][0]
    assert claim.amount - back == owed_now + paid_since
