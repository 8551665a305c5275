"""The lines of a payment file, posted in chunks that each commit with the mark of how far their lane is.

A large file runs in lanes side by side: every loan belongs to one lane, so that its payments keep their order. A killed
posting is taken up after the last committed chunk of each lane; a line already posted is known by its id and not posted
again, so that running a file twice books it once.
"""

import contextvars
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from zlib import crc32

from django.core.files.storage import default_storage
from django.db import connection, transaction
from django.db.models import F, Min

from backoffice.calendars.selectors import business_date
from backoffice.core.actors import Actor
from backoffice.core.bulk import fetch
from backoffice.core.collecting import without_collecting
from backoffice.core.money import ZERO
from backoffice.core.words import phrase, written
from backoffice.repayment.domain.payment_lines import Line, PaymentLine, UnreadableLine, read_lines
from backoffice.repayment.models import PaymentFile, PaymentFileLane, PaymentFileLine
from backoffice.repayment.selectors.states import LoanId
from backoffice.repayment.services.posting import Booked, Draft, Outcome, Refused, book

CHUNK = 2_000
LANES = 2


class _Stopped(Exception):
    """The file was cancelled while a chunk of it was being posted; nothing of the chunk is kept."""


def post_lanes(*, file: PaymentFile, actor: Actor, on_chunk: Callable[[PaymentFile], None] | None = None) -> None:
    """Post what is left of a file; the first lane on the caller's connection, each other on one of its own.

    A file that is cancelled meanwhile goes no further than its last committed chunks.
    `on_chunk` is called after each chunk of the first lane, with the file as it stands then.
    """
    count = _lay_lanes(file_id=file.pk)
    with ThreadPoolExecutor(max_workers=max(1, count - 1)) as pool:
        others = [
            pool.submit(contextvars.copy_context().run, _post_beside, file, number, count, actor)
            for number in range(1, count)
        ]
        _post_lane(file, 0, count, actor, on_chunk)
        for other in others:
            other.result()


@transaction.atomic
def _lay_lanes(*, file_id: int) -> int:
    """The number of lanes of the file, decided once; a small file has one."""
    file = PaymentFile.objects.select_for_update().get(pk=file_id)
    laid = file.lanes.count()
    if laid:
        return laid
    count = LANES if file.line_count > LANES * CHUNK else 1
    PaymentFileLane.objects.bulk_create(
        PaymentFileLane(file=file, number=number, posted_through=file.posted_through) for number in range(count)
    )
    return count


def _post_beside(file: PaymentFile, number: int, count: int, actor: Actor) -> None:
    try:
        _post_lane(file, number, count, actor, None)
    finally:
        connection.close()


def _post_lane(
    file: PaymentFile, number: int, count: int, actor: Actor, on_chunk: Callable[[PaymentFile], None] | None
) -> None:
    posted_through = PaymentFileLane.objects.values_list("posted_through", flat=True).get(file=file, number=number)
    for chunk, through in _chunks(file, number, count, after=posted_through):
        try:
            with without_collecting():
                _post_chunk(file_id=file.pk, number=number, chunk=chunk, through=through, actor=actor)
        except _Stopped:
            return
        if on_chunk:
            on_chunk(PaymentFile.objects.get(pk=file.pk))


def _chunks(file: PaymentFile, number: int, count: int, *, after: int) -> Iterator[tuple[list[Line], int]]:
    """The lane's lines after one, in chunks, each with the last line of the file it reaches; the last may be empty."""
    chunk: list[Line] = []
    last = 0
    for line in lines_of(file=file):
        last = line.line
        if last > after and (count == 1 or crc32(line.loan.encode()) % count == number):
            chunk.append(line)
            if len(chunk) == CHUNK:
                yield chunk, last
                chunk = []
    if last > after:
        yield chunk, last


def lines_of(*, file: PaymentFile) -> Iterator[Line]:
    """The lines of a file as it is kept."""
    with default_storage.open(file.stored_as, "rb") as stored:
        yield from read_lines(_as_text(stored))


def _as_text(stored: Iterable[bytes]) -> Iterator[str]:
    for number, raw in enumerate(stored):
        yield raw.decode("utf-8-sig" if number == 0 else "utf-8")


