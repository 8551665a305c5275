"""A reminder plan as its pages show it: the timeline, the steps in words, what a day would bring, what it did."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date
from decimal import Decimal
from itertools import pairwise
from typing import Any, Final

from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext, pgettext

from backoffice.calendars import clock
from backoffice.core.formats import amount_text, percent_text
from backoffice.outreach.domain.channels import Channel
from backoffice.outreach.domain.elements import CHINESE
from backoffice.outreach.domain.plan_content import clock_of
from backoffice.outreach.domain.reminder_plans import Audience, ReminderContent, Step, StopCondition
from backoffice.outreach.models import MessageTemplate
from backoffice.outreach.models.contacts import CHANNEL_LABELS
from backoffice.outreach.models.reminders import STOP_LABELS
from backoffice.outreach.selectors.effect_words import difference_interval_text, difference_text, effect_in_words
from backoffice.outreach.selectors.packs import packs_in_force
from backoffice.outreach.selectors.rule_words import RuleSaid, rule_said
from backoffice.outreach.services.reminders import Simulated
from backoffice.repayment.selectors.reminder_effects import PlanEffect

DAY: Final = 1440
GAP: Final = Decimal("0.4")
"""How wide a day nothing happens on is drawn, beside one with a step; of many in a row only the first few count."""
MOST_GAPS: Final = 4
MARGIN: Final = Decimal("0.35")
NEAR: Final = Decimal(15)
"""Labels of one height keep so many percent of the width apart."""
LABEL: Final = 50
DROP: Final = 16
"""Pixels from one height of labels to the next, and from the lowest to the line."""


@dataclass(frozen=True, slots=True)
class StepShown:
    """A step in words, with the messages it would send on the simulated day."""

    name: str
    when: str
    time: str
    channels: str
    template: str
    template_title: str
    template_url: str
    audience: str
    stops: str
    tomorrow: int | None
    is_late: bool


@dataclass(frozen=True, slots=True)
class Mark:
    """A step as the timeline draws it: its window in percent of the width, its label in pixels from the top."""

    step: StepShown
    left: Decimal
    width: Decimal
    middle: Decimal
    top: int
    bottom: int

    @property
    def second(self) -> int:
        """Where the second line of the label stands."""
        return self.top + 14

    @property
    def third(self) -> int:
        """Where the third line of the label stands."""
        return self.top + 28


@dataclass(frozen=True, slots=True)
class Timeline:
    """The picture of a plan: windows along the days, debits on the due date, days named below."""

    marks: tuple[Mark, ...]
    days: tuple[tuple[Decimal, str], ...]
    debits: tuple[Decimal, ...]
    debit_times: str
    due_left: Decimal
    due_width: Decimal
    axis: int

    @property
    def height(self) -> int:
        """Of the whole picture."""
        return self.axis + 46

    @property
    def names_y(self) -> int:
        """Where the days are named."""
        return self.axis + 22

    @property
    def debits_y(self) -> int:
        """Where the debits are named."""
        return self.axis + 38

    @property
    def debit_top(self) -> int:
        """Where the strokes of the debits begin."""
        return self.axis - 14

    @property
    def due_middle(self) -> Decimal:
        """The middle of the due date."""
        return self.due_left + self.due_width / 2

    @property
    def window_y(self) -> int:
        """Where the windows begin."""
        return self.axis - 5


@dataclass(frozen=True, slots=True)
class DayShown:
    """What a version would do on a day, every number with its words."""

    day: date
    bills: int
    messages: int
    channels: tuple[tuple[str, int], ...]
    allowed: int
    later: int
    held_out: int
    blocked: tuple[tuple[RuleSaid, int], ...]
    left_out: tuple[tuple[str, int], ...]
    costs: tuple[tuple[str, Decimal], ...]

    @property
    def leaving(self) -> int:
        """Messages the gate lets through that day, at their time or later."""
        return self.allowed + self.later

    @property
    def stopped(self) -> int:
        """Messages the gate would not let through that day."""
        return self.messages - self.leaving


def steps_shown(*, content: ReminderContent, simulated: Simulated | None = None) -> tuple[StepShown, ...]:
    """The steps in the order they happen; one query for the titles of their templates."""
    codes = {step.template for step in content.steps}
    templates = {each.code: each for each in MessageTemplate.objects.filter(code__in=codes)}
    return tuple(_shown(step, templates.get(step.template), simulated) for step in content.steps)


def timeline(*, content: ReminderContent, steps: tuple[StepShown, ...]) -> Timeline:
    """The picture of the steps, drawn in the width there is: places are percentages, so that words keep their size."""
    places = _places(sorted({0, *(step.offset for step in content.steps)}))
    width = max(places.values()) + 1 + 2 * MARGIN

    def percent(offset: int, minute: int = 0) -> Decimal:
        return round((MARGIN + places[offset] + Decimal(minute) / DAY) * 100 / width, 2)

    one_day = round(Decimal(100) / width, 2)
    windows = [
        (percent(step.offset, step.at), round(Decimal(step.until - step.at) / DAY * 100 / width, 2))
        for step in content.steps
    ]
    levels = _levels([left + wide / 2 for left, wide in windows])
    axis = DROP + LABEL * (max(levels, default=0) + 1)
    marks = tuple(
        Mark(shown, left, wide, left + wide / 2, axis - DROP - LABEL * (level + 1) + 14, axis - 6)
        for shown, (left, wide), level in zip(steps, windows, levels, strict=True)
    )
    return Timeline(
        marks=marks,
        days=tuple((percent(offset) + one_day / 2, _day(offset)) for offset in places),
        debits=tuple(percent(0, minute) for minute in content.debits),
        debit_times=" ".join(clock_of(minute) for minute in content.debits),
        due_left=percent(0),
        due_width=one_day,
        axis=axis,
    )


def day_shown(*, simulated: Simulated, day: date) -> DayShown:
    """A simulated day with its rules in the reader's language."""
    outcome = simulated.outcome
    packs = packs_in_force(on=clock.now().astimezone(UTC).date())
    left_out = (
        (_("a more pressing message goes to the borrower that day"), outcome.outranked),
        (_("no words in the borrower's language"), outcome.without_words),
        (_("not one of those the step is for"), outcome.too_small),
        (_("a variable of its words has no usable value"), len(outcome.unfilled)),
    )
    return DayShown(
        day=day,
        bills=outcome.bills,
        messages=outcome.by_channel.total(),
        channels=tuple(
            (str(CHANNEL_LABELS[Channel(name)]), number) for name, number in outcome.by_channel.most_common()
        ),
        allowed=simulated.allowed,
        later=simulated.later,
        held_out=outcome.held_out,
        blocked=tuple(
            (rule_said(rule_id=rule, packs=packs), number) for rule, number in simulated.blocked.most_common()
        ),
        left_out=tuple((words, number) for words, number in left_out if number),
        costs=tuple(sorted(simulated.cost.items())),
    )


