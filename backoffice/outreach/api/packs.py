"""Packs of contact rules over the API: list, read, draft, change, check, submit."""

from typing import ClassVar

from rest_framework.request import Request
from rest_framework.response import Response

from backoffice.audit.idempotent_view import idempotent
from backoffice.calendars.selectors import business_date
from backoffice.core.access import actor_of
from backoffice.core.api.views import ApiView, read
from backoffice.outreach.api import pack_shapes as shapes
from backoffice.outreach.selectors.packs import line_of_pack, pack_lines, version_and_check
from backoffice.outreach.services import pack_checks, pack_publishing, packs
from backoffice.staff.access import person_of


class PacksView(ApiView):
    """The packs of contact rules."""

    permissions_by_method: ClassVar[dict[str, str]] = {"GET": "outreach.pack.view"}
    serializer_class = shapes.PacksSerializer

    def get(self, request: Request) -> Response:
        """Every pack: which texts were read, which version holds, which comes next."""
        lines = pack_lines(user=person_of(request), on=business_date())
        return Response(self.serializer_class({"packs": lines}).data)


class PackVersionsView(ApiView):
    """One pack and its versions."""

    permissions_by_method: ClassVar[dict[str, str]] = {"GET": "outreach.pack.view", "POST": "outreach.pack.edit"}
    request_serializer_class = shapes.NewVersionSerializer
    serializer_class = shapes.PackSerializer
    answer_serializer_class = shapes.VersionSerializer
    success_status = 201
    refusals = ("404", "409", "422")

    def get(self, request: Request, code: str) -> Response:
        """What the pack says now, and its versions, newest first."""
        line, versions = line_of_pack(user=person_of(request), code=code, on=business_date())
        return Response(self.serializer_class({"pack": line, "versions": versions}).data)

    @idempotent
    def post(self, request: Request, code: str) -> Response:
        """Draft a version; refused with every fault of the text, by rule and field."""
        asked = read(self.request_serializer_class, request.data)
        version = packs.draft_version(code=code, actor=actor_of(request.user), **asked)
        return Response(self.answer_serializer_class(version).data, status=self.success_status)


class PackVersionView(ApiView):
    """One version of a pack."""

    permissions_by_method: ClassVar[dict[str, str]] = {"GET": "outreach.pack.view", "PUT": "outreach.pack.edit"}
    request_serializer_class = shapes.NewVersionSerializer
    serializer_class = shapes.VersionAnswerSerializer
    refusals = ("404", "409", "422")

    def get(self, request: Request, version_id: int) -> Response:
        """Its text, its rules, and the last run of its vectors."""
        version, check = version_and_check(version_id=version_id, user=person_of(request))
        return Response(self.serializer_class({"version": version, "check": check}).data)

    def put(self, request: Request, version_id: int) -> Response:
        """Change the text of a draft; it has to be checked again."""
        asked = read(self.request_serializer_class, request.data)
        version = packs.change_draft(version_id=version_id, actor=actor_of(request.user), **asked)
        return Response(self.serializer_class({"version": version, "check": None}).data)


class CheckPackView(ApiView):
    """Run the vectors of a version."""

    permissions_by_method: ClassVar[dict[str, str]] = {"POST": "outreach.pack.edit"}
    serializer_class = shapes.CheckSerializer
    refusals = ("404",)

    def post(self, request: Request, version_id: int) -> Response:
        """Every vector through the gate; nothing of it stays but the result. A draft that passes is checked."""
        check = pack_checks.check_version(version_id=version_id, actor=actor_of(request.user))
        return Response(self.serializer_class(check).data)


class SubmitPackView(ApiView):
    """Ask a second person to publish a checked version."""

    permissions_by_method: ClassVar[dict[str, str]] = {"POST": "outreach.pack.edit"}
    request_serializer_class = shapes.SubmitSerializer
    serializer_class = shapes.SubmittedSerializer
    success_status = 201
    refusals = ("404", "409", "422")

    @idempotent
    def post(self, request: Request, version_id: int) -> Response:
        """Refused while a vector fails; answers with what publishing would change."""
        asked = read(self.request_serializer_class, request.data)
        approval = pack_publishing.submit_version(version_id=version_id, actor=actor_of(request.user), **asked)
        return Response(self.serializer_class(approval).data, status=self.success_status)
