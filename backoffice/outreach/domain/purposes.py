"""Why a borrower is reached. The order is the ranking: the first wins when two want the same person on one day."""

from enum import StrEnum
from typing import Final


class Purpose(StrEnum):
    """Why somebody is reached, the most pressing first."""

    NOTICE = "notice"
    REPLY = "reply"
    HELP = "help"
    SERVICE = "service"
    COLLECTION = "collection"
    REMINDER = "reminder"
    REPEAT = "repeat"
    RECALL = "recall"
    MARKETING = "marketing"


RANK: Final[dict[Purpose, int]] = {purpose: rank for rank, purpose in enumerate(Purpose)}
MARKETING: Final = frozenset({Purpose.REPEAT, Purpose.RECALL, Purpose.MARKETING})
"""What sells; everything else is about something the borrower has or asked for."""
