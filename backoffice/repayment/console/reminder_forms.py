"""The forms of reminder plans: a plan, a version, and the steps of its timeline as rows."""

from collections.abc import Collection, Mapping
from typing import Any, Final

from django import forms
from django.http import QueryDict
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext_lazy

from backoffice.outreach.domain.channels import MESSAGES, Channel
from backoffice.outreach.domain.elements import CHINESE, ENGLISH
from backoffice.outreach.domain.purposes import Purpose
from backoffice.outreach.domain.reminder_plans import ALWAYS, MOST_STEPS, StopCondition
from backoffice.outreach.models import MessageTemplate, ReminderPlan
from backoffice.outreach.models.contacts import CHANNEL_LABELS
from backoffice.outreach.models.reminders import STOP_LABELS
from backoffice.repayment.models import Loan

SPARE_ROWS: Final = 1
CHANNELS: Final = [(channel.value, CHANNEL_LABELS[channel]) for channel in Channel if channel in MESSAGES]
STOPS: Final = [(each.value, STOP_LABELS[each]) for each in StopCondition if each not in ALWAYS]
ORDER: Final = ("first", "second", "third")
EXAMPLE: Final[dict[str, Any]] = {
    "steps": [
        {
            "id": "d-1",
            "offset": -1,
            "at": "10:00",
            "until": "18:00",
            "channels": ["push", "sms"],
            "template": "reminder_d1",
            "least": "0",
        }
    ],
    "holdout": "0.10",
}
"""What the first draft of a plan begins with."""


class PlanForm(forms.Form):
    """What the plan is called and whose loans it is for."""

    code = forms.SlugField(
        label=gettext_lazy("Code"),
        max_length=60,
        help_text=gettext_lazy("Short and without spaces, such as north_cash; it never changes."),
    )
    name = forms.CharField(label=pgettext_lazy("thing", "Name"), max_length=120)
    name_zh = forms.CharField(label=gettext_lazy("Name in Chinese"), max_length=120, required=False)
    portfolio = forms.ChoiceField(
        label=gettext_lazy("Portfolio"),
        required=False,
        help_text=gettext_lazy("A portfolio has one plan; the others are reminded by the plan for all."),
    )

    def __init__(self, *args: Any, portfolios: Collection[str] | None, **options: Any) -> None:
        super().__init__(*args, **options)
        taken = set(ReminderPlan.objects.values_list("portfolio", flat=True))
        names = sorted(set(Loan.objects.order_by().values_list("portfolio", flat=True).distinct()))
        names = [name for name in names if name not in taken and (portfolios is None or name in portfolios)]
        is_for_all = "" not in taken and portfolios is None
        choices: list[tuple[str, Any]] = [("", gettext_lazy("all portfolios without their own"))] if is_for_all else []
        field = self.fields["portfolio"]
        field.choices = [*choices, *((name, name) for name in names)]  # type: ignore[attr-defined]


class VersionForm(forms.Form):
    """What the version is for, how many are left alone, and when debits are tried."""

    holdout = forms.DecimalField(
        label=gettext_lazy("Left alone to compare with"),
        min_value=0,
        max_value=1,
        max_digits=5,
        decimal_places=4,
        help_text=gettext_lazy("A share: 0.10 leaves one borrower in ten alone, always the same ones."),
    )
    debits = forms.CharField(
        label=gettext_lazy("Debits of the due date"),
        required=False,
        max_length=80,
        help_text=gettext_lazy("Times such as 06:00, 20:00. No step of that day may run within the hour before one."),
    )
    note = forms.CharField(label=gettext_lazy("What for"), max_length=300, required=False)


class StepForm(forms.Form):
    """One step of the timeline; a row without a day is none."""

    id = forms.CharField(label=gettext_lazy("Step"), max_length=20, required=False)
    offset = forms.IntegerField(label=gettext_lazy("Days from due date"), required=False)
    at = forms.TimeField(label=gettext_lazy("From"), required=False, widget=forms.TimeInput(format="%H:%M"))
    until = forms.TimeField(label=gettext_lazy("Until"), required=False, widget=forms.TimeInput(format="%H:%M"))
    first = forms.ChoiceField(label=gettext_lazy("First channel"), required=False)
    second = forms.ChoiceField(label=gettext_lazy("Second channel"), required=False)
    third = forms.ChoiceField(label=gettext_lazy("Third channel"), required=False)
    template = forms.ChoiceField(label=gettext_lazy("Template"), required=False)
    least = forms.DecimalField(label=gettext_lazy("Bills from"), required=False, min_value=0, max_digits=14)
    most = forms.DecimalField(label=gettext_lazy("Bills up to"), required=False, min_value=0, max_digits=14)
    currency = forms.CharField(label=gettext_lazy("Currency"), required=False, max_length=3)
    language = forms.ChoiceField(
        label=gettext_lazy("Language"),
        required=False,
        choices=[("", gettext_lazy("any")), (ENGLISH, gettext_lazy("English")), (CHINESE, gettext_lazy("Chinese"))],
    )
    stops = forms.MultipleChoiceField(
        label=gettext_lazy("Also stopped by"), required=False, choices=STOPS, widget=forms.CheckboxSelectMultiple
    )

    def __init__(self, *args: Any, templates: list[tuple[str, list[tuple[str, str]]]], **options: Any) -> None:
        super().__init__(*args, **options)
        choices = {"template": [("", "–"), *templates]} | {name: [("", "–"), *CHANNELS] for name in ORDER}
        for name, given in choices.items():
            self.fields[name].choices = given  # type: ignore[attr-defined]
        for name in ("id", "offset", "at", "until", *ORDER, "template"):
            self.fields[name].widget.attrs["aria-label"] = self.fields[name].label
        for name in ("offset", "at", "until"):
            self.fields[name].widget.attrs["inputmode"] = "text" if name == "offset" else "numeric"

    def clean_currency(self) -> str:
        """Capitals."""
        return str(self.cleaned_data["currency"]).upper()

    @property
    def main_fields(self) -> list[forms.BoundField]:
        """What stands in the row itself, but the channels."""
        return [self[name] for name in ("id", "offset", "at", "until")]

    @property
    def channel_fields(self) -> list[forms.BoundField]:
        """The channels in the order they are tried."""
        return [self[name] for name in ORDER]

    @property
    def audience_fields(self) -> list[forms.BoundField]:
        """Whom the step is for."""
        return [self[name] for name in ("least", "most", "currency", "language")]

    @property
    def has_audience(self) -> bool:
        """True when the step is not for everybody, or something is wrong with whom it is for."""
        fields = ("least", "most", "currency", "language")
        return any(name in self.errors or self[name].value() not in {None, "", "0"} for name in fields)


