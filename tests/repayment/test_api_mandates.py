"""Mandates, rails and payees over the API: signed, read, every verb once, refusals, sight and permission."""

from collections.abc import Iterator
from typing import Any

import pytest
from rest_framework.test import APIClient

from backoffice.calendars.services import open_first_day
from backoffice.core.actors import SYSTEM
from backoffice.repayment.models import BankLimit, Mandate, Payee, Rail
from tests.repayment import autopay_book as book
from tests.repayment.autopay_book import TODAY
from tests.repayment.factories import borrower
from tests.repayment.rail_in_a_thread import SECRET, RailInAThread
from tests.repayment.test_api_campaigns import client_of

pytestmark = pytest.mark.django_db(transaction=True)
ROOT = "/api/v1/repayment/autopay"
CARD = {"kind": "card", "bank": "B01", "token": "tok-new", "mask": "**** 7788", "currency": "CNY", "reason": "asked"}


@pytest.fixture
def rail(settings: Any) -> Iterator[Rail]:
    open_first_day(day=TODAY, actor=SYSTEM)
    settings.RAIL_SECRETS = {"union-main": SECRET}
    with RailInAThread() as served:
        yield book.rail(url=served.url)


def send(client: APIClient, path: str, data: dict[str, Any], key: str = "k") -> Any:
    return client.post(f"{ROOT}{path}", data, format="json", headers={"Idempotency-Key": key})


def test_a_mandate_is_signed_once_whatever_the_caller_repeats_and_read_again_with_the_rails_answer(rail: Rail) -> None:
    client, who = client_of("agent"), borrower()
    asked = CARD | {"borrower_id": who.pk, "rail_id": rail.pk, "single_limit": "500.00"}

    first, second = send(client, "/mandates/", asked), send(client, "/mandates/", asked)

    assert (first.status_code, first.json()["state"]) == (201, "signing")
    assert second.json() == first.json()
    mandate = Mandate.objects.get()
    now = client.get(f"{ROOT}/mandates/{mandate.pk}/").json()
    assert (now["state"], now["rail"], now["mask"], now["single_limit"], now["tell_at"]) == (
        "active",
        "union-main",
        "**** 7788",
        "500.00",
        None,
    )
    assert "tok-new" not in str(now)
    history = client.get(f"{ROOT}/mandates/{mandate.pk}/history/").json()["results"]
    assert [step["cause"] for step in history] == ["activated", "signing"]


def test_every_verb_of_a_mandate(rail: Rail) -> None:
    client, who = client_of("agent"), borrower()
    mandate = book.mandate(who.pk, rail.pk)
    path, reason = f"/mandates/{mandate.pk}", {"reason": "asked"}
    limits = reason | {"single_limit": "5.00", "day_limit": None, "month_limit": None, "allows_partial": True}

    assert send(client, f"{path}/suspend/", reason, "1").json()["state"] == "suspended"
    assert send(client, f"{path}/suspend/", reason, "2").status_code == 409
    assert send(client, f"{path}/resume/", reason, "3").json()["state"] == "active"
    assert send(client, f"{path}/limits/", limits, "4").json()["single_limit"] == "5.00"
    assert send(client, f"{path}/confirm/", reason, "5").status_code == 409
    new = send(client, f"{path}/rebind/", CARD | {"rail_id": rail.pk}, "6")
    assert (new.status_code, new.json()["replaces_id"]) == (201, mandate.pk)
    assert Mandate.objects.get(pk=mandate.pk).state == "replaced"
    other = book.mandate(who.pk, rail.pk, priority=2)
    order = reason | {"mandate_ids": [other.pk, new.json()["id"]]}
    ordered = send(client, f"/borrowers/{who.pk}/mandate-order/", order, "7").json()
    assert [each["priority"] for each in ordered] == [1, 2]
    wrong = send(client, f"/borrowers/{who.pk}/mandate-order/", reason | {"mandate_ids": [other.pk]}, "8")
    assert wrong.status_code == 422
    assert send(client, f"/mandates/{other.pk}/revoke/", reason, "9").json()["state"] == "revoked"


