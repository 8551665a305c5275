"""Debits at the same time as everything that may happen to their loans: nobody waits for ever, and the laws hold."""

import random
import threading
from collections import Counter
from contextlib import contextmanager
from datetime import timedelta
from decimal import Decimal

import pytest
from django.db import transaction

from backoffice.core.actors import SYSTEM
from backoffice.core.bulk import execute, fetch
from backoffice.customers.services.holding import place_hold
from backoffice.repayment.domain.autopay.codes import Family
from backoffice.repayment.domain.autopay.debit_states import CommandState
from backoffice.repayment.domain.autopay.handover import Answer, Outcome
from backoffice.repayment.domain.autopay.outcomes import Said
from backoffice.repayment.models import (
    AutopaySwitch,
    AutopayVersion,
    Breaker,
    DebitBatch,
    DebitBill,
    DebitCommand,
    DebitMove,
    Mandate,
    Rail,
)
from backoffice.repayment.services.autopay import (
    building,
    handing,
    mandates,
    planning,
    resolving,
    settling,
    submitting,
    switching,
)
from backoffice.repayment.services.posting import book
from tests.audit.side_by_side import Aside
from tests.repayment.autopay.debit_killing import Hour, bank_knows, book_of
from tests.repayment.autopay.debiting import (
    DUE,
    RAIL,
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
    states,
    version,
)
from tests.repayment.factories import ADA, draft, drifts

pytestmark = pytest.mark.django_db(transaction=True)
BILL = Decimal("1100.16")
CALM = {"after": 100_000, "total_drift": "1", "least_success": "0", "family_share": "1", "debits_per_card": 20}


@pytest.fixture
def bank(settings):
    rail()
    payees()
    with bank_at(at("07:00"), settings) as opened:
        yield opened


def due_with_agreement(bank, loan=None, **fields):
    loan = loan or loan_due()
    agreement = mandate(loan.borrower_id, **fields)
    bank.knows(agreement)
    return loan, agreement


@contextmanager
def impatient():
    """Whoever would wait for a lock fails instead."""
    execute("SET lock_timeout = '500ms'")
    try:
        yield
    finally:
        execute("RESET lock_timeout")


# a command that did not leave, and its batch


def test_a_batch_that_was_done_goes_on_with_a_command_that_had_not_left_after_all(bank):
    due_with_agreement(bank)
    version()
    morning_of()
    plan()
    building.begin_slots(at=at("07:00"))
    batch = DebitBatch.objects.get()
    (leaving,) = submitting.let_out(batch_id=batch.pk, at=at("07:00"))
    assert submitting.let_out(batch_id=batch.pk, at=at("07:00")) == []
    assert DebitBatch.objects.get().state == "done"
    settling.learn(answers={leaving.row.id: Answer(outcome=Outcome.NEVER_LEFT)}, at=at("07:00"), actor=SYSTEM)
    assert DebitBatch.objects.get().state == "running"
    assert run_slot(at("07:01")) == 1
    assert list(states()) == ["succeeded"]
    assert DebitBatch.objects.get().left == 1


def test_a_command_that_had_not_left_when_its_batch_was_over_is_dropped_and_the_next_slot_tries_its_bill(bank):
    due_with_agreement(bank)
    version()
    morning_of()
    plan()
    building.begin_slots(at=at("08:29"))
    batch = DebitBatch.objects.get()
    (leaving,) = submitting.let_out(batch_id=batch.pk, at=at("08:29"))
    submitting.let_out(batch_id=batch.pk, at=at("08:31"))
    assert DebitBatch.objects.get().state == "over"
    settling.learn(answers={leaving.row.id: Answer(outcome=Outcome.NOT_NOW)}, at=at("08:31"), actor=SYSTEM)
    assert states() == {"dropped": [(leaving.row.order_no, "out_of_time")]}
    assert DebitBatch.objects.values_list("left", "asked", "answered").get() == (0, 0, 0)
    bank.clock(at("16:00"))
    assert run_slot(at("16:00")) == 1
    assert list(states()) == ["dropped", "succeeded"]


# nobody keeps others waiting


def test_a_rail_without_room_does_not_keep_the_commands_of_another_waiting(bank, monkeypatch):
    monkeypatch.setattr(submitting, "CHUNK", 2)
    rail("slow", per_second=1, tokens=0, refilled_at=at("07:00"))
    slow = [due_with_agreement(bank, rail=Rail.objects.get(code="slow")) for _ in range(3)]
    due_with_agreement(bank)
    version(content(rails=["slow", RAIL]))
    morning_of()
    plan()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("django.conf.settings.RAIL_SECRETS", {RAIL: "s" * 32, "slow": "s" * 32})
        building.begin_slots(at=at("07:00"))
        leaving = submitting.let_out(batch_id=DebitBatch.objects.get().pk, at=at("07:00"))
    assert [one.row.rail_code for one in leaving] == [RAIL]
    assert DebitCommand.objects.filter(state="planned").count() == len(slow)


