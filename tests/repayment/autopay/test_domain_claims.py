"""Laws of 代偿: what is claimed when, what a payment leaves of it, what a cap has room for, how a claim may move."""

from datetime import date, datetime, time, timedelta
from decimal import Decimal
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backoffice.repayment.domain.autopay.claim_states import (
    MOVES,
    RULE_MOVES,
    STANDING,
    ClaimState,
    DroppedBecause,
    RuleState,
    may_move,
    rule_may_move,
)
from backoffice.repayment.domain.autopay.claims import (
    Amounts,
    ClaimKind,
    ClaimTerms,
    after_payments,
    cap_of,
    is_late,
    rate_of,
    summed,
    within_cap,
)
from backoffice.repayment.domain.autopay.order_numbers import LONGEST, claim_number

DAY = date(2026, 2, 25)
TERMS = ClaimTerms(
    kind=ClaimKind.PER_INSTALMENT,
    trigger_dpd=10,
    with_penalty=False,
    cap_share=Decimal("0.1"),
    cut_off=time(18),
    effective_from=date(2026, 2, 1),
    effective_to=date(2026, 3, 1),
)
cents = st.integers(0, 10_000_000).map(lambda number: Decimal(number).scaleb(-2))
amounts = st.builds(Amounts, cents, cents, cents)


@pytest.mark.parametrize(
    ("due", "day", "is_claimed"),
    [
        (date(2026, 2, 15), date(2026, 2, 24), False),
        (date(2026, 2, 15), date(2026, 2, 25), True),
        (date(2026, 2, 15), date(2026, 2, 28), True),
        # Its day was before the rule held, or would be after it ended.
        (date(2026, 1, 21), date(2026, 2, 25), False),
        (date(2026, 1, 22), date(2026, 2, 25), True),
        (date(2026, 2, 19), date(2026, 3, 5), False),
    ],
)
def test_a_bill_is_claimed_from_its_day_on_when_the_rule_held_then(due: date, day: date, is_claimed: bool) -> None:
    assert TERMS.claims_on(due, day=day) is is_claimed


@given(claimed=amounts, owed=amounts, late=amounts)
def test_what_is_kept_is_what_was_claimed_and_is_still_owed(claimed: Amounts, owed: Amounts, late: Amounts) -> None:
    after = after_payments(claimed, owed_now=owed, paid_late=late)
    kept = after.stands - after.overpaid
    assert kept == after.stands.at_most(owed)
    assert after.stands == after.stands.at_most(claimed)
    assert after.overpaid == after.overpaid.at_most(late)
    assert kept.total + after.overpaid.total == after.stands.total


@given(claimed=amounts, early=amounts, late=amounts)
def test_a_payment_before_the_cut_off_shrinks_and_one_after_it_is_given_back(
    claimed: Amounts, early: Amounts, late: Amounts
) -> None:
    early = early.at_most(claimed)
    late = late.at_most(claimed - early)
    after = after_payments(claimed, owed_now=claimed - early - late, paid_late=late)
    assert after.stands == claimed - early
    assert after.overpaid == late


@given(sums=st.lists(cents, max_size=20), room=cents)
def test_what_the_cap_takes_never_exceeds_it_and_what_it_leaves_did_not_fit(sums: list[Decimal], room: Decimal) -> None:
    taken = within_cap(sums, room=room)
    used = Decimal(0)
    for amount, is_in in zip(sums, taken, strict=True):
        assert is_in is (used + amount <= room)
        used += amount if is_in else 0
    assert used <= room


def test_a_cap_is_rounded_down_to_the_unit_of_its_currency() -> None:
    assert cap_of(pool=Decimal("100.01"), cap_share=Decimal("0.15"), currency="CNY") == Decimal("15.00")
    assert cap_of(pool=Decimal(1009), cap_share=Decimal("0.1"), currency="JPY") == Decimal(100)


@pytest.mark.parametrize(
    ("received_on", "clock", "late"),
    [
        (DAY - timedelta(days=1), "23:59", False),
        (DAY, "18:00", False),
        (DAY, "18:01", True),
        (DAY + timedelta(days=1), "00:01", True),
    ],
)
def test_money_is_late_after_the_cut_off_of_the_day(received_on: date, clock: str, late: bool) -> None:
    moment = datetime.combine(received_on, time.fromisoformat(clock))
    assert is_late(received_on=received_on, moment=moment, day=DAY, cut_off=time(18)) is late


def test_a_rate_of_nothing_is_no_rate() -> None:
    assert rate_of(Decimal(3), whole=Decimal(12)) == Decimal("0.25")
    assert rate_of(Decimal(3), whole=Decimal(0)) is None
    assert summed([]) == Amounts()


def test_what_was_declined_or_is_anothers_is_never_listed_again() -> None:
    for because in DroppedBecause:
        is_again = may_move(current=ClaimState.DROPPED, to=ClaimState.CANDIDATE, because=because)
        assert is_again is (because in {DroppedBecause.CAP, DroppedBecause.PAID})


def test_every_state_has_its_moves_and_a_paid_claim_cannot_be_dropped() -> None:
    assert set(MOVES) == set(ClaimState)
    assert set(RULE_MOVES) == set(RuleState)
    assert ClaimState.DROPPED not in STANDING
    for state in (ClaimState.TRANSFERRED, ClaimState.MATCHED):
        assert not may_move(current=state, to=ClaimState.DROPPED)
    assert not rule_may_move(current=RuleState.DRAFT, to=RuleState.APPROVED)


def test_claims_have_numbers_of_their_own_that_fit_every_file() -> None:
    parts = list(product((1, 36), (1, 2**40), (0, 7), (1, 9), (DAY, DAY + timedelta(days=1))))
    numbers = {
        claim_number(rule_id=rule, loan_id=loan, bill_number=bill, version=version, day=day)
        for rule, loan, bill, version, day in parts
    }
    assert len(numbers) == len(parts)
    assert max(map(len, numbers)) <= LONGEST
