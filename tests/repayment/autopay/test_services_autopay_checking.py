"""Each guard of a configuration catches what it is for, says its name, and lets a sound version pass."""

from datetime import date, timedelta
from typing import Any

import pytest

from backoffice.audit.models import AuditEntry
from backoffice.core.actors import SYSTEM
from backoffice.outreach.models import ReminderPlanVersion
from backoffice.outreach.services.starting import load_starter, load_starter_plan
from backoffice.repayment.domain.autopay.guards import Guard, Severity, from_json
from backoffice.repayment.domain.terms_form import to_json
from backoffice.repayment.models import AutopayVersion, Loan, Mandate, Payee, Product, ProductVersion, Rail
from backoffice.repayment.selectors.autopay.in_force import open_days, ruling_of
from backoffice.repayment.services.autopay.checking import (
    ConfigurationRefused,
    check_version,
    findings_of,
    require_sound,
)
from backoffice.repayment.services.autopay.drafting import draft_version
from tests.repayment.autopay.contents import (
    MAKER,
    TODAY,
    configuration,
    content,
    in_force,
    limit,
    mandate,
    open_rails,
    whole,
)
from tests.repayment.cases import terms
from tests.repayment.factories import open_loan

pytestmark = pytest.mark.django_db
TOMORROW = TODAY + timedelta(days=1)


@pytest.fixture(autouse=True)
def _rails() -> None:
    open_rails()


def drafted(of: Any = None, *, since: date | None = TOMORROW, until: date | None = None, **changes: Any) -> Any:
    return draft_version(
        configuration_id=(of or configuration()).pk,
        content=content(**changes),
        note="",
        actor=MAKER,
        effective_from=since,
        effective_to=until,
    )


def found(version: AutopayVersion, severity: Severity = Severity.REFUSE) -> list[tuple[str, str]]:
    """Guards and fields of what a check finds; that the content has no trial is left aside."""
    return [
        (each.guard.value, each.field)
        for each in findings_of(version)
        if each.severity == severity and each.guard != Guard.TRIAL
    ]


def refusals(**changes: Any) -> list[tuple[str, str]]:
    return found(drafted(**changes))


def payees(**changes: Any) -> dict[str, Any]:
    return content()["payees"] | changes


def test_a_sound_draft_is_checked_and_the_trail_says_so() -> None:
    trial = {"share": "0.01", "loans": 50, "days": 1, "least_success": "0.5"}
    version = check_version(version_id=drafted(canary=trial).pk, actor=MAKER)

    assert (version.state, version.findings) == ("checked", [])
    entry = AuditEntry.objects.get(verb="repayment.autopay_version.checked")
    assert entry.after["refused_by"] == []


def test_a_draft_that_guards_refuse_stays_a_draft_and_keeps_what_they_said() -> None:
    version = check_version(
        version_id=drafted(payees=payees(interest=[{"payee": "lender", "share": "0.99"}])).pk, actor=MAKER
    )

    assert version.state == "draft"
    (finding,) = [from_json(each) for each in version.findings]
    assert (finding.guard, finding.field) == (Guard.SHARES, "payees.interest")
    assert finding.words == "The shares add up to 99 % and have to make the whole."
    assert AuditEntry.objects.get(verb="repayment.autopay_version.checked").after["refused_by"] == ["shares"]
    with pytest.raises(ConfigurationRefused) as refusal:
        require_sound(version)
    assert refusal.value.fields == {"payees.interest": "The shares add up to 99 % and have to make the whole."}


def test_swapped_payees_are_refused_by_the_guard_of_funders() -> None:
    swapped = payees(principal=whole("guarantor"), guarantee_fee=whole("lender"))
    assert refusals(payees=swapped) == [("funder", "payees.principal"), ("funder", "payees.guarantee_fee")]


def test_a_payee_who_is_gone_or_retired_is_refused() -> None:
    Payee.objects.filter(code="guarantor").update(is_active=False)
    assert refusals(payees=payees(fee=whole("nobody"))) == [
        ("payees", "payees.fee"),
        ("payees", "payees.guarantee_fee"),
    ]


