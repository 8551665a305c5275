"""The calendars page: which days banks work, what an administrator declared, and the history of the business day."""

from collections.abc import Mapping
from datetime import date
from typing import Any, ClassVar

from django import forms
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.http import urlencode
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext_lazy

from backoffice.calendars import selectors, services
from backoffice.calendars.console.year import year_of
from backoffice.calendars.domain.working_days import CALENDARS, is_working_day, shift
from backoffice.calendars.models import DayState
from backoffice.calendars.names import NAMES
from backoffice.core import tones
from backoffice.core.access import may, requires
from backoffice.core.actors import Actor
from backoffice.core.confirm import ConfirmForm, ConfirmView, Consequence, Line, Text
from backoffice.core.errors import Refusal
from backoffice.core.http import refused

FIRST_YEAR, LAST_YEAR = 1990, 2100

# The shortest form: two letters, or one character.
WEEKDAYS: tuple[Text, ...] = (
    pgettext_lazy("weekday", "Mo"),
    pgettext_lazy("weekday", "Tu"),
    pgettext_lazy("weekday", "We"),
    pgettext_lazy("weekday", "Th"),
    pgettext_lazy("weekday", "Fr"),
    pgettext_lazy("weekday", "Sa"),
    pgettext_lazy("weekday", "Su"),
)

tones.declare(
    "calendars.day",
    {DayState.OPEN: (gettext_lazy("open"), "good"), DayState.CLOSING: (gettext_lazy("closing"), "warn")},
)


class YearNotShown(Refusal):
    """The address names a year or a calendar the page does not have."""

    code: ClassVar[str] = "calendars.year_not_shown"
    status: ClassVar[int] = 404


@requires("calendars.day.view")
def calendars(request: HttpRequest) -> HttpResponse:
    """One year of one calendar, with what was declared in it; four queries."""
    try:
        now = selectors.business_day()
        calendar, year = _asked(request, today=now.today)
    except Refusal as refusal:
        return refused(request, refusal=refusal, back_url=reverse("calendars:calendars"))
    declared = selectors.declared_days(calendar=calendar)
    shown = year_of(
        calendar=calendar,
        year=year,
        overrides={(calendar, row.day): row.is_working for row in declared},
        reasons={row.day: row.reason for row in declared},
    )
    context = {
        "now": now,
        "year": shown,
        "name": NAMES[calendar],
        "tabs": [
            {
                "label": NAMES[code],
                "url": f"?{urlencode([('calendar', code), ('year', str(year))])}",
                "current": code == calendar,
                "count": None,
            }
            for code in CALENDARS
        ],
        "earlier": year - 1 if year > FIRST_YEAR else None,
        "later": year + 1 if year < LAST_YEAR else None,
        "weekdays": WEEKDAYS,
        "moves": selectors.moves(limit=12),
        "may_declare": may(request, "calendars.calendar.edit") and calendar != "none",
    }
    return render(request, "calendars/calendars.html", context)


def _asked(request: HttpRequest, *, today: date) -> tuple[str, int]:
    calendar, year = request.GET.get("calendar", "CN"), request.GET.get("year", str(today.year))
    if calendar not in NAMES or not year.isascii() or not year.isdigit() or len(year) != 4:
        raise _not_shown()
    if not FIRST_YEAR <= int(year) <= LAST_YEAR:
        raise _not_shown()
    return calendar, int(year)


def _not_shown() -> YearNotShown:
    return YearNotShown(
        _("There is no such calendar or year here."),
        next_step=_("Choose a calendar and a year from %(first)d to %(last)d.")
        % {"first": FIRST_YEAR, "last": LAST_YEAR},
    )


