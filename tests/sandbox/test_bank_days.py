"""The bank's days: what belongs to which, the settlement file, and the differences put into it on purpose."""

from decimal import Decimal
from typing import Any

import pytest

from backoffice.sandbox.serving import Sandbox
from tests.sandbox.lender import Lender


def lines_of(text: str) -> list[dict[str, str]]:
    """The lines of a settlement file, its trailer checked."""
    head, *lines, trailer = text.splitlines()
    names = head.split(",")
    found = [dict(zip(names, line.split(","), strict=True)) for line in lines]
    assert trailer == f"#trailer,{len(found)},{sum((Decimal(line['amount']) for line in found), Decimal('0.00'))}"
    return found


def test_is_not_known_until_the_day_is_closed(lender: Lender) -> None:
    lender.debit("D1", amount="1093.00")
    assert lender.call("GET", "/rails/http/settlements/2026-03-17") == (404, {"known": False})

    assert lender.close("2026-03-17") == {
        "date": "2026-03-17", "returns": 0, "closed": ["2026-03-17"], "differences": [],
    }  # fmt: skip

    at = lender.ask("D1")[1]["at"]
    assert lender.settlement("2026-03-17") == (
        f"order_no,kind,amount,currency,at,code,reference\nD1,debit,1093.00,CNY,{at},00,http-1\n#trailer,1,1093.00\n"
    )


def test_a_closed_day_stays_as_it_is(lender: Lender) -> None:
    lender.debit("D1")
    lender.close("2026-03-17")
    before = lender.settlement("2026-03-17")
    lender.debit("D2")

    assert lender.close("2026-03-17")["closed"] == []

    assert lender.settlement("2026-03-17") == before
    lender.close("2026-03-18")
    assert [line["order_no"] for line in lines_of(lender.settlement("2026-03-18"))] == ["D2"]


def test_closes_every_day_since_the_last(lender: Lender) -> None:
    lender.close("2026-03-17")

    assert lender.close("2026-03-20")["closed"] == ["2026-03-18", "2026-03-19", "2026-03-20"]

    assert lender.settlement("2026-03-19").splitlines()[1:] == ["#trailer,0,0.00"]


def test_a_debit_after_the_cut_off_belongs_to_the_next_day(lender: Lender) -> None:
    lender.script(cut_off="22:00", clock="2026-03-17T21:59:30+08:00")
    late = {"expires_at": "2026-03-18T12:00:00+08:00"}
    lender.debit("D1", **late)
    lender.script(clock="2026-03-17T22:00:00+08:00")
    lender.debit("D2", **late)

    lender.close("2026-03-18")

    days = {
        day: [line["order_no"] for line in lines_of(lender.settlement(day))] for day in ("2026-03-17", "2026-03-18")
    }
    assert days == {"2026-03-17": ["D1"], "2026-03-18": ["D2"]}


def test_the_files_add_up_to_the_movements(lender: Lender) -> None:
    lender.script(return_share=0.3, return_days=1, return_days_most=4)
    for number in range(60):
        lender.debit(f"D{number}", amount=f"{number + 1}.37")
    days = [f"2026-03-{day}" for day in range(17, 23)]
    returns = sum(lender.close(day)["returns"] for day in days)

    written = [{**line, "day": day} for day in days for line in lines_of(lender.settlement(day))]

    moved = lender.movements(limit=7)
    names = ("order_no", "kind", "amount", "currency", "at", "code", "reference", "day")
    assert written == sorted(({name: one[name] for name in names} for one in moved), key=lambda one: one["day"])
    assert returns == len([line for line in written if line["kind"] == "return"]) == 14
    back = {line["order_no"] for line in written if line["kind"] == "return"}
    assert all(lender.ask(order_no)[1]["state"] == "returned" for order_no in back)
    left = Decimal(100000) - sum(Decimal(f"{n + 1}.37") for n in range(60) if f"D{n}" not in back)
    assert lender.balance("acc-AG-1") == str(left)


@pytest.mark.parametrize(
    ("what", "expected"),
    [
        ("settle_missing", []),
        ("settle_amount", [("D1", "101.00", "00")]),
        ("settle_status", [("D1", "100.00", "64")]),
    ],
)
def test_puts_a_difference_into_the_file_and_says_which(
    lender: Lender, what: str, expected: list[tuple[str, ...]]
) -> None:
    lender.script(**{what: 1})
    lender.debit("D1")

    closed = lender.close("2026-03-17")

    assert closed["differences"] == [{"order_no": "D1", "kind": "debit", "what": what, "rail": "http"}]
    lines = lines_of(lender.settlement("2026-03-17"))
    assert [(line["order_no"], line["amount"], line["code"]) for line in lines] == expected
    assert lender.movements()[0]["amount"] == "100.00"


def test_puts_a_debit_nobody_asked_for_into_the_file(lender: Lender) -> None:
    lender.script(settle_extra=1)
    lender.debit("D1")

    (difference,) = lender.close("2026-03-17")["differences"]

    extra, true = lines_of(lender.settlement("2026-03-17"))
    assert (difference["what"], difference["order_no"]) == ("settle_extra", extra["order_no"])
    assert lender.ask(extra["order_no"])[0] == 404
    assert true["order_no"] == "D1"


def test_decides_before_the_day_ends_what_was_processing(lender: Lender) -> None:
    lender.script(processing=1, processing_seconds=3600)
    lender.debit("D1")

    lender.close("2026-03-17")

    assert lender.ask("D1")[1]["state"] == "succeeded"
    assert [line["order_no"] for line in lines_of(lender.settlement("2026-03-17"))] == ["D1"]


def test_shows_what_it_holds(lender: Lender) -> None:
    lender.debit("D1")
    lender.debit("D1")

    overview = lender.call("GET", "/bank")[1]

    assert overview | {"clock": ""} == {
        "clock": "", "today": "2026-03-17", "last_closed": "", "accounts": 1, "agreements": 1,
        "orders": {"http succeeded": 1}, "repeats": 1, "movements": 1, "sums": {"http debit CNY": "100.00"},
        "files_in": 0, "files_to_execute": 0, "files_out": [], "notices_sent": 0, "notices_waiting": 0,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("method", "path", "asked"),
    [
        ("POST", "/bank/day", {"date": "tomorrow"}),
        ("POST", "/bank/day", {}),
        ("POST", "/bank/accounts", {"account": "a", "balance": "much"}),
        ("POST", "/bank/accounts", {"account": "a", "balance": "NaN"}),
        ("POST", "/bank/accounts", {"balance": "1.00"}),
        ("POST", "/bank/accounts", [1]),
        ("GET", "/bank/movements?after=x", None),
    ],
    ids=str,
)
def test_refuses_what_its_pages_cannot_read(lender: Lender, method: str, path: str, asked: Any) -> None:
    status, refusal = lender.call(method, path, asked)

    assert status == 400
    assert refusal["error"]


def test_things_go_wrong_as_often_as_outside_when_it_is_lifelike() -> None:
    with Sandbox(is_lifelike=True) as sandbox:
        conduct = sandbox.bank.script.usual

    shares = (conduct.poor, conduct.processing, conduct.drop_after, conduct.double_notice, conduct.return_share)
    assert shares == (0.12, 0.01, 0.003, 0.02, 0.002)
    assert (conduct.return_days, conduct.return_days_most, conduct.settle_missing) == (2, 5, 0.001)