def test_money_held_for_borrowers_is_kept_by_lender_or_platform() -> None:
    assert refusals(keeper="guarantor") == [("funder", "keeper")]


def test_a_funder_no_loan_has_is_refused() -> None:
    open_loan()
    version = drafted(configuration(funder="bank-z"), payees=payees(principal=whole("bank-a")))
    assert found(version) == [("funder", "funder"), ("funder", "payees.principal")]


def test_the_principal_of_a_funders_loans_goes_to_that_funder() -> None:
    Loan.objects.filter(pk=open_loan()).update(creditor="bank-a")
    of = configuration(funder="bank-a")
    version = drafted(of)
    assert found(version) == [("funder", "payees.principal")]
    version.content = content(payees=payees(principal=whole("bank-a")))
    assert found(version) == []


def test_principal_of_another_creditors_loans_does_not_go_to_the_payee_of_all() -> None:
    open_loan()
    Loan.objects.filter(pk=open_loan()).update(creditor="bank-a")
    version = drafted()
    assert found(version) == [("funder", "payees.principal")]
    configuration(code="a", funder="bank-a")
    assert found(version) == []


@pytest.mark.parametrize(
    ("slot", "field"),
    [
        ({"id": "late", "at": "20:00", "until": "21:30"}, "slots.1.until"),
        ({"id": "night", "at": "04:00", "until": "05:30"}, "slots.1.at"),
        ({"id": "after", "at": "21:00", "until": "22:30"}, "slots.1.at"),
    ],
)
def test_a_slot_outside_the_hours_or_after_the_cut_off_is_refused(slot: dict[str, str], field: str) -> None:
    assert refusals(slots=[slot]) == [("slots", field)]


def test_two_amount_rules_are_refused() -> None:
    assert refusals(amount=["all_due", "current_only"]) == [("amount", "amount")]


def test_asking_for_the_one_bill_after_its_day_is_no_warning_since_it_is_asked_for_then() -> None:
    assert found(drafted(amount="current_only", days=2), Severity.WARN) == []


def test_a_family_of_codes_without_an_action_is_refused() -> None:
    actions = {family: action for family, action in content()["actions"].items() if family != "risk"}
    assert refusals(actions=actions) == [("codes", "actions.risk")]


def test_a_rail_whose_codes_nobody_mapped_is_refused() -> None:
    Rail.objects.update(scheme="netsunion")
    assert refusals() == [("codes", "rails")]


def test_a_rail_that_is_not_there_is_refused() -> None:
    assert refusals(rails=["union-sandbox", "elsewhere"]) == [("rails", "rails")]


def test_versions_whose_days_overlap_are_refused() -> None:
    of = configuration()
    in_force(of)
    waiting = drafted(of, since=date(2026, 3, 1), until=date(2026, 4, 1))
    AutopayVersion.objects.filter(pk=waiting.pk).update(state="approved", approved_at="2026-02-01T10:00:00Z")

    version = drafted(of, since=date(2026, 3, 15))
    assert found(version) == [("range", "effective_from")]
    version.effective_from = date(2026, 4, 1)
    assert found(version) == []
    version.effective_from, version.effective_to = date(2026, 2, 20), date(2026, 3, 1)
    assert found(version) == []


def test_a_version_without_a_first_day_is_refused() -> None:
    assert refusals(since=None) == [("range", "effective_from")]


def test_a_rail_that_keeps_holidays_is_not_debited_over_on_them() -> None:
    Rail.objects.update(calendar="CN")
    assert refusals() == [("holidays", "holidays")]
    version = AutopayVersion.objects.get()
    version.content = content(holidays="next_working_day", calendar="US")
    assert found(version) == [("holidays", "calendar")]
    version.content = content(holidays="next_working_day", calendar="CN")
    assert found(version) == []


