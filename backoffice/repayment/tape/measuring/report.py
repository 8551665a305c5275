"""All rates of all sets, the page that shows them and the file the synthetic book is driven by."""

import json
from collections.abc import Iterable
from decimal import Decimal
from pathlib import Path
from typing import Any

from backoffice.repayment.tape.adapters import superlender
from backoffice.repayment.tape.measuring.bills import (
    home_credit_bills,
    home_credit_random_rows,
    superlender_bills,
    superlender_disbursements,
    superlender_flags,
    superlender_settlements,
    xente_bills,
)
from backoffice.repayment.tape.measuring.rates import Rate, count_rate, delays, entry_and_exit, habits
from backoffice.repayment.tape.measuring.repeats import repeat_rates, settled_repeat_rates
from backoffice.repayment.tape.measuring.rolls import flow_rates, read_cards, roll_matrix

CONSTANTS = Path(__file__).parent / "measured_rates.json"
TITLES = {
    "M39": "Entry (M39): bills unpaid at the cut-off / bills due",
    "M40": "Exit (M40): entered bills paid in full within N days / entered bills",
    "M41": "Flow (M41): month end to month end, tracked per account",
    "M42": "Roll (M42): worst state of three months against the worst of the next three",
    "M33": "Re-loan (M33): second loan within T days / borrowers first disbursed",
    "M35": "Settled re-loan (M35): new loan within T days of settlement / settlements without another open loan",
    "habit": "Early, on the day, late, in parts: of bills paid in full",
    "flag": "Not repaid in time, as the source flags it",
    "delay": "Days from due date to full payment: share of paid bills",
}

PREAMBLE = """# Rates measured in the real sets

Written by `manage.py measure_rates --data DIR`; do not edit. Definitions: metrics M33, M35, M39 to M42. Every figure
stands with its numerator and denominator; sums are never averaged. Only these aggregates are kept: no row of the sets
is in this repository. The synthetic demo book is driven by them (docs/demo_book.md).

What the sets are, and how far they reach:

- `superlender`: first bills of finished loans. Every one was paid in the end, so its lateness is milder than its book's
  was: of the newest loans 22 % were not repaid in time. Its borrowers were chosen because they borrowed again, so
  its re-loan rates are upper bounds.
- `xente`: 30-day loans with every payback; a few large retail loans carry most of the amount.
- `home_credit`: linked instalments paid in full on record (about 42 % of the rows exist); `home_credit_random`: rows of
  other clients, paid in full by the row itself. Bills whose other payments were not sampled are left out, which makes
  both look better than they were.
- `uci_taiwan`: month-end states of credit cards, six months; M1 hardly occurs before the last month (a quirk).
"""


def measure(*, folder: Path) -> list[Rate]:
    """Every rate of every set in the data folder. Raises SourceMissing."""
    rates: list[Rate] = []
    home_credit, short = home_credit_bills(folder)
    for source, bills in (
        ("superlender", superlender_bills(folder)),
        ("xente", xente_bills(folder)),
        ("home_credit", home_credit),
        ("home_credit_random", home_credit_random_rows(folder)),
    ):
        rates += entry_and_exit(source, bills)
        rates += habits(source, bills)
        rates += delays(source, bills)
    rates.append(
        Rate("habit", "short on record", "home_credit", "count", Decimal(short), Decimal(short + len(home_credit)))
    )
    rates.append(count_rate("flag", "newest loan flagged bad", "superlender", superlender_flags(folder)))
    unpaid = (bill.paid_on is None for bill in xente_bills(folder))
    rates.append(count_rate("flag", "no final payback by the end of the set", "xente", unpaid))
    days = superlender_disbursements(folder)
    rates += repeat_rates("superlender", days, last_day=superlender.LAST_DAY)
    rates += settled_repeat_rates("superlender", superlender_settlements(folder), days, last_day=superlender.LAST_DAY)
    cards = read_cards(folder)
    return rates + flow_rates(cards) + roll_matrix(cards)


def constants_of(rates: Iterable[Rate]) -> dict[str, Any]:
    """The rates as JSON: source, metric, name and unit -> value, numerator, denominator, all decimal strings."""
    tree: dict[str, Any] = {}
    for rate in rates:
        at = tree.setdefault(rate.source, {}).setdefault(rate.metric, {}).setdefault(rate.name, {})
        at[rate.unit] = {
            "value": None if rate.value is None else str(rate.value),
            "numerator": _plain(rate.numerator),
            "denominator": _plain(rate.denominator),
        }
    return tree


def write_constants(rates: Iterable[Rate], *, path: Path) -> None:
    """The file the synthetic book reads."""
    text = json.dumps(constants_of(rates), indent=1, sort_keys=True)
    path.write_text(text + "\n", encoding="utf-8")


def page_of(rates: list[Rate]) -> str:
    """The page docs/measured_rates.md."""
    lines = [PREAMBLE]
    for metric, title in TITLES.items():
        lines += [
            f"## {title}",
            "",
            "| set | what | unit | rate | numerator | denominator |",
            "|---|---|---|---|---|---|",
        ]
        lines += [
            f"| {rate.source} | {rate.name} | {rate.unit} | {_percent(rate)} "
            f"| {_plain(rate.numerator)} | {_plain(rate.denominator)} |"
            for rate in rates
            if rate.metric == metric and rate.denominator
        ]
        lines.append("")
    return "\n".join(lines)


def _percent(rate: Rate) -> str:
    return "" if rate.value is None else f"{rate.value * 100:.2f} %"


def _plain(amount: Decimal) -> str:
    return f"{amount:.0f}"