def effect_shown(found: PlanEffect) -> dict[str, Any]:
    """What a plan did, with its sentence, difference and interval in words."""
    effect = found.effect
    return {
        "found": found,
        "effect": effect,
        "sentence": effect_in_words(effect=effect, treated=_("the reminded"), control=_("those left alone")),
        "difference": difference_text(value=effect.difference, kind="binary", signed=True),
        "interval": difference_interval_text(low=effect.low, high=effect.high, kind="binary"),
        "tone": {"more": "good", "less": "danger"}.get(effect.verdict, "neutral"),
    }


def changes_between(*, was: ReminderContent, now: ReminderContent) -> list[Mapping[str, str]]:
    """What a version changes: field by field of each step, the share left alone, the debits; only what differs."""
    before = {step.name: step for step in steps_shown(content=was)}
    after = {step.name: step for step in steps_shown(content=now)}
    rows: list[tuple[str, str, str]] = []
    for name in {**before, **after}:
        old, new = (_said(each[name]) if name in each else {} for each in (before, after))
        if old and new:
            rows += [(f"{name} · {label}", old[label], new[label]) for label in old]
        else:
            rows.append((name, " · ".join(old.values()) or "–", " · ".join(new.values()) or "–"))
    left_alone = _("Left alone to compare with")
    rows.append((left_alone, percent_text(was.holdout, bare=True), percent_text(now.holdout, bare=True)))
    rows.append((_("Debits of the due date"), _times(was.debits), _times(now.debits)))
    return [{"label": label, "was": old, "now": new} for label, old, new in rows if old != new]


