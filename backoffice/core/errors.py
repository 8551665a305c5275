"""The one shape of a refusal: a stable code, a sentence for the person, and what to do next."""

from typing import ClassVar

from backoffice.core.words import phrase


def first_line(error: Exception) -> str:
    """The words of an error as staff may read them: of a database error, what follows may quote a borrower's row."""
    return next(iter(str(error).splitlines()), "")


class Refusal(Exception):
    """Base of every error a person can cause or must read.

    Subclasses live beside the verb that refuses and set `code` (stable, dotted) and `status` (HTTP);
    `fields` names the inputs at fault, `next_step` says what the person can do now. Pure code says all of them as
    phrases (`core.words`), and `core.telling` puts them into the reader's language; `str` is English.
    """

    code: ClassVar[str] = "core.refused"
    status: ClassVar[int] = 422

    def __init__(self, message: str, *, next_step: str = "", fields: dict[str, str] | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.next_step = next_step
        self.fields = fields or {}

    @property
    def whole(self) -> str:
        """The sentence and the next step as one text."""
        if not self.next_step:
            return self.message
        return phrase("%(message)s %(next_step)s", message=self.message, next_step=self.next_step)
