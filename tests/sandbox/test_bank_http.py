"""The HTTP rail as docs/rails.md has it: once by number, never after its time, and all that goes wrong on purpose."""

import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from backoffice.sandbox.bank.http_rail import HttpRail
from backoffice.sandbox.catalogue import Call
from backoffice.sandbox.serving import Sandbox
from tests.sandbox.lender import MORNING, SECRET, Desk, Lender, command, signed, until

ANSWER = {"order_no": "D1", "state": "succeeded", "code": "00", "reference": "http-1", "at": MORNING}


def told_of(notices: list[dict[str, Any]]) -> list[tuple[str, str, str]]:
    return [(notice["order_no"], notice["event"], notice["code"]) for notice in notices]


@pytest.fixture
def desk() -> Iterator[Desk]:
    with Desk() as desk:
        yield desk


@pytest.fixture
def told(desk: Desk, books: Path) -> Iterator[Lender]:
    """A lender whose bank sends notices to the desk."""
    with Sandbox(rail_secret=SECRET, bank_state=books, rail_hooks=desk.address, rail_code="union") as sandbox:
        lender = Lender(sandbox.url)
        lender.script(clock=MORNING)
        lender.agree("AG-1")
        yield lender


def test_debits_the_account_and_says_when(lender: Lender) -> None:
    status, answer = lender.debit("D1", amount="1093.00")

    assert (status, answer) == (200, {**ANSWER, "amount": "1093.00", "currency": "CNY", "at": answer["at"]})
    assert answer["at"].startswith("2026-03-17T07:00:")
    assert lender.balance("acc-AG-1") == "98907.00"
    assert lender.ask("D1") == (200, answer)


def test_executes_a_number_once_and_repeats_its_answer(lender: Lender) -> None:
    first = lender.debit("D1")

    assert lender.debit("D1") == first
    assert lender.debit("D1", expires_at="2026-03-17T06:00:00+08:00") == first
    assert [movement["order_no"] for movement in lender.movements()] == ["D1"]


@pytest.mark.parametrize(
    "other", [{"amount": "100.01"}, {"agreement_no": "AG-2"}, {"currency": "CZK"}], ids=lambda other: next(iter(other))
)
def test_refuses_a_number_that_belongs_to_another_debit(lender: Lender, other: dict[str, str]) -> None:
    lender.agree("AG-2")
    first = lender.debit("D1")

    status, refusal = lender.debit("D1", **other)

    assert (status, refusal["code"], refusal["order_no"]) == (409, "12", "D1")
    assert lender.ask("D1") == first


