"""The life of a version of a pack: drafted, checked by its vectors, approved by a second person, active from its day.

A retired version becomes active again when its successor is rolled back.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final, Literal

PackState = Literal["draft", "checked", "submitted", "approved", "active", "retired"]

TRANSITIONS: Final[dict[PackState, frozenset[PackState]]] = {
    "draft": frozenset({"checked", "retired"}),
    "checked": frozenset({"draft", "submitted", "retired"}),
    "submitted": frozenset({"draft", "approved"}),
    "approved": frozenset({"active", "retired"}),
    "active": frozenset({"retired"}),
    "retired": frozenset({"active"}),
}

OPEN: Final[frozenset[PackState]] = frozenset({"draft", "checked", "submitted"})
"""A version in the making: a pack has one at a time."""
IN_FORCE: Final[frozenset[PackState]] = frozenset({"approved", "active"})
"""Approved: it holds from its day, whether or not the night has marked it active yet."""
PUBLISHED: Final[frozenset[PackState]] = IN_FORCE | {"retired"}
"""What holds or may have held; a draft that was discarded never had a first day."""


@dataclass(frozen=True, slots=True)
class Published:
    """A version that two people approved, or that was shipped (`approved_at` None): when it may hold."""

    code: str
    number: int
    id: int
    digest: str
    effective_from: date
    approved_at: datetime | None
    withdrawn_at: datetime | None

    def stands(self, *, on: date, at: datetime | None) -> bool:
        """True when it had come into force by a day, approved and not rolled back as of an instant (None: by now)."""
        if self.effective_from > on:
            return False
        if at is None:
            return self.withdrawn_at is None
        is_approved = self.approved_at is None or self.approved_at <= at
        return is_approved and (self.withdrawn_at is None or self.withdrawn_at > at)


def holding(versions: Iterable[Published], *, on: date, at: datetime | None = None) -> tuple[Published, ...]:
    """The version of each pack that holds on a day, as things stood at an instant; in the order of their codes."""
    latest: dict[str, Published] = {}
    for version in versions:
        best = latest.get(version.code)
        if version.stands(on=on, at=at) and (
            best is None or (version.effective_from, version.number) > (best.effective_from, best.number)
        ):
            latest[version.code] = version
    return tuple(latest[code] for code in sorted(latest))


def may_become(*, state: PackState, to: PackState) -> bool:
    """True when a version in `state` may move to `to`."""
    return to in TRANSITIONS[state]
