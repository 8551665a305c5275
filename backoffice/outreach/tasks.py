"""What outreach does in the background: each task is safe to run twice and calls one service."""

from typing import Any

from celery import shared_task

from backoffice.calendars import clock
from backoffice.customers.domain.holds import CONTACT
from backoffice.outreach.services import holding_back, replaying, resolving, sending, stopping

SENDING_SECONDS = 8.0


@shared_task(name="outreach.send_due", acks_late=True)
def send_due() -> int:
    """Send what is due, for some seconds at a time, so that other work gets its turn; gives how many messages left."""
    return sending.send_while_due(clock=clock.now, seconds=SENDING_SECONDS)


@shared_task(name="outreach.resolve_unknown", acks_late=True)
def resolve_unknown() -> int:
    """Give up leases that ran out, and ask gateways about what nobody knows; gives how many were looked at."""
    return resolving.resolve(clock=clock.now)


@shared_task(name="outreach.run_replay", acks_late=True)
def run_replay(*, report_id: int) -> int:
    """Judge past contacts again for a report, from where it stands; gives how many."""
    return replaying.run_replay(report_id=report_id, now=clock.now())


@shared_task(name="outreach.follow_hold", acks_late=True)
def follow_hold(*, borrower_id: int, scopes: list[str], **_told: Any) -> int:
    """A hold was placed: stop what it forbids of what is planned; gives how many messages."""
    return holding_back.stop_held(borrower_ids=[borrower_id]) if CONTACT & set(scopes) else 0


@shared_task(name="outreach.follow_bulk_hold", acks_late=True)
def follow_bulk_hold(*, bulk_id: int, scopes: list[str], first_borrower_id: int, last_borrower_id: int) -> int:
    """A hold was placed on many: the same for a range of its borrowers."""
    if not CONTACT & set(scopes):
        return 0
    return holding_back.stop_held_by_bulk(
        bulk_id=bulk_id, first_borrower_id=first_borrower_id, last_borrower_id=last_borrower_id
    )


@shared_task(name="outreach.stop_those_who_share", acks_late=True)
def stop_those_who_share(*, message_id: int) -> int:
    """A carrier said that a phone is stopped: stop everybody else who has it; gives how many."""
    return stopping.stop_those_who_share(message_id=message_id, at=clock.now())
