"""The pages of control answer with what they are for, and the decision is made from the page."""

from decimal import Decimal
from uuid import uuid4

import pytest
from django.test import Client
from django.urls import reverse

from backoffice.audit import approvals
from backoffice.audit.models import Approval, ApprovalLimit, AuditEntry
from backoffice.staff.models import User

VERB = "tests.verb"
pytestmark = pytest.mark.django_db


@pytest.fixture
def done(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """A verb that notes what it was called with."""
    calls: list[int] = []
    monkeypatch.setitem(
        approvals._deeds,
        VERB,
        approvals.Deed(execute=lambda request: calls.append(request.approval_id), label="A verb", consequence=None),
    )
    ApprovalLimit.objects.create(verb=VERB, role="team_lead", max_amount=Decimal("100.00"), alone=False)
    return calls


def person(name: str, *roles: str) -> tuple[User, Client]:
    user = User.objects.create_user(username=name, password=uuid4().hex, roles=list(roles))
    client = Client()
    client.force_login(user)
    return user, client


def ask(user: User, amount: str = "80.00") -> Approval:
    return approvals.submit(
        verb=VERB,
        subject_type="repayment.loan",
        subject_id=7,
        payload={"amount": amount},
        reason="The bank was late",
        actor=user.as_actor(),
        amount=Decimal(amount),
        currency="CNY",
        consequence="Eighty would be waived.",
    )


def confirm(client: Client, url: str, note: str) -> int:
    seen = client.post(url, {"look": "1", "reason": note}).context["panel"].consequence.fingerprint
    return client.post(url, {"reason": note, "seen": seen, "key": str(uuid4())}).status_code


def test_a_lead_approves_from_the_page_and_the_deed_is_done_once(done: list[int]) -> None:
    agent, _ = person("agent", "agent")
    _, lead = person("lead", "team_lead")
    request = ask(agent)
    assert "Eighty would be waived." in lead.get(reverse("audit:approval", args=[request.pk])).content.decode()
    assert confirm(lead, reverse("audit:approve", args=[request.pk]), "agreed") == 303
    assert confirm(lead, reverse("audit:approve", args=[request.pk]), "again") == 409
    assert done == [request.pk]
    request.refresh_from_db()
    assert (request.state, request.decided_by_name) == ("approved", "lead")


def test_the_one_who_asked_sees_no_decision_and_cannot_make_one(done: list[int]) -> None:
    lead, client = person("lead", "team_lead")
    request = ask(lead)
    page = client.get(reverse("audit:approval", args=[request.pk])).content.decode()
    assert reverse("audit:approve", args=[request.pk]) not in page
    assert reverse("audit:withdraw", args=[request.pk]) in page
    assert confirm(client, reverse("audit:approve", args=[request.pk]), "mine") == 403
    assert done == []


def test_an_amount_beyond_the_limit_waits_for_somebody_higher(done: list[int]) -> None:
    agent, _ = person("agent", "agent")
    _, lead = person("lead", "team_lead")
    request = ask(agent, amount="100.01")
    assert confirm(lead, reverse("audit:approve", args=[request.pk]), "agreed") == 403
    request.refresh_from_db()
    assert request.state == "pending"


def test_the_trail_shows_one_entry_with_what_changed() -> None:
    _, auditor = person("auditor", "auditor")
    entry = AuditEntry.objects.create(
        verb="repayment.waiver.booked",
        subject_type="repayment.loan",
        subject_id="7",
        actor_kind="staff",
        actor_id=1,
        actor_name="lin",
        before={"penalty": "20.00"},
        after={"penalty": "0.00"},
    )
    page = auditor.get(reverse("audit:entry", args=[entry.pk])).content.decode()
    assert "20.00" in page
    assert "repayment.waiver.booked" in page
    shown = auditor.get(reverse("audit:trail"), {"verb": "repayment."}).content.decode()
    assert reverse("audit:entry", args=[entry.pk]) in shown
    assert (
        reverse("audit:entry", args=[entry.pk])
        not in auditor.get(reverse("audit:trail"), {"verb": "staff."}).content.decode()
    )


@pytest.mark.parametrize(
    ("role", "name", "status"),
    [
        ("agent", "trail", 403),
        ("auditor", "trail", 200),
        ("agent", "approval_limits", 403),
        ("auditor", "approval_limits", 200),
        ("auditor", "set_limit", 403),
        ("analyst", "approvals", 403),
        ("agent", "approvals", 200),
    ],
)
def test_each_page_of_control_answers_its_roles(role: str, name: str, status: int) -> None:
    _, client = person("one", role)
    assert client.get(reverse(f"audit:{name}")).status_code == status
