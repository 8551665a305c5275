"""The verbs of mandates behind confirm panels: signed, confirmed, suspended, resumed, revoked, bound anew, limited."""

from collections.abc import Mapping
from typing import Any, ClassVar

from django import forms
from django.http import Http404, HttpRequest
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext_lazy

from backoffice.calendars import clock
from backoffice.core.actors import Actor
from backoffice.core.confirm import ConfirmForm, ConfirmView, Consequence, Line, Text
from backoffice.core.fields import AmountField, DayField
from backoffice.customers.models import Borrower
from backoffice.repayment.console.autopay.mandates import MANAGE, SIGN, rail_choices
from backoffice.repayment.domain.autopay.debit_states import IN_FLIGHT, CommandState
from backoffice.repayment.domain.autopay.mandate_states import MandateState
from backoffice.repayment.domain.autopay.mandate_terms import Binding, Limits
from backoffice.repayment.models import DebitCommand, Mandate, Rail
from backoffice.repayment.selectors.autopay.mandates import OVER, mandates_of
from backoffice.repayment.services.autopay import mandates as services
from backoffice.staff.access import person_of


class BindingForm(ConfirmForm):
    """The account or card; its number is typed nowhere, a token of the rail's vault stands for it."""

    rail = forms.ChoiceField(label=gettext_lazy("Rail"))
    kind = forms.ChoiceField(label=gettext_lazy("Kind"), choices=Mandate.Kind.choices)
    bank = forms.CharField(label=gettext_lazy("Bank"), max_length=20)
    token = forms.CharField(
        label=gettext_lazy("Token"),
        max_length=64,
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
        help_text=gettext_lazy("Never the number itself."),
    )
    mask = forms.CharField(label=gettext_lazy("Shown as"), max_length=24, help_text=gettext_lazy("Such as **** 1234."))
    currency = forms.RegexField(label=gettext_lazy("Currency"), regex=r"^[A-Z]{3}$", initial="CNY")
    valid_through = DayField(label=gettext_lazy("Valid through"), required=False)

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.fields["rail"].choices = rail_choices()  # type: ignore[attr-defined]


class LimitsForm(ConfirmForm):
    """What an agreement allows; an empty field is no limit."""

    single_limit = AmountField(label=gettext_lazy("Limit of one debit"), required=False)
    day_limit = AmountField(label=gettext_lazy("Limit of a day"), required=False)
    month_limit = AmountField(label=gettext_lazy("Limit of a month"), required=False)
    allows_partial = forms.BooleanField(label=gettext_lazy("Partial debits agreed"), required=False)


class SignForm(BindingForm, LimitsForm):
    """A new agreement."""


class ConfirmSignatureForm(ConfirmForm):
    """On which day it was signed, where a person has seen that."""

    signed_on = DayField(label=gettext_lazy("Signed on"), required=False)


class BorrowerVerb(ConfirmView):
    """A verb of a borrower's mandates; it comes back to the borrower's page."""

    permission = SIGN

    def load(self, *, request: HttpRequest, **address: Any) -> Borrower:
        """The borrower, if the person may see them. Raises Http404."""
        borrowers = Borrower.objects.visible_to(person_of(request)).filter(merged_into__isnull=True)
        found = borrowers.filter(pk=address["borrower_id"]).first()
        if found is None:
            raise Http404
        return found

    def back_url(self, *, subject: Any) -> str:
        """The borrower's page."""
        return reverse("console:borrower", args=[subject.pk])

    def subject_line(self, *, subject: Any) -> str:
        """Who it is about."""
        return _("Borrower %(id)s") % {"id": subject.external_id}


class Sign(BorrowerVerb):
    """Asks the rail for a new agreement."""

    title: ClassVar[Text] = gettext_lazy("Sign a mandate")
    verb: ClassVar[Text] = gettext_lazy("Ask the rail")
    wide = True
    form_class = SignForm

    def foresee(self, *, subject: Any, values: Mapping[str, Any], actor: Actor) -> Consequence:
        """Where it stands in the order, and who is asked."""
        running = [each for each in mandates_of(borrower_ids=[subject.pk]) if each.state not in OVER]
        return Consequence(
            lines=(Line(_("Place in the order"), len(running) + 1),),
            warnings=(_asked(Rail.objects.filter(pk=values["rail"]).first()),),
        )

    def perform(self, *, subject: Any, values: Mapping[str, Any], actor: Actor, key: str) -> Text:
        """Writes the row and asks."""
        signed = services.sign(
            borrower_id=subject.pk,
            rail_id=int(values["rail"]),
            binding=_binding(values),
            limits=_limits(values),
            allows_partial=values["allows_partial"],
            valid_through=values["valid_through"],
            reason=values["reason"],
            actor=actor,
            at=clock.now(),
        )
        return said_of(signed)


