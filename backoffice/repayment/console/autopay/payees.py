"""Who debits are split to: created, changed, retired, with what still names them."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any, ClassVar

from django import forms
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext_lazy

from backoffice.core.access import may, requires
from backoffice.core.actors import Actor
from backoffice.core.confirm import ConfirmForm, ConfirmView, Consequence, Line, Text
from backoffice.core.fields import PercentField
from backoffice.core.formats import percent_text
from backoffice.repayment.console.autopay import mandate_states as _states  # noqa: F401 - declares the tones
from backoffice.repayment.domain.json_form import plain
from backoffice.repayment.models import Payee
from backoffice.repayment.selectors.autopay.payees import namings, versions_naming
from backoffice.repayment.selectors.product_words import COMPONENTS
from backoffice.repayment.services.autopay import payees as services

VIEW, MANAGE = "repayment.payee.view", "repayment.payee.manage"


@requires(VIEW)
def payees(request: HttpRequest) -> HttpResponse:
    """Every payee, those in use first, with the versions that name each."""
    named = namings()
    rows = Payee.objects.order_by("-is_active", "code")
    context = {
        "lines": [(payee, named.get(payee.code, []), _contract(payee)) for payee in rows],
        "may_manage": may(request, MANAGE),
    }
    return render(request, "repayment/autopay/payees.html", context)


def _contract(payee: Payee) -> list[str]:
    """What the contract gives of each component, where it is written down."""
    return [
        f"{COMPONENTS[name]} {percent_text(Decimal(share), bare=True)}" for name, share in payee.contract_shares.items()
    ]


class PayeeForm(ConfirmForm):
    """What of a payee may change."""

    name = forms.CharField(label=pgettext_lazy("thing", "Name"), max_length=120)
    creditor = forms.CharField(
        label=gettext_lazy("Creditor of loans"),
        max_length=80,
        required=False,
        help_text=gettext_lazy("The name under which loans name them as creditor."),
    )
    account = forms.CharField(
        label=gettext_lazy("Account token"),
        max_length=60,
        required=False,
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
        help_text=gettext_lazy("Never the number itself."),
    )

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        for component, label in COMPONENTS.items():
            name = _("By contract, of %(component)s") % {"component": label}
            self.fields[share_field(component)] = PercentField(label=name, required=False, max_value=100)

    def clean(self) -> dict[str, Any]:
        """The shares of the contract under one name; what is left empty is written down nowhere."""
        said = super().clean() or {}
        shares = {component: said.pop(share_field(component), None) for component in COMPONENTS}
        return said | {"contract_shares": {name: share for name, share in shares.items() if share is not None}}


def share_field(component: str) -> str:
    """The field of what a contract gives of a component."""
    return f"contract_{component}"


class NewPayeeForm(PayeeForm):
    """A new payee."""

    code = forms.SlugField(label=gettext_lazy("Code"), max_length=40)
    kind = forms.ChoiceField(label=gettext_lazy("Kind"), choices=Payee.Kind.choices)
    field_order = ("code", "kind", "name", "creditor", "account", "reason")


class NewPayee(ConfirmView):
    """Somebody debits may be split to."""

    permission = MANAGE
    title: ClassVar[Text] = gettext_lazy("New payee")
    verb: ClassVar[Text] = gettext_lazy("Create")
    form_class = NewPayeeForm

    def load(self, *, request: HttpRequest, **address: Any) -> None:
        """There is none yet."""

    def back_url(self, *, subject: Any) -> str:
        """The page of all payees."""
        return reverse("repayment:payees")

    def subject_line(self, *, subject: Any) -> str:
        """What it is for."""
        return _("Somebody debits may be split to")

    def perform(self, *, subject: Any, values: Mapping[str, Any], actor: Actor, key: str) -> Text:
        """Creates it."""
        made = services.create_payee(actor=actor, **values)
        return _("%(name)s may be named in splits now.") % {"name": made.name}


class PayeeVerb(ConfirmView):
    """What the verbs of a payee have in common."""

    permission = MANAGE

    def load(self, *, request: HttpRequest, **address: Any) -> Payee:
        """The payee. Raises Http404."""
        found = Payee.objects.filter(pk=address["payee_id"]).first()
        if found is None:
            raise Http404
        return found

    def back_url(self, *, subject: Any) -> str:
        """The page of all payees."""
        return reverse("repayment:payees")

    def subject_line(self, *, subject: Any) -> str:
        """Its name and kind."""
        return f"{subject.name}, {subject.get_kind_display()}"


class ChangePayee(PayeeVerb):
    """Another name, creditor or account."""

    title: ClassVar[Text] = gettext_lazy("Change the payee")
    verb: ClassVar[Text] = gettext_lazy("Change")
    form_class = PayeeForm

    def initial(self, *, subject: Any) -> dict[str, Any]:
        """As it is."""
        shares = {share_field(name): plain(Decimal(share) * 100) for name, share in subject.contract_shares.items()}
        return {name: getattr(subject, name) for name in ("name", "creditor", "account")} | shares

    def foresee(self, *, subject: Any, values: Mapping[str, Any], actor: Actor) -> Consequence | None:
        """Who is paid by it; where anybody is, a second person agrees to anything but another name."""
        ruling = [naming.label for naming in versions_naming(code=subject.code) if naming.rules]
        if not ruling:
            return None
        return Consequence(
            lines=(Line(_("Versions in force that name it"), len(ruling)),),
            approval=_(
                "%(name)s is paid by %(versions)s: a compliance officer or an administrator decides about another "
                "creditor, account or contract share; another name alone is written at once."
            )
            % {"name": subject.name, "versions": ", ".join(ruling)},
        )

    def perform(self, *, subject: Any, values: Mapping[str, Any], actor: Actor, key: str) -> Text:
        """Changes it."""
        done = services.change_payee(payee_id=subject.pk, actor=actor, **values)
        if done.approval_id is not None:
            return _("The change of %(name)s waits for a second person.") % {"name": done.payee.name}
        return _("%(name)s is changed.") % {"name": done.payee.name}


class RetirePayee(PayeeVerb):
    """Nothing new may name it."""

    title: ClassVar[Text] = gettext_lazy("Retire the payee")
    verb: ClassVar[Text] = gettext_lazy("Retire")
    costly = True

    def foresee(self, *, subject: Any, values: Mapping[str, Any], actor: Actor) -> Consequence:
        """What still names it."""
        named = versions_naming(code=subject.code)
        ruling = [naming.label for naming in named if naming.rules]
        drafts = [naming.label for naming in named if not naming.rules]
        warnings = [
            *([_("Refused while it is named by %(versions)s.") % {"versions": ", ".join(ruling)}] if ruling else []),
            *(
                [_("These will not pass their check: %(versions)s.") % {"versions": ", ".join(drafts)}]
                if drafts
                else []
            ),
        ]
        lines = (
            Line(_("Versions in force that name it"), len(ruling)),
            Line(_("Drafts that name it"), len(drafts)),
        )
        return Consequence(lines=lines, warnings=tuple(warnings))

    def perform(self, *, subject: Any, values: Mapping[str, Any], actor: Actor, key: str) -> Text:
        """Retires it."""
        services.retire_payee(payee_id=subject.pk, reason=values["reason"], actor=actor)
        return _("%(name)s is retired.") % {"name": subject.name}


class ReinstatePayee(PayeeVerb):
    """Takes it back into use."""

    title: ClassVar[Text] = gettext_lazy("Take the payee back into use")
    verb: ClassVar[Text] = pgettext_lazy("payee", "Take back")

    def perform(self, *, subject: Any, values: Mapping[str, Any], actor: Actor, key: str) -> Text:
        """Takes it back."""
        services.reinstate_payee(payee_id=subject.pk, reason=values["reason"], actor=actor)
        return _("%(name)s is in use again.") % {"name": subject.name}
