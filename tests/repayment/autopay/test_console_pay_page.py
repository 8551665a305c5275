"""A borrower pays by a link: what the page shows and hides, that it pays once, and that it and the slots exclude."""

import re
from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta
from decimal import Decimal
from threading import Barrier
from time import sleep

import pytest
from django.core.cache import cache
from django.db import connection, connections, transaction
from django.test import Client

from backoffice.audit import outbox
from backoffice.audit.models import AuditEntry
from backoffice.calendars import clock
from backoffice.calendars.models import BusinessDay
from backoffice.core.actors import SYSTEM
from backoffice.customers.models import Borrower
from backoffice.customers.services.holding import place_hold
from backoffice.repayment.domain.autopay.active_rates import ActiveCounts
from backoffice.repayment.models import (
    AutopaySwitch,
    Breaker,
    DebitBill,
    DebitCommand,
    DebitMove,
    Loan,
    Mandate,
    Operation,
    PayLink,
    Rail,
    SplitLine,
)
from backoffice.repayment.selectors.autopay.active_rates import active_rates
from backoffice.repayment.services.autopay import building, handing, paying, submitting
from backoffice.repayment.services.autopay.pay_links import LinkNotOpen, link_of, revoke_links
from backoffice.repayment.services.autopay.paying import Answer, pay
from tests.audit.side_by_side import Aside
from tests.repayment.autopay.debiting import (
    DUE,
    at,
    bank_at,
    loan_due,
    mandate,
    payees,
    plan,
    rail,
    resolve,
    run_slot,
    states,
)
from tests.repayment.autopay.paying_book import click, due_with_link, opened, seen_on, text_of_page, token_for
from tests.repayment.factories import ADA, close_days, drifts, post

pytestmark = pytest.mark.django_db(transaction=True)
BILL = Decimal("1100.16")


@pytest.fixture
def bank(settings, monkeypatch):
    """The bank on the morning of the bill; what follows an outcome is left alone."""
    monkeypatch.setattr(outbox, "_subscriptions", {})
    now = {"at": at("07:00")}
    monkeypatch.setattr("backoffice.repayment.console.pay_page.clock.now", lambda: now["at"], raising=True)
    monkeypatch.setattr("backoffice.repayment.services.autopay.rails.http._now", machine_seconds)
    cache.clear()
    rail()
    payees()
    with bank_at(at("07:00"), settings) as served:
        served.now = now
        yield served


real_now = clock.now


def machine_seconds():
    """The wire is signed by the machine's clock, which the bank reads too."""
    return int(real_now().timestamp())


def side_by_side(*works):
    """Runs the works at one moment, each with a connection of its own; gives what they gave."""
    begin = Barrier(len(works))

    def run(work):
        try:
            begin.wait(timeout=10)
            return work()
        finally:
            connections.close_all()

    with ThreadPoolExecutor(max_workers=len(works)) as hands:
        return [future.result(timeout=60) for future in [hands.submit(run, work) for work in works]]


# ------------------------------------------------------------------------------------------------------- the payment


def test_pays_what_is_due_books_it_and_splits_it_under_the_version_in_force(bank):
    loan, _agreement, token = due_with_link(bank)
    assert "Pay ¥ 1,100.16" in text_of_page(token)
    assert click(token, seen_on(token)) == f"/pay/{token}/"
    command = DebitCommand.objects.get()
    assert (command.state, command.purpose, command.amount, command.bill_id, command.batch_id) == (
        "succeeded",
        "active",
        BILL,
        None,
        None,
    )
    assert command.order_no.startswith("A")
    operation = Operation.objects.get(pk=command.operation_id)
    assert (operation.kind, operation.amount, operation.value_date) == ("payment", BILL, DUE)
    assert sum(line.amount for line in SplitLine.objects.filter(command=command)) == BILL
    assert [(move.from_state, move.to_state) for move in DebitMove.objects.order_by("id")] == [
        ("planned", "submitted"),
        ("submitted", "succeeded"),
    ]
    assert [(one["kind"], one["amount"]) for one in bank.movements()] == [("debit", "1100.16")]
    said = text_of_page(token)
    assert "Thank you." in said
    assert "Nothing is due today." in said
    assert "<button" not in opened(token).content.decode()
    assert Loan.objects.get(pk=loan.pk).oldest_unpaid_due_date == DUE.replace(month=3)
    assert drifts(DUE) == []


