"""The verbs of a version of a reminder plan as confirm panels: submit, take back, call off, roll back, put back."""

from collections.abc import Mapping
from datetime import UTC, date
from typing import Any

from django.http import Http404, HttpRequest
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from backoffice.audit.models import Approval
from backoffice.calendars import clock
from backoffice.calendars.selectors import business_date
from backoffice.core.actors import Actor
from backoffice.core.confirm import ConfirmForm, ConfirmView, Consequence, Line, Text
from backoffice.core.fields import DayField
from backoffice.core.formats import date_text
from backoffice.core.money import ZERO
from backoffice.outreach.domain.plan_content import PlanFaulty
from backoffice.outreach.domain.reminder_states import PlanState
from backoffice.outreach.models import Message, ReminderPlanVersion
from backoffice.outreach.models.contacts import CHANNEL_LABELS
from backoffice.outreach.selectors.packs import packs_in_force
from backoffice.outreach.selectors.rule_words import rule_said
from backoffice.outreach.services import reminder_publishing
from backoffice.outreach.services.reminders import Simulated, as_active
from backoffice.repayment.console.reminders import version_or_404
from backoffice.repayment.services.reminder_asking import ask_to_publish, simulate_version
from backoffice.repayment.services.reminders import day_after, simulate_reminders


class SubmitForm(ConfirmForm):
    """From when the version plans the messages."""

    effective_from = DayField(label=gettext_lazy("In force from"))
    field_order = ("effective_from",)


class PlanVerb(ConfirmView):
    """What the verbs of a version have in common."""

    permission = "outreach.plan.edit"
    states: tuple[PlanState, ...] = ()

    def load(self, *, request: HttpRequest, **address: Any) -> ReminderPlanVersion:
        """The version, in a state the verb is for. Raises Http404."""
        found = version_or_404(request, address["version_id"])
        if found.state not in self.states:
            raise Http404
        return found

    def back_url(self, *, subject: Any) -> str:
        """The page of the version."""
        return reverse("repayment:reminder_version", args=[subject.pk])

    def subject_line(self, *, subject: Any) -> str:
        """The plan and the number of the version."""
        return _("%(plan)s, version %(number)s") % {"plan": subject.plan.title, "number": subject.number}


class SubmitPlan(PlanVerb):
    """Asks a second person; shows what it would do to tomorrow's real book, beside the version in force."""

    title, verb = gettext_lazy("Submit for approval"), gettext_lazy("Ask for approval")
    form_class = SubmitForm
    wide = True
    states = (PlanState.DRAFT,)

    def initial(self, *, subject: Any) -> dict[str, Any]:
        """Tomorrow."""
        return {"effective_from": day_after(business_date())}

    def foresee(self, *, subject: Any, values: Mapping[str, Any], actor: Actor) -> Consequence | None:
        """Messages of tomorrow by channel, and what the gate would stop. Raises PlanFirstDayRefused, PlanRefused."""
        reminder_publishing.check_first_day(first_day=values["effective_from"])
        return Consequence(
            lines=consequence_lines(subject),
            approval=_("A compliance officer, an administrator or a team lead decides. It starts on %(day)s.")
            % {"day": date_text(values["effective_from"])},
        )

    def perform(self, *, subject: Any, values: Mapping[str, Any], actor: Actor, key: str) -> Text:
        """Submits it."""
        ask_to_publish(version_id=subject.pk, actor=actor, **values)
        return _("Version %(number)s waits for approval.") % {"number": subject.number}


class TakeBackPlan(PlanVerb):
    """The version becomes a draft again; a request that waits is withdrawn."""

    title, verb = gettext_lazy("Take back"), gettext_lazy("Make it a draft again")
    states = (PlanState.SUBMITTED,)

    def perform(self, *, subject: Any, values: Mapping[str, Any], actor: Actor, key: str) -> Text:
        """Takes it back."""
        reminder_publishing.take_back(version_id=subject.pk, reason=values["reason"], actor=actor)
        return _("Version %(number)s is a draft again.") % {"number": subject.number}


class RetirePlan(PlanVerb):
    """No message is planned by it any more; what is planned already is stopped."""

    title, verb = gettext_lazy("Take out of force"), gettext_lazy("Take out of force")
    costly = True
    states = (PlanState.ACTIVE,)

    def foresee(self, *, subject: Any, values: Mapping[str, Any], actor: Actor) -> Consequence | None:
        """What is stopped, and who is left without a plan."""
        return Consequence(
            lines=(Line(_("Planned messages that are stopped"), _planned(subject), tone="warn", total=True),),
            warnings=(_("Nobody is reminded by this plan until another version is in force."),),
        )

    def perform(self, *, subject: Any, values: Mapping[str, Any], actor: Actor, key: str) -> Text:
        """Takes it out, and stops what it has planned."""
        reminder_publishing.retire_version(version_id=subject.pk, reason=values["reason"], actor=actor)
        return _("Version %(number)s is out of force.") % {"number": subject.number}


class DiscardPlan(PlanVerb):
    """A draft that is not wanted, or an approved version that shall not start."""

    title, verb = gettext_lazy("Discard"), gettext_lazy("Discard")
    costly = True
    states = (PlanState.DRAFT, PlanState.APPROVED)

    def foresee(self, *, subject: Any, values: Mapping[str, Any], actor: Actor) -> Consequence | None:
        """Nothing that holds changes."""
        return Consequence(warnings=(_("This version will not start. What is in force does not change."),))

    def perform(self, *, subject: Any, values: Mapping[str, Any], actor: Actor, key: str) -> Text:
        """Discards it."""
        reminder_publishing.retire_version(version_id=subject.pk, reason=values["reason"], actor=actor)
        return _("Version %(number)s is discarded.") % {"number": subject.number}


