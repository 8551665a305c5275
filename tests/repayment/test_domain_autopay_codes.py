"""What a rail's code means: families of mechanics 3.7, read strictly from the table."""

import re

import pytest

from backoffice.repayment.domain.autopay.codes import (
    ISO20022,
    UNIONPAY,
    BadCodes,
    Confidence,
    Family,
    ReturnCode,
    family_of,
    read_codes,
    shipped_codes,
)

ENTRY = """
[[unionpay]]
code = "64"
family = "insufficient_funds"
en = "The balance does not suffice."
zh = "卡内余额不足。"
source = "mechanics 3.7"
confidence = "C"
"""

OF_MECHANICS = {
    Family.INSUFFICIENT_FUNDS: ("64", "51"),
    Family.LIMIT: ("33",),
    Family.CARD_INVALID: ("61", "63", "73"),
    Family.AGREEMENT: ("40", "72", "77"),
    Family.IDENTITY: ("65", "66", "67", "71"),
    Family.RISK: ("38", "78"),
    Family.BUSY: ("02", "06", "39"),
    Family.UNKNOWN: ("03", "04", "05", "42", "69", "70", "74", "75"),
    Family.DUPLICATE: ("12",),
    Family.MERCHANT: ("31", "32", "43", "62", "68"),
    Family.REQUEST: ("10", "11", "13"),
    Family.DONE: ("00",),
    Family.EXPIRED: ("90",),
}


@pytest.mark.parametrize(
    ("family", "code"), [(family, code) for family, codes in OF_MECHANICS.items() for code in codes]
)
def test_puts_every_code_of_the_mechanics_into_its_family(family: Family, code: str) -> None:
    assert family_of(UNIONPAY, code) == family


@pytest.mark.parametrize(
    ("code", "family"),
    [
        ("AM04", Family.INSUFFICIENT_FUNDS),
        ("AC04", Family.CARD_INVALID),
        ("AC06", Family.CARD_INVALID),
        ("MD01", Family.AGREEMENT),
        ("MD06", Family.RETURNED_BY_PAYER),
        ("MD07", Family.DECEASED),
        ("MS02", Family.RETURNED_BY_PAYER),
        ("AM05", Family.DUPLICATE),
        ("FF01", Family.REQUEST),
        ("TM01", Family.EXPIRED),
    ],
)
def test_puts_codes_of_iso_20022_into_families(code: str, family: Family) -> None:
    assert family_of(ISO20022, code) == family


def test_leaves_a_code_nobody_mapped_without_a_family() -> None:
    assert family_of(UNIONPAY, "ZZ") is None
    assert family_of("another scheme", "00") is None


def test_does_not_lend_codes_from_one_scheme_to_the_other() -> None:
    assert family_of(ISO20022, "64") is None
    assert family_of(UNIONPAY, "AM04") is None


def test_knows_the_three_failures_after_which_the_money_has_left_the_card() -> None:
    assert {each.code for each in shipped_codes() if each.was_debited} == {"42", "74", "75"}
    assert {each.family for each in shipped_codes() if each.was_debited} == {Family.UNKNOWN}


def test_uses_every_family_at_least_once() -> None:
    assert {each.family for each in shipped_codes()} == set(Family)


def test_says_every_meaning_in_both_languages() -> None:
    for each in shipped_codes():
        assert each.en.endswith(".")
        assert re.search("[\u4e00-\u9fff].*。$", each.zh), each


def test_reads_an_entry() -> None:
    assert list(read_codes(ENTRY)) == [
        ReturnCode(
            scheme="unionpay",
            code="64",
            family=Family.INSUFFICIENT_FUNDS,
            en="The balance does not suffice.",
            zh="卡内余额不足。",
            source="mechanics 3.7",
            confidence=Confidence.PUBLIC_CODE,
            was_debited=False,
            not_taken=False,
        )
    ]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (ENTRY + ENTRY, "unionpay entry 2: 64 stands twice"),
        (ENTRY.replace("insufficient_funds", "poor"), "unionpay entry 1: 'poor' is not a valid Family"),
        (ENTRY.replace('"C"', '"Q"'), "unionpay entry 1: 'Q' is not a valid Confidence"),
        (ENTRY.replace("en = ", "english = "), "unionpay entry 1: english is not known"),
        (ENTRY.replace('en = "The balance does not suffice."', ""), "unionpay entry 1: en must be a text"),
        (ENTRY.replace('code = "64"', "code = 64"), "unionpay entry 1: code must be a text"),
        (ENTRY + 'was_debited = "yes"', "unionpay entry 1: was_debited must be true or false"),
        (ENTRY + "not_taken = 1", "unionpay entry 1: not_taken must be true or false"),
        (ENTRY.replace("unionpay", "visa"), "visa is not a scheme"),
        ('unionpay = "64"', "unionpay is not a scheme"),
        ("unionpay = [64]", "unionpay entry 1 is not a table"),
        ("[[unionpay]", "Expected ']]' at the end of an array declaration (at line 1, column 11)"),
    ],
)
def test_refuses_a_table_and_names_the_entry(text: str, said: str) -> None:
    with pytest.raises(BadCodes, match=f"^{re.escape(said)}$"):
        read_codes(text)
