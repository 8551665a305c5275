"""代偿 on PostgreSQL: listed once within the cap, decided once, transferred under the loan's lock, matched by file."""

import io
from datetime import date, time, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import IntegrityError, transaction

from backoffice.repayment.domain.autopay.claim_states import ClaimState
from backoffice.repayment.models import (
    Claim,
    ClaimMove,
    ClaimReturn,
    DebitBill,
    DebitCommand,
    Difference,
    Loan,
    Operation,
    SplitLine,
)
from backoffice.repayment.selectors.autopay.claims import cap_of_rule, rates_by_guarantor, recovered_of
from backoffice.repayment.selectors.autopay.split_statements import Period, statement_of
from backoffice.repayment.services.autopay.claim_deciding import (
    Decided,
    Decision,
    DecisionsRefused,
    decide_claim,
    decide_claims,
    read_decisions,
)
from backoffice.repayment.services.autopay.claim_moving import ClaimInState, ClaimNotFound
from backoffice.repayment.services.autopay.claim_returning import NothingToReturn, foresee_return, return_overpaid
from backoffice.repayment.services.autopay.claim_transferring import (
    BeforeCutOff,
    OrderInFlight,
    SamePerson,
    SplitNotReady,
    Transferred,
    transfer_claim,
)
from backoffice.repayment.services.autopay.reconciling import compare_day
from backoffice.repayment.services.autopay.splitting import follow_ledger, split_payments
from tests.repayment.autopay import claiming, days, debiting
from tests.repayment.autopay.claiming import (
    DAY,
    FRIDA,
    TOM,
    at,
    business_date_is,
    confirmed,
    guarantor,
    late_loan,
    listed,
    pays,
    rule,
    the_claim,
    transferred,
)
from tests.repayment.factories import close_days, drifts, open_loan, post, take_back
from tests.staff.factories import TeamFactory, person

pytestmark = pytest.mark.django_db
NEXT = DAY + timedelta(days=1)


def a_claim(**fields: Any) -> Claim:
    """Listed on its day, the funder agrees."""
    late_loan()
    if fields.get("kind") == "whole_loan":
        a_pool()
        fields["cap_share"] = Decimal(1)
    listed(rule(**fields))
    confirmed(the_claim())
    return the_claim()


def a_pool() -> None:
    """A loan nothing is claimed of, so that the cap has room for another as a whole."""
    open_loan(disbursed_on=DAY - timedelta(days=5), business_date=DAY)


def facts(claim: Claim) -> tuple[str, str, str]:
    claim.refresh_from_db()
    return (claim.state, claim.dropped_because, str(claim.amount))


# ---------------------------------------------------------------------------------------------------------- the list


def test_lists_a_bill_on_the_day_it_is_ten_days_past_due_and_not_before() -> None:
    loan_id = late_loan(DAY - timedelta(days=1))
    ten_days = rule()
    assert listed(ten_days, DAY - timedelta(days=1)).listed == 0
    close_days(DAY - timedelta(days=1), DAY - timedelta(days=1))
    assert listed(ten_days).listed == 1
    claim = the_claim()
    bill = Loan.objects.get(pk=loan_id).installments.get(number=1)
    assert (claim.loan_id, claim.installment_number, claim.day, claim.state) == (loan_id, 1, DAY, "candidate")
    assert (claim.principal, claim.interest, claim.penalty) == (bill.principal, bill.interest, Decimal(0))
    assert [(move.from_state, move.to_state, move.cause) for move in ClaimMove.objects.all()] == [
        ("", "candidate", "listed")
    ]


def test_listing_twice_lists_once() -> None:
    late_loan()
    ten_days = rule()
    assert [listed(ten_days).listed, listed(ten_days).listed] == [1, 0]
    assert (Claim.objects.count(), ClaimMove.objects.count()) == (1, 1)


def test_catches_up_with_a_close_that_was_missed() -> None:
    late_loan(DAY + timedelta(days=3))
    ten_days = rule()
    assert listed(ten_days, DAY + timedelta(days=3)).listed == 1
    assert the_claim().day == DAY


def test_leaves_alone_what_was_late_before_the_rule() -> None:
    late_loan(NEXT)
    of = rule(effective_from=NEXT)
    assert listed(of, NEXT).listed == 0


def test_lists_nothing_of_another_funder_another_product_or_a_rule_that_is_not_agreed_to() -> None:
    late_loan()
    for of in (rule(funder="bank-b"), rule(portfolio="other"), rule(currency="USD"), rule(state="draft")):
        assert listed(of).listed == 0


