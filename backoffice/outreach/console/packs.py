"""Packs of contact rules: the list, one version with its rules in words and its vectors, the editor of a draft."""

from typing import Any, Final

from django import forms
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_POST

from backoffice.audit.models import Approval
from backoffice.calendars.selectors import business_date
from backoffice.core import tones
from backoffice.core.access import actor_of, may, requires
from backoffice.core.drafts import DraftMovedOn
from backoffice.core.errors import Refusal
from backoffice.core.http import go_to, page_or_part, refused
from backoffice.core.telling import told
from backoffice.outreach.domain.pack_faults import PackFaulty
from backoffice.outreach.domain.pack_states import IN_FORCE, OPEN
from backoffice.outreach.domain.packs import Pack, parse
from backoffice.outreach.models import RulePackMove, RulePackVersion
from backoffice.outreach.selectors.pack_faults import FaultWords, faults_in_words
from backoffice.outreach.selectors.pack_pages import moves_of, vector_lines
from backoffice.outreach.selectors.pack_words import (
    Change,
    confidences_of,
    difference_in_words,
    pack_in_words,
    texts_of,
    title_of,
    where_of,
)
from backoffice.outreach.selectors.packs import (
    PackNotFound,
    content_of,
    last_check,
    line_of_pack,
    pack_lines,
    predecessor_of,
    visible_versions,
)
from backoffice.outreach.services import pack_checks, packs
from backoffice.outreach.services.pack_effects import effect_in_words, effect_of

VERSION: Final = "outreach.pack_version"
CONFIDENCE: Final = "outreach.confidence"

tones.declare(
    VERSION,
    {
        "draft": (gettext_lazy("draft"), "neutral"),
        "checked": (gettext_lazy("checked"), "info"),
        "submitted": (gettext_lazy("waiting for approval"), "warn"),
        "approved": (gettext_lazy("approved"), "info"),
        "active": (gettext_lazy("active"), "good"),
        "retired": (gettext_lazy("retired"), "neutral"),
    },
)
tones.declare(
    CONFIDENCE,
    {
        "A": ("A", "good"),
        "B": ("B", "info"),
        "C": ("C", "warn"),
        "D": ("D", "warn"),
        "policy": (gettext_lazy("policy"), "neutral"),
    },
)


class PackForm(forms.Form):
    """The text of a draft and what it is for."""

    content = forms.CharField(
        label=gettext_lazy("Text (TOML)"),
        strip=False,
        max_length=500_000,
        widget=forms.Textarea(
            attrs={"rows": 34, "class": "mono", "spellcheck": "false", "autocomplete": "off", "wrap": "off"}
        ),
    )
    note = forms.CharField(label=gettext_lazy("What for"), max_length=300, required=False)


@requires("outreach.pack.view")
def pack_list(request: HttpRequest) -> HttpResponse:
    """Every pack: which texts were read, what holds since when, and what comes next."""
    lines = [
        {
            "line": line,
            "title": title_of(pack=line.content),
            "where": where_of(pack=line.content),
            "texts": texts_of(pack=line.content),
        }
        for line in pack_lines(user=request.user, on=business_date())
    ]
    return render(request, "outreach/packs/list.html", {"lines": lines})


@requires("outreach.pack.view")
def pack(request: HttpRequest, code: str) -> HttpResponse:
    """One pack as it holds today, or its last version while none does."""
    try:
        line, versions = line_of_pack(user=request.user, code=code, on=business_date())
    except PackNotFound as missing:
        raise Http404 from missing
    return _version_page(request, version=line.in_force or versions[0])


@requires("outreach.pack.view")
def version(request: HttpRequest, version_id: int) -> HttpResponse:
    """One version: what it changes, its rules in words, its vectors, its history."""
    return _version_page(request, version=_version(request, version_id))


@requires("outreach.pack.edit")
@require_POST
def draft(request: HttpRequest, version_id: int) -> HttpResponse:
    """A new draft with the text of a version: the way to change a pack, and to go back to an earlier text."""
    source = _version(request, version_id)
    try:
        made = packs.draft_from(version_id=source.pk, actor=actor_of(request.user))
    except Refusal as refusal:
        return refused(request, refusal=refusal, back_url=_address(source))
    return go_to(request, reverse("outreach:edit_pack", args=[made.pk]))


@requires("outreach.pack.edit")
@require_POST
def check(request: HttpRequest, version_id: int) -> HttpResponse:
    """Runs the vectors of a version through the gate."""
    subject = _version(request, version_id)
    try:
        done = pack_checks.check_version(version_id=subject.pk, actor=actor_of(request.user))
    except Refusal as refusal:
        return refused(request, refusal=refusal, back_url=_address(subject))
    counts = {"passed": done.passed, "failed": done.failed}
    if done.failed:
        messages.error(request, _("%(failed)s vectors fail, %(passed)s pass.") % counts)
    else:
        messages.success(request, _("All %(passed)s vectors pass.") % counts)
    return go_to(request, f"{_address(subject)}#vectors")


