"""The close of a day ends the mandates whose last day it was."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Final

from django.db import transaction

from backoffice.core.actors import SYSTEM
from backoffice.customers.services.locking import locked as locked_borrowers
from backoffice.repayment.domain.autopay.mandate_states import MandateState
from backoffice.repayment.models import Mandate
from backoffice.repayment.services.autopay.mandate_moving import move
from backoffice.repayment.services.autopay.mandate_telling import first_telling

CHUNK: Final = 500
_ENDING: Final = (MandateState.ACTIVE.value, MandateState.SUSPENDED.value)


def expire_mandates(*, day: date, at: datetime) -> int:
    """Expires those valid through `day` or less; how many. Safe to run again; rails are told of it by the beat."""
    expired = 0
    while ids := _next(day):
        expired += _expire(ids, day=day, at=at)
    return expired


def _next(day: date) -> list[tuple[int, int]]:
    rows = Mandate.objects.filter(valid_through__lte=day, state__in=_ENDING).order_by("borrower_id", "pk")
    return list(rows.values_list("borrower_id", "pk")[:CHUNK])


@transaction.atomic
def _expire(ids: Sequence[tuple[int, int]], *, day: date, at: datetime) -> int:
    locked_borrowers(borrower_ids={borrower_id for borrower_id, _pk in ids})
    mandates = (
        Mandate.objects.select_for_update(of=("self",))
        .select_related("rail")
        .filter(pk__in=[pk for _borrower, pk in ids], valid_through__lte=day, state__in=_ENDING)
        .order_by("pk")
    )
    count = 0
    for mandate in mandates:
        tell_at = at if first_telling(mandate.rail, at=at) else None
        move(mandate, to=MandateState.EXPIRED, cause="expired", actor=SYSTEM, at=at, tell_at=tell_at)
        count += 1
    return count
