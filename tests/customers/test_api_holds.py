"""Holds over the API: placed by the matrix, listed for review, reviewed, lifted by two."""

from datetime import date

import pytest
from rest_framework.test import APIClient

from backoffice.audit import approvals
from backoffice.audit.models import Approval, ApprovalLimit
from backoffice.calendars.services import open_first_day
from backoffice.core.actors import SYSTEM
from backoffice.customers.domain.holds import LIFT
from backoffice.customers.models import Hold
from backoffice.customers.services.lifting import lift_as_approved
from tests.customers.factories import wang
from tests.staff.factories import actor, person

pytestmark = pytest.mark.django_db

ROOT = "/api/v1/customers"


def client_of(*roles, **fields):
    client = APIClient()
    client.force_authenticate(person(*roles, **fields))
    return client


def send(client, path, data, key=None):
    headers = {} if key is None else {"HTTP_IDEMPOTENCY_KEY": key}
    return client.post(f"{ROOT}{path}", data, format="json", **headers)


@pytest.fixture
def agent():
    return client_of("agent")


@pytest.fixture(autouse=True)
def one_deed_and_a_business_date(monkeypatch):
    monkeypatch.setattr("backoffice.customers.services.merging._declared", {})
    monkeypatch.setattr(approvals, "_deeds", {})
    approvals.register(LIFT, lift_as_approved)
    open_first_day(day=date(2026, 3, 5), actor=SYSTEM)
    # The limits of a fresh database are rows of a migration; a flush between tests takes them away.
    for role in ("team_lead", "compliance", "admin", "senior_agent"):
        ApprovalLimit.objects.get_or_create(verb=LIFT, role=role, defaults={"max_amount": None, "alone": False})


def test_are_placed_read_and_lifted_by_two(agent):
    row = wang()
    hold = {"scopes": ["calls", "texts"], "start": "2026-03-01", "end": "2026-04-01", "reason": "illness"}

    placed = send(agent, f"/borrowers/{row.pk}/holds/", hold, key="k1")
    repeated = send(agent, f"/borrowers/{row.pk}/holds/", hold, key="k1")
    overlapping = send(agent, f"/borrowers/{row.pk}/holds/", hold, key="k2")
    hold_id = placed.json()["hold_ids"][0]
    asked = send(agent, f"/holds/{hold_id}/lift/", {"on": "2026-03-10", "reason": "recovered"}, key="k3")
    approvals.approve(approval_id=asked.json()["approval_id"], actor=actor("team_lead", actor_id=999_999))

    assert (placed.status_code, placed.json()["approval_id"]) == (201, None)
    assert repeated.json() == placed.json()
    assert (overlapping.status_code, overlapping.json()["code"]) == (409, "customers.hold_overlaps")
    assert asked.json() == {"is_lifted": False, "approval_id": Approval.objects.get().pk}
    listed = agent.get(f"{ROOT}/borrowers/{row.pk}/holds/").json()["holds"]
    assert [(each["scope"], each["effect"], each["start"], each["end"], each["state"]) for each in listed] == [
        ("texts", "status_only", "2026-03-01", "2026-03-10", "running"),
        ("calls", "pause", "2026-03-01", "2026-03-10", "running"),
    ]


def test_a_reason_is_enough_and_answers_with_what_it_brought(agent):
    row = wang()

    send(agent, f"/borrowers/{row.pk}/holds/", {"reason": "dispute", "start": "2026-03-01"}, key="k1")

    listed = agent.get(f"{ROOT}/borrowers/{row.pk}/holds/").json()["holds"]
    assert [(each["effect_text"], each["review_on"], each["owner_role"]) for each in reversed(listed)] == [
        ("calls stop", "2026-03-31", "agent"),
        ("texts: facts only", "2026-03-31", "agent"),
        ("debits: go on unless asked", "2026-03-31", "agent"),
        ("penalty stops", "2026-03-31", "agent"),
    ]


def test_leaving_a_part_out_waits_for_a_second_person(agent):
    row = wang()
    hold = {"reason": "dispute", "start": "2026-03-01", "leave_out": ["penalty"], "note": "the fee only"}

    placed = send(agent, f"/borrowers/{row.pk}/holds/", hold, key="k1").json()

    assert placed["approval_id"] == Approval.objects.get().pk
    assert Hold.objects.filter(scope="penalty", lifted_at=None).exists()


