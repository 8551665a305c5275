"""The forms of audiences and campaigns: what people type becomes the content the domain reads, and back."""

from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any, Final

from django import forms
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from backoffice.core.confirm import Text
from backoffice.core.fields import AmountField, DayField, PercentField
from backoffice.customers.selectors import portfolios
from backoffice.outreach.domain.audiences import DAYS, may_be_worked
from backoffice.outreach.domain.campaigns import GIVEN, PURPOSES, Outcome
from backoffice.outreach.domain.channels import MESSAGES, Channel
from backoffice.outreach.models import Audience, MessageTemplate
from backoffice.outreach.models.contacts import CHANNEL_LABELS, PURPOSE_LABELS
from backoffice.outreach.selectors.pack_words import WEEKDAYS
from backoffice.repayment.console import states
from backoffice.repayment.console.campaigns.states import GIVEN_LABELS, OUTCOME_LABELS

PLACES: Final = 3
"""How many channels a campaign may try one after the other."""
GIVEN_HELP: Final[Mapping[str, Text]] = {
    "offer_amount": _("Such as CNY 20000.00."),
    "offer_until": _("Such as 2026-04-15."),
    "link": _("Begins with https://."),
}


def _lines(text: str) -> list[str]:
    return [part.strip() for part in text.replace("，", ",").replace("、", ",").split(",") if part.strip()]


class NamedForm(forms.Form):
    """A code, and a name in both languages; the code is given once."""

    code = forms.SlugField(label=_("Code"), max_length=60)
    name = forms.CharField(label=pgettext_lazy("thing", "Name"), max_length=120)
    name_zh = forms.CharField(label=_("Name in Chinese"), max_length=120, required=False)

    def __init__(self, *args: Any, is_new: bool, **options: Any) -> None:
        super().__init__(*args, **options)
        if not is_new:
            del self.fields["code"]


class AudienceForm(NamedForm):
    """Whom an audience holds; what is left empty does not narrow. `within`: the portfolios there are to choose from."""

    portfolios = forms.MultipleChoiceField(label=_("Portfolios"), required=False, widget=forms.CheckboxSelectMultiple)
    countries = forms.CharField(
        label=_("Countries"), required=False, max_length=200, help_text=_("Two letters each, such as CN, TW.")
    )
    languages = forms.CharField(label=_("Languages"), required=False, max_length=100, help_text=_("Such as zh, en."))
    loans = forms.ChoiceField(
        label=_("Loans"),
        required=False,
        choices=[
            ("", _("does not matter")),
            ("active", _("has a running loan")),
            ("settled", _("has settled every loan")),
        ],
    )
    buckets = forms.MultipleChoiceField(
        label=_("Buckets"),
        required=False,
        choices=[(code, code) for code in states.DEFAULT_BUCKETS],
        widget=forms.CheckboxSelectMultiple,
    )
    days_past_due_from = forms.IntegerField(label=_("Days past due, from"), required=False, min_value=0)
    days_past_due_to = forms.IntegerField(label=_("to"), required=False, min_value=0)
    due_in_from = forms.IntegerField(label=_("Days to the next bill, from"), required=False, min_value=0)
    due_in_to = forms.IntegerField(label=_("to"), required=False, min_value=0)
    outstanding_from = AmountField(label=_("Outstanding, from"), required=False, min_value=0)
    outstanding_to = AmountField(label=_("to"), required=False, min_value=0)
    currency = forms.RegexField(r"^[A-Z]{3}$", label=_("Currency"), max_length=3, required=False)
    settled_ago_from = forms.IntegerField(label=_("Days since all is settled, from"), required=False, min_value=0)
    settled_ago_to = forms.IntegerField(label=_("to"), required=False, min_value=0)
    loans_taken_from = forms.IntegerField(label=_("Loans ever taken, from"), required=False, min_value=0)
    loans_taken_to = forms.IntegerField(label=_("to"), required=False, min_value=0)

    def __init__(self, *args: Any, within: frozenset[str] | None, is_new: bool, **options: Any) -> None:
        super().__init__(*args, is_new=is_new, **options)
        names = [name for name in portfolios() if within is None or name in within]
        self.fields["portfolios"].choices = [(name, name) for name in names]  # type: ignore[attr-defined]

    @property
    def named(self) -> list[forms.BoundField]:
        """What it is called."""
        return [self[name] for name in ("name", "name_zh", "code") if name in self.fields]

    @property
    def of_borrower(self) -> list[forms.BoundField]:
        """What is asked of the borrower."""
        return [self[name] for name in ("countries", "languages", "loans_taken_from", "loans_taken_to")]

    @property
    def of_loan(self) -> list[forms.BoundField]:
        """What is asked of a running loan, in pairs."""
        names = ("days_past_due_from", "days_past_due_to", "due_in_from", "due_in_to")
        return [self[name] for name in names]

    @property
    def of_amount(self) -> list[forms.BoundField]:
        """What is outstanding."""
        return [self[name] for name in ("outstanding_from", "outstanding_to", "currency")]

    @property
    def of_settled(self) -> list[forms.BoundField]:
        """Since when all is settled."""
        return [self["settled_ago_from"], self["settled_ago_to"]]

    def content(self) -> dict[str, Any]:
        """The content of what was typed."""
        values = self.cleaned_data
        found: dict[str, Any] = {
            "portfolios": values["portfolios"],
            "countries": [name.upper() for name in _lines(values["countries"])],
            "languages": [name.lower() for name in _lines(values["languages"])],
            "loans": values["loans"] or None,
            "buckets": values["buckets"],
        }
        for name in (*DAYS, "loans_taken"):
            found[name] = {"from": values[f"{name}_from"], "to": values[f"{name}_to"]}
        low, high = values["outstanding_from"], values["outstanding_to"]
        if low is not None or high is not None:
            ends = {"from": None if low is None else str(low), "to": None if high is None else str(high)}
            found["outstanding"] = ends | {"currency": values["currency"]}
        return found

    def field_of(self, fault: str) -> str | None:
        """The field of the form a fault is said beside; None for one of the whole."""
        return fault if fault in self.fields else f"{fault}_from" if f"{fault}_from" in self.fields else None


