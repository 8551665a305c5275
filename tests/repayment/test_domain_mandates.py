"""The small rules of mandates: states, and what may be bound and allowed."""

from decimal import Decimal as D

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backoffice.repayment.domain.autopay.mandate_states import MOVES, MandateState, may_move
from backoffice.repayment.domain.autopay.mandate_terms import (
    Binding,
    Fault,
    Limits,
    faults_of_binding,
    faults_of_limits,
    is_agreement_number,
)

OVER = {MandateState.REVOKED, MandateState.REPLACED, MandateState.EXPIRED}
GOOD = {"kind": "card", "bank": "CZ01", "token": "tok-1.a_b", "mask": "6222 **** 34", "currency": "CNY"}


def test_what_is_over_is_over():
    assert {state for state in MandateState if not MOVES[state]} == OVER


def test_only_what_was_signed_or_suspended_comes_into_force():
    assert {state for state in MandateState if may_move(current=state, to=MandateState.ACTIVE)} == {
        MandateState.SIGNING,
        MandateState.SUSPENDED,
    }


def test_an_agreement_being_signed_takes_over_from_nothing_yet():
    assert not may_move(current=MandateState.SIGNING, to=MandateState.REPLACED)


def test_a_good_binding_has_no_faults():
    assert faults_of_binding(Binding(**GOOD)) == {}


@pytest.mark.parametrize(
    ("field", "value", "fault"),
    [
        ("token", "6222021234567890123", Fault.LOOKS_LIKE_A_NUMBER),
        ("token", "6222-0212-3456-7890", Fault.LOOKS_LIKE_A_NUMBER),
        ("token", "", Fault.MALFORMED),
        ("token", "tok 1", Fault.MALFORMED),
        ("token", "t" * 65, Fault.MALFORMED),
        ("mask", "6222 0212 3456 7890", Fault.LOOKS_LIKE_A_NUMBER),
        ("mask", "6222021 ****", Fault.LOOKS_LIKE_A_NUMBER),
        ("mask", "", Fault.MALFORMED),
        ("mask", "*" * 25, Fault.MALFORMED),
        ("mask", "**\n12", Fault.MALFORMED),
        ("bank", "a bank", Fault.MALFORMED),
        ("currency", "cny", Fault.MALFORMED),
        ("kind", "cheque", Fault.MALFORMED),
    ],
)
def test_a_number_is_never_taken_for_its_token(field, value, fault):
    assert faults_of_binding(Binding(**(GOOD | {field: value}))) == {field: fault}


@given(number=st.from_regex(r"[0-9]{7,24}", fullmatch=True))
def test_no_number_of_a_card_or_account_gets_past_as_token_or_mask(number):
    faults = faults_of_binding(Binding(**(GOOD | {"token": number, "mask": number})))
    assert set(faults) == {"token", "mask"}


@pytest.mark.parametrize(
    ("limits", "faults"),
    [
        (Limits(), {}),
        (Limits(single=D(100), day=D(100), month=D(3000)), {}),
        (Limits(single=D(0)), {"single_limit": Fault.NOT_POSITIVE}),
        (Limits(day=D(-1), month=D(-1)), {"day_limit": Fault.NOT_POSITIVE, "month_limit": Fault.NOT_POSITIVE}),
        (Limits(single=D(200), day=D(100)), {"day_limit": Fault.ORDER}),
        (Limits(single=D(200), month=D(100)), {"month_limit": Fault.ORDER}),
        (Limits(day=D(200), month=D(100)), {"month_limit": Fault.ORDER}),
    ],
)
def test_limits_widen_from_one_debit_to_a_month(limits, faults):
    assert faults_of_limits(limits) == faults


def test_an_agreement_number_fits_every_rail():
    assert is_agreement_number("AG-000017")
    assert not is_agreement_number("A" * 36)
    assert not is_agreement_number("AG 17")
