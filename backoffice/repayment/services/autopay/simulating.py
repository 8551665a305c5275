"""What a version would debit beside the one in force: asked for, made range by range in the background, and kept.

A simulation is of one content and one business date, and locks nothing but its own row. Whoever submits a version or
agrees to it needs one of this content and this business date, beside the version in force by now. The method is that of
`comparing`.
"""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, ClassVar, Final
from uuid import uuid4

from django.db import transaction
from django.db.models.functions import Now
from django.utils.translation import gettext as _

from backoffice.calendars.selectors import business_date
from backoffice.core.actors import SYSTEM, Actor
from backoffice.core.bulk import copy_rows, fetch
from backoffice.core.errors import Refusal, first_line
from backoffice.core.formats import date_text
from backoffice.repayment.domain.autopay.simulation import Treated
from backoffice.repayment.domain.autopay.version_states import VersionState
from backoffice.repayment.models import SimulatedBill, Simulation
from backoffice.repayment.models.autopay.configurations import AutopayVersion
from backoffice.repayment.selectors.autopay.configurations import latest_simulation
from backoffice.repayment.services.autopay.checking import require_sound
from backoffice.repayment.services.autopay.comparing import (
    PAST_DAYS,
    Beside,
    Changed,
    Compared,
    Range,
    Side,
    Used,
    beside_of,
    compare_past,
    compare_tomorrow,
)
from backoffice.repayment.services.autopay.drafting import (
    locked_version,
    mark_of_draft,
    move,
    not_in_state,
    note_down,
)

LOANS_A_RANGE: Final = 2_000
SIMULATED_IN: Final = frozenset(
    {VersionState.CHECKED, VersionState.SIMULATED, VersionState.SUBMITTED, VersionState.CANARY}
)
"""States a version may be simulated in: before anybody was asked, while somebody decides, and on trial."""
COLUMNS: Final = (
    "simulation_id",
    "loan_id",
    "installment_number",
    "due_date",
    "day",
    "day_before",
    "amount_before",
    "amount_after",
    "currency",
    "payees_before",
    "payees_after",
    "rail_before",
    "rail_after",
    "mandate_before_id",
    "mandate_after_id",
    "why",
)
NEXT_LOANS: Final = """
SELECT max(id), count(*) FROM (
    SELECT id FROM repayment_loan WHERE portfolio = %(portfolio)s AND id > %(after)s ORDER BY id LIMIT %(most)s
) next
"""
LOANS: Final = "SELECT count(*) FROM repayment_loan WHERE portfolio = %s"


class SimulationOutOfDate(Refusal):
    """The version was changed since it was simulated, or the book or the version in force is another by now."""

    code: ClassVar[str] = "repayment.autopay_simulation_out_of_date"
    status: ClassVar[int] = 409


@dataclass(slots=True)
class Total:
    """What both sides come to over some days, range after range."""

    before: Side = field(default_factory=Side)
    after: Side = field(default_factory=Side)
    changed: int = 0
    why: Counter[str] = field(default_factory=Counter)

    def add(self, compared: Compared) -> None:
        """Takes in a range."""
        self.before.add(compared.before)
        self.after.add(compared.after)
        self.changed += len(compared.changed)
        self.why += compared.why()

    def as_json(self) -> dict[str, Any]:
        """As it is kept with the simulation."""
        return {
            "before": _side_as_json(self.before),
            "after": _side_as_json(self.after),
            "changed": self.changed,
            "why": dict(self.why),
        }


