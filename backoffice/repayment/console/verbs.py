"""The verbs of a loan as confirm panels: tried first, then booked or asked for, exactly as shown."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any, ClassVar

from django.http import Http404, HttpRequest
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from backoffice.calendars.selectors import business_date
from backoffice.core import formats
from backoffice.core.actors import Actor
from backoffice.core.confirm import ConfirmView, Consequence, Text
from backoffice.core.errors import Refusal
from backoffice.core.money import ZERO
from backoffice.repayment.console import verb_forms
from backoffice.repayment.console.consequences import approval_needed, consequence_of, payoff_lines
from backoffice.repayment.console.loan_verb import ASK, LoanVerb, answered, once, said
from backoffice.repayment.console.reading import REVERSIBLE
from backoffice.repayment.domain import operations
from backoffice.repayment.domain.admission import LoanClosed
from backoffice.repayment.models import Loan, Operation
from backoffice.repayment.selectors.loan_pages import loan_as_of, payoff_quote
from backoffice.repayment.selectors.previews import preview_operation, preview_reversal
from backoffice.repayment.selectors.states import LoanId, OperationId
from backoffice.repayment.services import verbs


class PostPayment(LoanVerb):
    """Money came in."""

    permission = "repayment.payment.post"
    title, verb, booked = gettext_lazy("Post payment"), gettext_lazy("Post payment"), gettext_lazy("Payment posted.")
    form_class = verb_forms.PaymentForm

    def initial(self, *, subject: Any) -> dict[str, Any]:
        """Today, and what is due today."""
        today = business_date()
        due = loan_as_of(loan_id=subject.pk, as_of=today, business_date=today).due_total
        return {"value_date": today, "channel": "bank_transfer", **({"amount": due} if due else {})}

    def worded(self, *, subject: Loan, values: Mapping[str, Any]) -> str:
        """The amount on the button."""
        return _("Post %(amount)s") % {"amount": formats.amount_text(values["amount"], currency=subject.currency)}

    def operation(self, *, subject: Loan, values: Mapping[str, Any]) -> operations.Operation:
        """The payment."""
        return operations.Operation(
            kind="payment",
            value_date=values["value_date"],
            key=0,
            amount=values["amount"],
            surplus=values["surplus"] or None,
        )

    def carry_out(self, *, subject: Loan, values: Mapping[str, Any], actor: Actor, key: str) -> object:
        """Posts it."""
        return verbs.post_payment(
            loan_id=LoanId(subject.pk),
            amount=values["amount"],
            currency=subject.currency,
            value_date=values["value_date"],
            actor=actor,
            channel=values["channel"],
            reference=values["reference"],
            surplus=values["surplus"] or None,
            external_id=key,
            reason=values["reason"],
        )


class PayOff(LoanVerb):
    """What settles the loan on a day, and settling it."""

    permission = "repayment.loan.payoff"
    title, verb, booked = gettext_lazy("Payoff quote"), gettext_lazy("Settle"), gettext_lazy("The loan is settled.")
    form_class = verb_forms.PayoffForm

    def initial(self, *, subject: Any) -> dict[str, Any]:
        """Today."""
        return {"value_date": business_date(), "channel": "bank_transfer"}

    def foresee(self, *, subject: Any, values: Mapping[str, Any], actor: Actor) -> Consequence | None:
        """The quote, part by part; for a day ahead the quote alone, since it cannot be booked yet."""
        today = business_date()
        payoff = payoff_quote(loan_id=subject.pk, on=values["value_date"], business_date=today)
        lines = payoff_lines(payoff=payoff, currency=subject.currency)
        if values["value_date"] > today:
            return Consequence(
                lines=lines,
                warnings=(_("A quote for a day ahead, as if nothing were paid before. It is booked on that day."),),
            )
        operation = operations.Operation(kind="payoff", value_date=values["value_date"], key=0, amount=payoff.total)
        preview = preview_operation(loan_id=subject.pk, operation=operation, business_date=today)
        return consequence_of(
            preview=preview,
            loan=subject,
            caption=str(self.title),
            first=lines,
            verb=_("Settle with %(amount)s") % {"amount": formats.amount_text(payoff.total, currency=subject.currency)},
        )

    def operation(self, *, subject: Loan, values: Mapping[str, Any]) -> operations.Operation:
        """The settlement by exactly what the quote says."""
        payoff = payoff_quote(loan_id=subject.pk, on=values["value_date"], business_date=business_date())
        return operations.Operation(kind="payoff", value_date=values["value_date"], key=0, amount=payoff.total)

    def carry_out(self, *, subject: Loan, values: Mapping[str, Any], actor: Actor, key: str) -> object:
        """Settles the loan."""
        operation = self.operation(subject=subject, values=values)
        return verbs.pay_off(
            loan_id=LoanId(subject.pk),
            amount=operation.amount,
            currency=subject.currency,
            value_date=operation.value_date,
            actor=actor,
            channel=values["channel"],
            reference=values["reference"],
            external_id=key,
            reason=values["reason"],
        )


class NothingToWaive(Refusal):
    """No penalty, interest or fee is due."""

    code: ClassVar[str] = "repayment.nothing_to_waive"


class Waive(LoanVerb):
    """Penalty, interest or fees are given up."""

    permission = "repayment.loan.waive"
    approval_verb = "repayment.waive"
    title, verb, booked = gettext_lazy("Waive"), gettext_lazy("Waive"), gettext_lazy("Waived.")
    costly = True
    form_class = verb_forms.WaiveForm

    def form_options(self, *, subject: Any) -> dict[str, Any]:
        """What is owed today by component; principal is never waived."""
        today = business_date()
        due = loan_as_of(loan_id=subject.pk, as_of=today, business_date=today).due
        owed = {component: amount for component, amount in due.items() if component in operations.WAIVABLE}
        if not any(owed.values()):
            raise NothingToWaive(
                _("No penalty, interest or fee of this loan is due today."),
                next_step=_("Principal is never waived; a small balance can be written off within the terms."),
            )
        return {"currency": subject.currency, "owed": owed}

    def initial(self, *, subject: Any) -> dict[str, Any]:
        """Today, all of the penalty."""
        owed = self.form_options(subject=subject)["owed"]
        return {"value_date": business_date(), "penalty": owed.get("penalty") or None}

    def amount(self, *, values: Mapping[str, Any]) -> Decimal:
        """All components together."""
        return sum(values["components"].values(), ZERO)

    def worded(self, *, subject: Loan, values: Mapping[str, Any]) -> str:
        """The sum on the button."""
        amount = self.amount(values=values)
        return _("Waive %(amount)s") % {"amount": formats.amount_text(amount, currency=subject.currency)}

    def operation(self, *, subject: Loan, values: Mapping[str, Any]) -> operations.Operation:
        """The waiver."""
        return operations.Operation(
            kind="waiver", value_date=values["value_date"], key=0, components=dict(values["components"])
        )

    def carry_out(self, *, subject: Loan, values: Mapping[str, Any], actor: Actor, key: str) -> object:
        """Waives, or asks."""
        return verbs.waive(
            loan_id=LoanId(subject.pk),
            components=values["components"],
            value_date=values["value_date"],
            actor=actor,
            reason=values["reason"],
        )


class NothingHeld(Refusal):
    """No money is held for the borrower."""

    code: ClassVar[str] = "repayment.nothing_held"


class Refund(LoanVerb):
    """Money held for the borrower goes back."""

    permission = "repayment.loan.refund"
    approval_verb = "repayment.refund"
    title, verb, booked = gettext_lazy("Refund"), gettext_lazy("Refund"), gettext_lazy("Refunded.")
    form_class = verb_forms.RefundForm

    def initial(self, *, subject: Any) -> dict[str, Any]:
        """Today, all that is held. Raises NothingHeld."""
        if not subject.suspense:
            raise NothingHeld(
                _("Nothing is held for the borrower of this loan."),
                next_step=_("To give back a payment that was booked, take it back first."),
            )
        return {"value_date": business_date(), "amount": subject.suspense}

    def worded(self, *, subject: Loan, values: Mapping[str, Any]) -> str:
        """The amount on the button."""
        return _("Refund %(amount)s") % {"amount": formats.amount_text(values["amount"], currency=subject.currency)}

    def operation(self, *, subject: Loan, values: Mapping[str, Any]) -> operations.Operation:
        """The refund."""
        return operations.Operation(kind="refund", value_date=values["value_date"], key=0, amount=values["amount"])

    def carry_out(self, *, subject: Loan, values: Mapping[str, Any], actor: Actor, key: str) -> object:
        """Refunds, or asks."""
        return verbs.refund(
            loan_id=LoanId(subject.pk),
            amount=values["amount"],
            value_date=values["value_date"],
            actor=actor,
            reason=values["reason"],
        )


class ChargeOff(LoanVerb):
    """The loan is written down; what comes in from now on is recovery."""

    permission = "repayment.loan.charge_off"
    approval_verb = "repayment.charge_off"
    title, verb = gettext_lazy("Charge off"), gettext_lazy("Charge off")
    booked = gettext_lazy("The loan is charged off.")
    costly = True

    def operation(self, *, subject: Loan, values: Mapping[str, Any]) -> operations.Operation:
        """The charge-off."""
        return operations.Operation(kind="charge_off", value_date=values["value_date"], key=0)

    def carry_out(self, *, subject: Loan, values: Mapping[str, Any], actor: Actor, key: str) -> object:
        """Charges off, or asks."""
        return verbs.charge_off(
            loan_id=LoanId(subject.pk), value_date=values["value_date"], actor=actor, reason=values["reason"]
        )


class WriteOff(ChargeOff):
    """A small balance within the tolerance of the terms is given up and the loan closes."""

    permission = "repayment.loan.write_off"
    approval_verb = "repayment.write_off"
    title, verb = gettext_lazy("Write off small balance"), gettext_lazy("Write off")
    booked = gettext_lazy("The balance is written off.")

    def operation(self, *, subject: Loan, values: Mapping[str, Any]) -> operations.Operation:
        """The write-off."""
        return operations.Operation(kind="write_off", value_date=values["value_date"], key=0)

    def carry_out(self, *, subject: Loan, values: Mapping[str, Any], actor: Actor, key: str) -> object:
        """Writes off, or asks."""
        return verbs.write_off(
            loan_id=LoanId(subject.pk), value_date=values["value_date"], actor=actor, reason=values["reason"]
        )


class ChangeCreditor(LoanVerb):
    """A guarantor or buyer takes the claim over; the borrower's debt, days and bucket stay."""

    permission = "repayment.loan.buy_back"
    approval_verb = "repayment.buy_back"
    title, verb = gettext_lazy("Change creditor"), gettext_lazy("Change creditor")
    booked = gettext_lazy("The creditor is changed.")
    costly = True
    form_class = verb_forms.CreditorForm

    def initial(self, *, subject: Any) -> dict[str, Any]:
        """Today, everything that is owed. Raises LoanClosed."""
        if subject.status == Loan.Status.CLOSED:
            raise LoanClosed(
                _("Loan %(loan)s is closed: nothing is owed.") % {"loan": subject.external_id},
                next_step=_("There is no claim left that could be handed over."),
            )
        return {"value_date": business_date(), "amount": subject.outstanding_total}

    def operation(self, *, subject: Loan, values: Mapping[str, Any]) -> operations.Operation:
        """The change."""
        return operations.Operation(
            kind="creditor_change",
            value_date=values["value_date"],
            key=0,
            amount=values["amount"],
            creditor=values["creditor"],
        )

    def carry_out(self, *, subject: Loan, values: Mapping[str, Any], actor: Actor, key: str) -> object:
        """Changes the creditor, or asks."""
        return verbs.change_creditor(
            loan_id=LoanId(subject.pk),
            creditor=values["creditor"],
            amount=values["amount"],
            value_date=values["value_date"],
            actor=actor,
            reason=values["reason"],
        )


