"""A hold that stops contacts stops them now: by the calendar, wherever the borrower is, and what is planned too."""

from datetime import UTC, date, datetime, timedelta

import pytest
import time_machine

from backoffice.calendars.models import BusinessDay
from backoffice.core.actors import SYSTEM
from backoffice.customers.models import Hold
from backoffice.customers.services import lift_hold, place_hold
from backoffice.customers.services.bulk_holding import ask_to_place_bulk, prepare_bulk
from backoffice.customers.services.choosing import Choice
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


def test_the_period_stays_that_which_was_named_whatever_it_stops_before():
    owner = somebody()
    hold(owner, reason="bankruptcy")
    starts = Hold.objects.filter(borrower=owner).values_list("scope", "period__startswith", "contact_from")
    early = date(2026, 3, 16)
    assert {row[1] for row in starts} == {TOMORROW}
    assert {scope: before for scope, _start, before in starts if before} == {"calls": early, "texts": early}


def test_a_hold_that_follows_another_one_or_one_lifted_in_error_is_placed_whole():
    owner = somebody()
    first = hold(owner, reason="complaint", start=TOMORROW - timedelta(days=7), end_exclusive=TOMORROW)
    again = hold(owner, reason="complaint")
    assert len(again.hold_ids) == len(first.hold_ids)
    assert denied(owner) == ["core.hold.complaint"]
    lift_hold(hold_id=again.hold_ids[0], on=TOMORROW, reason="a mistake", actor=SYSTEM)
    assert len(hold(owner, reason="complaint").hold_ids) == len(first.hold_ids)


def test_a_hold_lifted_on_its_first_day_stops_nothing_any_more():
    owner = somebody()
    placed = hold(owner, reason="request", scopes=["texts"])
    assert denied(owner) == ["core.hold.request"]
    lift_hold(hold_id=placed.hold_ids[0], on=TOMORROW, reason="asked back", actor=SYSTEM)
    assert denied(owner) == []


def test_a_bulk_hold_that_is_renewed_stops_texts_all_through():
    owners = [somebody(), somebody()]
    for start, end in ((TOMORROW - timedelta(days=14), TOMORROW), (TOMORROW, TOMORROW + timedelta(days=14))):
        bulk_id = prepare_bulk(
            name="Flood",
            reason="disaster",
            scopes=[],
            start=start,
            end_exclusive=end,
            choice=Choice(external_ids=tuple(owner.external_id for owner in owners)),
            portfolios=None,
            actor=SYSTEM,
        )
        ask_to_place_bulk(bulk_id=bulk_id, reason="flood", consequence="", actor=SYSTEM)
    counts = Hold.objects.filter(borrower__in=owners, scope="texts").count()
    assert counts == 4
    assert denied(owners[0]) == denied(owners[1]) == ["core.hold.disaster"]


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
