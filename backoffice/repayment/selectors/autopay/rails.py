"""Reads of rails: whether they are open, have a secret, and what banks allow on them today and from later days."""

from dataclasses import dataclass
from datetime import date, datetime

from django.conf import settings
from django.db.models import Count, Q

from backoffice.calendars.names import NAMES
from backoffice.core.words import as_said
from backoffice.repayment.domain.autopay.mandate_states import MandateState
from backoffice.repayment.models import BankLimit, Rail


@dataclass(frozen=True, slots=True)
class LimitShown:
    """A limit of a bank. `in_force`: it is the one that counts today; `past`: another took its place."""

    limit: BankLimit
    in_force: bool
    past: bool


@dataclass(frozen=True, slots=True)
class RailShown:
    """A rail as it stands; `mandates` counts the agreements in force over it, `to_tell` what it does not know yet."""

    rail: Rail
    has_secret: bool
    is_open: bool
    mandates: int
    to_tell: int
    limits: tuple[LimitShown, ...]

    @property
    def state(self) -> str:
        """In one word, the worst first: no_secret, paused, closed, open."""
        if not self.has_secret:
            return "no_secret"
        if self.rail.is_paused:
            return "paused"
        return "open" if self.is_open else "closed"

    @property
    def calendar_name(self) -> str:
        """Whose closed days it keeps; empty: every day is open."""
        return str(NAMES.get(self.rail.calendar, self.rail.calendar))

    @property
    def files_trouble(self) -> str:
        """Why its files are not taken; empty while they are."""
        return as_said(self.rail.files_trouble) if self.rail.files_trouble else ""

    @property
    def secret_name(self) -> str:
        """Where its secret is looked for."""
        return secret_name(self.rail.code)


def secret_name(code: str) -> str:
    """The name of a rail's secret in the environment."""
    return "RAIL_SECRET_" + code.upper().replace("-", "_")


def rails_shown(*, at: datetime, today: date) -> list[RailShown]:
    """Every rail; three queries. `at` in the lender's zone."""
    counts = Rail.objects.annotate(
        active=Count("mandates", filter=Q(mandates__state=MandateState.ACTIVE.value)),
        to_tell=Count("mandates", filter=Q(mandates__tell_at__isnull=False)),
    )
    of_rail = {pk: (active, to_tell) for pk, active, to_tell in counts.values_list("pk", "active", "to_tell")}
    limits: dict[int, list[BankLimit]] = {}
    for limit in BankLimit.objects.order_by("bank", "currency", "-effective_from"):
        limits.setdefault(limit.rail_id, []).append(limit)
    return [
        RailShown(
            rail=rail,
            has_secret=rail.code in settings.RAIL_SECRETS,
            is_open=rail.opens <= at.time() <= rail.closes,
            mandates=of_rail[rail.pk][0],
            to_tell=of_rail[rail.pk][1],
            limits=_limits(limits.get(rail.pk, []), today=today),
        )
        for rail in Rail.objects.order_by("code")
        if rail.pk in of_rail
    ]


def _limits(limits: list[BankLimit], *, today: date) -> tuple[LimitShown, ...]:
    """Newest first for each bank and currency: those to come, the one in force, those past."""
    in_force: set[tuple[str, str]] = set()
    shown: list[LimitShown] = []
    for limit in limits:
        has_come, whose = limit.effective_from <= today, (limit.bank, limit.currency)
        shown.append(LimitShown(limit, in_force=has_come and whose not in in_force, past=whose in in_force))
        if has_come:
            in_force.add(whose)
    return tuple(shown)
