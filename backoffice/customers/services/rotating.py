"""Sealing everything anew with the active key, in batches that may be stopped and gone on with at any point."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from django.db import transaction

from backoffice.audit import services as audit
from backoffice.core.actors import Actor
from backoffice.customers.domain import finding
from backoffice.customers.fields import seal_of, text_of
from backoffice.customers.keys import ring
from backoffice.customers.models import Borrower, ContactPoint
from backoffice.customers.models.borrowers import BorrowerQuerySet
from backoffice.customers.services import indexing
from backoffice.customers.services.personal_data import REVEALABLE

BATCH = 500

SealAnew = Callable[[int], int]
_further: list[SealAnew] = []


@dataclass(frozen=True, slots=True)
class Rotated:
    """How far a rotation has come: borrowers sealed anew so far, and those still waiting."""

    done: int
    left: int


def declare(seal_anew: SealAnew) -> None:
    """Adds what an app above keeps sealed: called after the borrowers, with the rows a transaction takes at a time.

    It seals everything of its own that is not sealed with the active key, and gives how many rows that were.
    """
    if seal_anew not in _further:
        _further.append(seal_anew)


def waiting() -> BorrowerQuerySet:
    """Borrowers with something sealed under a key that is not the active one."""
    return Borrower.objects.exclude(key_id__in=["", ring().active_id])


def rotate(*, actor: Actor, batch: int = BATCH) -> Iterator[Rotated]:
    """Seals anew, batch by batch, each in its own transaction; tells after each how far it has come.

    A batch is borrowers, their contact points and their blind indexes together. Raises Unopenable for a damaged value
    or a key that is no longer on the ring; what was done until then stays done.
    """
    done = 0
    after_id = 0
    while True:
        with transaction.atomic():
            borrowers = list(waiting().filter(pk__gt=after_id).order_by("pk").select_for_update()[:batch])
            if borrowers:
                _seal_anew(borrowers)
        if not borrowers:
            break
        done += len(borrowers)
        after_id = borrowers[-1].pk
        yield Rotated(done=done, left=waiting().count())
    further = sum(seal_anew(batch) for seal_anew in _further)
    if done or further:
        audit.record(
            verb="customers.keys.rotated",
            subject_type="customers.key",
            subject_id=ring().active_id,
            actor=actor,
            after={"borrowers": done} | ({"further rows": further} if further else {}),
        )


def _seal_anew(borrowers: list[Borrower]) -> None:
    for borrower in borrowers:
        for name in REVEALABLE:
            setattr(borrower, name, seal_of(Borrower, name, text_of(borrower, name)))
        borrower.key_id = ring().active_id
    points = list(ContactPoint.objects.filter(borrower__in=borrowers).order_by("pk"))
    for point in points:
        text = text_of(point, "value")
        point.value = seal_of(ContactPoint, "value", text)
        point.digest = indexing.digest_of(finding.term_of_point(kind=point.kind, text=text), keys=ring())
    Borrower.objects.bulk_update(borrowers, [*REVEALABLE, "key_id"])
    ContactPoint.objects.bulk_update(points, ["value", "digest"])
    indexing.reindex(borrowers=borrowers)
