"""Packs of contact rules in the making: loaded from the repository, drafted, changed, discarded."""

from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import ClassVar, Final

from django.db import transaction
from django.utils.translation import gettext as _

from backoffice.core.actors import SYSTEM, Actor
from backoffice.core.drafts import mark_of, refuse_if_moved_on
from backoffice.core.errors import Refusal
from backoffice.outreach.domain.pack_form import digest_of, tidy, to_json
from backoffice.outreach.domain.pack_states import OPEN
from backoffice.outreach.domain.packs import parse
from backoffice.outreach.models import RulePack, RulePackVersion
from backoffice.outreach.selectors.packs import FILES
from backoffice.outreach.services.pack_checks import check_others, check_vectors, check_version
from backoffice.outreach.services.pack_rows import (
    locked_pack,
    locked_version,
    make,
    move,
    not_found,
    not_in_state,
    note_down,
)
from backoffice.outreach.services.vectors import run_vectors

FIRST_DAY: Final = date(2000, 1, 1)
"""The first version of a pack has held from the beginning: its rules have first days of their own."""


class PackVersionOpen(Refusal):
    """The pack already has a version in the making."""

    code: ClassVar[str] = "outreach.pack_version_open"
    status: ClassVar[int] = 409


@dataclass(frozen=True, slots=True)
class Loaded:
    """What a run of `load_packs` did to which packs: made, drafted from a newer file, the same, waiting for a draft."""

    made: tuple[str, ...] = ()
    drafted: tuple[str, ...] = ()
    same: tuple[str, ...] = ()
    waiting: tuple[str, ...] = ()


@transaction.atomic
def load_packs(*, actor: Actor = SYSTEM, folder: Path = FILES) -> Loaded:
    """The packs of the repository as versioned rows; safe to run again.

    A code that is new is active at once when its vectors pass. A file that differs from every version of its pack
    becomes a draft for two people to publish, unless one is in the making. Vectors that never ran are run.

    Raises PackFaulty, PackVectorsFail, PackClash.
    """
    done: dict[str, list[str]] = {"made": [], "drafted": [], "same": [], "waiting": []}
    for path in sorted(folder.glob("*.toml")):
        content = tidy(path.read_text(encoding="utf-8"))
        pack = parse(content)
        row, is_new = RulePack.objects.get_or_create(code=pack.code)
        if is_new:
            check_others(row, pack)
            check_vectors(pack, run_vectors(pack=pack))
            make(row, content, pack=pack, note=_("as shipped"), actor=actor, state="active", first_day=FIRST_DAY)
            done["made"].append(pack.code)
        elif row.versions.filter(digest=digest_of(content)).exists():
            done["same"].append(pack.code)
        elif row.versions.filter(state__in=OPEN).exists():
            done["waiting"].append(pack.code)
        else:
            make(row, content, pack=pack, note=_("from a newer release"), actor=actor)
            done["drafted"].append(pack.code)
        for version in row.versions.filter(state="active", checks__isnull=True):
            check_version(version_id=version.pk, actor=actor)
    return Loaded(**{name: tuple(codes) for name, codes in done.items()})


@transaction.atomic
def draft_version(*, code: str, content: str, note: str, actor: Actor) -> RulePackVersion:
    """A new draft of a pack. Raises PackNotFound, PackVersionOpen, PackFaulty, PackClash."""
    row = locked_pack(code=code)
    if row.versions.filter(state__in=OPEN).exists():
        raise PackVersionOpen(
            _("%(pack)s already has a version in the making.") % {"pack": row.code},
            next_step=_("Finish or discard that one first."),
        )
    pack = parse(content)
    check_others(row, pack)
    return make(row, tidy(content), pack=pack, note=note, actor=actor)


@transaction.atomic
def draft_from(*, version_id: int, actor: Actor) -> RulePackVersion:
    """A new draft with the text of another version of the pack. Raises as `draft_version`."""
    source = RulePackVersion.objects.select_related("pack").filter(pk=version_id).first()
    if source is None:
        raise not_found()
    note = _("from version %(number)s") % {"number": source.number}
    return draft_version(code=source.pack.code, content=source.content, note=note, actor=actor)


@transaction.atomic
def change_draft(*, version_id: int, content: str, note: str, actor: Actor, seen: str | None = None) -> RulePackVersion:
    """A new text for a draft, which has to be checked again; `seen` is the `mark` it was opened with.

    Raises PackNotFound, PackVersionNotInState, PackFaulty, PackClash, DraftMovedOn.
    """
    version = locked_version(version_id)
    if version.state not in ("draft", "checked"):
        raise not_in_state(version)
    refuse_if_moved_on(seen=seen, now=mark_of_draft(version))
    pack = parse(content)
    check_others(version.pack, pack)
    before = version.digest
    version.content, version.parsed, version.note = tidy(content), to_json(pack), note
    version.digest = digest_of(content)
    if version.state == "checked" and version.digest != before:
        move(version, to="draft", actor=actor, reason=_("the text was changed"))
    version.save(update_fields=["content", "parsed", "note", "digest", "state"])
    note_down(version, verb="outreach.pack_version.changed", actor=actor, before={"digest": before}, reason=note)
    return version


def mark_of_draft(version: RulePackVersion) -> str:
    """What a draft is known by while somebody changes it."""
    return mark_of(version.digest, version.note)


@transaction.atomic
def discard(*, version_id: int, actor: Actor, reason: str) -> RulePackVersion:
    """End a version in the making. Raises PackNotFound, PackVersionNotInState."""
    version = locked_version(version_id)
    if version.state not in ("draft", "checked"):
        raise not_in_state(version)
    move(version, to="retired", actor=actor, reason=reason)
    version.save(update_fields=["state"])
    note_down(version, verb="outreach.pack_version.discarded", actor=actor, reason=reason)
    return version
