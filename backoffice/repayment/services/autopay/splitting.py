"""分账 written down: the lines of each payee for a debit that was booked, and how they follow the ledger afterwards.

Of a bill a guarantor has paid, what the borrower pays later is the guarantor's, whatever the configuration says.
What came beyond what was owed is kept by one payee until it pays a bill, which is split then, or goes back to the
borrower, whose refund takes the line back; which debit's money that is: first in, first out.
"""

from collections import defaultdict, deque
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Any, Final

from backoffice.core.bulk import copy_rows, fetch
from backoffice.core.money import ZERO
from backoffice.repayment.domain.autopay.configuration import Configuration, parse
from backoffice.repayment.domain.autopay.splitting import HELD, split_among
from backoffice.repayment.models import AutopayVersion, Payee, SplitLine

# What an operation brought in by component, less what was taken back of it since; apart what belongs to a guarantor who
# had paid for the bill by then.
BROUGHT: Final = """
SELECT moved.operation_id, CASE WHEN moved.component = '' THEN 'held' ELSE moved.component END, claim.id,
       claim.guarantor_id, sum(CASE WHEN moved.debit = 'cash' THEN moved.amount ELSE -moved.amount END)
FROM repayment_transfer AS moved
LEFT JOIN repayment_claim AS claim
  ON claim.loan_id = moved.loan_id AND claim.installment_number = moved.installment_number
  AND claim.state IN ('transferred', 'matched') AND claim.booked_through < moved.operation_id
  AND (moved.component IN ('principal', 'interest') OR (moved.component = 'penalty' AND claim.penalty > 0))
WHERE moved.operation_id = ANY(%s) AND (moved.debit = 'cash' OR moved.credit = 'cash')
GROUP BY 1, 2, 3, 4
HAVING sum(CASE WHEN moved.debit = 'cash' THEN moved.amount ELSE -moved.amount END) <> 0
ORDER BY 1, 2, 3
"""
# The money held of these operations' loans, as it stands after all corrections: what came in, and what became of it.
# What came only to be paid back at once, and its refund, are apart: they are no debit's.
HELD_MOVES: Final = """
SELECT moved.loan_id, CASE WHEN moved.credit = 'suspense' THEN moved.operation_id END, moved.credit = 'suspense',
       moved.component, claim.id, claim.guarantor_id, moved.amount
FROM repayment_transfer AS moved
LEFT JOIN repayment_claim AS claim
  ON claim.loan_id = moved.loan_id AND claim.installment_number = moved.installment_number
  AND claim.state IN ('transferred', 'matched')
  AND CASE WHEN moved.operation_id IS NULL THEN claim.transferred_on <= moved.value_date
      ELSE claim.booked_through < moved.operation_id END
  AND (moved.component IN ('principal', 'interest') OR (moved.component = 'penalty' AND claim.penalty > 0))
WHERE moved.loan_id IN (SELECT loan_id FROM repayment_operation WHERE id = ANY(%s))
  AND 'suspense' IN (moved.debit, moved.credit) AND moved.reverses_id IS NULL
  AND NOT EXISTS (SELECT 1 FROM repayment_transfer AS back WHERE back.reverses_id = moved.id)
  AND NOT EXISTS (
    SELECT 1 FROM repayment_operation AS apart WHERE apart.id = moved.operation_id AND apart.surplus = 'all_held'
  )
ORDER BY moved.loan_id, moved.value_date, moved.debit = 'suspense', moved.id
"""
OF_LOANS: Final = """
SELECT command.id, command.operation_id, command.version_id, command.currency
FROM repayment_debitcommand command
WHERE command.loan_id = ANY(%s) AND command.operation_id IS NOT NULL AND command.version_id IS NOT NULL
ORDER BY command.id
"""
WRITTEN: Final = """
SELECT command_id, component, payee_id, claim_id, sum(amount) FROM repayment_splitline
WHERE command_id = ANY(%s) GROUP BY 1, 2, 3, 4
"""
COLUMNS: Final = (
    "command_id", "operation_id", "component", "payee_id", "claim_id", "currency", "amount", "day", "cause",
)  # fmt: skip

Payment = tuple[int, int | None, str, date]
"""Operation, the version it was debited under, currency, the channel's day."""
Line = tuple[str, int, int | None]
"""Component, payee, and the claim by which it is the payee's."""


@dataclass(frozen=True, slots=True)
class Brought:
    """What an operation brought by component: to be split by its version, and by line what is a guarantor's already."""

    by_rule: dict[str, Decimal] = field(default_factory=dict)
    claimed: dict[Line, Decimal] = field(default_factory=dict)


