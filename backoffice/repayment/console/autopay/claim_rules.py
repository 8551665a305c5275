"""The rules of claims on the screen: what guarantors agreed to, how much of each cap is used, a new rule, its verbs."""

from collections.abc import Mapping
from datetime import time
from typing import Any, ClassVar

from django import forms
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from backoffice.core.access import may, requires
from backoffice.core.actors import Actor
from backoffice.core.confirm import ConfirmForm, ConfirmView, Consequence, Line, Text
from backoffice.core.fields import DayField, PercentField
from backoffice.repayment.console.autopay import claim_states as _states  # noqa: F401 - declares the tones
from backoffice.repayment.console.autopay.claims import VIEW
from backoffice.repayment.domain.autopay.claim_states import RuleState
from backoffice.repayment.models import ClaimRule, Payee, Product
from backoffice.repayment.models.autopay.claims import KIND_LABELS
from backoffice.repayment.selectors.autopay.claims import cap_of_rule
from backoffice.repayment.services.autopay.claim_rules import RuleDraft, draft_rule, in_words, retire_rule, submit_rule

EDIT = "repayment.claim_rule.edit"


@requires(VIEW)
def claim_rules(request: HttpRequest) -> HttpResponse:
    """Every rule, the latest first, with its cap."""
    rules = ClaimRule.objects.visible_to(request.user).select_related("guarantor", "product")  # type: ignore[arg-type]
    context = {
        "lines": [(rule, cap_of_rule(rule)) for rule in rules.order_by("-pk")],
        "may_edit": may(request, EDIT),
    }
    return render(request, "repayment/autopay/claim_rules.html", context)


class RuleForm(ConfirmForm):
    """What a guarantor agreed to."""

    guarantor = forms.ModelChoiceField(label=gettext_lazy("Guarantor"), queryset=Payee.objects.none())
    portfolio = forms.CharField(label=gettext_lazy("Portfolio"), max_length=64)
    product = forms.ModelChoiceField(
        label=gettext_lazy("Product"), queryset=Product.objects.none(), required=False, empty_label=gettext_lazy("all")
    )
    funder = forms.CharField(
        label=gettext_lazy("Funder"), max_length=80, help_text=gettext_lazy("As loans name it as their creditor.")
    )
    currency = forms.RegexField(r"^[A-Z]{3}$", label=gettext_lazy("Currency"))
    kind = forms.ChoiceField(
        label=gettext_lazy("Kind"), choices=[(kind.value, label) for kind, label in KIND_LABELS.items()]
    )
    trigger_dpd = forms.IntegerField(label=gettext_lazy("Days past due"), min_value=0, max_value=1_000)
    with_penalty = forms.BooleanField(label=gettext_lazy("With the penalty"), required=False)
    cap_share = PercentField(
        label=gettext_lazy("Cap"), max_value=100, help_text=gettext_lazy("Of what the loans of the pool were lent.")
    )
    cut_off = forms.TimeField(label=gettext_lazy("Cut-off"), widget=forms.TimeInput(attrs={"type": "time"}))
    effective_from = DayField(label=gettext_lazy("From"))
    effective_to = DayField(
        label=gettext_lazy("Until"), required=False, help_text=gettext_lazy("The first day it does not hold any more.")
    )
    field_order = (
        "guarantor", "portfolio", "product", "funder", "currency", "kind", "trigger_dpd", "with_penalty", "cap_share",
        "cut_off", "effective_from", "effective_to", "reason",
    )  # fmt: skip

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        guarantors = Payee.objects.filter(kind=Payee.Kind.GUARANTOR, is_active=True)
        self.fields["guarantor"].queryset = guarantors  # type: ignore[attr-defined]
        self.fields["product"].queryset = Product.objects.order_by("code")  # type: ignore[attr-defined]


