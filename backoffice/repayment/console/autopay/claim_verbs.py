"""The verbs of a claim as confirm panels: confirm, decline, transfer, give back; and of a whole list."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any, ClassVar

from django import forms
from django.http import Http404, HttpRequest
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from backoffice.calendars import clock
from backoffice.core.actors import Actor
from backoffice.core.confirm import ConfirmForm, ConfirmView, Consequence, Line, Text
from backoffice.core.formats import date_text
from backoffice.core.money import ZERO
from backoffice.repayment.console.autopay.claims import (
    CONFIRM,
    TRANSFER,
    amounts_of,
    claim_address,
    claim_or_404,
    overpaid_of,
    portfolios_of,
    visible_claims,
)
from backoffice.repayment.domain.autopay.claim_states import ClaimState
from backoffice.repayment.models import Claim, ClaimRule
from backoffice.repayment.selectors.autopay.claims import cap_of_rule
from backoffice.repayment.services.autopay.claim_deciding import Decision, decide_claim, decide_claims
from backoffice.repayment.services.autopay.claim_returning import foresee_return, return_overpaid
from backoffice.repayment.services.autopay.claim_transferring import foresee_transfer, transfer_claim, transfer_claims


class ClaimVerb(ConfirmView):
    """What the verbs of a claim have in common."""

    def load(self, *, request: HttpRequest, **address: Any) -> Claim:
        """The claim, if the person may see it. Raises Http404."""
        return claim_or_404(request, address["claim_id"])

    def back_url(self, *, subject: Any) -> str:
        """Its page."""
        return claim_address(subject)

    def subject_line(self, *, subject: Any) -> str:
        """Its number, the loan and who pays."""
        return _("Claim %(number)s: loan %(loan)s, %(guarantor)s") % {
            "number": subject.number,
            "loan": subject.loan.external_id,
            "guarantor": subject.guarantor.name,
        }


class ConfirmClaim(ClaimVerb):
    """Writes down that the funder agrees."""

    permission = CONFIRM
    title: ClassVar[Text] = gettext_lazy("The funder confirms this claim")
    verb: ClassVar[Text] = gettext_lazy("Confirm")

    def foresee(self, *, subject: Any, values: Mapping[str, Any], actor: Actor) -> Consequence:
        """The amounts, and how much of the cap is used."""
        cap = cap_of_rule(subject.rule)
        parts = (Line(label, amount, currency=subject.currency) for label, amount in amounts_of(subject))
        return Consequence(
            lines=(
                *parts,
                Line(gettext_lazy("Claimed in all"), subject.amount, currency=subject.currency, total=True),
                Line(gettext_lazy("Used of the cap"), cap.used, currency=subject.currency),
                Line(gettext_lazy("The cap"), cap.limit, currency=subject.currency),
            ),
            warnings=(gettext_lazy("Another person than the one who confirms transfers it."),),
        )

    def perform(self, *, subject: Any, values: Mapping[str, Any], actor: Actor, key: str) -> Text:
        """Confirms it."""
        decide_claim(claim_id=subject.pk, is_confirmed=True, reason=values["reason"], actor=actor, at=clock.now())
        return _("The claim is confirmed.")


class DeclineClaim(ClaimVerb):
    """Writes down that the funder does not claim it."""

    permission = CONFIRM
    title: ClassVar[Text] = gettext_lazy("The funder declines this claim")
    verb: ClassVar[Text] = gettext_lazy("Decline")
    costly = True

    def foresee(self, *, subject: Any, values: Mapping[str, Any], actor: Actor) -> Consequence:
        """What is not claimed then."""
        return Consequence(
            lines=(Line(gettext_lazy("Not claimed"), subject.amount, currency=subject.currency, total=True),),
            warnings=(gettext_lazy("It is not listed again."),),
        )

    def perform(self, *, subject: Any, values: Mapping[str, Any], actor: Actor, key: str) -> Text:
        """Declines it."""
        decide_claim(claim_id=subject.pk, is_confirmed=False, reason=values["reason"], actor=actor, at=clock.now())
        return _("The claim is declined.")


class TransferClaim(ClaimVerb):
    """The guarantor has paid."""

    permission = TRANSFER
    title: ClassVar[Text] = gettext_lazy("Transfer this claim")
    verb: ClassVar[Text] = gettext_lazy("Transfer")
    costly = True

    def foresee(self, *, subject: Any, values: Mapping[str, Any], actor: Actor) -> Consequence:
        """What the payments since leave of it. Raises what transferring would."""
        after = foresee_transfer(claim=subject, actor=actor, at=clock.now())
        lines = [
            Line(
                gettext_lazy("The guarantor pays"),
                after.stands.total,
                subject.currency,
                before=subject.amount,
                total=True,
            ),
            Line(gettext_lazy("Paid after the cut-off, to give back"), after.overpaid.total, subject.currency),
        ]
        if not after.stands.total:
            return Consequence(
                lines=tuple(lines), warnings=(gettext_lazy("Nothing is left of it: the claim is dropped."),)
            )
        if subject.installment_number is None:
            creditor = subject.guarantor.creditor
            lines.append(Line(gettext_lazy("Creditor of the loan"), creditor, before=subject.loan.creditor))
            warning = gettext_lazy("The loan is the guarantor's from today. Bills, days past due and bucket stay.")
        else:
            warning = gettext_lazy(
                "What the borrower still pays on this bill is the guarantor's. Nothing else changes."
            )
        return Consequence(lines=tuple(lines), warnings=(warning,))

    def perform(self, *, subject: Any, values: Mapping[str, Any], actor: Actor, key: str) -> Text:
        """Transfers it."""
        done = transfer_claim(claim_id=subject.pk, reason=values["reason"], actor=actor, at=clock.now())
        if done.state is ClaimState.DROPPED:
            return _("Nothing was left to claim: it is dropped.")
        return _("The claim is transferred.")


class ReturnForm(ConfirmForm):
    """The reference of the payment back."""

    reference = forms.CharField(label=gettext_lazy("Reference of the payment"), max_length=80)
    field_order = ("reference", "reason")


class ReturnOverpaid(ClaimVerb):
    """The funder has given back what was overpaid."""

    permission = TRANSFER
    title: ClassVar[Text] = gettext_lazy("Give back what was overpaid")
    verb: ClassVar[Text] = gettext_lazy("It is given back")
    form_class = ReturnForm
    costly = True

    def foresee(self, *, subject: Any, values: Mapping[str, Any], actor: Actor) -> Consequence:
        """How much."""
        amount, overpaid = foresee_return(claim=subject), overpaid_of(subject)
        before = overpaid.amount if overpaid and overpaid.amount != amount else None
        return Consequence(
            lines=(
                Line(
                    gettext_lazy("To %(name)s") % {"name": subject.guarantor.name},
                    amount,
                    subject.currency,
                    before=before,
                    total=True,
                ),
            ),
            warnings=()
            if before is None
            else (gettext_lazy("A payment that came after the cut-off was taken back since: so much less is owed."),),
        )

    def perform(self, *, subject: Any, values: Mapping[str, Any], actor: Actor, key: str) -> Text:
        """Writes it down."""
        amount = return_overpaid(
            claim_id=subject.pk, reference=values["reference"], reason=values["reason"], actor=actor, at=clock.now()
        )
        if not amount:
            return _("Nothing is left to give back: the borrower's payment was taken back.")
        return _("It is written down as given back.")


@dataclass(frozen=True, slots=True)
class OneList:
    """The claims of a rule on a day that a verb of the list is done to."""

    rule: ClaimRule
    day: date
    claims: tuple[Claim, ...]
    portfolios: frozenset[str] | None

    @property
    def amount(self) -> Decimal:
        """All of them together, major units."""
        return sum((claim.amount for claim in self.claims), ZERO)


class ListVerb(ConfirmView):
    """What the verbs of a list have in common; `state` is that of the claims it is done to."""

    state: ClassVar[ClaimState]

    def load(self, *, request: HttpRequest, **address: Any) -> OneList:
        """The claims of the list the person may see. Raises Http404."""
        rule = ClaimRule.objects.visible_to(request.user).filter(pk=address["rule_id"]).first()  # type: ignore[arg-type]
        try:
            day = date.fromisoformat(address["day"])
        except ValueError as error:
            raise Http404 from error
        if rule is None:
            raise Http404
        found = visible_claims(request).filter(rule=rule, day=day, state=self.state.value).order_by("pk")
        return OneList(rule, day, tuple(found), portfolios_of(request))

    def back_url(self, *, subject: Any) -> str:
        """The page of all claims."""
        return reverse("repayment:claims")

    def subject_line(self, *, subject: Any) -> str:
        """Who pays, and the day."""
        return _("%(guarantor)s, list of %(day)s") % {
            "guarantor": subject.rule.guarantor.name,
            "day": date_text(subject.day),
        }

    def foresee(self, *, subject: Any, values: Mapping[str, Any], actor: Actor) -> Consequence:
        """How many, and how much."""
        return Consequence(
            lines=(
                Line(gettext_lazy("Claims"), len(subject.claims)),
                Line(gettext_lazy("Claimed in all"), subject.amount, currency=subject.rule.currency, total=True),
            )
        )


class ConfirmList(ListVerb):
    """The funder agrees to every candidate of the list."""

    permission = CONFIRM
    state = ClaimState.CANDIDATE
    title: ClassVar[Text] = gettext_lazy("The funder confirms the whole list")
    verb: ClassVar[Text] = gettext_lazy("Confirm all")
    costly = True

    def perform(self, *, subject: Any, values: Mapping[str, Any], actor: Actor, key: str) -> Text:
        """Confirms them."""
        done = decide_claims(
            decisions=[Decision(claim.number, is_confirmed=True, reason=values["reason"]) for claim in subject.claims],
            portfolios=subject.portfolios,
            actor=actor,
            at=clock.now(),
        )
        return _("Confirmed: %(count)d.") % {"count": done.confirmed}


class TransferList(ListVerb):
    """The guarantor has paid everything the funder confirmed."""

    permission = TRANSFER
    state = ClaimState.CONFIRMED
    title: ClassVar[Text] = gettext_lazy("Transfer the whole list")
    verb: ClassVar[Text] = gettext_lazy("Transfer all")
    costly = True

    def perform(self, *, subject: Any, values: Mapping[str, Any], actor: Actor, key: str) -> Text:
        """Transfers them one by one; what is refused stays as it is."""
        done = transfer_claims(
            claim_ids=[claim.pk for claim in subject.claims], reason=values["reason"], actor=actor, at=clock.now()
        )
        return _("Transferred: %(done)d, dropped: %(dropped)d, refused: %(refused)d.") % {
            "done": done.transferred,
            "dropped": done.dropped,
            "refused": len(done.refused),
        }
