"""The autopay manager, debits, unknown debits and breakers, as people use them."""

from decimal import Decimal

import pytest
from django.urls import reverse

from backoffice.audit.models import Approval, ApprovalLimit, AuditEntry
from backoffice.calendars import clock
from backoffice.core.actors import SYSTEM
from backoffice.repayment.console.autopay import manager
from backoffice.repayment.domain.autopay.breakers import BreakerKind, Tripped
from backoffice.repayment.domain.autopay.rates import DebitCounts
from backoffice.repayment.models import (
    AutopaySwitch,
    Breaker,
    DebitBatch,
    DebitBill,
    DebitCommand,
    DebitStop,
    Difference,
    Operation,
    Rail,
    RailNotice,
    ReconciledDay,
    SettlementFile,
    SettlementLine,
)
from backoffice.repayment.selectors.autopay.rates import Part
from backoffice.repayment.services.autopay import breaking, building, submitting
from backoffice.repayment.services.autopay.resolving import APPROVAL_VERB
from backoffice.repayment.services.autopay.settling import Fact, settle
from tests.console.book import as_role
from tests.console.page import fields_of, rows_of, text_of
from tests.repayment.autopay.answering import NO_FUNDS, PAID, RISK, SILENT, answer, loans_of_a_thousand, slot
from tests.repayment.autopay.debiting import DUE, SECRET, at, morning_of, payees, plan, rail, version
from tests.repayment.factories import post

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def _rail(settings, monkeypatch):
    settings.RAIL_SECRETS = {rail().code: SECRET}
    payees()
    AutopaySwitch.objects.get_or_create(pk=AutopaySwitch.ONLY)
    monkeypatch.setattr(clock, "now", lambda: at("07:05"))


@pytest.fixture
def day(_rail):
    """Four bills of 1,000 planned for the business date."""
    loans = loans_of_a_thousand(4)
    version()
    morning_of()
    plan()
    return loans


def page(client, name, *args, **query):
    reply = client.get(reverse(f"repayment:{name}", args=args), query)
    assert reply.status_code == 200, reply.content.decode()
    return reply.content.decode()


def confirm(client, name, *args, **given):
    """Open a confirm panel, look at what it would do, and do it; gives the words of the panel and the answer."""
    address = reverse(f"repayment:{name}", args=args)
    opened = client.get(address)
    assert opened.status_code == 200, opened.content.decode()
    filled = fields_of(opened.content.decode()) | {"reason": "asked by the owner"} | given
    looked = client.post(address, filled | {"look": "1"}).content.decode()
    return text_of(looked), client.post(address, filled | {"seen": fields_of(looked).get("seen", "")})


def paused(batch):
    DebitBatch.objects.filter(pk=batch.pk).update(state="paused", reason="a look at the numbers", moved_by="Ada")
    return DebitBatch.objects.get(pk=batch.pk)


def test_shows_the_slots_of_the_day_with_their_four_rates_and_cuts_that_lead_to_the_rows(day):
    batch = slot(at("07:00"), lambda place: [PAID, PAID, NO_FUNDS, SILENT][place])
    html = page(as_role("team_lead"), "autopay")
    first, second, _third = rows_of(html, caption="Slots of the day")
    assert (first[0], first[1]) == ("07:00–08:30 s1 Cash · version " + str(batch.version.number), "done")
    assert first[2] == "4 ¥ 4,000.00"
    assert "3 / 4" in first[3]
    assert first[4:8] == ["50.0 %"] * 4
    assert (second[1], second[2]) == ("not begun", "2 ¥ 2,000.00")
    cut = rows_of(html, caption="Success rates, cut")
    assert cut[0][0] == "CN01"
    assert cut[0][2:6] == ["4", "2", "4", "¥ 2,000.00"]
    assert [row[0] for row in cut[1:]] == [
        "All bills tried on the day",
        "Of these, bills on the first day they are tried",
    ]
    assert f"{reverse('repayment:debits')}?day=2026-02-15&amp;bank=CN01" in html
    by_family = page(as_role("team_lead"), "autopay", cut="family")
    assert [row[0] for row in rows_of(by_family, caption="Success rates, cut")][:3] == [
        "debited",
        "not enough money",
        "outcome unknown",
    ]


