"""Whatever a bank's files or its list are like: nothing jams a rail, nothing is passed over in silence."""

import re
from datetime import timedelta

import pytest
from django.db import OperationalError

from backoffice.core.actors import SYSTEM
from backoffice.core.errors import Refusal
from backoffice.core.words import as_said
from backoffice.repayment.models import BankFile, Breaker, CollectionFile, DebitBatch, DebitCommand, Rail
from backoffice.repayment.services.autopay import building, filing, following_files, submitting, taking_files
from backoffice.repayment.services.autopay.rails import files
from backoffice.repayment.services.autopay.rails.addresses import address_of
from backoffice.sandbox.bank import file_rail
from tests.audit.side_by_side import Aside, Gate
from tests.repayment.autopay.debiting import DUE, SECRET, at, content, morning_of, plan, rail, states, version
from tests.repayment.autopay.test_services_file_rail import (  # noqa: F401 - bank is a fixture
    CODE,
    bank,
    due_over_files,
    slot_runs,
    take,
    wait_for_news,
)
from tests.repayment.factories import drifts

pytestmark = pytest.mark.django_db(transaction=True)
CAMT_054 = "camt.054.001.02"


class BooksSayNo(Refusal):
    """Our books refuse an entry."""

    code = "repayment.books_say_no"


def refuse_the_first(monkeypatch):
    """The books refuse whatever is to be settled of the first command."""
    first, real = DebitCommand.objects.earliest("pk"), following_files.settle

    def settle(*, facts, at, actor):
        if first.pk in facts:
            raise BooksSayNo("No.", next_step="Look.")
        return real(facts=facts, at=at, actor=actor)

    monkeypatch.setattr(following_files, "settle", settle)
    return first


def the_rail():
    return Rail.objects.get(code=CODE)


def trouble():
    return as_said(the_rail().files_trouble) if the_rail().files_trouble else ""


def listed():
    return files.list_files(address=address_of(the_rail())).files


def notification():
    """The bank's news of debits: how it is listed, and its bytes."""
    (told,) = (file for file in listed() if file.kind == CAMT_054)
    return told, files.fetch_file(name=told.name, address=address_of(the_rail()))


def take_bytes(name, bytes_, *, promised="", moment="07:05"):
    return taking_files.take_file(
        rail=the_rail(), name=name, kind=CAMT_054, content=bytes_, promised=promised, at=at(moment), actor=SYSTEM
    )


# --- An entry, a file, a rail ------------------------------------------------


def test_an_entry_our_books_refuse_is_written_down_and_the_rest_of_its_file_is_taken(bank, monkeypatch):  # noqa: F811
    due_over_files(bank)
    due_over_files(bank)
    slot_runs()
    wait_for_news(2)
    first = refuse_the_first(monkeypatch)
    assert take(at("07:01")) == 2
    assert sorted(DebitCommand.objects.values_list("state", flat=True)) == ["submitted", "succeeded"]
    told = BankFile.objects.get(kind=CAMT_054)
    assert (told.state, told.counts["succeeded"], told.counts["refused"]) == ("taken", 1, 1)
    assert told.troubles == [{"order_no": first.order_no, "said": "No."}]
    assert drifts(DUE) == []


def test_a_return_our_books_refuse_does_not_keep_later_files_from_being_taken(bank, monkeypatch):  # noqa: F811
    from backoffice.calendars.models import BusinessDay
    from tests.repayment.factories import close_days

    due_over_files(bank)
    bank.conduct(return_share=1, return_days=2, return_days_most=2)
    slot_runs()
    wait_for_news(2)
    take(at("07:01"))

    def refuse(**_return):
        raise BooksSayNo("No.", next_step="Look.")

    monkeypatch.setattr(following_files, "settle_return", refuse)
    later = DUE + timedelta(days=3)
    close_days(DUE, later - timedelta(days=1))
    BusinessDay.objects.update(today=later)
    bank.clock(at("07:00", later))
    bank.say("/day", {"date": (later - timedelta(days=1)).isoformat()})
    wait_for_news(4)
    take(at("08:00", later))
    assert BankFile.objects.filter(state="taken").count() == len(listed())
    assert [file.counts["refused"] for file in BankFile.objects.exclude(troubles=[])] == [1, 1]


