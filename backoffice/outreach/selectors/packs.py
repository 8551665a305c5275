"""The packs of contact rules: which hold on a day, the list, and one pack with its versions."""

from bisect import bisect_right
from dataclasses import dataclass, replace
from datetime import date, datetime
from functools import lru_cache
from pathlib import Path
from typing import Any, ClassVar
from uuid import UUID
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db.models import Prefetch
from django.utils.translation import gettext as _

from backoffice.core.bulk import fetch
from backoffice.core.errors import Refusal
from backoffice.outreach.domain.compiling import PacksInForce
from backoffice.outreach.domain.pack_states import OPEN, PUBLISHED, Published, holding
from backoffice.outreach.domain.packs import Pack, parse
from backoffice.outreach.models import RulePack, RulePackCheck, RulePackVersion

FILES = Path(__file__).resolve().parent.parent / "packs"
PUBLISHED_VERSIONS = """
SELECT pack.code, version.number, version.id, version.digest, version.effective_from, version.approved_at,
       version.withdrawn_at
FROM outreach_rulepackversion version JOIN outreach_rulepack pack ON pack.id = version.pack_id
WHERE version.state IN ('approved', 'active', 'retired') AND version.effective_from IS NOT NULL
"""
GENERATION = "SELECT number FROM outreach_packgeneration"


class NoPacksInForce(Refusal):
    """No default pack holds: without one nobody may be contacted at all."""

    code: ClassVar[str] = "outreach.no_packs_in_force"
    status: ClassVar[int] = 409


class PackNotFound(Refusal):
    """There is no such pack or version."""

    code: ClassVar[str] = "outreach.pack_not_found"
    status: ClassVar[int] = 404


@dataclass(frozen=True, slots=True)
class PackLine:
    """A pack in the list: what it says now, the version that holds, one that waits for its day, one in the making."""

    pack: RulePack
    content: Pack
    in_force: RulePackVersion | None
    coming: RulePackVersion | None
    open: RulePackVersion | None


class PackHistory:
    """Every version that was ever published, read once: which packs held when."""

    def __init__(self) -> None:
        self._versions = _published()
        turns = (instant for each in self._versions for instant in (each.approved_at, each.withdrawn_at))
        self._turns = sorted(instant for instant in turns if instant is not None)
        self._found: dict[tuple[date, int], PacksInForce] = {}

    def at(self, *, on: date, at: datetime) -> PacksInForce:
        """The packs that held on a day, as things stood at an instant of it. Raises NoPacksInForce."""
        key = (on, bisect_right(self._turns, at))
        if key not in self._found:
            self._found[key] = _together(holding(self._versions, on=on, at=at))
        return self._found[key]


def packs_in_force(*, on: date) -> PacksInForce:
    """The packs the gate judges by on a day: the same object for the same versions, which it is cached by.

    Raises NoPacksInForce when no default pack holds: the gate fails closed.
    """
    return _together(holding(_published(), on=on))


def pack_day(at: datetime) -> date:
    """The day an instant falls on for the packs: the lender's own."""
    return at.astimezone(ZoneInfo(settings.TIME_ZONE)).date()


class PacksKept:
    """The packs as this process read them last. Whoever uses them has the database confirm their generation."""

    def __init__(self) -> None:
        self._read: tuple[UUID | None, tuple[Published, ...]] = (None, ())

    def on(self, day: date) -> tuple[UUID | None, PacksInForce]:
        """The generation and the packs in force on a day. Raises NoPacksInForce."""
        try:
            return self._on(day)
        except NoPacksInForce:
            # Nobody confirms that there are still none; a process that has just started has read nothing.
            self.read_again()
            return self._on(day)

    def _on(self, day: date) -> tuple[UUID | None, PacksInForce]:
        generation, versions = self._read
        return generation, _together(holding(versions, on=day))

    def read_again(self) -> None:
        """Reads what is published now: the generation first, so that what is newer than it is never taken for it."""
        rows = fetch(GENERATION)
        self._read = (rows[0][0] if rows else None, _published())


def packs_in_force_at(*, on: date, at: datetime) -> PacksInForce:
    """The packs that held on a past day, as things stood at an instant of it: what was approved or rolled back later is
    left out. For many contacts read `PackHistory` once. Raises NoPacksInForce.
    """
    return PackHistory().at(on=on, at=at)


def with_version(*, packs: PacksInForce, version: RulePackVersion, as_on: date | None = None) -> PacksInForce:
    """The packs as they would be with another version of one of them; `as_on`: its rules as they hold on that day."""
    parsed = content_of(version=version)
    if as_on is not None:
        rules = (replace(rule, effective_from=date.min) for rule in parsed.rules if rule.is_in_force(on=as_on))
        parsed = replace(parsed, rules=tuple(rules))
    kept = [(label, pack) for label, pack in zip(packs.versions, packs.packs, strict=True) if pack.code != parsed.code]
    pairs = sorted([*kept, ((parsed.code, version.number), parsed)], key=lambda pair: pair[0])
    return PacksInForce(versions=tuple(label for label, _pack in pairs), packs=tuple(pack for _label, pack in pairs))