def test_names_the_currency_of_cards_and_totals_when_there_is_more_than_one(day, monkeypatch):
    slot(at("07:00"), lambda _place: PAID)
    assert ", CNY" not in text_of(page(as_role("team_lead"), "autopay"))
    counts = DebitCounts(bills=4, settled=2, commands=4, succeeded=2, first=2, first_tried=4)
    parts = [Part("", currency, counts) for currency in ("CNY", "USD")]
    monkeypatch.setattr(manager, "debit_rates", lambda **_asked: parts)
    html = page(as_role("team_lead"), "autopay")
    assert "By bill, CNY" in text_of(html)
    assert "First attempt, USD" in text_of(html)
    labels = [row[0] for row in rows_of(html, caption="Success rates, cut")]
    assert labels == [
        "not known yet CNY",
        "not known yet USD",
        "All bills tried on the day, CNY",
        "All bills tried on the day, USD",
        "Of these, bills on the first day they are tried, CNY",
        "Of these, bills on the first day they are tried, USD",
    ]


def test_says_on_every_page_of_autopay_that_a_rail_is_paused(day):
    Rail.objects.update(is_paused=True, paused_reason="the bank asked for it")
    for name in ("autopay", "debits", "unknown_debits"):
        assert "is paused: the bank asked for it" in text_of(page(as_role("team_lead"), name))


def test_shows_what_borrowers_paid_by_themselves_apart_from_debits(day):
    slot(at("07:00"), lambda place: PAID if place < 2 else NO_FUNDS)
    unpaid = DebitCommand.objects.filter(state="declined").order_by("id").first()
    post(unpaid.loan_id, "1000.00", DUE)
    text = text_of(page(as_role("team_lead"), "autopay"))
    assert "settled by the borrower 25.0 % 1 of 4 bills" in text
    assert "Payments by link whose money came – 0 of 0 payments" in text


def test_reads_the_manager_in_a_fixed_number_of_queries(day, django_assert_max_num_queries):
    slot(at("07:00"), lambda _place: PAID)
    client = as_role("team_lead")
    page(client, "autopay")
    with django_assert_max_num_queries(29):
        page(client, "autopay")


def test_an_empty_day_says_what_would_stand_there():
    morning_of()
    text = text_of(page(as_role("analyst"), "autopay", day="2026-02-01"))
    assert "No debit is planned for this day" in text
    client = as_role("team_lead")
    for query in ({"day": "soon"}, {"cut": "weather"}):
        assert client.get(reverse("repayment:autopay"), query).status_code == 404


def test_other_portfolios_see_no_slot_no_debit_and_no_breaker(day):
    batch = slot(at("07:00"), lambda _place: NO_FUNDS)
    breaking.open_breaker(tripped=Tripped(BreakerKind.SUCCESS, "0 %", "30 %"), batch=batch, at=at("07:05"))
    client = as_role("team_lead", "south")
    assert "No debit is planned" in text_of(page(client, "autopay"))
    assert "No debit yet" in text_of(page(client, "debits"))
    assert "No breaker is open" in text_of(page(client, "breakers"))
    for name, key in (
        ("debit", DebitCommand.objects.first().pk),
        ("cancel_batch", batch.pk),
        ("batch_progress", batch.pk),
        ("close_breaker", Breaker.objects.get().pk),
    ):
        assert client.get(reverse(f"repayment:{name}", args=[key])).status_code == 404


def test_the_progress_of_a_running_batch_asks_for_itself_until_the_batch_stops(day):
    building.begin_slots(at=at("07:00"))
    batch = DebitBatch.objects.get()
    client = as_role("team_lead")
    address = reverse("repayment:batch_progress", args=[batch.pk])
    assert f'hx-get="{address}"' in page(client, "autopay")
    running = client.get(address)
    assert "0 / 4" in text_of(running.content.decode())
    assert "HX-Refresh" not in running.headers
    paused(batch)
    assert client.get(address).headers["HX-Refresh"] == "true"


def test_pauses_and_resumes_a_batch_after_showing_what_stays_behind(day):
    building.begin_slots(at=at("07:00"))
    batch = DebitBatch.objects.get()
    client = as_role("team_lead")
    said, done = confirm(client, "pause_batch", batch.pk)
    assert "Debits that stay behind 4" in said
    assert "¥ 4,000.00" in said
    assert done.status_code == 303
    assert DebitBatch.objects.get().state == "paused"
    assert submitting.let_out(batch_id=batch.pk, at=at("07:05")) == []
    assert client.get(reverse("repayment:pause_batch", args=[batch.pk])).status_code == 404
    said, done = confirm(client, "resume_batch", batch.pk)
    assert "Paused because asked by the owner" in said
    assert (done.status_code, DebitBatch.objects.get().state) == (303, "running")
    assert AuditEntry.objects.filter(verb__startswith="repayment.debit_batch.").count() == 3


