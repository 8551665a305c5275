"""Home Credit, a sample of instalments due and paid (scaled amounts, relative days, currency not published).

Rules, where the set is silent:

1. Days are counted from each client's present application; day -3, the latest due day, is the book's last day. The
   currency is not published: the ISO code XXX (no currency) says so.
2. A loan is an earlier consumer or cash application with linked instalments. Revolving lines are not loans of
   instalments and are left out, as are the random rows of other clients.
3. The sample holds about 42 % of a loan's instalments. The loan loaded is the slice on record: its bills are the
   recorded instalments with their own numbers, its principal is their sum. How an instalment divides into principal
   and interest is not published, so all of it is principal and the rate is 0. AMT_CREDIT is not used.
4. Paid out on DAYS_DECISION, or on the day of the first payment where that is earlier.
5. Two rows of one instalment with different versions are one bill cut in two: the amounts add up and the payment,
   which stands on both rows, counts once. Two rows of one version are part payments of one bill.
6. A bill short on record of a loan that was terminated is carried at what was paid: the sample lacks the row of the
   rest. A bill short on record of a running loan keeps its rest, which is overdue.
7. Amounts have three decimals: they are rounded half up to hundredths; part payments of a bill are rounded by their
   running sum, so that the parts add up to the whole.
8. Numbers of five loans do not follow their due days; those loans are numbered by due day. No penalty is published:
   none is charged. Money ahead of a bill pays the next bill.
"""

import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path

from backoffice.repayment.tape.adapters.writing import Conversion, TapeWriter, read_source

FOLDER = "home_credit_sample"
PORTFOLIO = "home_credit"
LAST_DAY = -3
NEVER = 365_243
PRODUCTS = {"Consumer loans": "hc-consumer", "Cash loans": "hc-cash"}
TERMS = {
    "currency": "XXX",
    "method": "equal_installment",
    "annual_rate": "0",
    "periods": 12,
    "penalty": {"rate_cap": "0"},
    "allocation": {"future": "next_installment", "principal_first_after_dpd": None},
}


@dataclass(frozen=True, slots=True)
class Bill:
    """One recorded instalment: days relative to the set's day 0, amounts unrounded."""

    number: int
    due: int
    amount: Decimal
    payments: tuple[tuple[int, Decimal], ...]

    @property
    def paid(self) -> Decimal:
        """What is on record as paid."""
        return sum((amount for _day, amount in self.payments), Decimal(0))


def convert(*, folder: Path, tape: TapeWriter, book_end: date) -> Conversion:
    """Write the tape so that the set's last day is `book_end`."""
    day_zero = book_end - timedelta(days=LAST_DAY)
    result = Conversion()
    for name, code in PRODUCTS.items():
        tape.add("products", product_code=code, name=f"Home Credit {name}", currency="XXX", terms=json.dumps(TERMS))
    rows_of: defaultdict[str, list[Mapping[str, str]]] = defaultdict(list)
    for row in read_source(folder, "installments_payments.csv.gz"):
        rows_of[row["SK_ID_PREV"]].append(row)
    births = {
        row["SK_ID_CURR"]: (day_zero + timedelta(days=int(row["DAYS_BIRTH"]))).year
        for row in read_source(folder, "application.csv.gz")
    }
    borrowers: set[str] = set()
    for application in read_source(folder, "previous_application.csv.gz"):
        rows = rows_of.get(application["SK_ID_PREV"])
        if rows is None:
            continue
        if application["NAME_CONTRACT_TYPE"] not in PRODUCTS:
            result.used["revolving lines, left out"] += 1
            result.used["instalment rows of revolving lines, left out"] += len(rows)
            continue
        client = application["SK_ID_CURR"]
        if client not in borrowers:
            borrowers.add(client)
            tape.add("borrowers", borrower_id=client, birth_year=births.get(client))
        _write_loan(application, rows, tape, result, day_zero=day_zero)
    return result


