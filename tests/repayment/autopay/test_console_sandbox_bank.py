"""Playing the sandbox's bank from the console: what the page shows and what its verbs do to a real one."""

from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from backoffice.audit.models import AuditEntry
from backoffice.calendars.models import BusinessDay
from backoffice.repayment.models import Mandate
from backoffice.sandbox.bank.behaviour import BAD_DAY, Conduct
from tests.console.book import as_role
from tests.console.page import fields_of, rows_of, text_of
from tests.repayment.autopay import debiting
from tests.repayment.autopay.debiting import DUE, Bank, at
from tests.repayment.autopay.odd_bank import BankThatSays
from tests.sandbox.lender import Lender

pytestmark = pytest.mark.django_db(transaction=True)
LAST_MOVES = "The last movements of money at the bank"


@pytest.fixture(autouse=True)
def _business_day() -> None:
    BusinessDay.objects.update_or_create(pk=BusinessDay.ONLY, defaults={"today": DUE})


@pytest.fixture
def bank(settings: Any) -> Iterator[Bank]:
    debiting.rail()
    with debiting.bank_at(at("07:00"), settings) as served:
        settings.SANDBOX_URL = served.url
        yield served


@pytest.fixture
def agreement(bank: Bank) -> Mandate:
    agreement = debiting.mandate(debiting.loan_due(external_id="L-88").borrower_id)
    bank.knows(agreement, balance="500.00")
    return agreement


@pytest.fixture
def admin() -> Client:
    return as_role("admin")


def page(client: Client, **query: str) -> str:
    answer = client.get(reverse("repayment:sandbox_bank"), query)
    assert answer.status_code == 200, answer.content.decode()
    return answer.content.decode()


def confirm(client: Client, verb: str, /, *args: str, **values: str) -> Any:
    """Opens a confirm panel, fills it in, looks, and sends what was seen."""
    url = reverse(f"repayment:{verb}", args=args)
    filled = fields_of(client.get(url).content.decode()) | {"reason": "for the show"} | values
    looked = client.post(url, filled | {"look": "1"})
    return client.post(url, filled | {"seen": fields_of(looked.content.decode()).get("seen", "")}, follow=True)


def said(answer: Any) -> str:
    return text_of(answer.content.decode())


def debit(bank: Bank, agreement: Mandate, order_no: str, amount: str = "100.00") -> None:
    lender = Lender(bank.url)
    expires = (at("07:00") + timedelta(days=3)).isoformat()
    command = {
        "order_no": order_no, "agreement_no": agreement.agreement_no, "amount": amount, "currency": "CNY",
        "initiated_by": "lender", "expires_at": expires,
    }  # fmt: skip
    assert lender.call("POST", "/rails/http/debits", command, secret=debiting.SECRET)[0] == 200


def test_shows_where_the_bank_stands(admin: Client, bank: Bank, agreement: Mandate) -> None:
    debit(bank, agreement, "D1")
    debit(bank, agreement, "D2", amount="25.00")

    html = page(admin)

    words = text_of(html)
    assert "Closed through no day yet" in words
    assert "HTTP rail debited 2" in words
    assert "the business date is" not in words
    assert [(row[0], row[4], row[5], row[6]) for row in rows_of(html, caption=LAST_MOVES)] == [
        ("2", "D2", "¥ 25.00", "00"), ("1", "D1", "¥ 100.00", "00"),
    ]  # fmt: skip
    assert "Debited, then the wire is cut 0 % 0 %" in words


def test_changes_what_one_rail_does_and_nothing_else(admin: Client, bank: Bank) -> None:
    answer = confirm(admin, "change_sandbox_script", "http", drop_after="12.5", late_seconds="90")

    assert "The bank behaves like this from now on." in said(answer)
    assert "Debited, then the wire is cut 12.5 % 0 %" in said(answer)
    script = bank.sandbox.bank.script
    assert script.of("http") == Conduct(drop_after=0.125, late_seconds=90)
    assert script.of("iso20022") == Conduct()
    entry = AuditEntry.objects.get(verb="repayment.sandbox_bank.script_changed")
    assert entry.after == {"rail": "http", "drop_after": "0.125", "late_seconds": "90"}
    assert entry.reason == "for the show"