class Reverse(ConfirmView):
    """An operation is taken back; what was booked after it is worked out again."""

    permission = "repayment.payment.reverse"
    title, verb = gettext_lazy("Take back"), gettext_lazy("Take back")
    costly = True
    form_class = verb_forms.OperationForm

    def load(self, *, request: HttpRequest, **address: Any) -> Operation:
        """The operation, if the person may see its loan."""
        operation = (
            Operation.objects.select_related("loan__borrower")
            .filter(pk=address["operation_id"], loan__in=Loan.objects.visible_to(request.user))
            .first()
        )
        if operation is None or operation.kind not in REVERSIBLE:
            raise Http404
        return operation

    def back_url(self, *, subject: Any) -> str:
        """The page of the loan."""
        return reverse("repayment:loan", args=[subject.loan_id])

    def subject_line(self, *, subject: Any) -> str:
        """What is taken back, from which loan."""
        return _("%(kind)s of %(day)s, %(amount)s, loan %(loan)s") % {
            "kind": subject.get_kind_display(),
            "day": formats.date_text(subject.value_date),
            "amount": formats.amount_text(subject.amount, currency=subject.loan.currency),
            "loan": subject.loan.external_id,
        }

    def foresee(self, *, subject: Any, values: Mapping[str, Any], actor: Actor) -> Consequence | None:
        """Tries the loan without it."""
        preview = preview_reversal(loan_id=subject.loan_id, operation_id=subject.pk, business_date=business_date())
        weight = preview.weight(amount=subject.amount)
        approval = approval_needed(verb="repayment.reverse", amount=weight, loan=subject.loan, actor=actor)
        return consequence_of(
            preview=preview,
            loan=subject.loan,
            caption=_("What is taken back"),
            approval=approval,
            verb=str(ASK) if approval else "",
        )

    def perform(self, *, subject: Any, values: Mapping[str, Any], actor: Actor, key: str) -> Text:
        """Takes it back, or asks."""
        return once(
            view=type(self),
            key=key,
            actor=actor,
            payload={"operation": subject.pk},
            action=lambda: said(
                answer=verbs.reverse(operation_id=OperationId(subject.pk), actor=actor, reason=values["reason"]),
                booked=gettext_lazy("Taken back."),
            ),
        )

    def said_before(self, *, key: str, actor: Actor) -> Text | None:
        """What this panel was answered when it was sent before."""
        return answered(view=type(self), key=key, actor=actor)
