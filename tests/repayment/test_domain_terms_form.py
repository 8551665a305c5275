"""Terms and quote requests from JSON: exact, strict, every fault at once and by name; and back without loss."""

import json
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backoffice.repayment.domain.due_dates import with_declared_days
from backoffice.repayment.domain.terms import (
    AllocationRule,
    Band,
    CostCap,
    FeeRule,
    Grace,
    PenaltyRule,
    PrepaymentRule,
    Terms,
    Tolerance,
)
from backoffice.repayment.domain.terms_form import (
    InvalidTerms,
    QuoteRequest,
    copy_from_json,
    copy_to_json,
    from_json,
    quote_from_json,
    to_json,
)

PLAIN: dict[str, Any] = {"currency": "CNY", "method": "equal_installment", "annual_rate": "0.18", "periods": 12}
QUOTE: dict[str, Any] = PLAIN | {"principal": "12000.00", "disbursed_on": "2026-01-15"}


def faults_of(value: Any) -> dict[str, str]:
    with pytest.raises(InvalidTerms) as refused:
        from_json(value)
    return refused.value.fields


def quote_faults_of(value: Any) -> dict[str, str]:
    with pytest.raises(InvalidTerms) as refused:
        quote_from_json(value)
    return refused.value.fields


def decimals(least: int, most: int, places: int) -> st.SearchStrategy[Decimal]:
    return st.integers(least, most).map(lambda number: Decimal(number).scaleb(-places))


shares = decimals(0, 10**8, 8)
fee_rules = st.one_of(
    st.builds(
        FeeRule,
        code=st.uuids().map(str),
        component=st.sampled_from(["fee", "guarantee_fee"]),
        payee=st.sampled_from(["lender", "某担保公司"]),
        way=st.sampled_from(["upfront_deducted", "upfront_billed", "per_period_fixed"]),
        amount=decimals(0, 10**9, 2),
    ),
    st.builds(
        FeeRule,
        code=st.uuids().map(str),
        component=st.sampled_from(["fee", "guarantee_fee"]),
        payee=st.just("guarantor"),
        way=st.sampled_from(["upfront_deducted_of_principal", "per_period_of_principal", "per_period_of_balance"]),
        amount=shares,
    ),
)
prepayments = st.one_of(
    st.just(PrepaymentRule()),
    st.builds(PrepaymentRule, fee=st.just("percent"), value=shares, fee_cap=st.none() | decimals(0, 10**6, 2)),
    st.builds(PrepaymentRule, fee=st.just("days_interest"), value=st.integers(0, 90).map(Decimal)),
    st.builds(PrepaymentRule, fee=st.just("fixed"), value=decimals(0, 10**6, 2)),
)
bands = st.lists(st.integers(1, 90), min_size=1, max_size=8).map(
    lambda widths: tuple(
        Band(
            code=f"B{number}",
            first=sum(widths[:number]),
            last=None if number == len(widths) - 1 else sum(widths[: number + 1]) - 1,
        )
        for number in range(len(widths))
    )
)
every_terms = st.builds(
    Terms,
    currency=st.sampled_from(["CNY", "KES", "USD"]),
    method=st.sampled_from(["equal_installment", "equal_principal", "interest_only", "flat", "single_payment"]),
    annual_rate=decimals(0, 10**9, 8),
    periods=st.integers(1, 400),
    day_count=st.sampled_from(["monthly", "30/360", "act/365", "act/360", "act/act"]),
    every=st.integers(1, 6),
    unit=st.just("month"),
    due_day=st.none() | st.integers(1, 31),
    first_period_min_days=st.integers(0, 31),
    holiday_shift=st.sampled_from(["none", "next", "previous", "modified_following"]),
    calendar=st.sampled_from(["none", "CN", "KE"]),
    rounding=st.sampled_from(["half_up", "half_even", "up", "down"]),
    multiple_of=st.sampled_from([Decimal("0.01"), Decimal("0.05"), Decimal(1), Decimal("100.0")]),
    installment_basis=st.sampled_from(["solved", "nominal"]),
    fees=st.lists(fee_rules, max_size=4).map(tuple),
    grace=st.builds(Grace, days=st.integers(0, 15), mode=st.sampled_from(["waive", "shift"])),
    penalty=st.builds(
        PenaltyRule,
        base=st.sampled_from(["principal", "principal_and_interest"]),
        uplift=decimals(0, 200, 2),
        rate_cap=st.none() | shares,
        compounding=st.sampled_from(["none", "monthly"]),
        day_basis=st.sampled_from([360, 365]),
    ),
    allocation=st.builds(
        AllocationRule,
        order=st.permutations(["principal", "interest", "fee", "guarantee_fee", "penalty"]).map(tuple),
        mode=st.sampled_from(["vertical", "horizontal"]),
        principal_first_after_dpd=st.none() | st.integers(0, 180),
        future=st.sampled_from(
            ["suspense", "next_installment", "last_installment", "reduce_installment", "shorten_term"]
        ),
    ),
    prepayment=prepayments,
    tolerance=st.builds(Tolerance, days=st.integers(0, 9), floor=decimals(0, 10_000, 2), percent=shares),
    cost_cap=st.builds(
        CostCap,
        regime=st.sampled_from(["cn_24", "house"]),
        rate=st.none() | decimals(1, 10**8, 8),
        formula=st.sampled_from(["apr_irr", "ear", "xirr"]),
    ),
    bands=bands,
)


