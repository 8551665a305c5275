"""The campaign of a demo: a further loan for those who repaid all they had, in the portfolio with most of them."""

import tomllib
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

from django.conf import settings
from django.db import transaction
from django.db.models.functions import Now

from backoffice.core.actors import Actor
from backoffice.core.bulk import fetch
from backoffice.outreach.domain.campaign_states import CampaignState
from backoffice.outreach.models import Campaign
from backoffice.outreach.services.audiences import create_audience
from backoffice.outreach.services.campaigns import create_campaign
from backoffice.outreach.services.campaigns.locking import move

FILE: Final = Path(settings.BASE_DIR) / "backoffice" / "outreach" / "starter" / "campaign.toml"
# Whose loans are all repaid, by portfolio and currency (XXX is none), with the middle of what they borrowed.
SETTLED: Final = """
WITH settled AS (
    SELECT borrower_id FROM repayment_loan GROUP BY borrower_id HAVING bool_and(status = 'closed')
)
SELECT loan.portfolio, loan.currency, percentile_disc(0.5) WITHIN GROUP (ORDER BY loan.principal)
FROM repayment_loan loan JOIN settled USING (borrower_id)
WHERE loan.currency <> 'XXX'
GROUP BY loan.portfolio, loan.currency
ORDER BY count(DISTINCT borrower_id) DESC, 1, 2
LIMIT 1
"""


@transaction.atomic
def load_starter_campaign(*, first_day: date, actor: Actor) -> Campaign | None:
    """The campaign of the data file from a day on, unless there is any campaign or nobody repaid everything.

    As the house that ships it agreed to it; one of a lender takes two people.
    """
    best = fetch(SETTLED)
    if not best or Campaign.objects.exists():
        return None
    portfolio, currency, principal = best[0]
    data = tomllib.loads(FILE.read_text(encoding="utf-8"))
    audience = create_audience(
        **data["audience"], content={"portfolios": [portfolio], **data["filter"]}, within=None, actor=actor
    )
    last_day = first_day + timedelta(days=data["days"] - 1)
    content: dict[str, Any] = data["content"] | {
        "first_day": first_day.isoformat(),
        "last_day": last_day.isoformat(),
        "values": {"offer_amount": f"{currency} {Decimal(principal):.2f}", "offer_until": last_day.isoformat()},
    }
    campaign = create_campaign(**data["campaign"], audience_id=audience.pk, content=content, within=None, actor=actor)
    agreed = campaign.content | {"audience": audience.content}
    move(campaign, to=CampaignState.SUBMITTED, actor=actor, content=agreed)
    return move(campaign, to=CampaignState.APPROVED, actor=actor, approved_by_name=actor.name, approved_at=Now())
