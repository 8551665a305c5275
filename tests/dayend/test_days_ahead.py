"""A day that has not come yet is never closed by hand."""

from datetime import date, timedelta

import pytest
from django.conf import settings
from django.test import Client
from django.urls import reverse

from backoffice.calendars import clock
from backoffice.calendars.selectors import business_day
from backoffice.calendars.services import open_first_day
from backoffice.core.actors import SYSTEM
from backoffice.dayend.models import DayEndRun
from backoffice.dayend.services import NotTheDayToClose, start
from tests.staff.factories import TeamFactory, logged_in, person

pytestmark = pytest.mark.django_db


def test_starting_a_day_after_the_calendars_is_refused_and_leaves_nothing() -> None:
    open_first_day(day=date(2026, 3, 2), actor=SYSTEM)
    with pytest.raises(NotTheDayToClose):
        start(day=date(2026, 3, 2), actor=SYSTEM, not_after=date(2026, 3, 1))
    with pytest.raises(NotTheDayToClose):
        start(day=date(2026, 3, 2), actor=SYSTEM, through=date(2026, 3, 3), not_after=date(2026, 3, 2))
    assert DayEndRun.objects.count() == 0
    assert business_day().state == "open"


def test_the_page_offers_no_close_of_tomorrow() -> None:
    tomorrow = clock.today_in(settings.TIME_ZONE) + timedelta(days=1)
    open_first_day(day=tomorrow, actor=SYSTEM)
    client = logged_in(Client(), person("admin", team=TeamFactory()))
    form = {"through": str(tomorrow), "reason": "in a hurry", "seen": "", "key": "k"}
    answer = client.post(reverse("dayend:close"), form)
    assert answer.status_code in (409, 422)
    assert DayEndRun.objects.count() == 0
