"""An effect in the language of the reader: one sentence a person without statistics can act on."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Final

from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from backoffice.core.formats import amount_text, count_text, percent_text
from backoffice.outreach.domain.experiments.effects import Effect, Said

TEXTS: Final[Mapping[str, Promise]] = {
    "effect.more": gettext_lazy(
        "%(treated)s (%(treated_name)s) against %(control)s (%(control_name)s): %(difference)s more. "
        "With %(confidence)s confidence the true difference is between %(low)s and %(high)s more."
    ),
    "effect.less": gettext_lazy(
        "%(treated)s (%(treated_name)s) against %(control)s (%(control_name)s): %(difference)s less. "
        "With %(confidence)s confidence the true difference is between %(low)s and %(high)s less."
    ),
    "effect.unclear": gettext_lazy(
        "%(treated)s (%(treated_name)s) against %(control)s (%(control_name)s): the difference of %(difference)s may "
        "be chance. With %(confidence)s confidence it is between %(low)s and %(high)s."
    ),
    "effect.so_far": gettext_lazy(
        "%(treated)s (%(treated_name)s) against %(control)s (%(control_name)s) so far. "
        "With %(confidence)s confidence the difference is between %(low)s and %(high)s."
    ),
    "effect.too_few": gettext_lazy(
        "Too few people to compare: %(treated_units)s (%(treated_name)s) and %(control_units)s (%(control_name)s)."
    ),
}


def effect_in_words(
    *, effect: Effect, treated: str = "", control: str = "", currency: str = "", verdict: Said | None = None
) -> str:
    """The sentence, with the names of the two groups; amounts are in `currency`, other means in two decimals.

    `verdict` replaces the effect's own: `unclear` where a correction for several comparisons says so, `so_far` where
    there must be no verdict yet.
    """
    sentence = effect.sentence_for(verdict=verdict or effect.verdict)
    shown = {name: _shown(name, value, kind=effect.kind, currency=currency) for name, value in sentence.params.items()}
    names = {"treated_name": treated or _("reached"), "control_name": control or _("held out")}
    return str(TEXTS[sentence.code]) % (shown | names)


def _shown(name: str, value: object, *, kind: str, currency: str) -> str:
    if isinstance(value, int):
        return count_text(value)
    if not isinstance(value, Decimal):
        return "–"
    if name == "confidence":
        return percent_text(value, bare=True)
    if name in {"treated", "control"}:
        return value_text(value=value, kind=kind, currency=currency)
    return difference_text(value=value, kind=kind, currency=currency)


def value_text(*, value: Decimal | None, kind: str, currency: str = "") -> str:
    """A metric per unit: a share of people, or an amount or number per person."""
    if value is None:
        return "–"
    return percent_text(value) if kind == "binary" else amount_text(value, currency=currency)


def difference_text(*, value: Decimal | None, kind: str, currency: str = "", signed: bool = False) -> str:
    """A difference of two of them: percentage points of a share, an amount or a number of a mean."""
    if value is None:
        return "–"
    if kind == "mean":
        return amount_text(value, currency=currency, signed=signed)
    return _("%(points)s points") % {"points": amount_text(value * 100, signed=signed)}


def value_interval_text(*, low: Decimal | None, high: Decimal | None, kind: str, currency: str = "") -> str:
    """The interval of a metric per unit."""
    if low is None or high is None:
        return "–"
    bounds = {name: value_text(value=value, kind=kind, currency=currency) for name, value in _bounds(low, high)}
    return _("%(low)s to %(high)s") % bounds


def difference_interval_text(*, low: Decimal | None, high: Decimal | None, kind: str, currency: str = "") -> str:
    """The interval of a difference, its bounds signed."""
    if low is None or high is None:
        return "–"
    if kind == "mean":
        shown = {name: amount_text(value, currency=currency, signed=True) for name, value in _bounds(low, high)}
        return _("%(low)s to %(high)s") % shown
    shown = {name: amount_text(value * 100, signed=True) for name, value in _bounds(low, high)}
    return _("%(low)s to %(high)s points") % shown


def _bounds(low: Decimal, high: Decimal) -> tuple[tuple[str, Decimal], ...]:
    return ("low", low), ("high", high)