@transaction.atomic
def _post_chunk(*, file_id: int, number: int, chunk: Sequence[Line], through: int, actor: Actor) -> None:
    """Post a chunk and mark it on its lane, in one transaction; a chunk somebody else has posted is left alone."""
    lane = (
        PaymentFileLane.objects.select_for_update(of=("self",))
        .select_related("file")
        .get(file_id=file_id, number=number)
    )
    if lane.file.state != PaymentFile.State.POSTING:
        raise _Stopped
    if lane.posted_through >= through:
        return
    todo = [line for line in chunk if line.line > lane.posted_through]
    readable = [line for line in todo if isinstance(line, PaymentLine)]
    refused = [line for line in todo if isinstance(line, UnreadableLine)]
    found = _loans_of(readable, reach=_reach(lane.file))
    known = [line for line in readable if len(found.get((line.portfolio, line.loan), ())) == 1]
    refused += [
        _refuse_unknown(line, found.get((line.portfolio, line.loan), ()))
        for line in readable
        if len(found.get((line.portfolio, line.loan), ())) != 1
    ]
    drafts = [_draft(line, found[line.portfolio, line.loan][0], lane.file) for line in known]
    outcomes = book(drafts=drafts, actor=actor, business_date=business_date()) if drafts else []
    booked = [line for line, outcome in zip(known, outcomes, strict=True) if isinstance(outcome, Booked)]
    refused += list(_refusals(known, outcomes))
    PaymentFileLine.objects.bulk_create(
        PaymentFileLine(
            file=lane.file,
            line=line.line,
            loan_external_id=line.loan,
            amount=line.amount,
            value_date=line.value_date,
            code=line.code[:60],
            reason=line.reason[:300],
            reason_words=written(line.reason),
        )
        for line in refused
    )
    lane.posted_through = through
    lane.save(update_fields=["posted_through"])
    _mark_file(file_id=file_id, booked=booked, refused=len(refused))


def _mark_file(*, file_id: int, booked: Sequence[PaymentLine], refused: int) -> None:
    """Count the chunk on the file, which is locked last so that lanes meet here only for the moment of a commit."""
    file = PaymentFile.objects.select_for_update().get(pk=file_id)
    if file.state != PaymentFile.State.POSTING:
        raise _Stopped
    sums = {currency: Decimal(amount) for currency, amount in file.posted_sums.items()}
    for line in booked:
        sums[line.currency] = sums.get(line.currency, ZERO) + line.amount
    slowest = file.lanes.aggregate(posted_through=Min("posted_through"))["posted_through"]
    PaymentFile.objects.filter(pk=file_id).update(
        posted_through=slowest,
        posted_count=F("posted_count") + len(booked),
        posted_sums={currency: str(amount) for currency, amount in sorted(sums.items())},
        refused_count=F("refused_count") + refused,
    )


def _reach(file: PaymentFile) -> frozenset[str] | None:
    """The portfolios whoever sent the file works on; None when they see the whole book, or the system sent it."""
    if file.uploaded_by is None:
        return None
    scope = file.uploaded_by.scope()
    return None if scope.all else scope.portfolios


def _loans_of(lines: Sequence[PaymentLine], *, reach: frozenset[str] | None) -> dict[tuple[str, str], list[int]]:
    """Loan ids by (portfolio or '', loan number); more than one where a number stands in several portfolios.

    Loans beyond the reach of whoever sent the file are not found.
    """
    rows = fetch(
        "SELECT id, portfolio, external_id FROM repayment_loan WHERE external_id = ANY(%s)",
        [sorted({line.loan for line in lines})],
    )
    found: dict[tuple[str, str], list[int]] = {}
    for loan_id, portfolio, external_id in rows:
        if reach is None or portfolio in reach:
            found.setdefault((portfolio, external_id), []).append(loan_id)
            found.setdefault(("", external_id), []).append(loan_id)
    return found


def _draft(line: PaymentLine, loan_id: int, file: PaymentFile) -> Draft:
    return Draft(
        loan_id=LoanId(loan_id),
        kind="payment",
        value_date=line.value_date,
        amount=line.amount,
        currency=line.currency,
        source=file.source,
        external_id=line.external_id or f"{file.digest[:24]}:{line.line}",
        channel=line.channel,
        reference=line.reference,
        payment_file_id=file.pk,
    )


def _refusals(lines: Sequence[PaymentLine], outcomes: Sequence[Outcome]) -> Iterator[UnreadableLine]:
    for line, outcome in zip(lines, outcomes, strict=True):
        if isinstance(outcome, Refused):
            yield _refuse(line, outcome.refusal.code, outcome.refusal.message)


def _refuse_unknown(line: PaymentLine, found: Sequence[int]) -> UnreadableLine:
    if found:
        return _refuse(
            line, "payment_file.loan_ambiguous", phrase("The number stands in several portfolios; name one.")
        )
    return _refuse(line, "repayment.loan_not_found", phrase("There is no such loan."))


def _refuse(line: PaymentLine, code: str, reason: str) -> UnreadableLine:
    return UnreadableLine(line.line, line.loan, str(line.amount), str(line.value_date), code, reason)
