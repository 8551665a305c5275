"""What the arms of an experiment about a template say: everywhere the template speaks, and as the plan prescribes."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from backoffice.outreach.domain.elements import Element
from backoffice.outreach.domain.experiments.sentences import Sentence

Place = tuple[str, str]
"""A channel and a language."""
Chosen = Mapping[Element, str]
"""The code of the piece that fills an element; an element that is not there is left out."""

OF_A_LOAN: Final = frozenset({"amount", "overdue_amount", "due_date", "days_left", "days_past_due", "loan"})
"""Variables that are filled in together: words that leave one of them open are planned with a loan."""

AS_TODAY: Final = "1"
"""The level of an element that stays as it is."""
LEFT_OUT: Final = "-"
"""Stands among the versions of an element for leaving it out."""


@dataclass(frozen=True, slots=True)
class Said:
    """Active words in one place: the variables a planner has to fill in, and the codes of its pieces, if any."""

    variables: frozenset[str] = frozenset()
    pieces: tuple[tuple[Element, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Speaker:
    """An arm other than the control: its name, its words by place (None while it has no template), its row's pieces.

    `row` is what its row of an orthogonal plan changes; None for an arm that is not one.
    """

    name: str
    purpose: str
    words: Mapping[Place, Said] | None
    row: Chosen | None


def prescribed(*, today: Chosen, row: Chosen) -> dict[Element, str]:
    """The pieces of a row: today's, with those of the row in the place of theirs; in the order they are read."""
    chosen = {**today, **row}
    return {element: chosen[element] for element in Element if chosen.get(element, LEFT_OUT) != LEFT_OUT}


def row_of(*, elements: Sequence[Element], versions: Sequence[Sequence[str]], levels: str) -> dict[Element, str]:
    """What a row of a plan changes, by its levels written as digits, one an element; level 1 is as today."""
    given = zip(elements, versions, levels, strict=True)
    return {element: texts[int(level) - 1] for element, texts, level in given if level != AS_TODAY}


def faults_of_words(
    *,
    template: str,
    purpose: str,
    today: Mapping[Place, Said],
    speakers: Sequence[Speaker],
    tried: Mapping[Element, Collection[str]] = MappingProxyType({}),
) -> list[Sentence]:
    """Why the arms cannot be compared: an arm that is silent where another speaks is a difference of its own.

    Variables: whoever plans the template fills in what it leaves open, and of a loan all there is or nothing, so that a
    message that cannot be filled in is left out in every arm alike. `tried` are the new versions of a plan's elements.
    """
    if not today:
        return [Sentence("words.silent", {"template": template})]
    plan = [fault for place in sorted(today) for fault in _faults_of_plan(template, today, place, tried)]
    return plan + [fault for one in speakers for fault in _faults_of(one, purpose=purpose, today=today)]


def _faults_of_plan(
    template: str, today: Mapping[Place, Said], place: Place, tried: Mapping[Element, Collection[str]]
) -> Iterator[Sentence]:
    where = {"template": template, "channel": place[0], "language": place[1]}
    pieces = dict(today[place].pieces)
    if tried and not pieces:
        yield Sentence("words.written_freely", where)
        return
    for element, codes in tried.items():
        if (code := pieces.get(element, LEFT_OUT)) in codes:
            yield Sentence("words.as_today", where | {"version": code})


def _faults_of(one: Speaker, *, purpose: str, today: Mapping[Place, Said]) -> Iterator[Sentence]:
    if one.words is None:
        yield Sentence("words.none", {"arm": one.name})
        return
    if one.purpose != purpose:
        yield Sentence("words.purpose", {"arm": one.name})
    for place in sorted(today.keys() | one.words.keys()):
        where = {"arm": one.name, "channel": place[0], "language": place[1]}
        if place not in one.words:
            yield Sentence("words.missing", where)
        elif place not in today:
            yield Sentence("words.more", where)
        elif more := one.words[place].variables - _filled_in(today[place].variables):
            yield Sentence("words.open", where | {"names": ", ".join(sorted(more))})
        elif one.row is not None and dict(one.words[place].pieces) != prescribed(
            today=dict(today[place].pieces), row=one.row
        ):
            yield Sentence("words.other", where)


def _filled_in(variables: frozenset[str]) -> frozenset[str]:
    return variables | OF_A_LOAN if variables & OF_A_LOAN else variables
