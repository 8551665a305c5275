"""The page by which somebody who shows the product plays the sandbox's bank; there in a demo only."""

from datetime import date
from typing import Any, Final

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render

from backoffice.calendars.selectors import DayNotOpened, business_date
from backoffice.core.access import requires
from backoffice.repayment.console.autopay import sandbox_words as words
from backoffice.repayment.domain.autopay.bank_answers import Day, Movement, Overview
from backoffice.repayment.services.autopay import sandbox_bank as services
from backoffice.staff.access import person_of

PLAY: Final = "repayment.sandbox_bank.play"
LONGEST_WORDS: Final = 100


@requires(PLAY)
def sandbox_bank(request: HttpRequest) -> HttpResponse:
    """The bank as it stands, and accounts that were searched for; a sandbox that is down says so."""
    only_with_a_sandbox()
    asked = request.GET.get("q", "").strip()[:LONGEST_WORDS]
    context: dict[str, Any] = {"asked": asked, "url": settings.SANDBOX_URL, "business_date": business_day_or_none()}
    try:
        now = services.bank_now()
        found = services.find_accounts(words=asked, user=person_of(request)) if asked else []
    except services.BankSilent as refusal:
        return render(request, "repayment/autopay/sandbox.html", context | {"refusal": refusal})
    context |= {
        "bank": now.overview,
        "script": now.script,
        "rails": words.RAIL_NAMES,
        "groups": words.script_lines(now.script),
        "orders": _orders(now.overview),
        "movements": [_movement(each) for each in now.movements],
        "waiting": now.waiting,
        "written": [(file, words.rail_name(file.rail)) for file in now.written],
        "days": [_day(each) for each in now.days],
        "found": found,
    }
    return render(request, "repayment/autopay/sandbox.html", context)


def only_with_a_sandbox() -> None:
    """Raises Http404 where nobody plays a bank."""
    if not settings.SANDBOX_URL:
        raise Http404


def business_day_or_none() -> date | None:
    """The business date; None before the first was opened."""
    try:
        return business_date()
    except DayNotOpened:
        return None


def _orders(now: Overview) -> list[tuple[str, str, int]]:
    """(rail, state, number)."""
    found = []
    for name, number in now.orders.items():
        rail, _space, state = name.partition(" ")
        found.append((words.rail_name(rail), state, number))
    return found


def _movement(movement: Movement) -> dict[str, Any]:
    return {
        "movement": movement,
        "rail": words.rail_name(movement.rail),
        "kind": words.KIND_NAMES.get(movement.kind, movement.kind),
    }


def _day(day: Day) -> dict[str, Any]:
    differences = [
        {
            "rail": words.rail_name(each.rail),
            "order_no": each.order_no,
            "what": words.NAMES.get(each.what, each.what),
        }
        for each in day.differences
    ]
    return {"day": day.day, "differences": differences}
