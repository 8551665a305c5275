"""A collection file that is not at the bank yet: what was stopped, decided or out of time meanwhile does not leave."""

from datetime import timedelta

import pytest

from backoffice.core.actors import SYSTEM
from backoffice.repayment.models import CollectionFile, DebitBatch, DebitBill, DebitCommand, Rail
from backoffice.repayment.services.autopay import filing, rail_settings, resolving, switching
from backoffice.repayment.services.autopay.file_truth import prove_absent
from backoffice.repayment.services.autopay.filing import FileUnderWay
from backoffice.repayment.services.autopay.rails.files import Put, PutOutcome
from tests.repayment.autopay.debiting import at, run_slot, states
from tests.repayment.autopay.test_services_file_rail import (  # noqa: F401 - bank is a fixture
    CODE,
    bank,
    due_over_files,
    slot_runs,
    take,
    wait_for_news,
)
from tests.repayment.factories import ADA

pytestmark = pytest.mark.django_db(transaction=True)
NOWHERE = "http://127.0.0.1:9/rails/iso20022"


def unreachable():
    Rail.objects.filter(code=CODE).update(url=NOWHERE)


def reachable(again):
    Rail.objects.filter(code=CODE).update(url=f"{again.url}/rails/iso20022")


@pytest.fixture
def waiting(bank):  # noqa: F811
    """Two debits left in a file the bank did not get: it could not be reached."""
    due_over_files(bank)
    due_over_files(bank)
    unreachable()
    slot_runs()
    reachable(bank)
    return bank


def put(moment):
    return filing.put_files(clock=lambda: moment)


def the_file():
    return CollectionFile.objects.get()


def no_answer(monkeypatch):
    """The file is sent, and nothing is heard of it."""
    monkeypatch.setattr(filing, "put_file", lambda **_file: Put(PutOutcome.UNCLEAR, "NoAnswer"))
    put(at("07:01"))
    monkeypatch.undo()


def stop():
    switching.stop_everything(reason="wrong", at=at("07:00"), actor=ADA)


def start():
    switching.start_again(reason="right", at=at("07:02"), actor=ADA)


def pause_rail():
    rail_settings.pause_rail(rail_id=Rail.objects.get(code=CODE).pk, reason="wrong", actor=ADA)


def resume_rail():
    rail_settings.resume_rail(rail_id=Rail.objects.get(code=CODE).pk, reason="right", actor=ADA, at=at("07:02"))


def pause_batch():
    DebitBatch.objects.update(state="running")
    switching.pause_batch(batch_id=DebitBatch.objects.get().pk, reason="wrong", at=at("07:00"), actor=ADA)


def resume_batch():
    switching.resume_batch(batch_id=DebitBatch.objects.get().pk, reason="right", at=at("07:02"), actor=ADA)


@pytest.mark.parametrize(
    ("off", "on"),
    [(stop, start), (pause_rail, resume_rail), (pause_batch, resume_batch)],
    ids=["switch", "rail", "batch"],
)
def test_waits_while_everything_its_rail_or_its_batch_is_stopped_and_goes_on_after(waiting, off, on):
    off()
    assert put(at("07:01")) == 0
    assert (the_file().state, the_file().tries) == ("made", 1)
    assert waiting.say("/files")["waiting"] == []
    on()
    assert put(at("07:03")) == 1
    wait_for_news(2)
    assert len(waiting.movements()) == 2


def test_is_withdrawn_when_its_time_is_over_and_its_bills_are_tried_again(waiting):
    assert put(at("08:30")) == 0
    assert the_file().state == "withdrawn"
    assert states() == {"dropped": [(order, "out_of_time") for (order, _code) in states()["dropped"]]}
    assert set(DebitBill.objects.values_list("state", flat=True)) == {"open"}
    waiting.clock(at("16:00"))
    assert run_slot(at("16:00")) == 2
    wait_for_news(2)
    assert len(waiting.movements()) == 2
    assert put(at("16:05")) == 0


