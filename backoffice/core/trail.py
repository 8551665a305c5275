"""The door to the audit trail for the apps that stand beside it and may not import it (staff, calendars).

`audit` connects its recorder when Django starts; apps above `audit` call `audit.services.record` directly. Every app
says here what its verbs and kinds of subjects are called, so that the trail reads in words.
"""

from collections import defaultdict
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
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


@dataclass(frozen=True, slots=True)
class Named:
    """A subject as people know it: in words with its number, and the address of its page ("" where it has none)."""

    text: str
    url: str = ""


@dataclass(frozen=True, slots=True)
class Names:
    """How an app names subjects of one kind: `read` gives names by id for many at once, `find` the ids of a number."""

    read: Callable[[Collection[str]], Mapping[str, Named]]
    find: Callable[[str], Collection[str]]


Subject = tuple[str, str]


class TrailNotConnected(RuntimeError):
    """A change was about to go unrecorded because nothing keeps the trail; the change must not happen."""


_recorders: list[Recorder] = []
_words: dict[str, str | Promise] = {}
_names: dict[str, Names] = {}


def describe(words: Mapping[str, str | Promise]) -> None:
    """Names verbs ("staff.user.created") and kinds of subjects ("staff.user"); called in `AppConfig.ready`."""
    _words.update(words)


def words_of(code: str) -> str:
    """What a verb or a kind of subject is called; the code itself when nobody has named it."""
    return str(_words.get(code, code))


def described() -> dict[str, str | Promise]:
    """Every code that has a name."""
    return dict(_words)


def name_subjects(*, kind: str, names: Names) -> None:
    """Says how subjects of a kind ("repayment.loan") are named; called in `AppConfig.ready`."""
    _names[kind] = names


def named(*, subjects: Collection[Subject]) -> dict[Subject, Named]:
    """The names of (kind, id) subjects, one query a kind; what nobody names, or is not there, is its kind and id."""
    ids: dict[str, set[str]] = defaultdict(set)
    for kind, subject_id in subjects:
        ids[kind].add(subject_id)
    found = {kind: _names[kind].read(wanted) for kind, wanted in ids.items() if kind in _names}
    return {
        (kind, subject_id): found.get(kind, {}).get(subject_id) or Named(f"{words_of(kind)} {subject_id}")
        for kind, subject_id in subjects
    }


def subjects_with_number(*, number: str) -> list[Subject]:
    """The subjects people know by this number, of every kind."""
    return [(kind, subject_id) for kind, names in _names.items() for subject_id in names.find(number)]


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
