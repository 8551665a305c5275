"""Mail to staff: what paging of breakers and of old differences have in common. The contact gate has no say in it."""

import logging
import smtplib
from collections.abc import Sequence

from django.conf import settings
from django.core.mail import EmailMessage, get_connection

from backoffice.staff.models import User

logger = logging.getLogger(__name__)


def send(mails: Sequence[EmailMessage], *, about: str) -> bool:
    """Send them over one connection; False when the mail server cannot be reached, and the next run tries again."""
    try:
        server = get_connection(fail_silently=False)
        if mails:
            server.send_messages(list(mails))
    except (OSError, smtplib.SMTPException) as error:
        logger.warning("%s: nobody could be paged: %s", about, type(error).__name__)
        return False
    return True


def mail(*, to: User, subject: str, lines: Sequence[str]) -> EmailMessage:
    """A mail of these lines, the empty ones left out."""
    return EmailMessage(
        subject=subject,
        body="\n".join(line for line in lines if line),
        to=[to.email],
        headers={"Auto-Submitted": "auto-generated"},
    )


def address(path: str) -> str:
    """The whole address of a page of the staff site."""
    return f"{settings.STAFF_SITE.rstrip('/')}{path}"
