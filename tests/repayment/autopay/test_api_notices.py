"""Notices of rails: believed when signed, taken once, in whatever order they come, beside the answers of the calls."""

import json
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from decimal import Decimal
from time import monotonic

import pytest
from django.db import connections
from django.test import Client

from backoffice.calendars import clock
from backoffice.calendars.models import BusinessDay
from backoffice.core.signatures import SIGNATURE_HEADER, TIMESTAMP_HEADER, signature_of
from backoffice.repayment.models import Breaker, DebitCommand, Loan, Operation, RailNotice, SplitLine
from tests.repayment.autopay.debiting import (
    DUE,
    RAIL,
    SECRET,
    at,
    bank_at,
    loan_due,
    mandate,
    morning_of,
    payees,
    plan,
    rail,
    resolve,
    run_slot,
    states,
    version,
)
from tests.repayment.factories import close_days, drifts

pytestmark = pytest.mark.django_db(transaction=True)
BILL = Decimal("1100.16")


@pytest.fixture
def bank(settings):
    rail()
    payees()
    with bank_at(at("07:00"), settings) as opened:
        yield opened


def due(bank):
    loan = loan_due()
    bank.knows(mandate(loan.borrower_id))
    version()
    morning_of()
    plan()
    return loan


def unknown(bank):
    """A debit that was made, and whose answer was lost."""
    loan = due(bank)
    bank.conduct(drop_after=1)
    run_slot(at("07:00"))
    assert list(states()) == ["unknown"]
    return loan


def body_of(what, /, *, notice_id="n-1", **fields):
    command = DebitCommand.objects.get()
    notice = {
        "notice_id": notice_id,
        "order_no": command.order_no,
        "event": what,
        "amount": str(command.amount),
        "currency": "CNY",
        "at": at("07:00").isoformat(),
        "code": {"succeeded": "00", "declined": "64", "returned": "AC06"}[what],
        "reference": "union-1",
    }
    return json.dumps(notice | fields).encode()


def call(body, *, secret=SECRET, code=RAIL, seconds=0):
    timestamp = int(clock.now().timestamp()) + seconds
    headers = {
        TIMESTAMP_HEADER: str(timestamp),
        SIGNATURE_HEADER: signature_of(secret=secret, timestamp=timestamp, body=body),
    }
    return Client().post(f"/hooks/rails/{code}/", body, content_type="application/json", headers=headers)


def told(what, /, **fields):
    answer = call(body_of(what, **fields))
    assert answer.status_code == 200, answer.content
    return answer.json()["outcome"]


def side_by_side(count, work):
    def run(number):
        try:
            return work(number)
        finally:
            connections.close_all()

    with ThreadPoolExecutor(max_workers=count) as hands:
        return list(hands.map(run, range(count)))


def test_a_notice_makes_an_unknown_debit_known_and_is_taken_once(bank):
    unknown(bank)
    body = body_of("succeeded")
    assert call(body).json() == {"notice_id": "n-1", "outcome": "applied", "is_new": True}
    assert call(body).json() == {"notice_id": "n-1", "outcome": "applied", "is_new": False}
    assert list(states()) == ["succeeded"]
    assert Operation.objects.filter(source="autopay").get().value_date == DUE
    assert resolve(at("07:05")) == 0, "nobody has to be asked any more"
    assert told("succeeded", notice_id="n-2") == "late"
    assert RailNotice.objects.count() == 2
    assert drifts(DUE) == []


def test_another_notice_under_an_id_is_refused(bank):
    unknown(bank)
    told("succeeded")
    answer = call(body_of("declined"))
    assert (answer.status_code, answer.json()["code"]) == (409, "repayment.notice_conflicts")
    assert list(states()) == ["succeeded"]


def test_what_is_not_signed_now_by_this_rail_is_not_read(bank):
    unknown(bank)
    body = body_of("succeeded")
    assert call(body, secret="another secret of more than thirty-two").status_code == 401
    assert call(body, seconds=-301).json()["code"] == "repayment.notice_stale"
    assert call(body, code="nobody").status_code == 404
    assert Client().get(f"/hooks/rails/{RAIL}/").status_code == 405
    assert call(b"{" + b" " * 16_384 + b"}").status_code == 413
    assert list(states()) == ["unknown"]
    assert not RailNotice.objects.exists()


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("notice_id", ""),
        ("notice_id", "n" * 101),
        ("order_no", 7),
        ("event", "processing"),
        ("amount", "-1.00"),
        ("amount", "1e3"),
        ("amount", "NaN"),
        ("amount", "1.005"),
        ("amount", 5),
        ("currency", "USD"),
        ("currency", "yuan"),
        ("at", "2026-02-15T07:00:00"),
        ("at", "yesterday"),
        ("code", ""),
        ("code", "0\u00000"),
    ],
)
def test_a_notice_that_cannot_be_meant_is_refused_and_its_field_named(bank, field, value):
    unknown(bank)
    answer = call(body_of("succeeded", **{field: value}))
    assert answer.status_code == 400
    assert list(answer.json()["fields"]) == [field]
    assert list(states()) == ["unknown"]
    assert not RailNotice.objects.exists()


