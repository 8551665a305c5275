"""A version comes into force: asked for by one person, agreed by another, on trial with few loans, then for all.

The table of deeds is `config/approvals.py`. The close of a day first judges trials (`judge_canaries`), then lets in
what is due (`activate_due`), then plans the debits of the next day by what holds then. How a version leaves force at
once is `rolling_back`.
"""

from collections.abc import Mapping
from datetime import date, datetime, timedelta
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
from backoffice.core.bulk import execute
from backoffice.core.errors import Refusal
from backoffice.core.formats import amount_text, count_text, date_text, percent_text
from backoffice.repayment.domain.autopay.configuration import parse
from backoffice.repayment.domain.autopay.debit_states import BillState
from backoffice.repayment.domain.autopay.version_states import IN_FORCE, VersionState
from backoffice.repayment.models import Breaker, CanaryLoan, DebitBill
from backoffice.repayment.models.autopay.configurations import AutopayConfiguration, AutopayVersion
from backoffice.repayment.selectors.autopay.configurations import REPLACED
from backoffice.repayment.selectors.verification import statement
from backoffice.repayment.services.autopay.checking import ConfigurationRefused, require_sound
from backoffice.repayment.services.autopay.drafting import SUBJECT, locked_version, move, not_in_state, note_down
from backoffice.repayment.services.autopay.rolling_back import retire
from backoffice.repayment.services.autopay.simulating import Compared, Side, beside_of, compare_tomorrow

APPROVE: Final = "repayment.autopay_version"
SUPERSEDED: Final = "superseded"
"""Of a trial that another version ended before it was judged."""
ENDED: Final = "ended"
TRIAL_FAILED: Final = "trial"


class VersionFirstDayRefused(Refusal):
    """The debits of the day the version should start on are planned already."""

    code: ClassVar[str] = "repayment.autopay_version_first_day"


@transaction.atomic
def submit_version(*, version_id: int, reason: str, actor: Actor) -> Approval:
    """Ask a second person to let a simulated version hold from its day, with what it would change tomorrow.

    Raises ConfigurationNotFound, ConfigurationNotInState, ConfigurationRefused, VersionFirstDayRefused, and the
    refusals of `approvals.submit`.
    """
    version = locked_version(version_id)
    move(version, to=VersionState.SUBMITTED)
    require_sound(version)
    check_first_day(version)
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

    Raises ConfigurationNotFound, ConfigurationNotInState, ConfigurationRefused when a guard refuses it by now.
    """
    version = locked_version(int(request.payload["version_id"]))
    if version.content != request.payload["content"]:
        raise not_in_state(version)
    move(version, to=VersionState.APPROVED)
    version.effective_from = max(version.effective_from or date.min, business_date() + timedelta(days=1))
    if version.effective_to is not None and version.effective_to <= version.effective_from:
        raise _first_day_refused(version.effective_to)
    require_sound(version)
    version.approved_by, version.approved_by_name = request.checker.id, request.checker.name
    version.approved_at = Now()
    version.save(update_fields=["state", "effective_from", "approved_by", "approved_by_name", "approved_at"])
    note_down(version, verb="repayment.autopay_version.approved", actor=request.checker, reason=request.reason)
    version.refresh_from_db()
    return version


def consequence_of(approval: Approval) -> str:
    """The consequence as of now, as whoever decides reads it first."""
    version = AutopayVersion.objects.select_related("configuration").get(pk=approval.payload["version_id"])
    return consequence_in_words(version)


def consequence_in_words(version: AutopayVersion) -> str:
    """What a version would change tomorrow, and how it starts; a version that guards refuse changes nothing."""
    try:
        require_sound(version)
    except ConfigurationRefused:
        return _("Guards refuse this version; it would not run.")
    today = business_date()
    compared = compare_tomorrow(beside_of(version, on=today + timedelta(days=1)), today=today)
    return f"{_tomorrow(compared)} {start_in_words(version)}"


def start_in_words(version: AutopayVersion) -> str:
    """From when a version holds, and for whom first."""
    canary = parse(version.content).canary
    day = {"day": date_text(version.effective_from)} if version.effective_from else {"day": "–"}
    if not canary.share:
        return _("It holds for all its loans from %(day)s.") % day
    most = percent_text(canary.share, bare=True)
    if canary.loans:
        most = _("%(share)s of the loans due, at most %(loans)s") % {"share": most, "loans": count_text(canary.loans)}
    days = ngettext("%(days)d day", "%(days)d days", canary.days) % {"days": canary.days}
    return _("From %(day)s it is on trial for %(days)s with %(most)s.") % {**day, "days": days, "most": most}


def versions_due(*, on: date) -> bool:
    """True when a version's first or last day has come, or a trial waits for judgement."""
    return AutopayVersion.objects.filter(_due(on) | _over(on) | Q(state=VersionState.CANARY.value)).exists()


