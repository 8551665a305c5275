"""How many people an experiment needs, before it is declared."""

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext_lazy

from backoffice.core.access import requires
from backoffice.outreach.console.experiments.forms import MeanSizeForm, SizeForm
from backoffice.outreach.domain.experiments.plans import PLANS
from backoffice.outreach.domain.experiments.sizing import (
    Size,
    SizeNotPossible,
    size_for_means,
    size_for_shares,
    size_of_screening,
)


@requires("outreach.experiment.view")
def sample_size(request: HttpRequest) -> HttpResponse:
    """How many people an experiment needs, for shares and for means."""
    asked = request.GET.get("of")
    shares = SizeForm(request.GET) if asked == "shares" else SizeForm(_opening(SizeForm))
    means = MeanSizeForm(request.GET) if asked == "means" else MeanSizeForm(_opening(MeanSizeForm))
    size, mean_size = _size_of_shares(shares), _size_of_means(means)
    plans = [_in_a_plan(code, levels=levels, size=size) for code, levels in (("L8", 2), ("L18", 3)) if size]
    context = {"shares": shares, "means": means, "size": size, "mean_size": mean_size, "plans": plans}
    return render(request, "outreach/experiments/sample_size.html", context)


def _in_a_plan(code: str, *, levels: int, size: Size) -> tuple[str, int, int, Size]:
    """The plan, its rows, the versions of an element, and the people of each row."""
    rows = len(PLANS[code].rows)
    return code, rows, levels, size_of_screening(per_level=size.per_group, rows=rows, levels=levels)


def _opening(form: type[SizeForm] | type[MeanSizeForm]) -> dict[str, Any]:
    """The values the form opens with, as if they had been typed."""
    return {name: field.initial for name, field in form.base_fields.items()}


def _size_of_shares(form: SizeForm) -> Size | None:
    if not form.is_valid():
        return None
    try:
        return size_for_shares(**form.cleaned_data)
    except SizeNotPossible as refused_size:
        form.add_error(refused_size.field, _NOT_POSSIBLE[refused_size.field])
        return None


def _size_of_means(form: MeanSizeForm) -> Size | None:
    if not form.is_valid():
        return None
    try:
        return size_for_means(**form.cleaned_data)
    except SizeNotPossible as refused_size:
        name = refused_size.field if refused_size.field in form.fields else "difference"
        form.add_error(name, _NOT_POSSIBLE[name])
        return None


_NOT_POSSIBLE = {
    "base": gettext_lazy("A share is from 0 % to 100 %."),
    "target": gettext_lazy("Must differ from today's share, by enough to be found at all."),
    "alpha": gettext_lazy("Must be more than 0 % and less than 100 %."),
    "power": gettext_lazy("Must be more than alpha and less than 100 %."),
    "difference": gettext_lazy("Must not be nought, nor too small to be found at all."),
    "deviation": gettext_lazy("Must be more than nought."),
}
