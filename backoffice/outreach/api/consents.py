"""What borrowers say about being reached, over the API: consents, opt-outs, agreed calls, preferred times."""

from typing import Any, ClassVar

from rest_framework.request import Request
from rest_framework.response import Response

from backoffice.audit.idempotent_view import idempotent
from backoffice.calendars import clock
from backoffice.core.access import actor_of
from backoffice.core.api.views import ApiView, read
from backoffice.customers.selectors.borrowers import check_visible
from backoffice.outreach.api import contact_shapes as shapes
from backoffice.outreach.domain.channels import Channel
from backoffice.outreach.selectors.consent_history import consents_of, preferences_of
from backoffice.outreach.services import saying
from backoffice.outreach.services.consents import end_preference, prefer_times
from backoffice.staff.access import person_of


class ConsentsView(ApiView):
    """What a borrower said about being reached."""

    permissions_by_method: ClassVar[dict[str, str]] = {"GET": "outreach.contact.view", "POST": "outreach.consent.edit"}
    request_serializer_class = shapes.NewConsentSerializer
    serializer_class = shapes.ConsentsSerializer
    answer_serializer_class = shapes.LogEntryIdSerializer
    success_status = 201
    refusals = ("404", "409", "422")

    def get(self, request: Request, borrower_id: int) -> Response:
        """Everything said, the newest first, with how it stands now; merged records included."""
        check_visible(borrower_id=borrower_id, user=person_of(request))
        said = consents_of(borrower_id=borrower_id, at=clock.now())
        return Response(self.serializer_class({"consents": said}).data)

    @idempotent
    def post(self, request: Request, borrower_id: int) -> Response:
        """Write down what the borrower says; the gate obeys it from this call on."""
        check_visible(borrower_id=borrower_id, user=person_of(request))
        asked = read(self.request_serializer_class, request.data)
        channel = asked.pop("channel")
        entry_id = saying.say(
            borrower_id=borrower_id,
            channel=Channel(channel) if channel else None,
            actor=actor_of(request.user),
            at=clock.now(),
            **asked,
        )
        return Response(self.answer_serializer_class({"id": entry_id}).data, status=self.success_status)


class PreferencesView(ApiView):
    """The times a borrower prefers."""

    permissions_by_method: ClassVar[dict[str, str]] = {"GET": "outreach.contact.view", "POST": "outreach.consent.edit"}
    request_serializer_class = shapes.NewPreferenceSerializer
    serializer_class = shapes.PreferencesSerializer
    answer_serializer_class = shapes.LogEntryIdSerializer
    success_status = 201
    refusals = ("404", "409", "422")

    def get(self, request: Request, borrower_id: int) -> Response:
        """Every one, the newest first; merged records included."""
        check_visible(borrower_id=borrower_id, user=person_of(request))
        return Response(self.serializer_class({"preferences": preferences_of(borrower_id=borrower_id)}).data)

    @idempotent
    def post(self, request: Request, borrower_id: int) -> Response:
        """Keep to times of the week, or stay clear of them, by the clock at the borrower's place."""
        check_visible(borrower_id=borrower_id, user=person_of(request))
        asked: dict[str, Any] = read(self.request_serializer_class, request.data)
        channel, kind = asked.pop("channel"), asked.pop("kind")
        entry_id = prefer_times(
            borrower_id=borrower_id,
            is_only=kind == "only",
            channel=Channel(channel) if channel else None,
            actor=actor_of(request.user),
            at=clock.now(),
            **asked,
        )
        return Response(self.answer_serializer_class({"id": entry_id}).data, status=self.success_status)


class EndPreferenceView(ApiView):
    """Take a preferred time back."""

    permissions_by_method: ClassVar[dict[str, str]] = {"POST": "outreach.consent.edit"}
    request_serializer_class = shapes.EndPreferenceSerializer
    serializer_class = shapes.LogEntryIdSerializer

    @idempotent
    def post(self, request: Request, borrower_id: int, preference_id: int) -> Response:
        """It stays in the history and counts no more."""
        check_visible(borrower_id=borrower_id, user=person_of(request))
        asked = read(self.request_serializer_class, request.data)
        saying.check_preference(borrower_id=borrower_id, preference_id=preference_id)
        entry_id = end_preference(preference_id=preference_id, actor=actor_of(request.user), at=clock.now(), **asked)
        return Response(self.serializer_class({"id": entry_id}).data)