@transaction.atomic
def ask_simulation(*, version_id: int, actor: Actor) -> Simulation:
    """Ask for a version to be run beside the one in force; one that is at work on it is stopped.

    The caller hands it to `repayment.simulate_autopay` once this is committed. Raises ConfigurationNotFound,
    ConfigurationNotInState, and ConfigurationRefused when a guard refuses the version by now.
    """
    version = locked_version(version_id)
    if version.state not in SIMULATED_IN:
        raise not_in_state(version)
    require_sound(version)
    today = business_date()
    version.simulations.filter(state__in=[Simulation.State.WAITING, Simulation.State.RUNNING]).update(
        state=Simulation.State.STOPPED
    )
    return Simulation.objects.create(
        version=version,
        beside_id=beside_of(version, on=today + timedelta(days=1)).beside_id,
        state=Simulation.State.WAITING,
        mark=mark_of_draft(version),
        from_day=today - timedelta(days=PAST_DAYS - 1),
        through_day=today + timedelta(days=1),
        actor_id=actor.id,
        actor_name=actor.name,
    )


def run_simulation(*, simulation_id: int) -> Simulation:
    """Make a simulation that was asked for, from its beginning; one that is over is left as it is.

    Whoever begins last goes on: a worker that was thought lost stops at its next range. Memory is that of one range.
    """
    run = uuid4().hex
    simulation = _begin(simulation_id, run=run)
    if simulation is None:
        return Simulation.objects.get(pk=simulation_id)
    with _failing_noted(simulation):
        return _make(simulation)


def simulate_version(*, version_id: int, actor: Actor) -> Simulation:
    """Ask for a simulation and make it at once: for small books. Raises what `ask_simulation` raises."""
    return run_simulation(simulation_id=ask_simulation(version_id=version_id, actor=actor).pk)


def simulation_to_go_by(version: AutopayVersion) -> Simulation:
    """The simulation of a version as it is, of this business date, beside what holds by now.

    Raises SimulationOutOfDate when there is none.
    """
    found = latest_simulation(version)
    if found is None:
        raise _out_of_date(_("The version has not been simulated yet."))
    if found.mark != mark_of_draft(version):
        raise _out_of_date(_("The version was changed since it was simulated."))
    today = business_date()
    if found.business_date != today:
        raise _out_of_date(
            _("The simulation is of %(day)s; the book has moved on since.") % {"day": date_text(found.business_date)}
        )
    if found.beside_id != beside_of(version, on=today + timedelta(days=1)).beside_id:
        raise _out_of_date(_("Another version holds by now than the one it was simulated beside."))
    return found


def _begin(simulation_id: int, *, run: str) -> Simulation | None:
    """Takes the work over; None when there is none left."""
    with transaction.atomic():
        simulation = Simulation.objects.select_for_update().get(pk=simulation_id)
        if not simulation.is_at_work:
            return None
        simulation.bills.all().delete()
        simulation.state, simulation.run, simulation.loans_done = Simulation.State.RUNNING, run, 0
        version = AutopayVersion.objects.select_related("configuration").get(pk=simulation.version_id)
        simulation.version = version
        simulation.loans_total = fetch(LOANS, [version.configuration.portfolio])[0][0]
        simulation.save(update_fields=["state", "run", "loans_done", "loans_total"])
    return simulation


def _make(simulation: Simulation) -> Simulation:
    beside = beside_of(simulation.version, on=simulation.through_day)
    tomorrow, past, used = Total(), Total(), (Used(), Used())
    first_id = 0
    while True:
        ((last_id, loans),) = fetch(
            NEXT_LOANS, {"portfolio": beside.subject.portfolio, "after": first_id - 1, "most": LOANS_A_RANGE}
        )
        if not loans:
            return _finish(simulation, totals={"tomorrow": tomorrow.as_json(), "past": past.as_json()})
        over = Range(first_id, last_id, used)
        with transaction.atomic():
            if not _is_ours(simulation):
                return Simulation.objects.get(pk=simulation.pk)
            found = _compare(simulation, beside, over)
            tomorrow.add(found[0])
            past.add(found[1])
            simulation.loans_done += loans
            simulation.save(update_fields=["loans_done"])
        first_id = last_id + 1


