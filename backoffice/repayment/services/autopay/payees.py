"""The verbs of payees: created, changed, retired unless a version in force still names them, taken back into use.

Where money of borrowers goes is the work of two people: a version says to whom, and what a payee in force is, its
account, its creditor and what its contract gives it, changes by a request a second person agrees to.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, ClassVar, Final

from django.db import transaction
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from backoffice.audit import approvals
from backoffice.audit import services as audit
from backoffice.audit.approvals import ApprovedRequest
from backoffice.audit.models import Approval
from backoffice.core.actors import Actor
from backoffice.core.errors import Refusal
from backoffice.core.formats import percent_text
from backoffice.core.telling import told
from backoffice.repayment.domain.autopay.configuration import share_of
from backoffice.repayment.domain.autopay.mandate_terms import is_account_token
from backoffice.repayment.domain.json_form import plain
from backoffice.repayment.models import Payee
from backoffice.repayment.selectors.autopay.payees import versions_naming
from backoffice.repayment.selectors.product_words import COMPONENTS
from backoffice.repayment.services.autopay.checking import Unsound, unsound_paying

SUBJECT: Final = "repayment.payee"
CHANGE: Final = "repayment.payee_change"
FIELD_LABELS: Final = {
    "name": gettext_lazy("Name"),
    "creditor": gettext_lazy("Creditor of loans"),
    "account": gettext_lazy("Account token"),
    "contract_shares": gettext_lazy("Shares by contract"),
}


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


@dataclass(frozen=True, slots=True)
class PayeeChange:
    """What came of a change: the payee as it is now, and the request that waits where a second person has to agree."""

    payee: Payee
    approval_id: int | None = None


@transaction.atomic
def create_payee(
    *,
    code: str,
    name: str,
    kind: str,
    actor: Actor,
    creditor: str = "",
    account: str = "",
    contract_shares: Mapping[str, Any] | None = None,
    reason: str = "",
) -> Payee:
    """Somebody debits may be split to. Raises PayeeRefused."""
    shares = _check(account, creditor, contract_shares or {}, besides=code)
    if Payee.objects.filter(code=code).exists():
        raise _refused({"code": _("another payee has this code")})
    payee = Payee.objects.create(
        code=code, name=name, kind=kind, creditor=creditor, account=account, contract_shares=shares
    )
    _note(payee, verb="created", actor=actor, reason=reason, after=_values(payee) | {"code": code, "kind": kind})
    return payee


@transaction.atomic
def change_payee(
    *,
    payee_id: int,
    name: str,
    creditor: str,
    account: str,
    reason: str,
    actor: Actor,
    contract_shares: Mapping[str, Any] | None = None,
) -> PayeeChange:
    """Another name, creditor, account or contract share (None: as they are); code and kind stay.

    Where a version that rules debits names the payee, a second person agrees to anything but another name. Raises
    PayeeNotFound, PayeeRefused, and what `approvals.submit` refuses.
    """
    payee = _locked(payee_id)
    given = payee.contract_shares if contract_shares is None else contract_shares
    shares = _check(account, creditor, given, besides=payee.code)
    after = {"name": name, "creditor": creditor, "account": account, "contract_shares": shares}
    before = _values(payee)
    changed = {field for field in after if after[field] != before[field]}
    if changed <= {"name"} or not _ruling(payee):
        return PayeeChange(_set(payee, after, actor=actor, reason=reason))
    asked = approvals.submit(
        verb=CHANGE,
        subject_type=SUBJECT,
        subject_id=payee.pk,
        payload={"before": before, "after": after},
        reason=reason,
        actor=actor,
        consequence=_in_words(payee, after),
    )
    return PayeeChange(payee, asked.pk)


@transaction.atomic
def change_as_asked(request: ApprovedRequest) -> Payee:
    """The deed behind `CHANGE`. Raises PayeeNotFound, PayeeRefused, PayeeInState when it was changed meanwhile."""
    payee, after = _locked(int(request.subject_id)), dict(request.payload["after"])
    if _values(payee) != request.payload["before"]:
        raise PayeeInState(
            _("%(name)s was changed since this was asked for.") % {"name": payee.name},
            next_step=_("Look at the payee again, and ask for what is still wanted."),
        )
    _check(after["account"], after["creditor"], after["contract_shares"], besides=payee.code)
    return _set(payee, after, actor=request.checker, reason=request.reason)


def consequence_of(approval: Approval) -> str:
    """What agreeing would change, as of now."""
    payee = Payee.objects.get(pk=int(approval.subject_id))
    return _in_words(payee, approval.payload["after"])


@transaction.atomic
def retire_payee(*, payee_id: int, reason: str, actor: Actor) -> Payee:
    """Nothing new may name it. Raises PayeeNotFound, PayeeInState; PayeeStillNamed while a version in force does."""
    payee = _locked(payee_id)
    if not payee.is_active:
        raise _in_state(payee)
    ruling = _ruling(payee)
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


def _ruling(payee: Payee) -> list[str]:
    return [naming.label for naming in versions_naming(code=payee.code) if naming.rules]


def _set(payee: Payee, after: Mapping[str, Any], *, actor: Actor, reason: str) -> Payee:
    before = _values(payee)
    for field, value in after.items():
        setattr(payee, field, value)
    payee.save(update_fields=list(after))
    if before != _values(payee):
        _note(payee, verb="changed", actor=actor, reason=reason, before=before, after=_values(payee))
    return payee


def _in_words(payee: Payee, after: Mapping[str, Any]) -> str:
    """What changes, who is paid by it, and which versions guards would refuse from then on."""
    before = _values(payee)
    lines = [
        _("%(field)s: %(after)s instead of %(before)s.")
        % {"field": label, "after": _shown(after[field]), "before": _shown(before[field])}
        for field, label in FIELD_LABELS.items()
        if after[field] != before[field]
    ]
    lines.append(_("%(name)s is paid by %(versions)s.") % {"name": payee.name, "versions": ", ".join(_ruling(payee))})
    broken = _broken_by(payee, after)
    if broken:
        said = "; ".join(f"{each.label} ({told(each.words)})" for each in broken)
        lines.append(_("Guards would refuse from then on: %(versions)s.") % {"versions": said})
    return " ".join(lines)


def _broken_by(payee: Payee, after: Mapping[str, Any]) -> list[Unsound]:
    """What guards would refuse of versions in force that they let pass now; nothing changes."""
    now = unsound_paying(payee=payee.code)
    with transaction.atomic():
        Payee.objects.filter(pk=payee.pk).update(**after)
        then = unsound_paying(payee=payee.code)
        transaction.set_rollback(True)
    return [each for each in then if each not in now]


def _shown(value: Any) -> str:
    if isinstance(value, Mapping):
        value = ", ".join(
            f"{COMPONENTS[component]} {percent_text(Decimal(share), bare=True)}" for component, share in value.items()
        )
    return str(value) or "–"


def _check(account: str, creditor: str, contract_shares: Mapping[str, Any], *, besides: str) -> dict[str, str]:
    """The contract shares as they are kept, in one writing. Raises PayeeRefused."""
    faults: dict[str, str] = {}
    shares: dict[str, str] = {}
    for component in COMPONENTS:
        given = contract_shares.get(component)
        if given in (None, ""):
            continue
        share = share_of(given)
        if share is None:
            faults["contract_shares"] = _("each a share between nothing and the whole")
        else:
            shares[component] = plain(share)
    if set(contract_shares) - set(COMPONENTS):
        faults["contract_shares"] = _("by component of a bill")
    if account and not is_account_token(account):
        faults["account"] = _("a token of the account: letters, digits, points and dashes; never its number")
    if creditor and Payee.objects.filter(creditor=creditor).exclude(code=besides).exists():
        faults["creditor"] = _("another payee is this creditor")
    if faults:
        raise _refused(faults)
    return shares


def _refused(fields: dict[str, str]) -> PayeeRefused:
    return PayeeRefused(
        _("The payee cannot be like this."), next_step=_("Correct what is marked and try again."), fields=fields
    )


def _values(payee: Payee) -> dict[str, Any]:
    return {
        "name": payee.name,
        "creditor": payee.creditor,
        "account": payee.account,
        "contract_shares": payee.contract_shares,
    }


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
