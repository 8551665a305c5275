"""Days past due, buckets, classes and the next day that changes a loan: mechanics 3.9."""

from datetime import date, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backoffice.repayment.domain.aging import (
    band_of,
    bucket_of,
    cycles_past_due,
    days_past_due,
    five_tier,
    held_days,
    month_end,
    next_transition,
    state_dpd,
)
from backoffice.repayment.domain.bills import is_met, oldest_unpaid
from backoffice.repayment.domain.journal import Journal
from backoffice.repayment.domain.penalty import accrues_penalty
from backoffice.repayment.domain.replay import advance
from backoffice.repayment.domain.terms import M_BANDS, Band, PenaltyRule, Tolerance
from tests.repayment.cases import D, after, bill, hold, lived, loan, page_loan, payment, row, terms

DUE = date(2026, 2, 15)
NO_PENALTY = PenaltyRule(rate_cap=D("0.00"))


def one_bill(due=DUE, principal="1000.00", **changes):
    return loan(
        terms=terms(**changes),
        principal=principal,
        disbursed_on=date(2026, 1, 1),
        rows=[row(1, due, principal)],
    )


def moves(journal):
    return [(move.on, move.from_bucket, move.to_bucket, move.cause) for move in journal.moves]


# days past due


@pytest.mark.parametrize(("days", "dpd"), [(-1, 0), (0, 0), (1, 1), (29, 29), (400, 400)])
def test_the_due_day_is_day_zero_and_the_next_day_is_day_one(days, dpd):
    assert days_past_due(oldest_unpaid_due=DUE, as_of=after(DUE, days)) == dpd


def test_nothing_unpaid_is_never_past_due():
    assert days_past_due(oldest_unpaid_due=None, as_of=after(DUE, 400)) == 0


def test_a_bill_due_on_1_february_is_29_days_past_due_and_two_cycles_behind_on_2_march():
    state = loan(
        principal="2000.00",
        disbursed_on=date(2026, 1, 1),
        rows=[row(1, date(2026, 2, 1), "1000.00"), row(2, date(2026, 3, 1), "1000.00")],
    )
    on = date(2026, 3, 2)
    lived(state, through=date(2026, 3, 1))
    assert (state_dpd(state, as_of=on), state.bucket, cycles_past_due(state, as_of=on)) == (29, "M1", 2)
    lived(state, through=date(2026, 3, 3))
    assert (state_dpd(state, as_of=date(2026, 3, 4)), state.bucket) == (31, "M2")


def test_the_drawn_loan_is_35_days_past_due_in_m2_on_22_november():
    state = page_loan()
    journal = lived(state, through=date(2026, 11, 21))
    assert state_dpd(state, as_of=date(2026, 11, 22)) == 35
    assert cycles_past_due(state, as_of=date(2026, 11, 22)) == 2
    assert moves(journal) == [
        (date(2026, 10, 19), "M0", "M1", "aging"),
        (date(2026, 11, 18), "M1", "M2", "aging"),
    ]


# holds


@pytest.mark.parametrize(
    ("holds", "dpd"),
    [
        ([(5, 10)], 25),  # five days inside
        ([(5, 10), (5, 10)], 25),  # the same days twice
        ([(5, 15), (7, 9)], 20),  # one encloses the other
        ([(5, 8), (5, 12)], 23),  # the same start
        ([(5, 8), (8, 11)], 24),  # adjacent
        ([(5, 9), (8, 11)], 24),  # overlapping
        ([(-30, 1)], 30),  # ends on the due day: no overdue day is covered
        ([(-30, 2)], 29),  # reaches into day one
        ([(30, 60)], 29),  # begins on the day asked for
        ([(31, 60)], 30),  # begins the day after
        ([(-30, None)], 0),  # open, covers everything
        ([(11, None)], 10),
        ([], 30),
    ],
)
def test_a_hold_counts_only_where_it_overlaps_the_overdue_days(holds, dpd):
    periods = [hold("aging", after(DUE, start), None if end is None else after(DUE, end)) for start, end in holds]
    assert days_past_due(oldest_unpaid_due=DUE, as_of=after(DUE, 30), holds=periods) == dpd


def test_a_hold_on_penalty_does_not_stop_the_days():
    assert days_past_due(oldest_unpaid_due=DUE, as_of=after(DUE, 30), holds=[hold("penalty", DUE, None)]) == 30


spans = st.lists(st.tuples(st.integers(-10, 40), st.none() | st.integers(1, 20)), max_size=5)


