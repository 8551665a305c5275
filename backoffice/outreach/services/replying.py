"""A reply is taken: whose it may be, what it stops, the contact log told, and kept for a person to read."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from backoffice.core.actors import SYSTEM
from backoffice.core.bulk import fetch
from backoffice.customers.fields import seal_of
from backoffice.customers.models import ContactPoint
from backoffice.customers.selectors import points_like, points_that_are
from backoffice.outreach.domain.channels import ENDPOINT_KIND, Channel
from backoffice.outreach.domain.purposes import Purpose
from backoffice.outreach.domain.replies import Stop, stop_in
from backoffice.outreach.domain.reply_states import ReplyState, state_of
from backoffice.outreach.domain.senders import UNREADABLE, Sender, read_sender
from backoffice.outreach.models import GatewayReceipt, Message, Reply
from backoffice.outreach.services.confirming import confirm_opt_out
from backoffice.outreach.services.gate import log_contact
from backoffice.outreach.services.stopping import BY_REPLY, lock_in_order, take_stop

OPTED_OUT: Final = "S-OPTED-OUT"
LONGEST_WORDS: Final = 300


@dataclass(frozen=True, slots=True)
class Writer:
    """A borrower a reply may be from, and the contact point it came from."""

    borrower_id: int
    endpoint_id: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """A reply before anything is done about it: `writers` may be empty, `sender` is None when it was not said."""

    channel: Channel
    text: str
    sender: Sender | None
    given: str
    stop: Stop | None
    writers: tuple[Writer, ...]


def hear(*, channel: Channel, text: str, given: str, message: Message | None) -> Heard:
    """Reads a reply and finds whose it may be; `given` is its sender as the gateway wrote it.

    A reply to a message is the borrower's it went to. A STOP is taken for everybody with that contact point too: it is
    the phone or the mailbox that must not be written to. Without a message it may be anybody's who has the sender's.
    """
    sender, stop = read_sender(given) if given else None, stop_in(text)
    writers = [] if message is None else [Writer(message.borrower_id, message.endpoint_id)]
    if message is None or stop is not None:
        known = {writer.borrower_id for writer in writers}
        for point in _points(sender, message):
            if point.borrower_id not in known:
                known.add(point.borrower_id)
                writers.append(Writer(point.borrower_id, point.pk))
    return Heard(channel=channel, text=text, sender=sender, given=given, stop=stop, writers=tuple(writers))


def lock_writers(heard: Heard) -> None:
    """Locks everybody the reply may be from, in the order of their ids."""
    lock_in_order(borrower_ids=[writer.borrower_id for writer in heard.writers])


def take_reply(heard: Heard, *, message: Message | None, receipt: GatewayReceipt, at: datetime) -> None:
    """Stops what it asks to stop, writes the log, and keeps it once for each borrower it may be from."""
    code = OPTED_OUT if heard.stop else ""
    loans = () if message is None or message.loan_id is None else (message.loan_id,)
    for writer in heard.writers:
        is_of_message = message is not None and writer.borrower_id == message.borrower_id
        log_contact(
            borrower_id=writer.borrower_id,
            channel=heard.channel,
            purpose=Purpose.REPLY,
            direction="in",
            at=at,
            actor=SYSTEM,
            code=code,
            endpoint_id=writer.endpoint_id,
            loan_ids=loans if is_of_message else (),
        )
    if heard.stop:
        _stop(heard, heard.stop, message=message, at=at)
    owners: list[int | None] = [writer.borrower_id for writer in heard.writers]
    for owner in owners or [None]:
        answers = message if message is not None and owner == message.borrower_id else None
        _keep(heard, borrower_id=owner, message=answers, receipt=receipt, at=at)


def _points(sender: Sender | None, message: Message | None) -> Sequence[ContactPoint]:
    """The contact points the reply came from: those of its sender, else those that are the one it answers."""
    if sender is not None and sender != UNREADABLE:
        return points_like(kind=sender.kind, text=sender.text)
    return [] if message is None or message.endpoint is None else points_that_are(point=message.endpoint)


def _stop(heard: Heard, stop: Stop, *, message: Message | None, at: datetime) -> None:
    """Everybody it may be from is opted out; it is confirmed once, to the first of them, if anything was open."""
    words = stop.words[:LONGEST_WORDS]
    news: set[Channel] = set()
    for writer in sorted(heard.writers, key=lambda one: one.borrower_id):
        news |= set(
            take_stop(borrower_id=writer.borrower_id, channels=stop.channels, source=BY_REPLY, words=words, at=at)
        )
    if not heard.writers or not news or heard.channel not in stop.channels:
        return
    first = heard.writers[0]
    confirm_opt_out(
        borrower_id=first.borrower_id,
        channel=heard.channel,
        language=_language(message, first),
        endpoint_id=first.endpoint_id if heard.channel in ENDPOINT_KIND else None,
        at=at,
    )


def _language(message: Message | None, writer: Writer) -> str:
    """That of the message it answers, else the borrower's."""
    if message is not None:
        return message.template_version.language
    return str(fetch("SELECT language FROM customers_borrower WHERE id = %s", [writer.borrower_id])[0][0])


def _keep(
    heard: Heard, *, borrower_id: int | None, message: Message | None, receipt: GatewayReceipt, at: datetime
) -> None:
    state = state_of(stop=heard.stop, is_known=borrower_id is not None)
    is_done = state is ReplyState.DONE
    Reply.objects.create(
        borrower_id=borrower_id,
        message=message,
        receipt=receipt,
        channel=heard.channel.value,
        sender=seal_of(Reply, "sender", heard.given),
        sender_masked=heard.sender.masked if heard.sender else "",
        text=seal_of(Reply, "text", heard.text),
        stop_words=heard.stop.words[:LONGEST_WORDS] if heard.stop else "",
        state=state.value,
        done_by_name=SYSTEM.name if is_done else "",
        done_at=at if is_done else None,
        at=at,
    )
