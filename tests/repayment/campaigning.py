"""Audiences and campaigns to work with in tests, over the templates a new lender starts with."""

from datetime import UTC, date, datetime, timedelta
from itertools import count
from typing import Any

from backoffice.audit import approvals
from backoffice.audit.models import Approval
from backoffice.calendars.models import BusinessDay
from backoffice.core.actors import SYSTEM, Actor
from backoffice.customers.models import Borrower
from backoffice.outreach.domain.channels import Channel
from backoffice.outreach.models import Audience, Campaign, CampaignMember, Message
from backoffice.outreach.services import campaigns
from backoffice.outreach.services.audiences import create_audience
from backoffice.outreach.services.sending import send_while_due
from backoffice.outreach.services.starting import load_starter
from backoffice.repayment.services.campaigns import plan_campaigns
from tests.outreach.messaging import gateway
from tests.repayment.factories import open_loan
from tests.staff.factories import actor

DRAFTER = actor("admin", actor_id=11, name="Ada")
CHECKER = actor("compliance", actor_id=12, name="Grace")
JANUARY_15 = date(2026, 1, 15)
OFFER = {"offer_amount": "CNY 20000.00", "offer_until": "2026-04-15"}
_numbers = count(1)


def words_and_gateways(**sms: Any) -> None:
    """The starter's templates, and gateways for SMS (0.0450 a segment) and push (free)."""
    load_starter(is_active=True, actor=SYSTEM)
    gateway(Channel.SMS, **sms)
    gateway(Channel.PUSH, unit_cost="0")


def a_borrower(number: int | None = None, **fields: Any) -> Borrower:
    """A borrower in China."""
    number = next(_numbers) if number is None else number
    usual = {"country": "CN", "time_zone": "Asia/Shanghai", "language": "zh-Hans", "portfolio": "cash"}
    return Borrower.objects.create(external_id=f"C-{number}", source="campaigns", **(usual | fields))


def content(**changes: Any) -> dict[str, Any]:
    """A repeat-loan campaign by SMS, ten days from 15 January, without anybody left alone."""
    return {
        "purpose": "repeat",
        "template": "repeat",
        "channels": ["sms"],
        "first_day": "2026-01-15",
        "last_day": "2026-01-24",
        "weekdays": [1, 2, 3, 4, 5, 6, 7],
        "at": "10:00",
        "until": "18:00",
        "every_days": 7,
        "most_each": 2,
        "cap": 1000,
        "budget": "1000.00",
        "currency": "CNY",
        "holdout": "0",
        "outcome": "takes_a_loan",
        "outcome_days": 5,
        "values": OFFER,
    } | changes


def an_audience(code: str = "everyone", **parts: Any) -> Audience:
    """An audience; everybody in China unless it says otherwise."""
    return create_audience(
        code=code, name=code.title(), name_zh="", content=parts or {"countries": ["CN"]}, within=None, actor=DRAFTER
    )


def drafted(code: str = "spring", *, audience: Audience | None = None, **changes: Any) -> Campaign:
    """A draft."""
    return campaigns.create_campaign(
        code=code,
        name=code.title(),
        name_zh="",
        audience_id=(audience or an_audience(f"for-{code}")).pk,
        content=content(**changes),
        note="",
        within=None,
        actor=DRAFTER,
    )


def submitted(campaign: Campaign, *, by: Actor = DRAFTER) -> Approval:
    """The request that waits for a second person."""
    return campaigns.submit_campaign(campaign_id=campaign.pk, reason="spring", within=None, actor=by)


def running(code: str = "spring", **changes: Any) -> Campaign:
    """A campaign two people agreed to, started."""
    campaign = drafted(code, **changes)
    approvals.approve(approval_id=submitted(campaign).pk, actor=CHECKER)
    campaigns.move_campaigns(on=JANUARY_15)
    campaign.refresh_from_db()
    return campaign


MEANT: dict[str, dict[str, list[str]]] = {
    "own": {"portfolios": ["cash"]},
    "shared": {"portfolios": ["cash", "farm"]},
    "whole": {"countries": ["CN"]},
    "other": {"portfolios": ["farm"]},
}
"""Audiences as somebody who works on "cash" alone stands to them; "shared" and "whole" are theirs to look at only."""


def in_state(state: str, *, meant: str) -> Campaign:
    """A campaign in a state, for one of the audiences of MEANT; nobody agreed to a submitted one."""
    campaign = drafted(meant, audience=an_audience(f"for-{meant}", **MEANT[meant]))
    if state == "draft":
        return campaign
    request = submitted(campaign)
    if state == "submitted":
        approvals.decline(approval_id=request.pk, actor=CHECKER, note="too dear")
        campaign.refresh_from_db()
        return campaign
    approvals.approve(approval_id=request.pk, actor=CHECKER)
    campaigns.move_campaigns(on=JANUARY_15)
    if state == "paused":
        campaigns.pause_campaign(campaign_id=campaign.pk, reason="wait", within=None, actor=DRAFTER)
    campaign.refresh_from_db()
    return campaign


def states_of(campaign: Campaign) -> list[tuple[int, str, str]]:
    """Borrower, state and code of each of its messages."""
    rows = Message.objects.filter(source=f"campaign:{campaign.pk}").order_by("borrower_id", "pk")
    return list(rows.values_list("borrower_id", "state", "code"))


def lived(*, borrowers: int = 60, days: int = 8) -> Campaign:
    """A campaign into the inbox that ran from 15 January, one in five left alone, and what people did meanwhile.

    The business date is `days` later. Every second borrower it reached took a loan, every fourth left alone did.
    """
    gateway(Channel.INBOX, unit_cost="0.0100", tokens=1000, burst=1000)
    for _ in range(borrowers):
        a_borrower()
    campaign = running(
        "lived", channels=["inbox"], holdout="0.2", cap=500, budget="20.00", outcome_days=3, every_days=7, most_each=2
    )
    plan_campaigns(day=JANUARY_15)
    at = datetime(2026, 1, 15, 3, tzinfo=UTC)
    send_while_due(clock=lambda: at, seconds=30)
    for member in CampaignMember.objects.filter(campaign=campaign).order_by("borrower_id"):
        if member.borrower_id % (4 if member.is_held_out else 2) == 0:
            open_loan(disbursed_on=date(2026, 1, 16), business_date=date(2026, 1, 16), borrower_id=member.borrower_id)
    BusinessDay.objects.update(today=JANUARY_15 + timedelta(days=days))
    return campaign