@given(spans=spans, until=st.integers(-5, 50))
def test_held_days_are_the_days_some_hold_covers_counted_one_by_one(spans, until):
    holds = [hold("aging", after(DUE, s), None if n is None else after(DUE, s + n)) for s, n in spans]
    one_by_one = sum(
        any(h.start <= day and (h.end is None or day < h.end) for h in holds)
        for day in (after(DUE, n) for n in range(1, until + 1))
    )
    assert held_days(after=DUE, until=after(DUE, until), holds=holds, scope="aging") == one_by_one


@given(spans=spans, limit=st.sampled_from([1, 5, 30]))
def test_a_loan_under_holds_leaves_its_band_on_the_day_its_days_leave_it(spans, limit):
    bands = (Band("A", 0, 0), Band("B", 1, limit), Band("C", limit + 1, None))
    state = one_bill(penalty=NO_PENALTY, bands=bands)
    state.holds = tuple(hold("aging", after(DUE, s), None if n is None else after(DUE, s + n)) for s, n in spans)
    journal = lived(state, through=after(DUE, 120))
    one_by_one = []
    bucket = "A"
    for day in (after(DUE, n) for n in range(122)):
        now = bucket_of(
            dpd=days_past_due(oldest_unpaid_due=DUE, as_of=day, holds=state.holds),
            terms=state.terms,
        )
        if now != bucket:
            one_by_one.append((day, bucket, now, "aging"))
            bucket = now
    assert moves(journal) == one_by_one


# bands, tolerance, classes


@pytest.mark.parametrize(
    ("dpd", "code"),
    [(0, "M0"), (1, "M1"), (30, "M1"), (31, "M2"), (90, "M3"), (91, "M4"), (180, "M6"), (181, "M6+"), (9999, "M6+")],
)
def test_every_number_of_days_lies_in_one_band(dpd, code):
    assert band_of(dpd=dpd, bands=M_BANDS).code == code


def test_bands_that_end_hold_on_to_what_lies_beyond():
    assert band_of(dpd=99, bands=(Band("A", 0, 0), Band("B", 1, 30))).code == "B"


def test_days_within_the_tolerance_still_count_as_the_first_band():
    tolerant = terms(tolerance=Tolerance(days=3))
    assert [bucket_of(dpd=dpd, terms=tolerant) for dpd in (0, 3, 4, 31)] == ["M0", "M0", "M1", "M2"]


def test_a_loan_enters_its_bucket_when_the_tolerance_is_over():
    state = one_bill(penalty=NO_PENALTY, tolerance=Tolerance(days=3))
    journal = lived(state, through=after(DUE, 40))
    assert moves(journal) == [(after(DUE, 4), "M0", "M1", "aging"), (after(DUE, 31), "M1", "M2", "aging")]


@pytest.mark.parametrize(
    ("tolerance", "left", "met"),
    [
        (Tolerance(), "0.01", False),
        (Tolerance(), "0.00", True),
        (Tolerance(floor=D("5.00")), "5.00", True),
        (Tolerance(floor=D("5.00")), "5.01", False),
        (Tolerance(percent=D("0.01")), "10.00", True),
        (Tolerance(percent=D("0.01")), "10.01", False),
        (Tolerance(floor=D("5.00"), percent=D("0.01")), "10.00", True),  # the larger of the two
        (Tolerance(floor=D("20.00"), percent=D("0.01")), "20.00", True),
    ],
)
def test_a_bill_short_by_the_tolerance_counts_as_met(tolerance, left, met):
    partly = bill(1, DUE, principal="900.00", interest="100.00")
    partly.paid["interest"] = D("100.00")
    partly.paid["principal"] = D("900.00") - D(left)
    assert is_met(partly, terms=terms(tolerance=tolerance)) is met


def test_unpaid_penalty_alone_does_not_keep_a_bill_unpaid():
    partly = bill(1, DUE, principal="900.00", penalty="50.00")
    partly.paid["principal"] = D("900.00")
    assert is_met(partly, terms=terms())
    assert partly.remaining_total() == D("50.00")


def test_a_bill_met_within_the_tolerance_is_passed_over_but_stays_owed():
    state = loan(
        terms=terms(tolerance=Tolerance(floor=D("1.00")), penalty=NO_PENALTY),
        principal="2000.00",
        disbursed_on=date(2026, 1, 1),
        rows=[row(1, DUE, "1000.00"), row(2, after(DUE, 28), "1000.00")],
    )
    journal = lived(state, payment("999.00", DUE), through=after(DUE, 10))
    assert moves(journal) == []
    assert oldest_unpaid(state).number == 2
    assert state.overdue_amount(as_of=after(DUE, 10)) == D("1.00")
    assert state.status == "active"


