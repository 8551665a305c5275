"""Files of file rails that a person has to look at: what the bank wrote wrong, and what may not have reached it."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from django.db.models import Q

from backoffice.core.words import as_said
from backoffice.repayment.models import BankFile, CollectionFile

LOOK_BACK: Final = timedelta(days=30)
LATE: Final = timedelta(minutes=5)
"""When a file that waits to be put is shown."""
MOST: Final = 50


@dataclass(frozen=True, slots=True)
class Trouble:
    """What is wrong, of which order; "" for the whole file."""

    order_no: str
    said: str


@dataclass(frozen=True, slots=True)
class FileShown:
    """A file with what is wrong with it; `line` is the line of it that is, where one is."""

    file: BankFile | CollectionFile
    at: datetime
    troubles: tuple[Trouble, ...]
    more: int = 0
    line: int | None = None


def bank_files_to_look_at(*, at: datetime) -> list[FileShown]:
    """What banks wrote in the last 30 days and was refused, whole or in entries; the newest first; one query."""
    wrong = ~Q(troubles=[]) | Q(state=BankFile.State.REFUSED)
    files = BankFile.objects.filter(wrong, received_at__gt=at - LOOK_BACK).select_related("rail")
    return [
        FileShown(
            file=file,
            at=file.received_at,
            troubles=tuple(Trouble(one["order_no"], as_said(one["said"])) for one in file.troubles),
            more=max(0, file.counts.get("refused", 0) - len(file.troubles)),
            line=file.line,
        )
        for file in files.order_by("-received_at", "-pk")[:MOST]
    ]


def collection_files_to_look_at(*, at: datetime) -> list[FileShown]:
    """What of the last 30 days waits to be put, was refused, was never put or is perhaps there; one query."""
    waits = Q(state=CollectionFile.State.MADE, made_at__lte=at - LATE)
    files = CollectionFile.objects.filter(waits | ~Q(state__in=("made", "put")), made_at__gt=at - LOOK_BACK)
    return [
        FileShown(file=file, at=file.made_at, troubles=(Trouble("", file.said),) if file.said else ())
        for file in files.select_related("rail").defer("content", "command_ids").order_by("-made_at", "-pk")[:MOST]
    ]
