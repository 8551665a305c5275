"""The terms a loan of the tape was given: its product's, overlaid by what the loan's row says itself."""

import json
from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from typing import Any

from backoffice.calendars.domain.working_days import NO_OVERRIDES, Overrides
from backoffice.repayment.domain.due_dates import with_declared_days
from backoffice.repayment.domain.terms import ScheduledRow, Terms
from backoffice.repayment.domain.terms_form import from_json

# Columns of a loan's row that take the place of its product's terms.
OVERLAID = ("annual_rate", "method", "day_count", "every", "unit", "due_day", "periods")


class TermsBook:
    """The products of a tape as JSON by code, and the terms made of them; equal overlays share one object.

    `overrides` are the days declared over the published calendars, for whoever makes schedules of these terms.
    """

    def __init__(self, products: Mapping[str, dict[str, Any]], *, overrides: Overrides = NO_OVERRIDES) -> None:
        self._products = dict(products)
        self._overrides = overrides
        self._made: dict[tuple[Any, ...], Terms] = {}

    def terms_of(self, *, product_code: str, currency: str, overlay: Mapping[str, Any]) -> Terms:
        """The terms of a loan. Raises InvalidTerms naming what cannot be used, KeyError for an unknown product."""
        key = (product_code, currency, *(overlay.get(name) for name in OVERLAID))
        made = self._made.get(key)
        if made is None:
            given = dict(self._products[product_code])
            given["currency"] = currency
            given |= {name: overlay[name] for name in OVERLAID if overlay.get(name) is not None}
            made = self._made[key] = with_declared_days(from_json(given), overrides=self._overrides)
        return made


def terms_json(text: str) -> dict[str, Any]:
    """The terms of a products row, read without floats."""
    value: dict[str, Any] = json.loads(text, parse_float=Decimal)
    return value


def scheduled_rows(
    rows: list[tuple[int, str, int, int | None, int | None, int | None]], *, principal: Decimal, disbursed_on: date
) -> tuple[ScheduledRow, ...]:
    """An explicit schedule from staged rows (number, due date, then hundredths per component), in due order."""
    balance = principal
    since = disbursed_on
    made: list[ScheduledRow] = []
    in_due_order = sorted(rows, key=lambda row: (row[1], row[0]))
    for number, due_text, principal_part, interest, fee, guarantee_fee in in_due_order:
        due = date.fromisoformat(due_text)
        part = money_of(principal_part)
        balance -= part
        made.append(
            ScheduledRow(
                number=number,
                due_date=due,
                days=(due - since).days,
                principal=part,
                interest=money_of(interest),
                fee=money_of(fee),
                guarantee_fee=money_of(guarantee_fee),
                balance=balance,
            )
        )
        since = due
    return tuple(made)


def money_of(hundredths: int | None) -> Decimal:
    """An amount of the stage in major units, two decimals."""
    return Decimal(hundredths or 0).scaleb(-2)
