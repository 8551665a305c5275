"""What outlives the day of a refused or returned debit: suspended agreements, stopped loans, what a bill has learnt."""

from contextlib import suppress
from datetime import date, timedelta
from decimal import Decimal

import pytest

from backoffice.audit.models import AuditEntry
from backoffice.calendars.models import BusinessDay
from backoffice.core.actors import SYSTEM
from backoffice.repayment.domain.autopay.codes import FILE, read_codes
from backoffice.repayment.domain.autopay.handover import Answer, Outcome
from backoffice.repayment.models import DebitBatch, DebitBill, DebitCommand, DebitStop, Mandate, MandateMove
from backoffice.repayment.services.autopay import (
    building,
    mandate_telling,
    mandates,
    planning,
    returning,
    settling,
    submitting,
)
from backoffice.repayment.services.autopay.debit_stops import DebitStopNotOpen, EndNotReasoned, end_stop
from backoffice.repayment.services.autopay.mandate_moving import MandateInState
from tests.audit.side_by_side import Aside
from tests.repayment.autopay.debiting import (
    DUE,
    at,
    bank_at,
    content,
    loan_due,
    mandate,
    morning_of,
    payees,
    plan,
    rail,
    run_slot,
    version,
)
from tests.repayment.factories import ADA, close_days, drifts

pytestmark = pytest.mark.django_db(transaction=True)
BILL = Decimal("1100.16")
NEXT = DUE + timedelta(days=1)


@pytest.fixture
def bank(settings):
    rail()
    payees()
    with bank_at(at("07:00"), settings) as opened:
        yield opened


def due(bank, *, balance="100000.00", **fields):
    loan = loan_due()
    agreement = mandate(loan.borrower_id, **fields)
    bank.knows(agreement, balance=balance)
    return loan, agreement


def refused(code, *, moment=None):
    """The next command leaves, and its rail says no with a code."""
    moment = moment or at("07:00")
    building.begin_slots(at=moment)
    (leaving,) = submitting.let_out(batch_id=DebitBatch.objects.latest("id").pk, at=moment)
    answer = Answer(outcome=Outcome.DECLINED, code=code)
    settling.learn(answers={leaving.row.id: answer}, at=moment, actor=SYSTEM)
    return DebitCommand.objects.get(pk=leaving.row.id)


def returned(code, *, moment=None):
    """The last debit is taken back."""
    moment = moment or at("12:00")
    returning.settle_return(
        command_id=DebitCommand.objects.filter(state="succeeded").latest("id").pk,
        returned_at=moment,
        code=code,
        reference="r",
        at=moment,
        actor=SYSTEM,
    )


def next_morning(bank, day=NEXT):
    """The day is closed, the next one planned, and its first slot runs; gives how many commands left."""
    before = day - timedelta(days=1)
    planning.end_day(day=before)
    close_days(before, before)
    BusinessDay.objects.update(today=day)
    plan(day)
    bank.clock(at("07:00", day))
    return run_slot(at("07:00", day))


@pytest.mark.parametrize("code", ["61", "72"])
def test_an_agreement_its_bank_cannot_debit_is_suspended_until_it_is_resumed(bank, code):
    _loan, agreement = due(bank)
    version()
    morning_of()
    plan()
    refused(code)
    agreement.refresh_from_db()
    assert (agreement.state, DebitBill.objects.get().state) == ("suspended", "stopped")
    history = MandateMove.objects.get(mandate=agreement)
    assert (history.cause, history.details["code"]) == ("refused_at_debit", code)
    assert next_morning(bank) == 0
    assert DebitBill.objects.filter(day=NEXT).count() == 0
    assert DebitStop.objects.count() == 0, "another agreement of the borrower may be debited"

    mandates.resume(mandate_id=agreement.pk, reason="the bank was wrong", actor=ADA, at=at("08:00", NEXT))
    assert plan(NEXT) == 1
    assert run_slot(at("08:00", NEXT)) == 1


