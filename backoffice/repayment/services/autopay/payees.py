"""The verbs of payees: created, changed, retired unless a version in force still names them, taken back into use."""

from typing import Any, ClassVar, Final

from django.db import transaction
from django.utils.translation import gettext as _

from backoffice.audit import services as audit
from backoffice.core.actors import Actor
from backoffice.core.errors import Refusal
from backoffice.repayment.domain.autopay.mandate_terms import is_account_token
from backoffice.repayment.models import Payee
from backoffice.repayment.selectors.autopay.payees import versions_naming

SUBJECT: Final = "repayment.payee"


class PayeeNotFound(Refusal):
    """There is no such payee."""

    code: ClassVar[str] = "repayment.payee_not_found"
    status: ClassVar[int] = 404


class PayeeRefused(Refusal):
    """The payee cannot be like this; `fields` says what and why."""

    code: ClassVar[str] = "repayment.payee_refused"


class PayeeInState(Refusal):
    """It is retired already, or it is not."""

    code: ClassVar[str] = "repayment.payee_in_state"
    status: ClassVar[int] = 409


class PayeeStillNamed(Refusal):
    """A version that rules debits names the payee."""

    code: ClassVar[str] = "repayment.payee_still_named"
    status: ClassVar[int] = 409


@transaction.atomic
def create_payee(
    *, code: str, name: str, kind: str, actor: Actor, creditor: str = "", account: str = "", reason: str = ""
) -> Payee:
    """Somebody debits may be split to. Raises PayeeRefused."""
    _check(account, creditor, besides=code)
    if Payee.objects.filter(code=code).exists():
        raise _refused({"code": _("another payee has this code")})
    payee = Payee.objects.create(code=code, name=name, kind=kind, creditor=creditor, account=account)
    _note(payee, verb="created", actor=actor, reason=reason, after=_values(payee) | {"code": code, "kind": kind})
    return payee


@transaction.atomic
def change_payee(*, payee_id: int, name: str, creditor: str, account: str, reason: str, actor: Actor) -> Payee:
    """Another name, creditor or account; code and kind stay. Raises PayeeNotFound, PayeeRefused."""
    payee = _locked(payee_id)
    _check(account, creditor, besides=payee.code)
    before = _values(payee)
    payee.name, payee.creditor, payee.account = name, creditor, account
    payee.save(update_fields=["name", "creditor", "account"])
    if before != _values(payee):
        _note(payee, verb="changed", actor=actor, reason=reason, before=before, after=_values(payee))
    return payee


@transaction.atomic
def retire_payee(*, payee_id: int, reason: str, actor: Actor) -> Payee:
    """Nothing new may name it. Raises PayeeNotFound, PayeeInState; PayeeStillNamed while a version in force does."""
    payee = _locked(payee_id)
    if not payee.is_active:
        raise _in_state(payee)
    ruling = [naming.label for naming in versions_naming(code=payee.code) if naming.rules]
    if ruling:
        raise PayeeStillNamed(
            _("%(name)s is still paid by %(versions)s.") % {"name": payee.name, "versions": ", ".join(ruling)},
            next_step=_("Bring a version into force that pays somebody else, then retire the payee."),
        )
    payee.is_active = False
    payee.save(update_fields=["is_active"])
    _note(payee, verb="retired", actor=actor, reason=reason, before={"is_active": True}, after={"is_active": False})
    return payee


@transaction.atomic
def reinstate_payee(*, payee_id: int, reason: str, actor: Actor) -> Payee:
    """Takes a retired one back into use. Raises PayeeNotFound, PayeeInState."""
    payee = _locked(payee_id)
    if payee.is_active:
        raise _in_state(payee)
    payee.is_active = True
    payee.save(update_fields=["is_active"])
    _note(payee, verb="reinstated", actor=actor, reason=reason, before={"is_active": False}, after={"is_active": True})
    return payee


def payee_not_found() -> PayeeNotFound:
    """The refusal, said the same everywhere."""
    return PayeeNotFound(_("There is no such payee."), next_step=_("Look in the list of payees."))


def _locked(payee_id: int) -> Payee:
    payee = Payee.objects.select_for_update(no_key=True).filter(pk=payee_id).first()
    if payee is None:
        raise payee_not_found()
    return payee


def _in_state(payee: Payee) -> PayeeInState:
    if payee.is_active:
        said = _("%(name)s is in use.") % {"name": payee.name}
    else:
        said = _("%(name)s is retired already.") % {"name": payee.name}
    return PayeeInState(said, next_step=_("Look at the payee again; somebody was quicker."))


def _check(account: str, creditor: str, *, besides: str) -> None:
    faults: dict[str, str] = {}
    if account and not is_account_token(account):
        faults["account"] = _("a token of the account: letters, digits, points and dashes; never its number")
    if creditor and Payee.objects.filter(creditor=creditor).exclude(code=besides).exists():
        faults["creditor"] = _("another payee is this creditor")
    if faults:
        raise _refused(faults)


def _refused(fields: dict[str, str]) -> PayeeRefused:
    return PayeeRefused(
        _("The payee cannot be like this."), next_step=_("Correct what is marked and try again."), fields=fields
    )


def _values(payee: Payee) -> dict[str, Any]:
    return {"name": payee.name, "creditor": payee.creditor, "account": payee.account}


def _note(
    payee: Payee,
    *,
    verb: str,
    actor: Actor,
    reason: str,
    after: dict[str, Any],
    before: dict[str, Any] | None = None,
) -> None:
    audit.record(
        verb=f"{SUBJECT}.{verb}",
        subject_type=SUBJECT,
        subject_id=payee.pk,
        actor=actor,
        reason=reason.strip(),
        before=before,
        after=after,
    )
