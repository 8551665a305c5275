"""The guards of a configuration before it runs: what its content says, and what only the database knows.

Each guard is one function that gives its findings; `findings_of` runs them all and changes nothing. A check that
refuses nothing moves a draft on; submitting and approving run the guards again, since the world moves.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import time
from typing import ClassVar, Final

from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils.translation import gettext as _

from backoffice.calendars.domain.working_days import CALENDARS, is_known
from backoffice.core.actors import Actor
from backoffice.core.drafts import refuse_if_moved_on
from backoffice.core.errors import Refusal
from backoffice.core.telling import told
from backoffice.core.words import phrase
from backoffice.outreach.domain.reminder_plans import is_amid_a_debit
from backoffice.outreach.domain.template_states import TemplateState
from backoffice.outreach.models import TemplateVersion
from backoffice.outreach.services.reminders import plans_in_force
from backoffice.repayment.domain.autopay.actions import ALLOWED
from backoffice.repayment.domain.autopay.codes import Family, shipped_codes
from backoffice.repayment.domain.autopay.configuration import (
    ConfigurationFaulty,
    OnHoliday,
    clock_of,
    parse,
)
from backoffice.repayment.domain.autopay.guards import Finding, Guard, Severity, finding_of
from backoffice.repayment.domain.autopay.version_states import VersionState
from backoffice.repayment.models.autopay.configurations import AutopayVersion
from backoffice.repayment.selectors.autopay.payees import RULING, version_label, versions_naming
from backoffice.repayment.services.autopay.drafting import (
    locked_version,
    mark_of_draft,
    move,
    not_in_state,
    note_down,
    version_as_it_is,
)
from backoffice.repayment.services.autopay.guard_limits import limits_leave_room
from backoffice.repayment.services.autopay.guard_payees import (
    money_goes_where_it_belongs,
    payees_are_active,
    shares_are_those_of_the_contracts,
)
from backoffice.repayment.services.autopay.guard_subject import Checked, subject_of

DAYS_OF: Final = {"day": 1, "week": 7, "month": 28}


class ConfigurationRefused(Refusal):
    """Guards refuse the version; `fields` names each place, `findings` says by which guard."""

    code: ClassVar[str] = "repayment.autopay_version_refused"

    def __init__(self, findings: tuple[Finding, ...]) -> None:
        self.findings = findings
        super().__init__(
            _("This version cannot run as it is."),
            next_step=_("Correct what the guards found, and check it again."),
            fields={finding.field: told(finding.words) for finding in findings},
        )


@transaction.atomic
def check_version(*, version_id: int, actor: Actor) -> AutopayVersion:
    """Run the guards over a draft and keep what they found; without a finding that refuses it is checked.

    They look before anything is locked: rolling back must not wait for them. Raises ConfigurationNotFound,
    ConfigurationNotInState, and DraftMovedOn when somebody saved meanwhile.
    """
    asked = version_as_it_is(version_id)
    found = findings_of(asked)
    version = locked_version(version_id)
    if version.state not in {VersionState.DRAFT, VersionState.CHECKED, VersionState.SIMULATED}:
        raise not_in_state(version)
    refuse_if_moved_on(seen=mark_of_draft(asked), now=mark_of_draft(version))
    if version.state != VersionState.DRAFT:
        move(version, to=VersionState.DRAFT)
    if not any(finding.refuses for finding in found):
        move(version, to=VersionState.CHECKED)
    version.findings = [finding.as_json() for finding in found]
    version.save(update_fields=["state", "findings"])
    guards = sorted({finding.guard.value for finding in found if finding.refuses})
    note_down(version, verb="repayment.autopay_version.checked", actor=actor, more={"refused_by": guards})
    return version


def require_sound(version: AutopayVersion) -> tuple[Finding, ...]:
    """The warnings of a version that nothing refuses, as the world is now. Raises ConfigurationRefused."""
    found = findings_of(version)
    if any(finding.refuses for finding in found):
        raise ConfigurationRefused(tuple(finding for finding in found if finding.refuses))
    return found


def findings_of(version: AutopayVersion) -> tuple[Finding, ...]:
    """Everything the guards find, in their order; a content that cannot be read is not looked at any further."""
    try:
        content = parse(version.content)
    except ConfigurationFaulty as error:
        return tuple(finding_of(fault) for fault in error.faults)
    subject = subject_of(version, content)
    return tuple(finding for guard in GUARDS for finding in guard(subject))


def rails_exist_and_are_mapped(subject: Checked) -> Iterator[Finding]:
    """Every rail is there, and whatever its scheme may answer leads to an action."""
    for code in subject.content.rails:
        rail = subject.rails.get(code)
        if rail is None:
            yield Finding(Guard.RAILS, "rails", phrase("There is no rail “%(rail)s”.", rail=code))
            continue
        families = shipped_codes().by_scheme.get(rail.scheme)
        if not families:
            words = phrase("Nobody mapped the codes “%(scheme)s” of %(rail)s.", scheme=rail.scheme, rail=rail.name)
            yield Finding(Guard.CODES, "rails", words)
            continue
        unmapped = sorted(
            each.code for each in families.values() if each.family not in ALLOWED and each.family != Family.DONE
        )
        if unmapped:
            words = phrase("%(rail)s: no action follows %(codes)s.", rail=rail.name, codes=", ".join(unmapped))
            yield Finding(Guard.CODES, "actions", words)
        if rail.is_paused:
            words = phrase("%(rail)s is paused: %(reason)s", rail=rail.name, reason=rail.paused_reason)
            yield Finding(Guard.RAILS, "rails", words, Severity.WARN)


def slots_fit_the_rails(subject: Checked) -> Iterator[Finding]:
    """Slots lie within the hours of every rail and end before its cut-off: what is later counts for another day."""
    for number, slot in enumerate(subject.content.slots, start=1):
        for rail in subject.rails.values():
            times = f"{clock_of(slot.at)}–{clock_of(slot.until)}"
            opens, closes, cut_off = _minutes(rail.opens), _minutes(rail.closes), _minutes(rail.cut_off)
            if slot.at < opens or slot.until > closes:
                words = phrase(
                    "The slot %(slot)s lies outside the hours of %(rail)s, %(hours)s.",
                    slot=times,
                    rail=rail.name,
                    hours=f"{clock_of(opens)}–{clock_of(closes)}",
                )
                yield Finding(Guard.SLOTS, f"slots.{number}.at", words)
            elif slot.until > cut_off:
                words = phrase(
                    "The slot %(slot)s ends after the cut-off of %(rail)s, %(time)s.",
                    slot=times,
                    rail=rail.name,
                    time=clock_of(cut_off),
                )
                yield Finding(Guard.SLOTS, f"slots.{number}.until", words)


def slots_fit_the_reminders(subject: Checked) -> Iterator[Finding]:
    """Nobody is asked to pay what is being collected: slots keep an hour from the messages of the days they run on."""
    on = subject.version.effective_from or subject.today
    plans = {plan.portfolio: plan for plan in plans_in_force(on=on)}
    plan = plans.get(subject.configuration.portfolio) or plans.get("")
    if plan is None:
        return
    for number, slot in enumerate(subject.content.slots, start=1):
        for step in plan.content.steps:
            if 0 <= step.offset < subject.content.days and is_amid_a_debit(step, debits=[slot.at]):
                words = phrase(
                    "Debits at %(slot)s come amid the message “%(step)s” of %(times)s, or within the hour before it.",
                    slot=clock_of(slot.at),
                    step=step.id,
                    times=f"{clock_of(step.at)}–{clock_of(step.until)}",
                )
                yield Finding(Guard.REMINDERS, f"slots.{number}.at", words)
        if plan.content.debits and slot.at not in plan.content.debits:
            words = phrase("The reminder plan in force knows of no debit at %(slot)s.", slot=clock_of(slot.at))
            yield Finding(Guard.REMINDERS, f"slots.{number}.at", words, Severity.WARN)


def versions_do_not_overlap(subject: Checked) -> Iterator[Finding]:
    """A version waiting for its day, or one that ends on a day named before, leaves no room on the days it holds.

    One in force without an end gives way when the next begins.
    """
    version = subject.version
    if version.effective_from is None:
        yield Finding(Guard.RANGE, "effective_from", phrase("Name the first day it is to hold on."))
        return
    begin, end = version.effective_from, version.effective_to
    waiting = Q(state=VersionState.APPROVED.value)
    bounded = Q(state__in=[VersionState.ACTIVE.value, VersionState.CANARY.value], effective_to__isnull=False)
    others = subject.configuration.versions.filter(waiting | bounded).exclude(pk=version.pk)
    for other in others.order_by("number"):
        if other.effective_from is None:
            continue
        is_apart = (end is not None and end <= other.effective_from) or (
            other.effective_to is not None and other.effective_to <= begin
        )
        if not is_apart:
            words = (
                phrase("Version %(number)s holds from %(day)s on.", number=other.number, day=other.effective_from)
                if other.effective_to is None
                else phrase(
                    "Version %(number)s holds from %(day)s until %(end)s.",
                    number=other.number,
                    day=other.effective_from,
                    end=other.effective_to,
                )
            )
            yield Finding(Guard.RANGE, "effective_from", words)
    if end is not None and not followers(version).exists():
        words = phrase("Nothing of this configuration holds from %(day)s on.", day=end)
        yield Finding(Guard.RANGE, "effective_to", words, Severity.WARN)


def followers(version: AutopayVersion) -> QuerySet[AutopayVersion]:
    """The versions two people agreed to that hold when a version's last day is over."""
    waiting = version.configuration.versions.filter(state=VersionState.APPROVED.value)
    return waiting.filter(effective_from__lte=version.effective_to).exclude(pk=version.pk)


