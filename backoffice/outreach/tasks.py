"""What outreach does in the background: each task is safe to run twice and calls one service."""

from celery import shared_task

from backoffice.calendars import clock
from backoffice.outreach.services import replaying, resolving, sending

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
