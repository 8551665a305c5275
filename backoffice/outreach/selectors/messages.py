"""Messages as pages show them: the journey of one, its text with the name masked, the inbox of a person."""

from dataclasses import dataclass
from typing import ClassVar

from django.db.models import QuerySet
from django.utils.translation import gettext as _

from backoffice.core.errors import Refusal
from backoffice.customers.domain.sealing import Unopenable
from backoffice.customers.fields import text_of
from backoffice.customers.selectors.borrowers import masked_name_of
from backoffice.outreach.domain.message_states import MessageState
from backoffice.outreach.domain.planning import read_variables
from backoffice.outreach.domain.variables import CATALOGUE, PLACEHOLDER, a_customer, fault_in, shown
from backoffice.outreach.models import GatewayReceipt, Message, MessageMove, Reply
from backoffice.outreach.selectors.house import house_values
from backoffice.staff.models import User

MASKED = "•••"


class MessageNotFound(Refusal):
    """There is no such message, or none the person may see."""

    code: ClassVar[str] = "outreach.message_not_found"
    status: ClassVar[int] = 404


@dataclass(frozen=True, slots=True)
class Read:
    """The words of a message as staff may see them: what is not about identity in clear, the name masked."""

    subject: str
    body: str


@dataclass(frozen=True, slots=True)
class MessageShown:
    """One message with everything its page tells. `masked_name` is "" for somebody without a name.

    `follower` is the message that went on by the next channel.
    """

    message: Message
    masked_name: str
    words: Read
    moves: tuple[MessageMove, ...]
    receipts: tuple[GatewayReceipt, ...]
    follower: Message | None
    replies: tuple[Reply, ...]


def visible_messages(*, user: User) -> QuerySet[Message]:
    """Messages of the borrowers the person may see, with what a list shows of them."""
    rows: QuerySet[Message] = Message.objects.visible_to(user)  # type: ignore[assignment]
    return rows.select_related("template_version__template", "gateway", "borrower")


def message_shown(*, message_id: int, user: User) -> MessageShown:
    """The page of one message; five queries. Raises MessageNotFound."""
    message = visible_messages(user=user).select_related("endpoint", "follows").filter(pk=message_id).first()
    if message is None:
        raise MessageNotFound(_("There is no such message."), next_step=_("Look in the list of messages."))
    return MessageShown(
        message=message,
        masked_name=masked_name_of(message.borrower),
        words=words_of(message),
        moves=tuple(message.moves.order_by("id")),
        receipts=tuple(message.receipts.order_by("id")),
        follower=Message.objects.filter(follows=message).first(),
        replies=tuple(message.replies.order_by("id")),
    )


def words_of(message: Message) -> Read:
    """The text of a message with its values in place and the name masked; dots where a value is missing."""
    version = message.template_version
    try:
        values = read_variables(text_of(message, "variables"))
    except Unopenable:
        values = {}
    values |= house_values()
    name = masked_name_of(message.borrower) or a_customer(language=version.language)

    def read(text: str) -> str:
        return PLACEHOLDER.sub(lambda found: _value(found[1], values, name, version.language), text)

    return Read(subject=read(version.subject), body=read(version.body))


def inbox_of(*, borrower_id: int, channel: str) -> QuerySet[Message]:
    """What the app shows a person: everything sent to their inbox, or the pop-ups they have not seen yet."""
    rows = Message.objects.filter(borrower_id=borrower_id, channel=channel).select_related("template_version")
    if channel == "popup":
        return rows.filter(state__in=[MessageState.SENT, MessageState.DELIVERED])
    return rows.filter(state__in=[MessageState.SENT, MessageState.DELIVERED, MessageState.READ, MessageState.REPLIED])


def _value(name: str, values: dict[str, str], masked_name: str, language: str) -> str:
    variable = CATALOGUE.get(name)
    if variable is None:
        return MASKED
    if variable.filled_by == "borrower":
        return masked_name
    value = values.get(name, "")
    return shown(name, value, language=language) if value and fault_in(name, value) is None else MASKED
