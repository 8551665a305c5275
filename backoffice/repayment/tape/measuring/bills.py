"""Bills and their payment days as the sets record them."""

from collections import defaultdict
from collections.abc import Mapping
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path

from backoffice.repayment.tape.adapters import home_credit, superlender, xente
from backoffice.repayment.tape.adapters.writing import read_source
from backoffice.repayment.tape.measuring.rates import PaidBill

Row = Mapping[str, str]
DAY_ZERO = date(2018, 1, 1)  # any day: Home Credit's days are relative


def superlender_bills(folder: Path) -> list[PaidBill]:
    """The first bill of every finished loan; `totaldue` shared over the bills of the term. All of them were paid."""
    bills: list[PaidBill] = []
    for row in read_source(folder / superlender.FOLDER, "previous_loans.csv.gz"):
        parts = superlender.BILLS_OF_TERM[int(row["termdays"])]
        bills.append(
            PaidBill(
                due=_day(row["firstduedate"]),
                amount=Decimal(row["totaldue"]) / parts,
                paid_on=_day(row["firstrepaiddate"]),
                seen_until=superlender.LAST_DAY,
            )
        )
    return bills


def superlender_flags(folder: Path) -> list[bool]:
    """For each newest loan of the train split: was it flagged bad (not repaid in time)?"""
    rows = read_source(folder / superlender.FOLDER, "latest_loans.csv.gz")
    return [row["good_bad_flag"] == "Bad" for row in rows if row["good_bad_flag"]]


def superlender_disbursements(folder: Path) -> dict[str, list[date]]:
    """Approval days of every borrower, in order; loans without an approval day are left out."""
    days: defaultdict[str, list[date]] = defaultdict(list)
    for name in ("previous_loans.csv.gz", "latest_loans.csv.gz"):
        for row in read_source(folder / superlender.FOLDER, name):
            if row["approveddate"]:
                days[row["customerid"]].append(_day(row["approveddate"]))
    return {borrower: sorted(found) for borrower, found in days.items()}


def superlender_settlements(folder: Path) -> dict[str, list[tuple[date, date]]]:
    """(approval, closing) of every finished loan by borrower."""
    spans: defaultdict[str, list[tuple[date, date]]] = defaultdict(list)
    for row in read_source(folder / superlender.FOLDER, "previous_loans.csv.gz"):
        spans[row["customerid"]].append((_day(row["approveddate"]), _day(row["closeddate"])))
    return dict(spans)


def xente_bills(folder: Path) -> list[PaidBill]:
    """The one bill of every loan: paid on the day of the final payback, unpaid without one."""
    loans: defaultdict[str, dict[str, Row]] = defaultdict(dict)
    for row in read_source(folder / xente.FOLDER, "loans_train.csv.gz"):
        if row["TransactionStatus"] == "1":
            loans[row["LoanId"]][row["PayBackId"]] = row
    bills: list[PaidBill] = []
    for paybacks in loans.values():
        rows = list(paybacks.values())
        is_final = any(Decimal(row["IsFinalPayBack"]) == 1 for row in rows)
        issued = _day(rows[0]["IssuedDateLoan"])
        bills.append(
            PaidBill(
                due=_day(rows[0]["DueDate"]) if rows[0]["DueDate"] else issued + xente.TERM,
                amount=Decimal(rows[0]["Value"]),
                paid_on=max(_day(row["PaidOnDate"]) for row in rows) if is_final else None,
                seen_until=xente.LAST_DAY,
                parts=len(rows),
            )
        )
    return bills


def home_credit_bills(folder: Path) -> tuple[list[PaidBill], int]:
    """Linked instalments that are paid in full on record, and how many are short on record (their rest not sampled)."""
    rows_of: defaultdict[tuple[str, str], list[Row]] = defaultdict(list)
    for row in read_source(folder / home_credit.FOLDER, "installments_payments.csv.gz"):
        if row["NUM_INSTALMENT_VERSION"] != "0":  # version 0 is a credit card
            rows_of[row["SK_ID_PREV"], row["NUM_INSTALMENT_NUMBER"]].append(row)
    bills: list[PaidBill] = []
    short = 0
    for rows in rows_of.values():
        amounts = {row["NUM_INSTALMENT_VERSION"]: Decimal(row["AMT_INSTALMENT"]) for row in rows}
        payments = [(int(row["DAYS_ENTRY_PAYMENT"]), Decimal(row["AMT_PAYMENT"])) for row in rows]
        if len(amounts) > 1:
            payments = list(set(payments))
        amount = sum(amounts.values(), Decimal(0))
        if sum((paid for _day_, paid in payments), Decimal(0)) < amount:
            short += 1
            continue
        bills.append(
            PaidBill(
                due=DAY_ZERO + timedelta(days=max(int(row["DAYS_INSTALMENT"]) for row in rows)),
                amount=amount,
                paid_on=DAY_ZERO + timedelta(days=max(day for day, _paid in payments)),
                seen_until=DAY_ZERO,
                parts=len(payments),
            )
        )
    return bills, short


def home_credit_random_rows(folder: Path) -> list[PaidBill]:
    """The 20,000 random instalment rows of other clients, those paid in full by the row itself."""
    bills: list[PaidBill] = []
    for row in read_source(folder / home_credit.FOLDER, "installments_payments_random20000.csv.gz"):
        if not row["DAYS_ENTRY_PAYMENT"] or Decimal(row["AMT_PAYMENT"]) < Decimal(row["AMT_INSTALMENT"]):
            continue
        bills.append(
            PaidBill(
                due=DAY_ZERO + timedelta(days=int(Decimal(row["DAYS_INSTALMENT"]))),
                amount=Decimal(row["AMT_INSTALMENT"]),
                paid_on=DAY_ZERO + timedelta(days=int(Decimal(row["DAYS_ENTRY_PAYMENT"]))),
                seen_until=DAY_ZERO,
            )
        )
    return bills


def _day(text: str) -> date:
    return date.fromisoformat(text[:10])
