"""A day of debits through the real services against the sandbox's bank over HTTP."""

from datetime import timedelta
from decimal import Decimal

import pytest

from backoffice.core.bulk import execute, fetch
from backoffice.repayment.models import Breaker, DebitBill, DebitCommand, DebitMove, Loan, Operation, Rail, SplitLine
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
    resolve,
    run_slot,
    states,
    version,
)
from tests.repayment.factories import close_days, drifts, post, take_back

pytestmark = pytest.mark.django_db(transaction=True)
BILL = Decimal("1100.16")


@pytest.fixture
def bank(settings):
    rail()
    payees()
    with bank_at(at("07:00"), settings) as opened:
        yield opened


def due_with_agreement(bank, *, balance="100000.00", **fields):
    loan = loan_due()
    agreement = mandate(loan.borrower_id, **fields)
    bank.knows(agreement, balance=balance)
    return loan, agreement


def test_debits_a_bill_on_its_day_books_it_and_splits_it(bank):
    loan, _agreement = due_with_agreement(bank)
    version()
    morning_of()
    assert plan() == 1
    assert plan() == 0, "planned twice is planned once"
    assert run_slot(at("07:00")) == 1
    command = DebitCommand.objects.get()
    assert (command.state, command.amount, command.code, command.attempt) == ("succeeded", BILL, "00", 1)
    operation = Operation.objects.get(pk=command.operation_id)
    assert (operation.kind, operation.amount, operation.value_date, operation.source, operation.external_id) == (
        "payment",
        BILL,
        DUE,
        "autopay",
        command.order_no,
    )
    lines = {(line.component, line.payee.code): line.amount for line in SplitLine.objects.select_related("payee")}
    assert lines == {
        ("principal", "fund"): Decimal("736.13"),
        ("principal", "house"): Decimal("184.03"),
        ("interest", "fund"): Decimal("144.00"),
        ("interest", "house"): Decimal("36.00"),
    }
    assert sum(lines.values()) == BILL
    assert [(bill.state, bill.debited, bill.attempts) for bill in DebitBill.objects.all()] == [("settled", BILL, 1)]
    assert [(move["kind"], move["amount"]) for move in bank.movements()] == [("debit", "1100.16")]
    assert [(move.from_state, move.to_state) for move in DebitMove.objects.order_by("id")] == [
        ("planned", "submitted"),
        ("submitted", "succeeded"),
    ]
    assert Loan.objects.get(pk=loan.pk).oldest_unpaid_due_date == DUE.replace(month=3)
    assert drifts(DUE) == []


def test_a_bill_without_funds_is_tried_in_the_next_slot_for_half_where_that_is_agreed(bank):
    due_with_agreement(bank, balance="600.00", allows_partial=True)
    version()
    morning_of()
    plan()
    run_slot(at("07:00"))
    bank.clock(at("16:00"))
    run_slot(at("16:00"))
    assert [(c.state, c.code, c.amount) for c in DebitCommand.objects.order_by("id")] == [
        ("declined", "64", BILL),
        ("succeeded", "00", Decimal("550.08")),
    ]
    bill = DebitBill.objects.get()
    assert (bill.state, bill.debited, bill.attempts) == ("open", Decimal("550.08"), 2)


def test_a_debit_whose_answer_is_lost_is_asked_about_and_never_sent_again(bank):
    due_with_agreement(bank)
    version()
    morning_of()
    plan()
    bank.conduct(drop_after=1)
    run_slot(at("07:00"))
    assert list(states()) == ["unknown"]
    assert run_slot(at("07:05")) == 0
    later = at("07:00") + timedelta(seconds=11)
    assert resolve(later) == 1
    assert list(states()) == ["succeeded"]
    assert len(bank.movements()) == 1
    assert drifts(DUE) == []


def test_a_command_the_bank_never_had_is_declined_once_it_has_expired(bank):
    due_with_agreement(bank)
    version()
    morning_of()
    plan()
    bank.conduct(drop_before=1)
    run_slot(at("07:00"))
    assert list(states()) == ["unknown"]
    resolve(at("07:00") + timedelta(seconds=11))
    assert list(states()) == ["unknown"], "it may still be on its way"
    resolve(at("07:00") + timedelta(seconds=41))
    resolve(at("07:02") + timedelta(seconds=42))
    assert DebitCommand.objects.get().look_at == at("07:03") + timedelta(seconds=1), "asked when it is proof"
    resolve(at("07:04"))
    assert states() == {"declined": [(DebitCommand.objects.get().order_no, "not_taken")]}
    assert bank.movements() == []


