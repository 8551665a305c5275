"""What rails answer, whatever it is, is written down; and breakers stop and let go what they should."""

from collections import Counter
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest

from backoffice.audit import approvals
from backoffice.audit.models import Approval, ApprovalLimit, AuditEntry
from backoffice.calendars.models import BusinessDay
from backoffice.core.actors import SYSTEM, Actor
from backoffice.repayment.domain.admission import LoanClosed
from backoffice.repayment.domain.autopay.handover import Answer, Known, Outcome, Standing
from backoffice.repayment.models import (
    Breaker,
    DebitBatch,
    DebitBill,
    DebitCommand,
    DebitMove,
    Loan,
    Operation,
    SplitLine,
)
from backoffice.repayment.services.autopay import (
    breaking,
    building,
    planning,
    resolving,
    returning,
    settling,
    splitting,
    submitting,
)
from backoffice.repayment.services.autopay.rails import http
from tests.repayment.autopay.debiting import (
    DUE,
    RAIL,
    SECRET,
    at,
    content,
    loan_due,
    mandate,
    morning_of,
    payees,
    plan,
    rail,
    resolve,
    states,
    version,
)
from tests.repayment.factories import ADA, close_days, drifts, post, take_back

pytestmark = pytest.mark.django_db(transaction=True)
BILL = Decimal("1100.16")
WHOLE = "13201.95"
"""All twelve bills of a loan that is due."""
DONE = Answer(outcome=Outcome.SUCCEEDED, code="00", at=at("07:00"), amount=BILL)


@pytest.fixture(autouse=True)
def _rail(settings):
    settings.RAIL_SECRETS = {RAIL: SECRET}
    rail()
    payees()


def due(**fields):
    loan = loan_due(**fields)
    mandate(loan.borrower_id)
    return loan


def out(*, loans=1, clock="07:00", **changes):
    """A slot has begun, and its commands have left; the loans, what left and the batch."""
    made = [due() for _ in range(loans)]
    version(content(**changes))
    morning_of()
    plan()
    return made, *slot(clock)


def slot(clock="07:00", day=DUE):
    building.begin_slots(at=at(clock, day))
    batch = DebitBatch.objects.latest("id")
    leaving = submitting.let_out(batch_id=batch.pk, at=at(clock, day))
    return [one.row.id for one in leaving], batch


def answer(*ids, clock="07:00", said=DONE):
    settling.learn(answers=dict.fromkeys(ids, said), at=at(clock), actor=SYSTEM)


def declined(code):
    return Answer(outcome=Outcome.DECLINED, code=code)


def give_back(command_id, clock="12:00", code="MD06"):
    return returning.settle_return(
        command_id=command_id, returned_at=at(clock), code=code, reference="r", at=at(clock), actor=SYSTEM
    )


def open_kinds():
    return sorted(Breaker.objects.filter(closed_at=None).values_list("kind", flat=True))


def close(kind, clock="07:10"):
    (breaker,) = Breaker.objects.filter(kind=kind, closed_at=None)
    return breaking.close_breaker(breaker_id=breaker.pk, reason="looked at", at=at(clock), actor=ADA)


def counts(batch):
    batch.refresh_from_db()
    return batch.left, batch.answered, batch.succeeded


class TestReturns:
    def test_one_whose_payment_a_person_took_back_before_is_returned_by_that(self):
        (loan,), (command_id,), _batch = out()
        answer(command_id)
        back = take_back(loan.pk, DebitCommand.objects.get().operation_id, business_date=DUE)
        assert give_back(command_id)
        command = DebitCommand.objects.get()
        assert (command.state, command.return_operation_id, command.is_unplaced) == ("returned", back, False)
        assert Operation.objects.filter(kind="reversal").count() == 1
        assert (open_kinds(), drifts(DUE)) == ([], [])
        assert not give_back(command_id), "told twice is told once"

    def test_one_whose_money_was_paid_back_already_is_returned_and_a_person_has_to_end_it(self):
        (loan,), (command_id,), batch = out()
        post(loan.pk, BILL, DUE)
        answer(command_id)
        post(loan.pk, BILL, DUE, kind="refund")
        assert give_back(command_id)
        command = DebitCommand.objects.get()
        assert (command.state, command.return_operation_id, command.is_unplaced) == ("returned", None, True)
        assert DebitMove.objects.latest("id").detail == "repayment.refund_no_longer_covered"
        alarm = Breaker.objects.get()
        assert (alarm.kind, alarm.seen, alarm.command_id) == ("unbooked", "-1100.16 CNY", command_id)
        assert (alarm.rail.code, alarm.batch) == (RAIL, None), "nothing is wrong with the batch"
        assert breaking.is_any_open(batch) is False
        assert drifts(DUE) == []

    def test_one_that_cannot_be_booked_takes_no_other_question_with_it(self, monkeypatch):
        _loans, ids, _batch = out(loans=3)
        answer(*ids, said=Answer(outcome=Outcome.UNCLEAR))
        poor = DebitCommand.objects.get(pk=ids[0]).order_no
        took_back = {"known": Known.RETURNED, "code": "AC06", "at": at("07:00"), "returned_at": at("07:01")}
        monkeypatch.setattr(http, "ask", lambda **_: Standing(amount=BILL, **took_back))
        real = returning._take_back

        def take_back_but_one(row, *args, **kwargs):
            if row.order_no == poor:
                raise LookupError(row.order_no)
            return real(row, *args, **kwargs)

        monkeypatch.setattr(returning, "_take_back", take_back_but_one)
        assert resolve(at("07:01")) == 3
        assert Counter(DebitCommand.objects.values_list("state", flat=True)) == {"succeeded": 1, "returned": 2}
        assert open_kinds() == ["unbooked"]
        assert DebitCommand.objects.filter(look_at__isnull=False).count() == 0


