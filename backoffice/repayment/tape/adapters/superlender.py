"""SuperLender, a digital lender in Nigeria, 2016-2017 (NGN): every loan of its borrowers, most of them repaid.

Rules, where the set is silent:

1. A loan is paid out on the day of its approval. The book's last day is 30 July 2017, the last day anything happened.
2. The term says how many bills there are: 15 or 30 days one, 60 days two, 90 days three. The first falls due on
   `firstduedate`; the others 30 days apart, moved off weekends and Nigerian holidays to the next working day.
3. A newest loan has no due date: it is the approval day plus 15 or 30 days, moved the same way. On the earlier loans
   this rule gives the recorded date for 91 %.
4. Every bill asks for an equal part of the amount and of `totaldue` less the amount (interest and fees, not told
   apart, loaded as interest); odd cents go to the first bills. The yearly rate is that charge over the term, 360 days.
5. The first bill is paid whole on `firstrepaiddate`, the others on `closeddate`. A loan of one bill that closed more
   than three days after the first repayment is paid whole on `closeddate`: what was paid before is not published.
6. Of the newest loans only `good_bad_flag` is known. "Good" (repaid in time): bills due by the last day are paid on
   their due date. "Bad": nothing is known to be paid. Bills due later are open either way.
7. Newest loans of the test split have neither approval nor flag and are left out; their borrowers' earlier loans stay.
8. No penalty is published: none is charged. Money ahead of a bill pays the next bill, since loans closed early.
"""

import json
from collections.abc import Mapping
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path

from backoffice.calendars.domain.working_days import shift
from backoffice.core.money import split
from backoffice.repayment.tape.adapters.writing import Conversion, TapeWriter, read_source

FOLDER = "superlender_digital_loans"
PORTFOLIO = "superlender"
LAST_DAY = date(2017, 7, 30)
CALENDAR = "NG"
BILLS_OF_TERM = {15: 1, 30: 1, 60: 2, 90: 3}
STEP = timedelta(days=30)
# Bookings of a bank transfer may lag the transfer by a weekend.
SAME_PAYMENT_DAYS = 3


def convert(*, folder: Path, tape: TapeWriter, book_end: date) -> Conversion:
    """Write the tape so that the set's last day is `book_end`."""
    result = Conversion(shift_days=(book_end - LAST_DAY).days)
    _write_products(tape)
    _write_borrowers(folder, tape, result)
    for row in read_source(folder, "previous_loans.csv.gz"):
        _write_earlier_loan(row, tape, result)
    for row in read_source(folder, "latest_loans.csv.gz"):
        if row["approveddate"]:
            _write_newest_loan(row, tape, result)
        else:
            result.used["newest loans of the test split, left out"] += 1
    return result


def _write_products(tape: TapeWriter) -> None:
    usual_rates = {15: "3.6", 30: "3.6", 60: "1.36", 90: "0.6"}
    for days, bills in BILLS_OF_TERM.items():
        terms = {
            "currency": "NGN",
            "method": "flat",
            "annual_rate": usual_rates[days],
            "periods": bills,
            "every": min(days, STEP.days),
            "unit": "day",
            "day_count": "act/360",
            "holiday_shift": "next",
            "calendar": CALENDAR,
            "penalty": {"rate_cap": "0"},
            "allocation": {"future": "next_installment", "principal_first_after_dpd": None},
        }
        tape.add(
            "products",
            product_code=f"sl-{days}",
            name=f"SuperLender {days} days",
            currency="NGN",
            terms=json.dumps(terms),
        )


def _write_borrowers(folder: Path, tape: TapeWriter, result: Conversion) -> None:
    seen: set[str] = set()
    for row in read_source(folder, "customers.csv.gz"):
        if row["customerid"] in seen:
            result.used["customers listed twice, first row kept"] += 1
            continue
        seen.add(row["customerid"])
        tape.add(
            "borrowers",
            borrower_id=row["customerid"],
            birth_year=row["birth_year"],
            country="NG",
            time_zone="Africa/Lagos",
        )


