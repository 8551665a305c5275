"""What is declared before an experiment starts, and everything that is wrong with it."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Final, Literal

from backoffice.core.money import split
from backoffice.outreach.domain.assignment import MOST_DECIMALS
from backoffice.outreach.domain.elements import Element
from backoffice.outreach.domain.experiments.plans import PLANS, FactorsDoNotFit
from backoffice.outreach.domain.experiments.sentences import Sentence

Design = Literal["arms", "L8", "L18"]

LARGEST_ALPHA: Final = Decimal("0.2")
LONGEST_WINDOW: Final = 366
MOST_ARMS: Final = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class NewArm:
    """One way of doing it, with its share of the experiment's units; `template` is the code of the one that speaks."""

    name: str
    share: Decimal
    content: str = ""
    is_control: bool = False
    template: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class NewFactor:
    """One element of a text and the versions of it to try; the first is today's.

    About a template, `element` is what is changed, the first version a name for today's, whatever it is in a channel,
    and the others are codes of pieces.
    """

    name: str
    levels: tuple[str, ...]
    element: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Declaration:
    """An experiment before it starts. `arms` for the design "arms", `factors` for an orthogonal plan: its arms follow.

    `share` is the part of the layer it takes; `minimum_sample` the fewest units in each arm; `stop_on` the last day
    units are taken in; a unit's outcomes count for `window_days` after its exposure. `template` is the code of the one
    whose words are tried, empty when something else is.
    """

    code: str
    name: str
    question: str
    audience: str
    layer: str
    share: Decimal
    metric: str
    window_days: int
    minimum_sample: int
    stop_on: date
    design: Design = "arms"
    watched: tuple[str, ...] = ()
    alpha: Decimal = Decimal("0.05")
    power: Decimal = Decimal("0.8")
    arms: tuple[NewArm, ...] = ()
    factors: tuple[NewFactor, ...] = ()
    screening_id: int | None = None
    template: str = ""


def arms_of(*, declaration: Declaration) -> tuple[NewArm, ...]:
    """The arms; of an orthogonal plan one for each row, equally shared, the first the control: today's text.

    Raises FactorsDoNotFit.
    """
    if declaration.design == "arms":
        return declaration.arms
    plan = PLANS[declaration.design]
    columns = plan.columns_for(levels=[len(factor.levels) for factor in declaration.factors])
    shares = split(Decimal(1), [Decimal(1)] * len(plan.rows), unit=Decimal(1).scaleb(-MOST_DECIMALS))
    arms = []
    for row, share in enumerate(shares):
        levels = [plan.level(row=row, column=column) for column in columns]
        content = "\n".join(
            f"{factor.name}: {factor.levels[level - 1]}"
            for factor, level in zip(declaration.factors, levels, strict=True)
        )
        arms.append(NewArm(name="".join(map(str, levels)), share=share, content=content, is_control=row == 0))
    return tuple(arms)


def faults_of(*, declaration: Declaration, as_of: date) -> dict[str, Sentence]:
    """What is wrong, by field; empty when the experiment can be declared on the business date `as_of`."""
    return dict(reversed(list(_faults(declaration, as_of))))


def _faults(declaration: Declaration, as_of: date) -> Iterator[tuple[str, Sentence]]:
    """Every fault with its field; of several of one field the first counts."""
    if not 0 < declaration.share <= 1 or declaration.share != round(declaration.share, MOST_DECIMALS):
        yield "share", Sentence("fault.share")
    if declaration.minimum_sample < 1:
        yield "minimum_sample", Sentence("fault.minimum_sample")
    if declaration.stop_on <= as_of:
        yield "stop_on", Sentence("fault.stop_on", {"as_of": as_of})
    if not 0 < declaration.alpha <= LARGEST_ALPHA:
        yield "alpha", Sentence("fault.alpha")
    if not declaration.alpha < declaration.power < 1:
        yield "power", Sentence("fault.power")
    if not 0 <= declaration.window_days <= LONGEST_WINDOW:
        yield "window_days", Sentence("fault.window_days", {"most": LONGEST_WINDOW})
    if declaration.metric in declaration.watched:
        yield "watched", Sentence("fault.watched")
    yield from _faults_of_arms(declaration) if declaration.design == "arms" else _faults_of_factors(declaration)


def _faults_of_arms(declaration: Declaration) -> Iterator[tuple[str, Sentence]]:
    arms = declaration.arms
    if not 2 <= len(arms) <= MOST_ARMS:
        yield "arms", Sentence("fault.arms", {"most": MOST_ARMS})
    if sum(arm.is_control for arm in arms) != 1:
        yield "arms", Sentence("fault.control")
    if any(not 0 < arm.share < 1 or arm.share != round(arm.share, MOST_DECIMALS) for arm in arms):
        yield "arms", Sentence("fault.arm_share")
    total = sum((arm.share for arm in arms), Decimal(0))
    if total != 1:
        yield "arms", Sentence("fault.shares", {"total": total})
    if len({arm.name for arm in arms}) < len(arms):
        yield "arms", Sentence("fault.arm_names")
    yield from _faults_of_words(declaration)


def _faults_of_words(declaration: Declaration) -> Iterator[tuple[str, Sentence]]:
    """The control speaks as the template does; another arm names a template of its own, in a draft not yet perhaps."""
    if not declaration.template:
        if any(arm.template for arm in declaration.arms):
            yield "arms", Sentence("fault.arm_without_subject")
        return
    if any(arm.template not in {"", declaration.template} for arm in declaration.arms if arm.is_control):
        yield "arms", Sentence("fault.control_speaks_otherwise")
    others = [arm.template for arm in declaration.arms if arm.template and not arm.is_control]
    if declaration.template in others or len(set(others)) < len(others):
        yield "arms", Sentence("fault.arms_speak_alike")


def _faults_of_factors(declaration: Declaration) -> Iterator[tuple[str, Sentence]]:
    factors = declaration.factors
    if len(factors) < 2:
        yield "factors", Sentence("fault.factors")
    if any(len(set(factor.levels)) < len(factor.levels) for factor in factors):
        yield "factors", Sentence("fault.levels")
    if declaration.template and not _are_elements([factor.element for factor in factors]):
        yield "factors", Sentence("fault.elements")
    try:
        arms_of(declaration=declaration)
    except FactorsDoNotFit:
        yield "factors", Sentence(f"fault.plan.{declaration.design}")


def _are_elements(names: list[str]) -> bool:
    return set(names) <= set(Element) and len(set(names)) == len(names)