class TestOneThatCannotBeWrittenDown:
    @pytest.fixture
    def poisoned(self, monkeypatch):
        """The first of three answers cannot be split; gives its id and those of the others."""
        _loans, ids, batch = out(loans=3)
        real = splitting.split_payments

        def split_all_but_one(*, payments):
            if ids[0] in payments:
                raise KeyError("nobody")
            return real(payments=payments)

        monkeypatch.setattr(splitting, "split_payments", split_all_but_one)
        return ids, batch, lambda: monkeypatch.setattr(splitting, "split_payments", real)

    def test_is_set_aside_as_unknown_and_the_rest_is_booked(self, poisoned):
        ids, batch, _mend = poisoned
        answer(*ids)
        found = dict(DebitCommand.objects.values_list("pk", "state"))
        assert found == {ids[0]: "unknown", ids[1]: "succeeded", ids[2]: "succeeded"}
        assert Operation.objects.filter(source="autopay").count() == 2
        assert counts(batch) == (3, 3, 2)
        alarm = Breaker.objects.get()
        assert (alarm.kind, alarm.command_id, alarm.batch) == ("unbooked", ids[0], batch)
        assert batch.state == "stopped", "the next one would go wrong too"
        assert drifts(DUE) == []

    def test_is_asked_about_and_booked_once_the_cause_is_mended(self, poisoned, monkeypatch):
        ids, _batch, mend = poisoned
        answer(*ids)
        known = Standing(known=Known.SUCCEEDED, code="00", at=at("07:00"), amount=BILL)
        monkeypatch.setattr(http, "ask", lambda **_: known)
        assert resolve(at("07:01")) == 1
        assert DebitCommand.objects.get(pk=ids[0]).state == "unknown"
        mend()
        assert resolve(at("08:00")) == 1
        assert list(states()) == ["succeeded"]
        assert open_kinds() == ["unbooked"], "once, for a person to close"
        assert drifts(DUE) == []

    def test_is_refused_to_the_person_who_says_it(self, poisoned):
        ids, _batch, _mend = poisoned
        answer(*ids)
        with pytest.raises(resolving.CannotBeDecided):
            resolving.decide_unknown(
                command_id=ids[0], was_debited=True, debited_at=None, reason="by phone", at=at("07:04"), actor=ADA
            )
        assert DebitCommand.objects.get(pk=ids[0]).state == "unknown"
        assert not AuditEntry.objects.filter(verb="repayment.debit.decided").exists()


class TestMoneyOfALoanThatIsPaidOff:
    @pytest.fixture
    def paid(self):
        (loan,), (command_id,), batch = out()
        post(loan.pk, WHOLE, DUE, surplus="next_installment")
        assert Loan.objects.get().status == "closed"
        answer(command_id)
        return loan, DebitCommand.objects.get(), batch

    def test_is_held_for_the_borrower_with_an_alarm(self, paid):
        loan, command, _batch = paid
        loan.refresh_from_db()
        assert (loan.status, loan.suspense) == ("closed", BILL)
        assert (command.state, command.is_unplaced) == ("succeeded", False)
        booked = Operation.objects.get(pk=command.operation_id)
        assert (booked.kind, booked.amount, booked.value_date) == ("payment", BILL, DUE)
        assert [(line.component, line.payee.code, line.amount) for line in SplitLine.objects.all()] == [
            ("held", "house", BILL)
        ]
        assert (open_kinds(), drifts(DUE)) == (["settled"], [])

    def test_can_be_paid_back(self, paid):
        loan, _command, _batch = paid
        post(loan.pk, BILL, DUE, kind="refund")
        assert Loan.objects.get().suspense == 0
        assert sum(line.amount for line in SplitLine.objects.all()) == 0
        assert drifts(DUE) == []

    def test_goes_back_when_its_bank_takes_it_back(self, paid):
        _loan, command, _batch = paid
        assert give_back(command.pk)
        assert (Loan.objects.get().suspense, Loan.objects.get().status) == (0, "closed")
        assert (DebitCommand.objects.get().state, drifts(DUE)) == ("returned", [])

    def test_a_payment_nobody_has_moved_yet_is_still_refused(self, paid):
        with pytest.raises(LoanClosed):
            post(paid[0].pk, "5.00", DUE)


