"""Backdating and taking back: what was booked since is taken back by reversing rows and booked anew."""

from datetime import date, timedelta

import pytest

from backoffice.core.bulk import fetch
from backoffice.repayment.domain.terms import Tolerance
from backoffice.repayment.models import BucketMove, Loan, MonthEnd, Operation, Transfer
from backoffice.repayment.services.posting import Booked, book
from backoffice.repayment.services.rebuilding import RefundNoLongerCovered
from tests.repayment.cases import D, terms
from tests.repayment.factories import (
    ADA,
    DISBURSED,
    books,
    close_days,
    draft,
    drifts,
    open_loan,
    post,
    replay_changes,
    take_back,
)

pytestmark = pytest.mark.django_db

DUE = date(2026, 2, 15)


def lived_until(business_date, **loan):
    """The loan of mechanics 3.2, nobody paying, on the morning of a day."""
    loan_id = open_loan(**loan)
    close_days(DISBURSED, business_date - timedelta(days=1))
    return loan_id


def facts(loan_id):
    return Loan.objects.get(pk=loan_id)


def in_order(loan_id, business_date):
    """Nothing drifts and a further replay finds nothing to do."""
    assert drifts(business_date) == []
    assert replay_changes(loan_id, business_date=business_date) == {}


# backdated payments


def test_a_payment_dated_before_a_penalty_takes_the_penalty_back():
    today = date(2026, 3, 5)
    loan_id = lived_until(today)
    assert [row[:3] + row[6:7] for row in books(loan_id)["transfers"]] == [
        (date(2026, 2, 28), "penalty_charge", "penalty", D("7.97")),
    ]
    post(loan_id, "1100.16", DUE, business_date=today, external_id="P-1")
    assert books(loan_id)["transfers"] == [
        (DUE, "payment", "interest", 1, "cash", "interest_receivable", D("180.00"), "P-1"),
        (DUE, "payment", "principal", 1, "cash", "principal_receivable", D("920.16"), "P-1"),
    ]
    charged = Transfer.objects.get(loan_id=loan_id, kind="penalty_charge", reverses=None)
    taken_back = Transfer.objects.get(reverses=charged)
    assert (taken_back.debit, taken_back.credit, taken_back.amount) == (charged.credit, charged.debit, D("7.97"))
    assert (taken_back.value_date, taken_back.business_date) == (date(2026, 2, 28), today)
    assert facts(loan_id).installments.get(number=1).penalty == D("0.00")
    in_order(loan_id, today)


def test_a_payment_dated_before_a_bucket_move_retracts_it():
    today = date(2026, 2, 20)
    loan_id = lived_until(today)
    assert (facts(loan_id).bucket, books(loan_id)["moves"]) == ("M1", [(date(2026, 2, 16), "M0", "M1", "aging", "")])
    post(loan_id, "1100.16", DUE, business_date=today)
    assert (facts(loan_id).bucket, books(loan_id)["moves"]) == ("M0", [])
    moves = BucketMove.objects.filter(loan_id=loan_id).order_by("id")
    assert [(m.on, m.from_bucket, m.to_bucket, m.cause, m.retracts_id) for m in moves] == [
        (date(2026, 2, 16), "M0", "M1", "aging", None),
        (date(2026, 2, 16), "M1", "M0", "retracted", moves[0].pk),
    ]
    in_order(loan_id, today)


def test_a_payment_dated_before_a_month_end_restates_it():
    today = date(2026, 3, 5)
    loan_id = lived_until(today)
    post(loan_id, "1100.16", date(2026, 2, 20), business_date=today)
    pictures = MonthEnd.objects.filter(loan_id=loan_id).order_by("month_end", "revision")
    assert [(p.month_end, p.revision, p.bucket, p.dpd, p.cycles, p.overdue_amount) for p in pictures] == [
        (date(2026, 1, 31), 0, "M0", 0, 0, D("0.00")),
        (date(2026, 2, 28), 0, "M1", 13, 1, D("1108.13")),
        # 3.07 of penalty until the 20th is paid first, so 3.07 of principal stays unpaid and earns another cent.
        (date(2026, 2, 28), 1, "M1", 13, 1, D("3.08")),
    ]
    in_order(loan_id, today)