def test_commands_whose_loans_have_an_order_in_flight_do_not_keep_others_waiting(bank, monkeypatch):
    monkeypatch.setattr(submitting, "CHUNK", 2)
    loans = [due_with_agreement(bank)[0] for _ in range(4)]
    version()
    morning_of()
    plan()
    building.begin_slots(at=at("07:00"))
    batch = DebitBatch.objects.get()
    for loan in loans[:2]:
        planned = DebitCommand.objects.get(loan=loan)
        planned.pk, planned.order_no, planned.purpose, planned.bill, planned.batch = (
            None,
            f"A{loan.pk}",
            "active",
            None,
            None,
        )
        planned.state, planned.lease_until = "submitted", at("07:30")
        planned.save()
    leaving = submitting.let_out(batch_id=batch.pk, at=at("07:00"))
    assert [one.row.loan_id for one in leaving] == [loan.pk for loan in loans[2:]]


def test_two_loans_of_one_account_do_not_leave_together_and_keep_to_the_limit_of_its_day(bank):
    first = loan_due()
    loan_due(borrower_id=first.borrower_id)
    due_with_agreement(bank, first, day_limit="1500.00")
    version()
    morning_of()
    plan()
    run_slot(at("07:00"))
    amounts = list(DebitCommand.objects.filter(state="succeeded").order_by("id").values_list("amount", flat=True))
    assert amounts == [BILL, Decimal("1500.00") - BILL]


def test_a_batch_does_not_wait_while_another_slot_of_its_version_is_built(bank):
    due_with_agreement(bank)
    ruling = version()
    morning_of()
    plan()
    building.begin_slots(at=at("07:00"))
    with Aside() as aside, transaction.atomic():
        AutopayVersion.objects.select_for_update(no_key=True).get(pk=ruling.pk)

        def leave():
            with impatient():
                return submitting.let_out(batch_id=DebitBatch.objects.get().pk, at=at("07:00"))

        assert len(aside.run(leave)) == 1


def test_a_command_waits_while_somebody_works_on_its_borrower(bank):
    busy, _agreement = due_with_agreement(bank)
    free, _agreement = due_with_agreement(bank)
    version()
    morning_of()
    plan()
    building.begin_slots(at=at("07:00"))
    batch = DebitBatch.objects.get()
    with Aside() as aside, transaction.atomic():
        fetch("SELECT id FROM customers_borrower WHERE id = %s FOR UPDATE", [busy.borrower_id])

        def leave():
            with impatient():
                return submitting.let_out(batch_id=batch.pk, at=at("07:00"))

        assert [one.row.loan_id for one in aside.run(leave)] == [free.pk]
    assert [one.row.loan_id for one in submitting.let_out(batch_id=batch.pk, at=at("07:00"))] == [busy.pk]


def test_a_late_word_about_two_orders_of_one_bill_counts_both(bank):
    due_with_agreement(bank, single_limit="400.00")
    version()
    morning_of()
    plan()
    bank.conduct(drop_after=1)
    for clock in ("07:00", "16:00"):
        bank.clock(at(clock))
        building.begin_slots(at=at(clock))
        (leaving,) = submitting.let_out(batch_id=DebitBatch.objects.latest("id").pk, at=at(clock))
        refused = settling.Fact(said=Said(CommandState.DECLINED, "not_taken", Family.EXPIRED))
        settling.settle(facts={leaving.row.id: refused}, at=at(clock), actor=SYSTEM)
    done = settling.Fact(said=Said(CommandState.SUCCEEDED, "00", Family.DONE), at=at("16:01"))
    keys = DebitCommand.objects.values_list("pk", flat=True)
    assert settling.settle(facts=dict.fromkeys(keys, done), at=at("16:05"), actor=SYSTEM) == 2
    assert DebitBill.objects.get().debited == Decimal("800.00")


# everything at once

LOANS = 60
OPEN = "SELECT 1 FROM repayment_debitcommand WHERE state IN ('planned', 'submitted', 'unknown') LIMIT 1"


