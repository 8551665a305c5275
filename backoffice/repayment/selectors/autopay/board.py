"""What the autopay manager shows: the slots of a day with their batches, and what a verb would touch."""

from collections import defaultdict
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Final

from django.db.models import Count, QuerySet, Sum
from django.utils.translation import gettext as _

from backoffice.core import formats
from backoffice.core.money import ZERO
from backoffice.repayment.domain.autopay.configuration import Slot, clock_of, parse
from backoffice.repayment.domain.autopay.debit_states import IN_FLIGHT, BillState, CommandState
from backoffice.repayment.domain.autopay.rates import DebitCounts
from backoffice.repayment.models import (
    AutopayConfiguration,
    AutopaySwitch,
    AutopayVersion,
    Breaker,
    DebitBatch,
    DebitBill,
    DebitCommand,
    Rail,
)
from backoffice.repayment.selectors.autopay.rates import Cut, debit_rates
from backoffice.staff.models import User

STOPPABLE: Final = frozenset({DebitBatch.State.BUILDING, DebitBatch.State.RUNNING})
"""States of a batch out of which commands may leave."""
TO_CANCEL: Final = STOPPABLE | {DebitBatch.State.PAUSED, DebitBatch.State.STOPPED}
"""States of a batch that may hold commands which have not left."""


@dataclass(frozen=True, slots=True)
class SlotRow:
    """A slot of a version on a day, of one currency, with its batch once it has begun.

    `bills` and `forecast` (major units): of the batch, before it has begun the open bills it would try. `states` counts
    commands by state. `counts` is what came of it so far.
    """

    version: AutopayVersion
    slot: str
    at: str
    until: str
    currency: str
    bills: int
    forecast: Decimal
    batch: DebitBatch | None = None
    states: Mapping[str, int] = field(default_factory=dict)
    counts: DebitCounts = field(default_factory=DebitCounts)

    @property
    def done(self) -> int:
        """Commands that wait for nothing more."""
        return sum(count for state, count in self.states.items() if state not in _STILL_TO_DO)


@dataclass(frozen=True, slots=True)
class DayPlanned:
    """The bills of a day by currency: planned, what they ask for, and how they stand."""

    currency: str
    bills: int
    forecast: Decimal
    debited: Decimal
    states: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Waiting:
    """Commands of batches that have not left, what they ask for by currency (major units), and those under way."""

    planned: int
    amounts: Mapping[str, Decimal]
    in_flight: int


@dataclass(frozen=True, slots=True)
class Standing:
    """Whether autopay runs at all, how many breakers are open among what the person may see, and the paused rails."""

    switch: AutopaySwitch
    open_breakers: int
    paused: tuple[Rail, ...] = ()


_STILL_TO_DO: Final = frozenset({CommandState.PLANNED.value} | {state.value for state in IN_FLIGHT})


def standing(*, user: User) -> Standing:
    """The switch, the open breakers and the paused rails; three queries."""
    switch = AutopaySwitch.objects.filter(pk=AutopaySwitch.ONLY).first() or AutopaySwitch()
    paused = tuple(Rail.objects.filter(is_paused=True).order_by("code"))
    return Standing(switch, open_breaker_count(user=user), paused)


def visible_batches(*, user: User) -> QuerySet[DebitBatch]:
    """Batches of the configurations the person may see."""
    configurations = AutopayConfiguration.objects.visible_to(user)
    return DebitBatch.objects.filter(version__configuration__in=configurations).select_related("version__configuration")


def visible_breakers(*, user: User) -> QuerySet[Breaker]:
    """Breakers of the batches the person may see, and those that belong to no batch."""
    rows = Breaker.objects.select_related("batch__version__configuration", "rail", "command")
    if user.scope().all:
        return rows
    batches = visible_batches(user=user).values("pk")
    return rows.filter(batch__in=batches) | rows.filter(batch__isnull=True)


def batch_name(batch: DebitBatch) -> str:
    """A batch as people know it; its version and configuration are read already."""
    return _("%(configuration)s, slot %(slot)s, %(day)s") % {
        "configuration": batch.version.configuration.name,
        "slot": batch.slot,
        "day": formats.date_text(batch.day),
    }


def pageable(*, breaker: Breaker) -> list[User]:
    """Who is paged of a breaker: those who may close it, see what it stopped and have an address, by user name."""
    portfolio = breaker.batch.version.configuration.portfolio if breaker.batch else None
    return reachable(permission="repayment.breaker.close", portfolio=portfolio)


def reachable(*, permission: str, portfolio: str | None) -> list[User]:
    """Who has a permission, sees a portfolio (None: any) and has an address, by user name; one query."""
    people = User.objects.select_related("team").filter(is_active=True).exclude(email="").order_by("username")
    return [
        person
        for person in people
        if person.has_permission(permission) and (portfolio is None or person.scope().covers(portfolio=portfolio))
    ]


def open_breaker_count(*, user: User) -> int:
    """How many breakers wait for a person."""
    return visible_breakers(user=user).filter(closed_at__isnull=True).count()