def test_a_running_batch_is_paused_though_its_numbers_move_meanwhile(day):
    building.begin_slots(at=at("07:00"))
    batch = DebitBatch.objects.get()
    client = as_role("team_lead")
    address = reverse("repayment:pause_batch", args=[batch.pk])
    filled = fields_of(client.get(address).content.decode()) | {"reason": "too many refusals"}
    seen = fields_of(client.post(address, filled | {"look": "1"}).content.decode())["seen"]
    answer(submitting.let_out(batch_id=batch.pk, at=at("07:01")), lambda _place: PAID, at=at("07:01"))
    assert client.post(address, filled | {"seen": seen}).status_code == 303


def test_cancels_a_batch_for_good(day):
    building.begin_slots(at=at("07:00"))
    batch = DebitBatch.objects.get()
    said, done = confirm(as_role("admin"), "cancel_batch", batch.pk)
    assert "Debits that are dropped 4" in said
    assert done.status_code == 303
    assert set(DebitCommand.objects.values_list("state", "code")) == {("dropped", "stopped")}
    assert as_role("compliance").get(reverse("repayment:cancel_batch", args=[batch.pk])).status_code == 403


def test_begins_a_slot_at_once_and_once_a_day(day):
    made = version_of_day()
    client = as_role("team_lead")
    said, done = confirm(client, "begin_slot", made, "s2")
    assert "Open bills 4" in said
    assert done.status_code == 303
    assert [(batch.slot, batch.commands) for batch in DebitBatch.objects.all()] == [("s2", 4)]
    assert client.get(reverse("repayment:begin_slot", args=[made, "s2"])).status_code == 404
    assert client.get(reverse("repayment:begin_slot", args=[made, "s9"])).status_code == 404


def version_of_day():
    return DebitBill.objects.first().version_id


def test_stops_everything_and_every_page_says_so_until_autopay_is_started_again(day):
    building.begin_slots(at=at("07:00"))
    lead = as_role("team_lead")
    said, done = confirm(lead, "stop_autopay")
    assert "Batches that run 1" in said
    assert "Debits that stay behind 4" in said
    assert done.status_code == 303
    assert submitting.let_out(batch_id=DebitBatch.objects.get().pk, at=at("07:05")) == []
    for name in ("autopay", "debits", "unknown_debits", "breakers"):
        assert "All debits are stopped since" in text_of(page(lead, name))
    assert reverse("repayment:begin_slot", args=[version_of_day(), "s2"]) not in page(lead, "autopay")
    assert lead.get(reverse("repayment:start_autopay")).status_code == 403
    said, done = confirm(as_role("compliance"), "start_autopay")
    assert "Stopped because asked by the owner" in said
    assert "Debits that leave 4" in said
    assert (done.status_code, AutopaySwitch.objects.get().is_stopped) == (303, False)
    assert len(submitting.let_out(batch_id=DebitBatch.objects.get().pk, at=at("07:05"))) == 4


def test_a_verb_takes_a_reason(day):
    address = reverse("repayment:stop_autopay")
    client = as_role("admin")
    filled = fields_of(client.get(address).content.decode()) | {"reason": ""}
    looked = fields_of(client.post(address, filled | {"look": "1"}).content.decode())
    assert client.post(address, filled | {"seen": looked["seen"]}).status_code == 422
    assert not AutopaySwitch.objects.filter(is_stopped=True).exists()


def test_lists_debits_by_every_filter(day):
    batch = slot(at("07:00"), lambda place: [PAID, NO_FUNDS, SILENT, PAID][place])
    client = as_role("agent")
    paid = DebitCommand.objects.order_by("id").first()

    def listed(**query):
        html = page(client, "debits", **query)
        return len(rows_of(html, caption="Debits")) if 'id="debits"' in html else 0

    assert listed() == 4
    for query, found in (
        ({"state": "succeeded"}, 2),
        ({"family": "insufficient_funds"}, 1),
        ({"day": "2026-02-15", "slot": "s1", "bank": "CN01", "rail": "union"}, 4),
        ({"day": "2026-02-16"}, 0),
        ({"bank": "CN09"}, 0),
        ({"slot": "s2"}, 0),
        ({"configuration": str(batch.version.configuration_id)}, 4),
        ({"batch": str(batch.pk)}, 4),
        ({"batch": str(batch.pk + 1)}, 0),
        ({"funder": "lender"}, 4),
        ({"funder": "fund"}, 0),
        ({"q": paid.order_no}, 1),
        ({"q": paid.loan.external_id}, 1),
        ({"q": paid.loan.borrower.external_id}, 1),
        ({"q": "nobody"}, 0),
    ):
        assert listed(**query) == found, query
    assert client.get(reverse("repayment:debits"), {"state": "lost"}).status_code == 400
    refused = next(row for row in rows_of(page(client, "debits"), caption="Debits") if row[8] == "declined")
    assert refused[9] == "The balance does not suffice."