def test_a_whole_loan_is_its_remaining_principal_with_the_interest_due_and_earned() -> None:
    loan_id = late_loan()
    a_pool()
    of = rule(kind="whole_loan", cap_share=Decimal(1))
    listed(of)
    claim = the_claim()
    loan = Loan.objects.get(pk=loan_id)
    # 12,000 at 18 % a year: 180.00 on the bill that is due, and ten days of what is earned since.
    due = loan.installments.get(number=1).interest
    assert (claim.installment_number, claim.principal) == (None, loan.outstanding_principal)
    assert claim.interest > due
    assert claim.amount == claim.principal + claim.interest


def test_a_bill_that_is_claimed_is_not_in_the_whole_loan_and_a_whole_loan_ends_single_bills() -> None:
    loan_id = late_loan()
    a_pool()
    single, whole = rule(), rule(kind="whole_loan", trigger_dpd=12, cap_share=Decimal(1))
    listed(single)
    eve = DAY + timedelta(days=2)
    close_days(DAY, eve - timedelta(days=1))
    assert (listed(whole, eve).listed, listed(single, eve).listed) == (1, 0)
    claim = Claim.objects.get(installment_number=None)
    loan = Loan.objects.get(pk=loan_id)
    assert claim.principal == loan.outstanding_principal - loan.installments.get(number=1).principal


def test_penalty_is_claimed_where_it_was_agreed_to() -> None:
    late_loan()
    of = rule(with_penalty=True)
    listed(of)
    assert the_claim().penalty > 0


def test_the_cap_leaves_out_what_it_has_no_room_for_and_takes_it_as_soon_as_there_is() -> None:
    for number in range(2):
        late_loan(external_id=f"CAP{number}")
    of = rule(cap_share=Decimal("0.05"))
    # 5 % of 24,000.00 is 1,200.00: one bill of about 1,100 fits.
    assert cap_of_rule(of).limit == Decimal("1200.00")
    done = listed(of)
    assert (done.listed, done.beyond_cap) == (1, 1)
    assert list(Claim.objects.order_by("pk").values_list("state", "dropped_because")) == [
        ("candidate", ""),
        ("dropped", "cap"),
    ]
    assert (listed(of).listed, Claim.objects.count()) == (0, 2)
    first = Claim.objects.get(state="candidate")
    decide_claim(claim_id=first.pk, is_confirmed=False, reason="wrong papers", actor=FRIDA, at=at("10:00"))
    assert listed(of).listed == 1
    assert Claim.objects.get(state="candidate").pk != first.pk
    assert cap_of_rule(of).used <= cap_of_rule(of).limit


# ---------------------------------------------------------------------------------------------------- the funder's word


def test_a_claim_is_confirmed_once() -> None:
    claim = a_claim()
    assert claim.state == "confirmed"
    with pytest.raises(ClaimInState):
        confirmed(claim)
    with pytest.raises(ClaimInState):
        decide_claim(claim_id=claim.pk, is_confirmed=False, reason="no", actor=FRIDA, at=at("10:00"))
    assert ClaimMove.objects.filter(cause="confirmed").count() == 1


def test_declining_needs_a_reason_and_is_not_listed_again() -> None:
    late_loan()
    of = rule()
    listed(of)
    claim = the_claim()
    with pytest.raises(DecisionsRefused):
        decide_claim(claim_id=claim.pk, is_confirmed=False, reason=" ", actor=FRIDA, at=at("10:00"))
    decide_claim(claim_id=claim.pk, is_confirmed=False, reason="papers missing", actor=FRIDA, at=at("10:00"))
    assert facts(claim)[:2] == ("dropped", "declined")
    assert listed(of).listed == 0
    with pytest.raises(ClaimNotFound):
        decide_claim(claim_id=0, is_confirmed=True, reason="", actor=FRIDA, at=at("10:00"))


def test_a_list_of_decisions_is_taken_whole_and_twice_is_once() -> None:
    late_loan()
    late_loan()
    of = rule()
    listed(of)
    one, two = Claim.objects.order_by("pk")
    text = (
        f"claim,decision,amount,reason\n{one.number},confirm,{one.amount},\n{two.number},decline,{two.amount},papers\n"
    )
    asked = {"portfolios": None, "actor": FRIDA, "at": at("10:00")}
    decisions = read_decisions(io.BytesIO(text.encode()))
    assert decide_claims(decisions=decisions, **asked) == Decided(confirmed=1, declined=1, unchanged=0)
    assert decide_claims(decisions=decisions, **asked) == Decided(confirmed=0, declined=0, unchanged=2)
    with pytest.raises(ClaimInState):
        decide_claims(decisions=[Decision(two.number, is_confirmed=True)], **asked)