def holidays_are_kept(subject: Checked) -> Iterator[Finding]:
    """The calendars are known, and closed days of rails and products are not debited on."""
    content, needed = subject.content, _calendars_needed(subject)
    unknown = [calendar for calendar in content.calendars if calendar not in CALENDARS]
    for calendar in unknown:
        words = phrase("There is no calendar “%(calendar)s”.", calendar=calendar)
        yield Finding(Guard.HOLIDAYS, "calendar", words)
    if unknown:
        return
    for calendar, because in needed:
        if content.holidays == OnHoliday.DEBIT:
            words = phrase(
                "%(because)s keeps the calendar %(calendar)s; debits would run on its holidays.",
                because=because,
                calendar=calendar,
            )
            yield Finding(Guard.HOLIDAYS, "holidays", words)
        elif calendar not in content.calendars:
            words = phrase(
                "%(because)s keeps the calendar %(calendar)s, and not %(other)s.",
                because=because,
                calendar=calendar,
                other=", ".join(content.calendars),
            )
            yield Finding(Guard.HOLIDAYS, "calendar", words)
    first = subject.version.effective_from or subject.today
    if not all(is_known(calendar=calendar, year=first.year) for calendar in content.calendars):
        words = phrase("The days of %(year)s are not certain yet in this calendar.", year=first.year)
        yield Finding(Guard.HOLIDAYS, "calendar", words, Severity.WARN)
    past = sorted(day for day in content.blackout if day < subject.today)
    if past:
        words = phrase("%(day)s is over; it blocks nothing any more.", day=past[0])
        yield Finding(Guard.HOLIDAYS, "blackout", words, Severity.WARN)


