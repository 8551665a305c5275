"""The list of replies, one reply, its words for a reason, and marking it as done, as people use them."""

import pytest
from django.test import Client
from django.urls import reverse

from backoffice.calendars.models import BusinessDay
from backoffice.customers.fields import seal_of
from backoffice.outreach.domain.channels import Channel
from backoffice.outreach.models import Reply
from backoffice.outreach.services.stopping import take_stop
from tests.console.book import as_role
from tests.console.page import fields_of, rows_of, text_of
from tests.outreach.messaging import NOON, active_version, planned, somebody

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _business_day():
    BusinessDay.objects.update_or_create(pk=BusinessDay.ONLY, defaults={"today": NOON.date()})


def reply(text="Who is this?", **fields):
    """A reply to a reminder."""
    message = fields.pop("message", None) or planned(somebody(), active_version(code=f"words_{Reply.objects.count()}"))
    usual = {"borrower": message.borrower, "message": message, "channel": "sms", "at": NOON}
    return Reply.objects.create(**usual | {"text": seal_of(Reply, "text", text)} | fields)


def unknown(**fields):
    """A reply nobody knows the writer of."""
    masked = {"sender_masked": "+86 •••• 5678", "sender": seal_of(Reply, "sender", "+8613812345678")}
    return reply("please call", borrower=None, message=None, **masked | fields)


def done(**fields):
    return reply("STOP", state="done", stop_words="STOP", done_by_name="system", done_at=NOON, **fields)


def page(client, name, *args, **query):
    answer = client.get(reverse(f"outreach:{name}", args=args), query)
    assert answer.status_code == 200, answer.content.decode()
    return answer.content.decode()


def listed(client, **query):
    return [row[5] for row in rows_of(page(client, "replies", **query), caption="Replies")]


def test_lists_what_nobody_has_dealt_with_newest_first_and_everything_when_asked():
    first, stopped = reply(), done()
    unknown(stop_words="别发了", channel="email")
    client = as_role("agent")
    rows = rows_of(page(client, "replies"), caption="Replies")
    assert [(row[1], row[3], row[5], row[6]) for row in rows] == [
        ("–", "+86 •••• 5678", "“别发了”", "open"),
        (first.borrower.external_id, "–", "•••", "open"),
    ]
    assert listed(client, state="done") == ["“STOP”"]
    assert listed(client, state="either") == ["“别发了”", "“STOP”", "•••"]
    assert listed(client, kind="unmatched") == ["“别发了”"]
    assert listed(client, kind="other") == ["•••"]
    assert listed(client, channel="email") == ["“别发了”"]
    assert listed(client, borrower=stopped.borrower.external_id, state="either") == ["“STOP”"]
    assert "Nothing matches the filters" in text_of(page(client, "replies", to="2026-03-16"))
    assert client.get(reverse("outreach:replies"), {"state": "lost"}).status_code == 400


def test_an_empty_list_says_what_would_stand_there():
    text = text_of(page(as_role("agent"), "replies"))
    assert "No reply waits" in text
    assert "until somebody has dealt with it" in text


def test_the_navigation_leads_there_and_counts_what_waits():
    reply(), done()
    (link,) = [
        entry
        for group in as_role("agent").get(reverse("outreach:replies")).context["shell"].navigation
        for entry in group.entries
        if entry.url == reverse("outreach:replies")
    ]
    assert (link.count, link.current) == (1, True)


def test_other_portfolios_see_only_what_nobody_knows_the_writer_of():
    known, nobody = reply(), unknown()
    client = as_role("agent", "elsewhere")
    assert len(listed(client)) == 1
    for name in ("reply", "reveal_reply", "deal_with_reply"):
        assert client.get(reverse(f"outreach:{name}", args=[known.pk])).status_code == 404
        assert client.get(reverse(f"outreach:{name}", args=[nobody.pk])).status_code == 200


def test_a_reply_says_whose_it_is_what_it_answers_and_never_its_words():
    row = reply()
    html = page(as_role("agent"), "reply", row.pk)
    assert "Who is this" not in html
    assert reverse("outreach:message", args=[row.message_id]) in html
    assert reverse("outreach:contact", args=[row.borrower_id]) in html
    assert "Nobody knows who wrote this" in page(as_role("agent"), "reply", unknown().pk)
    assert "took effect when it came" in page(as_role("agent"), "reply", done().pk)
    assert "without its words" in page(as_role("agent"), "reply", reply("").pk)


def test_reveals_the_words_for_a_reason_and_the_browser_keeps_nothing():
    row = unknown()
    client, address = as_role("agent"), reverse("outreach:reveal_reply", args=[row.pk])
    assert client.post(address, {"reason": ""}).status_code == 422
    shown = client.post(address, {"reason": "to find out whose it is"})
    assert (shown.status_code, shown.headers["Cache-Control"]) == (200, "no-store")
    assert "please call" in shown.content.decode()
    assert "+8613812345678" in shown.content.decode()
    assert as_role("analyst").get(address).status_code == 403


def test_marks_a_reply_as_done_with_a_note_and_goes_back_to_the_list():
    row = reply()
    client, address = as_role("agent"), reverse("outreach:deal_with_reply", args=[row.pk])
    filled = fields_of(client.get(address).content.decode()) | {"reason": "called back"}
    looked = client.post(address, filled | {"look": "1"})
    answer = client.post(address, filled | {"seen": fields_of(looked.content.decode()).get("seen", "")})
    assert (answer.status_code, answer.headers["Location"]) == (303, reverse("outreach:replies"))
    row.refresh_from_db()
    assert (row.state, row.note) == ("done", "called back")
    html = page(client, "reply", row.pk)
    assert "called back" in html
    assert address not in html
    assert as_role("auditor").get(address).status_code == 403


def test_the_page_of_a_message_shows_what_was_answered_to_it():
    message = planned(somebody(), active_version())
    row = reply(message=message)
    done(message=message)
    client = as_role("agent")
    html = page(client, "message", message.pk)
    said = [row[1:] for row in rows_of(html, caption="What the borrower replied")]
    assert said == [["Reveal", "open"], ["“STOP”", "done"]]
    assert reverse("outreach:reveal_reply", args=[row.pk]) in html
    assert reverse("outreach:reveal_reply", args=[row.pk]) not in page(as_role("analyst"), "message", message.pk)


def test_the_contact_page_says_in_which_words_they_opted_out():
    owner = somebody()
    take_stop(borrower_id=owner.pk, channels={Channel.SMS, Channel.PUSH}, source="reply", words="退订", at=NOON)
    html = page(as_role("agent"), "contact", owner.pk)
    said = rows_of(html, caption="What the borrower said")
    assert {row[2] for row in said} == {"SMS", "push"}
    assert all("in reply to a message" in row[4] and "退订" in row[4] for row in said)


def test_a_stranger_sees_nothing():
    assert Client().get(reverse("outreach:replies")).status_code == 302