def test_a_list_with_one_bad_line_is_refused_whole_and_the_line_is_named() -> None:
    late_loan()
    of = rule()
    listed(of)
    claim = the_claim()
    asked = {"actor": FRIDA, "at": at("10:00")}
    good = Decision(claim.number, is_confirmed=True)
    for decisions, portfolios in (
        ([good, Decision("C0", is_confirmed=True)], None),
        ([good, good], None),
        ([Decision(claim.number, True, amount=claim.amount + 1)], None),
        ([good], frozenset({"other"})),
    ):
        with pytest.raises(DecisionsRefused):
            decide_claims(decisions=decisions, portfolios=portfolios, **asked)
    assert facts(claim)[0] == "candidate"


@pytest.mark.parametrize(
    ("content", "line"),
    [
        (b"claim,decision\n", "1"),
        (b"claim,decision,amount,reason\n", None),
        (b"claim,decision,amount,reason\nC1,confirm,1.00\n", "2"),
        (b"claim,decision,amount,reason\nC1,confirm,1.00,\nC2,perhaps,1.00,\n", "3"),
        (b"claim,decision,amount,reason\nC1,confirm,one,\n", "2"),
        (b"\xff\xfe", None),
    ],
)
def test_a_file_of_decisions_is_refused_with_its_line(content: bytes, line: str | None) -> None:
    with pytest.raises(DecisionsRefused) as refused:
        read_decisions(io.BytesIO(content))
    assert refused.value.fields.get("file") == line


# -------------------------------------------------------------------------------------------------------- the transfer


def test_the_guarantor_pays_a_bill_and_the_borrower_owes_what_they_owed() -> None:
    claim = a_claim()
    before = Loan.objects.values().get(pk=claim.loan_id)
    done = transferred(claim)
    assert (done.state, done.amount, done.overpaid) == ("transferred", claim.amount, Decimal(0))
    assert Loan.objects.values().get(pk=claim.loan_id) == before
    assert not Operation.objects.filter(source="claim").exists()
    claim.refresh_from_db()
    assert claim.transferred_on == DAY
    with pytest.raises(ClaimInState):
        transferred(claim)


def test_a_whole_loan_changes_its_creditor_and_days_and_bucket_go_on() -> None:
    claim = a_claim(kind="whole_loan")
    before = Loan.objects.get(pk=claim.loan_id)
    done = transferred(claim)
    after = Loan.objects.get(pk=claim.loan_id)
    assert (after.creditor, after.bucket, after.oldest_unpaid_due_date) == (
        "guard",
        before.bucket,
        before.oldest_unpaid_due_date,
    )
    operation = Operation.objects.get(pk=done.operation_id)
    assert (operation.kind, operation.amount, operation.value_date) == ("creditor_change", claim.amount, DAY)
    assert drifts(DAY) == []


def test_nothing_is_transferred_before_the_cut_off_or_by_who_confirmed_it() -> None:
    claim = a_claim()
    with pytest.raises(BeforeCutOff):
        transferred(claim, clock="18:00")
    with pytest.raises(SamePerson):
        transfer_claim(claim_id=claim.pk, reason="paid", actor=FRIDA, at=at("19:00"))
    business_date_is(DAY - timedelta(days=1))
    with pytest.raises(BeforeCutOff):
        transferred(claim)
    assert facts(claim)[0] == "confirmed"


@pytest.mark.parametrize("state", ["submitted", "unknown"])
def test_nothing_is_transferred_while_a_debit_is_under_way(state: str) -> None:
    claim = a_claim()
    command = days.command(state=state)
    DebitCommand.objects.filter(pk=command.pk).update(loan_id=claim.loan_id)
    with pytest.raises(OrderInFlight):
        transferred(claim)


def test_a_payment_before_the_cut_off_drops_the_claim() -> None:
    claim = a_claim()
    pays(claim, "1150.00", clock="17:59")
    assert transferred(claim).state == "dropped"
    assert facts(claim)[:2] == ("dropped", "paid")
    assert not ClaimReturn.objects.exists()