def test_a_number_for_a_token_is_refused_and_named(rail: Rail) -> None:
    asked = CARD | {"borrower_id": borrower().pk, "rail_id": rail.pk, "token": "6222021234567890"}
    answer = send(client_of("agent"), "/mandates/", asked)
    assert answer.status_code == 422
    assert "token" in str(answer.json())
    assert Mandate.objects.count() == 0


def test_the_list_is_filtered_and_keeps_to_the_callers_portfolios(rail: Rail) -> None:
    who = borrower()
    mandate = book.mandate(who.pk, rail.pk)
    book.mandate(borrower().pk, rail.pk)
    client = client_of("auditor")
    for query in ({"borrower_id": who.pk}, {"agreement_no": mandate.agreement_no}):
        found = client.get(f"{ROOT}/mandates/", query | {"rail": "union-main", "state": "active"}).json()["results"]
        assert [each["id"] for each in found] == [mandate.pk]
    stranger = client_of("agent", portfolios=("elsewhere",))
    assert stranger.get(f"{ROOT}/mandates/").json()["results"] == []
    assert stranger.get(f"{ROOT}/mandates/{mandate.pk}/").status_code == 404
    assert stranger.get(f"{ROOT}/mandates/{mandate.pk}/history/").status_code == 404
    assert send(stranger, f"/mandates/{mandate.pk}/revoke/", {"reason": "asked"}).status_code == 404
    asked = CARD | {"borrower_id": who.pk, "rail_id": rail.pk}
    assert send(stranger, "/mandates/", asked, "2").status_code == 404


def test_a_rail_is_paused_resumed_and_limited(rail: Rail) -> None:
    client, path = client_of("admin"), f"/rails/{rail.pk}"
    assert client.get(f"{ROOT}/rails/").json()["results"][0]["code"] == "union-main"
    assert send(client, f"{path}/pause/", {"reason": "down"}, "1").json()["is_paused"] is True
    assert send(client, f"{path}/pause/", {"reason": "down"}, "2").status_code == 409
    assert send(client, f"{path}/resume/", {"reason": "up"}, "3").json()["is_paused"] is False
    limit = {
        "bank": "B01",
        "currency": "CNY",
        "single": "5000.00",
        "day": None,
        "month": None,
        "attempts_a_day": 3,
        "effective_from": TODAY.isoformat(),
        "reason": "their letter",
    }
    assert send(client, f"{path}/limits/", limit, "4").status_code == 201
    assert send(client, f"{path}/limits/", limit | {"effective_from": "2026-03-01"}, "5").status_code == 422
    assert client.get(f"{ROOT}{path}/limits/").json()["results"][0]["single"] == "5000.00"
    assert client.get(f"{ROOT}/rails/987654/limits/").status_code == 404
    closed = {"calendar": "CZ", "reason": "their letter"}
    assert send(client, f"{path}/calendar/", closed, "6").json()["calendar"] == "CZ"
    assert send(client, f"{path}/calendar/", closed | {"calendar": "XX"}, "7").status_code == 400
    assert send(client, "/rails/987654/calendar/", closed, "8").status_code == 404
    assert BankLimit.objects.count() == 1


def test_a_payee_is_created_changed_retired_and_taken_back(rail: Rail) -> None:
    client = client_of("admin")
    new = {"code": "a", "name": "A", "kind": "funder", "creditor": "A", "account": "tok-a", "reason": "contract"}
    assert send(client, "/payees/", new, "1").status_code == 201
    assert send(client, "/payees/", new, "2").status_code == 422
    path = f"/payees/{Payee.objects.get().pk}"
    changed = {"name": "A2", "creditor": "", "account": "", "reason": "moved"}
    told = send(client, f"{path}/change/", changed | {"contract_shares": {"interest": "0.90"}}, "3").json()
    assert (told["name"], told["contract_shares"], told["approval_id"]) == ("A2", {"interest": "0.9"}, None)
    assert send(client, f"{path}/retire/", {"reason": "left"}, "4").json()["is_active"] is False
    assert send(client, f"{path}/retire/", {"reason": "left"}, "5").status_code == 409
    assert send(client, f"{path}/reinstate/", {"reason": "back"}, "6").json()["is_active"] is True
    assert [each["code"] for each in client.get(f"{ROOT}/payees/").json()["results"]] == ["a"]