def test_need_a_key_and_sense(agent):
    path = f"/borrowers/{wang().pk}/holds/"
    hold = {"scopes": ["calls"], "start": "2026-03-01", "reason": "illness"}

    assert send(agent, path, hold).json()["code"] == "audit.idempotency_key_missing"
    for change, status in [
        ({"scopes": ["sleep"]}, 400),
        ({"start": "2026-02-31"}, 400),
        ({"review_on": "soon"}, 400),
        ({"scopes": []}, 422),
        ({"end": "2026-02-01"}, 422),
        ({"reason": "other"}, 422),
        ({"reason": "moratorium"}, 422),
        ({"review_on": "2026-09-01"}, 422),
        ({"leave_out": ["aging"], "note": "x"}, 422),
    ]:
        assert send(agent, path, hold | change, key="k").status_code == status, change
    assert not Hold.objects.exists()


def test_a_part_is_lifted_by_naming_it(agent):
    ApprovalLimit.objects.filter(verb=LIFT, role="team_lead").update(alone=True)
    lead = client_of("team_lead")
    row = wang()
    hold = {"reason": "dispute", "start": "2026-03-01"}
    hold_id = send(agent, f"/borrowers/{row.pk}/holds/", hold, key="k1").json()["hold_ids"][0]
    lift = {"on": "2026-03-10", "reason": "the fee only", "scopes": ["penalty"]}

    assert send(lead, f"/holds/{hold_id}/lift/", lift | {"scopes": []}, key="k2").status_code == 400
    assert send(lead, f"/holds/{hold_id}/lift/", lift, key="k3").json() == {"is_lifted": True, "approval_id": None}

    assert list(Hold.objects.exclude(lifted_at=None).values_list("scope", flat=True)) == ["penalty"]


def test_of_a_borrower_out_of_sight_are_neither_lifted_nor_reviewed(agent):
    row = wang()
    hold = {"scopes": ["calls"], "start": "2026-03-01", "reason": "illness"}
    hold_id = send(agent, f"/borrowers/{row.pk}/holds/", hold, key="k1").json()["hold_ids"][0]
    stranger = client_of("agent", team__portfolios=["other"])

    lift = send(stranger, f"/holds/{hold_id}/lift/", {"on": "2026-03-10", "reason": "recovered"}, key="k")
    review = send(stranger, f"/holds/{hold_id}/review/", {"review_on": "2026-03-20", "reason": "still ill"}, key="k")

    assert (lift.status_code, review.status_code, Approval.objects.count()) == (404, 404, 0)
    assert stranger.get(f"{ROOT}/holds/").json()["results"] == []


def test_are_listed_for_review_and_reviewed(agent):
    row = wang()
    hold = {"scopes": ["calls"], "start": "2026-02-01", "reason": "illness", "review_on": "2026-03-01"}
    hold_id = send(agent, f"/borrowers/{row.pk}/holds/", hold, key="k1").json()["hold_ids"][0]
    send(agent, f"/borrowers/{row.pk}/holds/", {"start": "2026-03-01", "reason": "complaint"}, key="k2")

    (due,) = agent.get(f"{ROOT}/holds/", {"which": "due"}).json()["results"]
    assert (due["id"], due["borrower_id"], due["effects"], due["review_on"]) == (
        hold_id,
        row.pk,
        ["calls pause"],
        "2026-03-01",
    )
    assert len(agent.get(f"{ROOT}/holds/", {"which": "running"}).json()["results"]) == 2
    assert len(agent.get(f"{ROOT}/holds/", {"reason": "complaint"}).json()["results"]) == 1
    assert agent.get(f"{ROOT}/holds/", {"which": "never"}).status_code == 400

    reviewed = send(agent, f"/holds/{hold_id}/review/", {"review_on": "2026-03-20", "reason": "still ill"}, key="k3")
    assert reviewed.json() == {"scopes": 1}
    assert agent.get(f"{ROOT}/holds/", {"which": "due"}).json()["results"] == []


def test_the_matrix_is_read_as_data(agent):
    policies = {row["reason"]: row for row in agent.get(f"{ROOT}/holds/policies/").json()["policies"]}

    assert len(policies) == 18
    assert policies["hardship"] == {
        "reason": "hardship",
        "effects": [
            {"scope": "calls", "effect": "pause", "is_demanded": True},
            {"scope": "texts", "effect": "status_only", "is_demanded": True},
            {"scope": "debit", "effect": "ask_first", "is_demanded": True},
            {"scope": "penalty", "effect": "stop", "is_demanded": True},
        ],
        "owner_role": "senior_agent",
        "review_days": 30,
        "needs_end": False,
        "takes_two_to_lift": True,
        "wants_evidence": False,
    }
    assert {"scope": "aging", "effect": "stop", "is_demanded": False} in policies["disaster"]["effects"]
