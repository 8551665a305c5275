"""The gate, the contact log, consents, preferences and replays over the API."""

import pytest
from rest_framework.test import APIClient

from backoffice.audit.models import AuditEntry
from backoffice.core.actors import SYSTEM
from backoffice.customers.models import ContactPoint
from backoffice.customers.selectors import borrower_page_facts
from backoffice.outreach.console.contact_reading import Asked, contact_panel
from backoffice.outreach.domain.channels import Channel
from backoffice.outreach.domain.purposes import Purpose
from backoffice.outreach.models import BlockedContact, ConsentEntry, ContactEntry, PreferenceEntry
from backoffice.outreach.services import consents
from backoffice.outreach.tasks import run_replay
from tests.outreach.people import phone_of
from tests.outreach.reached import HOUR, NOON, called, clock_at, reached_borrower, that_pack_alone
from tests.staff.factories import TeamFactory, person

pytestmark = pytest.mark.django_db
BASE = "/api/v1/outreach"


@pytest.fixture(autouse=True)
def that_day(monkeypatch):
    that_pack_alone(monkeypatch)
    clock_at(monkeypatch, NOON)


@pytest.fixture
def borrower():
    return reached_borrower()


def api(*roles, portfolios=()):
    client = APIClient()
    client.force_authenticate(person(*roles, team=TeamFactory(portfolios=list(portfolios))))
    return client


def send(client, address, body, key="k-1"):
    return client.post(f"{BASE}/{address}", body, format="json", HTTP_IDEMPOTENCY_KEY=key)


def asked(borrower, **fields):
    usual = {
        "borrower_id": borrower.pk,
        "channel": "call",
        "purpose": "collection",
        "actor_scope": "third_party",
        "endpoint_id": borrower.contact_points.get().pk,
    }
    return usual | fields


def test_says_whether_somebody_may_be_reached_and_why_not(borrower):
    called(borrower, "T-NA", NOON - 24 * HOUR)
    client = api("agent")
    allowed = client.get(f"{BASE}/may-contact/", asked(borrower)).json()
    assert (allowed["is_allowed"], allowed["denials"], allowed["zones"]) == (True, [], ["America/New_York"])
    assert allowed["budgets"] == [
        {
            "rule": "us_reg_f.seven",
            "says": "Seven calls in seven days.",
            "most": 7,
            "used": 1,
            "left": 6,
            "refills_at": "2026-04-14T12:00:00+08:00",
        }
    ]
    denied = client.get(f"{BASE}/may-contact/", asked(borrower, at="2026-04-09T03:00:00Z")).json()
    assert denied["is_allowed"] is False
    assert denied["denials"] == [
        {
            "rule": "us_reg_f.hours",
            "says": "From 08:00 to 21:00 at the borrower's place.",
            "source": "1006.6(b)(1)",
            "confidence": "A",
            "release_at": "2026-04-09T20:00:00+08:00",
        }
    ]
    assert denied["next_permitted_at"] == "2026-04-09T20:00:00+08:00"
    assert (allowed["why_no_time"], denied["why_no_time"]) == ("", "")
    assert not BlockedContact.objects.exists()


def test_says_why_there_is_no_next_time_when_the_hours_of_the_places_never_meet(borrower):
    point, never = borrower.contact_points.get(), asked(borrower)
    phone_of(borrower, zones=("America/Los_Angeles",))
    phone_of(borrower, zones=("Europe/Prague",))
    phone_of(borrower, zones=("Asia/Shanghai",))
    client = api("collector")
    denied = client.get(f"{BASE}/may-contact/", never).json()
    assert (denied["is_allowed"], denied["next_permitted_at"]) == (False, None)
    said = "No minute is permitted at all the places where the borrower may be at once. Say the borrower's time zone"
    assert denied["why_no_time"].startswith(said)
    call = {"channel": "call", "purpose": "collection", "actor_scope": "third_party", "endpoint_id": point.pk}
    reserved = send(client, f"borrowers/{borrower.pk}/calls/", call).json()
    assert (reserved["is_allowed"], reserved["next_permitted_at"]) == (False, None)
    assert reserved["why_no_time"] == denied["why_no_time"]


