"""A campaign as its pages show it: what it says in words, what it did, and what it would do tomorrow."""

from collections.abc import Sequence
from typing import Any, Final

from django.utils.translation import get_language, ngettext, pgettext
from django.utils.translation import gettext as _

from backoffice.calendars.selectors import business_date
from backoffice.core.formats import amount_text, count_text, date_text, percent_text
from backoffice.outreach.domain.campaigns import CampaignContent
from backoffice.outreach.domain.plan_content import clock_of
from backoffice.outreach.domain.variables import fault_in, shown
from backoffice.outreach.models.contacts import CHANNEL_LABELS, PURPOSE_LABELS
from backoffice.outreach.selectors.campaigns import CampaignDayLine
from backoffice.outreach.selectors.pack_words import WEEKDAYS
from backoffice.outreach.selectors.packs import packs_in_force
from backoffice.outreach.selectors.rule_words import rule_said
from backoffice.outreach.services.campaigns import CampaignSimulated
from backoffice.repayment.console.campaigns.states import COUNT_LABELS, FULL_LABELS, GIVEN_LABELS, OUTCOME_LABELS

WHOLE_WEEK: Final = 7


def facts_of(content: CampaignContent) -> list[tuple[str, str]]:
    """What a campaign says, label and text, in the order people ask for it."""
    given = ", ".join(f"{GIVEN_LABELS[name]} {_as_read(name, value)}" for name, value in content.values.items())
    facts = [
        (_("Purpose"), str(PURPOSE_LABELS[content.purpose])),
        (_("Template"), content.template),
        (_("Channels in their order"), ", ".join(str(CHANNEL_LABELS[channel]) for channel in content.channels)),
        (_("Filled in"), given),
        (pgettext("campaign", "Days"), f"{date_text(content.first_day)} – {date_text(content.last_day)}"),
        (_("Days of the week"), weekdays_text(content)),
        (_("Time of the borrower's day"), f"{clock_of(content.at)}–{clock_of(content.until)}"),
        (_("To one borrower"), _each_text(content)),
        (_("Messages in all at most"), count_text(content.cap)),
        (pgettext("campaign", "Budget"), amount_text(content.budget, currency=content.currency)),
        (_("Left alone to compare with"), percent_text(content.holdout, bare=True)),
        (pgettext("campaign", "Judged by"), outcome_text(content)),
    ]
    return [(label, text) for label, text in facts if text]


def outcome_text(content: CampaignContent) -> str:
    """What it is judged by, and within how long."""
    return ngettext("%(outcome)s within %(days)d day", "%(outcome)s within %(days)d days", content.outcome_days) % {
        "outcome": OUTCOME_LABELS[content.outcome],
        "days": content.outcome_days,
    }


def weekdays_text(content: CampaignContent) -> str:
    """The days of the week; every day in one word."""
    if len(content.weekdays) == WHOLE_WEEK:
        return _("every day")
    return ", ".join(str(WEEKDAYS[day]) for day in sorted(content.weekdays))


def kept_out(counts: dict[str, int]) -> list[tuple[str, int]]:
    """What kept borrowers out of a day, in words."""
    return [(str(COUNT_LABELS[name]), counts[name]) for name in COUNT_LABELS if counts.get(name)]


def day_context(line: CampaignDayLine) -> dict[str, Any]:
    """A planned day as a row shows it."""
    return {"line": line, "kept_out": kept_out(line.counts), "full": FULL_LABELS.get(line.full, "")}


def rules_of(blocked: Sequence[tuple[str, int]]) -> list[tuple[str, str, int]]:
    """Id, sentence and count of the rules that keep messages back."""
    if not blocked:
        return []
    packs = packs_in_force(on=business_date())
    return [(rule, rule_said(rule_id=rule, packs=packs).says, count) for rule, count in blocked]


def simulation_context(found: CampaignSimulated, content: CampaignContent) -> dict[str, Any]:
    """A simulation as its panel shows it."""
    return {
        "simulated": found,
        "channels": [(CHANNEL_LABELS[channel], found.day.by_channel[channel]) for channel in content.channels],
        "blocked": rules_of(found.weighed.blocked.most_common()),
        "kept_out": kept_out(found.day.counts),
        "full": FULL_LABELS.get(found.day.full, ""),
        "currency": content.currency,
        "content": content,
    }


def _as_read(name: str, value: str) -> str:
    """A value as whoever is written to in the reader's language reads it; as it is where nobody could."""
    return value if fault_in(name, value) else shown(name, value, language=get_language() or "")


def _each_text(content: CampaignContent) -> str:
    often = ngettext(
        "at most %(most)d message, and one in %(every)s",
        "at most %(most)d messages, and one in %(every)s",
        content.most_each,
    )
    every = ngettext("%(days)d day", "%(days)d days", content.every_days) % {"days": content.every_days}
    return often % {"most": content.most_each, "every": every}