def test_a_payment_dated_before_a_month_end_of_a_loan_nobody_touched_restates_it_too():
    today = date(2026, 2, 10)
    loan_id = lived_until(today)
    post(loan_id, "500.00", date(2026, 1, 20), business_date=today)
    pictures = MonthEnd.objects.filter(loan_id=loan_id).order_by("revision")
    assert [(p.revision, p.outstanding_principal) for p in pictures] == [(0, D("12000.00"))]
    assert facts(loan_id).suspense == D("500.00")
    take = post(loan_id, "5000.00", date(2026, 1, 25), business_date=today, surplus="reduce_installment")
    pictures = MonthEnd.objects.filter(loan_id=loan_id).order_by("revision")
    # Ten days of interest, 60.00, come off before principal is prepaid.
    assert [(p.revision, p.outstanding_principal) for p in pictures] == [(0, D("12000.00")), (1, D("7060.00"))]
    take_back(loan_id, take, business_date=today)
    newest = MonthEnd.objects.filter(loan_id=loan_id).latest("revision")
    assert (newest.revision, newest.outstanding_principal) == (2, D("12000.00"))
    in_order(loan_id, today)


def test_later_payments_are_divided_anew():
    today = date(2026, 4, 1)
    loan_id = lived_until(date(2026, 3, 20))
    late = post(loan_id, "1100.16", date(2026, 3, 20), external_id="late")
    close_days(date(2026, 3, 20), today - timedelta(days=1))
    rows = [row for row in books(loan_id)["transfers"] if row[7] == "late" and row[1] == "payment"]
    assert [(row[2], row[3], row[6]) for row in rows] == [
        ("interest", 1, D("180.00")),
        ("penalty", 1, D("20.24")),
        ("principal", 1, D("899.92")),
    ]
    post(loan_id, "1100.16", DUE, business_date=today, external_id="early")
    rows = [row for row in books(loan_id)["transfers"] if row[7] == "late" and row[1] == "payment"]
    # Now it pays the second bill, five days late.
    assert [(row[2], row[3], row[6]) for row in rows] == [
        ("interest", 2, D("166.20")),
        ("penalty", 2, D("3.11")),
        ("principal", 2, D("930.85")),
    ]
    assert Operation.objects.get(pk=late).amount == D("1100.16")
    in_order(loan_id, today)


def test_a_batch_of_backdated_payments_in_any_order_gives_the_same_books():
    def drafts(loan_id):
        return [
            draft(loan_id, "payment", on, amount, external_id=f"{loan_id}-{on}")
            for on, amount in [
                (date(2026, 3, 10), "400.00"),
                (DUE, "700.00"),
                (date(2026, 2, 20), "300.00"),
                (date(2026, 1, 31), "50.00"),
            ]
        ]

    today = date(2026, 3, 20)
    one, other, third = (open_loan() for _ in range(3))
    close_days(DISBURSED, today - timedelta(days=1))
    book(drafts=drafts(one), actor=ADA, business_date=today)
    book(drafts=drafts(other)[::-1], actor=ADA, business_date=today)
    for each in sorted(drafts(third), key=lambda item: item.amount):
        book(drafts=[each], actor=ADA, business_date=today)

    def without_names(loan_id):
        return {
            name: [tuple(str(v).removeprefix(f"{loan_id}-") for v in row) for row in rows]
            for name, rows in books(loan_id).items()
        }

    assert without_names(one) == without_names(other) == without_names(third)
    assert drifts(today) == []


def test_a_refused_draft_does_not_spoil_the_backdated_ones_beside_it():
    today = date(2026, 3, 20)
    loan_id = lived_until(today)
    outcomes = book(
        drafts=[
            draft(loan_id, "payment", DUE, "100.00"),
            draft(loan_id, "refund", date(2026, 2, 16), "50.00"),
            draft(loan_id, "payment", date(2026, 2, 17), "100.00"),
        ],
        actor=ADA,
        business_date=today,
    )
    assert [type(outcome) for outcome in outcomes[::2]] == [Booked, Booked]
    assert outcomes[1].refusal.code == "repayment.refund_exceeds_suspense"
    assert Operation.objects.filter(loan_id=loan_id, kind="payment").count() == 2
    in_order(loan_id, today)


# taking back


def test_taking_a_payment_back_opens_what_it_closed():
    today = date(2026, 3, 20)
    loan_id = open_loan()
    close_days(DISBURSED, date(2026, 2, 14))
    key = post(loan_id, "1100.16", DUE, external_id="P-1")
    close_days(DUE, today - timedelta(days=1))
    assert (facts(loan_id).bucket, facts(loan_id).oldest_unpaid_due_date) == ("M1", date(2026, 3, 15))
    take_back(loan_id, key, business_date=today)
    loan = facts(loan_id)
    assert (loan.bucket, loan.oldest_unpaid_due_date) == ("M2", DUE)
    assert books(loan_id)["moves"] == [
        (date(2026, 2, 16), "M0", "M1", "aging", ""),
        (date(2026, 3, 18), "M1", "M2", "aging", ""),
    ]
    assert [row[:2] + row[6:7] for row in books(loan_id)["transfers"]] == [
        (date(2026, 2, 28), "penalty_charge", D("7.97"))
    ]
    pictures = MonthEnd.objects.filter(loan_id=loan_id, month_end=date(2026, 2, 28)).order_by("revision")
    assert [(p.revision, p.bucket, p.dpd) for p in pictures] == [(0, "M0", 0), (1, "M1", 13)]
    in_order(loan_id, today)


