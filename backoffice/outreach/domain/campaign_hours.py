"""Whether the rules leave a campaign, or a step of a reminder plan, any minute at all to send in."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import date
from typing import Final

from backoffice.outreach.domain.campaigns import CampaignContent
from backoffice.outreach.domain.channels import Channel
from backoffice.outreach.domain.packs import EVERYWHERE, MIDNIGHT, Pack, Rule
from backoffice.outreach.domain.purposes import Purpose

SOMEWHERE_ELSE: Final = "??"
"""A country no pack names: the default pack speaks for it."""


EVERY_DAY: Final = frozenset(range(1, 8))


@dataclass(frozen=True, slots=True, kw_only=True)
class SendingWindow:
    """When and how something is sent: minutes since midnight at the borrower's place, on some ISO weekdays.

    `countries` empty: to borrowers anywhere.
    """

    channels: tuple[Channel, ...]
    purpose: Purpose
    at: int
    until: int
    weekdays: frozenset[int] = EVERY_DAY
    countries: tuple[str, ...] = ()


def has_permitted_minute(*, content: CampaignContent, packs: Collection[Pack], on: date) -> bool:
    """Whether some channel may be used at some minute of the window, on one of the days, somewhere in the audience."""
    window = SendingWindow(
        channels=tuple(content.channels),
        purpose=Purpose(content.purpose),
        at=content.at,
        until=content.until,
        weekdays=frozenset(content.weekdays),
        countries=tuple(content.audience.countries),
    )
    return leaves_a_minute(window=window, packs=packs, on=on)


def leaves_a_minute(*, window: SendingWindow, packs: Collection[Pack], on: date) -> bool:
    """Whether the rules permit some channel at some minute of a window, somewhere.

    Only the hours the rules set are looked at: what else they forbid depends on the borrower.
    """
    named = {country for pack in packs for country in pack.countries} - {EVERYWHERE}
    places = window.countries or (*sorted(named), SOMEWHERE_ELSE)
    return any(
        _is_left(window, list(_hours(packs, channel, place, named, window, on)))
        for place in places
        for channel in window.channels
    )


def _hours(
    packs: Collection[Pack], channel: Channel, place: str, named: set[str], window: SendingWindow, on: date
) -> Iterator[Rule]:
    for pack in packs:
        if not (EVERYWHERE in pack.countries or place in pack.countries or (pack.default and place not in named)):
            continue
        for rule in pack.rules:
            if rule.kind != "hours" or not rule.is_in_force(on=on):
                continue
            if channel in rule.channels and window.purpose in rule.purposes and "first_party" in rule.actor_scopes:
                yield rule


def _is_left(window: SendingWindow, rules: Collection[Rule]) -> bool:
    begins = max([window.at, *(rule.from_minute or 0 for rule in rules)])
    ends = min([window.until, *(MIDNIGHT if rule.to_minute is None else rule.to_minute for rule in rules)])
    days = window.weekdays.intersection(*(rule.days for rule in rules))
    return begins < ends and bool(days)
