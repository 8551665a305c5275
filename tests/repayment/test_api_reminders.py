"""Reminder plans over the API: drafted, simulated, asked for, agreed by a second person, rolled back, refused."""

from typing import Any

import pytest
from rest_framework.test import APIClient

from backoffice.audit.models import Approval, AuditEntry
from backoffice.outreach.domain.reminder_states import PlanState
from backoffice.outreach.models import Message, ReminderPlan, ReminderPlanVersion
from backoffice.outreach.services.reminder_publishing import activate_due
from backoffice.repayment.services.reminders import day_after
from tests.repayment.reminder_book import TODAY, content_with, open_reminders
from tests.staff.factories import TeamFactory, person

pytestmark = pytest.mark.django_db
ROOT = "/api/v1/repayment"


@pytest.fixture
def first() -> ReminderPlanVersion:
    return open_reminders(nowhere=1)


@pytest.fixture
def lead() -> APIClient:
    return client_of("team_lead")


def client_of(*roles: str) -> APIClient:
    client = APIClient()
    client.force_authenticate(person(*roles))
    return client


def send(client: APIClient, path: str, data: dict[str, Any], key: str = "k") -> Any:
    return client.post(f"/api/v1{path}", data, format="json", headers={"Idempotency-Key": key})


def drafted(client: APIClient, version: ReminderPlanVersion, key: str = "draft", **changes: Any) -> Any:
    body = {"content": content_with(version, **changes), "note": "later"}
    return send(client, f"/repayment/reminder-plans/{version.plan_id}/versions/", body, key=key)


def submitted(client: APIClient, version_id: int, key: str = "submit", **body: Any) -> Any:
    asked = {"effective_from": str(day_after(TODAY)), "reason": "Texts come too early"} | body
    return send(client, f"/repayment/reminder-plan-versions/{version_id}/submit/", asked, key=key)


def test_lists_the_plans_and_reads_a_version(first: ReminderPlanVersion) -> None:
    agent = client_of("agent")
    (plan,) = agent.get(f"{ROOT}/reminder-plans/").json()["results"]
    assert (plan["code"], plan["portfolio"]) == ("standard", "")
    assert [(each["number"], each["state"]) for each in plan["versions"]] == [(1, "active")]
    assert agent.get(f"{ROOT}/reminder-plans/{plan['id']}/").json() == plan

    version = agent.get(f"{ROOT}/reminder-plan-versions/{first.pk}/").json()
    assert version["content"]["steps"][0]["channels"] == ["push", "sms"]
    assert version["plan_id"] == plan["id"]
    assert agent.get(f"{ROOT}/reminder-plans/0/").json()["code"] == "outreach.reminder_plan_not_found"
    assert agent.get(f"{ROOT}/reminder-plan-versions/0/").status_code == 404


def test_simulates_a_day_without_writing_anything(first: ReminderPlanVersion) -> None:
    found = client_of("analyst").get(f"{ROOT}/reminder-plan-versions/{first.pk}/simulation/").json()

    assert (found["day"], found["bills"], found["held_out"], found["messages"]) == ("2026-02-14", 3, 0, 3)
    assert found["by_step"] == [{"code": "d-1", "messages": 3}]
    assert found["by_channel"] == [{"code": "sms", "messages": 3}]
    assert "core.place" in {each["code"] for each in found["blocked"]}
    assert not Message.objects.exists()

    other = client_of("analyst").get(f"{ROOT}/reminder-plan-versions/{first.pk}/simulation/?day=2026-02-15").json()
    assert other["by_step"] == [{"code": "d0", "messages": 3}]


def test_says_what_a_plan_did(first: ReminderPlanVersion) -> None:
    found = client_of("analyst").get(f"{ROOT}/reminder-plans/{first.plan_id}/effect/").json()

    assert found["reminded"] == {"bills": 0, "paid": 0, "share": None}
    assert (found["verdict"], found["difference"], found["costs"]) == ("too_few", None, [])