def test_the_rail_is_told_that_the_customer_set_it_off(bank, monkeypatch):
    _loan, _agreement, token = due_with_link(bank)
    gone = []
    monkeypatch.setattr(paying, "hand_over", lambda one, address: gone.append(one.outgoing))
    click(token, seen_on(token))
    assert [(one.initiated_by, one.amount, one.currency) for one in gone] == [("customer", BILL, "CNY")]


def test_a_double_click_pays_once(bank):
    _loan, _agreement, token = due_with_link(bank)
    seen = seen_on(token)
    assert [pay(token=token, seen=seen, clock=lambda: at("07:00")) for _click in range(3)] == [
        Answer.PAID,
        Answer.AGAIN,
        Answer.AGAIN,
    ]
    assert len(bank.movements()) == 1


def test_equal_parts_of_a_bill_are_paid_one_for_each_page_seen(bank):
    _loan, _agreement, token = due_with_link(bank, single_limit="500.00")
    assert "only part of it at once" in text_of_page(token)
    first = seen_on(token)
    click(token, first)
    click(token, first)
    assert [movement["amount"] for movement in bank.movements()] == ["500.00"]
    click(token, seen_on(token))
    assert [movement["amount"] for movement in bank.movements()] == ["500.00", "500.00"]


def test_eight_browsers_with_two_links_pay_once(bank):
    loan, _agreement, token = due_with_link(bank, single_limit="500.00")
    other = token_for(loan)
    pages = [(one, seen_on(one)) for one in (token, other)] * 4
    answers = side_by_side(
        *(lambda one=one, seen=seen: pay(token=one, seen=seen, clock=lambda: at("07:00")) for one, seen in pages)
    )
    assert answers.count(Answer.PAID) == 1
    assert len(bank.movements()) == 1
    assert drifts(DUE) == []


def test_money_that_came_meanwhile_is_said_and_asked_about_again(bank):
    loan, _agreement, token = due_with_link(bank)
    seen = seen_on(token)
    post(loan.pk, "100.16", DUE)
    where = click(token, seen)
    assert where == f"/pay/{token}/?said=changed"
    assert bank.movements() == []
    page = Client().get(where).content.decode()
    assert "The amount has changed" in page
    assert "1,000.00" in page
    click(token, seen_on(token))
    assert [movement["amount"] for movement in bank.movements()] == ["1000.00"]


def test_what_was_paid_wholly_meanwhile_is_not_paid_again(bank):
    loan, _agreement, token = due_with_link(bank)
    seen = seen_on(token)
    post(loan.pk, "1100.16", DUE)
    page = Client().get(click(token, seen)).content.decode()
    assert "Nothing is due today." in page
    assert bank.movements() == []


def test_a_refusal_is_said_and_may_be_tried_again(bank):
    _loan, agreement, token = due_with_link(bank, balance="10.00")
    seen = seen_on(token)
    click(token, seen)
    assert "There was not enough money" in text_of_page(token)
    click(token, seen)
    assert DebitCommand.objects.count() == 1, "the old page tries nothing"
    bank.say("/accounts", {"account": agreement.token, "currency": "CNY", "balance": "5000.00"})
    click(token, seen_on(token))
    assert list(DebitCommand.objects.order_by("id").values_list("state", "attempt")) == [
        ("declined", 1),
        ("succeeded", 2),
    ]


