"""E-mail through Django's SMTP backend. The message id goes with it, so that a bounce names what it bounces.

SMTP has no second asking: once the text is on its way, a connection that breaks leaves the outcome unclear.
"""

import smtplib
import ssl
from typing import Final

from django.conf import settings
from django.core.mail import EmailMessage, get_connection

from backoffice.outreach.domain.handover import Answer, Outcome, Outgoing

ID_HEADER: Final = "X-Message-Id"
PERMANENT: Final = 500
UNKNOWN_MAILBOX: Final = frozenset({550, 551, 553})


def hand_over(*, message: Outgoing) -> Answer:
    """One attempt; never raises for what a mail server does."""
    server = get_connection(fail_silently=False)
    mail = EmailMessage(
        subject=" ".join(message.subject.split()),
        body=message.body,
        to=[message.to],
        headers={
            ID_HEADER: message.wire_id,
            "Message-ID": f"<{message.wire_id}@{_domain()}>",
            "Auto-Submitted": "auto-generated",
        },
    )
    try:
        server.open()
    except (OSError, smtplib.SMTPException, ssl.SSLError) as error:
        return Answer(outcome=Outcome.NEVER_LEFT, code="no_connection", detail=type(error).__name__)
    try:
        server.send_messages([mail])
    except smtplib.SMTPRecipientsRefused as error:
        status, said = next(iter(error.recipients.values()))
        return _refused(status, said)
    except (smtplib.SMTPSenderRefused, smtplib.SMTPDataError) as error:
        return _refused(error.smtp_code, error.smtp_error)
    except (OSError, smtplib.SMTPException) as error:
        return Answer(outcome=Outcome.UNCLEAR, code="no_answer", detail=type(error).__name__)
    finally:
        _hang_up(server)
    return Answer(outcome=Outcome.ACCEPTED, reference=f"<{message.wire_id}@{_domain()}>")


def _refused(status: int, said: bytes | str) -> Answer:
    detail = said.decode(errors="replace") if isinstance(said, bytes) else said
    if status < PERMANENT:
        return Answer(outcome=Outcome.NOT_NOW, code=f"smtp_{status}", detail=detail[:300])
    code = "unknown_mailbox" if status in UNKNOWN_MAILBOX else f"smtp_{status}"
    return Answer(outcome=Outcome.REFUSED, code=code, detail=detail[:300])


def _hang_up(server: object) -> None:
    """Closes the connection; what it answers to that changes nothing about the message."""
    try:
        server.close()  # type: ignore[attr-defined]
    except (OSError, smtplib.SMTPException):
        return


def _domain() -> str:
    return str(settings.DEFAULT_FROM_EMAIL).rpartition("@")[2].strip("> ")
