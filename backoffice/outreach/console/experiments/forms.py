"""The form an experiment is declared with: its question, its numbers, and its arms or the elements of a plan."""

from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import Any, Final, cast

from django import forms
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from backoffice.core.fields import DayField, PercentField
from backoffice.outreach.domain.experiments.declaring import LONGEST_WINDOW, Declaration, Design, NewArm, NewFactor
from backoffice.outreach.domain.experiments.plans import ELEMENTS, L8, PLANS
from backoffice.outreach.models import Experiment, Layer, MessageTemplate, Metric
from backoffice.outreach.services.experiments.bringing_in import ELSEWHERE

ARM_LINES: Final = 5
CONFIRMATION: Final = "confirmation"
DESIGNS: Final = ("arms", *PLANS)
ELEMENT_NAMES: Final[dict[str, Promise]] = {
    "salutation": gettext_lazy("salutation"),
    "greeting": gettext_lazy("greeting"),
    "benefit": gettext_lazy("benefit"),
    "time_limit": gettext_lazy("time limit"),
    "social_proof": gettext_lazy("social proof"),
    "call_to_action": gettext_lazy("call to action"),
}


def _text(label: Any, rows: int, **options: Any) -> forms.CharField:
    return forms.CharField(label=label, widget=forms.Textarea(attrs={"rows": rows}), max_length=2000, **options)