def audience_initial(audience: Audience) -> dict[str, Any]:
    """What an audience's form opens with."""
    content = audience.content
    found: dict[str, Any] = {
        "name": audience.name,
        "name_zh": audience.name_zh,
        "portfolios": content.get("portfolios", []),
        "countries": ", ".join(content.get("countries", [])),
        "languages": ", ".join(content.get("languages", [])),
        "loans": content.get("loans", ""),
        "buckets": content.get("buckets", []),
        "currency": content.get("outstanding", {}).get("currency", ""),
    }
    for name in (*DAYS, "loans_taken", "outstanding"):
        for end in ("from", "to"):
            found[f"{name}_{end}"] = content.get(name, {}).get(end)
    return found


class CampaignForm(NamedForm):
    """Everything a campaign says. A draft may be saved unfinished. `within`: the portfolios its audience keeps to."""

    purpose = forms.ChoiceField(label=_("Purpose"), choices=[(each.value, PURPOSE_LABELS[each]) for each in PURPOSES])
    template = forms.ChoiceField(label=_("Template"))
    audience = forms.TypedChoiceField(label=_("Audience"), coerce=int)
    channel_1 = forms.ChoiceField(label=_("First by"))
    channel_2 = forms.ChoiceField(label=_("Then by"), required=False)
    channel_3 = forms.ChoiceField(label=_("At last by"), required=False)
    first_day = DayField(label=_("First day"))
    last_day = DayField(label=_("Last day"))
    weekdays = forms.TypedMultipleChoiceField(
        label=_("Days of the week"),
        coerce=int,
        choices=list(WEEKDAYS.items()),
        widget=forms.CheckboxSelectMultiple,
    )
    at = forms.TimeField(
        label=_("From"),
        widget=forms.TimeInput(format="%H:%M", attrs={"type": "time"}),
        help_text=_("At the borrower's place."),
    )
    until = forms.TimeField(label=_("Until"), widget=forms.TimeInput(format="%H:%M", attrs={"type": "time"}))
    every_days = forms.IntegerField(label=_("Days between two messages to one borrower"), min_value=1)
    most_each = forms.IntegerField(label=_("Messages to one borrower at most"), min_value=1)
    cap = forms.IntegerField(label=_("Messages in all at most"), min_value=1)
    budget = AmountField(label=pgettext_lazy("campaign", "Budget"), min_value=0)
    currency = forms.RegexField(r"^[A-Z]{3}$", label=_("Currency"), max_length=3)
    holdout = PercentField(
        label=_("Left alone to compare with"),
        max_value=50,
        help_text=_("10 leaves one borrower in ten alone, always the same ones."),
    )
    outcome = forms.ChoiceField(
        label=_("Judged by whether the borrower"), choices=[(each.value, OUTCOME_LABELS[each]) for each in Outcome]
    )
    outcome_days = forms.IntegerField(label=_("within days"), min_value=1)
    note = forms.CharField(label=_("What for"), max_length=300, required=False)
    offer_amount = forms.CharField(label="", max_length=40, required=False)
    offer_until = forms.CharField(label="", max_length=10, required=False)
    coupon = forms.CharField(label="", max_length=30, required=False)
    borrowers = forms.CharField(label="", max_length=12, required=False)
    link = forms.CharField(label="", max_length=120, required=False)

    def __init__(self, *args: Any, within: frozenset[str] | None, is_new: bool, **options: Any) -> None:
        super().__init__(*args, is_new=is_new, **options)
        templates = MessageTemplate.objects.filter(purpose__in=PURPOSES).order_by("code")
        self._choices("template", [(one.code, f"{one.title} ({one.get_purpose_display()})") for one in templates])
        audiences = Audience.objects.filter(is_retired=False).order_by("code")
        theirs = [one for one in audiences if may_be_worked(one.content, within=within)]
        self._choices("audience", [(str(one.pk), one.title) for one in theirs])
        channels = [(each.value, CHANNEL_LABELS[each]) for each in Channel if each in MESSAGES]
        for place in range(1, PLACES + 1):
            self._choices(f"channel_{place}", channels if place == 1 else [("", "–"), *channels])
        for name, label in GIVEN_LABELS.items():
            self.fields[name].label, self.fields[name].help_text = str(label), str(GIVEN_HELP.get(name, ""))

    @property
    def named(self) -> list[forms.BoundField]:
        """What it is called and what for."""
        return [self[name] for name in ("name", "name_zh", "code", "note") if name in self.fields]

    @property
    def said(self) -> list[forms.BoundField]:
        """To whom, why and in which words."""
        return [self[name] for name in ("audience", "purpose", "template")]

    @property
    def channels(self) -> list[forms.BoundField]:
        """The channels in their order."""
        return [self[f"channel_{place}"] for place in range(1, PLACES + 1)]

    @property
    def given(self) -> list[forms.BoundField]:
        """What the template leaves open and the campaign fills."""
        return [self[name] for name in GIVEN]

    @property
    def days(self) -> list[forms.BoundField]:
        """When it runs."""
        return [self[name] for name in ("first_day", "last_day", "at", "until")]

    @property
    def limits(self) -> list[forms.BoundField]:
        """How much of it there is."""
        return [self[name] for name in ("every_days", "most_each", "cap")]

    def content(self) -> dict[str, Any]:
        """The content of what was typed, without the audience."""
        values = self.cleaned_data
        channels = (values[f"channel_{place}"] for place in range(1, PLACES + 1))
        return {
            "purpose": values["purpose"],
            "template": values["template"],
            "channels": [channel for channel in channels if channel],
            "first_day": values["first_day"].isoformat(),
            "last_day": values["last_day"].isoformat(),
            "weekdays": sorted(values["weekdays"]),
            "at": f"{values['at']:%H:%M}",
            "until": f"{values['until']:%H:%M}",
            "every_days": values["every_days"],
            "most_each": values["most_each"],
            "cap": values["cap"],
            "budget": str(values["budget"]),
            "currency": values["currency"],
            "holdout": f"{values['holdout']:f}",
            "outcome": values["outcome"],
            "outcome_days": values["outcome_days"],
            "values": {name: values[name] for name in GIVEN if values[name]},
        }

    def field_of(self, fault: str) -> str | None:
        """The field of the form a fault is said beside; None for one of the whole."""
        name = _field_of(fault)
        return name if name in self.fields else None

    def _choices(self, name: str, choices: list[tuple[Any, Any]]) -> None:
        self.fields[name].choices = choices  # type: ignore[attr-defined]