@pytest.mark.parametrize("body", [b"", b"[]", b"\xff", b"{" * 5_000])
def test_what_is_no_notice_is_refused(bank, body):
    assert call(body).status_code == 400


def test_a_notice_of_an_order_nobody_knows_is_kept(bank):
    unknown(bank)
    assert told("succeeded", order_no="D9-9-9-9") == "unmatched"
    assert RailNotice.objects.get().command is None
    assert list(states()) == ["unknown"]


def test_another_amount_than_asked_for_is_booked_as_it_is_and_raises_the_alarm(bank):
    unknown(bank)
    assert told("succeeded", amount="1200.16") == "applied"
    assert DebitCommand.objects.get().amount == Decimal("1200.16")
    assert [(breaker.kind, breaker.seen) for breaker in Breaker.objects.all()] == [("double", "1200.16")]


def test_another_amount_than_booked_raises_the_alarm_though_it_changes_nothing(bank):
    due(bank)
    run_slot(at("07:00"))
    assert told("succeeded", amount="2200.32") == "late"
    assert DebitCommand.objects.get().amount == BILL
    assert [breaker.kind for breaker in Breaker.objects.all()] == ["double"]


def test_a_code_nobody_mapped_raises_the_alarm_and_leaves_it_unknown(bank):
    unknown(bank)
    assert told("declined", code="Z9") == "late"
    assert list(states()) == ["unknown"]
    assert [breaker.kind for breaker in Breaker.objects.all()] == ["unmapped"]


def test_a_refusal_after_a_success_changes_nothing(bank):
    due(bank)
    run_slot(at("07:00"))
    assert told("declined") == "late"
    assert list(states()) == ["succeeded"]
    (alarm,) = Breaker.objects.all()
    assert (alarm.kind, alarm.seen, alarm.rail.code, alarm.batch) == ("contrary", "00, 64", RAIL, None)


def test_a_success_after_a_refusal_is_believed(bank):
    unknown(bank)
    assert told("declined") == "applied"
    assert list(states()) == ["declined"]
    assert told("succeeded", notice_id="n-2") == "applied"
    assert list(states()) == ["succeeded"]
    assert drifts(DUE) == []


def returned_days_later(bank):
    """The bank takes its debits back; gives the day, which is the business date."""
    later = DUE + timedelta(days=2)
    close_days(DUE, later - timedelta(days=1))
    BusinessDay.objects.update(today=later)
    bank.clock(at("23:00", later))
    bank.say("/day", {"date": later.isoformat()})
    return later


def test_a_return_told_before_the_success_books_both_in_their_order(bank):
    bank.conduct(return_share=1, return_days=2, return_days_most=2)
    loan = unknown(bank)
    later = returned_days_later(bank)
    moment = at("11:00", later).isoformat()
    assert told("returned", at=moment) == "applied"
    assert told("succeeded", notice_id="n-0") == "late"
    assert told("returned", notice_id="n-2", at=moment) == "late"
    command = DebitCommand.objects.get()
    assert command.state == "returned"
    assert [(one.kind, one.value_date) for one in Operation.objects.filter(source="autopay").order_by("id")] == [
        ("payment", DUE),
        ("reversal", later),
    ]
    assert sum(line.amount for line in SplitLine.objects.all()) == 0
    assert Loan.objects.get(pk=loan.pk).overdue_amount >= BILL
    assert drifts(later) == []


def test_a_return_that_cannot_be_placed_in_time_has_to_come_again(bank):
    unknown(bank)
    answer = call(body_of("returned"))
    assert (answer.status_code, answer.json()["code"]) == (503, "repayment.notice_too_early")
    assert list(states()) == ["unknown"]
    assert not RailNotice.objects.exists()


def test_the_same_notice_sixteen_times_at_once_is_taken_once(bank):
    unknown(bank)
    body = body_of("succeeded")
    answers = side_by_side(16, lambda _number: call(body).json())
    assert [answer["outcome"] for answer in answers] == ["applied"] * 16
    assert sum(answer["is_new"] for answer in answers) == 1
    assert Operation.objects.filter(source="autopay").count() == 1
    assert RailNotice.objects.count() == 1
    assert drifts(DUE) == []


def wait_until(holds):
    end = monotonic() + 20
    while not holds():
        assert monotonic() < end, "it never came to that"


def test_notices_that_race_with_the_answers_of_the_calls_book_each_debit_once(settings, live_server):
    rail()
    payees()
    with bank_at(at("07:00"), settings, rail_hooks=f"{live_server.url}/hooks/rails", rail_code=RAIL) as bank:
        bank.conduct(latency=0.05, double_notice=1)
        for _number in range(12):
            bank.knows(mandate(loan_due().borrower_id))
        version()
        morning_of()
        plan()
        assert run_slot(at("07:00")) == 12
        wait_until(lambda: RailNotice.objects.count() == 12)
    assert [*states()] == ["succeeded"]
    assert Operation.objects.filter(source="autopay").count() == 12
    assert not Breaker.objects.exists()
    assert drifts(DUE) == []
