"""What a message says of itself, compared with what it holds: numbers of entries, sums, and order numbers once each."""

from decimal import Decimal
from typing import Any

from backoffice.core.words import phrase
from backoffice.repayment.domain.iso20022.refusals import MessageRefused
from backoffice.repayment.domain.iso20022.values import found, number_of


class OnceEach:
    """Refuses an order number that comes a second time with the same word."""

    def __init__(self) -> None:
        self._lines: dict[tuple[str, str], int] = {}

    def add(self, *, order_no: str, word: str, line: int) -> None:
        """Takes note of an entry; raises MessageRefused when it was there before."""
        first = self._lines.get((order_no, word))
        if first is not None:
            said = phrase("%(order_no)s stands twice, first in line %(line)s.", order_no=order_no, line=first)
            raise MessageRefused(said, line=line)
        self._lines[order_no, word] = line


def check_number(element: Any, path: str, *, counted: int) -> None:
    """Raises MessageRefused when the file names another number of entries at this path than there are."""
    said = found(element, path)
    if said is not None and int(said.text) != counted:
        raise MessageRefused.at(
            said, phrase("The file says %(said)s entries and has %(counted)s.", said=said.text, counted=counted)
        )


def check_sum(element: Any, path: str, *, counted: Decimal) -> None:
    """Raises MessageRefused when the file names another sum at this path than its entries have."""
    said = found(element, path)
    if said is not None and number_of(said) != counted:
        raise MessageRefused.at(
            said,
            phrase("The file says a sum of %(said)s; its entries sum to %(counted)s.", said=said.text, counted=counted),
        )