def _write_loan(
    application: Mapping[str, str],
    rows: Sequence[Mapping[str, str]],
    tape: TapeWriter,
    result: Conversion,
    *,
    day_zero: date,
) -> None:
    terminated = int(application["DAYS_TERMINATION"])
    bills = _bills(rows, is_terminated=terminated != NEVER, result=result)
    loan_id = application["SK_ID_PREV"]
    first_payment = min((day for bill in bills for day, _amount in bill.payments), default=0)
    decided = int(application["DAYS_DECISION"])
    if first_payment < decided:
        result.used["loans paid out on the day of the first payment"] += 1
    tape.add(
        "loans",
        loan_id=loan_id,
        borrower_id=application["SK_ID_CURR"],
        product_code=PRODUCTS[application["NAME_CONTRACT_TYPE"]],
        currency="XXX",
        principal=sum((bill.amount for bill in bills), Decimal(0)),
        disbursed_on=day_zero + timedelta(days=min(decided, first_payment)),
        periods=len(bills),
    )
    payment_number = 0
    for bill in bills:
        tape.add(
            "installments",
            loan_id=loan_id,
            number=bill.number,
            due_date=day_zero + timedelta(days=bill.due),
            principal=bill.amount,
        )
        for day, amount in bill.payments:
            payment_number += 1
            tape.add(
                "payments",
                payment_id=f"{loan_id}-{payment_number}",
                loan_id=loan_id,
                amount=amount,
                value_date=day_zero + timedelta(days=day),
                currency="XXX",
            )
    if terminated <= LAST_DAY:
        tape.add("status_history", loan_id=loan_id, on=day_zero + timedelta(days=terminated), status="terminated")


def _bills(rows: Sequence[Mapping[str, str]], *, is_terminated: bool, result: Conversion) -> list[Bill]:
    by_number: defaultdict[int, list[Mapping[str, str]]] = defaultdict(list)
    for row in rows:
        by_number[int(row["NUM_INSTALMENT_NUMBER"])].append(row)
    bills = [_rounded(_bill(number, group, result)) for number, group in sorted(by_number.items())]
    carried = [_carried(bill, is_terminated=is_terminated, result=result) for bill in bills]
    kept = [bill for bill in carried if bill.amount > 0]
    result.used["bills without any amount on record, left out"] += len(carried) - len(kept)
    in_due_order = sorted(kept, key=lambda bill: (bill.due, bill.number))
    if in_due_order != kept:
        result.used["loans numbered by due day"] += 1
        return [replace(bill, number=number) for number, bill in enumerate(in_due_order, start=1)]
    return kept


def _bill(number: int, rows: Sequence[Mapping[str, str]], result: Conversion) -> Bill:
    due = max(int(row["DAYS_INSTALMENT"]) for row in rows)
    amounts = {row["NUM_INSTALMENT_VERSION"]: Decimal(row["AMT_INSTALMENT"]) for row in rows}
    payments = sorted((int(row["DAYS_ENTRY_PAYMENT"]), Decimal(row["AMT_PAYMENT"])) for row in rows)
    if len(amounts) > 1:
        result.used["bills cut in two versions, put together"] += 1
        payments = sorted(set(payments))
    elif len(rows) > 1:
        result.used["bills with part payments"] += 1
    return Bill(number=number, due=due, amount=sum(amounts.values(), Decimal(0)), payments=tuple(payments))


def _rounded(bill: Bill) -> Bill:
    running = booked = Decimal(0)
    payments: list[tuple[int, Decimal]] = []
    for day, amount in bill.payments:
        running += amount
        part = _cents(running) - booked
        booked += part
        if part > 0:
            payments.append((day, part))
    return replace(bill, amount=_cents(bill.amount), payments=tuple(payments))


def _carried(bill: Bill, *, is_terminated: bool, result: Conversion) -> Bill:
    if bill.paid >= bill.amount:
        return bill
    if is_terminated:
        result.used["bills of terminated loans carried at what was paid"] += 1
        return replace(bill, amount=bill.paid)
    result.used["bills of running loans short on record, kept unpaid in part"] += 1
    return bill


def _cents(amount: Decimal) -> Decimal:
    return amount.quantize(Decimal("0.01"), rounding=ROUND_HALF_UP)
