"""A slot begins: who is asked first, what holds a bill back, what is forecast, and on which days nothing begins."""

from datetime import date, timedelta
from decimal import Decimal

import pytest

from backoffice.calendars.models import BusinessDay
from backoffice.calendars.services import declare_day
from backoffice.core.actors import SYSTEM
from backoffice.repayment.domain.autopay.handover import Answer, Outcome
from backoffice.repayment.models import Breaker, DebitBatch, DebitBill, DebitCommand, Rail
from backoffice.repayment.services.autopay import building, planning, rail_settings, settling, submitting
from tests.repayment.autopay.debiting import (
    DUE,
    at,
    bank_at,
    content,
    loan_due,
    mandate,
    morning_of,
    payees,
    plan,
    rail,
    run_slot,
    version,
)
from tests.repayment.factories import ADA, close_days

pytestmark = pytest.mark.django_db(transaction=True)
BILL = Decimal("1100.16")
NEXT = DUE + timedelta(days=1)


@pytest.fixture
def bank(settings):
    rail()
    payees()
    with bank_at(at("07:00"), settings) as opened:
        yield opened


def due(bank, *, balance="100000.00", **fields):
    loan = loan_due()
    agreement = mandate(loan.borrower_id, **fields)
    bank.knows(agreement, balance=balance)
    return loan, agreement


def let_out(moment):
    """The next commands of the latest batch leave."""
    return submitting.let_out(batch_id=DebitBatch.objects.latest("id").pk, at=moment)


def declined(leaving, code, *, moment):
    """Their rail says no to all of them."""
    answers = {one.row.id: Answer(outcome=Outcome.DECLINED, code=code) for one in leaving}
    settling.learn(answers=answers, at=moment, actor=SYSTEM)


@pytest.mark.parametrize("rule", ["all_due", "current_only"])
def test_the_loan_that_is_longest_due_is_asked_first_whichever_was_planned_first(bank, rule):
    young = loan_due(disbursed_on=date(2026, 1, 16))
    old = loan_due(disbursed_on=date(2026, 1, 15), borrower_id=young.borrower_id)
    agreement = mandate(young.borrower_id)
    bank.knows(agreement, balance="1200.00")
    version(content(amount=rule))
    morning_of(NEXT)
    bank.clock(at("07:00", NEXT))
    assert plan(NEXT) == 2
    assert young.pk < old.pk
    assert list(DebitBill.objects.order_by("id").values_list("loan_id", flat=True)) == [young.pk, old.pk]
    run_slot(at("07:00", NEXT))
    assert [(command.loan_id, command.state) for command in DebitCommand.objects.order_by("id")] == [
        (old.pk, "succeeded"),
        (young.pk, "declined"),
    ]


def test_a_rail_that_is_paused_when_a_slot_begins_holds_its_bills_back(bank):
    due(bank)
    version()
    morning_of()
    plan()
    over = Rail.objects.get()
    rail_settings.pause_rail(rail_id=over.pk, reason="a minute", actor=ADA)
    assert run_slot(at("07:00")) == 0
    assert [(bill.state, bill.stopped_by) for bill in DebitBill.objects.all()] == [("open", "")]
    rail_settings.resume_rail(rail_id=over.pk, reason="over", actor=ADA, at=at("07:10"))
    assert submitting.submit_while_due(clock=lambda: at("07:11"), seconds=5) == 1
    assert DebitCommand.objects.get().state == "succeeded"


def test_an_agreement_over_a_rail_that_is_not_paused_is_taken_first(bank):
    loan, _first = due(bank)
    other = rail("other")
    second = mandate(loan.borrower_id, rail=other, priority=2)
    version(content(rails=["union", "other"]))
    morning_of()
    plan()
    rail_settings.pause_rail(rail_id=Rail.objects.get(code="union").pk, reason="a minute", actor=ADA)
    building.begin_slots(at=at("07:00"))
    assert DebitCommand.objects.get().mandate_id == second.pk


