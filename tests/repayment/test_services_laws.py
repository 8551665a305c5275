"""The laws of the engine on PostgreSQL: whatever is done in whatever order, the books are what a replay says."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal

import pytest
from django.db import transaction
from django.db.backends.postgresql.psycopg_any import DateRange
from hypothesis import HealthCheck, Phase, given, note, settings

from backoffice.core.bulk import fetch
from backoffice.core.money import exponent_of
from backoffice.customers.models import Hold
from backoffice.repayment.domain.admission import payoff_of
from backoffice.repayment.domain.aging import month_end
from backoffice.repayment.domain.bills import copy_of
from backoffice.repayment.domain.penalty import uncharged
from backoffice.repayment.models import Loan, Operation
from backoffice.repayment.selectors.states import load_histories, load_loans
from backoffice.repayment.services.closing import snapshot_range
from backoffice.repayment.services.opening import PastOperation
from backoffice.repayment.services.posting import Booked, Refused, book
from backoffice.repayment.services.rebuilding import rebuild
from backoffice.repayment.services.writing import Pages
from tests.repayment.factories import ADA, books, close, draft, drifts, open_loan, replay_changes
from tests.repayment.histories import FUTURES, Step, any_terms, disbursements, principals, steps

pytestmark = pytest.mark.django_db
# A failing life is printed step by step instead of being shrunk, which takes minutes against a database.
on_postgresql = settings(
    max_examples=20,
    deadline=None,
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


@contextmanager
def undone() -> Iterator[None]:
    """Whatever happens inside is rolled back."""
    with transaction.atomic():
        yield
        transaction.set_rollback(True)


class Life:
    """One loan lived day by day: the business date moves on, every day is closed, operations arrive as they come."""

    def __init__(self, *, terms, principal, disbursed_on):
        note(f"{terms} {principal} {disbursed_on}")
        self.terms = terms
        self.today = disbursed_on
        self.disbursed_on = disbursed_on
        self.loan_id = open_loan(terms=terms, principal=principal, disbursed_on=disbursed_on)
        self.operations = []

    def wait(self, days):
        """Close the days that can change the loan; a close that finds nothing due writes nothing."""
        until = self.today + timedelta(days=days)
        while self.today < until:
            if self.today == month_end(self.today) or self._next_transition() == self.today:
                close(self.today, loan_ids=[self.loan_id])
            self.today += timedelta(days=1)

    def _next_transition(self):
        return Loan.objects.values_list("next_transition_date", flat=True).get(pk=self.loan_id)

    def take(self, step: Step):
        note(f"{self.today}: {step}")
        self.wait(step.wait)
        on = max(self.disbursed_on, self.today - timedelta(days=step.back))
        if step.action == "hold":
            self._hold(on, step)
        elif step.action != "nothing":
            self._book(step, on)

    def _book(self, step: Step, on: date):
        fields = {"external_id": f"op{len(self.operations)}"}
        kind = step.action
        amount = self._amount(step)
        if kind == "surplus":
            kind, fields["surplus"] = "payment", FUTURES[step.pick % len(FUTURES)]
        elif kind == "waiver":
            fields["components"] = {("penalty", "interest", "fee")[step.pick % 3]: self._small(step)}
        elif kind == "creditor_change":
            fields["creditor"] = ("guarantor", "fund")[step.pick % 2]
        elif kind == "payoff":
            on = self.today
            amount = self._payoff()
        elif kind == "refund":
            amount = Loan.objects.get(pk=self.loan_id).suspense
        elif kind == "reversal":
            live = [key for key in self.operations if key is not None]
            if not live:
                return
            fields["reverses"] = live[step.pick % len(live)]
            on = self.today
        if kind in ("charge_off", "write_off", "reversal", "waiver"):
            amount = Decimal("0.00")
        outcome = book(drafts=[draft(self.loan_id, kind, on, amount, **fields)], actor=ADA, business_date=self.today)[0]
        note(f"{self.today}: {kind} {amount} of {on} {fields}: {outcome!r}")
        self.operations.append(None if isinstance(outcome, Refused) or kind == "reversal" else outcome.operation_id)

    def _round(self, amount):
        return amount.quantize(Decimal(1).scaleb(-exponent_of(self.terms.currency)))

    def _amount(self, step):
        ((total,),) = fetch(
            "SELECT sum(principal + interest + fee + guarantee_fee) FROM repayment_installment "
            "WHERE loan_id = %s AND to_version IS NULL",
            [self.loan_id],
        )
        return self._round(max(Decimal(1), total * step.share * Decimal("0.8")))

    def _small(self, step):
        return self._round(max(Decimal(1), step.share * 3))

    def take_back(self, operation_id):
        """Reverse an operation today."""
        (outcome,) = book(
            drafts=[draft(self.loan_id, "reversal", self.today, reverses=operation_id)],
            actor=ADA,
            business_date=self.today,
        )
        assert isinstance(outcome, Booked), outcome

    def _payoff(self):
        state = load_loans(loan_ids=[self.loan_id], business_date=self.today, lock=False, whole_schedule=True)[
            self.loan_id
        ].state
        grown = sum(uncharged(copy_of(state), as_of=self.today).values(), Decimal(0))
        return payoff_of(state, at=self.today, uncharged_penalty=grown).total

    def _hold(self, on, step):
        end = on + timedelta(days=1 + step.pick * 4) if step.pick < 6 else None
        scope = ("aging", "penalty")[step.pick % 2]
        loan = Loan.objects.get(pk=self.loan_id)
        period = DateRange(on, end)
        if Hold.objects.filter(borrower_id=loan.borrower_id, scope=scope, period__overlap=period).exists():
            return
        Hold.objects.create(
            borrower_id=loan.borrower_id, scope=scope, period=period, reason="dispute", set_by_name="Ada"
        )
        self._replay()

    def _replay(self):
        loan = load_loans(loan_ids=[self.loan_id], business_date=self.today, lock=True)[self.loan_id]
        pages = Pages(business_date=self.today)
        rebuild(
            loan=loan,
            history=load_histories(loan_ids=[self.loan_id])[self.loan_id],
            added={},
            removed=set(),
            pages=pages,
        )
        pages.flush()


def history_of(loan_id):
    """The operations of a loan that still count, as another system would hand them over."""
    rows = Operation.objects.filter(loan_id=loan_id, reverses=None, reversed_by=None).exclude(kind="disbursement")
    return [
        PastOperation(
            kind=row.kind,
            value_date=row.value_date,
            amount=row.amount,
            surplus=row.surplus or None,
            components={name: Decimal(amount) for name, amount in row.details.get("components", {}).items()},
            creditor=row.details.get("creditor", ""),
            external_id=row.external_id,
        )
        for row in rows.order_by("value_date", "id")
    ]


lives = {"terms": any_terms(), "principal": principals, "disbursed_on": disbursements, "life": steps}


@on_postgresql
@given(**lives)
def test_replay_equals_incremental_in_any_order_of_backdating(terms, principal, disbursed_on, life):
    with undone():
        loan = Life(terms=terms, principal=principal, disbursed_on=disbursed_on)
        for step in life:
            loan.take(step)
            assert replay_changes(loan.loan_id, business_date=loan.today) == {}
            assert drifts(loan.today) == []
        loan.wait(33)
        assert replay_changes(loan.loan_id, business_date=loan.today) == {}
        assert drifts(loan.today) == []


@on_postgresql
@given(**lives)
def test_posting_and_taking_back_is_as_if_nothing_had_been(terms, principal, disbursed_on, life):
    with undone():
        loan = Life(terms=terms, principal=principal, disbursed_on=disbursed_on)
        for step in life[:-1]:
            loan.take(step)
        loan.wait(life[-1].wait)
        before, known = books(loan.loan_id), len(loan.operations)
        loan.take(replace(life[-1], wait=0))
        if len(loan.operations) == known or loan.operations[-1] is None:
            return
        loan.take_back(loan.operations[-1])
        assert books(loan.loan_id) == before
        assert drifts(loan.today) == []


@on_postgresql
@given(**lives)
def test_opening_with_a_history_equals_having_lived_it(terms, principal, disbursed_on, life):
    with undone():
        loan = Life(terms=terms, principal=principal, disbursed_on=disbursed_on)
        for step in life:
            if step.action != "hold":
                loan.take(step)
        opened = open_loan(
            terms=terms,
            principal=principal,
            disbursed_on=disbursed_on,
            business_date=loan.today,
            history=history_of(loan.loan_id),
        )
        assert books(opened) == books(loan.loan_id)
        assert replay_changes(opened, business_date=loan.today) == {}
        assert drifts(loan.today) == []


@on_postgresql
@given(**lives)
def test_a_loan_left_behind_catches_up_to_what_nightly_closes_make_of_it(terms, principal, disbursed_on, life):
    with undone():
        nightly = Life(terms=terms, principal=principal, disbursed_on=disbursed_on)
        for step in life:
            if step.action != "hold":
                nightly.take(step)
        late = open_loan(
            terms=terms,
            principal=principal,
            disbursed_on=disbursed_on,
            business_date=nightly.today,
            history=history_of(nightly.loan_id),
        )
        for days in (7, 40):
            start = nightly.today
            nightly.wait(days)
            for day in (start + timedelta(days=n) for n in range(days - 1)):
                if day == month_end(day):
                    snapshot_range(day=day, first_id=late, last_id=late, run_id=None)
            close(nightly.today - timedelta(days=1), loan_ids=[late])
            assert books(late) == books(nightly.loan_id)
            assert replay_changes(late, business_date=nightly.today) == {}
        assert drifts(nightly.today) == []
