"""The door to the audit trail for the apps that stand beside it and may not import it (staff, calendars).

`audit` connects its recorder when Django starts; apps above `audit` call `audit.services.record` directly. Every app
says here what its verbs and kinds of subjects are called, so that the trail reads in words.
"""

from collections.abc import Mapping
from typing import Any, Protocol

from django.utils.functional import Promise

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
_words: dict[str, str | Promise] = {}


def describe(words: Mapping[str, str | Promise]) -> None:
    """Names verbs ("staff.user.created") and kinds of subjects ("staff.user"); called in `AppConfig.ready`."""
    _words.update(words)


def words_of(code: str) -> str:
    """What a verb or a kind of subject is called; the code itself when nobody has named it."""
    return str(_words.get(code, code))


def described() -> dict[str, str | Promise]:
    """Every code that has a name."""
    return dict(_words)


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
