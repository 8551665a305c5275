"""What holds for every schedule whatever the terms: parts sum to the whole, nothing is negative, dates move forward."""

from calendar import monthrange
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from backoffice.repayment.domain.bulk_schedule import BulkLoan, build_many, rows_of
from backoffice.repayment.domain.day_count import BASIS, year_units
from backoffice.repayment.domain.due_dates import plan_due_dates
from backoffice.repayment.domain.fees import upfront_deducted
from backoffice.repayment.domain.interest import accrued_interest, factors_of, period_units
from backoffice.repayment.domain.schedule import build_schedule, rebuild_remaining
from backoffice.repayment.domain.terms import FeeRule, Terms

METHODS = ["equal_installment", "equal_principal", "interest_only", "flat", "single_payment"]
DAY_COUNTS = ["monthly", "30/360", "act/365", "act/360", "act/act"]
ROUNDINGS = ["half_up", "half_even", "up", "down"]
CENT = Decimal("0.01")

days = st.dates(min_value=date(2000, 1, 1), max_value=date(2040, 12, 31))
money = st.integers(min_value=10_000, max_value=10**10).map(lambda cents: Decimal(cents).scaleb(-2))
rates = st.integers(min_value=0, max_value=200_000).map(lambda parts: Decimal(parts).scaleb(-5))
fees = st.lists(
    st.one_of(
        st.builds(
            FeeRule,
            code=st.just("amount"),
            component=st.sampled_from(["fee", "guarantee_fee"]),
            payee=st.just("lender"),
            way=st.sampled_from(["upfront_deducted", "upfront_billed", "per_period_fixed"]),
            amount=st.integers(0, 5_000).map(lambda cents: Decimal(cents).scaleb(-2)),
        ),
        st.builds(
            FeeRule,
            code=st.just("share"),
            component=st.sampled_from(["fee", "guarantee_fee"]),
            payee=st.just("guarantor"),
            way=st.sampled_from(
                [
                    "upfront_deducted_of_principal",
                    "upfront_billed_of_principal",
                    "per_period_of_principal",
                    "per_period_of_balance",
                ]
            ),
            amount=st.integers(0, 200).map(lambda parts: Decimal(parts).scaleb(-4)),
        ),
    ),
    max_size=3,
).map(tuple)


@st.composite
def any_terms(draw: st.DrawFn) -> Terms:
    unit = draw(st.sampled_from(["month", "month", "week", "day"]))
    shift = draw(st.sampled_from(["none", "next", "previous", "modified_following"])) if unit == "month" else "none"
    return Terms(
        currency=draw(st.sampled_from(["CNY", "CNY", "UGX"])),
        method=draw(st.sampled_from(METHODS)),
        annual_rate=draw(rates),
        periods=draw(st.integers(1, 60)),
        day_count=draw(st.sampled_from(DAY_COUNTS)),
        every=draw(st.integers(1, 6)),
        unit=unit,
        due_day=draw(st.none() | st.integers(1, 31)) if unit == "month" else None,
        holiday_shift=shift,
        calendar="GB",
        rounding=draw(st.sampled_from(ROUNDINGS)),
        multiple_of=draw(st.sampled_from([CENT, Decimal("0.05"), Decimal("0.10")])),
        installment_basis=draw(st.sampled_from(["solved", "nominal"])),
        fees=draw(fees),
    )


def amount_in(currency: str, amount: Decimal) -> Decimal:
    return amount if currency == "CNY" else amount.quantize(Decimal(1))


@given(any_terms(), money, days)
def test_parts_sum_to_the_whole_and_the_balance_reaches_zero(terms: Terms, amount: Decimal, paid_out: date) -> None:
    principal = amount_in(terms.currency, amount)
    rows = build_schedule(terms=terms, principal=principal, disbursed_on=paid_out)
    assert sum(row.principal for row in rows) == principal
    assert rows[-1].balance == 0
    balance = principal
    for row in rows:
        balance -= row.principal
        assert row.balance == balance
        assert min(row.principal, row.interest, row.fee, row.guarantee_fee) >= 0
        assert row.total == row.principal + row.interest + row.fee + row.guarantee_fee
    assert len(rows) == (1 if terms.method == "single_payment" else terms.periods)
    assert [row.number for row in rows] == list(range(1, len(rows) + 1))
    assert upfront_deducted(terms=terms, principal=principal) >= 0