@given(every_terms)
def test_what_is_written_is_read_back_the_same(terms: Terms) -> None:
    assert from_json(json.loads(json.dumps(to_json(terms)))) == terms


@given(every_terms, st.dictionaries(st.dates(), st.booleans(), max_size=4))
def test_a_loans_copy_keeps_the_days_declared_when_it_was_made(terms: Terms, declared: dict[date, bool]) -> None:
    overrides = {(terms.calendar, day): is_working for day, is_working in declared.items()}
    made = with_declared_days(terms, overrides=overrides | {("XX", date(2026, 1, 1)): False})
    assert dict(made.declared_days) == ({} if terms.holiday_shift == "none" else declared)
    assert copy_from_json(json.loads(json.dumps(copy_to_json(made)))) == made
    assert to_json(made) == to_json(terms)


def test_a_product_cannot_bring_declared_days_of_its_own() -> None:
    with pytest.raises(InvalidTerms) as refused:
        from_json(PLAIN | {"declared_days": {"2026-09-16": False}})
    assert refused.value.fields == {"declared_days": "is not known here"}


def test_equal_terms_are_written_alike() -> None:
    short = Terms("CNY", "flat", Decimal("0.18"), 12, multiple_of=Decimal(100))
    long = Terms("CNY", "flat", Decimal("0.1800"), 12, multiple_of=Decimal("1E+2"))
    assert to_json(short) == to_json(long)
    assert to_json(short)["multiple_of"] == "100"


def test_only_four_values_are_required_and_the_rest_has_its_default() -> None:
    assert from_json(PLAIN) == Terms("CNY", "equal_installment", Decimal("0.18"), 12)


def test_defaults_that_follow_the_currency() -> None:
    yen = from_json(PLAIN | {"currency": "UGX", "holiday_shift": "next"})
    assert yen.multiple_of == 1
    assert yen.calendar == "UG"
    assert yen.cost_cap == CostCap(regime="none", rate=None)


def test_json_numbers_are_exact_when_parsed_to_decimal() -> None:
    value = json.loads(json.dumps(PLAIN).replace('"0.18"', "0.18"), parse_float=Decimal)
    assert from_json(value).annual_rate == Decimal("0.18")
    assert from_json(PLAIN | {"annual_rate": 1}).annual_rate == 1


def test_everything_missing_is_named_at_once() -> None:
    assert faults_of({}) == dict.fromkeys(["annual_rate", "currency", "method", "periods"], "is required")


def test_every_fault_is_named_at_once_by_its_path() -> None:
    faults = faults_of(
        {
            "currency": "yuan",
            "method": "balloon",
            "annual_rate": "18%",
            "periods": 0,
            "colour": "red",
            "grace": {"days": -1},
            "fees": [{"code": "a", "way": "upfront_billed", "amount": "1"}, {"code": "b"}],
        }
    )
    assert sorted(faults) == [
        "annual_rate",
        "colour",
        "currency",
        "fees.1.amount",
        "fees.1.way",
        "grace.days",
        "method",
        "periods",
    ]
    assert faults["colour"] == "is not known here"
    assert faults["annual_rate"] == 'must be a decimal string such as "0.18"'