def test_a_draft_is_agreed_by_a_second_person_holds_from_its_day_and_is_rolled_back(
    first: ReminderPlanVersion, lead: APIClient
) -> None:
    made = drafted(lead, first, at="11:00")
    again = drafted(lead, first, at="11:00")
    assert (made.status_code, again.json()["id"]) == (201, made.json()["id"])
    version_id = made.json()["id"]

    asked = submitted(lead, version_id)
    assert (asked.status_code, asked.json()["state"]) == (201, "pending")
    assert asked.json()["consequence"].startswith("3 messages tomorrow, 0 borrowers left alone,")
    own = send(lead, f"/audit/approvals/{asked.json()['approval_id']}/approve/", {})
    assert (own.status_code, own.json()["code"]) == (403, "audit.approval_is_own")

    agreed = send(client_of("compliance"), f"/audit/approvals/{asked.json()['approval_id']}/approve/", {}, key="yes")
    assert agreed.json()["state"] == "approved"
    assert ReminderPlanVersion.objects.get(pk=version_id).state == PlanState.APPROVED
    assert activate_due(on=day_after(TODAY)) == 1
    assert [ReminderPlanVersion.objects.get(pk=pk).state for pk in (first.pk, version_id)] == ["retired", "active"]

    back = send(lead, f"/repayment/reminder-plan-versions/{version_id}/roll-back/", {"reason": "Complaints"}, key="b")
    assert (back.status_code, back.json()["id"], back.json()["state"]) == (200, first.pk, "active")
    assert back.json()["effective_from"] == str(TODAY)
    assert ReminderPlanVersion.objects.get(pk=version_id).state == PlanState.RETIRED
    none_before = send(lead, f"/repayment/reminder-plan-versions/{first.pk}/roll-back/", {"reason": "More"}, key="c")
    assert (none_before.status_code, none_before.json()["code"]) == (409, "outreach.reminder_plan_nothing_before")

    forward = send(
        lead, f"/repayment/reminder-plan-versions/{version_id}/put-back/", {"reason": "It was right"}, key="d"
    )
    assert (forward.json()["state"], forward.json()["number"]) == ("active", 2)


def test_a_declined_version_is_taken_back_changed_and_asked_for_again(
    first: ReminderPlanVersion, lead: APIClient
) -> None:
    version_id = drafted(lead, first, at="11:00").json()["id"]
    approval = submitted(lead, version_id).json()["approval_id"]
    declined = send(client_of("compliance"), f"/audit/approvals/{approval}/decline/", {"note": "Too early"}, key="no")
    assert declined.json()["state"] == "declined"

    taken = send(lead, f"/repayment/reminder-plan-versions/{version_id}/take-back/", {"reason": "As asked"}, key="t")
    assert (taken.json()["state"], taken.json()["effective_from"]) == ("draft", None)
    changed = lead.put(
        f"{ROOT}/reminder-plan-versions/{version_id}/",
        {"content": content_with(first, at="12:00", least="500.00", currency="CNY"), "note": ""},
        format="json",
    )
    assert changed.json()["content"]["steps"][0]["least"] == "500.00"
    assert submitted(lead, version_id, key="submit again").status_code == 201
    assert Approval.objects.filter(state="pending").count() == 1


def test_a_draft_nobody_wants_is_discarded_and_can_never_be_put_back(
    first: ReminderPlanVersion, lead: APIClient
) -> None:
    version_id = drafted(lead, first).json()["id"]
    path = f"/repayment/reminder-plan-versions/{version_id}"
    gone = send(lead, f"{path}/retire/", {"reason": "Not needed"})
    assert gone.json()["state"] == "retired"

    refused = send(lead, f"{path}/put-back/", {"reason": "Oh no"}, key="p")
    assert (refused.status_code, refused.json()["code"]) == (409, "outreach.reminder_plan_state")
    assert AuditEntry.objects.filter(verb="outreach.reminder_plan_version.retired").count() == 1


