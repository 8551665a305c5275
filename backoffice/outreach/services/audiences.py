"""The verbs of audiences: save, change, retire. Each leaves what it was before in the trail."""

from collections.abc import Mapping
from typing import Any, ClassVar, Final

from django.db import transaction
from django.db.models.functions import Now
from django.utils.translation import gettext as _

from backoffice.audit.services import record
from backoffice.core.actors import Actor
from backoffice.core.drafts import mark_of, refuse_if_moved_on
from backoffice.core.errors import Refusal
from backoffice.outreach.domain.audiences import as_content, may_be_seen, may_be_worked, read_audience
from backoffice.outreach.domain.campaign_states import CampaignState
from backoffice.outreach.domain.plan_content import PlanFault, PlanFaulty
from backoffice.outreach.models import Audience
from backoffice.outreach.services.fault_words import in_words

SUBJECT: Final = "outreach.audience"


class AudienceNotFound(Refusal):
    """There is no such audience."""

    code: ClassVar[str] = "outreach.audience_not_found"
    status: ClassVar[int] = 404


class AudienceRefused(Refusal):
    """Nobody can be in it, or its filter cannot be read; `fields` names the parts."""

    code: ClassVar[str] = "outreach.audience_refused"


class AudienceBeyond(Refusal):
    """The audience holds borrowers of portfolios the person does not work on."""

    code: ClassVar[str] = "outreach.audience_beyond_portfolios"
    status: ClassVar[int] = 403


class AudienceTaken(Refusal):
    """Another audience has the code."""

    code: ClassVar[str] = "outreach.audience_taken"
    status: ClassVar[int] = 409


class AudienceInUse(Refusal):
    """A draft of a campaign is made for it."""

    code: ClassVar[str] = "outreach.audience_in_use"
    status: ClassVar[int] = 409


@transaction.atomic
def create_audience(
    *,
    code: str,
    name: str,
    name_zh: str,
    content: Mapping[str, Any],
    within: frozenset[str] | None,
    actor: Actor,
) -> Audience:
    """A saved filter, of borrowers of the portfolios `within` alone (None: of all). Raises AudienceTaken,
    AudienceRefused.
    """
    if Audience.objects.filter(code=code).exists():
        raise AudienceTaken(
            _("Another audience has this code."), next_step=_("Choose another code."), fields={"code": _("is taken")}
        )
    kept = checked(content, within=within)
    audience = Audience.objects.create(code=code, name=name, name_zh=name_zh, content=kept, created_by_name=actor.name)
    _note(audience, verb="outreach.audience.created", actor=actor, after={"code": code, "content": kept})
    return audience


@transaction.atomic
def change_audience(
    *,
    audience_id: int,
    name: str,
    name_zh: str,
    content: Mapping[str, Any],
    reason: str,
    within: frozenset[str] | None,
    actor: Actor,
    seen: str | None = None,
) -> Audience:
    """Another filter under the same code; what was submitted with the old one keeps that.

    `within`: the portfolios the person works on, None for all; both filters have to keep to them. `seen` marks the
    filter as the person saw it. Raises AudienceNotFound, AudienceBeyond, AudienceRefused, DraftMovedOn.
    """
    audience = locked_audience(audience_id=audience_id, within=within)
    refuse_if_moved_on(seen=seen, now=mark_of_audience(audience))
    kept = checked(content, within=within)
    before = {"name": audience.name, "content": audience.content}
    audience.name, audience.name_zh, audience.content = name, name_zh, kept
    audience.changed_by_name, audience.changed_at = actor.name, Now()
    audience.save(update_fields=["name", "name_zh", "content", "changed_by_name", "changed_at"])
    audience.refresh_from_db(fields=["changed_at"])
    after = {"name": name, "content": kept}
    _note(audience, verb="outreach.audience.changed", actor=actor, reason=reason, before=before, after=after)
    return audience


@transaction.atomic
def retire_audience(*, audience_id: int, reason: str, within: frozenset[str] | None, actor: Actor) -> Audience:
    """Offers it to no further campaign. Raises AudienceNotFound, AudienceBeyond, AudienceInUse."""
    audience = locked_audience(audience_id=audience_id, within=within)
    draft = audience.campaigns.filter(state=CampaignState.DRAFT.value).first()
    if draft is not None:
        raise AudienceInUse(
            _("The draft %(campaign)s is made for this audience.") % {"campaign": draft.code},
            next_step=_("Choose another audience there, or discard the draft."),
        )
    audience.is_retired = True
    audience.save(update_fields=["is_retired"])
    _note(audience, verb="outreach.audience.retired", actor=actor, reason=reason, after={"code": audience.code})
    return audience


def mark_of_audience(audience: Audience) -> str:
    """What the editor carries to say which filter it was opened with."""
    return mark_of(audience.name, audience.name_zh, audience.content)


def checked(content: Mapping[str, Any], *, within: frozenset[str] | None) -> dict[str, Any]:
    """The content in its one form, of borrowers of the portfolios `within` alone. Raises AudienceRefused."""
    try:
        kept = as_content(read_audience(content))
        if not may_be_worked(kept, within=within):
            raise PlanFaulty([PlanFault("", "portfolios", "beyond_your_portfolios")])
    except PlanFaulty as error:
        raise AudienceRefused(
            _("This audience contradicts itself or is not complete."),
            next_step=_("Correct the fields named."),
            fields=in_words(error.faults),
        ) from error
    return kept


def locked_audience(*, audience_id: int, within: frozenset[str] | None) -> Audience:
    """The audience under lock, unless it is retired. Raises AudienceNotFound, AudienceBeyond."""
    audience = Audience.objects.select_for_update().filter(pk=audience_id, is_retired=False).first()
    if audience is None:
        raise audience_not_found()
    check_audience_within(audience, within=within)
    return audience


def check_audience_within(audience: Audience, *, within: frozenset[str] | None) -> None:
    """That somebody who works on the portfolios `within` may work the audience.

    Raises AudienceBeyond, and AudienceNotFound where they may not even look at it.
    """
    if may_be_worked(audience.content, within=within):
        return
    if not may_be_seen(audience.content, within=within):
        raise audience_not_found()
    raise AudienceBeyond(
        _("The audience %(name)s also holds borrowers of portfolios you do not work on.") % {"name": audience.title},
        next_step=_("Save one of your own portfolios, or ask somebody who works on all of these."),
    )


def audience_not_found() -> AudienceNotFound:
    """The refusal for an audience that is not there."""
    return AudienceNotFound(_("There is no such audience."), next_step=_("Choose one from the list of audiences."))


def _note(audience: Audience, *, verb: str, actor: Actor, **said: Any) -> None:
    record(verb=verb, subject_type=SUBJECT, subject_id=audience.pk, actor=actor, **said)