class TestOurOwnFault:
    @pytest.mark.parametrize("code", ["10", "11", "13"])
    def test_halts_the_batch_and_the_bills_are_tried_again_when_it_is_mended(self, code):
        _loans, ids, batch = out(loans=2)
        answer(*ids, said=declined(code))
        batch.refresh_from_db()
        assert (open_kinds(), batch.state) == (["request"], "stopped")
        assert [(bill.state, bill.stopped_by) for bill in DebitBill.objects.all()] == [("open", "")] * 2
        close("request")
        assert len(slot("16:00")[0]) == 2

    def test_a_fault_of_our_contract_is_an_alarm_and_stops_nothing(self):
        _loans, ids, batch = out()
        answer(*ids, said=declined("31"))
        alarm = Breaker.objects.get()
        assert (alarm.kind, alarm.rail.code, alarm.batch, alarm.seen) == ("merchant", RAIL, None, "31")
        batch.refresh_from_db()
        assert batch.state == "running"
        assert len(slot("16:00")[0]) == 0, "another agreement is tried, and there is none"


class TestABusyRail:
    def test_is_asked_whether_it_took_the_debit(self, monkeypatch):
        _loans, ids, _batch = out()
        answer(*ids, said=declined("02"))
        assert list(states()) == ["unknown"]
        monkeypatch.setattr(http, "ask", lambda **_: Standing(known=Known.DECLINED, code="02"))
        assert resolve(at("07:01")) == 1
        assert DebitCommand.objects.get().family == "busy"
        assert list(states()) == ["declined"]

    def test_one_whose_contract_says_that_it_did_not_is_believed(self):
        _loans, ids, _batch = out()
        answer(*ids, said=declined("39"))
        assert list(states()) == ["declined"]


class TestBreakers:
    def test_answers_to_what_left_before_one_was_closed_are_written_down_and_not_counted(self):
        _loans, ids, batch = out(loans=4)
        answer(ids[0], said=declined("Z9"))
        close("unmapped")
        answer(ids[1], said=Answer(outcome=Outcome.NOT_NOW, code="39"))
        answer(ids[2])
        answer(ids[3], said=Answer(outcome=Outcome.UNCLEAR))
        assert Counter(DebitCommand.objects.values_list("state", flat=True)) == {
            "unknown": 2,
            "planned": 1,
            "succeeded": 1,
        }
        assert counts(batch) == (0, 0, 0)
        assert len(submitting.let_out(batch_id=batch.pk, at=at("07:30"))) == 1
        assert counts(batch) == (1, 0, 0)
        answer(ids[1], clock="07:30")
        assert counts(batch) == (1, 1, 1)

    def test_a_debit_that_was_given_up_and_succeeded_is_counted_as_answered(self):
        _loans, ids, batch = out()
        DebitBatch.objects.update(state="over")
        answer(*ids, said=Answer(outcome=Outcome.NEVER_LEFT))
        assert list(states()) == ["dropped"]
        answer(*ids)
        assert counts(batch) == (0, 1, 1)

    def test_closing_one_about_a_card_drops_the_command_it_names(self):
        loans = [due() for _ in range(3)]
        version(content(breakers={"after": 1000, "debits_per_card": 1}, min_gap_minutes=0))
        morning_of()
        plan()
        ids, _batch = slot()
        answer(ids[0], said=declined("64"))
        answer(*ids[1:], said=Answer(outcome=Outcome.NEVER_LEFT))
        DebitCommand.objects.filter(state="planned").update(state="dropped")
        DebitBatch.objects.update(state="over")
        none, batch = slot("16:00")
        assert (none, open_kinds()) == ([], ["per_card"])
        close("per_card", "16:01")
        assert len(submitting.let_out(batch_id=batch.pk, at=at("16:02"))) == 2
        assert open_kinds() == []
        dropped = DebitCommand.objects.get(batch=batch, state="dropped")
        assert (dropped.code, dropped.loan_id) == ("card_tired", loans[0].pk)
        assert DebitBill.objects.get(loan=loans[0]).state == "stopped"

    @pytest.mark.parametrize("kind", ["amount", "settled"])
    def test_closing_one_about_an_amount_drops_the_command_and_the_others_leave(self, kind, monkeypatch):
        wrong = due()
        right = due()
        version(content(breakers={"after": 1000, "total_drift": "1"}))
        morning_of()
        plan()
        building.begin_slots(at=at("07:00"))
        batch = DebitBatch.objects.get()
        real = submitting.second_due

        def other(**asked):
            found = real(**asked)
            if wrong.pk not in found:
                return found
            seen = {"held": found[wrong.pk].most_due - 1} if kind == "amount" else {"is_held": True}
            return found | {wrong.pk: replace(found[wrong.pk], **seen)}

        monkeypatch.setattr(submitting, "second_due", other)
        assert submitting.let_out(batch_id=batch.pk, at=at("07:00")) == []
        assert open_kinds() == [kind]
        close(kind)
        (left,) = submitting.let_out(batch_id=batch.pk, at=at("07:20"))
        assert (left.row.loan_id, open_kinds()) == (right.pk, [])
        assert DebitCommand.objects.get(loan=wrong).code == "set_aside"
        assert (DebitBill.objects.get(loan=wrong).state, slot("16:00")[0]) == ("stopped", [])

    def test_one_of_yesterday_stops_today_until_it_is_closed(self):
        _loans, ids, batch = out(loans=2)
        answer(ids[0], said=declined("Z9"))
        answer(ids[1], said=declined("64"))
        planning.end_day(day=DUE)
        close_days(DUE, DUE)
        tomorrow = DUE + timedelta(days=1)
        BusinessDay.objects.update(today=tomorrow)
        plan(tomorrow)
        none, today = slot("07:00", tomorrow)
        assert (none, today.state) == ([], "stopped")
        assert [breaker.batch_id for breaker in breaking.stopping(today)] == [batch.pk]
        (breaker,) = Breaker.objects.all()
        breaking.close_breaker(breaker_id=breaker.pk, reason="mapped", at=at("07:10", tomorrow), actor=ADA)
        today.refresh_from_db()
        assert (today.state, today.reason) == ("running", "mapped")
        assert len(submitting.let_out(batch_id=today.pk, at=at("07:11", tomorrow))) == 1


