"""A message that is refused, and why."""

from typing import Self

from backoffice.core.words import Phrase, phrase


class MessageRefused(ValueError):
    """A file of a bank is not taken, no part of it: `line` of the file is where it goes wrong, `reason` says how.

    Line 0 means the file as a whole.
    """

    def __init__(self, reason: Phrase, *, line: int) -> None:
        super().__init__(phrase("Line %(line)s: %(reason)s", line=line, reason=reason) if line else reason)
        self.line = line
        self.reason = reason

    @classmethod
    def at(cls, element: object, reason: Phrase) -> Self:
        """Refused because of an element of the file."""
        return cls(reason, line=getattr(element, "sourceline", None) or 0)


class CollectionsRefused(ValueError):
    """A message of collections cannot be written; `reason` says why, `order_no` which entry is at fault ("": none)."""

    def __init__(self, reason: Phrase, *, order_no: str = "") -> None:
        said = phrase("%(order_no)s: %(reason)s", order_no=order_no, reason=reason) if order_no else reason
        super().__init__(said)
        self.order_no = order_no
        self.reason = reason
