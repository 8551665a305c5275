"""What two records of one movement come to, rule by rule."""

from datetime import date, datetime, time
from decimal import Decimal
from typing import Any

import pytest

from backoffice.repayment.domain.autopay.debit_states import CommandState
from backoffice.repayment.domain.autopay.differences import (
    DifferenceKind,
    Records,
    Resolution,
    Says,
    Urgency,
    is_near_enough,
    is_overdue,
    is_weighed,
    overdue_since,
    resolutions_of,
    urgency_of,
)
from backoffice.repayment.domain.autopay.matching import Files, Ours, Theirs, judge, rail_day

DAY, NEXT, BEFORE = date(2026, 3, 17), date(2026, 3, 18), date(2026, 3, 16)
NEXT_IS_HERE = Files(next=True, later=True)
FIVE, FOUR = Decimal("500.00"), Decimal("400.00")


def ours(
    state: str,
    *,
    booked: Decimal | None = FIVE,
    on: date = DAY,
    moved_on: date = DAY,
    currency: str = "CNY",
    **facts: bool,
) -> Ours:
    return Ours(
        state=CommandState(state), amount=FIVE, currency=currency, booked=booked, on=on, moved_on=moved_on, **facts
    )


def theirs(amount: Decimal = FIVE, **facts: Any) -> Theirs:
    return Theirs(amount=amount, currency="CNY", on=facts.pop("on", DAY), **facts)


@pytest.mark.parametrize(
    ("movement", "our_side", "their_side", "said"),
    [
        ("debit", ours("succeeded"), theirs(), "matched"),
        ("debit", ours("returned"), theirs(), "matched"),
        ("debit", ours("succeeded"), theirs(FOUR), "amount amount"),
        ("debit", ours("succeeded", currency="USD"), theirs(), "amount currency"),
        ("debit", ours("succeeded", booked=None), theirs(), "status not_booked"),
        ("debit", ours("succeeded"), theirs(is_done=False), "status code"),
        ("debit", ours("unknown"), theirs(is_done=False), "status code"),
        ("debit", ours("unknown", booked=None), theirs(), "settle"),
        ("debit", ours("submitted", booked=None), theirs(), "settle"),
        ("debit", ours("unknown", booked=None), theirs(FOUR), "amount amount"),
        ("debit", ours("declined", booked=None), theirs(), "status says_no"),
        ("debit", ours("dropped", booked=None), theirs(on=NEXT), "cutoff next_file"),
        ("debit", ours("succeeded"), theirs(is_twice=True), "long twice"),
        ("debit", None, theirs(), "long no_order"),
        ("debit", None, theirs(on=NEXT), "cutoff next_file"),
        ("debit", ours("succeeded"), None, "short absent"),
        ("debit", ours("returned"), None, "short absent"),
        ("debit", ours("succeeded", on=NEXT, moved_on=DAY), None, "cutoff next_file"),
        ("debit", ours("succeeded", on=NEXT, moved_on=NEXT), None, "nothing"),
        ("debit", ours("succeeded", on=BEFORE), None, "nothing"),
        ("debit", ours("succeeded", booked=None), None, "nothing"),
        ("debit", ours("declined", booked=None), None, "nothing"),
        ("debit", ours("unknown", booked=None), None, "wait"),
        ("debit", ours("unknown", booked=None, on=NEXT), None, "nothing"),
        ("return", ours("returned"), theirs(), "matched"),
        ("return", ours("succeeded"), theirs(), "return"),
        ("return", ours("succeeded"), theirs(FOUR), "amount amount"),
        ("return", ours("declined", booked=None), theirs(), "status not_succeeded"),
        ("return", ours("returned"), None, "short absent"),
        ("return", ours("succeeded"), None, "nothing"),
        ("return", None, theirs(), "long no_order"),
        ("debit", None, None, "nothing"),
        ("debit", ours("succeeded", is_unplaced=True), theirs(), "status not_placed"),
        ("debit", ours("succeeded", is_unplaced=True), theirs(FOUR), "amount amount"),
        ("debit", ours("succeeded", is_unplaced=True), None, "short absent"),
        ("debit", ours("returned", is_taken_back=True), None, "nothing"),
        ("return", ours("returned", is_taken_back=True), None, "nothing"),
        ("debit", ours("returned", is_taken_back=True), theirs(), "status says_no"),
        ("debit", ours("returned", is_taken_back=True), theirs(is_done=False), "nothing"),
        ("debit", ours("unknown", booked=None), theirs(is_done=False, is_twice=True), "status code"),
    ],
)
def test_judges_before_the_next_file_is_here(
    movement: str, our_side: Ours | None, their_side: Theirs | None, said: str
) -> None:
    found = judge(movement=movement, ours=our_side, theirs=their_side, day=DAY, files=Files(), is_elsewhere=False)
    assert f"{found.outcome} {found.why}".strip() == said


@pytest.mark.parametrize(
    ("our_side", "their_side", "said"),
    [
        (ours("unknown", booked=None), None, "decline"),
        (ours("succeeded", on=NEXT), None, "nothing"),
        (None, theirs(on=NEXT), "long no_order"),
        (ours("declined", booked=None), theirs(on=NEXT), "status says_no"),
    ],
)
def test_judges_otherwise_once_the_next_file_is_here(
    our_side: Ours | None, their_side: Theirs | None, said: str
) -> None:
    found = judge(movement="debit", ours=our_side, theirs=their_side, day=DAY, files=NEXT_IS_HERE, is_elsewhere=False)
    assert f"{found.outcome} {found.why}".strip() == said


