"""What the pages of a pack need: its rules in words, its vectors with what the gate said of each, its history."""

from dataclasses import dataclass

from django.utils.translation import gettext as _

from backoffice.outreach.domain.packs import Pack, PastContact, Vector
from backoffice.outreach.models import RulePackCheck, RulePackMove, RulePackVersion
from backoffice.outreach.models.contacts import CHANNEL_LABELS, PURPOSE_LABELS
from backoffice.outreach.selectors.pack_words import PARTY_LABELS, SCOPE_LABELS, vector_name


@dataclass(frozen=True, slots=True)
class VectorLine:
    """A vector and how it went: `passes` is None while it has not run on this text."""

    name: str
    asks: str
    before: tuple[str, ...]
    expects: tuple[str, ...]
    denied_by: tuple[str, ...]
    passes: bool | None


def vector_lines(*, pack: Pack, check: RulePackCheck | None) -> list[VectorLine]:
    """The vectors of a pack with what a check said of each; those that fail first."""
    said = {row["name"]: tuple(row["denied_by"]) for row in check.results} if check else {}
    lines = [_line(vector, said.get(vector.name)) for vector in pack.vectors]
    return sorted(lines, key=lambda line: line.passes is not False)


def moves_of(*, version: RulePackVersion) -> list[RulePackMove]:
    """The steps of a version's life, the last first."""
    return list(RulePackMove.objects.filter(version=version).order_by("-id"))


def _line(vector: Vector, denied_by: tuple[str, ...] | None) -> VectorLine:
    return VectorLine(
        name=vector_name(vector=vector),
        asks=_asks(vector),
        before=tuple(_past(past) for past in vector.history),
        expects=tuple(sorted(vector.expect)),
        denied_by=denied_by or (),
        passes=None if denied_by is None else set(denied_by) == vector.expect,
    )


def _asks(vector: Vector) -> str:
    """The contact that is wanted, in one line: its own clock, as the file writes it."""
    parts = [
        str(CHANNEL_LABELS[vector.channel]),
        str(PURPOSE_LABELS[vector.purpose]),
        vector.at.isoformat(sep=" ", timespec="minutes"),
        ", ".join(vector.zones),
    ]
    if vector.actor_scope != "first_party":
        parts.append(str(SCOPE_LABELS[vector.actor_scope]))
    if vector.party != "borrower":
        parts.append(str(PARTY_LABELS[vector.party]))
    if vector.consents:
        parts.append(_("with consent"))
    if vector.callback_at is not None:
        parts.append(_("call back agreed"))
    return " · ".join(parts)


def _past(past: PastContact) -> str:
    code = f"{past.code} → {past.corrected}" if past.corrected else past.code
    arrow = "←" if past.direction == "in" else "→"
    return f"{past.at.isoformat(sep=' ', timespec='minutes')} {arrow} {CHANNEL_LABELS[past.channel]} {code}"