def test_a_bank_that_cannot_be_reached_has_not_paid_and_nobody_tries_it_for_the_payer(bank):
    _loan, _agreement, token = due_with_link(bank)
    Rail.objects.update(url="http://127.0.0.1:9/rails/http")
    click(token, seen_on(token))
    assert list(states()) == ["dropped"]
    assert "could not be reached" in text_of_page(token)
    Rail.objects.update(url=bank.rail_url)
    assert resolve(at("08:00")) == 0
    click(token, seen_on(token))
    assert len(bank.movements()) == 1


def test_an_answer_that_is_lost_is_waited_for_and_asked_about(bank):
    _loan, _agreement, token = due_with_link(bank)
    bank.conduct(drop_after=1)
    seen = seen_on(token)
    click(token, seen)
    page = opened(token).content.decode()
    assert '<meta http-equiv="refresh" content="5">' in page
    assert "<button" not in page
    assert click(token, seen) == f"/pay/{token}/"
    resolve(at("07:01"))
    assert "Thank you." in text_of_page(token)
    assert 'http-equiv="refresh"' not in opened(token).content.decode()
    assert len(bank.movements()) == 1
    assert drifts(DUE) == []


def test_a_worker_that_dies_between_commit_and_call_leaves_a_payment_that_is_found_out_about(bank, monkeypatch):
    _loan, _agreement, token = due_with_link(bank)

    def die(one, address):
        raise SystemExit

    monkeypatch.setattr(paying, "hand_over", die)
    with pytest.raises(SystemExit):
        pay(token=token, seen=seen_on(token), clock=lambda: at("07:00"))
    assert list(states()) == ["submitted"]
    assert "on its way" in text_of_page(token)
    monkeypatch.setattr(paying, "hand_over", handing.hand_over)
    assert pay(token=token, seen="0.x", clock=lambda: at("07:01")) == Answer.AGAIN
    resolve(at("07:01"))
    assert list(states()) == ["submitted"], "its lease still runs"
    resolve(at("07:02"))
    assert list(states()) == ["unknown"]
    resolve(at("07:04"))
    assert states() == {"declined": [(DebitCommand.objects.get().order_no, "not_taken")]}
    assert bank.movements() == []
    assert "did not take the payment in time" in text_of_page(token)
    click(token, seen_on(token))
    assert len(bank.movements()) == 1


def test_a_payment_at_the_end_of_a_month_that_is_known_after_it_counts_for_its_day(bank):
    loan, _agreement, token = due_with_link(bank, month_limit="2000.00")
    last = date(2026, 2, 28)
    close_days(DUE, last - timedelta(days=1))
    BusinessDay.objects.update(today=last)
    bank.clock(at("23:50", last))
    bank.now["at"] = at("23:50", last)
    token = token_for(loan, at=at("23:00", last))
    bank.conduct(drop_after=1)
    due = paying.open_page(token=token, at=at("23:50", last)).offer
    assert due.overdue > BILL, "penalty to the day is in it"
    click(token, seen_on(token))
    close_days(last, last)
    march = last + timedelta(days=1)
    BusinessDay.objects.update(today=march)
    resolve(at("00:05", march))
    assert Operation.objects.filter(source="autopay").get().value_date == last
    assert Loan.objects.get(pk=loan.pk).overdue_amount == 0
    assert drifts(march) == []


# ------------------------------------------------------------------------------------------- it and the slots exclude


def test_a_page_opened_during_a_debit_offers_nothing_and_says_why(bank):
    _loan, _agreement, token = due_with_link(bank)
    seen = seen_on(token)
    plan()
    bank.conduct(drop_after=1)
    run_slot(at("07:00"))
    assert list(states()) == ["unknown"]
    assert "A debit of your account is being made right now." in text_of_page(token)
    assert pay(token=token, seen=seen, clock=lambda: at("07:00")) == Answer.CHANGED
    offered = paying.open_page(token=token, at=at("07:00")).offer
    assert pay(token=token, seen=offered.seen, clock=lambda: at("07:00")) == Answer.REFUSED
    assert len(bank.movements()) == 1
    resolve(at("07:01"))
    assert "Nothing is due today." in text_of_page(token)


