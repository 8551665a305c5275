"""Packs over the API: list, read, draft, change, check, submit; every fault of a text by rule and field."""

from datetime import date
from pathlib import Path
from typing import Any

import pytest
from rest_framework.test import APIClient

from backoffice.audit.models import Approval
from backoffice.calendars import services as calendars
from backoffice.core.actors import SYSTEM
from backoffice.outreach.models import RulePackVersion
from backoffice.outreach.services import packs
from tests.outreach.pack_texts import KENYA, STRICTER, WIDER
from tests.staff.factories import person

pytestmark = pytest.mark.django_db

ROOT = "/api/v1/outreach"
TODAY = date(2026, 5, 4)


@pytest.fixture(autouse=True)
def kenya(tmp_path: Path) -> RulePackVersion:
    calendars.open_first_day(day=TODAY, actor=SYSTEM)
    (tmp_path / "ke.toml").write_text(KENYA)
    packs.load_packs(folder=tmp_path)
    return RulePackVersion.objects.get(pack__code="ke")


@pytest.fixture
def admin() -> APIClient:
    return client_of("admin")


def client_of(*roles: str) -> APIClient:
    client = APIClient()
    client.force_authenticate(person(*roles))
    return client


def send(client: APIClient, path: str, data: dict[str, Any], key: str = "k") -> Any:
    return client.post(f"{ROOT}{path}", data, format="json", headers={"Idempotency-Key": key})


def test_lists_every_pack_with_what_was_read_and_what_holds() -> None:
    answer = client_of("agent").get(f"{ROOT}/packs/").json()
    (kenya,) = [pack for pack in answer["packs"] if pack["code"] == "ke"]
    assert (kenya["countries"], kenya["read"], kenya["default"]) == (["KE"], ["Nothing but this test"], False)
    assert (kenya["in_force"]["number"], kenya["in_force"]["state"]) == (1, "active")
    assert (kenya["coming"], kenya["open"]) == (None, None)


def test_reads_one_pack_and_one_version(kenya: RulePackVersion) -> None:
    client = client_of("agent")
    answer = client.get(f"{ROOT}/packs/ke/versions/").json()
    assert [version["number"] for version in answer["versions"]] == [1]
    answer = client.get(f"{ROOT}/pack-versions/{kenya.pk}/").json()
    assert answer["version"]["content"] == KENYA
    assert answer["version"]["rules"][1]["limit"] == 3
    assert (answer["check"]["passed"], answer["check"]["failed"]) == (3, 0)
    assert client.get(f"{ROOT}/packs/xx/versions/").json()["code"] == "outreach.pack_not_found"
    assert client.get(f"{ROOT}/pack-versions/0/").status_code == 404


def test_drafts_once_for_one_key(admin: APIClient) -> None:
    first = send(admin, "/packs/ke/versions/", {"content": WIDER, "note": "longer"})
    again = send(admin, "/packs/ke/versions/", {"content": WIDER, "note": "longer"})
    assert (first.status_code, again.json()["id"]) == (201, first.json()["id"])
    assert (first.json()["number"], first.json()["state"], first.json()["note"]) == (2, "draft", "longer")
    refused = send(admin, "/packs/ke/versions/", {"content": WIDER}, key="another")
    assert (refused.status_code, refused.json()["code"]) == (409, "outreach.pack_version_open")


def test_names_every_fault_of_a_text(admin: APIClient) -> None:
    faulty = KENYA.replace('from = "08:00"', 'from = "20:00"').replace('counts = "attempt"', 'counts = "rings"')
    answer = send(admin, "/packs/ke/versions/", {"content": faulty})
    assert (answer.status_code, answer.json()["code"]) == (422, "outreach.pack_faulty")
    assert answer.json()["fields"] == {
        "ke.hours.from": "inconsistent window: from is not before to",
        "ke.attempts.counts": "“rings” is not one of: attempt, call, conversation, message, unanswered",
    }


def test_checks_a_draft_and_submits_it(admin: APIClient) -> None:
    draft = send(admin, "/packs/ke/versions/", {"content": STRICTER}).json()
    check = admin.post(f"{ROOT}/pack-versions/{draft['id']}/check/").json()
    assert (check["passed"], check["failed"]) == (2, 1)
    submit = {"effective_from": "2026-05-04", "reason": "asked by the board"}
    refused = send(admin, f"/pack-versions/{draft['id']}/submit/", submit, key="early")
    assert (refused.status_code, refused.json()["code"]) == (409, "outreach.pack_version_state")

    changed = admin.put(f"{ROOT}/pack-versions/{draft['id']}/", {"content": WIDER}, format="json").json()
    assert (changed["version"]["content"], changed["check"]) == (WIDER, None)
    assert admin.post(f"{ROOT}/pack-versions/{draft['id']}/check/").json()["failed"] == 0
    answer = send(admin, f"/pack-versions/{draft['id']}/submit/", submit, key="late")
    approval = Approval.objects.get()
    assert (answer.status_code, answer.json()["approval_id"]) == (201, approval.pk)
    assert "ke.hours · hours" in answer.json()["consequence"]


@pytest.mark.parametrize("role", ["agent", "collector", "team_lead", "analyst", "auditor"])
def test_readers_change_nothing(role: str, kenya: RulePackVersion) -> None:
    client = client_of(role)
    assert send(client, "/packs/ke/versions/", {"content": WIDER}).status_code == 403
    assert client.post(f"{ROOT}/pack-versions/{kenya.pk}/check/").status_code == 403
    assert RulePackVersion.objects.filter(pack__code="ke").count() == 1
