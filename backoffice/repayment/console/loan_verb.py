"""What every verb of a loan has in common: tried first, held against the person's limit, booked once for its panel."""

from abc import abstractmethod
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any, ClassVar

from django.http import HttpRequest
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from backoffice.audit import idempotency
from backoffice.audit.models import IdempotencyKey
from backoffice.calendars.selectors import business_date
from backoffice.core.actors import Actor
from backoffice.core.confirm import ConfirmForm, ConfirmView, Consequence, Text
from backoffice.core.money import ZERO
from backoffice.repayment.console import verb_forms
from backoffice.repayment.console.consequences import approval_needed, consequence_of
from backoffice.repayment.console.reading import visible_loan
from backoffice.repayment.domain import operations
from backoffice.repayment.models import Loan
from backoffice.repayment.selectors.previews import preview_operation
from backoffice.repayment.services.verbs import Answer, Asked

ASK = gettext_lazy("Ask for approval")


class LoanVerb(ConfirmView):
    """What the verbs of a loan have in common. `approval_verb` is empty for those nobody has to agree to."""

    approval_verb: ClassVar[str] = ""
    booked: ClassVar[Text]
    form_class: ClassVar[type[ConfirmForm]] = verb_forms.LoanForm

    def load(self, *, request: HttpRequest, **address: Any) -> Loan:
        """The loan, if the person may see it."""
        return visible_loan(user=request.user, loan_id=address["loan_id"])

    def back_url(self, *, subject: Any) -> str:
        """The page of the loan."""
        return reverse("repayment:loan", args=[subject.pk])

    def subject_line(self, *, subject: Any) -> str:
        """The loan and its borrower."""
        return _("Loan %(loan)s, borrower %(borrower)s") % {
            "loan": subject.external_id,
            "borrower": subject.borrower.external_id,
        }

    def initial(self, *, subject: Any) -> dict[str, Any]:
        """Today."""
        return {"value_date": business_date()}

    def form_options(self, *, subject: Any) -> dict[str, Any]:
        """The currency of the loan's amounts."""
        return {"currency": subject.currency}

    @abstractmethod
    def operation(self, *, subject: Loan, values: Mapping[str, Any]) -> operations.Operation:
        """The operation these values mean."""

    @abstractmethod
    def carry_out(self, *, subject: Loan, values: Mapping[str, Any], actor: Actor, key: str) -> object:
        """The one call into the services."""

    def amount(self, *, values: Mapping[str, Any]) -> Decimal:
        """The amount the person names; the limits are asked about it, or about what is booked where that is more."""
        amount: Decimal = values.get("amount") or ZERO
        return amount

    def foresee(self, *, subject: Any, values: Mapping[str, Any], actor: Actor) -> Consequence | None:
        """Tries the operation; the panel then shows what it would book."""
        preview = preview_operation(
            loan_id=subject.pk,
            operation=self.operation(subject=subject, values=values),
            business_date=business_date(),
        )
        weight = preview.weight(amount=self.amount(values=values))
        approval = self._approval(subject=subject, weight=weight, actor=actor)
        return consequence_of(
            preview=preview,
            loan=subject,
            caption=str(self.title),
            approval=approval,
            verb=str(ASK) if approval else self.worded(subject=subject, values=values),
        )

    def worded(self, *, subject: Loan, values: Mapping[str, Any]) -> str:
        """The words on the button once the amount is known."""
        return str(self.verb)

    def perform(self, *, subject: Any, values: Mapping[str, Any], actor: Actor, key: str) -> Text:
        """Books it once for the key of the panel, however often the panel is sent."""
        return once(
            view=type(self),
            key=key,
            actor=actor,
            payload={"loan": subject.pk, **{name: value for name, value in values.items() if name != "reason"}},
            action=lambda: said(
                answer=self.carry_out(subject=subject, values=values, actor=actor, key=key), booked=self.booked
            ),
        )

    def said_before(self, *, key: str, actor: Actor) -> Text | None:
        """What this panel was answered when it was sent before."""
        return answered(view=type(self), key=key, actor=actor)

    def _approval(self, *, subject: Loan, weight: Decimal, actor: Actor) -> str:
        if not self.approval_verb:
            return ""
        return approval_needed(verb=self.approval_verb, amount=weight, loan=subject, actor=actor)


def said(*, answer: Answer | object, booked: Text) -> str:
    """What a verb answers, as the sentence the page shows."""
    if isinstance(answer, Asked):
        return _("Asked for approval, request %(number)s. Nothing is booked until a second person agrees.") % {
            "number": answer.approval_id
        }
    return str(booked)


def once(*, view: type[ConfirmView], key: str, actor: Actor, payload: Any, action: Callable[[], str]) -> str:
    """Does `action` once for the key of a panel and gives its sentence. Raises RequestInFlight, PayloadDiffers."""
    _status, body = idempotency.run(
        scope=_scope(view=view, actor=actor), key=key, payload=payload, action=lambda: (200, {"said": action()})
    )
    return str(body["said"])


def answered(*, view: type[ConfirmView], key: str, actor: Actor) -> str | None:
    """The sentence kept for the key of a panel that was sent before."""
    kept = IdempotencyKey.objects.filter(scope=_scope(view=view, actor=actor), key=key).first()
    return None if kept is None or kept.body is None else str(kept.body["said"])


def _scope(*, view: type[ConfirmView], actor: Actor) -> str:
    return f"user:{actor.id} console {view.__name__}"
