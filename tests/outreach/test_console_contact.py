"""The contact panel and page: lights, reasons in words, local times, budgets and the rules behind them."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from backoffice.core.actors import SYSTEM
from backoffice.outreach.domain.channels import Channel
from backoffice.outreach.domain.lights import Light, light_of
from backoffice.outreach.domain.verdicts import Denial, NoTime, Verdict, why_no_time
from backoffice.outreach.services import consents
from tests.console.book import as_role
from tests.console.page import rows_of, text_of
from tests.outreach.people import phone_of
from tests.outreach.reached import HOUR, NOON, called, clock_at, reached_borrower, that_pack_alone

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def one_pack(monkeypatch):
    that_pack_alone(monkeypatch)


@pytest.fixture
def at(monkeypatch):
    """Sets the clock of the page."""
    clock_at(monkeypatch, NOON)
    return lambda instant: clock_at(monkeypatch, instant)


@pytest.fixture
def borrower():
    return reached_borrower()


def page_of(client, borrower, **query):
    return client.get(reverse("outreach:contact", args=[borrower.pk]), query).content.decode()


def test_the_light_is_amber_when_the_gate_opens_on_the_same_date_everywhere():
    closed = Verdict((Denial("x", NOON),), (), NOON + 2 * HOUR)
    assert light_of(verdict=Verdict((), ()), at=NOON, zones=["America/New_York"]) is Light.NOW
    assert light_of(verdict=closed, at=NOON, zones=["America/New_York"]) is Light.LATER_TODAY
    assert light_of(verdict=closed, at=NOON, zones=["America/New_York", "Asia/Tokyo"]) is Light.LATER_TODAY
    tomorrow = Verdict((Denial("x", NOON),), (), NOON + 9 * HOUR)
    assert light_of(verdict=tomorrow, at=NOON, zones=["America/New_York", "Asia/Tokyo"]) is Light.LATER_TODAY
    assert light_of(verdict=tomorrow, at=NOON, zones=["Asia/Kolkata"]) is Light.NOT_TODAY
    assert light_of(verdict=closed, at=NOON, zones=[]) is Light.NOT_TODAY
    assert light_of(verdict=Verdict((Denial("x", None),), ()), at=NOON, zones=["UTC"]) is Light.NOT_TODAY


def test_the_borrower_page_says_what_is_allowed_now_at_their_place(borrower, at):
    words = text_of(as_role("agent").get(reverse("console:borrower", args=[borrower.pk])).content.decode())
    assert "Call allowed now" in words
    assert "E-mail not permitted There is no number or address that may be used for this." in words
    assert "Time alone does not change this." in words
    assert "New York UTC-04:00 12:00 8 Apr 2026" in words


@pytest.mark.parametrize(
    ("denials", "zones", "why"),
    [
        ((), ("Europe/Prague",), None),
        ((Denial("x", NOON),), (), NoTime.RULES_NEVER_AGREE),
        ((Denial("x", NOON),), ("Europe/Prague", "Europe/Paris"), NoTime.RULES_NEVER_AGREE),
        ((Denial("x", NOON),), ("Europe/Prague", "Asia/Shanghai"), NoTime.PLACES_NEVER_AGREE),
        ((Denial("x", NOON), Denial("y", None)), ("Europe/Prague", "Asia/Shanghai"), NoTime.NEEDS_A_PERSON),
    ],
)
def test_knows_why_there_is_no_next_time(denials, zones, why):
    assert why_no_time(Verdict(denials, ()), zones=zones, at=NOON) == why
    assert why_no_time(Verdict(denials, (), NOON), zones=zones, at=NOON) is None


def test_says_what_to_do_when_the_hours_of_the_places_never_meet(borrower, at):
    phone_of(borrower, zones=("America/Los_Angeles",))
    phone_of(borrower, zones=("Europe/Prague",))
    phone_of(borrower, zones=("Asia/Shanghai",))
    words = text_of(page_of(as_role("agent"), borrower, scope="third_party"))
    assert "No minute is permitted at all the places where the borrower may be at once." in words
    assert "end the contact points that are not theirs." in words


def test_says_the_rule_in_words_and_the_next_permitted_minute(borrower, at):
    at(NOON - 6 * HOUR)
    words = text_of(page_of(as_role("agent"), borrower, scope="third_party"))
    assert "Call later today • From 08:00 to 21:00 at the borrower&#x27;s place. Next permitted: 08:00" in words
    at(NOON + 10 * HOUR)
    words = text_of(page_of(as_role("agent"), borrower, scope="third_party"))
    assert (
        "Call not permitted • From 08:00 to 21:00 at the borrower&#x27;s place. Next permitted: 9 Apr 2026 08:00"
        in words
    )


def test_reads_in_chinese(borrower, at):
    at(NOON - 6 * HOUR)
    client = as_role("agent")
    client.cookies["django_language"] = "zh-hans"
    html = client.get(
        reverse("outreach:contact", args=[borrower.pk]), {"scope": "third_party"}, HTTP_ACCEPT_LANGUAGE="zh-hans"
    ).content.decode()
    assert "借款人所在地 08:00 至 21:00。" in html
    assert "From 08:00" not in html


def test_shows_what_of_a_cap_is_used_and_when_it_refills(borrower, at):
    for days in (2, 1):
        called(borrower, "T-NA", NOON - timedelta(days=days))
    words = text_of(page_of(as_role("agent"), borrower, scope="third_party"))
    assert "Seven calls in seven days. call 2 of 7 2 5 left · one more from 13 Apr 2026 00:00" in words


def test_lists_every_rule_with_what_it_says_and_its_source(borrower, at):
    called(borrower, "R-INF", NOON - HOUR)
    rows = rows_of(page_of(as_role("agent"), borrower, scope="third_party"), caption="Rules that bear on the borrower")
    by_rule = {row[0]: row[1:] for row in rows}
    assert rows[0][0].startswith("There is no number or address")
    quiet = by_rule["Seven days of quiet after a conversation. us_reg_f.quiet · Regulation F (us_reg_f 1)"]
    until = "denies call until 15 Apr 2026 00:00 New York UTC-04:00"
    assert quiet == [until, "1006.14(b)(2)(i)", "A primary text read"]
    seven = by_rule["Seven calls in seven days. us_reg_f.seven · Regulation F (us_reg_f 1)"]
    assert seven[0] == "allows call"
    assert by_rule["The borrower has not opted out."][0] == "allows call, SMS, e-mail, push, inbox"


def test_says_which_rule_the_borrower_lifted(borrower, at):
    at(NOON - 6 * HOUR)
    consents.agree_callback(
        borrower_id=borrower.pk,
        starts_at=NOON - 7 * HOUR,
        ends_at=NOON,
        source="call",
        evidence="call me early",
        actor=SYSTEM,
        at=NOON - 24 * HOUR,
    )
    rows = rows_of(page_of(as_role("agent"), borrower, scope="third_party"), caption="Rules that bear on the borrower")
    hours = next(row for row in rows if "us_reg_f.hours" in row[0])
    assert hours[1] == "denies SMS until 08:00 New York UTC-04:00 lifted by the borrower's word call"


def test_an_opt_out_turns_the_light_red_at_once(borrower, at):
    consents.opt_out(borrower_id=borrower.pk, channel=Channel.CALL, source="call", actor=SYSTEM, at=NOON)
    words = text_of(as_role("agent").get(reverse("outreach:contact_panel", args=[borrower.pk])).content.decode())
    assert "Call not permitted • The borrower opted out. Time alone does not change this." in words


def test_switches_the_purpose(borrower, at):
    at(NOON - 6 * HOUR)
    client = as_role("agent")
    address = reverse("outreach:contact_panel", args=[borrower.pk])
    panel = client.get(address, {"purpose": "reminder"}).content.decode()
    assert 'aria-current="true">reminder</a>' in panel
    assert "Call allowed now" in text_of(panel)
    assert 'aria-current="true">collection</a>' in client.get(address, {"purpose": "nonsense"}).content.decode()


def test_reads_in_a_number_of_queries_that_does_not_grow_with_the_log(borrower, at):
    client, address = as_role("agent"), reverse("outreach:contact", args=[borrower.pk])
    client.get(address)
    with CaptureQueriesContext(connection) as few:
        client.get(address)
    for hours in range(1, 6):
        called(borrower, "T-NA", NOON - hours * 24 * HOUR)
    with CaptureQueriesContext(connection) as many:
        client.get(address)
    assert len(many) == len(few)


def test_nobody_of_another_portfolio_sees_it(borrower, at):
    client = as_role("agent", "south")
    for name in ("contact", "contact_panel"):
        assert client.get(reverse(f"outreach:{name}", args=[borrower.pk])).status_code == 404
