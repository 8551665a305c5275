"""What the contact panel and the contact page of a borrower show: lights, reasons, local times, budgets and rules."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final

from django.http import QueryDict
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy

from backoffice.core.formats import capitalised, is_chinese
from backoffice.customers.selectors import BorrowerFacts
from backoffice.outreach.domain.channels import ENDPOINT_KIND, Channel
from backoffice.outreach.domain.compiling import PacksInForce
from backoffice.outreach.domain.lights import Light, light_of
from backoffice.outreach.domain.packs import ACTOR_SCOPES
from backoffice.outreach.domain.purposes import Purpose
from backoffice.outreach.domain.verdicts import ActorScope, Budget, Denial, Wanted
from backoffice.outreach.models.contacts import CHANNEL_LABELS, PURPOSE_LABELS
from backoffice.outreach.selectors.inspecting import Endpoint, Inspection, best_endpoint, inspect
from backoffice.outreach.selectors.local_times import LocalTime, local_times
from backoffice.outreach.selectors.packs import NoPacksInForce, pack_day, packs_in_force
from backoffice.outreach.selectors.rule_words import CORE_GIVEN, RuleSaid, core_given, no_time_said, rule_said

CHANNELS: Final = (Channel.CALL, Channel.SMS, Channel.EMAIL, Channel.PUSH, Channel.INBOX)
PURPOSES: Final = (Purpose.COLLECTION, Purpose.REMINDER, Purpose.MARKETING)
SCOPE_LABELS: Final[dict[str, Promise]] = {
    "first_party": gettext_lazy("the lender itself"),
    "third_party": gettext_lazy("an agency"),
}
LIGHTS: Final[dict[Light, tuple[str, Promise]]] = {
    Light.NOW: ("", gettext_lazy("allowed now")),
    Light.LATER_TODAY: ("wait", gettext_lazy("later today")),
    Light.NOT_TODAY: ("stop", gettext_lazy("not permitted")),
}
"""The class of the light and its words."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What the person who looks wants to know: for which purpose, by whom, on which contact points."""

    purpose: Purpose
    actor_scope: ActorScope = "first_party"
    phone_id: int | None = None
    email_id: int | None = None


@dataclass(frozen=True, slots=True)
class Reason:
    """A rule that denies, and from when it would not."""

    rule: RuleSaid
    opens: tuple[LocalTime, ...]


@dataclass(frozen=True, slots=True)
class ChannelLight:
    """One channel: its light in words, why, the next permitted minute at the borrower's place, where it would go."""

    channel: Channel
    label: str
    css: str
    says: str
    is_allowed: bool
    reasons: tuple[Reason, ...]
    opens: tuple[LocalTime, ...]
    opens_at: datetime | None
    never: str
    endpoint: Endpoint | None


@dataclass(frozen=True, slots=True)
class BudgetShown:
    """A cap: what is used up, what is left, and when the first comes back at the borrower's place."""

    rule: RuleSaid
    channels: str
    most: int
    used: int
    left: int
    refills: tuple[LocalTime, ...]


@dataclass(frozen=True, slots=True)
class RuleShown:
    """A rule that bears on some channel: what it says to each of them, as (channels, state) with state a badge."""

    rule: RuleSaid
    says: str
    denies: str
    allows: str
    lifted: str
    opens: tuple[LocalTime, ...]


@dataclass(frozen=True, slots=True)
class Choice:
    """One of a few values a person may switch to."""

    value: str
    label: str
    is_chosen: bool


@dataclass(frozen=True, slots=True)
class ContactPanel:
    """Everything the panel shows, and the page besides."""

    borrower_id: int
    at: datetime
    asked: Asked
    purposes: tuple[Choice, ...]
    here: tuple[LocalTime, ...]
    lights: tuple[ChannelLight, ...]
    budgets: tuple[BudgetShown, ...]
    rules: tuple[RuleShown, ...]
    packs: str


