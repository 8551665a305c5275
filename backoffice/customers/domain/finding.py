"""What a borrower is found by, and how to read what a person typed into the search."""

import re
import unicodedata
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from backoffice.customers.domain import names
from backoffice.customers.domain.contacts import Phone, possible_phone_digits
from backoffice.customers.domain.identities import compact_identity, last_four

LONGEST_QUERY: Final = 100
SHORTEST_EXTERNAL_PREFIX: Final = 3
_PHONE_LIKE = re.compile(r"[+(\d][\d\s().\-/]*")
_LAST_FOUR = re.compile(r"\d{3}[\dX]")


class Kind(StrEnum):
    """What a digest was made of."""

    PHONE = "phone"
    PHONE_LAST4 = "phone_last4"
    IDENTITY = "identity"
    IDENTITY_LAST4 = "identity_last4"
    EMAIL = "email"
    NAME_PREFIX = "name_prefix"
    POINT = "point"


class Match(StrEnum):
    """How a borrower fits a search; the order is the rank, the surest first."""

    EXTERNAL_ID = "external_id"
    IDENTITY = "identity"
    PHONE = "phone"
    EMAIL = "email"
    LAST_FOUR = "last_four"
    NAME = "name"
    EXTERNAL_ID_PREFIX = "external_id_prefix"

    @property
    def rank(self) -> int:
        """0 for the surest."""
        return list(Match).index(self)


@dataclass(frozen=True, slots=True)
class Term:
    """One text a borrower is indexed under, or looked for by, before it is digested."""

    kind: Kind
    text: str


@dataclass(frozen=True, slots=True)
class Probe:
    """One way to read a query: every group of `all_of` must fit, each by any of its terms; external ids are plain."""

    match: Match
    all_of: tuple[frozenset[Term], ...] = ()
    external_id: str = ""


def terms_of_phone(phone: Phone) -> frozenset[Term]:
    """A phone is found in international and in national writing, and by its last four digits."""
    return frozenset(
        {
            Term(Kind.PHONE, phone.digits),
            Term(Kind.PHONE, phone.national),
            Term(Kind.PHONE_LAST4, phone.digits[-4:]),
        }
    )


def terms_of_identity(number: str) -> frozenset[Term]:
    """An identity number is found in full and by its last four."""
    compact = compact_identity(number)
    return frozenset({Term(Kind.IDENTITY, compact), Term(Kind.IDENTITY_LAST4, last_four(compact))})


def terms_of_email(address: str) -> frozenset[Term]:
    """An e-mail address is found in full."""
    return frozenset({Term(Kind.EMAIL, address.strip().lower())})


def term_of_point(*, kind: str, text: str) -> Term:
    """What two points have in common that are one and the same phone, mailbox or place; `text` is normalised."""
    return Term(Kind.POINT, f"{kind}:{text}")


def terms_of_name(*, full: str, family: str, given: str) -> frozenset[Term]:
    """A name is found by the beginnings of its words."""
    return frozenset(
        Term(Kind.NAME_PREFIX, text) for text in names.beginnings_of(full=full, family=family, given=given)
    )


def probes_of(query: str, *, countries: tuple[str, ...]) -> tuple[Probe, ...]:
    """Every way to read a query, the surest first; none for a query without a letter or digit.

    `countries` (ISO 3166) are those a phone without a country code may belong to.
    """
    text = tidy(query)
    if not any(character.isalnum() for character in text):
        return ()
    probes = [Probe(Match.EXTERNAL_ID, external_id=text)]
    compact = compact_identity(text)
    digits = "".join(character for character in text if character.isdecimal())
    if len(compact) > 4 and digits and "@" not in text:
        probes.append(Probe(Match.IDENTITY, all_of=(frozenset({Term(Kind.IDENTITY, compact)}),)))
    if len(digits) > 4 and _PHONE_LIKE.fullmatch(text):
        readings = possible_phone_digits(text, countries=countries)
        probes.append(Probe(Match.PHONE, all_of=(frozenset(Term(Kind.PHONE, reading) for reading in readings),)))
    if "@" in text:
        probes.append(Probe(Match.EMAIL, all_of=(terms_of_email(text),)))
    if _LAST_FOUR.fullmatch(compact) and len(text) == 4:
        ends = frozenset({Term(Kind.PHONE_LAST4, compact), Term(Kind.IDENTITY_LAST4, compact)})
        probes.append(Probe(Match.LAST_FOUR, all_of=(ends,)))
    if not digits and "@" not in text and (words := names.probes_of(text)):
        groups = tuple(frozenset({Term(Kind.NAME_PREFIX, word)}) for word in words)
        probes.append(Probe(Match.NAME, all_of=groups))
    if len(text) >= SHORTEST_EXTERNAL_PREFIX:
        probes.append(Probe(Match.EXTERNAL_ID_PREFIX, external_id=text))
    return tuple(probes)


def tidy(query: str) -> str:
    """The query in one writing: full-width digits made plain, control characters gone, white space single."""
    plain = unicodedata.normalize("NFKC", query[: LONGEST_QUERY * 4])
    visible = "".join(" " if unicodedata.category(character)[0] in "CZ" else character for character in plain)
    return " ".join(visible.split())[:LONGEST_QUERY]