def test_a_product_that_moves_due_dates_off_holidays_keeps_its_calendar() -> None:
    shifting = terms(holiday_shift="next", calendar="CN")
    product = Product.objects.create(code="p", name="P", portfolio="cash", currency="CNY")
    ProductVersion.objects.create(product=product, number=1, state="active", terms=to_json(shifting))
    version = drafted()
    assert found(version) == [("holidays", "holidays")]
    assert "The product keeps the calendar CN" in findings_of(version)[0].words


def test_an_unknown_calendar_is_refused() -> None:
    assert refusals(holidays="skip", calendar="XX") == [("holidays", "calendar")]


def test_slots_amid_the_messages_of_the_reminder_plan_are_refused() -> None:
    load_starter(is_active=True, actor=SYSTEM)
    load_starter_plan(effective_from=TODAY, actor=SYSTEM)
    midday = {"id": "noon", "at": "12:00", "until": "13:00"}
    assert refusals(slots=[midday], days=1) == [("reminders", "slots.1.at")]
    version = AutopayVersion.objects.get()
    # The day after the due date has a message of its own.
    version.content = content(slots=[midday], days=2)
    assert found(version) == [("reminders", "slots.1.at"), ("reminders", "slots.1.at")]
    version.content = content(slots=[{"id": "early", "at": "08:00", "until": "09:00"}], days=1)
    assert found(version) == []
    version.content = content(slots=[{"id": "early", "at": "08:01", "until": "09:00"}], days=1)
    assert found(version) == [("reminders", "slots.1.at")]


def test_a_debit_the_reminder_plan_does_not_know_of_is_a_warning() -> None:
    load_starter(is_active=True, actor=SYSTEM)
    load_starter_plan(effective_from=TODAY, actor=SYSTEM)
    plan = ReminderPlanVersion.objects.get()
    plan.content |= {"debits": ["06:00"]}
    plan.save(update_fields=["content"])
    version = drafted()
    assert found(version) == []
    assert found(version, Severity.WARN) == [("reminders", "slots.2.at")]


def test_a_template_nobody_approved_is_refused() -> None:
    assert refusals(notify={"declined": "no_such"}) == [("templates", "notify.declined")]


def test_a_limit_below_the_usual_bill_is_a_warning_where_nothing_is_split() -> None:
    open_loan(business_date=TODAY)
    limit("1000.00")
    version = drafted(split_over_limit=False)
    assert found(version) == []
    assert found(version, Severity.WARN) == [("limits", "split_over_limit")]
    assert "A bank allows 1000.00 in one debit, the usual bill is 1100.16" in findings_of(version)[0].words
    version.content = content()
    assert found(version, Severity.WARN) == []


def test_days_to_go_on_beyond_the_next_bill_are_a_warning() -> None:
    weekly = terms(unit="week", every=1)
    product = Product.objects.create(code="p", name="P", portfolio="cash", currency="CNY")
    ProductVersion.objects.create(product=product, number=1, state="active", terms=to_json(weekly))
    assert found(drafted(days=8), Severity.WARN) == [("amount", "days")]


def test_a_funder_of_whom_nothing_says_whose_loans_it_funds_gets_no_principal() -> None:
    open_loan()
    Payee.objects.create(code="nobody", name="Nobody's bank", kind="funder")
    assert refusals(payees=payees(principal=whole("nobody"))) == [("funder", "payees.principal")]


@pytest.mark.parametrize("component", ["interest", "penalty"])
@pytest.mark.parametrize("payee", ["guarantor", "bank-a"])
def test_interest_and_penalty_of_others_loans_go_to_them_by_contract_alone(component: str, payee: str) -> None:
    open_loan()
    version = drafted(payees=payees(**{component: whole(payee)}))
    assert found(version) == [("funder", f"payees.{component}")]
    Payee.objects.filter(code=payee).update(contract_shares={component: "1"})
    assert found(version) == []
    Payee.objects.filter(code=payee).update(contract_shares={component: "0.9"})
    assert found(version) == [("contracts", f"payees.{component}")]


