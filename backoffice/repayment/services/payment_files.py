"""Files of payments: taken in, read whole, confirmed, posted in chunks (`file_lanes`), closed when nothing is left."""

import hashlib
from collections.abc import Callable, Iterable, Iterator
from decimal import Decimal
from pathlib import PurePosixPath
from typing import Any, BinaryIO, cast

from django.core.files.storage import default_storage
from django.db import transaction
from django.utils.translation import gettext as _

from backoffice.audit.services import record
from backoffice.calendars import clock
from backoffice.core.actors import Actor
from backoffice.core.errors import Refusal
from backoffice.core.telling import told
from backoffice.core.words import Phrase, joined, phrase, written
from backoffice.repayment.domain.payment_file_states import State, Verb, next_state
from backoffice.repayment.domain.payment_lines import BadHeader, Line, read_lines
from backoffice.repayment.domain.payment_totals import Control, differences, totals_of
from backoffice.repayment.models import PaymentFile
from backoffice.repayment.services.file_lanes import lines_of, post_lanes

MAX_BYTES = 256 * 1024 * 1024
MOST_BYTES_A_LINE = 16_000
BLOCK = 1024 * 1024
LINES_BETWEEN_MARKS = 50_000
NO_CONTROL = Control()


class FileRefused(Refusal):
    """The file cannot be taken in: empty, too large, not UTF-8, a wrong header, or taken in before."""

    code = "repayment.payment_file_refused"


class FileNotFound(Refusal):
    """There is no such file."""

    code = "repayment.payment_file_not_found"
    status = 404


def receive_file(
    *,
    name: str,
    content: BinaryIO,
    source: str,
    actor: Actor,
    control: Control = NO_CONTROL,
    is_confirmed: bool = False,
) -> PaymentFile:
    """Keep a file outside the web root, to be read and posted. Raises FileRefused; nothing is kept then.

    `control` is what the sender says it holds; `is_confirmed` posts it as soon as it is read, without asking a person.
    """
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
    given_up = (PaymentFile.State.REFUSED, PaymentFile.State.CANCELLED)
    known = PaymentFile.objects.filter(digest=digest.hexdigest()).exclude(state__in=given_up).first()
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
            control_count=control.count,
            control_sums={currency: str(amount) for currency, amount in control.sums.items()},
            is_confirmed=is_confirmed,
            uploaded_by_id=actor.id,
        )
        after = {"name": file.name, "lines": file.line_count, "digest": file.digest}
        _note(file, verb="received", actor=actor, after=after)
    return file


def read_file(*, file_id: int) -> PaymentFile:
    """Read a received file whole, add it up, and hold it against what its sender said. Raises FileNotFound.

    What differs from the control totals is refused as a whole; else the file waits to be confirmed, or is posted next
    when it was confirmed as it was sent.
    """
    file = _found(file_id)
    if file.state != PaymentFile.State.RECEIVED:
        return file
    totals = totals_of(lines=_counted(lines_of(file=file), file_id=file_id))
    control = Control(
        count=file.control_count, sums={currency: Decimal(text) for currency, text in file.control_sums.items()}
    )
    wrong = differences(totals=totals, control=control)
    with transaction.atomic():
        file = PaymentFile.objects.select_for_update().get(pk=file_id)
        if file.state != PaymentFile.State.RECEIVED:
            return file
        file.line_count, file.unreadable_count = totals.count, totals.unreadable
        file.read_count = totals.count
        file.sums = {currency: str(amount) for currency, amount in totals.sums.items()}
        if wrong:
            _refuse(
                file,
                phrase(
                    "The file is not what its sender says it holds: %(differences)s. Nothing of it is posted.",
                    differences=joined(*wrong),
                ),
                verb="find_bad",
            )
        else:
            file.state = _after(file, verb="find_good")
            if file.is_confirmed:
                file.state = _after(file, verb="confirm")
        file.save()
    return file


def confirm_file(*, file_id: int, actor: Actor, reason: str) -> PaymentFile:
    """Let a file that was read be posted. Raises FileNotFound, FileNotInState."""
    with transaction.atomic():
        file = _locked(file_id)
        file.state = _after(file, verb="confirm")
        file.is_confirmed = True
        file.save(update_fields=["state", "is_confirmed"])
        _note(file, verb="confirmed", actor=actor, reason=reason, after={"lines": file.line_count, "sums": file.sums})
    return file


def cancel_file(*, file_id: int, actor: Actor, reason: str) -> PaymentFile:
    """Stop a file: nothing more of it is posted; what is booked stays. Raises FileNotFound, FileNotInState."""
    with transaction.atomic():
        file = _locked(file_id)
        file.state = _after(file, verb="cancel")
        file.finished_at = clock.now()
        file.save(update_fields=["state", "finished_at"])
        after = {"posted": file.posted_count, "refused": file.refused_count, "sums": file.posted_sums}
        _note(file, verb="cancelled", actor=actor, reason=reason, after=after)
    return file


