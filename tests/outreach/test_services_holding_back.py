"""A hold that stops contacts stops them now: by the calendar, wherever the borrower is, and what is planned too."""

from datetime import UTC, date, datetime, timedelta

import pytest
import time_machine

from backoffice.calendars.models import BusinessDay
from backoffice.core.actors import SYSTEM
from backoffice.customers.models import Hold
from backoffice.customers.services import place_hold
from backoffice.outreach.domain.channels import Channel
from backoffice.outreach.domain.purposes import Purpose
from backoffice.outreach.domain.verdicts import Wanted
from backoffice.outreach.models import Message
from backoffice.outreach.selectors.gate import judge
from backoffice.outreach.tasks import follow_hold
from tests.outreach.messaging import NOON, active_version, planned, somebody

pytestmark = pytest.mark.django_db

TOMORROW = date(2026, 3, 18)


@pytest.fixture(autouse=True)
def _after_the_close():
    """17 March, noon in China, and the day is closed already: the business date is tomorrow's."""
    BusinessDay.objects.update_or_create(pk=BusinessDay.ONLY, defaults={"today": TOMORROW})
    with time_machine.travel(NOON, tick=False):
        yield


def hold(owner, *, reason="cease", start=TOMORROW, **fields):
    return place_hold(borrower_id=owner.pk, reason=reason, start=start, actor=SYSTEM, note="asked", **fields)


def denied(owner, at=NOON):
    wanted = Wanted(borrower_id=owner.pk, channel=Channel.SMS, purpose=Purpose.REMINDER, at=at)
    (verdict,) = judge(wanted=[wanted])
    return [denial.rule for denial in verdict.denials if denial.rule.startswith("core.hold")]


def test_a_hold_placed_after_the_close_stops_contacts_at_once():
    owner = somebody()
    assert denied(owner) == []
    hold(owner)
    assert denied(owner) == ["core.hold.cease"]


def test_it_stops_them_too_where_it_is_still_yesterday():
    owner = somebody(time_zone="Pacific/Honolulu")
    with time_machine.travel(datetime(2026, 3, 17, 17, tzinfo=UTC), tick=False):  # one in the morning in China
        hold(owner)
    seven_in_hawaii = datetime(2026, 3, 17, 17, tzinfo=UTC)
    assert denied(owner, seven_in_hawaii) == ["core.hold.cease"]


def test_a_hold_for_a_day_to_come_waits_for_it():
    owner = somebody()
    hold(owner, start=TOMORROW + timedelta(days=2))
    assert denied(owner) == []


def test_the_clocks_of_a_loan_are_held_from_the_day_that_was_named():
    owner = somebody()
    hold(owner, reason="bankruptcy")
    starts = dict(Hold.objects.filter(borrower=owner).values_list("scope", "period__startswith"))
    assert {scope: start for scope, start in starts.items() if scope not in ("calls", "texts")} == dict.fromkeys(
        set(starts) - {"calls", "texts"}, TOMORROW
    )
    assert starts["calls"] == starts["texts"] == date(2026, 3, 16)


def test_what_a_hold_forbids_is_stopped_while_it_is_planned_and_nothing_else():
    version = active_version()
    held, free = somebody(), somebody()
    for owner in (held, free):
        planned(owner, version)
    hold(held)
    assert follow_hold(borrower_id=held.pk, loan_id=None, scopes=["texts"], hold_ids=[], start=TOMORROW) == 1
    assert follow_hold(borrower_id=held.pk, loan_id=None, scopes=["texts"], hold_ids=[], start=TOMORROW) == 0
    assert follow_hold(borrower_id=free.pk, loan_id=None, scopes=["aging"], hold_ids=[], start=TOMORROW) == 0
    states = dict(Message.objects.values_list("borrower_id", "state"))
    assert states == {held.pk: "stopped", free.pk: "planned"}
    assert Message.objects.get(borrower=held).code == "hold"