def test_what_was_paid_meanwhile_is_not_debited(bank):
    loan, _agreement = due_with_agreement(bank)
    version()
    morning_of()
    plan()
    post(loan.pk, "1100.16", DUE)
    run_slot(at("07:00"))
    assert bank.movements() == []
    assert DebitBill.objects.get().state == "settled"


def test_never_asks_beyond_the_limits_of_the_agreement(bank):
    due_with_agreement(bank, single_limit="500.00", day_limit="800.00")
    version()
    morning_of()
    plan()
    for clock in ("07:00", "16:00", "21:00"):
        bank.clock(at(clock))
        run_slot(at(clock))
    assert [(c.state, c.amount) for c in DebitCommand.objects.order_by("id")] == [
        ("succeeded", Decimal("500.00")),
        ("succeeded", Decimal("300.00")),
        ("dropped", Decimal(0)),
    ]


def test_a_code_nobody_mapped_is_unknown_and_stops_the_batch(bank):
    due_with_agreement(bank)
    due_with_agreement(bank)
    version()
    morning_of()
    plan()
    bank.conduct(unmapped=1)
    run_slot(at("07:00"))
    assert list(states()) == ["unknown"]
    assert [breaker.kind for breaker in Breaker.objects.all()] == ["unmapped"]


def test_a_return_days_later_takes_the_payment_and_the_split_back(bank):
    from backoffice.core.actors import SYSTEM
    from backoffice.repayment.services.autopay.returning import settle_return

    loan, _agreement = due_with_agreement(bank)
    version()
    morning_of()
    plan()
    run_slot(at("07:00"))
    later = DUE + timedelta(days=3)
    close_days(DUE, later - timedelta(days=1))
    from backoffice.calendars.models import BusinessDay

    BusinessDay.objects.update(today=later)
    command = DebitCommand.objects.get()
    returned = at("11:00", later)
    assert settle_return(
        command_id=command.pk, returned_at=returned, code="AC06", reference="r", at=returned, actor=SYSTEM
    )
    assert not settle_return(
        command_id=command.pk, returned_at=returned, code="AC06", reference="r", at=returned, actor=SYSTEM
    )
    assert sum(line.amount for line in SplitLine.objects.all()) == 0
    assert Loan.objects.get(pk=loan.pk).overdue_amount >= BILL
    assert Loan.objects.get(pk=loan.pk).bucket == "M1"
    assert drifts(later) == []


def test_a_rail_that_cannot_be_reached_has_not_debited_and_is_tried_again(bank):
    due_with_agreement(bank)
    version()
    morning_of()
    plan()
    Rail.objects.update(url="http://127.0.0.1:9/rails/http")
    run_slot(at("07:00"))
    assert list(states()) == ["planned"]
    Rail.objects.update(url=bank.rail_url)
    assert run_slot(at("07:00")) == 0, "it waits a little first"
    assert run_slot(at("07:01")) == 1
    assert list(states()) == ["succeeded"]


def test_the_second_calculation_stops_a_batch_before_a_wrong_amount_leaves(bank, monkeypatch):
    due_with_agreement(bank)
    version(content(breakers={"total_drift": "1"}))
    morning_of()
    plan()
    monkeypatch.setattr(
        "backoffice.repayment.services.autopay.submitting.last_look", lambda facts, configuration: BILL * 2
    )
    run_slot(at("07:00"))
    assert list(states()) == ["planned"]
    assert [(breaker.kind, breaker.seen, breaker.allowed) for breaker in Breaker.objects.all()] == [
        ("amount", "2200.32", "1100.16")
    ]
    assert bank.movements() == []


def test_the_split_follows_the_ledger_when_a_payment_before_it_is_booked_late(bank):
    """A fee paid to one payee and interest to another: what was allocated to each changes, what payees get follows."""
    payees = content()["payees"] | {"interest": [{"payee": "house", "share": "1"}]}
    late = DUE + timedelta(days=2)
    loan, _agreement = due_with_agreement(bank)
    version(content(payees=payees))
    morning_of(late)
    plan(late)
    bank.clock(at("07:00", late))
    run_slot(at("07:00", late))
    post(loan.pk, "300.00", DUE, business_date=late)
    command = DebitCommand.objects.get()
    paid = dict(
        fetch(
            "SELECT CASE component WHEN '' THEN 'held' ELSE component END, sum(CASE debit WHEN 'cash' THEN amount "
            "ELSE -amount END) FROM repayment_transfer WHERE operation_id = %s AND 'cash' IN (debit, credit) "
            "GROUP BY 1 HAVING sum(CASE debit WHEN 'cash' THEN amount ELSE -amount END) <> 0",
            [command.operation_id],
        )
    )
    lines = fetch("SELECT component, sum(amount) FROM repayment_splitline GROUP BY 1 HAVING sum(amount) <> 0")
    assert dict(lines) == paid
    assert sum(paid.values()) == DebitCommand.objects.get().amount
    assert {cause for (cause,) in fetch("SELECT cause FROM repayment_splitline")} == {"debit", "change"}
    assert drifts(late) == []


