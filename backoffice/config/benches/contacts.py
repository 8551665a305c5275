"""Contacts reserved one by one over eight connections, a million planned messages judged, a day planned."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal

from django.db import connection

from backoffice.calendars import clock
from backoffice.config.benches.results import Row, seconds_of
from backoffice.core.actors import SYSTEM
from backoffice.core.bulk import execute, fetch
from backoffice.outreach.domain.channels import Channel
from backoffice.outreach.domain.purposes import Purpose
from backoffice.outreach.domain.verdicts import Reserved, Wanted
from backoffice.outreach.models import Audience, Campaign, Gateway
from backoffice.outreach.selectors.gate import judge
from backoffice.outreach.services.gate import reserve_contact
from backoffice.outreach.services.starting import load_starter, load_starter_plan
from backoffice.repayment.services.campaigns import plan_campaign
from backoffice.repayment.services.reminders import loans_to_remind, plan_reminders

CONNECTIONS = 8
RESERVED = 16_000
TARGET_RESERVED = 2_000
TARGET_JUDGED_SECONDS = 30.0
JUDGED = 1_000_000
LOANS_A_RANGE = 2_500

# A phone for everybody, each a number of its own.
PHONES = """
INSERT INTO customers_contactpoint (borrower_id, kind, value, masked, country, quality, is_primary, time_zones, digest)
SELECT id, 'phone', '\\x00', '+86 •••• 0000', 'CN', 'unknown', true, ARRAY['Asia/Shanghai'],
       decode(lpad(to_hex(id), 32, '0'), 'hex')
FROM customers_borrower
"""
# What one borrower in three heard from us in the last days.
HISTORY = """
INSERT INTO outreach_contactentry (borrower_id, sequence, kind, channel, purpose, direction, actor_scope, party,
    endpoint_id, loan_ids, code, packs, actor_name, at, recorded_at, previous_hash, hash)
SELECT point.borrower_id, day, 'attempt', 'sms', 'reminder', 'out', 'first_party', 'borrower', point.id, '{}', '', '',
       'system', %(morning)s::timestamptz - day * interval '1 day', now(), '', ''
FROM customers_contactpoint point CROSS JOIN generate_series(1, 2) AS day
WHERE point.borrower_id %% 3 = 0
"""


def measure(*, on: date, say: Callable[[str], None]) -> list[Row]:
    """The rows, on the book that is there; phones and some days of messages are added to it."""
    morning = datetime.combine(on, time(2), tzinfo=UTC)  # ten o'clock in Shanghai
    execute(PHONES)
    execute(HISTORY, {"morning": morning})
    execute("ANALYZE customers_contactpoint")
    execute("ANALYZE outreach_contactentry")
    points = fetch("SELECT borrower_id, id FROM customers_contactpoint ORDER BY hashint8(id)")
    say(f"{len(points):,} borrowers with a phone")
    return [_reserve(points, morning), _judge(points, morning, say), _plan(on, say), _plan_campaign(on, say)]


def _reserve(points: list[tuple[int, int]], morning: datetime) -> Row:
    """Calls to people chosen at random, as collectors press *call*; the floor is a bare one-row commit each."""
    asked = points[:RESERVED]
    floor = seconds_of(lambda: _side_by_side(_bare_all, asked))
    let_through: list[int] = []
    lock = threading.Lock()

    def reserve(part: list[tuple[int, int]]) -> None:
        made = sum(isinstance(_reserve_one(*each, morning), Reserved) for each in part)
        with lock:
            let_through.append(made)

    seconds = seconds_of(lambda: _side_by_side(reserve, asked))
    if sum(let_through) < len(asked) // 2:
        msg = f"only {sum(let_through)} of {len(asked)} contacts were let through"
        raise AssertionError(msg)
    rate = len(asked) / seconds
    return Row(
        name="contact gate: reserved one by one, 8 connections",
        size=len(asked),
        seconds=seconds,
        rate=rate,
        floor_ratio=floor / seconds,
        target=f">= {TARGET_RESERVED:,}/s",
        met=rate >= TARGET_RESERVED,
    )


def _judge(points: list[tuple[int, int]], morning: datetime, say: Callable[[str], None]) -> Row:
    wanted = [
        Wanted(
            borrower_id=borrower_id,
            channel=Channel.SMS,
            purpose=Purpose.REMINDER,
            at=morning + timedelta(minutes=number % 60),
            endpoint_id=endpoint_id,
        )
        for number, (borrower_id, endpoint_id) in enumerate(sorted(points)[:JUDGED])
    ]
    wanted *= -(-JUDGED // len(wanted)) if len(wanted) >= JUDGED // 2 else 1
    wanted = wanted[:JUDGED]
    allowed: list[int] = []
    seconds = seconds_of(lambda: allowed.append(sum(verdict.is_allowed for verdict in judge(wanted=wanted))))
    say(f"{allowed[0]:,} of {len(wanted):,} planned messages may leave")
    is_whole = len(wanted) == JUDGED
    return Row(
        name="contact gate: planned messages judged",
        size=len(wanted),
        seconds=seconds,
        rate=len(wanted) / seconds,
        target=f"<= {TARGET_JUDGED_SECONDS:g} s for 1,000,000",
        met=seconds <= TARGET_JUDGED_SECONDS * (1 if is_whole else len(wanted) / JUDGED),
    )


def _plan(on: date, say: Callable[[str], None]) -> Row:
    """The evening's step with the plan a lender starts with: from the bills to the messages, in ranges."""
    load_starter(is_active=True, actor=SYSTEM)
    load_starter_plan(effective_from=on, actor=SYSTEM)
    new: list[int] = []

    def plan() -> None:
        loans = loans_to_remind(day=on)
        for start in range(0, len(loans), LOANS_A_RANGE):
            part = loans[start : start + LOANS_A_RANGE]
            new.append(plan_reminders(day=on, first_id=part[0], last_id=part[-1]).new)

    seconds = seconds_of(plan)
    if not sum(new):
        msg = "nobody was to be reminded"
        raise AssertionError(msg)
    say(f"{sum(new):,} reminders planned for one day")
    return Row(name="a day's reminders planned", size=sum(new), seconds=seconds, rate=sum(new) / seconds)


