"""The contact log as people read it: attempts and what came of them, what was blocked, and whether it is as written."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, ClassVar

from django.db.models import Exists, OuterRef, Prefetch, Q, QuerySet, Subquery
from django.utils.translation import gettext as _

from backoffice.core.errors import Refusal
from backoffice.customers.models import ContactPoint
from backoffice.customers.selectors import borrower_ids_of
from backoffice.outreach.domain.channels import VOICE
from backoffice.outreach.models import BlockedContact, ContactEntry
from backoffice.outreach.selectors.chains import BrokenLink, broken_chains
from backoffice.outreach.selectors.disposition_words import label_of
from backoffice.staff.models import User


class ContactNotFound(Refusal):
    """There is no such contact, or none the person may see."""

    code: ClassVar[str] = "outreach.contact_not_found"
    status: ClassVar[int] = 404


@dataclass(frozen=True, slots=True)
class Fact:
    """What became known about an attempt; the last one counts."""

    id: int
    kind: str
    kind_label: str
    code: str
    says: str
    at: datetime
    recorded_at: datetime
    by: str


@dataclass(frozen=True, slots=True)
class Attempt:
    """One contact with its facts in the order they were recorded; `code` is what it counts as now, empty: not known."""

    id: int
    borrower_id: int
    borrower: str
    sequence: int
    at: datetime
    recorded_at: datetime
    channel: str
    channel_label: str
    purpose: str
    purpose_label: str
    direction: str
    direction_label: str
    actor_scope: str
    party: str
    endpoint_id: int | None
    endpoint: str
    loan_ids: tuple[int, ...]
    message_id: int | None
    code: str
    says: str
    packs: str
    by: str
    facts: tuple[Fact, ...]

    @property
    def is_voice(self) -> bool:
        """True for calls and bots: a person may say whom they reached and what came of it."""
        return self.channel in VOICE


@dataclass(frozen=True, slots=True)
class ChainProof:
    """Every entry of a person's log recomputed: how many there are, and the first broken link of each record."""

    entries: int
    broken: tuple[BrokenLink, ...]


def attempts(*, user: User) -> QuerySet[Any]:
    """Contacts with the borrowers the person may see, with their facts; two queries a page."""
    return _with_facts(ContactEntry.objects.visible_to(user))


def attempts_of(*, borrower_id: int) -> QuerySet[Any]:
    """Every contact with a person, those of the records merged into the borrower among them."""
    return _with_facts(ContactEntry.objects.filter(borrower_id__in=borrower_ids_of(borrower_id=borrower_id)))


def blocked(*, user: User) -> QuerySet[Any]:
    """Attempts the gate did not let through, at the borrowers the person may see."""
    return BlockedContact.objects.visible_to(user).select_related("borrower")


def blocked_of(*, borrower_id: int) -> QuerySet[Any]:
    """Attempts at a person the gate did not let through, those at merged records among them."""
    return BlockedContact.objects.filter(borrower_id__in=borrower_ids_of(borrower_id=borrower_id)).select_related(
        "borrower"
    )


def with_code(*, rows: QuerySet[Any], code: str) -> QuerySet[Any]:
    """The attempts that count as a disposition now: their last fact says so."""
    facts = ContactEntry.objects.filter(attempt=OuterRef("pk")).exclude(kind="attempt")
    last = facts.order_by("-sequence").values("code")[:1]
    named = rows.filter(Exists(facts.filter(code=code)) | Q(code=code)).annotate(last_code=Subquery(last))
    return named.filter(Q(last_code=code) | Q(last_code__isnull=True, code=code))


def attempt_of(*, entry_id: int, user: User) -> Attempt:
    """One contact the person may see; three queries. Raises ContactNotFound."""
    row = attempts(user=user).filter(pk=entry_id).first()
    if row is None:
        raise ContactNotFound(
            _("There is no such contact in the log."), next_step=_("Open it from the borrower's contact log.")
        )
    return shown([row])[0]


def shown(rows: Sequence[Any]) -> list[Attempt]:
    """Rows of `attempts` in words; one query for where they went."""
    masked = endpoints_masked(rows)
    return [_attempt(row, masked=masked) for row in rows]


def endpoints_masked(rows: Iterable[Any]) -> dict[int, str]:
    """The contact points the rows name, masked; one query."""
    ids = {row.endpoint_id for row in rows if row.endpoint_id is not None}
    return dict(ContactPoint.objects.filter(pk__in=ids).values_list("pk", "masked"))


def counts_as(row: Any) -> str:
    """The code an attempt counts as: that of its last fact, else its own."""
    facts = row.facts.all()
    return str(facts[len(facts) - 1].code if facts else row.code)


def chain_proof(*, borrower_id: int) -> ChainProof:
    """The chains of a person's records, recomputed from the fields of their entries; one query a record and 20,000."""
    read: list[int] = []
    broken: list[BrokenLink] = []
    for each in borrower_ids_of(borrower_id=borrower_id):
        counts = [0]
        broken += broken_chains(borrower_id=each, on_progress=counts.append)
        read.append(counts[-1])
    return ChainProof(entries=sum(read), broken=tuple(broken))


def _with_facts(rows: QuerySet[Any]) -> QuerySet[Any]:
    facts = ContactEntry.objects.order_by("sequence")
    return rows.filter(kind="attempt").select_related("borrower").prefetch_related(Prefetch("facts", queryset=facts))


def _attempt(row: Any, *, masked: Mapping[int, str]) -> Attempt:
    code = counts_as(row)
    return Attempt(
        id=row.pk,
        borrower_id=row.borrower_id,
        borrower=row.borrower.external_id,
        sequence=row.sequence,
        at=row.at,
        recorded_at=row.recorded_at,
        channel=row.channel,
        channel_label=str(row.get_channel_display()),
        purpose=row.purpose,
        purpose_label=str(row.get_purpose_display()),
        direction=row.direction,
        direction_label=str(row.get_direction_display()),
        actor_scope=row.actor_scope,
        party=row.party,
        endpoint_id=row.endpoint_id,
        endpoint=masked.get(row.endpoint_id, ""),
        loan_ids=tuple(row.loan_ids),
        message_id=row.message_id,
        code=code,
        says=label_of(code),
        packs=row.packs,
        by=row.actor_name,
        facts=tuple(
            Fact(
                id=fact.pk,
                kind=fact.kind,
                kind_label=str(fact.get_kind_display()),
                code=fact.code,
                says=label_of(fact.code),
                at=fact.at,
                recorded_at=fact.recorded_at,
                by=fact.actor_name,
            )
            for fact in row.facts.all()
        ),
    )