@given(any_terms(), money, days)
def test_dates_move_forward_and_days_add_up(terms: Terms, amount: Decimal, paid_out: date) -> None:
    rows = build_schedule(terms=terms, principal=amount_in(terms.currency, amount), disbursed_on=paid_out)
    dates = [paid_out, *(row.due_date for row in rows)]
    assert all(earlier < later for earlier, later in pairwise(dates))
    assert sum(row.days for row in rows) == (dates[-1] - paid_out).days


@given(any_terms().filter(lambda t: t.unit == "month"), days)
def test_the_due_day_is_clamped_and_never_drifts(terms: Terms, paid_out: date) -> None:
    due = plan_due_dates(terms=terms, disbursed_on=paid_out)
    anchor = terms.due_day or paid_out.day
    assert due.anchor_day == anchor
    for day in due.nominal:
        assert day.day == min(anchor, monthrange(day.year, day.month)[1])
    months = [day.year * 12 + day.month for day in due.nominal]
    assert {later - earlier for earlier, later in pairwise(months)} <= {terms.every}


@given(any_terms(), days)
def test_a_chosen_list_of_the_same_dates_counts_the_same_interest(terms: Terms, paid_out: date) -> None:
    """The grid behind shifted and clamped dates is found again from the dates alone, once the due day is known."""
    due = plan_due_dates(terms=terms, disbursed_on=paid_out)
    known = replace(terms, due_day=due.anchor_day)
    chosen = build_schedule(terms=known, principal=Decimal(50_000), disbursed_on=paid_out, due_dates=list(due.actual))
    assert chosen == build_schedule(terms=terms, principal=Decimal(50_000), disbursed_on=paid_out)


@given(
    any_terms().map(lambda t: replace(t, method="equal_installment", installment_basis="solved", fees=())), money, days
)
def test_the_solved_installment_is_the_exact_annuity_rounded_once(
    terms: Terms, amount: Decimal, paid_out: date
) -> None:
    """Oracle: present values in fractions, an entirely different way to the same amount."""
    exact_terms = replace(terms, currency="CNY", multiple_of=CENT)
    due = plan_due_dates(terms=exact_terms, disbursed_on=paid_out)
    factors = factors_of(terms=exact_terms, units=period_units(terms=exact_terms, since=paid_out, due=due))
    discount, value_of_one = Fraction(1), Fraction(0)
    for numerator in factors.numerators:
        discount /= 1 + Fraction(numerator, factors.denominator)
        value_of_one += discount
    exact = Fraction(amount) / value_of_one
    rows = build_schedule(terms=exact_terms, principal=amount, disbursed_on=paid_out)
    carried = [row for row in rows[:-1] if row.principal]
    if len(carried) == len(rows) - 1 and all(row.balance for row in carried):
        assert all(abs(Fraction(row.total) - exact) < Fraction(1, 100) for row in carried)
        assert len({row.total for row in carried}) <= 1


@given(
    money,
    st.integers(0, 36).map(lambda percent: Decimal(percent).scaleb(-2)),
    st.integers(1, 24),
    st.sampled_from(["half_up", "half_even"]),
)
def test_the_last_bill_is_within_a_cent_a_period_of_the_others(
    amount: Decimal, rate: Decimal, periods: int, rounding: str
) -> None:
    terms = Terms("CNY", "equal_installment", rate, periods, rounding=rounding, installment_basis="nominal")  # type: ignore[arg-type]
    rows = build_schedule(terms=terms, principal=amount, disbursed_on=date(2026, 1, 15))
    assert abs(rows[-1].total - rows[0].total) <= CENT * periods


@given(any_terms(), money, days)
def test_bulk_equals_one_by_one(terms: Terms, amount: Decimal, paid_out: date) -> None:
    principal = amount_in(terms.currency, amount)
    minor = int(principal * 100) if terms.currency == "CNY" else int(principal)
    plain = replace(terms, method="equal_installment", rounding="half_up", fees=())
    built = build_many(
        [BulkLoan(terms, minor, paid_out), BulkLoan(plain, minor, paid_out), BulkLoan(plain, minor, paid_out)]
    )
    assert [rows_of(one, currency=terms.currency) for one in built] == [
        build_schedule(terms=each, principal=principal, disbursed_on=paid_out) for each in (terms, plain, plain)
    ]


