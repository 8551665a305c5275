"""A simulation finds what two versions do otherwise: counted by hand for tomorrow's book and the days before."""

from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from backoffice.audit.models import AuditEntry
from backoffice.calendars.models import BusinessDay
from backoffice.repayment.models import AutopayVersion, DebitCommand, Loan, Mandate, Rail, SimulatedBill, Simulation
from backoffice.repayment.services.autopay import simulating
from backoffice.repayment.services.autopay.checking import check_version
from backoffice.repayment.services.autopay.drafting import ConfigurationNotInState, change_draft, draft_version
from backoffice.repayment.services.autopay.simulating import ask_simulation, run_simulation, simulate_version
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


def test_a_part_of_the_amount_is_simulated_as_the_first_try_asks_for_it() -> None:
    of = configuration()
    in_force(of, partial={"shares": ["1", "0.5"], "least": "0"})
    partly, whole_only = opened(), opened()
    Mandate.objects.filter(borrower__loans__pk=partly).update(allows_partial=True)
    today(EVE)

    simulation = simulated(of, partial={"shares": ["0.1"], "least": "0"})

    # 10 % of 1,100.16, rounded down, where the agreement allows parts.
    assert list(simulation.bills.values_list("loan_id", "amount_before", "amount_after", "why")) == [
        (partly, Decimal("1100.16"), Decimal("110.01"), "rule")
    ]
    assert simulation.totals["tomorrow"]["after"]["amounts"] == {"CNY": "1210.17"}
    assert whole_only != partly


def test_one_bill_alone_is_asked_for_after_its_due_date_too() -> None:
    of = configuration()
    in_force(of, amount="current_only", days=3, partial={})
    opened()
    close_days(EVE, EVE)
    today(DUE)

    simulation = simulated(of, amount="current_only", days=3, partial={})

    # A day late: 920.16 x 24 % / 360 is 0.61 of penalty.
    assert simulation.totals["tomorrow"]["after"]["amounts"] == {"CNY": "1100.77"}


def test_what_is_left_of_limits_counts_and_what_an_earlier_debit_of_the_day_takes() -> None:
    of = configuration()
    first = opened()
    second = open_loan(business_date=EVE, borrower_id=Loan.objects.get(pk=first).borrower_id)
    agreement = Mandate.objects.get()
    Mandate.objects.update(month_limit="2000.00")
    spent(agreement, "300.00", on=EVE)
    today(EVE)

    simulation = simulated(of)

    amounts = dict(simulation.bills.values_list("loan_id", "amount_after"))
    assert amounts == {first: Decimal("1100.16"), second: Decimal("599.84")}


def test_a_paused_rail_is_no_choice_and_the_last_success_is_one_to_the_second() -> None:
    other = Rail.objects.get()
    other.pk, other.code, other.name = None, "other", "Other"
    other.is_paused, other.paused_reason = True, "test"
    other.save()
    earlier = opened()
    owner = Loan.objects.get(pk=earlier).borrower_id
    later = mandate(owner, priority=2)
    on_paused = mandate(owner, rail=other, priority=3)
    spent(Mandate.objects.get(priority=1), "1.00", on=EVE, clock=7)
    spent(later, "1.00", on=EVE, clock=8)
    spent(on_paused, "1.00", on=EVE, clock=9)
    today(EVE)

    simulation = simulated_with_warning(configuration(), rails=["union-sandbox", "other"], mandate_order="last_success")

    assert [row.mandate_after for row in simulation.bills.all()] == [later]


def test_another_agreement_over_the_same_rail_is_found() -> None:
    of = configuration()
    in_force(of)
    loan_id = opened()
    newer = mandate(Loan.objects.get(pk=loan_id).borrower_id, priority=2)
    today(EVE)

    simulation = simulated(of, mandate_order="newest")

    row = simulation.bills.get()
    assert (row.why, row.mandate_after, row.rail_before) == ("agreement", newer, row.rail_after)


# --------------------------------------------------------------------------------------------- made in the background


def asked(of: Any, **changes: Any) -> Simulation:
    version = draft_version(
        configuration_id=of.pk, content=content(**changes), note="", actor=MAKER, effective_from=date(2026, 6, 1)
    )
    check_version(version_id=version.pk, actor=MAKER)
    return ask_simulation(version_id=version.pk, actor=MAKER)


