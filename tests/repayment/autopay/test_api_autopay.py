"""Batches, debits, breakers, the switch and the success rates over the API."""

import pytest

from backoffice.audit.models import Approval, ApprovalLimit
from backoffice.calendars import clock
from backoffice.repayment.domain.autopay.breakers import BreakerKind, Tripped
from backoffice.repayment.models import AutopaySwitch, Breaker, DebitBatch, DebitCommand
from backoffice.repayment.services.autopay import breaking, building, submitting
from backoffice.repayment.services.autopay.resolving import APPROVAL_VERB
from tests.repayment.api_book import caller
from tests.repayment.autopay.answering import NO_FUNDS, PAID, RISK, SILENT, loans_of_a_thousand, slot
from tests.repayment.autopay.debiting import SECRET, at, morning_of, payees, plan, rail, version

pytestmark = pytest.mark.django_db(transaction=True)
BASE = "/api/v1/repayment/autopay"


@pytest.fixture(autouse=True)
def _day(settings, monkeypatch):
    """Four bills of 1,000 planned for the business date."""
    settings.RAIL_SECRETS = {rail().code: SECRET}
    payees()
    AutopaySwitch.objects.get_or_create(pk=AutopaySwitch.ONLY)
    monkeypatch.setattr(clock, "now", lambda: at("07:05"))
    loans_of_a_thousand(4)
    version()
    morning_of()
    plan()


def send(client, path, **body):
    return client.post(
        f"{BASE}/{path}", {"reason": "asked by the owner"} | body, format="json", HTTP_IDEMPOTENCY_KEY=path
    )


def listed(client, path):
    answer = client.get(f"{BASE}/{path}")
    assert answer.status_code == 200, answer.json()
    return answer.json()["results"]


def test_begins_pauses_resumes_and_cancels_a_batch():
    lead = caller("team_lead")
    made = version_id()
    assert send(lead, "batches/begin/", version_id=made, slot="s1").json() == {"debits": 4}
    again = lead.post(
        f"{BASE}/batches/begin/",
        {"reason": "once more", "version_id": made, "slot": "s1"},
        format="json",
        HTTP_IDEMPOTENCY_KEY="another",
    )
    assert (again.status_code, again.json()["code"]) == (409, "repayment.autopay_slot_run")
    (row,) = listed(lead, "batches/?day=2026-02-15&state=running")
    assert (row["slot"], row["commands"], row["forecast"]) == ("s1", 4, "4000.00")
    one = f"batches/{row['id']}/"
    assert send(lead, f"{one}pause/").json()["state"] == "paused"
    assert submitting.let_out(batch_id=row["id"], at=at("07:05")) == []
    assert send(lead, f"{one}resume/").json()["state"] == "running"
    assert send(lead, f"{one}cancel/").json() == {"dropped": 4}
    assert lead.get(f"{BASE}/{one}").json()["state"] == "over"
    assert listed(lead, "batches/?state=running") == []
    assert send(caller("compliance"), f"{one}pause/").status_code == 403


def version_id():
    from backoffice.repayment.models import AutopayVersion

    return AutopayVersion.objects.get().pk


def test_other_portfolios_see_and_touch_nothing():
    building.begin_slots(at=at("07:00"))
    batch, command = DebitBatch.objects.get(), DebitCommand.objects.first()
    breaking.open_breaker(tripped=Tripped(BreakerKind.SUCCESS, "0 %", "30 %"), batch=batch, at=at("07:01"))
    lead = caller("team_lead", portfolios=("south",))
    for path in ("batches/", "debits/", "breakers/"):
        assert listed(lead, path) == []
    assert lead.get(f"{BASE}/rates/?from_day=2026-02-15").json() == {"rates": []}
    for path, status in (
        (f"batches/{batch.pk}/pause/", 404),
        (f"batches/{batch.pk}/resume/", 404),
        (f"batches/{batch.pk}/cancel/", 404),
        (f"breakers/{Breaker.objects.get().pk}/close/", 409),
    ):
        assert send(lead, path).status_code == status
    assert send(lead, f"debits/{command.pk}/decide/", was_debited=True).status_code == 404
    assert send(lead, "batches/begin/", version_id=batch.version_id, slot="s2").status_code == 404
    assert lead.get(f"{BASE}/debits/{command.pk}/").json()["code"] == "repayment.debit_not_found"
    assert DebitBatch.objects.get().state == "stopped"


def test_stops_everything_and_starts_again():
    building.begin_slots(at=at("07:00"))
    lead = caller("team_lead")
    stopped = send(lead, "switch/stop/").json()
    assert (stopped["is_stopped"], stopped["reason"]) == (True, "asked by the owner")
    assert lead.get(f"{BASE}/switch/").json()["is_stopped"] is True
    assert submitting.let_out(batch_id=DebitBatch.objects.get().pk, at=at("07:05")) == []
    assert send(lead, "switch/start/").status_code == 403
    assert send(caller("admin"), "switch/start/").json()["is_stopped"] is False
    assert send(caller("admin"), "switch/stop/", reason="").status_code == 400


