"""The contact log on the screen: facts, corrections, blocked attempts, proof, and the panels that write into it."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from backoffice.core.actors import SYSTEM
from backoffice.customers.models import Borrower
from backoffice.outreach.domain.channels import Channel
from backoffice.outreach.domain.purposes import Purpose
from backoffice.outreach.domain.verdicts import Wanted
from backoffice.outreach.models import ContactEntry
from backoffice.outreach.services import gate
from tests.console.book import as_role
from tests.console.page import rows_of, text_of
from tests.outreach.reached import HOUR, NOON, called, clock_at, reached_borrower, that_pack_alone

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def that_day(monkeypatch):
    that_pack_alone(monkeypatch)
    clock_at(monkeypatch, NOON)


@pytest.fixture
def borrower():
    return reached_borrower()


def log_of(client, borrower, **query):
    return client.get(reverse("outreach:contact_log", args=[borrower.pk]), query).content.decode()


def confirm(client, address, **fields):
    """Sends a panel as a person does: looks, then sends what was seen."""
    data = {"reason": "they said so", "at": "2026-04-08T23:30", **fields}
    looked = client.post(address, {"look": "1", **data}).context["panel"].consequence
    return client.post(address, {**data, "seen": looked.fingerprint if looked else "", "key": "k"})


def denied(borrower, at):
    point = borrower.contact_points.get()
    wanted = Wanted(
        borrower_id=borrower.pk,
        channel=Channel.CALL,
        purpose=Purpose.COLLECTION,
        at=at,
        endpoint_id=point.pk,
        actor_scope="third_party",
    )
    return gate.reserve_contact(wanted=wanted, actor=SYSTEM)


def test_shows_each_contact_with_its_facts_and_what_it_counts_as(borrower):
    entry_id = called(borrower, "R-INF", NOON - HOUR)
    gate.record_fact(entry_id=entry_id, code="P-WN", kind="correction", actor=SYSTEM, at=NOON)
    html = log_of(as_role("agent"), borrower)
    (row,) = rows_of(html, caption="Contacts")
    assert row[1].startswith("call · collection")
    assert row[2] == "wrong number P-WN"
    assert "outcome: information only" in row[3]
    assert "correction : wrong number" in row[3]
    assert "chain verified" in text_of(html)
    assert "3 entries, each proven by the one before it" in text_of(html)


def test_says_at_which_entry_the_log_is_broken(borrower):
    called(borrower, "R-INF", NOON - HOUR)
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL session_replication_role = replica")
        cursor.execute("UPDATE outreach_contactentry SET code = 'R-PTP' WHERE sequence = 2")
        cursor.execute("SET LOCAL session_replication_role = origin")
    words = text_of(log_of(as_role("agent"), borrower))
    assert "The log is broken at entry 2: its fields are not those that were written." in words
    assert "chain broken" in words


def test_shows_what_was_blocked_by_which_rule_and_who_wanted_it(borrower):
    denied(borrower, NOON + 12 * HOUR)
    (row,) = rows_of(log_of(as_role("agent"), borrower), caption="Blocked attempts")
    assert row[1:4] == ["call", "collection", "From 08:00 to 21:00 at the borrower&#x27;s place."]
    assert row[5] == "system"


def test_reads_the_log_of_the_records_that_were_merged_into_the_borrower(borrower):
    called(borrower, "T-NA", NOON - HOUR)
    other = Borrower.objects.create(external_id="BR-TWIN", source="testbook", portfolio="north", country="US")
    called(other, "T-BZ", NOON - 2 * HOUR, endpoint_id=None)
    Borrower.objects.filter(pk=other.pk).update(merged_into=borrower)
    client = as_role("agent")
    html = log_of(client, borrower)
    assert [row[2] for row in rows_of(html, caption="Contacts")] == ["rang, no answer T-NA", "busy T-BZ"]
    assert "4 entries" in text_of(html)
    moved = client.get(reverse("outreach:contact_log", args=[other.pk]))
    assert moved.headers["Location"] == reverse("outreach:contact_log", args=[borrower.pk])


def test_logs_a_call_of_the_borrower(borrower):
    client = as_role("agent")
    address = reverse("outreach:log_contact", args=[borrower.pk])
    assert client.get(address).status_code == 200
    answer = confirm(client, address, direction="in", channel="call", purpose="service", code="I-CPL", endpoint_id="")
    assert answer.status_code == 303
    entry = ContactEntry.objects.get()
    assert (entry.direction, entry.code, entry.at) == ("in", "I-CPL", NOON - HOUR / 2)


def test_warns_that_a_call_of_ours_was_not_asked_for(borrower):
    client = as_role("collector")
    address = reverse("outreach:log_contact", args=[borrower.pk])
    fields = {"direction": "out", "channel": "call", "purpose": "collection", "code": "R-PTP", "endpoint_id": ""}
    seen = client.post(
        address, {"look": "1", "reason": "they said so", "at": "2026-04-08T23:30", **fields}
    ).content.decode()
    assert "the next replay judges it" in seen
    assert "a conversation" in seen


def test_shows_at_the_field_what_cannot_have_been(borrower):
    client = as_role("agent")
    address = reverse("outreach:log_contact", args=[borrower.pk])
    answer = confirm(client, address, direction="in", channel="call", purpose="service", code="R-PTP", endpoint_id="")
    assert answer.status_code == 422
    assert "is no result of such a contact" in answer.content.decode()
    assert not ContactEntry.objects.exists()


def test_records_and_corrects_a_result(borrower):
    client = as_role("collector")
    entry_id = called(borrower, "", NOON - HOUR)
    assert "Record the result" in log_of(client, borrower)
    assert confirm(client, reverse("outreach:record_result", args=[entry_id]), code="R-PTP").status_code == 303
    assert reverse("outreach:correct_result", args=[entry_id]) in log_of(client, borrower)
    confirm(client, reverse("outreach:correct_result", args=[entry_id]), code="P-WN")
    kinds = ContactEntry.objects.order_by("sequence").values_list("kind", "code")
    assert list(kinds) == [("attempt", ""), ("outcome", "R-PTP"), ("correction", "P-WN")]
    assert borrower.contact_points.get().quality == "wrong_person"


def test_lists_the_contacts_of_all_borrowers_the_newest_first(borrower):
    called(borrower, "R-PTP", NOON - 2 * HOUR)
    called(borrower, "T-NA", NOON - HOUR)
    client, address = as_role("team_lead"), reverse("outreach:contacts")
    rows = rows_of(client.get(address).content.decode(), caption="Contacts")
    assert [row[1:6] for row in rows] == [
        ["BR-1", "call", "collection", "by us", "rang, no answer"],
        ["BR-1", "call", "collection", "by us", "promised to pay in full"],
    ]
    promised = rows_of(client.get(address, {"code": "R-PTP"}).content.decode(), caption="Contacts")
    assert [row[5] for row in promised] == ["promised to pay in full"]
    assert "Nothing matches" in client.get(address, {"channel": "sms"}).content.decode()


def test_a_code_is_found_only_where_it_counts(borrower):
    entry_id = called(borrower, "R-PTP", NOON - 2 * HOUR)
    gate.record_fact(entry_id=entry_id, code="P-WN", kind="correction", actor=SYSTEM, at=NOON)
    client, address = as_role("team_lead"), reverse("outreach:contacts")
    assert "Nothing matches" in client.get(address, {"code": "R-PTP"}).content.decode()
    assert len(rows_of(client.get(address, {"code": "P-WN"}).content.decode(), caption="Contacts")) == 1


def test_lists_what_was_blocked_anywhere(borrower):
    denied(borrower, NOON + 12 * HOUR)
    client, address = as_role("compliance"), reverse("outreach:contacts")
    found = client.get(address, {"blocked": "1", "rule": "us_reg_f.hours"}).content.decode()
    assert [row[1] for row in rows_of(found, caption="Blocked attempts")] == ["BR-1"]
    assert "Nothing matches" in client.get(address, {"blocked": "1", "rule": "us_reg_f.seven"}).content.decode()


def test_a_lead_sees_the_contacts_of_their_own_portfolios(borrower):
    entry_id = called(borrower, "T-NA", NOON - HOUR)
    client = as_role("team_lead", "south")
    assert "No contact yet" in client.get(reverse("outreach:contacts")).content.decode()
    for name in ("record_result", "correct_result"):
        assert client.get(reverse(f"outreach:{name}", args=[entry_id])).status_code == 404
    assert client.get(reverse("outreach:contact_log", args=[borrower.pk])).status_code == 404


def test_reads_in_a_fixed_number_of_queries(borrower):
    client = as_role("team_lead")
    called(borrower, "T-NA", NOON - HOUR)
    addresses = [reverse("outreach:contacts"), reverse("outreach:contact_log", args=[borrower.pk])]
    for address in addresses:
        client.get(address)
    counts = []
    for _round in range(2):
        with CaptureQueriesContext(connection) as captured:
            for address in addresses:
                client.get(address)
        counts.append(len(captured))
        for hours in range(2, 6):
            called(borrower, "T-BZ", NOON - hours * HOUR)
    assert counts[0] == counts[1]


def test_days_of_the_list_are_days_of_the_lender(borrower):
    called(borrower, "T-NA", NOON - HOUR)  # the eighth, 23:00 in Shanghai
    called(borrower, "T-BZ", NOON)  # the ninth, midnight
    client, address = as_role("team_lead"), reverse("outreach:contacts")
    for query, results in (
        ({"from": "2026-04-09"}, ["busy"]),
        ({"to": "2026-04-08"}, ["rang, no answer"]),
        ({"from": "2026-04-08", "to": "2026-04-09"}, ["busy", "rang, no answer"]),
    ):
        rows = rows_of(client.get(address, query).content.decode(), caption="Contacts")
        assert [row[5] for row in rows] == results