def test_a_bill_without_any_agreement_is_stopped(bank):
    _loan, agreement = due(bank)
    version()
    morning_of()
    plan()
    agreement.state = "revoked"
    agreement.save()
    run_slot(at("07:00"))
    assert [(bill.state, bill.stopped_by) for bill in DebitBill.objects.all()] == [("stopped", "no_mandate")]


def test_an_evening_of_partial_debits_is_forecast_as_what_it_asks_for(bank):
    for _ in range(3):
        due(bank, balance="600.00", allows_partial=True)
    version(content(breakers={"after": 2, "least_success": "0", "family_share": "1", "debits_per_card": 20}))
    morning_of()
    plan()
    run_slot(at("07:00"))
    bank.clock(at("16:00"))
    building.begin_slots(at=at("16:00"))
    evening = DebitBatch.objects.latest("id")
    assert (evening.commands, evening.forecast) == (3, 3 * Decimal("550.08"))
    submitting.submit_while_due(clock=lambda: at("16:00"), seconds=5)
    evening.refresh_from_db()
    assert (evening.asked, evening.left_forecast) == (evening.forecast, evening.forecast)
    assert list(Breaker.objects.all()) == []


def test_limits_are_in_the_forecast(bank):
    due(bank, single_limit="600.00", day_limit="900.00")
    due(bank, month_limit="700.00")
    due(bank)
    version()
    morning_of()
    plan()
    building.begin_slots(at=at("07:00"))
    assert DebitBatch.objects.get().forecast == Decimal("600.00") + Decimal("700.00") + BILL
    submitting.submit_while_due(clock=lambda: at("07:00"), seconds=5)
    bank.clock(at("16:00"))
    building.begin_slots(at=at("16:00"))
    assert DebitBatch.objects.latest("id").forecast == Decimal("300.00")


def test_what_is_past_due_alone_is_forecast_where_that_comes_first(bank):
    loan = loan_due(disbursed_on=date(2026, 1, 16))
    bank.knows(mandate(loan.borrower_id))
    version(content(amount="overdue_first", days=40))
    second_due = date(2026, 3, 16)
    morning_of(second_due)
    plan(second_due)
    building.begin_slots(at=at("07:00", second_due))
    (leaving,) = let_out(at("07:00", second_due))
    assert DebitBill.objects.get().amount > 2 * BILL
    seen = (leaving.row.forecast, leaving.outgoing.amount)
    assert seen == (Decimal("1107.52"), Decimal("1117.34")), "what differs is penalty that is not charged yet"


def test_a_smaller_part_is_asked_for_after_a_limit_nobody_told_us(bank):
    due(bank)
    version()
    morning_of()
    plan()
    asked = []
    for clock in ("07:00", "16:00", "21:00"):
        building.begin_slots(at=at(clock))
        leaving = let_out(at(clock))
        asked += [one.outgoing.amount for one in leaving]
        assert [one.row.forecast for one in leaving] == [one.outgoing.amount for one in leaving]
        declined(leaving, "33", moment=at(clock))
    assert asked == [BILL, Decimal("550.08"), Decimal("275.04")]
    assert list(Breaker.objects.all()) == []


def test_what_is_left_is_asked_for_in_parts_that_went_through(bank):
    due(bank)
    version()
    morning_of()
    plan()
    building.begin_slots(at=at("07:00"))
    declined(let_out(at("07:00")), "33", moment=at("07:00"))
    for clock in ("16:00", "21:00"):
        bank.clock(at(clock))
        run_slot(at(clock))
    assert [(command.state, command.amount) for command in DebitCommand.objects.order_by("id")] == [
        ("declined", BILL),
        ("succeeded", Decimal("550.08")),
        ("succeeded", Decimal("550.08")),
    ]
    assert DebitBill.objects.get().state == "settled"


