"""What the repayment app does in the background: each task takes ids, is safe to run twice and calls one service."""

from celery import shared_task

from backoffice.core.actors import SYSTEM
from backoffice.repayment.models import PaymentFile
from backoffice.repayment.services.payment_files import post_file


@shared_task(name="repayment.post_payment_file", acks_late=True)
def post_payment_file(*, file_id: int) -> None:
    """Post what is left of a file of payments."""
    post_file(file_id=file_id, actor=SYSTEM)


@shared_task(name="repayment.take_up_payment_files")
def take_up_payment_files() -> None:
    """Hand out files whose posting was cut off; chunks in other hands are passed over by their lock and mark."""
    for file_id in PaymentFile.objects.filter(state=PaymentFile.State.POSTING).values_list("pk", flat=True):
        post_payment_file.delay(file_id=file_id)
