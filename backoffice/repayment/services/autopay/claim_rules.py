"""The rules of claims: drafted by one person, agreed to by a second, retired; never changed once they are agreed to."""

from dataclasses import asdict, dataclass
from datetime import date, time, timedelta
from decimal import Decimal
from typing import Any, ClassVar, Final

from django.db import transaction
from django.db.models import Q
from django.utils.translation import gettext as _

from backoffice.audit import approvals
from backoffice.audit import services as audit
from backoffice.audit.approvals import ApprovedRequest
from backoffice.audit.models import Approval
from backoffice.calendars.selectors import business_date
from backoffice.core.actors import Actor
from backoffice.core.bulk import fetch
from backoffice.core.errors import Refusal
from backoffice.core.formats import amount_text, date_text, percent_text
from backoffice.repayment.domain.autopay.claim_states import RuleState, rule_may_move
from backoffice.repayment.models import ClaimRule, Payee
from backoffice.repayment.selectors.autopay.claims import cap_of_rule

APPROVE: Final = "repayment.claim_rule"
SUBJECT: Final = "repayment.claim_rule"
ONE_AFTER_THE_OTHER: Final = "SELECT pg_advisory_xact_lock(hashtextextended('claim rules', 0)) IS NULL"


class ClaimRuleNotFound(Refusal):
    """There is no such rule."""

    code: ClassVar[str] = "repayment.claim_rule_not_found"
    status: ClassVar[int] = 404


class ClaimRuleRefused(Refusal):
    """The rule cannot be like this; `fields` says what and why."""

    code: ClassVar[str] = "repayment.claim_rule_refused"


class ClaimRuleInState(Refusal):
    """The rule is in a state the verb does not start from."""

    code: ClassVar[str] = "repayment.claim_rule_in_state"
    status: ClassVar[int] = 409


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleDraft:
    """What a guarantor agreed to; `cap_share` is a share (1 = 100 %), `product_id` None every product."""

    guarantor_id: int
    portfolio: str
    product_id: int | None
    funder: str
    currency: str
    kind: str
    trigger_dpd: int
    with_penalty: bool
    cap_share: Decimal
    cut_off: time
    effective_from: date
    effective_to: date | None = None


@transaction.atomic
def draft_rule(*, draft: RuleDraft, reason: str, actor: Actor) -> ClaimRule:
    """Write a rule down; it claims nothing yet. Raises ClaimRuleRefused."""
    rule = ClaimRule(**asdict(draft), created_by=actor.id, created_by_name=actor.name)
    _check(rule)
    rule.save()
    _note(rule, verb="drafted", actor=actor, reason=reason)
    return rule


@transaction.atomic
def submit_rule(*, rule_id: int, reason: str, actor: Actor) -> Approval:
    """Ask a second person to agree. Raises ClaimRuleNotFound, ClaimRuleInState, ClaimRuleRefused."""
    rule = _locked(rule_id)
    _move(rule, to=RuleState.SUBMITTED)
    _check(rule)
    rule.save(update_fields=["state"])
    _note(rule, verb="submitted", actor=actor, reason=reason)
    return approvals.submit(
        verb=APPROVE,
        subject_type=SUBJECT,
        subject_id=rule.pk,
        payload={"rule_id": rule.pk},
        reason=reason,
        actor=actor,
        portfolio=rule.portfolio,
        consequence=in_words(rule),
    )


@transaction.atomic
def approve_as_asked(request: ApprovedRequest) -> ClaimRule:
    """The deed behind `APPROVE`. Raises ClaimRuleRefused when another rule came to cover its days meanwhile."""
    rule = _locked(int(request.payload["rule_id"]))
    _move(rule, to=RuleState.APPROVED)
    # Agreed to late, it holds from the first day that is not listed yet.
    rule.effective_from = max(rule.effective_from, business_date() + timedelta(days=1))
    _check(rule)
    if rule.created_by is not None and rule.created_by == request.checker.id:
        raise ClaimRuleRefused(
            _("You drafted this rule."), next_step=_("Another person than its author agrees to it."), fields={}
        )
    rule.approved_by, rule.approved_by_name = request.checker.id, request.checker.name
    rule.save(update_fields=["state", "effective_from", "approved_by", "approved_by_name"])
    _note(rule, verb="approved", actor=request.checker, reason=request.reason)
    return rule