def test_a_debit_shows_its_whole_journey(day):
    loan = day[0]
    slot(at("07:00"), lambda place: NO_FUNDS if place == 0 else PAID)
    building.begin_slots(at=at("16:00"))
    batch = DebitBatch.objects.get(slot="s2")
    answer(submitting.let_out(batch_id=batch.pk, at=at("16:00")), lambda _place: PAID, at=at("16:00"))
    earlier, command = DebitCommand.objects.filter(loan=loan).order_by("id")
    RailNotice.objects.create(
        rail=command.rail, notice_id="n-1", digest=b"0" * 32, command=command, order_no=command.order_no,
        event="succeeded", amount=command.amount, code="00", outcome="late", at=at("16:01"),
    )  # fmt: skip
    file = SettlementFile.objects.create(
        rail=command.rail,
        day=DUE,
        name="union-0215.csv",
        digest="0" * 64,
        line_count=1,
        total="1000.00",
        actor_name="x",
    )
    line = SettlementLine.objects.create(
        file=file, number=7, order_no=command.order_no, kind="debit", amount="999.00", currency="CNY", at=at("16:00")
    )
    Difference.objects.create(
        reconciled_day=ReconciledDay.objects.create(rail=command.rail, day=DUE), kind="amount", command=command,
        line=line, order_no=command.order_no, ours="1000.00", theirs="999.00", currency="CNY", opened_on=DUE,
    )  # fmt: skip
    client = as_role("agent")
    html = page(client, "debit", command.pk)
    text = text_of(html)
    assert "made" in text
    assert "by slot s2" in text
    for caption, cells in (
        ("Notices of the rail", ["succeeded", "¥ 1,000.00"]),
        ("What was booked", ["15 Feb 2026", "payment"]),
        ("Lines of settlement files and differences", ["line 7 of union-0215.csv debit"]),
    ):
        assert rows_of(html, caption=caption)[0][: len(cells)] == cells
    splits = rows_of(html, caption="Split to payees")
    assert [row[1:] for row in splits] == [["Fund", "15 Feb", "¥ 800.00"], ["House", "15 Feb", "¥ 200.00"]]
    (other,) = rows_of(html, caption="Other debits of the bill")
    assert other[0] == "1"
    assert other[3].startswith("declined")
    assert "amount differs" in text
    assert reverse("repayment:debit", args=[earlier.pk]) in html
    assert f"{reverse('repayment:loan', args=[loan.pk])}#operations" in html
    client.cookies["django_language"] = "zh-hans"
    chinese = text_of(page(client, "debit", earlier.pk))
    assert "64 · " in chinese
    assert "余额不足" in chinese


def test_unknown_debits_stand_by_age_and_a_person_decides(day):
    slot(at("07:00"), lambda _place: SILENT)
    client = as_role("team_lead")
    html = page(client, "unknown_debits")
    rows = rows_of(html, caption="Unknown debits")
    assert [row[4] for row in rows] == ["¥ 1,000.00"] * 4
    assert rows[0][6] != "–"
    first, second = DebitCommand.objects.order_by("id")[:2]
    said, done = confirm(client, "decide_debit", first.pk, was_debited="yes", debited_at="2026-02-15T07:00")
    assert "Booked as a payment ¥ 1,000.00" in said
    assert done.status_code == 303
    first.refresh_from_db()
    assert (first.state, first.code, first.succeeded_at) == ("succeeded", "by_hand", at("07:00"))
    assert Operation.objects.get(pk=first.operation_id).amount == Decimal("1000.00")
    ApprovalLimit.objects.update_or_create(verb=APPROVAL_VERB, role="team_lead", defaults={"max_amount": 999})
    said, done = confirm(client, "decide_debit", second.pk, was_debited="no")
    assert "A second person agrees" in said
    second.refresh_from_db()
    assert (second.state, Approval.objects.get().subject_id) == ("unknown", str(second.pk))
    ApprovalLimit.objects.filter(verb=APPROVAL_VERB).update(max_amount=1000)
    said, done = confirm(client, "decide_debit", second.pk, was_debited="no")
    assert "the borrower pays twice" in said
    second.refresh_from_db()
    assert (second.state, second.family) == ("declined", "expired")
    assert len(rows_of(page(client, "unknown_debits"), caption="Unknown debits")) == 2
    third = DebitCommand.objects.order_by("id")[2]
    _said, refused = confirm(client, "decide_debit", third.pk, was_debited="yes", debited_at="2026-02-16T07:00")
    assert refused.status_code == 422
    _said, late = confirm(client, "decide_debit", first.pk, was_debited="no")
    assert late.status_code == 409
    assert as_role("agent").get(reverse("repayment:decide_debit", args=[third.pk])).status_code == 403


