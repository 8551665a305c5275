"""The trail and approvals over the API."""

from decimal import Decimal

import pytest
from rest_framework.test import APIClient

from backoffice.audit import approvals, services
from backoffice.audit.models import Approval, ApprovalLimit, AuditEntry
from backoffice.core.actors import SYSTEM
from tests.staff.factories import actor, person

pytestmark = pytest.mark.django_db

ROOT = "/api/v1/audit"
VERB = "test.thing.waive"


@pytest.fixture
def done(monkeypatch):
    """What was done by approving."""
    calls = []
    monkeypatch.setattr(approvals, "_deeds", {})
    approvals.register(VERB, lambda request: calls.append(request.approval_id))
    ApprovalLimit.objects.create(verb=VERB, role="team_lead", max_amount=Decimal("100.00"), alone=False)
    return calls


def client_of(*roles, **fields):
    client = APIClient()
    client.user = person(*roles, **fields)
    client.force_authenticate(client.user)
    return client


def ask(*, amount="80.00", portfolio="cash", by=None):
    return approvals.submit(
        verb=VERB,
        subject_type="test.thing",
        subject_id=9,
        payload={"amount": amount, "n": Approval.objects.count()},
        reason="illness",
        actor=by or actor("agent", actor_id=999_999),
        amount=Decimal(amount),
        currency="CNY",
        portfolio=portfolio,
    ).pk


def decide(client, approval_id, verb, key="k", **data):
    return client.post(f"{ROOT}/approvals/{approval_id}/{verb}/", data, format="json", HTTP_IDEMPOTENCY_KEY=key)


class TestTrail:
    @pytest.fixture(autouse=True)
    def entries(self):
        for number, (verb, borrower_id) in enumerate(
            [("customers.hold.placed", 5), ("customers.hold.lifted", 5), ("repayment.payment.posted", 6)]
        ):
            services.record(
                verb=verb,
                subject_type="a.b",
                subject_id=number,
                actor=SYSTEM,
                borrower_id=borrower_id,
                after={"n": number},
            )

    @pytest.mark.parametrize(
        ("query", "subjects"),
        [
            ({}, ["2", "1", "0"]),
            ({"verb": "customers.hold"}, ["1", "0"]),
            ({"verb": "customers.hold.lifted"}, ["1"]),
            ({"borrower": "6"}, ["2"]),
            ({"subject_id": "0", "subject_type": "a.b"}, ["0"]),
            ({"actor": "1"}, []),
            ({"since": "2100-01-01T00:00:00Z"}, []),
            ({"until": "2100-01-01T00:00:00Z"}, ["2", "1", "0"]),
            ({"verb": "%"}, []),
        ],
    )
    def test_is_read_by_filter(self, query, subjects):
        answer = client_of("auditor").get(f"{ROOT}/entries/", query).json()

        assert [entry["subject_id"] for entry in answer["results"]] == subjects

    @pytest.mark.parametrize("query", [{"borrower": "x"}, {"borrower": "9" * 30}, {"since": "yesterday"}, {"who": "a"}])
    def test_a_filter_nobody_can_read_is_refused(self, query):
        answer = client_of("auditor").get(f"{ROOT}/entries/", query)

        assert (answer.status_code, set(answer.json()["fields"])) == (400, set(query))

    def test_cannot_be_written_to(self):
        admin = client_of("admin")

        for method in ("post", "put", "patch", "delete"):
            assert getattr(admin, method)(f"{ROOT}/entries/", {}).status_code == 405
        assert AuditEntry.objects.count() == 3


class TestApprovals:
    def test_are_decided_once_however_often_the_call_is_made(self, done):
        lead = client_of("team_lead")
        number = ask()

        first = decide(lead, number, "approve", key="k1", note="agreed")
        repeated = decide(lead, number, "approve", key="k1", note="agreed")
        other = decide(lead, number, "approve", key="k2")

        assert (first.json()["state"], first.json()["amount"], first.json()["note"]) == ("approved", "80.00", "agreed")
        assert repeated.json() == first.json()
        assert (other.status_code, other.json()["code"]) == (409, "audit.approval_already_decided")
        assert done == [number]

    def test_are_refused_beyond_the_limit_and_to_their_author(self, done):
        lead = client_of("team_lead")

        beyond = decide(lead, ask(amount="100.01"), "approve")
        own = decide(lead, ask(by=lead.user.as_actor()), "approve")
        without_a_word = decide(lead, ask(), "decline")

        assert (beyond.status_code, beyond.json()["code"]) == (403, "audit.approval_beyond_limit")
        assert (own.status_code, own.json()["code"]) == (403, "audit.approval_is_own")
        assert (without_a_word.status_code, set(without_a_word.json()["fields"])) == (400, {"note"})
        assert done == []

    def test_are_declined_with_a_word_and_withdrawn_by_their_author(self, done):
        lead = client_of("team_lead")
        number, mine = ask(), ask(by=lead.user.as_actor())

        assert decide(lead, number, "decline", note="no").json()["state"] == "declined"
        assert decide(lead, mine, "withdraw", key="k2").json()["state"] == "withdrawn"
        assert decide(client_of("agent"), number, "withdraw").status_code == 409
        assert done == []

    def test_of_other_portfolios_are_out_of_sight_but_ones_own(self, done):
        lead = client_of("team_lead", team__portfolios=["other"])
        theirs, mine = ask(), ask(by=lead.user.as_actor())

        listed = lead.get(f"{ROOT}/approvals/").json()["results"]

        assert [each["id"] for each in listed] == [mine]
        assert lead.get(f"{ROOT}/approvals/{theirs}/").status_code == 404
        assert decide(lead, theirs, "approve").status_code == 404
        assert done == []

    def test_are_listed_by_filter(self, done):
        lead = client_of("team_lead")
        number, declined = ask(), ask()
        decide(lead, declined, "decline", note="no")

        def ids(**query):
            return [each["id"] for each in lead.get(f"{ROOT}/approvals/", query).json()["results"]]

        assert ids() == [declined, number]
        assert ids(state="pending") == [number]
        assert ids(verb="other") == []
        assert lead.get(f"{ROOT}/approvals/", {"state": "lost"}).status_code == 400

    def test_limits_are_read_exactly(self, done):
        answer = client_of("team_lead").get(f"{ROOT}/limits/").json()["limits"]

        assert {"verb": VERB, "role": "team_lead", "currency": "", "max_amount": "100.00", "alone": False} in answer
