"""An audience reads as what it asks for; what nobody can meet is named, and its form is read back to the same."""

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backoffice.outreach.domain.audiences import (
    AmountBetween,
    AudienceFilter,
    Between,
    as_content,
    may_be_seen,
    may_be_worked,
    read_audience,
)
from backoffice.outreach.domain.plan_content import PlanFaulty


def faults_of(**content: Any) -> list[tuple[str, str]]:
    with pytest.raises(PlanFaulty) as raised:
        read_audience(content)
    return [(fault.field, fault.problem) for fault in raised.value.faults]


def test_reads_every_part() -> None:
    found = read_audience(
        {
            "portfolios": ["cash", "cash"],
            "countries": ["CN"],
            "languages": ["zh"],
            "loans": "active",
            "buckets": ["M1", "M6+"],
            "days_past_due": {"from": 1, "to": 3},
            "outstanding": {"from": "100", "to": "5000.50", "currency": "CNY"},
            "loans_taken": {"from": 2},
            "due_in": {},
            "settled_ago": None,
        }
    )
    assert found == AudienceFilter(
        portfolios=("cash",),
        countries=("CN",),
        languages=("zh",),
        loans="active",
        buckets=("M1", "M6+"),
        days_past_due=Between(1, 3),
        outstanding=AmountBetween(Decimal(100), Decimal("5000.50"), "CNY"),
        loans_taken=Between(2, None),
    )
    assert found.is_of_running_loans
    assert not found.is_of_settled_loans


@pytest.mark.parametrize(
    ("content", "faults"),
    [
        ({}, [("", "everybody")]),
        ({"portfolios": []}, [("", "everybody")]),
        ({"wealth": "high"}, [("wealth", "unknown_field")]),
        ({"countries": ["China"]}, [("countries", "not_names")]),
        ({"languages": "zh"}, [("languages", "not_names")]),
        ({"loans": "lost"}, [("loans", "not_a_status")]),
        ({"days_past_due": {"from": 3, "to": 1}}, [("days_past_due", "backwards")]),
        ({"days_past_due": {"from": -1}}, [("days_past_due", "not_a_range")]),
        ({"due_in": 3}, [("due_in", "not_a_range")]),
        ({"loans_taken": {"from": 1001}}, [("loans_taken", "not_a_range")]),
        ({"outstanding": {"from": "100"}}, [("outstanding", "without_currency")]),
        ({"outstanding": {"from": "9", "to": "1", "currency": "CNY"}}, [("outstanding", "backwards")]),
        ({"outstanding": {"from": "much", "currency": "CNY"}}, [("outstanding", "not_a_range")]),
        ({"outstanding": {"least": "1"}}, [("outstanding", "not_a_range")]),
        ({"loans": "settled", "buckets": ["M1"]}, [("buckets", "running_and_settled")]),
        ({"loans": "active", "settled_ago": {"to": 30}}, [("loans", "running_and_settled")]),
        ({"loans": "active", "loans_taken": {"to": 0}}, [("loans_taken", "no_loan_and_a_loan")]),
        ({"due_in": {"to": 3}, "days_past_due": {"from": 1}}, [("due_in", "due_and_past_due")]),
        ({"due_in": {"to": 3}, "buckets": ["M1"]}, [("due_in", "due_and_past_due")]),
        (
            {"countries": ["x"], "buckets": [1], "days_past_due": {"to": "3"}},
            [("countries", "not_names"), ("buckets", "not_names"), ("days_past_due", "not_a_range")],
        ),
    ],
)
def test_names_every_part_nobody_can_meet(content: dict[str, Any], faults: list[tuple[str, str]]) -> None:
    assert faults_of(**content) == faults


def test_a_bill_due_soon_goes_with_a_current_loan() -> None:
    assert read_audience({"due_in": {"to": 3}, "buckets": ["M0"], "days_past_due": {"to": 0}}).due_in == Between(
        None, 3
    )


betweens = st.none() | st.tuples(st.none() | st.integers(0, 50), st.none() | st.integers(51, 99)).map(
    lambda ends: Between(*ends) if any(end is not None for end in ends) else None
)
audiences = st.builds(
    AudienceFilter,
    portfolios=st.lists(st.sampled_from(["cash", "farm loans"]), unique=True).map(tuple),
    countries=st.lists(st.sampled_from(["CN", "TW"]), unique=True).map(tuple),
    languages=st.lists(st.sampled_from(["zh", "en"]), unique=True).map(tuple),
    loans=st.none(),
    days_past_due=betweens,
    loans_taken=betweens,
    outstanding=st.none() | st.builds(AmountBetween, st.decimals(0, 9, places=2), st.none(), st.just("CNY")),
)


@given(audiences)
def test_its_content_is_read_back_to_the_same(found: AudienceFilter) -> None:
    if found == AudienceFilter():
        assert faults_of(**as_content(found)) == [("", "everybody")]
    else:
        assert read_audience(as_content(found)) == found


@pytest.mark.parametrize(
    ("named", "within", "seen", "worked"),
    [
        (["cash"], None, True, True),
        ([], None, True, True),
        (["cash"], {"cash"}, True, True),
        (["cash"], {"cash", "farm"}, True, True),
        (["cash", "farm"], {"cash"}, True, False),
        ([], {"cash"}, True, False),
        (["farm"], {"cash"}, False, False),
        (["farm"], set(), False, False),
        ([], set(), False, False),
    ],
)
def test_is_worked_by_whoever_works_on_all_it_names_and_seen_by_whoever_works_on_any_it_means(
    named: list[str], within: set[str] | None, seen: bool, worked: bool
) -> None:
    content = {"countries": ["CN"]} | ({"portfolios": named} if named else {})
    theirs = None if within is None else frozenset(within)
    assert (may_be_seen(content, within=theirs), may_be_worked(content, within=theirs)) == (seen, worked)
