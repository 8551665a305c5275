"""Files of payments: taken in whole, posted in chunks that each commit with the mark of how far the file is.

A killed posting is taken up after its last committed chunk; a line already posted is known by its id and not posted
again, so that running a file twice books it once.
"""

import hashlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice
from pathlib import PurePosixPath
from typing import BinaryIO

from django.core.files.storage import default_storage
from django.db import transaction
from django.db.models import F
from django.utils.translation import gettext as _

from backoffice.audit.services import record
from backoffice.calendars import clock
from backoffice.calendars.selectors import business_date
from backoffice.core.actors import Actor
from backoffice.core.bulk import fetch
from backoffice.core.errors import Refusal
from backoffice.core.money import ZERO
from backoffice.repayment.domain.payment_lines import BadHeader, Line, PaymentLine, UnreadableLine, read_lines
from backoffice.repayment.models import PaymentFile, PaymentFileLine
from backoffice.repayment.selectors.states import LoanId
from backoffice.repayment.services.posting import Booked, Draft, Outcome, Refused, book

CHUNK = 2_000
MAX_BYTES = 256 * 1024 * 1024
BLOCK = 1024 * 1024


class FileRefused(Refusal):
    """The file cannot be taken in: empty, too large, not UTF-8, a wrong header, or taken in before."""

    code = "repayment.payment_file_refused"


class FileNotFound(Refusal):
    """There is no such file."""

    code = "repayment.payment_file_not_found"
    status = 404


def receive_file(*, name: str, content: BinaryIO, source: str, actor: Actor) -> PaymentFile:
    """Keep a file outside the web root and make it ready to post. Raises FileRefused; nothing is kept then."""
    digest = hashlib.sha256()
    size = lines = 0
    while block := content.read(BLOCK):
        size += len(block)
        if size > MAX_BYTES:
            raise FileRefused(
                _("The file is larger than %(limit)s MiB.") % {"limit": MAX_BYTES // BLOCK},
                next_step=_("Split it and send the parts."),
            )
        digest.update(block)
        lines += block.count(b"\n")
    _check_content(content, size=size)
    known = PaymentFile.objects.filter(digest=digest.hexdigest()).first()
    if known is not None:
        raise FileRefused(
            _("This very file was taken in before as %(name)s.") % {"name": known.name},
            next_step=_("Nothing to do: open that file to see how far it is posted."),
            fields={"file": str(known.pk)},
        )
    content.seek(0)
    stored_as = default_storage.save(f"payment_files/{digest.hexdigest()}.csv", content)
    with transaction.atomic():
        file = PaymentFile.objects.create(
            name=PurePosixPath(name).name[:200],
            digest=digest.hexdigest(),
            source=source[:40],
            stored_as=stored_as,
            line_count=max(0, lines - 1),
            uploaded_by_id=actor.id,
        )
        record(
            verb="repayment.payment_file.received",
            subject_type="repayment.payment_file",
            subject_id=file.pk,
            actor=actor,
            after={"name": file.name, "lines": file.line_count, "digest": file.digest},
        )
    return file


def post_file(*, file_id: int, actor: Actor, on_chunk: Callable[[PaymentFile], None] | None = None) -> PaymentFile:
    """Post what is left of a file, chunk by chunk. Raises FileNotFound."""
    file = PaymentFile.objects.filter(pk=file_id).first()
    if file is None:
        raise FileNotFound(_("There is no such file."), next_step=_("Open it from the list of files."))
    if file.state in (PaymentFile.State.POSTED, PaymentFile.State.REFUSED):
        return file
    with default_storage.open(file.stored_as, "rb") as stored:
        text = _as_text(stored)
        lines = (line for line in read_lines(text) if line.line > file.posted_through)
        while chunk := list(islice(lines, CHUNK)):
            _post_chunk(file_id=file_id, chunk=chunk, actor=actor)
            if on_chunk:
                file.refresh_from_db()
                on_chunk(file)
    with transaction.atomic():
        file = PaymentFile.objects.select_for_update().get(pk=file_id)
        if file.state != PaymentFile.State.POSTED:
            file.state = PaymentFile.State.POSTED
            file.finished_at = clock.now()
            file.line_count = file.posted_count + file.refused_count
            file.save(update_fields=["state", "finished_at", "line_count"])
            record(
                verb="repayment.payment_file.posted",
                subject_type="repayment.payment_file",
                subject_id=file.pk,
                actor=actor,
                after={"posted": file.posted_count, "refused": file.refused_count, "amount": str(file.posted_amount)},
            )
    return file


@transaction.atomic
def _post_chunk(*, file_id: int, chunk: Sequence[Line], actor: Actor) -> None:
    """Post a chunk and say so on the file, in one transaction; a chunk somebody else has posted is left alone."""
    file = PaymentFile.objects.select_for_update().get(pk=file_id)
    todo = [line for line in chunk if line.line > file.posted_through]
    if not todo:
        return
    readable = [line for line in todo if isinstance(line, PaymentLine)]
    refused = [line for line in todo if isinstance(line, UnreadableLine)]
    found = _loans_of(readable)
    known = [line for line in readable if len(found.get((line.portfolio, line.loan), ())) == 1]
    refused += [
        _refuse_unknown(line, found.get((line.portfolio, line.loan), ()))
        for line in readable
        if len(found.get((line.portfolio, line.loan), ())) != 1
    ]
    drafts = [_draft(line, found[line.portfolio, line.loan][0], file) for line in known]
    outcomes = book(drafts=drafts, actor=actor, business_date=business_date())
    booked = [line for line, outcome in zip(known, outcomes, strict=True) if isinstance(outcome, Booked)]
    refused += list(_refusals(known, outcomes))
    PaymentFileLine.objects.bulk_create(
        PaymentFileLine(
            file=file,
            line=line.line,
            loan_external_id=line.loan,
            amount=line.amount,
            value_date=line.value_date,
            code=line.code[:60],
            reason=line.reason[:300],
        )
        for line in refused
    )
    PaymentFile.objects.filter(pk=file.pk).update(
        state=PaymentFile.State.POSTING,
        posted_through=todo[-1].line,
        posted_count=F("posted_count") + len(booked),
        posted_amount=F("posted_amount") + sum((line.amount for line in booked), ZERO),
        refused_count=F("refused_count") + len(refused),
    )


def _loans_of(lines: Sequence[PaymentLine]) -> dict[tuple[str, str], list[int]]:
    """Loan ids by (portfolio or '', loan number); more than one where a number stands in several portfolios."""
    rows = fetch(
        "SELECT id, portfolio, external_id FROM repayment_loan WHERE external_id = ANY(%s)",
        [sorted({line.loan for line in lines})],
    )
    found: dict[tuple[str, str], list[int]] = {}
    for loan_id, portfolio, external_id in rows:
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
    )


