"""The form of a product's terms: what people type (percent, lists) to and from the JSON that `terms_form` reads.

The form itself only reads types; every rule of the terms is judged by `terms_form`, whose faults come back to the field
they are about, so that the console and the API refuse the same things.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final

from django import forms
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from backoffice.calendars.domain.working_days import CALENDARS
from backoffice.calendars.names import NAMES
from backoffice.core.fields import AmountField, DayField, PercentField
from backoffice.core.telling import told
from backoffice.repayment.domain.fees import SHARES
from backoffice.repayment.domain.json_form import plain
from backoffice.repayment.domain.terms import Terms
from backoffice.repayment.domain.terms_form import MOST_PERIODS, InvalidTerms, from_json, to_json
from backoffice.repayment.selectors import product_words as words

FEE_PARTS: Final = ("code", "way", "amount", "payee", "component")
MOST_EVERY: Final = 366
MOST_DAYS: Final = 366
PLAIN_NAMES: Final = (
    *("method", "annual_rate", "periods", "every", "unit", "day_count", "rounding", "multiple_of"),
    *("installment_basis", "due_day", "first_period_min_days", "holiday_shift", "calendar"),
)
MOST_FEES: Final = 20
SPARE_FEES: Final = 1
FORM_ID: Final = "terms"
ZERO: Final = Decimal(0)


# What a field that only the terms as a whole can judge must be.
FAULTS: Final[dict[str, Any]] = {
    "periods": _("The schedule would run for more than 200 years."),
    "due_day": _("Only bills by the month have a due day."),
    "multiple_of": _("Must be a multiple of the smallest unit of the currency."),
    "bands": _("Buckets start at 0 days, follow each other without gap or overlap, and the last is open."),
    "allocation_order": _("Name fee, guarantee_fee, penalty, interest and principal once each."),
    "prepayment_value": _("A share is at most 100 %, days are whole."),
    "cost_cap_regime": _("Use 1 to 40 of a-z, 0-9, - and _."),
    "fee_code": _("Use 1 to 40 of a-z, 0-9, - and _, each code once."),
    "fee_amount": _("A share is at most 100 %, an amount has the decimals of the currency."),
}


def _choice(labels: Mapping[str, Any], label: Any, **options: Any) -> forms.ChoiceField:
    return forms.ChoiceField(label=label, choices=list(labels.items()), **options)


def _count(label: Any, **options: Any) -> forms.IntegerField:
    return forms.IntegerField(
        label=label, widget=forms.NumberInput(attrs={"inputmode": "numeric", "autocomplete": "off"}), **options
    )


def _days(label: Any, **options: Any) -> forms.IntegerField:
    return _count(label, min_value=0, max_value=MOST_DAYS, **options)


def _money(label: Any, **options: Any) -> AmountField:
    return AmountField(label=label, min_value=ZERO, **options)


@dataclass(frozen=True, slots=True)
class Section:
    """Fields under one heading of the form; the first sections are open."""

    label: Any
    fields: list[forms.BoundField]
    is_open: bool
    has_errors: bool


class TermsForm(forms.Form):
    """The terms of a version, and the sample loan the page works out beside it. `currency` is the product's."""

    method = _choice(words.METHODS, _("Method"))
    annual_rate = PercentField(label=_("Rate a year"))
    periods = _count(_("Number of bills"), min_value=1, max_value=MOST_PERIODS)
    every = _count(_("Every"), min_value=1, max_value=MOST_EVERY)
    unit = _choice(words.UNITS, _("Unit"))
    day_count = _choice(words.DAY_COUNTS, _("Interest counts"))
    rounding = _choice(words.ROUNDINGS, _("Rounded"))
    multiple_of = AmountField(label=_("Instalment is a multiple of"))
    installment_basis = _choice(words.BASES, _("Instalment basis"))

    due_day = _count(
        _("Due day"), min_value=1, max_value=31, required=False, help_text=_("Empty: the day of the payout.")
    )
    first_period_min_days = _days(_("Shortest first period"), help_text=_("Days; a shorter one rolls on by a month."))
    holiday_shift = _choice(words.SHIFTS, _("A due date on a holiday is moved"))
    calendar = forms.ChoiceField(label=_("Calendar"), choices=[(code, NAMES[code]) for code in CALENDARS])

    grace_days = _days(_("Days of grace"))
    grace_mode = _choice(words.GRACE_MODES, _("Meaning of grace"))
    penalty_base = _choice(words.PENALTY_BASES, _("Penalty is charged on"))
    penalty_uplift = PercentField(label=_("Penalty adds to the rate"), help_text=_("50 is half the rate again."))
    penalty_rate_cap = PercentField(label=_("Penalty rate at most"), required=False)
    penalty_compounding = _choice(words.COMPOUNDINGS, _("Penalty on penalty"))
    penalty_day_basis = forms.TypedChoiceField(
        label=_("Penalty days over"), choices=[(360, "360"), (365, "365")], coerce=int
    )
    tolerance_days = _days(_("Days before a bucket is entered"))
    tolerance_floor = _money(_("Too little to count as unpaid"))
    tolerance_percent = PercentField(label=_("or of the bill"))
    bands = forms.CharField(
        label=_("Buckets by days past due"),
        widget=forms.Textarea(attrs={"rows": 4, "spellcheck": "false"}),
        help_text=_("One a line: M1 1-30. The last is open: M6+ 181-."),
    )

    allocation_order = forms.CharField(
        label=_("Order"), help_text=_("fee, guarantee_fee, penalty, interest and principal, separated by commas")
    )
    allocation_mode = _choice(words.MODES, _("Bills"))
    allocation_principal_first_after_dpd = _days(
        _("Principal first beyond days past due"), required=False, help_text=_("Empty: never.")
    )
    allocation_future = _choice(words.FUTURES, _("What is more than due"))

    prepayment_fee = _choice(words.PREPAYMENT_FEES, _("Fee for settling early"))
    prepayment_value = forms.DecimalField(
        label=_("How much"),
        min_value=ZERO,
        required=False,
        widget=forms.TextInput(attrs={"inputmode": "decimal", "autocomplete": "off"}),
        help_text=_("Percent, days or an amount."),
    )
    prepayment_fee_cap = _money(_("At most"), required=False)

    cost_cap_rate = PercentField(label=_("Yearly cost at most"), required=False, help_text=_("Empty: no cap."))
    cost_cap_formula = _choice(words.FORMULAS, _("Read by"))
    cost_cap_regime = forms.CharField(label=_("Name of the rule"), max_length=40)

    note = forms.CharField(label=_("What this version is for"), max_length=300, required=False)
    sample_principal = AmountField(label=_("Sample loan"))
    sample_on = DayField(label=_("Paid out on"))

    def __init__(self, *args: Any, currency: str, fees: int = 0, **options: Any) -> None:
        super().__init__(*args, **options)
        self.currency = currency
        self.fee_rows = min(MOST_FEES, max(fees, self._fees_sent()) + SPARE_FEES)
        for row in range(self.fee_rows):
            self._add_fee(row)
        for name in ("sample_principal", "sample_on"):
            self.fields[name].widget.attrs["form"] = FORM_ID  # they stand beside the form, over the preview
        self.terms: Terms | None = None

    @property
    def fee_lines(self) -> list[list[forms.BoundField]]:
        """The fields of each fee, for a table."""
        return [[self[f"fees_{row}_{part}"] for part in FEE_PARTS] for row in range(self.fee_rows)]

    def sections(self) -> list[Section]:
        """The fields under their headings, in the order people think of them; fees stand in a table of their own."""
        wanted = (
            (_("Rate and bills"), "method annual_rate periods every unit day_count", True),
            (_("Rounding"), "rounding multiple_of installment_basis", False),
            (_("Due dates"), "due_day first_period_min_days holiday_shift calendar", True),
            (
                _("Paying late"),
                "grace_days grace_mode penalty_base penalty_uplift penalty_rate_cap penalty_compounding "
                "penalty_day_basis tolerance_days tolerance_floor tolerance_percent bands",
                False,
            ),
            (
                _("Where payments go"),
                "allocation_order allocation_mode allocation_principal_first_after_dpd allocation_future",
                False,
            ),
            (_("Paying early"), "prepayment_fee prepayment_value prepayment_fee_cap", False),
            (_("Cost cap"), "cost_cap_rate cost_cap_formula cost_cap_regime", True),
        )
        sections = []
        for label, names, is_open in wanted:
            bound = [self[name] for name in names.split()]
            has_errors = any(field.errors for field in bound)
            sections.append(Section(label, bound, is_open or has_errors, has_errors))
        return sections

    def clean(self) -> dict[str, Any]:
        """The terms, under `terms`; each fault of `terms_form` at the field it is about."""
        cleaned = super().clean() or self.cleaned_data
        if not self.errors:
            try:
                self.terms = from_json(self._json(cleaned))
            except InvalidTerms as refusal:
                for path, reason in refusal.fields.items():
                    field = self._field_of(path)
                    self.add_error(field, _said(field=field, reason=reason))
        return cleaned

    def _json(self, cleaned: Mapping[str, Any]) -> dict[str, Any]:
        return {
            "currency": self.currency,
            **{name: cleaned[name] for name in PLAIN_NAMES},
            "fees": [fee for row in range(self.fee_rows) if (fee := self._fee(row, cleaned))],
            "grace": _nested(cleaned, "grace", "days mode"),
            "penalty": _nested(cleaned, "penalty", "base uplift rate_cap compounding day_basis"),
            "tolerance": _nested(cleaned, "tolerance", "days floor percent"),
            "allocation": _nested(cleaned, "allocation", "mode principal_first_after_dpd future")
            | {"order": [name.strip() for name in cleaned["allocation_order"].split(",")]},
            "prepayment": _prepayment(cleaned),
            "cost_cap": _nested(cleaned, "cost_cap", "rate formula regime"),
            "bands": _bands(cleaned["bands"]),
        }

    def _fee(self, row: int, cleaned: Mapping[str, Any]) -> dict[str, Any] | None:
        """One line of the fees; None when its code is left empty."""
        values = {part: cleaned.get(f"fees_{row}_{part}") for part in FEE_PARTS}
        if not values["code"]:
            return None
        amount = values["amount"] or ZERO
        values["amount"] = amount / 100 if values["way"] in SHARES else amount
        values["payee"] = values["payee"] or "lender"
        return values

    def _field_of(self, path: str) -> str | None:
        """The field of the form a dotted path of the terms is about; None for the form as a whole."""
        head, _dot, rest = path.partition(".")
        if head == "fees" and rest:
            position, _dot, part = rest.partition(".")
            filled = [row for row in range(self.fee_rows) if self.cleaned_data.get(f"fees_{row}_code")]
            return f"fees_{filled[int(position)]}_{part or 'code'}"
        if path.startswith("allocation.order"):
            return "allocation_order"
        name = head if head == "bands" else path.replace(".", "_")
        return name if name in self.fields else None

    def _fees_sent(self) -> int:
        return sum(1 for row in range(MOST_FEES) if self.is_bound and f"fees_{row}_code" in self.data)

    def _add_fee(self, row: int) -> None:
        name = f"fees_{row}"
        amount = forms.TextInput(attrs={"inputmode": "decimal", "autocomplete": "off"})
        self.fields[f"{name}_code"] = forms.CharField(label=_("Code"), required=False, max_length=40)
        self.fields[f"{name}_way"] = _choice(words.FEE_WAYS, pgettext_lazy("fee", "Charged"), required=False)
        self.fields[f"{name}_amount"] = forms.DecimalField(
            label=_("Amount or %"), required=False, min_value=ZERO, widget=amount
        )
        self.fields[f"{name}_component"] = _choice(words.FEE_COMPONENTS, _("Kind"), required=False)
        self.fields[f"{name}_payee"] = forms.CharField(label=_("Paid to"), required=False, max_length=80)


