"""What each payee got in a period, by component, beside what the shares of the configurations come to."""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Final

from backoffice.core.bulk import fetch
from backoffice.core.money import ZERO, exponent_of, quantize
from backoffice.repayment.domain.autopay.configuration import parse
from backoffice.repayment.domain.autopay.splitting import HELD
from backoffice.repayment.models import AutopayVersion, Payee

SUMS: Final = """
SELECT split.payee_id, split.component, split.currency, command.version_id, sum(split.amount), count(*),
       sum(split.amount) FILTER (WHERE split.amount < 0), sum(split.amount) FILTER (WHERE split.claim_id IS NOT NULL)
FROM repayment_splitline AS split
JOIN repayment_debitcommand AS command ON command.id = split.command_id
JOIN repayment_loan AS loan ON loan.id = command.loan_id
WHERE split.day >= %(from)s AND split.day <= %(through)s
  AND (%(portfolios)s::text[] IS NULL OR loan.portfolio = ANY(%(portfolios)s))
GROUP BY 1, 2, 3, 4
"""
LINES: Final = """
SELECT split.id, split.day, command.order_no, loan.external_id, command.installment_number, split.component, payee.code,
       split.amount, split.currency
FROM repayment_splitline AS split
JOIN repayment_payee AS payee ON payee.id = split.payee_id
JOIN repayment_debitcommand AS command ON command.id = split.command_id
JOIN repayment_loan AS loan ON loan.id = command.loan_id
WHERE split.day >= %(from)s AND split.day <= %(through)s AND split.id > %(after)s
  AND (%(payee)s::bigint IS NULL OR split.payee_id = %(payee)s)
  AND (%(portfolios)s::text[] IS NULL OR loan.portfolio = ANY(%(portfolios)s))
ORDER BY split.id LIMIT 5000
"""


@dataclass(frozen=True, slots=True)
class Period:
    """The days of a statement, both with it, and the portfolios it is of; None: all."""

    from_day: date
    through_day: date
    portfolios: frozenset[str] | None

    @property
    def params(self) -> dict[str, object]:
        """As the statements take it."""
        portfolios = None if self.portfolios is None else sorted(self.portfolios)
        return {"from": self.from_day, "through": self.through_day, "portfolios": portfolios}


@dataclass(frozen=True, slots=True)
class Stated:
    """What a payee got of a component (major units), returns taken off; `by_contract` what the shares come to.

    The two differ by rounding only: each debit is split to the cent on its own. `is_off` when they differ by more.
    Of a bill a guarantor has paid, all goes to the guarantor, which is its contract.
    """

    payee: Payee
    component: str
    currency: str
    lines: int
    amount: Decimal
    returned: Decimal
    by_contract: Decimal | None
    is_off: bool


def statement_of(period: Period) -> list[Stated]:
    """The rows of all payees, by payee and component; three queries."""
    rows = fetch(SUMS, period.params)
    payees = Payee.objects.in_bulk({row[0] for row in rows})
    versions = AutopayVersion.objects.in_bulk({row[3] for row in rows if row[3]})
    shares = {
        (pk, component, share.payee): share.share
        for pk, version in versions.items()
        for component, given in parse(version.content).payees.items()
        for share in given
    }
    in_all: dict[tuple[int | None, str, str], Decimal] = defaultdict(lambda: ZERO)
    for _payee, component, currency, version, amount, _lines, _returned, claimed in rows:
        in_all[version, component, currency] += amount - (claimed or ZERO)
    found: dict[tuple[int, str, str], list[tuple[Decimal, int, Decimal, Decimal]]] = defaultdict(list)
    for payee, component, currency, _version, amount, lines, returned, claimed in rows:
        found[payee, component, currency].append((amount, lines, returned or ZERO, claimed or ZERO))
    return [
        _stated(payees[payee], component, currency, parts, shares=shares, in_all=in_all)
        for (payee, component, currency), parts in sorted(
            found.items(), key=lambda item: (payees[item[0][0]].code, item[0][1], item[0][2])
        )
    ]


def lines_of(period: Period, *, payee_id: int | None) -> Iterator[tuple[object, ...]]:
    """Every line of the period, in the order it was written, read in pieces."""
    after = 0
    while rows := fetch(LINES, {**period.params, "payee": payee_id, "after": after}):
        yield from (row[1:] for row in rows)
        after = rows[-1][0]


def _stated(
    payee: Payee,
    component: str,
    currency: str,
    parts: list[tuple[Decimal, int, Decimal, Decimal]],
    *,
    shares: dict[tuple[int, str, str], Decimal],
    in_all: dict[tuple[int | None, str, str], Decimal],
) -> Stated:
    amount = sum((part[0] for part in parts), ZERO)
    lines = sum(part[1] for part in parts)
    by_contract = None
    if component != HELD:
        by_contract = sum(
            (
                total * shares.get((version, component, payee.code), ZERO)
                for (version, of, unit), total in in_all.items()
                if version is not None and (of, unit) == (component, currency)
            ),
            sum((part[3] for part in parts), ZERO),
        )
        by_contract = quantize(by_contract, exponent=exponent_of(currency))
    # A debit's largest remainder moves at most one unit a line.
    unit = Decimal(1).scaleb(-exponent_of(currency))
    return Stated(
        payee=payee,
        component=component,
        currency=currency,
        lines=lines,
        amount=amount,
        returned=sum((part[2] for part in parts), ZERO),
        by_contract=by_contract,
        is_off=by_contract is not None and abs(amount - by_contract) > unit * lines,
    )