def _calendars_needed(subject: Checked) -> list[tuple[str, str]]:
    """Calendars with closed days that rails or products keep, each once, and who keeps it."""
    needed: dict[str, str] = {}
    for code in subject.content.rails:
        rail = subject.rails.get(code)
        if rail is not None and rail.calendar:
            needed.setdefault(rail.calendar, rail.name)
    for terms in subject.terms:
        if terms.holiday_shift != "none" and terms.calendar != "none":
            needed.setdefault(terms.calendar, phrase("The product"))
    return list(needed.items())


def the_amount_fits_the_product(subject: Checked) -> Iterator[Finding]:
    """Two bills of a loan are not tried at once."""
    content = subject.content
    shortest = min((DAYS_OF[terms.unit] * terms.every for terms in subject.terms), default=None)
    if shortest is not None and content.days > shortest:
        words = phrase(
            "Bills come every %(days)s days at the least; the next one is due while this one is still tried.",
            days=shortest,
        )
        yield Finding(Guard.AMOUNT, "days", words, Severity.WARN)


def a_trial_comes_first(subject: Checked) -> Iterator[Finding]:
    """A version is tried on few loans before it holds for all, and what it has to reach there is more than nothing."""
    canary = subject.content.canary
    if not canary.is_trial:
        words = phrase("There is no trial: from its first day it holds for all its loans at once.")
        yield Finding(Guard.TRIAL, "canary.share", words, Severity.WARN)
    elif not canary.least_success:
        words = phrase("The trial is passed by whatever comes of it: no share of its bills has to be settled.")
        yield Finding(Guard.TRIAL, "canary.least_success", words, Severity.WARN)


