"""What the customers app does in the background: each task is safe to run twice and calls one service."""

from celery import shared_task

from backoffice.calendars.selectors import DayNotOpened, business_date
from backoffice.customers.services.reviewing import BATCH, note_expired


@shared_task(name="customers.note_expired_holds")
def note_expired_holds() -> int:
    """Write down which holds have run out; gives their number."""
    try:
        today = business_date()
    except DayNotOpened:
        return 0
    total = done = note_expired(on=today)
    while done == BATCH:
        done = note_expired(on=today)
        total += done
    return total
