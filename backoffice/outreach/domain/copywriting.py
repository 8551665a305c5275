"""What words a channel takes: whether it has a subject, and how long its texts may be."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from backoffice.outreach.domain.channels import Channel
from backoffice.outreach.domain.sms import Length, length_of


class WordsFault(StrEnum):
    """What is wrong with the words of a template."""

    EMPTY = "empty"
    SUBJECT_MISSING = "subject_missing"
    SUBJECT_NOT_SHOWN = "subject_not_shown"
    TOO_LONG = "too_long"
    TOO_MANY_SEGMENTS = "too_many_segments"
    BROKEN_BRACES = "broken_braces"
    UNKNOWN_VARIABLE = "unknown_variable"
    NO_OPT_OUT = "no_opt_out"


@dataclass(frozen=True, slots=True)
class Room:
    """What a channel shows: characters of a text as read, and of its subject; 0 where there is none."""

    body: int
    subject: int = 0


MOST_SEGMENTS: Final = 6
ROOM: Final[dict[Channel, Room]] = {
    Channel.SMS: Room(body=918),
    Channel.BOT: Room(body=1_000),
    Channel.PUSH: Room(body=240, subject=65),
    Channel.POPUP: Room(body=500, subject=65),
    Channel.INBOX: Room(body=3_000, subject=100),
    Channel.EMAIL: Room(body=10_000, subject=150),
    Channel.LETTER: Room(body=10_000, subject=150),
}


def fault_in_length(*, channel: Channel, subject: str, body: str) -> dict[str, WordsFault]:
    """What is too much or too little for a channel, by field; `subject` and `body` as they would be read."""
    room = ROOM[channel]
    faults: dict[str, WordsFault] = {}
    if not body.strip():
        faults["body"] = WordsFault.EMPTY
    elif len(body) > room.body:
        faults["body"] = WordsFault.TOO_LONG
    elif channel is Channel.SMS and length_of(body).segments > MOST_SEGMENTS:
        faults["body"] = WordsFault.TOO_MANY_SEGMENTS
    if room.subject and not subject.strip():
        faults["subject"] = WordsFault.SUBJECT_MISSING
    elif not room.subject and subject.strip():
        faults["subject"] = WordsFault.SUBJECT_NOT_SHOWN
    elif len(subject) > room.subject:
        faults["subject"] = WordsFault.TOO_LONG
    return faults


def length_shown(*, channel: Channel, body: str) -> Length | None:
    """Segments, for what is counted in them."""
    return length_of(body) if channel is Channel.SMS else None
