"""The life of a version of a product: drafted, submitted, approved, active from its day, retired by its successor."""

from typing import Final, Literal

VersionState = Literal["draft", "submitted", "approved", "active", "retired"]

TRANSITIONS: Final[dict[VersionState, frozenset[VersionState]]] = {
    "draft": frozenset({"submitted", "retired"}),
    "submitted": frozenset({"draft", "approved"}),
    "approved": frozenset({"active", "retired"}),
    "active": frozenset({"retired"}),
    "retired": frozenset(),
}

OPEN: Final[frozenset[VersionState]] = frozenset({"draft", "submitted"})
IN_FORCE: Final[frozenset[VersionState]] = frozenset({"approved", "active"})


def may_become(*, state: VersionState, to: VersionState) -> bool:
    """True when a version in `state` may move to `to`."""
    return to in TRANSITIONS[state]
