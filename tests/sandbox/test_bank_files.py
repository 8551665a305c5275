"""The file rail: pain.008 in, each entry executed once; pain.002, camt.054 and camt.053 out."""

import hashlib
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from backoffice.sandbox.bank import file_rail
from backoffice.sandbox.serving import Sandbox
from tests.sandbox.lender import MORNING, SECRET, Lender, pain_008, until


def plain(text: str) -> ElementTree.Element:
    """The message with its name spaces taken off."""
    root = ElementTree.fromstring(text)  # noqa: S314 - our own bank wrote it
    for element in root.iter():
        element.tag = element.tag.rpartition("}")[2]
    return root


def told(text: str, path: str, *fields: str) -> list[tuple[str | None, ...]]:
    return [tuple(element.findtext(field) for field in fields) for element in plain(text).iterfind(path)]


def refusals(text: str) -> list[tuple[str | None, ...]]:
    path = "CstmrPmtStsRpt/OrgnlPmtInfAndSts/TxInfAndSts"
    return told(text, path, "OrgnlEndToEndId", "TxSts", "StsRsnInf/Rsn/Cd")


def group(text: str) -> tuple[str | None, ...]:
    path = "CstmrPmtStsRpt/OrgnlGrpInfAndSts"
    return told(text, path, "OrgnlMsgId", "OrgnlMsgNmId", "GrpSts", "StsRsnInf/Rsn/Cd")[0]


def entries(text: str) -> list[tuple[str | None, ...]]:
    fields = ("NtryDtls/TxDtls/Refs/EndToEndId", "Amt", "CdtDbtInd", "Sts", "NtryDtls/TxDtls/RtrInf/Rsn/Cd")
    return told(text, ".//Ntry", *fields)


def balances(text: str) -> list[tuple[str | None, ...]]:
    return told(text, ".//Bal", "Tp/CdOrPrtry/Cd", "Amt", "CdtDbtInd", "Dt/Dt")


def news(lender: Lender, *, count: int, kind: str = "") -> list[str]:
    """The texts of the files of a kind, once so many are written."""
    until(lambda: len(lender.files(kind)) >= count)
    return [lender.file(name) for name in lender.files(kind)]


def test_answers_the_file_then_what_was_refused_then_what_was_debited(lender: Lender) -> None:
    lender.agree("POOR", balance="1.00")
    asked = pain_008("B-1", [("D1", "AG-1", "1093.00"), ("D2", "POOR", "50.00"), ("D3", "AG-1", "7.00")])

    status, answer = lender.put("b-1.xml", asked)

    assert (status, answer) == (202, {"name": "b-1.xml", "digest": hashlib.sha256(asked.encode()).hexdigest()})
    accepted, refused, debited = news(lender, count=3)
    assert group(accepted) == group(refused) == ("B-1", "pain.008.001.02", "ACTC", None)
    assert refusals(accepted) == []
    assert refusals(refused) == [("D2", "RJCT", "AM04")]
    assert entries(debited) == [("D1", "1093.00", "CRDT", "BOOK", None), ("D3", "7.00", "CRDT", "BOOK", None)]
    assert lender.balance("acc-AG-1") == "98900.00"
    listed = lender.call("GET", "/rails/iso20022/files/")[1]["files"]
    assert [file["kind"] for file in listed] == ["pain.002.001.03", "pain.002.001.03", "camt.054.001.02"]
    body = lender.file(listed[0]["name"]).encode()
    assert (listed[0]["size"], listed[0]["digest"]) == (len(body), hashlib.sha256(body).hexdigest())


def test_keeps_the_elements_of_an_entry_in_the_order_of_the_schema(lender: Lender) -> None:
    lender.script(return_share=1, return_days=1, return_days_most=1)
    lender.put("b-1.xml", pain_008("B-1", [("D1", "AG-1", "10.00")]))
    news(lender, count=2)
    lender.close("2026-03-18")

    returned = plain(news(lender, count=2, kind="camt.054")[1]).find(".//Ntry")

    assert returned is not None
    assert [child.tag for child in returned] == [
        "NtryRef", "Amt", "CdtDbtInd", "RvslInd", "Sts", "BookgDt", "ValDt", "AcctSvcrRef", "BkTxCd", "NtryDtls",
    ]  # fmt: skip
    assert [child.tag for child in returned.iterfind("NtryDtls/TxDtls/*")] == ["Refs", "RtrInf"]


