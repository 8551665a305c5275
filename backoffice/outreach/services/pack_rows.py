"""Rows of packs: locked in one order, moved by the table of states with a row of history, noted in the trail."""

from collections.abc import Mapping
from datetime import date
from typing import Any, ClassVar, Final

from django.db.models import Max
from django.utils.translation import gettext as _

from backoffice.audit.services import record
from backoffice.core.actors import Actor
from backoffice.core.errors import Refusal
from backoffice.outreach.domain.pack_form import digest_of, to_json
from backoffice.outreach.domain.pack_states import PackState, may_become
from backoffice.outreach.domain.packs import Pack
from backoffice.outreach.models import RulePack, RulePackMove, RulePackVersion
from backoffice.outreach.selectors.packs import PackNotFound

SUBJECT: Final = "outreach.pack_version"


class PackVersionNotInState(Refusal):
    """The version is not in a state that allows this."""

    code: ClassVar[str] = "outreach.pack_version_state"
    status: ClassVar[int] = 409


def locked_pack(*, code: str) -> RulePack:
    row = RulePack.objects.select_for_update().filter(code=code).first()
    if row is None:
        raise not_found()
    return row


def locked_version(version_id: int) -> RulePackVersion:
    """The version under the lock of its pack, so that all verbs on one pack queue."""
    code = RulePackVersion.objects.filter(pk=version_id).values_list("pack__code", flat=True).first()
    if code is None:
        raise not_found()
    row = locked_pack(code=code)
    version = RulePackVersion.objects.select_for_update().get(pk=version_id)
    version.pack = row
    return version


def make(
    row: RulePack,
    content: str,
    *,
    pack: Pack,
    note: str,
    actor: Actor,
    state: PackState = "draft",
    first_day: date | None = None,
) -> RulePackVersion:
    last = row.versions.aggregate(last=Max("number"))["last"] or 0
    version = RulePackVersion.objects.create(
        pack=row,
        number=last + 1,
        state=state,
        content=content,
        parsed=to_json(pack),
        digest=digest_of(content),
        effective_from=first_day,
        note=note,
        created_by_id=actor.id,
    )
    _keep_move(version, before="", actor=actor, reason=note)
    verb = "outreach.pack_version.loaded" if state == "active" else "outreach.pack_version.drafted"
    note_down(version, verb=verb, actor=actor, reason=note)
    return version


def move(version: RulePackVersion, *, to: PackState, actor: Actor, reason: str = "") -> None:
    """Sets the state by the transition table, with a row of history; the caller saves."""
    before: PackState = version.state  # type: ignore[assignment]
    if not may_become(state=before, to=to):
        raise not_in_state(version)
    version.state = to
    _keep_move(version, before=before, actor=actor, reason=reason)


def note_down(
    version: RulePackVersion,
    *,
    verb: str,
    actor: Actor,
    before: Mapping[str, Any] | None = None,
    reason: str = "",
) -> None:
    record(
        verb=verb,
        subject_type=SUBJECT,
        subject_id=version.pk,
        actor=actor,
        reason=reason,
        before=before,
        after={
            "pack": version.pack.code,
            "number": version.number,
            "state": version.state,
            "effective_from": version.effective_from,
            "digest": version.digest,
        },
    )


def not_in_state(version: RulePackVersion) -> PackVersionNotInState:
    return PackVersionNotInState(
        _("Version %(number)s of %(pack)s is in the state “%(state)s”; this cannot be done to it.")
        % {"number": version.number, "pack": version.pack.code, "state": version.get_state_display()},
        next_step=_("Look at the version again; somebody may have been quicker."),
    )


def not_found() -> PackNotFound:
    return PackNotFound(_("There is no such pack or version."), next_step=_("Look in the list of packs."))


def _keep_move(version: RulePackVersion, *, before: str, actor: Actor, reason: str) -> None:
    RulePackMove.objects.create(
        version=version,
        from_state=before,
        to_state=version.state,
        digest=version.digest,
        effective_from=version.effective_from,
        reason=reason[:500],
        actor_id=actor.id,
        actor_name=actor.name,
    )
