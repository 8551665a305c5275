"""The autopay manager: the slots of a day, how they go, and the verbs that stop and go."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any, ClassVar

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext

from backoffice.calendars import clock
from backoffice.calendars.selectors import business_date
from backoffice.core import formats
from backoffice.core.access import may, requires
from backoffice.core.actors import Actor
from backoffice.core.confirm import ConfirmView, Consequence, Line, Text
from backoffice.core.errors import Refusal
from backoffice.core.http import refused
from backoffice.repayment.console.autopay.board import CUTS, OfTheMoment, cut_tabs, part_rows
from backoffice.repayment.models import AutopaySwitch, DebitBatch
from backoffice.repayment.selectors.autopay.active_rates import active_rates
from backoffice.repayment.selectors.autopay.board import (
    STOPPABLE,
    TO_CANCEL,
    SlotRow,
    Waiting,
    batch_name,
    bills_of_day,
    slot_to_begin,
    slots_of_day,
    standing,
    visible_batches,
    waiting_of,
)
from backoffice.repayment.selectors.autopay.rates import Cut, debit_rates, visible_versions
from backoffice.repayment.services.autopay import switching
from backoffice.repayment.services.autopay.building import begin_now
from backoffice.staff.access import person_of, within_of


@requires("repayment.autopay.view")
def manager(request: HttpRequest) -> HttpResponse:
    """The slots of a day (`day`, else the business date) and its success rates, cut by what `cut` names."""
    try:
        today = business_date()
    except Refusal as refusal:
        return refused(request, refusal=refusal)
    day, cut = _day_asked(request, today), _cut_asked(request)
    versions = visible_versions(user=person_of(request))
    span: dict[str, Any] = {"from_day": day, "through_day": day, "versions": versions}
    slots = slots_of_day(day=day, versions=versions)
    context = {
        "day": day,
        "is_today": day == today,
        "slots": [(row, _work(row)) for row in slots],
        "planned": bills_of_day(day=day, versions=versions),
        "whole": debit_rates(cut=Cut.WHOLE, **span),
        "of_due_date": {part.currency: part.counts for part in debit_rates(cut=Cut.WHOLE, first_day=True, **span)},
        "parts": part_rows(debit_rates(cut=cut, **span), cut=cut, day=day),
        "active": active_rates(from_day=day, through_day=day, portfolios=within_of(request)),
        "cut": CUTS[cut],
        "is_family": cut is Cut.FAMILY,
        "tabs": cut_tabs(chosen=cut, day=day),
        "may_run": may(request, "repayment.autopay.run"),
        "may_stop": may(request, "repayment.autopay.stop"),
        "may_start": may(request, "repayment.autopay.start"),
        "close_url": reverse("dayend:runs") if may(request, "dayend.run.view") else "",
        "is_stopped": standing(user=person_of(request)).switch.is_stopped,
    }
    return render(request, "repayment/autopay/manager.html", context)


@requires("repayment.autopay.view")
def progress(request: HttpRequest, batch_id: int) -> HttpResponse:
    """How far a running batch is, asked for again every second; the whole page once its state is another."""
    batch = visible_batches(user=person_of(request)).filter(pk=batch_id).first()
    if batch is None:
        raise Http404
    response = render(request, "console/_progress.html", {"work": _work_of(batch, waiting_of(batch_ids=[batch.pk]))})
    if batch.state not in STOPPABLE:
        response.headers["HX-Refresh"] = "true"
    return response


def _work(row: SlotRow) -> dict[str, Any] | None:
    """The progress bar of a slot that has begun."""
    if row.batch is None:
        return None
    waiting = Waiting(row.states.get("planned", 0), {}, row.states.get("submitted", 0) + row.states.get("unknown", 0))
    return _work_of(row.batch, waiting)


def _work_of(batch: DebitBatch, waiting: Waiting) -> dict[str, Any]:
    done = max(batch.commands - waiting.planned - waiting.in_flight, 0)
    is_at_work = batch.state in STOPPABLE
    note = _("%(count)s under way") % {"count": formats.count_text(waiting.in_flight)} if waiting.in_flight else ""
    return {
        "label": _("Debits known"),
        "done": done,
        "total": batch.commands,
        "note": note,
        "poll_url": reverse("repayment:batch_progress", args=[batch.pk]) if is_at_work else "",
    }


def _day_asked(request: HttpRequest, today: date) -> date:
    try:
        return date.fromisoformat(request.GET["day"]) if request.GET.get("day") else today
    except ValueError as error:
        raise Http404 from error


def _cut_asked(request: HttpRequest) -> Cut:
    asked = request.GET.get("cut", Cut.BANK.value)
    if asked not in {cut.value for cut in CUTS}:
        raise Http404
    return Cut(asked)


class AutopayVerb(ConfirmView):
    """What the verbs of autopay have in common."""

    def back_url(self, *, subject: Any) -> str:
        """The autopay manager."""
        return reverse("repayment:autopay")


class BatchVerb(AutopayVerb):
    """What the verbs of a batch have in common."""

    permission = "repayment.autopay.run"
    allowed: ClassVar[frozenset[DebitBatch.State]]

    def load(self, *, request: HttpRequest, **address: Any) -> DebitBatch:
        """The batch, if the person may see it and it may be done. Raises Http404."""
        batch = visible_batches(user=person_of(request)).filter(pk=address["batch_id"]).first()
        if batch is None or batch.state not in self.allowed:
            raise Http404
        return batch

    def subject_line(self, *, subject: Any) -> str:
        """Its configuration, slot and day."""
        return batch_name(subject)


class PauseBatch(BatchVerb):
    """Lets no further debit of a batch out."""

    title: ClassVar[Text] = gettext_lazy("Pause the batch")
    verb: ClassVar[Text] = gettext_lazy("Pause")
    allowed = frozenset({DebitBatch.State.RUNNING})

    def foresee(self, *, subject: Any, values: Mapping[str, Any], actor: Actor) -> Consequence:
        """How many debits wait then, and that those under way are answered."""
        waiting = waiting_of(batch_ids=[subject.pk])
        return OfTheMoment(
            lines=_lines_of(waiting, label=_("Debits that stay behind")),
            warnings=(
                _("Debits under way are answered and booked. The others wait until the batch is resumed."),
                _ends_at(subject),
            ),
        )

    def perform(self, *, subject: Any, values: Mapping[str, Any], actor: Actor, key: str) -> Text:
        """Pauses it."""
        switching.pause_batch(batch_id=subject.pk, reason=values["reason"], at=clock.now(), actor=actor)
        return _("The batch is paused.")


class ResumeBatch(BatchVerb):
    """Lets a paused batch go on."""

    title: ClassVar[Text] = gettext_lazy("Resume the batch")
    verb: ClassVar[Text] = gettext_lazy("Resume")
    allowed = frozenset({DebitBatch.State.PAUSED})

    def foresee(self, *, subject: Any, values: Mapping[str, Any], actor: Actor) -> Consequence:
        """Why it was paused, and how many debits leave."""
        waiting = waiting_of(batch_ids=[subject.pk])
        because = Line(_("Paused because"), subject.reason)
        return Consequence(
            lines=(because, *_lines_of(waiting, label=_("Debits that leave"))), warnings=(_ends_at(subject),)
        )

    def perform(self, *, subject: Any, values: Mapping[str, Any], actor: Actor, key: str) -> Text:
        """Resumes it."""
        switching.resume_batch(batch_id=subject.pk, reason=values["reason"], at=clock.now(), actor=actor)
        return _("The batch goes on.")


class CancelBatch(BatchVerb):
    """Drops for good what a batch has not let out."""

    title: ClassVar[Text] = gettext_lazy("Cancel the batch")
    verb: ClassVar[Text] = gettext_lazy("Cancel the batch")
    costly = True
    allowed = TO_CANCEL

    def foresee(self, *, subject: Any, values: Mapping[str, Any], actor: Actor) -> Consequence:
        """How many debits are dropped, and what they would have asked for."""
        waiting = waiting_of(batch_ids=[subject.pk])
        return OfTheMoment(
            lines=_lines_of(waiting, label=_("Debits that are dropped")),
            warnings=(_("This cannot be taken back. A later slot of the day may try the bills again."),),
        )

    def perform(self, *, subject: Any, values: Mapping[str, Any], actor: Actor, key: str) -> Text:
        """Cancels it."""
        dropped = switching.cancel_batch(batch_id=subject.pk, reason=values["reason"], at=clock.now(), actor=actor)
        return _("The batch is cancelled, %(count)s debits were dropped.") % {"count": formats.count_text(dropped)}


@dataclass(frozen=True, slots=True)
class SlotToBegin:
    """A slot of the business day that has not begun, by currency."""

    rows: tuple[SlotRow, ...]

    @property
    def first(self) -> SlotRow:
        """Any of its rows: they differ by currency alone."""
        return self.rows[0]


class BeginSlot(AutopayVerb):
    """Begins a slot of today at once."""

    permission = "repayment.autopay.run"
    title: ClassVar[Text] = gettext_lazy("Begin the slot now")
    verb: ClassVar[Text] = gettext_lazy("Begin now")
    costly = True

    def load(self, *, request: HttpRequest, **address: Any) -> SlotToBegin:
        """The slot with its open bills. Raises Http404."""
        rows = slot_to_begin(
            version_id=address["version_id"],
            slot_id=address["slot"],
            day=business_date(),
            versions=visible_versions(user=person_of(request)),
        )
        if not rows:
            raise Http404
        return SlotToBegin(tuple(rows))

    def subject_line(self, *, subject: Any) -> str:
        """Its configuration and its usual time."""
        row: SlotRow = subject.first
        return _("%(configuration)s, slot %(slot)s, %(from)s to %(until)s") % {
            "configuration": row.version.configuration.name,
            "slot": row.slot,
            "from": row.at,
            "until": row.until,
        }

    def foresee(self, *, subject: Any, values: Mapping[str, Any], actor: Actor) -> Consequence:
        """How many bills are tried, and for how much."""
        lines: list[Line] = []
        for row in subject.rows:
            lines.append(Line(_("Open bills"), row.bills))
            lines.append(Line(_("Left to debit at most"), row.forecast, currency=row.currency, total=True))
        warnings = (
            _("Bills that were tried too often or too short a time ago, or have no agreement, are left out."),
            _("The slot lasts as long as it would at its own time, and does not begin again today."),
        )
        return Consequence(lines=tuple(lines), warnings=warnings)

    def perform(self, *, subject: Any, values: Mapping[str, Any], actor: Actor, key: str) -> Text:
        """Begins it."""
        row: SlotRow = subject.first
        made = begin_now(
            version_id=row.version.pk, slot_id=row.slot, at=clock.now(), reason=values["reason"], actor=actor
        )
        return _("The slot has begun with %(count)s debits.") % {"count": formats.count_text(made)}


@dataclass(frozen=True, slots=True)
class Everything:
    """All that runs, whichever portfolio it is of: the switch knows no portfolios."""

    switch: AutopaySwitch
    batches: tuple[DebitBatch, ...]


class SwitchVerb(AutopayVerb):
    """What stopping and starting all debits have in common."""

    costly = True

    def load(self, *, request: HttpRequest, **address: Any) -> Everything:
        """The switch and the batches that run."""
        running = DebitBatch.objects.filter(state__in=[state.value for state in STOPPABLE])
        return Everything(standing(user=person_of(request)).switch, tuple(running.order_by("pk")))

    def subject_line(self, *, subject: Any) -> str:
        """That it is about everything."""
        return _("all configurations, all rails")


class StopEverything(SwitchVerb):
    """The kill switch."""

    permission = "repayment.autopay.stop"
    title: ClassVar[Text] = gettext_lazy("Stop all debits")
    verb: ClassVar[Text] = gettext_lazy("Stop all debits")

    def foresee(self, *, subject: Any, values: Mapping[str, Any], actor: Actor) -> Consequence:
        """How many batches run, and how many of their debits stay behind."""
        if subject.switch.is_stopped:
            return Consequence(warnings=(_("All debits are stopped already."),))
        waiting = waiting_of(batch_ids=[batch.pk for batch in subject.batches])
        return OfTheMoment(
            lines=(
                Line(_("Batches that run"), len(subject.batches)),
                *_lines_of(waiting, label=_("Debits that stay behind")),
            ),
            warnings=(
                _("No slot begins and no debit leaves until somebody starts autopay again."),
                _("Debits under way are answered and booked."),
            ),
        )

    def perform(self, *, subject: Any, values: Mapping[str, Any], actor: Actor, key: str) -> Text:
        """Stops everything."""
        switching.stop_everything(reason=values["reason"], at=clock.now(), actor=actor)
        return _("All debits are stopped.")


class StartAgain(SwitchVerb):
    """Turns autopay on again."""

    permission = "repayment.autopay.start"
    title: ClassVar[Text] = gettext_lazy("Start autopay again")
    verb: ClassVar[Text] = gettext_lazy("Start again")

    def foresee(self, *, subject: Any, values: Mapping[str, Any], actor: Actor) -> Consequence:
        """Why it was stopped, and how many debits leave as soon as it runs."""
        if not subject.switch.is_stopped:
            return Consequence(warnings=(_("Autopay runs already."),))
        now = clock.now()
        alive = [batch.pk for batch in subject.batches if batch.ends_at > now]
        waiting = waiting_of(batch_ids=alive)
        return Consequence(
            lines=(
                Line(_("Stopped because"), subject.switch.reason),
                Line(pgettext("person", "Stopped by"), subject.switch.actor_name),
                Line(_("Batches that go on"), len(alive)),
                Line(_("Batches whose time is over"), len(subject.batches) - len(alive)),
                *_lines_of(waiting, label=_("Debits that leave")),
            ),
            warnings=(_("Slots whose time has come begin at once."),),
        )

    def perform(self, *, subject: Any, values: Mapping[str, Any], actor: Actor, key: str) -> Text:
        """Starts it."""
        switching.start_again(reason=values["reason"], at=clock.now(), actor=actor)
        return _("Autopay runs again.")


def _lines_of(waiting: Waiting, *, label: Text) -> tuple[Line, ...]:
    amounts: Iterable[Line] = (
        Line(_("They ask for"), amount, currency=currency, total=True) for currency, amount in waiting.amounts.items()
    )
    return (Line(label, waiting.planned), Line(_("Debits under way"), waiting.in_flight), *amounts)


def _ends_at(batch: DebitBatch) -> Text:
    if clock.now() >= batch.ends_at:
        return _("The time of the batch is over: nothing of it leaves any more.")
    return _("What has not left by %(time)s is dropped.") % {"time": formats.moment_text(batch.ends_at, style="time")}
