"""Replies over the API: the list, one of them, its words for a reason, and saying that it is dealt with."""

from typing import Any, ClassVar

from django.db.models import QuerySet
from rest_framework.request import Request
from rest_framework.response import Response

from backoffice.calendars import clock
from backoffice.core.access import actor_of
from backoffice.core.api.views import ApiView, ListView, read
from backoffice.outreach.api import reply_shapes as shapes
from backoffice.outreach.models import Reply
from backoffice.outreach.selectors.replies import of_kind, reply_shown, visible_replies
from backoffice.outreach.services.dealing import deal_with, reveal_reply
from backoffice.staff.access import person_of

RENAMED = {"borrower": "borrower_id", "message": "message_id"}


class RepliesView(ListView):
    """Replies, the newest first; never their words."""

    permissions_by_method: ClassVar[dict[str, str]] = {"GET": "outreach.reply.view"}
    query_serializer_class = shapes.RepliesQuery
    serializer_class = shapes.ReplySerializer

    def rows(self, **equal: Any) -> QuerySet[Reply]:
        """The replies the person may see that fit every filter."""
        kind = equal.pop("kind", "")
        filters = {RENAMED.get(name, name): value for name, value in equal.items()}
        return of_kind(visible_replies(user=person_of(self.request)).filter(**filters), kind=kind)


class ReplyView(ApiView):
    """One reply."""

    permissions_by_method: ClassVar[dict[str, str]] = {"GET": "outreach.reply.view"}
    serializer_class = shapes.ReplySerializer

    def get(self, request: Request, reply_id: int) -> Response:
        """Whose it is, what it answers, who dealt with it."""
        return Response(self.serializer_class(reply_shown(reply_id=reply_id, user=person_of(request))).data)


class RevealReplyView(ApiView):
    """A reply in clear."""

    permissions_by_method: ClassVar[dict[str, str]] = {"POST": "customers.borrower.reveal"}
    request_serializer_class = shapes.RevealReplySerializer
    serializer_class = shapes.RevealedReplySerializer
    throttle_scope = "write"

    def post(self, request: Request, reply_id: int) -> Response:
        """Leaves an entry in the audit trail each time. The answer is never stored, so there is no Idempotency-Key."""
        asked = read(self.request_serializer_class, request.data)
        reply_shown(reply_id=reply_id, user=person_of(request))
        revealed = reveal_reply(reply_id=reply_id, actor=actor_of(request.user), **asked)
        return Response(self.serializer_class(revealed).data, headers={"Cache-Control": "no-store"})


class DealWithReplyView(ApiView):
    """Say that a reply is dealt with."""

    permissions_by_method: ClassVar[dict[str, str]] = {"POST": "outreach.reply.deal"}
    request_serializer_class = shapes.DealWithReplySerializer
    serializer_class = shapes.ReplySerializer

    def post(self, request: Request, reply_id: int) -> Response:
        """A second time is refused, and what was written first stays."""
        asked = read(self.request_serializer_class, request.data)
        user = person_of(request)
        reply_shown(reply_id=reply_id, user=user)
        deal_with(reply_id=reply_id, actor=actor_of(request.user), at=clock.now(), **asked)
        return Response(self.serializer_class(reply_shown(reply_id=reply_id, user=user)).data)