@given(any_terms(), money, days, st.integers(0, 59), st.integers(0, 40), st.booleans())
def test_what_is_rebuilt_after_a_prepayment_sums_to_what_is_left(
    terms: Terms, amount: Decimal, paid_out: date, after: int, later: int, shorten: bool
) -> None:
    principal = amount_in(terms.currency, amount)
    rows = build_schedule(terms=terms, principal=principal, disbursed_on=paid_out)
    after = min(after, len(rows) - 1)
    since = ([paid_out] + [row.due_date for row in rows])[after]
    since = min(since + timedelta(days=later), rows[after].due_date - timedelta(days=1))
    left = amount_in(terms.currency, principal / 3)
    rebuilt = rebuild_remaining(
        terms=terms,
        balance=left.quantize(Decimal(1)),
        since=since,
        due_dates=[row.due_date for row in rows[after:]],
        first_number=after + 1,
        original_principal=principal,
        keep_installment=rows[after].principal + rows[after].interest if shorten else None,
    )
    assert sum(row.principal for row in rebuilt) == left.quantize(Decimal(1))
    assert rebuilt[-1].balance == 0
    assert [row.due_date for row in rebuilt[:-1]] == [row.due_date for row in rows[after:]][: len(rebuilt) - 1]
    assert all(min(row.principal, row.interest, row.fee, row.guarantee_fee) >= 0 for row in rebuilt)


@given(
    st.sampled_from(["30/360", "act/365", "act/360", "act/act"]),
    days,
    st.integers(0, 800),
    st.integers(0, 800),
    st.integers(1, 31),
)
def test_the_parts_of_a_period_count_as_the_whole(
    day_count: str, start: date, first: int, second: int, anchor: int
) -> None:
    """Every count but the monthly one, which trades this law for equal months."""
    middle, end = start + timedelta(days=first), start + timedelta(days=first + second)
    whole = year_units(day_count=day_count, start=start, end=end, anchor_day=anchor)  # type: ignore[arg-type]
    parts = [
        year_units(day_count=day_count, start=one, end=two, anchor_day=anchor)  # type: ignore[arg-type]
        for one, two in ((start, middle), (middle, end))
    ]
    assert sum(parts) == whole


@given(any_terms(), money, days, st.integers(0, 400))
def test_interest_accrued_never_falls_as_days_pass(terms: Terms, amount: Decimal, since: date, length: int) -> None:
    until = since + timedelta(days=length)
    today = accrued_interest(terms=terms, balance=amount, since=since, until=until)
    tomorrow = accrued_interest(terms=terms, balance=amount, since=since, until=until + timedelta(days=1))
    assert tomorrow >= today >= 0


@given(any_terms().map(lambda t: replace(t, method="interest_only", rounding="half_up", fees=())), money, days)
def test_a_bill_asks_the_interest_accrued_between_its_dates(terms: Terms, amount: Decimal, paid_out: date) -> None:
    terms = replace(terms, currency="CNY", holiday_shift="none")
    rows = build_schedule(terms=terms, principal=amount, disbursed_on=paid_out)
    since = paid_out
    for row in rows:
        accrued = accrued_interest(
            terms=terms, balance=amount, since=since, until=row.due_date, anchor_day=terms.due_day or paid_out.day
        )
        assert row.interest == accrued.quantize(CENT, rounding="ROUND_HALF_UP")
        since = row.due_date


def test_every_day_count_gives_a_common_year_its_own_worth() -> None:
    start, end = date(2026, 1, 15), date(2027, 1, 15)
    worth = {name: Fraction(year_units(day_count=name, start=start, end=end), BASIS[name]) for name in BASIS}
    assert worth == {
        "monthly": Fraction(365, 360),  # without a grid of months every day is an odd day
        "30/360": 1,
        "act/360": Fraction(365, 360),
        "act/365": 1,
        "act/act": 1,
    }
    assert year_units(day_count="monthly", start=start, end=end, anchor_day=15) == 360