def test_takes_the_same_file_once_and_no_other_under_its_name(lender: Lender) -> None:
    asked = pain_008("B-1", [("D1", "AG-1", "10.00")])
    first = lender.put("b-1.xml", asked)
    news(lender, count=2)

    assert lender.put("b-1.xml", asked) == first
    assert lender.put("b-1.xml", pain_008("B-1", [("D1", "AG-1", "11.00")]))[0] == 409
    lender.put("b-2.xml", pain_008("B-2", [("D9", "AG-1", "10.00")]))
    news(lender, count=4)
    assert [movement["order_no"] for movement in lender.movements()] == ["D1", "D9"]


def test_executes_an_order_once_whatever_file_it_comes_in(lender: Lender) -> None:
    lender.put("b-1.xml", pain_008("B-1", [("D1", "AG-1", "10.00")] * 3))
    assert refusals(news(lender, count=3)[1]) == [("D1", "RJCT", "AM05")]
    lender.put("b-2.xml", pain_008("B-2", [("D1", "AG-1", "10.00"), ("D2", "AG-1", "10.00")]))
    assert refusals(news(lender, count=6)[4]) == [("D1", "RJCT", "AM05")]

    assert [movement["order_no"] for movement in lender.movements()] == ["D1", "D2"]


@pytest.mark.parametrize(
    ("more", "reason"), [({"count": "3"}, "AM18"), ({"sum": "21.00"}, "AM10")], ids=["count", "sum"]
)
def test_refuses_a_file_whose_totals_are_wrong_whole(lender: Lender, more: dict[str, str], reason: str) -> None:
    lender.put("b-1.xml", pain_008("B-1", [("D1", "AG-1", "10.00"), ("D2", "AG-1", "10.00")], **more))

    assert group(news(lender, count=1)[0]) == ("B-1", "pain.008.001.02", "RJCT", reason)
    assert lender.movements() == []


def test_refuses_a_message_that_was_sent_under_another_name(lender: Lender) -> None:
    lender.put("b-1.xml", pain_008("B-1", [("D1", "AG-1", "10.00")]))
    news(lender, count=2)
    lender.put("b-2.xml", pain_008("B-1", [("D2", "AG-1", "10.00")]))

    assert group(news(lender, count=3)[2])[2:] == ("RJCT", "AM05")
    assert [movement["order_no"] for movement in lender.movements()] == ["D1"]


GOOD = pain_008("B-1", [("D1", "AG-1", "10.00")])


@pytest.mark.parametrize(
    "text",
    [
        GOOD[:-20],
        GOOD.replace("pain.008.001.02", "pain.008.001.08"),
        GOOD.replace("?>", '?><!DOCTYPE Document [<!ENTITY a "aaaa">]>', 1),
        GOOD.replace("?>", '?><!DOCTYPE Document SYSTEM "file:///etc/passwd">', 1),
        GOOD.replace("<MsgId>B-1</MsgId>", ""),
        GOOD.replace("10.00</InstdAmt>", "10.001</InstdAmt>"),
        GOOD.replace("10.00</InstdAmt>", "-10.00</InstdAmt>"),
        GOOD.replace("10.00</InstdAmt>", "NaN</InstdAmt>"),
        GOOD.replace("2026-03-17</ReqdColltnDt>", "tomorrow</ReqdColltnDt>"),
        GOOD.replace("<PmtMtd>DD", "<PmtMtd>CHK"),
        GOOD.replace('encoding="UTF-8"', 'encoding="nobody-knows"'),
        "",
    ],
    ids=["torn", "version", "entity", "outside", "id", "cents", "negative", "nan", "date", "method", "code", "nothing"],
)
def test_refuses_what_it_cannot_read_and_takes_nothing(lender: Lender, text: str) -> None:
    status, refusal = lender.put("b-1.xml", text)

    assert (status, refusal["code"]) == (400, "10")
    assert refusal["error"]
    assert lender.put("b-1.xml", GOOD)[0] == 202


def test_knows_only_its_own_files(lender: Lender) -> None:
    assert lender.call("GET", "/rails/iso20022/files/nothing.xml") == (404, {"name": "nothing.xml", "known": False})
    assert lender.call("GET", "/rails/iso20022/files/..%2Fbank.jsonl")[0] == 404
    assert lender.call("PUT", "/rails/iso20022/files/a/b.xml", GOOD.encode())[0] == 404
    assert lender.call("PUT", "/rails/iso20022/files/b.xml", GOOD.encode(), secret="another")[0] == 401