def held_debit(bank):
    """A debit whose money is held: the bill was paid before it, which is booked after it."""
    late = DUE + timedelta(days=2)
    loan, _agreement = due_with_agreement(bank)
    version()
    morning_of(late)
    plan(late)
    bank.clock(at("07:00", late))
    run_slot(at("07:00", late))
    post(loan.pk, "1100.16", DUE, business_date=late)
    amount = DebitCommand.objects.get().amount
    assert lines_by_component() == {"held": amount}
    return loan, late, amount


def lines_by_component():
    rows = fetch("SELECT component, sum(amount) FROM repayment_splitline GROUP BY 1 HAVING sum(amount) <> 0")
    return dict(rows)


def test_what_a_debit_brought_too_much_leaves_its_line_when_it_is_paid_back(bank):
    loan, late, amount = held_debit(bank)
    refund = post(loan.pk, "100.00", late, kind="refund", business_date=late)
    assert lines_by_component() == {"held": amount - 100}
    assert drifts(late) == []
    take_back(loan.pk, refund, business_date=late)
    assert lines_by_component() == {"held": amount}
    assert drifts(late) == []


def test_money_held_of_a_debit_is_split_when_it_pays_the_next_bill(bank):
    loan, late, amount = held_debit(bank)
    close_days(late, DUE + timedelta(days=30))
    used = dict(
        fetch(
            "SELECT component, sum(amount) FROM repayment_transfer WHERE loan_id = %s AND kind = 'suspense_applied' "
            "GROUP BY 1",
            [loan.pk],
        )
    )
    left = Loan.objects.get(pk=loan.pk).suspense
    assert set(used) >= {"principal", "interest"}
    assert lines_by_component() == used | ({"held": left} if left else {})
    assert sum(used.values()) + left == amount
    of_payees = fetch(
        "SELECT payee.code, sum(line.amount) FROM repayment_splitline line JOIN repayment_payee payee "
        "ON payee.id = line.payee_id WHERE component = 'principal' GROUP BY 1"
    )
    assert dict(of_payees)["fund"] == (used["principal"] * Decimal("0.8")).quantize(Decimal("0.01"))
    assert drifts(DUE + timedelta(days=31)) == []


def test_what_came_twice_and_is_paid_back_leaves_what_is_held_of_the_debit(bank):
    loan, late, amount = held_debit(bank)
    post(loan.pk, "80.00", late, surplus="all_held", business_date=late)
    post(loan.pk, "80.00", late, kind="refund", surplus="all_held", business_date=late)
    assert lines_by_component() == {"held": amount}
    assert drifts(late) == []


def test_who_paid_first_is_paid_back_first(bank):
    """Money held of a payment nobody debited came before the debit's: a refund of it leaves the debit's line."""
    loan, late, amount = held_debit(bank)
    post(loan.pk, "80.00", DUE, business_date=late)
    post(loan.pk, "100.00", late, kind="refund", business_date=late)
    held_before = Loan.objects.get(pk=loan.pk).suspense + 100 - amount
    assert lines_by_component() == {"held": amount - (100 - held_before)}
    assert drifts(late) == []


@pytest.mark.parametrize(
    ("damage", "check"),
    [
        ("UPDATE repayment_debitcommand SET amount = amount + 1", "is booked with its amount"),
        ("INSERT INTO repayment_splitline (command_id, operation_id, component, payee_id, currency, amount, day, "
         "cause) SELECT command_id, operation_id, component, payee_id, currency, 1, day, 'change' "
         "FROM repayment_splitline LIMIT 1", "is split to the cent"),
        ("UPDATE repayment_debitcommand SET state = 'returned', returned_at = now(), return_operation_id = 1",
         "that was returned is taken back"),
    ],
)  # fmt: skip
def test_verification_finds_a_debit_the_books_do_not_have(bank, damage, check):
    due_with_agreement(bank)
    version()
    morning_of()
    plan()
    run_slot(at("07:00"))
    execute(damage)
    assert any(check in drift.check for drift in drifts(DUE))