def test_what_is_planned_over_a_suspended_agreement_does_not_leave_and_another_takes_over(bank):
    loan, first = due(bank)
    other = loan_due(borrower_id=loan.borrower_id)
    second = mandate(loan.borrower_id, priority=2)
    bank.knows(second)
    version()
    morning_of()
    plan()
    building.begin_slots(at=at("07:00"))
    batch_id = DebitBatch.objects.get().pk
    (leaving,) = submitting.let_out(batch_id=batch_id, at=at("07:00"))
    settling.learn(answers={leaving.row.id: Answer(outcome=Outcome.DECLINED, code="61")}, at=at("07:00"), actor=SYSTEM)
    assert DebitCommand.objects.get(loan=other).state == "dropped"
    assert submitting.let_out(batch_id=batch_id, at=at("07:01")) == []
    bank.clock(at("16:00"))
    assert run_slot(at("16:00")) == 1
    debited = DebitCommand.objects.get(state="succeeded")
    assert (debited.loan_id, debited.mandate_id) == (other.pk, second.pk)
    first.refresh_from_db()
    assert first.state == "suspended"
    assert drifts(DUE) == []


@pytest.mark.parametrize(("code", "family"), [("38", "risk"), ("66", "identity"), ("MD07", "deceased")])
def test_debits_of_a_loan_stop_until_a_person_lets_them_go_on(bank, code, family):
    loan, agreement = due(bank)
    version()
    morning_of()
    if code == "MD07":
        agreement.rail.scheme = "iso20022"
        agreement.rail.save()
    plan()
    command = refused(code)
    stop = DebitStop.objects.get()
    assert (stop.loan_id, stop.command_id, stop.family, stop.code) == (loan.pk, command.pk, family, code)
    agreement.refresh_from_db()
    assert agreement.state == "active"
    assert next_morning(bank) == 0
    assert DebitBill.objects.filter(day=NEXT).count() == 0

    with pytest.raises(EndNotReasoned):
        end_stop(stop_id=stop.pk, reason=" ", at=at("08:00", NEXT), actor=ADA)
    end_stop(stop_id=stop.pk, reason="asked the borrower", at=at("08:00", NEXT), actor=ADA)
    with pytest.raises(DebitStopNotOpen):
        end_stop(stop_id=stop.pk, reason="again", at=at("08:00", NEXT), actor=ADA)
    verbs = AuditEntry.objects.filter(verb__startswith="repayment.debit_stop").order_by("id")
    assert [entry.verb for entry in verbs] == ["repayment.debit_stop.opened", "repayment.debit_stop.ended"]
    assert plan(NEXT) == 1
    bank.clock(at("16:00", NEXT))
    assert run_slot(at("16:00", NEXT)) == 1
    assert DebitCommand.objects.latest("id").state == "succeeded"


def test_what_the_configuration_leaves_to_a_person_waits_for_one(bank):
    due(bank)
    actions = content()["actions"] | {"busy": "manual"}
    version(content(actions=actions))
    morning_of()
    plan()
    refused("39")
    assert [(stop.family, stop.code) for stop in DebitStop.objects.all()] == [("busy", "39")]
    assert next_morning(bank) == 0


@pytest.mark.parametrize(("code", "family"), [("MD06", "returned_by_payer"), ("MD07", "deceased"), ("XX", "")])
def test_a_debit_that_was_taken_back_is_not_made_again_the_next_morning(bank, code, family):
    due(bank)
    version(content(days=10))
    morning_of()
    plan()
    assert run_slot(at("07:00")) == 1
    returned(code)
    bill = DebitBill.objects.get()
    assert (bill.state, bill.stopped_by, bill.debited) == ("stopped", "returned", 0)
    assert [(stop.family, stop.code) for stop in DebitStop.objects.all()] == [(family, code)]
    assert next_morning(bank) == 0
    assert len(bank.movements()) == 1


def test_a_return_of_a_closed_account_suspends_the_agreement(bank):
    _loan, agreement = due(bank)
    version(content(days=10))
    morning_of()
    plan()
    run_slot(at("07:00"))
    returned("AC04")
    agreement.refresh_from_db()
    assert (agreement.state, DebitStop.objects.count()) == ("suspended", 0)
    assert next_morning(bank) == 0


def test_a_return_for_want_of_funds_is_tried_on_the_next_day_by_the_rule(bank):
    due(bank, allows_partial=True)
    version(content(days=10))
    morning_of()
    plan()
    run_slot(at("07:00"))
    returned("AM04")
    assert DebitStop.objects.count() == 0
    assert next_morning(bank) == 1
    last = DebitCommand.objects.latest("id")
    assert (last.day, last.state, last.amount) == (NEXT, "succeeded", Decimal("550.38"))


