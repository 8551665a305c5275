"""Limits are data: set from a page with a reason, seen before they are set, in force from the next request on."""

from decimal import Decimal

import pytest
from django.urls import reverse

from backoffice.audit import approvals, services, tasks
from backoffice.audit.context import serving
from backoffice.audit.models import Approval, ApprovalLimit, AuditEntry, IdempotencyKey, OutboxEvent
from backoffice.core.actors import SYSTEM
from tests.console.page import text_of
from tests.staff.factories import actor, logged_in, person

pytestmark = pytest.mark.django_db

VERB = "test.thing.waive"


@pytest.fixture(autouse=True)
def one_deed(monkeypatch):
    monkeypatch.setattr(approvals, "_deeds", {})
    approvals.register(VERB, lambda request: None, label="Waive a thing")


@pytest.fixture
def admin(client):
    user = person("admin")
    logged_in(client, user)
    return user


def confirm(client, url, **fields):
    looked = client.post(url, {"look": "1", "reason": "because", **fields}).context["panel"].consequence
    data = {"reason": "because", "seen": looked.fingerprint if looked else "", "key": "k", **fields}
    return looked, client.post(url, data)


def set_limit(client, **fields):
    data = {"limited_verb": VERB, "role": "agent", "currency": "", "max_amount": "50.00", "alone": "on"} | fields
    return confirm(client, reverse("audit:set_limit"), **data)


class TestLimits:
    def test_are_set_changed_and_traced(self, client, admin):
        ada = actor("agent")
        assert approvals.needs_approval(verb=VERB, amount=Decimal("10.00"), actor=ada, currency="CNY")

        set_limit(client)
        looked, _answer = set_limit(client, max_amount="70.00")

        assert not approvals.needs_approval(verb=VERB, amount=Decimal("70.00"), actor=ada, currency="CNY")
        assert ApprovalLimit.objects.filter(verb=VERB).count() == 1
        assert [(line.value, line.before) for line in looked.lines] == [("70.00", "50.00"), ("yes", None)]
        entry = AuditEntry.objects.order_by("id").last()
        assert (entry.verb, entry.before["max_amount"], entry.after["max_amount"]) == (
            "audit.limit.set",
            "50.00",
            "70.00",
        )

    def test_without_an_amount_are_without_limit_and_a_currency_may_have_its_own(self, client, admin):
        looked, _answer = set_limit(client, max_amount="")
        set_limit(client, currency="ugx", max_amount="1.00")

        assert looked.lines[0].value == "without limit"
        ada = actor("agent")
        assert not approvals.needs_approval(verb=VERB, amount=Decimal("9999999.00"), actor=ada, currency="CNY")
        assert approvals.needs_approval(verb=VERB, amount=Decimal("2.00"), actor=ada, currency="UGX")

    @pytest.mark.parametrize(
        "fields", [{"max_amount": "-1"}, {"limited_verb": "test.unknown"}, {"role": "king"}, {"currency": "EURO"}]
    )
    def test_that_make_no_sense_are_not_set(self, client, admin, fields):
        data = {
            "limited_verb": VERB,
            "role": "agent",
            "currency": "",
            "max_amount": "5",
            "reason": "because",
            "key": "k",
        }

        answer = client.post(reverse("audit:set_limit"), data | fields)

        assert answer.status_code == 422
        assert not ApprovalLimit.objects.filter(verb=VERB).exists()

    def test_are_shown_in_words(self, client, admin):
        ApprovalLimit.objects.create(verb=VERB, role="team_lead", max_amount=None, alone=False)

        page = client.get(reverse("audit:approval_limits")).content.decode()

        for words in ("Waive a thing", "Team lead", "without limit", "decides for others"):
            assert words in page