class Everything:
    """What goes on at the same time, each in a thread of its own, until all commands are known."""

    def __init__(self, *, owing, hour, bank):
        self.owing, self.hour, self.bank = owing, hour, bank
        self.over = threading.Event()
        self.held: set[int] = set()
        self.kept: set[int] = set()

    def run(self):
        """All of it; gives up after a minute."""
        works = (self.submit, self.submit, self.resolve, self.hear, self.pay, self.hold, self.revoke, self.stop_and_go)
        with Aside() as aside:
            futures = [
                aside.start(lambda work=work, seed=seed: self._go_on(work, random.Random(seed)))
                for seed, work in enumerate(works)
            ]
            try:
                for _ in range(1_200):
                    if self.over.wait(0.05) or not fetch(OPEN):
                        break
            finally:
                self.over.set()
            for future in futures:
                future.result(timeout=30)

    def _go_on(self, work, chance):
        try:
            while not self.over.is_set():
                work(chance)
                fetch("SELECT pg_sleep(0.005)")
        finally:
            self.over.set()

    def submit(self, _chance):
        submitting.submit_while_due(clock=self.hour.now, seconds=1)
        planning.settle_paid(day=DUE)

    def resolve(self, _chance):
        resolving.resolve(clock=self.hour.now)

    def hear(self, chance):
        """Notices of several orders at once, in any order, told more than once."""
        told = self.bank.movements()
        orders = {one["order_no"]: one for one in chance.sample(told, min(len(told), 5))}
        facts = {
            key: settling.Fact(
                said=Said(CommandState.SUCCEEDED, "00", Family.DONE),
                at=self.hour.now(),
                amount=Decimal(orders[order_no]["amount"]),
            )
            for order_no, key in DebitCommand.objects.filter(order_no__in=orders).values_list("order_no", "pk")
        }
        settling.settle(facts=facts, at=self.hour.now(), actor=SYSTEM)

    def pay(self, chance):
        chosen = chance.sample(self.owing, 3)
        book(drafts=[draft(one.loan_id, "payment", DUE, "10.00") for one in chosen], actor=ADA, business_date=DUE)

    def hold(self, chance):
        one = chance.choice(self.owing)
        if one.loan_id in self.held or len(self.held) > LOANS // 5:
            return
        place_hold(
            borrower_id=one.borrower_id,
            loan_id=one.loan_id,
            start=DUE,
            reason="dispute",
            note="x",
            actor=ADA,
            scopes=["debit"],
        )
        self.held.add(one.loan_id)
        # What has not left when the hold was placed does not leave.
        self.kept |= set(DebitCommand.objects.filter(loan_id=one.loan_id, state="planned").values_list("pk", flat=True))

    def revoke(self, chance):
        one = chance.choice(self.owing)
        found = Mandate.objects.filter(borrower_id=one.borrower_id, state="active").first()
        if found is None or chance.random() < 0.5:
            return
        mandates.revoke(mandate_id=found.pk, reason="asked", actor=ADA, at=self.hour.now())
        assert not DebitCommand.objects.filter(mandate=found, state="planned").exists()

    def stop_and_go(self, chance):
        at_work = DebitBatch.objects.filter(state="running").first()
        if chance.random() < 0.5 or at_work is None:
            switching.stop_everything(reason="look", at=self.hour.now(), actor=ADA)
            left = self._left()
            fetch("SELECT pg_sleep(0.05)")
            assert self._left() == left, "something left while everything was stopped"
            switching.start_again(reason="looked", at=self.hour.now(), actor=ADA)
            return
        try:
            switching.pause_batch(batch_id=at_work.pk, reason="look", at=self.hour.now(), actor=ADA)
        except switching.BatchNotInState:
            return
        left = self._left(command__batch=at_work)
        fetch("SELECT pg_sleep(0.05)")
        assert self._left(command__batch=at_work) == left, "something of a paused batch left"
        switching.resume_batch(batch_id=at_work.pk, reason="looked", at=self.hour.now(), actor=ADA)

    def _left(self, **of):
        return DebitMove.objects.filter(to_state="submitted", **of).count()


def test_everything_at_once_neither_blocks_nor_breaks_a_law(settings, tmp_path, monkeypatch):
    monkeypatch.setattr(submitting, "CHUNK", 4)
    monkeypatch.setattr(submitting, "HANDS", 2)
    monkeypatch.setattr(handing, "EXPIRES", timedelta(seconds=2))
    monkeypatch.setattr(resolving, "CLOCKS_DIFFER", timedelta(seconds=0.5))
    monkeypatch.setattr(settling, "FIRST_LOOK", timedelta(seconds=0.1))
    monkeypatch.setattr("backoffice.outreach.domain.handover.LOOKS", (timedelta(seconds=0.5),))
    monkeypatch.setattr("backoffice.audit.outbox._wake_dispatcher", lambda: None)
    AutopaySwitch.objects.get_or_create(pk=AutopaySwitch.ONLY)
    owing = book_of(LOANS)
    bank_knows(owing, books=tmp_path / "bank.jsonl", poor_every=10)
    payees()
    version(content(breakers=CALM))
    plan()
    with bank_at(at("07:00"), settings, bank_state=tmp_path / "bank.jsonl") as bank:
        hour = Hour(at("07:00"))
        bank.conduct(drop_after=0.1, drop_before=0.05, processing=0.2, processing_seconds=0.5, latency=0.01)
        building.begin_slots(at=hour.now())
        everything = Everything(owing=owing, hour=hour, bank=bank)
        everything.run()
        moved = bank.movements()
    assert not DebitCommand.objects.filter(state__in=["planned", "submitted", "unknown"]).exists()
    assert Breaker.objects.count() == 0
    assert max(Counter(one["order_no"] for one in moved).values()) == 1
    booked = fetch(
        "SELECT external_id, amount FROM repayment_operation WHERE source = 'autopay' AND kind = 'payment' ORDER BY 1"
    )
    assert booked == sorted((one["order_no"], Decimal(one["amount"])) for one in moved)
    assert len(everything.held) > 3
    kept = DebitCommand.objects.filter(pk__in=everything.kept)
    assert set(kept.values_list("state", flat=True)) <= {"dropped"}
    assert drifts(DUE) == []
