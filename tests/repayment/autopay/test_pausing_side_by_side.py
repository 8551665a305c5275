"""A person pauses a batch, or stops everything, while a chunk of it is under way: it leaves, nothing after it does."""

import pytest

from backoffice.core.actors import Actor
from backoffice.repayment.domain.autopay.handover import Answer, Outcome
from backoffice.repayment.models import AutopaySwitch, DebitBatch, DebitCommand
from backoffice.repayment.services.autopay import building, handing, submitting, switching
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
        verb(batch)
        gate.open()
        assert running.result(timeout=20) == 2
    assert states() == ["planned", "planned", "succeeded", "succeeded"]
    assert submitting.submit_while_due(clock=lambda: at("07:02"), seconds=5) == 0


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
        assert not stopping.done()
        assert states() == ["planned"] * 4
        gate.open()
        assert running.result(timeout=20) == 2
        stopping.result(timeout=20)
    assert submitting.submit_chunk(batch_id=batch.pk, clock=lambda: at("07:02")) == 0
    assert states() == ["planned", "planned", "succeeded", "succeeded"]
