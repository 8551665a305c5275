"""The verbs of a version of a reminder plan as confirm panels: submit it, take it out of force, put it back."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from django.http import Http404, HttpRequest
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from backoffice.calendars.selectors import business_date
from backoffice.core.actors import Actor
from backoffice.core.confirm import ConfirmForm, ConfirmView, Consequence, Line, Text
from backoffice.core.fields import DayField
from backoffice.core.formats import date_text
from backoffice.outreach.domain.reminder_states import PlanState
from backoffice.outreach.models import ReminderPlanVersion
from backoffice.outreach.models.contacts import CHANNEL_LABELS
from backoffice.outreach.services import reminder_plans
from backoffice.outreach.services.messages import stop_messages
from backoffice.outreach.services.reminders import as_active
from backoffice.repayment.console.reminders import version_or_404
from backoffice.repayment.services.reminders import day_after, simulate_reminders


class SubmitForm(ConfirmForm):
    """From when the version plans the messages."""

    effective_from = DayField(label=gettext_lazy("In force from"))
    field_order = ("effective_from",)


class PlanVerb(ConfirmView):
    """What the verbs of a version have in common."""

    permission = "outreach.plan.edit"

    def load(self, *, request: HttpRequest, **address: Any) -> ReminderPlanVersion:
        """The version. Raises Http404."""
        return version_or_404(address["version_id"])

    def back_url(self, *, subject: Any) -> str:
        """The page of the version."""
        return reverse("repayment:reminder_version", args=[subject.pk])

    def subject_line(self, *, subject: Any) -> str:
        """The plan and the number of the version."""
        return _("%(plan)s, version %(number)s") % {"plan": subject.plan.name, "number": subject.number}


class SubmitPlan(PlanVerb):
    """Asks a second person; shows what it would do to tomorrow's real book, beside the version in force."""

    title, verb = gettext_lazy("Submit for approval"), gettext_lazy("Ask for approval")
    form_class = SubmitForm
    wide = True

    def initial(self, *, subject: Any) -> dict[str, Any]:
        """Tomorrow."""
        return {"effective_from": day_after(business_date())}

    def foresee(self, *, subject: Any, values: Mapping[str, Any], actor: Actor) -> Consequence | None:
        """Messages of tomorrow by channel, and what the gate would stop. Raises PlanRefused."""
        reminder_plans.check_content(subject.content)
        return Consequence(
            lines=_lines(subject),
            approval=_("A compliance officer, an administrator or a team lead decides. It starts on %(day)s.")
            % {"day": date_text(values["effective_from"])},
        )

    def perform(self, *, subject: Any, values: Mapping[str, Any], actor: Actor, key: str) -> Text:
        """Submits it."""
        reminder_plans.submit_version(
            version_id=subject.pk,
            effective_from=values["effective_from"],
            reason=values["reason"],
            consequence=_in_words(subject),
            actor=actor,
        )
        return _("Version %(number)s waits for approval.") % {"number": subject.number}


class RetirePlan(PlanVerb):
    """No message is planned by it any more; what is planned already is stopped."""

    title, verb = gettext_lazy("Take out of force"), gettext_lazy("Take out of force")
    costly = True

    def foresee(self, *, subject: Any, values: Mapping[str, Any], actor: Actor) -> Consequence | None:
        """What is left."""
        if subject.state == PlanState.ACTIVE:
            return Consequence(warnings=(_("Nobody is reminded by this plan until another version is in force."),))
        return Consequence(warnings=(_("This version will not start."),))

    def perform(self, *, subject: Any, values: Mapping[str, Any], actor: Actor, key: str) -> Text:
        """Takes it out, and stops what it has planned."""
        was_active = subject.state == PlanState.ACTIVE
        reminder_plans.retire_version(version_id=subject.pk, reason=values["reason"], actor=actor)
        if was_active:
            stop_messages(source=f"plan:{subject.plan_id}", reason="plan_retired", detail=values["reason"], actor=actor)
        return _("Version %(number)s is out of force.") % {"number": subject.number}


class PutBack(PlanVerb):
    """Rolls back: the version is in force again at once, in place of the one that is."""

    title, verb = gettext_lazy("Put back in force"), gettext_lazy("Put back in force")
    costly = True

    def load(self, *, request: HttpRequest, **address: Any) -> ReminderPlanVersion:
        """A version that was in force before. Raises Http404."""
        found = super().load(request=request, **address)
        if found.state != PlanState.RETIRED or found.approved_at is None:
            raise Http404
        return found

    def foresee(self, *, subject: Any, values: Mapping[str, Any], actor: Actor) -> Consequence | None:
        """What it would do tomorrow."""
        return Consequence(lines=_lines(subject), warnings=(_("Messages that are planned already still leave."),))

    def perform(self, *, subject: Any, values: Mapping[str, Any], actor: Actor, key: str) -> Text:
        """Puts it back."""
        reminder_plans.put_back(version_id=subject.pk, reason=values["reason"], actor=actor)
        return _("Version %(number)s is in force again.") % {"number": subject.number}


def _lines(version: ReminderPlanVersion) -> tuple[Line, ...]:
    """What the version would do tomorrow, and in brackets before it what the one in force would."""
    tomorrow = business_date() + timedelta(days=1)
    found = simulate_reminders(day=tomorrow, plan=as_active(version))
    active = version.plan.versions.filter(state=PlanState.ACTIVE.value).exclude(pk=version.pk).first()
    before = simulate_reminders(day=tomorrow, plan=as_active(active)) if active else None
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
    lines.append(Line(_("The gate lets through now"), found.allowed, before=before.allowed if before else None))
    lines += [
        Line(_("Stopped by %(rule)s") % {"rule": rule}, count, tone="warn")
        for rule, count in found.blocked.most_common()
    ]
    lines += [Line(_("Cost"), cost, currency=currency) for currency, cost in sorted(found.cost.items())]
    return tuple(lines)


def _in_words(version: ReminderPlanVersion) -> str:
    """The consequence as whoever decides reads it first."""
    found = simulate_reminders(day=day_after(business_date()), plan=as_active(version))
    return _("%(messages)d messages tomorrow, %(alone)d borrowers left alone, %(blocked)d stopped by the gate.") % {
        "messages": found.outcome.by_channel.total(),
        "alone": found.outcome.held_out,
        "blocked": found.outcome.by_channel.total() - found.allowed,
    }
