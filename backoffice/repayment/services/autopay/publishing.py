"""A version comes into force: asked for by one person, agreed by another, on trial with few loans, then for all.

The table of deeds is `config/approvals.py`. The close of a day first judges trials (`judge_canaries`), then lets in
what is due (`activate_due`), then plans the debits of the next day by what holds then. How a version leaves force at
once is `rolling_back`.
"""

from collections.abc import Collection, Mapping
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any, ClassVar, Final

from django.db import transaction
from django.db.models import Count, Q
from django.db.models.functions import Now
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from backoffice.audit import approvals
from backoffice.audit.approvals import ApprovedRequest
from backoffice.audit.models import Approval
from backoffice.calendars.selectors import business_date
from backoffice.core.actors import SYSTEM, Actor
from backoffice.core.drafts import refuse_if_moved_on
from backoffice.core.errors import Refusal
from backoffice.core.formats import amount_text, count_text, date_text, percent_text
from backoffice.repayment.domain.autopay.configuration import parse
from backoffice.repayment.domain.autopay.debit_states import BillState
from backoffice.repayment.domain.autopay.guards import Guard
from backoffice.repayment.domain.autopay.version_states import IN_FORCE, VersionState
from backoffice.repayment.models import Breaker, CanaryLoan, DebitBill
from backoffice.repayment.models.autopay.configurations import AutopayVersion
from backoffice.repayment.selectors.autopay.configurations import ENDED, REPLACED
from backoffice.repayment.services.autopay.checking import ConfigurationRefused, findings_of, followers, require_sound
from backoffice.repayment.services.autopay.drafting import (
    SUBJECT,
    authors_of,
    locked_version,
    mark_of_draft,
    move,
    not_in_state,
    note_down,
    version_as_it_is,
)
from backoffice.repayment.services.autopay.rolling_back import retire
from backoffice.repayment.services.autopay.simulating import SimulationOutOfDate, simulation_to_go_by
from backoffice.repayment.services.autopay.trial_loans import choose_loans
from backoffice.repayment.services.autopay.version_paging import Why, ask_people

APPROVE: Final = "repayment.autopay_version"
SUPERSEDED: Final = "superseded"
"""Of a trial that another version ended before it was judged."""
IDLE: Final = timedelta(days=7)
"""How long a trial goes on after its days without a bill to try it on."""


class VersionFirstDayRefused(Refusal):
    """The debits of the day the version should start on are planned already."""

    code: ClassVar[str] = "repayment.autopay_version_first_day"


class TrialUnproven(Refusal):
    """A trial does not become the version for all like this: a breaker is open, or its own author says it is enough."""

    code: ClassVar[str] = "repayment.autopay_trial_unproven"
    status: ClassVar[int] = 409


@transaction.atomic
def submit_version(*, version_id: int, reason: str, actor: Actor) -> Approval:
    """Ask a second person to let a simulated version hold from its day, with what it would change tomorrow.

    The guards look before anything is locked: rolling back must not wait for them. Raises ConfigurationNotFound,
    ConfigurationNotInState, ConfigurationRefused, DraftMovedOn, VersionFirstDayRefused, SimulationOutOfDate, and the
    refusals of `approvals.submit`.
    """
    asked = version_as_it_is(version_id)
    if asked.state != VersionState.SIMULATED:
        raise not_in_state(asked)
    require_sound(asked)
    version = locked_version(version_id)
    move(version, to=VersionState.SUBMITTED)
    refuse_if_moved_on(seen=mark_of_draft(asked), now=mark_of_draft(version))
    check_first_day(version)
    simulation_to_go_by(version)
    version.save(update_fields=["state"])
    note_down(version, verb="repayment.autopay_version.submitted", actor=actor, reason=reason)
    return approvals.submit(
        verb=APPROVE,
        subject_type=SUBJECT,
        subject_id=version.pk,
        payload={"version_id": version.pk, "content": version.content},
        reason=reason,
        actor=actor,
        portfolio=version.configuration.portfolio,
        consequence=consequence_in_words(version),
    )