def test_range_by_range_comes_to_what_one_range_comes_to(monkeypatch: pytest.MonkeyPatch) -> None:
    first = opened()
    open_loan(business_date=EVE, borrower_id=Loan.objects.get(pk=first).borrower_id)
    Mandate.objects.update(day_limit="1500.00")
    opened()
    today(EVE)
    simulation = asked(configuration())
    at_once = run_simulation(simulation_id=simulation.pk)
    found = rows(at_once)
    monkeypatch.setattr(simulating, "LOANS_A_RANGE", 1)

    in_ranges = simulate_version(version_id=simulation.version_id, actor=MAKER)

    assert (in_ranges.loans_done, in_ranges.loans_total) == (3, 3)
    assert (in_ranges.totals, rows(in_ranges)) == (at_once.totals, found)
    # What an earlier simulation of the version found is gone with it.
    assert SimulatedBill.objects.exclude(simulation=in_ranges).count() == 0


def test_making_it_twice_makes_it_once() -> None:
    opened()
    today(EVE)
    simulation = asked(configuration())

    once = run_simulation(simulation_id=simulation.pk)
    twice = run_simulation(simulation_id=simulation.pk)

    assert (once.state, twice.state, twice.bills.count()) == ("done", "done", 1)
    assert AuditEntry.objects.filter(verb="repayment.autopay_version.simulated").count() == 1


def test_a_worker_that_was_thought_lost_stops_when_another_has_begun(monkeypatch: pytest.MonkeyPatch) -> None:
    for _ in range(3):
        opened()
    today(EVE)
    simulation = asked(configuration())
    monkeypatch.setattr(simulating, "LOANS_A_RANGE", 1)
    compare, begun = simulating.compare_past, []

    def other_begins(*args: Any, **given: Any) -> Any:
        if not begun:
            begun.append(run_simulation)
            Simulation.objects.filter(pk=simulation.pk).update(run="another")
        return compare(*args, **given)

    monkeypatch.setattr(simulating, "compare_past", other_begins)

    left = run_simulation(simulation_id=simulation.pk)

    assert (left.state, left.totals) == ("running", {})
    monkeypatch.setattr(simulating, "compare_past", compare)
    done = run_simulation(simulation_id=simulation.pk)
    assert (done.state, done.totals["tomorrow"]["changed"], done.bills.count()) == ("done", 3, 3)


def test_a_version_that_is_changed_meanwhile_is_not_simulated_by_it() -> None:
    opened()
    today(EVE)
    simulation = asked(configuration())
    change_draft(version_id=simulation.version_id, content=content(days=5), note="", actor=MAKER)

    made = run_simulation(simulation_id=simulation.pk)

    assert made.state == "stopped"
    assert AutopayVersion.objects.get().state == "draft"


def test_asking_again_stops_the_one_at_work() -> None:
    first = asked(configuration())
    second = ask_simulation(version_id=first.version_id, actor=MAKER)

    assert run_simulation(simulation_id=first.pk).state == "stopped"
    assert run_simulation(simulation_id=second.pk).state == "done"


def test_an_error_is_written_on_it_and_goes_on_up(monkeypatch: pytest.MonkeyPatch) -> None:
    opened()
    today(EVE)
    simulation = asked(configuration())

    def breaks(*_args: Any, **_given: Any) -> None:
        raise RuntimeError("no more memory\nDETAIL: a row of a borrower")

    monkeypatch.setattr(simulating, "compare_past", breaks)
    with pytest.raises(RuntimeError):
        run_simulation(simulation_id=simulation.pk)

    simulation.refresh_from_db()
    assert (simulation.state, simulation.failure) == ("failed", "RuntimeError: no more memory")
    assert ask_simulation(version_id=simulation.version_id, actor=MAKER).state == "waiting"


def test_the_configuration_is_not_locked_while_it_is_made(monkeypatch: pytest.MonkeyPatch) -> None:
    opened()
    today(EVE)
    simulation = asked(configuration())
    compare, held = simulating.compare_tomorrow, []

    def looks(*args: Any, **given: Any) -> Any:
        held.extend(query["sql"] for query in seen.captured_queries if "FOR UPDATE" in query["sql"])
        return compare(*args, **given)

    monkeypatch.setattr(simulating, "compare_tomorrow", looks)
    with CaptureQueriesContext(connection) as seen:
        run_simulation(simulation_id=simulation.pk)

    assert held
    assert all('FROM "repayment_simulation"' in statement for statement in held)


def spent(agreement: Mandate, amount: str, *, on: date, clock: int = 7) -> None:
    """A debit that succeeded over an agreement."""
    moment = datetime.combine(on, time(clock), tzinfo=UTC)
    loan = Loan.objects.filter(borrower_id=agreement.borrower_id)[0]
    DebitCommand.objects.create(
        order_no=f"SPENT{agreement.pk}", purpose="debit", loan=loan, borrower_id=agreement.borrower_id,
        installment_number=99, from_version=1, attempt=1, day=on, mandate=agreement, rail=agreement.rail,
        currency="CNY", forecast=amount, amount=amount, state="succeeded", submitted_at=moment, succeeded_at=moment,
        is_unplaced=True,
    )  # fmt: skip


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
