"""Settlement files are taken in: whole or not at all, once, one a day of a rail or payee."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import PurePosixPath
from typing import BinaryIO, Final

from django.db import transaction

from backoffice.audit.services import record
from backoffice.calendars.clock import lenders_day
from backoffice.core.actors import Actor
from backoffice.core.bulk import copy_rows, fetch
from backoffice.core.errors import Refusal
from backoffice.core.money import ZERO
from backoffice.core.words import phrase
from backoffice.repayment.domain.autopay.settlement_file import (
    BadFile,
    Expected,
    FileLine,
    read_channel_file,
    read_payee_file,
)
from backoffice.repayment.models import Mandate, Payee, Rail, ReconciledDay, SettlementFile

MAX_BYTES: Final = 64 * 1024 * 1024
BLOCK: Final = 1024 * 1024
COLUMNS: Final = (
    "file_id", "number", "order_no", "kind", "component", "amount", "currency", "at", "code", "reference", "loan",
    "period", "plan_version",
)  # fmt: skip
LATE_BY: Final = timedelta(days=7)
"""A file may have movements so many days old: of days without a file, and of what came after one was written."""
ONE_AFTER_THE_OTHER: Final = "SELECT pg_advisory_xact_lock(hashtextextended(%s, 0)) IS NULL"


class SettlementRefused(Refusal):
    """The file cannot be taken in; nothing of it is kept."""

    code = "repayment.settlement_refused"


class SettlementReplayed(Refusal):
    """Another day has this very file, or this day another one."""

    code = "repayment.settlement_replayed"
    status = 409


@dataclass(frozen=True, slots=True)
class TakenIn:
    """A file that is in the books of reconciliation; `is_new` is False when it was there already."""

    file_id: int
    day_id: int
    is_new: bool


@dataclass(frozen=True, slots=True)
class Lines:
    """A file as lines that are there already, from whatever format: `digest` is SHA-256 of what they came from."""

    name: str
    digest: str
    lines: Iterator[FileLine]


def take_in_channel_file(*, rail: Rail, day: date, name: str, content: BinaryIO, actor: Actor) -> TakenIn:
    """Take the file of a rail's day in. Raises SettlementRefused with the line at fault, SettlementReplayed."""
    currencies = frozenset(Mandate.objects.filter(rail=rail).values_list("currency", flat=True).distinct())
    expected = Expected(local_date=lenders_day, from_day=day - LATE_BY, through_day=day, currencies=currencies)
    digest = _digest(content)
    lines = read_channel_file(content, expected=expected)
    return take_in_lines(rail=rail, day=day, source=Lines(name=name, digest=digest, lines=lines), actor=actor)


def take_in_payee_file(*, payee: Payee, day: date, name: str, content: BinaryIO, actor: Actor) -> TakenIn:
    """Take a funder's or guarantor's file in. Raises SettlementRefused, SettlementReplayed."""
    if payee.kind not in {SettlementFile.Kind.FUNDER, SettlementFile.Kind.GUARANTOR}:
        raise SettlementRefused(
            phrase("%(name)s is neither a funder nor a guarantor.", name=payee.name),
            next_step=phrase("Choose whose file it is."),
            fields={"payee": payee.code},
        )
    expected = Expected(local_date=lenders_day, from_day=day, through_day=day)
    digest = _digest(content)
    lines = read_payee_file(content, expected=expected)
    return take_in_lines(payee=payee, day=day, source=Lines(name=name, digest=digest, lines=lines), actor=actor)


