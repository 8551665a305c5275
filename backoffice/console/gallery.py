"""The gallery: every component in every state, with example data that says it is example data."""

from datetime import UTC, date, datetime
from decimal import Decimal
from types import SimpleNamespace
from typing import Any

from django import forms
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from backoffice.console.navigation import address_of
from backoffice.core import tones
from backoffice.core.access import requires
from backoffice.core.confirm import ConfirmForm, Consequence, Grid, Line, Panel
from backoffice.core.fields import AmountField, DayField

_TODAY = date(2026, 11, 22)
_SUMS = ("0", "11041.92", "200", "2225.37", "2324", "55.19", "7500", "7.8", "9197.91", "920.16", "9253.10")


class ExampleForm(ConfirmForm):
    """One field of each kind."""

    amount = AmountField(label=gettext_lazy("Amount"), currency="CNY", unit="¥")
    value_date = DayField(label=gettext_lazy("Value date"), initial=_TODAY)
    channel = forms.ChoiceField(
        label=gettext_lazy("Channel"),
        choices=[("transfer", gettext_lazy("bank transfer")), ("card", gettext_lazy("card"))],
    )
    reference = forms.CharField(
        label=gettext_lazy("Reference"), required=False, help_text=gettext_lazy("As the bank wrote it.")
    )


@requires("console.gallery.view")
def gallery(request: HttpRequest) -> HttpResponse:
    """The page."""
    return render(request, "console/gallery.html", _examples())


def _examples() -> dict[str, Any]:
    wrong = ExampleForm({"amount": "12,00", "value_date": "2026-02-31", "channel": "card", "reason": "x"})
    consequence = Consequence(
        grid=Grid(
            caption=_("Example allocation"),
            columns=(
                (_("Installment"), "text"),
                (_("Due"), "date"),
                (_("Penalty"), "money"),
                (_("Interest"), "money"),
                (_("Principal"), "money"),
            ),
            rows=(
                ("4", date(2026, 10, 18), Decimal("22.45"), Decimal("137.97"), Decimal("962.19")),
                ("5", date(2026, 11, 18), Decimal("0.00"), Decimal("77.39"), Decimal("0.00")),
            ),
            total=(None, None, Decimal("22.45"), Decimal("215.36"), Decimal("962.19")),
        ),
        lines=(
            Line(_("Days past due"), 4, before=35, tone="good"),
            Line(
                _("Due after this payment"), Decimal("1025.37"), currency="CNY", before=Decimal("2225.37"), total=True
            ),
        ),
        warnings=(
            _("Example: the value date lies before the last payment; the payments after it are worked out again."),
        ),
    )
    return {
        "amounts": [
            (Decimal("1234567.891"), "CNY"),
            (Decimal("-42.5"), "USD"),
            (Decimal("18000"), "UGX"),
            (Decimal("0"), "INR"),
            (Decimal("99.9"), "CHF"),
        ],
        "today": _TODAY,
        "at": datetime(2026, 11, 22, 7, 0, tzinfo=UTC),
        "families": tones.families(),
        "tone_names": ["neutral", "info", "good", "warn", "danger"],
        "wrong": wrong,
        "clean": ExampleForm(initial={"amount": "1200.00"}),
        "panels": [
            {
                "title": _("Post payment"),
                "verb": _("Post ¥ 1,200.00"),
                "costly": False,
                "panel": Panel(form=ExampleForm(initial={"amount": "1200.00"}), key="example", consequence=consequence),
            },
            {
                "title": _("Charge off"),
                "verb": _("Charge off"),
                "costly": True,
                "panel": Panel(
                    form=wrong,
                    key="example",
                    notice=_("The numbers changed since you looked at them."),
                    notice_next=_("Nothing was booked. Read them again, then confirm."),
                    notice_tone="warn",
                ),
            },
        ],
        "events": [
            SimpleNamespace(
                title=_("Payment"),
                amount=Decimal("1100.16"),
                currency="CNY",
                on=date(2026, 9, 18),
                detail=_("interest 152.19, principal 947.97"),
                tone="good",
            ),
            SimpleNamespace(
                title=_("Payment"),
                amount=Decimal("1100.16"),
                currency="CNY",
                on=date(2026, 9, 17),
                detail=_("reversed: booked twice"),
                tone="",
                undone=True,
                url="#",
            ),
            SimpleNamespace(title="M1 → M2", on=date(2026, 11, 18), tone="danger"),
            SimpleNamespace(title=_("Hold on penalty ends"), at=datetime(2025, 12, 24, 23, 0, tzinfo=UTC), tone="warn"),
            SimpleNamespace(
                title=_("Disbursed"), amount=Decimal(12000), currency="CNY", on=date(2025, 6, 18), tone="info"
            ),
        ],
        "work": [
            {"label": _("Replaying history"), "done": 41_200, "total": 100_000, "note": _("about 40 s left")},
            {"label": _("Reading the file"), "done": 8_000, "total": None},
            {"label": _("Done"), "done": 100_000, "total": 100_000},
        ],
        "steps": [
            {"label": _("Transitions"), "state": "done"},
            {"label": _("Month end"), "state": "failed"},
            {"label": _("Verify"), "state": "here"},
            {"label": _("Open the next day"), "state": ""},
        ],
        "tabs": [
            {"label": _("All"), "url": "#", "current": True, "count": 214},
            {"label": _("Overdue"), "url": "#", "count": 12},
            {"label": _("Closed"), "url": "#"},
        ],
        "changes": [
            {"label": _("Rate"), "was": "18.00 %", "now": "16.00 %"},
            {"label": _("Periods"), "was": 12, "now": 12},
            {"label": _("Grace"), "was": None, "now": _("3 days")},
        ],
        "spark_values": [9, 12, 4, 15, 18, 21, 30],
        "parts": [
            (_("Principal"), Decimal(1938), "accent"),
            (_("Interest"), Decimal(261), "info"),
            (_("Penalty"), Decimal(125), "danger"),
        ],
        "pages": {"first": 51, "last": 100, "total": 4213, "newer_url": "#", "older_url": "#"},
        "sums": {f"s{text.replace('.', '_')}": Decimal(text) for text in _SUMS} | {"rate": Decimal("0.1956")},
        "rows": range(1, 13),
        "home_url": address_of("console:home"),
    }