@requires("outreach.pack.edit")
def edit(request: HttpRequest, version_id: int) -> HttpResponse:
    """The text of a draft; what is wrong, or what would change, follows what is typed."""
    subject = _version(request, version_id)
    if subject.state not in ("draft", "checked"):
        raise Http404
    now = packs.mark_of_draft(subject)
    seen = request.POST.get("seen", now)
    form = PackForm(request.POST or None, initial={"content": subject.content, "note": subject.note})
    parsed, faults = _read(form, start=subject.content)
    if form.is_bound and "look" not in request.POST and form.is_valid() and parsed is not None:
        try:
            packs.change_draft(
                version_id=subject.pk,
                actor=actor_of(request.user),
                seen=seen,
                **form.cleaned_data,
            )
        except Refusal as refusal:
            seen = now if isinstance(refusal, DraftMovedOn) else seen
            form.add_error(None, told(refusal.whole))
        else:
            messages.success(request, _("The draft is saved."))
            return go_to(request, _address(subject))
    is_refused = form.is_bound and "look" not in request.POST
    context = {
        "form": form,
        "version": subject,
        "title": title_of(pack=content_of(version=subject)),
        "faults": faults,
        "changes": _changes(request, subject, after=parsed) if parsed else (),
        "is_readable": parsed is not None,
        "back": _address(subject),
        "seen": seen,
    }
    return page_or_part(
        request,
        page="outreach/packs/editor.html",
        part="outreach/packs/_judgement.html",
        context=context,
        status=422 if is_refused else 200,
    )


def _read(form: PackForm, *, start: str) -> tuple[Pack | None, tuple[FaultWords, ...]]:
    """What the text says, or what is wrong with it."""
    text = str(form.data.get("content", "")) if form.is_bound else start
    try:
        return parse(text), ()
    except PackFaulty as faulty:
        return None, faults_in_words(faults=faulty.faults)


def _version_page(request: HttpRequest, *, version: RulePackVersion) -> HttpResponse:
    code = version.pack.code
    line, versions = line_of_pack(user=request.user, code=code, on=business_date())
    said, checked = content_of(version=version), last_check(version=version)
    vectors = vector_lines(pack=said, check=checked)
    is_open = version.state in OPEN
    context: dict[str, Any] = {
        "version": version,
        "title": title_of(pack=said),
        "where": where_of(pack=said),
        "texts": texts_of(pack=said),
        "confidences": confidences_of(pack=said),
        "kinds": pack_in_words(pack=said),
        "vectors": vectors,
        "failing": sum(each.passes is False for each in vectors),
        "untested": said.untested(),
        "check": checked,
        "events": [_event(move) for move in moves_of(version=version)],
        "versions": versions,
        "line": line,
        "is_in_force": line.in_force is not None and line.in_force.pk == version.pk,
        "compared": _compared(request, version, versions=versions, in_force=line.in_force),
        "waiting": Approval.objects.filter(subject_type=VERSION, subject_id=str(version.pk)).order_by("-pk").first(),
        "effect": effect_in_words(effect=effect_of(version=version)) if is_open else "",
        "can_roll_back": _can_roll_back(version),
        "may_edit": may(request, "outreach.pack.edit"),
        "may_publish": may(request, "outreach.pack.publish"),
    }
    compared = context["compared"]
    context["changes"] = difference_in_words(before=content_of(version=compared), after=said) if compared else ()
    return render(request, "outreach/packs/version.html", context)


def _can_roll_back(version: RulePackVersion) -> bool:
    """True when the version is published and has not started, or has another one behind it."""
    if version.state not in IN_FORCE or version.effective_from is None:
        return False
    today = business_date()
    return version.effective_from > today or predecessor_of(version=version, on=today) is not None


def _event(move: RulePackMove) -> dict[str, Any]:
    """A step of a version's life as a timeline shows it."""
    look = tones.look_of(family=VERSION, state=move.to_state)
    detail = " · ".join(filter(None, [move.actor_name, move.reason]))
    return {"title": look.label, "tone": look.tone, "at": move.at, "detail": detail}


def _changes(request: HttpRequest, subject: RulePackVersion, *, after: Pack) -> tuple[Change, ...]:
    """What a text changes against the version in force."""
    line, _versions = line_of_pack(user=request.user, code=subject.pack.code, on=business_date())
    before = content_of(version=line.in_force) if line.in_force else None
    return difference_in_words(before=before, after=after)


def _compared(
    request: HttpRequest,
    subject: RulePackVersion,
    *,
    versions: list[RulePackVersion],
    in_force: RulePackVersion | None,
) -> RulePackVersion | None:
    """The version to compare with: the one the address names, else the one in force, else the one before."""
    others = [other for other in versions if other.pk != subject.pk]
    asked = next((other for other in others if str(other.number) == request.GET.get("against")), None)
    before = next((other for other in others if other.number < subject.number), None)
    return asked or (in_force if in_force is not None and in_force.pk != subject.pk else None) or before


def _version(request: HttpRequest, version_id: int) -> RulePackVersion:
    """The version, if the person may see it. Raises Http404."""
    found: RulePackVersion | None = visible_versions(user=request.user).filter(pk=version_id).first()
    if found is None:
        raise Http404
    return found


def _address(subject: RulePackVersion) -> str:
    return reverse("outreach:pack_version", args=[subject.pk])