def test_refuses_another_account_a_past_day_and_another_currency(lender: Lender) -> None:
    wrong = pain_008("B-1", [("D1", "AG-1", "10.00")]).replace("acc-AG-1", "acc-X")
    lender.put("b-1.xml", wrong)
    lender.put("b-2.xml", pain_008("B-2", [("D2", "AG-1", "10.00")], on="2026-03-16"))
    lender.put("b-3.xml", pain_008("B-3", [("D3", "AG-1", "10.00")], currency="CZK"))

    reports = news(lender, count=6)

    assert [refusals(report) for report in reports if refusals(report)] == [
        [("D1", "RJCT", "AC01")], [("D2", "RJCT", "DT01")], [("D3", "RJCT", "AM03")],
    ]  # fmt: skip
    assert lender.movements() == []


def test_takes_an_agreement_it_never_heard_of_from_the_file(lender: Lender) -> None:
    by_code = pain_008("B-2", [("D2", "AG-8", "10.00")]).replace("<BIC>FIOBCZPPXXX</BIC>", "<Othr><Id>CZ01</Id></Othr>")
    lender.put("b-1.xml", pain_008("B-1", [("D1", "AG-7", "10.00")]))
    lender.put("b-2.xml", by_code)
    news(lender, count=2, kind="camt.054")

    found = [lender.call("GET", f"/rails/http/agreements/{name}")[1] for name in ("AG-7", "AG-8")]

    assert [(one["account"], one["bank"], one["holder"]) for one in found] == [
        ("acc-AG-7", "FIOBCZPPXXX", "B-1"), ("acc-AG-8", "CZ01", "B-1"),
    ]  # fmt: skip


def test_waits_for_the_day_of_collection(lender: Lender) -> None:
    lender.put("b-1.xml", pain_008("B-1", [("D1", "AG-1", "10.00")], on="2026-03-18"))
    news(lender, count=1)
    lender.close("2026-03-17")
    assert lender.movements() == []

    lender.script(clock="2026-03-18T00:00:01+08:00")

    assert entries(news(lender, count=1, kind="camt.054")[0])[0][0] == "D1"
    assert [movement["day"] for movement in lender.movements()] == ["2026-03-18"]


def test_tells_later_twice_or_never_as_the_script_says(lender: Lender) -> None:
    lender.script(processing=1, processing_seconds=0.3)
    lender.agree("POOR", balance="1.00")
    lender.put("b-1.xml", pain_008("B-1", [("D1", "AG-1", "10.00"), ("D2", "POOR", "10.00")]))
    assert refusals(news(lender, count=2, kind="pain.002")[1]) == [("D2", "RJCT", "AM04")]
    assert len(news(lender, count=1, kind="camt.054")) == 1

    lender.script(processing=0, double_notice=1)
    lender.put("b-2.xml", pain_008("B-2", [("D3", "AG-1", "10.00")]))
    assert [entries(text)[0][0] for text in news(lender, count=3, kind="camt.054")] == ["D1", "D3", "D3"]

    lender.script(double_notice=0, no_notice=1)
    lender.put("b-3.xml", pain_008("B-3", [("D4", "AG-1", "10.00"), ("D5", "POOR", "10.00")]))
    # What was refused is always told; what was debited stands in the statement.
    assert refusals(news(lender, count=5, kind="pain.002")[4]) == [("D5", "RJCT", "AM04")]
    lender.close("2026-03-17")
    assert len(lender.files("camt.054")) == 3
    assert [entry[0] for entry in entries(news(lender, count=1, kind="camt.053")[0])] == ["D1", "D3", "D4"]


def test_the_statement_leads_from_one_balance_to_the_next(lender: Lender) -> None:
    lender.agree("CZ-1", currency="CZK")
    lender.script(return_share=1, return_days=1, return_days_most=1)
    lender.put("b-1.xml", pain_008("B-1", [("D1", "AG-1", "100.00"), ("D2", "AG-1", "11.50")]))
    news(lender, count=2)
    lender.script(return_share=0)
    lender.put("b-2.xml", pain_008("B-2", [("D3", "CZ-1", "9.00")], currency="CZK"))
    news(lender, count=4)

    lender.close("2026-03-19")

    first, second, third = news(lender, count=3, kind="camt.053")
    assert balances(first) == [
        ("OPBD", "0.00", "CRDT", "2026-03-17"), ("CLBD", "111.50", "CRDT", "2026-03-17"),
        ("OPBD", "0.00", "CRDT", "2026-03-17"), ("CLBD", "9.00", "CRDT", "2026-03-17"),
    ]  # fmt: skip
    assert [entry[2:4] for entry in entries(second)] == [("DBIT", "BOOK")] * 2
    assert {entry[4] for entry in entries(second)} <= {"AC06", "MD06", "MS02"}
    assert balances(second)[:2] == [
        ("OPBD", "111.50", "CRDT", "2026-03-18"), ("CLBD", "0.00", "CRDT", "2026-03-18"),
    ]  # fmt: skip
    assert (entries(third), balances(third)[3]) == ([], ("CLBD", "9.00", "CRDT", "2026-03-19"))