def test_a_planned_debit_waits_for_a_payment_and_is_dropped_when_that_brought_the_money(bank):
    _loan, _agreement, token = due_with_link(bank)
    plan()
    building.begin_slots(at=at("07:00"))
    bank.conduct(drop_after=1)
    click(token, seen_on(token))
    assert submitting.submit_while_due(clock=lambda: at("07:00"), seconds=5) == 0
    assert list(DebitCommand.objects.order_by("id").values_list("purpose", "state")) == [
        ("debit", "planned"),
        ("active", "unknown"),
    ]
    resolve(at("07:01"))
    submitting.submit_while_due(clock=lambda: at("07:01"), seconds=5)
    assert list(DebitCommand.objects.order_by("id").values_list("purpose", "state", "code")) == [
        ("debit", "dropped", "settled"),
        ("active", "succeeded", "00"),
    ]
    assert DebitBill.objects.get().state == "settled"
    assert len(bank.movements()) == 1


@pytest.mark.parametrize("round_", range(4))
@pytest.mark.parametrize("payer_first", [True, False])
def test_a_slot_that_begins_while_the_borrower_pays_takes_the_money_once(bank, payer_first, round_):
    _loan, _agreement, token = due_with_link(bank)
    plan()
    building.begin_slots(at=at("07:00"))
    seen = seen_on(token)
    bank.conduct(latency=0.05)
    works = [
        lambda: pay(token=token, seen=seen, clock=lambda: at("07:00")),
        lambda: submitting.submit_while_due(clock=lambda: at("07:00"), seconds=3),
    ]
    side_by_side(*(works if payer_first else reversed(works)))
    submitting.submit_while_due(clock=lambda: at("07:00"), seconds=3)
    assert [movement["amount"] for movement in bank.movements()] == ["1100.16"]
    assert sorted(DebitCommand.objects.values_list("state", flat=True)) in (["dropped", "succeeded"], ["succeeded"])
    assert drifts(DUE) == []


# -------------------------------------------------------------------------------------------- what forbids a payment


def refused_with(token, sentence):
    assert sentence in text_of_page(token)
    offered = paying.open_page(token=token, at=at("07:00")).offer
    assert offered.amount == 0
    assert pay(token=token, seen=offered.seen, clock=lambda: at("07:00")) == Answer.REFUSED


def test_nothing_is_paid_while_all_debits_are_stopped(bank):
    _loan, _agreement, token = due_with_link(bank)
    AutopaySwitch.objects.update_or_create(pk=AutopaySwitch.ONLY, defaults={"is_stopped": True, "reason": "x"})
    refused_with(token, "You cannot pay here at the moment.")


def test_nothing_is_paid_without_an_agreement(bank):
    _loan, _agreement, token = due_with_link(bank)
    Mandate.objects.update(state="revoked")
    refused_with(token, "No account that can be debited is bound")


def test_nothing_is_paid_beyond_the_limits_of_the_day(bank):
    _loan, _agreement, token = due_with_link(bank, day_limit="500.00")
    click(token, seen_on(token))
    refused_with(token, "The limit of your account for today is used up.")


def test_another_agreement_with_room_pays_when_the_first_has_none(bank):
    loan, first, token = due_with_link(bank, day_limit="500.00", priority=1)
    other = mandate(loan.borrower_id, priority=2)
    bank.knows(other)
    click(token, seen_on(token))
    click(token, seen_on(token))
    assert list(DebitCommand.objects.order_by("pk").values_list("mandate_id", "amount", "state")) == [
        (first.pk, Decimal("500.00"), "succeeded"),
        (other.pk, Decimal("600.16"), "succeeded"),
    ]


