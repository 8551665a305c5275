"""The gate looked into: where the person may be, which rules bear on a contact, and what each of them says to it."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from backoffice.customers.models import ContactPoint
from backoffice.outreach.domain.channels import ENDPOINT_KIND, Channel
from backoffice.outreach.domain.compiling import PacksInForce
from backoffice.outreach.domain.purposes import Purpose
from backoffice.outreach.domain.verdicts import Budget, Verdict, Wanted
from backoffice.outreach.selectors.gate import budgets, judge, parameters, run, with_next_time
from backoffice.outreach.selectors.gate_text import statement
from backoffice.outreach.selectors.packs import pack_day, packs_in_force

USABLE = frozenset({"unknown", "good"})


@dataclass(frozen=True, slots=True)
class Standing:
    """Plausible zones, in alphabetical order; the rules that bear on the contact; those that an exception lifts."""

    zones: tuple[str, ...]
    applies: frozenset[str]
    lifted: frozenset[str]


@dataclass(frozen=True, slots=True)
class Inspection:
    """One contact that might be made: what the gate says, what of each cap is used, and on which rules that rests."""

    wanted: Wanted
    verdict: Verdict
    budgets: tuple[Budget, ...]
    standing: Standing
    packs: PacksInForce


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A contact point a person may be reached at; `kind` is "phone", "email" or "address"."""

    id: int
    kind: str
    masked: str
    quality: str
    is_primary: bool


def inspect(*, wanted: Wanted, packs: PacksInForce) -> Inspection:
    """One contact looked into, by the packs in force when it is wanted.

    Three statements, and two more for each step to the next permitted time, which other packs may judge.
    """
    verdict = judge(wanted=[wanted], packs=packs)[0]
    return Inspection(
        wanted=wanted,
        verdict=verdict if verdict.is_allowed else with_next_time(verdict, wanted=wanted),
        budgets=tuple(budgets(wanted=wanted, packs=packs)),
        standing=standing(wanted=wanted, packs=packs),
        packs=packs,
    )


def standing(*, wanted: Wanted, packs: PacksInForce) -> Standing:
    """Places and rules of one contact; one statement."""
    text = statement("gate.sql", "gate_standing.sql", is_single=True)
    found: dict[str, list[str]] = defaultdict(list)
    for what, name in run(text, parameters([wanted], packs=packs)):
        found[what].append(name)
    return Standing(
        zones=tuple(sorted(set(found["zone"]))),
        applies=frozenset(found["applies"]),
        lifted=frozenset(found["lifted"]),
    )


def zones_of(*, borrower_id: int, at: datetime) -> tuple[str, ...]:
    """The places a borrower may be; one statement."""
    call = Wanted(borrower_id=borrower_id, channel=Channel.CALL, purpose=Purpose.COLLECTION, at=at)
    return standing(wanted=call, packs=packs_in_force(on=pack_day(at))).zones


def with_endpoint(*, wanted: Wanted) -> Wanted:
    """The contact with the point it would go to where it names none; as it is where none is there or needed."""
    if wanted.endpoint_id is not None or wanted.channel not in ENDPOINT_KIND:
        return wanted
    points = ContactPoint.objects.filter(borrower_id=wanted.borrower_id, ended_at__isnull=True).order_by("pk")
    endpoints = [Endpoint(*row) for row in points.values_list("pk", "kind", "masked", "quality", "is_primary")]
    best = best_endpoint(channel=wanted.channel, endpoints=endpoints)
    return replace(wanted, endpoint_id=best.id) if best else wanted


def best_endpoint(*, channel: Channel, endpoints: Sequence[Endpoint]) -> Endpoint | None:
    """The point a channel is tried at first: one that may be used, the first choice before the others."""
    fitting = [each for each in endpoints if each.kind == ENDPOINT_KIND.get(channel, "")]
    return min(fitting, key=lambda each: (each.quality not in USABLE, not each.is_primary, each.id), default=None)
