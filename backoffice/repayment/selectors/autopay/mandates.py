"""Reads of mandates: of a borrower, one with its history and debits, and the search through all of them."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any, Final

from django.db.models import Q, QuerySet

from backoffice.customers.models import Borrower
from backoffice.repayment.models import DebitCommand, Loan, Mandate, MandateMove
from backoffice.repayment.models.autopay.mandates import MandateQuerySet

DEBITS_SHOWN: Final = 50
MOST_FOUND: Final = 200
OVER: Final = ("revoked", "replaced", "expired")


@dataclass(frozen=True, slots=True)
class MandateShown:
    """One mandate: what happened to it, oldest first; its latest debits; who took over from it, if anybody."""

    mandate: Mandate
    moves: list[MandateMove]
    debits: list[DebitCommand]
    successor: Mandate | None

    @property
    def expected_amount(self) -> str:
        """What the standing order it came from is over, a month; empty where nothing says so."""
        return str(self.moves[0].details.get("expected_amount", "")) if self.moves else ""


def visible_mandates(*, user: Any) -> MandateQuerySet:
    """Those of the borrowers the person may see, with what a list shows."""
    return Mandate.objects.visible_to(user).select_related("borrower", "rail")


def mandate_shown(*, mandate_id: int, user: Any) -> MandateShown | None:
    """One mandate, if the person may see it; four queries."""
    mandate = visible_mandates(user=user).select_related("replaces").filter(pk=mandate_id).first()
    if mandate is None:
        return None
    debits = DebitCommand.objects.filter(mandate=mandate).select_related("loan").order_by("-day", "-pk")
    return MandateShown(
        mandate=mandate,
        moves=list(mandate.moves.order_by("pk")),
        debits=list(debits[:DEBITS_SHOWN]),
        successor=Mandate.objects.filter(replaces=mandate).first(),
    )


def mandates_of(*, borrower_ids: Collection[int]) -> list[Mandate]:
    """A borrower's mandates in the order they are debited in, those that are over last; one query."""
    rows = Mandate.objects.filter(borrower_id__in=borrower_ids).select_related("rail").order_by("priority", "pk")
    return sorted(rows, key=lambda mandate: mandate.state in OVER)


def searched(rows: QuerySet[Any], words: str) -> QuerySet[Any]:
    """Those known by the words: a number of an agreement or its beginning, a borrower, a loan, the end of a mask."""
    people = Borrower.objects.filter(external_id__istartswith=words).values_list("pk", flat=True)[:MOST_FOUND]
    loans = Loan.objects.filter(external_id__iexact=words).values_list("borrower_id", flat=True)[:MOST_FOUND]
    found = Q(agreement_no__istartswith=words) | Q(borrower_id__in=[*people, *loans])
    if words.isascii() and words.isdigit() and len(words) == 4:
        found |= Q(mask__endswith=words)
    return rows.filter(found)