class DeclareForm(ConfirmForm):
    """A day, and whether banks work on it."""

    day = forms.DateField(label=gettext_lazy("Day"), widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"))
    is_working = forms.TypedChoiceField(
        label=gettext_lazy("Banks"),
        choices=[("no", gettext_lazy("are closed")), ("yes", gettext_lazy("work"))],
        coerce=lambda chosen: chosen == "yes",
    )


class DeclareDay(ConfirmView):
    """Declare a day worked or closed, over the published calendar."""

    permission = "calendars.calendar.edit"
    title: ClassVar[Text] = gettext_lazy("Declare a day")
    verb: ClassVar[Text] = gettext_lazy("Declare")
    form_class = DeclareForm

    def load(self, *, request: HttpRequest, **address: Any) -> str:
        return _editable(address["calendar"])

    def subject_line(self, *, subject: str) -> str:
        return str(NAMES[subject])

    def back_url(self, *, subject: str) -> str:
        return _page_of(subject)

    def initial(self, *, subject: str) -> dict[str, Any]:
        return {"day": selectors.business_date(), "is_working": "no"}

    def foresee(self, *, subject: str, values: Mapping[str, Any], actor: Actor) -> Consequence:
        day, is_working = values["day"], values["is_working"]
        overrides = selectors.holiday_overrides(calendar=subject)
        after = {**overrides, (subject, day): is_working}
        return Consequence(
            lines=(
                Line(
                    gettext_lazy("Banks that day"),
                    _worded(is_working),
                    before=_worded(is_working_day(calendar=subject, day=day, overrides=overrides)),
                    total=True,
                ),
                Line(
                    gettext_lazy("A due date that day, moved to the next working day"),
                    shift(day, convention="next", calendar=subject, overrides=after),
                    before=shift(day, convention="next", calendar=subject, overrides=overrides),
                ),
            ),
            warnings=(gettext_lazy("Schedules made before are not moved."),),
        )

    def perform(self, *, subject: str, values: Mapping[str, Any], actor: Actor, key: str) -> str:
        services.declare_day(
            calendar=subject,
            day=values["day"],
            is_working=values["is_working"],
            reason=values["reason"],
            actor=actor,
        )
        return _("The day is declared.")


class WithdrawDay(ConfirmView):
    """Let the published calendar speak again for a declared day."""

    permission = "calendars.calendar.edit"
    title: ClassVar[Text] = gettext_lazy("Take a declaration back")
    verb: ClassVar[Text] = gettext_lazy("Take back")

    def load(self, *, request: HttpRequest, **address: Any) -> tuple[str, date]:
        return _editable(address["calendar"]), _day(address["day"])

    def subject_line(self, *, subject: tuple[str, date]) -> str:
        return f"{NAMES[subject[0]]}, {subject[1]}"

    def back_url(self, *, subject: tuple[str, date]) -> str:
        return _page_of(subject[0], year=subject[1].year)

    def foresee(self, *, subject: tuple[str, date], values: Mapping[str, Any], actor: Actor) -> Consequence:
        calendar, day = subject
        overrides = selectors.holiday_overrides(calendar=calendar)
        return Consequence(
            lines=(
                Line(
                    gettext_lazy("Banks that day"),
                    _worded(is_working_day(calendar=calendar, day=day)),
                    before=_worded(is_working_day(calendar=calendar, day=day, overrides=overrides)),
                    total=True,
                ),
            ),
            warnings=(gettext_lazy("Schedules made before are not moved."),),
        )

    def perform(self, *, subject: tuple[str, date], values: Mapping[str, Any], actor: Actor, key: str) -> str:
        calendar, day = subject
        services.withdraw_day(calendar=calendar, day=day, reason=values["reason"], actor=actor)
        return _("The published calendar speaks again for that day.")


def _editable(calendar: str) -> str:
    if calendar not in NAMES or calendar == "none":
        raise _not_shown()
    return calendar


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise _not_shown() from error


def _page_of(calendar: str, *, year: int | None = None) -> str:
    query = [("calendar", calendar)] + ([("year", str(year))] if year else [])
    return f"{reverse('calendars:calendars')}?{urlencode(query)}"


def _worded(is_working: bool) -> str:
    return _("work") if is_working else _("are closed")
