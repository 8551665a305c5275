"""The form of a version: what people type (percent, times, rows) to and from the content that the domain reads.

The form itself reads types alone; every rule is judged by the guards, whose findings come back to the field they are
about, so that the console and the API refuse the same things.
"""

from collections.abc import Collection, Iterable, Mapping
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import Any, Final

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext_lazy

from backoffice.calendars.names import NAMES
from backoffice.core.fields import DayField, PercentField
from backoffice.core.telling import told
from backoffice.outreach.models import MessageTemplate
from backoffice.repayment.domain.autopay.actions import ALLOWED, USUAL, Action
from backoffice.repayment.domain.autopay.codes import Family
from backoffice.repayment.domain.autopay.configuration import (
    MOST_ATTEMPTS,
    MOST_DAYS,
    MOST_PAYEES,
    MOST_SLOTS,
    OUTCOMES,
    BreakerLimits,
    minute_of,
)
from backoffice.repayment.domain.autopay.guards import Finding
from backoffice.repayment.domain.components import COMPONENTS
from backoffice.repayment.domain.json_form import plain
from backoffice.repayment.models import Loan, Payee, Product, Rail
from backoffice.repayment.models.autopay.configurations import AutopayVersion
from backoffice.repayment.selectors.autopay import version_words as words
from backoffice.repayment.selectors.product_words import COMPONENTS as COMPONENT_LABELS

MOST_RAILS: Final = 3
SPARE: Final = 1
USUAL_LIMITS: Final = BreakerLimits()


class NewConfigurationForm(forms.Form):
    """Whose loans a configuration is for, and what it is called."""

    code = forms.SlugField(
        label=gettext_lazy("Code"),
        max_length=60,
        help_text=gettext_lazy("Short and without spaces, such as north_cash; it never changes."),
    )
    name = forms.CharField(label=pgettext_lazy("thing", "Name"), max_length=120)
    portfolio = forms.ChoiceField(label=gettext_lazy("Portfolio"))
    product = forms.ModelChoiceField(
        label=gettext_lazy("Product"),
        queryset=Product.objects.none(),
        required=False,
        empty_label=gettext_lazy("all products of the portfolio"),
    )
    funder = forms.ChoiceField(label=gettext_lazy("Funder"), required=False)

    def __init__(self, *args: Any, portfolios: Collection[str] | None, **options: Any) -> None:
        super().__init__(*args, **options)
        rows = Loan.objects.order_by().values_list("portfolio", "creditor").distinct()
        seen = [row for row in rows if portfolios is None or row[0] in portfolios]
        names = sorted({portfolio for portfolio, _creditor in seen})
        funders = sorted({creditor for _portfolio, creditor in seen})
        self.fields["portfolio"].choices = [(name, name) for name in names]  # type: ignore[attr-defined]
        self.fields["funder"].choices = [  # type: ignore[attr-defined]
            ("", gettext_lazy("all funders")),
            *((name, name) for name in funders),
        ]
        self.fields["product"].queryset = Product.objects.filter(portfolio__in=names)  # type: ignore[attr-defined]


