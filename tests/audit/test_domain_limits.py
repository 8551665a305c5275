"""Who may do how much alone, and who may decide how much for others."""

from decimal import Decimal

import pytest

from backoffice.audit.domain.approval_states import MOVES, TONES, ApprovalState, may_move
from backoffice.audit.domain.limits import NONE_AT_ALL, UNBOUND, Authority, LimitRow, authority_of

ROWS = [
    LimitRow("agent", "", Decimal("50.00"), alone=True),
    LimitRow("agent", "UGX", Decimal("200000.00"), alone=True),
    LimitRow("senior_agent", "", Decimal("500.00"), alone=True),
    LimitRow("team_lead", "", None, alone=False),
]


def test_a_role_without_a_row_may_do_nothing():
    authority = authority_of(rows=ROWS, roles={"collector"}, currency="CNY")

    assert authority == Authority(alone=NONE_AT_ALL, decides=NONE_AT_ALL)
    assert not authority.may_do_alone(amount=None)
    assert not authority.may_decide(amount=Decimal("0.00"))


@pytest.mark.parametrize(
    ("amount", "alone"), [("0.00", True), ("49.99", True), ("50.00", True), ("50.01", False), ("1000000.00", False)]
)
def test_the_limit_itself_is_still_within_it(amount, alone):
    authority = authority_of(rows=ROWS, roles={"agent"}, currency="CNY")

    assert authority.may_do_alone(amount=Decimal(amount)) is alone


def test_a_row_for_the_currency_goes_before_the_row_for_any_currency_in_either_order():
    for rows in (ROWS, ROWS[::-1]):
        assert authority_of(rows=rows, roles={"agent"}, currency="UGX").alone == Decimal("200000.00")
        assert authority_of(rows=rows, roles={"agent"}, currency="CNY").alone == Decimal("50.00")


def test_the_best_of_several_roles_counts():
    authority = authority_of(rows=ROWS, roles={"agent", "senior_agent"}, currency="CNY")

    assert authority == Authority(alone=Decimal("500.00"), decides=Decimal("500.00"))


def test_a_role_that_never_acts_alone_may_still_decide_without_limit():
    authority = authority_of(rows=ROWS, roles={"team_lead"}, currency="CNY")

    assert not authority.may_do_alone(amount=Decimal("0.01"))
    assert authority.may_decide(amount=Decimal("99999999.99"))


def test_a_verb_without_an_amount_counts_as_zero():
    assert authority_of(rows=ROWS, roles={"agent"}, currency="").may_do_alone(amount=None)
    assert UNBOUND.may_do_alone(amount=None)


def test_only_a_waiting_request_moves_and_every_state_has_a_tone():
    assert {state for state in ApprovalState if MOVES[state]} == {ApprovalState.PENDING}
    assert not may_move(current=ApprovalState.APPROVED, to=ApprovalState.DECLINED)
    assert not may_move(current=ApprovalState.PENDING, to=ApprovalState.PENDING)
    assert set(TONES) == set(ApprovalState)
