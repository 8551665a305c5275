"""A rule of claims is the work of two people, names a guarantor with a name as creditor, and overlaps no other."""

from datetime import date, time, timedelta
from decimal import Decimal
from typing import Any

import pytest

from backoffice.audit.approvals import approve
from backoffice.audit.models import Approval
from backoffice.core.actors import Actor
from backoffice.repayment.models import ClaimRule
from backoffice.repayment.services.autopay.claim_rules import (
    ClaimRuleInState,
    ClaimRuleNotFound,
    ClaimRuleRefused,
    RuleDraft,
    draft_rule,
    retire_rule,
    submit_rule,
)
from tests.repayment.autopay import claiming
from tests.repayment.autopay.claiming import DAY, FRIDA, business_date_is, guarantor

pytestmark = pytest.mark.django_db
ALEX = Actor(kind="staff", id=31, name="Alex", roles=frozenset({"admin"}))


@pytest.fixture(autouse=True)
def _day() -> None:
    business_date_is(DAY)


def draft(**fields: Any) -> RuleDraft:
    usual: dict[str, Any] = {
        "guarantor_id": guarantor().pk,
        "portfolio": "cash",
        "product_id": None,
        "funder": "lender",
        "currency": "CNY",
        "kind": "per_instalment",
        "trigger_dpd": 60,
        "with_penalty": True,
        "cap_share": Decimal("0.08"),
        "cut_off": time(18),
        "effective_from": DAY + timedelta(days=1),
    }
    return RuleDraft(**(usual | fields))


def drafted(**fields: Any) -> ClaimRule:
    return draft_rule(draft=draft(**fields), reason="contract 7", actor=FRIDA)


def test_two_people_bring_a_rule_into_force() -> None:
    rule = drafted()
    approval = submit_rule(rule_id=rule.pk, reason="contract 7", actor=FRIDA)
    assert "guard pays lender for loans of cash at 60 days past due" in Approval.objects.get().consequence
    approve(approval_id=approval.pk, actor=ALEX, note="read the contract")
    rule.refresh_from_db()
    assert (rule.state, rule.created_by_name, rule.approved_by_name) == ("approved", "Frida", "Alex")
    with pytest.raises(ClaimRuleInState):
        submit_rule(rule_id=rule.pk, reason="again", actor=FRIDA)
    assert retire_rule(rule_id=rule.pk, reason="ended", actor=FRIDA).state == "retired"
    with pytest.raises(ClaimRuleInState):
        retire_rule(rule_id=rule.pk, reason="ended", actor=FRIDA)


def test_a_rule_agreed_to_late_holds_from_the_first_day_that_is_not_listed() -> None:
    rule = drafted()
    approval = submit_rule(rule_id=rule.pk, reason="contract 7", actor=FRIDA)
    business_date_is(DAY + timedelta(days=5))
    approve(approval_id=approval.pk, actor=ALEX, note="read the contract")
    rule.refresh_from_db()
    assert rule.effective_from == DAY + timedelta(days=6)


@pytest.mark.parametrize(
    ("fields", "at_fault"),
    [
        ({"cap_share": Decimal(0)}, "cap_share"),
        ({"cap_share": Decimal("1.01")}, "cap_share"),
        ({"effective_from": DAY}, "effective_from"),
        ({"effective_to": DAY + timedelta(days=1)}, "effective_to"),
        ({"funder": "guard"}, "guarantor_id"),
        ({"guarantor_id": 0}, "guarantor_id"),
    ],
)
def test_what_cannot_be_is_refused_at_its_field(fields: dict[str, Any], at_fault: str) -> None:
    with pytest.raises(ClaimRuleRefused) as refused:
        drafted(**fields)
    assert set(refused.value.fields) == {at_fault}
    assert not ClaimRule.objects.exists()


@pytest.mark.parametrize(
    ("fields", "overlaps"),
    [
        ({}, True),
        ({"kind": "whole_loan"}, False),
        ({"portfolio": "other"}, False),
        ({"funder": "bank-b"}, False),
        ({"currency": "USD"}, False),
        ({"effective_from": date(2026, 6, 1)}, False),
    ],
)
def test_two_rules_of_a_kind_do_not_cover_the_same_loans_on_the_same_days(
    fields: dict[str, Any], overlaps: bool
) -> None:
    claiming.rule(effective_to=date(2026, 6, 1))
    if overlaps:
        with pytest.raises(ClaimRuleRefused):
            drafted(**fields)
    else:
        assert drafted(**fields).state == "draft"


def test_a_rule_that_is_not_there_is_not_found() -> None:
    with pytest.raises(ClaimRuleNotFound):
        submit_rule(rule_id=0, reason="no", actor=FRIDA)
