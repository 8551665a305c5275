"""A borrower as pages show them: masked, with what was merged into them."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import ClassVar, NamedTuple

from django.db.models import QuerySet
from django.utils.translation import gettext as _

from backoffice.core.bulk import fetch
from backoffice.core.errors import Refusal
from backoffice.customers.domain import finding
from backoffice.customers.domain.identities import mask_number
from backoffice.customers.domain.names import mask_name
from backoffice.customers.domain.sealing import HIDDEN, Unopenable
from backoffice.customers.fields import text_of
from backoffice.customers.keys import ring
from backoffice.customers.models import BlindIndex, Borrower, ContactPoint, Merge
from backoffice.staff.models import User

# One look into the index for each portfolio; DISTINCT would read an entry for every borrower.
PORTFOLIOS = """
WITH RECURSIVE found AS (
    (SELECT portfolio FROM customers_borrower ORDER BY portfolio LIMIT 1)
    UNION ALL
    SELECT (SELECT portfolio FROM customers_borrower WHERE portfolio > found.portfolio ORDER BY portfolio LIMIT 1)
    FROM found WHERE found.portfolio IS NOT NULL
)
SELECT portfolio FROM found WHERE portfolio IS NOT NULL
"""

SURE_KINDS = ("identity", "phone", "email")
MOST_PAIRS = 100
MOST_LOOKALIKES = 10


class BorrowerNotFound(Refusal):
    """There is no such borrower, or none the person may see."""

    code: ClassVar[str] = "customers.borrower_not_found"
    status: ClassVar[int] = 404


def portfolios() -> list[str]:
    """The codes of the portfolios that have borrowers, in order; one query, whatever the size of the book."""
    return [row[0] for row in fetch(PORTFOLIOS)]


@dataclass(frozen=True, slots=True)
class ContactFacts:
    """One contact point, masked; `field` is what `reveal` takes."""

    id: int
    kind: str
    kind_label: str
    masked: str
    country: str
    quality: str
    quality_label: str
    is_primary: bool
    is_in_use: bool
    field: str


class AbsorbedRecord(NamedTuple):
    """A record that was merged into the borrower."""

    id: int
    external_id: str


@dataclass(frozen=True, slots=True)
class BorrowerFacts:
    """What the head and the identity panel of a borrower's page need; names and numbers masked."""

    id: int
    external_id: str
    source: str
    portfolio: str
    masked_name: str
    has_name: bool
    masked_identity: str
    identity_kind: str
    identity_country: str
    birth_year: int | None
    country: str
    time_zone: str
    language: str
    contacts: tuple[ContactFacts, ...]
    merged_into_id: int | None
    merged_into_external_id: str
    absorbed: tuple[AbsorbedRecord, ...]

    @property
    def display_name(self) -> str:
        """The masked name, or words for there being none."""
        return self.masked_name or _("no name given")


def borrower_page_facts(*, borrower_id: int, user: User) -> BorrowerFacts:
    """The borrower as their page shows them; three queries. Raises BorrowerNotFound, for rows out of sight too."""
    borrower = Borrower.objects.visible_to(user).select_related("merged_into").filter(pk=borrower_id).first()
    if borrower is None:
        raise _not_found()
    points = borrower.contact_points.order_by("kind", "ended_at", "-is_primary", "pk")
    absorbed = borrower.absorbed.order_by("pk").values_list("pk", "external_id")
    name = masked_name_of(borrower)
    return BorrowerFacts(
        id=borrower.pk,
        external_id=borrower.external_id,
        source=borrower.source,
        portfolio=borrower.portfolio,
        masked_name=name,
        has_name=bool(name),
        masked_identity=_masked(borrower, "identity_number"),
        identity_kind=borrower.identity_kind,
        identity_country=borrower.identity_country,
        birth_year=borrower.birth_year,
        country=borrower.country,
        time_zone=borrower.time_zone,
        language=borrower.language,
        contacts=tuple(_contact(point) for point in points),
        merged_into_id=borrower.merged_into_id,
        merged_into_external_id="" if borrower.merged_into is None else borrower.merged_into.external_id,
        absorbed=tuple(AbsorbedRecord(*record) for record in absorbed),
    )