def test_a_part_paid_before_the_cut_off_shrinks_the_claim() -> None:
    claim = a_claim()
    was = claim.amount
    pays(claim, "300.00", clock="09:00")
    done = transferred(claim)
    claim.refresh_from_db()
    bill = claim.loan.installments.get(number=1)
    left = bill.principal - bill.principal_paid + bill.interest - bill.interest_paid
    assert (done.amount, claim.amount) == (left, left)
    assert left < was
    assert not ClaimReturn.objects.exists()


def test_a_payment_after_the_cut_off_leaves_the_claim_and_is_to_be_given_back() -> None:
    claim = a_claim()
    pays(claim, "300.00", clock="18:01")
    bill = claim.loan.installments.get(number=1)
    paid = bill.principal_paid + bill.interest_paid
    done = transferred(claim)
    assert (done.amount, done.overpaid) == (claim.amount, paid)
    overpaid = ClaimReturn.objects.get()
    assert (overpaid.amount, overpaid.state) == (paid, "owed")
    return_overpaid(claim_id=claim.pk, reference="TT-1", reason="by transfer", actor=TOM, at=at("20:00"))
    with pytest.raises(NothingToReturn):
        return_overpaid(claim_id=claim.pk, reference="TT-2", reason="by transfer", actor=TOM, at=at("20:01"))
    overpaid.refresh_from_db()
    assert (overpaid.state, overpaid.returned_on, overpaid.reference) == ("returned", DAY, "TT-1")


def test_a_claim_dropped_as_paid_is_listed_again_when_the_payment_is_taken_back() -> None:
    claim = a_claim()
    was = claim.amount
    operation_id = pays(claim, "1150.00", clock="09:00")
    transferred(claim)
    close_days(DAY, DAY)
    business_date_is(NEXT)
    assert listed(claim.rule, NEXT).listed == 0, "while it is paid nothing is claimed"
    take_back(claim.loan_id, operation_id, business_date=NEXT)  # type: ignore[arg-type]
    assert listed(claim.rule, NEXT).listed == 1
    claim.refresh_from_db()
    assert (claim.state, claim.dropped_because, claim.day, claim.confirmed_by) == ("candidate", "", NEXT, None)
    assert claim.amount == was
    confirmed(claim)
    with pytest.raises(BeforeCutOff):
        transferred(claim, clock="17:59", day=NEXT)
    assert transferred(claim, day=NEXT) == Transferred(ClaimState.TRANSFERRED, was)


@pytest.mark.parametrize("kept", ["", "100.00"])
def test_what_was_overpaid_is_measured_again_when_it_is_given_back(kept: str) -> None:
    claim = a_claim()
    if kept:
        pays(claim, kept, clock="18:10")
    operation_id = pays(claim, "200.00", clock="18:30")
    done = transferred(claim)
    close_days(DAY, DAY)
    business_date_is(NEXT)
    # Money that came after the transfer is none of this.
    post(claim.loan_id, "50.00", NEXT)  # type: ignore[arg-type]
    take_back(claim.loan_id, operation_id, business_date=NEXT)  # type: ignore[arg-type]
    foreseen = foresee_return(claim=the_claim())
    back = return_overpaid(claim_id=claim.pk, reference="TT-1", reason="by transfer", actor=TOM, at=at("10:00", NEXT))
    assert back == foreseen < done.overpaid
    assert (back > 0) is bool(kept)
    assert list(ClaimReturn.objects.values_list("amount", "state")) == ([(back, "returned")] if kept else [])
    assert ClaimMove.objects.latest("pk").cause == ("returned" if kept else "not_overpaid")
    with pytest.raises(NothingToReturn):
        return_overpaid(claim_id=claim.pk, reference="TT-2", reason="twice", actor=TOM, at=at("10:01", NEXT))


@pytest.mark.parametrize(("cut_off", "overpaid"), [(time(0, 0), True), (time(23, 59, 59, 999999), False)])
def test_a_payment_at_a_counter_counts_by_when_it_was_booked(cut_off: time, overpaid: bool) -> None:
    claim = a_claim(cut_off=cut_off)
    pays(claim, "300.00")
    business_date_is(NEXT)
    assert (transferred(claim, day=NEXT).overpaid > 0) is overpaid


def test_a_payment_of_the_day_that_is_booked_on_the_next_came_after_the_cut_off() -> None:
    claim = a_claim(cut_off=time(23, 59, 59, 999999))
    business_date_is(NEXT)
    post(claim.loan_id, "300.00", DAY, business_date=NEXT)  # type: ignore[arg-type]
    assert transferred(claim, day=NEXT).overpaid > 0


