"""Keeping the blind indexes in step with what is sealed."""

from collections import defaultdict
from collections.abc import Iterable, Sequence

from backoffice.core.bulk import copy_rows
from backoffice.customers.domain import finding
from backoffice.customers.domain.contacts import read_phone
from backoffice.customers.domain.sealing import KeyRing
from backoffice.customers.fields import text_of
from backoffice.customers.keys import ring
from backoffice.customers.models import BlindIndex, Borrower, ContactPoint

IndexRow = tuple[int, str, str, bytes]


def rows_of(*, borrower_id: int, portfolio: str, terms: Iterable[finding.Term], keys: KeyRing) -> list[IndexRow]:
    """Index rows of one borrower under the active key, each digest once."""
    return sorted({(borrower_id, portfolio, term.kind.value, keys.digest(term.text, kind=term.kind)) for term in terms})


def digest_of(term: finding.Term, *, keys: KeyRing) -> bytes:
    """The keyed digest of one term."""
    return keys.digest(term.text, kind=term.kind)


def write(rows: Iterable[IndexRow]) -> int:
    """Adds index rows with COPY; gives their number."""
    return copy_rows(table=BlindIndex._meta.db_table, columns=("borrower_id", "portfolio", "kind", "digest"), rows=rows)


def reindex(*, borrowers: Sequence[Borrower]) -> None:
    """Builds the indexes of the borrowers anew from what is sealed; ended contact points still find their borrower."""
    keys = ring()
    ids = [borrower.pk for borrower in borrowers]
    points: defaultdict[int, list[ContactPoint]] = defaultdict(list)
    for point in ContactPoint.objects.filter(borrower_id__in=ids).order_by("id"):
        points[point.borrower_id].append(point)
    BlindIndex.objects.filter(borrower_id__in=ids).delete()
    rows: list[IndexRow] = []
    for borrower in borrowers:
        terms = _terms_of(borrower, points[borrower.pk])
        rows += rows_of(borrower_id=borrower.pk, portfolio=borrower.portfolio, terms=terms, keys=keys)
    write(rows)


def _terms_of(borrower: Borrower, points: Sequence[ContactPoint]) -> frozenset[finding.Term]:
    terms = finding.terms_of_name(
        full=text_of(borrower, "full_name"),
        family=text_of(borrower, "family_name"),
        given=text_of(borrower, "given_name"),
    )
    if number := text_of(borrower, "identity_number"):
        terms |= finding.terms_of_identity(number)
    for point in points:
        value = text_of(point, "value")
        if point.kind == ContactPoint.Kind.PHONE:
            terms |= finding.terms_of_phone(read_phone(value, country=point.country))
        elif point.kind == ContactPoint.Kind.EMAIL:
            terms |= finding.terms_of_email(value)
    return terms
