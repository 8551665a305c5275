"""A borrower as another system tells of them: checked field by field, then made ready to be sealed and indexed."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final
from zoneinfo import available_timezones

from backoffice.customers.domain import contacts, finding, identities, names
from backoffice.customers.domain.places import NOWHERE, zones_of_country

LONGEST_NAME: Final = 200
LONGEST_ID: Final = 80
LONGEST_PORTFOLIO: Final = 40
_COUNTRY = re.compile(r"[A-Z]{2}")
_LANGUAGE = re.compile(r"[a-z]{2,3}(-[A-Za-z]{2,4})?")
_ZONES = frozenset(available_timezones())


class Trouble(StrEnum):
    """What can be wrong with one field."""

    MISSING = "missing"
    TOO_LONG = "too_long"
    NOT_A_COUNTRY = "not_a_country"
    NOT_A_LANGUAGE = "not_a_language"
    NOT_A_ZONE = "not_a_zone"
    NOT_A_YEAR = "not_a_year"
    NOT_AN_IDENTITY = "not_an_identity"
    NOT_A_PHONE = "not_a_phone"
    NOT_A_PERSONS_PHONE = "not_a_persons_phone"
    NOT_AN_EMAIL = "not_an_email"
    NOT_AN_ADDRESS = "not_an_address"
    NOT_A_KIND = "not_a_kind"
    TWO_FIRST_CHOICES = "two_first_choices"
    UNPRINTABLE = "unprintable"


@dataclass(frozen=True, slots=True)
class FieldTrouble:
    """One field at fault: its dotted path ("contacts.0.value") and what is wrong."""

    field: str
    trouble: Trouble


@dataclass(frozen=True, slots=True, kw_only=True)
class NewContact:
    """One point a borrower can be reached at. `country` reads a phone without a country code."""

    kind: str
    value: str
    country: str = ""
    is_primary: bool = False
    quality: str = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class NewBorrower:
    """A borrower before they have an id. What the source does not say stays empty."""

    external_id: str
    portfolio: str
    family_name: str = ""
    given_name: str = ""
    full_name: str = ""
    identity_number: str = ""
    identity_kind: str = ""
    birth_year: int | None = None
    country: str = ""
    time_zone: str = ""
    language: str = ""
    contacts: tuple[NewContact, ...] = ()


@dataclass(frozen=True, slots=True)
class ReadyContact:
    """A contact point normalised: `text` is to be sealed, `masked` may be shown."""

    kind: str
    text: str
    masked: str
    country: str
    is_primary: bool
    quality: str
    terms: frozenset[finding.Term] = field(repr=False)
    time_zones: tuple[str, ...] = ()

    @property
    def same_as(self) -> finding.Term:
        """What two points have in common that are the same phone, mailbox or place."""
        return finding.term_of_point(kind=self.kind, text=self.text)


@dataclass(frozen=True, slots=True)
class ReadyIdentity:
    """An identity number checked by its kind; `birth_year` as the number tells it, None for kinds that do not."""

    number: str
    kind: str
    country: str
    birth_year: int | None


@dataclass(frozen=True, slots=True)
class Examined:
    """A borrower looked through once: everything wrong with them, and what of them is ready to be sealed."""

    troubles: tuple[FieldTrouble, ...]
    identity: ReadyIdentity | None
    contacts: tuple[ReadyContact, ...]


def examine(borrower: NewBorrower) -> Examined:
    """Looks a borrower through; without troubles they can be registered."""
    troubles = list(_plain_troubles(borrower))
    identity = None
    if borrower.identity_number:
        try:
            identity = ready_identity(
                number=borrower.identity_number, kind=borrower.identity_kind, country=borrower.country
            )
        except identities.NotAnIdentityNumber:
            troubles.append(FieldTrouble("identity_number", Trouble.NOT_AN_IDENTITY))
    ready: list[ReadyContact] = []
    first_choices: set[str] = set()
    for number, contact in enumerate(borrower.contacts):
        found = _examine_contact(contact, country=borrower.country, path=f"contacts.{number}")
        if isinstance(found, FieldTrouble):
            troubles.append(found)
        else:
            ready.append(found)
        if contact.is_primary and contact.kind in first_choices:
            troubles.append(FieldTrouble(f"contacts.{number}.is_primary", Trouble.TWO_FIRST_CHOICES))
        first_choices |= {contact.kind} if contact.is_primary else set()
    return Examined(troubles=tuple(troubles), identity=identity, contacts=tuple(ready))


def troubles_of(borrower: NewBorrower) -> tuple[FieldTrouble, ...]:
    """Everything wrong with a borrower, field by field; empty when they can be registered."""
    return examine(borrower).troubles


def ready_contact(contact: NewContact, *, country: str) -> ReadyContact:
    """The contact point normalised; `country` is the borrower's, for phones that name none.

    Raises NotAPhone (NotAPersonsPhone is one), NotAnEmail, NotAnAddress; ValueError for an unknown kind.
    """
    if contact.kind == "phone":
        phone = contacts.read_persons_phone(contact.value, country=contact.country or country)
        text, masked, of, terms = phone.e164, phone.masked, phone.country, finding.terms_of_phone(phone)
        zones = phone.time_zones
    elif contact.kind == "email":
        text = contacts.read_email(contact.value)
        masked, of, terms = contacts.mask_email(text), "", finding.terms_of_email(text)
        zones = NOWHERE
    elif contact.kind == "address":
        text = contacts.read_address(contact.value)
        masked, of, terms = contacts.mask_address(text), contact.country or country, frozenset()
        zones = zones_of_country(of)
    else:
        msg = f"no such kind of contact point: {contact.kind}"
        raise ValueError(msg)
    return ReadyContact(contact.kind, text, masked, of, contact.is_primary, contact.quality, terms, zones)


def ready_identity(*, number: str, kind: str, country: str) -> ReadyIdentity:
    """The identity number checked by its kind; an unnamed kind is "other". Raises NotAnIdentityNumber."""
    kind = kind or identities.OTHER
    known = identities.KINDS.get(kind)
    normal = identities.normalise_identity(number, kind=kind)
    born = identities.birth_date_of(normal, kind=kind)
    return ReadyIdentity(
        number=normal,
        kind=kind,
        country=known.country if known else country,
        birth_year=born.year if born else None,
    )


def _plain_troubles(borrower: NewBorrower) -> Iterator[FieldTrouble]:
    """Fields that are checked by their writing alone."""
    yield from _text("external_id", borrower.external_id, longest=LONGEST_ID, needed=True)
    yield from _text("portfolio", borrower.portfolio, longest=LONGEST_PORTFOLIO, needed=True)
    for name in ("family_name", "given_name", "full_name"):
        yield from _text(name, getattr(borrower, name), longest=LONGEST_NAME, needed=False)
    if borrower.birth_year is not None and not 1900 <= borrower.birth_year <= 2100:
        yield FieldTrouble("birth_year", Trouble.NOT_A_YEAR)
    if borrower.country and not _COUNTRY.fullmatch(borrower.country):
        yield FieldTrouble("country", Trouble.NOT_A_COUNTRY)
    if borrower.time_zone and borrower.time_zone not in _ZONES:
        yield FieldTrouble("time_zone", Trouble.NOT_A_ZONE)
    if borrower.language and not _LANGUAGE.fullmatch(borrower.language):
        yield FieldTrouble("language", Trouble.NOT_A_LANGUAGE)


def _examine_contact(contact: NewContact, *, country: str, path: str) -> ReadyContact | FieldTrouble:
    try:
        return ready_contact(contact, country=country)
    except contacts.NotAPersonsPhone:
        return FieldTrouble(f"{path}.value", Trouble.NOT_A_PERSONS_PHONE)
    except contacts.NotAPhone:
        return FieldTrouble(f"{path}.value", Trouble.NOT_A_PHONE)
    except contacts.NotAnEmail:
        return FieldTrouble(f"{path}.value", Trouble.NOT_AN_EMAIL)
    except contacts.NotAnAddress:
        return FieldTrouble(f"{path}.value", Trouble.NOT_AN_ADDRESS)
    except ValueError:
        return FieldTrouble(f"{path}.kind", Trouble.NOT_A_KIND)


def _text(name: str, text: str, *, longest: int, needed: bool) -> Iterator[FieldTrouble]:
    if needed and not text.strip():
        yield FieldTrouble(name, Trouble.MISSING)
    elif len(text) > longest:
        yield FieldTrouble(name, Trouble.TOO_LONG)
    elif not text.isprintable():
        yield FieldTrouble(name, Trouble.UNPRINTABLE)


def display_name(*, full: str, family: str, given: str) -> str:
    """The name to seal as the one to show: as given, else built of its parts."""
    return names.full_name_of(full=full, family=family, given=given)
