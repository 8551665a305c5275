"""Files of payments: taken in whole, posted in chunks (`file_lanes`), and closed when every line is dealt with."""

import hashlib
from collections.abc import Callable
from pathlib import PurePosixPath
from typing import BinaryIO

from django.core.files.storage import default_storage
from django.db import transaction
from django.utils.translation import gettext as _

from backoffice.audit.services import record
from backoffice.calendars import clock
from backoffice.core.actors import Actor
from backoffice.core.errors import Refusal
from backoffice.core.telling import told
from backoffice.repayment.domain.payment_lines import BadHeader, read_lines
from backoffice.repayment.models import PaymentFile
from backoffice.repayment.services.file_lanes import post_lanes

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
    """Post what is left of a file, chunk by chunk, a large one in lanes side by side. Raises FileNotFound."""
    file = PaymentFile.objects.filter(pk=file_id).first()
    if file is None:
        raise FileNotFound(_("There is no such file."), next_step=_("Open it from the list of files."))
    if file.state in (PaymentFile.State.POSTED, PaymentFile.State.REFUSED):
        return file
    post_lanes(file=file, actor=actor, on_chunk=on_chunk)
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
            _("The header is not that of a payment file: %(problem)s.")
            % {"problem": "; ".join(told(problem) for problem in error.problems)},
            next_step=_(
                "The columns are loan, amount, currency, value_date and, if you like, portfolio, channel, "
                "reference, external_id."
            ),
        ) from error
