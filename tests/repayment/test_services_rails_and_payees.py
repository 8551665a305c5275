"""The verbs of rails, limits of banks and payees: what is set, refused, and written into the trail."""

from datetime import date, time, timedelta
from decimal import Decimal
from typing import Any

import pytest

from backoffice.audit.models import AuditEntry
from backoffice.core.actors import SYSTEM
from backoffice.core.errors import Refusal
from backoffice.repayment.domain.autopay.mandate_terms import Limits
from backoffice.repayment.models import AutopayConfiguration, AutopayVersion, BankLimit, Payee, Rail
from backoffice.repayment.selectors.autopay.payees import versions_naming
from backoffice.repayment.services.autopay import payees, rail_settings
from tests.repayment.autopay_book import NOON, TODAY, rail
from tests.repayment.factories import ADA

pytestmark = pytest.mark.django_db


def set_rail(**fields: Any) -> Rail:
    usual = {"code": "union", "name": "Union", "kind": "http", "scheme": "unionpay", "url": "https://bank.example/r/"}
    return rail_settings.set_rail(**(usual | {"actor": ADA} | fields))


def verbs() -> list[str]:
    return list(AuditEntry.objects.order_by("pk").values_list("verb", flat=True))


def test_a_rail_is_set_up_and_changed_by_its_code() -> None:
    made = set_rail()
    assert (made.url, made.is_paused) == ("https://bank.example/r", False)
    assert set_rail().pk == made.pk
    assert set_rail(name="Other").name == "Other"
    assert verbs() == ["repayment.rail.set", "repayment.rail.set"]
    assert "secret" not in str(AuditEntry.objects.values_list("after", flat=True))


@pytest.mark.parametrize(
    ("fields", "at_fault"),
    [
        ({"scheme": "nobody"}, {"scheme"}),
        ({"opens": time(9), "closes": time(9)}, {"closes"}),
        ({"per_second": Decimal(0)}, {"per_second"}),
        ({"kind": "iso20022"}, {"kind"}),
    ],
)
def test_settings_that_cannot_be_used_are_refused_by_field(fields: dict[str, Any], at_fault: set[str]) -> None:
    set_rail()
    with pytest.raises(rail_settings.RailRefused) as refusal:
        set_rail(**fields)
    assert set(refusal.value.fields) == at_fault


def test_a_rail_is_paused_for_a_reason_and_resumes_with_an_empty_bucket() -> None:
    held = rail()
    with pytest.raises(rail_settings.RailRefused):
        rail_settings.pause_rail(rail_id=held.pk, reason="  ", actor=ADA)
    paused = rail_settings.pause_rail(rail_id=held.pk, reason="the bank is down", actor=ADA)
    assert (paused.is_paused, paused.paused_reason) == (True, "the bank is down")
    with pytest.raises(rail_settings.RailInState, match="paused already"):
        rail_settings.pause_rail(rail_id=held.pk, reason="again", actor=ADA)

    resumed = rail_settings.resume_rail(rail_id=held.pk, reason="it is up", actor=ADA, at=NOON)

    assert (resumed.is_paused, resumed.paused_reason, resumed.tokens, resumed.refilled_at) == (False, "", 0, NOON)
    with pytest.raises(rail_settings.RailInState):
        rail_settings.resume_rail(rail_id=held.pk, reason="again", actor=ADA, at=NOON)
    with pytest.raises(rail_settings.RailNotFound):
        rail_settings.pause_rail(rail_id=0, reason="x", actor=ADA)
    assert verbs() == ["repayment.rail.paused", "repayment.rail.resumed"]


def limit(rail_id: int, **fields: Any) -> BankLimit:
    usual: dict[str, Any] = {
        "bank": "CZ01",
        "currency": "CNY",
        "limits": Limits(single=Decimal(5000)),
        "attempts_a_day": 3,
        "effective_from": TODAY,
        "today": TODAY,
        "actor": ADA,
    }
    return rail_settings.set_bank_limit(rail_id=rail_id, **(usual | fields))


