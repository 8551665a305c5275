"""The rails with their hours, secrets and limits of banks, and their verbs."""

from collections.abc import Mapping
from typing import Any, ClassVar

from django import forms
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext_lazy

from backoffice.calendars import clock
from backoffice.calendars.names import NAMES
from backoffice.calendars.selectors import business_date
from backoffice.core.access import may, requires
from backoffice.core.actors import Actor
from backoffice.core.confirm import ConfirmForm, ConfirmView, Consequence, Line, Text
from backoffice.core.errors import Refusal
from backoffice.core.fields import AmountField, DayField
from backoffice.core.http import refused
from backoffice.outreach.console.of_borrower import ClockField
from backoffice.repayment.console.autopay import mandate_states as _states  # noqa: F401 - declares the tones
from backoffice.repayment.domain.autopay.codes import SCHEMES
from backoffice.repayment.domain.autopay.mandate_terms import Limits
from backoffice.repayment.models import DebitCommand, Rail
from backoffice.repayment.selectors.autopay.rail_files import bank_files_to_look_at, collection_files_to_look_at
from backoffice.repayment.selectors.autopay.rails import rails_shown, secret_name
from backoffice.repayment.services.autopay import rail_settings as services

VIEW, PAUSE, MANAGE = "repayment.rail.view", "repayment.rail.pause", "repayment.rail.manage"


@requires(VIEW)
def rails(request: HttpRequest) -> HttpResponse:
    """Every rail as it stands, with the files somebody has to look at and the limits of banks."""
    try:
        today = business_date()
    except Refusal as refusal:
        return refused(request, refusal=refusal, back_url=reverse("console:home"))
    now = clock.now()
    lines = rails_shown(at=timezone.localtime(now), today=today)
    context = {
        "lines": lines,
        "troubled": [line for line in lines if line.files_trouble],
        "has_files": any(line.rail.kind == Rail.Kind.ISO20022 for line in lines),
        "bank_files": bank_files_to_look_at(at=now),
        "collection_files": collection_files_to_look_at(at=now),
        "may_pause": may(request, PAUSE),
        "may_manage": may(request, MANAGE),
    }
    return render(request, "repayment/autopay/rails.html", context)


class RailVerb(ConfirmView):
    """What the verbs of a rail have in common."""

    permission = PAUSE

    def load(self, *, request: HttpRequest, **address: Any) -> Rail:
        """The rail. Raises Http404."""
        found = Rail.objects.filter(pk=address["rail_id"]).first()
        if found is None:
            raise Http404
        return found

    def back_url(self, *, subject: Any) -> str:
        """The page of all rails."""
        return reverse("repayment:rails")

    def subject_line(self, *, subject: Any) -> str:
        """Its name and kind."""
        return f"{subject.name}, {subject.get_kind_display()}"


class PauseRail(RailVerb):
    """Lets nothing more out over a rail."""

    title: ClassVar[Text] = gettext_lazy("Pause the rail")
    verb: ClassVar[Text] = gettext_lazy("Pause")
    costly = True

    def foresee(self, *, subject: Any, values: Mapping[str, Any], actor: Actor) -> Consequence:
        """How many debits wait."""
        return Consequence(
            lines=(Line(_("Planned debits that wait"), _planned(subject)),),
            warnings=(_("They are dropped when the time of their batch is over."),),
        )

    def perform(self, *, subject: Any, values: Mapping[str, Any], actor: Actor, key: str) -> Text:
        """Pauses it."""
        services.pause_rail(rail_id=subject.pk, reason=values["reason"], actor=actor)
        return _("%(name)s is paused.") % {"name": subject.name}


class ResumeRail(RailVerb):
    """Lets debits out again."""

    title: ClassVar[Text] = gettext_lazy("Resume the rail")
    verb: ClassVar[Text] = gettext_lazy("Resume")

    def foresee(self, *, subject: Any, values: Mapping[str, Any], actor: Actor) -> Consequence:
        """Why it was paused, and how many debits leave."""
        return Consequence(
            lines=(
                Line(_("Paused because"), subject.paused_reason),
                Line(_("Planned debits that leave"), _planned(subject)),
            ),
            warnings=(_("Each is computed again as it leaves."),),
        )

    def perform(self, *, subject: Any, values: Mapping[str, Any], actor: Actor, key: str) -> Text:
        """Resumes it."""
        services.resume_rail(rail_id=subject.pk, reason=values["reason"], actor=actor, at=clock.now())
        return _("%(name)s debits again.") % {"name": subject.name}