def test_a_payment_taken_back_does_not_count_whenever_it_came() -> None:
    claim = a_claim()
    operation_id = pays(claim, "300.00", clock="18:01")
    take_back(claim.loan_id, operation_id, business_date=DAY)  # type: ignore[arg-type]
    done = transferred(claim)
    assert (done.amount, done.overpaid) == (claim.amount, Decimal(0))


def test_a_whole_loan_paid_off_after_the_cut_off_is_given_back_whole_and_keeps_its_creditor() -> None:
    claim = a_claim(kind="whole_loan", cut_off=time(0, 0))
    post(claim.loan_id, "20000.00", DAY, surplus="next_installment")  # type: ignore[arg-type]
    business_date_is(NEXT)
    done = transferred(claim, day=NEXT)
    assert (done.state, done.overpaid, done.operation_id) == ("transferred", done.amount, None)
    assert Loan.objects.get(pk=claim.loan_id).creditor == "lender"


def test_a_loan_somebody_else_bought_is_not_claimed_by_its_old_funder() -> None:
    claim = a_claim()
    post(claim.loan_id, "1.00", DAY, kind="creditor_change", creditor="buyer")  # type: ignore[arg-type]
    assert transferred(claim).state == "dropped"
    assert facts(claim)[:2] == ("dropped", "creditor")


def test_a_whole_loan_waits_for_a_configuration_that_pays_the_guarantor() -> None:
    claim = a_claim(kind="whole_loan")
    debiting.payees()
    general = debiting.version()
    with pytest.raises(SplitNotReady):
        transferred(claim)
    assert Loan.objects.get(pk=claim.loan_id).creditor == "lender"
    paid = {component: [{"payee": "guard", "share": "1"}] for component in general.content["payees"]}
    general.content = general.content | {"payees": paid}
    general.save()
    assert transferred(claim).state == "transferred"


def test_what_is_planned_under_the_old_creditor_does_not_leave() -> None:
    claim = a_claim(kind="whole_loan")
    debiting.payees()
    paid = {component: [{"payee": "guard", "share": "1"}] for component in debiting.CONTENT["payees"]}
    version = debiting.version(debiting.content(payees=paid))
    command = days.command(state="planned")
    DebitCommand.objects.filter(pk=command.pk).update(loan_id=claim.loan_id)
    bill = DebitBill.objects.create(
        loan_id=claim.loan_id, borrower_id=claim.loan.borrower_id, installment_number=1, due_date=claim.due_date,
        day=DAY, version=version, currency="CNY", amount="10.00",
    )  # fmt: skip
    transferred(claim)
    command.refresh_from_db()
    bill.refresh_from_db()
    assert (command.state, command.code, bill.state, bill.stopped_by) == ("dropped", "stopped", "stopped", "claim")


# ------------------------------------------------------------------------------------ what the borrower pays afterwards


def debit(claim: Claim, amount: str, *, version_id: int, day: date = NEXT) -> DebitCommand:
    """A debit that succeeded, split as settling splits it."""
    operation_id = pays(claim, amount, clock="07:00", day=day)
    command = DebitCommand.objects.get(operation_id=operation_id)
    DebitCommand.objects.filter(pk=command.pk).update(version_id=version_id)
    split_payments(payments={command.pk: (operation_id, version_id, "CNY", day)})
    return command


def split_of(command: DebitCommand) -> dict[tuple[str, str], Decimal]:
    found: dict[tuple[str, str], Decimal] = {}
    for line in SplitLine.objects.filter(command=command).select_related("payee"):
        key = (line.component, line.payee.code)
        found[key] = found.get(key, Decimal(0)) + line.amount
    return found


def test_later_money_of_a_bill_that_was_paid_by_the_guarantor_is_the_guarantors() -> None:
    claim = a_claim()
    debiting.payees()
    version = debiting.version()
    before = debit(claim, "100.00", version_id=version.pk, day=DAY)
    transferred(claim, clock="19:00")
    close_days(DAY, DAY)
    business_date_is(NEXT)
    after = debit(claim, "300.00", version_id=version.pk)
    assert {payee for _component, payee in split_of(before)} == {"fund", "house"}
    parts = split_of(after)
    assert {payee for (component, payee) in parts if component in {"principal", "interest"}} == {"guard"}
    assert sum(parts.values()) == Decimal("300.00")
    (row,) = [row for row in statement_of(Period(NEXT, NEXT, None)) if row.payee.code == "guard"][:1]
    assert (row.by_contract, row.is_off) == (row.amount, False)
    # Taken back, its lines are mirrored one for one.
    take_back(claim.loan_id, after.operation_id, business_date=NEXT)  # type: ignore[arg-type]
    follow_ledger(loan_ids=[claim.loan_id], day=NEXT)
    assert set(split_of(after).values()) == {Decimal(0)}