def bills_of_day(*, day: date, versions: Collection[int]) -> list[DayPlanned]:
    """The bills planned for a day under these versions, by currency; one query."""
    rows = (
        DebitBill.objects.filter(day=day, version_id__in=versions)
        .values("currency", "state")
        .annotate(bills=Count("pk"), asked=Sum("amount"), brought=Sum("debited"))
        .order_by("currency", "state")
    )
    found: dict[str, dict[str, tuple[int, Decimal, Decimal]]] = defaultdict(dict)
    for row in rows:
        found[row["currency"]][row["state"]] = (row["bills"], row["asked"], row["brought"])
    return [
        DayPlanned(
            currency=currency,
            bills=sum(bills for bills, _asked, _brought in by_state.values()),
            forecast=sum((asked for _bills, asked, _brought in by_state.values()), ZERO),
            debited=sum((brought for _bills, _asked, brought in by_state.values()), ZERO),
            states={state: bills for state, (bills, _asked, _brought) in by_state.items()},
        )
        for currency, by_state in found.items()
    ]


def slots_of_day(*, day: date, versions: Collection[int]) -> list[SlotRow]:
    """Every slot of every version that has bills on the day, by configuration and time; five queries."""
    batches = list(DebitBatch.objects.filter(day=day, version_id__in=versions))
    open_bills = _open_bills(day=day, versions=versions)
    states = _command_states(day=day, batches=[batch.pk for batch in batches])
    rates = debit_rates(from_day=day, through_day=day, cut=Cut.BATCH, versions=versions)
    counts = {part.key: part.counts for part in rates}
    concerned = {batch.version_id for batch in batches} | {version_id for version_id, _currency in open_bills}
    rows: list[SlotRow] = []
    for version in AutopayVersion.objects.filter(pk__in=concerned).select_related("configuration"):
        for slot in parse(version.content).slots:
            rows += _slot_rows(version, slot, batches=batches, open_bills=open_bills, states=states, counts=counts)
    return sorted(rows, key=lambda row: (row.version.configuration.name, row.at, row.version.number, row.currency))


def slot_to_begin(*, version_id: int, slot_id: str, day: date, versions: Collection[int]) -> list[SlotRow]:
    """The rows of one slot that has not begun; empty when it has, when nothing is to do, or when it is not visible."""
    rows = slots_of_day(day=day, versions=[version_id] if version_id in versions else [])
    return [row for row in rows if row.slot == slot_id and row.batch is None]


def waiting_of(*, batch_ids: Collection[int]) -> Waiting:
    """What of some batches has not left, and what is under way; one query."""
    rows = (
        DebitCommand.objects.filter(batch_id__in=batch_ids, state__in=_STILL_TO_DO)
        .values("state", "currency")
        .annotate(count=Count("pk"), sum=Sum("forecast"))
        .order_by("currency", "state")
    )
    planned, in_flight, amounts = 0, 0, {}
    for row in rows:
        if row["state"] == CommandState.PLANNED:
            planned += row["count"]
            amounts[row["currency"]] = row["sum"]
        else:
            in_flight += row["count"]
    return Waiting(planned, amounts, in_flight)


def _open_bills(*, day: date, versions: Collection[int]) -> dict[tuple[int, str], tuple[int, Decimal]]:
    rows = (
        DebitBill.objects.filter(day=day, version_id__in=versions, state=BillState.OPEN.value)
        .values("version_id", "currency")
        .annotate(bills=Count("pk"), left=Sum("amount") - Sum("debited"))
        .order_by("version_id", "currency")
    )
    return {(row["version_id"], row["currency"]): (row["bills"], row["left"]) for row in rows}


def _command_states(*, day: date, batches: Collection[int]) -> dict[int, dict[str, int]]:
    rows = (
        DebitCommand.objects.filter(day=day, batch_id__in=batches)
        .values("batch_id", "state")
        .annotate(count=Count("pk"))
        .order_by("batch_id", "state")
    )
    found: dict[int, dict[str, int]] = defaultdict(dict)
    for row in rows:
        found[row["batch_id"]][row["state"]] = row["count"]
    return found


def _slot_rows(
    version: AutopayVersion,
    slot: Slot,
    *,
    batches: Collection[DebitBatch],
    open_bills: Mapping[tuple[int, str], tuple[int, Decimal]],
    states: Mapping[int, Mapping[str, int]],
    counts: Mapping[str, DebitCounts],
) -> list[SlotRow]:
    begun = {batch.currency: batch for batch in batches if batch.version_id == version.pk and batch.slot == slot.id}
    currencies = list(begun) or [currency for version_id, currency in open_bills if version_id == version.pk]
    rows: list[SlotRow] = []
    for currency in currencies:
        batch = begun.get(currency)
        bills, forecast = (batch.commands, batch.forecast) if batch else open_bills[version.pk, currency]
        rows.append(
            SlotRow(
                version=version,
                slot=slot.id,
                at=clock_of(slot.at),
                until=clock_of(slot.until),
                currency=currency,
                bills=bills,
                forecast=forecast,
                batch=batch,
                states=states.get(batch.pk, {}) if batch else {},
                counts=counts.get(str(batch.pk), DebitCounts()) if batch else DebitCounts(),
            )
        )
    return rows
