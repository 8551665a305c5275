"""The life of an experiment: drafted, running once a second person agreed, stopped, decided."""

from typing import Final, Literal

ExperimentState = Literal["draft", "running", "stopped", "decided", "discarded"]

TRANSITIONS: Final[dict[ExperimentState, frozenset[ExperimentState]]] = {
    # Straight to stopped goes an experiment that was run elsewhere and is brought in with its results.
    "draft": frozenset({"running", "stopped", "discarded"}),
    "running": frozenset({"stopped"}),
    "stopped": frozenset({"decided"}),
    "decided": frozenset(),
    "discarded": frozenset(),
}


def may_become(*, state: ExperimentState, to: ExperimentState) -> bool:
    """True when an experiment in `state` may move to `to`."""
    return to in TRANSITIONS[state]