def test_no_slot_begins_on_a_holiday_that_was_declared_after_the_day_was_planned(bank):
    due(bank)
    made = version(content(holidays="next_working_day", calendar="CN"))
    day = date(2026, 2, 26)
    morning_of(day)
    made.content = content(holidays="next_working_day", calendar="CN", days=20)
    made.save()
    assert plan(day) == 1
    declare_day(day=day, calendar="CN", is_working=False, reason="declared", actor=ADA)
    assert run_slot(at("07:00", day)) == 0
    with pytest.raises(building.NoDebitsToday):
        building.begin_now(version_id=made.pk, slot_id="s1", at=at("09:00", day), reason="x", actor=ADA)
    planning.end_day(day=day)
    assert [bill.state for bill in DebitBill.objects.all()] == ["over"]


def test_the_gap_between_attempts_holds_over_midnight(bank):
    due(bank, balance="0.00")
    made = content(min_gap_minutes=600)
    version(made)
    morning_of()
    plan()
    bank.clock(at("22:00"))
    run_slot(at("22:00"))
    planning.end_day(day=DUE)
    close_days(DUE, DUE)
    BusinessDay.objects.update(today=NEXT)
    plan(NEXT)
    bank.clock(at("07:00", NEXT))
    assert run_slot(at("07:00", NEXT)) == 0
    assert run_slot(at("16:00", NEXT)) == 1


def test_a_person_begins_no_slot_of_a_version_that_is_not_in_force(bank):
    due(bank)
    made = version()
    morning_of()
    plan()
    made.state, made.effective_to = "retired", DUE
    made.save()
    with pytest.raises(building.SlotNotKnown):
        building.begin_now(version_id=made.pk, slot_id="s1", at=at("09:00"), reason="x", actor=ADA)


def test_a_person_does_not_use_up_a_slot_in_which_nothing_may_be_tried_yet(bank):
    due(bank, balance="10.00")
    made = version()
    morning_of()
    plan()
    run_slot(at("07:00"))
    DebitCommand.objects.update(answered_at=at("07:01"))
    with pytest.raises(building.NothingToTry) as caught:
        building.begin_now(version_id=made.pk, slot_id="s2", at=at("07:30"), reason="x", actor=ADA)
    assert "08:01" in str(caught.value.next_step)
    assert DebitBatch.objects.count() == 1, "it can still begin"
    assert building.begin_now(version_id=made.pk, slot_id="s2", at=at("08:02"), reason="x", actor=ADA) == 1
    DebitBill.objects.update(attempts=3)
    with pytest.raises(building.NothingToTry) as caught:
        building.begin_now(version_id=made.pk, slot_id="s3", at=at("12:00"), reason="x", actor=ADA)


def test_a_slot_begun_by_a_person_ends_at_the_cut_off_of_its_rails(bank):
    due(bank)
    made = version()
    morning_of()
    plan()
    with pytest.raises(building.AfterCutOff):
        building.begin_now(version_id=made.pk, slot_id="s1", at=at("23:00"), reason="x", actor=ADA)
    assert building.begin_now(version_id=made.pk, slot_id="s1", at=at("22:30"), reason="x", actor=ADA) == 1
    assert DebitBatch.objects.get().ends_at == at("23:00")


@pytest.mark.parametrize(("asked", "share"), [("too much", 2), ("too little", Decimal("0.5"))])
def test_the_second_calculation_knows_the_rule_and_the_bill(bank, monkeypatch, asked, share):
    loan = loan_due(disbursed_on=date(2026, 1, 15))
    bank.knows(mandate(loan.borrower_id))
    version(content(amount="current_only", days=40, breakers={"total_drift": "1"}))
    day = date(2026, 3, 15)
    morning_of(day)
    bank.clock(at("07:00", day))
    plan(day)
    monkeypatch.setattr(submitting, "last_look", lambda facts, configuration: facts.due.own * share)
    run_slot(at("07:00", day))
    assert {command.state for command in DebitCommand.objects.all()} == {"planned"}
    assert [breaker.kind for breaker in Breaker.objects.all()] == ["amount"]
    assert bank.movements() == [], asked
