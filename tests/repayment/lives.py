"""A loan lived through day by day on PostgreSQL by random steps, for the laws that need the real books."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, timedelta
from decimal import Decimal

from django.db import transaction
from django.db.backends.postgresql.psycopg_any import DateRange
from hypothesis import HealthCheck, Phase, event, note, settings

from backoffice.core.bulk import fetch
from backoffice.core.money import exponent_of
from backoffice.customers.models import Hold
from backoffice.repayment.domain.admission import payoff_of
from backoffice.repayment.domain.aging import month_end
from backoffice.repayment.domain.bills import copy_of
from backoffice.repayment.domain.penalty import uncharged
from backoffice.repayment.models import Loan, Operation
from backoffice.repayment.selectors.states import load_histories, load_loans
from backoffice.repayment.services.opening import PastOperation
from backoffice.repayment.services.posting import Booked, Refused, book
from backoffice.repayment.services.rebuilding import rebuild
from backoffice.repayment.services.writing import Pages
from tests.repayment.factories import ADA, close, draft, open_loan
from tests.repayment.histories import FUTURES, Step, any_terms, disbursements, principals, steps

# A failing life is printed step by step instead of being shrunk, which takes minutes against a database.
on_postgresql = settings(
    max_examples=15,
    deadline=None,
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
LIVES = {"terms": any_terms(), "principal": principals, "disbursed_on": disbursements, "life": steps}


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
            fields["components"] = {("interest", "penalty", "interest", "fee")[step.pick % 4]: self._small(step)}
        elif kind == "creditor_change":
            fields["creditor"] = ("guarantor", "fund")[step.pick % 2]
        elif kind == "payoff":
            on = self.today
            amount = self._payoff()
        elif kind == "refund":
            amount = Loan.objects.get(pk=self.loan_id).suspense
            if not amount:
                kind, on, amount, fields["surplus"] = "payment", self.today, self._amount(step), "suspense"
        elif kind == "write_off" and step.pick % 2:
            left = Loan.objects.get(pk=self.loan_id).outstanding_total
            kind, on, amount = "payment", self.today, max(Decimal(1), left - self._round(step.share * 4))
            fields["surplus"] = "next_installment"
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
        event(f"{kind} {type(outcome).__name__.lower()}")
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
        self.place_hold(("aging", "penalty")[step.pick % 2], on, end)

    def place_hold(self, scope, start, end):
        """Stop a clock for the days `[start, end)`, unless it stands still already, and replay the loan."""
        borrower_id = Loan.objects.values_list("borrower_id", flat=True).get(pk=self.loan_id)
        period = DateRange(start, end)
        if not Hold.objects.filter(borrower_id=borrower_id, scope=scope, period__overlap=period).exists():
            Hold.objects.create(
                borrower_id=borrower_id,
                scope=scope,
                period=period,
                review_on=start,
                reason="dispute",
                set_by_name="Ada",
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
