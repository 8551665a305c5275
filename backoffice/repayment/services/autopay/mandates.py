"""The verbs of a mandate: signed, confirmed, suspended, resumed, revoked, bound anew, its limits and its order.

A verb that a rail has to know writes the row first; the call goes out once the transaction is committed, the caller's
where there is one (`mandate_telling`). A mandate may therefore come back as it was before the rail has answered.
"""

import secrets
from collections.abc import Sequence
from dataclasses import asdict
from datetime import date, datetime
from decimal import Decimal
from typing import Any, ClassVar, Final

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from backoffice.core.actors import Actor
from backoffice.core.errors import Refusal
from backoffice.customers.services.locking import locked_one
from backoffice.repayment.domain.autopay.mandate_states import MandateState
from backoffice.repayment.domain.autopay.mandate_terms import (
    Binding,
    Fault,
    Limits,
    faults_of_binding,
    faults_of_limits,
)
from backoffice.repayment.models import Mandate, Rail
from backoffice.repayment.services.autopay import mandate_telling
from backoffice.repayment.services.autopay.mandate_moving import in_state, locked, move, note

BOUND: Final = (MandateState.ACTIVE.value, MandateState.SIGNING.value)
"""The states in which an account counts as bound."""
RUNNING: Final = (*BOUND, MandateState.SUSPENDED.value)
"""The states of what is not over; these have an order."""

FAULT_TEXTS: Final = {
    Fault.MALFORMED: gettext_lazy("letters, digits, points and dashes, and not too many"),
    Fault.LOOKS_LIKE_A_NUMBER: gettext_lazy("this looks like the number itself, which is never kept"),
    Fault.NOT_POSITIVE: gettext_lazy("must be more than zero"),
    Fault.ORDER: gettext_lazy("a day allows no less than one debit, a month no less than a day"),
}


class MandateRefused(Refusal):
    """What was asked for cannot be agreed to; `fields` says which part and why."""

    code: ClassVar[str] = "repayment.mandate_refused"


class AccountBoundAlready(Refusal):
    """The borrower has an agreement for this account over this rail."""

    code: ClassVar[str] = "repayment.account_bound_already"
    status: ClassVar[int] = 409


class BoundAnewAlready(Refusal):
    """An agreement that takes over from it is being signed."""

    code: ClassVar[str] = "repayment.mandate_bound_anew_already"
    status: ClassVar[int] = 409


class MandateExpired(Refusal):
    """Its last day is over, though the close has not ended it yet."""

    code: ClassVar[str] = "repayment.mandate_expired"
    status: ClassVar[int] = 409


class OrderNotWhole(Refusal):
    """The new order names other mandates than the borrower has."""

    code: ClassVar[str] = "repayment.mandate_order_not_whole"


def sign(
    *,
    borrower_id: int,
    rail_id: int,
    binding: Binding,
    actor: Actor,
    at: datetime,
    limits: Limits | None = None,
    allows_partial: bool = False,
    valid_through: date | None = None,
    reason: str = "",
    source: str = "console",
) -> Mandate:
    """Asks the rail for an agreement; it is the borrower's last in order. What comes back may still be `signing`.

    Raises BorrowerNotFound, BorrowerIsMerged, MandateRefused, AccountBoundAlready.
    """
    terms = limits or Limits()
    _check(binding, terms, valid_through=valid_through, at=at)
    with transaction.atomic():
        locked_one(borrower_id=borrower_id)
        rail = _rail(rail_id)
        running = Mandate.objects.filter(borrower_id=borrower_id, state__in=RUNNING)
        last = running.order_by("-priority").values_list("priority", flat=True).first()
        mandate = _new(
            borrower_id=borrower_id,
            rail=rail,
            binding=binding,
            limits=terms,
            at=at,
            priority=(last or 0) + 1,
            allows_partial=allows_partial,
            valid_through=valid_through,
            source=source,
        )
        note(mandate, before=None, cause="signing", actor=actor, at=at, reason=reason, details={"rail": rail.code})
        mandate_telling.tell_afterwards([mandate.pk], at=at, actor=actor)
    return _as_it_is(mandate)