def test_a_hold_that_is_being_placed_is_waited_for_and_forbids_the_payment(bank):
    loan, _agreement, token = due_with_link(bank)
    seen = seen_on(token)
    with Aside() as aside:
        with transaction.atomic():
            place_hold(
                borrower_id=loan.borrower_id, start=DUE, reason="dispute", scopes=["debit"], actor=ADA, note="says so"
            )
            paying_now = aside.start(lambda: pay(token=token, seen=seen, clock=lambda: at("07:00")))
            sleep(0.5)
            assert not paying_now.done()
        assert paying_now.result(timeout=20) in (Answer.CHANGED, Answer.REFUSED)
    assert not DebitCommand.objects.exists()


def test_nothing_is_paid_over_a_rail_that_is_paused(bank):
    _loan, _agreement, token = due_with_link(bank)
    Rail.objects.update(is_paused=True, paused_reason="x")
    refused_with(token, "Payments are closed at this hour.")


def test_the_second_calculation_stops_a_wrong_amount_and_tells_people(bank, monkeypatch):
    _loan, _agreement, token = due_with_link(bank)
    monkeypatch.setattr(paying, "look_for_payer", lambda facts: BILL * 2)
    where = click(token, seen_on(token))
    assert where.endswith("?said=wrong")
    assert "Please call us." in Client().get(where).content.decode()
    assert [(breaker.kind, breaker.seen) for breaker in Breaker.objects.all()] == [("amount", "2200.32")]
    assert bank.movements() == []
    assert not DebitCommand.objects.exists()


# ------------------------------------------------------------------------------------------------ links and strangers


def test_a_token_is_random_signed_and_kept_as_a_digest_alone(bank):
    loan, _agreement, token = due_with_link(bank)
    other = token_for(loan)
    secret, _dot, signature = token.partition(".")
    assert len(secret) == 43, "32 bytes"
    assert len(signature) == 43
    assert token != other
    with connection.cursor() as cursor:
        for table in ("repayment_paylink", "audit_auditentry", "audit_outboxevent"):
            cursor.execute(f"SELECT string_agg(row::text, '') FROM {table} row")
            assert secret not in (cursor.fetchone()[0] or "")
    entry = AuditEntry.objects.filter(verb="repayment.pay_link.made").first()
    assert entry.reason == "asked by phone"


@pytest.mark.parametrize(
    "hostile",
    [
        "x",
        "x" * 5_000,
        "..",
        "%00",
        "%2e%2e%2fadmin",
        "'; DROP TABLE repayment_paylink; --",
        "<script>alert(1)</script>",
        "支付",
        "A" * 43 + "." + "B" * 43,
    ],
)
def test_a_token_nobody_made_finds_nothing(bank, hostile):
    due_with_link(bank)
    for answer in (Client().get(f"/pay/{hostile}/"), Client().post(f"/pay/{hostile}/", {"seen": "0.x"})):
        assert answer.status_code == 404
        assert b"<script>alert" not in answer.content
    assert PayLink.objects.filter(opens__gt=0).count() == 0


def test_a_token_signed_for_something_else_or_cut_is_refused_before_the_database(bank, django_assert_num_queries):
    _loan, _agreement, token = due_with_link(bank)
    with django_assert_num_queries(0):
        for forged in (token[:-1], token[1:], token.replace(".", ":"), token.upper()):
            with pytest.raises(LinkNotOpen):
                link_of(token=forged, at=at("07:00"))


def test_unknown_expired_and_revoked_links_are_answered_alike(bank):
    loan, _agreement, revoked = due_with_link(bank)
    assert revoke_links(loan_id=loan.pk, reason="lost phone", at=at("07:00"), actor=SYSTEM) == 1
    expired = token_for(loan, at=at("06:00") - timedelta(days=7))
    answers = [opened(token) for token in ("x", revoked, expired)]
    assert {answer.status_code for answer in answers} == {404}
    assert len({answer.content for answer in answers}) == 1
    of_the_moment = {"X-Request-ID", "Expires", "Last-Modified"}
    heads = [{name: value for name, value in answer.headers.items() if name not in of_the_moment} for answer in answers]
    assert heads[0] == heads[1] == heads[2]
    assert loan.external_id[-4:].encode() not in answers[1].content
    assert Client().post(f"/pay/{revoked}/", {"seen": "0.x"}).status_code == 404
    assert not DebitCommand.objects.exists()


