"""The tone of a state on a screen, declared beside the state: one registry the badge component reads.

An app declares a family of states once, where the states are defined:

    tones.declare("repayment.loan", {"active": (_("active"), "info"), "closed": (_("closed"), "good")})

and every template shows one with `{% badge loan.status "repayment.loan" %}`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, get_args

if TYPE_CHECKING:
    from django.utils.functional import _StrPromise

Tone = Literal["neutral", "info", "good", "warn", "danger"]
TONES: frozenset[str] = frozenset(get_args(Tone))


@dataclass(frozen=True, slots=True)
class StateLook:
    """How one state reads on a screen: its label for people and its tone."""

    label: "str | _StrPromise"
    tone: Tone


class UndeclaredState(LookupError):
    """A page shows a state nobody declared a tone for: a defect of the program, never an answer to a person."""


_families: dict[str, dict[str, StateLook]] = {}
_otherwise: dict[str, Tone] = {}


def declare(
    family: str, states: Mapping[str, tuple["str | _StrPromise", Tone]], *, otherwise: Tone | None = None
) -> None:
    """Names the label and tone of every state of a family; declaring again replaces it.

    `otherwise` is the tone of states that are data, such as the bands of a product: they read as their own code.
    """
    _families[family] = {str(state): StateLook(label=label, tone=tone) for state, (label, tone) in states.items()}
    _otherwise.pop(family, None)
    if otherwise is not None:
        _otherwise[family] = otherwise


def look_of(*, family: str, state: str) -> StateLook:
    """Label and tone of a state. Raises UndeclaredState."""
    try:
        return _families[family][state]
    except KeyError:
        if family in _otherwise:
            return StateLook(label=state, tone=_otherwise[family])
        msg = f"no tone is declared for the state {state!r} of {family!r}"
        raise UndeclaredState(msg) from None


def families() -> dict[str, dict[str, StateLook]]:
    """Every declared family, for the gallery and the tests."""
    return {family: dict(states) for family, states in _families.items()}