StepRows = forms.formset_factory(StepForm, extra=SPARE_ROWS, max_num=MOST_STEPS + SPARE_ROWS)


def rows_of(*, content: Mapping[str, Any], data: QueryDict | None) -> "forms.BaseFormSet[StepForm]":
    """The steps as rows, with an empty one after them; one query."""
    templates: dict[str, list[tuple[str, str]]] = {}
    for each in MessageTemplate.objects.filter(purpose__in=(Purpose.REMINDER, Purpose.COLLECTION)).order_by("code"):
        templates.setdefault(each.get_purpose_display(), []).append((each.code, each.title))
    initial = [_as_initial(step) for step in content.get("steps", [])]
    return StepRows(data, initial=initial, prefix="steps", form_kwargs={"templates": list(templates.items())})


def one_row_more(data: QueryDict) -> QueryDict:
    """What was sent, with one empty row after it."""
    more = data.copy()
    rows = str(data.get("steps-TOTAL_FORMS") or "")
    number = min(int(rows) if rows.isdecimal() else 0, MOST_STEPS)
    more["steps-TOTAL_FORMS"] = str(number + 1)
    more.setlist(f"steps-{number}-stops", [value for value, _label in STOPS])
    return more


def content_of(*, rows: "forms.BaseFormSet[StepForm]", form: VersionForm) -> dict[str, Any]:
    """What the forms say, as a plan's content; what cannot be read is left for the domain to name."""
    values = getattr(form, "cleaned_data", {})
    debits = [each.strip() for each in str(values.get("debits", "")).replace("，", ",").split(",") if each.strip()]
    steps = [_step(row.cleaned_data) for row in rows if row.cleaned_data.get("offset") is not None]
    return {"steps": steps, "holdout": str(values.get("holdout", "0")), "debits": debits}


def form_faults(*, rows: "forms.BaseFormSet[StepForm]", form: VersionForm) -> list[tuple[str, str]]:
    """What the forms themselves cannot read: where, and what is wrong."""
    found = [
        (f"{row['id'].value() or number} · {row.fields[name].label}", " ".join(map(str, errors)))
        for number, row in enumerate(rows, start=1)
        for name, errors in row.errors.items()
        if name in row.fields
    ]
    return found + [(str(form.fields[name].label), " ".join(map(str, errors))) for name, errors in form.errors.items()]


def fault_labels(*, fields: Mapping[str, str], steps: Any) -> list[tuple[str, str]]:
    """The fields a refusal names ("d-3.at"), as the editor calls them, in the order of the rows."""
    names = [str(step.get("id")) for step in steps]
    labels = {name: str(field.label) for name, field in StepForm.base_fields.items()}
    labels |= {name: str(field.label) for name, field in VersionForm.base_fields.items()}
    labels |= {"channels": _("Channels in their order"), "steps": _("Steps")}
    found = []
    for path, words in fields.items():
        step, _dot, name = path.rpartition(".")
        where = labels.get(name, name)
        found.append((names.index(step) if step in names else -1, f"{step} · {where}" if step else where, str(words)))
    return [(where, words) for _place, where, words in sorted(found)]


def _as_initial(step: Mapping[str, Any]) -> dict[str, Any]:
    channels = dict(zip(ORDER, step.get("channels", []), strict=False))
    amounts = {name: step.get(name) if step.get(name) not in {"0", ""} else None for name in ("least", "most")}
    return dict(step) | channels | amounts | {"stops": step.get("stops", [value for value, _label in STOPS])}


def _step(values: Mapping[str, Any]) -> dict[str, Any]:
    step = {
        "id": values.get("id") or f"d{values['offset']:+d}",
        "offset": values["offset"],
        "at": f"{values['at']:%H:%M}" if values.get("at") else "",
        "until": f"{values['until']:%H:%M}" if values.get("until") else "",
        "channels": [values[name] for name in ORDER if values.get(name)],
        "template": values.get("template", ""),
        "least": str(values.get("least") or 0),
        "stops": sorted({*ALWAYS, *values.get("stops", [])}),
    }
    most = {"most": str(values["most"])} if values.get("most") is not None else {}
    return step | most | {name: values[name] for name in ("currency", "language") if values.get(name)}
