"""Replay reports as pages and calls read them: the reports, their rows, and how often each rule was broken."""

from typing import Any, ClassVar

from django.db.models import Count, F, Func, QuerySet
from django.utils.translation import gettext as _

from backoffice.core.errors import Refusal
from backoffice.outreach.models import ReplayFinding, ReplayReport
from backoffice.staff.models import User


class ReplayNotFound(Refusal):
    """There is no such report."""

    code: ClassVar[str] = "outreach.replay_not_found"
    status: ClassVar[int] = 404


def reports(*, user: User) -> QuerySet[Any]:
    """Every report, with the draft it was judged by."""
    return (
        ReplayReport.objects.visible_to(user)
        .select_related("pack_version__pack")
        .defer("pack_version__content", "pack_version__parsed")
    )


def report_of(*, report_id: int, user: User) -> ReplayReport:
    """One report. Raises ReplayNotFound."""
    found: ReplayReport | None = reports(user=user).filter(pk=report_id).first()
    if found is None:
        raise ReplayNotFound(_("There is no such report."), next_step=_("Look in the list of reports."))
    return found


def findings(*, report_id: int, user: User) -> QuerySet[Any]:
    """The contacts of a report that were not permitted, with borrowers the person may see."""
    return ReplayFinding.objects.visible_to(user).filter(report_id=report_id).select_related("borrower")


def broken_rules(*, report_id: int, user: User) -> list[tuple[str, int]]:
    """How many contacts each rule denies, the most first; one query."""
    each = ReplayFinding.objects.visible_to(user).filter(report_id=report_id).order_by()
    counted = each.annotate(rule=Func(F("rules"), function="unnest")).values("rule").annotate(contacts=Count("id"))
    return sorted(((row["rule"], row["contacts"]) for row in counted), key=lambda pair: (-pair[1], pair[0]))