def rebind(
    *,
    mandate_id: int,
    binding: Binding,
    actor: Actor,
    at: datetime,
    rail_id: int | None = None,
    valid_through: date | None = None,
    reason: str = "",
) -> Mandate:
    """Asks for a new agreement that takes over from one in force, with its limits and its place in the order.

    The old one stays until the new one is in force, and is then replaced; gives the new one. Raises as `sign` does,
    MandateInState, and MandateRefused for another currency.
    """
    _check(binding, Limits(), valid_through=valid_through, at=at)
    with transaction.atomic():
        old = locked(mandate_id)
        if old.state not in {MandateState.ACTIVE, MandateState.SUSPENDED}:
            raise in_state(old)
        if Mandate.objects.filter(replaces=old).exists():
            raise BoundAnewAlready(
                _("Another agreement is being signed to take over from %(number)s.") % {"number": old.agreement_no},
                next_step=_("Wait for the rail's answer, or revoke that agreement first."),
            )
        if binding.currency != old.currency:
            raise _refused({"currency": _("the new agreement keeps the currency of the old one")})
        mandate = _new(
            borrower_id=old.borrower_id,
            rail=_rail(rail_id or old.rail_id),
            binding=binding,
            limits=Limits(single=old.single_limit, day=old.day_limit, month=old.month_limit),
            at=at,
            priority=old.priority,
            allows_partial=old.allows_partial,
            valid_through=valid_through,
            source=old.source,
            replaces=old,
        )
        details = {"rail": mandate.rail.code, "replaces": old.agreement_no}
        note(mandate, before=None, cause="signing", actor=actor, at=at, reason=reason, details=details)
        mandate_telling.tell_afterwards([mandate.pk], at=at, actor=actor)
    return _as_it_is(mandate)


def confirm(*, mandate_id: int, actor: Actor, at: datetime, reason: str, signed_on: date | None = None) -> Mandate:
    """Brings an agreement into force: a person has seen it signed, or the rail, where it keeps agreements, is asked.

    It is still `signing` when the rail does not say that it is in force. Raises MandateNotFound, MandateInState.
    """
    with transaction.atomic():
        mandate = locked(mandate_id)
        if mandate.state != MandateState.SIGNING:
            raise in_state(mandate)
        if mandate_telling.is_told(mandate.rail):
            to_tell = [mandate.pk]
        else:
            mandate.signed_on = signed_on
            to_tell = mandate_telling.activate(mandate, at=at, actor=actor, reason=reason)
        mandate_telling.tell_afterwards(to_tell, at=at, actor=actor, ask_first=True)
    return _as_it_is(mandate)


@transaction.atomic
def suspend(*, mandate_id: int, reason: str, actor: Actor, at: datetime) -> Mandate:
    """No debits over it until it is resumed; planned ones are dropped. Raises MandateNotFound, MandateInState."""
    mandate = locked(mandate_id)
    move(
        mandate,
        to=_other_than(mandate, MandateState.SUSPENDED),
        cause="suspended",
        actor=actor,
        at=at,
        reason=reason,
        tell_at=mandate.tell_at,
    )
    return mandate


@transaction.atomic
def resume(*, mandate_id: int, reason: str, actor: Actor, at: datetime) -> Mandate:
    """A suspended one may be debited again.

    Raises MandateNotFound, MandateInState, AccountBoundAlready, MandateExpired.
    """
    mandate = locked(mandate_id)
    if mandate.state != MandateState.SUSPENDED:
        raise in_state(mandate)
    if mandate.valid_through is not None and mandate.valid_through < timezone.localtime(at).date():
        raise MandateExpired(
            _("The agreement was valid through %(day)s.") % {"day": mandate.valid_through},
            next_step=_("Ask the borrower to sign a new one."),
        )
    _check_unbound(mandate.borrower_id, rail_id=mandate.rail_id, token=mandate.token)
    move(
        mandate,
        to=MandateState.ACTIVE,
        cause="resumed",
        actor=actor,
        at=at,
        reason=reason,
        tell_at=mandate.tell_at,
    )
    return mandate


def revoke(*, mandate_id: int, reason: str, actor: Actor, at: datetime) -> Mandate:
    """Ends an agreement here at once, drops what was planned over it, and tells the rail, until it knows.

    Raises MandateNotFound, MandateInState.
    """
    with transaction.atomic():
        mandate = locked(mandate_id)
        to = _other_than(mandate, MandateState.REVOKED)
        tell_at = mandate_telling.first_telling(mandate.rail, at=at)
        # What it was to take over may be bound anew.
        mandate.replaces = None if mandate.state == MandateState.SIGNING else mandate.replaces
        move(mandate, to=to, cause="revoked", actor=actor, at=at, reason=reason, tell_at=tell_at)
        mandate_telling.tell_afterwards([mandate.pk], at=at, actor=actor)
    return _as_it_is(mandate)


def change_limits(
    *, mandate_id: int, limits: Limits, allows_partial: bool, reason: str, actor: Actor, at: datetime
) -> Mandate:
    """Sets what an agreement allows, and tells the rail. Raises MandateNotFound, MandateInState, MandateRefused."""
    _refuse_faults(faults_of_limits(limits))
    with transaction.atomic():
        mandate = locked(mandate_id)
        if mandate.state not in RUNNING:
            raise in_state(mandate)
        before = _limits_of(mandate)
        mandate.single_limit, mandate.day_limit, mandate.month_limit = limits.single, limits.day, limits.month
        mandate.allows_partial = allows_partial
        after = _limits_of(mandate)
        if before == after:
            return mandate
        move(
            mandate,
            to=MandateState(mandate.state),
            cause="limits_changed",
            actor=actor,
            at=at,
            reason=reason,
            details={"from": before, "to": after},
            tell_at=mandate_telling.first_telling(mandate.rail, at=at),
        )
        mandate_telling.tell_afterwards([mandate.pk], at=at, actor=actor)
    return _as_it_is(mandate)


