"""docs/processes/approvals.md, as the people in it live it: ask, wait, decide, and a deed that comes too late."""

from datetime import date

import pytest
from django.db.backends.postgresql.psycopg_any import DateRange
from django.urls import reverse

from backoffice.audit.models import Approval, ApprovalLimit, AuditEntry
from backoffice.calendars.services import open_first_day
from backoffice.core.actors import SYSTEM
from backoffice.customers.models import Hold
from tests.customers.factories import borrower
from tests.staff.factories import logged_in, person

pytestmark = pytest.mark.django_db


def confirm(client, address, **fields):
    """Looks at the panel, then sends what was seen; gives the consequence and the answer."""
    fields = {"reason": "recovered, says the clinic"} | fields
    looked = client.post(address, {"look": "1", **fields}).context["panel"].consequence
    answer = client.post(address, {"seen": looked.fingerprint if looked else "", "key": "k", **fields})
    return looked, answer


def said(answer):
    return [str(message) for message in answer.wsgi_request._messages]


def place(client, row, last):
    hold = {"scopes": ["calls"], "start": "2026-03-01", "last": last, "cause": "illness", "reason": "in hospital"}
    _looked, answer = confirm(client, reverse("console:place_hold", args=[row.pk]), **hold)
    assert answer.status_code == 303
    return Hold.objects.get(borrower=row)


def test_a_hold_is_lifted_by_two_people_or_not_at_all(client):
    ApprovalLimit.objects.get_or_create(
        verb="customers.hold.lift", role="team_lead", currency="", defaults={"alone": False}
    )
    open_first_day(day=date(2026, 3, 8), actor=SYSTEM)
    agent, lead = person("agent", display_name="Ada"), person("team_lead", display_name="Bo")
    first, second = borrower("B-1001"), borrower("B-1002")

    # 1. The agent places the holds.
    logged_in(client, agent)
    hold, other = place(client, first, "2026-03-31"), place(client, second, "2026-03-31")

    # 2. And asks to lift them.
    _looked, answer = confirm(client, reverse("console:lift_hold", args=[hold.pk]), scopes=["calls"], on="2026-03-10")
    request = Approval.objects.get()
    assert said(answer)[-1] == (
        f"Asked for approval, request {request.pk}. The hold stays until a second person agrees."
    )
    confirm(client, reverse("console:lift_hold", args=[other.pk]), scopes=["calls"], on="2026-03-20")

    # 3. The agent cannot decide, and cannot ask twice.
    page = client.get(reverse("audit:approval", args=[request.pk])).content.decode()
    assert reverse("audit:approve", args=[request.pk]) not in page
    assert reverse("audit:withdraw", args=[request.pk]) in page
    _looked, answer = confirm(client, reverse("console:lift_hold", args=[hold.pk]), scopes=["calls"], on="2026-03-11")
    assert answer.status_code == 409

    # 4. The lead reads what will happen, and agrees.
    logged_in(client, lead)
    looked, answer = confirm(client, reverse("audit:approve", args=[request.pk]))
    assert [str(warning) for warning in looked.warnings] == [
        "The hold on calls since 2026-03-01 ends on 2026-03-10 instead of 2026-04-01."
    ]
    assert said(answer)[-1] == "Approved and done."
    hold.refresh_from_db()
    assert (hold.period, hold.planned_end) == (DateRange(date(2026, 3, 1), date(2026, 3, 10)), date(2026, 4, 1))

    # 5. The other hold has ended by itself meanwhile: an honest failure, and nothing else.
    Hold.objects.filter(pk=other.pk).update(period=DateRange(date(2026, 3, 1), date(2026, 3, 15)))
    late = Approval.objects.get(state="pending")
    confirm(client, reverse("audit:approve", args=[late.pk]))
    late.refresh_from_db()
    assert (late.state, late.failure.startswith("This hold is over by then.")) == ("failed", True)
    assert Hold.objects.get(pk=other.pk).lifted_at is None
    assert list(
        AuditEntry.objects.filter(verb__startswith="audit.approval.").order_by("id").values_list("verb", "actor_name")
    ) == [
        ("audit.approval.submitted", "Ada"),
        ("audit.approval.submitted", "Ada"),
        ("audit.approval.approved", "Bo"),
        ("audit.approval.failed", "Bo"),
    ]
