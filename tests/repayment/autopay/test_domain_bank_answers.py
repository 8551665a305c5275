"""What the sandbox's bank answers is read whole or not at all."""

from datetime import date, datetime
from decimal import Decimal
from typing import Any

import pytest

from backoffice.repayment.domain.autopay import bank_answers as answers
from backoffice.repayment.domain.autopay.bank_answers import CONDUCT, Account, Difference, Turned, Unreadable

MORNING = "2026-03-17T07:00:00+08:00"
OVERVIEW: dict[str, Any] = {
    "clock": MORNING, "today": "2026-03-17", "last_closed": "", "accounts": 2, "agreements": 1,
    "orders": {"http succeeded": 3}, "movements": 3, "files_to_execute": 0, "notices_waiting": 1,
}  # fmt: skip
CONDUCT_SAID = dict.fromkeys(CONDUCT, 0.0)
SCRIPT: dict[str, Any] = {
    "seed": 1, "*": CONDUCT_SAID, "own": {"http": CONDUCT_SAID | {"drop_after": 0.1}}, "zone": "Asia/Shanghai",
    "cut_off": "22:00",
}  # fmt: skip


def test_reads_where_the_bank_stands() -> None:
    read = answers.overview_of(OVERVIEW | {"last_closed": "2026-03-16"})

    assert (read.clock, read.today, read.last_closed) == (
        datetime.fromisoformat(MORNING), date(2026, 3, 17), date(2026, 3, 16),
    )  # fmt: skip
    assert answers.overview_of(OVERVIEW).last_closed is None


def test_a_rail_without_a_conduct_of_its_own_behaves_as_all_do() -> None:
    read = answers.script_of(SCRIPT)

    assert (read.conducts["http"]["drop_after"], read.conducts["iso20022"]["drop_after"]) == (Decimal("0.1"), 0)


@pytest.mark.parametrize(
    "wrong",
    [
        OVERVIEW | {"clock": "2026-03-17T07:00:00"},
        OVERVIEW | {"today": "today"},
        OVERVIEW | {"orders": []},
        OVERVIEW | {"accounts": None},
        {name: value for name, value in OVERVIEW.items() if name != "movements"},
        [],
        None,
    ],
)
def test_an_answer_that_is_wrong_anywhere_is_unreadable(wrong: Any) -> None:
    with pytest.raises(Unreadable):
        answers.overview_of(wrong)


@pytest.mark.parametrize("number", ["NaN", "Infinity", "much", None])
def test_a_share_that_is_no_number_is_unreadable(number: Any) -> None:
    with pytest.raises(Unreadable):
        answers.presets_of({"fine": CONDUCT_SAID | {"busy": number}})


def test_reads_an_account_and_what_turning_a_day_did() -> None:
    said = {"account": "tok-1", "balance": "12.50", "currency": "CNY", "is_closed": False}
    difference = {"rail": "http", "order_no": "D1", "kind": "debit", "what": "settle_missing"}

    assert answers.account_of(said) == Account(token="tok-1", balance=Decimal("12.50"), currency="CNY", is_closed=False)
    assert answers.turned_of({"closed": ["2026-03-17"], "returns": 2, "differences": [difference]}) == Turned(
        closed=(date(2026, 3, 17),), returns=2, differences=(Difference(**difference),)
    )
    assert answers.days_of({"days": [{"day": "2026-03-17", "differences": [difference]}]})[0].differences == (
        Difference(**difference),
    )


def test_shows_the_newest_movement_first_and_files_with_their_sizes() -> None:
    movement = {
        "rail": "http", "kind": "debit", "order_no": "D1", "account": "a", "amount": "1.00", "currency": "CNY",
        "at": MORNING, "code": "00",
    }  # fmt: skip
    read = answers.movements_of({"movements": [movement | {"number": 1}, movement | {"number": 2}]})
    assert [each.number for each in read] == [2, 1]

    waiting, written = answers.files_of(
        {
            "waiting": [{"name": "a.xml", "size": 5, "at": MORNING}],
            "written": [{"name": "b", "size": 7, "at": MORNING, "rail": "http", "kind": "settlement"}],
        }
    )
    assert ([file.size for file in waiting], [file.kind for file in written]) == ([5], ["settlement"])


def test_says_what_differs_and_leaves_out_what_was_not_asked_for() -> None:
    before = {name: Decimal(0) for name in CONDUCT}

    assert answers.changed(before=before, after={"busy": Decimal("0.1"), "stuck": Decimal(0)}) == {
        "busy": (Decimal(0), Decimal("0.1"))
    }
