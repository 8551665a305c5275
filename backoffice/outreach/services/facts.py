"""What comes back to the queue says nothing about a bill before somebody has looked at the bill again.

Money that comes while a message is on its way finds nothing planned to stop. So a message that is planned again, or
followed by another channel, waits; the loan book is told, looks under the loan's lock, and lets it go on. So does what
must not leave while its borrower is being debited.
"""

from collections.abc import Collection
from pathlib import Path
from typing import Final

from django.conf import settings
from django.db import transaction

from backoffice.audit import outbox
from backoffice.core.bulk import fetch
from backoffice.outreach.domain.message_states import MessageState
from backoffice.outreach.models import Message
from backoffice.outreach.services import waking

WAITS: Final = "outreach.message.waits_for_facts"
SQL: Final = Path(__file__).resolve().parent.parent / "sql"
WAIT_FOR_DEBITS: Final = (SQL / "wait_for_debits.sql").read_text()


def ask_for_facts(message: Message) -> None:
    """Tells the loan book, when the message is about a bill; in the transaction that makes it wait."""
    if message.about_due_date is not None and message.loan_id is not None:
        outbox.publish(event=WAITS, key=f"loan:{message.loan_id}", payload={"loan_id": message.loan_id})


def facts_are_right(*, loan_ids: Collection[int]) -> int:
    """Lets what waits about these loans go on; gives how many. The caller holds the loans and has put it right."""
    freed = Message.objects.filter(loan_id__in=loan_ids, state=MessageState.PLANNED, waits_for_facts=True).update(
        waits_for_facts=False
    )
    if freed:
        transaction.on_commit(waking.wake_sender, robust=True)
    return freed


def wait_for_debits(*, loan_ids: Collection[int]) -> int:
    """Reminders about these loans that a debit stops wait until what is owed is looked at; gives how many.

    The caller holds the loans and has an order of each in flight; one statement.
    """
    if not loan_ids:
        return 0
    return int(fetch(WAIT_FOR_DEBITS, {"loan_ids": sorted(loan_ids), "zone": settings.TIME_ZONE})[0][0])
