"""Campaigns as the pages and the API show them: what came of their messages, day by day, and what they spent."""

import json
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal

from backoffice.core.bulk import fetch
from backoffice.outreach.domain.campaign_states import CampaignState
from backoffice.outreach.domain.ranking import CAMPAIGN, source_of
from backoffice.outreach.models import Campaign

FUNNEL = """
SELECT source, state, count(*), coalesce(sum(cost), 0)
FROM outreach_message WHERE source = ANY(%s) GROUP BY source, state
"""
REACH = """
SELECT campaign_id, is_held_out, count(DISTINCT borrower_id)
FROM outreach_campaignmember WHERE campaign_id = ANY(%s) GROUP BY campaign_id, is_held_out
"""
BLOCKED = """
SELECT code, count(*) FROM outreach_message
WHERE source = %s AND state = 'blocked' GROUP BY code ORDER BY count(*) DESC, code
"""
DAYS = """
SELECT planned.day, planned.audience, planned.planned, planned.held_out, planned.full, planned.counts::text,
       coalesce(gone.sent, 0), coalesce(gone.arrived, 0), coalesce(gone.cost, 0)
FROM outreach_campaignday planned
LEFT JOIN (
    SELECT member.day, sum(chain.cost) AS cost,
           count(*) FILTER (WHERE chain.has_left) AS sent, count(*) FILTER (WHERE chain.has_arrived) AS arrived
    FROM outreach_campaignmember member
    JOIN (
        SELECT split_part(key, '>', 1) AS key, coalesce(sum(cost), 0) AS cost,
               bool_or(state IN ('sending', 'sent', 'delivered', 'read', 'replied', 'unknown')) AS has_left,
               bool_or(state IN ('delivered', 'read', 'replied')) AS has_arrived
        FROM outreach_message WHERE source = %(source)s GROUP BY 1
    ) chain ON chain.key = member.message_key
    WHERE member.campaign_id = %(campaign)s
    GROUP BY member.day
) gone ON gone.day = planned.day
WHERE planned.campaign_id = %(campaign)s
ORDER BY planned.day DESC
"""
LEFT = ("sending", "sent", "delivered", "read", "replied", "unknown")
ARRIVED = ("delivered", "read", "replied")


@dataclass(slots=True)
class Funnel:
    """What became of a campaign's messages by state, what they cost, how many borrowers it fell to or left alone."""

    states: dict[str, int] = field(default_factory=dict)
    spent: Decimal = Decimal(0)
    reached: int = 0
    held_out: int = 0

    def of(self, states: Collection[str]) -> int:
        """How many stand in one of the states."""
        return sum(self.states.get(state, 0) for state in states)

    @property
    def total(self) -> int:
        """Messages ever planned, those on a further channel among them."""
        return sum(self.states.values())

    @property
    def waiting(self) -> int:
        """Still to leave."""
        return self.states.get("planned", 0)

    @property
    def left(self) -> int:
        """Gone out."""
        return self.of(LEFT)

    @property
    def arrived(self) -> int:
        """Delivered, read or answered."""
        return self.of(ARRIVED)

    @property
    def failed(self) -> int:
        """Refused or lost by a gateway."""
        return self.states.get("failed", 0)

    @property
    def blocked(self) -> int:
        """Kept back by the contact rules for good."""
        return self.states.get("blocked", 0)

    @property
    def dropped(self) -> int:
        """Stopped by us, or past their time."""
        return self.of(("stopped", "expired"))


@dataclass(frozen=True, slots=True)
class CampaignDayLine:
    """A day that was planned and what came of it."""

    day: date
    audience: int
    planned: int
    held_out: int
    full: str
    counts: dict[str, int]
    sent: int
    arrived: int
    cost: Decimal


def funnels_of(*, campaigns: Sequence[Campaign]) -> dict[int, Funnel]:
    """What came of each, by id; two queries however many there are."""
    funnels = {campaign.pk: Funnel() for campaign in campaigns}
    sources = {source_of(kind=CAMPAIGN, id=id): id for id in funnels}
    for name, state, count, cost in fetch(FUNNEL, [list(sources)]):
        funnel = funnels[sources[name]]
        funnel.states[state] = count
        funnel.spent += cost
    for campaign_id, is_held_out, count in fetch(REACH, [list(funnels)]):
        if is_held_out:
            funnels[campaign_id].held_out = count
        else:
            funnels[campaign_id].reached = count
    return funnels


def days_of(*, campaign: Campaign) -> list[CampaignDayLine]:
    """The days that were planned, the last one first; one query."""
    params = {"campaign": campaign.pk, "source": source_of(kind=CAMPAIGN, id=campaign.pk)}
    return [
        CampaignDayLine(
            day=row[0],
            audience=row[1],
            planned=row[2],
            held_out=row[3],
            full=row[4],
            counts=json.loads(row[5]),
            sent=row[6],
            arrived=row[7],
            cost=row[8],
        )
        for row in fetch(DAYS, params)
    ]


def blocked_of(*, campaign: Campaign) -> list[tuple[str, int]]:
    """The rules that kept messages back, the one that kept most first; one query."""
    return [(code, count) for code, count in fetch(BLOCKED, [source_of(kind=CAMPAIGN, id=campaign.pk)])]


def may_leave(*, source: str) -> bool:
    """Whether a message of that source may still leave: a campaign's only while it runs, or has come to its end itself.

    One query for a message of a campaign, none for any other.
    """
    kind, _colon, number = source.partition(":")
    if kind != CAMPAIGN:
        return True
    return Campaign.objects.filter(pk=int(number), state=CampaignState.RUNNING.value).exists()
