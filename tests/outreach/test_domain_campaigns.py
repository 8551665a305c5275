"""A campaign reads as what it says, every contradiction named; who gets a message is stable order and room."""

from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backoffice.outreach.domain.assignment import holdout
from backoffice.outreach.domain.campaign_choice import Candidate, Past, Room, choose, salt_of
from backoffice.outreach.domain.campaign_hours import has_permitted_minute
from backoffice.outreach.domain.campaign_states import MOVES, CampaignState, may_become
from backoffice.outreach.domain.campaigns import Outcome, look_at_campaign, read_campaign
from backoffice.outreach.domain.channels import Channel
from backoffice.outreach.domain.packs import parse
from backoffice.outreach.domain.plan_content import PlanFaulty
from backoffice.outreach.domain.purposes import Purpose
from backoffice.outreach.domain.ranking import Ranked
from backoffice.outreach.selectors.packs import FILES
from tests.repayment.campaigning import content

DAY = date(2026, 1, 15)
AUDIENCE = {"countries": ["CN"]}


def campaign(**changes: Any) -> dict[str, Any]:
    return content(**({"audience": AUDIENCE} | changes))


def faults_of(**changes: Any) -> list[tuple[str, str, str]]:
    with pytest.raises(PlanFaulty) as raised:
        read_campaign(campaign(**changes))
    return [(fault.step, fault.field, fault.problem) for fault in raised.value.faults]


def test_reads_what_it_says() -> None:
    found = read_campaign(campaign(holdout="0.1", weekdays=[6, 7]))
    assert (found.purpose, found.channels, found.outcome) == (Purpose.REPEAT, (Channel.SMS,), Outcome.TAKES_A_LOAN)
    assert (found.at, found.until, found.budget, found.holdout) == (600, 1080, Decimal("1000.00"), Decimal("0.1"))
    assert [found.is_on(day=DAY + timedelta(days=ahead)) for ahead in range(4)] == [False, False, True, True]
    assert not found.is_on(day=date(2026, 1, 25))


@pytest.mark.parametrize(
    ("changes", "faults"),
    [
        ({"purpose": "notice"}, [("", "purpose", "not_a_purpose")]),
        ({"purpose": "reply"}, [("", "purpose", "not_a_purpose")]),
        ({"template": ""}, [("", "template", "missing")]),
        ({"channels": ["call"]}, [("", "channels", "not_channels")]),
        ({"channels": ["sms", "sms"]}, [("", "channels", "not_channels")]),
        ({"first_day": "soon"}, [("", "first_day", "not_a_date")]),
        ({"last_day": "2026-01-14"}, [("", "last_day", "before_first")]),
        ({"last_day": "2027-01-16"}, [("", "last_day", "too_long")]),
        ({"weekdays": []}, [("", "weekdays", "no_weekday")]),
        ({"weekdays": [8]}, [("", "weekdays", "no_weekday")]),
        ({"last_day": "2026-01-16", "weekdays": [1]}, [("", "weekdays", "never")]),
        ({"until": "10:00"}, [("", "until", "not_after_at")]),
        ({"at": "25:00"}, [("", "at", "not_a_time")]),
        ({"cap": 0}, [("", "cap", "not_a_count")]),
        ({"cap": True}, [("", "cap", "not_a_count")]),
        ({"budget": "-1"}, [("", "budget", "not_an_amount")]),
        ({"budget": "1.005"}, [("", "budget", "not_an_amount")]),
        ({"budget": "1.5", "currency": "JPY"}, [("", "budget", "not_an_amount")]),
        ({"currency": "yuan"}, [("", "currency", "no_currency")]),
        ({"holdout": "0.6"}, [("", "holdout", "not_a_share")]),
        ({"outcome": "smiles"}, [("", "outcome", "not_an_outcome")]),
        ({"outcome_days": 91}, [("", "outcome_days", "not_a_count")]),
        ({"values": {"amount": "CNY 1.00"}}, [("values", "amount", "not_a_value_of_a_campaign")]),
        ({"values": {"offer_amount": "a lot"}}, [("values", "offer_amount", "not_its_type")]),
        ({"values": "offer"}, [("", "values", "not_values")]),
        ({"audience": None}, [("", "audience", "missing")]),
        ({"audience": {}}, [("audience", "", "everybody")]),
        (
            {"last_day": "2026-01-14", "until": "09:00", "audience": {"days_past_due": {"from": 3, "to": 1}}},
            [
                ("audience", "days_past_due", "backwards"),
                ("", "until", "not_after_at"),
                ("", "last_day", "before_first"),
            ],
        ),
    ],
)
def test_names_every_contradiction(changes: dict[str, Any], faults: list[tuple[str, str, str]]) -> None:
    assert faults_of(**changes) == faults


def test_what_contradicts_itself_can_still_be_looked_at() -> None:
    found, faults = look_at_campaign(campaign(last_day="2026-01-14"))
    assert found is not None
    assert [fault.problem for fault in faults] == ["before_first"]
    assert look_at_campaign(campaign(cap=0))[0] is None


