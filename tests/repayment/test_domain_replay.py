"""The fold of a loan's operations: one engine whatever the steps it is taken in, and parts that sum to the whole."""

from collections import Counter
from datetime import date, timedelta
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from backoffice.core.money import exponent_of
from backoffice.repayment.domain.aging import bucket_of, cycles_past_due, days_past_due, month_end, state_dpd
from backoffice.repayment.domain.bills import copy_of, oldest_unpaid
from backoffice.repayment.domain.components import COMPONENTS, RECEIVABLE, SCHEDULED
from backoffice.repayment.domain.journal import Journal, Snapshot
from backoffice.repayment.domain.operations import Operation, apply
from backoffice.repayment.domain.penalty import charge, uncharged
from backoffice.repayment.domain.replay import advance, fold
from backoffice.repayment.domain.terms import Tolerance
from tests.repayment.cases import D, after, hold, lived, loan, page_loan, payment, row, terms
from tests.repayment.histories import FUTURES, Step, any_terms, disbursements, principals, steps


def moves(journal):
    return [(move.on, move.from_bucket, move.to_bucket, move.cause) for move in journal.moves]


# goldens


def test_rolls_from_m1_to_m3_back_to_m2_and_to_m3_again():
    rows = [row(number, date(2026, 1 + number, 10), "1000.00") for number in (1, 2, 3, 4)]
    state = loan(principal="4000.00", disbursed_on=date(2026, 1, 10), rows=rows)
    # On 20 April bill 1 is 69 days late; paying it leaves bill 2, 41 days late.
    bill_and_penalty = D("1000.00") + D("46.00")
    journal = lived(
        state,
        payment(str(bill_and_penalty), date(2026, 4, 20)),
        through=date(2026, 5, 20),
    )
    assert state.bills[0].settled_on == date(2026, 4, 20)
    assert moves(journal) == [
        (date(2026, 2, 11), "M0", "M1", "aging"),
        (date(2026, 3, 13), "M1", "M2", "aging"),
        (date(2026, 4, 12), "M2", "M3", "aging"),
        (date(2026, 4, 20), "M3", "M2", "payment"),
        (date(2026, 5, 10), "M2", "M3", "aging"),
    ]


def test_a_cured_loan_starts_over_at_m1():
    rows = [row(number, date(2026, 1 + number, 10), "1000.00") for number in (1, 2)]
    state = loan(principal="2000.00", disbursed_on=date(2026, 1, 10), rows=rows)
    journal = lived(state, payment("1006.67", date(2026, 2, 20)), through=date(2026, 3, 31))
    assert moves(journal) == [
        (date(2026, 2, 11), "M0", "M1", "aging"),
        (date(2026, 2, 20), "M1", "M0", "payment"),
        (date(2026, 3, 11), "M0", "M1", "aging"),
    ]


def test_penalty_is_charged_at_month_ends_and_when_money_moves_and_at_no_other_time():
    state = page_loan()
    journal = lived(state, payment("100.00", date(2026, 11, 10), key=50), through=date(2026, 12, 31))
    charges = [
        (line.value_date, line.number, line.amount, line.source)
        for line in journal.lines
        if line.kind == "penalty_charge"
    ]
    assert charges == [
        (date(2026, 10, 31), 4, D("8.34"), None),
        (date(2026, 11, 10), 4, D("6.41"), 50),
        (date(2026, 11, 30), 4, D("12.83"), None),
        (date(2026, 11, 30), 5, D("7.81"), None),
        (date(2026, 12, 31), 4, D("19.89"), None),
        (date(2026, 12, 31), 5, D("20.19"), None),
        (date(2026, 12, 31), 6, D("8.59"), None),
    ]


def test_a_month_end_is_pictured_on_its_evening_with_the_bucket_of_the_day():
    rows = [row(1, date(2026, 1, 31), "1000.00", "10.00")]
    state = loan(principal="1000.00", disbursed_on=date(2026, 1, 1), rows=rows)
    journal = fold(state, operations=[], through=date(2026, 3, 2), snapshots=True)
    assert journal.snapshots == [
        # Due that very day: day 0, nothing past due yet although the night moves it to M1.
        Snapshot(date(2026, 1, 31), "active", "lender", "M0", 0, 0, 0, D("1000.00"), D("0.00")),
        Snapshot(date(2026, 2, 28), "active", "lender", "M1", 28, 28, 1, D("1000.00"), D("1028.67")),
    ]
    assert moves(journal) == [(date(2026, 2, 1), "M0", "M1", "aging"), (date(2026, 3, 3), "M1", "M2", "aging")]


