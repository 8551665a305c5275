"""A reminder plan reads as its timeline; what contradicts itself is named by step and field."""

from decimal import Decimal
from typing import Any

import pytest

from backoffice.outreach.domain.channels import Channel
from backoffice.outreach.domain.plan_content import PlanFaulty, clock_of
from backoffice.outreach.domain.purposes import Purpose
from backoffice.outreach.domain.reminder_plans import StopCondition, parse, readable


def a_step(**changes: Any) -> dict[str, Any]:
    return {
        "id": "d-3",
        "offset": -3,
        "at": "10:00",
        "until": "18:00",
        "channels": ["push", "sms"],
        "template": "reminder_d3",
        "least": "0",
    } | changes


def faults_of(*steps: dict[str, Any], holdout: str = "0.1", debits: Any = ()) -> list[tuple[str, str, str]]:
    with pytest.raises(PlanFaulty) as raised:
        parse({"steps": list(steps), "holdout": holdout, "debits": list(debits)})
    return [(fault.step, fault.field, fault.problem) for fault in raised.value.faults]


def test_reads_the_steps_in_the_order_they_happen() -> None:
    plan = parse({"steps": [a_step(id="late", offset=1), a_step()], "holdout": "0.1"})

    assert [(step.id, step.offset, step.at, step.until) for step in plan.steps] == [
        ("d-3", -3, 600, 1080),
        ("late", 1, 600, 1080),
    ]
    assert plan.steps[0].channels == (Channel.PUSH, Channel.SMS)
    assert plan.holdout == Decimal("0.1")
    assert clock_of(605) == "10:05"


def test_from_the_day_after_the_due_date_it_is_collection() -> None:
    plan = parse({"steps": [a_step(id="0", offset=0), a_step(id="1", offset=1)]})

    assert [step.purpose for step in plan.steps] == [Purpose.REMINDER, Purpose.COLLECTION]


@pytest.mark.parametrize(
    ("change", "field", "problem"),
    [
        ({"offset": "soon"}, "offset", "not_a_day"),
        ({"offset": 61}, "offset", "not_a_day"),
        ({"at": "25:00"}, "at", "not_a_time"),
        ({"at": "10"}, "at", "not_a_time"),
        ({"until": "10:00"}, "until", "not_after_at"),
        ({"channels": []}, "channels", "not_channels"),
        ({"channels": ["call"]}, "channels", "not_channels"),
        ({"channels": ["sms", "sms"]}, "channels", "not_channels"),
        ({"template": ""}, "template", "missing"),
        ({"least": "-1"}, "least", "not_an_amount"),
        ({"least": "NaN"}, "least", "not_an_amount"),
        ({"most": "lots"}, "most", "not_an_amount"),
        ({"least": "20", "most": "10"}, "most", "below_least"),
        ({"currency": "yuan"}, "currency", "not_a_currency"),
        ({"language": "fr"}, "language", "not_a_language"),
        ({"stops": ["weather"]}, "stops", "not_stops"),
        ({"stops": "paid"}, "stops", "not_stops"),
    ],
)
def test_names_what_is_wrong_with_a_step(change: dict[str, Any], field: str, problem: str) -> None:
    assert faults_of(a_step(**change)) == [("d-3", field, problem)]


def test_refuses_a_plan_without_steps_and_a_share_that_is_none() -> None:
    assert faults_of(holdout="0.6") == [("", "steps", "none"), ("", "holdout", "not_a_share")]


def test_refuses_two_steps_at_once_and_one_amid_a_debit() -> None:
    assert faults_of(a_step(), a_step(id="other", at="12:00")) == [("other", "at", "overlaps")]
    assert faults_of(a_step(), a_step()) == [("d-3", "id", "twice"), ("d-3", "at", "overlaps")]
    assert faults_of(a_step(offset=0, until="11:00"), a_step(id="noon", offset=0, at="12:00")) == [
        ("noon", "offset", "same_day")
    ]
    assert faults_of(a_step(offset=0), debits=["11:00"]) == [("d-3", "at", "amid_a_debit")]
    assert parse({"steps": [a_step(offset=0)], "debits": ["18:00", "09:00"]}).debits == (540, 1080)
    assert faults_of(a_step(), debits=["noon"]) == [("", "debits", "not_times")]


def test_a_step_is_for_everybody_unless_it_says_for_whom() -> None:
    everybody, some = parse(
        {
            "steps": [
                a_step(),
                a_step(id="some", offset=-1, least="100", most="500.00", currency="CNY", language="zh-hans"),
            ]
        }
    ).steps

    assert everybody.audience.takes(amount=Decimal("0.01"), currency="USD", language="")
    takes = some.audience.takes
    assert takes(amount=Decimal(100), currency="CNY", language="zh-Hans")
    assert takes(amount=Decimal(500), currency="CNY", language="zh-CN")
    assert not takes(amount=Decimal("99.99"), currency="CNY", language="zh-Hans")
    assert not takes(amount=Decimal("500.01"), currency="CNY", language="zh-Hans")
    assert not takes(amount=Decimal(100), currency="USD", language="zh-Hans")
    assert not takes(amount=Decimal(100), currency="CNY", language="en")


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"most": "99.99"}, {"least": "100"}),
        ({"least": "100"}, {"most": "99.99"}),
        ({"currency": "CNY"}, {"currency": "USD"}),
        ({"language": "en"}, {"language": "zh-hans"}),
    ],
)
def test_two_steps_of_a_day_may_write_to_different_people(one: dict[str, Any], other: dict[str, Any]) -> None:
    assert len(parse({"steps": [a_step(**one), a_step(id="other", **other)]}).steps) == 2


def test_money_and_holds_stop_a_step_whatever_it_says() -> None:
    usual, bare = parse({"steps": [a_step(), a_step(id="bare", offset=-1, stops=[])]}).steps

    assert usual.stops == set(StopCondition)
    assert bare.stops == {StopCondition.PAID, StopCondition.HOLD}


def test_what_can_be_read_of_a_faulty_plan_is_drawn() -> None:
    drawn = readable({"steps": [a_step(), a_step(), a_step(id="bad", at="soon"), "x"], "holdout": "9", "debits": ["x"]})

    assert [step.id for step in drawn.steps] == ["d-3", "d-3"]
    assert (drawn.holdout, drawn.debits) == (0, ())
    assert readable({}).steps == ()
