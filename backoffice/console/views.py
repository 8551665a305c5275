"""Pages of the shell itself: home, language, theme."""

from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import render
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.http import require_POST
from django.views.i18n import set_language

from backoffice.calendars.selectors import DayNotOpened
from backoffice.console.context import THEME_COOKIE, THEMES
from backoffice.console.today import today_of
from backoffice.core.access import public, requires
from backoffice.core.http import SeeOther

A_YEAR = 365 * 24 * 60 * 60


@requires("console.home.view")
def home(request: HttpRequest) -> HttpResponse:
    """What needs this person today."""
    try:
        today = today_of(user=request.user)
    except DayNotOpened as refusal:
        return render(request, "console/first_day.html", {"refusal": refusal})
    return render(request, "console/home.html", {"today": today})


@public
@require_POST
def language(request: HttpRequest) -> HttpResponseBase:
    """Switches the language of the pages and returns to the page it came from."""
    return set_language(request)


@public
@require_POST
def theme(request: HttpRequest) -> HttpResponse:
    """Keeps the theme the person chose for a year and returns to the page it came from."""
    chosen = request.POST.get("theme", "")
    back = request.POST.get("next", "/")
    if not url_has_allowed_host_and_scheme(back, allowed_hosts={request.get_host()}, require_https=request.is_secure()):
        back = "/"
    response = SeeOther(back)
    if chosen in THEMES:
        response.set_cookie(THEME_COOKIE, chosen, max_age=A_YEAR, samesite="Lax", secure=request.is_secure())
    return response