def test_under_a_rule_that_collects_one_bill_each_is_tried_for_itself_on_later_days_too(bank):
    loan, _agreement = due_with_agreement(bank)
    version(content(amount="current_only", days=40))
    late = DUE + timedelta(days=29)
    morning_of(late)
    bank.clock(at("07:00", late))
    assert plan(late) == 2
    for clock in ("07:00", "16:00"):
        bank.clock(at(clock, late))
        run_slot(at(clock, late))
    amounts = [c.amount for c in DebitCommand.objects.filter(state="succeeded").order_by("id")]
    assert len(amounts) == 2
    assert Loan.objects.get(pk=loan.pk).overdue_amount == 0
    assert drifts(late) == []


def test_two_loans_of_one_card_never_ask_for_more_than_its_limit_together(bank):
    loan, _agreement = due_with_agreement(bank, day_limit="1500.00")
    from tests.repayment.factories import open_loan

    open_loan(borrower_id=loan.borrower_id)
    version()
    morning_of()
    assert plan() == 2
    run_slot(at("07:00"))
    asked = [c.amount for c in DebitCommand.objects.filter(state="succeeded").order_by("id")]
    assert asked == [BILL, Decimal("399.84")]


def test_no_slot_begins_while_a_day_is_being_closed(bank):
    from backoffice.calendars.models import BusinessDay
    from backoffice.core.actors import SYSTEM
    from backoffice.repayment.services.autopay import building

    due_with_agreement(bank)
    made = version()
    morning_of()
    plan()
    BusinessDay.objects.update(state="closing", today=DUE - timedelta(days=1))
    assert run_slot(at("07:00")) == 0
    with pytest.raises(building.DayBeingClosed):
        building.begin_now(version_id=made.pk, slot_id="s1", at=at("07:00"), reason="now", actor=SYSTEM)


def test_what_waits_for_a_person_beyond_its_time_lets_the_next_slot_try(bank):
    from backoffice.core.actors import SYSTEM
    from backoffice.repayment.models import DebitBatch
    from backoffice.repayment.services.autopay import building, submitting, switching

    due_with_agreement(bank)
    version()
    morning_of()
    plan()
    building.begin_slots(at=at("07:00"))
    batch = DebitBatch.objects.get()
    switching.pause_batch(batch_id=batch.pk, reason="look", at=at("07:00"), actor=SYSTEM)
    assert run_slot(at("07:10")) == 0
    for clock in ("08:00", "08:30"):
        assert list(states()) == ["planned"]
        submitting.submit_while_due(clock=lambda clock=clock: at(clock), seconds=5)
    assert list(states()) == ["dropped"]
    bank.clock(at("16:00"))
    assert run_slot(at("16:00")) == 1
    assert sorted(states()) == ["dropped", "succeeded"]


def test_the_switch_stops_everything_and_lets_it_go_on(bank):
    from backoffice.core.actors import SYSTEM
    from backoffice.repayment.services.autopay import building, submitting, switching

    due_with_agreement(bank)
    version()
    morning_of()
    plan()
    building.begin_slots(at=at("07:00"))
    switching.stop_everything(reason="wrong amounts", at=at("07:00"), actor=SYSTEM)
    assert submitting.submit_while_due(clock=lambda: at("07:00"), seconds=5) == 0
    with pytest.raises(switching.SwitchReasonMissing):
        switching.start_again(reason=" ", at=at("07:01"), actor=SYSTEM)
    switching.start_again(reason="they are right", at=at("07:01"), actor=SYSTEM)
    assert submitting.submit_while_due(clock=lambda: at("07:01"), seconds=5) == 1


def test_a_day_that_is_over_leaves_no_bill_open_but_those_in_flight(bank):
    from backoffice.repayment.services.autopay.planning import end_day

    due_with_agreement(bank, balance="3.00")
    due_with_agreement(bank)
    version()
    morning_of()
    plan()
    bank.conduct(drop_after=1)
    run_slot(at("07:00"))
    assert [bill.state for bill in DebitBill.objects.order_by("id")] == ["open", "open"]
    resolve(at("07:00") + timedelta(seconds=11))
    end_day(day=DUE)
    assert [bill.state for bill in DebitBill.objects.order_by("id")] == ["over", "settled"]
