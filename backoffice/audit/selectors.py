"""Reads of requests and of the trail, restricted to what a person may see."""

from typing import Any, ClassVar

from django.db.models import Q, QuerySet
from django.utils.translation import gettext as _

from backoffice.audit.models import Approval, AuditEntry
from backoffice.core.errors import Refusal


class ApprovalNotFound(Refusal):
    """There is no such request, or none the person may see."""

    code: ClassVar[str] = "audit.approval_not_found"
    status: ClassVar[int] = 404


def approvals_visible_to(*, user: Any) -> QuerySet[Approval]:
    """Requests of the portfolios the person works on, those of no portfolio, and the person's own."""
    scope = user.scope()
    rows = Approval.objects.all()
    if scope.all:
        return rows
    return rows.filter(Q(portfolio__in=scope.portfolios) | Q(portfolio="") | Q(requested_by=user.pk))


def approval_visible_to(*, approval_id: int, user: Any) -> Approval:
    """One request. Raises ApprovalNotFound when there is none the person may see."""
    approval = approvals_visible_to(user=user).filter(pk=approval_id).first()
    if approval is None:
        raise ApprovalNotFound(_("There is no such request."), next_step=_("Look in the list of requests."))
    return approval


def waiting_count(*, user: Any) -> int:
    """Requests that wait and that somebody else made."""
    return approvals_visible_to(user=user).filter(state="pending").exclude(requested_by=user.pk).count()


def entries() -> QuerySet[AuditEntry]:
    """The whole trail; the pages that read it are open to control functions only."""
    return AuditEntry.objects.all()


def entries_of_request(*, request_id: str, besides: int) -> list[AuditEntry]:
    """What else was done in the same request."""
    if not request_id:
        return []
    return list(AuditEntry.objects.filter(request_id=request_id).exclude(pk=besides).order_by("id")[:50])
