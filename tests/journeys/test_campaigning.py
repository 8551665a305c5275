"""A campaign lives with the book: planned by the close, within its cap and budget, compared with those left alone."""

from datetime import UTC, date, datetime
from decimal import Decimal
from itertools import count
from typing import Any

import pytest
from django.core.management import call_command

from backoffice.audit.models import AuditEntry
from backoffice.core.actors import SYSTEM
from backoffice.dayend.models import DayEndRange, DayEndStep
from backoffice.outreach.domain.assignment import holdout
from backoffice.outreach.domain.campaign_choice import salt_of
from backoffice.outreach.domain.experiments.effects import Sample
from backoffice.outreach.domain.targets import Target
from backoffice.outreach.models import CampaignDay, CampaignMember, Message, ReminderPlanVersion
from backoffice.outreach.services.campaigns import planning
from backoffice.outreach.services.starting import load_starter_plan
from backoffice.repayment.selectors.campaigns import shown
from backoffice.repayment.services import campaigns as planned_by_the_book
from backoffice.repayment.services.campaigns import plan_campaigns
from tests.journeys.conftest import Desk
from tests.repayment.campaigning import (
    JANUARY_15,
    a_borrower,
    an_audience,
    lived,
    running,
    states_of,
    words_and_gateways,
)

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _house(desk: Desk) -> None:
    words_and_gateways()
    desk.open(JANUARY_15)


def code_that_leaves_alone(borrower_id: int, *, not_: int) -> str:
    """A code whose groups leave the one alone and not the other, at a half."""
    half = Decimal("0.5")
    codes = (f"half-{number}" for number in count())
    return next(
        code
        for code in codes
        if holdout(salt=salt_of(code=code), unit_id=borrower_id, share=half)
        and not holdout(salt=salt_of(code=code), unit_id=not_, share=half)
    )


def test_the_close_of_a_day_plans_the_next_days_messages(desk: Desk) -> None:
    borrower = a_borrower()
    desk.disburse(borrower_id=borrower.pk)
    campaign = running(first_day="2026-02-15", last_day="2026-02-20")

    desk.until(date(2026, 2, 16))

    assert states_of(campaign) == [(borrower.pk, "planned", "")]
    message = Message.objects.get()
    assert (message.send_after, message.send_before) == (
        datetime(2026, 2, 16, 2, tzinfo=UTC),
        datetime(2026, 2, 16, 10, tzinfo=UTC),
    )
    day = CampaignDay.objects.get()
    assert (day.day, day.planned, day.held_out, day.full) == (date(2026, 2, 16), 1, 0, "")
    assert CampaignMember.objects.get().reserved == Decimal("0.0900")


def test_planning_a_day_twice_plans_it_once(desk: Desk) -> None:
    a_borrower()
    running()

    first, second = plan_campaigns(day=JANUARY_15), plan_campaigns(day=JANUARY_15)

    assert (first.messages, second.messages) == (1, 0)
    assert Message.objects.count() == CampaignDay.objects.count() == CampaignMember.objects.count() == 1


def test_the_close_plans_reminders_first_and_campaigns_around_them(desk: Desk) -> None:
    load_starter_plan(effective_from=JANUARY_15, actor=SYSTEM)
    version = ReminderPlanVersion.objects.get()
    version.content = version.content | {"holdout": "0"}
    version.save(update_fields=["content"])
    debtor, other = a_borrower(), a_borrower()
    desk.disburse(borrower_id=debtor.pk)
    campaign = running(first_day="2026-02-15", last_day="2026-02-20")

    desk.until(date(2026, 2, 16))

    planned = Message.objects.filter(state="planned").order_by("borrower_id").values_list("borrower_id", "purpose")
    assert list(planned) == [(debtor.pk, "collection"), (other.pk, "repeat")]
    assert CampaignDay.objects.get(campaign=campaign).counts == {"outranked": 1}
    step = DayEndStep.objects.get(run__day=date(2026, 2, 15), name="campaigns")
    assert step.counts == {"campaigns": 1, "messages": 1, "held_out": 0}


def test_a_bill_paid_stops_what_a_campaign_says_about_it_and_the_effect_counts_the_payment(desk: Desk) -> None:
    reminded, alone = a_borrower(), a_borrower()
    loans = {one.pk: desk.disburse(borrower_id=one.pk) for one in (reminded, alone)}
    desk.until(date(2026, 2, 17))
    code = code_that_leaves_alone(alone.pk, not_=reminded.pk)
    campaign = running(
        code,
        audience=an_audience("late", days_past_due={"from": 1}),
        purpose="collection",
        template="collection_d1",
        values={},
        first_day="2026-02-17",
        last_day="2026-02-25",
        holdout="0.5",
        outcome="pays",
        outcome_days=2,
    )
    plan_campaigns(day=desk.today)
    assert [row[:2] for row in states_of(campaign)] == [(reminded.pk, "planned")]

    desk.pay(loans[reminded.pk], "1200.00")

    assert states_of(campaign) == [(reminded.pk, "stopped", "paid")]
    (early,) = shown(campaigns=[campaign], within=None)
    assert early.effect is not None
    assert early.effect.effect.treated.units == 0, "their two days are not over"
    desk.until(date(2026, 2, 19))
    (late,) = shown(campaigns=[campaign], within=None)
    assert late.effect is not None
    assert late.effect.effect.treated == Sample(units=1, total=Decimal(1))
    assert late.effect.effect.control == Sample(units=1, total=Decimal(0))
    assert "those left alone" in late.sentence