def test_names_every_contradiction_by_step_and_field(first: ReminderPlanVersion, lead: APIClient) -> None:
    content = content_with(first, until="09:00") | {"holdout": "0.7"}
    answer = send(lead, f"/repayment/reminder-plans/{first.plan_id}/versions/", {"content": content})
    assert (answer.status_code, answer.headers["Content-Type"]) == (422, "application/problem+json")
    assert answer.json()["code"] == "outreach.reminder_plan_refused"
    assert set(answer.json()["fields"]) == {"d-3.until", "holdout"}

    amid = content_with(first) | {"debits": ["10:00"]}
    answer = send(lead, f"/repayment/reminder-plans/{first.plan_id}/versions/", {"content": amid}, key="amid")
    assert answer.json()["fields"] == {"d0.at": "a debit is tried within the hour"}
    assert ReminderPlanVersion.objects.count() == 1


def test_refuses_a_first_day_whose_messages_are_planned(first: ReminderPlanVersion, lead: APIClient) -> None:
    version_id = drafted(lead, first).json()["id"]
    answer = submitted(lead, version_id, effective_from=str(TODAY))

    assert (answer.status_code, answer.json()["code"]) == (422, "outreach.reminder_plan_first_day")
    assert set(answer.json()["fields"]) == {"effective_from"}
    assert ReminderPlanVersion.objects.get(pk=version_id).state == PlanState.DRAFT


def test_what_is_agreed_to_late_holds_from_the_first_day_not_planned_yet(
    first: ReminderPlanVersion, lead: APIClient
) -> None:
    version_id = drafted(lead, first).json()["id"]
    approval = submitted(lead, version_id).json()["approval_id"]
    Approval.objects.filter(pk=approval).update(payload={"version_id": version_id, "effective_from": "2026-02-01"})
    send(client_of("compliance"), f"/audit/approvals/{approval}/approve/", {}, key="yes")

    assert ReminderPlanVersion.objects.get(pk=version_id).effective_from == day_after(TODAY)


def test_a_portfolio_has_one_plan(first: ReminderPlanVersion, lead: APIClient) -> None:
    body = {"code": "cash", "name": "Cash loans", "portfolio": "cash"}
    made = send(lead, "/repayment/reminder-plans/", body)
    assert (made.status_code, made.json()["versions"]) == (201, [])
    taken = send(lead, "/repayment/reminder-plans/", body | {"code": "other"}, key="again")
    assert (taken.status_code, taken.json()["code"]) == (409, "outreach.reminder_plan_taken")
    assert ReminderPlan.objects.count() == 2


def test_a_plan_of_a_portfolio_elsewhere_is_not_there(first: ReminderPlanVersion) -> None:
    south = ReminderPlan.objects.create(code="south", name="South", portfolio="south")
    north = APIClient()
    north.force_authenticate(person("team_lead", team=TeamFactory(portfolios=["north"])))

    assert [each["code"] for each in north.get(f"{ROOT}/reminder-plans/").json()["results"]] == ["standard"]
    assert north.get(f"{ROOT}/reminder-plans/{south.pk}/").status_code == 404
    body = {"content": content_with(first)}
    assert send(north, f"/repayment/reminder-plans/{south.pk}/versions/", body).status_code == 404
    assert not south.versions.exists()
    elsewhere = send(north, "/repayment/reminder-plans/", {"code": "east", "name": "E", "portfolio": "east"}, key="e")
    assert (elsewhere.status_code, set(elsewhere.json()["fields"])) == (422, {"portfolio"})
    assert send(north, "/repayment/reminder-plans/", {"code": "n", "name": "N", "portfolio": "north"}, key="n").json()
    assert ReminderPlan.objects.filter(portfolio="north").exists()


@pytest.mark.parametrize("role", ["agent", "collector", "analyst", "auditor"])
def test_readers_change_nothing(role: str, first: ReminderPlanVersion) -> None:
    client = client_of(role)
    assert drafted(client, first).status_code == 403
    answer = send(client, f"/repayment/reminder-plan-versions/{first.pk}/retire/", {"reason": "No reason"})
    assert answer.status_code == 403
    assert ReminderPlanVersion.objects.get().state == PlanState.ACTIVE