def _refusals(lines: Sequence[PaymentLine], outcomes: Sequence[Outcome]) -> Iterator[UnreadableLine]:
    for line, outcome in zip(lines, outcomes, strict=True):
        if isinstance(outcome, Refused):
            yield _refuse(line, outcome.refusal.code, outcome.refusal.message)


def _refuse_unknown(line: PaymentLine, found: Sequence[int]) -> UnreadableLine:
    if found:
        return _refuse(line, "payment_file.loan_ambiguous", "The number stands in several portfolios; name one.")
    return _refuse(line, "repayment.loan_not_found", "There is no such loan.")


def _refuse(line: PaymentLine, code: str, reason: str) -> UnreadableLine:
    return UnreadableLine(line.line, line.loan, str(line.amount), str(line.value_date), code, reason)


def _check_content(content: BinaryIO, *, size: int) -> None:
    """Refuse what is not UTF-8 text with the right header, naming the first bad line."""
    if not size:
        raise FileRefused(_("The file is empty."), next_step=_("Send the file with its header and lines."))
    content.seek(0)
    for number, raw in enumerate(content, start=1):
        try:
            line = raw.decode("utf-8-sig" if number == 1 else "utf-8")
        except UnicodeDecodeError as error:
            raise FileRefused(
                _("Line %(line)s is not UTF-8.") % {"line": number},
                next_step=_("Save the file as UTF-8 and send again."),
            ) from error
        if "\x00" in line:
            raise FileRefused(
                _("Line %(line)s holds a zero byte: this is not a text file.") % {"line": number},
                next_step=_("Send a CSV file."),
            )
        if number == 1:
            _check_header(line)


def _check_header(line: str) -> None:
    try:
        next(read_lines([line]), None)
    except BadHeader as error:
        raise FileRefused(
            _("The header is not that of a payment file: %(problem)s.") % {"problem": error},
            next_step=_(
                "The columns are loan, amount, currency, value_date and, if you like, portfolio, channel, "
                "reference, external_id."
            ),
        ) from error


def _as_text(stored: Iterable[bytes]) -> Iterator[str]:
    for number, raw in enumerate(stored):
        yield raw.decode("utf-8-sig" if number == 0 else "utf-8")