def test_the_funder_of_the_loans_may_have_their_interest_and_one_without_it_is_a_warning() -> None:
    Loan.objects.filter(pk=open_loan()).update(creditor="bank-a")
    of = configuration(funder="bank-a")
    version = drafted(of, payees=payees(principal=whole("bank-a"), interest=whole("bank-a")))
    assert (found(version), found(version, Severity.WARN)) == ([], [("funder", "payees.penalty")])


def test_rails_with_calendars_of_their_own_are_debited_over_on_days_all_of_them_are_open() -> None:
    Rail.objects.update(calendar="CN")
    other = {field: getattr(Rail.objects.get(), field) for field in ("kind", "scheme", "url", "opens", "closes")}
    Rail.objects.create(code="second", name="Second", cut_off=Rail.objects.get().cut_off, calendar="US", **other)
    rails = ["union-sandbox", "second"]
    version = drafted(rails=rails, holidays="skip", calendar="CN")
    assert found(version) == [("holidays", "calendar")]
    version.content = content(rails=rails, holidays="skip", calendar="CN+US")
    assert found(version) == []
    version.content = content(rails=rails, holidays="skip", calendar="CN+XX")
    assert found(version) == [("holidays", "calendar")]

    version.content = content(rails=rails, holidays="skip", calendar="CN+US")
    is_open = open_days(ruling_of(version))
    # New Year in China alone, an ordinary Wednesday of both, a holiday of the United States alone.
    days = (date(2026, 2, 17), date(2026, 3, 4), date(2026, 5, 25))
    assert [is_open(day) for day in days] == [False, True, False]


@pytest.mark.parametrize(
    ("limited", "severity"),
    [(20, Severity.REFUSE), (1, Severity.WARN)],
)
def test_bills_over_every_limit_are_refused_when_they_are_many_and_warned_of_when_they_are_few(
    limited: int, severity: Severity
) -> None:
    for number in range(20):
        loan = Loan.objects.get(pk=open_loan(business_date=TODAY))
        mandate(loan.borrower_id, single_limit="500.00" if number < limited else None)
    version = drafted(split_over_limit=False)
    assert found(version, severity) == [("limits", "split_over_limit")]
    assert f"{limited * 2} of 40 are over" in findings_of(version)[0].words
    version.content = content()
    assert found(version, severity) == []


def test_limits_are_those_of_the_first_day_and_a_contract_of_partial_debits_gives_room() -> None:
    loan = Loan.objects.get(pk=open_loan(business_date=TODAY))
    agreement = mandate(loan.borrower_id)
    limit("900.00", effective_from=TODAY + timedelta(days=20))
    version = drafted(split_over_limit=False, partial={"shares": ["0.5"], "least": "0"})
    assert found(version) == []
    version.effective_from = TODAY + timedelta(days=20)
    assert found(version) == [("limits", "split_over_limit")]
    Mandate.objects.filter(pk=agreement.pk).update(allows_partial=True)
    assert found(version) == []


@pytest.mark.parametrize(
    ("canary", "field"),
    [
        ({}, "canary.share"),
        ({"share": "0", "loans": 0}, "canary.share"),
        ({"share": "0", "loans": 50, "least_success": "0"}, "canary.least_success"),
        ({"share": "0", "loans": 50, "least_success": "0.5"}, None),
    ],
)
def test_no_trial_and_one_that_everything_passes_are_warnings(canary: dict[str, Any], field: str | None) -> None:
    warned = [each.field for each in findings_of(drafted(canary=canary)) if each.guard == Guard.TRIAL]
    assert warned == ([field] if field else [])


def test_an_end_that_nothing_follows_is_a_warning() -> None:
    of = configuration()
    version = drafted(of, until=date(2026, 3, 1))
    assert (found(version), found(version, Severity.WARN)) == ([], [("range", "effective_to")])
    AutopayVersion.objects.create(
        configuration=of,
        number=9,
        state="approved",
        content=content(),
        effective_from=date(2026, 3, 1),
        created_by_name="Mia",
        approved_at="2026-02-01T10:00:00Z",
    )
    assert found(version, Severity.WARN) == []
