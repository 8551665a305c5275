"""Lending Club loans issued January to March 2018 (USD): terms, and a snapshot of what was paid, without dates.

Rules, where the set is silent:

1. The snapshot has no date. Loans of January show five paid bills, of February four, of March three: it was taken in
   the second half of June 2018. The book's last day is 24 June 2018. The borrower is the row (there is no number).
2. The bills are the recorded instalment, interest half up to the cent on the balance, the residue on the last bill.
   The number of paid bills is the one whose principal adds up to `paid_principal` (within 0.15; exact for 91 % of the
   unfinished loans). What `paid_interest` differs by then belongs to the first bill, whose period is shorter or longer
   than a month (33 % shorter to 43 % longer): first due day less that period is the pay-out day, kept within the
   month of issue. Every payment is dated on its bill's due date, so the money received is the source's to the cent.
3. The due day is chosen so that the state is true on the last day: the 15th; the 28th for a current loan with one bill
   less than its age (not due yet); the 16th in grace (1-15 days late); the 1st when 16-30 days late. A few late loans
   contradict their own number of paid bills; they keep the 15th and are counted.
4. A bill paid before it is due is paid with the last bill due. Principal beyond whole bills is a prepayment on the last
   paid due date that shortens the term; on a late loan it is a part payment of the next bill. Its amount is the
   source's.
5. Fully paid: the due bill and all that remained are paid on the due date that fits `paid_interest` best. Charged off:
   on the last day, the day is not published.
6. Late fees (`paid_late_fees`) are counted but not loaded: there is no date or bill to put them on. No penalty.
7. Monthly due dates are counted from the moved first due date in the moved calendar.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path

from backoffice.repayment.domain.aging import month_end
from backoffice.repayment.tape.adapters.writing import Conversion, TapeWriter, read_source

FOLDER = "lending_club_2018q1"
PORTFOLIO = "lending_club"
LAST_DAY = date(2018, 6, 24)
MONTHS = {"Jan-2018": 1, "Feb-2018": 2, "Mar-2018": 3}
CURRENT, PAID, CHARGED_OFF = "Current", "Fully Paid", "Charged Off"
GRACE, LATE_16, LATE_31 = "In Grace Period", "Late (16-30 days)", "Late (31-120 days)"
DAYS_LATE = {GRACE: (1, 15), LATE_16: (16, 30), LATE_31: (31, 120)}
USUAL_DUE_DAY = 15
DUE_DAYS = {GRACE: 16, LATE_16: 1}
NOT_DUE_YET = 28
SAME = Decimal("0.15")
CENT = Decimal("0.01")
MONTH_DAYS = 30
TERMS = {
    "currency": "USD",
    "method": "equal_installment",
    "installment_basis": "nominal",
    "annual_rate": "0.12",
    "penalty": {"rate_cap": "0"},
    "allocation": {"future": "next_installment", "principal_first_after_dpd": None},
}


@dataclass(frozen=True, slots=True)
class Part:
    """One bill: principal and interest in dollars."""

    principal: Decimal
    interest: Decimal

    @property
    def total(self) -> Decimal:
        """What the bill asks for."""
        return self.principal + self.interest


@dataclass(frozen=True, slots=True)
class Paid:
    """What a row says was paid: whole bills, principal beyond them, and interest the plain bills do not explain."""

    bills: int
    extra: Decimal
    interest_gap: Decimal


def convert(*, folder: Path, tape: TapeWriter, book_end: date) -> Conversion:
    """Write the tape so that the set's last day is `book_end`."""
    result = Conversion(shift_days=(book_end - LAST_DAY).days)
    for term in (36, 60):
        terms = json.dumps(TERMS | {"periods": term})
        tape.add("products", product_code=f"lc-{term}", name=f"Lending Club {term} months", currency="USD", terms=terms)
    for number, row in enumerate(read_source(folder, "loans.csv.gz"), start=1):
        borrower_id = f"lc-{number:05d}"
        tape.add("borrowers", borrower_id=borrower_id, country="US")
        _write_loan(borrower_id, row, tape, result, book_end=book_end)
    return result


def _write_loan(loan_id: str, row: Mapping[str, str], tape: TapeWriter, result: Conversion, *, book_end: date) -> None:
    status, month = row["loan_status"], MONTHS[row["issue_month"]]
    principal, term = Decimal(row["loan_amount"]), int(row["term"])
    rate = Decimal(row["interest_rate"]) / 100
    parts = bills_of(principal=principal, rate=rate, term=term, installment=Decimal(row["installment"]))
    expected = LAST_DAY.month - month
    paid = _paid_of(row, parts, expected)
    first_interest = max(Decimal(0), parts[0].interest + paid.interest_gap)
    if first_interest != parts[0].interest + paid.interest_gap:
        result.used["loans whose interest fits no first period"] += 1
    parts = [Part(parts[0].principal, first_interest), *parts[1:]]
    first_period = _first_period(paid.interest_gap, principal * rate / 12)
    first_due, disbursed_on = _first_days(status, month, paid.bills - expected, first_period)
    by = timedelta(days=result.shift_days)
    due_dates = [_month_later(first_due + by, step) for step in range(len(parts))]
    tape.add(
        "loans",
        loan_id=loan_id,
        borrower_id=loan_id,
        product_code=f"lc-{term}",
        currency="USD",
        principal=principal,
        disbursed_on=disbursed_on + by,
        periods=len(parts),
        annual_rate=rate,
    )
    for number, (part, due) in enumerate(zip(parts, due_dates, strict=True), start=1):
        tape.add(
            "installments",
            loan_id=loan_id,
            number=number,
            due_date=due,
            principal=part.principal,
            interest=part.interest,
        )
    payments = _payments(status, parts, paid, expected, result)
    for number, (bill, amount, surplus) in enumerate(payments, start=1):
        tape.add(
            "payments",
            payment_id=f"{loan_id}-{number}",
            loan_id=loan_id,
            amount=amount,
            value_date=due_dates[bill],
            currency="USD",
            surplus=surplus,
            kind="payoff" if status == PAID and number == len(payments) else None,
        )
    result.used[f"loans with the state {status}"] += 1
    received = sum((amount for _bill, amount, _surplus in payments), Decimal(0))
    difference = received - _cents(row["paid_principal"]) - _cents(row["paid_interest"])
    result.used["loans that received another sum than the source says"] += abs(difference) > CENT
    result.used["cents received more than the source says"] += int(difference * 100)
    result.used["loans with late fees on record, not loaded"] += Decimal(row["paid_late_fees"]) > 0
    if status in DAYS_LATE and not _is_late_enough(status, due_dates[paid.bills], book_end):
        result.used[f"loans {status} that their paid bills contradict"] += 1
    tape.add(
        "status_history",
        loan_id=loan_id,
        on=book_end,
        status=status,
        effect="charge_off" if status == CHARGED_OFF else None,
    )


