"""What two records of one movement come to, rule by rule."""

from datetime import date, datetime, time
from decimal import Decimal
from typing import Any

import pytest

from backoffice.repayment.domain.autopay.debit_states import CommandState
from backoffice.repayment.domain.autopay.differences import (
    DifferenceKind,
    Resolution,
    Urgency,
    resolutions_of,
    urgency_of,
)
from backoffice.repayment.domain.autopay.matching import Ours, Theirs, judge, rail_day

DAY, NEXT, BEFORE = date(2026, 3, 17), date(2026, 3, 18), date(2026, 3, 16)
FIVE, FOUR = Decimal("500.00"), Decimal("400.00")


def ours(
    state: str,
    *,
    booked: Decimal | None = FIVE,
    on: date = DAY,
    moved_on: date = DAY,
    currency: str = "CNY",
) -> Ours:
    return Ours(state=CommandState(state), amount=FIVE, currency=currency, booked=booked, on=on, moved_on=moved_on)


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
    ],
)
def test_judges_before_the_next_file_is_here(
    movement: str, our_side: Ours | None, their_side: Theirs | None, said: str
) -> None:
    found = judge(movement=movement, ours=our_side, theirs=their_side, day=DAY, is_next_known=False, is_elsewhere=False)
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
    found = judge(movement="debit", ours=our_side, theirs=their_side, day=DAY, is_next_known=True, is_elsewhere=False)
    assert f"{found.outcome} {found.why}".strip() == said


def test_leaves_what_stands_in_another_file_to_the_day_of_that_file() -> None:
    found = judge(
        movement="debit", ours=ours("succeeded"), theirs=None, day=DAY, is_next_known=False, is_elsewhere=True
    )
    assert found.outcome == "nothing"


@pytest.mark.parametrize(("at", "day"), [("21:59:59", DAY), ("22:00:00", DAY), ("22:00:01", NEXT), ("00:00:00", DAY)])
def test_the_rails_day_turns_after_its_cut_off(at: str, day: date) -> None:
    moment = datetime.combine(DAY, time.fromisoformat(at))
    assert rail_day(at=moment, cut_off=time(22)) == day


def test_nothing_is_booked_by_hand_of_a_return() -> None:
    found = resolutions_of(kind=DifferenceKind.SHORT, movement="return", is_booked=True, has_line=False)
    assert found == (Resolution.LATER, Resolution.EXPLAIN)


@pytest.mark.parametrize(
    ("kind", "is_booked", "has_line", "ways"),
    [
        ("short", True, False, ["reverse", "later", "explain"]),
        ("long", True, True, ["believe", "refund", "explain"]),
        ("status", False, True, ["believe", "refund", "explain"]),
        ("status", True, True, ["reverse", "explain"]),
        ("amount", True, True, ["correct", "explain"]),
        ("cutoff", False, True, ["explain"]),
        ("payee", True, False, ["later", "explain"]),
    ],
)
def test_a_ticket_can_end_only_as_its_records_allow(
    kind: str, is_booked: bool, has_line: bool, ways: list[str]
) -> None:
    found = resolutions_of(kind=DifferenceKind(kind), movement="debit", is_booked=is_booked, has_line=has_line)
    assert [way.value for way in found] == ways


@pytest.mark.parametrize(
    ("days", "step"), [(0, Urgency.OWNER), (1, Urgency.OWNER), (2, Urgency.LEAD), (4, Urgency.LEAD), (5, Urgency.HEAD)]
)
def test_a_ticket_goes_up_a_step_with_its_age(days: int, step: Urgency) -> None:
    assert urgency_of(days_open=days) == step