def test_a_limit_holds_from_its_day_on_and_earlier_days_stay_as_they_were() -> None:
    held = rail()
    limit(held.pk)
    later = limit(held.pk, effective_from=TODAY + timedelta(days=1), limits=Limits(single=Decimal(1000)))
    assert limit(held.pk, limits=Limits(single=Decimal(4000))).single == Decimal(4000)
    assert later.pk != limit(held.pk).pk
    assert BankLimit.objects.count() == 2
    for fields, at_fault in (
        ({"effective_from": date(2026, 3, 1)}, {"effective_from"}),
        ({"attempts_a_day": 0}, {"attempts_a_day"}),
        ({"limits": Limits(single=Decimal(2), day=Decimal(1))}, {"day"}),
    ):
        with pytest.raises(rail_settings.LimitRefused) as refusal:
            limit(held.pk, **fields)
        assert set(refusal.value.fields) == at_fault
    with pytest.raises(rail_settings.RailNotFound):
        limit(0)


def payee(**fields: Any) -> Payee:
    usual = {"code": "funder-a", "name": "Funder A", "kind": "funder", "creditor": "A", "account": "tok-a"}
    return payees.create_payee(**(usual | {"actor": ADA} | fields))


@pytest.mark.parametrize(
    ("fields", "at_fault"),
    [
        ({}, "code"),
        ({"code": "b"}, "creditor"),
        ({"code": "b", "creditor": "B", "account": "6222021234567890"}, "account"),
        ({"code": "b", "creditor": "B", "account": "an account"}, "account"),
    ],
)
def test_a_payee_is_one_of_its_code_and_creditor_and_has_a_token(fields: dict[str, Any], at_fault: str) -> None:
    payee()
    with pytest.raises(payees.PayeeRefused) as refusal:
        payee(**fields)
    assert set(refusal.value.fields) == {at_fault}


def test_a_payee_is_changed() -> None:
    made = payee()
    for _twice in range(2):
        payees.change_payee(payee_id=made.pk, name="A2", creditor="A", account="tok-b", reason="moved", actor=ADA)
    made.refresh_from_db()
    assert (made.name, made.account) == ("A2", "tok-b")
    assert verbs() == ["repayment.payee.created", "repayment.payee.changed"]


def version(state: str, *, keeper: str) -> AutopayVersion:
    configuration, _new = AutopayConfiguration.objects.get_or_create(
        code="cash", defaults={"name": "Cash", "portfolio": "cash"}
    )
    content = {"payees": {"principal": [{"payee": "funder-a", "share": "1"}]}, "keeper": keeper}
    number = configuration.versions.count() + 1
    fields = {"approved_by_name": "B", "approved_by": 2, "approved_at": NOON} if state not in {"draft"} else {}
    return AutopayVersion.objects.create(
        configuration=configuration,
        number=number,
        state=state,
        content=content,
        created_by=1,
        created_by_name="A",
        effective_from=TODAY,
        **fields,
    )


def test_a_payee_a_version_in_force_names_is_not_retired() -> None:
    made = payee()
    ruling = version("active", keeper="other")
    with pytest.raises(payees.PayeeStillNamed, match="Cash, version 1"):
        payees.retire_payee(payee_id=made.pk, reason="left", actor=ADA)
    AutopayVersion.objects.filter(pk=ruling.pk).update(state="retired")
    version("draft", keeper="funder-a")

    assert [(naming.label, naming.rules) for naming in versions_naming(code="funder-a")] == [("Cash, version 2", False)]
    assert not payees.retire_payee(payee_id=made.pk, reason="left", actor=ADA).is_active
    assert payees.reinstate_payee(payee_id=made.pk, reason="back", actor=SYSTEM).is_active


@pytest.mark.parametrize(
    "content", [{}, {"payees": []}, {"payees": {"principal": "x"}}, {"payees": {"fee": ["x", {}]}}]
)
def test_a_draft_that_is_no_configuration_names_nobody(content: dict[str, Any]) -> None:
    AutopayVersion.objects.filter(pk=version("draft", keeper="").pk).update(content=content)
    assert versions_naming(code="funder-a") == []


def test_a_payee_is_retired_and_taken_back_once() -> None:
    made = payee()
    refusals: list[type[Refusal]] = []
    for verb in (payees.reinstate_payee, payees.retire_payee, payees.retire_payee):
        try:
            verb(payee_id=made.pk, reason="x", actor=ADA)
        except Refusal as refusal:
            refusals.append(type(refusal))
    assert refusals == [payees.PayeeInState, payees.PayeeInState]
    with pytest.raises(payees.PayeeNotFound):
        payees.retire_payee(payee_id=0, reason="x", actor=ADA)
