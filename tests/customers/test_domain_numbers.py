"""Identity, card and phone numbers: what the libraries accept, how they are written alike, how they are masked."""

from datetime import date

import pytest

from backoffice.customers.domain import contacts, identities
from tests.customers.factories import full_width


@pytest.mark.parametrize(
    ("kind", "text", "normal"),
    [
        ("cn_ric", "11010519491231002x", "11010519491231002X"),
        ("in_aadhaar", "2341 2341 2346", "234123412346"),
        ("in_pan", "acupa7085r", "ACUPA7085R"),
        ("us_ssn", "536-90-4399", "536904399"),
        ("other", "ab-12/3", "AB123"),
    ],
)
def test_a_number_of_its_kind_is_written_without_spaces_and_in_capitals(kind, text, normal):
    assert identities.normalise_identity(text, kind=kind) == normal


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        ("cn_ric", "110105194912310021"),
        ("cn_ric", "11010519490231002X"),
        ("cn_ric", "1101051949123100"),
        ("in_aadhaar", "234123412347"),
        ("in_aadhaar", "034123412346"),
        ("in_pan", "ACUPA7085"),
        ("us_ssn", "666-90-4399"),
        ("us_ssn", "536904399; DROP TABLE"),
        ("other", "12"),
        ("xx_none", "12345"),
    ],
)
def test_a_number_that_does_not_fit_its_kind_is_refused(kind, text):
    with pytest.raises(identities.NotAnIdentityNumber):
        identities.normalise_identity(text, kind=kind)


def test_a_number_that_tells_the_date_of_birth_tells_it():
    assert identities.birth_date_of("11010519491231002X", kind="cn_ric") == date(1949, 12, 31)
    assert identities.birth_date_of("234123412346", kind="in_aadhaar") is None
    assert identities.birth_date_of("12345", kind="other") is None


def test_every_kind_names_a_country_and_a_check():
    assert {kind.country for kind in identities.KINDS.values()} == {
        "CN",
        "IN",
        "US",
        "MX",
        "CZ",
        "BR",
        "ID",
        "KE",
        "ZA",
    }


@pytest.mark.parametrize(
    ("text", "digits"), [("4111 1111 1111 1111", "4111111111111111"), ("6011-0009-9013-9424", "6011000990139424")]
)
def test_a_card_number_with_a_fitting_check_digit_is_accepted(text, digits):
    assert identities.normalise_card(text) == digits


@pytest.mark.parametrize(
    "text", ["4111111111111112", "411111111111", "", "4111111111111111x", "4" * 20, full_width("4111111111111111")]
)
def test_a_card_number_that_does_not_fit_is_refused(text):
    with pytest.raises(identities.NotACardNumber):
        identities.normalise_card(text)


@pytest.mark.parametrize(("text", "masked"), [("11010519491231002X", "•••• 002X"), ("1234", "•••• 1234"), ("", "")])
def test_a_masked_number_shows_its_last_four_and_not_its_length(text, masked):
    assert identities.mask_number(text) == masked


@pytest.mark.parametrize(
    ("text", "country", "e164", "national", "of", "masked"),
    [
        ("138 1234 5678", "CN", "+8613812345678", "13812345678", "CN", "+86 •••• 5678"),
        ("+44 (0)20 7946 0018", "", "+442079460018", "2079460018", "GB", "+44 •••• 0018"),
        ("0712 345678", "UG", "+256712345678", "712345678", "UG", "+256 •••• 5678"),
        ("(415) 555-2671", "US", "+14155552671", "4155552671", "US", "+1 •••• 2671"),
        ("+86 13812345678", "US", "+8613812345678", "13812345678", "CN", "+86 •••• 5678"),
        (full_width("0712345678"), "UG", "+256712345678", "712345678", "UG", "+256 •••• 5678"),
    ],
)
def test_a_phone_is_read_in_the_writing_of_its_country(text, country, e164, national, of, masked):
    phone = contacts.read_phone(text, country=country)

    assert (phone.e164, phone.national, phone.country, phone.masked) == (e164, national, of, masked)


def test_a_phone_knows_the_time_zones_it_may_ring_in():
    assert contacts.read_phone("+14155552671", country="").time_zones == ("America/Los_Angeles",)
    assert "America/New_York" in contacts.read_phone("+18005551212", country="").time_zones


@pytest.mark.parametrize(
    ("text", "country"),
    [
        ("13812345678", ""),
        ("12345", "CN"),
        ("+999123456789", ""),
        ("", "CN"),
        ("call me", "CN"),
        ("138 1234 567", "CN"),
    ],
)
def test_what_cannot_be_a_phone_is_refused(text, country):
    with pytest.raises(contacts.NotAPhone):
        contacts.read_phone(text, country=country)


@pytest.mark.parametrize(
    ("text", "country"),
    [
        ("1-800-FLOWERS", "US"),
        ("+420 800 123 456", ""),
        ("+420 811 123 456", "CZ"),
        ("+1 900 555 2671", ""),
        ("+44 345 123 4567", ""),
        ("400 810 1234", "CN"),
    ],
)
def test_a_hotline_or_paid_service_is_no_persons_phone(text, country):
    assert contacts.read_phone(text, country=country).e164
    with pytest.raises(contacts.NotAPersonsPhone):
        contacts.read_persons_phone(text, country=country)


@pytest.mark.parametrize("text", ["+420 721 123 456", "+49 700 12345678", "+44 5612 345678", "+852 29001234"])
def test_a_mobile_fixed_personal_or_internet_number_may_be_a_persons(text):
    assert contacts.read_persons_phone(text, country="").e164 == text.replace(" ", "")


@pytest.mark.parametrize("typed", ["+86 138 1234 5678", "0086-13812345678", "138 1234 5678", "(138)12345678"])
def test_a_search_reads_a_phone_in_any_writing(typed):
    phone = contacts.read_phone("13812345678", country="CN")

    readings = contacts.possible_phone_digits(typed, countries=("CN", "US"))

    assert readings & {phone.digits, phone.national}


@pytest.mark.parametrize(
    ("text", "address", "masked"),
    [(" Ada@Example.org ", "ada@example.org", "a•••@example.org"), ("a.b+c@x.co.uk", "a.b+c@x.co.uk", "a•••@x.co.uk")],
)
def test_an_email_address_is_written_in_small_letters(text, address, masked):
    assert contacts.read_email(text) == address
    assert contacts.mask_email(address) == masked


@pytest.mark.parametrize("text", ["", "ada", "ada@", "@example.org", "a b@example.org", "ada@example", "a@@b.org"])
def test_what_cannot_be_an_email_address_is_refused(text):
    with pytest.raises(contacts.NotAnEmail):
        contacts.read_email(text)


@pytest.mark.parametrize("text", ["", " a ", "x" * 501])
def test_an_address_is_neither_empty_nor_endless(text):
    with pytest.raises(contacts.NotAnAddress):
        contacts.read_address(text)


def test_a_masked_address_shows_nothing():
    assert contacts.read_address(" 1 Long  Road,\n Town ") == "1 Long Road, Town"
    assert "Long" not in contacts.mask_address("1 Long Road, Town")


def test_digits_no_phone_library_can_read_are_still_looked_for_as_they_are():
    assert contacts.possible_phone_digits("+999 12345", countries=("CN",)) == {"99912345"}
    assert contacts.possible_phone_digits("0000", countries=()) == {"0000"}
