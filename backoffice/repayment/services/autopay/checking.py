"""The guards of a configuration before it runs: what its content says, and what only the database knows.

Each guard is one function that gives its findings; `findings_of` runs them all and changes nothing. A check that
refuses nothing moves a draft on; submitting and approving run the guards again, since the world moves.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, time, timedelta
from decimal import Decimal
from typing import Any, ClassVar, Final

from django.db import transaction
from django.db.models import Q
from django.utils.translation import gettext as _

from backoffice.calendars.domain.working_days import CALENDARS, is_known
from backoffice.calendars.selectors import business_date
from backoffice.core.actors import Actor
from backoffice.core.bulk import fetch
from backoffice.core.errors import Refusal
from backoffice.core.money import ZERO
from backoffice.core.telling import told
from backoffice.core.words import amount_of, phrase
from backoffice.outreach.domain.reminder_plans import is_amid_a_debit
from backoffice.outreach.domain.template_states import TemplateState
from backoffice.outreach.models import TemplateVersion
from backoffice.outreach.services.reminders import plans_in_force
from backoffice.repayment.domain.autopay.actions import ALLOWED
from backoffice.repayment.domain.autopay.amounts import AmountRule
from backoffice.repayment.domain.autopay.codes import Family, shipped_codes
from backoffice.repayment.domain.autopay.configuration import (
    Configuration,
    ConfigurationFaulty,
    OnHoliday,
    clock_of,
    parse,
)
from backoffice.repayment.domain.autopay.guards import Finding, Guard, Severity, finding_of
from backoffice.repayment.domain.autopay.version_states import VersionState
from backoffice.repayment.domain.terms import Terms
from backoffice.repayment.domain.terms_form import from_json as terms_from_json
from backoffice.repayment.models import BankLimit, Loan, Payee, ProductVersion, Rail
from backoffice.repayment.models.autopay.configurations import AutopayConfiguration, AutopayVersion
from backoffice.repayment.selectors.autopay.configurations import loans_of
from backoffice.repayment.selectors.verification import statement
from backoffice.repayment.services.autopay.drafting import locked_version, move, not_in_state, note_down

PRINCIPAL_KINDS: Final = frozenset({Payee.Kind.FUNDER, Payee.Kind.LENDER})
KEEPER_KINDS: Final = frozenset({Payee.Kind.LENDER, Payee.Kind.PLATFORM})
LOOK_AHEAD: Final = timedelta(days=30)
"""How far the bills reach that limits are compared with."""
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


@dataclass(frozen=True, slots=True)
class Checked:
    """What the guards look at: whose loans, which days, what the content says, and the rows it names."""

    configuration: AutopayConfiguration
    version: AutopayVersion
    content: Configuration
    rails: Mapping[str, Rail]
    payees: Mapping[str, Payee]
    terms: tuple[Terms, ...]
    today: date


@transaction.atomic
def check_version(*, version_id: int, actor: Actor) -> AutopayVersion:
    """Run the guards over a draft and keep what they found; without a finding that refuses it is checked.

    Raises ConfigurationNotFound, ConfigurationNotInState.
    """
    version = locked_version(version_id)
    if version.state not in {VersionState.DRAFT, VersionState.CHECKED, VersionState.SIMULATED}:
        raise not_in_state(version)
    found = findings_of(version)
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
    subject = _subject(version, content)
    return tuple(finding for guard in GUARDS for finding in guard(subject))


def _subject(version: AutopayVersion, content: Configuration) -> Checked:
    configuration = version.configuration
    products = ProductVersion.objects.filter(
        state=ProductVersion.State.ACTIVE, product__portfolio=configuration.portfolio
    )
    if configuration.product_id:
        products = products.filter(product_id=configuration.product_id)
    codes = {share.payee for shares in content.payees.values() for share in shares} | {content.keeper}
    return Checked(
        configuration=configuration,
        version=version,
        content=content,
        rails={rail.code: rail for rail in Rail.objects.filter(code__in=content.rails)},
        payees={payee.code: payee for payee in Payee.objects.filter(code__in=codes)},
        terms=tuple(terms_from_json(each) for each in products.order_by("pk").values_list("terms", flat=True)),
        today=business_date(),
    )


def payees_are_active(subject: Checked) -> Iterator[Finding]:
    """Every payee named is there and still paid."""
    named = [(f"payees.{part}", share.payee) for part, shares in subject.content.payees.items() for share in shares]
    for field, code in [*named, ("keeper", subject.content.keeper)]:
        payee = subject.payees.get(code)
        if payee is None:
            yield Finding(Guard.PAYEES, field, phrase("There is no payee “%(payee)s”.", payee=code))
        elif not payee.is_active:
            yield Finding(Guard.PAYEES, field, phrase("%(payee)s is not paid any more.", payee=payee.name))


def money_goes_where_it_belongs(subject: Checked) -> Iterator[Finding]:
    """Principal to who funds the loans, guarantee fees to guarantors, what is held to the lender or platform."""
    configuration = subject.configuration
    if configuration.funder and not loans_of(configuration).exists():
        yield Finding(
            Guard.FUNDER,
            "funder",
            phrase(
                "No loan of this portfolio and product has the funder “%(funder)s” as its creditor.",
                funder=configuration.funder,
            ),
        )
    for payee in _paid(subject, "principal"):
        if configuration.funder and payee.creditor != configuration.funder:
            yield Finding(
                Guard.FUNDER,
                "payees.principal",
                phrase(
                    "The principal would go to %(payee)s, and not to the funder “%(funder)s”.",
                    payee=payee.name,
                    funder=configuration.funder,
                ),
            )
        elif not configuration.funder:
            yield from _principal_of_all(subject, payee)
    for payee in _paid(subject, "guarantee_fee"):
        if payee.kind != Payee.Kind.GUARANTOR:
            words = phrase("Guarantee fees would go to %(payee)s, who is no guarantor.", payee=payee.name)
            yield Finding(Guard.FUNDER, "payees.guarantee_fee", words)
    keeper = subject.payees.get(subject.content.keeper)
    if keeper is not None and keeper.kind not in KEEPER_KINDS:
        words = phrase(
            "%(payee)s is neither lender nor platform and cannot keep money of borrowers.", payee=keeper.name
        )
        yield Finding(Guard.FUNDER, "keeper", words)
    yield from _guarantors_of_the_terms(subject)


def _principal_of_all(subject: Checked, payee: Payee) -> Iterator[Finding]:
    """A configuration for every funder: its payee of principal may be the creditor of no other loans than those."""
    if payee.kind not in PRINCIPAL_KINDS:
        words = phrase("The principal would go to %(payee)s, who is neither funder nor lender.", payee=payee.name)
        yield Finding(Guard.FUNDER, "payees.principal", words)
        return
    if not payee.creditor:
        return
    own = AutopayConfiguration.objects.filter(portfolio=subject.configuration.portfolio).exclude(funder="")
    others = (
        loans_of(subject.configuration)
        .exclude(creditor=payee.creditor)
        .exclude(creditor__in=own.values("funder"))
        .exclude(status=Loan.Status.CLOSED)
    )
    strange = others.order_by("creditor").values_list("creditor", flat=True).distinct().first()
    if strange is not None:
        words = phrase(
            "Loans of the creditor “%(creditor)s” would pay their principal to %(payee)s.",
            creditor=strange,
            payee=payee.name,
        )
        yield Finding(Guard.FUNDER, "payees.principal", words)


def _guarantors_of_the_terms(subject: Checked) -> Iterator[Finding]:
    named = {rule.payee for terms in subject.terms for rule in terms.fees if rule.component == "guarantee_fee"}
    paid = {name for payee in _paid(subject, "guarantee_fee") for name in (payee.code, payee.name, payee.creditor)}
    for name in sorted(named - paid):
        words = phrase("The terms name “%(payee)s” for guarantee fees, the payees do not.", payee=name)
        yield Finding(Guard.FUNDER, "payees.guarantee_fee", words, Severity.WARN)


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


def holidays_are_kept(subject: Checked) -> Iterator[Finding]:
    """The calendar is known, and closed days of rails and products are not debited on."""
    content, needed = subject.content, _calendars_needed(subject)
    if content.calendar and content.calendar not in CALENDARS:
        words = phrase("There is no calendar “%(calendar)s”.", calendar=content.calendar)
        yield Finding(Guard.HOLIDAYS, "calendar", words)
        return
    for calendar, because in needed.items():
        if content.holidays == OnHoliday.DEBIT:
            words = phrase(
                "%(because)s keeps the calendar %(calendar)s; debits would run on its holidays.",
                because=because,
                calendar=calendar,
            )
            yield Finding(Guard.HOLIDAYS, "holidays", words)
        elif content.calendar != calendar:
            words = phrase(
                "%(because)s keeps the calendar %(calendar)s, and not %(other)s.",
                because=because,
                calendar=calendar,
                other=content.calendar,
            )
            yield Finding(Guard.HOLIDAYS, "calendar", words)
    first = subject.version.effective_from or subject.today
    if content.calendar and not is_known(calendar=content.calendar, year=first.year):
        words = phrase("The days of %(year)s are not certain yet in this calendar.", year=first.year)
        yield Finding(Guard.HOLIDAYS, "calendar", words, Severity.WARN)
    past = sorted(day for day in content.blackout if day < subject.today)
    if past:
        words = phrase("%(day)s is over; it blocks nothing any more.", day=past[0])
        yield Finding(Guard.HOLIDAYS, "blackout", words, Severity.WARN)


def _calendars_needed(subject: Checked) -> dict[str, str]:
    """Calendars with closed days that rails or products keep, and who keeps each."""
    needed = {
        str(rail.settings["calendar"]): rail.name for rail in subject.rails.values() if rail.settings.get("calendar")
    }
    for terms in subject.terms:
        if terms.holiday_shift != "none" and terms.calendar != "none":
            needed.setdefault(terms.calendar, phrase("The product"))
    return needed


def the_amount_fits_the_product(subject: Checked) -> Iterator[Finding]:
    """The rule asks for something on every day it is tried on, and two bills of a loan are not tried at once."""
    content = subject.content
    if content.amount == AmountRule.CURRENT_ONLY and content.days > 1:
        words = phrase("After its due date nothing of a bill is current: from the second day on nothing is asked for.")
        yield Finding(Guard.AMOUNT, "days", words, Severity.WARN)
    if content.amount == AmountRule.CURRENT_ONLY and content.holidays == OnHoliday.NEXT_WORKING_DAY:
        words = phrase("A bill put off by a holiday is not current any more; nothing is asked for.")
        yield Finding(Guard.AMOUNT, "holidays", words, Severity.WARN)
    shortest = min((DAYS_OF[terms.unit] * terms.every for terms in subject.terms), default=None)
    if shortest is not None and content.days > shortest:
        words = phrase(
            "Bills come every %(days)s days at the least; the next one is due while this one is still tried.",
            days=shortest,
        )
        yield Finding(Guard.AMOUNT, "days", words, Severity.WARN)


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


def limits_leave_room(subject: Checked) -> Iterator[Finding]:
    """Where an amount over a limit is not split, the usual bill has to lie below what banks allow in one debit."""
    if subject.content.split_over_limit:
        return
    limits: dict[str, Decimal] = {}
    rows = BankLimit.objects.filter(
        rail__code__in=subject.content.rails, single__isnull=False, effective_from__lte=subject.today
    )
    latest = rows.order_by("rail_id", "bank", "currency", "-effective_from").distinct("rail_id", "bank", "currency")
    for row in latest:
        single = row.single or ZERO
        limits[row.currency] = min(limits.get(row.currency, single), single)
    if not limits:
        return
    for currency, usual in _usual_bills(subject):
        if currency in limits and limits[currency] < usual:
            words = phrase(
                "A bank allows %(limit)s in one debit, the usual bill is %(bill)s, and nothing is split: "
                "such bills are not debited.",
                limit=amount_of(limits[currency], currency=currency),
                bill=amount_of(usual, currency=currency),
            )
            yield Finding(Guard.LIMITS, "split_over_limit", words, Severity.WARN)


def _usual_bills(subject: Checked) -> list[tuple[str, Decimal]]:
    configuration = subject.configuration
    params: dict[str, Any] = {
        "portfolio": configuration.portfolio,
        "product": configuration.product_id,
        "funder": configuration.funder,
        "first": subject.today,
        "last": subject.today + LOOK_AHEAD,
    }
    return [(row[0], row[1]) for row in fetch(statement("usual_bills.sql"), params)]


def _paid(subject: Checked, component: str) -> list[Payee]:
    shares = subject.content.payees[component]
    return [subject.payees[share.payee] for share in shares if share.payee in subject.payees]


def _minutes(at: time) -> int:
    return at.hour * 60 + at.minute


GUARDS: Final = (
    payees_are_active,
    money_goes_where_it_belongs,
    rails_exist_and_are_mapped,
    slots_fit_the_rails,
    slots_fit_the_reminders,
    versions_do_not_overlap,
    holidays_are_kept,
    the_amount_fits_the_product,
    templates_are_active,
    limits_leave_room,
)
