"""Borrowers of the slow gate written into the database as the gate finds them."""

import secrets

from backoffice.core.actors import SYSTEM
from backoffice.customers.domain.sealing import Sealed
from backoffice.customers.models import Borrower, ContactPoint
from backoffice.outreach.domain.channels import Channel
from backoffice.outreach.models import ConsentEntry, PreferenceEntry
from backoffice.outreach.services.gate import log_contact, record_fact
from tests.outreach.slow_gate import Person


def phone_of(borrower: Borrower, *, zones: tuple[str, ...] = (), digest: bytes | None = None) -> ContactPoint:
    """A phone that may ring in the zones; another one of the same digest is the same number."""
    return ContactPoint.objects.create(
        borrower=borrower,
        kind="phone",
        value=Sealed(b""),
        masked="•",
        time_zones=list(zones),
        digest=digest or secrets.token_bytes(16),
    )


def store(person: Person, *, name: str) -> tuple[Borrower, dict[int, int]]:
    """The borrower, and the contact points by the numbers the person's contacts use."""
    borrower = Borrower.objects.create(external_id=name, source="law", portfolio="law", country=person.country)
    for zones in person.evidence:
        ContactPoint.objects.create(
            borrower=borrower, kind="address", value=Sealed(b""), masked="•", time_zones=sorted(zones)
        )
    points = {number: phone_of(borrower).pk for number in (1, 2)}
    for past in person.past:
        entry_id = log_contact(
            borrower_id=borrower.pk,
            channel=past.channel,
            purpose=past.purpose,
            direction=past.direction,
            at=past.at,
            actor=SYSTEM,
            endpoint_id=points.get(past.number or 0),
            loan_ids=past.loans,
            actor_scope=past.scope,  # type: ignore[arg-type]
        )
        for code in past.codes:
            record_fact(entry_id=entry_id, code=code, actor=SYSTEM, at=past.at)
    for word in person.words:
        ConsentEntry.objects.create(
            borrower=borrower,
            kind=word.kind,
            at=word.at,
            channel=word.channel,
            endpoint_id=points.get(word.number or 0),
            scope=word.scope,
            starts_at=word.starts_at,
            ends_at=word.ends_at,
            source="law",
            actor_name=SYSTEM.name,
        )
    for wish in person.wishes:
        PreferenceEntry.objects.create(
            borrower=borrower,
            kind=wish.kind,
            channel=wish.channel,
            days=sorted(wish.days),
            from_minute=wish.from_minute,
            to_minute=wish.to_minute,
            source="law",
            actor_name=SYSTEM.name,
            at=person.past[0].at if person.past else "2026-01-01T00:00:00Z",
        )
    return borrower, points


CALLABLE = (Channel.CALL, Channel.BOT, Channel.SMS)