def test_states_change_only_by_the_table() -> None:
    assert MOVES[CampaignState.ENDED] == frozenset()
    assert not may_become(current=CampaignState.DRAFT, to=CampaignState.APPROVED)
    assert not may_become(current=CampaignState.SUBMITTED, to=CampaignState.RUNNING)
    assert may_become(current=CampaignState.PAUSED, to=CampaignState.RUNNING)


def test_a_window_the_rules_leave_no_minute_of_is_told() -> None:
    house = [parse((FILES / "house.toml").read_text())]

    def may(**changes: Any) -> bool:
        return has_permitted_minute(content=read_campaign(campaign(**changes)), packs=house, on=DAY)

    assert not may(at="20:00", until="23:00")
    assert may(at="19:59", until="23:00")
    assert may(at="20:00", until="23:00", channels=["sms", "inbox"]), "the inbox waits quietly"
    assert may(at="20:00", until="21:00", purpose="reminder")
    assert has_permitted_minute(content=read_campaign(campaign(at="01:00", until="02:00")), packs=[], on=DAY)


def chosen(
    count: int, *, cost: str = "1", messages: int = 100, money: str = "100", past: Any = None, **changes: Any
) -> Any:
    return choose(
        code="spring",
        content=read_campaign(campaign(**changes)),
        day=DAY,
        candidates=[Candidate(number, Decimal(cost)) for number in range(1, count + 1)],
        past=past or {},
        room=Room(messages=messages, money=Decimal(money)),
    )


def test_stops_at_the_cap_and_says_so() -> None:
    found = chosen(10, messages=3)
    assert (len(found.chosen), found.full, found.beyond) == (3, "cap", 7)


def test_stops_at_the_budget_to_the_last_unit() -> None:
    found = chosen(10, cost="0.045", money="0.135")
    assert (len(found.chosen), found.full, found.reserved) == (3, "budget", Decimal("0.135"))
    assert len(chosen(10, cost="0.045", money="0.1349").chosen) == 2
    assert len(chosen(10, cost="0", money="0").chosen) == 10


def test_one_borrower_gets_no_more_and_no_sooner_than_said() -> None:
    past = {
        1: Past(is_held_out=False, messages=1, last_day=DAY - timedelta(days=6)),
        2: Past(is_held_out=False, messages=1, last_day=DAY - timedelta(days=7)),
        3: Past(is_held_out=False, messages=2, last_day=DAY - timedelta(days=60)),
        4: Past(is_held_out=True),
        5: Past(is_held_out=False),
    }
    found = chosen(6, past=past)
    assert sorted(one.borrower_id for one in found.chosen) == [2, 5, 6]
    assert (found.too_soon, found.had_all, found.held_out, found.left_alone) == (1, 1, 1, [])


@given(st.integers(0, 60), st.integers(0, 60), st.decimals(0, 40, places=2), st.sampled_from(["0", "0.1", "0.5"]))
def test_never_passes_cap_or_budget_and_leaves_alone_by_the_hash(
    count: int, messages: int, money: Decimal, share: str
) -> None:
    found = chosen(count, cost="0.7", messages=messages, money=str(money), holdout=share)
    assert len(found.chosen) <= messages
    assert found.reserved == len(found.chosen) * Decimal("0.7") <= money
    assert len(found.chosen) + found.held_out + found.beyond == count
    for borrower_id in found.left_alone:
        assert holdout(salt=salt_of(code="spring"), unit_id=borrower_id, share=Decimal(share))
    for one in found.chosen:
        assert not holdout(salt=salt_of(code="spring"), unit_id=one.borrower_id, share=Decimal(share))
    if found.full:
        assert len(found.chosen) == messages or found.reserved + Decimal("0.7") > money


@given(st.integers(1, 60), st.integers(0, 30))
def test_a_wider_cap_keeps_everybody_a_narrower_one_chose(count: int, messages: int) -> None:
    narrow, wide = chosen(count, messages=messages, holdout="0.2"), chosen(count, messages=messages + 5, holdout="0.2")
    assert {one.borrower_id for one in narrow.chosen} <= {one.borrower_id for one in wide.chosen}
    assert set(narrow.left_alone) <= set(wide.left_alone)


def test_the_more_pressing_purpose_goes_first_then_plans_then_the_older_source() -> None:
    order = [
        Ranked(Purpose.COLLECTION, "campaign:9", None, "a"),
        Ranked(Purpose.REMINDER, "plan:7", 3, "b"),
        Ranked(Purpose.REMINDER, "plan:7", 4, "a"),
        Ranked(Purpose.REMINDER, "plan:10", 1, "a"),
        Ranked(Purpose.REMINDER, "campaign:2", None, "a"),
        Ranked(Purpose.REPEAT, "campaign:2", None, "a"),
        Ranked(Purpose.MARKETING, "campaign:1", None, "a"),
    ]
    shuffled = [order[place] for place in (4, 6, 0, 2, 5, 1, 3)]
    assert sorted(shuffled, key=lambda one: one.standing) == order