class NewProductForm(forms.Form):
    """What a product is called, whose book it is in, and its currency."""

    code = forms.SlugField(label=_("Code"), max_length=64)
    name = forms.CharField(label=pgettext_lazy("product", "Name"), max_length=120)
    portfolio = forms.SlugField(
        label=_("Portfolio"),
        max_length=64,
        widget=forms.TextInput(attrs={"list": "portfolios", "autocomplete": "off"}),
        help_text=_("One that the book has, or a new one: teams see the portfolios they work on."),
    )
    currency = forms.RegexField(label=_("Currency"), regex=r"^[A-Z]{3}$", initial="CNY", help_text=_("ISO 4217"))


def initial_of(*, terms: Terms) -> dict[str, Any]:
    """The values the form opens with."""
    written = to_json(terms)
    shown: dict[str, Any] = {name: value for name, value in written.items() if not isinstance(value, list | dict)}
    for group in ("grace", "penalty", "tolerance", "allocation", "prepayment", "cost_cap"):
        shown |= {f"{group}_{name}": value for name, value in written[group].items()}
    shown["annual_rate"] = _percent(terms.annual_rate)
    shown["penalty_uplift"] = _percent(terms.penalty.uplift)
    shown["penalty_rate_cap"] = _percent(terms.penalty.rate_cap)
    shown["tolerance_percent"] = _percent(terms.tolerance.percent)
    shown["cost_cap_rate"] = _percent(terms.cost_cap.rate)
    if terms.prepayment.fee == "percent":
        shown["prepayment_value"] = _percent(terms.prepayment.value)
    shown["allocation_order"] = ", ".join(terms.allocation.order)
    shown["bands"] = "\n".join(_band_line(band) for band in written["bands"])
    for row, (fee, rule) in enumerate(zip(written["fees"], terms.fees, strict=True)):
        shown |= {f"fees_{row}_{part}": fee[part] for part in FEE_PARTS}
        if rule.way in SHARES:
            shown[f"fees_{row}_amount"] = _percent(rule.amount)
    return shown


