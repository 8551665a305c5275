"""A bank that answers oddly, or not at all: nothing is taken for done, and nothing stands in the trail."""

import json
from collections.abc import Callable
from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from backoffice.audit.models import AuditEntry
from backoffice.core.actors import SYSTEM
from backoffice.repayment.services.autopay import sandbox_bank as services
from backoffice.repayment.services.autopay.sandbox_bank import BankRefused, BankSilent, NoSandbox
from tests.repayment.autopay.odd_bank import BankThatSays

pytestmark = pytest.mark.django_db
OVERVIEW = json.dumps(
    {
        "clock": "2026-03-17T07:00:00+08:00", "today": "2026-03-17", "last_closed": "", "accounts": 0,
        "agreements": 0, "orders": {}, "movements": 0, "files_to_execute": 0, "notices_waiting": 0,
    }
).encode()  # fmt: skip
UNREADABLE = b"[]"


def set_account() -> Any:
    return services.set_account(token="tok-1", balance=Decimal(1), is_closed=False, actor=SYSTEM, reason="")


def turn_day() -> Any:
    return services.turn_day(day=date(2026, 3, 17), actor=SYSTEM, reason="")


def account() -> Any:
    return services.account_of(token="tok-1")


def preset() -> Any:
    return services.preset_named("fine")


@pytest.mark.parametrize("read", [services.bank_now, services.overview, services.script, account, preset])
@pytest.mark.parametrize("answer", [(200, UNREADABLE), (200, b"<html>"), (500, b"{}")])
def test_an_answer_that_is_not_the_banks_counts_as_none(
    settings: Any, read: Callable[[], Any], answer: tuple[int, bytes]
) -> None:
    with BankThatSays(asked=answer) as settings.SANDBOX_URL, pytest.raises(BankSilent, match="does not answer"):
        read()


@pytest.mark.parametrize("told", [(200, UNREADABLE), (500, b"{}"), None])
@pytest.mark.parametrize(("verb", "asked"), [(set_account, (404, b"{}")), (turn_day, (200, OVERVIEW))])
def test_a_verb_without_an_answer_may_have_been_done_and_is_not_in_the_trail(
    settings: Any, verb: Callable[[], Any], asked: tuple[int, bytes], told: tuple[int, bytes] | None
) -> None:
    with (
        BankThatSays(asked=asked, told=told) as settings.SANDBOX_URL,
        pytest.raises(BankSilent, match="it may have done it or not"),
    ):
        verb()

    assert not AuditEntry.objects.exists()


def test_what_the_bank_refuses_is_said_in_its_words(settings: Any) -> None:
    refusal = (400, b'{"error": "balance is an amount"}')
    with (
        BankThatSays(asked=(404, b"{}"), told=refusal) as settings.SANDBOX_URL,
        pytest.raises(BankRefused, match="The bank refused: balance is an amount"),
    ):
        set_account()

    assert not AuditEntry.objects.exists()


def test_a_preset_the_bank_does_not_have_is_refused(settings: Any) -> None:
    with BankThatSays(asked=(200, b"{}")) as settings.SANDBOX_URL, pytest.raises(BankRefused, match="no such preset"):
        preset()


def test_without_a_sandbox_there_is_nobody_to_ask(settings: Any) -> None:
    settings.SANDBOX_URL = ""

    with pytest.raises(NoSandbox):
        services.overview()