class VersionForm(forms.Form):
    """A whole version; rows of slots and payees grow by one that is empty."""

    effective_from = DayField(label=gettext_lazy("In force from"))
    effective_to = DayField(
        label=gettext_lazy("In force until"),
        required=False,
        help_text=gettext_lazy("Not on this day any more; empty: until another version takes over."),
    )
    note = forms.CharField(label=gettext_lazy("What for"), max_length=300, required=False)
    attempts_per_day = forms.IntegerField(label=gettext_lazy("Attempts a day"), min_value=1, max_value=MOST_ATTEMPTS)
    min_gap_minutes = forms.IntegerField(
        label=gettext_lazy("Minutes between two attempts"), min_value=0, max_value=1440
    )
    days = forms.IntegerField(
        label=gettext_lazy("Days to go on"),
        min_value=1,
        max_value=MOST_DAYS,
        help_text=gettext_lazy("1: the due date alone."),
    )
    holidays = forms.ChoiceField(
        label=gettext_lazy("On holidays"), choices=[(each.value, label) for each, label in words.HOLIDAY_LABELS.items()]
    )
    calendar = forms.ChoiceField(label=gettext_lazy("Calendar"), required=False, choices=[("", "–"), *NAMES.items()])
    second_calendar = forms.ChoiceField(
        label=gettext_lazy("And the calendar"),
        required=False,
        choices=[("", "–"), *NAMES.items()],
        help_text=gettext_lazy("For rails with other holidays: closed is what either one names closed."),
    )
    blackout = forms.CharField(
        label=gettext_lazy("Days without debits"),
        required=False,
        help_text=gettext_lazy("Days such as 2026-02-17, with commas."),
    )
    amount = forms.ChoiceField(
        label=pgettext_lazy("amount", "Asked for"),
        choices=[(each.value, label) for each, label in words.AMOUNT_LABELS.items()],
    )
    split_over_limit = forms.BooleanField(
        label=gettext_lazy("Split what is over a limit into several debits"), required=False
    )
    partial_shares = forms.CharField(
        label=gettext_lazy("When money is missing, ask for"),
        required=False,
        help_text=gettext_lazy(
            "Percent of what is due, one after the other, such as 100, 50; where the contract allows it."
        ),
    )
    partial_least = forms.DecimalField(label=gettext_lazy("And at least"), required=False, min_value=0, max_digits=14)
    mandate_order = forms.ChoiceField(
        label=gettext_lazy("Agreements"),
        choices=[(each.value, label) for each, label in words.ORDER_LABELS.items()],
    )
    keeper = forms.ChoiceField(label=gettext_lazy("Keeps what is paid beyond what is due"))
    canary_share = PercentField(
        label=gettext_lazy("Share of the loans due"),
        required=False,
        help_text=gettext_lazy("0: the number of loans alone counts."),
    )
    canary_loans = forms.IntegerField(
        label=gettext_lazy("Loans at most"),
        required=False,
        min_value=0,
        help_text=gettext_lazy("0 in both: no trial, it holds for all at once."),
    )
    canary_days = forms.IntegerField(label=gettext_lazy("Days of the trial"), required=False, min_value=1, max_value=30)
    canary_least_success = PercentField(label=gettext_lazy("Bills settled at least"), required=False)
    breakers_total_drift = PercentField(label=gettext_lazy("Total away from the forecast by more than"))
    breakers_least_success = PercentField(label=gettext_lazy("Fewer successes than"))
    breakers_family_share = PercentField(label=gettext_lazy("One kind of refusal above"))
    breakers_after = forms.IntegerField(label=gettext_lazy("Rates count after answers"), min_value=1)
    breakers_debits_per_card = forms.IntegerField(label=gettext_lazy("Debits of one card a day"), min_value=1)

    def __init__(self, *args: Any, content: Mapping[str, Any], **options: Any) -> None:
        super().__init__(*args, **options)
        self.slot_rows = min(len(_rows(content.get("slots"))) + SPARE, MOST_SLOTS)
        self.payee_rows: dict[str, int] = {name: self._payee_rows(name, content) for name in COMPONENTS}
        self._add_rails()
        self._add_slots()
        self._add_actions()
        self._add_payees()
        self._add_notify()

    # ------------------------------------------------------------------------------------------------------ to be drawn

    def rails(self) -> list[forms.BoundField]:
        """The rails in their order."""
        return [self[f"rail_{number}"] for number in range(1, MOST_RAILS + 1)]

    def slots(self) -> list[list[forms.BoundField]]:
        """The rows of slots."""
        return [[self[f"slot_{row}_{part}"] for part in ("id", "at", "until")] for row in range(1, self.slot_rows + 1)]

    def actions(self) -> list[forms.BoundField]:
        """What follows each kind of refusal."""
        return [self[f"action_{family.value}"] for family in ALLOWED]

    def payees(self) -> list[tuple[Any, list[list[forms.BoundField]]]]:
        """Rows of payees under each component."""
        return [
            (
                COMPONENT_LABELS[name],
                [[self[f"payee_{name}_{row}"], self[f"share_{name}_{row}"]] for row in range(1, count + 1)],
            )
            for name, count in self.payee_rows.items()
        ]

    def notify(self) -> list[forms.BoundField]:
        """A template for each outcome."""
        return [self[f"notify_{outcome}"] for outcome in OUTCOMES]

    def canary(self) -> list[forms.BoundField]:
        """The trial."""
        return [self[f"canary_{name}"] for name in ("share", "loans", "days", "least_success")]

    def breakers(self) -> list[forms.BoundField]:
        """What opens a breaker."""
        names = ("total_drift", "least_success", "family_share", "after", "debits_per_card")
        return [self[f"breakers_{name}"] for name in names]

    # --------------------------------------------------------------------------------------------------- what they say

    def content(self) -> dict[str, Any]:
        """What the form says, as the domain reads it."""
        said = self.cleaned_data
        share = _share_text(said.get("canary_share"))
        canary = {
            "share": share,
            "loans": said.get("canary_loans") or 0,
            "days": said.get("canary_days") or 1,
            "least_success": _share_text(said.get("canary_least_success")),
        }
        shares = [_percent_typed(each) for each in _listed(said["partial_shares"])]
        return {
            "rails": [rail for number in range(1, MOST_RAILS + 1) if (rail := said[f"rail_{number}"])],
            "slots": sorted(self._slots_said(), key=lambda slot: slot["at"]),
            "attempts_per_day": said["attempts_per_day"],
            "min_gap_minutes": said["min_gap_minutes"],
            "days": said["days"],
            "amount": said["amount"],
            "split_over_limit": said["split_over_limit"],
            "partial": {"shares": shares, "least": str(said.get("partial_least") or 0)} if shares else {},
            "mandate_order": said["mandate_order"],
            "actions": {family.value: said[f"action_{family.value}"] for family in ALLOWED},
            "notify": {name: said[f"notify_{name}"] for name in OUTCOMES if said[f"notify_{name}"]},
            "blackout": _listed(said["blackout"]),
            "holidays": said["holidays"],
            "calendar": "+".join(dict.fromkeys(filter(None, (said["calendar"], said["second_calendar"])))),
            "payees": {name: self._payees_said(name) for name in COMPONENTS},
            "keeper": said["keeper"],
            "canary": canary if share != "0" or canary["loans"] else {},
            "breakers": {
                "total_drift": _share_text(said["breakers_total_drift"]),
                "least_success": _share_text(said["breakers_least_success"]),
                "family_share": _share_text(said["breakers_family_share"]),
                "after": said["breakers_after"],
                "debits_per_card": said["breakers_debits_per_card"],
            },
        }

    def add_findings(self, findings: Iterable[Finding]) -> None:
        """Each finding that refuses, at the field it is about."""
        for finding in findings:
            if finding.refuses:
                self.add_error(self.field_of(finding.field), told(finding.words))

    def field_of(self, path: str) -> str | None:
        """The field of the form a place in the content is about; None for the form as a whole."""
        head, _dot, rest = path.partition(".")
        number, _dot, part = rest.partition(".")
        match head:
            case "rails":
                name = "rail_1"
            case "slots":
                name = f"slot_{number or 1}_{part or 'at'}"
            case "actions":
                name = f"action_{rest}" if rest else f"action_{Family.UNKNOWN.value}"
            case "payees":
                name = f"payee_{rest}_1"
            case _:
                name = path.replace(".", "_")
        return name if name in self.fields else None

    def _slots_said(self) -> list[dict[str, str]]:
        rows = []
        for row in range(1, self.slot_rows + 1):
            at, until = (self.cleaned_data[f"slot_{row}_{part}"] for part in ("at", "until"))
            if at or until:
                times = {"at": f"{at:%H:%M}" if at else "", "until": f"{until:%H:%M}" if until else ""}
                rows.append({"id": self.cleaned_data[f"slot_{row}_id"] or f"s{row}"} | times)
        return rows

    def _payees_said(self, component: str) -> list[dict[str, str]]:
        rows = []
        for row in range(1, self.payee_rows[component] + 1):
            payee = self.cleaned_data[f"payee_{component}_{row}"]
            share = self.cleaned_data[f"share_{component}_{row}"]
            if payee or share:
                rows.append({"payee": payee, "share": _share_text(share)})
        return rows

    # ------------------------------------------------------------------------------------------------- fields that vary

    def _payee_rows(self, component: str, content: Mapping[str, Any]) -> int:
        """As many rows as were sent, or as the content has and one that is empty."""
        if self.is_bound:
            return sum(1 for row in range(1, MOST_PAYEES + 1) if f"payee_{component}_{row}" in self.data) or SPARE
        given = content.get("payees")
        return min(len(_rows(given.get(component) if isinstance(given, Mapping) else None)) + SPARE, MOST_PAYEES)

    def _add_rails(self) -> None:
        rails = [("", "–"), *Rail.objects.values_list("code", "name")]
        for number in range(1, MOST_RAILS + 1):
            label = gettext_lazy("First rail") if number == 1 else gettext_lazy("Then")
            self.fields[f"rail_{number}"] = forms.ChoiceField(label=label, choices=rails, required=number == 1)

    def _add_slots(self) -> None:
        if self.is_bound:
            self.slot_rows = sum(1 for row in range(1, MOST_SLOTS + 1) if f"slot_{row}_at" in self.data) or SPARE
        labels = {"at": gettext_lazy("Begins"), "until": gettext_lazy("Ends")}
        for row in range(1, self.slot_rows + 1):
            self.fields[f"slot_{row}_id"] = forms.SlugField(label=gettext_lazy("Slot"), required=False, max_length=20)
            for part, label in labels.items():
                self.fields[f"slot_{row}_{part}"] = forms.TimeField(
                    label=label, required=False, widget=forms.TimeInput(format="%H:%M")
                )
            for part in ("id", "at", "until"):
                field = self.fields[f"slot_{row}_{part}"]
                field.widget.attrs["aria-label"] = field.label

    def _add_actions(self) -> None:
        for family, allowed in ALLOWED.items():
            choices = [(each.value, words.ACTION_LABELS[each]) for each in Action if each in allowed]
            label = str(words.FAMILY_LABELS[family])
            self.fields[f"action_{family.value}"] = forms.ChoiceField(label=label, choices=choices)

    def _add_payees(self) -> None:
        payees = [(code, f"{name} ({code})") for code, name in Payee.objects.values_list("code", "name")]
        self.fields["keeper"].choices = [("", "–"), *payees]  # type: ignore[attr-defined]
        for component, rows in self.payee_rows.items():
            for row in range(1, rows + 1):
                payee = forms.ChoiceField(label=_("Payee"), choices=[("", "–"), *payees], required=False)
                share = PercentField(label=_("Share, percent"), required=False)
                for field in (payee, share):
                    field.widget.attrs["aria-label"] = f"{COMPONENT_LABELS[component]}: {field.label}"
                self.fields[f"payee_{component}_{row}"], self.fields[f"share_{component}_{row}"] = payee, share

    def _add_notify(self) -> None:
        templates = [(each.code, each.title) for each in MessageTemplate.objects.order_by("code")]
        for outcome in OUTCOMES:
            self.fields[f"notify_{outcome}"] = forms.ChoiceField(
                label=str(words.OUTCOME_LABELS[outcome]), choices=[("", "–"), *templates], required=False
            )