def test_money_that_waits_to_be_placed_stands_with_its_age(day):
    batch = slot(at("07:00"), lambda _place: SILENT)
    first, second, third = DebitCommand.objects.order_by("id")[:3]
    client = as_role("team_lead")
    empty = text_of(page(client, "unknown_debits"))
    assert "Nothing is held of a loan that is paid off" in empty
    assert "All that moved is in the books" in empty
    post(first.loan_id, "1000.00", DUE)
    for command in (first, second):
        settle(facts={command.pk: Fact(said=PAID, at=at("07:01"))}, at=at("07:01"), actor=SYSTEM)
    DebitCommand.objects.filter(pk=third.pk).update(
        state="succeeded", succeeded_at=at("07:01"), is_unplaced=True, look_at=None
    )
    html = page(client, "unknown_debits")
    ((number, _borrower, held, since, days),) = rows_of(html, caption="To be paid back")
    assert (number, held, since, days) == (first.loan.external_id, "¥ 1,000.00", "15 Feb 2026", "0")
    assert [row[0] for row in rows_of(html, caption="Not in the books")] == [third.order_no]
    assert "The books refused it" in text_of(page(client, "debit", third.pk))
    assert [breaker.kind for breaker in Breaker.objects.filter(batch=batch)] == ["settled"]
    post(first.loan_id, "1000.00", DUE, kind="refund")
    assert "Nothing is held of a loan that is paid off" in text_of(page(client, "unknown_debits"))


def test_a_batch_that_waits_for_the_breaker_of_an_earlier_one_says_so(day):
    slot(at("07:00"), lambda place: [NO_FUNDS, NO_FUNDS, NO_FUNDS, NO_FUNDS][place])
    earlier = DebitBatch.objects.get()
    breaking.open_breaker(tripped=Tripped(BreakerKind.SUCCESS, "0 %", "30 %"), batch=earlier, at=at("07:05"))
    building.begin_slots(at=at("16:00"))
    client = as_role("team_lead")
    assert "the breaker of an earlier batch" in text_of(page(client, "autopay"))
    said, done = confirm(client, "close_breaker", Breaker.objects.get().pk)
    assert "Later batches of the same version that wait for it go on too: 1," in said
    assert done.status_code == 303
    assert DebitBatch.objects.get(slot="s2").state == "running"


def test_breakers_stand_open_first_and_are_closed_with_a_reason(day):
    building.begin_slots(at=at("07:00"))
    batch = DebitBatch.objects.get()
    command = DebitCommand.objects.order_by("id").first()
    breaking.open_breaker(
        tripped=Tripped(BreakerKind.AMOUNT, "1000.00", "900.00", command.order_no),
        batch=batch,
        command_id=command.pk,
        at=at("07:01"),
    )
    breaking.open_breaker(tripped=Tripped(BreakerKind.FAMILY, "60.0 %", "50.0 %", "risk"), batch=batch, at=at("07:02"))
    client = as_role("team_lead")
    html = page(client, "breakers")
    first, second = rows_of(html, caption="Open breakers")
    assert first[:3] == ["second calculation", "1000.00", "900.00"]
    assert first[4] == command.order_no
    assert second[5] == "stopped by risk control"
    assert "2 breakers are open" in text_of(page(client, "debits"))
    one, other = Breaker.objects.order_by("id")
    said, done = confirm(client, "close_breaker", one.pk)
    assert "The batch stays stopped: 1 more" in said
    assert f"Order {command.order_no} is dropped" in said
    assert done.status_code == 303
    assert DebitBatch.objects.get().state == "stopped"
    said, _done = confirm(client, "close_breaker", other.pk)
    assert "Debits that wait 3" in said
    assert "goes on at once" in said
    assert DebitBatch.objects.get().state == "running"
    assert client.get(reverse("repayment:close_breaker", args=[one.pk])).status_code == 404
    closed = rows_of(page(client, "breakers"), caption="Breakers")
    assert [row[9] for row in closed] == ["asked by the owner"] * 2
    assert as_role("compliance").get(reverse("repayment:close_breaker", args=[one.pk])).status_code == 403


