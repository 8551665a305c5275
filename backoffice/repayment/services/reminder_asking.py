"""Asking to publish a reminder plan, with what it would do to tomorrow's real book; and its simulation for any day."""

from datetime import date

from django.utils.translation import gettext as _

from backoffice.audit.models import Approval
from backoffice.calendars.selectors import business_date
from backoffice.core.actors import Actor
from backoffice.outreach.domain.plan_content import PlanFaulty
from backoffice.outreach.models import ReminderPlanVersion
from backoffice.outreach.services import reminder_publishing
from backoffice.outreach.services.reminder_plans import check_content, plan_not_found
from backoffice.outreach.services.reminders import Simulated, as_active
from backoffice.repayment.services.reminders import day_after, simulate_reminders


def ask_to_publish(*, version_id: int, effective_from: date, reason: str, actor: Actor) -> Approval:
    """Ask a second person to publish a draft, with what it would do tomorrow.

    Raises PlanNotFound, PlanNotInState, PlanFirstDayRefused, PlanRefused.
    """
    version = ReminderPlanVersion.objects.select_related("plan").filter(pk=version_id).first()
    if version is None:
        raise plan_not_found()
    return reminder_publishing.submit_version(
        version_id=version_id,
        effective_from=effective_from,
        reason=reason,
        consequence=consequence_in_words(version=version),
        actor=actor,
    )


def simulate_version(*, version: ReminderPlanVersion, day: date) -> Simulated:
    """What a version would do on a day with the book as it is. Raises PlanRefused."""
    check_content(version.content)
    return simulate_reminders(day=day, plan=as_active(version))


def consequence_of(approval: Approval) -> str:
    """The consequence as of now, as whoever decides reads it first."""
    version = ReminderPlanVersion.objects.select_related("plan").get(pk=approval.payload["version_id"])
    return consequence_in_words(version=version)


def consequence_in_words(*, version: ReminderPlanVersion) -> str:
    """What a version would do tomorrow in one sentence; one that contradicts itself does nothing."""
    try:
        found = simulate_reminders(day=day_after(business_date()), plan=as_active(version))
    except PlanFaulty:
        return _("The plan contradicts itself and would not run.")
    messages = found.outcome.by_channel.total()
    return _("%(messages)d messages tomorrow, %(alone)d borrowers left alone, %(blocked)d stopped by the gate.") % {
        "messages": messages,
        "alone": found.outcome.held_out,
        "blocked": messages - found.allowed,
    }