def templates_are_active(subject: Checked) -> Iterator[Finding]:
    """Whoever is notified of an outcome gets words somebody approved."""
    wanted = subject.content.notify
    active = set(
        TemplateVersion.objects.filter(
            template__code__in=wanted.values(), state=TemplateState.ACTIVE.value
        ).values_list("template__code", flat=True)
    )
    for outcome, code in wanted.items():
        if code not in active:
            words = phrase("No active template has the code “%(code)s”.", code=code)
            yield Finding(Guard.TEMPLATES, f"notify.{outcome}", words)


def _minutes(at: time) -> int:
    return at.hour * 60 + at.minute


@dataclass(frozen=True, slots=True)
class Unsound:
    """A version in force, or agreed to, and one sentence of a guard that would refuse it as the world is now."""

    label: str
    guard: Guard
    field: str
    words: str


def unsound_over(*, rail: str) -> tuple[Unsound, ...]:
    """What guards refuse of the versions that rule, or are about to, and use a rail; nothing where none does."""
    return _unsound([each for each in _ruling() if rail in (each.content.get("rails") or ())])


def unsound_paying(*, payee: str) -> tuple[Unsound, ...]:
    """What guards refuse of the versions that rule, or are about to, and name a payee; nothing where none does."""
    named = {naming.version_id for naming in versions_naming(code=payee) if naming.rules}
    return _unsound([each for each in _ruling() if each.pk in named])


def _ruling() -> QuerySet[AutopayVersion]:
    states = [state.value for state in RULING]
    rows = AutopayVersion.objects.filter(state__in=states).select_related("configuration")
    return rows.order_by("configuration__code", "number")


def _unsound(versions: Iterable[AutopayVersion]) -> tuple[Unsound, ...]:
    return tuple(
        Unsound(version_label(version), finding.guard, finding.field, finding.words)
        for version in versions
        for finding in findings_of(version)
        if finding.refuses
    )


GUARDS: Final = (
    payees_are_active,
    money_goes_where_it_belongs,
    shares_are_those_of_the_contracts,
    rails_exist_and_are_mapped,
    slots_fit_the_rails,
    slots_fit_the_reminders,
    versions_do_not_overlap,
    holidays_are_kept,
    the_amount_fits_the_product,
    templates_are_active,
    limits_leave_room,
    a_trial_comes_first,
)
