"""Phones, e-mail addresses and postal addresses: read, checked, normalised, masked."""

import re
from dataclasses import dataclass
from typing import Final

import phonenumbers
from phonenumbers import timezone

from backoffice.customers.domain.sealing import HIDDEN

LONGEST_VALUE: Final = 500
_UNKNOWN_ZONE: Final = "Etc/Unknown"
_NOBODYS_TYPES: Final = frozenset(
    {
        phonenumbers.PhoneNumberType.TOLL_FREE,
        phonenumbers.PhoneNumberType.PREMIUM_RATE,
        phonenumbers.PhoneNumberType.SHARED_COST,
        phonenumbers.PhoneNumberType.UAN,
        phonenumbers.PhoneNumberType.VOICEMAIL,
    }
)
_EMAIL = re.compile(r"[^@\s]{1,64}@(?:[^@\s.]{1,63}\.)+[^@\s.]{2,63}")


class NotAPhone(ValueError):
    """The text is not a phone number that can exist in its country."""


class NotAPersonsPhone(NotAPhone):
    """The number exists, but nobody is reached at it: a hotline, a paid service or a mailbox."""


class NotAnEmail(ValueError):
    """The text is not an e-mail address."""


class NotAnAddress(ValueError):
    """The text is empty or far too long for a postal address."""


@dataclass(frozen=True, slots=True)
class Phone:
    """One phone number. `digits` is E.164 without the plus, `national` is what is dialled within the country."""

    digits: str
    national: str
    country: str

    @property
    def e164(self) -> str:
        """As a dialler wants it: "+8613812345678"."""
        return f"+{self.digits}"

    @property
    def time_zones(self) -> tuple[str, ...]:
        """The IANA zones it may ring in; none when the number does not tell."""
        zones = timezone.time_zones_for_number(phonenumbers.parse(self.e164))
        return tuple(zone for zone in zones if zone != _UNKNOWN_ZONE)

    @property
    def masked(self) -> str:
        """Country code and the last four digits."""
        return f"+{self.digits[: -len(self.national)]} •••• {self.national[-4:]}"


def read_phone(text: str, *, country: str) -> Phone:
    """A phone number in any writing; `country` (ISO 3166, may be "") reads numbers without a country code.

    Raises NotAPhone for anything that is not a valid number of its country.
    """
    try:
        number = phonenumbers.parse(text, country or None)
    except phonenumbers.NumberParseException as error:
        raise NotAPhone(str(error)) from error
    if not phonenumbers.is_valid_number(number):
        msg = "this number does not exist in its country"
        raise NotAPhone(msg)
    return Phone(
        digits=phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164).removeprefix("+"),
        national=phonenumbers.national_significant_number(number),
        country=phonenumbers.region_code_for_number(number) or "",
    )


def read_persons_phone(text: str, *, country: str) -> Phone:
    """A phone number a person can be reached at. Raises NotAPhone, and NotAPersonsPhone for a hotline and its like.

    They belong to companies, and they ring in every zone of a country, which would leave hardly an hour to call in.
    """
    phone = read_phone(text, country=country)
    if phonenumbers.number_type(phonenumbers.parse(phone.e164)) in _NOBODYS_TYPES:
        msg = "this is the number of a hotline or a paid service"
        raise NotAPersonsPhone(msg)
    return phone


def possible_phone_digits(text: str, *, countries: tuple[str, ...]) -> frozenset[str]:
    """Every way to read digits somebody typed into a search: as dialled abroad, at home, in one of the countries."""
    digits = "".join(character for character in text if character.isdecimal())
    found = {digits, digits.lstrip("0")}
    if text.lstrip().startswith("+") or digits.startswith("00"):
        international = f"+{digits.lstrip('0')}" if digits.startswith("00") else text
        found |= _parsed(international, country=None)
    else:
        for country in countries:
            found |= _parsed(text, country=country)
    return frozenset(found - {""})


def read_email(text: str) -> str:
    """The address in lower case. Raises NotAnEmail."""
    address = text.strip().lower()
    if not _EMAIL.fullmatch(address):
        msg = "this is not an e-mail address"
        raise NotAnEmail(msg)
    return address


def read_address(text: str) -> str:
    """The address with its white space tidied. Raises NotAnAddress."""
    address = " ".join(text.split())
    if not 3 <= len(address) <= LONGEST_VALUE:
        msg = f"an address has 3 to {LONGEST_VALUE} characters"
        raise NotAnAddress(msg)
    return address


def mask_email(address: str) -> str:
    """First letter and domain: enough to recognise, not enough to write to."""
    name, _, domain = address.partition("@")
    return f"{name[:1]}•••@{domain}"


def mask_address(_address: str) -> str:
    """Nothing of a postal address may be shown: where a person lives is never needed at a glance."""
    return HIDDEN


def _parsed(text: str, *, country: str | None) -> set[str]:
    try:
        number = phonenumbers.parse(text, country)
    except phonenumbers.NumberParseException:
        return set()
    return {phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164).removeprefix("+")}