def test_a_held_loan_is_pictured_with_both_counts_of_days():
    state = loan(principal="1000.00", disbursed_on=date(2026, 1, 1), rows=[row(1, date(2026, 1, 31), "1000.00")])
    state.holds = (hold("aging", date(2026, 2, 11), date(2026, 2, 21)),)
    journal = fold(state, operations=[], through=date(2026, 2, 28), snapshots=True)
    assert (journal.snapshots[1].dpd, journal.snapshots[1].dpd_contract) == (18, 28)


def test_operations_of_one_day_are_applied_in_the_order_they_were_booked():
    def state():
        return loan(
            principal="1000.00", disbursed_on=date(2026, 1, 1), rows=[row(1, date(2026, 2, 1), "1000.00", "50.00")]
        )

    on = date(2026, 2, 1)
    waived_first, paid_first = state(), state()
    waiver = {"value_date": on, "components": {"interest": D("50.00")}}
    fold(waived_first, operations=[payment("50.00", on, key=2), Operation(kind="waiver", key=1, **waiver)], through=on)
    fold(paid_first, operations=[Operation(kind="waiver", key=2, **waiver), payment("50.00", on, key=1)], through=on)
    assert waived_first.bills[0].paid["principal"] == D("50.00")
    assert paid_first.bills[0].paid["interest"] == D("50.00")


def test_the_order_operations_are_handed_over_in_does_not_matter():
    operations = [payment("700.00", date(2026, 2, 20), key=3), payment("400.00", date(2026, 3, 1), key=1)]
    there, back = loan(), loan()
    forward = fold(there, operations=operations, through=date(2026, 4, 1))
    backward = fold(back, operations=operations[::-1], through=date(2026, 4, 1))
    assert there == back
    assert forward == backward


def test_a_tolerated_rest_is_paid_from_suspense_when_it_falls_due():
    state = loan(
        terms=terms(tolerance=Tolerance(floor=D("5.00"))),
        principal="1000.00",
        disbursed_on=date(2026, 1, 1),
        rows=[row(1, date(2026, 2, 1), "1000.00")],
    )
    lived(
        state,
        payment("996.00", date(2026, 1, 10), key=1, surplus="next_installment"),
        payment("10.00", date(2026, 1, 11), key=2, surplus="suspense"),
        through=date(2026, 2, 1),
    )
    assert (state.status, state.suspense) == ("closed", D("6.00"))


# laws


class Paper:
    """A random life on paper: operations with value dates, no business dates."""

    def __init__(self, *, terms, principal, disbursed_on, life, holds=()):
        self.terms, self.principal, self.disbursed_on, self.holds = terms, principal, disbursed_on, holds
        self.operations = []
        on = disbursed_on
        for key, step in enumerate(life):
            on = after(on, step.wait)
            made = self._operation(step, on, key)
            if made is not None:
                self.operations.append(made)
        self.through = after(on, 40)

    def _operation(self, step: Step, on: date, key: int):
        unit = Decimal(1).scaleb(-exponent_of(self.terms.currency))
        amount = max(Decimal(1), self.principal * step.share).quantize(unit)
        match step.action:
            case "payment":
                return payment(str(amount), on, key=key)
            case "surplus":
                return payment(str(amount), on, key=key, surplus=FUTURES[step.pick % len(FUTURES)])
            case "waiver":
                part = ("penalty", "interest", "fee")[step.pick % 3]
                return Operation(kind="waiver", value_date=on, key=key, components={part: amount})
            case "payoff" | "charge_off" | "write_off":
                return Operation(kind=step.action, value_date=on, key=key, amount=amount)
            case "creditor_change":
                return Operation(kind="creditor_change", value_date=on, key=key, creditor="fund")
        return None

    def fresh(self):
        return loan(terms=self.terms, principal=str(self.principal), disbursed_on=self.disbursed_on, holds=self.holds)


lives = st.builds(
    Paper,
    terms=any_terms(),
    principal=principals,
    disbursed_on=disbursements,
    life=steps,
    holds=st.lists(
        st.builds(
            hold,
            st.sampled_from(["aging", "penalty"]),
            st.dates(date(2025, 12, 1), date(2026, 6, 1)),
            st.just(date(2026, 6, 10)),
        ),
        max_size=2,
    ).map(tuple),
)


def by_account(journal):
    balances = Counter()
    for line in journal.lines:
        balances[line.debit, line.component] += line.amount
        balances[line.credit, line.component] -= line.amount
    return balances


@given(life=lives)
def test_the_bills_are_what_the_transfers_say(life):
    state = life.fresh()
    scheduled = {part: sum((b.charged[part] for b in state.bills), Decimal(0)) for part in SCHEDULED}
    journal = fold(state, operations=life.operations, through=life.through)
    balances = by_account(journal)
    for part in COMPONENTS:
        left = sum((bill.remaining(part) for bill in state.bills), Decimal(0))
        owed_accounts = balances[RECEIVABLE[part], part] + balances["charged_off_receivable", part]
        assert scheduled.get(part, Decimal(0)) + owed_accounts == left
    assert sum((b.charged["principal"] for b in state.bills), Decimal(0)) == life.principal
    assert state.suspense == -sum(amount for (account, _), amount in balances.items() if account == "suspense")
    assert (state.status == "closed") == all(bill.remaining_total() == 0 for bill in state.bills)
    assert all(bill.remaining(part) >= 0 for bill in state.bills for part in COMPONENTS)


