"""Whole schedules, figure by figure: the golden examples of mechanics 3.2 and 3.5 and the edges of every method."""

from datetime import date
from decimal import Decimal

import pytest

from backoffice.repayment.domain.bulk_schedule import BulkLoan, build_many
from backoffice.repayment.domain.due_dates import DueDatesRefused
from backoffice.repayment.domain.fees import deducted_by_component, upfront_deducted
from backoffice.repayment.domain.minor_units import ScheduleRefused
from backoffice.repayment.domain.schedule import build_schedule, rebuild_remaining
from backoffice.repayment.domain.terms import FeeRule, ScheduledRow, Terms

TWELVE_THOUSAND = Decimal("12000.00")
PAID_OUT = date(2026, 1, 15)


def terms(**changes: object) -> Terms:
    values: dict[str, object] = {
        "currency": "CNY",
        "method": "equal_installment",
        "annual_rate": Decimal("0.18"),
        "periods": 12,
    }
    return Terms(**(values | changes))  # type: ignore[arg-type]


def schedule(loan_terms: Terms, principal: str = "12000.00", disbursed_on: date = PAID_OUT) -> tuple[ScheduledRow, ...]:
    return build_schedule(terms=loan_terms, principal=Decimal(principal), disbursed_on=disbursed_on)


def parts(rows: tuple[ScheduledRow, ...]) -> list[tuple[str, str]]:
    return [(str(row.principal), str(row.interest)) for row in rows]


def totals(rows: tuple[ScheduledRow, ...]) -> list[str]:
    return [str(row.total) for row in rows]


def whole_interest(rows: tuple[ScheduledRow, ...]) -> Decimal:
    return sum((row.interest for row in rows), Decimal(0))


@pytest.mark.parametrize("basis", ["solved", "nominal"])
def test_equal_installments_of_whole_months_are_the_golden_table_in_both_bases(basis: str) -> None:
    rows = schedule(terms(installment_basis=basis))
    assert parts(rows) == [
        ("920.16", "180.00"),
        ("933.96", "166.20"),
        ("947.97", "152.19"),
        ("962.19", "137.97"),
        ("976.62", "123.54"),
        ("991.27", "108.89"),
        ("1006.14", "94.02"),
        ("1021.23", "78.93"),
        ("1036.55", "63.61"),
        ("1052.10", "48.06"),
        ("1067.88", "32.28"),
        ("1083.93", "16.26"),
    ]
    assert totals(rows) == ["1100.16"] * 11 + ["1100.19"]
    assert whole_interest(rows) == Decimal("1201.95")
    assert rows[2].balance == Decimal("9197.91")
    assert rows[-1].balance == 0
    assert [row.due_date for row in rows[:2]] == [date(2026, 2, 15), date(2026, 3, 15)]
    assert [row.days for row in rows[:3]] == [31, 28, 31]


def test_at_24_percent_the_installment_is_1134_72_and_the_last_five_cents_less() -> None:
    assert totals(schedule(terms(annual_rate=Decimal("0.24")))) == ["1134.72"] * 11 + ["1134.67"]


def test_equal_principal_of_the_golden_example() -> None:
    rows = schedule(terms(method="equal_principal"))
    assert totals(rows) == [f"{1180 - 15 * k}.00" for k in range(12)]
    assert whole_interest(rows) == Decimal("1170.00")


def test_equal_principal_cuts_off_and_the_last_bill_takes_the_residue() -> None:
    rows = schedule(terms(method="equal_principal"), "10000.00")
    assert [str(row.principal) for row in rows] == ["833.33"] * 11 + ["833.37"]


def test_interest_only_asks_the_principal_at_the_end() -> None:
    rows = schedule(terms(method="interest_only"))
    assert parts(rows) == [("0.00", "180.00")] * 11 + [("12000.00", "180.00")]
    assert whole_interest(rows) == Decimal("2160.00")


def test_flat_charges_the_original_principal_every_month() -> None:
    rows = schedule(terms(method="flat", annual_rate=Decimal("0.12")))
    assert parts(rows) == [("1000.00", "120.00")] * 12


def test_flat_leaves_the_residue_to_the_last_bill() -> None:
    rows = schedule(terms(method="flat", annual_rate=Decimal("0.12"), periods=7), "100.00")
    assert [str(row.principal) for row in rows] == ["14.29"] * 6 + ["14.26"]