@pytest.mark.parametrize(
    ("name", "value", "reason"),
    [
        ("annual_rate", 0.18, 'must be a decimal string such as "0.18"'),
        ("annual_rate", True, 'must be a decimal string such as "0.18"'),
        ("annual_rate", "１８", 'must be a decimal string such as "0.18"'),
        ("annual_rate", "1e-1", 'must be a decimal string such as "0.18"'),
        ("annual_rate", Decimal("NaN"), 'must be a decimal string such as "0.18"'),
        ("annual_rate", Decimal("1E+999"), 'must be a decimal string such as "0.18"'),
        ("annual_rate", "-0.01", "must be from 0 to 100"),
        ("annual_rate", "100.1", "must be from 0 to 100"),
        ("annual_rate", "0.123456789", "must have at most 8 decimals"),
        ("annual_rate", None, 'must be a decimal string such as "0.18"'),
        ("periods", 1201, "must be a whole number from 1 to 1200"),
        ("periods", "12", "must be a whole number from 1 to 1200"),
        ("periods", True, "must be a whole number from 1 to 1200"),
        ("periods", Decimal("12.0"), "must be a whole number from 1 to 1200"),
        ("every", 0, "must be a whole number from 1 to 366"),
        ("due_day", 32, "must be a whole number from 1 to 31"),
        ("multiple_of", "0", "must be above 0 and at most 1000000"),
        ("multiple_of", "0.005", "must have at most 2 decimals"),
        ("calendar", "XX", "must be one of: none, CN, US, IN, GB, CZ, NG, UG, KE, MX, TW"),
        ("fees", {}, "must be a list of 0 to 20 items"),
        ("grace", [], "must be a JSON object"),
        ("multiple_of", False, 'must be a decimal string such as "0.18"'),
        ("method", ["flat"], "must be one of: equal_installment, equal_principal, interest_only, flat, single_payment"),
    ],
)
def test_a_bad_value_is_refused_with_its_reason(name: str, value: Any, reason: str) -> None:
    assert faults_of(PLAIN | {name: value}) == {name: reason}


@pytest.mark.parametrize(
    ("change", "path", "reason"),
    [
        ({"unit": "week", "due_day": 5}, "due_day", "only bills by the month have a due day"),
        ({"every": 12, "periods": 201}, "periods", "the schedule would run for more than 200 years"),
        ({"currency": "UGX", "multiple_of": "0.5"}, "multiple_of", "must be a multiple of 1 UGX"),
        (
            {"currency": "EUR", "holiday_shift": "next"},
            "calendar",
            "name one of: none, CN, US, IN, GB, CZ, NG, UG, KE, MX, TW; EUR has none of its own",
        ),
        (
            {"fees": [{"code": "x", "way": "per_period_fixed", "amount": "1.005"}]},
            "fees.0.amount",
            "must be a multiple of 0.01 CNY",
        ),
        (
            {"fees": [{"code": "x", "way": "per_period_of_balance", "amount": "1.5"}]},
            "fees.0.amount",
            "is a share of the principal or balance: must be from 0 to 1",
        ),
        (
            {"fees": [{"code": "x", "way": "upfront_billed", "amount": "1"}] * 2},
            "fees.1.code",
            "is used by another fee",
        ),
        ({"fees": ["x"]}, "fees.0", "must be a JSON object"),
        (
            {"prepayment": {"fee": "percent", "value": "2"}},
            "prepayment.value",
            "is a share of the principal: must be from 0 to 1",
        ),
        (
            {"prepayment": {"fee": "days_interest", "value": "1.5"}},
            "prepayment.value",
            "must be a whole number of days",
        ),
        (
            {"allocation": {"order": ["principal"] * 5}},
            "allocation.order",
            "must name each of principal, interest, fee, guarantee_fee, penalty once",
        ),
        ({"penalty": {"day_basis": 364}}, "penalty.day_basis", "must be 360 or 365"),
        (
            {"bands": [{"code": "C", "first": 1, "last": None}]},
            "bands.0.first",
            "must be 0: bands follow each other without gap or overlap",
        ),
        (
            {"bands": [{"code": "C", "first": 0, "last": 0}]},
            "bands.0.last",
            "must be null: the last band is open",
        ),
        (
            {"bands": [{"code": "C", "first": 0, "last": None}, {"code": "D", "first": 1, "last": None}]},
            "bands.0.last",
            "must be a day not before the first",
        ),
        (
            {"bands": [{"code": "C", "first": 0, "last": 0}, {"code": "C", "first": 1, "last": None}]},
            "bands.1.code",
            "is used by another band",
        ),
        (
            {"bands": [{"code": "C", "first": 0, "last": 0}, {"code": "very_late", "first": 1, "last": None}]},
            "bands.1.code",
            "must be 1 to 8 characters without spaces",
        ),
    ],
)
def test_values_that_do_not_go_together_are_refused(change: dict[str, Any], path: str, reason: str) -> None:
    assert faults_of(PLAIN | change) == {path: reason}