def asked_in(*, query: QueryDict, purpose: Purpose = Purpose.COLLECTION) -> Asked:
    """What an address asks for; what it does not name, or names wrongly, is as usual."""
    named, scope = query.get("purpose", ""), query.get("scope", "")
    return Asked(
        purpose=Purpose(named) if named in set(Purpose) else purpose,
        actor_scope=scope if scope in ACTOR_SCOPES else "first_party",  # type: ignore[arg-type]
        phone_id=_number(query.get("phone", "")),
        email_id=_number(query.get("email", "")),
    )


def contact_panel(*, facts: BorrowerFacts, at: datetime, asked: Asked) -> ContactPanel:
    """The gate's answers for a borrower at an instant, by channel.

    A fixed number of statements, and two for each step to the next permitted time of a channel that is denied. Raises
    NoPacksInForce.
    """
    packs = packs_in_force(on=pack_day(at))
    endpoints = endpoints_of(facts=facts)
    chosen = {channel: _endpoint(channel, endpoints=endpoints, asked=asked) for channel in CHANNELS}
    looked = {
        channel: inspect(
            wanted=Wanted(
                borrower_id=facts.id,
                channel=channel,
                purpose=asked.purpose,
                at=at,
                endpoint_id=endpoint.id if endpoint else None,
                actor_scope=asked.actor_scope,
            ),
            packs=packs,
        )
        for channel, endpoint in chosen.items()
    }
    zones = sorted({zone for each in looked.values() for zone in each.standing.zones})
    return ContactPanel(
        borrower_id=facts.id,
        at=at,
        asked=replace(
            asked,
            phone_id=_id_of(chosen[Channel.CALL]),
            email_id=_id_of(chosen[Channel.EMAIL]),
        ),
        purposes=tuple(
            Choice(purpose.value, str(PURPOSE_LABELS[purpose]), purpose is asked.purpose)
            for purpose in dict.fromkeys((*PURPOSES, asked.purpose))
        ),
        here=local_times(at=at, zones=zones),
        lights=tuple(_light(each, endpoint=chosen[channel]) for channel, each in looked.items()),
        budgets=_budgets(looked, zones=zones, at=at),
        rules=_rules(looked, zones=zones, at=at),
        packs=", ".join(looked[Channel.CALL].verdict.packs),
    )


def contact_panel_or_none(*, facts: BorrowerFacts, at: datetime, asked: Asked) -> ContactPanel | None:
    """The panel for a page that shows more than it; None when no pack is in force: nobody may be reached."""
    try:
        return contact_panel(facts=facts, at=at, asked=asked)
    except NoPacksInForce:
        return None


def endpoints_of(*, facts: BorrowerFacts) -> tuple[Endpoint, ...]:
    """The contact points in use."""
    return tuple(
        Endpoint(id=each.id, kind=each.kind, masked=each.masked, quality=each.quality, is_primary=each.is_primary)
        for each in facts.contacts
        if each.is_in_use
    )


def _endpoint(channel: Channel, *, endpoints: Sequence[Endpoint], asked: Asked) -> Endpoint | None:
    wanted = {"phone": asked.phone_id, "email": asked.email_id}.get(ENDPOINT_KIND.get(channel, ""))
    named = next((each for each in endpoints if each.id == wanted and each.kind == ENDPOINT_KIND.get(channel)), None)
    return named or best_endpoint(channel=channel, endpoints=endpoints)


def _light(each: Inspection, *, endpoint: Endpoint | None) -> ChannelLight:
    verdict, at, zones = each.verdict, each.wanted.at, each.standing.zones
    css, says = LIGHTS[light_of(verdict=verdict, at=at, zones=zones)]
    opens_at = verdict.next_permitted_at
    return ChannelLight(
        channel=each.wanted.channel,
        label=capitalised(CHANNEL_LABELS[each.wanted.channel]),
        css=css,
        says=str(says),
        is_allowed=verdict.is_allowed,
        reasons=tuple(
            Reason(rule_said(rule_id=denial.rule, packs=each.packs), _opens(denial, zones=zones, at=at))
            for denial in verdict.denials
        ),
        opens=local_times(at=opens_at, zones=zones, beside=at) if opens_at else (),
        opens_at=opens_at,
        never=no_time_said(verdict, zones=zones, at=at),
        endpoint=endpoint,
    )