def test_single_payment_is_one_bill_at_the_end_of_all_periods() -> None:
    rows = schedule(terms(method="single_payment", periods=3))
    assert [(row.number, row.due_date, row.days, str(row.interest)) for row in rows] == [
        (1, date(2026, 4, 15), 90, "540.00")
    ]
    assert rows[0].principal == TWELVE_THOUSAND


def test_without_a_rate_the_installment_is_the_principal_divided() -> None:
    rows = schedule(terms(annual_rate=Decimal(0)))
    assert parts(rows) == [("1000.00", "0.00")] * 12


def test_actual_days_with_the_nominal_amount_leave_the_residue_of_the_long_year() -> None:
    rows = schedule(terms(day_count="act/360", due_day=31, installment_basis="nominal"), disbursed_on=date(2026, 1, 31))
    assert parts(rows)[:3] == [("932.16", "168.00"), ("928.61", "171.55"), ("948.07", "152.09")]
    assert [row.due_date for row in rows[:3]] == [date(2026, 2, 28), date(2026, 3, 31), date(2026, 4, 30)]
    assert parts(rows)[-1] == ("1091.90", "16.92")
    assert rows[-1].total == Decimal("1108.82")
    assert rows[-1].due_date == date(2027, 1, 31)


def test_actual_days_with_the_solved_amount_make_all_bills_equal_to_rounding() -> None:
    rows = schedule(terms(day_count="act/360", due_day=31), disbursed_on=date(2026, 1, 31))
    assert totals(rows) == ["1100.82"] * 11 + ["1100.86"]


@pytest.mark.parametrize(
    ("day_count", "interest"),
    [("monthly", "180.00"), ("30/360", "180.00"), ("act/360", "186.00"), ("act/365", "183.45"), ("act/act", "183.45")],
)
def test_the_first_month_of_31_days_by_every_day_count(day_count: str, interest: str) -> None:
    assert str(schedule(terms(day_count=day_count))[0].interest) == interest


def test_act_act_divides_by_366_in_a_leap_year() -> None:
    rows = schedule(terms(day_count="act/act"), disbursed_on=date(2024, 1, 15))
    assert str(rows[0].interest) == "182.95"


def test_a_first_period_of_five_days_rolls_to_the_next_month_and_counts_its_odd_days() -> None:
    rows = schedule(terms(due_day=15, installment_basis="nominal"), disbursed_on=date(2026, 1, 10))
    assert rows[0].due_date == date(2026, 2, 15)
    assert rows[0].days == 36
    # one month at 18 % / 12 and five days at 18 % / 360
    assert parts(rows)[0] == ("890.16", "210.00")
    assert rows[0].total == Decimal("1100.16")


def test_an_irregular_first_period_is_solved_into_equal_bills() -> None:
    rows = schedule(terms(due_day=15), disbursed_on=date(2026, 1, 10))
    assert totals(rows) == ["1102.87"] * 12


def test_a_first_period_of_fifteen_days_stands() -> None:
    rows = schedule(terms(due_day=25), disbursed_on=date(2026, 1, 10))
    assert rows[0].due_date == date(2026, 1, 25)
    assert rows[0].interest == Decimal("90.00")


def test_weeks_and_days_count_actual_days() -> None:
    weekly = schedule(terms(unit="week", every=2, periods=3))
    assert [row.due_date for row in weekly] == [date(2026, 1, 29), date(2026, 2, 12), date(2026, 2, 26)]
    assert weekly[0].interest == Decimal("84.00")
    daily = schedule(terms(unit="day", every=30, periods=2, day_count="act/365"))
    assert [row.days for row in daily] == [30, 30]
    assert daily[0].interest == Decimal("177.53")


def test_every_third_month_is_a_quarter() -> None:
    rows = schedule(terms(every=3, periods=4))
    assert [row.due_date for row in rows] == [
        date(2026, 4, 15),
        date(2026, 7, 15),
        date(2026, 10, 15),
        date(2027, 1, 15),
    ]
    assert rows[0].interest == Decimal("540.00")
    assert totals(rows) == ["3344.92"] * 3 + ["3344.94"]


def test_a_holiday_moves_the_bill_and_not_the_interest_of_a_whole_month() -> None:
    rows = schedule(terms(holiday_shift="next", calendar="CN"), disbursed_on=date(2025, 9, 1))
    assert rows[0].due_date == date(2025, 10, 9)  # the National Day holiday of 2025 ends on the 8th
    assert rows[1].due_date == date(2025, 11, 3)  # 1 November 2025 is a Saturday
    assert rows[0].interest == Decimal("180.00")
    assert totals(rows) == ["1100.16"] * 11 + ["1100.19"]


