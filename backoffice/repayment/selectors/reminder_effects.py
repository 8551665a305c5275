"""What reminding does: bills paid on time by borrowers who were reminded, against those left alone."""

from collections import defaultdict
from collections.abc import Collection
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from backoffice.core.bulk import array_text, fetch
from backoffice.outreach.domain.experiments.effects import Effect, Sample, effect

# A bill that fell to a plan only after its due date was unpaid by then whatever anybody did: it is not counted.
PAID = """
SELECT grouped.plan_id, grouped.is_held_out, count(*),
       count(*) FILTER (WHERE bill.settled_on IS NOT NULL AND bill.settled_on <= grouped.due_date + %(grace)s)
FROM outreach_remindergroup grouped
JOIN repayment_installment bill ON bill.loan_id = grouped.loan_id AND bill.due_date = grouped.due_date
    AND bill.to_version IS NULL
WHERE grouped.plan_id = ANY(%(plans)s::bigint[]) AND grouped.due_date + %(grace)s < %(business_date)s
    AND grouped.planned_on <= grouped.due_date
GROUP BY grouped.plan_id, grouped.is_held_out
"""
# What is sent after the due date cannot make anybody pay by it: only reminders are held against the payments won.
COST = """
SELECT source, currency, sum(cost), count(*) FROM outreach_message
WHERE source = ANY(%(sources)s::text[]) AND cost IS NOT NULL AND purpose = 'reminder'
    AND about_due_date + %(grace)s < %(business_date)s
GROUP BY source, currency ORDER BY source, currency
"""


@dataclass(frozen=True, slots=True)
class PlanEffect:
    """The share of bills paid in time, reminded against left alone, and what a payment won cost by currency.

    `extra` is how many payments more there were among the reminded than without reminding, with what is known now;
    `sent` and `costs` are of the reminders about the same bills. `cost_bounds` is the interval of the cost per payment
    won: its upper end is None where the difference may be nought, so that a payment may cost anything.
    """

    effect: Effect
    extra: Decimal | None
    costs: dict[str, Decimal]
    sent: int
    cost_per_extra: dict[str, Decimal]
    cost_bounds: dict[str, tuple[Decimal, Decimal | None]]


def effect_of_plan(*, plan_id: int, business_date: date, grace_days: int = 0) -> PlanEffect:
    """Bills whose due date (and grace) is over, by whether their borrower was left alone; two queries."""
    return effects_of_plans(plan_ids=[plan_id], business_date=business_date, grace_days=grace_days)[plan_id]


def effects_of_plans(*, plan_ids: Collection[int], business_date: date, grace_days: int = 0) -> dict[int, PlanEffect]:
    """The same for several plans, by id; two queries."""
    params = {
        "plans": array_text(plan_ids, kind="bigint"),
        "sources": array_text((_source(plan_id) for plan_id in plan_ids), kind="text"),
        "grace": grace_days,
        "business_date": business_date,
    }
    samples = {(plan, held): Sample(units=n, total=Decimal(paid)) for plan, held, n, paid in fetch(PAID, params)}
    costs: dict[str, dict[str, Decimal]] = defaultdict(dict)
    sent: dict[str, int] = defaultdict(int)
    for source, currency, total, count in fetch(COST, params):
        costs[source][currency] = total
        sent[source] += count
    nobody = Sample(units=0, total=Decimal(0))
    return {
        plan_id: _effect(
            reminded=samples.get((plan_id, False), nobody),
            alone=samples.get((plan_id, True), nobody),
            costs=dict(costs[_source(plan_id)]),
            sent=sent[_source(plan_id)],
        )
        for plan_id in plan_ids
    }


def _effect(*, reminded: Sample, alone: Sample, costs: dict[str, Decimal], sent: int) -> PlanEffect:
    found = effect(treated=reminded, control=alone)
    extra = None if found.difference is None else found.difference * reminded.units
    is_won = extra is not None and extra > 0
    most_won = (found.high or Decimal(0)) * reminded.units
    least_won = (found.low or Decimal(0)) * reminded.units
    return PlanEffect(
        effect=found,
        extra=extra,
        costs=costs,
        sent=sent,
        cost_per_extra={c: total / extra for c, total in costs.items()} if is_won and extra else {},
        cost_bounds={
            currency: (total / most_won, total / least_won if least_won > 0 else None)
            for currency, total in costs.items()
            if most_won > 0
        },
    )


def _source(plan_id: int) -> str:
    return f"plan:{plan_id}"
