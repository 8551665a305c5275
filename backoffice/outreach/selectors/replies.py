"""Replies as pages show them: whose they are and what stands about them; never their words, which are revealed."""

from typing import ClassVar, Final

from django.db.models import Q, QuerySet
from django.utils.translation import gettext as _

from backoffice.core.errors import Refusal
from backoffice.outreach.domain.reply_states import ReplyState
from backoffice.outreach.models import Reply
from backoffice.outreach.models.replies import ReplyQuerySet
from backoffice.staff.models import User

KINDS: Final = {"stop": ~Q(stop_words=""), "other": Q(stop_words=""), "unmatched": Q(borrower__isnull=True)}


class ReplyNotFound(Refusal):
    """There is no such reply, or none the person may see."""

    code: ClassVar[str] = "outreach.reply_not_found"
    status: ClassVar[int] = 404


def visible_replies(*, user: User) -> ReplyQuerySet:
    """Replies of the borrowers the person may see and those nobody knows the writer of, with what a list shows."""
    return Reply.objects.visible_to(user).select_related("borrower", "message__template_version__template")


def of_kind(rows: QuerySet[Reply], *, kind: str) -> QuerySet[Reply]:
    """Those that say "stop" or something "other", or are "unmatched"; every one for ""."""
    return rows.filter(KINDS[kind]) if kind else rows


def reply_shown(*, reply_id: int, user: User) -> Reply:
    """One reply; one query. Raises ReplyNotFound."""
    reply = visible_replies(user=user).filter(pk=reply_id).first()
    if reply is None:
        raise ReplyNotFound(_("There is no such reply."), next_step=_("Look in the list of replies."))
    return reply


def replies_to_deal_with(*, user: User) -> int:
    """How many replies wait for somebody."""
    return Reply.objects.visible_to(user).filter(state=ReplyState.OPEN.value).count()
