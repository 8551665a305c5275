"""Configurations for pages and calls: the list with what holds and what is in the making, one with its versions."""

from dataclasses import dataclass, field
from datetime import date
from typing import Final

from django.db.models import Prefetch, QuerySet

from backoffice.repayment.domain.autopay.version_states import IN_THE_MAKING, VersionState
from backoffice.repayment.models import Loan, SimulatedBill, Simulation
from backoffice.repayment.models.autopay.configurations import AutopayConfiguration, AutopayVersion
from backoffice.staff.models import User

REPLACED: Final = "replaced"
"""Why a version left force that another took over from: the one a person may go back to."""
ENDED: Final = "ended"
"""Why a version left force whose last day was over; a person may go back to it too."""


@dataclass(frozen=True, slots=True)
class ConfigurationListed:
    """A configuration with the versions that matter: in force, on trial, waiting for its day, in the making."""

    configuration: AutopayConfiguration
    versions: list[AutopayVersion] = field(default_factory=list)

    @property
    def active(self) -> AutopayVersion | None:
        """The version in force."""
        return self._in(VersionState.ACTIVE)

    @property
    def on_trial(self) -> AutopayVersion | None:
        """The version on trial."""
        return self._in(VersionState.CANARY)

    @property
    def waiting(self) -> AutopayVersion | None:
        """The version that waits for its day."""
        return self._in(VersionState.APPROVED)

    @property
    def in_the_making(self) -> AutopayVersion | None:
        """The version somebody works on or decides about."""
        return self._in(*IN_THE_MAKING)

    def _in(self, *states: VersionState) -> AutopayVersion | None:
        return next((each for each in self.versions if each.state in states), None)


def configurations_seen(*, user: User) -> QuerySet[AutopayConfiguration]:
    """The configurations a person sees, with their versions, the newest first; two queries."""
    versions = Prefetch("versions", queryset=AutopayVersion.objects.order_by("-number"))
    found: QuerySet[AutopayConfiguration] = AutopayConfiguration.objects.visible_to(user)
    return found.select_related("product").prefetch_related(versions).order_by("portfolio", "pk")


def listed(configuration: AutopayConfiguration) -> ConfigurationListed:
    """One of `configurations_seen` with the versions that matter named."""
    return ConfigurationListed(configuration, list(configuration.versions.all()))


def version_seen(*, user: User, version_id: int) -> AutopayVersion | None:
    """A version with its configuration, if the person sees it."""
    versions = AutopayVersion.objects.select_related("configuration", "configuration__product")
    return versions.filter(pk=version_id, configuration__in=AutopayConfiguration.objects.visible_to(user)).first()


def version_before(version: AutopayVersion) -> AutopayVersion | None:
    """The latest other version of the configuration that was in force once and is not any more."""
    return (
        AutopayVersion.objects.filter(
            configuration_id=version.configuration_id,
            state=VersionState.RETIRED.value,
            approved_at__isnull=False,
            ended_because__in=[REPLACED, ENDED],
        )
        .exclude(pk=version.pk)
        .order_by("-effective_to", "-number")
        .first()
    )


def latest_simulation(version: AutopayVersion) -> Simulation | None:
    """What the version was last found to change; None before a simulation is done."""
    done = version.simulations.filter(state=Simulation.State.DONE)
    return done.select_related("beside").order_by("-pk").first()


def simulation_under_way(version: AutopayVersion) -> Simulation | None:
    """The version's latest simulation, if it is not done: at work, broken off or stopped."""
    latest = version.simulations.order_by("-pk").first()
    return None if latest is None or latest.state == Simulation.State.DONE else latest


def simulated_bills(simulation: Simulation, *, why: str = "", since: date | None = None) -> QuerySet[SimulatedBill]:
    """The bills a simulation found changed; those where something named changes, from a day on."""
    rows = simulation.bills.select_related("loan", "mandate_before", "mandate_after")
    rows = rows.filter(why__contains=why) if why else rows
    return rows.filter(day__gte=since) if since else rows


def loans_of(configuration: AutopayConfiguration) -> QuerySet[Loan]:
    """The loans a configuration could hold for, whatever more specific ones there are."""
    loans = Loan.objects.filter(portfolio=configuration.portfolio)
    if configuration.product_id:
        loans = loans.filter(product_version__product_id=configuration.product_id)
    return loans.filter(creditor=configuration.funder) if configuration.funder else loans
