"""Campaigns: agreed to by two people, planned once within cap and budget, ranked against all else, stopped."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.db import IntegrityError, connection, transaction
from django.test.utils import CaptureQueriesContext
from django.utils import translation

from backoffice.audit import approvals
from backoffice.audit.approvals import AlreadyDecided
from backoffice.audit.models import Approval, AuditEntry
from backoffice.calendars.models import BusinessDay
from backoffice.calendars.services import open_first_day
from backoffice.core.actors import SYSTEM
from backoffice.outreach.domain.channels import Channel
from backoffice.outreach.domain.purposes import Purpose
from backoffice.outreach.domain.targets import Target
from backoffice.outreach.models import (
    Audience,
    Campaign,
    CampaignDay,
    CampaignMember,
    Gateway,
    Message,
    TemplateVersion,
)
from backoffice.outreach.services import campaigns, waking
from backoffice.outreach.services.audiences import (
    AudienceInUse,
    AudienceNotFound,
    AudienceRefused,
    AudienceTaken,
    change_audience,
    create_audience,
    retire_audience,
)
from backoffice.outreach.services.campaigns import CampaignsMoved
from backoffice.outreach.services.campaigns.locking import (
    CampaignBeyond,
    CampaignNotFound,
    CampaignNotInState,
    CampaignOver,
    CampaignRefused,
    CampaignTaken,
)
from backoffice.outreach.services.messages import Planned, stop_messages
from backoffice.outreach.services.ranking import lock_borrowers, plan_ranked, rank
from backoffice.outreach.services.sending import send_while_due
from tests.outreach.messaging import gateway
from tests.repayment.campaigning import (
    CHECKER,
    DRAFTER,
    JANUARY_15,
    a_borrower,
    an_audience,
    content,
    drafted,
    running,
    states_of,
    submitted,
    words_and_gateways,
)
from tests.staff.factories import actor

SHANGHAI = ZoneInfo("Asia/Shanghai")
SEGMENTS = Decimal("0.0900")
"""The offer takes two segments of 0.0450."""


@pytest.fixture
def _house(db: None) -> None:
    words_and_gateways()
    open_first_day(day=JANUARY_15, actor=SYSTEM)


def targets(count: int, **fields: Any) -> list[Target]:
    made = [a_borrower() for _ in range(count)]
    usual = {"language": "zh", "time_zone": "Asia/Shanghai"} | fields
    return [Target(borrower_id=one.pk, **usual) for one in made]


def plan(campaign: Campaign, asked: list[Target], day: date = JANUARY_15) -> campaigns.DayPlanned:
    return campaigns.plan_campaign_day(
        campaign_id=campaign.pk, day=day, targets=asked, owed_now=lambda _ids: [], actor=SYSTEM
    )


def a_reminder(target: Target, number: int = 1, *, hour: int = 9, day: date = JANUARY_15) -> Planned:
    version = words("reminder_d1")
    at = datetime(day.year, day.month, day.day, hour, tzinfo=SHANGHAI)
    return Planned(
        key=f"plan:{number}:d-1:loan:{target.borrower_id}",
        borrower_id=target.borrower_id,
        channel=Channel.SMS,
        purpose=Purpose.REMINDER,
        template_version_id=version,
        variables={"amount": "CNY 1100.16", "due_date": "2026-01-16"},
        send_after=at,
        send_before=at + timedelta(hours=6),
        loan_id=target.borrower_id,
        source=f"plan:{number}",
    )


def words(code: str, channel: str = "sms", language: str = "zh-hans") -> int:
    return TemplateVersion.objects.get(template__code=code, channel=channel, language=language).pk


def remind(wanted: list[Planned]) -> int:
    with transaction.atomic():
        lock_borrowers(wanted=wanted)
        return plan_ranked(wanted=wanted, ranking=rank(wanted=wanted), actor=SYSTEM)


# ------------------------------------------------------------------------------------------------ audiences


@pytest.mark.usefixtures("_house")
def test_an_audience_is_saved_changed_and_retired_with_what_it_was_before() -> None:
    audience = an_audience("far", countries=["CN"], languages=[])
    assert audience.content == {"countries": ["CN"]}
    change_audience(
        audience_id=audience.pk,
        name="Far",
        name_zh="",
        content={"countries": ["TW"]},
        reason="moved",
        within=None,
        actor=DRAFTER,
    )
    entry = AuditEntry.objects.get(verb="outreach.audience.changed")
    assert (entry.before["content"], entry.after["content"]) == ({"countries": ["CN"]}, {"countries": ["TW"]})
    retire_audience(audience_id=audience.pk, reason="done", within=None, actor=DRAFTER)
    with pytest.raises(AudienceNotFound):
        retire_audience(audience_id=audience.pk, reason="again", within=None, actor=DRAFTER)


@pytest.mark.usefixtures("_house")
def test_an_audience_that_contradicts_itself_or_is_taken_or_in_use_is_refused() -> None:
    with pytest.raises(AudienceRefused) as refusal:
        an_audience("nobody", loans="settled", buckets=["M1"], days_past_due={"from": 3, "to": 1})
    assert set(refusal.value.fields) == {"days_past_due"}
    assert refusal.value.next_step
    assert not Audience.objects.exists()
    campaign = drafted()
    with pytest.raises(AudienceTaken):
        create_audience(
            code="for-spring", name="x", name_zh="", content={"countries": ["CN"]}, within=None, actor=DRAFTER
        )
    with pytest.raises(AudienceInUse):
        retire_audience(audience_id=campaign.audience_id, reason="no", within=None, actor=DRAFTER)


# ------------------------------------------------------------------------------------------------ two people


@pytest.mark.usefixtures("_house")
def test_submitting_names_every_fault_at_once_and_changes_nothing() -> None:
    Gateway.objects.filter(channel="sms").update(currency="USD")
    campaign = drafted(
        last_day="2026-01-14", at="22:00", until="23:00", template="reminder_d1", values={"coupon": "15 days free"}
    )
    with pytest.raises(CampaignRefused) as refusal:
        submitted(campaign)
    assert set(refusal.value.fields) == {"last_day", "template", "at", "currency"}
    assert refusal.value.next_step
    campaign.refresh_from_db()
    assert campaign.state == "draft"
    assert not Approval.objects.exists()


@pytest.mark.usefixtures("_house")
@pytest.mark.parametrize(
    ("changes", "faults"),
    [
        ({"template": "nothing"}, {"template"}),
        ({"channels": ["letter"]}, {"template"}),
        ({"values": {}}, {"values.offer_amount", "values.offer_until"}),
        ({"purpose": "collection", "template": "collection_d1", "values": {}}, {"template"}),
        ({"at": "20:00", "until": "21:00"}, {"at"}),
        ({"first_day": "2026-01-01", "last_day": "2026-01-10"}, {"last_day"}),
    ],
)
def test_what_templates_rules_and_days_contradict_is_refused(changes: dict[str, Any], faults: set[str]) -> None:
    with pytest.raises(CampaignRefused) as refusal:
        submitted(drafted(**changes))
    assert set(refusal.value.fields) == faults


@pytest.mark.usefixtures("_house")
def test_a_person_of_some_portfolios_submits_for_those_alone() -> None:
    campaign = drafted(audience=an_audience("cash", portfolios=["cash", "farm"]))
    ask = {"campaign_id": campaign.pk, "reason": "spring", "actor": DRAFTER}
    with pytest.raises(CampaignBeyond) as refusal:
        campaigns.submit_campaign(within=frozenset({"cash"}), **ask)
    assert refusal.value.next_step
    with pytest.raises(CampaignNotFound):
        campaigns.submit_campaign(within=frozenset({"north"}), **ask)
    campaigns.submit_campaign(within=frozenset({"cash", "farm"}), **ask)


@pytest.mark.usefixtures("_house")
def test_another_person_approves_and_what_was_submitted_is_frozen_with_its_audience() -> None:
    campaign = drafted()
    request = submitted(campaign, by=actor("team_lead", actor_id=13))
    assert (request.amount, request.currency) == (Decimal("1000.00"), "CNY")
    change_audience(
        audience_id=campaign.audience_id,
        name="x",
        name_zh="",
        content={"countries": ["TW"]},
        reason="",
        within=None,
        actor=DRAFTER,
    )
    refused = approvals.approve(approval_id=request.pk, actor=DRAFTER)
    assert (refused.state, Campaign.objects.get().state) == ("failed", "submitted"), "who wrote it may not approve it"

    campaigns.take_back(campaign_id=campaign.pk, reason="again", within=None, actor=DRAFTER)
    approvals.approve(approval_id=submitted(campaign).pk, actor=CHECKER)
    campaign.refresh_from_db()
    assert (campaign.state, campaign.approved_by_name) == ("approved", "Grace")
    assert campaign.content["audience"] == {"countries": ["TW"]}
    with pytest.raises(IntegrityError), transaction.atomic():
        Campaign.objects.update(content=campaign.content | {"cap": 2_000})


@pytest.mark.usefixtures("_house")
def test_whoever_decides_reads_what_it_may_do_at_most_in_their_own_language() -> None:
    request = submitted(drafted(holdout="0.1"))
    assert campaigns.consequence_of(request).replace("\u00a0", " ") == (
        "At most 1,000 messages for at most ¥ 1,000.00, from 15 Jan 2026 to 24 Jan 2026; 10 % of the borrowers are "
        "left alone to compare with."
    )
    with translation.override("zh-hans"):
        assert "最多 1,000 条消息" in campaigns.consequence_of(request)
    request.payload = {"campaign": 0}
    assert campaigns.consequence_of(request) == request.consequence


@pytest.mark.usefixtures("_house")
def test_taking_back_withdraws_the_request() -> None:
    campaign = drafted()
    request = submitted(campaign)
    campaigns.take_back(campaign_id=campaign.pk, reason="not yet", within=None, actor=DRAFTER)
    request.refresh_from_db()
    campaign.refresh_from_db()
    assert (request.state, campaign.state) == ("withdrawn", "draft")
    with pytest.raises(AlreadyDecided):
        approvals.approve(approval_id=request.pk, actor=CHECKER)


@pytest.mark.usefixtures("_house")
@pytest.mark.parametrize(
    "verb",
    [
        campaigns.take_back,
        campaigns.pause_campaign,
        campaigns.resume_campaign,
        campaigns.end_campaign,
    ],
)
def test_a_draft_is_only_changed_submitted_or_discarded(verb: Callable[..., object]) -> None:
    campaign = drafted()
    with pytest.raises(CampaignNotInState) as refusal:
        verb(campaign_id=campaign.pk, reason="now", within=None, actor=DRAFTER)
    assert refusal.value.next_step
    with pytest.raises(CampaignNotFound):
        verb(campaign_id=0, reason="now", within=None, actor=DRAFTER)
    campaigns.discard_campaign(campaign_id=campaign.pk, reason="no", within=None, actor=DRAFTER)
    with pytest.raises(CampaignNotInState):
        campaigns.discard_campaign(campaign_id=campaign.pk, reason="no", within=None, actor=DRAFTER)


@pytest.mark.usefixtures("_house")
def test_a_draft_is_changed_and_a_running_campaign_copied() -> None:
    draft = drafted()
    said = {"name": "Summer", "name_zh": "夏", "audience_id": draft.audience_id, "note": "warm"}
    campaigns.change_campaign(campaign_id=draft.pk, content=content(cap=5), within=None, actor=DRAFTER, **said)
    draft.refresh_from_db()
    assert (draft.name, draft.content["cap"], draft.content["audience"]) == ("Summer", 5, {"countries": ["CN"]})
    live = running("live")
    with pytest.raises(CampaignNotInState):
        campaigns.change_campaign(campaign_id=live.pk, content=content(), within=None, actor=DRAFTER, **said)
    copy = campaigns.copy_campaign(campaign_id=live.pk, code="live-2", within=None, actor=DRAFTER)
    assert (copy.state, copy.content) == ("draft", live.content)
    with pytest.raises(CampaignTaken):
        campaigns.copy_campaign(campaign_id=live.pk, code="live-2", within=None, actor=DRAFTER)


@pytest.mark.usefixtures("_house")
def test_an_approved_campaign_starts_with_its_first_day_and_may_be_held_back_until_then() -> None:
    early, held = drafted("early"), drafted("held")
    for one in (early, held):
        approvals.approve(approval_id=submitted(one).pk, actor=CHECKER)
    campaigns.pause_campaign(campaign_id=held.pk, reason="wait", within=None, actor=DRAFTER)
    the_day_before, first = date(2026, 1, 14), date(2026, 1, 15)
    assert not campaigns.campaigns_to_move(on=the_day_before)
    assert campaigns.move_campaigns(on=the_day_before) == CampaignsMoved()
    assert campaigns.campaigns_to_move(on=first)
    assert campaigns.move_campaigns(on=first) == CampaignsMoved(started=1)
    assert campaigns.move_campaigns(on=first) == CampaignsMoved()
    early.refresh_from_db()
    held.refresh_from_db()
    assert (early.state, held.state) == ("running", "paused")


@pytest.mark.usefixtures("_house")
def test_a_campaign_whose_days_are_over_neither_starts_nor_resumes_and_ends_by_itself() -> None:
    late, paused = drafted("late"), running("paused")
    approvals.approve(approval_id=submitted(late).pk, actor=CHECKER)
    campaigns.pause_campaign(campaign_id=paused.pk, reason="wait", within=None, actor=DRAFTER)
    BusinessDay.objects.update(today=date(2026, 1, 25))
    with pytest.raises(CampaignOver):
        campaigns.resume_campaign(campaign_id=paused.pk, reason="now", within=None, actor=DRAFTER)
    assert campaigns.move_campaigns(on=date(2026, 1, 25)) == CampaignsMoved()
    assert campaigns.move_campaigns(on=date(2026, 1, 26)) == CampaignsMoved(ended=2)
    assert set(Campaign.objects.values_list("state", flat=True)) == {"ended"}


# ------------------------------------------------------------------------------------------------ planning


@pytest.mark.usefixtures("_house")
def test_a_day_is_planned_once_in_the_borrowers_own_day() -> None:
    campaign = running()
    asked = targets(2) + targets(1, time_zone="America/New_York", language="en")
    first, second = plan(campaign, asked), plan(campaign, asked)
    assert (first.planned, first.is_new, second.planned, second.is_new) == (3, True, 3, False)
    messages = Message.objects.order_by("borrower_id")
    assert [one.send_after.isoformat() for one in messages] == [
        "2026-01-15T02:00:00+00:00",
        "2026-01-15T02:00:00+00:00",
        "2026-01-15T15:00:00+00:00",
    ]
    assert [one.template_version.language for one in messages] == ["zh-hans", "zh-hans", "en"]
    assert CampaignDay.objects.get().planned == 3
    assert AuditEntry.objects.filter(verb="outreach.campaign.planned").count() == 1


@pytest.mark.usefixtures("_house")
def test_nothing_is_planned_by_a_campaign_that_does_not_run_or_is_not_on() -> None:
    asked = targets(1)
    live = running("live", weekdays=[5])
    approved = drafted("approved")
    approvals.approve(approval_id=submitted(approved).pk, actor=CHECKER)
    assert plan(approved, asked).planned == 0
    assert plan(live, asked, JANUARY_15).planned == 0, "15 January is a Thursday"
    assert plan(live, asked, date(2026, 1, 16)).planned == 1
    assert plan(live, asked, date(2026, 2, 6)).planned == 0


@pytest.mark.usefixtures("_house")
def test_the_budget_is_reserved_to_the_last_unit_and_freed_when_a_message_is_stopped() -> None:
    campaign = running(budget="0.27", every_days=1, most_each=100)
    asked = targets(5)
    first = plan(campaign, asked)
    assert (first.planned, first.reserved, first.full) == (3, 3 * SEGMENTS, "budget")
    assert plan(campaign, asked, date(2026, 1, 16)).planned == 0, "all of it is reserved"
    stopped = Message.objects.order_by("pk").first()
    stop_messages(message_ids=[stopped.pk], reason="by_staff", actor=DRAFTER)
    third = plan(campaign, asked, date(2026, 1, 17))
    assert (third.planned, third.full) == (1, "budget")


@pytest.mark.usefixtures("_house")
def test_what_was_spent_counts_and_a_channel_that_may_follow_is_reserved_too() -> None:
    campaign = running(channels=["push", "sms"], budget="0.27", every_days=1, most_each=100)
    asked = targets(3)
    assert plan(campaign, asked).reserved == 3 * SEGMENTS
    # The push went out for nothing; while the SMS may still follow it that day and the next, its price stays reserved.
    Message.objects.update(state="blocked")
    assert plan(campaign, asked, date(2026, 1, 16)).reserved == 3 * SEGMENTS


@pytest.mark.usefixtures("_house")
def test_the_cap_counts_what_went_out_or_may_still() -> None:
    campaign = running(cap=2, every_days=1)
    asked = targets(4)
    assert (plan(campaign, asked).planned, plan(campaign, asked, date(2026, 1, 16)).planned) == (2, 0)
    Message.objects.update(state="blocked", code="core.opt_out")
    later = plan(campaign, asked, date(2026, 1, 17))
    assert later.planned == 2


@pytest.mark.usefixtures("_house")
def test_those_left_alone_stay_so_and_get_nothing() -> None:
    campaign = running(holdout="0.5", every_days=1, most_each=10)
    asked = targets(40)
    first = plan(campaign, asked)
    second = plan(campaign, asked, date(2026, 1, 16))
    alone = set(CampaignMember.objects.filter(is_held_out=True).values_list("borrower_id", flat=True))
    assert first.held_out == len(alone)
    assert second.held_out == 0
    assert second.counts["held_out"] == len(alone)
    assert 0 < len(alone) < 40
    assert not Message.objects.filter(borrower_id__in=alone).exists()


@pytest.mark.usefixtures("_house")
def test_a_thousand_borrowers_take_as_many_statements_as_one() -> None:
    counts = []
    for size in (1, 1_000):
        campaign, asked = running(f"c{size}"), targets(size)
        with CaptureQueriesContext(connection) as queries:
            assert plan(campaign, asked).planned == size
        counts.append(len([one for one in queries if "SAVEPOINT" not in one["sql"]]))
    assert counts[0] == counts[1]


@pytest.mark.usefixtures("_house")
def test_who_cannot_be_spoken_to_is_counted_and_a_name_in_the_text_is_counted_by_its_length() -> None:
    campaign = running(template="recall", purpose="recall", channels=["email"], values={})
    gateway(Channel.EMAIL, unit_cost="0.0100")
    done = plan(campaign, targets(2))
    assert (done.planned, done.reserved) == (2, Decimal("0.0200"))


@pytest.mark.django_db(transaction=True)
def test_two_planners_at_once_plan_a_day_once_and_never_pass_the_budget(monkeypatch: pytest.MonkeyPatch) -> None:
    # The sender would look at the clock on the wall, and find everything planned in January too late.
    monkeypatch.setattr(waking, "wake_sender", lambda: None)
    words_and_gateways()
    open_first_day(day=JANUARY_15, actor=SYSTEM)
    campaign = running(budget="0.63", every_days=1, most_each=50)
    asked = targets(12)

    def planner(day: date) -> int:
        try:
            return plan(campaign, asked, day).planned
        finally:
            connection.close()

    days = [JANUARY_15, JANUARY_15, date(2026, 1, 16), date(2026, 1, 16), date(2026, 1, 17), date(2026, 1, 17)]
    with ThreadPoolExecutor(max_workers=6) as planners:
        list(planners.map(planner, days))
    assert Message.objects.count() == 7
    assert sum(CampaignMember.objects.values_list("reserved", flat=True)) == 7 * SEGMENTS
    assert CampaignDay.objects.count() == 3


# ------------------------------------------------------------------------------------------------ ranking


@pytest.mark.usefixtures("_house")
@pytest.mark.parametrize("reminder_first", [True, False])
def test_one_borrower_gets_one_message_a_day_the_more_pressing_whoever_planned_first(reminder_first: bool) -> None:
    campaign, asked = running(), targets(2)
    reminder = [a_reminder(asked[0])]
    if reminder_first:
        remind(reminder)
        done = plan(campaign, asked)
        assert (done.planned, done.counts["outranked"]) == (1, 1)
    else:
        assert plan(campaign, asked).planned == 2
        remind(reminder)
        assert states_of(campaign)[0] == (asked[0].borrower_id, "stopped", "outranked")
    left = Message.objects.filter(state="planned").order_by("borrower_id").values_list("borrower_id", "purpose")
    assert list(left) == [(asked[0].borrower_id, "reminder"), (asked[1].borrower_id, "repeat")]
    remind(reminder)
    plan(campaign, asked)
    assert Message.objects.filter(state="planned").count() == 2


@pytest.mark.usefixtures("_house")
@pytest.mark.parametrize("order", [("a", "b"), ("b", "a")])
def test_of_two_campaigns_of_one_purpose_the_older_wins_in_either_order(order: tuple[str, str]) -> None:
    made = {"a": running("a"), "b": running("b")}
    asked = targets(1)
    for name in order:
        plan(made[name], asked)
    planned = Message.objects.filter(state="planned").values_list("source", flat=True)
    assert list(planned) == [f"campaign:{made['a'].pk}"]


@pytest.mark.usefixtures("_house")
def test_another_day_and_what_stands_outside_the_ranking_are_no_rivals() -> None:
    campaign, asked = running(), targets(2)
    remind([a_reminder(asked[0], day=date(2026, 1, 16))])
    reply = a_reminder(asked[1])
    remind([Planned(**{**{name: getattr(reply, name) for name in reply.__slots__}, "source": "", "key": "receipt"})])
    assert plan(campaign, asked).planned == 2


@pytest.mark.usefixtures("_house")
def test_a_borrower_whose_message_was_outranked_is_free_the_next_day() -> None:
    campaign, asked = running(every_days=7, most_each=1), targets(1)
    plan(campaign, asked)
    remind([a_reminder(asked[0])])
    assert plan(campaign, asked, date(2026, 1, 16)).planned == 1


# ------------------------------------------------------------------------------------------------ stopping


@pytest.mark.usefixtures("_house")
def test_pausing_and_ending_stop_what_is_planned_and_resuming_goes_on_with_the_next_day() -> None:
    campaign, asked = running(every_days=1), targets(2)
    plan(campaign, asked)
    assert campaigns.pause_campaign(campaign_id=campaign.pk, reason="complaints", within=None, actor=DRAFTER) == 2
    assert {code for _, _, code in states_of(campaign)} == {"campaign_paused"}
    assert plan(campaign, asked, date(2026, 1, 16)).planned == 0
    campaigns.resume_campaign(campaign_id=campaign.pk, reason="calm", within=None, actor=DRAFTER)
    assert plan(campaign, asked, date(2026, 1, 16)).planned == 2
    assert campaigns.end_campaign(campaign_id=campaign.pk, reason="done", within=None, actor=DRAFTER) == 2
    with pytest.raises(CampaignNotInState):
        campaigns.resume_campaign(campaign_id=campaign.pk, reason="no", within=None, actor=DRAFTER)
    verbs = AuditEntry.objects.filter(subject_type="outreach.campaign").order_by("id").values_list("verb", flat=True)
    assert [verb.rpartition(".")[2] for verb in verbs] == [
        "drafted",
        "submitted",
        "approved",
        "running",
        "planned",
        "paused",
        "running",
        "planned",
        "ended",
    ]


@pytest.mark.usefixtures("_house")
def test_a_message_that_slipped_through_does_not_leave_once_the_campaign_is_paused() -> None:
    gateway(Channel.INBOX, unit_cost="0", tokens=100)
    campaign, asked = running(channels=["inbox"]), targets(1)
    plan(campaign, asked)
    Campaign.objects.update(state="paused")
    send_while_due(clock=lambda: datetime(2026, 1, 15, 11, tzinfo=SHANGHAI), seconds=5)
    assert [row[1:] for row in states_of(campaign)] == [("stopped", "campaign_not_running")]


@pytest.mark.usefixtures("_house")
def test_a_simulation_says_what_would_be_and_writes_nothing() -> None:
    campaign, asked = drafted(budget="0.18", holdout="0"), targets(4)
    checked = campaigns.check_campaign(content=campaign.content, on=JANUARY_15)
    found = campaigns.simulate_campaign(campaign=campaign, content=checked, day=JANUARY_15, targets=asked)
    assert (found.day.audience, found.day.planned, found.day.full, found.day.reserved) == (4, 2, "budget", 2 * SEGMENTS)
    assert dict(found.day.by_channel) == {"sms": 2}
    assert found.weighed.blocked["core.endpoint"] == 2
    assert not Message.objects.exists()
    assert not CampaignMember.objects.exists()
