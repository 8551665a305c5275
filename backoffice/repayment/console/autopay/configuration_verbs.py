"""The verbs of a version as confirm panels: submit, take back, discard, promote, roll back; each with its numbers."""

from collections.abc import Mapping
from datetime import timedelta
from decimal import Decimal
from typing import Any

from django.http import Http404, HttpRequest
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from backoffice.audit.models import Approval
from backoffice.calendars import clock
from backoffice.calendars.selectors import business_date
from backoffice.core.actors import Actor
from backoffice.core.confirm import ConfirmView, Consequence, Line, Text
from backoffice.core.money import ZERO
from backoffice.core.telling import told
from backoffice.repayment.console.autopay.configurations import EDIT, ROLL_BACK, version_or_404
from backoffice.repayment.domain.autopay.version_states import IN_FORCE, IN_THE_MAKING, VersionState
from backoffice.repayment.models import Simulation
from backoffice.repayment.models.autopay.configurations import AutopayVersion
from backoffice.repayment.selectors.autopay.configurations import latest_simulation
from backoffice.repayment.selectors.autopay.version_words import payee_names
from backoffice.repayment.services.autopay import drafting, publishing, rolling_back
from backoffice.repayment.services.autopay.checking import require_sound
from backoffice.repayment.services.autopay.simulating import simulation_to_go_by


class VersionVerb(ConfirmView):
    """What the verbs of a version have in common."""

    permission = EDIT
    states: frozenset[VersionState] = frozenset()

    def load(self, *, request: HttpRequest, **address: Any) -> AutopayVersion:
        """The version, in a state the verb is for. Raises Http404."""
        found = version_or_404(request, address["version_id"])
        if found.state not in self.states:
            raise Http404
        return found

    def back_url(self, *, subject: Any) -> str:
        """The page of the version."""
        return reverse("repayment:autopay_version", args=[subject.pk])

    def subject_line(self, *, subject: Any) -> str:
        """The configuration and the number of the version."""
        return _("%(name)s, version %(number)s") % {"name": subject.configuration.name, "number": subject.number}


class Submit(VersionVerb):
    """Asks a second person; shows tomorrow's book under both versions."""

    title, verb = gettext_lazy("Submit for approval"), gettext_lazy("Ask for approval")
    wide = True
    states = frozenset({VersionState.SIMULATED})

    def foresee(self, *, subject: Any, values: Mapping[str, Any], actor: Actor) -> Consequence | None:
        """Tomorrow's debits, amounts and payees beside what holds. Raises what submitting would raise."""
        publishing.check_first_day(subject)
        warnings = tuple(told(finding.words) for finding in require_sound(subject))
        return Consequence(
            lines=consequence_lines(simulation_to_go_by(subject)),
            warnings=warnings,
            approval=_("A compliance officer or an administrator decides.") + " " + publishing.start_in_words(subject),
        )

    def perform(self, *, subject: Any, values: Mapping[str, Any], actor: Actor, key: str) -> Text:
        """Submits it."""
        publishing.submit_version(version_id=subject.pk, reason=values["reason"], actor=actor)
        return _("Version %(number)s waits for approval.") % {"number": subject.number}


class TakeBack(VersionVerb):
    """The version becomes a draft again; a request that waits is withdrawn."""

    title, verb = gettext_lazy("Take back"), gettext_lazy("Make it a draft again")
    states = frozenset({VersionState.SUBMITTED})

    def perform(self, *, subject: Any, values: Mapping[str, Any], actor: Actor, key: str) -> Text:
        """Takes it back."""
        drafting.take_back(version_id=subject.pk, reason=values["reason"], actor=actor)
        return _("Version %(number)s is a draft again.") % {"number": subject.number}


class Discard(VersionVerb):
    """A version that is not wanted, or an approved one that shall not start."""

    title, verb = gettext_lazy("Discard"), gettext_lazy("Discard")
    costly = True
    states = IN_THE_MAKING | {VersionState.APPROVED}

    def foresee(self, *, subject: Any, values: Mapping[str, Any], actor: Actor) -> Consequence | None:
        """Nothing that holds changes."""
        return Consequence(warnings=(_("This version will not start. What is in force does not change."),))

    def perform(self, *, subject: Any, values: Mapping[str, Any], actor: Actor, key: str) -> Text:
        """Discards it."""
        drafting.discard_version(version_id=subject.pk, reason=values["reason"], actor=actor)
        return _("Version %(number)s is discarded.") % {"number": subject.number}


