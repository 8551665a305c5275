"""How the gateways do, and their verbs: set up, pause, resume; print files."""

from collections.abc import Mapping
from typing import Any, ClassVar

from django import forms
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from backoffice.calendars import clock
from backoffice.core.access import actor_of, may, requires
from backoffice.core.actors import Actor
from backoffice.core.confirm import ConfirmForm, ConfirmView, Consequence, Line, Text
from backoffice.core.errors import Refusal
from backoffice.core.http import refused
from backoffice.outreach.console import message_states as _states  # noqa: F401 - declares the tones
from backoffice.outreach.console.messages import CHANNELS
from backoffice.outreach.domain.channels import Channel
from backoffice.outreach.models import Gateway, PrintFile
from backoffice.outreach.selectors.gateways import health_of_gateways
from backoffice.outreach.services import gateways as services
from backoffice.outreach.services.printing import fetch_print_file

PRINT_FILES_SHOWN = 20


@requires("outreach.gateway.view")
def gateways(request: HttpRequest) -> HttpResponse:
    """Every gateway with its last day: three queries."""
    lines = health_of_gateways(at=clock.now())
    context = {
        "lines": lines,
        "unknown": sum(line.unknown for line in lines),
        "missing": sum(line.receipts_missing for line in lines),
        "failed": sum(line.failed for line in lines),
        "handed_over": sum(line.handed_over for line in lines),
        "waiting": sum({line.gateway.channel: line.waiting for line in lines}.values()),
        "print_files": PrintFile.objects.select_related("gateway").order_by("-id")[:PRINT_FILES_SHOWN],
        "may_pause": may(request, "outreach.gateway.pause"),
        "may_manage": may(request, "outreach.gateway.manage"),
        "may_fetch": may(request, "outreach.letter.fetch"),
    }
    return render(request, "outreach/gateways.html", context)


class GatewayVerb(ConfirmView):
    """What the verbs of a gateway have in common."""

    permission = "outreach.gateway.pause"

    def load(self, *, request: HttpRequest, **address: Any) -> Gateway:
        """The gateway. Raises Http404."""
        found = Gateway.objects.filter(pk=address["gateway_id"]).first()
        if found is None:
            raise Http404
        return found

    def back_url(self, *, subject: Any) -> str:
        """The page of all gateways."""
        return reverse("outreach:gateways")

    def subject_line(self, *, subject: Any) -> str:
        """Its name and channel."""
        return f"{subject.name}, {subject.get_channel_display()}"


class PauseGateway(GatewayVerb):
    """Lets nothing more out by a gateway."""

    title: ClassVar[Text] = gettext_lazy("Pause the gateway")
    verb: ClassVar[Text] = gettext_lazy("Pause")
    costly = True

    def foresee(self, *, subject: Any, values: Mapping[str, Any], actor: Actor) -> Consequence:
        """How many messages wait, and what takes its place."""
        waiting = next(line.waiting for line in health_of_gateways(at=clock.now()) if line.gateway == subject)
        other = Gateway.objects.filter(channel=subject.channel, is_paused=False).exclude(pk=subject.pk).first()
        instead = (
            _("They leave by %(name)s instead.") % {"name": other.name}
            if other
            else _("They wait until it is resumed, and expire when their time is over.")
        )
        return Consequence(lines=(Line(_("Messages due on the channel now"), waiting),), warnings=(instead,))

    def perform(self, *, subject: Any, values: Mapping[str, Any], actor: Actor, key: str) -> Text:
        """Pauses it."""
        services.pause_gateway(gateway_id=subject.pk, reason=values["reason"], actor=actor)
        return _("%(name)s is paused.") % {"name": subject.name}


class ResumeGateway(GatewayVerb):
    """Lets messages out again."""

    title: ClassVar[Text] = gettext_lazy("Resume the gateway")
    verb: ClassVar[Text] = gettext_lazy("Resume")

    def foresee(self, *, subject: Any, values: Mapping[str, Any], actor: Actor) -> Consequence:
        """Why it was paused, and how many messages leave."""
        waiting = next(line.waiting for line in health_of_gateways(at=clock.now()) if line.gateway == subject)
        return Consequence(
            lines=(
                Line(_("Paused because"), subject.paused_reason),
                Line(_("Messages due on the channel now"), waiting),
            ),
            warnings=(_("Each is judged again by the gate as it leaves."),),
        )

    def perform(self, *, subject: Any, values: Mapping[str, Any], actor: Actor, key: str) -> Text:
        """Resumes it."""
        services.resume_gateway(gateway_id=subject.pk, reason=values["reason"], actor=actor)
        return _("%(name)s sends again.") % {"name": subject.name}