class DeclareForm(forms.Form):
    """Everything of a declaration. `design` is arms, L8, L18, or confirmation, whose arms are given."""

    code = forms.SlugField(label=gettext_lazy("Code"), max_length=60)
    name = forms.CharField(label=gettext_lazy("Name"), max_length=120)
    question = _text(gettext_lazy("What is tried, and why"), 2)
    audience = _text(gettext_lazy("On whom"), 2)
    template = forms.ChoiceField(
        label=gettext_lazy("About the template"),
        required=False,
        help_text=gettext_lazy("Whoever is written to with it gets the words of their arm, by themselves."),
    )
    layer = forms.ChoiceField(
        label=gettext_lazy("Layer"), help_text=gettext_lazy("Experiments of one layer never share a person.")
    )
    share = PercentField(label=gettext_lazy("Share of the layer"), initial=100)
    metric = forms.ChoiceField(label=gettext_lazy("Declared metric"), help_text=gettext_lazy("The one that decides."))
    watched = forms.MultipleChoiceField(
        label=gettext_lazy("Also watched"), required=False, widget=forms.CheckboxSelectMultiple
    )
    window_days = forms.IntegerField(
        label=gettext_lazy("Days outcomes count"), min_value=0, max_value=LONGEST_WINDOW, initial=7
    )
    minimum_sample = forms.IntegerField(
        label=gettext_lazy("Fewest people in each arm"),
        min_value=1,
        max_value=10**9,
        help_text=gettext_lazy("The page “Sample size” works it out."),
    )
    stop_on = DayField(
        label=gettext_lazy("Last day people are taken in"),
        help_text=gettext_lazy("Before it there is no verdict."),
    )
    alpha = PercentField(label=gettext_lazy("False alarms allowed (alpha)"), initial=5)
    power = PercentField(label=gettext_lazy("Real effects found (power)"), initial=80)

    def __init__(self, *args: Any, design: str, experiment: Experiment | None = None, **options: Any) -> None:
        super().__init__(*args, **options)
        self.design = design
        self._choices("layer", [(one.code, str(one)) for one in Layer.objects.exclude(code=ELSEWHERE).order_by("code")])
        self._choices("template", _templates(gettext_lazy("none: something else is tried")))
        metrics = [(one.code, str(one)) for one in Metric.objects.order_by("code")]
        self._choices("metric", metrics)
        self._choices("watched", metrics)
        if experiment is not None:
            del self.fields["code"]
        if design == CONFIRMATION:
            del self.fields["template"]
        if design == "arms":
            self._add_arms()
        elif design in PLANS:
            self._add_factors()

    @property
    def about(self) -> list[forms.BoundField]:
        """The question."""
        return [self[name] for name in ("name", "code", "question", "audience", "template") if name in self.fields]

    @property
    def numbers(self) -> list[forms.BoundField]:
        """What is declared beforehand."""
        names = ("layer", "share", "metric", "window_days", "minimum_sample", "stop_on", "alpha", "power")
        return [self[name] for name in names]

    @property
    def arm_lines(self) -> list[list[forms.BoundField]]:
        """Name, share, content and words of each arm; the first is the control, which speaks as the template does."""
        if self.design != "arms":
            return []
        parts = ("name", "share", "content", "template")
        names = [[f"arm_{part}_{n}" for part in parts] for n in range(ARM_LINES)]
        return [[self[name] for name in line if name in self.fields] for line in names]

    @property
    def factor_lines(self) -> list[list[forms.BoundField]]:
        """Name and versions of each element; the first version is today's."""
        parts = ("name", *range(1, self.levels + 1))
        return [[self[f"factor_{part}_{n}"] for part in parts] for n in range(self.factor_count)]

    @property
    def levels(self) -> int:
        """How many versions of an element there is room for."""
        return max(PLANS[self.design].levels, default=0) if self.design in PLANS else 0

    @property
    def factor_count(self) -> int:
        """How many elements there is room for."""
        return len(L8.levels) if self.design in PLANS else 0

    def declaration(self, *, code: str = "") -> Declaration:
        """What was typed; `code` where the form has none."""
        values = self.cleaned_data
        given = (
            *("name", "question", "audience", "layer", "share", "metric", "window_days", "minimum_sample"),
            *("stop_on", "alpha", "power"),
        )
        return Declaration(
            code=values.get("code") or code,
            design=cast("Design", "arms" if self.design == CONFIRMATION else self.design),
            template=values.get("template", ""),
            watched=tuple(values["watched"]),
            arms=tuple(self._arms()),
            factors=tuple(self._factors()),
            **{name: values[name] for name in given},
        )

    def take(self, *, fields: dict[str, str]) -> None:
        """Puts the faults a service found at their fields; those of arms and elements over the form."""
        for name, reason in fields.items():
            self.add_error(name if name in self.fields else None, reason)

    def _arms(self) -> Iterable[NewArm]:
        for n in range(ARM_LINES if self.design == "arms" else 0):
            name, share = self.cleaned_data[f"arm_name_{n}"], self.cleaned_data[f"arm_share_{n}"]
            if name or share:
                yield NewArm(
                    name=name,
                    share=share or Decimal(0),
                    content=self.cleaned_data[f"arm_content_{n}"],
                    is_control=n == 0,
                    template=self.cleaned_data.get(f"arm_template_{n}", ""),
                )

    def _factors(self) -> Iterable[NewFactor]:
        for n in range(self.factor_count):
            levels = [self.cleaned_data[f"factor_{level}_{n}"] for level in range(1, self.levels + 1)]
            filled = tuple(level for level in levels if level)
            if filled:
                name = self.cleaned_data[f"factor_name_{n}"] or str(n + 1)
                element = ELEMENTS[n] if self.cleaned_data["template"] and n < len(ELEMENTS) else ""
                yield NewFactor(name=name, levels=filled, element=element)

    def _add_arms(self) -> None:
        templates = _templates(_("none yet"))
        for n in range(ARM_LINES):
            label = _("Control: as today") if n == 0 else _("Arm %(number)s") % {"number": n + 1}
            self.fields[f"arm_name_{n}"] = forms.CharField(label=label, max_length=120, required=n < 2)
            self.fields[f"arm_share_{n}"] = PercentField(
                label=_("Share"), required=n < 2, initial=50 if n < 2 else None
            )
            self.fields[f"arm_content_{n}"] = forms.CharField(label=_("What they get"), max_length=2000, required=False)
            if n:
                self.fields[f"arm_template_{n}"] = forms.ChoiceField(
                    label=_("Speaks with the template"), choices=templates, required=False
                )

    def _add_factors(self) -> None:
        for n in range(self.factor_count):
            name = str(ELEMENT_NAMES[ELEMENTS[n]]) if n < len(ELEMENTS) else ""
            self.fields[f"factor_name_{n}"] = forms.CharField(
                label=_("Element %(number)s") % {"number": n + 1}, max_length=60, required=False, initial=name
            )
            for level in range(1, self.levels + 1):
                label = _("Today's version") if level == 1 else _("Version %(number)s") % {"number": level}
                self.fields[f"factor_{level}_{n}"] = forms.CharField(label=label, max_length=200, required=False)

    def _choices(self, name: str, choices: Sequence[tuple[str, str | Promise]]) -> None:
        cast("forms.ChoiceField", self.fields[name]).choices = choices


