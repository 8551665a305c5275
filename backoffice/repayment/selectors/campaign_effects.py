"""What a campaign does: borrowers it fell to who pay, or take a loan, against those it left alone."""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Final

from backoffice.core.bulk import fetch
from backoffice.outreach.domain.campaigns import Outcome
from backoffice.outreach.domain.experiments.effects import Effect, Sample, effect
from backoffice.outreach.models import Campaign

# Counted are those whose window is over: from the day they fell to the campaign, that day included, for so many days.
MEMBERS: Final = """
WITH member AS (
    SELECT campaign_id, borrower_id, bool_or(is_held_out) AS is_held_out, min(day) AS since
    FROM outreach_campaignmember WHERE campaign_id = ANY(%(campaigns)s) GROUP BY campaign_id, borrower_id
), watched AS (
    SELECT member.*, given.days
    FROM member
    JOIN unnest(%(campaigns)s::bigint[], %(days)s::int[], %(outcomes)s::text[]) AS given (campaign_id, days, outcome)
        ON given.campaign_id = member.campaign_id
    WHERE given.outcome = %(outcome)s AND member.since + given.days <= %(business_date)s
)
"""
PAYS: Final = """
SELECT watched.campaign_id, watched.is_held_out, count(*), count(*) FILTER (WHERE EXISTS (
    SELECT FROM repayment_loan loan
    JOIN repayment_operation paid ON paid.loan_id = loan.id AND paid.kind IN ('payment', 'payoff')
    WHERE loan.borrower_id = watched.borrower_id
      AND paid.value_date >= watched.since AND paid.value_date < watched.since + watched.days
      AND NOT EXISTS (SELECT FROM repayment_operation undone WHERE undone.reverses_id = paid.id)
))
FROM watched GROUP BY watched.campaign_id, watched.is_held_out
"""
TAKES_A_LOAN: Final = """
SELECT watched.campaign_id, watched.is_held_out, count(*), count(*) FILTER (WHERE EXISTS (
    SELECT FROM repayment_loan loan
    WHERE loan.borrower_id = watched.borrower_id
      AND loan.disbursed_on >= watched.since AND loan.disbursed_on < watched.since + watched.days
))
FROM watched GROUP BY watched.campaign_id, watched.is_held_out
"""
STATEMENTS: Final = {Outcome.PAYS: PAYS, Outcome.TAKES_A_LOAN: TAKES_A_LOAN}


@dataclass(frozen=True, slots=True)
class CampaignEffect:
    """The share that did it, among those the campaign fell to and among those left alone, with the interval between.

    `extra` is how many did it beyond what they would have done anyway, `cost_per_extra` what one of those cost.
    """

    effect: Effect
    extra: Decimal | None
    cost_per_extra: Decimal | None


def effects_of(
    *, campaigns: list[tuple[Campaign, Outcome, int]], spent: dict[int, Decimal], business_date: date
) -> dict[int, CampaignEffect]:
    """The effect of each campaign by id; a query an outcome, two at most.

    `campaigns`: each with its outcome and the days it is looked for; `spent` what its messages cost.
    """
    samples: dict[tuple[int, bool], Sample] = {}
    params = {
        "campaigns": [campaign.pk for campaign, _, _ in campaigns],
        "days": [days for *_, days in campaigns],
        "outcomes": [outcome.value for _, outcome, _ in campaigns],
        "business_date": business_date,
    }
    for asked in sorted({outcome for _, outcome, _ in campaigns}):
        for campaign_id, is_held_out, units, did in fetch(MEMBERS + STATEMENTS[asked], params | {"outcome": asked}):
            samples[campaign_id, is_held_out] = Sample(units=units, total=Decimal(did))
    return {
        campaign.pk: _effect(campaign.pk, samples, spent.get(campaign.pk, Decimal(0))) for campaign, *_ in campaigns
    }


def _effect(campaign_id: int, samples: dict[tuple[int, bool], Sample], spent: Decimal) -> CampaignEffect:
    nobody = Sample(units=0, total=Decimal(0))
    found = effect(treated=samples.get((campaign_id, False), nobody), control=samples.get((campaign_id, True), nobody))
    extra = found.extra
    is_won = extra is not None and extra > 0
    return CampaignEffect(found, extra, spent / extra if is_won and extra else None)