def label_of(fault: str) -> str:
    """What the field a fault is about is called on the form; empty for one of the whole."""
    name = _field_of(fault)
    if name in GIVEN_LABELS:
        return str(GIVEN_LABELS[name])
    field = CampaignForm.base_fields.get(name)
    return str(field.label) if field else ""


def _field_of(fault: str) -> str:
    part, _dot, name = fault.partition(".")
    return {"channels": "channel_1", "values": name or "offer_amount"}.get(part, part)


FIRST: Final[Mapping[str, Any]] = {
    "purpose": "repeat",
    "template": "repeat",
    "channel_1": "push",
    "channel_2": "sms",
    "weekdays": [1, 2, 3, 4, 5],
    "at": "10:00",
    "until": "18:00",
    "every_days": 7,
    "most_each": 2,
    "cap": 1000,
    "currency": "CNY",
    "holdout": 10,
    "outcome": "takes_a_loan",
    "outcome_days": 14,
}
"""What the editor opens with."""


def campaign_initial(content: Mapping[str, Any]) -> dict[str, Any]:
    """What the form of a campaign with that content opens with."""
    return dict(_initial(content))


def _initial(content: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    for name, value in content.items():
        if name == "channels":
            yield from ((f"channel_{place}", channel) for place, channel in enumerate(value[:PLACES], start=1))
        elif name == "values":
            yield from value.items()
        elif name == "holdout":
            yield name, f"{(Decimal(str(value)) * 100).normalize():f}"
        elif name != "audience":
            yield name, value
