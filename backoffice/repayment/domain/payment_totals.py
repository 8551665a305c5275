"""What a file of payments asks for in all, and whether that is what its sender says it should."""

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import ClassVar

from backoffice.core.errors import Refusal
from backoffice.core.money import ZERO, quantize
from backoffice.core.words import Phrase, phrase
from backoffice.repayment.domain.payment_lines import Line, PaymentLine

_SUM = re.compile(r"(?P<currency>[A-Z]{3})\s+(?P<amount>[0-9]{1,16}(\.[0-9]{1,2})?)")
_BETWEEN = re.compile(r"[,;\n]")


class ControlSumUnreadable(Refusal):
    """The control sums are not written as currency and amount."""

    code: ClassVar[str] = "repayment.control_sum_unreadable"


@dataclass(frozen=True, slots=True)
class Control:
    """What the sender says a file holds: the number of its lines, and the sum of amounts by currency (major units).

    None and an empty mapping are not held against the file.
    """

    count: int | None = None
    sums: Mapping[str, Decimal] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Totals:
    """What a file holds: its lines, how many of them cannot be read, and the sums of the others by currency."""

    count: int
    unreadable: int
    sums: Mapping[str, Decimal]


def totals_of(*, lines: Iterable[Line]) -> Totals:
    """The totals of a file, line by line."""
    count = unreadable = 0
    sums: dict[str, Decimal] = defaultdict(lambda: ZERO)
    for line in lines:
        count += 1
        if isinstance(line, PaymentLine):
            sums[line.currency] += line.amount
        else:
            unreadable += 1
    return Totals(count=count, unreadable=unreadable, sums=dict(sorted(sums.items())))


def differences(*, totals: Totals, control: Control) -> list[Phrase]:
    """Where the file is not what its sender says, in words; a currency the sender does not name must not occur."""
    found = []
    if control.count is not None and control.count != totals.count:
        found.append(phrase("%(found)s lines instead of %(said)s", found=totals.count, said=control.count))
    if control.sums:
        for currency in sorted({*control.sums, *totals.sums}):
            is_there, said = totals.sums.get(currency, ZERO), control.sums.get(currency, ZERO)
            if is_there != said:
                found.append(
                    phrase("%(currency)s %(found)s instead of %(said)s", currency=currency, found=is_there, said=said)
                )
    return found


def read_control_sums(*, text: str) -> dict[str, Decimal]:
    """`CNY 1500.00, USD 20` as amounts by currency. Raises ControlSumUnreadable, naming `control_sums`."""
    sums: dict[str, Decimal] = {}
    for part in filter(None, (piece.strip() for piece in _BETWEEN.split(text))):
        match = _SUM.fullmatch(part)
        if match is None or match["currency"] in sums:
            said = phrase("“%(part)s” is not a currency with its sum.", part=part)
            raise ControlSumUnreadable(
                said,
                next_step=phrase("Write each currency once with its sum, such as CNY 1500.00, USD 20.00."),
                fields={"control_sums": said},
            )
        sums[match["currency"]] = quantize(Decimal(match["amount"]))
    return sums
