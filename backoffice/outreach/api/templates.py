"""Templates and gateways over the API: what speaks, what words would look like, how the gateways do."""

from typing import Any, ClassVar

from django.db.models import QuerySet
from rest_framework.request import Request
from rest_framework.response import Response

from backoffice.calendars import clock
from backoffice.core.access import actor_of
from backoffice.core.api.views import ApiView, ListView, read
from backoffice.outreach.api import message_shapes as shapes
from backoffice.outreach.domain.channels import Channel
from backoffice.outreach.domain.purposes import Purpose
from backoffice.outreach.models import TemplateVersion
from backoffice.outreach.selectors.gateways import health_of_gateways
from backoffice.outreach.services.gateways import pause_gateway, resume_gateway
from backoffice.outreach.services.previewing import preview_words
from backoffice.outreach.services.templates import Wording
from backoffice.staff.access import person_of


class TemplateVersionsView(ListView):
    """Versions of templates, the latest drafted first."""

    permissions_by_method: ClassVar[dict[str, str]] = {"GET": "outreach.template.view"}
    query_serializer_class = shapes.TemplatesQuery
    serializer_class = shapes.TemplateVersionSerializer

    def rows(self, *, template: str | None = None, **equal: Any) -> QuerySet[TemplateVersion]:
        """The versions that fit every filter."""
        found = TemplateVersion.objects.select_related("template").filter(**equal)
        return found if template is None else found.filter(template__code=template)


class PreviewView(ApiView):
    """How words would be read, and what is wrong with them."""

    permissions_by_method: ClassVar[dict[str, str]] = {"POST": "outreach.template.view"}
    request_serializer_class = shapes.PreviewRequestSerializer
    serializer_class = shapes.PreviewSerializer

    def post(self, request: Request) -> Response:
        """Stores nothing; faults and findings are part of the answer."""
        asked = read(self.request_serializer_class, request.data)
        previewed = preview_words(
            channel=Channel(asked["channel"]),
            language=asked["language"],
            wording=Wording(subject=asked["subject"], body=asked["body"], is_legal=asked["is_legal"]),
            user=person_of(request),
            borrower=asked["borrower"],
            purpose=Purpose(asked["purpose"]) if asked["purpose"] else None,
        )
        seen = previewed.preview
        answer = {
            "subject": seen.subject if seen else "",
            "body": seen.body if seen else "",
            "length": seen.length if seen else None,
            "faults": previewed.faults,
            "findings": list(previewed.findings),
        }
        return Response(self.serializer_class(answer).data)


class GatewaysView(ApiView):
    """How every gateway did over the last 24 hours, and how it stands."""

    permissions_by_method: ClassVar[dict[str, str]] = {"GET": "outreach.gateway.view"}
    serializer_class = shapes.GatewaysSerializer

    def get(self, request: Request) -> Response:
        """All gateways, by channel and order."""
        return Response(self.serializer_class({"gateways": health_of_gateways(at=clock.now())}).data)


class PauseGatewayView(ApiView):
    """Let nothing more out by a gateway."""

    permissions_by_method: ClassVar[dict[str, str]] = {"POST": "outreach.gateway.pause"}
    request_serializer_class = shapes.OutreachReasonSerializer
    serializer_class = shapes.GatewayPausedSerializer

    def post(self, request: Request, gateway_id: int) -> Response:
        """What is on its way stays there; what is planned waits, or takes the next gateway of the channel."""
        asked = read(self.request_serializer_class, request.data)
        gateway = pause_gateway(gateway_id=gateway_id, actor=actor_of(request.user), **asked)
        return Response(self.serializer_class(gateway).data)


class ResumeGatewayView(ApiView):
    """Let messages out by a gateway again."""

    permissions_by_method: ClassVar[dict[str, str]] = {"POST": "outreach.gateway.pause"}
    request_serializer_class = shapes.OutreachReasonSerializer
    serializer_class = shapes.GatewayPausedSerializer

    def post(self, request: Request, gateway_id: int) -> Response:
        """Each message is judged again by the gate as it leaves."""
        asked = read(self.request_serializer_class, request.data)
        gateway = resume_gateway(gateway_id=gateway_id, actor=actor_of(request.user), **asked)
        return Response(self.serializer_class(gateway).data)
