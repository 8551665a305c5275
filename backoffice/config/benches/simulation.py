"""A version of autopay simulated beside the one in force, on a book where every bill is treated otherwise.

Each loan has a bill due tomorrow and one in the last 30 days; both versions ask for all of it, the new one in halves.
"""

from datetime import date, timedelta
from typing import Final

from backoffice.config.benches import debits, floor
from backoffice.config.benches.results import Row, Say, seconds_of
from backoffice.core.actors import SYSTEM
from backoffice.core.bulk import execute
from backoffice.repayment.models import AutopayVersion, Rail, Simulation
from backoffice.repayment.services.autopay.checking import check_version
from backoffice.repayment.services.autopay.drafting import draft_version
from backoffice.repayment.services.autopay.simulating import simulate_version
from backoffice.repayment.services.autopay.starting import load_starter_autopay

SECONDS: Final = 10.0
LOANS: Final = 20_000
ROWS_AGAIN = """
SELECT simulation_id, loan_id, installment_number, due_date, day, day_before, amount_before, amount_after, currency,
       payees_before, payees_after, rail_before, rail_after, mandate_before_id, mandate_after_id, why
FROM repayment_simulatedbill
"""


def measure(*, on: date, loans: int, say: Say) -> Row:
    """The row, on a book of the business date `on` whose loans have a bill due on the day after."""
    load_starter_autopay(effective_from=on, actor=SYSTEM)
    execute(debits.MANDATES, {"rail": Rail.objects.get(code=debits.HTTP_RAIL).pk, "day": on})
    execute("ANALYZE repayment_mandate")
    active = AutopayVersion.objects.get()
    draft = draft_version(
        configuration_id=active.configuration_id,
        content=active.content | {"partial": {"shares": ["0.5"], "least": "0"}},
        note="bench",
        actor=SYSTEM,
        effective_from=on + timedelta(days=1),
    )
    check_version(version_id=draft.pk, actor=SYSTEM)
    seconds = seconds_of(lambda: simulate_version(version_id=draft.pk, actor=SYSTEM))
    totals = Simulation.objects.get().totals
    changed = {name: totals[name]["changed"] for name in totals}
    if changed["tomorrow"] < loans // 2 or changed["past"] < loans // 2:
        msg = f"too few bills change: {changed}"
        raise AssertionError(msg)
    say(f"{loans:,} loans simulated in {seconds:.1f} s, bills that change: {changed}")
    return Row(
        name="autopay: a version simulated, each loan with two bills that change",
        size=loans,
        seconds=seconds,
        rate=loans / seconds,
        floor_ratio=floor.seconds_of_rows(table="repayment_simulatedbill", rows=ROWS_AGAIN) / seconds,
        target=f"<= {SECONDS:g} s for {LOANS:,} loans",
        met=seconds / loans * LOANS <= SECONDS,
    )
