"""`{% load autopay %}`: what stands on every page of autopay."""

from typing import Any

from django import template
from django.template.context import Context

from backoffice.core.access import may
from backoffice.repayment.selectors.autopay.board import standing
from backoffice.repayment.selectors.autopay.stops import stop_of_loan, why_stopped
from backoffice.staff.access import person_of

register = template.Library()


@register.inclusion_tag("repayment/autopay/_standing.html", takes_context=True)
def autopay_standing(context: Context, *, breakers: bool = True) -> dict[str, Any]:
    """That all debits are stopped, by whom and why, how many breakers are open, which rails are paused; three queries.

    `breakers` False on the page that shows them itself.
    """
    request = context["request"]
    shown = standing(user=person_of(request))
    return {
        "standing": shown,
        "open_breakers": shown.open_breakers if breakers else 0,
        "may_view": may(request, "repayment.autopay.view"),
        "may_view_rails": may(request, "repayment.rail.view"),
        "shell": context.get("shell"),
    }


@register.inclusion_tag("repayment/autopay/_stop_of.html", takes_context=True)
def debit_stop_of(context: Context, loan_id: int) -> dict[str, Any]:
    """That the debits of a loan are stopped, since when and why; one query."""
    stop = stop_of_loan(loan_id)
    return {
        "stop": stop,
        "why": why_stopped(stop) if stop else "",
        "may_view": may(context["request"], "repayment.autopay.view"),
        "shell": context.get("shell"),
    }
