"""Which version of which configuration holds on a day, and for which loans."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date

from django.db.models import Q

from backoffice.calendars.domain.working_days import is_working_day
from backoffice.calendars.selectors import holiday_overrides
from backoffice.repayment.domain.autopay.configuration import Configuration, OnHoliday, parse
from backoffice.repayment.domain.autopay.days import debits_on
from backoffice.repayment.domain.autopay.version_states import IN_FORCE, VersionState
from backoffice.repayment.models import AutopayVersion, CanaryLoan, Loan


@dataclass(frozen=True, slots=True)
class Ruling:
    """A version that debits on a day, for the loans of a portfolio, of one product or all, of one funder or all.

    A canary rules the loans chosen for its trial alone (`CanaryLoan`).
    """

    version_id: int
    configuration_id: int
    portfolio: str
    product_id: int | None
    funder: str
    configuration: Configuration
    is_canary: bool = False

    @property
    def rank(self) -> int:
        """The more specific the lower: product before funder before neither, a trial before what it would replace."""
        return (0 if self.product_id else 4) + (0 if self.funder else 2) + (0 if self.is_canary else 1)


def rulings_on(day: date) -> list[Ruling]:
    """Every version in force on a day, the most specific first; one query."""
    versions = (
        AutopayVersion.objects.select_related("configuration")
        .filter(state__in=[state.value for state in IN_FORCE], effective_from__lte=day)
        .filter(Q(effective_to__isnull=True) | Q(effective_to__gt=day))
        .order_by("configuration_id", "number")
    )
    return sorted((ruling_of(version) for version in versions), key=lambda ruling: (ruling.rank, ruling.version_id))


def version_of_loan(*, loan: Loan, day: date) -> int | None:
    """The version that rules a loan on a day, as planning picks it; None where none does. Three queries at most."""
    product_id = loan.product_version.product_id if loan.product_version else None
    trials = set(CanaryLoan.objects.filter(loan=loan).values_list("version_id", flat=True))
    return next(
        (
            ruling.version_id
            for ruling in rulings_on(day)
            if ruling.portfolio == loan.portfolio
            and ruling.product_id in {None, product_id}
            and ruling.funder in {"", loan.creditor}
            and (not ruling.is_canary or ruling.version_id in trials)
        ),
        None,
    )


def ruling_of(version: AutopayVersion) -> Ruling:
    """A version as it rules, whatever its state; its `configuration` is read already."""
    of = version.configuration
    return Ruling(
        version_id=version.pk,
        configuration_id=of.pk,
        portfolio=of.portfolio,
        product_id=of.product_id,
        funder=of.funder,
        configuration=parse(version.content),
        is_canary=version.state == VersionState.CANARY,
    )


def open_days(ruling: Ruling) -> Callable[[date], bool]:
    """Whether every calendar of a ruling is open on a day; at most one query a calendar."""
    calendars = ruling.configuration.calendars
    if ruling.configuration.holidays == OnHoliday.DEBIT or not calendars:
        return lambda _day: True
    declared = {calendar: holiday_overrides(calendar=calendar) for calendar in calendars}
    return lambda day: all(
        is_working_day(day=day, calendar=calendar, overrides=overrides) for calendar, overrides in declared.items()
    )


def is_debited_on(day: date, *, ruling: Ruling) -> bool:
    """Whether a version debits anything on a day, by the calendar as it stands now; at most one query."""
    return debits_on(day, configuration=ruling.configuration, is_open=open_days(ruling))