def test_differences_in_a_statement_are_made_on_purpose_and_add_up(lender: Lender) -> None:
    lender.script(settle_status=1)
    lender.put("b-1.xml", pain_008("B-1", [("D1", "AG-1", "100.00")]))
    news(lender, count=2)

    assert lender.close("2026-03-17")["differences"] == [
        {"order_no": "D1", "kind": "debit", "what": "settle_status", "rail": "iso20022"}
    ]
    statement = news(lender, count=1, kind="camt.053")[0]
    assert entries(statement) == [("D1", "100.00", "CRDT", "PDNG", None)]
    assert [balance[1] for balance in balances(statement)] == ["0.00", "0.00"]


def test_cuts_the_wire_and_is_busy_with_files_too(lender: Lender) -> None:
    lender.script(drop_after=1)
    with pytest.raises(OSError, match="closed connection"):
        lender.put("b-1.xml", GOOD)
    assert lender.put("b-1.xml", GOOD)[0] == 202
    lender.script(drop_after=0, busy=1)
    assert lender.put("b-2.xml", pain_008("B-2", [("D2", "AG-1", "1.00")]))[0] == 429
    assert lender.put("b-2.xml", pain_008("B-2", [("D2", "AG-1", "1.00")]))[0] == 202
    until(lambda: len(lender.movements()) == 2)


def test_goes_on_after_a_start_with_a_file_that_was_half_executed(books: Path) -> None:
    orders = [(f"D{number}", "AG-1", "10.00") for number in range(50)]

    class Died(Exception):
        pass

    with Sandbox(rail_secret=SECRET, bank_state=books) as sandbox:
        lender = Lender(sandbox.url)
        lender.script(clock=MORNING)
        lender.agree("AG-1")
        sandbox.bank.files.work = lambda: None  # type: ignore[method-assign]
        lender.put("b-1.xml", pain_008("B-1", orders))
        teller, debit = sandbox.bank.teller, sandbox.bank.teller.debit

        def dies(command: Any, **more: Any) -> Any:
            if command.order_no == "D20":
                raise Died
            return debit(command, **more)

        teller.debit = dies  # type: ignore[method-assign]
        with pytest.raises(Died):
            type(sandbox.bank.files).work(sandbox.bank.files)
        assert len(lender.movements()) == 20

    with Sandbox(rail_secret=SECRET, bank_state=books) as sandbox:
        lender = Lender(sandbox.url)
        texts = news(lender, count=2)
        assert group(texts[0])[2] == "ACTC"
        assert [entry[0] for entry in entries(texts[1])] == [order for order, _, _ in orders]
        assert [movement["order_no"] for movement in lender.movements()] == [order for order, _, _ in orders]
        assert len(lender.files()) == 2


def test_lists_a_page_of_files_after_the_one_that_is_named(lender: Lender, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(file_rail, "PAGE", 2)
    lender.put("b-1.xml", pain_008("B-1", [("D1", "AG-1", "10.00")]))
    until(lambda: len(pages(lender)) == 1)
    lender.put("b-2.xml", pain_008("B-2", [("D2", "AG-1", "10.00")]))
    until(lambda: len(pages(lender)) == 2)

    first, second = pages(lender)

    assert [file["kind"][:8] for file in first + second] == ["pain.002", "camt.054"] * 2
    assert lender.call("GET", f"/rails/iso20022/files/?after={second[-1]['name']}")[1] == {
        "files": [],
        "has_more": False,
    }
    assert lender.call("GET", "/rails/iso20022/files/?after=never.xml")[1]["files"] == first


def pages(lender: Lender) -> list[list[dict[str, Any]]]:
    """The list page by page, each full one followed by the next."""
    found: list[list[dict[str, Any]]] = []
    after, has_more = "", True
    while has_more:
        said = lender.call("GET", f"/rails/iso20022/files/{after}")[1]
        if said["files"]:
            found.append(said["files"])
            after = f"?after={said['files'][-1]['name']}"
        has_more = said["has_more"]
    return found
