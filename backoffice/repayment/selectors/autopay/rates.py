"""The four success rates of debits (metrics M31 and 1.8-B), whole or cut; and how the commands of batches stand."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from backoffice.core.bulk import fetch
from backoffice.repayment.domain.autopay.rates import DebitCounts
from backoffice.repayment.models import AutopayConfiguration, AutopayVersion
from backoffice.repayment.selectors.verification import statement
from backoffice.staff.models import User


class Cut(StrEnum):
    """What the rates are cut by. `batch`: the parts are ids of batches; `family`: what the answers came down to."""

    WHOLE = ""
    BATCH = "batch"
    SLOT = "slot"
    BANK = "bank"
    RAIL = "rail"
    FUNDER = "funder"
    FAMILY = "family"


@dataclass(frozen=True, slots=True)
class Part:
    """One part of the debits of some days, of one currency, and what it came to; `key` is "" for the whole."""

    key: str
    currency: str
    counts: DebitCounts


def debit_rates(
    *, from_day: date, through_day: date, cut: Cut, versions: Collection[int], first_day: bool = False
) -> list[Part]:
    """What the debits of the days under these versions came to, by part and currency; one query.

    `first_day`: only bills on the first day they are tried, which is what M31 asks about. Else all that were tried.
    """
    rows = fetch(
        statement("debit_rates.sql"),
        {
            "from_day": from_day,
            "through_day": through_day,
            "cut": cut.value,
            "versions": sorted(versions),
            "first_day": first_day,
        },
    )
    return [Part(key, currency, DebitCounts(*counts)) for key, currency, *counts in rows]


def visible_versions(*, user: User, configuration_id: int | None = None) -> list[int]:
    """Ids of the versions of the configurations the person may see, or of one of them; one query."""
    configurations = AutopayConfiguration.objects.visible_to(user)
    if configuration_id is not None:
        configurations = configurations.filter(pk=configuration_id)
    return list(AutopayVersion.objects.filter(configuration__in=configurations).values_list("pk", flat=True))