def _compare(simulation: Simulation, beside: Beside, over: Range) -> tuple[Compared, Compared]:
    """One range, its changed bills kept."""
    today = simulation.business_date
    tomorrow = compare_tomorrow(beside, today=today, over=over)
    past = compare_past(beside, today=today, over=over)
    copy_rows(
        table="repayment_simulatedbill",
        columns=COLUMNS,
        rows=(_row(simulation.pk, row) for row in [*tomorrow.changed, *past.changed]),
    )
    return tomorrow, past


def _is_ours(simulation: Simulation) -> bool:
    """Whether the work still is this worker's; nobody can take it before the caller's transaction ends."""
    found = Simulation.objects.select_for_update().get(pk=simulation.pk)
    return found.state == Simulation.State.RUNNING and found.run == simulation.run


@transaction.atomic
def _finish(simulation: Simulation, *, totals: dict[str, Any]) -> Simulation:
    """Kept as the version's, and a checked version goes on; stopped when the version was changed meanwhile."""
    version = locked_version(simulation.version_id)
    if not _is_ours(simulation):
        return Simulation.objects.get(pk=simulation.pk)
    is_as_asked = version.state in SIMULATED_IN and mark_of_draft(version) == simulation.mark
    simulation.state = Simulation.State.DONE if is_as_asked else Simulation.State.STOPPED
    simulation.totals, simulation.done_at = totals, Now()
    simulation.save(update_fields=["state", "totals", "done_at"])
    simulation.refresh_from_db()
    if not is_as_asked:
        return simulation
    if version.state == VersionState.CHECKED:
        move(version, to=VersionState.SIMULATED)
        version.save(update_fields=["state"])
    note_down(
        version,
        verb="repayment.autopay_version.simulated",
        actor=_asker(simulation),
        more={"changed": {name: totals[name]["changed"] for name in totals}},
    )
    SimulatedBill.objects.filter(simulation__version=version).exclude(simulation=simulation).delete()
    return simulation


@contextmanager
def _failing_noted(simulation: Simulation) -> Iterator[None]:
    """An error in the work is written on the simulation, so that the page says so; it goes on up all the same."""
    try:
        yield
    except Exception as error:
        mine = Simulation.objects.filter(pk=simulation.pk, run=simulation.run, state=Simulation.State.RUNNING)
        mine.update(state=Simulation.State.FAILED, failure=f"{type(error).__name__}: {first_line(error)}"[:300])
        raise


def _asker(simulation: Simulation) -> Actor:
    if simulation.actor_id is None:
        return SYSTEM
    return Actor(kind="staff", id=simulation.actor_id, name=simulation.actor_name)


def _out_of_date(why: str) -> SimulationOutOfDate:
    return SimulationOutOfDate(why, next_step=_("Simulate the version again on its page, and look at what changes."))


def _side_as_json(side: Side) -> dict[str, Any]:
    return {
        "bills": side.bills,
        "debits": side.debits,
        "without_agreement": side.without_agreement,
        "amounts": {currency: str(amount) for currency, amount in sorted(side.amounts.items())},
        "payees": [
            {"payee": payee, "currency": currency, "amount": str(amount)}
            for (payee, currency), amount in sorted(side.payees.items())
        ],
    }


def _row(simulation_id: int, row: Changed) -> tuple[Any, ...]:
    return (
        simulation_id,
        row.loan_id,
        row.number,
        row.due_date,
        row.after.day or row.before.day,
        row.before.day,
        row.before.amount,
        row.after.amount,
        row.currency,
        _payees(row.before),
        _payees(row.after),
        row.before.rail,
        row.after.rail,
        row.before.mandate_id,
        row.after.mandate_id,
        ",".join(change.value for change in row.why),
    )


def _payees(treated: Treated) -> str:
    pairs = (f'"{payee}": "{amount}"' for payee, amount in sorted(treated.payees.items()))
    return "{" + ", ".join(pairs) + "}"
