"""The inbox of requests: what waits, what approving would do as of now, and the two decisions."""

from collections.abc import Mapping
from typing import Any, ClassVar

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from backoffice.audit import approvals
from backoffice.audit.console import pictures
from backoffice.audit.console.trail import name_all
from backoffice.audit.domain.approval_states import ApprovalState
from backoffice.audit.models import Approval
from backoffice.audit.models.approvals import STATE_LABELS
from backoffice.audit.selectors import approvals_visible_to
from backoffice.core import tones
from backoffice.core.access import actor_of, may, requires
from backoffice.core.actors import Actor
from backoffice.core.confirm import ConfirmView, Consequence, Line, Text
from backoffice.core.errors import Refusal
from backoffice.core.http import refused
from backoffice.core.tables import Choice, Column, Table
from backoffice.core.telling import told
from backoffice.core.trail import Named, named

APPROVAL = "audit.approval"
BORROWER = "customers.borrower"

tones.declare(
    APPROVAL,
    {
        ApprovalState.PENDING: (STATE_LABELS[ApprovalState.PENDING], "warn"),
        ApprovalState.APPROVED: (STATE_LABELS[ApprovalState.APPROVED], "good"),
        ApprovalState.DECLINED: (STATE_LABELS[ApprovalState.DECLINED], "neutral"),
        ApprovalState.WITHDRAWN: (STATE_LABELS[ApprovalState.WITHDRAWN], "neutral"),
        ApprovalState.FAILED: (STATE_LABELS[ApprovalState.FAILED], "danger"),
    },
)


def address(approval: Approval) -> str:
    """Where a request's page is."""
    return reverse("audit:approval", args=[approval.pk])


def verb_label(verb: str) -> str:
    """The verb for people; a verb no app knows any more shows its code."""
    deed = approvals.verbs().get(verb)
    return str(deed.label) if deed else verb


def _verb_choices() -> list[tuple[str, Text]]:
    return [(verb, deed.label) for verb, deed in approvals.verbs().items()]


REQUESTS = Table(
    name="requests",
    caption=gettext_lazy("Requests for approval"),
    columns=(
        Column("verb", gettext_lazy("What"), value=lambda row: verb_label(row.verb), link=address),
        Column("subject", gettext_lazy("To what"), value="named.text", link=lambda row: row.named.url),
        Column("state", gettext_lazy("State"), kind="state", family=APPROVAL),
        Column("amount", gettext_lazy("Amount"), kind="money", sort="amount"),
        Column("reason", gettext_lazy("Why")),
        Column("portfolio", gettext_lazy("Portfolio"), css="muted"),
        Column("requested_by_name", gettext_lazy("Asked for by")),
        Column("requested_at", gettext_lazy("Asked"), kind="moment", sort="id"),
        Column("decided_by_name", gettext_lazy("Decided by"), css="muted"),
    ),
    filters=(
        Choice("state", gettext_lazy("State"), choices=[(state.value, label) for state, label in STATE_LABELS.items()]),
        Choice("verb", gettext_lazy("What"), choices=_verb_choices),
    ),
    order=("-id",),
    row_url=address,
    prepare=name_all,
    empty_title=gettext_lazy("Nothing waits for you"),
    empty_text=gettext_lazy("Requests appear here when somebody asks for what is beyond their limit."),
)


@requires("audit.approval.view")
def inbox(request: HttpRequest) -> HttpResponse:
    """What waits for somebody else's decision first; then everything, by filter."""
    rows = approvals_visible_to(user=request.user)
    tab = request.GET.get("tab", "waiting")
    shown = {
        "waiting": rows.filter(state="pending").exclude(requested_by=request.user.pk),
        "mine": rows.filter(requested_by=request.user.pk),
    }.get(tab, rows)
    base = reverse("audit:approvals")
    tabs = [
        {"label": _("To decide"), "url": f"{base}?tab=waiting", "current": tab == "waiting"},
        {"label": _("My requests"), "url": f"{base}?tab=mine", "current": tab == "mine"},
        {"label": _("All"), "url": f"{base}?tab=all", "current": tab not in ("waiting", "mine")},
    ]
    try:
        table = REQUESTS.shown(rows=shown, query=request.GET)
    except Refusal as refusal:
        return refused(request, refusal=refusal, back_url=base)
    return render(request, "audit/approvals.html", {"table": table, "tabs": tabs})


@requires("audit.approval.view")
def page(request: HttpRequest, approval_id: int) -> HttpResponse:
    """One request: who asked, why, what approving would do now, and the decision."""
    approval = _visible(request, approval_id)
    actor = actor_of(request.user)
    is_own = actor.is_same_person(other_id=approval.requested_by)
    is_author = approval.state == ApprovalState.PENDING and approvals.is_author(approval, actor=actor)
    authority = approvals.limit_of(verb=approval.verb, actor=actor, currency=approval.currency)
    picture, refusal = _picture(approval)
    about = named(subjects=[(approval.subject_type, approval.subject_id)]).popitem()[1]
    context = {
        "approval": approval,
        "label": verb_label(approval.verb),
        "consequence": "" if picture else _consequence(approval),
        "picture": picture,
        "cannot": refusal,
        "is_own": is_own,
        "is_author": is_author,
        "may_decide": approval.state == ApprovalState.PENDING
        and not is_own
        and not is_author
        and may(request, "audit.approval.decide")
        and authority.may_decide(amount=approval.amount),
        "may_withdraw": approval.state == ApprovalState.PENDING and is_own,
        "payload": [] if pictures.is_drawn(verb=approval.verb) else _filled(approval.payload),
        "about": about,
        "borrower": _borrower(approval),
    }
    return render(request, "audit/approval.html", context)