def test_what_is_planned_on_a_loan_does_not_leave_once_its_debits_are_stopped(bank):
    loan, _agreement = due(bank, single_limit="600.00")
    version()
    morning_of()
    plan()
    run_slot(at("07:00"))
    building.begin_slots(at=at("16:00"))
    waiting = DebitCommand.objects.get(state="planned")
    returned("MD06", moment=at("16:01"))
    waiting.refresh_from_db()
    assert (waiting.loan_id, waiting.state, waiting.code) == (loan.pk, "dropped", "loan_stopped")


def test_a_stop_holds_a_command_that_was_built_beside_it(bank):
    loan, _agreement = due(bank)
    version()
    morning_of()
    plan()
    building.begin_slots(at=at("07:00"))
    command = DebitCommand.objects.get()
    DebitStop.objects.create(loan=loan, command=command, family="risk", code="38", since=at("07:00"))
    assert submitting.let_out(batch_id=DebitBatch.objects.get().pk, at=at("07:01")) == []
    command.refresh_from_db()
    assert (command.state, command.code) == ("dropped", "loan_stopped")


def test_the_end_of_a_day_ends_the_stops_that_are_over_with_it(bank):
    loan, _agreement = due(bank)
    version()
    morning_of()
    plan()
    building.begin_slots(at=at("07:00"))
    command = DebitCommand.objects.get()
    DebitStop.objects.create(loan=loan, command=command, family="limit", code="33", since=at("07:00"), until=NEXT)
    assert next_morning(bank) == 1
    assert DebitStop.objects.get().end_reason == "day_came"


def test_a_stop_because_of_an_account_is_over_when_another_agreement_comes_into_force(bank):
    loan, agreement = due(bank)
    version(content(days=10, actions=content()["actions"] | {"card_invalid": "stop"}))
    morning_of()
    plan()
    refused("61")
    assert DebitStop.objects.standing().count() == 1
    fresh = Mandate.objects.create(
        borrower_id=loan.borrower_id,
        rail=agreement.rail,
        agreement_no="AG-NEW",
        kind="card",
        bank="CN01",
        token="tok-new",
        mask="6222 **** 9",
        currency="CNY",
        state="signing",
        priority=1,
    )
    mandate_telling.activate(fresh, at=at("12:00"), actor=SYSTEM)
    ended = DebitStop.objects.get()
    assert (ended.end_reason, ended.ended_by) == ("newer_agreement", SYSTEM.name)


def test_a_stop_because_of_the_payer_is_not_over_with_another_agreement(bank):
    loan, agreement = due(bank)
    version()
    morning_of()
    plan()
    refused("38")
    fresh = mandate(loan.borrower_id, state="signing", rail=agreement.rail)
    mandate_telling.activate(fresh, at=at("12:00"), actor=SYSTEM)
    assert DebitStop.objects.standing().count() == 1


def test_the_next_day_goes_on_with_what_the_bill_has_learnt(bank):
    due(bank, allows_partial=True)
    actions = content()["actions"] | {"merchant": "other_mandate"}
    version(content(actions=actions))
    second = mandate(DebitCommand.objects.count() or Mandate.objects.get().borrower_id, priority=2, allows_partial=True)
    bank.knows(second, balance="0.00")
    morning_of()
    plan()
    first = refused("31")
    refused("64", moment=at("16:00"))
    bill = DebitBill.objects.get()
    assert (bill.tries_without_funds, bill.skipped_mandates) == (1, [first.mandate_id])
    assert next_morning(bank) == 1
    bill = DebitBill.objects.get(day=NEXT)
    assert (bill.tries_without_funds, bill.skipped_mandates) == (2, [first.mandate_id])
    command = DebitCommand.objects.get(day=NEXT)
    assert (command.mandate_id, command.amount) == (second.pk, Decimal("550.38"))


def test_an_agreement_without_funds_is_tried_again_on_the_next_day(bank):
    _loan, agreement = due(bank, balance="0.00")
    version(content(actions=content()["actions"] | {"insufficient_funds": "other_mandate"}))
    morning_of()
    plan()
    run_slot(at("07:00"))
    assert DebitBill.objects.get().skipped_mandates == [agreement.pk]
    assert next_morning(bank) == 1