class TestAPersonsWordThatItWasNeverDebited:
    LEAD = Actor(kind="staff", id=8, name="Lea", roles=frozenset({"team_lead"}))
    CHECKER = Actor(kind="staff", id=9, name="Max", roles=frozenset({"head"}))

    @pytest.fixture
    def unknown(self):
        ApprovalLimit.objects.update_or_create(
            verb=resolving.APPROVAL_VERB, role="team_lead", defaults={"max_amount": BILL, "alone": True}
        )
        ApprovalLimit.objects.update_or_create(
            verb=resolving.APPROVAL_VERB, role="head", defaults={"max_amount": None, "alone": False}
        )
        _loans, (command_id,), _batch = out()
        answer(command_id, said=Answer(outcome=Outcome.UNCLEAR))
        return command_id

    @pytest.fixture
    def says(self, monkeypatch):
        return lambda known: monkeypatch.setattr(http, "ask", lambda **_: Standing(known=known))

    def decide(self, command_id, clock="07:04", actor=LEAD):
        return resolving.decide_unknown(
            command_id=command_id, was_debited=False, debited_at=None, reason="by phone", at=at(clock), actor=actor
        )

    def test_is_taken_when_the_order_has_expired_and_its_rail_does_not_know_of_it(self, unknown, says):
        says(Known.UNCLEAR)
        assert self.decide(unknown).approval_id is None
        assert DebitCommand.objects.get().family == "expired"
        assert len(slot("16:00")[0]) == 1

    def test_is_refused_before_the_order_has_expired(self, unknown, says):
        says(Known.NEVER)
        with pytest.raises(resolving.MayStillBeDebited):
            self.decide(unknown, "07:02")
        assert list(states()) == ["unknown"]

    @pytest.mark.parametrize("known", [Known.PROCESSING, Known.SUCCEEDED, Known.RETURNED])
    def test_is_refused_while_the_rail_says_otherwise(self, unknown, says, known):
        says(known)
        with pytest.raises(resolving.MayStillBeDebited):
            self.decide(unknown)
        assert list(states()) == ["unknown"]

    def test_beyond_a_persons_limit_waits_for_a_second_one(self, unknown, says, monkeypatch):
        ApprovalLimit.objects.filter(role="team_lead").update(max_amount=BILL - 1)
        says(Known.NEVER)
        asked = self.decide(unknown).approval_id
        assert list(states()) == ["unknown"]
        monkeypatch.setattr(resolving.clock, "now", lambda: at("09:00"))
        says(Known.PROCESSING)
        approvals.approve(approval_id=asked, actor=self.CHECKER)
        assert (Approval.objects.get().state, list(states())) == ("failed", ["unknown"])
        says(Known.NEVER)
        approvals.approve(approval_id=self.decide(unknown).approval_id, actor=self.CHECKER)
        assert list(states()) == ["declined"]
        assert DebitMove.objects.latest("id").actor_name == "Lea"