def test_a_script_that_is_in_force_already_is_refused(admin: Client, bank: Bank) -> None:
    answer = confirm(admin, "change_sandbox_script", "http")

    assert answer.status_code == 422
    assert "The bank behaves like this already." in said(answer)
    assert not AuditEntry.objects.filter(verb__startswith="repayment.sandbox_bank").exists()


@pytest.mark.parametrize(("name", "value"), [("busy", "101"), ("busy", "-1"), ("return_days_most", "1")])
def test_a_number_that_cannot_be_is_refused_at_its_field(admin: Client, bank: Bank, name: str, value: str) -> None:
    assert confirm(admin, "change_sandbox_script", "http", **{name: value}).status_code == 422

    assert bank.sandbox.bank.script.of("http") == Conduct()


def test_a_preset_is_shown_by_what_it_changes_and_taken(admin: Client, bank: Bank) -> None:
    bank.conduct(rail="http", busy=0.1)
    url = reverse("repayment:take_sandbox_preset")
    look = admin.post(url, {"preset": "bad_day", "rail": "*", "look": "1"})
    assert "Declined with a code nobody knows" in said(look)
    assert "Busy: told to come back, the first time (File rail)" in said(look)

    confirm(admin, "take_sandbox_preset", preset="bad_day", rail="iso20022")
    assert bank.sandbox.bank.script.of("iso20022") == BAD_DAY
    assert bank.sandbox.bank.script.of("http") == Conduct(busy=0.1)

    confirm(admin, "take_sandbox_preset", preset="fine", rail="*")
    assert [bank.sandbox.bank.script.of(rail) for rail in ("http", "iso20022")] == [Conduct(), Conduct()]
    assert confirm(admin, "take_sandbox_preset", preset="fine", rail="*").status_code == 422
    presets = AuditEntry.objects.filter(verb="repayment.sandbox_bank.script_changed").order_by("id")
    assert [entry.after for entry in presets] == [
        {"rail": "iso20022", "preset": "bad_day"}, {"rail": "*", "preset": "fine"},
    ]  # fmt: skip


def test_finds_an_account_by_token_agreement_borrower_or_loan(admin: Client, bank: Bank, agreement: Mandate) -> None:
    for words in (agreement.token, agreement.agreement_no, agreement.borrower.external_id, "L-88"):
        found = text_of(page(admin, q=words))
        assert f"Account token {agreement.token} Balance ¥ 500.00" in found, words

    bank.say("/accounts", {"account": "tok-of-nobody", "balance": "7.00", "currency": "USD"})
    assert "Account token tok-of-nobody Balance $ 7.00" in text_of(page(admin, q="tok-of-nobody"))
    for words in ("nothing", "no\x00thing"):
        assert "No account at the bank and no agreement of ours fits." in text_of(page(admin, q=words))


def test_an_account_the_bank_has_not_opened_says_so(admin: Client, bank: Bank) -> None:
    agreement = debiting.mandate(debiting.loan_due().borrower_id)

    assert "Balance opened with the first debit" in text_of(page(admin, q=agreement.token))


def test_sets_what_is_on_an_account(admin: Client, bank: Bank, agreement: Mandate) -> None:
    answer = confirm(admin, "set_sandbox_account", account=agreement.token, balance="3.50", is_closed="yes")

    assert "The account is set." in said(answer)
    account = bank.say(f"/accounts/{agreement.token}")
    assert (account["balance"], account["is_closed"], account["currency"]) == ("3.50", True, "CNY")
    entry = AuditEntry.objects.get(verb="repayment.sandbox_bank.account_set")
    assert (entry.before, entry.borrower_id) == ({"balance": "500.00", "is_closed": False}, agreement.borrower_id)
    assert entry.after == {"token": agreement.token, "balance": "3.50", "is_closed": True}


def test_an_account_nobody_opened_gets_the_currency_of_our_mandate(admin: Client, bank: Bank) -> None:
    agreement = debiting.mandate(debiting.loan_due().borrower_id, currency="USD")

    confirm(admin, "set_sandbox_account", account=agreement.token, balance="9")

    assert bank.say(f"/accounts/{agreement.token}")["currency"] == "USD"