@pytest.mark.parametrize("channel", ["call", "sms", "email", "push"])
def test_answers_without_an_endpoint_for_the_one_the_borrowers_page_would_use(borrower, channel):
    own = phone_of(borrower, zones=("America/New_York",))
    ContactPoint.objects.filter(pk=own.pk).update(is_primary=True)
    first = {"call": own.pk, "sms": own.pk}.get(channel)
    wish = {"borrower_id": borrower.pk, "channel": channel, "purpose": "collection"}

    answer = api("agent").get(f"{BASE}/may-contact/", wish).json()

    facts = borrower_page_facts(borrower_id=borrower.pk, user=person("admin"))
    panel = contact_panel(facts=facts, at=NOON, asked=Asked(purpose=Purpose.COLLECTION))
    (light,) = (each for each in panel.lights if each.channel == channel)
    assert (answer["is_allowed"], answer["endpoint_id"]) == (light.is_allowed, light.endpoint and light.endpoint.id)
    assert answer["endpoint_id"] == first
    assert [each["rule"] for each in answer["denials"]] == (["core.endpoint"] if channel == "email" else [])


def test_reserves_a_call_once_and_keeps_one_that_is_denied(borrower, monkeypatch):
    body = {"channel": "call", "purpose": "collection", "actor_scope": "third_party"} | {
        "endpoint_id": borrower.contact_points.get().pk
    }
    client = api("collector")
    first = send(client, f"borrowers/{borrower.pk}/calls/", body).json()
    again = send(client, f"borrowers/{borrower.pk}/calls/", body).json()
    assert first == again
    assert (first["is_allowed"], ContactEntry.objects.get().pk) == (True, first["entry_id"])
    clock_at(monkeypatch, NOON + 12 * HOUR)
    denied = send(client, f"borrowers/{borrower.pk}/calls/", body, key="k-2").json()
    assert (denied["is_allowed"], denied["entry_id"]) == (False, None)
    assert {each["rule"] for each in denied["denials"]} == {"us_reg_f.hours", "us_reg_f.quiet"}
    assert BlockedContact.objects.get().rules == ["us_reg_f.hours", "us_reg_f.quiet"]


def test_lists_the_log_with_facts_and_filters(borrower):
    first = called(borrower, "R-PTP", NOON - 2 * HOUR)
    second = called(borrower, "T-NA", NOON - HOUR)
    client = api("team_lead")
    rows = client.get(f"{BASE}/contacts/").json()["results"]
    assert [(row["id"], row["code"], len(row["facts"])) for row in rows] == [(second, "T-NA", 1), (first, "R-PTP", 1)]
    for query in ({"code": "R-PTP"}, {"code": "R-PTP", "channel": "call", "direction": "out", "borrower": borrower.pk}):
        assert [row["id"] for row in client.get(f"{BASE}/contacts/", query).json()["results"]] == [first]
    assert client.get(f"{BASE}/contacts/", {"purpose": "reminder"}).json()["results"] == []
    assert api("team_lead", portfolios=["south"]).get(f"{BASE}/contacts/").json()["results"] == []
    own = api("agent").get(f"{BASE}/borrowers/{borrower.pk}/contacts/").json()["results"]
    assert [row["id"] for row in own] == [second, first]
    proof = api("agent").get(f"{BASE}/borrowers/{borrower.pk}/contacts/proof/").json()
    assert proof == {"entries": 4, "broken": []}