def test_taking_back_the_payment_that_closed_a_loan_opens_it_again():
    today = date(2026, 3, 1)
    loan_id = open_loan()
    key = post(loan_id, "12000.00", DISBURSED, surplus="shorten_term")
    close_days(DISBURSED, today - timedelta(days=1))
    assert facts(loan_id).status == "closed"
    assert not MonthEnd.objects.filter(loan_id=loan_id).exists()
    take_back(loan_id, key, business_date=today)
    loan = facts(loan_id)
    assert (loan.status, loan.closed_on, loan.bucket, loan.outstanding_principal) == (
        "active",
        None,
        "M1",
        D("12000.00"),
    )
    assert [(p.month_end, p.bucket) for p in MonthEnd.objects.filter(loan_id=loan_id).order_by("month_end")] == [
        (date(2026, 1, 31), "M0"),
        (date(2026, 2, 28), "M1"),
    ]
    in_order(loan_id, today)


def test_a_month_end_the_loan_no_longer_saw_is_restated_as_closed():
    today = date(2026, 3, 1)
    loan_id = lived_until(today)
    post(loan_id, "12000.00", DISBURSED, business_date=today, surplus="shorten_term")
    newest = MonthEnd.objects.filter(loan_id=loan_id, month_end=date(2026, 2, 28)).latest("revision")
    assert (newest.status, newest.bucket, newest.dpd, newest.outstanding_principal) == ("closed", "M0", 0, D("0.00"))
    assert books(loan_id)["month ends"] == []
    in_order(loan_id, today)


def test_taking_a_waiver_back_makes_it_owed_again():
    today = date(2026, 2, 25)
    loan_id = lived_until(today)
    before = books(loan_id)
    key = post(loan_id, "0.00", today, kind="waiver", components={"penalty": D("6.13"), "interest": D("20.00")})
    assert facts(loan_id).installments.get(number=1).interest_waived == D("20.00")
    take_back(loan_id, key, business_date=today)
    assert books(loan_id) == before
    in_order(loan_id, today)


def test_taking_a_payoff_back_brings_the_old_schedule_back_under_a_new_version():
    today = date(2026, 2, 1)
    loan_id = lived_until(today)
    before = books(loan_id)
    key = post(loan_id, "12102.00", today, kind="payoff")  # 17 days of interest
    assert facts(loan_id).status == "closed"
    take_back(loan_id, key, business_date=today)
    assert books(loan_id) == before
    loan = facts(loan_id)
    assert (loan.status, loan.schedule_version) == ("active", 3)
    assert list(loan.schedule_versions.values_list("number", "cause").order_by("number")) == [
        (1, "disbursement"),
        (2, "payoff"),
        (3, "replay"),
    ]
    assert loan.installments.filter(from_version=3, to_version=None).count() == 12
    in_order(loan_id, today)


def test_taking_a_prepayment_back_brings_the_old_schedule_back_and_keeps_every_version():
    today = date(2026, 2, 1)
    loan_id = lived_until(today)
    before = books(loan_id)
    key = post(loan_id, "5000.00", today, surplus="reduce_installment")
    assert facts(loan_id).installments.filter(to_version=None).count() == 13
    take_back(loan_id, key, business_date=today)
    assert books(loan_id) == before
    for version in (1, 2, 3):
        alive = [
            bill
            for bill in facts(loan_id).installments.all()
            if bill.from_version <= version and (bill.to_version is None or bill.to_version > version)
        ]
        assert sum(bill.principal for bill in alive) == D("12000.00"), version
    in_order(loan_id, today)


def test_a_payment_before_a_prepayment_changes_the_schedule_it_made():
    today = date(2026, 3, 1)
    loan_id = open_loan()
    close_days(DISBURSED, DUE - timedelta(days=1))
    post(loan_id, "6000.00", DUE, surplus="reduce_installment", external_id="prepaid")
    close_days(DUE, today - timedelta(days=1))
    post(loan_id, "1100.16", date(2026, 2, 10), business_date=today, surplus="next_installment", external_id="earlier")
    # The first bill was paid on the 10th already, so all 6,000.00 prepays on the 15th.
    today_bill = facts(loan_id).installments.get(due_date=DUE, to_version=None, from_version__gt=1)
    assert (today_bill.principal, today_bill.principal_paid) == (D("6000.00"), D("6000.00"))
    assert facts(loan_id).outstanding_principal == D("5079.84")
    in_order(loan_id, today)


