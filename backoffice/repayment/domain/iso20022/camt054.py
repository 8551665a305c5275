"""camt.054.001.02: what was debited and what was taken back, told as it is booked."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from backoffice.repayment.domain.iso20022.accounts import Totals, read_accounts
from backoffice.repayment.domain.iso20022.movements import Movement
from backoffice.repayment.domain.iso20022.schemas import CAMT_054
from backoffice.repayment.domain.iso20022.values import needed_text


@dataclass(frozen=True, slots=True)
class Notification:
    """One account and entries booked on it; `currency` is "" where there are none."""

    notification_id: str
    account: str
    currency: str
    totals: Totals
    movements: tuple[Movement, ...]


@dataclass(frozen=True, slots=True)
class NotificationMessage:
    """A whole file; `digest` tells it from every other one."""

    message_id: str
    created_at: datetime
    digest: str
    notifications: tuple[Notification, ...]

    def movements(self) -> Iterator[Movement]:
        """Every movement, notification by notification."""
        return (each for notification in self.notifications for each in notification.movements)


def read(data: bytes) -> NotificationMessage:
    """The notifications in a file. Raises MessageRefused, which names the line."""
    message = read_accounts(data, kind=CAMT_054, name="Ntfctn")
    return NotificationMessage(
        message_id=message.message_id,
        created_at=message.created_at,
        digest=message.digest,
        notifications=tuple(
            Notification(
                notification_id=needed_text(each.element, "Id"),
                account=each.account,
                currency=each.currency,
                totals=each.totals,
                movements=each.movements,
            )
            for each in message.accounts
        ),
    )
