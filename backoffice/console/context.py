"""What every page of the console is told: navigation, business day, theme. Read only when a page shows it."""

from dataclasses import dataclass
from datetime import date
from functools import cached_property
from typing import Any, cast

from django.conf import settings
from django.http import HttpRequest
from django.utils.translation import gettext as _

from backoffice.audit.selectors import waiting_count
from backoffice.calendars.selectors import BusinessDayNow, DayNotOpened, business_day
from backoffice.console.navigation import Link, LinkGroup, address_of, navigation_for
from backoffice.console.searching import asked_of
from backoffice.core import formats
from backoffice.core.access import StaffUser
from backoffice.customers.selectors.holds import review_count
from backoffice.dayend.selectors import set_aside_count
from backoffice.outreach.selectors.replies import replies_to_deal_with
from backoffice.repayment.selectors.autopay.board import open_breaker_count
from backoffice.repayment.selectors.autopay.debits import unknown_debits
from backoffice.repayment.selectors.autopay.stops import standing_stop_count
from backoffice.staff.access import person_of
from backoffice.staff.permissions import ROLES

THEMES = ("light", "dark")
THEME_COOKIE = "theme"


@dataclass(frozen=True, slots=True)
class DayLight:
    """The business day as the top bar shows it; `light` is the colour: empty (fine), wait or idle."""

    today: date
    light: str
    note: str
    sentence: str


@dataclass(frozen=True, slots=True)
class PersonalLink:
    """A page about oneself."""

    label: str
    url: str
    icon: str


class Shell:
    """The parts around a page, each read once and only when the template asks for it."""

    def __init__(self, request: HttpRequest) -> None:
        self.request = request

    @property
    def _user(self) -> StaffUser:
        return cast("StaffUser", self.request.user)

    @cached_property
    def navigation(self) -> list[LinkGroup]:
        """The left navigation of this person."""
        if not self._user.is_authenticated:
            return []
        return navigation_for(user=self._user, path=self.request.path, counts=self._counts())

    def _counts(self) -> dict[str, int]:
        """What waits behind an entry, for those who can do something about it."""
        counts = {}
        if self._user.has_permission("audit.approval.decide"):
            counts["approvals"] = waiting_count(user=self._user)
        if self._user.has_permission("customers.hold.review") and (day := self._business_date):
            counts["holds"] = review_count(user=person_of(self.request), day=day)
        if self._user.has_permission("dayend.run.retry"):
            counts["set_aside"] = set_aside_count(user=self._user)
        if self._user.has_permission("outreach.reply.deal"):
            counts["replies"] = replies_to_deal_with(user=person_of(self.request))
        if self._user.has_permission("repayment.breaker.close"):
            counts["breakers"] = open_breaker_count(user=person_of(self.request))
        if self._user.has_permission("repayment.debit_stop.end"):
            counts["debit_stops"] = standing_stop_count(user=person_of(self.request))
        if self._user.has_permission("repayment.debit.decide"):
            counts["unknown_debits"] = unknown_debits(user=person_of(self.request)).count()
        return counts

    @cached_property
    def keyed(self) -> list[Link]:
        """The links a letter after G goes to, for the list of keys."""
        return [link for group in self.navigation for link in group.entries if link.key]

    @cached_property
    def _business_day(self) -> BusinessDayNow | None:
        try:
            return business_day()
        except DayNotOpened:
            return None

    @property
    def _business_date(self) -> date | None:
        return self._business_day.books_on if self._business_day else None

    @cached_property
    def day(self) -> DayLight | None:
        """The business day; None before the first was opened and on pages for strangers."""
        if not self._user.is_authenticated or self._business_day is None:
            return None
        return _light_of(day=self._business_day)

    @cached_property
    def day_url(self) -> str:
        """The page of the day end, for those who may open it."""
        return address_of("dayend:runs") if self._user.has_permission("dayend.run.view") else ""

    @cached_property
    def search_url(self) -> str:
        """Where the search field sends, for those who may search."""
        return address_of("console:search") if self._user.has_permission("customers.borrower.search") else ""

    @cached_property
    def logout_url(self) -> str:
        """Where logging out is."""
        return address_of("staff:logout")

    @cached_property
    def personal(self) -> list[PersonalLink]:
        """Pages about oneself, the description of the API, and the gallery for those who look after the console."""
        links = []
        if url := address_of("staff:account"):
            links.append(PersonalLink(label=_("My account"), url=url, icon="person"))
        if self._user.has_permission("core.api.view") and (url := address_of("api-docs")):
            links.append(PersonalLink(label=_("API"), url=url, icon="swap"))
        if self._user.has_permission("console.gallery.view"):
            links.append(PersonalLink(label=_("Gallery"), url=address_of("console:gallery"), icon="eye"))
        return links

    @property
    def query(self) -> str:
        """What was searched for on this page."""
        return asked_of(self.request) if self.request.path == self.search_url else ""

    @property
    def initials(self) -> str:
        """Two letters for the round mark in the bar."""
        words = str(self.request.user).replace(".", " ").replace("_", " ").split()
        return "".join(word[0] for word in words[:2]).upper() or "?"

    @property
    def role_names(self) -> str:
        """The roles of this person, in words."""
        return ", ".join(str(label) for code, label in ROLES.items() if code in getattr(self.request.user, "roles", ()))


def shell(request: HttpRequest) -> dict[str, Any]:
    """Context processor: `shell` and the theme the person chose, empty for the machine's."""
    theme = request.COOKIES.get(THEME_COOKIE, "")
    return {"shell": Shell(request), "theme": theme if theme in THEMES else "", "is_debug": settings.DEBUG}


def _light_of(*, day: BusinessDayNow) -> DayLight:
    if day.state == "closing":
        return DayLight(
            today=day.today,
            light="wait",
            note=_("closing"),
            sentence=_("The business day is being closed. Payments are taken and count for the next day."),
        )
    if day.last_closed_at is None:
        return DayLight(
            today=day.today, light="idle", note=_("no day closed yet"), sentence=_("No business day was closed yet.")
        )
    took = formats.seconds_text(day.last_close_seconds) if day.last_close_seconds is not None else "–"
    note = _("day closed %(time)s, %(took)s") % {
        "time": formats.moment_text(day.last_closed_at, style="time"),
        "took": took,
    }
    return DayLight(today=day.today, light="", note=note, sentence=_("The last business day is closed."))