def test_turning_the_day_says_what_was_put_into_the_files(admin: Client, bank: Bank, agreement: Mandate) -> None:
    debit(bank, agreement, "D1")
    bank.conduct(settle_missing=1)

    answer = confirm(admin, "turn_sandbox_day")

    assert "Closed through 15 Feb 2026. 0 debits were taken back. 1 difference was put into the files" in said(answer)
    assert "Line left out: D1 HTTP rail" in said(answer)
    assert bank.say("")["last_closed"] == DUE.isoformat()
    assert [
        row[0] for row in rows_of(answer.content.decode(), caption="Files that wait and the last ones the bank wrote")
    ] == ["2026-02-15 HTTP rail, 15 Feb 2026 07:00"]
    entry = AuditEntry.objects.get(verb="repayment.sandbox_bank.day_turned")
    assert entry.after == {"day": "2026-02-15", "closed": 1, "returns": 0, "differences": 1}


@pytest.mark.parametrize(
    ("day", "words"),
    [
        (DUE, "The bank has closed 15 Feb 2026 already."),
        (DUE + timedelta(days=32), "19 Mar 2026 is far ahead of the bank's clock."),
    ],
)
def test_a_day_that_is_closed_or_far_ahead_is_not_turned(admin: Client, bank: Bank, day: date, words: str) -> None:
    bank.say("/day", {"date": DUE.isoformat()})

    answer = confirm(admin, "turn_sandbox_day", day=day.isoformat())

    assert words in said(answer).replace("&#x27;", "'")
    assert bank.say("")["last_closed"] == DUE.isoformat()
    assert not AuditEntry.objects.filter(verb="repayment.sandbox_bank.day_turned").exists()


def test_sets_the_clock_and_warns_when_it_is_ahead(admin: Client, bank: Bank) -> None:
    BusinessDay.objects.update(today=DUE + timedelta(days=3))
    assert "At the bank it is 15 Feb 2026 ; the business date is 18 Feb 2026 ." in text_of(page(admin))

    look = admin.post(reverse("repayment:set_sandbox_clock"), {"day": "2099-02-18", "clock": "08:15", "look": "1"})
    assert "Ahead of our clock: orders over HTTP come after their time" in said(look)

    answer = confirm(admin, "set_sandbox_clock", day="2026-02-18", clock="08:15")

    assert bank.say("")["clock"].startswith("2026-02-18T08:15:")
    assert "the business date is" not in said(answer)
    entry = AuditEntry.objects.get(verb="repayment.sandbox_bank.clock_set")
    assert entry.after == {"clock": "2026-02-18T08:15:00+08:00"}


def test_a_bank_that_is_down_is_an_empty_state(admin: Client, settings: Any) -> None:
    settings.SANDBOX_URL = "http://127.0.0.1:9"

    words = text_of(page(admin))

    assert "The sandbox does not answer. See whether it runs at http://127.0.0.1:9" in words
    assert "Turn the day" not in words
    answer = admin.get(reverse("repayment:turn_sandbox_day"))
    assert (answer.status_code, "The sandbox does not answer." in said(answer)) == (409, True)


def test_an_answer_that_is_not_the_banks_is_an_empty_state(admin: Client, settings: Any) -> None:
    for body in (b'{"clock": "noon"}', b"<html>"):
        with BankThatSays(asked=(200, body)) as url:
            settings.SANDBOX_URL = url
            assert "The sandbox does not answer." in text_of(page(admin))


def test_nobody_has_the_page_without_a_sandbox(admin: Client, settings: Any) -> None:
    settings.SANDBOX_URL = ""

    for name, args in (("sandbox_bank", []), ("turn_sandbox_day", []), ("change_sandbox_script", ["http"])):
        assert admin.get(reverse(f"repayment:{name}", args=args)).status_code == 404
    assert "Sandbox bank" not in text_of(admin.get("/").content.decode())


def test_the_page_is_in_the_navigation_of_administrators_in_both_languages(settings: Any) -> None:
    settings.SANDBOX_URL = "http://127.0.0.1:9"
    assert "Sandbox bank" in text_of(as_role("admin").get("/").content.decode())
    assert "Sandbox bank" not in text_of(as_role("team_lead").get("/").content.decode())
    assert as_role("team_lead").get(reverse("repayment:sandbox_bank")).status_code == 403

    client = as_role("admin")
    client.cookies[settings.LANGUAGE_COOKIE_NAME] = "zh-hans"
    assert "沙箱没有应答。" in text_of(page(client))
