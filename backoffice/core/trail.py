"""The door to the audit trail for the apps that stand beside it and may not import it (staff, calendars).

`audit` connects its recorder when Django starts; apps above `audit` call `audit.services.record` directly.
"""

from typing import Any, Protocol

from backoffice.core.actors import Actor


class Recorder(Protocol):
    """What `audit.services.record` is: one entry in the caller's transaction."""

    def __call__(
        self,
        *,
        verb: str,
        subject_type: str,
        subject_id: int | str,
        actor: Actor,
        reason: str = "",
        before: dict[str, Any] | None = None,
        after: dict[str, Any] | None = None,
        borrower_id: int | None = None,
    ) -> object: ...


class TrailNotConnected(RuntimeError):
    """A change was about to go unrecorded because nothing keeps the trail; the change must not happen."""


_recorders: list[Recorder] = []


def connect(*, recorder: Recorder) -> None:
    """Names the recorder of this process; the last one wins."""
    _recorders[:] = [recorder]


def record(
    *,
    verb: str,
    subject_type: str,
    subject_id: int | str,
    actor: Actor,
    reason: str = "",
    before: dict[str, Any] | None = None,
    after: dict[str, Any] | None = None,
    borrower_id: int | None = None,
) -> None:
    """Writes one audit entry in the caller's transaction. Raises TrailNotConnected when no trail is kept."""
    if not _recorders:
        raise TrailNotConnected(verb)
    _recorders[0](
        verb=verb,
        subject_type=subject_type,
        subject_id=subject_id,
        actor=actor,
        reason=reason,
        before=before,
        after=after,
        borrower_id=borrower_id,
    )
