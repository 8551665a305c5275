"""A guarantor's file against transferred claims: one whose lines say the same, to the cent, is matched."""

from collections import defaultdict
from datetime import datetime
from decimal import Decimal

from django.db import transaction

from backoffice.core.actors import Actor
from backoffice.core.money import ZERO
from backoffice.repayment.domain.autopay.claim_states import ClaimState
from backoffice.repayment.models import Claim, SettlementFile, SettlementLine
from backoffice.repayment.services.autopay.claim_moving import locked, move


@transaction.atomic
def match_claims(*, file: SettlementFile, actor: Actor, at: datetime) -> int:
    """Move the claims the file agrees with to `matched`; gives how many. A second time none is left to move.

    What differs, and what only one side has, is a ticket of the day as every other difference.
    """
    told: dict[str, dict[tuple[str, str], Decimal]] = defaultdict(dict)
    lines = SettlementLine.objects.filter(file=file, kind="debit", order_no__startswith="C")
    for order_no, component, currency, amount in lines.values_list("order_no", "component", "currency", "amount"):
        told[order_no][component, currency] = amount
    waiting = Claim.objects.filter(
        guarantor=file.payee, state=ClaimState.TRANSFERRED.value, number__in=list(told)
    ).values_list("pk", flat=True)
    matched = [
        claim
        for claim in locked(list(waiting))
        if claim.state == ClaimState.TRANSFERRED and told[claim.number] == _ours(claim)
    ]
    for claim in matched:
        claim.file = file
        move(claim, to=ClaimState.MATCHED, cause="matched", actor=actor, at=at, details={"file": file.pk})
    return len(matched)


def _ours(claim: Claim) -> dict[tuple[str, str], Decimal]:
    parts = {"principal": claim.principal, "interest": claim.interest, "penalty": claim.penalty}
    return {(component, claim.currency): amount for component, amount in parts.items() if amount != ZERO}
