"""The verbs of templates: create, draft, change, submit, approve, take back, retire. Two people make a version.

Words are checked when they are saved (variables, length) and when they are submitted and approved (wording too).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Final

from django.db import IntegrityError, transaction
from django.db.models import Max
from django.db.models.functions import Now
from django.utils.translation import gettext as _

from backoffice.audit import approvals
from backoffice.audit.approvals import ApprovedRequest
from backoffice.audit.models import Approval
from backoffice.audit.services import record
from backoffice.core.actors import Actor
from backoffice.core.drafts import mark_of, refuse_if_moved_on
from backoffice.core.errors import Refusal
from backoffice.outreach.domain.channels import Channel
from backoffice.outreach.domain.elements import Element, compose
from backoffice.outreach.domain.purposes import Purpose
from backoffice.outreach.domain.template_states import OPEN, TemplateState, may_become
from backoffice.outreach.domain.variables import names_in
from backoffice.outreach.models import MessageTemplate, Piece, TemplateVersion
from backoffice.outreach.selectors.experiment_arms import experiment_on
from backoffice.outreach.services.checking import WordsRefused, check_version, check_words
from backoffice.outreach.services.messages import stop_messages

APPROVAL_VERB: Final = "outreach.template_version"
LEGAL_APPROVAL_VERB: Final = "outreach.template_version_legal"
SUBJECT: Final = "outreach.template_version"


class TemplateNotFound(Refusal):
    """There is no such template or version."""

    code: ClassVar[str] = "outreach.template_not_found"
    status: ClassVar[int] = 404


class TemplateCodeTaken(Refusal):
    """Another template has the code."""

    code: ClassVar[str] = "outreach.template_code_taken"


class VersionStillOpen(Refusal):
    """The template already has a draft of this channel and language, or one that waits for approval."""

    code: ClassVar[str] = "outreach.template_version_open"
    status: ClassVar[int] = 409


class VersionNotInState(Refusal):
    """The version is not in a state that allows this."""

    code: ClassVar[str] = "outreach.template_version_state"
    status: ClassVar[int] = 409


class WordsOnTrial(Refusal):
    """A running experiment compares these words with others; they stay as they are while it runs."""

    code: ClassVar[str] = "outreach.template_on_trial"
    status: ClassVar[int] = 409


@dataclass(frozen=True, slots=True, kw_only=True)
class Wording:
    """The words of a version. With `pieces` (ids), the body is put together from them and `body` is not looked at."""

    subject: str = ""
    body: str = ""
    pieces: tuple[int, ...] = ()
    is_legal: bool = False
    note: str = ""


@transaction.atomic
def create_template(*, code: str, name: str, name_zh: str, purpose: Purpose, actor: Actor) -> MessageTemplate:
    """A template without words yet. Raises TemplateCodeTaken."""
    try:
        with transaction.atomic():
            template = MessageTemplate.objects.create(code=code, name=name, name_zh=name_zh, purpose=purpose.value)
    except IntegrityError as error:
        raise TemplateCodeTaken(
            _("Another template has the code %(code)s.") % {"code": code},
            next_step=_("Choose another code."),
            fields={"code": _("is taken")},
        ) from error
    record(
        verb="outreach.template.created",
        subject_type="outreach.template",
        subject_id=template.pk,
        actor=actor,
        after={"code": code, "name": name, "purpose": purpose.value},
    )
    return template


@transaction.atomic
def copy_template(*, template_id: int, code: str, name: str, name_zh: str, actor: Actor) -> MessageTemplate:
    """Another template of the same purpose, whose drafts say what this one says now. Raises TemplateNotFound,
    TemplateCodeTaken.
    """
    source = _locked_template(template_id)
    made = create_template(code=code, name=name, name_zh=name_zh, purpose=Purpose(source.purpose), actor=actor)
    for version in source.versions.filter(state=TemplateState.ACTIVE).order_by("channel", "language"):
        draft_version(
            template_id=made.pk,
            channel=Channel(version.channel),
            language=version.language,
            wording=wording_of(version),
            actor=actor,
        )
    return made


@transaction.atomic
def draft_version(
    *, template_id: int, channel: Channel, language: str, wording: Wording, actor: Actor
) -> TemplateVersion:
    """A new draft in a channel and language. Raises TemplateNotFound, VersionStillOpen, WordsRefused."""
    template = _locked_template(template_id)
    siblings = TemplateVersion.objects.filter(template=template, channel=channel, language=language)
    if siblings.filter(state__in=OPEN).exists():
        raise VersionStillOpen(
            _("%(template)s already has a version in the making for this channel and language.")
            % {"template": template.title},
            next_step=_("Finish or discard that one first."),
        )
    body = body_of(wording=wording, language=language)
    check_words(channel=channel, language=language, subject=wording.subject, body=body)
    version = TemplateVersion(
        template=template,
        channel=channel.value,
        language=language,
        number=(siblings.aggregate(last=Max("number"))["last"] or 0) + 1,
        created_by=actor.id,
        created_by_name=actor.name,
    )
    _write(version, wording, body)
    version.save()
    _note(version, verb="outreach.template_version.drafted", actor=actor, reason=wording.note)
    return version


@transaction.atomic
def change_draft(*, version_id: int, wording: Wording, actor: Actor, seen: str | None = None) -> TemplateVersion:
    """New words for a draft; `seen` is the `mark` it was opened with.

    Raises TemplateNotFound, VersionNotInState, WordsRefused, DraftMovedOn.
    """
    version = _locked_version(version_id)
    if version.state != TemplateState.DRAFT:
        raise _not_in_state(version)
    refuse_if_moved_on(seen=seen, now=mark_of_words(version))
    before = {"subject": version.subject, "body": version.body}
    body = body_of(wording=wording, language=version.language)
    check_words(channel=Channel(version.channel), language=version.language, subject=wording.subject, body=body)
    _write(version, wording, body)
    version.save()
    _note(version, verb="outreach.template_version.changed", actor=actor, before=before, reason=wording.note)
    return version


def mark_of_words(version: TemplateVersion) -> str:
    """What the words of a version are known by while somebody changes them."""
    return mark_of(version.subject, version.body, version.pieces, version.is_legal, version.note)


@transaction.atomic
def submit_version(*, version_id: int, reason: str, actor: Actor) -> Approval:
    """Asks a second person; words that need a legal review are compliance's to approve.

    Raises TemplateNotFound, VersionNotInState, WordsOnTrial, WordsRefused, and those of `approvals.submit`.
    """
    version = _locked_version(version_id)
    _refuse_on_trial(version)
    _move(version, to=TemplateState.SUBMITTED)
    check_version(version)
    version.save(update_fields=["state"])
    _note(version, verb="outreach.template_version.submitted", actor=actor, reason=reason)
    return approvals.submit(
        verb=LEGAL_APPROVAL_VERB if version.is_legal else APPROVAL_VERB,
        subject_type=SUBJECT,
        subject_id=version.pk,
        payload={"version": version.pk, "subject": version.subject, "body": version.body},
        reason=reason,
        actor=actor,
        consequence=consequence_in_words(version),
    )


@transaction.atomic
def approve_as_asked(request: ApprovedRequest) -> TemplateVersion:
    """The deed of an approved request: the version speaks from now on, and its predecessor is retired.

    What was planned with the predecessor is still sent as it was approved then. Raises TemplateNotFound,
    VersionNotInState, WordsOnTrial, WordsRefused when the words or the list of wording changed since.
    """
    version = _locked_version(int(request.payload["version"]))
    _refuse_on_trial(version)
    asked = (request.payload["subject"], request.payload["body"])
    if version.state != TemplateState.SUBMITTED or (version.subject, version.body) != asked:
        raise _not_in_state(version)
    check_version(version)
    for predecessor in TemplateVersion.objects.filter(
        template=version.template, channel=version.channel, language=version.language, state=TemplateState.ACTIVE
    ):
        _move(predecessor, to=TemplateState.RETIRED)
        predecessor.save(update_fields=["state"])
        _note(predecessor, verb="outreach.template_version.replaced", actor=request.checker)
    _move(version, to=TemplateState.ACTIVE)
    version.approved_by, version.approved_by_name, version.approved_at = request.checker.id, request.checker.name, Now()
    version.save(update_fields=["state", "approved_by", "approved_by_name", "approved_at"])
    version.refresh_from_db(fields=["approved_at"])
    _note(version, verb="outreach.template_version.approved", actor=request.checker, reason=request.reason)
    return version


@transaction.atomic
def take_back(*, version_id: int, reason: str, actor: Actor) -> TemplateVersion:
    """A submitted version becomes a draft again, and the request that waits is withdrawn by who made it.

    Raises TemplateNotFound, VersionNotInState, and NotTheAuthor when the request is another person's.
    """
    version = _locked_version(version_id)
    _move(version, to=TemplateState.DRAFT)
    waiting = Approval.objects.filter(subject_type=SUBJECT, subject_id=str(version.pk), state="pending").first()
    if waiting is not None:
        approvals.withdraw(approval_id=waiting.pk, actor=actor, note=reason)
    version.save(update_fields=["state"])
    _note(version, verb="outreach.template_version.taken_back", actor=actor, reason=reason)
    return version


@transaction.atomic
def retire_version(*, version_id: int, reason: str, actor: Actor) -> int:
    """Discards a draft, or stops an active version from being sent; gives how many planned messages it stopped.

    Raises TemplateNotFound, VersionNotInState.
    """
    version = _locked_version(version_id)
    _move(version, to=TemplateState.RETIRED)
    version.save(update_fields=["state"])
    stopped = stop_messages(template_version_id=version.pk, reason="template_retired", detail=reason, actor=actor)
    _note(version, verb="outreach.template_version.retired", actor=actor, reason=reason)
    return stopped


def wording_of(version: TemplateVersion) -> Wording:
    """What a version says, to be said again."""
    return Wording(
        subject=version.subject,
        body="" if version.pieces else version.body,
        pieces=tuple(version.pieces),
        is_legal=version.is_legal,
        note=version.note,
    )


def body_of(*, wording: Wording, language: str) -> str:
    """The text of a wording: its pieces put together, or the body as it was written. Raises WordsRefused."""
    if not wording.pieces:
        return wording.body.strip()
    found = list(Piece.objects.filter(pk__in=wording.pieces, language=language))
    elements = [piece.element for piece in found]
    if len(found) != len(set(wording.pieces)) or len(set(elements)) != len(elements):
        said = _("choose one piece of this language for an element")
        raise WordsRefused(
            _("These pieces cannot be put together."), next_step=_("Choose the pieces again."), fields={"pieces": said}
        )
    return compose([(Element(piece.element), piece.text) for piece in found], language=language)


def consequence_in_words(version: TemplateVersion) -> str:
    """What approving a version does, in a sentence."""
    return _("%(template)s by %(channel)s (%(language)s) then says: %(words)s") % {
        "template": version.template.title,
        "channel": version.get_channel_display(),
        "language": version.get_language_display(),
        "words": _words_shown(version),
    }


def _words_shown(version: TemplateVersion) -> str:
    """The body, after its subject where the channel shows one."""
    return f"{version.subject} | {version.body}" if version.subject else version.body


def consequence_of(approval: Approval) -> str:
    """What approving a request does as of now; for the page of approvals."""
    version = TemplateVersion.objects.select_related("template").filter(pk=approval.payload["version"]).first()
    return approval.consequence if version is None else consequence_in_words(version)


def _refuse_on_trial(version: TemplateVersion) -> None:
    running = experiment_on(template=version.template)
    if running is not None:
        raise WordsOnTrial(
            _("The experiment %(name)s runs on the words of %(template)s; they stay as they are until it stops.")
            % {"name": running.name, "template": version.template.title},
            next_step=_("Wait until the experiment stops, or stop it. Words that must not be sent can be retired."),
        )


def _write(version: TemplateVersion, wording: Wording, body: str) -> None:
    version.subject = wording.subject.strip()
    version.body = body
    version.pieces = list(wording.pieces)
    version.variables = list(names_in(f"{version.subject} {body}"))
    version.is_legal = wording.is_legal
    version.note = wording.note


def _locked_template(template_id: int) -> MessageTemplate:
    template = MessageTemplate.objects.select_for_update().filter(pk=template_id).first()
    if template is None:
        raise TemplateNotFound(_("There is no such template."), next_step=_("Look in the list of templates."))
    return template


def _locked_version(version_id: int) -> TemplateVersion:
    """The version under the lock of its template, so that all verbs on one template queue."""
    template_id = TemplateVersion.objects.filter(pk=version_id).values_list("template_id", flat=True).first()
    if template_id is None:
        raise TemplateNotFound(_("There is no such version."), next_step=_("Look in the list of templates."))
    template = _locked_template(template_id)
    version = TemplateVersion.objects.select_for_update().get(pk=version_id)
    version.template = template
    return version


def _move(version: TemplateVersion, *, to: TemplateState) -> None:
    """Sets the state by the table; the caller saves."""
    if not may_become(current=TemplateState(version.state), to=to):
        raise _not_in_state(version)
    version.state = to.value


def _not_in_state(version: TemplateVersion) -> VersionNotInState:
    return VersionNotInState(
        _("Version %(number)s is not in a state that allows this.") % {"number": version.number},
        next_step=_("Look at the version again; somebody may have been quicker."),
    )


def _note(
    version: TemplateVersion,
    *,
    verb: str,
    actor: Actor,
    reason: str = "",
    before: Mapping[str, Any] | None = None,
) -> None:
    record(
        verb=verb,
        subject_type=SUBJECT,
        subject_id=version.pk,
        actor=actor,
        reason=reason,
        before=before,
        after={
            "template": version.template.code,
            "channel": version.channel,
            "language": version.language,
            "number": version.number,
            "state": version.state,
            "subject": version.subject,
            "body": version.body,
        },
    )
