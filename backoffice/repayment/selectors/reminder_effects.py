"""What reminding does: bills paid on time by borrowers who were reminded, against those left alone."""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from backoffice.core.bulk import fetch
from backoffice.outreach.domain.experiments.effects import Effect, Sample, effect

PAID = """
SELECT grouped.is_held_out, count(*),
       count(*) FILTER (WHERE bill.settled_on IS NOT NULL AND bill.settled_on <= grouped.due_date + %(grace)s)
FROM outreach_remindergroup grouped
JOIN repayment_installment bill ON bill.loan_id = grouped.loan_id AND bill.due_date = grouped.due_date
    AND bill.to_version IS NULL
WHERE grouped.plan_id = %(plan)s AND grouped.due_date + %(grace)s < %(business_date)s
GROUP BY grouped.is_held_out
"""
COST = """
SELECT currency, sum(cost), count(*) FROM outreach_message
WHERE source = %(source)s AND cost IS NOT NULL GROUP BY currency ORDER BY currency
"""


@dataclass(frozen=True, slots=True)
class PlanEffect:
    """The share of bills paid in time, reminded against left alone, and what a payment won cost by currency.

    `extra` is how many payments more there were among the reminded than without reminding, with what is known now.
    """

    effect: Effect
    extra: Decimal | None
    costs: dict[str, Decimal]
    sent: int
    cost_per_extra: dict[str, Decimal]


def effect_of_plan(*, plan_id: int, business_date: date, grace_days: int = 0) -> PlanEffect:
    """Bills whose due date (and grace) is over, by whether their borrower was left alone; two queries."""
    samples = {False: Sample(units=0, total=Decimal(0)), True: Sample(units=0, total=Decimal(0))}
    for is_held_out, units, paid in fetch(PAID, {"plan": plan_id, "grace": grace_days, "business_date": business_date}):
        samples[is_held_out] = Sample(units=units, total=Decimal(paid))
    found = effect(treated=samples[False], control=samples[True])
    rows = fetch(COST, {"source": f"plan:{plan_id}"})
    costs = {currency: total for currency, total, _ in rows}
    extra = None if found.difference is None else found.difference * samples[False].units
    is_won = extra is not None and extra > 0
    return PlanEffect(
        effect=found,
        extra=extra,
        costs=costs,
        sent=sum(count for *_, count in rows),
        cost_per_extra={c: total / extra for c, total in costs.items()} if is_won and extra else {},
    )