def test_logs_a_contact_and_adds_a_correction(borrower):
    client = api("agent")
    body = {
        "channel": "call",
        "purpose": "service",
        "direction": "in",
        "at": "2026-04-08T15:30:00Z",
        "code": "I-CPL",
        "reason": "complained about a letter",
    }
    made = send(client, f"borrowers/{borrower.pk}/contacts/", body)
    assert made.status_code == 201
    entry_id = made.json()["id"]
    fact = send(
        client,
        f"contacts/{entry_id}/facts/",
        {"code": "I-INF", "at": "2026-04-08T15:50:00Z", "is_correction": True, "reason": "it was no complaint"},
    )
    assert fact.status_code == 201
    assert list(ContactEntry.objects.order_by("id").values_list("kind", "code")) == [
        ("attempt", "I-CPL"),
        ("correction", "I-INF"),
    ]
    wrong = send(client, f"borrowers/{borrower.pk}/contacts/", body | {"code": "R-PTP"}, key="k-2")
    assert (wrong.status_code, wrong.json()["code"]) == (422, "outreach.contact_not_logged")
    machine = send(
        client, f"contacts/{entry_id}/facts/", {"code": "T-NA", "at": body["at"], "reason": "rang"}, key="k-3"
    )
    assert machine.json()["code"] == "outreach.unknown_disposition"
    misspelt = send(client, f"borrowers/{borrower.pk}/contacts/", body | {"kode": "I-INF"}, key="k-4")
    assert misspelt.status_code == 400
    elsewhere = api("agent", portfolios=["south"])
    assert send(elsewhere, f"borrowers/{borrower.pk}/contacts/", body).status_code == 404
    assert (
        send(elsewhere, f"contacts/{entry_id}/facts/", {"code": "I-INF", "at": body["at"], "reason": "abc"}).status_code
        == 404
    )


def test_lists_what_was_blocked(borrower):
    body = {"channel": "call", "purpose": "collection", "endpoint_id": borrower.contact_points.get().pk}
    consents.opt_out(borrower_id=borrower.pk, channel=Channel.CALL, source="call", actor=SYSTEM, at=NOON - HOUR)
    send(api("collector"), f"borrowers/{borrower.pk}/calls/", body)
    client = api("compliance")
    (row,) = client.get(f"{BASE}/blocked-contacts/", {"rule": "core.opt_out"}).json()["results"]
    assert (row["borrower_id"], row["rules"], row["next_permitted_at"]) == (borrower.pk, ["core.opt_out"], None)
    assert client.get(f"{BASE}/blocked-contacts/", {"rule": "x"}).json()["results"] == []
    assert client.get(f"{BASE}/blocked-contacts/", {"channel": "sms"}).json()["results"] == []


@pytest.mark.parametrize(
    ("fields", "at_fault"),
    [
        ({"kind": "consent"}, {"channel"}),
        ({"kind": "callback"}, {"starts_at", "ends_at"}),
        (
            {"kind": "callback", "channel": "sms", "starts_at": "2026-04-09T10:00Z", "ends_at": "2026-04-09T11:00Z"},
            {"channel"},
        ),
        ({"kind": "opt_in", "ends_at": "2026-04-09T11:00Z"}, {"ends_at"}),
        ({"kind": "opt_out", "starts_at": "2026-04-09T11:00Z"}, {"starts_at"}),
        ({"kind": "revoked", "is_marketing_only": True}, {"is_marketing_only"}),
        ({"kind": "opt_out", "endpoint_id": 999_999}, {"endpoint_id"}),
    ],
)
def test_nothing_said_is_written_down_by_halves(borrower, fields, at_fault):
    body = {"source": "call", "evidence": "said so"} | fields
    answer = send(api("agent"), f"borrowers/{borrower.pk}/consents/", body)
    assert (answer.status_code, set(answer.json()["fields"])) == (422, at_fault)
    assert not ConsentEntry.objects.exists()


