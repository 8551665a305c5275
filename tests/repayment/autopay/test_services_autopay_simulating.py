"""A simulation finds what two versions do otherwise: counted by hand for tomorrow's book and the days before."""

from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from backoffice.audit.models import AuditEntry
from backoffice.calendars.models import BusinessDay
from backoffice.repayment.models import AutopayVersion, Loan, Rail, SimulatedBill, Simulation
from backoffice.repayment.services.autopay.checking import check_version
from backoffice.repayment.services.autopay.drafting import ConfigurationNotInState, draft_version
from backoffice.repayment.services.autopay.simulating import simulate_version
from tests.repayment.autopay.contents import (
    MAKER,
    configuration,
    content,
    in_force,
    limit,
    mandate,
    open_rails,
    whole,
)
from tests.repayment.factories import close_days, open_loan, post

pytestmark = pytest.mark.django_db
DUE = date(2026, 2, 15)
"""The first bill of the test loan: principal 920.16, interest 180.00; its second is 933.96 and 166.20."""
EVE = date(2026, 2, 14)
TOMORROW = DUE


@pytest.fixture(autouse=True)
def _rails() -> None:
    open_rails()


def today(day: date) -> None:
    BusinessDay.objects.update(today=day)


def simulated(of: Any, **changes: Any) -> Simulation:
    version = draft_version(
        configuration_id=of.pk, content=content(**changes), note="", actor=MAKER, effective_from=date(2026, 6, 1)
    )
    checked = check_version(version_id=version.pk, actor=MAKER)
    assert checked.state == "checked"
    return simulate_version(version_id=version.pk, actor=MAKER)


def rows(simulation: Simulation) -> list[tuple[Any, ...]]:
    return list(
        simulation.bills.order_by("loan_id", "installment_number").values_list(
            "installment_number", "day_before", "day", "amount_before", "amount_after", "why"
        )
    )


def opened(on: date = EVE, **changes: Any) -> int:
    loan_id = open_loan(business_date=on, **changes)
    mandate(Loan.objects.get(pk=loan_id).borrower_id)
    return loan_id


def payees(**changes: Any) -> dict[str, Any]:
    return content()["payees"] | changes


def test_the_same_content_changes_nothing_and_both_sides_are_counted_alike() -> None:
    of = configuration()
    active = in_force(of)
    opened()
    today(EVE)

    simulation = simulated(of)

    assert simulation.beside == active
    assert (simulation.from_day, simulation.through_day) == (date(2026, 1, 16), TOMORROW)
    side = {
        "bills": 1,
        "debits": 1,
        "without_agreement": 0,
        "amounts": {"CNY": "1100.16"},
        "payees": [{"payee": "lender", "currency": "CNY", "amount": "1100.16"}],
    }
    assert simulation.totals["tomorrow"] == {"before": side, "after": side, "changed": 0, "why": {}}
    assert simulation.totals["past"]["after"]["bills"] == 0
    assert not SimulatedBill.objects.exists()
    assert AutopayVersion.objects.get(pk=simulation.version_id).state == "simulated"
    entry = AuditEntry.objects.get(verb="repayment.autopay_version.simulated")
    assert entry.after["changed"] == {"tomorrow": 0, "past": 0}


def test_other_payees_are_found_to_the_cent() -> None:
    of = configuration()
    in_force(of)
    opened()
    today(EVE)
    shared = [{"payee": "platform", "share": "0.155"}, {"payee": "lender", "share": "0.845"}]

    simulation = simulated(of, payees=payees(interest=shared))

    # 180.00 at 15.5 % is 27.90.
    row = SimulatedBill.objects.get()
    assert (row.amount_before, row.amount_after, row.why) == (Decimal("1100.16"), Decimal("1100.16"), "payees")
    assert row.payees_before == {"lender": "1100.16"}
    assert row.payees_after == {"lender": "1072.26", "platform": "27.90"}
    assert simulation.totals["tomorrow"]["why"] == {"payees": 1}
    assert simulation.totals["tomorrow"]["after"]["payees"] == [
        {"payee": "lender", "currency": "CNY", "amount": "1072.26"},
        {"payee": "platform", "currency": "CNY", "amount": "27.90"},
    ]


