"""Holds on many borrowers over the API: prepare, read, place, lift, discard."""

import pytest
from rest_framework.test import APIClient

from backoffice.audit import approvals
from backoffice.audit.models import Approval, ApprovalLimit
from backoffice.customers.domain.bulk_holds import LIFT_BULK, PLACE_BULK
from backoffice.customers.models import BulkHold, Hold
from tests.repayment.api_book import API, open_book, open_loan
from tests.staff.factories import actor, person

pytestmark = pytest.mark.django_db

ROOT = f"{API}/bulk-holds/"
FLOOD = {"name": "Flood", "start": "2026-04-03", "end": "2026-05-03", "portfolio": "consumer"}


@pytest.fixture(autouse=True)
def _book():
    open_book()
    for verb in (PLACE_BULK, LIFT_BULK):
        ApprovalLimit.objects.create(verb=verb, role="team_lead", max_amount=None, alone=False)
    open_loan(external_id="L-1")
    open_loan(external_id="L-2")


def client_of(*roles, **fields):
    client = APIClient()
    client.force_authenticate(person(*roles, **fields))
    return client


def send(client, path, data, key="k"):
    return client.post(path, data, format="json", HTTP_IDEMPOTENCY_KEY=key)


def test_is_prepared_with_numbers_placed_and_lifted_by_two():
    lead = client_of("team_lead")

    prepared = send(lead, ROOT, FLOOD, key="k1")
    again = send(lead, ROOT, FLOOD, key="k1")
    bulk_id = prepared.json()["id"]

    assert (prepared.status_code, again.json()) == (201, prepared.json())
    assert prepared.json()["preview"] == {
        "borrowers": 2,
        "overdue": 2,
        "open_loans": 2,
        "overdue_loans": 2,
        "held_already": 0,
        "sentence": "2 borrowers, 2 of them overdue",
    }
    assert (prepared.json()["scopes"], prepared.json()["chosen_by"]) == (
        ["calls", "texts", "penalty"],
        {"portfolio": "consumer"},
    )
    asked = send(lead, f"{ROOT}{bulk_id}/place/", {"reason": "declared by the county"}, key="k2").json()
    assert asked == {"is_done": False, "approval_id": Approval.objects.get().pk}
    assert send(lead, f"{ROOT}{bulk_id}/place/", {"reason": "declared"}, key="k3").status_code == 409
    approvals.approve(approval_id=asked["approval_id"], actor=actor("team_lead", actor_id=999_999))
    assert Hold.objects.filter(bulk_id=bulk_id).count() == 6

    lift = {"on": "2026-04-10", "reason": "waters are gone"}
    approval_id = send(lead, f"{ROOT}{bulk_id}/lift/", lift, key="k4").json()["approval_id"]
    approvals.approve(approval_id=approval_id, actor=actor("team_lead", actor_id=999_999))

    read = lead.get(f"{ROOT}{bulk_id}/").json()
    assert (read["state"], read["lifted_on"], read["placed_holds"]) == ("lifted", "2026-04-10", 6)
    assert [row["id"] for row in lead.get(ROOT, {"state": "lifted"}).json()["results"]] == [bulk_id]
    assert lead.get(ROOT, {"state": "placed"}).json()["results"] == []


def test_a_list_of_ids_says_which_were_not_found():
    lead = client_of("team_lead")
    answer = send(lead, ROOT, FLOOD | {"portfolio": "", "external_ids": ["B-L-1", "B-9"]}).json()
    assert (answer["preview"]["borrowers"], answer["unknown_count"], answer["unknown_ids"]) == (1, 1, ["B-9"])


def test_a_prepared_one_is_discarded_once():
    lead = client_of("team_lead")
    bulk_id = send(lead, ROOT, FLOOD, key="k1").json()["id"]
    path = f"{ROOT}{bulk_id}/discard/"
    assert send(lead, path, {"reason": "mistake"}, key="k2").json()["state"] == "discarded"
    assert send(lead, path, {"reason": "mistake"}, key="k3").json()["code"] == "customers.bulk_hold_wrong_state"


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ({"portfolio": ""}, 422),
        ({"portfolio": "nowhere"}, 422),
        ({"reason": "dispute"}, 400),
        ({"end": None}, 400),
        ({"end": "2026-04-03"}, 422),
        ({"country": "China"}, 400),
        ({"name": ""}, 400),
        ({"external_ids": []}, 422),
    ],
)
def test_what_makes_no_sense_is_refused(change, status):
    assert send(client_of("team_lead"), ROOT, FLOOD | change).status_code == status
    assert not BulkHold.objects.exists()


def test_of_other_portfolios_does_not_exist():
    bulk_id = send(client_of("team_lead"), ROOT, FLOOD).json()["id"]
    stranger = client_of("team_lead", team__portfolios=["other"])
    assert stranger.get(f"{ROOT}{bulk_id}/").json()["code"] == "customers.bulk_hold_not_found"
    assert send(stranger, f"{ROOT}{bulk_id}/place/", {"reason": "declared"}).status_code == 404
    assert send(stranger, ROOT, FLOOD, key="k9").status_code == 422


def test_a_request_whose_hold_is_gone_says_so():
    lead = client_of("team_lead")
    bulk_id = send(lead, ROOT, FLOOD, key="k1").json()["id"]
    send(lead, f"{ROOT}{bulk_id}/place/", {"reason": "declared"}, key="k2")
    BulkHold.objects.all().delete()
    request = Approval.objects.get()
    for verb in (PLACE_BULK, LIFT_BULK):
        assert approvals.deed_of(verb=verb).consequence(request) == "The hold does not exist any more."