def when_in_words(offset: int) -> str:
    """The day of a step, from the due date."""
    if offset == 0:
        return _("on the due date")
    if offset < 0:
        return ngettext("%(days)d day before", "%(days)d days before", -offset) % {"days": -offset}
    return ngettext("%(days)d day after", "%(days)d days after", offset) % {"days": offset}


def audience_in_words(audience: Audience) -> str:
    """Whom a step is for, in a few words."""
    parts = []
    if audience.least and audience.most is not None:
        bounds = {"least": _amount(audience, audience.least), "most": _amount(audience, audience.most)}
        parts.append(_("bills of %(least)s to %(most)s") % bounds)
    elif audience.least:
        parts.append(_("bills from %(least)s") % {"least": _amount(audience, audience.least)})
    elif audience.most is not None:
        parts.append(_("bills up to %(most)s") % {"most": _amount(audience, audience.most)})
    if audience.currency and not (audience.least or audience.most is not None):
        parts.append(_("bills in %(currency)s") % {"currency": audience.currency})
    if audience.language:
        parts.append(_("readers of Chinese") if audience.language == CHINESE else _("readers of English"))
    return ", ".join(parts) or pgettext("audience", "everybody")


def _amount(audience: Audience, amount: Decimal) -> str:
    return amount_text(amount, currency=audience.currency)


def _shown(step: Step, template: MessageTemplate | None, simulated: Simulated | None) -> StepShown:
    return StepShown(
        name=step.id,
        when=when_in_words(step.offset),
        time=f"{clock_of(step.at)}–{clock_of(step.until)}",
        channels=" → ".join(str(CHANNEL_LABELS[channel]) for channel in step.channels),
        template=step.template,
        template_title=template.title if template else step.template,
        template_url=reverse("outreach:template", args=[template.pk]) if template else "",
        audience=audience_in_words(step.audience),
        stops=", ".join(str(STOP_LABELS[each]) for each in StopCondition if each in step.stops),
        tomorrow=None if simulated is None else simulated.outcome.by_step[step.id],
        is_late=step.offset > 0,
    )


def _said(step: StepShown) -> dict[str, str]:
    """A step in words, by what each field is called."""
    return {
        _("When"): step.when,
        _("Time of the borrower's day"): step.time,
        _("Channels in their order"): step.channels,
        _("Template"): step.template_title,
        _("For whom"): step.audience,
        _("Stopped by"): step.stops,
    }


def _times(minutes: tuple[int, ...]) -> str:
    return ", ".join(clock_of(minute) for minute in minutes) or "–"


def _places(offsets: list[int]) -> dict[int, Decimal]:
    """Where each day with something on it begins, in days' widths; days between are drawn narrow."""
    places = {offsets[0]: Decimal(0)}
    for before, after in pairwise(offsets):
        places[after] = places[before] + 1 + GAP * min(after - before - 1, MOST_GAPS)
    return places


def _levels(middles: list[Decimal]) -> list[int]:
    """A height for each label, the lowest at which it keeps clear of its neighbours."""
    last: list[Decimal] = []
    levels = []
    for middle in middles:
        level = next((number for number, taken in enumerate(last) if middle - taken >= NEAR), len(last))
        last[level : level + 1] = [middle]
        levels.append(level)
    return levels


def _day(offset: int) -> str:
    return _("due date") if offset == 0 else f"D{offset:+d}".replace("-", "−")
