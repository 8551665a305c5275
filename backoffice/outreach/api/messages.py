"""Messages over the API: the log, one journey, stopping one; and the inbox the lender's app fetches."""

from typing import Any, ClassVar

from django.db.models import QuerySet
from rest_framework.request import Request
from rest_framework.response import Response

from backoffice.calendars import clock
from backoffice.core.access import actor_of
from backoffice.core.api.views import ApiView, ListView, read
from backoffice.customers.selectors.borrowers import check_visible
from backoffice.outreach.api import message_shapes as shapes
from backoffice.outreach.domain.channels import Channel
from backoffice.outreach.models import Message
from backoffice.outreach.selectors.messages import message_shown, visible_messages
from backoffice.outreach.services.messages import stop_messages
from backoffice.outreach.services.reading import fetch_inbox, mark_read
from backoffice.staff.access import person_of

RENAMED = {
    "borrower": "borrower_id",
    "loan": "loan_id",
    "gateway": "gateway_id",
    "send_from": "send_after__date__gte",
    "send_to": "send_after__date__lte",
}


class MessagesView(ListView):
    """Messages, the latest planned first; never their texts."""

    permissions_by_method: ClassVar[dict[str, str]] = {"GET": "outreach.message.view"}
    query_serializer_class = shapes.MessagesQuery
    serializer_class = shapes.MessageSerializer

    def rows(self, **equal: Any) -> QuerySet[Message]:
        """The messages the person may see that fit every filter."""
        filters = {RENAMED.get(name, name): value for name, value in equal.items()}
        return visible_messages(user=person_of(self.request)).filter(**filters)


class MessageView(ApiView):
    """One message with its journey; the name in its words is masked."""

    permissions_by_method: ClassVar[dict[str, str]] = {"GET": "outreach.message.view"}
    serializer_class = shapes.MessagePageSerializer

    def get(self, request: Request, message_id: int) -> Response:
        """The message, its words and every step it went."""
        shown = message_shown(message_id=message_id, user=person_of(request))
        return Response(self.serializer_class(shown).data)


class StopMessageView(ApiView):
    """Take a planned message out of the queue; one that left is left alone."""

    permissions_by_method: ClassVar[dict[str, str]] = {"POST": "outreach.message.stop"}
    request_serializer_class = shapes.OutreachReasonSerializer
    serializer_class = shapes.StoppedSerializer

    def post(self, request: Request, message_id: int) -> Response:
        """Stopping it again changes nothing."""
        asked = read(self.request_serializer_class, request.data)
        message_shown(message_id=message_id, user=person_of(request))
        stopped = stop_messages(
            message_ids=[message_id], reason="by_staff", detail=asked["reason"], actor=actor_of(request.user)
        )
        return Response(self.serializer_class({"stopped": stopped}).data)


class InboxView(ApiView):
    """A borrower's inbox or pop-ups, for the lender's app."""

    permissions_by_method: ClassVar[dict[str, str]] = {"GET": "outreach.inbox.serve"}
    query_serializer_class = shapes.InboxQuery
    serializer_class = shapes.InboxSerializer

    def get(self, request: Request, borrower_id: int) -> Response:
        """The newest fifty, in clear; what was not fetched before counts as delivered."""
        check_visible(borrower_id=borrower_id, user=person_of(request))
        channel = Channel(self.query()["channel"])
        found = fetch_inbox(borrower_id=borrower_id, channel=channel, at=clock.now())
        return Response(self.serializer_class({"messages": found}).data)


class ReadInboxView(ApiView):
    """The borrower opened a message in the app."""

    permissions_by_method: ClassVar[dict[str, str]] = {"POST": "outreach.inbox.serve"}
    serializer_class = shapes.InAppSerializer

    def post(self, request: Request, borrower_id: int, message_id: int) -> Response:
        """Marking it again changes nothing."""
        check_visible(borrower_id=borrower_id, user=person_of(request))
        seen = mark_read(message_id=message_id, borrower_id=borrower_id, at=clock.now())
        return Response(self.serializer_class(seen).data)