def test_a_database_in_the_way_is_no_trouble_of_an_entry_and_the_file_comes_again(bank, monkeypatch):  # noqa: F811
    due_over_files(bank)
    slot_runs()
    wait_for_news(2)

    def in_the_way(**_facts):
        raise OperationalError("deadlock detected")

    monkeypatch.setattr(following_files, "settle", in_the_way)
    take(at("07:01"))
    assert not BankFile.objects.filter(kind=CAMT_054).exists()
    monkeypatch.undo()
    take(at("07:02"))
    assert list(states()) == ["succeeded"]


def test_one_rail_in_trouble_does_not_keep_another_from_being_read(bank, settings, monkeypatch):  # noqa: F811
    due_over_files(bank)
    slot_runs()
    wait_for_news(2)
    settings.RAIL_SECRETS = settings.RAIL_SECRETS | {"broken": SECRET}
    rail("broken", pk=the_rail().pk - 100, kind="iso20022", scheme="iso20022", url="http://127.0.0.1:9/rails/iso20022")
    real = taking_files.take_files_of

    def troubled(*, rail, at):
        if rail.code == "broken":
            raise RuntimeError
        return real(rail=rail, at=at)

    monkeypatch.setattr(taking_files, "take_files_of", troubled)
    assert take(at("07:01")) == 2


# --- Side by side ------------------------------------------------------------


def test_a_chunk_leaves_and_news_are_taken_at_the_same_moment(bank, monkeypatch):  # noqa: F811
    for _ in range(3):
        due_over_files(bank)
    monkeypatch.setattr(submitting, "FILE_CHUNK", 1)
    version(content(rails=[CODE]))
    morning_of()
    plan()
    building.begin_slots(at=at("07:00"))
    batch = DebitBatch.objects.get()
    submitting.let_out(batch_id=batch.pk, at=at("07:00"))
    filing.put_files(clock=lambda: at("07:00"))
    wait_for_news(2)
    gate, real = Gate(), submitting.room_of_rails

    def slowly(*, at):
        gate.wait_here()
        return real(at=at)

    monkeypatch.setattr(submitting, "room_of_rails", slowly)
    with Aside() as aside:
        leaving = aside.start(lambda: submitting.let_out(batch_id=batch.pk, at=at("07:01")))
        gate.wait_for_arrival()
        taking = aside.start(lambda: take(at("07:01")))
        gate.open()
        assert len(leaving.result(timeout=20)) == 1
        assert taking.result(timeout=20) == 2


def test_a_file_has_more_debits_than_a_chunk_of_calls(bank, monkeypatch):  # noqa: F811
    for _ in range(3):
        due_over_files(bank)
    monkeypatch.setattr(submitting, "CHUNK", 1)
    assert slot_runs() == 3
    assert CollectionFile.objects.get().count == 3


def test_rails_are_free_while_a_file_is_taken(bank, monkeypatch):  # noqa: F811
    due_over_files(bank)
    slot_runs()
    wait_for_news(2)
    gate, real = Gate(), following_files.settle

    def slowly(**facts):
        gate.wait_here()
        return real(**facts)

    monkeypatch.setattr(following_files, "settle", slowly)
    with Aside() as aside:
        taking = aside.start(lambda: take(at("07:01")))
        gate.wait_for_arrival()
        # None of this waits for the file, and no second worker takes it meanwhile.
        assert take(at("07:01")) == 0
        Rail.objects.filter(code=CODE).update(per_second=7)
        gate.open()
        assert taking.result(timeout=20) == 2


# --- The list ----------------------------------------------------------------


def test_a_list_of_several_pages_is_taken_whole_and_gone_on_with_where_it_ended(bank, monkeypatch):  # noqa: F811
    monkeypatch.setattr(file_rail, "PAGE", 1)
    due_over_files(bank)
    due_over_files(bank, balance="3.00")
    slot_runs()
    page = 0
    while page < 3:
        page = len([1 for _ in pages()])
    assert take(at("07:01")) == 3
    assert sorted(states()) == ["declined", "succeeded"]
    last = [file.name for page in pages() for file in page.files][-1]
    assert the_rail().files_after == last
    assert files.list_files(address=address_of(the_rail()), after=last) == files.Page((), has_more=False)


def pages():
    """Every page of the bank's list."""
    after, found = "", []
    while True:
        page = files.list_files(address=address_of(the_rail()), after=after)
        if not page.files:
            return found
        found.append(page)
        after = page.files[-1].name


