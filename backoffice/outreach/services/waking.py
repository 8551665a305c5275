"""Asks for a run of the sender now, so that what is due does not wait for the next beat."""

from celery import current_app

SEND_TASK = "outreach.send_due"


def wake_sender() -> None:
    """Asks once and does not wait for a broker that is away: the beat sends what is left behind."""
    task = current_app.tasks.get(SEND_TASK)
    if task is not None:
        task.apply_async(retry=False)