@transaction.atomic
def approve_as_asked(request: ApprovedRequest) -> AutopayVersion:
    """The deed behind `APPROVE`: the version waits for its day; agreed to late, for the first day not planned yet.

    Raises ConfigurationNotFound, ConfigurationNotInState, SimulationOutOfDate, and ConfigurationRefused when a guard
    refuses it by now.
    """
    asked = version_as_it_is(int(request.payload["version_id"]))
    asked.effective_from = max(asked.effective_from or date.min, business_date() + timedelta(days=1))
    if asked.state == VersionState.SUBMITTED:
        require_sound(asked)
    version = locked_version(asked.pk)
    if version.content != request.payload["content"]:
        raise not_in_state(version)
    simulation_to_go_by(version)
    move(version, to=VersionState.APPROVED)
    version.effective_from = asked.effective_from
    if version.effective_to is not None and version.effective_to <= version.effective_from:
        raise _first_day_refused(version.effective_to)
    if request.checker.id in authors_of(version):
        raise not_in_state(version)
    version.approved_by, version.approved_by_name = request.checker.id, request.checker.name
    version.approved_at = Now()
    version.save(update_fields=["state", "effective_from", "approved_by", "approved_by_name", "approved_at"])
    note_down(version, verb="repayment.autopay_version.approved", actor=request.checker, reason=request.reason)
    version.refresh_from_db()
    return version


def authors_of_request(approval: Approval) -> Collection[int]:
    """Who wrote the version that is asked for: none of them agrees to it."""
    version = AutopayVersion.objects.filter(pk=approval.payload["version_id"]).first()
    return authors_of(version) if version else ()


def consequence_of(approval: Approval) -> str:
    """The consequence as of now, as whoever decides reads it first."""
    version = AutopayVersion.objects.select_related("configuration").get(pk=approval.payload["version_id"])
    return consequence_in_words(version)


def consequence_in_words(version: AutopayVersion) -> str:
    """What a version was found to change tomorrow, and how it starts; or why that is not to go by."""
    try:
        require_sound(version)
        found = simulation_to_go_by(version)
    except ConfigurationRefused:
        return _("Guards refuse this version; it would not run.")
    except SimulationOutOfDate as refusal:
        return refusal.whole
    return f"{_tomorrow(found.totals['tomorrow'])} {start_in_words(version)}"


def start_in_words(version: AutopayVersion) -> str:
    """From when a version holds, and for whom first."""
    canary = parse(version.content).canary
    day = {"day": date_text(version.effective_from)} if version.effective_from else {"day": "–"}
    if not canary.is_trial:
        return _("It holds for all its loans from %(day)s.") % day
    most = percent_text(canary.share, bare=True)
    if not canary.share:
        most = ngettext("%(loans)s loan", "%(loans)s loans", canary.loans) % {"loans": count_text(canary.loans)}
    elif canary.loans:
        most = _("%(share)s of the loans due, at most %(loans)s") % {"share": most, "loans": count_text(canary.loans)}
    days = ngettext("%(days)d day", "%(days)d days", canary.days) % {"days": canary.days}
    return _("From %(day)s it is on trial for %(days)s with %(most)s.") % {**day, "days": days, "most": most}


def versions_due(*, on: date) -> bool:
    """True when a version's first or last day has come or is near, or a trial waits for judgement."""
    waits = _due(on) | _over(on) | _ending(on) | Q(state=VersionState.CANARY.value)
    return AutopayVersion.objects.filter(waits).exists()


@transaction.atomic
def activate_due(*, on: date) -> int:
    """Let in the approved versions whose day has come, on trial where they say so; end those whose last day is over.

    The guards look again, since the world moved: what they refuse by now does not begin, and people are paged. So they
    are the day before a version ends that nothing follows. Safe to run again. How many versions moved.
    """
    ids = list(AutopayVersion.objects.filter(_due(on) | _over(on)).order_by("configuration_id", "number").values("pk"))
    moved = sum(_step(locked_version(row["pk"]), on=on) for row in ids)
    for version in AutopayVersion.objects.filter(_ending(on)).select_related("configuration"):
        if version.effective_to is not None and not followers(version).exists():
            ask_people(version, why=Why.ENDS, day=version.effective_to)
    return moved