class Promote(VersionVerb):
    """A trial ends before its time, and the version holds for all its loans."""

    title, verb = gettext_lazy("End the trial: for all loans"), gettext_lazy("Put it in force for all")
    costly = True
    wide = True
    states = frozenset({VersionState.CANARY})

    def foresee(self, *, subject: Any, values: Mapping[str, Any], actor: Actor) -> Consequence | None:
        """How the trial went, and the debits of a day for all, as they were simulated last."""
        trial = publishing.trial_so_far(subject, before=business_date() + timedelta(days=1))
        lines = (
            Line(_("Loans on trial"), trial["loans"]),
            Line(_("Bills tried"), trial["bills"]),
            Line(_("Bills settled"), trial["settled"]),
        )
        found = latest_simulation(subject)
        if found is None:
            return Consequence(lines=lines)
        of_day = Line(_("Simulated on"), found.business_date)
        return Consequence(lines=(*lines, of_day, *consequence_lines(found)))

    def perform(self, *, subject: Any, values: Mapping[str, Any], actor: Actor, key: str) -> Text:
        """Promotes it."""
        publishing.promote(version_id=subject.pk, reason=values["reason"], actor=actor)
        return _("Version %(number)s is in force for all its loans.") % {"number": subject.number}


class RollBack(VersionVerb):
    """Out of force at once; says what happens to what is in flight."""

    title, verb = gettext_lazy("Roll back"), gettext_lazy("Roll back")
    permission = ROLL_BACK
    costly = True
    wide = True
    states = IN_FORCE

    def done_url(self, *, subject: Any) -> str:
        """The page of the configuration."""
        return reverse("repayment:autopay_configuration", args=[subject.configuration_id])

    def foresee(self, *, subject: Any, values: Mapping[str, Any], actor: Actor) -> Consequence | None:
        """What is dropped, what is left to come home, and what holds afterwards."""
        found = rolling_back.unfinished(subject)
        lines = (
            Line(_("Debits dropped"), found.planned, tone="warn"),
            Line(_("Debits on their way, left to come home"), found.on_their_way),
            Line(_("Bills still open"), found.open_bills),
            Line(_("Holds afterwards: version"), found.instead.number if found.instead else "–", total=True),
        )
        instead = found.instead.pk if found.instead else None
        return Consequence(lines=lines, warnings=rolling_back.in_words(found), still=(f"instead {instead}",))

    def perform(self, *, subject: Any, values: Mapping[str, Any], actor: Actor, key: str) -> Text:
        """Rolls it back."""
        instead = rolling_back.roll_back(version_id=subject.pk, reason=values["reason"], at=clock.now(), actor=actor)
        if instead is None:
            return _("Version %(number)s is out of force; nothing of this configuration holds.") % {
                "number": subject.number
            }
        return _("Version %(number)s is in force again.") % {"number": instead.number}


def picture(approval: Approval) -> Consequence:
    """What agreeing to a version would do, as it was simulated. Raises ConfigurationRefused, SimulationOutOfDate."""
    version = AutopayVersion.objects.select_related("configuration").get(pk=approval.payload["version_id"])
    warnings = tuple(told(finding.words) for finding in require_sound(version))
    lines = consequence_lines(simulation_to_go_by(version))
    return Consequence(lines=(Line(_("In force from"), version.effective_from), *lines), warnings=warnings)


def consequence_lines(simulation: Simulation) -> tuple[Line, ...]:
    """Tomorrow's book under the version, and before it under what held when it was simulated."""
    tomorrow = simulation.totals["tomorrow"]
    before, after = tomorrow["before"], tomorrow["after"]
    lines = [Line(_("Debits tomorrow"), after["debits"], before=before["debits"])]
    lines += [
        Line(
            _("Amount tomorrow"),
            Decimal(after["amounts"].get(each, 0)),
            currency=each,
            before=Decimal(before["amounts"].get(each, 0)),
        )
        for each in sorted({*before["amounts"], *after["amounts"]})
    ]
    paid_before, paid_after, named = _by_payee(before), _by_payee(after), payee_names()
    lines += [
        Line(
            _("To %(payee)s") % {"payee": named.get(payee, payee)},
            paid_after.get((payee, currency), ZERO),
            currency=currency,
            before=paid_before.get((payee, currency), ZERO),
        )
        for payee, currency in sorted({*paid_before, *paid_after})
    ]
    lines.append(Line(_("Bills without an agreement"), after["without_agreement"], before=before["without_agreement"]))
    lines.append(Line(_("Bills of tomorrow that change"), tomorrow["changed"], tone="warn", total=True))
    return tuple(lines)


def _by_payee(side: Mapping[str, Any]) -> dict[tuple[str, str], Decimal]:
    return {(line["payee"], line["currency"]): Decimal(line["amount"]) for line in side["payees"]}
