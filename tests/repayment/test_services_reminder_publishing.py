"""Publishing a reminder plan: every verb refuses what is not there or elsewhere in its life, and leaves no trace."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from backoffice.audit import approvals
from backoffice.audit.approvals import NotTheAuthor
from backoffice.audit.models import Approval, AuditEntry
from backoffice.outreach.domain.reminder_states import PlanState
from backoffice.outreach.models import ReminderPlanVersion
from backoffice.outreach.services import reminder_plans, reminder_publishing
from backoffice.outreach.services.reminder_plans import PlanNotFound, PlanNotInState, PlanRefused
from backoffice.repayment.services.reminder_asking import ask_to_publish, consequence_of
from backoffice.repayment.services.reminders import day_after
from tests.repayment.reminder_book import TODAY, content_with, open_reminders
from tests.staff.factories import person

pytestmark = pytest.mark.django_db
GIVEN: dict[str, Any] = {"reason": "Because of a test"}


@pytest.fixture
def first() -> ReminderPlanVersion:
    return open_reminders()


@pytest.fixture
def draft(first: ReminderPlanVersion) -> ReminderPlanVersion:
    maker = person("team_lead").as_actor()
    return reminder_plans.draft_version(plan_id=first.plan_id, content=content_with(first), note="", actor=maker)


def asked_for(draft: ReminderPlanVersion, maker: Any) -> Approval:
    return ask_to_publish(version_id=draft.pk, effective_from=day_after(TODAY), actor=maker, **GIVEN)


@pytest.mark.parametrize(
    "verb",
    [
        reminder_publishing.take_back,
        reminder_publishing.put_back,
        reminder_publishing.roll_back,
        reminder_publishing.retire_version,
    ],
)
def test_refuses_a_version_that_is_not_there(first: ReminderPlanVersion, verb: Callable[..., Any]) -> None:
    with pytest.raises(PlanNotFound):
        verb(version_id=0, actor=person("team_lead").as_actor(), **GIVEN)
    with pytest.raises(PlanNotFound):
        ask_to_publish(version_id=0, effective_from=day_after(TODAY), actor=person("team_lead").as_actor(), **GIVEN)
    with pytest.raises(PlanNotFound):
        reminder_plans.draft_version(plan_id=0, content={}, note="", actor=person("team_lead").as_actor())


@pytest.mark.parametrize(
    "verb", [reminder_publishing.take_back, reminder_publishing.put_back, reminder_publishing.roll_back]
)
def test_refuses_a_draft_what_is_for_others(draft: ReminderPlanVersion, verb: Callable[..., Any]) -> None:
    before = AuditEntry.objects.count()
    with pytest.raises(PlanNotInState):
        verb(version_id=draft.pk, actor=person("team_lead").as_actor(), **GIVEN)
    draft.refresh_from_db()
    assert (draft.state, AuditEntry.objects.count()) == (PlanState.DRAFT, before)


def test_only_a_draft_is_changed_and_only_one_is_in_the_making(
    first: ReminderPlanVersion, draft: ReminderPlanVersion
) -> None:
    maker = person("team_lead").as_actor()
    with pytest.raises(PlanNotInState):
        reminder_plans.change_draft(version_id=first.pk, content=content_with(first), note="", actor=maker)
    with pytest.raises(PlanNotInState):
        reminder_plans.draft_version(plan_id=first.plan_id, content=content_with(first), note="", actor=maker)


def test_a_first_channel_without_words_and_hours_nobody_permits_are_refused(first: ReminderPlanVersion) -> None:
    with pytest.raises(PlanRefused) as refusal:
        reminder_plans.check_content(content_with(first, channels=["bot", "sms"]))
    assert list(refusal.value.fields) == ["d-3.channels"]
    maker = person("team_lead").as_actor()
    night = content_with(first, channels=["sms"], at="00:00", until="04:00")
    draft = reminder_plans.draft_version(plan_id=first.plan_id, content=night, note="", actor=maker)
    with pytest.raises(PlanRefused) as refusal:
        asked_for(draft, maker)
    assert list(refusal.value.fields) == ["d-3.at"]
    draft.refresh_from_db()
    assert draft.state == PlanState.DRAFT


def test_words_for_another_purpose_are_refused(first: ReminderPlanVersion) -> None:
    content = content_with(first, template="collection_d1")
    with pytest.raises(PlanRefused) as refused:
        reminder_plans.check_content(content)
    assert refused.value.fields == {"d-3.template": "the template is for another purpose"}


def test_who_asked_takes_a_waiting_version_back_and_nobody_else(draft: ReminderPlanVersion) -> None:
    maker = person("team_lead").as_actor()
    approval = asked_for(draft, maker)
    with pytest.raises(NotTheAuthor):
        reminder_publishing.take_back(version_id=draft.pk, actor=person("team_lead").as_actor(), **GIVEN)
    draft.refresh_from_db()
    assert draft.state == PlanState.SUBMITTED

    reminder_publishing.take_back(version_id=draft.pk, actor=maker, **GIVEN)
    approval.refresh_from_db()
    draft.refresh_from_db()
    assert (approval.state, draft.state) == ("withdrawn", PlanState.DRAFT)


def test_a_version_waits_for_its_day_and_starts_once(first: ReminderPlanVersion, draft: ReminderPlanVersion) -> None:
    approval = asked_for(draft, person("team_lead").as_actor())
    approvals.approve(approval_id=approval.pk, actor=person("compliance").as_actor())
    tomorrow = day_after(TODAY)
    assert [reminder_publishing.versions_due(on=day) for day in (TODAY, tomorrow)] == [False, True]
    assert reminder_publishing.activate_due(on=TODAY) == 0
    assert [reminder_publishing.activate_due(on=day) for day in (tomorrow, tomorrow + timedelta(days=1))] == [1, 0]
    first.refresh_from_db()
    assert (first.state, first.was_in_force) == (PlanState.RETIRED, True)


def test_agreeing_to_what_contradicts_itself_by_now_fails_and_says_why(draft: ReminderPlanVersion) -> None:
    approval = asked_for(draft, person("team_lead").as_actor())
    ReminderPlanVersion.objects.filter(pk=draft.pk).update(content={"steps": []})
    assert consequence_of(approval) == "The plan contradicts itself and would not run."

    decided = approvals.approve(approval_id=approval.pk, actor=person("compliance").as_actor())
    draft.refresh_from_db()
    assert (decided.state, draft.state) == ("failed", PlanState.SUBMITTED)
    assert "This plan cannot be published as it is." in decided.failure
