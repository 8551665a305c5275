"""Who debits are split to: created, changed, retired, with what still names them."""

from collections.abc import Mapping
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
from backoffice.repayment.console.autopay import mandate_states as _states  # noqa: F401 - declares the tones
from backoffice.repayment.models import Payee
from backoffice.repayment.selectors.autopay.payees import namings, versions_naming
from backoffice.repayment.services.autopay import payees as services

VIEW, MANAGE = "repayment.payee.view", "repayment.payee.manage"


@requires(VIEW)
def payees(request: HttpRequest) -> HttpResponse:
    """Every payee, those in use first, with the versions that name each."""
    named = namings()
    rows = Payee.objects.order_by("-is_active", "code")
    context = {
        "lines": [(payee, named.get(payee.code, [])) for payee in rows],
        "may_manage": may(request, MANAGE),
    }
    return render(request, "repayment/autopay/payees.html", context)


class PayeeForm(ConfirmForm):
    """What of a payee may change."""

    name = forms.CharField(label=gettext_lazy("Name"), max_length=120)
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
        return {name: getattr(subject, name) for name in ("name", "creditor", "account")}

    def perform(self, *, subject: Any, values: Mapping[str, Any], actor: Actor, key: str) -> Text:
        """Changes it."""
        changed = services.change_payee(payee_id=subject.pk, actor=actor, **values)
        return _("%(name)s is changed.") % {"name": changed.name}


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