def test_a_declared_day_moves_the_bill_and_not_the_interest_of_a_whole_month() -> None:
    typhoon = ((date(2026, 9, 15), False), (date(2026, 9, 16), False))
    rows = schedule(terms(holiday_shift="next", calendar="CN", declared_days=typhoon))
    assert rows[7].due_date == date(2026, 9, 17)
    plain = schedule(terms(holiday_shift="next", calendar="CN"))
    assert plain[7].due_date == date(2026, 9, 15)
    assert totals(rows) == totals(plain)


def test_a_holiday_declared_worked_moves_no_bill() -> None:
    worked = ((date(2025, 10, 1), True),)
    rows = schedule(terms(holiday_shift="next", calendar="CN", declared_days=worked), disbursed_on=date(2025, 9, 1))
    assert rows[0].due_date == date(2025, 10, 1)


def test_schedules_in_bulk_keep_apart_what_was_declared_when() -> None:
    closed = terms(holiday_shift="next", calendar="CN", declared_days=((date(2026, 9, 15), False),))
    plain = terms(holiday_shift="next", calendar="CN")
    loans = [BulkLoan(each, 1_200_000, PAID_OUT) for each in (closed, plain)]
    assert [made.due_dates[7] for made in build_many(loans)] == [date(2026, 9, 16), date(2026, 9, 15)]


def test_a_holiday_costs_the_days_it_adds_when_actual_days_count() -> None:
    rows = schedule(terms(holiday_shift="next", calendar="CN", day_count="act/360"), disbursed_on=date(2025, 9, 1))
    assert rows[0].days == 38
    assert rows[0].interest == Decimal("228.00")
    assert rows[1].days == 25


def test_explicit_due_dates_are_taken_as_they_stand() -> None:
    dates = [date(2026, 2, 28), date(2026, 3, 31), date(2026, 6, 30)]
    rows = build_schedule(
        terms=terms(periods=3), principal=TWELVE_THOUSAND, disbursed_on=date(2026, 1, 31), due_dates=dates
    )
    assert [row.due_date for row in rows] == dates
    # 31 January to 28 February to 31 March are whole months, then three: nothing drifts
    assert parts(rows) == [("3979.81", "180.00"), ("4039.51", "120.30"), ("3980.68", "179.13")]


@pytest.mark.parametrize(
    ("rounding", "interest"), [("half_up", "0.03"), ("half_even", "0.02"), ("up", "0.03"), ("down", "0.02")]
)
def test_a_half_cent_of_interest_goes_where_the_rounding_says(rounding: str, interest: str) -> None:
    # 2.50 at 1 % a month is 0.025
    rows = schedule(terms(method="interest_only", annual_rate=Decimal("0.12"), rounding=rounding), "2.50")
    assert str(rows[0].interest) == interest


@pytest.mark.parametrize(("rounding", "amount"), [("half_up", "1100"), ("up", "1105"), ("down", "1100")])
def test_the_installment_is_rounded_to_its_multiple(rounding: str, amount: str) -> None:
    rows = schedule(terms(multiple_of=Decimal(5), rounding=rounding))
    assert rows[0].total == Decimal(amount)
    assert sum(row.principal for row in rows) == TWELVE_THOUSAND


def test_a_coarse_multiple_that_pays_off_early_leaves_empty_bills_at_the_end() -> None:
    rows = schedule(terms(annual_rate=Decimal(0), multiple_of=Decimal(10), rounding="up"), "100.00")
    assert totals(rows) == ["10.00"] * 10 + ["0.00"] * 2


def test_refuses_a_multiple_that_rounds_the_installment_to_nothing() -> None:
    with pytest.raises(ScheduleRefused) as refused:
        schedule(terms(multiple_of=Decimal(100)), "100.00")
    assert refused.value.fields == {"multiple_of": "the installment rounds to zero"}


def test_a_first_bill_that_interest_alone_overflows_carries_no_principal_and_the_rest_are_equal() -> None:
    dates = [date(2027, 1, 15), date(2027, 2, 15), date(2027, 3, 15)]
    rows = build_schedule(
        terms=terms(periods=3, annual_rate=Decimal("0.60")),
        principal=TWELVE_THOUSAND,
        disbursed_on=PAID_OUT,
        due_dates=dates,
    )
    assert parts(rows)[0] == ("0.00", "7200.00")
    assert totals(rows)[1:] == ["6453.66", "6453.66"]