def test_a_link_is_open_until_its_last_second(bank):
    loan, _agreement, _token = due_with_link(bank)
    token = token_for(loan, at=at("07:00") - timedelta(days=7) + timedelta(seconds=1))
    assert opened(token).status_code == 200
    bank.now["at"] = at("07:00") + timedelta(seconds=1)
    assert opened(token).status_code == 404


def test_the_page_shows_nobody_and_tells_nobody(bank):
    loan, _agreement, token = due_with_link(bank)
    borrower = Borrower.objects.get(pk=loan.borrower_id)
    Loan.objects.filter(pk=loan.pk).update(external_id="LN-SECRET-0042")
    answer = opened(token)
    page = answer.content.decode()
    assert "0042" in page
    assert "LN-SECRET" not in page
    assert borrower.external_id not in page
    assert "6222 **** 1234" in page
    assert answer.headers["Referrer-Policy"] == "no-referrer"
    assert "no-store" in answer.headers["Cache-Control"]
    assert answer.cookies == {}
    policy = answer.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "script-src" not in policy
    assert not re.search(r"<script|\son\w+=|style=", page)


@pytest.mark.parametrize(("language", "words"), [("zh-Hans", "今日应还"), ("en-GB", "Due today"), ("fr", "Due today")])
def test_speaks_the_language_of_the_borrower_whatever_the_browser_asks_for(bank, language, words):
    loan, _agreement, token = due_with_link(bank)
    Borrower.objects.filter(pk=loan.borrower_id).update(language=language)
    assert words in opened(token, accept_language="de").content.decode()


def test_counts_how_often_a_link_was_opened_and_when_first(bank):
    _loan, _agreement, token = due_with_link(bank)
    opened(token)
    bank.now["at"] = at("08:00")
    opened(token)
    link = PayLink.objects.get()
    assert (link.opens, link.opened_at) == (2, at("07:00"))


def test_whoever_tries_too_often_is_held_up(bank, settings):
    settings.PAY_PAGE_RATES = {"open": "9/day", "pay": "3/day"}
    _loan, _agreement, token = due_with_link(bank)
    clicks = [Client().post(f"/pay/{token}/", {"seen": "0.x"}).status_code for _number in range(4)]
    assert clicks == [303] * 3 + [429]
    answers = [Client().get(f"/pay/guess-{number}/").status_code for number in range(7)]
    assert answers == [404] * 5 + [429] * 2


# -------------------------------------------------------------------------------------------------- measured apart


def test_what_borrowers_pay_by_themselves_is_measured_apart_from_debits(bank):
    _loan, _agreement, token = due_with_link(bank, balance="10.00")
    click(token, seen_on(token))
    debited = loan_due()
    bank.knows(mandate(debited.borrower_id))
    plan()
    run_slot(at("07:00"))
    third = loan_due()
    post(third.pk, "1100.16", DUE)
    fourth = loan_due()
    agreement = mandate(fourth.borrower_id)
    bank.knows(agreement)
    link = token_for(fourth)
    click(link, seen_on(link))
    counts = active_rates(from_day=DUE, through_day=DUE)
    assert counts == ActiveCounts(orders=2, succeeded=1, due=4, settled=2)
    assert (counts.success_rate, counts.share) == (Decimal("0.5"), Decimal("0.5"))
    assert active_rates(from_day=DUE, through_day=DUE, portfolios=["elsewhere"]) == ActiveCounts()
    assert (ActiveCounts().success_rate, ActiveCounts().share) == (None, None)


def test_a_loan_that_is_paid_off_says_so_and_asks_for_no_call(bank):
    loan, _agreement, token = due_with_link(bank)
    post(loan.pk, "13201.95", DUE, surplus="next_installment")
    said = text_of_page(token)
    assert "This loan is paid off: nothing is owed any more." in said
    assert "call us" not in said
