"""The guard of limits: a version that never splits has to leave room for the bills of the days it begins with."""

from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal
from typing import Any, Final

from backoffice.core.bulk import fetch
from backoffice.core.formats import count_text
from backoffice.core.money import ZERO
from backoffice.core.words import amount_of, phrase
from backoffice.repayment.domain.autopay.guards import Finding, Guard, Severity
from backoffice.repayment.models import BankLimit
from backoffice.repayment.selectors.verification import statement
from backoffice.repayment.services.autopay.guard_subject import Checked

LOOK_AHEAD: Final = timedelta(days=30)
"""How far the bills reach that limits are compared with."""
MATERIAL: Final = Decimal("0.05")
"""More bills than this share of 1 over a limit, and the version is refused rather than warned about."""
FIELD: Final = "split_over_limit"


def limits_leave_room(subject: Checked) -> Iterator[Finding]:
    """Where an amount over a limit is not split, bills have to lie below what agreements, banks and rails allow.

    The limits are those of the version's first day. A bill over every limit its borrower has is never sent.
    """
    if subject.content.split_over_limit:
        return
    said: set[str] = set()
    for currency, bills, over in _over_limits(subject):
        if not over:
            continue
        said.add(currency)
        words = phrase(
            "Of the bills of the first 30 days %(over)s of %(bills)s are over what agreements and banks allow in one "
            "debit (%(currency)s). Nothing is split, so they are not debited.",
            bills=count_text(bills),
            over=count_text(over),
            currency=currency,
        )
        yield Finding(Guard.LIMITS, FIELD, words, Severity.REFUSE if over > MATERIAL * bills else Severity.WARN)
    limits = _least_of_banks(subject)
    for currency, usual in _usual_bills(subject) if limits else ():
        if currency not in said and currency in limits and limits[currency] < usual:
            words = phrase(
                "A bank allows %(limit)s in one debit, the usual bill is %(bill)s, and nothing is split: "
                "such bills are not debited.",
                limit=amount_of(limits[currency], currency=currency),
                bill=amount_of(usual, currency=currency),
            )
            yield Finding(Guard.LIMITS, FIELD, words, Severity.WARN)


def _over_limits(subject: Checked) -> list[tuple[str, int, int]]:
    """By currency, how many bills have an agreement to go over, and how many of those are over all its limits."""
    shares = subject.content.partial.shares
    params = _days(subject) | {
        "on": subject.first_day,
        "rails": list(subject.content.rails),
        "first_share": shares[0] if shares else Decimal(1),
    }
    return [(row[0], row[1], row[2]) for row in fetch(statement("bills_over_limits.sql"), params)]


def _least_of_banks(subject: Checked) -> dict[str, Decimal]:
    limits: dict[str, Decimal] = {}
    rows = BankLimit.objects.filter(
        rail__code__in=subject.content.rails, single__isnull=False, effective_from__lte=subject.first_day
    )
    latest = rows.order_by("rail_id", "bank", "currency", "-effective_from").distinct("rail_id", "bank", "currency")
    for row in latest:
        single = row.single or ZERO
        limits[row.currency] = min(limits.get(row.currency, single), single)
    return limits


def _usual_bills(subject: Checked) -> list[tuple[str, Decimal]]:
    return [(row[0], row[1]) for row in fetch(statement("usual_bills.sql"), _days(subject))]


def _days(subject: Checked) -> dict[str, Any]:
    return {
        "portfolio": subject.configuration.portfolio,
        "product": subject.configuration.product_id,
        "funder": subject.configuration.funder,
        "first": subject.first_day,
        "last": subject.first_day + LOOK_AHEAD,
    }
