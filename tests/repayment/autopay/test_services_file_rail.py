"""Debits over the ISO 20022 file rail against the sandbox's bank: pain.008 out, pain.002 and camt in."""

from datetime import timedelta
from decimal import Decimal

import pytest

from backoffice.core.actors import SYSTEM
from backoffice.repayment.domain.iso20022 import pain008
from backoffice.repayment.models import BankFile, Breaker, CollectionFile, DebitCommand, Loan, Rail
from backoffice.repayment.services.autopay import filing, taking_files
from backoffice.repayment.services.autopay.rails import files
from backoffice.repayment.services.autopay.rails.addresses import address_of
from tests.repayment.autopay.debiting import (
    DUE,
    SECRET,
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
from tests.repayment.factories import drifts

pytestmark = pytest.mark.django_db(transaction=True)
CODE = "sepa"
BILL = Decimal("1100.16")


@pytest.fixture
def bank(settings):
    rail()
    payees()
    with bank_at(at("07:00"), settings) as opened:
        settings.RAIL_SECRETS = {CODE: SECRET}
        rail(CODE, kind="iso20022", scheme="iso20022", url=f"{opened.url}/rails/iso20022")
        yield opened


def due_over_files(bank, *, balance="100000.00"):
    loan = loan_due()
    agreement = mandate(loan.borrower_id, rail=Rail.objects.get(code=CODE))
    bank.say("/accounts", {"account": agreement.token, "currency": "CNY", "balance": balance})
    return loan


def slot_runs(moment=None):
    version(content(rails=[CODE]))
    morning_of()
    plan()
    return run_slot(moment or at("07:00"))


def take(moment):
    return taking_files.take_files(clock=lambda: moment)


def wait_for_news(count):
    """Returns once the bank has written so many files."""
    address = address_of(Rail.objects.get(code=CODE))
    for _ in range(200):
        page = files.list_files(address=address)
        if page is not None and len(page.files) >= count:
            return
        from backoffice.core.bulk import fetch

        fetch("SELECT pg_sleep(0.05)")
    pytest.fail("the bank writes nothing")


def test_collects_by_file_and_learns_by_file(bank):
    rich, poor = due_over_files(bank), due_over_files(bank, balance="3.00")
    assert slot_runs() == 2
    sent = CollectionFile.objects.get()
    assert (sent.state, sent.count, sent.total) == ("put", 2, BILL * 2)
    assert [each.amount for each in pain008.read(bytes(sent.content)).collections()] == [BILL, BILL]
    assert list(states()) == ["submitted"]
    wait_for_news(3)
    take(at("07:01"))
    by_loan = {c.loan_id: (c.state, c.code) for c in DebitCommand.objects.all()}
    assert by_loan == {rich.pk: ("succeeded", "00"), poor.pk: ("declined", "AM04")}
    assert Loan.objects.get(pk=rich.pk).oldest_unpaid_due_date == DUE.replace(month=3)
    assert {file.state for file in BankFile.objects.all()} == {"taken"}
    assert take(at("07:02")) == 0
    assert drifts(DUE) == []


def test_a_file_whose_putting_was_cut_off_is_put_again_under_its_name(bank):
    due_over_files(bank)
    Rail.objects.filter(code=CODE).update(url="http://127.0.0.1:9/rails/iso20022")
    slot_runs()
    assert CollectionFile.objects.get().state == "made"
    Rail.objects.filter(code=CODE).update(url=f"{bank.url}/rails/iso20022")
    assert filing.put_files(clock=lambda: at("07:00")) == 0, "it waits a little first"
    assert filing.put_files(clock=lambda: at("07:01")) == 1
    wait_for_news(2)
    take(at("07:02"))
    assert list(states()) == ["succeeded"]
    assert len(bank.movements()) == 1


def test_a_message_played_again_changes_nothing_and_is_refused(bank):
    due_over_files(bank)
    slot_runs()
    wait_for_news(2)
    take(at("07:01"))
    notification = BankFile.objects.get(kind="camt.054.001.02")
    content_again = files.fetch_file(name=notification.name, address=address_of(notification.rail))
    again = taking_files.take_file(
        rail=notification.rail,
        name="again.xml",
        kind=notification.kind,
        content=content_again,
        at=at("07:05"),
        actor=SYSTEM,
    )
    assert (again.state, again.reason) == ("refused", "This message was taken before, under another name.")
    assert len(bank.movements()) == 1
    assert drifts(DUE) == []


@pytest.mark.parametrize("cut", [1, 2, 3, 7])
def test_a_truncated_file_is_refused_whole_and_names_the_line(bank, cut):
    due_over_files(bank)
    slot_runs()
    wait_for_news(2)
    address = address_of(Rail.objects.get(code=CODE))
    listed = next(file for file in files.list_files(address=address).files if file.kind.startswith("camt.054"))
    whole = files.fetch_file(name=listed.name, address=address)
    file = taking_files.take_file(
        rail=Rail.objects.get(code=CODE),
        name=listed.name,
        kind=listed.kind,
        content=whole[: len(whole) * cut // 8],
        at=at("07:01"),
        actor=SYSTEM,
    )
    assert file.state == "refused"
    assert file.line is not None
    assert list(states()) == ["submitted"]


def test_a_return_told_by_file_takes_the_payment_back(bank):
    loan = due_over_files(bank)
    bank.conduct(return_share=1, return_days=2, return_days_most=2)
    slot_runs()
    wait_for_news(2)
    take(at("07:01"))
    assert list(states()) == ["succeeded"]
    from backoffice.calendars.models import BusinessDay
    from tests.repayment.factories import close_days

    later = DUE + timedelta(days=3)
    close_days(DUE, later - timedelta(days=1))
    BusinessDay.objects.update(today=later)
    bank.clock(at("07:00", later))
    bank.say("/day", {"date": (later - timedelta(days=1)).isoformat()})
    wait_for_news(4)
    take(at("08:00", later))
    assert list(states()) == ["returned"]
    assert Loan.objects.get(pk=loan.pk).overdue_amount >= BILL
    assert drifts(later) == []


def test_a_file_the_bank_refuses_declines_everything_and_opens_the_breaker(bank):
    due_over_files(bank)
    Rail.objects.filter(code=CODE).update(url="http://127.0.0.1:9/rails/iso20022")
    slot_runs()
    sent = CollectionFile.objects.get()
    CollectionFile.objects.update(content=bytes(sent.content).replace(b"</Document>", b""))
    Rail.objects.filter(code=CODE).update(url=f"{bank.url}/rails/iso20022")
    good = bytes(sent.content)
    CollectionFile.objects.update(content=good.replace(b"<NbOfTxs>1<", b"<NbOfTxs>2<", 1))
    filing.put_files(clock=lambda: at("07:01"))
    wait_for_news(1)
    CollectionFile.objects.update(content=good)
    take(at("07:02"))
    assert [(c.state, c.family) for c in DebitCommand.objects.all()] == [("declined", "request")]
    assert [breaker.kind for breaker in Breaker.objects.all()] == ["request"]