class Reorder(BorrowerVerb):
    """Puts the borrower's mandates into another order."""

    permission = MANAGE
    title: ClassVar[Text] = gettext_lazy("Order of the mandates")
    verb: ClassVar[Text] = gettext_lazy("Put into this order")

    class Form(ConfirmForm):
        """One choice a place."""

        def __init__(self, *args: Any, places: list[tuple[str, str]], **options: Any) -> None:
            super().__init__(*args, **options)
            for place, (mandate_id, _label) in enumerate(places, start=1):
                label = _("Place %(number)s") % {"number": place}
                self.fields[f"place_{place}"] = forms.ChoiceField(label=label, choices=places, initial=mandate_id)
            self.order_fields([*(name for name in self.fields if name != "reason"), "reason"])

    form_class = Form

    def form_options(self, *, subject: Any) -> dict[str, Any]:
        """The mandates that are not over."""
        running = [each for each in mandates_of(borrower_ids=[subject.pk]) if each.state not in OVER]
        return {"places": [(str(each.pk), f"{each.bank} {each.mask}, {each.agreement_no}") for each in running]}

    def initial(self, *, subject: Any) -> dict[str, Any]:
        """As it is."""
        places = self.form_options(subject=subject)["places"]
        return {f"place_{number}": mandate_id for number, (mandate_id, _label) in enumerate(places, start=1)}

    def perform(self, *, subject: Any, values: Mapping[str, Any], actor: Actor, key: str) -> Text:
        """Puts them into order."""
        places = sorted((name for name in values if name.startswith("place_")), key=lambda name: int(name[6:]))
        services.reorder(
            borrower_id=subject.pk,
            mandate_ids=[int(values[name]) for name in places],
            reason=values["reason"],
            actor=actor,
            at=clock.now(),
        )
        return _("The mandates are in the new order.")


class MandateVerb(ConfirmView):
    """A verb of one mandate."""

    permission = MANAGE

    def load(self, *, request: HttpRequest, **address: Any) -> Mandate:
        """The mandate, if the person may see its borrower. Raises Http404."""
        visible = Mandate.objects.visible_to(person_of(request)).select_related("borrower", "rail")
        found = visible.filter(pk=address["mandate_id"]).first()
        if found is None:
            raise Http404
        return found

    def back_url(self, *, subject: Any) -> str:
        """Its page."""
        return reverse("repayment:mandate", args=[subject.pk])

    def subject_line(self, *, subject: Any) -> str:
        """Its number, bank and mask."""
        return f"{subject.agreement_no}, {subject.bank} {subject.mask}"


class Confirm(MandateVerb):
    """Brings an agreement being signed into force."""

    permission = SIGN
    title: ClassVar[Text] = gettext_lazy("Confirm the mandate")
    verb: ClassVar[Text] = gettext_lazy("Confirm")
    form_class = ConfirmSignatureForm

    def foresee(self, *, subject: Any, values: Mapping[str, Any], actor: Actor) -> Consequence:
        """Who says that it is signed."""
        return Consequence(warnings=(_asked(subject.rail),))

    def perform(self, *, subject: Any, values: Mapping[str, Any], actor: Actor, key: str) -> Text:
        """Confirms it, or asks."""
        confirmed = services.confirm(
            mandate_id=subject.pk,
            signed_on=values["signed_on"],
            reason=values["reason"],
            actor=actor,
            at=clock.now(),
        )
        return said_of(confirmed)


class Suspend(MandateVerb):
    """No debits until it is resumed."""

    title: ClassVar[Text] = gettext_lazy("Suspend the mandate")
    verb: ClassVar[Text] = gettext_lazy("Suspend")

    def foresee(self, *, subject: Any, values: Mapping[str, Any], actor: Actor) -> Consequence:
        """What is dropped, and what is not called back."""
        return _dropping(subject)

    def perform(self, *, subject: Any, values: Mapping[str, Any], actor: Actor, key: str) -> Text:
        """Suspends it."""
        services.suspend(mandate_id=subject.pk, reason=values["reason"], actor=actor, at=clock.now())
        return _("The mandate is suspended.")


class Resume(MandateVerb):
    """Debits may go over it again."""

    title: ClassVar[Text] = gettext_lazy("Resume the mandate")
    verb: ClassVar[Text] = gettext_lazy("Resume")

    def perform(self, *, subject: Any, values: Mapping[str, Any], actor: Actor, key: str) -> Text:
        """Resumes it."""
        services.resume(mandate_id=subject.pk, reason=values["reason"], actor=actor, at=clock.now())
        return _("The mandate is in force again.")


class Revoke(MandateVerb):
    """Ends an agreement for good."""

    title: ClassVar[Text] = gettext_lazy("Revoke the mandate")
    verb: ClassVar[Text] = pgettext_lazy("mandate", "Revoke")
    costly = True

    def foresee(self, *, subject: Any, values: Mapping[str, Any], actor: Actor) -> Consequence:
        """What is dropped, and that there is no way back."""
        seen = _dropping(subject)
        return Consequence(
            lines=seen.lines, warnings=(*seen.warnings, _("It ends for good: another debit needs a new agreement."))
        )

    def perform(self, *, subject: Any, values: Mapping[str, Any], actor: Actor, key: str) -> Text:
        """Revokes it."""
        revoked = services.revoke(mandate_id=subject.pk, reason=values["reason"], actor=actor, at=clock.now())
        if revoked.tell_at is None:
            return _("The mandate is revoked.")
        return _("The mandate is revoked here. The rail did not answer and is told again within a minute.")