@transaction.atomic
def judge_canaries(*, on: date, at: datetime) -> int:
    """Trials that opened a breaker are rolled back; those over by `on` become the version for all, or are rolled back.

    A trial none of whose loans had a bill goes on for `IDLE` days, since it has proved nothing yet, and ends then. How
    many versions moved.
    """
    trials = AutopayVersion.objects.filter(state=VersionState.CANARY.value).order_by("configuration_id")
    return sum(_judge(locked_version(pk), on=on, at=at) for pk in trials.values_list("pk", flat=True))


@transaction.atomic
def promote(*, version_id: int, reason: str, actor: Actor) -> AutopayVersion:
    """End a trial before its time: the version holds for all its loans.

    Never while a breaker of it is open. Short of what its trial had to reach, only somebody decides who neither wrote
    the version nor asked for it. Raises ConfigurationNotFound, ConfigurationNotInState, ConfigurationRefused,
    TrialUnproven.
    """
    asked = version_as_it_is(version_id)
    if asked.state != VersionState.CANARY:
        raise not_in_state(asked)
    require_sound(asked)
    version = locked_version(version_id)
    if version.state != VersionState.CANARY:
        raise not_in_state(version)
    _refuse_unproven(version, actor=actor)
    _put_in_force(version, on=business_date() + timedelta(days=1), actor=actor, reason=reason)
    return version


def check_first_day(version: AutopayVersion) -> None:
    """Raises VersionFirstDayRefused for a day whose debits are planned already, or past."""
    if version.effective_from is None or version.effective_from <= business_date():
        raise _first_day_refused(version.effective_from or business_date())


def trial_so_far(version: AutopayVersion, *, before: date) -> Mapping[str, int]:
    """Of a trial's bills on days before one: how many there were, how many were settled; and loans on trial."""
    counted: dict[str, int] = DebitBill.objects.filter(version=version, day__lt=before).aggregate(
        bills=Count("pk"), settled=Count("pk", filter=Q(state=BillState.SETTLED.value))
    )
    return counted | {"loans": CanaryLoan.objects.filter(version=version).count()}


def has_proved_itself(version: AutopayVersion, *, before: date) -> bool:
    """Whether a trial's bills on days before one reached what it asks for; without a bill it proved nothing."""
    found = trial_so_far(version, before=before)
    return found["bills"] > 0 and found["settled"] >= parse(version.content).canary.least_success * found["bills"]


def _refuse_unproven(version: AutopayVersion, *, actor: Actor) -> None:
    """Raises TrialUnproven."""
    if Breaker.objects.filter(batch__version=version, closed_at__isnull=True).exists():
        raise TrialUnproven(
            _("A breaker of this trial is open."),
            next_step=_("Look at why it opened and close it first, or roll the version back."),
        )
    asked_by = Approval.objects.filter(verb=APPROVE, subject_id=str(version.pk)).values_list("requested_by", flat=True)
    is_theirs = any(actor.is_same_person(other_id=each) for each in (*authors_of(version), *asked_by))
    if is_theirs and not has_proved_itself(version, before=business_date() + timedelta(days=1)):
        raise TrialUnproven(
            _("The trial has not reached what it had to, and you wrote this version or asked for it."),
            next_step=_("Leave it to a colleague, or let the trial run to its end."),
        )


def _due(on: date) -> Q:
    return Q(state=VersionState.APPROVED.value, effective_from__lte=on)


def _over(on: date) -> Q:
    return Q(state__in=[state.value for state in IN_FORCE], effective_to__lte=on)


def _ending(on: date) -> Q:
    """In force, and out of it from the day after on."""
    return Q(state__in=[state.value for state in IN_FORCE], effective_to=on + timedelta(days=1))


def _step(version: AutopayVersion, *, on: date) -> int:
    """One version whose first or last day has come."""
    if version.state != VersionState.APPROVED:
        return _end(version, because=ENDED, on=on, actor=SYSTEM) if version.state in IN_FORCE else 0
    if _is_unsound(version):
        note_down(version, verb="repayment.autopay_version.held_back", actor=SYSTEM)
        ask_people(version, why=Why.HELD_BACK, day=on)
        return 0
    for trial in _others(version, VersionState.CANARY):
        _end(trial, because=SUPERSEDED, on=on, actor=SYSTEM)
    if not parse(version.content).canary.is_trial:
        _put_in_force(version, on=on, actor=SYSTEM, reason="")
        return 1
    move(version, to=VersionState.CANARY)
    version.canary_from = on
    version.save(update_fields=["state", "canary_from"])
    loans = choose_loans(version, on=on)
    note_down(version, verb="repayment.autopay_version.on_trial", actor=SYSTEM, more={"loans": loans})
    return 1


