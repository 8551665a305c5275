"""The states of a file of payments; every legal move is in this table."""

from typing import ClassVar, Literal

from backoffice.core.errors import Refusal
from backoffice.core.words import Phrase, phrase

State = Literal["received", "ready", "posting", "posted", "partly", "refused", "cancelled"]
Verb = Literal["find_good", "find_bad", "confirm", "finish_all", "finish_some", "finish_none", "cancel"]

# ready: read and added up, waits for a person; partly: some lines were refused; refused: nothing of it was booked.
TRANSITIONS: dict[tuple[State, Verb], State] = {
    ("received", "find_good"): "ready",
    ("received", "find_bad"): "refused",
    ("ready", "confirm"): "posting",
    ("posting", "finish_all"): "posted",
    ("posting", "finish_some"): "partly",
    ("posting", "finish_none"): "refused",
    ("received", "cancel"): "cancelled",
    ("ready", "cancel"): "cancelled",
    ("posting", "cancel"): "cancelled",  # what is booked by then stays booked
}
STATE_WORDS: dict[State, Phrase] = {
    "received": phrase("being read"),
    "ready": phrase("waiting to be posted"),
    "posting": phrase("being posted"),
    "posted": phrase("posted"),
    "partly": phrase("posted in part"),
    "refused": phrase("refused"),
    "cancelled": phrase("cancelled"),
}
AT_WORK: frozenset[State] = frozenset({"received", "posting"})
FINISHED: frozenset[State] = frozenset({"posted", "partly", "refused", "cancelled"})


class FileNotInState(Refusal):
    """The file is in a state that does not allow the verb."""

    code: ClassVar[str] = "repayment.payment_file_not_in_state"
    status: ClassVar[int] = 409


def next_state(*, state: State, verb: Verb) -> State:
    """The state after the verb. Raises FileNotInState."""
    following = TRANSITIONS.get((state, verb))
    if following is None:
        raise FileNotInState(
            phrase("The file is %(state)s.", state=STATE_WORDS[state]),
            next_step=phrase("Look at the file's page for what can be done with it now."),
        )
    return following
