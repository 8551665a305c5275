"""Whether the rules leave a campaign any minute at all to send in."""

from collections.abc import Collection, Iterator
from datetime import date
from typing import Final

from backoffice.outreach.domain.campaigns import CampaignContent
from backoffice.outreach.domain.channels import Channel
from backoffice.outreach.domain.packs import EVERYWHERE, MIDNIGHT, Pack, Rule

SOMEWHERE_ELSE: Final = "??"
"""A country no pack names: the default pack speaks for it."""


def has_permitted_minute(*, content: CampaignContent, packs: Collection[Pack], on: date) -> bool:
    """Whether some channel may be used at some minute of the window, on one of the days, somewhere in the audience.

    Only the hours the rules set are looked at: what else they forbid depends on the borrower.
    """
    named = {country for pack in packs for country in pack.countries} - {EVERYWHERE}
    places = content.audience.countries or (*sorted(named), SOMEWHERE_ELSE)
    return any(
        _leaves_a_minute(content, list(_hours(packs, channel, place, named, content, on)))
        for place in places
        for channel in content.channels
    )


def _hours(
    packs: Collection[Pack], channel: Channel, place: str, named: set[str], content: CampaignContent, on: date
) -> Iterator[Rule]:
    for pack in packs:
        if not (EVERYWHERE in pack.countries or place in pack.countries or (pack.default and place not in named)):
            continue
        for rule in pack.rules:
            if rule.kind != "hours" or not rule.is_in_force(on=on):
                continue
            if channel in rule.channels and content.purpose in rule.purposes and "first_party" in rule.actor_scopes:
                yield rule


def _leaves_a_minute(content: CampaignContent, rules: Collection[Rule]) -> bool:
    begins = max([content.at, *(rule.from_minute or 0 for rule in rules)])
    ends = min([content.until, *(MIDNIGHT if rule.to_minute is None else rule.to_minute for rule in rules)])
    days = content.weekdays.intersection(*(rule.days for rule in rules))
    return begins < ends and bool(days)