class Rebind(MandateVerb):
    """Another account or card takes over."""

    permission = SIGN
    title: ClassVar[Text] = gettext_lazy("Bind another account")
    verb: ClassVar[Text] = gettext_lazy("Ask the rail")
    wide = True
    form_class = BindingForm

    def initial(self, *, subject: Any) -> dict[str, Any]:
        """The rail and the currency of the old one."""
        return {"rail": str(subject.rail_id), "kind": subject.kind, "bank": subject.bank, "currency": subject.currency}

    def foresee(self, *, subject: Any, values: Mapping[str, Any], actor: Actor) -> Consequence:
        """That the old one stays until the new one is in force."""
        stays = _("The old agreement stays in force until the rail has the new one.")
        return Consequence(lines=_dropping(subject).lines, warnings=(stays,))

    def perform(self, *, subject: Any, values: Mapping[str, Any], actor: Actor, key: str) -> Text:
        """Asks for the new one."""
        new = services.rebind(
            mandate_id=subject.pk,
            rail_id=int(values["rail"]),
            binding=_binding(values),
            valid_through=values["valid_through"],
            reason=values["reason"],
            actor=actor,
            at=clock.now(),
        )
        return said_of(new)


class ChangeLimits(MandateVerb):
    """What the agreement allows."""

    title: ClassVar[Text] = gettext_lazy("Limits of the mandate")
    verb: ClassVar[Text] = gettext_lazy("Change the limits")
    form_class = LimitsForm

    def initial(self, *, subject: Any) -> dict[str, Any]:
        """As they are."""
        return {
            "single_limit": subject.single_limit,
            "day_limit": subject.day_limit,
            "month_limit": subject.month_limit,
            "allows_partial": subject.allows_partial,
        }

    def foresee(self, *, subject: Any, values: Mapping[str, Any], actor: Actor) -> Consequence:
        """Before and after."""
        names = ((_("Limit of one debit"), "single_limit"), (_("Limit of a day"), "day_limit"))
        lines = [
            Line(label, values[name], currency=subject.currency, before=getattr(subject, name))
            for label, name in (*names, (_("Limit of a month"), "month_limit"))
        ]
        return Consequence(lines=tuple(lines))

    def perform(self, *, subject: Any, values: Mapping[str, Any], actor: Actor, key: str) -> Text:
        """Changes them."""
        services.change_limits(
            mandate_id=subject.pk,
            limits=_limits(values),
            allows_partial=values["allows_partial"],
            reason=values["reason"],
            actor=actor,
            at=clock.now(),
        )
        return _("The limits are changed.")


def said_of(mandate: Mandate) -> str:
    """What became of an agreement that was asked for."""
    if mandate.state == MandateState.ACTIVE:
        return _("Agreement %(number)s is in force.") % {"number": mandate.agreement_no}
    if mandate.state == MandateState.REVOKED:
        return _("The rail refused agreement %(number)s; its page says why.") % {"number": mandate.agreement_no}
    if mandate.tell_at is None:
        return _("Agreement %(number)s waits until somebody confirms the signature.") % {"number": mandate.agreement_no}
    at = timezone.localtime(mandate.tell_at).strftime("%H:%M")
    return _("Agreement %(number)s is being signed; the rail is asked again at %(at)s.") % {
        "number": mandate.agreement_no,
        "at": at,
    }


def _asked(rail: Rail | None) -> str:
    if rail is None or rail.kind == Rail.Kind.HTTP:
        return _("The rail is asked over the wire; the mandate is in force once it says so.")
    return _("This rail keeps no agreements: whoever confirms has seen the signature.")


def _dropping(mandate: Mandate) -> Consequence:
    """How many planned debits are dropped, and how many are at the rail already."""
    states = [CommandState.PLANNED.value, *(state.value for state in IN_FLIGHT)]
    found = DebitCommand.objects.filter(mandate=mandate, state__in=states).values_list("state", flat=True)
    planned = sum(state == CommandState.PLANNED for state in found)
    left = len(found) - planned
    return Consequence(
        lines=(Line(_("Planned debits that are dropped"), planned), Line(_("Debits at the rail already"), left)),
        warnings=(_("What is at the rail already is not called back; its answer is booked."),) if left else (),
    )


def _binding(values: Mapping[str, Any]) -> Binding:
    return Binding(**{name: values[name] for name in ("kind", "bank", "token", "mask", "currency")})


def _limits(values: Mapping[str, Any]) -> Limits:
    return Limits(single=values["single_limit"], day=values["day_limit"], month=values["month_limit"])
