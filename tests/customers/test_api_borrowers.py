"""Borrowers over the API: rows by portfolio, masks, reveals with a trace, merges."""

import json

import pytest
from rest_framework.test import APIClient

from backoffice.audit.models import AuditEntry, IdempotencyKey
from backoffice.customers.models import Borrower
from tests.customers.factories import CN_IDENTITY, borrower, wang
from tests.staff.factories import person

pytestmark = pytest.mark.django_db

ROOT = "/api/v1/customers"
WHY = "caller asked to read it back"


def client_of(*roles, **fields):
    client = APIClient()
    client.user = person(*roles, **fields)
    client.force_authenticate(client.user)
    return client


def send(client, path, data, key=None):
    headers = {} if key is None else {"HTTP_IDEMPOTENCY_KEY": key}
    return client.post(f"{ROOT}{path}", data, format="json", **headers)


@pytest.fixture
def agent():
    return client_of("agent")


@pytest.fixture(autouse=True)
def no_loans_declared(monkeypatch):
    monkeypatch.setattr("backoffice.customers.services.merging._declared", {})


class TestReading:
    def test_a_borrower_is_masked_to_the_last_letter(self, agent):
        row = wang()

        answer = agent.get(f"{ROOT}/borrowers/{row.pk}/").json()

        assert (answer["masked_name"], answer["masked_identity"], answer["merged_into"]) == ("王•••", "•••• 002X", None)
        assert [contact["masked"] for contact in answer["contacts"]] == [
            "w•••@example.org",
            "+86 •••• 5678",
            "+1 •••• 2671",
        ]
        for secret in ("小明", CN_IDENTITY[:-4], "138123", "wang@"):
            assert secret not in json.dumps(answer, ensure_ascii=False)

    def test_rows_of_other_portfolios_are_not_there(self):
        row = wang()
        stranger = client_of("agent", "senior_agent", team__portfolios=["other"])

        assert stranger.get(f"{ROOT}/borrowers/").json()["results"] == []
        for path, data in [
            (f"/borrowers/{row.pk}/reveal/", {"field": "full_name", "reason": WHY}),
            (
                f"/borrowers/{row.pk}/correct-name/",
                {"family_name": "", "given_name": "", "full_name": "", "reason": WHY},
            ),
            (f"/borrowers/{row.pk}/merge/", {"absorbed_id": 1, "reason": WHY}),
        ]:
            answer = send(stranger, path, data, key="k")
            assert (answer.status_code, answer.json()["code"]) == (404, "customers.borrower_not_found"), path
        assert stranger.get(f"{ROOT}/borrowers/{row.pk}/").status_code == 404
        assert send(stranger, "/search/", {"query": "13812345678"}).json() == {"found": []}
        assert AuditEntry.objects.exclude(verb="customers.borrowers.registered").count() == 0

    def test_the_list_is_filtered_and_paged(self, agent):
        for number in range(5):
            borrower(f"B-{number}")

        first = agent.get(f"{ROOT}/borrowers/", {"page_size": 2, "source": "testbook"}).json()

        assert [row["external_id"] for row in first["results"]] == ["B-4", "B-3"]
        assert [row["external_id"] for row in agent.get(first["next"]).json()["results"]] == ["B-2", "B-1"]
        assert agent.get(f"{ROOT}/borrowers/", {"external_id": "B-3"}).json()["results"][0]["external_id"] == "B-3"
        assert agent.get(f"{ROOT}/borrowers/", {"extrnal_id": "B-3"}).status_code == 400

    def test_a_search_answers_the_surest_first(self, agent):
        row = wang()

        found = send(agent, "/search/", {"query": "138 1234 5678"}).json()["found"]

        assert [(each["id"], each["match"], each["masked_phone"]) for each in found] == [
            (row.pk, "phone", "+86 •••• 5678")
        ]


class TestRevealing:
    def test_is_traced_not_cached_and_stored_nowhere(self, agent):
        row = wang()

        answer = send(agent, f"/borrowers/{row.pk}/reveal/", {"field": "identity_number", "reason": WHY}, key="k")

        assert answer.json() == {"borrower_id": row.pk, "field": "identity_number", "text": CN_IDENTITY}
        assert answer.headers["Cache-Control"] == "no-store"
        entry = AuditEntry.objects.get(verb="customers.borrower.revealed")
        assert (entry.actor_id, entry.borrower_id, entry.reason) == (agent.user.pk, row.pk, WHY)
        assert entry.request_id == answer.headers["X-Request-ID"]
        assert not IdempotencyKey.objects.exists()

    @pytest.mark.parametrize(
        ("data", "field"),
        [
            ({"field": "full_name", "reason": ""}, "reason"),
            ({"field": "full_name"}, "reason"),
            ({"field": "password", "reason": WHY}, "field"),
            ({"reason": WHY}, "field"),
        ],
    )
    def test_needs_a_known_field_and_a_reason(self, agent, data, field):
        answer = send(agent, f"/borrowers/{wang().pk}/reveal/", data)

        assert answer.status_code == 400
        assert set(answer.json()["fields"]) == {field}

    @pytest.mark.parametrize("role", ["analyst", "admin", "auditor"])
    def test_roles_that_do_not_talk_to_borrowers_reveal_nothing(self, role):
        answer = send(client_of(role), f"/borrowers/{wang().pk}/reveal/", {"field": "full_name", "reason": WHY})

        assert answer.status_code == 403
        assert not AuditEntry.objects.filter(verb="customers.borrower.revealed").exists()


