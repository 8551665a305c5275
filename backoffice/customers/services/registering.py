"""Borrowers come in: one from a form or a hundred thousand from a tape, through the same function."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any, ClassVar

from django.db import transaction
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from backoffice.audit import services as audit
from backoffice.core.actors import Actor
from backoffice.core.bulk import copy_rows, execute, next_ids
from backoffice.core.errors import Refusal
from backoffice.customers.domain import finding
from backoffice.customers.domain.intake import (
    Examined,
    FieldTrouble,
    NewBorrower,
    ReadyContact,
    Trouble,
    display_name,
    examine,
)
from backoffice.customers.domain.sealing import KeyRing, Sealed
from backoffice.customers.keys import ring
from backoffice.customers.models import Borrower, ContactPoint
from backoffice.customers.services import indexing

BATCH = 2_000
SHOWN_IN_TRAIL = 20

WORDS: dict[Trouble, Any] = {
    Trouble.MISSING: gettext_lazy("This is needed."),
    Trouble.TOO_LONG: gettext_lazy("This is too long."),
    Trouble.NOT_A_COUNTRY: gettext_lazy("Not a country code of two capital letters (ISO 3166)."),
    Trouble.NOT_A_LANGUAGE: gettext_lazy("Not a language code such as en or zh-Hans."),
    Trouble.NOT_A_ZONE: gettext_lazy("Not a time zone of the IANA database, such as Asia/Shanghai."),
    Trouble.NOT_A_YEAR: gettext_lazy("Not a year between 1900 and 2100."),
    Trouble.NOT_AN_IDENTITY: gettext_lazy("Not a valid identity number of its kind."),
    Trouble.NOT_A_PHONE: gettext_lazy("Not a phone number that exists in its country."),
    Trouble.NOT_A_PERSONS_PHONE: gettext_lazy(
        "This is the number of a hotline or a paid service; give one the borrower answers."
    ),
    Trouble.NOT_AN_EMAIL: gettext_lazy("Not an e-mail address."),
    Trouble.NOT_AN_ADDRESS: gettext_lazy("Not a postal address."),
    Trouble.NOT_A_KIND: gettext_lazy("Not one of: phone, email, address."),
    Trouble.TWO_FIRST_CHOICES: gettext_lazy("Only one of a kind can be the first choice."),
    Trouble.UNPRINTABLE: gettext_lazy("There are characters in it that cannot be shown."),
}


class BorrowersRefused(Refusal):
    """Some borrowers have fields at fault; none of the call was registered. `fields` maps "external id: field"."""

    code: ClassVar[str] = "customers.borrowers_refused"


@dataclass(frozen=True, slots=True)
class Registered:
    """Ids by external id, of those who were new and of those who had been there; `created` are the new ones."""

    ids: Mapping[str, int]
    created: frozenset[str]


def words_for(trouble: FieldTrouble) -> str:
    """The trouble as a sentence in the reader's language."""
    return str(WORDS[trouble.trouble])


@transaction.atomic
def register_borrowers(*, source: str, rows: Sequence[NewBorrower], actor: Actor) -> Registered:
    """Registers borrowers of a book (`source`) by external id; those already there are left as they are.

    Written in batches of 2,000 with COPY, all in one transaction; two calls for one book wait for each
    other. A year of birth that is not given is read from the identity number where it tells it. Raises
    BorrowersRefused naming every field at fault; nothing is written then.
    """
    examined = _examined(rows)
    execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [f"customers.book:{source}"])
    known = _known(source=source, rows=rows)
    fresh = {row.external_id: row for row in rows if row.external_id not in known}
    ids = dict(zip(fresh, next_ids(table=Borrower._meta.db_table, count=len(fresh)), strict=True))
    keys = ring()
    pairs = iter(fresh.items())
    while batch := list(islice(pairs, BATCH)):
        ready = [(ids[external_id], row, examined[external_id]) for external_id, row in batch]
        _write(source=source, batch=ready, keys=keys)
    if fresh:
        audit.record(
            verb="customers.borrowers.registered",
            subject_type="customers.book",
            subject_id=source,
            actor=actor,
            after={"number": len(fresh), "first": list(fresh)[:SHOWN_IN_TRAIL]},
            borrower_id=next(iter(ids.values())) if len(ids) == 1 else None,
        )
    return Registered(ids=known | ids, created=frozenset(fresh))