def without_version(*, packs: PacksInForce, version: RulePackVersion, on: date) -> PacksInForce:
    """The packs as they would be on a day if a version were rolled back."""
    before = predecessor_of(version=version, on=on)
    if before is not None:
        return with_version(packs=packs, version=before)
    code = content_of(version=version).code
    pairs = [pair for pair in zip(packs.versions, packs.packs, strict=True) if pair[1].code != code]
    return PacksInForce(versions=tuple(label for label, _pack in pairs), packs=tuple(pack for _label, pack in pairs))


def version_in_force(*, code: str, on: date) -> RulePackVersion | None:
    """The version of one pack that holds on a day; None while it has none."""
    held = {version.code: version.id for version in holding(_published(), on=on)}
    return RulePackVersion.objects.select_related("pack").filter(pk=held.get(code, 0)).first()


def content_of(*, version: RulePackVersion) -> Pack:
    """What a version says."""
    return _parsed(version.digest, version.content)


def pack_lines(*, user: Any, on: date) -> list[PackLine]:
    """Every pack with what holds on the day; three queries."""
    held = {version.id for version in holding(_published(), on=on)}
    versions = RulePackVersion.objects.order_by("number").defer("parsed")
    packs = RulePack.objects.visible_to(user).prefetch_related(Prefetch("versions", queryset=versions, to_attr="all"))
    return [_line(pack, pack.all, held) for pack in packs if pack.all]


def visible_versions(*, user: Any) -> Any:
    """The versions the person may see, with pack and people, newest first."""
    return (
        RulePackVersion.objects.filter(pack__in=RulePack.objects.visible_to(user))
        .select_related("pack", "created_by", "approved_by")
        .defer("parsed")
        .order_by("pack__code", "-number")
    )


def line_of_pack(*, user: Any, code: str, on: date) -> tuple[PackLine, list[RulePackVersion]]:
    """One pack and all its versions, newest first. Raises PackNotFound."""
    versions = list(visible_versions(user=user).filter(pack__code=code))
    if not versions:
        raise PackNotFound(
            _("There is no pack “%(code)s”.") % {"code": code}, next_step=_("Look in the list of packs.")
        )
    held = {version.id for version in holding(_published(), on=on)}
    return _line(versions[0].pack, versions[::-1], held), versions


def version_and_check(*, version_id: int, user: Any) -> tuple[RulePackVersion, RulePackCheck | None]:
    """One version with what it says as JSON, and the last run of its vectors on its text. Raises PackNotFound."""
    version = visible_versions(user=user).defer(None).filter(pk=version_id).first()
    if version is None:
        raise PackNotFound(_("There is no such pack or version."), next_step=_("Look in the list of packs."))
    return version, last_check(version=version)


def last_check(*, version: RulePackVersion) -> RulePackCheck | None:
    """The last run of the vectors on the text the version has now."""
    return RulePackCheck.objects.filter(version=version, digest=version.digest).last()


def predecessor_of(*, version: RulePackVersion, on: date) -> RulePackVersion | None:
    """The version that would hold on a day if this one did not; None when there is none."""
    return (
        RulePackVersion.objects.filter(
            pack_id=version.pack_id,
            state__in=PUBLISHED,
            effective_from__lte=on,
            withdrawn_at__isnull=True,
        )
        .exclude(pk=version.pk)
        .order_by("-effective_from", "-number")
        .first()
    )


def packs_to_activate(*, as_of: date) -> bool:
    """True when a version's day has come and the table does not say so yet."""
    return RulePackVersion.objects.filter(state="approved", effective_from__lte=as_of).exists()


def _line(pack: RulePack, versions: list[RulePackVersion], held: set[int]) -> PackLine:
    """`versions` in the order of their numbers."""
    in_force = next((version for version in versions if version.pk in held), None)
    shown = in_force or versions[-1]
    return PackLine(
        pack=pack,
        content=content_of(version=shown),
        in_force=in_force,
        coming=next((v for v in versions if v.state == "approved" and v.pk not in held), None),
        open=next((v for v in versions if v.state in OPEN), None),
    )


def _published() -> tuple[Published, ...]:
    return tuple(Published(*row) for row in fetch(PUBLISHED_VERSIONS))


@lru_cache(maxsize=64)
def _together(held: tuple[Published, ...]) -> PacksInForce:
    texts = dict(RulePackVersion.objects.filter(pk__in=[version.id for version in held]).values_list("pk", "content"))
    # Versions of a transaction that was rolled back are not there: nothing is judged by them.
    is_gone = len(texts) < len(held)
    packs = () if is_gone else tuple(_parsed(version.digest, texts[version.id]) for version in held)
    if not any(pack.default for pack in packs):
        raise NoPacksInForce(
            _("No default pack of contact rules is in force."),
            next_step=_("Run manage.py load_packs, then publish the default pack."),
        )
    return PacksInForce(versions=tuple((version.code, version.number) for version in held), packs=packs)


@lru_cache(maxsize=256)
def _parsed(digest: str, content: str) -> Pack:
    return parse(content)