@pytest.mark.parametrize("value", [None, [], "terms", 12])
def test_terms_are_an_object(value: Any) -> None:
    assert faults_of(value) == {"terms": "must be a JSON object"}


def test_a_quote_request_is_read() -> None:
    assert quote_from_json(QUOTE | {"first_due_date": "2026-02-28", "due_day": 31}) == QuoteRequest(
        terms=Terms("CNY", "equal_installment", Decimal("0.18"), 12, due_day=31),
        principal=Decimal(12000),
        disbursed_on=date(2026, 1, 15),
        first_due_date=date(2026, 2, 28),
    )


def test_listed_due_dates_say_the_number_of_periods() -> None:
    asked = {name: value for name, value in QUOTE.items() if name != "periods"}
    request = quote_from_json(asked | {"due_dates": ["2026-02-28", "2026-03-31"]})
    assert request.terms.periods == 2
    assert request.due_dates == (date(2026, 2, 28), date(2026, 3, 31))


@pytest.mark.parametrize(
    ("change", "faults"),
    [
        ({"principal": "0"}, {"principal": "must be above 0 and at most 10000000000000"}),
        ({"principal": "10000000000000.01"}, {"principal": "must be above 0 and at most 10000000000000"}),
        ({"principal": "9" * 26}, {"principal": "must be above 0 and at most 10000000000000"}),
        ({"principal": "10.005"}, {"principal": "must be a multiple of 0.01 CNY"}),
        ({"principal": 10.5}, {"principal": 'must be a decimal string such as "0.18"'}),
        ({"disbursed_on": "2026-02-31"}, {"disbursed_on": "is not a day of the calendar"}),
        ({"disbursed_on": "20260131"}, {"disbursed_on": "must be a date written YYYY-MM-DD"}),
        ({"disbursed_on": "2200-01-01"}, {"disbursed_on": "must lie between 1900 and 2199"}),
        ({"first_due_date": "2026-01-15"}, {"first_due_date": "must be after disbursed_on"}),
        (
            {"due_dates": ["2026-02-15", "2026-02-15"], "first_due_date": "2026-02-15", "periods": 3},
            {
                "first_due_date": "cannot stand beside due_dates, which say it already",
                "due_dates": "must list 3 dates, one per period",
                "due_dates.1": "must come after 2026-02-15",
            },
        ),
        (
            {"method": "single_payment", "due_dates": ["2026-02-15", "2026-03-15"]},
            {"due_dates": "a single payment has one due date"},
        ),
    ],
)
def test_a_bad_quote_request_is_refused_by_name(change: dict[str, Any], faults: dict[str, str]) -> None:
    assert quote_faults_of(QUOTE | change) == faults


def test_a_single_payment_has_one_date_and_needs_no_periods() -> None:
    asked = {name: value for name, value in QUOTE.items() if name != "periods"}
    request = quote_from_json(asked | {"method": "single_payment", "due_dates": ["2026-03-01"]})
    assert (request.terms.periods, request.due_dates) == (1, (date(2026, 3, 1),))


def test_a_quote_request_names_terms_and_request_together() -> None:
    assert sorted(quote_faults_of({"method": "balloon"})) == [
        "annual_rate",
        "currency",
        "disbursed_on",
        "method",
        "periods",
        "principal",
    ]
    assert quote_faults_of([]) == {"terms": "must be a JSON object"}