def check_visible(*, borrower_id: int, user: User) -> None:
    """Raises BorrowerNotFound for a borrower that does not exist among those the person may see; one query."""
    if not Borrower.objects.visible_to(user).filter(pk=borrower_id).exists():
        raise _not_found()


def masked_names(*, borrower_ids: Iterable[int]) -> dict[int, str]:
    """Masked name of each borrower, their external id where no name is given; one query. For lists of loans."""
    rows = Borrower.objects.filter(pk__in=borrower_ids)
    return {row.pk: masked_name_of(row) or row.external_id for row in rows}


def borrower_ids_of(*, borrower_id: int) -> list[int]:
    """The borrower and everyone merged into them: whose append-only rows tell their history. One query."""
    absorbed = Borrower.objects.filter(merged_into_id=borrower_id).order_by("pk").values_list("pk", flat=True)
    return [borrower_id, *absorbed]


def merges_of(*, borrower_id: int) -> list[Merge]:
    """Merges into the borrower that stand, the newest first, with the absorbed record; one query."""
    standing = Merge.objects.filter(survivor_id=borrower_id, undone_at__isnull=True)
    return list(standing.select_related("absorbed").order_by("-pk"))


def points_like(*, kind: str, text: str) -> list[ContactPoint]:
    """Contact points in use that are this phone ("+86...") or mailbox, in the order of their borrowers; one query.

    Found by digest under every key of the ring. One that belongs to somebody else tells nothing of its borrower, and
    merged records have theirs with the survivor.
    """
    term = finding.term_of_point(kind=kind, text=text)
    return list(_points_in_use().filter(digest__in=ring().digests(term.text, kind=term.kind)))


def points_that_are(*, point: ContactPoint) -> list[ContactPoint]:
    """Contact points in use that are the same phone or mailbox as one, whoever they belong to; one query."""
    return [] if point.digest is None else list(_points_in_use().filter(digest=point.digest))


def _points_in_use() -> QuerySet[ContactPoint]:
    points = ContactPoint.objects.filter(ended_at__isnull=True, borrower__merged_into__isnull=True)
    return points.exclude(quality=ContactPoint.Quality.WRONG_PERSON).order_by("borrower_id", "pk")


@dataclass(frozen=True, slots=True)
class Likeness:
    """Another record that may be the same person, and what both have: "identity", "phone" or "email"."""

    id: int
    external_id: str
    masked_name: str
    shared: tuple[str, ...]


def lookalikes(*, borrower_id: int, user: User) -> list[Likeness]:
    """Records with the same identity number, phone or e-mail address, at most ten, that are not merged; two queries."""
    own = BlindIndex.objects.filter(borrower_id=borrower_id, kind__in=SURE_KINDS).values("digest")
    shared: dict[int, set[str]] = {}
    pairs = BlindIndex.objects.filter(digest__in=own, kind__in=SURE_KINDS).exclude(borrower_id=borrower_id)
    for other, kind in pairs.order_by("-borrower_id").values_list("borrower_id", "kind")[:MOST_PAIRS]:
        shared.setdefault(other, set()).add(kind)
    rows = Borrower.objects.visible_to(user).filter(pk__in=shared, merged_into__isnull=True).order_by("pk")
    return [
        Likeness(row.pk, row.external_id, masked_name_of(row), tuple(sorted(shared[row.pk])))
        for row in rows[:MOST_LOOKALIKES]
    ]


def masked_name_of(borrower: Borrower) -> str:
    """First letters and dots; "" without a name; dots when the name cannot be opened."""
    try:
        return mask_name(text_of(borrower, "full_name"))
    except Unopenable:
        return HIDDEN


def _masked(borrower: Borrower, name: str) -> str:
    try:
        return mask_number(text_of(borrower, name))
    except Unopenable:
        return HIDDEN


def _contact(point: ContactPoint) -> ContactFacts:
    return ContactFacts(
        id=point.pk,
        kind=point.kind,
        kind_label=str(point.get_kind_display()),
        masked=point.masked,
        country=point.country,
        quality=point.quality,
        quality_label=str(point.get_quality_display()),
        is_primary=point.is_primary,
        is_in_use=point.ended_at is None,
        field=f"contact_point:{point.pk}",
    )


def _not_found() -> BorrowerNotFound:
    return BorrowerNotFound(_("There is no such borrower."), next_step=_("Search for the borrower again."))
