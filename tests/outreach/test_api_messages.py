"""Messages, templates, gateways and the app's inbox over the API."""

from datetime import timedelta

import pytest
from rest_framework.test import APIClient

from backoffice.calendars import clock
from backoffice.customers.fields import seal_of
from backoffice.outreach.domain.channels import Channel
from backoffice.outreach.models import Gateway, Message, Reply
from backoffice.outreach.services import sending
from tests.outreach.messaging import NOON, active_version, gateway, journey, planned, somebody
from tests.staff.factories import TeamFactory, person

pytestmark = pytest.mark.django_db
BASE = "/api/v1/outreach"


def api(*roles, portfolios=()):
    client = APIClient()
    client.force_authenticate(person(*roles, team=TeamFactory(portfolios=list(portfolios))))
    return client


@pytest.fixture
def inbox(sandbox):
    """A message in the inbox of the app."""
    gateway(Channel.INBOX)
    message = planned(somebody(), active_version(Channel.INBOX), source="plan:1")
    sending.send_while_due(clock=lambda: NOON, seconds=30)
    message.refresh_from_db()
    return message


def test_lists_and_shows_messages_without_their_texts(inbox):
    client = api("agent")
    (row,) = client.get(f"{BASE}/messages/?state=sent&source=plan:1&channel=inbox").json()["results"]
    assert (row["id"], row["template"], row["state"], row["cost"]) == (inbox.pk, "due_soon", "sent", "0.0450")
    assert client.get(f"{BASE}/messages/?state=failed").json()["results"] == []
    for days, found in (
        ("send_from=2026-03-17&send_to=2026-03-17", 1),
        ("send_from=2026-03-18", 0),
        ("send_to=2026-03-16", 0),
    ):
        assert len(client.get(f"{BASE}/messages/?{days}").json()["results"]) == found
    shown = client.get(f"{BASE}/messages/{inbox.pk}/").json()
    assert [move["to_state"] for move in shown["moves"]] == ["planned", "sending", "sent"]
    assert "¥1,100.16" in shown["words"]["body"]
    assert "Lovelace" not in str(shown)
    missing = api("agent", portfolios=["elsewhere"]).get(f"{BASE}/messages/{inbox.pk}/")
    assert (missing.status_code, missing.json()["code"]) == (404, "outreach.message_not_found")


def test_stops_a_planned_message_and_leaves_alone_what_left(inbox):
    waiting = planned(somebody(), active_version())
    client = api("team_lead")
    for _ in range(2):
        answer = client.post(f"{BASE}/messages/{waiting.pk}/stop/", {"reason": "called already"})
    assert answer.json() == {"stopped": 0}
    assert journey(waiting) == ["planned", "stopped by_staff"]
    assert client.post(f"{BASE}/messages/{inbox.pk}/stop/", {"reason": "called already"}).json() == {"stopped": 0}
    assert client.post(f"{BASE}/messages/{waiting.pk}/stop/", {}).json()["fields"] == {
        "reason": "This field is required."
    }


def test_the_app_fetches_an_inbox_in_clear_and_marks_what_was_opened(inbox):
    client = api("admin")
    address = f"{BASE}/inbox/{inbox.borrower_id}/"
    (shown,) = client.get(address).json()["messages"]
    assert shown["body"] == "Hello Ada Lovelace, your bill of ¥1,100.16 is due on 20 Mar 2026. Backoffice"
    assert (shown["subject"], shown["is_read"]) == ("Your bill", False)
    inbox.refresh_from_db()
    assert inbox.state == "delivered"
    for _ in range(2):
        assert client.post(f"{address}{inbox.pk}/read/").json()["is_read"] is True
    assert journey(inbox) == ["planned", "sending", "sent", "delivered", "read"]
    assert client.get(f"{address}?channel=popup").json() == {"messages": []}


def test_the_app_reads_nobody_elses_messages(inbox):
    other = somebody()
    answer = api("admin").post(f"{BASE}/inbox/{other.pk}/{inbox.pk}/read/")
    assert (answer.status_code, answer.json()["code"]) == (404, "outreach.inbox_message_not_found")
    planned_only = planned(inbox.borrower, active_version(Channel.POPUP))
    unread = api("admin").post(f"{BASE}/inbox/{inbox.borrower_id}/{planned_only.pk}/read/")
    assert unread.status_code == 404
    assert api("agent").get(f"{BASE}/inbox/{inbox.borrower_id}/").status_code == 403