def post_file(*, file_id: int, actor: Actor, on_chunk: Callable[[PaymentFile], None] | None = None) -> PaymentFile:
    """Read a file that was received; post what is left of a confirmed one, a large one in lanes side by side.

    The payments are those of whoever sent the file; `actor` stands in for a file nobody sent. Raises FileNotFound.
    """
    file = read_file(file_id=file_id)
    if file.state != PaymentFile.State.POSTING:
        return file
    post_lanes(file=file, actor=file.uploaded_by.as_actor() if file.uploaded_by else actor, on_chunk=on_chunk)
    with transaction.atomic():
        file = _locked(file_id)
        if file.state == PaymentFile.State.POSTING:
            _finish(file)
            file.save(update_fields=["state", "finished_at", "line_count", "refusal", "refusal_words"])
            after = {"posted": file.posted_count, "refused": file.refused_count, "sums": file.posted_sums}
            _note(file, verb="posted", actor=actor, after=after)
    return file


def _finish(file: PaymentFile) -> None:
    """All posted, some, or none: a file of which nothing was booked is not one that was posted."""
    file.line_count = file.posted_count + file.refused_count
    file.finished_at = clock.now()
    if not file.posted_count and file.refused_count:
        said = phrase("None of its %(count)s lines could be posted.", count=file.refused_count)
        _refuse(file, said, verb="finish_none")
        return
    file.state = _after(file, verb="finish_some" if file.refused_count else "finish_all")


def _refuse(file: PaymentFile, why: Phrase, *, verb: Verb) -> None:
    file.state = _after(file, verb=verb)
    file.finished_at = clock.now()
    file.refusal, file.refusal_words = why[:300], written(why)


def _counted(lines: Iterable[Line], *, file_id: int) -> Iterator[Line]:
    """The lines, with how many are read kept on the file for whoever waits."""
    for count, line in enumerate(lines, start=1):
        if not count % LINES_BETWEEN_MARKS:
            PaymentFile.objects.filter(pk=file_id).update(read_count=count)
        yield line


def _after(file: PaymentFile, *, verb: Verb) -> State:
    return next_state(state=cast("State", file.state), verb=verb)


def _found(file_id: int) -> PaymentFile:
    file = PaymentFile.objects.select_related("uploaded_by").filter(pk=file_id).first()
    if file is None:
        raise FileNotFound(_("There is no such file."), next_step=_("Open it from the list of files."))
    return file


def _locked(file_id: int) -> PaymentFile:
    _found(file_id)
    return PaymentFile.objects.select_for_update().get(pk=file_id)


def _note(file: PaymentFile, *, verb: str, actor: Actor, after: dict[str, Any], reason: str = "") -> None:
    record(
        verb=f"repayment.payment_file.{verb}",
        subject_type="repayment.payment_file",
        subject_id=file.pk,
        actor=actor,
        reason=reason,
        after=after,
    )


def _check_content(content: BinaryIO, *, size: int) -> None:
    """Refuse what is not UTF-8 text with the right header, naming the first bad line."""
    if not size:
        raise FileRefused(_("The file is empty."), next_step=_("Send the file with its header and lines."))
    content.seek(0)
    number, line, payments = 0, "", 0
    for number, raw in enumerate(iter(lambda: content.readline(MOST_BYTES_A_LINE + 1), b""), start=1):
        if len(raw) > MOST_BYTES_A_LINE:
            raise FileRefused(
                _("Line %(line)s has more than %(most)s bytes: no payment needs as many.")
                % {"line": number, "most": MOST_BYTES_A_LINE},
                next_step=_("Send a CSV file with one payment a line."),
            )
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
        elif line.strip():
            payments += 1
    if not line.endswith("\n"):
        raise FileRefused(
            _("Line %(line)s, the last one, has no line end: the file is cut off or not finished.") % {"line": number},
            next_step=_("Fetch the file again, or end its last line, and send it whole."),
        )
    if not payments:
        raise FileRefused(
            _("The file has a header and no payments."), next_step=_("Send the file with one payment a line.")
        )


def _check_header(line: str) -> None:
    try:
        next(read_lines([line]), None)
    except BadHeader as error:
        raise FileRefused(
            _("The header is not that of a payment file: %(problem)s.")
            % {"problem": "; ".join(told(problem) for problem in error.problems)},
            next_step=_(
                "The columns are loan, amount, currency, value_date and, if you like, portfolio, channel, "
                "reference, external_id."
            ),
        ) from error