def test_writes_down_each_kind_of_word(borrower):
    client = api("agent")
    point = borrower.contact_points.get().pk
    words = [
        {"kind": "opt_out", "channel": "sms", "is_marketing_only": True},
        {"kind": "opt_in", "channel": "sms"},
        {"kind": "consent", "channel": "call", "endpoint_id": point, "ends_at": "2026-05-01T00:00Z"},
        {"kind": "revoked", "channel": "call"},
        {"kind": "callback", "starts_at": "2026-04-09T10:00Z", "ends_at": "2026-04-09T11:00Z"},
    ]
    for number, word in enumerate(words):
        body = {"source": "call", "evidence": "said so"} | word
        assert send(client, f"borrowers/{borrower.pk}/consents/", body, key=f"k-{number}").status_code == 201
    said = client.get(f"{BASE}/borrowers/{borrower.pk}/consents/").json()["consents"]
    assert [(each["kind"], each["standing"]) for each in said] == [
        ("callback", "in_force"),
        ("revoked", "said"),
        ("consent", "taken_back"),
        ("opt_in", "said"),
        ("opt_out", "taken_back"),
    ]
    assert AuditEntry.objects.filter(verb__startswith="outreach.consent.").count() == 5


def test_keeps_and_ends_preferred_times(borrower):
    client = api("agent")
    body = {"kind": "only", "days": [1, 3], "from_minute": 540, "to_minute": 1080, "source": "app"}
    made = send(client, f"borrowers/{borrower.pk}/preferences/", body).json()
    (shown,) = client.get(f"{BASE}/borrowers/{borrower.pk}/preferences/").json()["preferences"]
    assert (shown["id"], shown["days"], shown["is_in_force"]) == (made["id"], [1, 3], True)
    ended = send(client, f"borrowers/{borrower.pk}/preferences/{made['id']}/end/", {"source": "app"}, key="k-2")
    assert ended.status_code == 200
    (shown,) = client.get(f"{BASE}/borrowers/{borrower.pk}/preferences/").json()["preferences"]
    assert shown["is_in_force"] is False
    again = send(client, f"borrowers/{borrower.pk}/preferences/{made['id']}/end/", {"source": "app"}, key="k-3")
    assert again.status_code == 404
    assert PreferenceEntry.objects.count() == 2


def test_judges_a_period_again(borrower):
    called(borrower, "T-NA", NOON - 9 * HOUR)
    client = api("compliance")
    made = send(client, "replays/", {"first": "2026-04-08", "last": "2026-04-08", "reason": "the monthly look"})
    assert (made.status_code, made.json()["state"], made.json()["contacts"]) == (201, "waiting", 1)
    report_id = made.json()["id"]
    run_replay(report_id=report_id)
    assert client.get(f"{BASE}/replays/{report_id}/").json()["not_permitted"] == 1
    assert [row["id"] for row in client.get(f"{BASE}/replays/").json()["results"]] == [report_id]
    (row,) = client.get(f"{BASE}/replays/{report_id}/findings/", {"rule": "us_reg_f.hours"}).json()["results"]
    assert (row["rules"], row["borrower_id"], row["by"]) == (["us_reg_f.hours"], borrower.pk, "system")
    assert row["local_times"] == [{"zone": "America/New_York", "at": "2026-04-08T03:00:00-04:00"}]
    assert client.get(f"{BASE}/replays/{report_id}/findings/", {"channel": "sms"}).json()["results"] == []
    done = send(client, f"replays/{report_id}/stop/", {"reason": "too late"}, key="k-stop")
    assert (done.status_code, done.json()["code"]) == (409, "outreach.replay_not_under_way")
    other = send(client, "replays/", {"first": "2026-04-08", "last": "2026-04-08", "reason": "again"}, key="k-3").json()
    stopped = send(client, f"replays/{other['id']}/stop/", {"reason": "twice the same"}, key="k-4").json()
    assert (stopped["state"], stopped["fault"].partition(": ")[2]) == ("stopped", "twice the same")
    went_on = send(client, f"replays/{other['id']}/go-on/", {"reason": "after all"}, key="k-5").json()
    assert (went_on["state"], went_on["fault"], went_on["finished_at"]) == ("waiting", "", None)
    future = send(client, "replays/", {"first": "2026-04-08", "last": "2026-06-08", "reason": "why"}, key="k-2")
    assert (future.status_code, future.json()["code"]) == (422, "outreach.replay_not_asked")
    assert client.get(f"{BASE}/replays/0/").status_code == 404
