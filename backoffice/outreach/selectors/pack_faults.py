"""The faults of a pack's text in the reader's language."""

from collections.abc import Iterable
from dataclasses import dataclass

from backoffice.core.telling import told
from backoffice.outreach.domain.pack_faults import Fault


@dataclass(frozen=True, slots=True)
class FaultWords:
    """One fault as it is read: the line it is on when that is known, rule or vector, field, and what is wrong."""

    line: int | None
    place: str
    field: str
    sentence: str


def faults_in_words(*, faults: Iterable[Fault]) -> tuple[FaultWords, ...]:
    """The faults in the order of the text."""
    said = [
        FaultWords(
            line=fault.line,
            place=fault.place.path,
            field=fault.field,
            sentence=told(fault.message),
        )
        for fault in faults
    ]
    return tuple(sorted(said, key=lambda each: each.line or 0))