def test_a_list_that_cannot_be_read_is_written_on_the_rail_until_it_can(bank):  # noqa: F811
    Rail.objects.filter(code=CODE).update(url="http://127.0.0.1:9/rails/iso20022")
    take(at("07:01"))
    take(at("07:02"))
    assert trouble() == "The bank's list of files cannot be read."
    assert the_rail().files_trouble_since == at("07:01")
    Rail.objects.filter(code=CODE).update(url=f"{bank.url}/rails/iso20022")
    take(at("07:03"))
    assert (trouble(), the_rail().files_trouble_since) == ("", None)


def test_a_file_that_cannot_be_fetched_holds_up_the_rest_for_ten_minutes_and_says_so(bank, monkeypatch):  # noqa: F811
    due_over_files(bank)
    slot_runs()
    wait_for_news(2)
    first, real = listed()[0], files.fetch_file
    monkeypatch.setattr(
        taking_files,
        "fetch_file",
        lambda *, name, address: None if name == first.name else real(name=name, address=address),
    )
    assert take(at("07:01")) == 0
    assert trouble() == f"The file {first.name} cannot be had; those after it wait."
    assert take(at("07:10")) == 0
    assert take(at("07:11")) == 1
    assert trouble() == f"The file {first.name} cannot be had; those after it were taken."
    assert list(states()) == ["succeeded"]
    monkeypatch.undo()
    assert take(at("07:12")) == 1
    assert (trouble(), the_rail().files_after) == ("", listed()[-1].name)


def test_a_defect_of_ours_in_one_file_does_not_hold_up_the_rest_for_ever(bank, monkeypatch):  # noqa: F811
    due_over_files(bank)
    slot_runs()
    wait_for_news(2)

    def broken(*_arguments, **_named):
        raise RuntimeError

    monkeypatch.setattr(following_files, "_follow_report", broken)
    assert take(at("07:01")) == 0
    assert take(at("07:12")) == 1
    assert list(states()) == ["succeeded"]


def test_a_file_that_was_not_as_listed_is_fetched_again_and_taken_when_it_is(bank, monkeypatch):  # noqa: F811
    due_over_files(bank)
    slot_runs()
    wait_for_news(2)
    real = files.fetch_file
    monkeypatch.setattr(taking_files, "fetch_file", lambda **file: (real(**file) or b"")[:-9])
    take(at("07:01"))
    assert set(BankFile.objects.values_list("state", "reason")) == {("refused", taking_files.OTHER_CONTENT)}
    assert list(states()) == ["submitted"]
    monkeypatch.undo()
    assert take(at("07:02")) == 0, "it is not fetched every time"
    assert take(at("07:06")) == 2
    assert set(BankFile.objects.values_list("state", "reason")) == {("taken", "")}
    assert list(states()) == ["succeeded"]
    assert BankFile.objects.exclude(troubles=[]).count() == 0


# --- Debited twice -----------------------------------------------------------


def test_a_second_debit_of_an_order_told_by_a_later_file_opens_the_breaker(bank):  # noqa: F811
    due_over_files(bank)
    slot_runs()
    wait_for_news(2)
    take(at("07:01"))
    told, whole = notification()
    command = DebitCommand.objects.get()
    again = whole.replace(told.name.removesuffix(".xml").encode(), b"second-telling")
    take_bytes("same-entry.xml", again)
    assert Breaker.objects.count() == 0, "the same entry in a second file is one debit"
    other = again.replace(b"second-telling", b"second-debit").replace(command.reference.encode(), b"another-one")
    take_bytes("second-debit.xml", other)
    breaker = Breaker.objects.get()
    assert (breaker.kind, breaker.command_id, breaker.batch_id) == ("double", command.pk, command.batch_id)
    assert breaker.seen == f"{command.reference}, another-one"
    assert drifts(DUE) == []


def test_another_amount_of_a_debit_that_is_booked_opens_the_breaker(bank):  # noqa: F811
    due_over_files(bank)
    slot_runs()
    wait_for_news(2)
    take(at("07:01"))
    told, whole = notification()
    more = re.sub(rb"1100\.16", b"1200.16", whole).replace(told.name.removesuffix(".xml").encode(), b"more")
    assert take_bytes("more.xml", more).state == "taken"
    assert Breaker.objects.get().kind == "double"
