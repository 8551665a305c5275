"""Writing what was booked: the pages, the operations with who did them, the trail, and word to the rest."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Any

from backoffice.audit import outbox
from backoffice.audit.services import Entry, record_many
from backoffice.core.actors import Actor
from backoffice.core.money import ZERO
from backoffice.repayment.domain.operations import GIVING_UP
from backoffice.repayment.selectors.states import LoadedLoan
from backoffice.repayment.services.posting.drafts import Booked, Draft, Outcome
from backoffice.repayment.services.writing import TRANSFER_COLUMNS, Pages, as_json


def write(
    *,
    drafts: Sequence[Draft],
    keys: Sequence[int],
    outcomes: Sequence[Outcome | None],
    loans: Mapping[int, LoadedLoan],
    pages: Pages,
    actor: Actor,
    business_date: date,
) -> None:
    """Flush the pages with the operations booked, and say so on the trail and in the outbox."""
    booked = [i for i, outcome in enumerate(outcomes) if isinstance(outcome, Booked)]
    done = [(drafts[i], keys[i]) for i in booked]
    if any(draft.kind in GIVING_UP for draft, _key in done):
        given_up = _given_up(pages)
        done = [
            (replace(draft, amount=given_up[key]) if draft.kind in GIVING_UP else draft, key) for draft, key in done
        ]
    pages.operations.extend(
        _operation_row(draft, key, loans[draft.loan_id], actor, business_date) for draft, key in done
    )
    pages.flush()
    if not done:
        return
    record_many(_entries(done, loans, actor=actor))
    outbox.publish(
        event="repayment.operations_booked",
        key=f"operations:{keys[booked[0]]}",
        payload={
            "first": keys[booked[0]],
            "last": keys[booked[-1]],
            "count": len(booked),
        },
    )


def _given_up(pages: Pages) -> dict[int, Decimal]:
    """What charge-offs and write-offs gave up, by operation: nobody names that amount, it is what was owed."""
    sums: dict[int, Decimal] = defaultdict(lambda: ZERO)
    operation, kind, amount, reverses = (
        TRANSFER_COLUMNS.index(name) for name in ("operation_id", "kind", "amount", "reverses_id")
    )
    for row in pages.transfers:
        if row[kind] in GIVING_UP and row[reverses] is None:
            sums[row[operation]] += row[amount]
    return sums


def _entries(booked: list[tuple[Draft, int]], loans: Mapping[int, LoadedLoan], *, actor: Actor) -> list[Entry]:
    """One trail entry a verb for a person's few, one for the whole of a large batch, naming its operations."""
    if len(booked) > 50:
        total = sum((draft.amount for draft, _ in booked), ZERO)
        return [
            Entry(
                verb="repayment.operations.booked",
                subject_type="repayment.operation",
                subject_id=str(booked[0][1]),
                actor=actor,
                reason=booked[0][0].reason,
                after={
                    "first": booked[0][1],
                    "last": booked[-1][1],
                    "count": len(booked),
                    "amount": str(total),
                },
            )
        ]
    return [
        Entry(
            verb=f"repayment.{draft.kind}.booked",
            subject_type="repayment.loan",
            subject_id=str(draft.loan_id),
            actor=actor,
            reason=draft.reason,
            after={
                "operation": key,
                "amount": str(draft.amount),
                "value_date": str(draft.value_date),
                **({"reverses": draft.reverses} if draft.reverses else {}),
                **({"components": {c: str(a) for c, a in draft.components.items()}} if draft.components else {}),
                **({"creditor": draft.creditor} if draft.creditor else {}),
            },
            borrower_id=loans[draft.loan_id].borrower_id,
        )
        for draft, key in booked
    ]


def _operation_row(draft: Draft, key: int, loan: LoadedLoan, actor: Actor, business_date: date) -> tuple[Any, ...]:
    details: dict[str, Any] = {}
    if draft.components:
        details["components"] = {component: str(amount) for component, amount in draft.components.items()}
    if draft.creditor:
        details["creditor"] = draft.creditor
    return (
        key,
        draft.loan_id,
        loan.borrower_id,
        draft.kind,
        draft.amount,
        draft.value_date,
        business_date,
        draft.source,
        draft.external_id,
        draft.channel,
        draft.reference,
        draft.surplus or "",
        as_json(details) if details else "{}",
        draft.reverses,
        draft.reason,
        draft.payment_file_id,
        actor.id,
        actor.name,
    )