def bills_of(*, principal: Decimal, rate: Decimal, term: int, installment: Decimal) -> list[Part]:
    """The plain monthly bills of the recorded instalment (dollars); the last one takes the residue."""
    balance = principal
    parts: list[Part] = []
    while balance > 0:
        interest = (balance * rate / 12).quantize(CENT, rounding=ROUND_HALF_UP)
        is_last = len(parts) == term - 1
        part = balance if is_last else min(balance, installment - interest)
        parts.append(Part(part, interest))
        balance -= part
    return parts


def _paid_of(row: Mapping[str, str], parts: Sequence[Part], expected: int) -> Paid:
    """How many bills a row has paid, by its principal; for a loan paid off, by its interest."""
    principal, interest = _cents(row["paid_principal"]), _cents(row["paid_interest"])
    if row["loan_status"] == PAID:
        bills = min(range(1, expected + 1), key=lambda count: (abs(interest - _interest(parts, count)), count))
        return Paid(bills, principal - _principal(parts, bills), interest - _interest(parts, bills))
    reached = max(count for count in range(expected + 2) if _principal(parts, count) <= principal + SAME)
    bills = reached if principal - _principal(parts, reached) <= SAME else min(reached, expected)
    extra = principal - _principal(parts, bills)
    gap = interest - _interest(parts, bills)
    # Cents the source's own rounding left over belong to the interest of the first bill, not to a prepayment.
    return Paid(bills, Decimal(0), gap + extra) if abs(extra) <= SAME and bills else Paid(bills, extra, gap)


def _payments(
    status: str, parts: Sequence[Part], paid: Paid, expected: int, result: Conversion
) -> list[tuple[int, Decimal, str | None]]:
    """Bill (by position) on whose due date, amount, and where money beyond it goes."""
    payments: list[tuple[int, Decimal, str | None]] = [
        (min(number, expected - 1), part.total, None) for number, part in enumerate(parts[: paid.bills])
    ]
    result.used["bills paid before they were due"] += max(0, paid.bills - expected)
    if paid.extra <= 0:
        return payments
    if not payments:
        result.used["loans with a part payment of the first bill"] += 1
        return [(0, paid.extra + max(Decimal(0), paid.interest_gap), None)]
    number, amount, _none = payments[-1]
    if status == PAID:
        return [*payments[:-1], (number, amount + paid.extra, None)]
    if status == CURRENT:
        result.used["loans with a prepayment"] += 1
        return [*payments[:-1], (number, amount + paid.extra, "shorten_term")]
    result.used["late loans with a part payment"] += 1
    return [*payments[:-1], (number, amount + paid.extra, "next_installment")]


def _first_period(interest_gap: Decimal, monthly_interest: Decimal) -> int:
    """Days from pay-out to the first due day: thirty, more or less by the interest the plain bills do not explain."""
    months = interest_gap / monthly_interest
    return MONTH_DAYS + int((months * MONTH_DAYS).to_integral_value(rounding=ROUND_HALF_UP))


def _first_days(status: str, month: int, bills_ahead: int, first_period: int) -> tuple[date, date]:
    """First due day and pay-out day in the set's calendar; the pay-out stays within the month of issue."""
    due_day = DUE_DAYS.get(status, USUAL_DUE_DAY)
    if status == CURRENT and bills_ahead < 0:
        due_day = NOT_DUE_YET
    first_due = date(2018, month + 1, due_day)
    issue_month = date(2018, month, 1)
    disbursed_on = first_due - timedelta(days=first_period)
    return first_due, min(max(disbursed_on, issue_month), month_end(issue_month))


def _is_late_enough(status: str, oldest_unpaid: date, book_end: date) -> bool:
    least, most = DAYS_LATE[status]
    return least <= (book_end - oldest_unpaid).days <= most


def _month_later(first: date, months: int) -> date:
    month = first.month - 1 + months
    last = month_end(date(first.year + month // 12, month % 12 + 1, 1))
    return last.replace(day=min(first.day, last.day))


def _principal(parts: Sequence[Part], count: int) -> Decimal:
    return sum((part.principal for part in parts[:count]), Decimal(0))


def _interest(parts: Sequence[Part], count: int) -> Decimal:
    return sum((part.interest for part in parts[:count]), Decimal(0))


def _cents(text: str) -> Decimal:
    return Decimal(text).quantize(CENT, rounding=ROUND_HALF_UP)