@transaction.atomic
def activate_due(*, on: date) -> int:
    """Let in the approved versions whose day has come, on trial where they say so; end those whose last day is over.

    Safe to run again. How many versions moved.
    """
    ids = list(AutopayVersion.objects.filter(_due(on) | _over(on)).order_by("configuration_id", "number").values("pk"))
    return sum(_step(locked_version(row["pk"]), on=on) for row in ids)


@transaction.atomic
def judge_canaries(*, on: date, at: datetime) -> int:
    """Trials that opened a breaker are rolled back; those over by `on` become the version for all, or are rolled back.

    A trial none of whose loans had a bill goes on: it has proved nothing yet. How many versions moved.
    """
    trials = AutopayVersion.objects.filter(state=VersionState.CANARY.value).order_by("configuration_id")
    return sum(_judge(locked_version(pk), on=on, at=at) for pk in trials.values_list("pk", flat=True))


@transaction.atomic
def promote(*, version_id: int, reason: str, actor: Actor) -> AutopayVersion:
    """End a trial before its time: the version holds for all its loans. Two people agreed to it before.

    Raises ConfigurationNotFound, ConfigurationNotInState, ConfigurationRefused.
    """
    version = locked_version(version_id)
    if version.state != VersionState.CANARY:
        raise not_in_state(version)
    require_sound(version)
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


def _due(on: date) -> Q:
    return Q(state=VersionState.APPROVED.value, effective_from__lte=on)


def _over(on: date) -> Q:
    return Q(state__in=[state.value for state in IN_FORCE], effective_to__lte=on)


def _step(version: AutopayVersion, *, on: date) -> int:
    """One version whose first or last day has come."""
    if version.state != VersionState.APPROVED:
        return _end(version, because=ENDED, on=on, actor=SYSTEM) if version.state in IN_FORCE else 0
    for trial in _others(version, VersionState.CANARY):
        _end(trial, because=SUPERSEDED, on=on, actor=SYSTEM)
    if not parse(version.content).canary.share:
        _put_in_force(version, on=on, actor=SYSTEM, reason="")
        return 1
    move(version, to=VersionState.CANARY)
    version.canary_from = on
    version.save(update_fields=["state", "canary_from"])
    loans = _choose_loans(version, on=on)
    note_down(version, verb="repayment.autopay_version.on_trial", actor=SYSTEM, more={"loans": loans})
    return 1


def _judge(version: AutopayVersion, *, on: date, at: datetime) -> int:
    canary = parse(version.content).canary
    if Breaker.objects.filter(batch__version=version).exists():
        retire(version, because=TRIAL_FAILED, at=at, actor=SYSTEM, reason="")
        return 1
    if version.canary_from is None or on < version.canary_from + timedelta(days=canary.days):
        return 0
    found = trial_so_far(version, before=on)
    if not found["bills"]:
        return 0
    if found["settled"] < canary.least_success * found["bills"]:
        retire(version, because=TRIAL_FAILED, at=at, actor=SYSTEM, reason="")
    else:
        _put_in_force(version, on=on, actor=SYSTEM, reason="", more=found)
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


def _choose_loans(version: AutopayVersion, *, on: date) -> int:
    """The loans of a trial: of those with a bill to try in its days, an even pick that is the same whenever made."""
    configuration: AutopayConfiguration = version.configuration
    canary = parse(version.content).canary
    return execute(
        statement("choose_trial.sql"),
        {
            "version": version.pk,
            "portfolio": configuration.portfolio,
            "product": configuration.product_id,
            "funder": configuration.funder,
            "first": on,
            "last": on + timedelta(days=canary.days - 1),
            "share": canary.share,
            "most": canary.loans or None,
        },
    )


def _first_day_refused(day: date) -> VersionFirstDayRefused:
    tomorrow = business_date() + timedelta(days=1)
    return VersionFirstDayRefused(
        _("The debits of %(day)s are planned already.") % {"day": date_text(day)},
        next_step=_("Choose %(tomorrow)s or a later day.") % {"tomorrow": date_text(tomorrow)},
        fields={"effective_from": _("must be %(tomorrow)s or later") % {"tomorrow": date_text(tomorrow)}},
    )


def _tomorrow(compared: Compared) -> str:
    return _("Tomorrow: %(after)s instead of %(before)s; %(changed)s bills change.") % {
        "after": _side(compared.after),
        "before": _side(compared.before),
        "changed": count_text(len(compared.changed)),
    }


def _side(side: Side) -> str:
    debits = ngettext("%(count)s debit", "%(count)s debits", side.debits) % {"count": count_text(side.debits)}
    amounts = ", ".join(amount_text(amount, currency=currency) for currency, amount in sorted(side.amounts.items()))
    return _("%(debits)s of %(amounts)s") % {"debits": debits, "amounts": amounts} if amounts else debits
