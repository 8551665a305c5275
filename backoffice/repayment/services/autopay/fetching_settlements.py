"""Where settlement files come from without anybody's hands: fetched from HTTP rails, statements of file rails."""

import io
import logging
from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db.models import Min

from backoffice.audit.services import record
from backoffice.calendars.clock import lenders_day
from backoffice.core.actors import SYSTEM, Actor
from backoffice.core.errors import Refusal
from backoffice.core.words import phrase, written
from backoffice.repayment.domain.autopay.settlement_file import PENDING, BadFile, FileLine
from backoffice.repayment.domain.iso20022.camt053 import StatementMessage
from backoffice.repayment.domain.iso20022.movements import Kind, Movement
from backoffice.repayment.models import DebitCommand, Rail, ReconciledDay, SettlementFile
from backoffice.repayment.services.autopay.expecting_files import compare_known, compare_overdue, missing_days
from backoffice.repayment.services.autopay.rails import http
from backoffice.repayment.services.autopay.rails.addresses import address_of
from backoffice.repayment.services.autopay.reconciling import compare_around, receive_channel_file
from backoffice.repayment.services.autopay.settlement_files import LATE_BY, Lines, take_in_lines

logger = logging.getLogger(__name__)

LOOK_BACK: Final = 7
"""Days a missing file is asked for before its day is on the desk; a day on the desk is asked for until it is here."""


def fetch_settlements(*, today: date) -> int:
    """Fetch the files of past days that are not here yet, the oldest first; gives how many came.

    What was expected in a file that never came is compared again, and opens; so is a day whose debits are known now.
    """
    rails = [
        rail for rail in Rail.objects.filter(kind=Rail.Kind.HTTP).order_by("pk") if settings.RAIL_SECRETS.get(rail.code)
    ]
    came = sum(_fetch_of(rail, day) for rail in rails for day in _missing(rail, today=today))
    compare_overdue(today=today, actor=SYSTEM)
    compare_known(actor=SYSTEM)
    return came


def reconcile_statement(*, rail: Rail, name: str, statement: StatementMessage, actor: Actor) -> bool:
    """Keep a statement as the settlement file of its day, and compare the day; False when it cannot be one.

    What is refused is on the trail and on the page of its day, which stays open without its file.
    """
    days = sorted({each.closed_on for each in statement.statements})
    if len(days) != 1:
        for day in days:
            _note_refused(rail, day, _SeveralDays(phrase("%(name)s covers more than one day.", name=name)))
        return False
    (day,) = days
    source = Lines(name=name, digest=statement.digest, lines=_lines_of(statement, day=day))
    try:
        take_in_lines(rail=rail, day=day, source=source, actor=actor)
    except Refusal as refusal:
        _note_refused(rail, day, refusal)
        return False
    compare_around(rail=rail, day=day, actor=actor)
    return True


class _SeveralDays(Refusal):
    """A settlement file is of one day."""


def _missing(rail: Rail, *, today: date) -> list[date]:
    """The past days on which the rail had something of ours, and whose file is not here: those open, however old."""
    return sorted({*_lately(rail, today=today), *missing_days(rail=rail, today=today)})


def _lately(rail: Rail, *, today: date) -> list[date]:
    """Of the last days, those since the rail had something of ours whose file is not here."""
    days = [today - timedelta(days=back) for back in range(LOOK_BACK, 0, -1)]
    here = set(SettlementFile.objects.filter(rail=rail, day__in=days).values_list("day", flat=True))
    since = datetime.combine(days[0], time(), tzinfo=ZoneInfo(settings.LENDER_TIME_ZONE))
    of_the_span = DebitCommand.objects.filter(rail=rail, day__gte=days[0], submitted_at__gte=since)
    # A slot begun ahead of its day moves money on the day before.
    first: datetime | None = of_the_span.aggregate(first=Min("submitted_at"))["first"]
    if first is None:
        return []
    begun = lenders_day(first)
    return [day for day in days if day >= begun and day not in here]


def _fetch_of(rail: Rail, day: date) -> bool:
    content = http.fetch_settlement(day=day, address=address_of(rail))
    if content is None:
        return False
    try:
        receive_channel_file(
            rail=rail, day=day, name=f"{rail.code}-{day}.csv", content=io.BytesIO(content), actor=SYSTEM
        )
    except Refusal as refusal:
        _note_refused(rail, day, refusal)
        return False
    return True


def _note_refused(rail: Rail, day: date, refusal: Refusal) -> None:
    """The day is on the desk without its file, and the trail says why; once for each reason."""
    reconciled, is_new = ReconciledDay.objects.get_or_create(rail=rail, payee=None, day=day)
    why = written(refusal.message)
    if not is_new and reconciled.counts.get("refused") == why:
        return
    reconciled.counts = {**reconciled.counts, "refused": why}
    reconciled.save(update_fields=["counts"])
    logger.warning("the settlement file of rail %s for %s is refused: %s", rail.code, day, refusal.message)
    record(
        verb="repayment.settlement.refused",
        subject_type="repayment.reconciled_day",
        subject_id=reconciled.pk,
        actor=SYSTEM,
        reason=str(refusal.message),
        after={"rail": rail.code, "day": str(day)},
    )


def _lines_of(statement: StatementMessage, *, day: date) -> Iterator[FileLine]:
    """The collections and returns of a statement; fees and the like are no orders of ours. Raises BadFile."""
    seen: set[tuple[str, str]] = set()
    for movement in statement.movements():
        if movement.kind is Kind.OTHER:
            continue
        key = (movement.order_no, movement.kind.value)
        if key in seen:
            said = phrase("%(order)s stands twice as a %(kind)s", order=movement.order_no, kind=movement.kind.value)
            raise BadFile(movement.line, said)
        seen.add(key)
        line = _line_of(movement)
        if not day - LATE_BY <= lenders_day(line.at) <= day:
            raise BadFile(movement.line, phrase("its time is of another day: the file is not the one of this day"))
        yield line


def _line_of(movement: Movement) -> FileLine:
    first_minute = datetime.combine(movement.booked_on, time(0, 1), tzinfo=ZoneInfo(settings.LENDER_TIME_ZONE))
    return FileLine(
        number=movement.line,
        order_no=movement.order_no,
        kind=movement.kind.value,
        amount=movement.amount,
        currency=movement.currency,
        at=movement.at or first_minute,
        code=movement.code if movement.is_booked else PENDING,
        reference=movement.reference[:80],
    )