class RailForm(ConfirmForm):
    """The settings of a rail."""

    code = forms.SlugField(label=gettext_lazy("Code"), max_length=40)
    name = forms.CharField(label=pgettext_lazy("thing", "Name"), max_length=80)
    kind = forms.ChoiceField(label=gettext_lazy("Kind"), choices=Rail.Kind.choices)
    scheme = forms.ChoiceField(label=gettext_lazy("Codes"), choices=[(scheme, scheme) for scheme in SCHEMES])
    url = forms.URLField(label=gettext_lazy("Address"), max_length=300, assume_scheme="https")
    opens = ClockField(label=gettext_lazy("Opens"), initial="00:05")
    closes = ClockField(label=gettext_lazy("Closes"), initial="23:50")
    cut_off = ClockField(
        label=gettext_lazy("Cut-off"),
        initial="22:00",
        help_text=gettext_lazy("A debit after it is in the rail's file of the next day."),
    )
    calendar = forms.ChoiceField(
        label=gettext_lazy("Calendar"),
        required=False,
        choices=[
            ("", gettext_lazy("every day open")),
            *((code, name) for code, name in NAMES.items() if code != "none"),
        ],
        help_text=gettext_lazy("On its closed days nothing may be debited over the rail."),
    )
    per_second = forms.DecimalField(
        label=gettext_lazy("Commands a second"), max_digits=8, decimal_places=2, min_value=0, initial=200
    )


class SetRail(ConfirmView):
    """Sets a rail up, or changes one."""

    permission = MANAGE
    title: ClassVar[Text] = gettext_lazy("Set up a rail")
    verb: ClassVar[Text] = gettext_lazy("Set up")
    wide = True
    form_class = RailForm

    def load(self, *, request: HttpRequest, **address: Any) -> Rail | None:
        """The rail at hand; None for a new one. Raises Http404."""
        if "rail_id" not in address:
            return None
        found = Rail.objects.filter(pk=address["rail_id"]).first()
        if found is None:
            raise Http404
        return found

    def back_url(self, *, subject: Any) -> str:
        """The page of all rails."""
        return reverse("repayment:rails")

    def subject_line(self, *, subject: Any) -> str:
        """Its name."""
        return subject.name if subject else _("A new rail")

    def initial(self, *, subject: Any) -> dict[str, Any]:
        """As it is."""
        if subject is None:
            return {}
        return {"code": subject.code} | {field: getattr(subject, field) for field in services.SET_BY_PEOPLE}

    def foresee(self, *, subject: Any, values: Mapping[str, Any], actor: Actor) -> Consequence:
        """Where its secret is looked for."""
        return Consequence(
            lines=(Line(_("Notices come in at"), f"/hooks/rails/{values['code']}/"),),
            warnings=(_("Its secret is %(name)s of the environment.") % {"name": secret_name(values["code"])},),
        )

    def perform(self, *, subject: Any, values: Mapping[str, Any], actor: Actor, key: str) -> Text:
        """Sets it up."""
        rail = services.set_rail(actor=actor, **values)
        return _("%(name)s is set up.") % {"name": rail.name}


class LimitForm(ConfirmForm):
    """What a bank allows; an empty bank is every bank without a line of its own, an empty limit is none."""

    bank = forms.CharField(
        label=gettext_lazy("Bank"),
        max_length=20,
        required=False,
        help_text=gettext_lazy("Empty: every bank without a line of its own."),
    )
    currency = forms.RegexField(label=gettext_lazy("Currency"), regex=r"^[A-Z]{3}$", initial="CNY")
    single = AmountField(label=gettext_lazy("Of one debit"), required=False)
    day = AmountField(label=gettext_lazy("Of a day"), required=False)
    month = AmountField(label=gettext_lazy("Of a month"), required=False)
    attempts_a_day = forms.IntegerField(label=gettext_lazy("Debits a day"), min_value=1, max_value=100, required=False)
    effective_from = DayField(label=gettext_lazy("In force from"))


class SetLimit(RailVerb):
    """What a bank allows on the rail from a day on."""

    permission = MANAGE
    title: ClassVar[Text] = gettext_lazy("Limit of a bank")
    verb: ClassVar[Text] = gettext_lazy("Set the limit")
    form_class = LimitForm

    def initial(self, *, subject: Any) -> dict[str, Any]:
        """From today on."""
        return {"effective_from": business_date()}

    def foresee(self, *, subject: Any, values: Mapping[str, Any], actor: Actor) -> Consequence:
        """What it takes the place of."""
        before = (
            subject.limits.filter(
                bank=values["bank"], currency=values["currency"], effective_from__lte=values["effective_from"]
            )
            .order_by("-effective_from")
            .first()
        )
        lines = [
            Line(label, values[name], currency=values["currency"], before=getattr(before, name, None))
            for label, name in ((_("Of one debit"), "single"), (_("Of a day"), "day"), (_("Of a month"), "month"))
        ]
        return Consequence(lines=tuple(lines))

    def perform(self, *, subject: Any, values: Mapping[str, Any], actor: Actor, key: str) -> Text:
        """Sets it."""
        services.set_bank_limit(
            rail_id=subject.pk,
            bank=values["bank"],
            currency=values["currency"],
            limits=Limits(single=values["single"], day=values["day"], month=values["month"]),
            attempts_a_day=values["attempts_a_day"],
            effective_from=values["effective_from"],
            today=business_date(),
            actor=actor,
            reason=values["reason"],
        )
        return _("The limit is set.")


def _planned(rail: Rail) -> int:
    return DebitCommand.objects.filter(rail=rail, state="planned").count()