def _said(*, field: str | None, reason: str) -> Any:
    """The fault in the reader's language where the form knows what the field must be; the terms' reason otherwise."""
    kind = f"fee_{(field or '').rpartition('_')[2]}" if (field or "").startswith("fees_") else field
    return FAULTS.get(kind or "", told(reason))


def _nested(cleaned: Mapping[str, Any], group: str, names: str) -> dict[str, Any]:
    return {name: cleaned[f"{group}_{name}"] for name in names.split()}


def _prepayment(cleaned: Mapping[str, Any]) -> dict[str, Any]:
    value = cleaned["prepayment_value"] or ZERO
    return {
        "fee": cleaned["prepayment_fee"],
        "value": value / 100 if cleaned["prepayment_fee"] == "percent" else value,
        "fee_cap": cleaned["prepayment_fee_cap"],
    }


def _bands(text: str) -> list[dict[str, Any]]:
    """Lines such as `M1 1-30`, `M0 0` and `M6+ 181-` as bands; what is no number goes on as it is, to be refused."""
    bands = []
    for line in filter(None, map(str.strip, text.splitlines())):
        code, _space, days = line.rpartition(" ")
        first, dash, last = days.partition("-")
        bands.append(
            {
                "code": code.strip(),
                "first": _whole(first),
                "last": (_whole(last) if last else None) if dash else _whole(first),
            }
        )
    return bands


def _whole(text: str) -> int | str:
    return int(text) if text.isascii() and text.isdigit() else text


def _band_line(band: Mapping[str, Any]) -> str:
    if band["last"] is None:
        return f"{band['code']} {band['first']}-"
    return f"{band['code']} {band['first']}" + (f"-{band['last']}" if band["last"] != band["first"] else "")


def _percent(share: Decimal | None) -> str | None:
    return None if share is None else plain(share * 100)