@given(life=lives)
def test_every_payment_is_divided_to_the_cent(life):
    journal = fold(life.fresh(), operations=life.operations, through=life.through)
    for operation in life.operations:
        if operation.kind in ("payment", "payoff"):
            cash = [line.amount for line in journal.lines if line.source == operation.key and line.debit == "cash"]
            assert sum(cash, Decimal(0)) == operation.amount


@given(life=lives, strides=st.lists(st.integers(1, 30), min_size=1, max_size=5))
def test_stopping_on_the_way_changes_nothing(life, strides):
    at_once, on_the_way = life.fresh(), life.fresh()
    whole = fold(at_once, operations=life.operations, through=life.through)
    parts = Journal()
    for operation in sorted(life.operations, key=lambda each: (each.value_date, each.key)):
        eve = after(operation.value_date, -1)
        for stride in strides:
            advance(on_the_way, through=min(eve, after(on_the_way.closed_through, stride)), journal=parts)
        advance(on_the_way, through=eve, journal=parts)
        apply(on_the_way, operation, journal=parts)
    while on_the_way.closed_through < life.through:
        stride = strides[on_the_way.closed_through.toordinal() % len(strides)]
        advance(on_the_way, through=min(life.through, after(on_the_way.closed_through, stride)), journal=parts)
    assert (parts.lines, parts.moves, parts.versions) == (whole.lines, whole.moves, whole.versions)
    assert on_the_way == at_once


@given(life=lives, every=st.integers(1, 9))
def test_charging_penalty_on_other_days_too_changes_no_total(life, every):
    seldom, often = life.fresh(), life.fresh()
    fold(seldom, operations=life.operations, through=life.through)
    scratch = Journal()
    day = life.disbursed_on
    left = sorted(life.operations, key=lambda each: (each.value_date, each.key))
    while day <= life.through:
        while left and left[0].value_date == day:
            apply(often, left.pop(0), journal=scratch)
        if day.toordinal() % every == 0:
            charge(often, at=day)
        advance(often, through=day, journal=scratch)
        day += timedelta(days=1)
    charge(seldom, at=after(life.through, 1))
    charge(often, at=after(life.through, 1))
    assert [bill.charged for bill in often.bills] == [bill.charged for bill in seldom.bills]
    assert [bill.paid for bill in often.bills] == [bill.paid for bill in seldom.bills]
    assert (often.suspense, often.status, often.bucket) == (seldom.suspense, seldom.status, seldom.bucket)


@given(life=lives)
def test_a_month_end_is_the_loan_replayed_to_that_evening(life):
    journal = fold(life.fresh(), operations=life.operations, through=life.through, snapshots=True)
    for picture in journal.snapshots:
        state = life.fresh()
        earlier = [each for each in life.operations if each.value_date <= picture.month_end]
        fold(state, operations=earlier, through=picture.month_end)
        oldest = oldest_unpaid(state)
        dpd = state_dpd(state, as_of=picture.month_end)
        assert picture == Snapshot(
            month_end=picture.month_end,
            status=state.status,
            creditor=state.creditor,
            bucket=bucket_of(dpd=dpd, terms=state.terms),
            dpd=dpd,
            dpd_contract=days_past_due(oldest_unpaid_due=oldest.due_date if oldest else None, as_of=picture.month_end),
            cycles=cycles_past_due(state, as_of=picture.month_end),
            outstanding_principal=state.outstanding_principal(),
            overdue_amount=state.overdue_amount(as_of=picture.month_end),
        )
        assert picture.month_end == month_end(picture.month_end)


@given(life=lives)
def test_the_bucket_of_every_morning_is_the_one_its_days_past_due_say(life):
    state = life.fresh()
    journal = Journal()
    left = sorted(life.operations, key=lambda each: (each.value_date, each.key))
    day = life.disbursed_on
    while day <= life.through:
        assert state.bucket == bucket_of(dpd=state_dpd(state, as_of=day), terms=state.terms)
        while left and left[0].value_date == day:
            apply(state, left.pop(0), journal=journal)
        advance(state, through=day, journal=journal)
        day += timedelta(days=1)


@given(life=lives, days=st.integers(0, 60))
def test_asking_for_the_penalty_of_a_day_changes_nothing(life, days):
    state = life.fresh()
    fold(state, operations=life.operations, through=life.through)
    before = copy_of(state)
    uncharged(state, as_of=after(life.through, days))
    before.superseded = state.superseded
    assert state == before