@transaction.atomic
def reorder(*, borrower_id: int, mandate_ids: Sequence[int], reason: str, actor: Actor, at: datetime) -> list[Mandate]:
    """Puts a borrower's mandates into an order, the one to debit first at the front. Raises OrderNotWhole."""
    locked_one(borrower_id=borrower_id)
    running = list(
        Mandate.objects.select_for_update().filter(borrower_id=borrower_id, state__in=RUNNING).order_by("pk")
    )
    by_id = {mandate.pk: mandate for mandate in running}
    if sorted(by_id) != sorted(mandate_ids):
        raise OrderNotWhole(
            _("The order must name each running mandate of the borrower once."),
            next_step=_("Open the borrower again; a mandate may have come or gone."),
            fields={"mandates": _("not the mandates of the borrower")},
        )
    for place, mandate_id in enumerate(mandate_ids, start=1):
        mandate = by_id[mandate_id]
        if mandate.priority == place:
            continue
        details = {"from": mandate.priority, "to": place}
        mandate.priority = place
        mandate.save(update_fields=["priority"])
        note(
            mandate,
            before=MandateState(mandate.state),
            cause="reordered",
            actor=actor,
            at=at,
            reason=reason,
            details=details,
        )
    return [by_id[mandate_id] for mandate_id in mandate_ids]


def _new(*, borrower_id: int, rail: Rail, binding: Binding, limits: Limits, at: datetime, **more: Any) -> Mandate:
    """A row in `signing`; its borrower is locked. Raises AccountBoundAlready."""
    _check_unbound(borrower_id, rail_id=rail.pk, token=binding.token)
    return Mandate.objects.create(
        borrower_id=borrower_id,
        rail=rail,
        # Not a running number: numbers of imported agreements are not ours to meet.
        agreement_no=f"AG-{secrets.token_hex(8).upper()}",
        state=MandateState.SIGNING.value,
        tell_at=mandate_telling.first_telling(rail, at=at),
        single_limit=limits.single,
        day_limit=limits.day,
        month_limit=limits.month,
        **asdict(binding),
        **more,
    )


def _rail(rail_id: int) -> Rail:
    rail = Rail.objects.filter(pk=rail_id).first()
    if rail is None:
        raise _refused({"rail": _("there is no such rail")})
    return rail


def _check(binding: Binding, limits: Limits, *, valid_through: date | None, at: datetime) -> None:
    faults = faults_of_binding(binding) | faults_of_limits(limits)
    _refuse_faults(faults)
    if valid_through is not None and valid_through < timezone.localtime(at).date():
        raise _refused({"valid_through": _("this day is over")})


def _check_unbound(borrower_id: int, *, rail_id: int, token: str) -> None:
    bound = Mandate.objects.filter(borrower_id=borrower_id, rail_id=rail_id, token=token, state__in=BOUND).first()
    if bound is not None:
        raise AccountBoundAlready(
            _("This account is bound already by agreement %(number)s.") % {"number": bound.agreement_no},
            next_step=_("Use that agreement, or revoke it before another one is signed."),
            fields={"token": _("bound already")},
        )


def _refuse_faults(faults: dict[str, Fault]) -> None:
    if faults:
        raise _refused({name: str(FAULT_TEXTS[fault]) for name, fault in faults.items()})


def _refused(fields: dict[str, str]) -> MandateRefused:
    return MandateRefused(
        _("The mandate cannot be agreed to like this."),
        next_step=_("Correct what is marked and try again."),
        fields=fields,
    )


def _as_it_is(mandate: Mandate) -> Mandate:
    """The mandate after the rail may have answered."""
    return Mandate.objects.select_related("rail").get(pk=mandate.pk)


def _other_than(mandate: Mandate, to: MandateState) -> MandateState:
    """The state to move to; a mandate that is there already is refused, since nothing would be done."""
    if mandate.state == to:
        raise in_state(mandate)
    return to


def _limits_of(mandate: Mandate) -> dict[str, Any]:
    return {
        "single": _text(mandate.single_limit),
        "day": _text(mandate.day_limit),
        "month": _text(mandate.month_limit),
        "partial": mandate.allows_partial,
    }


def _text(limit: Decimal | None) -> str | None:
    return None if limit is None else f"{limit.normalize():f}"