def test_a_payment_is_not_taken_back_while_its_surplus_is_refunded():
    today = date(2026, 2, 1)
    loan_id = lived_until(today)
    paid = post(loan_id, "300.00", today)
    refunded = post(loan_id, "300.00", today, kind="refund")
    before = books(loan_id) | {"operations": Operation.objects.count()}
    with pytest.raises(RefundNoLongerCovered) as refused:
        take_back(loan_id, paid, business_date=today)
    assert refused.value.code == "repayment.refund_no_longer_covered"
    assert "Reverse the refund first" in refused.value.next_step
    assert books(loan_id) | {"operations": Operation.objects.count()} == before
    take_back(loan_id, refunded, business_date=today)
    take_back(loan_id, paid, business_date=today)
    assert facts(loan_id).suspense == D("0.00")
    in_order(loan_id, today)


def test_taking_back_the_payment_before_a_write_off_opens_the_loan_instead_of_writing_it_off():
    loan_id = open_loan(terms=terms(tolerance=Tolerance(floor=D("5.00"))), principal="1000.00")
    paid = post(loan_id, "995.50", DISBURSED, surplus="shorten_term")
    post(loan_id, "0.00", DISBURSED, kind="write_off")
    assert facts(loan_id).status == "closed"
    take_back(loan_id, paid, business_date=DISBURSED)
    assert (facts(loan_id).status, facts(loan_id).outstanding_principal) == ("active", D("1000.00"))
    assert [row for row in books(loan_id)["transfers"] if row[1] == "write_off"] == []
    in_order(loan_id, DISBURSED)


def test_taking_a_charge_off_back_makes_the_loan_active_and_penalty_grow_again():
    today = date(2026, 4, 1)
    loan_id = lived_until(date(2026, 2, 25))
    key = post(loan_id, "0.00", date(2026, 2, 25), kind="charge_off")
    close_days(date(2026, 2, 25), today - timedelta(days=1))
    assert facts(loan_id).installments.get(number=1).penalty == D("6.13")
    take_back(loan_id, key, business_date=today)
    assert facts(loan_id).status == "active"
    assert facts(loan_id).installments.get(number=1).penalty == D("26.99")  # 44 days to the end of March
    in_order(loan_id, today)


def test_taking_a_change_of_creditor_back_gives_the_loan_back():
    today = date(2026, 2, 1)
    loan_id = lived_until(today)
    key = post(loan_id, "12000.00", today, kind="creditor_change", creditor="fund")
    take_back(loan_id, key, business_date=today)
    assert facts(loan_id).creditor == "lender"
    assert books(loan_id)["transfers"] == []
    in_order(loan_id, today)


def test_nothing_is_ever_removed_from_the_ledger():
    today = date(2026, 3, 20)
    loan_id = lived_until(today)
    keys = [post(loan_id, "100.00", day, business_date=today) for day in (DUE, date(2026, 3, 1), date(2026, 2, 20))]
    seen = set(Transfer.objects.filter(loan_id=loan_id).values_list("pk", flat=True))
    for key in keys:
        take_back(loan_id, key, business_date=today)
        now = set(Transfer.objects.filter(loan_id=loan_id).values_list("pk", flat=True))
        assert seen < now
        seen = now
    # Every reversing row swaps the accounts of the row it names, amount and value date the same.
    assert fetch(
        "SELECT count(*) FROM repayment_transfer r JOIN repayment_transfer t ON t.id = r.reverses_id "
        "WHERE (r.debit, r.credit, r.amount, r.value_date, r.loan_id) "
        "IS DISTINCT FROM (t.credit, t.debit, t.amount, t.value_date, t.loan_id)"
    ) == [(0,)]
    in_order(loan_id, today)


def test_the_moves_of_a_day_stand_in_the_order_of_the_day():
    loan_id = open_loan()
    close_days(DISBURSED, date(2026, 2, 14))
    first = post(loan_id, "1100.16", DUE)
    close_days(DUE, date(2026, 3, 15))
    today = date(2026, 3, 16)
    post(loan_id, "2300.00", today, external_id="both")
    assert [m[:4] for m in books(loan_id)["moves"]] == [
        (today, "M0", "M1", "aging"),
        (today, "M1", "M0", "payment"),
    ]
    # Without the first payment the loan is late since February, and the second one still cures it.
    take_back(loan_id, first, business_date=today)
    assert [m[:4] for m in books(loan_id)["moves"]] == [
        (date(2026, 2, 16), "M0", "M1", "aging"),
        (today, "M1", "M0", "payment"),
    ]
    # With it again the night moves the loan first, though that is found out last.
    post(loan_id, "1100.16", DUE, business_date=today)
    assert [m[:4] for m in books(loan_id)["moves"]] == [
        (today, "M0", "M1", "aging"),
        (today, "M1", "M0", "payment"),
    ]
    in_order(loan_id, today)