class _Decision(ConfirmView):
    """What the two decisions share: the request as the person may see it, and what it would do now."""

    permission = "audit.approval.decide"

    def load(self, *, request: HttpRequest, **where: Any) -> Approval:
        return _visible(request, where["approval_id"])

    def back_url(self, *, subject: Approval) -> str:
        return address(subject)

    def done_url(self, *, subject: Approval) -> str:
        return reverse("audit:approvals")

    def subject_line(self, *, subject: Approval) -> str:
        return _("%(what)s, %(subject)s, asked for by %(who)s: %(why)s") % {
            "what": verb_label(subject.verb),
            "subject": named(subjects=[(subject.subject_type, subject.subject_id)]).popitem()[1].text,
            "who": subject.requested_by_name,
            "why": subject.reason,
        }

    def foresee(self, *, subject: Approval, values: Mapping[str, Any], actor: Actor) -> Consequence:
        if subject.state == ApprovalState.PENDING and pictures.is_drawn(verb=subject.verb):
            return pictures.picture_of(approval=subject)
        lines: tuple[Line, ...] = ()
        if subject.amount is not None:
            lines = (Line(gettext_lazy("Amount"), subject.amount, currency=subject.currency, total=True),)
        sentence = _consequence(subject)
        return Consequence(lines=lines, warnings=(sentence,) if sentence else ())


class Approve(_Decision):
    """Agree, and do it."""

    title: ClassVar[Text] = gettext_lazy("Approve the request")
    verb: ClassVar[Text] = gettext_lazy("Approve and do it")

    def perform(self, *, subject: Approval, values: Mapping[str, Any], actor: Actor, key: str) -> str:
        decided = approvals.approve(approval_id=subject.pk, actor=actor, note=values["reason"])
        if decided.state == ApprovalState.FAILED:
            return _("It could not be done any more: %(why)s") % {"why": told(decided.why_it_failed)}
        return _("Approved and done.")


class Decline(_Decision):
    """Say no."""

    title: ClassVar[Text] = gettext_lazy("Decline the request")
    verb: ClassVar[Text] = gettext_lazy("Decline")
    costly = True

    def foresee(self, *, subject: Approval, values: Mapping[str, Any], actor: Actor) -> Consequence:
        return Consequence(warnings=(gettext_lazy("Nothing is booked. The person who asked reads your note."),))

    def perform(self, *, subject: Approval, values: Mapping[str, Any], actor: Actor, key: str) -> str:
        approvals.decline(approval_id=subject.pk, actor=actor, note=values["reason"])
        return _("Declined.")


class Withdraw(_Decision):
    """Take one's own request back."""

    permission = "audit.approval.submit"
    title: ClassVar[Text] = gettext_lazy("Withdraw the request")
    verb: ClassVar[Text] = gettext_lazy("Withdraw")

    def foresee(self, *, subject: Approval, values: Mapping[str, Any], actor: Actor) -> Consequence:
        return Consequence(warnings=(gettext_lazy("Nothing is booked."),))

    def perform(self, *, subject: Approval, values: Mapping[str, Any], actor: Actor, key: str) -> str:
        approvals.withdraw(approval_id=subject.pk, actor=actor, note=values["reason"])
        return _("Withdrawn.")


def _visible(request: HttpRequest, approval_id: int) -> Approval:
    approval = approvals_visible_to(user=request.user).filter(pk=approval_id).first()
    if approval is None:
        raise Http404
    return approval


def _consequence(approval: Approval) -> str:
    deed = approvals.verbs().get(approval.verb)
    if deed is None or deed.consequence is None or approval.state != ApprovalState.PENDING:
        return approval.consequence
    return deed.consequence(approval)


def _picture(approval: Approval) -> tuple[Consequence | None, Refusal | None]:
    """What approving would do now, or why it could not be done; neither for a verb nobody draws or one decided."""
    if approval.state != ApprovalState.PENDING or not pictures.is_drawn(verb=approval.verb):
        return None, None
    try:
        return pictures.picture_of(approval=approval), None
    except Refusal as refusal:
        return None, refusal


def _filled(payload: Mapping[str, Any]) -> list[tuple[str, Any]]:
    return sorted((name, value) for name, value in payload.items() if value not in ("", None, {}, []))


def _borrower(approval: Approval) -> Named | None:
    """Whom it is about, where the subject is not the borrower already."""
    if approval.borrower_id is None or approval.subject_type == BORROWER:
        return None
    return named(subjects=[(BORROWER, str(approval.borrower_id))]).popitem()[1]