class GatewayForm(ConfirmForm):
    """The settings of a gateway."""

    code = forms.SlugField(label=gettext_lazy("Code"), max_length=40)
    name = forms.CharField(label=gettext_lazy("Name"), max_length=80)
    channel = forms.ChoiceField(label=gettext_lazy("Channel"), choices=CHANNELS)
    kind = forms.ChoiceField(label=gettext_lazy("Kind"), choices=Gateway.Kind.choices)
    url = forms.URLField(label=gettext_lazy("Address"), max_length=300, required=False, assume_scheme="https")
    rank = forms.IntegerField(label=gettext_lazy("Order"), min_value=1, max_value=99, initial=1)
    per_second = forms.DecimalField(
        label=gettext_lazy("Messages a second"), max_digits=8, decimal_places=2, min_value=0, initial=50
    )
    burst = forms.IntegerField(label=gettext_lazy("At once"), min_value=1, max_value=100_000, initial=100)
    unit_cost = forms.DecimalField(
        label=gettext_lazy("Cost of a unit"), max_digits=12, decimal_places=4, min_value=0, initial=0
    )
    currency = forms.RegexField(label=gettext_lazy("Currency"), regex=r"^[A-Z]{3}$", initial="CNY")
    receipt_seconds = forms.IntegerField(
        label=gettext_lazy("Receipt expected within (s)"),
        min_value=0,
        max_value=7 * 24 * 3600,
        initial=600,
        help_text=gettext_lazy("0: this gateway sends no receipts"),
    )


class SetGateway(ConfirmView):
    """Sets a gateway up, or changes one."""

    permission = "outreach.gateway.manage"
    title: ClassVar[Text] = gettext_lazy("Set up a gateway")
    verb: ClassVar[Text] = gettext_lazy("Set up")
    wide = True
    form_class = GatewayForm

    def load(self, *, request: HttpRequest, **address: Any) -> Gateway | None:
        """The gateway at hand; None for a new one. Raises Http404."""
        if "gateway_id" not in address:
            return None
        found = Gateway.objects.filter(pk=address["gateway_id"]).first()
        if found is None:
            raise Http404
        return found

    def back_url(self, *, subject: Any) -> str:
        """The page of all gateways."""
        return reverse("outreach:gateways")

    def subject_line(self, *, subject: Any) -> str:
        """Its name."""
        return subject.name if subject else _("A new gateway")

    def initial(self, *, subject: Any) -> dict[str, Any]:
        """As it is."""
        return (
            {}
            if subject is None
            else {"code": subject.code} | {field: getattr(subject, field) for field in services.SET_BY_PEOPLE}
        )

    def foresee(self, *, subject: Any, values: Mapping[str, Any], actor: Actor) -> Consequence:
        """Where its secret is looked for."""
        name = "GATEWAY_SECRET_" + values["code"].upper().replace("-", "_")
        return Consequence(
            lines=(Line(_("Receipts come in at"), reverse("gateway_receipt", args=[values["code"]])),),
            warnings=(_("Its secret is %(name)s of the environment.") % {"name": name},),
        )

    def perform(self, *, subject: Any, values: Mapping[str, Any], actor: Actor, key: str) -> Text:
        """Sets it up."""
        settings = {**values, "channel": Channel(values["channel"])}
        gateway = services.set_gateway(actor=actor, **settings)
        return _("%(name)s is set up.") % {"name": gateway.name}


@requires("outreach.letter.fetch")
def print_file(request: HttpRequest, print_file_id: int) -> HttpResponse:
    """A print file in clear, with an entry in the trail; never cached."""
    try:
        fetched = fetch_print_file(
            print_file_id=print_file_id, reason=_("fetched for printing"), actor=actor_of(request.user)
        )
    except Refusal as refusal:
        return refused(request, refusal=refusal, back_url=reverse("outreach:gateways"))
    response = HttpResponse(fetched.content, content_type="application/jsonl; charset=utf-8")
    response.headers["Content-Disposition"] = f'attachment; filename="{fetched.name}"'
    response.headers["Cache-Control"] = "no-store"
    return response
