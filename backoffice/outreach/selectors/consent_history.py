"""What a borrower agreed to, refused and prefers, newest first, with how each stands now."""

from dataclasses import dataclass
from datetime import datetime, time
from typing import Final

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from backoffice.core import tones
from backoffice.customers.selectors import borrower_ids_of
from backoffice.outreach.domain.consents import Standing, Word, standings
from backoffice.outreach.models import ConsentEntry, PreferenceEntry
from backoffice.outreach.selectors.contact_log import endpoints_masked

FAMILY: Final = "outreach.consent"
STANDING_LABELS: Final = {
    Standing.IN_FORCE: gettext_lazy("in force"),
    Standing.OVER: gettext_lazy("over"),
    Standing.TAKEN_BACK: gettext_lazy("taken back"),
    Standing.SAID: gettext_lazy("said"),
}
tones.declare(
    FAMILY,
    {
        Standing.IN_FORCE: (STANDING_LABELS[Standing.IN_FORCE], "good"),
        Standing.OVER: (STANDING_LABELS[Standing.OVER], "neutral"),
        Standing.TAKEN_BACK: (STANDING_LABELS[Standing.TAKEN_BACK], "neutral"),
        Standing.SAID: (STANDING_LABELS[Standing.SAID], "neutral"),
    },
)
SOURCES: Final = {
    "call": gettext_lazy("on the phone"),
    "sms": gettext_lazy("by SMS"),
    "email": gettext_lazy("by e-mail"),
    "letter": gettext_lazy("by letter"),
    "app": gettext_lazy("in the app"),
    "in_person": gettext_lazy("in person"),
}
"""How a borrower says something to a person."""
OF_MACHINES: Final = {
    "reply": gettext_lazy("in reply to a message"),
    "carrier": gettext_lazy("to the carrier"),
}
"""How a gateway tells what a borrower said; further sources read as themselves."""
DAYS: Final = {
    1: gettext_lazy("Mon"),
    2: gettext_lazy("Tue"),
    3: gettext_lazy("Wed"),
    4: gettext_lazy("Thu"),
    5: gettext_lazy("Fri"),
    6: gettext_lazy("Sat"),
    7: gettext_lazy("Sun"),
}
MINUTES_OF_A_DAY: Final = 1440


@dataclass(frozen=True, slots=True)
class Said:
    """One thing a borrower said; times in the lender's zone for whoever reads the list."""

    id: int
    kind: str
    kind_label: str
    standing: Standing
    channel: str
    channel_label: str
    endpoint_id: int | None
    endpoint: str
    scope: str
    starts_at: datetime | None
    ends_at: datetime | None
    source: str
    source_label: str
    evidence: str
    by: str
    at: datetime

    @property
    def can_be_taken_back(self) -> bool:
        """True while it is in force."""
        return self.standing is Standing.IN_FORCE


@dataclass(frozen=True, slots=True)
class Wish:
    """Times a borrower prefers, at their own place."""

    id: int
    kind: str
    kind_label: str
    channel: str
    channel_label: str
    days: tuple[int, ...]
    from_minute: int
    to_minute: int
    times: str
    source: str
    source_label: str
    note: str
    by: str
    at: datetime
    is_in_force: bool
    ended_by: str
    ended_at: datetime | None


def consents_of(*, borrower_id: int, at: datetime) -> list[Said]:
    """Everything a person said about being reached, merged records included; three queries."""
    entries = list(
        ConsentEntry.objects.filter(borrower_id__in=borrower_ids_of(borrower_id=borrower_id)).order_by("-pk")
    )
    stand = standings(
        [Word(row.pk, row.kind, row.channel, row.endpoint_id, row.scope, row.ends_at) for row in entries], at=at
    )
    masked = endpoints_masked(entries)
    return [
        Said(
            id=row.pk,
            kind=row.kind,
            kind_label=str(row.get_kind_display()),
            standing=stand[row.pk],
            channel=row.channel,
            channel_label=channel_in_words(row),
            endpoint_id=row.endpoint_id,
            endpoint=masked.get(row.endpoint_id or 0, ""),
            scope=row.scope,
            starts_at=row.starts_at,
            ends_at=row.ends_at,
            source=row.source,
            source_label=str((SOURCES | OF_MACHINES).get(row.source, row.source)),
            evidence=row.evidence,
            by=row.actor_name,
            at=row.at,
        )
        for row in entries
    ]


def preferences_of(*, borrower_id: int) -> list[Wish]:
    """The times a person prefers, merged records included; two queries."""
    entries = PreferenceEntry.objects.filter(borrower_id__in=borrower_ids_of(borrower_id=borrower_id))
    wishes = entries.exclude(kind=PreferenceEntry.Kind.ENDED).select_related("ended_by").order_by("-pk")
    return [_wish(row) for row in wishes]


def channel_in_words(row: ConsentEntry | PreferenceEntry) -> str:
    """The channel something was said of."""
    return str(row.get_channel_display()) if row.channel else _("every channel")


def times_in_words(*, days: tuple[int, ...], from_minute: int, to_minute: int) -> str:
    """Times of a week: `Mon, Tue 09:00–12:00`, every day by its word."""
    named = _("every day") if len(days) == len(DAYS) else ", ".join(str(DAYS[day]) for day in days)
    return f"{named} {_clock(from_minute)}–{_clock(to_minute)}"


def _clock(minute: int) -> str:
    return "24:00" if minute == MINUTES_OF_A_DAY else time(minute // 60, minute % 60).strftime("%H:%M")


def _wish(row: PreferenceEntry) -> Wish:
    ending: PreferenceEntry | None = getattr(row, "ended_by", None)
    days = tuple(row.days)
    return Wish(
        id=row.pk,
        kind=row.kind,
        kind_label=str(row.get_kind_display()),
        channel=row.channel,
        channel_label=channel_in_words(row),
        days=days,
        from_minute=row.from_minute,
        to_minute=row.to_minute,
        times=times_in_words(days=days, from_minute=row.from_minute, to_minute=row.to_minute),
        source=row.source,
        source_label=str((SOURCES | OF_MACHINES).get(row.source, row.source)),
        note=row.note,
        by=row.actor_name,
        at=row.at,
        is_in_force=ending is None,
        ended_by=ending.actor_name if ending else "",
        ended_at=ending.at if ending else None,
    )
