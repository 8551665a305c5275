"""The verbs of rails: set up, paused with a reason, resumed; and what a bank allows on one, from a day on."""

from collections.abc import Collection, Mapping
from datetime import date, datetime, time
from decimal import Decimal
from typing import Any, ClassVar, Final

from django.db import transaction
from django.utils.translation import gettext as _

from backoffice.audit import services as audit
from backoffice.calendars.domain.working_days import CALENDARS
from backoffice.core.actors import Actor
from backoffice.core.errors import Refusal
from backoffice.core.telling import told
from backoffice.repayment.domain.autopay.codes import SCHEMES
from backoffice.repayment.domain.autopay.mandate_terms import Limits, faults_of_limits
from backoffice.repayment.models import BankLimit, Rail
from backoffice.repayment.services.autopay.checking import Unsound, unsound_over
from backoffice.repayment.services.autopay.mandates import FAULT_TEXTS

SUBJECT: Final = "repayment.rail"
LIMIT_SUBJECT: Final = "repayment.bank_limit"
SET_BY_PEOPLE: Final = ("name", "kind", "scheme", "url", "opens", "closes", "cut_off", "calendar", "per_second")
SANDBOX_RAILS: Final = (
    ("union", "Sandbox agreement payment", Rail.Kind.HTTP, "unionpay", "http"),
    ("iso", "Sandbox ISO 20022 files", Rail.Kind.ISO20022, "iso20022", "iso20022"),
)
"""Code, name, kind, codes, and the last part of the address at the sandbox."""


class RailNotFound(Refusal):
    """There is no such rail."""

    code: ClassVar[str] = "repayment.rail_not_found"
    status: ClassVar[int] = 404


class RailInState(Refusal):
    """It is paused already, or it is not."""

    code: ClassVar[str] = "repayment.rail_in_state"
    status: ClassVar[int] = 409


class RailRefused(Refusal):
    """The settings cannot be used; `fields` says which and why."""

    code: ClassVar[str] = "repayment.rail_refused"


class RailBreaksVersions(Refusal):
    """Versions that debit over the rail, or are about to, do not fit it as it would be."""

    code: ClassVar[str] = "repayment.rail_breaks_versions"
    status: ClassVar[int] = 409


class LimitRefused(Refusal):
    """The limit cannot be set; `fields` says what of it and why."""

    code: ClassVar[str] = "repayment.bank_limit_refused"


@transaction.atomic
def set_rail(
    *,
    code: str,
    name: str,
    kind: str,
    scheme: str,
    url: str,
    actor: Actor,
    opens: time = time(0, 5),
    closes: time = time(23, 50),
    cut_off: time = time(22, 0),
    calendar: str = "",
    per_second: Decimal = Decimal(200),
    reason: str = "",
) -> Rail:
    """Sets a rail up, or changes one, by its code. The secret is not among it.

    `calendar`: on its closed days nothing may be debited; empty: every day is open. Raises RailRefused, and
    RailBreaksVersions where guards would refuse a version in force, or agreed to, that they let pass before.
    """
    values: dict[str, Any] = {
        "name": name,
        "kind": kind,
        "scheme": scheme,
        "url": url.rstrip("/"),
        "opens": opens,
        "closes": closes,
        "cut_off": cut_off,
        "calendar": calendar,
        "per_second": per_second,
    }
    rail = Rail.objects.select_for_update(no_key=True).filter(code=code).first()
    before = None if rail is None else {field: getattr(rail, field) for field in SET_BY_PEOPLE}
    _check(values, rail)
    unsound = () if rail is None else unsound_over(rail=code)
    if rail is None:
        rail = Rail(code=code)
    for field, value in values.items():
        setattr(rail, field, value)
    rail.save()
    _refuse_to_break(rail, unsound=unsound)
    if before != values:
        _note(rail, verb="set", actor=actor, reason=reason, before=before, after=values | {"code": code})
    return rail


@transaction.atomic
def set_rail_calendar(*, rail_id: int, calendar: str, reason: str, actor: Actor) -> Rail:
    """Whose closed days a rail keeps. Raises RailNotFound, RailRefused, RailBreaksVersions."""
    code = Rail.objects.filter(pk=rail_id).values_list("code", flat=True).first()
    if code is None:
        raise rail_not_found()
    rail = Rail.objects.select_for_update(no_key=True).get(code=code)
    values = {field: getattr(rail, field) for field in SET_BY_PEOPLE} | {"calendar": calendar}
    return set_rail(code=code, actor=actor, reason=reason, **values)


@transaction.atomic
def set_sandbox_rails(*, url: str, actor: Actor) -> int:
    """Sets up the sandbox's rails under `url`; how many."""
    for code, name, kind, scheme, place in SANDBOX_RAILS:
        address = f"{url.rstrip('/')}/rails/{place}"
        set_rail(code=code, name=name, kind=kind, scheme=scheme, url=address, actor=actor)
    return len(SANDBOX_RAILS)


