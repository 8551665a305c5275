"""What planned messages say is owed follows the money, in the transaction that moves it."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Final

from backoffice.core.actors import SYSTEM
from backoffice.core.bulk import array_text, execute, fetch
from backoffice.customers.fields import text_of
from backoffice.customers.keys import ring
from backoffice.outreach.domain.message_states import MessageState
from backoffice.outreach.domain.planning import read_variables, write_variables
from backoffice.outreach.models import Message
from backoffice.outreach.services.messages import stop_messages
from backoffice.outreach.services.speaking import amounts_of_loan

PAID: Final = "paid"
About = tuple[int, date]
"""A loan, and the due date of the bill a message is about."""
ABOUT: Final = """
SELECT DISTINCT loan_id, about_due_date FROM outreach_message
WHERE loan_id = ANY(%s) AND state = 'planned' AND about_due_date IS NOT NULL
"""
SAY: Final = """
UPDATE outreach_message message SET variables = given.variables
FROM unnest(%(ids)s::bigint[], %(variables)s::bytea[]) AS given (id, variables)
WHERE message.id = given.id AND message.state = 'planned'
"""


@dataclass(frozen=True, slots=True)
class Owed:
    """What is left of one bill and of all that is past due, in major units."""

    amount: Decimal
    overdue: Decimal
    currency: str


def planned_about(*, loan_ids: Collection[int]) -> list[About]:
    """The bills of some loans that a planned message is about; one query."""
    return fetch(ABOUT, [list(loan_ids)]) if loan_ids else []


def say_what_is_owed(*, owed: Mapping[About, Owed]) -> int:
    """Puts what is owed now into the planned messages about those bills; gives how many said something else.

    Those about a bill nothing is left to pay of are stopped. A fixed number of statements, however many. The caller's
    transaction holds the loans.
    """
    loans = sorted({loan_id for loan_id, _due_date in owed})
    planned = (
        Message.objects.select_for_update(no_key=True)
        .filter(loan_id__in=loans, state=MessageState.PLANNED, about_due_date__isnull=False)
        .order_by("pk")
    )
    paid = [one.pk for one in planned if (now := owed.get(_bill_of(one))) and now.amount <= 0]
    if paid:
        stop_messages(message_ids=paid, reason=PAID, actor=SYSTEM)
    changed = [(one.pk, text) for one in planned if (text := _corrected(one, owed)) is not None]
    if changed:
        _write(changed)
    return len(changed)


def _corrected(message: Message, owed: Mapping[About, Owed]) -> str | None:
    """The variables as they have to be; None when they are, or nobody said what is owed."""
    now = owed.get(_bill_of(message))
    if now is None or now.amount <= 0:
        return None
    said = read_variables(text_of(message, "variables"))
    true = amounts_of_loan(amount=now.amount, overdue=now.overdue, currency=now.currency)
    new = said | {name: value for name, value in true.items() if name in said}
    return write_variables(new) if new != said else None


def _bill_of(message: Message) -> About:
    return (message.loan_id or 0, message.about_due_date or date.min)


def _write(changed: Sequence[tuple[int, str]]) -> None:
    keys, context = ring(), Message._meta.get_field("variables").context
    execute(
        SAY,
        {
            "ids": array_text((pk for pk, _text in changed), kind="bigint"),
            "variables": [keys.seal(text, context=context).data for _pk, text in changed],
        },
    )