def test_executes_a_number_once_under_sixteen_threads(lender: Lender) -> None:
    lender.script(latency=0.005)
    answers: list[tuple[int, Any]] = []

    def hammer() -> None:
        for number in range(25):
            answers.append((number, lender.debit(f"D{number}")))

    threads = [threading.Thread(target=hammer) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(answers) == 400
    assert {number: [a for n, a in answers if n == number] for number in range(25)} == {
        number: [lender.ask(f"D{number}")] * 16 for number in range(25)
    }
    assert sorted(movement["order_no"] for movement in lender.movements()) == sorted(f"D{n}" for n in range(25))
    assert lender.balance("acc-AG-1") == "97500.00"


def test_never_executes_a_command_that_expired(lender: Lender) -> None:
    status, answer = lender.debit("D1", expires_at="2026-03-17T07:00:00+08:00")

    assert (status, answer["state"], answer["code"]) == (200, "declined", "90")
    # The number is used up: with a later hour it is not executed either.
    assert lender.debit("D1") == (status, answer)
    assert lender.movements() == []


def test_looks_at_the_clock_when_the_command_arrives_not_when_it_left(lender: Lender) -> None:
    lender.script(stuck=1, stuck_seconds=1.2)
    lender.script(clock="2026-03-17T07:59:59+08:00")

    assert lender.debit("D1")[1]["code"] == "90"
    assert lender.movements() == []


def test_declines_for_funds_agreement_limits_and_a_closed_card(lender: Lender) -> None:
    lender.agree("POOR", balance="99.99")
    lender.agree("ONE", single_limit="99.99")
    lender.agree("DAY", day_limit="150.00", single_limit=None)
    lender.agree("MONTH", month_limit="150.00")
    lender.agree("GONE")
    lender.agree("SHUT")
    assert lender.call("POST", "/rails/http/agreements/GONE/revoke")[1]["state"] == "revoked"
    lender.call("POST", "/bank/accounts", {"account": "acc-SHUT", "is_closed": True})
    assert lender.debit("D-day-1", "DAY")[1]["code"] == lender.debit("D-month-1", "MONTH")[1]["code"] == "00"

    agreements = ["POOR", "ONE", "DAY", "MONTH", "GONE", "SHUT", "NOBODY"]
    codes = {name: lender.debit(f"D-{name}", name)[1]["code"] for name in agreements}

    assert codes == {
        "POOR": "64", "ONE": "33", "DAY": "33", "MONTH": "33", "GONE": "72", "SHUT": "61", "NOBODY": "72",
    }  # fmt: skip
    lender.close("2026-03-17")
    assert lender.debit("D-day-2", "DAY")[1]["code"] == "00"
    assert lender.debit("D-month-2", "MONTH")[1]["code"] == "33"


def test_holds_agreements_that_change_until_they_are_revoked(lender: Lender) -> None:
    lender.agree("AG-7", single_limit="50000.00", bank="CZ01", holder="B-7")
    lender.agree("AG-7", single_limit="1.00", bank="CZ01", holder="B-7")

    assert lender.call("GET", "/rails/http/agreements/AG-7") == (
        200,
        {
            "agreement_no": "AG-7", "account": "acc-AG-7", "currency": "CNY", "bank": "CZ01", "holder": "B-7",
            "single_limit": "1.00", "day_limit": None, "month_limit": None, "state": "active",
        },
    )  # fmt: skip
    lender.call("POST", "/rails/http/agreements/AG-7/revoke")
    terms = {"agreement_no": "AG-7", "account": "acc-AG-7", "currency": "CNY"}
    assert lender.call("POST", "/rails/http/agreements", terms)[0] == 409
    assert lender.call("GET", "/rails/http/agreements/AG-8") == (404, {"agreement_no": "AG-8", "known": False})


@pytest.mark.parametrize(
    "wrong",
    [
        {"order_no": "x" * 36}, {"order_no": "a/b"}, {"amount": "1.001"}, {"amount": "0.00"}, {"amount": 100},
        {"amount": "-1.00"}, {"amount": "NaN"}, {"currency": "yuan"}, {"expires_at": "soon"},
        {"expires_at": "2026-03-17T08:00:00"}, {"initiated_by": "nobody"}, {"agreement_no": None}, {"currency": "CZK"},
    ],
    ids=str,
)  # fmt: skip
def test_refuses_a_malformed_command_and_takes_nothing(lender: Lender, wrong: dict[str, Any]) -> None:
    status, refusal = lender.call("POST", "/rails/http/debits", command("D1") | wrong)

    assert (status, refusal["code"]) == (400, "10")
    assert lender.ask("D1")[0] == 404


@pytest.mark.parametrize("body", [b"{", b"[]", b"\xff\xfe", b""], ids=["torn", "list", "bytes", "nothing"])
def test_refuses_what_is_no_object(lender: Lender, body: bytes) -> None:
    assert lender.call("POST", "/rails/http/debits", body)[0] == 400


def test_refuses_a_signature_that_is_wrong_or_old(sandbox: Sandbox, lender: Lender) -> None:
    status, refusal = lender.call("POST", "/rails/http/debits", command("D1"), secret="another")
    assert (status, refusal["code"]) == (401, "11")

    rail = HttpRail(teller=sandbox.bank.teller, secret=SECRET)
    old = {name.lower(): value for name, value in signed(b"", at=str(int(time.time()) - 301)).items()}
    call = Call(method="GET", path="/rails/http/debits/D1", body=b"", headers=old)
    assert rail.answer(call).status == 401
    assert lender.ask("D1")[0] == 404


def test_cuts_the_wire_before_or_after_the_debit(lender: Lender) -> None:
    lender.script(drop_after=1)
    with pytest.raises(OSError, match="closed connection"):
        lender.debit("D1")
    assert lender.ask("D1")[1]["state"] == "succeeded"

    lender.script(drop_after=0, drop_before=1)
    with pytest.raises(OSError, match="closed connection"):
        lender.debit("D2")
    assert lender.ask("D2") == (404, {"order_no": "D2", "known": False})
    assert lender.debit("D2")[1]["state"] == "succeeded"


def test_is_busy_once(lender: Lender) -> None:
    lender.script(busy=1)

    assert lender.debit("D1") == (429, {"code": "39", "error": "come back later"})
    assert lender.ask("D1")[0] == 404
    assert lender.debit("D1")[1]["code"] == "00"


def test_is_slow(lender: Lender) -> None:
    lender.script(latency=0.2)
    began = time.monotonic()
    for number in range(4):
        lender.debit(f"D{number}")

    # On average the latency; by the seed these four take 0.81 s.
    assert 0.4 < time.monotonic() - began < 1.6


def test_decides_later_what_is_processing(lender: Lender) -> None:
    lender.agree("POOR", balance="5.00")
    lender.script(processing=1, processing_seconds=0.5)

    status, answer = lender.debit("D1")
    lender.debit("D2", "POOR")

    assert (status, answer) == (202, {"order_no": "D1", "state": "processing", "code": "05", "reference": "http-1"})
    assert lender.debit("D1") == (202, answer)
    assert lender.movements() == []
    until(lambda: lender.ask("D1")[1]["state"] == "succeeded")
    until(lambda: lender.ask("D2")[1]["code"] == "64")
    assert [movement["order_no"] for movement in lender.movements()] == ["D1"]


def test_refuses_for_risk_and_with_a_code_nobody_knows(lender: Lender) -> None:
    lender.script(refuse_risk=1)
    assert lender.debit("D1")[1]["code"] == "38"
    lender.script(unmapped=1)
    assert lender.debit("D2")[1]["code"] == "Z9"
    assert lender.movements() == []


def test_debits_twice_only_where_it_is_a_faulty_bank(lender: Lender) -> None:
    lender.script(double_execute=1)

    lender.debit("D1")
    lender.debit("D1")

    assert [movement["reference"] for movement in lender.movements()] == ["http-1", "http-1-2"]
    assert lender.balance("acc-AG-1") == "99800.00"


def test_has_the_same_day_for_the_same_seed_in_whatever_order(lender: Lender) -> None:
    lender.script(refuse_risk=0.2, unmapped=0.2, return_share=0.3, processing=0)
    for number in range(60):
        lender.debit(f"D{number}")
    forth = {f"D{number}": lender.ask(f"D{number}")[1]["code"] for number in range(60)}

    with Sandbox(rail_secret=SECRET) as other:
        again = Lender(other.url)
        again.script(clock=MORNING, refuse_risk=0.2, unmapped=0.2, return_share=0.3)
        again.agree("AG-1")
        back = {f"D{number}": again.debit(f"D{number}")[1]["code"] for number in reversed(range(60))}

    assert back == forth
    assert {code: list(forth.values()).count(code) for code in ("00", "38", "Z9")} == {"00": 33, "38": 12, "Z9": 15}


def test_opens_an_account_nobody_heard_of_with_a_balance_of_its_own(lender: Lender) -> None:
    lender.script(poor=0.3, typical={"CZK": "5000"})
    for number in range(200):
        lender.agree(f"CZ-{number}", balance=None, currency="CZK")
    balances = [float(lender.balance(f"acc-CZ-{number}")) for number in range(200)]

    poor = [balance for balance in balances if balance < 5000]
    assert len(poor) == 47
    assert max(poor) < 2500
    assert min(balance for balance in balances if balance >= 5000) > 250_000


def test_sends_a_signed_notice_of_everything_that_became_final(told: Lender, desk: Desk) -> None:
    told.agree("POOR", balance="1.00")
    answer = told.debit("D1")[1]
    told.debit("D2", "POOR")

    until(lambda: len(desk.notices) == 2)

    assert sorted(told_of(desk.notices)) == [("D1", "succeeded", "00"), ("D2", "declined", "64")]
    assert next(notice for notice in desk.notices if notice["order_no"] == "D1") == {
        "notice_id": "http-1-succeeded", "order_no": "D1", "event": "succeeded", "amount": "100.00", "currency": "CNY",
        "at": answer["at"], "code": "00", "reference": "http-1",
    }  # fmt: skip


def test_sends_a_notice_until_it_is_taken(told: Lender, desk: Desk) -> None:
    desk.refusals = 2
    told.debit("D1")

    until(lambda: desk.notices)

    assert told_of(desk.notices) == [("D1", "succeeded", "00")]


def test_keeps_notices_quiet_or_sends_them_twice_or_late(told: Lender, desk: Desk) -> None:
    told.script(no_notice=1)
    told.debit("D-quiet")
    told.script(no_notice=0, late_notice=1, late_seconds=0.6)
    told.debit("D-late")
    told.script(late_notice=0, double_notice=1)
    told.debit("D-twice")

    until(lambda: len(desk.notices) == 3)

    assert [notice["order_no"] for notice in desk.notices] == ["D-twice", "D-twice", "D-late"]
    assert desk.notices[0] == desk.notices[1]


def test_takes_a_debit_back_days_later_and_says_so(told: Lender, desk: Desk) -> None:
    told.script(return_share=1, return_days=2, return_days_most=5)
    debited = told.debit("D1")[1]["at"]
    assert told.close("2026-03-17") | {"closed": []} == {
        "date": "2026-03-17", "returns": 0, "closed": [], "differences": [],
    }  # fmt: skip
    assert told.close("2026-03-22")["returns"] == 1

    answer = told.ask("D1")[1]

    assert (answer["state"], answer["debited_at"]) == ("returned", debited)
    assert answer["code"] in {"AC06", "MD06", "MS02"}
    until(lambda: len(desk.notices) == 2)
    assert sorted(told_of(desk.notices)) == [("D1", "returned", answer["code"]), ("D1", "succeeded", "00")]
    assert told.balance("acc-AG-1") == "100000.00"
    assert told.debit("D1") == (200, answer)


def test_sends_after_a_start_what_nobody_took_before(books: Path, desk: Desk) -> None:
    desk.refusals = 10**6
    with Sandbox(rail_secret=SECRET, bank_state=books, rail_hooks=desk.address, rail_code="union") as sandbox:
        lender = Lender(sandbox.url)
        lender.script(clock=MORNING)
        lender.agree("AG-1")
        lender.debit("D1")
        until(lambda: desk.refusals < 10**6)
    desk.refusals = 0
    for _ in range(2):
        with Sandbox(rail_secret=SECRET, bank_state=books, rail_hooks=desk.address, rail_code="union") as sandbox:
            until(lambda: desk.notices)
            until(lambda running=sandbox: running.bank.courier.waiting == 0)

    assert told_of(desk.notices) == [("D1", "succeeded", "00")]


@pytest.mark.parametrize(
    "wrong",
    [
        {"drops": 0.1}, {"drop_after": 1.1}, {"drop_after": "x"}, {"drop_after": -1}, {"clock": "2026-03-17T07:00:00"},
        {"zone": "Moon/Base"}, {"cut_off": "25:00"}, {"typical": {"CNY": "-1"}}, {"return_days": 9}, {"seed": "x"},
    ],
    ids=str,
)  # fmt: skip
def test_refuses_a_script_it_cannot_play_and_keeps_the_old_one(lender: Lender, wrong: dict[str, Any]) -> None:
    before = lender.call("GET", "/bank/script")

    status, refusal = lender.call("POST", "/bank/script", {"latency": 0.5, **wrong})

    assert status == 400
    assert refusal["error"]
    assert lender.call("GET", "/bank/script") == before


def test_scripts_one_rail_apart_from_the_other(lender: Lender) -> None:
    lender.script(rail="iso20022", unmapped=1)

    assert lender.debit("D1")[1]["code"] == "00"
    assert lender.call("GET", "/bank/script")[1]["own"]["iso20022"]["unmapped"] == 1
