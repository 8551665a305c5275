"""Loans of a Czech bank, 1993-1998 (PKDD'99, "Berka"; CZK): terms and final state, no payments.

Rules, where the set is silent:

1. The book's last day is 31 December 1998. The borrower is the account's OWNER; the birth year is in `birth_number`.
2. `amount` is exactly `duration` times `payments`: the interest is not in the set, so the rate is 0 and every monthly
   bill is `payments`. The pay-out day moves by the set's shift; the bills then fall due every month on its day of the
   month (clamped to the month's end), counted in the moved calendar.
3. The payments are not in the set. They follow from the state, and each is dated on the bill's due date:
   A (finished, no problem) and C (running, fine): every bill due by the last day is paid.
   B (finished, not paid): every bill but the last one. D (running, in debt): every bill due but the latest.
   The least that makes the state true; how deep in debt B and D were is not known.
4. The state stands in the status history on the last day. No penalty is published: none is charged.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path

from backoffice.repayment.domain.schedule import build_schedule
from backoffice.repayment.domain.terms_form import from_json
from backoffice.repayment.tape.adapters.writing import Conversion, TapeWriter, read_source

FOLDER = "berka_czech_bank"
PORTFOLIO = "berka"
LAST_DAY = date(1998, 12, 31)
STATES = {
    "A": "A finished, no problem",
    "B": "B finished, not paid",
    "C": "C running, fine",
    "D": "D running, in debt",
}
LOAN_PAYMENT = "UVER"
UNPAID_BILLS = {"A": 0, "B": 1, "C": 0, "D": 1}
TERMS = {
    "currency": "CZK",
    "method": "equal_installment",
    "annual_rate": "0",
    "periods": 12,
    "penalty": {"rate_cap": "0"},
    "allocation": {"future": "next_installment"},
}


def convert(*, folder: Path, tape: TapeWriter, book_end: date) -> Conversion:
    """Write the tape so that the set's last day is `book_end`."""
    result = Conversion(shift_days=(book_end - LAST_DAY).days)
    tape.add("products", product_code="berka-loan", name="Berka loan", currency="CZK", terms=json.dumps(TERMS))
    births = {row["client_id"]: 1900 + int(row["birth_number"][:2]) for row in read_source(folder, "client.csv.gz")}
    owners = _owners(folder)
    written: set[str] = set()
    for row in read_source(folder, "loan.csv.gz"):
        owner = owners[row["account_id"]]
        if owner not in written:
            written.add(owner)
            tape.add("borrowers", borrower_id=owner, birth_year=births[owner], country="CZ", time_zone="Europe/Prague")
        _write_loan(row, owner, tape, result, book_end=book_end)
    return result


@dataclass(frozen=True, slots=True)
class StandingOrder:
    """A borrower's standing order for the payment of a loan; `amount` in CZK, a month."""

    order_id: str
    borrower: str
    bank: str
    account: str
    amount: Decimal


def standing_orders(*, folder: Path) -> Iterator[StandingOrder]:
    """The orders of the set that pay a loan (`k_symbol` UVER), of the borrowers the tape has."""
    owners = _owners(folder)
    with_loan = {row["account_id"] for row in read_source(folder, "loan.csv.gz")}
    for row in read_source(folder, "order.csv.gz"):
        if row["k_symbol"].strip() == LOAN_PAYMENT and row["account_id"] in with_loan:
            yield StandingOrder(
                order_id=row["order_id"],
                borrower=owners[row["account_id"]],
                bank=row["bank_to"],
                account=row["account_to"],
                amount=Decimal(row["amount"]),
            )


def _owners(folder: Path) -> dict[str, str]:
    return {row["account_id"]: row["client_id"] for row in read_source(folder, "disp.csv.gz") if row["type"] == "OWNER"}


def _write_loan(row: Mapping[str, str], owner: str, tape: TapeWriter, result: Conversion, *, book_end: date) -> None:
    loan_id, state = row["loan_id"], row["status"]
    principal, periods = Decimal(row["amount"]), int(row["duration"])
    disbursed_on = _day(row["date"]) + timedelta(days=result.shift_days)
    tape.add(
        "loans",
        loan_id=loan_id,
        borrower_id=owner,
        product_code="berka-loan",
        currency="CZK",
        principal=principal,
        disbursed_on=disbursed_on,
        periods=periods,
    )
    terms = from_json(TERMS | {"periods": periods})
    bills = build_schedule(terms=terms, principal=principal, disbursed_on=disbursed_on)
    due = [bill for bill in bills if bill.due_date <= book_end]
    result.used[f"loans in state {STATES[state]}"] += 1
    paid = due[: len(due) - UNPAID_BILLS[state]]
    result.used["bills due and left unpaid"] += len(due) - len(paid)
    result.used["payments derived on the due date"] += len(paid)
    for bill in paid:
        tape.add(
            "payments",
            payment_id=f"{loan_id}-{bill.number}",
            loan_id=loan_id,
            amount=bill.total,
            value_date=bill.due_date,
            currency="CZK",
        )
    tape.add("status_history", loan_id=loan_id, on=book_end, status=STATES[state])


def _day(text: str) -> date:
    """YYMMDD of the twentieth century."""
    return date(1900 + int(text[:2]), int(text[2:4]), int(text[4:6]))