class PutBack(PlanVerb):
    """A version that was in force before is in force again at once, in place of the one that is."""

    title, verb = gettext_lazy("Put back in force"), gettext_lazy("Put back in force")
    costly = True
    wide = True
    states = (PlanState.RETIRED,)

    def load(self, *, request: HttpRequest, **address: Any) -> ReminderPlanVersion:
        """A version that was in force before. Raises Http404."""
        found = super().load(request=request, **address)
        if not found.was_in_force:
            raise Http404
        return found

    def foresee(self, *, subject: Any, values: Mapping[str, Any], actor: Actor) -> Consequence | None:
        """What it would do tomorrow, beside the version in force. Raises PlanRefused."""
        return Consequence(lines=consequence_lines(subject), warnings=(_still_leave(subject),))

    def perform(self, *, subject: Any, values: Mapping[str, Any], actor: Actor, key: str) -> Text:
        """Puts it back."""
        reminder_publishing.put_back(version_id=subject.pk, reason=values["reason"], actor=actor)
        return _("Version %(number)s is in force again.") % {"number": subject.number}


class RollBack(PlanVerb):
    """The version before the one in force takes its place again, at once."""

    title, verb = gettext_lazy("Roll back"), gettext_lazy("Roll back")
    costly = True
    wide = True
    states = (PlanState.ACTIVE,)

    def load(self, *, request: HttpRequest, **address: Any) -> ReminderPlanVersion:
        """The version in force, with one before it. Raises Http404."""
        found = super().load(request=request, **address)
        if reminder_publishing.version_before(version=found) is None:
            raise Http404
        return found

    def done_url(self, *, subject: Any) -> str:
        """The page of the plan."""
        return reverse("repayment:reminder_plan", args=[subject.plan_id])

    def foresee(self, *, subject: Any, values: Mapping[str, Any], actor: Actor) -> Consequence | None:
        """What the version before would do tomorrow, beside this one. Raises PlanRefused."""
        before = reminder_publishing.version_before(version=subject)
        if before is None:
            raise Http404
        says = _("Version %(before)s is in force again in place of version %(number)s.")
        return Consequence(
            lines=consequence_lines(before),
            warnings=(says % {"before": before.number, "number": subject.number}, _still_leave(subject)),
        )

    def perform(self, *, subject: Any, values: Mapping[str, Any], actor: Actor, key: str) -> Text:
        """Rolls back."""
        before = reminder_publishing.roll_back(version_id=subject.pk, reason=values["reason"], actor=actor)
        return _("Version %(number)s is in force again.") % {"number": before.number}


def picture(approval: Approval) -> Consequence:
    """What agreeing to publish a version would do, as of now. Raises PlanRefused."""
    version = ReminderPlanVersion.objects.select_related("plan").get(pk=approval.payload["version_id"])
    first_day = max(date.fromisoformat(approval.payload["effective_from"]), day_after(business_date()))
    return Consequence(lines=(Line(_("In force from"), first_day), *consequence_lines(version)))


def consequence_lines(version: ReminderPlanVersion) -> tuple[Line, ...]:
    """What the version would do tomorrow, and before it what the one in force would. Raises PlanRefused."""
    tomorrow = day_after(business_date())
    found = simulate_version(version=version, day=tomorrow)
    active = version.plan.versions.filter(state=PlanState.ACTIVE.value).exclude(pk=version.pk).first()
    before = _simulated(active) if active else None
    channels = sorted({*found.outcome.by_channel, *(before.outcome.by_channel if before else ())})
    labels = {channel.value: label for channel, label in CHANNEL_LABELS.items()}
    lines = [
        Line(
            _("Messages tomorrow by %(channel)s") % {"channel": labels[channel]},
            found.outcome.by_channel[channel],
            before=before.outcome.by_channel[channel] if before else None,
        )
        for channel in channels
    ]
    lines.append(
        Line(
            _("Left alone to compare with"), found.outcome.held_out, before=before.outcome.held_out if before else None
        )
    )
    leaving = found.allowed + found.later
    leaving_before = before.allowed + before.later if before else None
    lines.append(Line(_("The gate lets through that day"), leaving, before=leaving_before))
    packs = packs_in_force(on=clock.now().astimezone(UTC).date())
    rules = dict(found.blocked.most_common()) | {
        rule: found.blocked[rule] for rule in (before.blocked if before else ())
    }
    lines += [
        Line(
            _("Stopped by: %(rule)s") % {"rule": rule_said(rule_id=rule, packs=packs).says},
            count,
            before=before.blocked[rule] if before else None,
            tone="warn",
        )
        for rule, count in rules.items()
    ]
    currencies = sorted({*found.cost, *(before.cost if before else ())})
    lines += [
        Line(
            _("Cost"),
            found.cost.get(currency, ZERO),
            currency=currency,
            before=before.cost.get(currency, ZERO) if before else None,
        )
        for currency in currencies
    ]
    return tuple(lines)


def _simulated(version: ReminderPlanVersion) -> Simulated | None:
    """Tomorrow with the version in force; None for one that could not run any more."""
    try:
        return simulate_reminders(day=day_after(business_date()), plan=as_active(version))
    except PlanFaulty:
        return None


def _planned(version: ReminderPlanVersion) -> int:
    return Message.objects.filter(source=f"plan:{version.plan_id}", state="planned").count()


def _still_leave(version: ReminderPlanVersion) -> str:
    says = _("Messages planned already still leave (%(number)d); tonight's close plans by the version put back.")
    return says % {"number": _planned(version)}
