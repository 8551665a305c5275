"""分账 written down: the lines of each payee for a debit that was booked, and the lines that take them back."""

from collections import defaultdict
from collections.abc import Mapping
from datetime import date
from typing import Any, Final

from backoffice.core.bulk import copy_rows, execute, fetch
from backoffice.core.money import ZERO
from backoffice.repayment.domain.autopay.configuration import parse
from backoffice.repayment.domain.autopay.splitting import HELD, split_among
from backoffice.repayment.models import AutopayVersion, Payee

PAID: Final = """
SELECT operation_id, CASE WHEN component = '' THEN 'held' ELSE component END, sum(amount)
FROM repayment_transfer
WHERE operation_id = ANY(%s) AND debit = 'cash' AND reverses_id IS NULL
GROUP BY 1, 2
ORDER BY 1, 2
"""
MIRROR: Final = """
INSERT INTO repayment_splitline (command_id, operation_id, component, payee_id, currency, amount, day)
SELECT command_id, %(operation_id)s, component, payee_id, currency, -amount, %(day)s
FROM repayment_splitline WHERE command_id = %(command_id)s AND amount > 0
"""
COLUMNS: Final = ("command_id", "operation_id", "component", "payee_id", "currency", "amount", "day")

Payment = tuple[int, int | None, str, date]
"""Operation, the version it was debited under, currency, the channel's day."""


def split_payments(*, payments: Mapping[int, Payment]) -> int:
    """Write the lines of payments just booked, by command; gives how many.

    A payment by link is split by the version in force for its loan, which its order names as debits name theirs.
    """
    if not payments:
        return 0
    paid: dict[int, dict[str, Any]] = defaultdict(dict)
    for operation_id, component, amount in fetch(PAID, [[payment[0] for payment in payments.values()]]):
        paid[operation_id][component or HELD] = amount
    versions = AutopayVersion.objects.in_bulk({payment[1] for payment in payments.values() if payment[1]})
    rules = {pk: parse(version.content) for pk, version in versions.items()}
    payees = dict(Payee.objects.values_list("code", "pk"))
    lines = [
        (command_id, operation_id, part.component, payees[part.payee], currency, part.amount, day)
        for command_id, (operation_id, version_id, currency, day) in sorted(payments.items())
        if version_id is not None
        for part in split_among(
            paid[operation_id], rule=rules[version_id].payees, currency=currency, keeper=rules[version_id].keeper
        )
        if part.amount != ZERO
    ]
    return copy_rows(table="repayment_splitline", columns=COLUMNS, rows=lines)


def mirror(*, command_id: int, operation_id: int, day: date) -> int:
    """Write the lines that take a command's lines back, one for one; gives how many."""
    return execute(MIRROR, {"command_id": command_id, "operation_id": operation_id, "day": day})