def test_another_amount_rule_asks_for_what_is_current_alone() -> None:
    of = configuration()
    in_force(of)
    opened(on=date(2026, 2, 15))
    close_days(date(2026, 2, 15), date(2026, 3, 13))
    today(date(2026, 3, 14))

    simulation = simulated(of, amount="current_only", days=1, partial={})

    # Bill 1 is 28 days past due on 15 March: 920.16 x 24 % / 360 x 28 is 17.18 of penalty; bill 2 asks for 1,100.16.
    assert [row for row in rows(simulation) if row[2] == date(2026, 3, 15)] == [
        (2, date(2026, 3, 15), date(2026, 3, 15), Decimal("2217.50"), Decimal("1100.16"), "rule")
    ]


def test_the_last_days_are_the_bills_as_they_were_due() -> None:
    of = configuration()
    in_force(of)
    loan_id = opened(on=date(2026, 2, 15))
    post(loan_id, "1100.16", date(2026, 2, 15))
    today(date(2026, 2, 16))

    simulation = simulated_with_warning(of, blackout=["2026-02-15"])

    # Paid since, it still was due on the 15th: the version would have tried it on the 16th.
    assert rows(simulation) == [
        (1, date(2026, 2, 15), date(2026, 2, 16), Decimal("1100.16"), Decimal("1100.16"), "day")
    ]
    assert simulation.totals["past"]["before"]["amounts"] == {"CNY": "1100.16"}
    assert simulation.totals["tomorrow"]["after"]["bills"] == 0


def test_limits_treated_otherwise_are_found() -> None:
    of = configuration()
    in_force(of)
    opened()
    limit("800.00")
    today(EVE)

    simulation = simulated_with_warning(of, split_over_limit=False)

    assert rows(simulation) == [(1, DUE, DUE, Decimal("800.00"), Decimal("0.00"), "ends")]


def test_a_lower_limit_of_the_agreement_wins() -> None:
    of = configuration()
    in_force(of)
    loan_id = open_loan(business_date=EVE)
    mandate(Loan.objects.get(pk=loan_id).borrower_id, single_limit="500.00")
    limit("800.00")
    limit("700.00", bank="ICBC")
    today(EVE)

    simulation = simulated(of)

    assert simulation.totals["tomorrow"]["after"]["amounts"] == {"CNY": "500.00"}


def test_another_rail_is_found_and_a_borrower_without_an_agreement_on_it_ends() -> None:
    other = Rail.objects.get()
    other.pk, other.code, other.name = None, "other", "Other"
    other.save()
    of = configuration()
    in_force(of)
    both = opened()
    mandate(Loan.objects.get(pk=both).borrower_id, rail=other, priority=2)
    alone = opened()
    today(EVE)

    simulation = simulated(of, rails=["other"])

    found = dict(simulation.bills.values_list("loan_id", "why"))
    assert found == {both: "rail", alone: "ends"}
    row = SimulatedBill.objects.get(loan_id=both)
    assert (row.rail_before, row.rail_after) == ("union-sandbox", "other")
    assert simulation.totals["tomorrow"]["after"]["without_agreement"] == 1
    assert simulation.totals["tomorrow"]["after"]["debits"] == 1


def test_a_first_version_begins_and_stands_beside_nothing() -> None:
    opened()
    today(EVE)

    simulation = simulated(configuration())

    assert simulation.beside is None
    assert rows(simulation) == [(1, None, DUE, Decimal("0.00"), Decimal("1100.16"), "begins")]


def test_a_version_of_one_funder_stands_beside_the_one_of_all() -> None:
    wide = in_force(configuration())
    opened()
    of_bank = opened()
    Loan.objects.filter(pk=of_bank).update(creditor="bank-a")
    today(EVE)
    narrow = configuration(code="a", funder="bank-a")

    simulation = simulated(narrow, payees=payees(principal=whole("bank-a")))

    assert simulation.beside == wide
    assert list(simulation.bills.values_list("loan_id", "why")) == [(of_bank, "payees")]
    assert simulation.totals["tomorrow"]["before"]["bills"] == 1


def test_a_draft_that_was_not_checked_is_not_simulated() -> None:
    version = draft_version(configuration_id=configuration().pk, content=content(), note="", actor=MAKER)
    with pytest.raises(ConfigurationNotInState):
        simulate_version(version_id=version.pk, actor=MAKER)
    assert not Simulation.objects.exists()


def simulated_with_warning(of: Any, **changes: Any) -> Simulation:
    version = draft_version(
        configuration_id=of.pk,
        content=content(**changes),
        note="",
        actor=MAKER,
        # After the last bill of the loan, so that the guard of limits has none to look at.
        effective_from=date(2027, 6, 1),
    )
    check_version(version_id=version.pk, actor=MAKER)
    return simulate_version(version_id=version.pk, actor=MAKER)
