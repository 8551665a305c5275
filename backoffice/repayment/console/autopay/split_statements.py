"""分账 told to those who are paid: what each payee got in a period, against its contract, and every line as CSV."""

import csv
from collections.abc import Iterator
from typing import Any

from django import forms
from django.http import HttpRequest, HttpResponse, HttpResponseBase, StreamingHttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from backoffice.calendars.selectors import business_date
from backoffice.core.access import requires
from backoffice.core.fields import DayField
from backoffice.repayment.console import states
from backoffice.repayment.domain.autopay.splitting import HELD
from backoffice.repayment.models import Payee
from backoffice.repayment.selectors.autopay.split_statements import Period, lines_of, statement_of

COLUMNS = ("day", "order_no", "loan", "period", "component", "payee", "amount", "currency")


class PeriodForm(forms.Form):
    """From which day through which, and of whom."""

    from_day = DayField(label=gettext_lazy("From"))
    through_day = DayField(label=gettext_lazy("Through"))
    payee = forms.ModelChoiceField(
        label=gettext_lazy("Payee"), queryset=Payee.objects.all(), required=False, empty_label=gettext_lazy("all")
    )

    def clean(self) -> dict[str, Any]:
        """The days are in their order."""
        cleaned = super().clean() or self.cleaned_data
        first, last = cleaned.get("from_day"), cleaned.get("through_day")
        if first and last and first > last:
            raise forms.ValidationError(_("The first day is after the last."))
        return cleaned


@requires("repayment.split.view")
def split_statement(request: HttpRequest) -> HttpResponse:
    """What each payee got of a period, by component, and what the contract's shares come to."""
    form = _form(request)
    rows = []
    if form.is_valid():
        payee = form.cleaned_data["payee"]
        rows = [
            {"row": row, "component": _component(row.component)}
            for row in statement_of(_period(request, form))
            if payee is None or row.payee == payee
        ]
    context = {"form": form, "rows": rows, "query": request.GET.urlencode()}
    return render(request, "repayment/autopay/split_statement.html", context)


@requires("repayment.split.view")
def split_lines(request: HttpRequest) -> HttpResponseBase:
    """Every line of the period as CSV."""
    form = _form(request)
    if not form.is_valid():
        return render(
            request, "repayment/autopay/split_statement.html", {"form": form, "rows": [], "query": ""}, status=400
        )
    payee = form.cleaned_data["payee"]
    period = _period(request, form)
    rows = lines_of(period, payee_id=payee.pk if payee else None)
    response = StreamingHttpResponse(_csv_of(rows), content_type="text/csv; charset=utf-8")
    name = f"split-{payee.code if payee else 'all'}-{period.from_day}-{period.through_day}.csv"
    response.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    return response


def _form(request: HttpRequest) -> PeriodForm:
    """The form with what the address asks for; without anything, this month so far."""
    today = business_date()
    usual = {"from_day": str(today.replace(day=1)), "through_day": str(today), "payee": ""}
    return PeriodForm(usual | {name: value for name, value in request.GET.items() if name in usual})


def _period(request: HttpRequest, form: PeriodForm) -> Period:
    scope = request.user.scope()  # type: ignore[union-attr]
    return Period(
        from_day=form.cleaned_data["from_day"],
        through_day=form.cleaned_data["through_day"],
        portfolios=None if scope.all else frozenset(scope.portfolios),
    )


def _component(name: str) -> str:
    return str(_("held for the borrower") if name == HELD else states.COMPONENT_LABELS.get(name, name))


class _Echo:
    """What `csv.writer` writes to: it hands back each line instead of keeping it."""

    def write(self, line: str) -> str:
        return line


def _csv_of(rows: Iterator[tuple[object, ...]]) -> Iterator[str]:
    writer = csv.writer(_Echo())
    yield writer.writerow(COLUMNS)
    for row in rows:
        yield writer.writerow(row)