@transaction.atomic
def retire_rule(*, rule_id: int, reason: str, actor: Actor) -> ClaimRule:
    """It lists nothing more; what is listed goes its way. Raises ClaimRuleNotFound, ClaimRuleInState."""
    rule = _locked(rule_id)
    _move(rule, to=RuleState.RETIRED)
    rule.save(update_fields=["state"])
    _note(rule, verb="retired", actor=actor, reason=reason)
    return rule


def consequence_of(approval: Approval) -> str:
    """The consequence as of now, as whoever decides reads it first."""
    rule = ClaimRule.objects.select_related("guarantor").get(pk=int(approval.payload["rule_id"]))
    return in_words(rule)


def in_words(rule: ClaimRule) -> str:
    """Who pays whom for what, and up to how much as things stand."""
    cap = cap_of_rule(rule)
    return _(
        "%(guarantor)s pays %(funder)s for loans of %(portfolio)s at %(days)s days past due (%(kind)s), from %(day)s, "
        "up to %(share)s of %(pool)s: %(limit)s."
    ) % {
        "guarantor": rule.guarantor.name,
        "funder": rule.funder,
        "portfolio": rule.portfolio,
        "days": rule.trigger_dpd,
        "kind": rule.get_kind_display(),
        "day": date_text(rule.effective_from),
        "share": percent_text(rule.cap_share),
        "pool": amount_text(cap.pool, currency=rule.currency),
        "limit": amount_text(cap.limit, currency=rule.currency),
    }


def claim_rule_not_found() -> ClaimRuleNotFound:
    """The refusal, said the same everywhere."""
    return ClaimRuleNotFound(_("There is no such rule."), next_step=_("Open it from the list of rules."))


def _check(rule: ClaimRule) -> None:
    """Raises ClaimRuleRefused."""
    fetch(ONE_AFTER_THE_OTHER)
    faults: dict[str, str] = {}
    guarantor = Payee.objects.filter(pk=rule.guarantor_id).first()
    if guarantor is None or guarantor.kind != Payee.Kind.GUARANTOR or not guarantor.is_active:
        faults["guarantor_id"] = _("a guarantor in use among the payees")
    elif not guarantor.creditor or guarantor.creditor == rule.funder:
        faults["guarantor_id"] = _("a guarantor with a name as creditor of loans, another than the funder's")
    if not rule.cap_share.is_finite() or not 0 < rule.cap_share <= 1:
        faults["cap_share"] = _("more than nothing and at most everything")
    if rule.effective_to is not None and rule.effective_to <= rule.effective_from:
        faults["effective_to"] = _("a day after the first one")
    if rule.effective_from <= business_date():
        faults["effective_from"] = _("a day to come")
    if _overlapping(rule):
        faults["effective_from"] = _("another rule of this kind covers these loans on some of these days")
    if faults:
        raise ClaimRuleRefused(
            _("The rule cannot be like this."), next_step=_("Correct what is marked and try again."), fields=faults
        )


def _overlapping(rule: ClaimRule) -> bool:
    """Whether a rule that is agreed to covers some of the same loans, in the same kind, on some of the same days."""
    others = ClaimRule.objects.filter(
        state=RuleState.APPROVED.value,
        portfolio=rule.portfolio,
        funder=rule.funder,
        currency=rule.currency,
        kind=rule.kind,
    ).exclude(pk=rule.pk)
    if rule.product_id is not None:
        others = others.filter(Q(product__isnull=True) | Q(product_id=rule.product_id))
    if rule.effective_to is not None:
        others = others.filter(effective_from__lt=rule.effective_to)
    return others.filter(Q(effective_to__isnull=True) | Q(effective_to__gt=rule.effective_from)).exists()


def _move(rule: ClaimRule, *, to: RuleState) -> None:
    if not rule_may_move(current=RuleState(rule.state), to=to):
        raise ClaimRuleInState(
            _("The rule is %(state)s.") % {"state": rule.get_state_display()},
            next_step=_("Look at the rule again; somebody was quicker."),
        )
    rule.state = to.value


def _locked(rule_id: int) -> ClaimRule:
    rules = ClaimRule.objects.select_for_update(no_key=True, of=("self",)).select_related("guarantor")
    rule = rules.filter(pk=rule_id).first()
    if rule is None:
        raise claim_rule_not_found()
    return rule


def _note(rule: ClaimRule, *, verb: str, actor: Actor, reason: str) -> None:
    after: dict[str, Any] = {"state": rule.state, "guarantor": rule.guarantor.code, "portfolio": rule.portfolio}
    audit.record(
        verb=f"{SUBJECT}.{verb}",
        subject_type=SUBJECT,
        subject_id=rule.pk,
        actor=actor,
        reason=reason.strip(),
        after=after,
    )