def _write_earlier_loan(row: Mapping[str, str], tape: TapeWriter, result: Conversion) -> None:
    first_due, first_paid, closed = (_day(row[name]) for name in ("firstduedate", "firstrepaiddate", "closeddate"))
    bills = _write_loan(row, tape, result, first_due=first_due)
    loan_id = row["systemloanid"]
    total = sum((amount for _due, amount in bills), Decimal(0))
    if len(bills) == 1 and (closed - first_paid).days > SAME_PAYMENT_DAYS:
        result.used["loans of one bill paid on the closing date"] += 1
        payments = [(closed, total)]
    elif len(bills) == 1:
        payments = [(first_paid, total)]
    else:
        first = bills[0][1]
        payments = [(first_paid, first), (closed, total - first)]
        result.used["loans whose later bills are paid on the closing date"] += 1
    for number, (day, amount) in enumerate(payments, start=1):
        _write_payment(tape, result, loan_id, number, day, amount)
    tape.add("status_history", loan_id=loan_id, on=_moved(closed, result), status="closed")


def _write_newest_loan(row: Mapping[str, str], tape: TapeWriter, result: Conversion) -> None:
    first = timedelta(days=min(int(row["termdays"]), STEP.days))
    bills = _write_loan(row, tape, result, first_due=_working_day(_day(row["approveddate"]) + first))
    flag = row["good_bad_flag"]
    result.used[f"newest loans with the flag {flag}"] += 1
    due = [(day, amount) for day, amount in bills if day <= LAST_DAY]
    if flag == "Good":
        for number, (day, amount) in enumerate(due, start=1):
            result.used["bills of newest good loans paid on the due date"] += 1
            _write_payment(tape, result, row["systemloanid"], number, day, amount)
    else:
        result.used["bills of newest bad loans due and not known to be paid"] += len(due)
    tape.add("status_history", loan_id=row["systemloanid"], on=_moved(LAST_DAY, result), status=flag)


def _write_loan(
    row: Mapping[str, str], tape: TapeWriter, result: Conversion, *, first_due: date
) -> list[tuple[date, Decimal]]:
    """The loan and its bills; gives due date (of the set) and amount of each bill."""
    term = int(row["termdays"])
    amount, total = Decimal(row["loanamount"]), Decimal(row["totaldue"])
    number_of_bills = BILLS_OF_TERM[term]
    equal = [Decimal(1)] * number_of_bills
    principal, interest = split(amount, equal), split(total - amount, equal)
    due_dates = [first_due, *(_working_day(first_due + STEP * step) for step in range(1, number_of_bills))]
    tape.add(
        "loans",
        loan_id=row["systemloanid"],
        borrower_id=row["customerid"],
        product_code=f"sl-{term}",
        currency="NGN",
        principal=amount,
        disbursed_on=_moved(_day(row["approveddate"]), result),
        periods=number_of_bills,
        annual_rate=round((total / amount - 1) * 360 / term, 8),
    )
    for number, due in enumerate(due_dates, start=1):
        tape.add(
            "installments",
            loan_id=row["systemloanid"],
            number=number,
            due_date=_moved(due, result),
            principal=principal[number - 1],
            interest=interest[number - 1],
        )
    return [(due, part + charge) for due, part, charge in zip(due_dates, principal, interest, strict=True)]


def _write_payment(tape: TapeWriter, result: Conversion, loan_id: str, number: int, day: date, amount: Decimal) -> None:
    tape.add(
        "payments",
        payment_id=f"{loan_id}-{number}",
        loan_id=loan_id,
        amount=amount,
        value_date=_moved(day, result),
        currency="NGN",
    )


def _working_day(day: date) -> date:
    return shift(day, convention="next", calendar=CALENDAR)


def _day(text: str) -> date:
    return date.fromisoformat(text[:10])


def _moved(day: date, result: Conversion) -> date:
    return day + timedelta(days=result.shift_days)