def test_currencies_without_cents_are_rounded_to_their_own_unit() -> None:
    rows = schedule(terms(currency="UGX"), "100000")
    assert totals(rows) == ["9168"] * 11 + ["9166"]
    assert rows[0].interest.as_tuple().exponent == 0


def test_fees_of_every_way() -> None:
    loan_terms = terms(
        fees=(
            FeeRule("deducted", "fee", "lender", "upfront_deducted", Decimal("199")),
            FeeRule("origination", "fee", "lender", "upfront_deducted_of_principal", Decimal("0.01")),
            FeeRule("opening", "fee", "lender", "upfront_billed", Decimal("50")),
            FeeRule("stamp", "fee", "state", "upfront_billed_of_principal", Decimal("0.0005")),
            FeeRule("service", "fee", "lender", "per_period_fixed", Decimal("3.50")),
            FeeRule("guarantee", "guarantee_fee", "guarantor", "per_period_of_principal", Decimal("0.005")),
            FeeRule("insurance", "guarantee_fee", "insurer", "per_period_of_balance", Decimal("0.001")),
        )
    )
    rows = schedule(loan_terms)
    assert upfront_deducted(terms=loan_terms, principal=TWELVE_THOUSAND) == Decimal("319.00")
    assert deducted_by_component(terms=loan_terms, principal=TWELVE_THOUSAND) == {"fee": Decimal("319.00")}
    assert deducted_by_component(terms=terms(), principal=TWELVE_THOUSAND) == {}
    assert [str(row.fee) for row in rows[:2]] == ["59.50", "3.50"]
    assert [str(row.guarantee_fee) for row in rows[:2]] == ["72.00", "71.08"]
    assert rows[0].total == Decimal("1231.66")


@pytest.mark.parametrize("amount", ["0", "-5.00", "10.005"])
def test_refuses_an_amount_that_is_not_money_above_zero(amount: str) -> None:
    with pytest.raises(ScheduleRefused) as refused:
        schedule(terms(), amount)
    assert refused.value.code == "repayment.schedule_refused"
    assert list(refused.value.fields) == ["principal"]


def test_refuses_a_shift_that_makes_two_daily_bills_meet() -> None:
    with pytest.raises(DueDatesRefused) as refused:
        schedule(terms(unit="day", periods=7, holiday_shift="next", calendar="CN"))
    assert list(refused.value.fields) == ["holiday_shift"]


def test_refuses_a_first_due_date_that_is_not_after_the_payout() -> None:
    with pytest.raises(DueDatesRefused) as refused:
        build_schedule(terms=terms(), principal=TWELVE_THOUSAND, disbursed_on=PAID_OUT, first_due_date=PAID_OUT)
    assert refused.value.fields == {"first_due_date": "must be after disbursed_on"}


def test_refuses_an_empty_list_of_due_dates() -> None:
    with pytest.raises(DueDatesRefused) as refused:
        build_schedule(terms=terms(), principal=TWELVE_THOUSAND, disbursed_on=PAID_OUT, due_dates=[])
    assert refused.value.fields == {"due_dates": "must not be empty"}


@pytest.mark.parametrize("unit", ["month", "day"])
def test_refuses_a_schedule_that_runs_past_the_calendar(unit: str) -> None:
    with pytest.raises(DueDatesRefused) as refused:
        schedule(terms(unit=unit, every=366, periods=1200), disbursed_on=date(9000, 1, 1))
    assert list(refused.value.fields) == ["periods"]


def test_the_first_due_date_starts_the_grid_it_stands_on() -> None:
    rows = build_schedule(
        terms=terms(periods=3), principal=TWELVE_THOUSAND, disbursed_on=PAID_OUT, first_due_date=date(2026, 2, 28)
    )
    assert [row.due_date for row in rows] == [date(2026, 2, 28), date(2026, 3, 28), date(2026, 4, 28)]
    # one month and thirteen days
    assert rows[0].interest == Decimal("258.00")