class NewRule(ConfirmView):
    """A rule is drafted; a second person agrees before it claims anything."""

    permission = EDIT
    title: ClassVar[Text] = gettext_lazy("New rule of a guarantor")
    verb: ClassVar[Text] = gettext_lazy("Draft")
    form_class = RuleForm
    wide = True

    def load(self, *, request: HttpRequest, **address: Any) -> None:
        """There is none yet."""

    def back_url(self, *, subject: Any) -> str:
        """The page of all rules."""
        return reverse("repayment:claim_rules")

    def subject_line(self, *, subject: Any) -> str:
        """What follows."""
        return _("It claims nothing before a second person agrees")

    def initial(self, *, subject: Any) -> dict[str, Any]:
        """The usual cut-off."""
        return {"cut_off": time(18).strftime("%H:%M")}

    def perform(self, *, subject: Any, values: Mapping[str, Any], actor: Actor, key: str) -> Text:
        """Drafts it."""
        given = {name: value for name, value in values.items() if name not in {"guarantor", "product", "reason"}}
        product = values["product"]
        draft = RuleDraft(guarantor_id=values["guarantor"].pk, product_id=product.pk if product else None, **given)
        draft_rule(draft=draft, reason=values["reason"], actor=actor)
        return _("The rule is drafted.")


class RuleVerb(ConfirmView):
    """What the verbs of a rule have in common."""

    permission = EDIT

    def load(self, *, request: HttpRequest, **address: Any) -> ClaimRule:
        """The rule, if the person may see it. Raises Http404."""
        rules = ClaimRule.objects.visible_to(request.user).select_related("guarantor")  # type: ignore[arg-type]
        rule = rules.filter(pk=address["rule_id"]).first()
        if rule is None:
            raise Http404
        return rule

    def back_url(self, *, subject: Any) -> str:
        """The page of all rules."""
        return reverse("repayment:claim_rules")

    def subject_line(self, *, subject: Any) -> str:
        """What it says."""
        return in_words(subject)


class SubmitRule(RuleVerb):
    """Asks a second person to agree."""

    title: ClassVar[Text] = gettext_lazy("Submit this rule for approval")
    verb: ClassVar[Text] = gettext_lazy("Submit")

    def foresee(self, *, subject: Any, values: Mapping[str, Any], actor: Actor) -> Consequence:
        """What may be claimed by it."""
        cap = cap_of_rule(subject)
        return Consequence(
            lines=(
                Line(gettext_lazy("Pool"), cap.pool, currency=subject.currency),
                Line(gettext_lazy("The cap"), cap.limit, currency=subject.currency, total=True),
            ),
            approval=_("A second person agrees before it claims anything."),
            verb=_("Ask for approval"),
        )

    def perform(self, *, subject: Any, values: Mapping[str, Any], actor: Actor, key: str) -> Text:
        """Asks for it."""
        submit_rule(rule_id=subject.pk, reason=values["reason"], actor=actor)
        return _("It waits for a second person.")


class RetireRule(RuleVerb):
    """It lists nothing more."""

    title: ClassVar[Text] = gettext_lazy("Retire this rule")
    verb: ClassVar[Text] = gettext_lazy("Retire")
    costly = True

    def foresee(self, *, subject: Any, values: Mapping[str, Any], actor: Actor) -> Consequence:
        """What goes on all the same."""
        waiting = subject.claims.filter(state__in=["candidate", "confirmed"]).count()
        is_ruling = subject.state == RuleState.APPROVED
        return Consequence(
            lines=(Line(gettext_lazy("Claims on their way"), waiting),),
            warnings=(gettext_lazy("Nothing is listed from tonight on; what is listed goes its way."),)
            if is_ruling
            else (),
        )

    def perform(self, *, subject: Any, values: Mapping[str, Any], actor: Actor, key: str) -> Text:
        """Retires it."""
        retire_rule(rule_id=subject.pk, reason=values["reason"], actor=actor)
        return _("The rule is retired.")