def initial_of(*, experiment: Experiment) -> dict[str, Any]:
    """What the form opens with for a draft: percents as people type them."""
    names = ("name", "question", "audience", "window_days", "minimum_sample", "stop_on")
    initial: dict[str, Any] = {name: getattr(experiment, name) for name in names}
    initial |= {name: _percent(getattr(experiment, name)) for name in ("share", "alpha", "power")}
    initial |= {"layer": experiment.layer.code, "metric": experiment.metric.code}
    initial["template"] = experiment.template.code if experiment.template else ""
    initial["watched"] = [one.code for one in experiment.watched.all()]
    for n, arm in enumerate(experiment.arms.select_related("template").order_by("number")):
        initial |= {
            f"arm_name_{n}": arm.name,
            f"arm_share_{n}": _percent(arm.share),
            f"arm_content_{n}": arm.content,
            f"arm_template_{n}": arm.template.code if arm.template else "",
        }
    for place, factor in enumerate(experiment.factors.order_by("number")):
        n = ELEMENTS.index(factor.element) if factor.element else place
        initial[f"factor_name_{n}"] = factor.name
        initial |= {f"factor_{level}_{n}": text for level, text in enumerate(factor.levels, start=1)}
    return initial


def _templates(nothing: str | Promise) -> list[tuple[str, str | Promise]]:
    """Every template by its code, after a word for none."""
    return [("", nothing), *((one.code, f"{one.title} · {one.code}") for one in MessageTemplate.objects.order_by("id"))]


class SizeForm(forms.Form):
    """How many people tell one share from another."""

    base = PercentField(label=gettext_lazy("Today's share"), max_value=100, initial=2)
    target = PercentField(label=gettext_lazy("Share worth finding"), max_value=100, initial="2.4")
    alpha = PercentField(label=gettext_lazy("False alarms allowed (alpha)"), max_value=100, initial=5)
    power = PercentField(label=gettext_lazy("Real effects found (power)"), max_value=100, initial=80)
    groups = forms.IntegerField(label=gettext_lazy("Arms"), min_value=2, max_value=20, initial=2)


class MeanSizeForm(forms.Form):
    """How many people tell one mean from another."""

    difference = forms.DecimalField(
        label=gettext_lazy("Difference worth finding"), max_digits=14, decimal_places=4, initial=5
    )
    deviation = forms.DecimalField(
        label=gettext_lazy("Standard deviation"),
        max_digits=14,
        decimal_places=4,
        initial=50,
        help_text=gettext_lazy("How far people are apart, in the same unit."),
    )
    alpha = PercentField(label=gettext_lazy("False alarms allowed (alpha)"), max_value=100, initial=5)
    power = PercentField(label=gettext_lazy("Real effects found (power)"), max_value=100, initial=80)
    groups = forms.IntegerField(label=gettext_lazy("Arms"), min_value=2, max_value=20, initial=2)


def _percent(share: Decimal) -> str:
    return f"{(share * 100).normalize():f}"