def test_lists_versions_and_previews_words(inbox):
    client = api("analyst")
    (row,) = client.get(f"{BASE}/template-versions/?template=due_soon&channel=inbox").json()["results"]
    assert row["variables"] == ["name", "amount", "due_date", "lender"]
    words = {"channel": "sms", "language": "en", "body": "{lender}: {amount} ✓ or court"}
    seen = client.post(f"{BASE}/templates/preview/", words).json()
    assert seen["body"] == "Backoffice: ¥1,100.16 ✓ or court"
    assert (seen["length"]["encoding"], seen["length"]["segments"]) == ("ucs2", 1)
    assert len(seen["findings"]) == 1
    broken = client.post(f"{BASE}/templates/preview/", words | {"body": "{amuont}"}).json()
    assert (broken["body"], broken["length"]) == ("", None)
    assert broken["faults"] == {"body": "{amuont}: there is no such variable"}


def test_tells_how_gateways_do_and_pauses_one(sandbox):
    way = gateway(Channel.SMS, url=f"{sandbox.url}/gateways/sms", refilled_at=clock.now())
    now = clock.now()
    planned(
        somebody(),
        active_version(code="law", purpose="notice"),
        send_after=now - timedelta(minutes=1),
        send_before=now + timedelta(hours=1),
    )
    sending.send_while_due(clock=clock.now, seconds=30)
    client = api("team_lead")
    (row,) = client.get(f"{BASE}/gateways/").json()["gateways"]
    assert Message.objects.get().state == "sent"
    assert (row["state"], row["handed_over"], row["failed"], row["waiting"], row["cost"]) == ("well", 1, 0, 0, "0.0450")
    assert float(row["answer_p95_seconds"]) >= 0
    paused = client.post(f"{BASE}/gateways/{way.pk}/pause/", {"reason": "complaints"})
    assert paused.json() == {"id": way.pk, "is_paused": True}
    again = client.post(f"{BASE}/gateways/{way.pk}/pause/", {"reason": "complaints"})
    assert (again.status_code, again.json()["code"]) == (409, "outreach.gateway_in_state")
    assert client.post(f"{BASE}/gateways/{way.pk}/resume/", {"reason": "settled"}).json()["is_paused"] is False
    assert Gateway.objects.get().tokens == 0
    assert client.post(f"{BASE}/gateways/987654/pause/", {"reason": "nobody"}).status_code == 404


def test_lists_reveals_and_deals_with_replies(inbox):
    words = {"text": seal_of(Reply, "text", "Who is this?")}
    known = Reply.objects.create(borrower=inbox.borrower, message=inbox, channel="inbox", at=NOON, **words)
    nobody = Reply.objects.create(channel="sms", at=NOON, sender_masked="+86 •••• 5678", stop_words="STOP", **words)
    client = api("agent")
    listed = client.get(f"{BASE}/replies/?state=open").json()["results"]
    assert [(row["id"], row["borrower_id"], row["sender"]) for row in listed] == [
        (nobody.pk, None, "+86 •••• 5678"),
        (known.pk, inbox.borrower_id, ""),
    ]
    assert "Who is this" not in str(listed)
    fitting = {
        "kind=stop": nobody,
        "kind=unmatched": nobody,
        "kind=other": known,
        "channel=sms": nobody,
        f"borrower={inbox.borrower_id}": known,
        f"message={inbox.pk}": known,
    }
    for query, row in fitting.items():
        assert [each["id"] for each in client.get(f"{BASE}/replies/?{query}").json()["results"]] == [row.pk]

    shown = client.post(f"{BASE}/replies/{known.pk}/reveal/", {"reason": "borrower calls"})
    assert (shown.json()["text"], shown.headers["Cache-Control"]) == ("Who is this?", "no-store")
    assert api("analyst").post(f"{BASE}/replies/{known.pk}/reveal/", {"reason": "curious"}).status_code == 403

    done = client.post(f"{BASE}/replies/{known.pk}/done/", {"note": "called back"}).json()
    assert (done["state"], done["note"], client.get(f"{BASE}/replies/{known.pk}/").json()) == (
        "done",
        "called back",
        done,
    )
    again = client.post(f"{BASE}/replies/{known.pk}/done/", {"note": "me too"})
    assert (again.status_code, again.json()["code"]) == (409, "outreach.reply_dealt_with")
    missing = api("agent", portfolios=["elsewhere"]).get(f"{BASE}/replies/{known.pk}/")
    assert (missing.status_code, missing.json()["code"]) == (404, "outreach.reply_not_found")