def test_one_that_may_have_arrived_is_not_put_after_its_time_and_waits_for_the_statement(waiting, monkeypatch):
    no_answer(monkeypatch)
    assert put(at("08:31")) == 0
    assert the_file().state == "unsure"
    assert list(states()) == ["submitted"]
    waiting.clock(at("16:00"))
    assert run_slot(at("16:00")) == 0, "nothing is debited beside what may have been"
    assert waiting.movements() == []


def test_one_whose_worker_died_putting_it_may_have_arrived(waiting):
    CollectionFile.objects.update(out_until=at("07:02"), try_at=at("07:02"))
    assert put(at("07:01")) == 0
    assert put(at("08:30")) == 0
    assert the_file().state == "unsure"


def test_one_that_arrived_without_an_answer_is_put_again_in_time_and_debits_once(waiting, monkeypatch):
    real = filing.put_file

    def cut_off(**file):
        real(**file)
        return Put(PutOutcome.UNCLEAR, "NoAnswer")

    monkeypatch.setattr(filing, "put_file", cut_off)
    assert put(at("07:01")) == 0
    monkeypatch.undo()
    assert put(at("07:05")) == 1
    wait_for_news(2)
    take(at("07:06"))
    assert list(states()) == ["succeeded"]
    assert len(waiting.movements()) == 2


def given_up_as_unknown():
    DebitCommand.objects.update(lease_until=at("07:00"))
    resolving.give_up_leases(at=at("07:01"))
    return DebitCommand.objects.earliest("pk")


def by_hand(command):
    resolving.decide_unknown(
        command_id=command.pk, was_debited=False, debited_at=None, reason="never put", at=at("07:02"), actor=SYSTEM
    )


def by_file(command):
    prove_absent(command_id=command.pk, actor=SYSTEM)
    # It was written down at the present hour; the gap to the next attempt counts from there.
    DebitCommand.objects.update(answered_at=at("07:02"))


@pytest.mark.parametrize("said", [by_hand, by_file])
def test_a_debit_that_is_declared_not_made_is_not_made_by_its_old_file(waiting, said):
    command = given_up_as_unknown()
    said(command)
    assert the_file().state == "withdrawn"
    assert set(DebitCommand.objects.values_list("state", flat=True)) == {"declined"}
    waiting.clock(at("16:00"))
    assert run_slot(at("16:00")) == 2
    put(at("16:01"))
    wait_for_news(2)
    assert len(waiting.movements()) == 2, "one for each bill"


def test_nobody_declares_a_debit_not_made_while_its_file_is_on_its_way(waiting):
    command = given_up_as_unknown()
    CollectionFile.objects.update(out_until=at("07:03"))
    DebitCommand.objects.update(expires_at=at("06:00"))
    with pytest.raises(FileUnderWay):
        by_hand(command)
    command.refresh_from_db()
    assert command.state == "unknown"


def test_a_file_of_which_one_debit_was_decided_otherwise_is_not_put(waiting):
    command = given_up_as_unknown()
    resolving.decide_unknown(
        command_id=command.pk, was_debited=True, debited_at=None, reason="the bank says so", at=at("07:02"), actor=ADA
    )
    assert put(at("07:03")) == 0
    assert the_file().state == "withdrawn"
    assert sorted(DebitCommand.objects.values_list("state", flat=True)) == ["declined", "succeeded"]
    assert waiting.movements() == []


def test_one_file_in_trouble_does_not_keep_others_from_being_put(waiting, monkeypatch):
    CollectionFile.objects.update(try_at=at("07:00"))
    first = the_file()
    real = filing._take_in_hand

    def troubled(file_id, *, at):
        if file_id == first.pk:
            raise RuntimeError
        return real(file_id, at=at)

    monkeypatch.setattr(filing, "_take_in_hand", troubled)
    CollectionFile.objects.create(
        rail=first.rail, batch=first.batch, name="other", content=first.content, digest=first.digest, count=2,
        total=first.total, currency="CNY", made_at=at("07:00"), try_at=at("07:00") + timedelta(seconds=1),
        command_ids=first.command_ids,
    )  # fmt: skip
    assert put(at("07:01")) == 1
