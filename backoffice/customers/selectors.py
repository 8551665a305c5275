"""Reads of borrowers, in a fixed number of queries."""

from collections.abc import Collection, Sequence

from django.db.models import Q

from backoffice.customers.domain.holds import HoldPeriod
from backoffice.customers.models import Hold


def holds_of_loans(
    *, loan_ids: Sequence[int], borrower_ids: Sequence[int], scopes: Collection[str]
) -> dict[int, list[HoldPeriod]]:
    """Holds that bear on each loan, its borrower's included, by start; one query.

    `loan_ids` and `borrower_ids` run side by side. Every loan asked for is a key; without holds its list is empty.
    """
    found: dict[int, list[HoldPeriod]] = {loan_id: [] for loan_id in loan_ids}
    loans_of: dict[int, list[int]] = {}
    for loan_id, borrower_id in zip(loan_ids, borrower_ids, strict=True):
        loans_of.setdefault(borrower_id, []).append(loan_id)
    holds = (
        Hold.objects.filter(Q(loan_id__in=found) | Q(loan_id__isnull=True, borrower_id__in=loans_of))
        .filter(scope__in=scopes, period__isempty=False)
        .order_by("period", "id")
        .values_list("id", "loan_id", "borrower_id", "scope", "period", "reason")
    )
    for hold_id, held_loan, borrower_id, scope, period, reason in holds:
        hold = HoldPeriod(
            scope=scope,
            start=period.lower,
            end_exclusive=period.upper,
            id=hold_id,
            reason=reason,
        )
        for loan_id in [held_loan] if held_loan is not None else loans_of[borrower_id]:
            found[loan_id].append(hold)
    return found