def test_the_rates_of_a_guarantor_say_what_it_paid_and_what_came_back() -> None:
    claim = a_claim()
    transferred(claim)
    business_date_is(NEXT)
    pays(claim, "300.00", clock="07:00", day=NEXT)
    claim.refresh_from_db()
    recovered = recovered_of(claim_ids=[claim.pk])[claim.pk]
    (row,) = rates_by_guarantor(portfolios=None)
    assert (row.guarantor.code, row.claims, row.amount, row.pool) == ("guard", 1, claim.amount, Decimal("12000.00"))
    assert (row.claim_rate, row.recovered) == (claim.amount / Decimal(12000), recovered)
    assert row.recovery_rate == recovered / claim.amount
    assert 0 < recovered <= Decimal("300.00")
    assert rates_by_guarantor(portfolios=frozenset({"other"})) == []


# ------------------------------------------------------------------------------------------------- the guarantor's file


def file_rows(claim: Claim, **changed: str) -> list[tuple[Any, ...]]:
    at_noon = f"{claim.transferred_on}T12:00:00+08:00"
    parts = {"principal": str(claim.principal), "interest": str(claim.interest)} | changed
    return [
        (claim.number, claim.loan.external_id, claim.installment_number or 0, component, "debit", amount, "CNY",
         at_noon, claim.plan_version)
        for component, amount in parts.items()
    ]  # fmt: skip


def test_a_file_that_says_the_same_matches_the_claim_and_leaves_no_difference() -> None:
    claim = a_claim()
    transferred(claim)
    days.receive_of_payee(file_rows(the_claim()), whose=guarantor(), day=DAY)
    assert facts(claim)[0] == "matched"
    assert not Difference.objects.exists()


def test_a_claim_transferred_after_its_file_came_is_matched_when_the_day_is_compared_again() -> None:
    claim = a_claim()
    claim.transferred_on = DAY
    taken = days.receive_of_payee(file_rows(claim), whose=guarantor(), day=DAY)
    assert Difference.objects.filter(state="open").count() == 2
    transferred(claim)
    compare_day(day_id=taken.day_id, actor=TOM)
    assert facts(claim)[0] == "matched"
    assert not Difference.objects.filter(state="open").exists()


def test_a_file_that_says_something_else_leaves_a_difference_and_the_claim_as_it_is() -> None:
    claim = a_claim()
    transferred(claim)
    days.receive_of_payee(file_rows(the_claim(), interest="1.00"), whose=guarantor(), day=DAY)
    assert facts(claim)[0] == "transferred"
    ticket = Difference.objects.get()
    assert (ticket.order_no, ticket.component, ticket.detail) == (claim.number, "interest", "amount")


def test_a_claim_the_file_does_not_have_is_a_difference() -> None:
    claim = a_claim()
    transferred(claim)
    days.receive_of_payee([], whose=guarantor(), day=DAY)
    assert {(ticket.component, ticket.detail) for ticket in Difference.objects.all()} == {
        ("principal", "absent"),
        ("interest", "absent"),
    }


def test_a_claims_difference_is_seen_by_those_who_work_on_its_loan() -> None:
    claim = a_claim()
    transferred(claim)
    days.receive_of_payee([], whose=guarantor(), day=DAY)
    ticket = Difference.objects.first()
    assert ticket is not None
    mine, others = (person("team_lead", team=TeamFactory(portfolios=[name])) for name in ("cash", "other"))
    assert Difference.objects.visible_to(mine).count() == 2
    assert Difference.objects.visible_to(others).count() == 0
    Difference.objects.filter(pk=ticket.pk).update(order_no="of nobody")
    assert Difference.objects.visible_to(others).count() == 1


# ------------------------------------------------------------------------------------------------------- the database


def test_the_database_holds_one_standing_claim_of_a_bill_and_a_history_that_only_grows() -> None:
    claim = a_claim()
    twin = Claim.objects.get(pk=claim.pk)
    twin.pk, twin.number = None, "C-twin"
    with pytest.raises(IntegrityError, match="a_bill_or_loan_has_one_claim_that_stands"), transaction.atomic():
        twin.save()
    with pytest.raises(IntegrityError), transaction.atomic():
        ClaimMove.objects.update(cause="changed")
    assert claiming.the_claim().state == "confirmed"