def initial_of(version: AutopayVersion) -> dict[str, Any]:
    """The values the form opens with; what a content does not say, or says in no readable way, is left open."""
    content = version.content
    shown: dict[str, Any] = {
        "effective_from": version.effective_from,
        "effective_to": version.effective_to,
        "note": version.note,
        "blackout": ", ".join(map(str, _rows(content.get("blackout")))),
    }
    plainly = ("attempts_per_day", "min_gap_minutes", "days", "holidays", "amount", "split_over_limit")
    shown |= {name: content.get(name) for name in (*plainly, "mandate_order", "keeper")}
    calendars = str(content.get("calendar", "")).split("+")
    shown |= {"calendar": calendars[0], "second_calendar": calendars[1] if len(calendars) > 1 else ""}
    shown |= {f"rail_{number}": code for number, code in enumerate(_rows(content.get("rails")), start=1)}
    for row, slot in enumerate(_rows(content.get("slots")), start=1):
        if isinstance(slot, Mapping):
            times = {part: slot.get(part) if minute_of(slot.get(part)) is not None else "" for part in ("at", "until")}
            shown |= {f"slot_{row}_{part}": value for part, value in (times | {"id": slot.get("id", "")}).items()}
    actions = _mapping(content, "actions")
    shown |= {f"action_{family.value}": actions.get(family.value, USUAL[family].value) for family in ALLOWED}
    for component, lines in _mapping(content, "payees").items():
        for row, line in enumerate(_rows(lines), start=1):
            if isinstance(line, Mapping):
                shown |= {
                    f"payee_{component}_{row}": line.get("payee"),
                    f"share_{component}_{row}": _percent(line.get("share")),
                }
    shown |= {f"notify_{name}": code for name, code in _mapping(content, "notify").items()}
    partial = _mapping(content, "partial")
    shown["partial_shares"] = ", ".join(filter(None, map(_percent, _rows(partial.get("shares")))))
    shown["partial_least"] = partial.get("least")
    canary, breakers = _mapping(content, "canary"), _mapping(content, "breakers")
    shown |= {
        "canary_share": _percent(canary.get("share", "0")),
        "canary_loans": canary.get("loans", 0),
        "canary_days": canary.get("days", 1),
        "canary_least_success": _percent(canary.get("least_success", "0")),
        "breakers_after": breakers.get("after", USUAL_LIMITS.after),
        "breakers_debits_per_card": breakers.get("debits_per_card", USUAL_LIMITS.debits_per_card),
    }
    for name in ("total_drift", "least_success", "family_share"):
        shown[f"breakers_{name}"] = _percent(breakers.get(name, getattr(USUAL_LIMITS, name)))
    return shown


def dates_of(form: VersionForm) -> dict[str, date | None]:
    """The days the version is to hold on."""
    return {name: form.cleaned_data.get(name) for name in ("effective_from", "effective_to")}


def _rows(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _mapping(content: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    value = content.get(name)
    return value if isinstance(value, Mapping) else {}


def _listed(text: str) -> list[str]:
    return [each.strip() for each in text.replace("，", ",").split(",") if each.strip()]


def _percent(share: Any) -> str:
    try:
        return plain(Decimal(str(share)) * 100)
    except InvalidOperation:
        return ""


def _percent_typed(text: str) -> str:
    """A percentage as typed, as the share the content keeps; what is no number goes on as it is, to be refused."""
    try:
        return plain(Decimal(text.removesuffix("%").strip()) / 100)
    except InvalidOperation:
        return text


def _share_text(share: Decimal | None) -> str:
    return plain(share or Decimal(0))
