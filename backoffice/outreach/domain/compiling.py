"""The rules of packs in the form the gate's statement takes, narrowed to one way of reaching people."""

import json
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from hashlib import sha256
from uuid import UUID

from backoffice.outreach.domain.channels import Channel
from backoffice.outreach.domain.packs import Pack, Rule
from backoffice.outreach.domain.purposes import Purpose

EVERY = "*"
LEAST_HORIZON_DAYS = 9
"""A prior consent counts for seven days, in any zone; the log is read back at least that far."""


@dataclass(frozen=True, slots=True, eq=False)
class PacksInForce:
    """Packs that hold together, each with its version number. One object a combination: it is what is cached by."""

    versions: tuple[tuple[str, int], ...]
    packs: tuple[Pack, ...]

    @property
    def labels(self) -> tuple[str, ...]:
        """Names and versions, such as "cn 3"."""
        return tuple(f"{code} {number}" for code, number in self.versions)

    @property
    def named_countries(self) -> list[str]:
        """Countries a pack other than the default names."""
        return sorted({country for pack in self.packs if not pack.default for country in pack.countries} - {EVERY})


@dataclass(frozen=True, slots=True)
class Compiled:
    """The rules as JSON, how many, and the key they are kept under; the days of the log they look back on; and whether
    one counts by number.
    """

    rules: str
    count: int
    key: UUID
    horizon_days: int
    is_by_number: bool
    looks_at_holidays: bool


@lru_cache(maxsize=2048)
def compile_rules(
    *, packs: PacksInForce, channel: Channel, purpose: Purpose, actor_scope: str, party: str, on: date
) -> Compiled:
    """The rules in force on a day that bear on contacts of one channel, purpose, actor scope and party."""
    chosen = [
        (pack, rule)
        for pack in packs.packs
        for rule in pack.rules
        if channel in rule.channels
        and purpose in rule.purposes
        and actor_scope in rule.actor_scopes
        and party in rule.parties
        and rule.is_in_force(on=on)
    ]
    rules = json.dumps([_row(pack, rule) for pack, rule in chosen])
    return Compiled(
        rules=rules,
        count=len(chosen),
        key=UUID(bytes=sha256(rules.encode()).digest()[:16]),
        horizon_days=max([LEAST_HORIZON_DAYS, *(_looks_back(rule) for _, rule in chosen)]),
        is_by_number=any(rule.per == "number" for _, rule in chosen),
        looks_at_holidays=any(rule.holidays == "closed" for _, rule in chosen),
    )


def _row(pack: Pack, rule: Rule) -> dict[str, object]:
    return {
        "id": rule.id,
        "kind": rule.kind,
        "countries": sorted(pack.countries),
        "is_default": pack.default,
        "channels": sorted(rule.channels),
        "counted_purposes": sorted(rule.counted_purposes or rule.purposes),
        "counted_scopes": sorted(rule.actor_scopes),
        "from_minute": rule.from_minute,
        "to_minute": rule.to_minute,
        "days": sorted(rule.days),
        "is_closed_on_holidays": rule.holidays == "closed",
        "most": rule.limit,
        "per": rule.per or "",
        "counts": rule.counts or "",
        "days_window": rule.days_window,
        "minutes_window": rule.minutes_window,
        "quiet_days": rule.quiet_days,
        "within_days": rule.within_days,
        "excepts": sorted(rule.excepts),
    }


def _looks_back(rule: Rule) -> int:
    """Days of the log a rule needs, with a day on either side for the zones."""
    minutes = rule.minutes_window or 0
    return max(rule.days_window or 0, rule.quiet_days or 0, rule.within_days or 0, -(-minutes // 1440)) + 2