class TestInbox:
    @pytest.fixture(autouse=True)
    def limits(self):
        ApprovalLimit.objects.create(verb=VERB, role="team_lead", max_amount=Decimal("100.00"), alone=False)

    @pytest.fixture
    def lead(self, client):
        user = person("team_lead", team__portfolios=["cash"])
        logged_in(client, user)
        return user

    def ask(self, *, by=None, portfolio="cash"):
        return approvals.submit(
            verb=VERB,
            subject_type="test.thing",
            subject_id=9,
            payload={"n": Approval.objects.count()},
            reason="illness",
            actor=by or actor("agent", actor_id=999_999),
            amount=Decimal("80.00"),
            currency="CNY",
            portfolio=portfolio,
            consequence="Eighty would be waived.",
        )

    def listed(self, client, **query):
        lines = client.get(reverse("audit:approvals"), query).context["table"].lines
        return [line.row.pk for line in lines]

    def test_names_what_each_request_is_about(self, client, lead):
        self.ask()
        html = client.get(reverse("audit:approvals"), {"tab": "all"}).content.decode()
        assert "test.thing 9" in text_of(html)

    def test_tells_what_waits_what_is_ones_own_and_all(self, client, lead):
        waiting, mine, other = self.ask(), self.ask(by=lead.as_actor()), self.ask(portfolio="other")
        declined = self.ask()
        approvals.decline(approval_id=declined.pk, actor=actor("team_lead", actor_id=999_998), note="no")

        assert self.listed(client) == [waiting.pk]
        assert self.listed(client, tab="mine") == [mine.pk]
        assert self.listed(client, tab="all") == [declined.pk, mine.pk, waiting.pk]
        assert self.listed(client, tab="all", state="declined") == [declined.pk]
        assert client.get(reverse("audit:approvals"), {"state": "lost"}).status_code == 400
        assert client.get(reverse("audit:approval", args=[other.pk])).status_code == 404

    def test_shows_the_consequence_before_the_decision(self, client, lead):
        request = self.ask()

        looked, answer = confirm(client, reverse("audit:approve", args=[request.pk]))

        assert [str(warning) for warning in looked.warnings] == ["Eighty would be waived."]
        assert [(str(line.label), line.value, line.currency) for line in looked.lines] == [
            ("Amount", Decimal("80.00"), "CNY")
        ]
        assert (answer.status_code, Approval.objects.get(pk=request.pk).state) == (303, "approved")

    def test_declines_with_a_note_and_withdraws_ones_own(self, client, lead):
        request, mine = self.ask(), self.ask(by=lead.as_actor())

        confirm(client, reverse("audit:decline", args=[request.pk]))
        confirm(client, reverse("audit:withdraw", args=[mine.pk]))

        request.refresh_from_db()
        mine.refresh_from_db()
        assert (request.state, request.note) == ("declined", "because")
        assert (mine.state, mine.decided_by) == ("withdrawn", lead.pk)

    def test_tells_honestly_that_an_approved_deed_failed(self, client, lead):
        def refuse(_request):
            raise approvals.ReasonMissing("The thing is gone.")

        approvals.register(VERB, refuse, label="Waive a thing", consequence=lambda approval: "As of now: nothing.")
        request = self.ask()

        looked, answer = confirm(client, reverse("audit:approve", args=[request.pk]))

        assert [str(warning) for warning in looked.warnings] == ["As of now: nothing."]
        said = [str(message) for message in answer.wsgi_request._messages]
        assert said == ["It could not be done any more: The thing is gone."]
        assert "The thing is gone." in client.get(reverse("audit:approval", args=[request.pk])).content.decode()

    def test_a_request_of_a_verb_nobody_knows_any_more_can_still_be_read(self, client, lead, monkeypatch):
        request = self.ask()
        monkeypatch.setattr(approvals, "_deeds", {})

        page = client.get(reverse("audit:approval", args=[request.pk])).content.decode()

        assert VERB in page


class TestTasks:
    def test_do_what_they_are_named_for(self):
        OutboxEvent.objects.create(event="test.unheard", key="")

        assert tasks.dispatch_outbox() == 1
        assert tasks.purge_outbox() == 0
        assert tasks.purge_answers() == 0
        assert not IdempotencyKey.objects.exists()

    def test_an_entry_written_by_a_task_carries_the_tasks_id(self, monkeypatch):
        class Running:
            request = type("Request", (), {"id": "4f1c"})

        monkeypatch.setattr("backoffice.audit.context.current_task", Running())

        assert serving() == "task:4f1c"
        assert services.record(verb="a.b.c", subject_type="a", subject_id=1, actor=SYSTEM).request_id == "task:4f1c"


def test_rows_say_what_they_are():
    assert str(AuditEntry(verb="a.b.c", subject_type="loan", subject_id="7")) == "a.b.c loan 7"
    assert str(Approval(verb="a.b", subject_type="loan", subject_id="7")) == "a.b loan 7"
    assert str(ApprovalLimit(verb="a.b", role="agent")) == "a.b agent"
    assert str(OutboxEvent(event="a.b", key="loan:7")) == "a.b loan:7"
    assert str(IdempotencyKey(scope="s", key="k")) == "s k"


def test_says_that_a_limit_without_a_currency_counts_in_every_one(client, admin):
    looked, _answer = set_limit(client)
    assert str(looked.warnings[0]).startswith("A limit without a currency counts")
    assert looked.lines[0].value == "50.00"
    listed = client.get(reverse("audit:approval_limits")).content.decode()
    assert "50 is 50 USD and 50 UGX alike" in listed
    looked, _answer = set_limit(client, currency="ugx", max_amount="5000")
    assert (looked.warnings, looked.lines[0].value) == ((), "USh\u00a05,000")
    ApprovalLimit.objects.filter(currency="").delete()
    listed = client.get(reverse("audit:approval_limits")).content.decode()
    assert "USh\u00a05,000" in listed
    assert "50 USD" not in listed