def _examined(rows: Sequence[NewBorrower]) -> dict[str, Examined]:
    """Each row looked through, by external id. Raises BorrowersRefused naming every field at fault."""
    fields: dict[str, str] = {}
    found: dict[str, Examined] = {}
    for row in rows:
        if row.external_id in found:
            fields[f"{row.external_id}: external_id"] = _("This external id occurs twice.")
        found[row.external_id] = examine(row)
        for trouble in found[row.external_id].troubles:
            fields[f"{row.external_id}: {trouble.field}"] = words_for(trouble)
    if fields:
        raise BorrowersRefused(
            _("%(number)d fields of these borrowers cannot be used; nobody was registered.") % {"number": len(fields)},
            next_step=_("Correct the fields named, or leave those borrowers out."),
            fields=fields,
        )
    return found


def _known(*, source: str, rows: Sequence[NewBorrower]) -> dict[str, int]:
    found = Borrower.objects.filter(source=source, external_id__in=[row.external_id for row in rows])
    return dict(found.values_list("external_id", "pk"))


def _write(*, source: str, batch: Sequence[tuple[int, NewBorrower, Examined]], keys: KeyRing) -> None:
    borrowers: list[Sequence[Any]] = []
    points: list[Sequence[Any]] = []
    digests: list[indexing.IndexRow] = []
    for borrower_id, row, examined in batch:
        columns, terms = _columns(row, examined, keys=keys)
        has_data = bool(terms or examined.contacts)
        borrowers.append(
            (borrower_id, source, *columns, keys.active_id if has_data else ""),
        )
        points += _points(borrower_id, examined.contacts, keys=keys)
        all_terms = terms.union(*(contact.terms for contact in examined.contacts))
        digests += indexing.rows_of(borrower_id=borrower_id, portfolio=row.portfolio, terms=all_terms, keys=keys)
    copy_rows(table=Borrower._meta.db_table, columns=("id", "source", *_COLUMNS, "key_id"), rows=borrowers)
    copy_rows(table=ContactPoint._meta.db_table, columns=_POINT_COLUMNS, rows=points)
    indexing.write(digests)


_COLUMNS = (
    "external_id",
    "portfolio",
    "full_name",
    "family_name",
    "given_name",
    "identity_number",
    "identity_kind",
    "identity_country",
    "birth_year",
    "country",
    "time_zone",
    "language",
)
_POINT_COLUMNS = (
    "borrower_id",
    "kind",
    "value",
    "masked",
    "country",
    "quality",
    "is_primary",
    "time_zones",
    "digest",
)


def _columns(row: NewBorrower, examined: Examined, *, keys: KeyRing) -> tuple[Sequence[Any], frozenset[finding.Term]]:
    """Values of `_COLUMNS` and the terms the borrower is found by, contact points aside."""
    full = display_name(full=row.full_name, family=row.family_name, given=row.given_name)
    terms = finding.terms_of_name(full=full, family=row.family_name, given=row.given_name)
    number = kind = country = ""
    birth_year = row.birth_year
    if identity := examined.identity:
        number, kind, country = identity.number, identity.kind, identity.country
        birth_year = birth_year or identity.birth_year
        terms |= finding.terms_of_identity(number)
    return (
        row.external_id,
        row.portfolio,
        _sealed("full_name", full, keys=keys),
        _sealed("family_name", row.family_name.strip(), keys=keys),
        _sealed("given_name", row.given_name.strip(), keys=keys),
        _sealed("identity_number", number, keys=keys),
        kind,
        country,
        birth_year,
        row.country,
        row.time_zone,
        row.language,
    ), terms


def _points(borrower_id: int, ready: Sequence[ReadyContact], *, keys: KeyRing) -> Iterator[Sequence[Any]]:
    context = ContactPoint._meta.get_field("value").context
    for contact in ready:
        value: Sealed = keys.seal(contact.text, context=context)
        yield (
            borrower_id,
            contact.kind,
            value.data,
            contact.masked,
            contact.country,
            contact.quality,
            contact.is_primary,
            list(contact.time_zones),
            indexing.digest_of(contact.same_as, keys=keys),
        )


def _sealed(name: str, text: str, *, keys: KeyRing) -> bytes | None:
    context = Borrower._meta.get_field(name).context  # type: ignore[union-attr]
    return keys.seal(text, context=context).data if text else None
