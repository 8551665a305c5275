"""Xente pay-later loans, Uganda, 2018-2019 (UGX): 30-day loans with every single payback.

Rules, where the set is silent:

1. The book's last day is 15 July 2019, the last payback. Times of day are dropped.
2. A loan is the accepted rows of one `LoanId`; its principal is `Value`. It is paid out on `IssuedDateLoan` and has one
   bill on `DueDate` (missing twice: issue plus 30 days). A payback listed under two transactions counts once (three).
3. The price is not published, but what settles a loan shows it: 4 % at once plus 0.5 % of the principal a day (95 %
   of the loans settled by one payback fit within one day's charge). The bill therefore asks for the principal, a fee
   of 4 % and 30 days' interest, 119 % in all, rounded half up to whole shillings.
4. The bill of a loan that was finally paid (`IsFinalPayBack`) asks for no more than was collected, fee first: paid
   early, it was charged for the days it ran.
5. After the due date 0.5 % a day of the overdue principal is charged as penalty, as the source does, but without the
   source's later cap. Payments pay fee, interest and principal before penalty. On the day of the final payback, when
   the source closed the loan, penalty that is left is waived; where principal is left, the loan is charged off.
6. Without a final payback the loan stays open with what it still owes, and is overdue.
7. `IsDefaulted` is kept as the reported state of the last day and decides nothing (it does not follow from the dates).
8. Rejected applications and the shop transactions are not loans and are left out.
"""

import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path
from typing import Any

from backoffice.repayment.domain.bills import new_state
from backoffice.repayment.domain.components import COMPONENTS, Component
from backoffice.repayment.domain.operations import Operation
from backoffice.repayment.domain.replay import fold
from backoffice.repayment.domain.terms import ScheduledRow, Terms
from backoffice.repayment.domain.terms_form import from_json
from backoffice.repayment.tape.adapters.writing import Conversion, TapeWriter, read_source

FOLDER = "xente_paylater_uganda"
PORTFOLIO = "xente"
LAST_DAY = date(2019, 7, 15)
TERM = timedelta(days=30)
FEE = Decimal("0.04")
DAILY = Decimal("0.005")
SHILLING = Decimal(1)
TERMS_JSON: dict[str, Any] = {
    "currency": "UGX",
    "method": "single_payment",
    "annual_rate": "1.825",
    "periods": 30,
    "unit": "day",
    "day_count": "act/365",
    "penalty": {"base": "principal", "uplift": "0", "rate_cap": None, "day_basis": 365},
    "allocation": {
        "order": ["fee", "guarantee_fee", "interest", "principal", "penalty"],
        "future": "next_installment",
        "principal_first_after_dpd": None,
    },
}
TERMS: Terms = from_json(TERMS_JSON)


@dataclass(frozen=True, slots=True)
class PayBack:
    """One payback in whole shillings."""

    id: str
    on: date
    amount: Decimal


@dataclass(frozen=True, slots=True)
class Bill:
    """The one bill of a loan in whole shillings."""

    due: date
    principal: Decimal
    interest: Decimal
    fee: Decimal


def convert(*, folder: Path, tape: TapeWriter, book_end: date) -> Conversion:
    """Write the tape so that the set's last day is `book_end`."""
    result = Conversion(shift_days=(book_end - LAST_DAY).days)
    tape.add(
        "products",
        product_code="xente-30",
        name="Xente pay later 30 days",
        currency="UGX",
        terms=json.dumps(TERMS_JSON),
    )
    loans: defaultdict[str, list[Mapping[str, str]]] = defaultdict(list)
    for row in read_source(folder, "loans_train.csv.gz"):
        if row["TransactionStatus"] == "1":
            loans[row["LoanId"]].append(row)
        else:
            result.used["rejected applications, left out"] += 1
    borrowers = dict.fromkeys(rows[0]["CustomerId"] for rows in loans.values())
    for borrower_id in borrowers:
        tape.add("borrowers", borrower_id=borrower_id, country="UG", time_zone="Africa/Kampala")
    for loan_id, rows in loans.items():
        _write_loan(loan_id, rows, tape, result)
    return result