def _is_unsound(version: AutopayVersion) -> bool:
    """Whether guards refuse a version by now; what they found is kept with it, for the page and the mail.

    Its days are left aside: they were agreed to beside those of every other version.
    """
    found = [finding for finding in findings_of(version) if finding.guard != Guard.RANGE]
    is_refused = any(finding.refuses for finding in found)
    if is_refused:
        version.findings = [finding.as_json() for finding in found]
        version.save(update_fields=["findings"])
    return is_refused


def _judge(version: AutopayVersion, *, on: date, at: datetime) -> int:
    canary = parse(version.content).canary
    if Breaker.objects.filter(batch__version=version).exists():
        return _fail(version, why=Why.TRIAL_FAILED, on=on, at=at)
    over_on = (version.canary_from or date.max - IDLE) + timedelta(days=canary.days)
    if on < over_on:
        return 0
    found = trial_so_far(version, before=on)
    if not found["bills"]:
        return _fail(version, why=Why.UNTRIED, on=on, at=at) if on >= over_on + IDLE else 0
    if not has_proved_itself(version, before=on):
        return _fail(version, why=Why.TRIAL_FAILED, on=on, at=at)
    if _is_unsound(version):
        return _fail(version, why=Why.UNSOUND, on=on, at=at)
    _put_in_force(version, on=on, actor=SYSTEM, reason="", more=found)
    return 1


def _fail(version: AutopayVersion, *, why: Why, on: date, at: datetime) -> int:
    retire(version, because=why.value, at=at, actor=SYSTEM, reason="")
    ask_people(version, why=why, day=on)
    return 1


def _put_in_force(
    version: AutopayVersion, *, on: date, actor: Actor, reason: str, more: Mapping[str, Any] | None = None
) -> None:
    for active in _others(version, VersionState.ACTIVE):
        _end(active, because=REPLACED, on=on, actor=actor)
    move(version, to=VersionState.ACTIVE)
    version.save(update_fields=["state"])
    note_down(version, verb="repayment.autopay_version.activated", actor=actor, reason=reason, more=more)


def _end(version: AutopayVersion, *, because: str, on: date, actor: Actor) -> int:
    """Out of force from a day on; what is planned for days before it runs out as it is."""
    move(version, to=VersionState.RETIRED)
    version.ended_because = because
    version.effective_to = min(on, version.effective_to or on)
    version.save(update_fields=["state", "ended_because", "effective_to"])
    note_down(version, verb="repayment.autopay_version.retired", actor=actor, more={"because": because})
    return 1


def _others(version: AutopayVersion, state: VersionState) -> list[AutopayVersion]:
    found = list(version.configuration.versions.filter(state=state.value).exclude(pk=version.pk))
    for each in found:
        each.configuration = version.configuration
    return found


def _first_day_refused(day: date) -> VersionFirstDayRefused:
    tomorrow = business_date() + timedelta(days=1)
    return VersionFirstDayRefused(
        _("The debits of %(day)s are planned already.") % {"day": date_text(day)},
        next_step=_("Choose %(tomorrow)s or a later day.") % {"tomorrow": date_text(tomorrow)},
        fields={"effective_from": _("must be %(tomorrow)s or later") % {"tomorrow": date_text(tomorrow)}},
    )


def _tomorrow(totals: Mapping[str, Any]) -> str:
    return _("Tomorrow: %(after)s instead of %(before)s; %(changed)s bills change.") % {
        "after": _side(totals["after"]),
        "before": _side(totals["before"]),
        "changed": count_text(totals["changed"]),
    }


def _side(side: Mapping[str, Any]) -> str:
    debits = ngettext("%(count)s debit", "%(count)s debits", side["debits"]) % {"count": count_text(side["debits"])}
    amounts = ", ".join(
        amount_text(Decimal(amount), currency=currency) for currency, amount in sorted(side["amounts"].items())
    )
    return _("%(debits)s of %(amounts)s") % {"debits": debits, "amounts": amounts} if amounts else debits