class TestCorrecting:
    def test_a_name_an_identity_number_and_contact_points(self, agent):
        row = wang()
        base = f"/borrowers/{row.pk}"

        named = send(
            agent, f"{base}/correct-name/", {"family_name": "李", "given_name": "", "full_name": "", "reason": WHY}
        )
        bad = send(agent, f"{base}/correct-identity/", {"number": "1", "kind": "cn_ric", "reason": WHY})
        good = send(agent, f"{base}/correct-identity/", {"number": "536-90-4399", "kind": "us_ssn", "reason": WHY})
        added = send(
            agent, f"{base}/contact-points/", {"kind": "phone", "value": "13900000001", "reason": WHY}, key="k1"
        )
        again = send(
            agent, f"{base}/contact-points/", {"kind": "phone", "value": "13900000001", "reason": WHY}, key="k1"
        )
        point = added.json()["id"]
        judged = send(
            agent,
            f"{base}/contact-points/{point}/judge/",
            {"quality": "good", "is_primary": True, "reason": WHY},
        )
        ended = send(agent, f"{base}/contact-points/{point}/end/", {"reason": WHY}, key="k2")

        assert named.json()["masked_name"] == "李•••"
        assert (bad.status_code, bad.json()["code"]) == (422, "customers.personal_data_refused")
        assert (good.json()["masked_identity"], good.json()["identity_country"]) == ("•••• 4399", "US")
        assert (added.status_code, again.status_code, again.json()) == (201, 201, added.json())
        assert row.contact_points.filter(kind="phone").count() == 3
        mine = {contact["id"]: contact for contact in judged.json()["contacts"]}
        assert (mine[point]["quality"], mine[point]["is_primary"]) == ("good", True)
        assert {contact["id"]: contact["is_in_use"] for contact in ended.json()["contacts"]}[point] is False

    def test_takes_a_number_for_no_text_and_a_word_for_no_yes(self, agent):
        base = f"/borrowers/{wang().pk}/contact-points/"

        for data in ({"value": 13900000001}, {"is_primary": "true"}, {"reason": 12345}):
            answer = send(agent, base, {"kind": "phone", "value": "13900000001", "reason": WHY} | data, key="k")
            assert (answer.status_code, set(answer.json()["fields"])) == (400, set(data))


class TestMerging:
    def test_folds_and_unfolds_for_those_who_may(self, agent):
        stays, goes = borrower("B-1"), borrower("B-2")
        senior = client_of("senior_agent")
        path, data = f"/borrowers/{stays.pk}/merge/", {"absorbed_id": goes.pk, "reason": "same person"}

        assert send(agent, path, data, key="k").status_code == 403
        merged = send(senior, path, data, key="k1")
        assert send(senior, path, data, key="k1").json() == merged.json()
        assert senior.get(f"{ROOT}/borrowers/{goes.pk}/").json()["merged_into"] == stays.pk
        assert senior.get(f"{ROOT}/borrowers/{stays.pk}/").json()["absorbed"] == [{"id": goes.pk, "external_id": "B-2"}]
        number = merged.json()["merge_id"]
        wrong = send(senior, f"/borrowers/{goes.pk}/merges/{number}/undo/", {"reason": "no, two"}, key="k2")
        undone = send(senior, f"/borrowers/{stays.pk}/merges/{number}/undo/", {"reason": "no, two"}, key="k3")

        assert wrong.status_code == 404
        assert undone.status_code == 200
        assert Borrower.objects.get(pk=goes.pk).merged_into_id is None

    def test_does_not_reach_a_duplicate_out_of_sight(self):
        stays, goes = borrower("B-1"), borrower("B-2", portfolio="other")
        senior = client_of("senior_agent", team__portfolios=["cash"])

        answer = send(
            senior, f"/borrowers/{stays.pk}/merge/", {"absorbed_id": goes.pk, "reason": "same person"}, key="k"
        )

        assert (answer.status_code, answer.json()["code"]) == (404, "customers.borrower_not_found")