def _write_loan(loan_id: str, rows: Sequence[Mapping[str, str]], tape: TapeWriter, result: Conversion) -> None:
    first = rows[0]
    issued = _day(first["IssuedDateLoan"])
    if not first["DueDate"]:
        result.used["due dates missing, issue plus 30 days"] += 1
    due = _day(first["DueDate"]) if first["DueDate"] else issued + TERM
    by_id = {row["PayBackId"]: row for row in rows}
    result.used["paybacks listed twice, counted once"] += len(rows) - len(by_id)
    paybacks = sorted(
        (PayBack(name, _day(row["PaidOnDate"]), Decimal(row["AmountLoan"])) for name, row in by_id.items()),
        key=lambda payback: (payback.on, payback.id),
    )
    is_final = any(Decimal(row["IsFinalPayBack"]) == 1 for row in rows)
    bill = _bill(Decimal(first["Value"]), due, paybacks, is_final=is_final, result=result)
    by = timedelta(days=result.shift_days)
    tape.add(
        "loans",
        loan_id=loan_id,
        borrower_id=first["CustomerId"],
        product_code="xente-30",
        currency="UGX",
        principal=bill.principal,
        disbursed_on=issued + by,
        periods=30,
    )
    tape.add(
        "installments",
        loan_id=loan_id,
        number=1,
        due_date=bill.due + by,
        principal=bill.principal,
        interest=bill.interest,
        fee=bill.fee,
    )
    for payback in paybacks:
        tape.add(
            "payments",
            payment_id=payback.id,
            loan_id=loan_id,
            amount=payback.amount,
            value_date=payback.on + by,
            currency="UGX",
        )
    _write_end(loan_id, _left_after(bill, issued, paybacks), tape, result, on=paybacks[-1].on + by, is_final=is_final)
    is_defaulted = any(Decimal(row["IsDefaulted"]) == 1 for row in rows)
    tape.add(
        "status_history", loan_id=loan_id, on=LAST_DAY + by, status="defaulted" if is_defaulted else "not defaulted"
    )


def _bill(principal: Decimal, due: date, paybacks: list[PayBack], *, is_final: bool, result: Conversion) -> Bill:
    fee = (principal * FEE).quantize(SHILLING, rounding=ROUND_HALF_UP)
    interest = (principal * DAILY * TERM.days).quantize(SHILLING, rounding=ROUND_HALF_UP)
    if is_final:
        result.used["loans finally paid"] += 1
        collected = sum((payback.amount for payback in paybacks), Decimal(0))
        charge = min(max(collected - principal, Decimal(0)), fee + interest)
        fee = min(fee, charge)
        interest = charge - fee
    return Bill(due=due, principal=principal, interest=interest, fee=fee)


def _write_end(
    loan_id: str, left: Mapping[Component, Decimal], tape: TapeWriter, result: Conversion, *, on: date, is_final: bool
) -> None:
    """What the source's last word on the loan does to what the engine says is still owed."""
    is_paid = not any(left.values())
    if not is_final:
        result.used["loans without a final payback, paid" if is_paid else "loans without a final payback, open"] += 1
        return
    if left["principal"] > 0:
        result.used["loans charged off at the final payback, principal left"] += 1
        tape.add(
            "status_history", loan_id=loan_id, on=on, status="final payback", effect="charge_off",
            note="closed by the source with principal left",
        )  # fmt: skip
        return
    tape.add("status_history", loan_id=loan_id, on=on, status="final payback")
    for component in COMPONENTS:
        if left[component] > 0:
            result.used[f"loans whose {component} left at the final payback is waived"] += 1
            result.used[f"shillings of {component} waived at the final payback"] += int(left[component])
            tape.add(
                "status_history", loan_id=loan_id, on=on, status="closed by the source", effect="waiver",
                component=component, amount=left[component],
            )  # fmt: skip


def _left_after(bill: Bill, issued: date, paybacks: list[PayBack]) -> dict[Component, Decimal]:
    """What the engine says is still owed, by component, once the last payback is booked."""
    row = ScheduledRow(
        number=1,
        due_date=bill.due,
        days=TERM.days,
        principal=bill.principal,
        interest=bill.interest,
        fee=bill.fee,
        guarantee_fee=Decimal(0),
        balance=Decimal(0),
    )
    state = new_state(terms=TERMS, principal=bill.principal, disbursed_on=issued, rows=[row])
    operations = [
        Operation(kind="payment", value_date=payback.on, key=key, amount=payback.amount)
        for key, payback in enumerate(paybacks)
    ]
    fold(state, operations=operations, through=paybacks[-1].on - timedelta(days=1))
    return {c: sum((owed.remaining(c) for owed in state.bills), Decimal(0)) for c in COMPONENTS}


def _day(text: str) -> date:
    return date.fromisoformat(text[:10])
