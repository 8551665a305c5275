"""The test vectors of a pack, run through the gate itself: laid out as borrowers and logs, judged, taken back."""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from django.db import transaction

from backoffice.core.actors import SYSTEM
from backoffice.customers.domain.sealing import Sealed
from backoffice.customers.models import Borrower, ContactPoint
from backoffice.outreach.domain.channels import ENDPOINT_KIND, Channel
from backoffice.outreach.domain.compiling import PacksInForce
from backoffice.outreach.domain.packs import Pack, Vector
from backoffice.outreach.domain.verdicts import Wanted
from backoffice.outreach.models import ConsentEntry
from backoffice.outreach.selectors.gate import judge
from backoffice.outreach.services.gate import log_contact, record_fact

CALLBACK_LASTS = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class VectorResult:
    """A vector and the rules that denied its contact; it passes when those are the ones it expects."""

    vector: Vector
    denied_by: frozenset[str]

    @property
    def passes(self) -> bool:
        """True when the gate denied for exactly the rules the vector names."""
        return self.denied_by == self.vector.expect


def run_vectors(*, pack: Pack) -> list[VectorResult]:
    """Every vector of the pack, judged by that pack alone. Nothing of it stays in the database."""
    if not pack.vectors:
        return []
    alone = PacksInForce(versions=((pack.code, 0),), packs=(pack,))
    with transaction.atomic():
        wanted = [_laid_out(vector) for vector in pack.vectors]
        verdicts = judge(wanted=wanted, packs=alone)
        transaction.set_rollback(True)
    return [
        VectorResult(vector, frozenset(denial.rule for denial in verdict.denials))
        for vector, verdict in zip(pack.vectors, verdicts, strict=True)
    ]


def _laid_out(vector: Vector) -> Wanted:
    """The vector's borrower, where they may be, what went before; and the contact it is about."""
    name = f"vector {secrets.token_hex(8)}"
    borrower = Borrower.objects.create(external_id=name, source="vectors", portfolio="vectors", country=vector.country)
    points = _points(borrower, vector)
    # Each zone is evidence of its own, beside whatever the number said.
    for zone in vector.zones:
        _point(borrower, "address", zones=[zone])
    for past in vector.history:
        entry_id = log_contact(
            borrower_id=borrower.pk,
            channel=past.channel,
            purpose=past.purpose,
            direction=past.direction,
            at=past.at,
            actor=SYSTEM,
            code=past.code,
            endpoint_id=points.get(_key(past.channel, past.endpoint)),
            loan_ids=[] if past.loan is None else [past.loan],
            actor_scope=past.actor_scope,  # type: ignore[arg-type]
            party=past.party,  # type: ignore[arg-type]
        )
        if past.corrected:
            record_fact(entry_id=entry_id, code=past.corrected, kind="correction", actor=SYSTEM, at=past.at)
    _consents(borrower, vector, points)
    return Wanted(
        borrower_id=borrower.pk,
        channel=vector.channel,
        purpose=vector.purpose,
        at=vector.at,
        endpoint_id=points.get(_key(vector.channel, vector.endpoint)),
        loan_id=vector.loan,
        actor_scope=vector.actor_scope,  # type: ignore[arg-type]
        party=vector.party,  # type: ignore[arg-type]
    )


def _points(borrower: Borrower, vector: Vector) -> dict[tuple[str, int], int]:
    """The contact points the vector numbers, by kind and number."""
    used: list[tuple[Channel, int | None]] = [
        (vector.channel, vector.endpoint),
        *((past.channel, past.endpoint) for past in vector.history),
        *((consent.channel, consent.endpoint) for consent in vector.consents),
    ]
    keys = sorted({key for channel, number in used if (key := _key(channel, number))[0]})
    return {key: _point(borrower, key[0], zones=[]) for key in keys}


def _key(channel: Channel, number: int | None) -> tuple[str, int]:
    return ("", 0) if number is None else (ENDPOINT_KIND.get(channel, ""), number)


def _point(borrower: Borrower, kind: str, *, zones: Sequence[str]) -> int:
    point = ContactPoint.objects.create(
        borrower=borrower,
        kind=kind,
        value=Sealed(b""),
        masked="•",
        time_zones=list(zones),
        digest=secrets.token_bytes(16),
    )
    return int(point.pk)


def _consents(borrower: Borrower, vector: Vector, points: dict[tuple[str, int], int]) -> None:
    for consent in vector.consents:
        ConsentEntry.objects.create(
            borrower=borrower,
            kind=ConsentEntry.Kind.CONSENT,
            channel=consent.channel,
            endpoint_id=points.get(_key(consent.channel, consent.endpoint)),
            ends_at=consent.ends_at,
            at=consent.at,
            source="vector",
            actor_name=SYSTEM.name,
        )
    if vector.callback_at is not None:
        ConsentEntry.objects.create(
            borrower=borrower,
            kind=ConsentEntry.Kind.CALLBACK,
            starts_at=vector.callback_at,
            ends_at=vector.callback_at + CALLBACK_LASTS,
            at=vector.callback_at - CALLBACK_LASTS,
            source="vector",
            actor_name=SYSTEM.name,
        )
