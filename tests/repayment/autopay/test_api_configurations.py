"""Autopay configurations over the API: a version's way into force and back, findings by guard, who may do what."""

from datetime import date
from typing import Any

import pytest
from rest_framework.test import APIClient

from backoffice.audit.models import Approval
from backoffice.calendars.models import BusinessDay
from backoffice.repayment.models import AutopayConfiguration, AutopayVersion, Loan
from backoffice.repayment.services.autopay import publishing
from backoffice.repayment.services.autopay.simulating import run_simulation
from tests.repayment.autopay.contents import configuration, content, in_force, mandate, open_rails, whole
from tests.repayment.factories import open_loan
from tests.staff.factories import TeamFactory, person

pytestmark = pytest.mark.django_db
EVE, DUE = date(2026, 2, 14), date(2026, 2, 15)
ROOT = "/api/v1/repayment/autopay/configurations/"


@pytest.fixture
def of() -> AutopayConfiguration:
    open_rails()
    BusinessDay.objects.update(today=EVE)
    made = configuration()
    in_force(made)
    loan_id = open_loan(business_date=EVE)
    mandate(Loan.objects.get(pk=loan_id).borrower_id)
    return made


def client_of(*roles: str, **fields: Any) -> APIClient:
    client = APIClient()
    client.force_authenticate(person(*roles, **fields))
    return client


def send(client: APIClient, path: str, data: dict[str, Any] | None = None, key: str = "k") -> Any:
    return client.post(f"{ROOT}{path}", data or {}, format="json", headers={"Idempotency-Key": f"{path}{key}"})


def drafted(client: APIClient, of: AutopayConfiguration, **changes: Any) -> int:
    body = {"content": content(**changes), "effective_from": str(DUE)}
    made = send(client, f"{of.pk}/versions/", body)
    assert made.status_code == 201, made.json()
    return int(made.json()["id"])


def test_a_version_goes_into_force_and_is_rolled_back(of: AutopayConfiguration) -> None:
    lead = client_of("team_lead")
    first = AutopayVersion.objects.get()
    version_id = drafted(
        lead, of, payees=content()["payees"] | {"penalty": whole("platform")}, slots=content()["slots"][:1]
    )
    one = f"versions/{version_id}/"

    warned = send(lead, f"{one}check/").json()["findings"]
    assert [(each["guard"], each["severity"]) for each in warned] == [("trial", "warn")]
    begun = send(lead, f"{one}simulation/")
    assert (begun.status_code, begun.json()["state"], begun.json()["tomorrow"]) == (202, "waiting", None)
    assert lead.get(f"{ROOT}{one}simulation/").json() == begun.json()
    run_simulation(simulation_id=begun.json()["id"])
    found = lead.get(f"{ROOT}{one}simulation/").json()
    assert (found["state"], found["business_date"], found["loans_done"]) == ("done", str(EVE), 1)
    assert found["tomorrow"]["after"]["amounts"] == {"CNY": "1100.16"}
    assert (found["beside_id"], found["tomorrow"]["changed"]) == (first.pk, 0)
    assert lead.get(f"{ROOT}{one}simulation/bills/?why=payees").json()["results"] == []
    changes = lead.get(f"{ROOT}{one}against/{first.pk}/").json()["changes"]
    assert [each["rule"] for each in changes] == ["Slot evening", "penalty"]

    asked = send(lead, f"{one}submit/", {"reason": "The platform earns the penalty"})
    assert asked.status_code == 201
    assert "0 bills change" in asked.json()["consequence"]
    decided = client_of("compliance").post(
        f"/api/v1/audit/approvals/{asked.json()['approval_id']}/approve/",
        {},
        format="json",
        headers={"Idempotency-Key": "approve"},
    )
    assert decided.status_code == 200
    publishing.activate_due(on=DUE)
    BusinessDay.objects.update(today=DUE)

    back = send(client_of("compliance"), f"{one}roll-back/", {"reason": "Wrong payee"}).json()
    assert (back["version"]["state"], back["version"]["ended_because"]) == ("retired", "rolled_back")
    assert (back["instead"]["id"], back["instead"]["state"]) == (first.pk, "active")
    assert back["says"][0] == "0 debits that have not left are dropped."


def test_findings_name_their_guard_and_a_refused_version_goes_no_further(of: AutopayConfiguration) -> None:
    lead = client_of("team_lead")
    version_id = drafted(lead, of, keeper="guarantor")

    checked = send(lead, f"versions/{version_id}/check/").json()

    assert checked["state"] == "draft"
    assert [each for each in checked["findings"] if each["severity"] == "refuse"] == [
        {
            "guard": "funder",
            "field": "keeper",
            "severity": "refuse",
            "words": "The guarantor is neither lender nor platform and cannot keep money of borrowers.",
        }
    ]
    refused = send(lead, f"versions/{version_id}/simulation/")
    assert (refused.status_code, refused.json()["code"]) == (409, "repayment.autopay_version_state")
    assert lead.get(f"{ROOT}versions/{version_id}/simulation/").status_code == 404
    assert not Approval.objects.exists()


def test_a_draft_is_changed_taken_back_and_discarded(of: AutopayConfiguration) -> None:
    lead = client_of("team_lead")
    version_id = drafted(lead, of)
    one = f"versions/{version_id}/"
    body = {"content": content(days=5), "effective_from": str(DUE), "note": "longer"}
    changed = lead.put(f"{ROOT}{one}", body, format="json")
    assert (changed.status_code, changed.json()["content"]["days"]) == (200, 5)
    assert lead.put(f"{ROOT}{one}", {"content": []}, format="json").status_code == 400
    send(lead, f"{one}check/")
    run_simulation(simulation_id=send(lead, f"{one}simulation/").json()["id"])
    send(lead, f"{one}submit/", {"reason": "Longer"})
    assert send(lead, f"{one}take-back/", {"reason": "Not yet"}).json()["state"] == "draft"
    assert send(lead, f"{one}discard/", {"reason": "Not at all"}).json()["ended_because"] == "discarded"
    assert send(lead, f"{one}promote/", {"reason": "Never"}).status_code == 409


def test_configurations_are_listed_made_and_seen_by_portfolio(of: AutopayConfiguration) -> None:
    lead = client_of("team_lead")
    (only,) = lead.get(ROOT).json()["results"]
    assert (only["code"], [each["state"] for each in only["versions"]]) == ("cash", ["active"])
    assert lead.get(f"{ROOT}{of.pk}/").json() == only
    made = send(lead, "", {"code": "a", "name": "A", "portfolio": "cash", "funder": "bank-a"})
    assert (made.status_code, made.json()["versions"]) == (201, [])
    assert send(lead, "", {"code": "a", "name": "A", "portfolio": "other"}, key="2").status_code == 409

    stranger = client_of("team_lead", team=TeamFactory(portfolios=["elsewhere"]))
    assert stranger.get(ROOT).json()["results"] == []
    assert stranger.get(f"{ROOT}{of.pk}/").status_code == 404
    assert stranger.get(f"{ROOT}versions/{only['versions'][0]['id']}/").status_code == 404
    assert stranger.get(f"{ROOT}versions/{only['versions'][0]['id']}/simulation/bills/").status_code == 404
    assert client_of("agent").get(ROOT).status_code == 403
    assert send(client_of("analyst"), "", {"code": "b"}).status_code == 403