class TestRebuild:
    """What a partial prepayment of 3,000.00 on the day of bill 3 makes of the nine bills ahead."""

    @staticmethod
    def rebuild(
        loan_terms: Terms, balance: str, keep: str | None, since: date = date(2026, 4, 15)
    ) -> tuple[ScheduledRow, ...]:
        dates = [date(2026, month, 15) for month in range(5, 13)] + [date(2027, 1, 15)]
        return rebuild_remaining(
            terms=loan_terms,
            balance=Decimal(balance),
            since=since,
            due_dates=dates,
            first_number=4,
            original_principal=TWELVE_THOUSAND,
            keep_installment=None if keep is None else Decimal(keep),
        )

    def test_an_untouched_balance_gives_the_bills_that_were_there(self) -> None:
        assert self.rebuild(terms(), "9197.91", "1100.16") == schedule(terms())[3:]

    def test_reduce_keeps_the_dates_and_asks_less(self) -> None:
        rows = self.rebuild(terms(), "6197.91", None)
        assert totals(rows) == ["741.33"] * 9
        assert [row.number for row in rows] == list(range(4, 13))

    def test_shorten_keeps_the_installment_and_ends_sooner(self) -> None:
        rows = self.rebuild(terms(), "6197.91", "1100.16")
        assert totals(rows) == ["1100.16"] * 5 + ["1023.72"]
        assert rows[-1].due_date == date(2026, 10, 15)
        assert rows[-1].balance == 0

    def test_an_installment_too_small_leaves_the_rest_to_the_last_bill(self) -> None:
        rows = self.rebuild(terms(), "6197.91", "100.00")
        assert len(rows) == 9
        assert sum(row.principal for row in rows) == Decimal("6197.91")

    def test_interest_between_bills_runs_from_the_day_of_the_prepayment(self) -> None:
        rows = self.rebuild(terms(), "6197.91", None, since=date(2026, 4, 27))
        # 18 days of a month at 18 % / 360
        assert rows[0].interest == Decimal("55.78")
        assert rows[0].days == 18

    def test_equal_principal_reduces_or_keeps_its_thousand(self) -> None:
        loan_terms = terms(method="equal_principal")
        assert [str(row.principal) for row in self.rebuild(loan_terms, "6000.00", None)] == ["666.66"] * 8 + ["666.72"]
        shorter = self.rebuild(loan_terms, "6000.00", "1135.00")
        assert parts(shorter)[0] == ("1000.00", "90.00")
        assert len(shorter) == 6

    def test_a_balance_of_exactly_one_installment_is_one_bill(self) -> None:
        rows = self.rebuild(terms(annual_rate=Decimal(0)), "500.00", "500.00")
        assert [(row.number, row.total) for row in rows] == [(4, Decimal("500.00"))]

    def test_flat_bills_too_small_leave_the_rest_to_the_last(self) -> None:
        rows = self.rebuild(terms(method="flat", annual_rate=Decimal("0.12")), "9000.00", "200.00")
        assert parts(rows) == [("80.00", "120.00")] * 8 + [("8360.00", "120.00")]

    def test_flat_interest_falls_with_the_principal_given_back(self) -> None:
        loan_terms = terms(method="flat", annual_rate=Decimal("0.12"))
        assert parts(self.rebuild(loan_terms, "9000.00", None)) == [("1000.00", "120.00")] * 9
        assert parts(self.rebuild(loan_terms, "6000.00", None))[0] == ("666.67", "80.00")
        assert parts(self.rebuild(loan_terms, "6000.00", "1120.00")) == [("1040.00", "80.00")] * 5 + [
            ("800.00", "80.00")
        ]

    def test_interest_only_and_single_payment_just_cost_less(self) -> None:
        for keep in (None, "180.00"):
            rows = self.rebuild(terms(method="interest_only"), "6000.00", keep)
            assert parts(rows) == [("0.00", "90.00")] * 8 + [("6000.00", "90.00")]
        (row,) = self.rebuild(terms(method="single_payment"), "6000.00", None)
        assert (row.due_date, row.interest) == (date(2027, 1, 15), Decimal("810.00"))

    def test_upfront_fees_are_not_asked_again(self) -> None:
        fees = (
            FeeRule("opening", "fee", "lender", "upfront_billed", Decimal(50)),
            FeeRule("service", "fee", "lender", "per_period_fixed", Decimal(3)),
        )
        assert {row.fee for row in self.rebuild(terms(fees=fees), "6197.91", None)} == {Decimal("3.00")}

    def test_a_since_on_a_shifted_due_date_starts_a_whole_month(self) -> None:
        loan_terms = terms(holiday_shift="next", calendar="CN", due_day=1)
        rows = rebuild_remaining(
            terms=loan_terms,
            balance=Decimal(6000),
            since=date(2025, 10, 9),
            due_dates=[date(2025, 11, 3), date(2025, 12, 1)],
            first_number=2,
            original_principal=TWELVE_THOUSAND,
            keep_installment=None,
        )
        assert [row.interest for row in rows] == [Decimal("90.00"), Decimal("45.33")]