def _plan_campaign(on: date, say: Callable[[str], None]) -> Row:
    """One campaign by text to whoever owes within the week, ranked against the reminders planned before."""
    Gateway.objects.create(code="bench", name="Bench", channel=Channel.SMS, unit_cost=Decimal("0.045"))
    content = {
        "purpose": "repeat",
        "template": "repeat",
        "channels": ["sms"],
        "audience": {"due_in": {"from": 0, "to": 7}},
        "first_day": on.isoformat(),
        "last_day": on.isoformat(),
        "weekdays": list(range(1, 8)),
        "at": "10:00",
        "until": "18:00",
        "every_days": 1,
        "most_each": 1,
        "cap": JUDGED,
        "budget": "1000000.00",
        "currency": "CNY",
        "holdout": "0.1",
        "outcome": "takes_a_loan",
        "outcome_days": 7,
        "values": {"offer_amount": "CNY 20000.00", "offer_until": on.isoformat()},
    }
    audience = Audience.objects.create(code="bench", name="Bench", content=content["audience"])
    campaign = Campaign.objects.create(
        code="bench", name="Bench", audience=audience, content=content, state="running", approved_at=clock.now()
    )
    planned: list[int] = []
    seconds = seconds_of(lambda: planned.append(plan_campaign(campaign_id=campaign.pk, day=on).messages))
    if not planned[0]:
        msg = "the campaign planned nothing"
        raise AssertionError(msg)
    say(f"{planned[0]:,} messages of one campaign planned for one day")
    return Row(name="a campaign's day planned", size=planned[0], seconds=seconds, rate=planned[0] / seconds)


def _reserve_one(borrower_id: int, endpoint_id: int, at: datetime) -> object:
    wanted = Wanted(
        borrower_id=borrower_id, channel=Channel.CALL, purpose=Purpose.COLLECTION, at=at, endpoint_id=endpoint_id
    )
    return reserve_contact(wanted=wanted, actor=SYSTEM)


def _bare_all(part: list[tuple[int, int]]) -> None:
    for borrower_id, _ in part:
        _bare(borrower_id)


def _bare(borrower_id: int) -> None:
    execute(
        "INSERT INTO outreach_blockedcontact (borrower_id, channel, purpose, actor_scope, rules, packs, actor_name, at)"
        " VALUES (%s, 'call', 'collection', 'first_party', '{}', '', 'floor', now())",
        [borrower_id],
    )


def _side_by_side(work: Callable[[list[tuple[int, int]]], object], asked: list[tuple[int, int]]) -> None:
    def one(part: list[tuple[int, int]]) -> None:
        try:
            work(part)
        finally:
            connection.close()

    connection.close()  # the pool has eight, and all of them are needed
    with ThreadPoolExecutor(max_workers=CONNECTIONS) as pool:
        list(pool.map(one, [asked[start::CONNECTIONS] for start in range(CONNECTIONS)]))