@transaction.atomic
def take_in_lines(
    *, day: date, source: Lines, actor: Actor, rail: Rail | None = None, payee: Payee | None = None
) -> TakenIn:
    """Keep the lines of one file of a rail's or payee's day, in one transaction."""
    owner = rail or payee
    if owner is None:
        msg = "a settlement file is of a rail or of a payee"
        raise ValueError(msg)
    kind = SettlementFile.Kind.CHANNEL if rail else SettlementFile.Kind(payee.kind)  # type: ignore[union-attr]
    fetch(ONE_AFTER_THE_OTHER, [f"settlement {kind} {owner.pk}"])
    reconciled, _made = ReconciledDay.objects.get_or_create(rail=rail, payee=payee, day=day)
    if known := _known(rail=rail, payee=payee, day=day, digest=source.digest):
        return TakenIn(file_id=known.pk, day_id=reconciled.pk, is_new=False)
    file = SettlementFile.objects.create(
        kind=kind,
        rail=rail,
        payee=payee,
        day=day,
        name=PurePosixPath(source.name).name[:200],
        digest=source.digest,
        line_count=0,
        total=ZERO,
        actor_name=actor.name,
    )
    tally = _Tally()
    try:
        copy_rows(table="repayment_settlementline", columns=COLUMNS, rows=tally.rows(source.lines, file_id=file.pk))
    except BadFile as fault:
        raise SettlementRefused(
            phrase("Line %(line)s: %(problem)s.", line=fault.line, problem=fault.problem),
            next_step=phrase("Nothing of the file was kept. Have it written anew and send it whole."),
            fields={"file": str(fault.line)},
        ) from fault
    file.line_count, file.total = tally.count, tally.total
    file.save(update_fields=["line_count", "total"])
    record(
        verb="repayment.settlement.taken_in",
        subject_type="repayment.reconciled_day",
        subject_id=reconciled.pk,
        actor=actor,
        after={"file": file.pk, "of": owner.code, "day": str(day), "lines": tally.count, "digest": source.digest},
    )
    return TakenIn(file_id=file.pk, day_id=reconciled.pk, is_new=True)


class _Tally:
    """Counts the lines as they pass."""

    def __init__(self) -> None:
        self.count, self.total = 0, ZERO

    def rows(self, lines: Iterator[FileLine], *, file_id: int) -> Iterator[tuple[object, ...]]:
        for line in lines:
            self.count += 1
            self.total += line.amount
            yield (
                file_id, line.number, line.order_no, line.kind, line.component, line.amount, line.currency, line.at,
                line.code, line.reference, line.loan, line.period, line.plan_version,
            )  # fmt: skip


def _known(*, rail: Rail | None, payee: Payee | None, day: date, digest: str) -> SettlementFile | None:
    """This very file of this very day. Raises SettlementReplayed for another day's file, or another file of the day."""
    files = SettlementFile.objects.filter(rail=rail, payee=payee)
    of_the_day = files.filter(day=day).first()
    if of_the_day is not None and of_the_day.digest == digest:
        return of_the_day
    if of_the_day is not None:
        raise SettlementReplayed(
            phrase(
                "The file of this day was taken in before, as %(name)s, and this is another one.", name=of_the_day.name
            ),
            next_step=phrase(
                "Ask the sender which one holds. What is taken in is not replaced; differences are resolved."
            ),
            fields={"day": str(day)},
        )
    # A day without movements may have the same empty file as another one: only what moves something is replayed.
    replayed = files.filter(digest=digest, line_count__gt=0).first()
    if replayed is not None:
        raise SettlementReplayed(
            phrase("This very file was taken in as that of another day, as %(name)s.", name=replayed.name),
            next_step=phrase("Send the file of the day itself."),
            fields={"day": str(replayed.day)},
        )
    return None


def _digest(content: BinaryIO) -> str:
    """SHA-256 of the content, which is then back at its beginning. Raises SettlementRefused when it is too large."""
    digest, size = hashlib.sha256(), 0
    content.seek(0)
    while block := content.read(BLOCK):
        size += len(block)
        if size > MAX_BYTES:
            raise SettlementRefused(
                phrase("The file is larger than %(limit)s MiB.", limit=MAX_BYTES // BLOCK),
                next_step=phrase("A settlement file of a day is never that large: have it written anew."),
            )
        digest.update(block)
    content.seek(0)
    return digest.hexdigest()
