"""The states of bringing a tape in; every legal move is in this table."""

from typing import ClassVar, Literal

from backoffice.core.errors import Refusal
from backoffice.core.words import Phrase, phrase

State = Literal["received", "checking", "checked", "refused", "loading", "loaded", "failed", "discarded"]
Verb = Literal["check", "find_good", "find_bad", "accept", "finish", "fail", "discard"]

# checked: may be loaded, whole or in part; refused: nothing of it can be.
TRANSITIONS: dict[tuple[State, Verb], State] = {
    ("received", "check"): "checking",
    ("failed", "check"): "checking",
    ("checking", "check"): "checking",  # a killed check begins again
    ("checking", "find_good"): "checked",
    ("checking", "find_bad"): "refused",
    ("checking", "fail"): "failed",
    ("checked", "accept"): "loading",
    ("loading", "accept"): "loading",  # a killed load goes on
    ("loading", "finish"): "loaded",
    ("loading", "fail"): "failed",
    ("received", "discard"): "discarded",
    ("checked", "discard"): "discarded",
    ("refused", "discard"): "discarded",
    ("failed", "discard"): "discarded",
}
AT_WORK: frozenset[State] = frozenset({"checking", "loading"})
STATE_WORDS: dict[State, Phrase] = {
    "received": phrase("received"),
    "checking": phrase("being checked"),
    "checked": phrase("checked"),
    "refused": phrase("refused"),
    "loading": phrase("being loaded"),
    "loaded": phrase("loaded"),
    "failed": phrase("failed"),
    "discarded": phrase("discarded"),
}
FINISHED: frozenset[State] = frozenset({"refused", "loaded", "discarded"})


class ImportNotInState(Refusal):
    """The import is in a state that does not allow the verb."""

    code: ClassVar[str] = "repayment.import_not_in_state"
    status: ClassVar[int] = 409


def next_state(*, state: State, verb: Verb) -> State:
    """The state after the verb. Raises ImportNotInState."""
    following = TRANSITIONS.get((state, verb))
    if following is None:
        raise ImportNotInState(
            phrase("The import is %(state)s.", state=STATE_WORDS[state]),
            next_step=phrase("Look at the import's page for what can be done with it now."),
        )
    return following