def _opens(denial: Denial, *, zones: Sequence[str], at: datetime) -> tuple[LocalTime, ...]:
    return local_times(at=denial.release_at, zones=zones, beside=at) if denial.release_at else ()


def _budgets(looked: Mapping[Channel, Inspection], *, zones: Sequence[str], at: datetime) -> tuple[BudgetShown, ...]:
    """Every cap once, with the channels it holds for and the least that is left on any of them."""
    tightest: dict[str, Budget] = {}
    channels: dict[str, list[Channel]] = {}
    packs: PacksInForce = looked[CHANNELS[0]].packs
    for channel, each in looked.items():
        for budget in each.budgets:
            channels.setdefault(budget.rule, []).append(channel)
            known = tightest.get(budget.rule)
            tightest[budget.rule] = budget if known is None or budget.left < known.left else known
    return tuple(
        BudgetShown(
            rule=rule_said(rule_id=budget.rule, packs=packs),
            channels=_listed(channels[budget.rule]),
            most=budget.most,
            used=budget.used,
            left=budget.left,
            refills=local_times(at=budget.refills_at, zones=zones, beside=at) if budget.refills_at else (),
        )
        for budget in sorted(tightest.values(), key=lambda each: (each.left / each.most, each.rule))
    )


def _rules(looked: Mapping[Channel, Inspection], *, zones: Sequence[str], at: datetime) -> tuple[RuleShown, ...]:
    """Every rule that bears on a channel, those that deny first; the gate's own checks among them."""
    denies: dict[str, list[Channel]] = {}
    releases: dict[str, Denial] = {}
    for channel, each in looked.items():
        for denial in each.verdict.denials:
            denies.setdefault(denial.rule, []).append(channel)
            releases.setdefault(denial.rule, denial)
    applies = _channels_by_rule(looked, which="applies")
    lifted = _channels_by_rule(looked, which="lifted")
    ids = sorted({*applies, *lifted, *denies}, key=lambda rule: (rule not in denies, rule))
    packs = looked[CHANNELS[0]].packs
    shown = [
        RuleShown(
            rule=(rule := rule_said(rule_id=rule_id, packs=packs)),
            says=rule.says,
            denies=_listed(denies.get(rule_id, [])),
            allows=_listed([each for each in applies.get(rule_id, []) if each not in denies.get(rule_id, [])]),
            lifted=_listed(lifted.get(rule_id, [])),
            opens=_opens(releases[rule_id], zones=zones, at=at) if rule_id in releases else (),
        )
        for rule_id in ids
    ]
    return (*shown, *_core_given(looked, packs=packs))


def _core_given(looked: Mapping[Channel, Inspection], *, packs: PacksInForce) -> tuple[RuleShown, ...]:
    """The gate's own checks, for the channels they let through."""
    found = []
    for check in sorted(CORE_GIVEN):
        passed = [
            channel
            for channel, each in looked.items()
            if not any(denial.rule.startswith(check) for denial in each.verdict.denials)
            and (check != "core.endpoint" or channel in ENDPOINT_KIND)
        ]
        if passed:
            rule = rule_said(rule_id=check, packs=packs)
            found.append(RuleShown(rule, core_given(check=check), "", _listed(passed), "", ()))
    return tuple(found)


def _channels_by_rule(looked: Mapping[Channel, Inspection], *, which: str) -> dict[str, list[Channel]]:
    found: dict[str, list[Channel]] = {}
    for channel, each in looked.items():
        for rule_id in getattr(each.standing, which):
            found.setdefault(rule_id, []).append(channel)
    return found


def _listed(channels: Sequence[Channel]) -> str:
    return ("、" if is_chinese() else ", ").join(str(CHANNEL_LABELS[channel]) for channel in channels)


def _id_of(endpoint: Endpoint | None) -> int | None:
    return endpoint.id if endpoint else None


def _number(text: Any) -> int | None:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 19 else None
