"""A person pauses a batch, or stops everything, while a chunk of it is under way: it leaves, nothing after it does."""

import pytest
from django.db import transaction

from backoffice.audit.models import AuditEntry
from backoffice.core.actors import Actor
from backoffice.core.bulk import fetch
from backoffice.repayment.domain.autopay.breakers import BreakerKind, Tripped
from backoffice.repayment.domain.autopay.handover import Answer, Outcome
from backoffice.repayment.models import AutopaySwitch, DebitBatch, DebitCommand
from backoffice.repayment.services.autopay import (
    breaking,
    building,
    handing,
    rail_settings,
    submitting,
    switching,
    wire,
)
from tests.audit.side_by_side import Aside, Gate
from tests.repayment.autopay.answering import loans_of_a_thousand
from tests.repayment.autopay.debiting import SECRET, at, morning_of, payees, plan, rail, version

pytestmark = pytest.mark.django_db(transaction=True)
ADA = Actor(kind="staff", id=7, name="Ada", roles=frozenset({"team_lead"}))


@pytest.fixture
def batch(settings, monkeypatch):
    """Four debits that leave two at a time."""
    settings.RAIL_SECRETS = {rail().code: SECRET}
    monkeypatch.setattr(submitting, "CHUNK", 2)
    payees()
    AutopaySwitch.objects.get_or_create(pk=AutopaySwitch.ONLY)
    loans_of_a_thousand(4)
    version()
    morning_of()
    plan()
    building.begin_slots(at=at("07:00"))
    return DebitBatch.objects.get()


def pause(batch):
    switching.pause_batch(batch_id=batch.pk, reason="too many refusals", at=at("07:01"), actor=ADA)


def stop(_batch):
    switching.stop_everything(reason="wrong amounts", at=at("07:01"), actor=ADA)


def paid(command):
    return Answer(outcome=Outcome.SUCCEEDED, code="00", at=at("07:01"), amount=command.amount, reference="r")


def states():
    return sorted(DebitCommand.objects.values_list("state", flat=True))


def wait_until_in_force(verb, stopping):
    """The verb has returned; stopping all has said that it stops, and waits for the calls under way."""
    if verb is not stop:
        stopping.result(timeout=20)
        return
    while not fetch("SELECT 1 FROM pg_locks WHERE locktype = 'advisory' AND mode = 'ExclusiveLock' AND granted"):
        fetch("SELECT pg_sleep(0.01)")
    assert not stopping.done()


@pytest.mark.parametrize("verb", [pause, stop])
def test_what_is_on_the_wire_is_answered_and_booked_and_nothing_leaves_after(batch, monkeypatch, verb):
    gate = Gate()

    def slowly(*, command, address):
        gate.wait_here()
        return paid(command)

    monkeypatch.setattr(handing.http, "submit", slowly)
    with Aside() as aside:
        running = aside.start(lambda: submitting.submit_while_due(clock=lambda: at("07:01"), seconds=20))
        gate.wait_for_arrival()
        stopping = aside.start(lambda: verb(batch))
        wait_until_in_force(verb, stopping)
        gate.open()
        assert running.result(timeout=20) == 2
        stopping.result(timeout=20)
    assert states() == ["planned", "planned", "succeeded", "succeeded"]
    assert submitting.submit_while_due(clock=lambda: at("07:02"), seconds=5) == 0


def pause_the_rail(_batch):
    rail_settings.pause_rail(rail_id=rail().pk, reason="the bank said so", actor=ADA)


def open_a_breaker(batch):
    with transaction.atomic():
        held = DebitBatch.objects.select_for_update().get(pk=batch.pk)
        breaking.open_breaker(tripped=Tripped(BreakerKind.DOUBLE, "2", "1"), batch=held, at=at("07:01"))


@pytest.mark.parametrize("verb", [pause, stop, pause_the_rail, open_a_breaker])
def test_in_the_middle_of_a_chunk_no_call_begins_once_it_has_returned(batch, monkeypatch, verb):
    """The first of four is on the wire; the other three are marked as submitted and never called."""
    gate, called = Gate(), []

    def slowly(*, command, address):
        called.append(command.order_no)
        gate.wait_here()
        return paid(command)

    monkeypatch.setattr(submitting, "CHUNK", 4)
    monkeypatch.setattr(submitting, "HANDS", 1)
    monkeypatch.setattr(handing.http, "submit", slowly)
    with Aside() as aside:
        running = aside.start(lambda: submitting.submit_chunk(batch_id=batch.pk, clock=lambda: at("07:01")))
        gate.wait_for_arrival()
        assert states() == ["submitted"] * 4
        stopping = aside.start(lambda: verb(batch))
        wait_until_in_force(verb, stopping)
        gate.open()
        stopping.result(timeout=20)
        running.result(timeout=20)
    assert len(called) == 1
    assert states() == ["planned", "planned", "planned", "succeeded"]


def test_stopping_says_when_a_call_is_still_under_way_after_all_that_calls_take(batch, monkeypatch):
    monkeypatch.setattr(wire, "PATIENCE", 0.1)
    gate = Gate()

    def slowly(*, command, address):
        gate.wait_here()
        return paid(command)

    monkeypatch.setattr(handing.http, "submit", slowly)
    with Aside() as aside:
        running = aside.start(lambda: submitting.submit_chunk(batch_id=batch.pk, clock=lambda: at("07:01")))
        gate.wait_for_arrival()
        aside.run(lambda: stop(batch))
        gate.open()
        running.result(timeout=20)
    said = AuditEntry.objects.get(verb="repayment.autopay.stopped")
    assert said.after == {"is_stopped": True, "is_still_calling": True}


@pytest.mark.parametrize("verb", [pause, stop])
def test_a_verb_waits_for_a_chunk_that_is_being_marked_and_is_in_force_when_it_returns(batch, monkeypatch, verb):
    gate = Gate()
    leave = submitting._leave

    def held(*args, **kwargs):
        gate.wait_here()
        return leave(*args, **kwargs)

    monkeypatch.setattr(submitting, "_leave", held)
    monkeypatch.setattr(handing.http, "submit", lambda *, command, address: paid(command))
    with Aside() as aside:
        running = aside.start(lambda: submitting.submit_chunk(batch_id=batch.pk, clock=lambda: at("07:01")))
        gate.wait_for_arrival()
        stopping = aside.start(lambda: verb(batch))
        if verb is stop:
            wait_until_in_force(verb, stopping)
        assert not stopping.done()
        assert states() == ["planned"] * 4
        gate.open()
        assert running.result(timeout=20) == 2
        stopping.result(timeout=20)
    assert submitting.submit_chunk(batch_id=batch.pk, clock=lambda: at("07:02")) == 0
    # Of the chunk that was being marked a call may have begun before the batch was paused, none once all was to stop.
    assert len(states()) - states().count("planned") == states().count("succeeded") <= (2 if verb is pause else 0)
