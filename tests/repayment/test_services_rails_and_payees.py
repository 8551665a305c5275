"""The verbs of rails, limits of banks and payees: what is set, refused, and written into the trail."""

from datetime import date, time, timedelta
from decimal import Decimal
from typing import Any

import pytest

from backoffice.audit import approvals
from backoffice.audit.models import Approval, ApprovalLimit, AuditEntry
from backoffice.core.actors import SYSTEM
from backoffice.core.errors import Refusal
from backoffice.repayment.domain.autopay.mandate_terms import Limits
from backoffice.repayment.models import AutopayConfiguration, AutopayVersion, BankLimit, Payee, Rail
from backoffice.repayment.selectors.autopay.payees import versions_naming
from backoffice.repayment.services.autopay import payees, rail_settings
from tests.repayment.autopay.contents import configuration, in_force, open_rails
from tests.repayment.autopay_book import NOON, TODAY, rail
from tests.repayment.factories import ADA
from tests.staff.factories import person

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


# ------------------------------------------------------------------------------------------- what rules debits already


def changed(payee_id: int, **fields: Any) -> payees.PayeeChange:
    usual: dict[str, Any] = {"name": "Funder A", "creditor": "A", "account": "tok-a", "reason": "moved", "actor": ADA}
    return payees.change_payee(payee_id=payee_id, **(usual | fields))


@pytest.mark.parametrize("fields", [{"account": "tok-b"}, {"creditor": "B"}, {"contract_shares": {"interest": "0.9"}}])
def test_where_money_goes_changes_by_two_people_while_a_version_in_force_pays_it(fields: dict[str, Any]) -> None:
    made = payee()
    version("active", keeper="other")
    ApprovalLimit.objects.get_or_create(verb=payees.CHANGE, role="compliance", defaults={"alone": False})

    done = changed(made.pk, **fields)

    made.refresh_from_db()
    assert (made.creditor, made.account, made.contract_shares) == ("A", "tok-a", {})
    with pytest.raises(approvals.OwnRequest):
        approvals.approve(approval_id=done.approval_id or 0, actor=ADA)
    asked = Approval.objects.get(pk=done.approval_id)
    assert "Funder A is paid by Cash, version 1." in asked.consequence
    decided = approvals.approve(approval_id=asked.pk, actor=person("compliance").as_actor())
    made.refresh_from_db()
    assert decided.state == "approved"
    assert {field: getattr(made, field) for field in fields} == fields


def test_another_name_is_written_at_once_and_what_was_asked_for_before_a_change_is_not_done() -> None:
    made = payee()
    version("active", keeper="other")
    ApprovalLimit.objects.get_or_create(verb=payees.CHANGE, role="compliance", defaults={"alone": False})
    asked = changed(made.pk, account="tok-b")
    assert changed(made.pk, name="Funder AA").approval_id is None

    decided = approvals.approve(approval_id=asked.approval_id or 0, actor=person("compliance").as_actor())

    made.refresh_from_db()
    assert (decided.state, made.name, made.account) == ("failed", "Funder AA", "tok-a")


@pytest.mark.parametrize("shares", [{"interest": "1.5"}, {"interest": "much"}, {"nothing": "1"}])
def test_a_contract_gives_shares_of_components(shares: dict[str, str]) -> None:
    with pytest.raises(payees.PayeeRefused) as refusal:
        payee(contract_shares=shares)
    assert set(refusal.value.fields) == {"contract_shares"}


@pytest.mark.parametrize(
    ("fields", "why"),
    [
        ({"cut_off": time(20)}, "The slot 19:00–20:30 ends after the cut-off of Union, 20:00."),
        ({"opens": time(6, 30)}, "The slot 06:00–07:30 lies outside the hours of Union, 06:30–22:00."),
        ({"calendar": "CN"}, "Union keeps the calendar CN; debits would run on its holidays."),
        ({"scheme": "netsunion"}, ""),
    ],
)
def test_a_rail_does_not_become_what_versions_in_force_do_not_fit(fields: dict[str, Any], why: str) -> None:
    open_rails()
    in_force(configuration())
    usual = {field: getattr(Rail.objects.get(), field) for field in rail_settings.SET_BY_PEOPLE}
    given = {"code": "union-sandbox"} | usual

    with pytest.raises(Refusal) as refusal:
        set_rail(**(given | fields))

    assert why in refusal.value.message
    rail_after = Rail.objects.get()
    assert {field: getattr(rail_after, field) for field in usual} == usual
    assert set_rail(**(given | {"name": "Union II", "cut_off": time(21, 30)})).name == "Union II"


def test_a_version_that_did_not_fit_before_does_not_keep_a_rail_from_changing() -> None:
    open_rails()
    in_force(configuration(), slots=[{"id": "late", "at": "20:00", "until": "21:30"}])
    usual = {field: getattr(Rail.objects.get(), field) for field in rail_settings.SET_BY_PEOPLE}
    assert set_rail(**({"code": "union-sandbox"} | usual | {"per_second": Decimal(7)})).per_second == 7


def test_the_calendar_of_a_rail_is_set_by_people() -> None:
    held = rail()
    set_to = rail_settings.set_rail_calendar(rail_id=held.pk, calendar="CZ", reason="their letter", actor=ADA)
    assert set_to.calendar == "CZ"
    assert AuditEntry.objects.get().after["calendar"] == "CZ"
    with pytest.raises(rail_settings.RailRefused) as refusal:
        rail_settings.set_rail_calendar(rail_id=held.pk, calendar="XX", reason="their letter", actor=ADA)
    assert set(refusal.value.fields) == {"calendar"}
    with pytest.raises(rail_settings.RailNotFound):
        rail_settings.set_rail_calendar(rail_id=0, calendar="CZ", reason="x", actor=ADA)
