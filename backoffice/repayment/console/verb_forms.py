"""The fields of the verbs of a loan."""

from decimal import Decimal
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from backoffice.core import formats
from backoffice.core.confirm import ConfirmForm
from backoffice.core.fields import AmountField, DayField, ReasonField
from backoffice.core.money import ZERO
from backoffice.repayment.console import states
from backoffice.repayment.models import Operation

SURPLUS = (
    ("", _("as the terms of the loan say")),
    ("suspense", _("hold it for the borrower")),
    ("next_installment", _("pay the next instalments")),
    ("last_installment", _("pay the last instalments")),
    ("reduce_installment", _("prepay, lower instalments")),
    ("shorten_term", _("prepay, shorter term")),
)


class OperationForm(ConfirmForm):
    """Why, no longer than an operation keeps it."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.fields["reason"] = ReasonField(
            max_length=Operation._meta.get_field("reason").max_length,
            widget=forms.Textarea(attrs={"rows": 2}),
            help_text=_("Kept in the audit trail."),
        )


class LoanForm(OperationForm):
    """What every verb of a loan asks: the day it counts for, and why."""

    value_date = DayField(label=_("Value date"))

    def __init__(self, *args: Any, currency: str, **options: Any) -> None:
        super().__init__(*args, **options)
        self.currency = currency
        self.unit = formats.SYMBOLS.get(currency, currency)

    def _amount(self, *, label: Any, required: bool = True, **options: Any) -> AmountField:
        return AmountField(currency=self.currency, unit=self.unit, label=label, required=required, **options)

    def _put_first(self, *names: str) -> None:
        self.order_fields([*names, *(name for name in self.fields if name not in names)])


class PaymentForm(LoanForm):
    """A payment that came in."""

    channel = forms.ChoiceField(label=_("Channel"), choices=list(states.CHANNEL_LABELS.items()))
    reference = forms.CharField(label=_("Reference"), required=False, max_length=140)
    surplus = forms.ChoiceField(label=_("Money beyond what is due"), choices=SURPLUS, required=False)

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.fields["amount"] = self._amount(label=_("Amount"))
        self._put_first("amount", "value_date", "channel", "surplus", "reference")


class PayoffForm(LoanForm):
    """An early settlement; its amount is what the quote says."""

    channel = forms.ChoiceField(label=_("Channel"), choices=list(states.CHANNEL_LABELS.items()))
    reference = forms.CharField(label=_("Reference"), required=False, max_length=140)


class WaiveForm(LoanForm):
    """Amounts to waive; only what is owed has a field."""

    def __init__(self, *args: Any, owed: dict[str, Decimal], **options: Any) -> None:
        super().__init__(*args, **options)
        self.components = [component for component in states.ORDER_SHOWN if owed.get(component)]
        for component in self.components:
            self.fields[component] = self._amount(
                label=formats.capitalised(states.COMPONENT_LABELS[component]),
                required=False,
                min_value=ZERO,
                help_text=_("due today: %(amount)s")
                % {"amount": formats.amount_text(owed[component], currency=self.currency, bare=True)},
            )
        self._put_first(*reversed(self.components), "value_date")

    def asked(self) -> dict[str, Decimal]:
        """The components with an amount above zero."""
        return {name: self.cleaned_data[name] for name in self.components if self.cleaned_data.get(name)}

    def clean(self) -> dict[str, Any]:
        """At least one amount; it stands under `components`."""
        cleaned = super().clean() or self.cleaned_data
        cleaned["components"] = self.asked()
        if not cleaned["components"] and not any(name in self.errors for name in self.components):
            raise forms.ValidationError(_("Give an amount of what is to be waived."))
        return cleaned


class RefundForm(LoanForm):
    """How much of what is held goes back."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.fields["amount"] = self._amount(label=_("Amount"))
        self._put_first("amount", "value_date")


class CreditorForm(LoanForm):
    """Who takes the claim over, and for how much."""

    creditor = forms.CharField(label=_("New creditor"), max_length=80)

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.fields["amount"] = self._amount(label=_("Paid by the new creditor"), min_value=ZERO)
        self._put_first("creditor", "amount", "value_date")