def test_leaves_what_stands_in_another_file_to_the_day_of_that_file() -> None:
    found = judge(movement="debit", ours=ours("succeeded"), theirs=None, day=DAY, files=Files(), is_elsewhere=True)
    assert found.outcome == "nothing"


@pytest.mark.parametrize(("at", "day"), [("21:59:59", DAY), ("22:00:00", DAY), ("22:00:01", NEXT), ("00:00:00", DAY)])
def test_the_rails_day_turns_after_its_cut_off(at: str, day: date) -> None:
    moment = datetime.combine(DAY, time.fromisoformat(at))
    assert rail_day(at=moment, cut_off=time(22)) == day


@pytest.mark.parametrize(
    ("our_side", "said"), [(ours("unknown", booked=None), "decline"), (ours("succeeded", on=NEXT), "short absent")]
)
def test_a_later_file_decides_where_the_next_day_has_none(our_side: Ours, said: str) -> None:
    found = judge(movement="debit", ours=our_side, theirs=None, day=DAY, files=Files(later=True), is_elsewhere=False)
    assert f"{found.outcome} {found.why}".strip() == said


def test_what_is_pending_is_judged_in_the_file_that_says_that_it_moved() -> None:
    pending = theirs(is_done=False)
    for our_side in (ours("unknown", booked=None), None):
        found = judge(movement="debit", ours=our_side, theirs=pending, day=DAY, files=NEXT_IS_HERE, is_elsewhere=True)
        assert found.outcome == "nothing"


def test_nothing_is_booked_by_hand_of_a_return() -> None:
    found = resolutions_of(kind=DifferenceKind.SHORT, movement="return", records=SUCCEEDED)
    assert found == (Resolution.LATER, Resolution.EXPLAIN)


def records(**facts: Any) -> Records:
    return Records(has_command=True, **facts)


SUCCEEDED = records(is_succeeded=True)


@pytest.mark.parametrize(
    ("kind", "found", "ways"),
    [
        ("short", SUCCEEDED, "reverse later explain"),
        ("long", records(is_succeeded=True, says=Says.MOVED), "believe refund explain"),
        ("long", Records(says=Says.MOVED), "believe refund explain"),
        ("long", Records(says=Says.REFUSED), "explain"),
        ("status", records(says=Says.MOVED), "believe refund explain"),
        ("status", records(is_succeeded=True, says=Says.REFUSED), "reverse explain"),
        ("status", records(is_succeeded=True, is_unplaced=True, says=Says.MOVED), "believe refund explain"),
        ("status", records(is_in_flight=True, says=Says.REFUSED), "decline"),
        ("status", records(is_in_flight=True, says=Says.UNCLEAR), "believe refund decline"),
        ("status", records(is_in_flight=True, says=Says.MOVED), "believe refund"),
        ("status", records(is_in_flight=True), "explain"),
        ("status", records(says=Says.MOVED, is_one_currency=False), "explain"),
        ("amount", records(is_succeeded=True, says=Says.MOVED), "correct explain"),
        ("amount", records(is_in_flight=True, says=Says.MOVED), "correct"),
        ("amount", records(is_returned=True, says=Says.MOVED), "explain"),
        ("amount", records(is_succeeded=True, says=Says.MOVED, is_one_currency=False), "explain"),
        ("cutoff", records(says=Says.MOVED), "explain"),
        ("payee", SUCCEEDED, "later explain"),
    ],
)
def test_a_ticket_can_end_only_as_its_records_allow(kind: str, found: Records, ways: str) -> None:
    assert " ".join(resolutions_of(kind=DifferenceKind(kind), movement="debit", records=found)) == ways


@pytest.mark.parametrize(
    ("way", "found", "weighed"),
    [
        (Resolution.BELIEVE, records(says=Says.MOVED), False),
        (Resolution.BELIEVE, records(says=Says.UNCLEAR), True),
        (Resolution.BELIEVE, Records(says=Says.MOVED), True),
        *((way, SUCCEEDED, True) for way in Resolution if way not in {Resolution.BELIEVE, Resolution.CLEARED}),
    ],
)
def test_two_people_agree_to_all_but_what_the_channel_says_of_our_order(
    way: Resolution, found: Records, weighed: bool
) -> None:
    assert is_weighed(way, records=found) is weighed


@pytest.mark.parametrize(
    ("due_on", "is_near"),
    [(DAY, False), (NEXT, True), (date(2026, 3, 26), True), (date(2026, 3, 27), False), (date(2099, 12, 31), False)],
)
def test_a_file_is_waited_for_a_week_at_most(due_on: date, is_near: bool) -> None:
    assert is_near_enough(due_on, day=DAY, today=date(2026, 3, 19)) is is_near


@pytest.mark.parametrize(("today", "over"), [(NEXT, False), (date(2026, 3, 19), False), (date(2026, 3, 20), True)])
def test_a_file_is_overdue_once_the_morning_after_is_over(today: date, over: bool) -> None:
    assert is_overdue(NEXT, today=today) is over
    assert (overdue_since(NEXT) <= today) is over


@pytest.mark.parametrize(
    ("days", "step"), [(0, Urgency.OWNER), (1, Urgency.OWNER), (2, Urgency.LEAD), (4, Urgency.LEAD), (5, Urgency.HEAD)]
)
def test_a_ticket_goes_up_a_step_with_its_age(days: int, step: Urgency) -> None:
    assert urgency_of(days_open=days) == step
