"""Finding a borrower by whatever the caller says: an id, a phone in any writing, four digits, a name in any script."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.db.models import Exists, IntegerField, OuterRef, Value

from backoffice.customers.domain.finding import Match, Probe, Term, probes_of
from backoffice.customers.domain.sealing import KeyRing
from backoffice.customers.keys import ring
from backoffice.customers.models import BlindIndex, Borrower, ContactPoint
from backoffice.customers.selectors.borrowers import masked_name_of
from backoffice.staff.domain.scope import Scope
from backoffice.staff.models import User

if TYPE_CHECKING:
    from django.db.models import QuerySet

MOST_FOUND = 20
PHONE_COUNTRIES = ("CN", "IN", "US", "GB", "NG", "KE", "UG", "MX", "TW", "CZ", "ID", "PH")
"""Countries whose way of writing a national number a search understands."""


@dataclass(frozen=True, slots=True)
class FoundBorrower:
    """One borrower that fits, masked; `match` says how, `found_under` names the merged record they were found under."""

    id: int
    external_id: str
    source: str
    portfolio: str
    masked_name: str
    masked_phone: str
    match: str
    found_under: str


def search(*, query: str, user: User, limit: int = MOST_FOUND) -> list[FoundBorrower]:
    """Borrowers the person may see that fit the query, the surest first, at most `limit`; three queries.

    Within one way of matching, the latest registered come first; of a common beginning of external ids, any, in the
    order of the ids. A merged record stands for who it was merged into.
    """
    probes = probes_of(query, countries=PHONE_COUNTRIES)
    if not probes:
        return []
    ranked = _ranked(probes, scope=user.scope(), limit=limit)
    if not ranked:
        return []
    rows = Borrower.objects.select_related("merged_into").in_bulk({found for found, _match in ranked})
    best: dict[int, FoundBorrower] = {}
    phones = _phones(row.merged_into_id or row.pk for row in rows.values())
    for found, match in ranked:
        row = rows[found]
        shown = row.merged_into or row
        if shown.pk in best or len(best) == limit:
            continue
        best[shown.pk] = FoundBorrower(
            id=shown.pk,
            external_id=shown.external_id,
            source=shown.source,
            portfolio=shown.portfolio,
            masked_name=masked_name_of(shown),
            masked_phone=phones.get(shown.pk, ""),
            match=match.value,
            found_under="" if shown is row else row.external_id,
        )
    by_id = [each for each in best.values() if each.match == Match.EXTERNAL_ID_PREFIX.value]
    surer = [each for each in best.values() if each.match != Match.EXTERNAL_ID_PREFIX.value]
    return surer + sorted(by_id, key=lambda each: each.external_id)


def _ranked(probes: Iterable[Probe], *, scope: Scope, limit: int) -> list[tuple[int, Match]]:
    """(borrower id, match), the surest match first and then the highest id; one statement, each branch cut short."""
    keys = ring()
    branches = [_branch(probe, keys=keys, scope=scope)[:limit] for probe in probes]
    union = branches[0].union(*branches[1:], all=True) if len(branches) > 1 else branches[0]
    matches = list(Match)
    return [(found, matches[rank]) for found, rank in sorted(union, key=lambda row: (row[1], -row[0]))]


def _branch(probe: Probe, *, keys: KeyRing, scope: Scope) -> "QuerySet[Any, tuple[int, int]]":
    rank = Value(probe.match.rank, output_field=IntegerField())
    if probe.match in {Match.EXTERNAL_ID, Match.EXTERNAL_ID_PREFIX}:
        borrowers = Borrower.objects.all() if scope.all else Borrower.objects.filter(portfolio__in=scope.portfolios)
        if probe.match is Match.EXTERNAL_ID:
            borrowers = borrowers.filter(external_id__iexact=probe.external_id)
        else:
            borrowers = borrowers.filter(external_id__istartswith=probe.external_id)
        # In no order: a common beginning fits half the book, and only the index on it knows where to stop.
        return borrowers.order_by().values_list("pk", rank)
    first, *others = probe.all_of
    found = BlindIndex.objects.filter(digest__in=_digests(first, keys=keys))
    if not scope.all:
        found = found.filter(portfolio__in=scope.portfolios)
    for group in others:
        also = BlindIndex.objects.filter(borrower_id=OuterRef("borrower_id"), digest__in=_digests(group, keys=keys))
        found = found.filter(Exists(also))
    return found.order_by("-borrower_id").values_list("borrower_id", rank).distinct()


def _digests(terms: Iterable[Term], *, keys: KeyRing) -> list[bytes]:
    return [digest for term in terms for digest in keys.digests(term.text, kind=term.kind)]


def _phones(borrower_ids: Iterable[int]) -> dict[int, str]:
    """The first phone to try of each borrower, masked."""
    points = ContactPoint.objects.filter(borrower_id__in=set(borrower_ids), kind="phone", ended_at__isnull=True)
    rows = points.order_by("borrower_id", "is_primary", "-pk").values_list("borrower_id", "masked")
    return dict(rows)