def test_money_that_comes_while_a_campaign_is_planned_stops_what_it_says_about_the_bill(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    borrower = a_borrower()
    loan_id = desk.disburse(borrower_id=borrower.pk)
    desk.until(date(2026, 2, 17))
    campaign = running(
        audience=an_audience("late", days_past_due={"from": 1}),
        purpose="collection",
        template="collection_d1",
        values={},
        first_day="2026-02-17",
        last_day="2026-02-25",
    )

    def read_then_paid(**said: Any) -> list[Target]:
        found = read(**said)
        desk.pay(loan_id, "1200.00")
        return found

    read = planned_by_the_book.targets_of
    monkeypatch.setattr(planned_by_the_book, "targets_of", read_then_paid)
    plan_campaigns(day=desk.today)
    assert states_of(campaign) == [(borrower.pk, "stopped", "paid")]


def test_a_payment_taken_back_is_no_payment(desk: Desk) -> None:
    borrower = a_borrower()
    loan_id = desk.disburse(borrower_id=borrower.pk)
    desk.until(date(2026, 2, 17))
    campaign = running(
        audience=an_audience("late", days_past_due={"from": 1}),
        purpose="collection",
        template="collection_d1",
        values={},
        first_day="2026-02-17",
        last_day="2026-02-25",
        outcome="pays",
        outcome_days=1,
    )
    plan_campaigns(day=desk.today)
    desk.take_back(desk.pay(loan_id, "500.00"))
    desk.until(date(2026, 2, 18))
    (found,) = shown(campaigns=[campaign], within=None)
    assert found.effect is not None
    assert found.effect.effect.treated == Sample(units=1, total=Decimal(0))


def test_its_effect_is_what_those_it_went_to_did_beyond_those_left_alone() -> None:
    campaign = lived(borrowers=40)
    (found,) = shown(campaigns=[campaign], within=None)
    assert found.effect is not None
    alone = CampaignMember.objects.filter(is_held_out=True).values_list("borrower_id", flat=True)
    went_to = CampaignMember.objects.filter(is_held_out=False).values_list("borrower_id", flat=True)
    assert found.effect.effect.control == Sample(units=len(alone), total=Decimal(sum(pk % 4 == 0 for pk in alone)))
    assert found.effect.effect.treated == Sample(units=len(went_to), total=Decimal(sum(pk % 2 == 0 for pk in went_to)))
    assert found.funnel.spent == len(went_to) * Decimal("0.0100")
    assert found.left_of_budget == 20 - found.funnel.spent
    assert (found.funnel.left, found.funnel.reached, found.funnel.held_out) == (len(went_to), len(went_to), len(alone))


def test_the_close_plans_one_campaign_after_another_the_more_pressing_first(desk: Desk) -> None:
    borrower = a_borrower()
    desk.disburse(borrower_id=borrower.pk)
    days = {"first_day": "2026-02-16", "last_day": "2026-02-20"}
    sells = running("sells", **days)
    owing = an_audience("owing", days_past_due={"from": 1})
    collects = running("collects", audience=owing, purpose="collection", template="collection_d1", values={}, **days)

    desk.until(date(2026, 2, 16))

    work = DayEndRange.objects.filter(step__run__day=date(2026, 2, 15), step__name="campaigns").order_by("pk")
    assert list(work.values_list("first_id", "is_done")) == [(collects.pk, True), (sells.pk, True)]
    assert (len(states_of(collects)), states_of(sells)) == (1, [])
    moves = DayEndStep.objects.get(run__day=date(2026, 2, 15), name="campaign_moves")
    assert moves.counts == {"started": 2, "ended": 0}


def test_a_planner_killed_half_way_leaves_whole_campaigns_and_does_the_rest_the_next_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for country in ("CN", "CN", "CN", "TW"):
        a_borrower(country=country)
    first, second = running("first"), running("second", audience=an_audience("taiwan", countries=["TW"]))
    real = planning.plan_ranked

    def killed(**said: object) -> int:
        if said["wanted"] and said["wanted"][0].source == f"campaign:{second.pk}":  # type: ignore[index]
            raise KeyboardInterrupt
        return real(**said)  # type: ignore[arg-type]

    monkeypatch.setattr(planning, "plan_ranked", killed)
    with pytest.raises(KeyboardInterrupt):
        plan_campaigns(day=JANUARY_15)
    monkeypatch.setattr(planning, "plan_ranked", real)
    assert [len(states_of(one)) for one in (first, second)] == [3, 0]
    assert CampaignDay.objects.get().campaign_id == first.pk

    plan_campaigns(day=JANUARY_15)
    plan_campaigns(day=JANUARY_15)
    assert [len(states_of(one)) for one in (first, second)] == [3, 1]


def test_a_campaign_that_cannot_be_planned_keeps_no_other_waiting(settings: Any) -> None:
    a_borrower()
    with_link, plain = running("with-link"), running("plain", channels=["push"])
    settings.LENDER_APP_LINK = ""

    done = plan_campaigns(day=JANUARY_15)

    assert (done.campaigns, done.messages, done.refused) == (2, 1, 1)
    assert (states_of(with_link), len(states_of(plain))) == ([], 1)
    entry = AuditEntry.objects.get(verb="outreach.campaign.not_planned")
    assert "app_link" in entry.reason


def test_the_command_plans_a_day(capsys: pytest.CaptureFixture[str]) -> None:
    a_borrower()
    running()
    call_command("plan_campaigns")
    call_command("plan_campaigns", "--date", "2026-01-15")
    said = capsys.readouterr().out.splitlines()
    assert said[0] == (
        "2026-01-15: 1 campaigns, 1 new messages, 0 newly left alone, 0 started, 0 ended, 0 could not be planned"
    )
    assert "0 new messages" in said[1]