def test_stopped_loans_stand_with_why_until_a_person_lets_them_go_on(day):
    empty = text_of(page(as_role("team_lead"), "debit_stops"))
    assert "No loan is stopped" in empty
    assert "No stop is over yet" in empty
    slot(at("07:00"), lambda place: RISK if place == 0 else PAID)
    stop = DebitStop.objects.get()
    client = as_role("team_lead")
    (row,) = rows_of(page(client, "debit_stops"), caption="Loans whose debits are stopped")
    loan = stop.loan
    assert row[:4] == [
        loan.external_id,
        loan.borrower.external_id,
        "refused · stopped by risk control · 38 · Stopped by the network&#x27;s risk control.",
        stop.command.order_no,
    ]
    assert row[5] == "today"
    assert "Debits of this loan are stopped since" in text_of(page(client, "loan", loan.pk))
    assert "Debits of this loan are stopped" not in text_of(page(client, "loan", day[1].pk))
    assert as_role("agent").get(reverse("repayment:end_debit_stop", args=[stop.pk])).status_code == 403
    said, done = confirm(client, "end_debit_stop", stop.pk)
    assert "Stopped for today" in said
    assert done.status_code == 303
    assert client.get(reverse("repayment:end_debit_stop", args=[stop.pk])).status_code == 404
    html = page(client, "debit_stops")
    assert "No loan is stopped" in text_of(html)
    (over,) = rows_of(html, caption="Stops that are over")
    assert over[5] == "asked by the owner"


def test_all_loans_stopped_by_one_answer_go_on_together(day):
    slot(at("07:00"), lambda place: PAID if place == 3 else RISK)
    client = as_role("team_lead")
    (row,) = rows_of(page(client, "debit_stops"), caption="Stopped loans by what was answered")
    assert row[0].startswith("refused · stopped by risk control · 38")
    assert row[1] == "3"
    one = DebitStop.objects.earliest("pk")
    assert as_role("agent").get(reverse("repayment:end_alike_stops", args=[one.pk])).status_code == 403
    assert as_role("team_lead", "south").get(reverse("repayment:end_alike_stops", args=[one.pk])).status_code == 404
    said, done = confirm(client, "end_alike_stops", one.pk)
    assert "Loans 3" in said
    assert done.status_code == 303
    assert not DebitStop.objects.filter(ended_at__isnull=True).exists()
    assert AuditEntry.objects.filter(verb__endswith="debit_stop.ended").count() == 3


def test_the_navigation_counts_open_breakers_and_unknown_debits(day):
    slot(at("07:00"), lambda place: SILENT if place else PAID)
    breaking.open_breaker(tripped=Tripped(BreakerKind.REQUEST, "10", ""), rail=rail(), at=at("07:05"))
    shell = as_role("team_lead").get(reverse("repayment:debits")).context["shell"]
    counts = {entry.url: entry.count for group in shell.navigation for entry in group.entries}
    assert counts[reverse("repayment:breakers")] == 1
    assert counts[reverse("repayment:unknown_debits")] == 3
    assert counts[reverse("repayment:autopay")] is None


def test_the_pages_of_a_loan_and_its_borrower_show_its_debits(day):
    slot(at("07:00"), lambda _place: PAID)
    loan = day[0]
    client = as_role("agent")
    for address in (
        reverse("repayment:loan", args=[loan.pk]),
        reverse("console:borrower", args=[loan.borrower_id]),
    ):
        html = client.get(address).content.decode()
        assert rows_of(html, caption="Latest debits") == [["15 Feb CN01", "¥ 1,000.00", "succeeded"]]


def test_the_trail_says_the_verbs_of_autopay_in_words():
    from backoffice.core.trail import words_of

    for verb in (
        "autopay.stopped", "autopay.started", "debit.decided", "debit_batch.begun", "debit_batch.paused",
        "debit_batch.resumed", "debit_batch.cancelled", "breaker.opened", "breaker.closed",
    ):  # fmt: skip
        assert words_of(f"repayment.{verb}") != f"repayment.{verb}"
