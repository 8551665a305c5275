"""May an experiment be judged yet? Looking early and stopping when it looks good finds effects that are not there.

So the stop date and the smallest number of units are declared before the start, and until both are reached there is an
interval to read but no verdict, for anybody.
"""

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Literal

from backoffice.outreach.domain.experiments.sentences import Sentence
from backoffice.outreach.domain.experiments.states import ExperimentState

Stage = Literal["not_started", "too_early", "cut_short", "too_few", "unsound", "ready"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Declared:
    """What was fixed before the start: the last day units are taken in, for how many days after a unit's exposure its
    outcomes count, and the fewest units in each arm. None of them for an experiment that was run elsewhere."""

    stop_on: date | None
    window_days: int
    minimum: int | None

    @property
    def judged_from(self) -> date | None:
        """The first day every unit has had its whole window."""
        return None if self.stop_on is None else self.stop_on + timedelta(days=self.window_days + 1)


@dataclass(frozen=True, slots=True)
class Readiness:
    """Whether there is a verdict, and the sentences that say why or why not."""

    stage: Stage
    reasons: tuple[Sentence, ...]

    @property
    def is_ready(self) -> bool:
        """Whether a verdict may be shown and acted on."""
        return self.stage == "ready"


def readiness(
    *,
    declared: Declared,
    state: ExperimentState,
    stopped_on: date | None,
    as_of: date,
    smallest_arm: int,
    is_split_sound: bool,
) -> Readiness:
    """Judges by the business date `as_of`; the first obstacle in this order names the stage, all of them are said."""
    if state in {"draft", "discarded"}:
        return Readiness("not_started", (Sentence("ready.not_started"),))
    reasons: list[tuple[Stage, Sentence]] = []
    stop_on, judged_from, minimum = declared.stop_on, declared.judged_from, declared.minimum
    if stop_on is not None and judged_from is not None:
        if stopped_on is not None and stopped_on < stop_on:
            said = Sentence("ready.cut_short", {"stopped_on": stopped_on, "stop_on": stop_on})
            reasons.append(("cut_short", said))
        elif as_of < judged_from:
            said = Sentence("ready.too_early", {"stop_on": stop_on, "judged_from": judged_from})
            reasons.append(("too_early", said))
    if minimum is not None and smallest_arm < minimum:
        said = Sentence("ready.too_few", {"smallest_arm": smallest_arm, "minimum": minimum})
        reasons.append(("too_few", said))
    if not is_split_sound:
        reasons.append(("unsound", Sentence("ready.unsound")))
    if reasons:
        return Readiness(reasons[0][0], tuple(said for _stage, said in reasons))
    said = Sentence("ready.brought_in") if stop_on is None else Sentence("ready.ready", {"minimum": minimum})
    return Readiness("ready", (said,))