@pytest.mark.parametrize(
    ("dpd", "name"),
    [
        (0, "normal"),
        (1, "special_mention"),
        (90, "special_mention"),
        (91, "substandard"),
        (270, "substandard"),
        (271, "doubtful"),
        (360, "doubtful"),
        (361, "loss"),
    ],
)
def test_the_five_tiers_begin_after_0_90_270_and_360_days(dpd, name):
    assert five_tier(dpd=dpd) == name


# the next transition


@pytest.mark.parametrize(
    ("day", "end"),
    [
        (date(2026, 1, 1), date(2026, 1, 31)),
        (date(2026, 2, 28), date(2026, 2, 28)),
        (date(2024, 2, 1), date(2024, 2, 29)),
        (date(2026, 12, 31), date(2026, 12, 31)),
    ],
)
def test_a_month_ends_on_its_last_day(day, end):
    assert month_end(day) == end


def next_of(state):
    return next_transition(state, accrues_penalty=accrues_penalty(state, on=after(state.closed_through, 1)))


def test_a_loan_waits_for_its_next_due_date():
    state = one_bill()
    assert next_of(state) == DUE
    lived(state, through=after(DUE, -1))
    assert next_of(state) == DUE


def test_an_overdue_loan_waits_for_the_month_end_the_band_or_the_next_bill_whichever_comes_first():
    state = loan(
        principal="2000.00",
        disbursed_on=date(2026, 1, 1),
        rows=[row(1, DUE, "1000.00"), row(2, date(2026, 3, 15), "1000.00")],
    )
    seen = []
    while len(seen) < 6:
        seen.append(next_of(state))
        lived(state, through=seen[-1])
    assert seen == [
        date(2026, 2, 15),  # bill 1 falls due
        date(2026, 2, 28),  # month end, penalty accrues
        date(2026, 3, 15),  # bill 2 falls due
        date(2026, 3, 17),  # day 30: the next morning is M2
        date(2026, 3, 31),
        date(2026, 4, 16),  # day 60
    ]


def test_a_closed_loan_waits_for_nothing():
    state = one_bill()
    lived(state, payment("1000.00", DUE), through=after(DUE, 1))
    assert state.status == "closed"
    assert next_of(state) is None


def test_a_loan_in_the_last_band_without_penalty_waits_for_nothing():
    state = one_bill(penalty=NO_PENALTY)
    lived(state, through=after(DUE, 400))
    assert state.bucket == "M6+"
    assert next_of(state) is None


def test_a_bill_left_with_a_tolerated_rest_still_falls_due():
    state = one_bill(tolerance=Tolerance(floor=D("1.00")))
    early = payment("999.50", date(2026, 2, 1), surplus="next_installment")
    lived(state, early, through=date(2026, 2, 2))
    assert next_of(state) == DUE


def test_an_open_hold_on_aging_leaves_no_roll_to_wait_for():
    state = one_bill(penalty=NO_PENALTY)
    state.holds = (hold("aging", after(DUE, 10), None),)
    lived(state, through=after(DUE, 60))
    assert (state.bucket, state_dpd(state, as_of=after(DUE, 61))) == ("M1", 9)
    assert next_of(state) is None


def test_a_hold_for_thousands_of_years_is_looked_through_at_once():
    state = one_bill(penalty=NO_PENALTY)
    state.holds = (hold("aging", after(DUE, 10), date(9990, 1, 1)),)
    lived(state, through=after(DUE, 60))
    assert next_of(state) == date(9990, 1, 21)


@given(steps=st.lists(st.integers(1, 60), min_size=1, max_size=8))
def test_closing_in_any_steps_gives_the_moves_of_closing_day_by_day(steps):
    by_steps, by_days = page_loan(), page_loan()
    ends = [by_steps.closed_through]
    for step in steps:
        ends.append(after(ends[-1], step))
    strides, nights = Journal(), Journal()
    for end in ends[1:]:
        advance(by_steps, through=end, journal=strides)
    for start, end in pairwise(ends):
        for n in range((end - start).days):
            advance(by_days, through=start + timedelta(days=n + 1), journal=nights)
    assert (strides.moves, strides.lines) == (nights.moves, nights.lines)
    assert by_steps == by_days


def test_a_bill_that_asks_for_nothing_is_settled_from_the_start():
    free = loan(terms=terms(method="interest_only", annual_rate=D("0"), periods=3), disbursed_on=date(2026, 1, 15))
    assert [(each.remaining_total(), each.settled_on) for each in free.bills] == [
        (D("0.00"), date(2026, 1, 15)),
        (D("0.00"), date(2026, 1, 15)),
        (D("12000.00"), None),
    ]
    assert next_of(free) == date(2026, 4, 15)