@transaction.atomic
def pause_rail(*, rail_id: int, reason: str, actor: Actor) -> Rail:
    """Lets nothing more out over a rail; what is at the bank already is answered and booked as ever.

    Raises RailNotFound, RailInState, RailRefused for no reason.
    """
    if not reason.strip():
        raise RailRefused(
            _("Say why the rail is paused."),
            next_step=_("Whoever resumes it reads the reason."),
            fields={"reason": _("This is needed.")},
        )
    rail = _locked(rail_id, paused=False)
    rail.is_paused, rail.paused_reason = True, reason.strip()[:300]
    rail.save(update_fields=["is_paused", "paused_reason"])
    _note(rail, verb="paused", actor=actor, reason=reason, after={"is_paused": True})
    return rail


@transaction.atomic
def resume_rail(*, rail_id: int, reason: str, actor: Actor, at: datetime) -> Rail:
    """Lets debits out again; its bucket starts empty, so that what waited does not leave at one blow.

    Raises RailNotFound, RailInState.
    """
    rail = _locked(rail_id, paused=True)
    rail.is_paused, rail.paused_reason = False, ""
    rail.tokens, rail.refilled_at = Decimal(0), at
    rail.save(update_fields=["is_paused", "paused_reason", "tokens", "refilled_at"])
    _note(rail, verb="resumed", actor=actor, reason=reason, after={"is_paused": False})
    return rail


@transaction.atomic
def set_bank_limit(
    *,
    rail_id: int,
    bank: str,
    currency: str,
    limits: Limits,
    attempts_a_day: int | None,
    effective_from: date,
    today: date,
    actor: Actor,
    reason: str = "",
) -> BankLimit:
    """What a bank allows on a rail from a day on; an empty bank is every bank without a row of its own.

    The latest row whose day has come counts; rows of days past stay as they were. Raises RailNotFound, LimitRefused.
    """
    faults = {name: str(FAULT_TEXTS[fault]) for name, fault in faults_of_limits(limits).items()}
    if effective_from < today:
        faults["effective_from"] = _("this day is over")
    if attempts_a_day == 0:
        faults["attempts_a_day"] = _("must be more than zero")
    if faults:
        raise LimitRefused(
            _("The limit cannot be set like this."),
            next_step=_("Correct what is marked and try again."),
            fields={_FIELDS.get(name, name): why for name, why in faults.items()},
        )
    rail = Rail.objects.select_for_update(no_key=True).filter(pk=rail_id).first()
    if rail is None:
        raise rail_not_found()
    values = {"single": limits.single, "day": limits.day, "month": limits.month, "attempts_a_day": attempts_a_day}
    limit, _is_new = BankLimit.objects.update_or_create(
        rail=rail, bank=bank, currency=currency, effective_from=effective_from, defaults=values
    )
    audit.record(
        verb=f"{LIMIT_SUBJECT}.set",
        subject_type=LIMIT_SUBJECT,
        subject_id=limit.pk,
        actor=actor,
        reason=reason.strip(),
        after=values | {"rail": rail.code, "bank": bank, "currency": currency, "effective_from": effective_from},
    )
    return limit


_FIELDS: Final = {"single_limit": "single", "day_limit": "day", "month_limit": "month"}
"""Where a limit of a bank is called otherwise than a limit of a mandate."""


def rail_not_found() -> RailNotFound:
    """The refusal, said the same everywhere."""
    return RailNotFound(_("There is no such rail."), next_step=_("Look in the list of rails."))


def _locked(rail_id: int, *, paused: bool) -> Rail:
    rail = Rail.objects.select_for_update(no_key=True).filter(pk=rail_id).first()
    if rail is None:
        raise rail_not_found()
    if rail.is_paused != paused:
        said = _("The rail is not paused.") if paused else _("The rail is paused already.")
        raise RailInState(said, next_step=_("Look at the rail again; somebody was quicker."))
    return rail


def _check(values: Mapping[str, Any], rail: Rail | None) -> None:
    faults: dict[str, str] = {}
    if values["scheme"] not in SCHEMES:
        faults["scheme"] = _("there are no such codes")
    if values["opens"] >= values["closes"]:
        faults["closes"] = _("a rail opens before it closes")
    if values["per_second"] <= 0:
        faults["per_second"] = _("must be more than zero")
    if values["calendar"] and values["calendar"] not in CALENDARS:
        faults["calendar"] = _("there is no such calendar")
    if rail is not None and rail.kind != values["kind"]:
        faults["kind"] = _("a rail keeps its kind")
    if faults:
        raise RailRefused(
            _("The rail cannot be set up like this."),
            next_step=_("Correct what is marked and try again."),
            fields=faults,
        )


def _refuse_to_break(rail: Rail, *, unsound: Collection[Unsound]) -> None:
    """Raises RailBreaksVersions for versions guards refuse from now on that they did not refuse before."""
    broken = [each for each in unsound_over(rail=rail.code) if each not in unsound]
    if broken:
        raise RailBreaksVersions(
            _("%(rail)s cannot be like this: %(versions)s would not fit it.")
            % {"rail": rail.name, "versions": "; ".join(f"{each.label} ({told(each.words)})" for each in broken)},
            next_step=_("Bring versions into force that fit the rail as it will be, then change it."),
        )


def _note(
    rail: Rail,
    *,
    verb: str,
    actor: Actor,
    reason: str,
    after: Mapping[str, Any],
    before: Mapping[str, Any] | None = None,
) -> None:
    audit.record(
        verb=f"{SUBJECT}.{verb}",
        subject_type=SUBJECT,
        subject_id=rail.pk,
        actor=actor,
        reason=reason.strip(),
        before=before,
        after=after,
    )
