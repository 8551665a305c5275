"""What is asked of the gate and what it answers."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Literal
from zoneinfo import ZoneInfo

from backoffice.outreach.domain.channels import Channel
from backoffice.outreach.domain.purposes import Purpose

ActorScope = Literal["first_party", "third_party"]
Party = Literal["borrower", "representative", "guarantor", "other"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """A contact somebody wants to make: whom, how, why, when, about which loan.

    `endpoint_id` is the contact point to be used, needed where the channel goes to one.
    """

    borrower_id: int
    channel: Channel
    purpose: Purpose
    at: datetime
    endpoint_id: int | None = None
    loan_id: int | None = None
    actor_scope: ActorScope = "first_party"
    party: Party = "borrower"
    message_id: int | None = None


@dataclass(frozen=True, slots=True)
class Denial:
    """One rule that does not let a contact through; `release_at` None: time alone does not change it."""

    rule: str
    release_at: datetime | None


def latest(found: Iterable[tuple[str, datetime | None]]) -> tuple[Denial, ...]:
    """One denial a rule, by name: the latest release of those found for it, none at all when one has none."""
    releases: dict[str, datetime | None] = {}
    for rule, at in found:
        known = releases.get(rule, at)
        releases[rule] = None if at is None or known is None else max(at, known)
    return tuple(Denial(rule, releases[rule]) for rule in sorted(releases))


@dataclass(frozen=True, slots=True)
class Verdict:
    """The gate's answer. `next_permitted_at`: the first instant nothing known now would deny, None when there is none.

    `packs` names the packs and versions that were judged by, such as "cn 3". `zones`: where the person may have been,
    of a contact of the past that is denied.
    """

    denials: tuple[Denial, ...]
    packs: tuple[str, ...]
    next_permitted_at: datetime | None = None
    zones: tuple[str, ...] = ()

    @property
    def is_allowed(self) -> bool:
        """True when nothing denies the contact."""
        return not self.denials


class NoTime(StrEnum):
    """Why a denied contact has no next permitted time."""

    NEEDS_A_PERSON = "needs_a_person"
    PLACES_NEVER_AGREE = "places_never_agree"
    RULES_NEVER_AGREE = "rules_never_agree"


def why_no_time(verdict: Verdict, *, zones: Collection[str], at: datetime) -> NoTime | None:
    """Why no minute is permitted; None when the contact is allowed or there is a next time.

    `NEEDS_A_PERSON`: time does not lift one of the rules. Otherwise each rule would let it through at some minute, but
    no minute suits all of them: at once at `zones` whose clocks differ, or at one clock.
    """
    if verdict.is_allowed or verdict.next_permitted_at is not None:
        return None
    if any(denial.release_at is None for denial in verdict.denials):
        return NoTime.NEEDS_A_PERSON
    clocks = {at.astimezone(ZoneInfo(zone)).utcoffset() for zone in zones}
    return NoTime.PLACES_NEVER_AGREE if len(clocks) > 1 else NoTime.RULES_NEVER_AGREE


@dataclass(frozen=True, slots=True)
class Budget:
    """A cap: how many contacts it lets through in its window, how many are used up, when the first comes back."""

    rule: str
    most: int
    used: int
    refills_at: datetime | None

    @property
    def left(self) -> int:
        """How many more it lets through now."""
        return max(0, self.most - self.used)


@dataclass(frozen=True, slots=True)
class Reserved:
    """A contact that may be made now: it is in the log already, as entry `entry_id`."""

    entry_id: int
    verdict: Verdict
