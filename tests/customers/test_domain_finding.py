"""Names in every script, and how a query is read."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backoffice.customers.domain import names
from backoffice.customers.domain.finding import Kind, Match, Term, probes_of, terms_of_identity, tidy
from tests.customers.factories import full_width

COUNTRIES = ("CN", "US", "UG")


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("Zoë O'Brien-Smith", ("zoe", "obrien", "smith")),
        ("  ÉLODIE  ", ("elodie",)),
        ("王·小明", ("王", "小明")),
        (full_width("Wang"), ("wang",)),
        ("Straße", ("strasse",)),
        ("김철수", ("김철수",)),
        ("", ()),
        ("---", ()),
    ],
)
def test_words_of_a_name_have_no_case_accent_or_punctuation(name, words):
    assert names.words_of(name) == words


def test_a_chinese_name_is_found_by_family_name_given_name_and_all_of_it():
    assert names.beginnings_of(full="王小明", family="", given="") == {"王", "王小", "王小明", "小", "小明", "明"}


def test_a_family_name_of_two_characters_is_found_by_either_part():
    found = names.beginnings_of(full="欧阳娜娜", family="欧阳", given="娜娜")

    assert {"欧", "欧阳", "欧阳娜", "欧阳娜娜", "娜", "娜娜"} <= found


def test_a_latin_name_is_found_from_two_letters_of_any_word():
    assert names.beginnings_of(full="Li Anna", family="", given="") == {"li", "an", "ann", "anna"}


@given(st.text(alphabet=st.characters(codec="utf-8"), max_size=40))
def test_every_probe_of_a_name_is_among_the_beginnings_it_is_indexed_under(name):
    assert set(names.probes_of(name)) <= names.beginnings_of(full=name, family="", given="")


@pytest.mark.parametrize(
    ("query", "probes"),
    [
        ("wei li", ("wei", "li")),
        ("L", ()),
        ("j smith", ("smith",)),
        ("王", ("王",)),
        ("Christopherson", ("christophe",)),
        ("a b c", ()),
        ("one two three four five", ("three", "five", "four", "one")),
    ],
)
def test_a_typed_name_is_looked_up_by_its_words_the_longest_first(query, probes):
    assert names.probes_of(query) == probes


@pytest.mark.parametrize(
    ("name", "masked"), [("John  Smith", "J••• S•••"), ("王小明", "王•••"), ("", ""), ("Ng", "N•••")]
)
def test_a_masked_name_shows_first_letters_and_not_its_length(name, masked):
    assert names.mask_name(name) == masked


@pytest.mark.parametrize(
    ("full", "family", "given", "shown"),
    [
        ("", "王", "小明", "王小明"),
        ("", "Smith", "John", "John Smith"),
        ("J.  Smith ", "Smith", "John", "J. Smith"),
        ("", "", "", ""),
        ("", "", "Madonna", "Madonna"),
    ],
)
def test_a_name_is_shown_as_given_or_built_in_the_order_of_its_script(full, family, given, shown):
    assert names.full_name_of(full=full, family=family, given=given) == shown


def matches(query):
    return [probe.match for probe in probes_of(query, countries=COUNTRIES)]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("5678", [Match.EXTERNAL_ID, Match.LAST_FOUR, Match.EXTERNAL_ID_PREFIX]),
        ("002x", [Match.EXTERNAL_ID, Match.LAST_FOUR, Match.EXTERNAL_ID_PREFIX]),
        ("13812345678", [Match.EXTERNAL_ID, Match.IDENTITY, Match.PHONE, Match.EXTERNAL_ID_PREFIX]),
        ("11010519491231002X", [Match.EXTERNAL_ID, Match.IDENTITY, Match.EXTERNAL_ID_PREFIX]),
        ("ada@example.org", [Match.EXTERNAL_ID, Match.EMAIL, Match.EXTERNAL_ID_PREFIX]),
        ("王小明", [Match.EXTERNAL_ID, Match.NAME, Match.EXTERNAL_ID_PREFIX]),
        ("王", [Match.EXTERNAL_ID, Match.NAME]),
        ("L", [Match.EXTERNAL_ID]),
        ("8a858e", [Match.EXTERNAL_ID, Match.IDENTITY, Match.EXTERNAL_ID_PREFIX]),
        ("", []),
        ("   ", []),
        ("--;%_'", []),
        ("\x00", []),
    ],
)
def test_a_query_is_read_in_every_way_it_can_be_meant_the_surest_first(query, expected):
    assert matches(query) == expected
    assert expected == sorted(expected, key=lambda match: match.rank)


def test_full_width_digits_and_invisible_characters_make_no_difference():
    assert tidy("\u200b" + full_width("138") + "\u00a01234\t5678\x00") == "138 1234 5678"
    assert matches(full_width("13812345678")) == matches("13812345678")


def test_an_endless_query_is_cut():
    assert len(tidy("x" * 100_000)) == 100


def test_a_phone_query_asks_for_every_reading_in_one_group():
    (probe,) = [probe for probe in probes_of("0712 345678", countries=COUNTRIES) if probe.match is Match.PHONE]

    (group,) = probe.all_of
    assert {Term(Kind.PHONE, "256712345678"), Term(Kind.PHONE, "712345678"), Term(Kind.PHONE, "0712345678")} <= group


def test_an_identity_number_is_indexed_in_full_and_by_its_last_four():
    assert terms_of_identity("536-90-4399") == {
        Term(Kind.IDENTITY, "536904399"),
        Term(Kind.IDENTITY_LAST4, "4399"),
    }


@given(st.text(max_size=60))
def test_no_query_breaks_the_reading(query):
    for probe in probes_of(query, countries=COUNTRIES):
        assert probe.external_id or all(probe.all_of)