def split_payments(*, payments: Mapping[int, Payment]) -> int:
    """Write the lines of payments just booked, by command; gives how many.

    A payment by link is split by the version in force for its loan, which its order names as debits name theirs.
    """
    known = {key: payment for key, payment in payments.items() if payment[1] is not None}
    if not known:
        return 0
    brought = _brought([payment[0] for payment in known.values()])
    rules, payees = _rules({payment[1] for payment in known.values()}), _payees()
    rows = [
        (command_id, operation_id, *line, currency, amount, day, SplitLine.Cause.DEBIT.value)
        for command_id, (operation_id, version_id, currency, day) in sorted(known.items())
        for line, amount in _lines(
            brought[operation_id], rule=rules[version_id], currency=currency, payees=payees
        ).items()
    ]
    return copy_rows(table="repayment_splitline", columns=COLUMNS, rows=rows)


def follow_ledger(*, loan_ids: Collection[int], day: date) -> int:
    """Bring the lines of these loans' debits in line with what their payments bring now; gives how many were written.

    Called in the transaction that took payments back or allocated them anew. What nobody debited costs one query.
    """
    debits = fetch(OF_LOANS, [sorted(loan_ids)])
    if not debits:
        return 0
    brought = _brought([row[1] for row in debits])
    rules, payees = _rules({row[2] for row in debits}), _payees()
    written: dict[int, dict[Line, Decimal]] = defaultdict(dict)
    for command_id, component, payee_id, claim_id, amount in fetch(WRITTEN, [[row[0] for row in debits]]):
        written[command_id][(component, payee_id, claim_id)] = amount
    rows: list[tuple[Any, ...]] = []
    for command_id, operation_id, version_id, currency in debits:
        is_to_be = _lines(brought[operation_id], rule=rules[version_id], currency=currency, payees=payees)
        was = written[command_id]
        for line in sorted(is_to_be.keys() | was.keys(), key=str):
            change = is_to_be.get(line, ZERO) - was.get(line, ZERO)
            if change:
                cause = SplitLine.Cause.CHANGE.value
                rows.append((command_id, operation_id, *line, currency, change, day, cause))
    return copy_rows(table="repayment_splitline", columns=COLUMNS, rows=rows) if rows else 0


def _brought(operation_ids: Collection[int]) -> dict[int, Brought]:
    brought: dict[int, Brought] = defaultdict(Brought)
    for operation_id, component, claim_id, guarantor_id, amount in fetch(BROUGHT, [sorted(operation_ids)]):
        if claim_id is None:
            brought[operation_id].by_rule[component or HELD] = amount
        else:
            brought[operation_id].claimed[component, guarantor_id, claim_id] = amount
    holding = [key for key, each in brought.items() if each.by_rule.get(HELD)]
    if holding:
        _follow_held(brought, operation_ids=holding)
    return brought


def _follow_held(brought: dict[int, Brought], *, operation_ids: Collection[int]) -> None:
    """Moves what was held to the component it paid since, and takes off what was paid back; first in, first out."""
    waiting: dict[int, deque[tuple[int, Decimal]]] = defaultdict(deque)
    for loan_id, operation_id, is_in, component, claim_id, guarantor_id, amount in fetch(
        HELD_MOVES, [sorted(operation_ids)]
    ):
        if is_in:
            waiting[loan_id].append((operation_id, amount))
            continue
        for source, part in _taken(waiting[loan_id], amount):
            if source not in brought:
                continue
            brought[source].by_rule[HELD] -= part
            if claim_id is not None:
                line = (component, guarantor_id, claim_id)
                brought[source].claimed[line] = brought[source].claimed.get(line, ZERO) + part
            elif component:
                brought[source].by_rule[component] = brought[source].by_rule.get(component, ZERO) + part


def _taken(waiting: deque[tuple[int, Decimal]], amount: Decimal) -> Iterator[tuple[int, Decimal]]:
    """Whose money an amount is: the parts of what has waited longest, which are taken away."""
    while amount > 0 and waiting:
        source, held = waiting.popleft()
        part = min(held, amount)
        if held > part:
            waiting.appendleft((source, held - part))
        amount -= part
        yield source, part


def _lines(brought: Brought, *, rule: Configuration, currency: str, payees: Mapping[str, int]) -> dict[Line, Decimal]:
    parts = split_among(brought.by_rule, rule=rule.payees, currency=currency, keeper=rule.keeper)
    lines: dict[Line, Decimal] = {
        (part.component, payees[part.payee], None): part.amount for part in parts if part.amount
    }
    return lines | brought.claimed


def _rules(version_ids: Collection[int | None]) -> dict[int | None, Configuration]:
    versions = AutopayVersion.objects.in_bulk({pk for pk in version_ids if pk is not None})
    return {pk: parse(version.content) for pk, version in versions.items()}


def _payees() -> dict[str, int]:
    return dict(Payee.objects.values_list("code", "pk"))