def test_lists_debits_by_filters_and_shows_a_journey():
    batch = slot(at("07:00"), lambda place: [PAID, NO_FUNDS, SILENT, PAID][place])
    client = caller("agent")
    for query, found in (
        ("", 4),
        ("?state=succeeded&day=2026-02-15&rail=union&bank=CN01&slot=s1", 2),
        (f"?family=insufficient_funds&batch={batch.pk}&configuration={batch.version.configuration_id}", 1),
        ("?bank=CN02", 0),
    ):
        assert len(listed(client, f"debits/{query}")) == found
    assert client.get(f"{BASE}/debits/?colour=red").status_code == 400
    (refused,) = listed(client, "debits/?state=declined")
    assert (refused["code"], refused["code_in_words"]) == ("64", "The balance does not suffice.")
    (paid, _other) = listed(client, "debits/?state=succeeded")
    shown = client.get(f"{BASE}/debits/{paid['id']}/").json()
    assert [move["to_state"] for move in shown["moves"]] == ["submitted", "succeeded"]
    assert {line["payee"]: line["amount"] for line in shown["splits"]} == {"fund": "800.00", "house": "200.00"}
    assert (shown["bill"]["state"], shown["bill"]["debited"]) == ("settled", "1000.00")
    assert shown["other_debits"] == []


def test_decides_an_unknown_debit_once():
    slot(at("07:00"), lambda _place: SILENT)
    first, second, third = DebitCommand.objects.order_by("id")[:3]
    lead = caller("team_lead")
    told = send(lead, f"debits/{first.pk}/decide/", was_debited=True, debited_at="2026-02-15T07:00:00+08:00").json()
    assert (told["state"], told["code"], told["amount"]) == ("succeeded", "by_hand", "1000.00")
    limit, _ = ApprovalLimit.objects.update_or_create(
        verb=APPROVAL_VERB, role="team_lead", defaults={"max_amount": 999}
    )
    asked = send(lead, f"debits/{third.pk}/decide/", was_debited=False)
    assert (asked.status_code, asked.json()) == (202, {"approval_id": Approval.objects.get().pk})
    limit.max_amount = 1000
    limit.save()
    assert send(lead, f"debits/{second.pk}/decide/", was_debited=False).json()["state"] == "declined"
    again = lead.post(
        f"{BASE}/debits/{second.pk}/decide/",
        {"reason": "no, it was", "was_debited": True},
        format="json",
        HTTP_IDEMPOTENCY_KEY="again",
    )
    assert (again.status_code, again.json()["code"]) == (409, "repayment.debit_not_unknown")
    late = lead.post(
        f"{BASE}/debits/{third.pk}/decide/",
        {"reason": "no, it was", "was_debited": True, "debited_at": "2026-02-16T07:00:00+08:00"},
        format="json",
        HTTP_IDEMPOTENCY_KEY="late",
    )
    assert late.status_code == 422


def test_lists_breakers_and_closes_one():
    building.begin_slots(at=at("07:00"))
    batch = DebitBatch.objects.get()
    breaking.open_breaker(tripped=Tripped(BreakerKind.SUCCESS, "12.0 %", "30.0 %"), batch=batch, at=at("07:01"))
    lead = caller("team_lead")
    (row,) = listed(lead, "breakers/?state=open&kind=success")
    assert (row["seen"], row["allowed"], row["batch_id"]) == ("12.0 %", "30.0 %", batch.pk)
    assert listed(lead, "breakers/?state=closed") == []
    closed = send(lead, f"breakers/{row['id']}/close/").json()
    assert closed["close_reason"] == "asked by the owner"
    assert DebitBatch.objects.get().state == "running"
    assert len(listed(lead, "breakers/?state=closed")) == 1


def test_lists_stops_of_debits_and_ends_one():
    slot(at("07:00"), lambda place: RISK if place == 0 else PAID)
    lead = caller("team_lead")
    (row,) = listed(lead, "stops/?state=standing")
    assert (row["family"], row["code"], row["ended_at"]) == ("risk", "38", None)
    assert listed(lead, f"stops/?loan_id={row['loan_id'] + 1_000_000}") == []
    ended = send(lead, f"stops/{row['id']}/end/").json()
    assert ended["end_reason"] == "asked by the owner"
    assert [each["id"] for each in listed(lead, "stops/?state=over")] == [row["id"]]
    again = lead.post(
        f"{BASE}/stops/{row['id']}/end/", {"reason": "once more"}, format="json", HTTP_IDEMPOTENCY_KEY="once more"
    )
    assert (again.status_code, again.json()["code"]) == (409, "repayment.debit_stop_not_open")


def test_gives_the_four_rates_whole_and_cut():
    slot(at("07:00"), lambda place: PAID if place < 3 else NO_FUNDS)
    client = caller("analyst")
    (whole,) = client.get(f"{BASE}/rates/?from_day=2026-02-15&first_day=yes").json()["rates"]
    assert whole == {
        "part": "",
        "currency": "CNY",
        "bills": 4,
        "settled": 3,
        "debits": 4,
        "succeeded": 3,
        "first": 3,
        "first_tried": 4,
        "due": "4000.00",
        "debited": "3000.00",
        "by_bill": "0.7500",
        "by_amount": "0.7500",
        "by_attempt": "0.7500",
        "by_first_attempt": "0.7500",
    }
    cut = client.get(f"{BASE}/rates/?from_day=2026-02-01&through_day=2026-02-28&cut=bank").json()["rates"]
    assert [(row["part"], row["debits"]) for row in cut] == [("CN01", 4)]
    for query in ("", "?from_day=2026-02-15&through_day=2026-02-14", "?from_day=2026-01-01&through_day=2026-12-31"):
        assert client.get(f"{BASE}/rates/{query}").status_code == (422 if query else 400)
    assert caller("agent").get(f"{BASE}/rates/?from_day=2026-02-15").status_code == 403
