"""Who may approve how much: limits as data, changed by administrators with a reason."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any, ClassVar

from django import forms
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from backoffice.audit import approvals
from backoffice.audit.console.approvals import verb_label
from backoffice.audit.limits import ROLE_LABELS, set_limit
from backoffice.audit.models import ApprovalLimit
from backoffice.core.access import may, requires
from backoffice.core.actors import Actor
from backoffice.core.confirm import ConfirmForm, ConfirmView, Consequence, Line, Text
from backoffice.core.formats import amount_text


@requires("audit.approval_limit.view")
def overview(request: HttpRequest) -> HttpResponse:
    """Every limit, by verb and role."""
    rows: list[dict[str, Any]] = [
        {"limit": limit, "verb": verb_label(limit.verb), "role": ROLE_LABELS.get(limit.role, limit.role)}
        for limit in ApprovalLimit.objects.order_by("verb", "max_amount", "role", "currency")
    ]
    context = {
        "rows": rows,
        "may_edit": may(request, "audit.approval_limit.edit"),
        "in_any_currency": _IN_ANY_CURRENCY
        if any(row["limit"].max_amount is not None and not row["limit"].currency for row in rows)
        else "",
    }
    return render(request, "audit/limits.html", context)


_IN_ANY_CURRENCY = gettext_lazy(
    "A limit without a currency counts its figure in every currency: 50 is 50 USD and 50 UGX alike. Set one for each "
    "currency of the book."
)


def _amount(amount: Decimal | None, currency: str) -> str:
    return _("without limit") if amount is None else amount_text(amount, currency=currency)


class LimitForm(ConfirmForm):
    """A limit; an empty amount is without limit."""

    limited_verb = forms.ChoiceField(label=gettext_lazy("What"))
    role = forms.ChoiceField(label=gettext_lazy("Role"), choices=list(ROLE_LABELS.items()))
    currency = forms.CharField(
        label=gettext_lazy("Currency"),
        required=False,
        min_length=3,
        max_length=3,
        help_text=gettext_lazy("Empty: every currency without a row of its own."),
    )
    max_amount = forms.DecimalField(
        label=gettext_lazy("Up to"),
        required=False,
        min_value=0,
        max_digits=18,
        decimal_places=2,
        help_text=gettext_lazy("Empty: without limit."),
    )
    alone = forms.BooleanField(label=gettext_lazy("Without a second person"), required=False)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["limited_verb"].choices = [(verb, deed.label) for verb, deed in approvals.verbs().items()]  # type: ignore[attr-defined]


class SetLimit(ConfirmView):
    """Set how much a role may do or decide."""

    permission = "audit.approval_limit.edit"
    title: ClassVar[Text] = gettext_lazy("Set a limit")
    verb: ClassVar[Text] = gettext_lazy("Set the limit")
    form_class = LimitForm

    def load(self, *, request: HttpRequest, **where: Any) -> str:
        return ""

    def subject_line(self, *, subject: str) -> str:
        return _("It holds from the next request on.")

    def back_url(self, *, subject: str) -> str:
        return reverse("audit:approval_limits")

    def foresee(self, *, subject: str, values: Mapping[str, Any], actor: Actor) -> Consequence:
        was = ApprovalLimit.objects.filter(
            verb=values["limited_verb"], role=values["role"], currency=values["currency"].upper()
        ).first()
        currency = values["currency"].upper()
        shown = _amount(values["max_amount"], currency)
        before = None if was is None else _amount(was.max_amount, currency)
        is_of_any = values["max_amount"] is not None and not currency
        return Consequence(
            warnings=(_IN_ANY_CURRENCY,) if is_of_any else (),
            lines=(
                Line(verb_label(values["limited_verb"]), shown, before=before, total=True),
                Line(gettext_lazy("Without a second person"), _("yes") if values["alone"] else _("no")),
            ),
        )

    def perform(self, *, subject: str, values: Mapping[str, Any], actor: Actor, key: str) -> str:
        set_limit(
            verb=values["limited_verb"],
            role=values["role"],
            currency=values["currency"].upper(),
            max_amount=values["max_amount"],
            alone=values["alone"],
            actor=actor,
            reason=values["reason"],
        )
        return _("The limit is set.")
