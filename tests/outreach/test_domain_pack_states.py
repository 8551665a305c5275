"""Which version of a pack holds when, and how one may move."""

from datetime import UTC, date, datetime, timedelta

from backoffice.outreach.domain.pack_states import TRANSITIONS, Published, holding, may_become

DAY = date(2026, 5, 4)
NOON = datetime(2026, 5, 4, 12, tzinfo=UTC)
FIRST = Published("cn", 1, 11, "a", date(2000, 1, 1), None, None)
SECOND = Published("cn", 2, 12, "b", DAY, NOON, None)


def numbers(*versions: Published, on: date, at: datetime | None = None) -> list[tuple[str, int]]:
    return [(version.code, version.number) for version in holding(versions, on=on, at=at)]


def test_the_last_version_whose_day_has_come_holds() -> None:
    assert numbers(FIRST, SECOND, on=DAY - timedelta(days=1)) == [("cn", 1)]
    assert numbers(SECOND, FIRST, on=DAY) == [("cn", 2)]


def test_each_pack_has_its_own_and_they_come_in_the_order_of_their_codes() -> None:
    house = Published("house", 3, 13, "c", date(2000, 1, 1), None, None)
    assert numbers(house, SECOND, on=DAY) == [("cn", 2), ("house", 3)]


def test_a_version_that_was_rolled_back_holds_no_more() -> None:
    gone = Published("cn", 2, 12, "b", DAY, NOON, NOON + timedelta(hours=3))
    assert numbers(FIRST, gone, on=DAY) == [("cn", 1)]
    assert numbers(gone, on=DAY) == []


def test_the_past_sees_neither_later_approvals_nor_later_withdrawals() -> None:
    withdrawn = NOON + timedelta(hours=3)
    gone = Published("cn", 2, 12, "b", DAY, NOON, withdrawn)
    moments = [NOON - timedelta(seconds=1), NOON, withdrawn - timedelta(seconds=1), withdrawn]
    assert [numbers(FIRST, gone, on=DAY, at=at) for at in moments] == [
        [("cn", 1)],
        [("cn", 2)],
        [("cn", 2)],
        [("cn", 1)],
    ]


def test_of_two_that_start_on_a_day_the_later_number_holds() -> None:
    third = Published("cn", 3, 14, "d", DAY, NOON, None)
    assert numbers(third, SECOND, on=DAY) == [("cn", 3)]


def test_nothing_is_published_without_a_check_and_a_second_person() -> None:
    assert {state for state, after in TRANSITIONS.items() if "approved" in after} == {"submitted"}
    assert {state for state, after in TRANSITIONS.items() if "submitted" in after} == {"checked"}
    assert may_become(state="retired", to="active")
    assert not may_become(state="draft", to="active")
