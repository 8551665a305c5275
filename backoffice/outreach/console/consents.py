"""Panels that write down what a borrower says about being reached; each shows what the gate will say afterwards."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import date, datetime, time, timedelta
from typing import Any, ClassVar
from zoneinfo import ZoneInfo

from django.conf import settings
from django.http import Http404, HttpRequest
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from backoffice.calendars import clock
from backoffice.core.actors import Actor
from backoffice.core.confirm import ConfirmForm, Consequence, Line, Text
from backoffice.core.formats import date_text
from backoffice.customers.models import Borrower
from backoffice.customers.selectors import borrower_ids_of
from backoffice.outreach.console.consent_forms import CallbackForm, GiveForm, OptOutForm, PlaceForm, SaidForm, TimesForm
from backoffice.outreach.console.contact_reading import CHANNELS, PURPOSES
from backoffice.outreach.console.of_borrower import OutreachVerb, chosen, endpoints_of
from backoffice.outreach.domain.channels import Channel
from backoffice.outreach.domain.verdicts import Wanted
from backoffice.outreach.models import ConsentEntry, PreferenceEntry
from backoffice.outreach.models.contacts import CHANNEL_LABELS, PURPOSE_LABELS
from backoffice.outreach.selectors.consent_history import DAYS, channel_in_words, times_in_words
from backoffice.outreach.selectors.inspecting import Endpoint, best_endpoint, zones_of
from backoffice.outreach.services import consents
from backoffice.outreach.services.foreseeing import verdicts_around


class ConsentVerb(OutreachVerb):
    """Something the borrower said about a channel or a contact point."""

    permission = "outreach.consent.edit"
    form_class: ClassVar[type[ConfirmForm]] = PlaceForm
    nothing_changes: ClassVar[Text] = gettext_lazy("What the gate allows now stays as it is.")

    def form_options(self, *, subject: Any) -> dict[str, Any]:
        """Their contact points."""
        return {"endpoints": endpoints_of(subject)}

    def initial(self, *, subject: Any) -> dict[str, Any]:
        """On the phone, as most say it."""
        return {"source": "call"}

    def say(self, *, subject: Any, values: Mapping[str, Any], actor: Actor, at: datetime) -> object:
        """The one call of the service."""
        raise NotImplementedError

    def seen_at(self, *, values: Mapping[str, Any], at: datetime) -> datetime:
        """The instant the gate is asked for before and after."""
        return at

    def lines(self, *, subject: Any, values: Mapping[str, Any]) -> tuple[Line, ...]:
        """What is written down, where it needs saying."""
        return ()

    def foresee(self, *, subject: Any, values: Mapping[str, Any], actor: Actor) -> Consequence:
        """What the gate says before and after, wherever that changes."""
        at = clock.now()
        wanted = contacts_with(subject, at=self.seen_at(values=values, at=at))
        spoken = dict(values) | {"reason": values.get("reason") or "-"}
        before, after = verdicts_around(
            verb=lambda: self.say(subject=subject, values=spoken, actor=actor, at=at), wanted=wanted
        )
        words = {True: _("allowed"), False: _("denied")}
        changed = tuple(
            Line(
                f"{CHANNEL_LABELS[each.channel]}, {PURPOSE_LABELS[each.purpose]}",
                words[now.is_allowed],
                before=words[was.is_allowed],
                tone="good" if now.is_allowed else "danger",
            )
            for each, was, now in zip(wanted, before, after, strict=True)
            if was.is_allowed != now.is_allowed
        )
        lines = (*self.lines(subject=subject, values=values), *changed)
        return Consequence(lines=lines, warnings=() if changed else (self.nothing_changes,))

    def perform(self, *, subject: Any, values: Mapping[str, Any], actor: Actor, key: str) -> Text:
        """Writes it down."""
        self.say(subject=subject, values=values, actor=actor, at=clock.now())
        return gettext_lazy("It is written down and counts from now on.")


class OptOut(ConsentVerb):
    """The borrower wants not to be reached: anywhere, on a channel, at a number."""

    title: ClassVar[Text] = gettext_lazy("Opt out")
    verb: ClassVar[Text] = gettext_lazy("Opt out")
    costly = True
    form_class = OptOutForm

    def say(self, *, subject: Any, values: Mapping[str, Any], actor: Actor, at: datetime) -> object:
        """Stops it at once."""
        return consents.opt_out(
            borrower_id=subject.pk,
            channel=_channel(values),
            endpoint_id=values["endpoint_id"],
            is_marketing_only=values["is_marketing_only"],
            source=values["source"],
            evidence=values["reason"],
            actor=actor,
            at=at,
        )


class OptIn(ConsentVerb):
    """The borrower takes opt-outs of a channel or a number back."""

    title: ClassVar[Text] = gettext_lazy("Opt in again")
    verb: ClassVar[Text] = gettext_lazy("Opt in")

    def say(self, *, subject: Any, values: Mapping[str, Any], actor: Actor, at: datetime) -> object:
        """Opens what it closed."""
        return consents.opt_in(
            borrower_id=subject.pk,
            channel=_channel(values),
            endpoint_id=values["endpoint_id"],
            source=values["source"],
            evidence=values["reason"],
            actor=actor,
            at=at,
        )


class GiveConsent(ConsentVerb):
    """The borrower agrees to be reached on a channel."""

    title: ClassVar[Text] = gettext_lazy("Give consent")
    verb: ClassVar[Text] = gettext_lazy("Write down")
    form_class = GiveForm

    def say(self, *, subject: Any, values: Mapping[str, Any], actor: Actor, at: datetime) -> object:
        """Permits what needs consent."""
        return consents.give_consent(
            borrower_id=subject.pk,
            channel=Channel(values["channel"]),
            endpoint_id=values["endpoint_id"],
            ends_at=_end_of(values["last"], subject=subject) if values["last"] else None,
            source=values["source"],
            evidence=values["reason"],
            actor=actor,
            at=at,
        )


class AgreeCallback(ConsentVerb):
    """The borrower asks to be called at a time."""

    title: ClassVar[Text] = gettext_lazy("Agree a call back")
    verb: ClassVar[Text] = gettext_lazy("Agree")
    form_class = CallbackForm
    nothing_changes = gettext_lazy("The gate would say the same at that time without it.")

    def form_options(self, *, subject: Any) -> dict[str, Any]:
        """Their numbers, and the places they may be."""
        zones = _zones(subject)
        points = subject.contact_points.filter(ended_at__isnull=True, kind="phone").order_by("-is_primary", "pk")
        return {"endpoints": [(point.pk, point.masked) for point in points], "zones": zones}

    def seen_at(self, *, values: Mapping[str, Any], at: datetime) -> datetime:
        """The agreed time."""
        return max(at, _starts_at(values))

    def lines(self, *, subject: Any, values: Mapping[str, Any]) -> tuple[Line, ...]:
        """The agreed time."""
        agreed = f"{date_text(values['day'])} {values['from_time']:%H:%M}–{values['to_time']:%H:%M} {values['zone']}"
        return (Line(_("Agreed time"), agreed, total=True),)

    def say(self, *, subject: Any, values: Mapping[str, Any], actor: Actor, at: datetime) -> object:
        """Lets calls through that time, whatever the hours and caps that yield to it."""
        ends_at = datetime.combine(values["day"], values["to_time"], tzinfo=ZoneInfo(values["zone"]))
        return consents.agree_callback(
            borrower_id=subject.pk,
            starts_at=_starts_at(values),
            ends_at=ends_at,
            endpoint_id=values["endpoint_id"],
            source=values["source"],
            evidence=values["reason"],
            actor=actor,
            at=at,
        )


class PreferTimes(ConsentVerb):
    """The borrower names times they want to be reached at, or not."""

    title: ClassVar[Text] = gettext_lazy("Preferred times")
    verb: ClassVar[Text] = gettext_lazy("Write down")
    form_class = TimesForm

    def form_options(self, *, subject: Any) -> dict[str, Any]:
        """Nothing of theirs."""
        return {}

    def initial(self, *, subject: Any) -> dict[str, Any]:
        """Working hours of every day."""
        days = [str(day) for day in DAYS]
        return {"source": "call", "kind": "only", "days": days, "from_time": time(9), "to_time": time(18)}

    def lines(self, *, subject: Any, values: Mapping[str, Any]) -> tuple[Line, ...]:
        """The times, in words."""
        kind = str(PreferenceEntry.Kind(values["kind"]).label)
        return (Line(kind, times_in_words(**_times(values)), total=True),)

    def say(self, *, subject: Any, values: Mapping[str, Any], actor: Actor, at: datetime) -> object:
        """Keeps to them from now on."""
        return consents.prefer_times(
            borrower_id=subject.pk,
            is_only=values["kind"] == PreferenceEntry.Kind.ONLY,
            channel=_channel(values),
            source=values["source"],
            note=values["reason"],
            actor=actor,
            at=at,
            **_times(values),
        )


class TakeBack(ConsentVerb):
    """The borrower takes back what they said: an opt-out is opened again, a consent or an agreed call ends."""

    title: ClassVar[Text] = gettext_lazy("Take back")
    verb: ClassVar[Text] = gettext_lazy("Take back")
    form_class = SaidForm
    entry: ConsentEntry

    def load(self, *, request: HttpRequest, **address: Any) -> Borrower:
        """The borrower, with what they said at hand."""
        borrower = super().load(request=request, **address)
        entry = ConsentEntry.objects.filter(
            pk=address["entry_id"],
            borrower_id__in=borrower_ids_of(borrower_id=borrower.pk),
            kind__in=("consent", "callback", "opt_out"),
        ).first()
        if entry is None:
            raise Http404
        self.entry = entry
        return borrower

    def form_options(self, *, subject: Any) -> dict[str, Any]:
        """Nothing to choose from."""
        return {}

    def subject_line(self, *, subject: Any) -> str:
        """What was said."""
        said = f"{self.entry.get_kind_display()}, {channel_in_words(self.entry)}"
        return f"{super().subject_line(subject=subject)}: {said}"

    def say(self, *, subject: Any, values: Mapping[str, Any], actor: Actor, at: datetime) -> object:
        """Takes everything of the same scope back."""
        undo = consents.opt_in if self.entry.kind == ConsentEntry.Kind.OPT_OUT else consents.revoke_consent
        return undo(
            borrower_id=subject.pk,
            channel=Channel(self.entry.channel) if self.entry.channel else None,
            endpoint_id=self.entry.endpoint_id,
            source=values["source"],
            evidence=values["reason"],
            actor=actor,
            at=at,
        )


class EndPreference(ConsentVerb):
    """The borrower takes a preferred time back."""

    title: ClassVar[Text] = gettext_lazy("Take a preferred time back")
    verb: ClassVar[Text] = gettext_lazy("Take back")
    form_class = SaidForm
    wish: PreferenceEntry

    def load(self, *, request: HttpRequest, **address: Any) -> Borrower:
        """The borrower, with the preference at hand."""
        borrower = super().load(request=request, **address)
        wish = (
            PreferenceEntry.objects.filter(
                pk=address["preference_id"],
                borrower_id__in=borrower_ids_of(borrower_id=borrower.pk),
                ended_by__isnull=True,
            )
            .exclude(kind=PreferenceEntry.Kind.ENDED)
            .first()
        )
        if wish is None:
            raise Http404
        self.wish = wish
        return borrower

    def form_options(self, *, subject: Any) -> dict[str, Any]:
        """Nothing to choose from."""
        return {}

    def say(self, *, subject: Any, values: Mapping[str, Any], actor: Actor, at: datetime) -> object:
        """Counts no more."""
        return consents.end_preference(
            preference_id=self.wish.pk, source=values["source"], note=values["reason"], actor=actor, at=at
        )


def contacts_with(subject: Borrower, *, at: datetime) -> list[Wanted]:
    """The contacts a change is judged on: every channel of the panel for every purpose of it."""
    points = [
        Endpoint(point.pk, point.kind, point.masked, point.quality, point.is_primary)
        for point in subject.contact_points.filter(ended_at__isnull=True)
    ]
    best = {channel: best_endpoint(channel=channel, endpoints=points) for channel in CHANNELS}
    first = Wanted(borrower_id=subject.pk, channel=CHANNELS[0], purpose=PURPOSES[0], at=at)
    return [
        replace(first, channel=channel, purpose=purpose, endpoint_id=point.id if point else None)
        for channel, point in best.items()
        for purpose in PURPOSES
    ]


def _zones(subject: Borrower) -> list[str]:
    """The places they may be; the lender's when nobody knows."""
    return list(zones_of(borrower_id=subject.pk, at=clock.now())) or [settings.LENDER_TIME_ZONE]


def _end_of(day: date, *, subject: Borrower) -> datetime:
    return datetime.combine(day + timedelta(days=1), time(), tzinfo=ZoneInfo(_zones(subject)[0]))


def _channel(values: Mapping[str, Any]) -> Channel | None:
    named = chosen(values, "channel")
    return Channel(named) if named else None


def _starts_at(values: Mapping[str, Any]) -> datetime:
    return datetime.combine(values["day"], values["from_time"], tzinfo=ZoneInfo(values["zone"]))


def _times(values: Mapping[str, Any]) -> dict[str, Any]:
    ends = values["to_time"]
    return {
        "days": tuple(sorted(int(day) for day in values["days"])),
        "from_minute": values["from_time"].hour * 60 + values["from_time"].minute,
        "to_minute": ends.hour * 60 + ends.minute or 1440,
    }