def test_a_return_of_one_part_of_a_bill_leaves_the_other_part(bank):
    due(bank, single_limit="600.00")
    version()
    morning_of()
    plan()
    run_slot(at("07:00"))
    bank.clock(at("16:00"))
    run_slot(at("16:00"))
    assert [command.amount for command in DebitCommand.objects.order_by("id")] == [Decimal(600), Decimal("500.16")]
    returned("MD06", moment=at("18:00"))
    bill = DebitBill.objects.get()
    assert (bill.state, bill.debited) == ("stopped", Decimal("600.00"))
    assert drifts(DUE) == []


def test_a_limit_of_the_month_that_is_used_up_stops_the_loan_until_the_next_month(bank, monkeypatch):
    loan, _agreement = due(bank)
    version(content(days=30))
    morning_of()
    plan()
    codes = FILE.read_text(encoding="utf-8").replace('code = "33"', 'code = "33"\nperiod_spent = true')
    monkeypatch.setattr(settling, "shipped_codes", lambda: read_codes(codes))
    refused("33")
    stop = DebitStop.objects.get()
    assert (stop.loan_id, stop.family, stop.until) == (loan.pk, "limit", date(2026, 3, 1))
    assert next_morning(bank) == 0
    assert plan(date(2026, 2, 28)) == 0
    assert plan(date(2026, 3, 1)) == 1


def test_refusals_and_returns_suspend_and_stop_beside_batches_that_leave_and_nobody_waits_for_ever(bank):
    """Several loans on each card: one thread lets batches out, one answers, one resumes agreements, one takes back."""
    cards = []
    for _ in range(4):
        loan, agreement = due(bank)
        cards.append(agreement)
        for _ in range(3):
            loan_due(borrower_id=loan.borrower_id)
    version(content(breakers={"after": 1000, "debits_per_card": 20}))
    morning_of()
    plan()
    building.begin_slots(at=at("07:00"))
    batch_id = DebitBatch.objects.get().pk
    taken = []

    def answers():
        for turn in range(6):
            leaving = submitting.let_out(batch_id=batch_id, at=at("07:01"))
            said = {
                one.row.id: Answer(outcome=Outcome.DECLINED, code="61" if place % 2 else "38")
                if place < turn % 3
                else Answer(outcome=Outcome.SUCCEEDED, code="00", at=at("07:01"), amount=one.outgoing.amount)
                for place, one in enumerate(leaving)
            }
            settling.learn(answers=said, at=at("07:02"), actor=SYSTEM)

    def resumes():
        for _ in range(10):
            for card in cards:
                with suppress(MandateInState):
                    mandates.resume(mandate_id=card.pk, reason="again", actor=ADA, at=at("07:03"))

    def takes_back():
        for _ in range(10):
            for key in DebitCommand.objects.filter(state="succeeded").values_list("pk", flat=True)[:1]:
                taken.append(key)
                returning.settle_return(
                    command_id=key, returned_at=at("07:04"), code="AC04", reference="r", at=at("07:04"), actor=SYSTEM
                )

    with Aside() as aside:
        running = [aside.start(each) for each in (answers, resumes, takes_back, answers)]
        for each in running:
            each.result(timeout=60)
    stopped = set(DebitStop.objects.standing().values_list("loan_id", flat=True))
    unusable = set(Mandate.objects.filter(state="suspended").values_list("pk", flat=True))
    assert not DebitCommand.objects.filter(state="planned", loan_id__in=stopped).exists()
    assert not DebitCommand.objects.filter(state="planned", mandate_id__in=unusable).exists()
    assert drifts(DUE) == []


def test_what_no_file_has_was_never_debited_and_is_tried_on_its_next_day(bank):
    due(bank)
    version(content(days=10))
    morning_of()
    plan()
    run_slot(at("07:00"))
    returned("not_in_file")
    assert [(bill.state, bill.stopped_by) for bill in DebitBill.objects.all()] == [("stopped", "not_in_file")]
    assert DebitStop.objects.count() == 0
    assert next_morning(bank) == 1
