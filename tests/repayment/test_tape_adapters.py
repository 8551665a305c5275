"""The real sets as tapes, by their stated rules. The rows are made up in the sets' columns; no real row is here."""

import csv
import gzip
from collections.abc import Callable
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from backoffice.repayment.tape.adapters import berka, home_credit, lending_club, superlender, xente
from backoffice.repayment.tape.adapters.registry import ADAPTERS
from backoffice.repayment.tape.adapters.writing import Conversion, SourceMissing, TapeWriter
from tests.repayment.tapes import check

END = date(2026, 3, 19)
Rows = list[dict[str, str]]


def write_source(folder: Path, name: str, rows: list[dict[str, Any]]) -> None:
    """A file of a set."""
    folder.mkdir(parents=True, exist_ok=True)
    with gzip.open(folder / name, "wt", encoding="utf-8", newline="") as stream:
        writer = csv.DictWriter(stream, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)


def converted(convert: Callable[..., Conversion], folder: Path) -> tuple[dict[str, Rows], Conversion]:
    """The tape of a set's folder as rows, read back, and what the adapter counted."""
    with TapeWriter(folder=folder / "tape") as tape:
        conversion = convert(folder=folder, tape=tape, book_end=END)
    tables = {}
    for path in (folder / "tape").glob("*.csv"):
        with path.open(encoding="utf-8", newline="") as stream:
            tables[path.stem] = list(csv.DictReader(stream))
    return tables, conversion


def picked(rows: Rows, *names: str) -> list[tuple[str, ...]]:
    """Some columns of the rows."""
    return [tuple(row[name] for name in names) for row in rows]


def earlier_loan(**values: str) -> dict[str, str]:
    return {
        "customerid": "c1",
        "systemloanid": "1",
        "approveddate": "2017-03-01 10:00:00",
        "loanamount": "10000.0",
        "totaldue": "11500.0",
        "termdays": "30",
        "closeddate": "2017-03-30 09:00:00",
        "firstduedate": "2017-03-31 00:00:00",
        "firstrepaiddate": "2017-03-30 08:00:00",
    } | values


def newest_loan(**values: str) -> dict[str, str]:
    return {
        "customerid": "c1",
        "systemloanid": "9",
        "approveddate": "2017-07-03 10:00:00",
        "loanamount": "10000.0",
        "totaldue": "11500.0",
        "termdays": "15",
        "good_bad_flag": "Good",
    } | values


def superlender_tape(tmp_path: Path, earlier: Rows, newest: Rows) -> tuple[dict[str, Rows], Conversion]:
    write_source(tmp_path, "customers.csv.gz", [{"customerid": "c1", "birth_year": "1980"}] * 2)
    write_source(tmp_path, "previous_loans.csv.gz", earlier)
    write_source(tmp_path, "latest_loans.csv.gz", newest)
    return converted(superlender.convert, tmp_path)


def test_superlender_pays_a_single_bill_on_the_first_repayment(tmp_path: Path) -> None:
    tables, conversion = superlender_tape(tmp_path, [earlier_loan()], [newest_loan(approveddate="")])
    by = timedelta(days=(END - date(2017, 7, 30)).days)
    assert conversion.shift_days == by.days
    assert picked(tables["loans"], "loan_id", "product_code", "principal", "annual_rate", "disbursed_on") == [
        ("1", "sl-30", "10000.0", "1.80000000", str(date(2017, 3, 1) + by))
    ]
    assert picked(tables["installments"], "number", "due_date", "principal", "interest") == [
        ("1", str(date(2017, 3, 31) + by), "10000.00", "1500.00")
    ]
    assert picked(tables["payments"], "payment_id", "amount", "value_date") == [
        ("1-1", "11500.00", str(date(2017, 3, 30) + by))
    ]
    assert conversion.used["newest loans of the test split, left out"] == 1
    assert conversion.used["customers listed twice, first row kept"] == 1
    assert len(tables["borrowers"]) == 1


def test_superlender_pays_on_the_closing_date_when_that_is_days_later(tmp_path: Path) -> None:
    loan = earlier_loan(firstrepaiddate="2017-03-20 08:00:00", closeddate="2017-03-24 08:00:00")
    tables, conversion = superlender_tape(tmp_path, [loan], [newest_loan(approveddate="")])
    by = timedelta(days=conversion.shift_days)
    assert picked(tables["payments"], "amount", "value_date") == [("11500.00", str(date(2017, 3, 24) + by))]
    assert conversion.used["loans of one bill paid on the closing date"] == 1


def test_superlender_splits_ninety_days_over_three_working_days(tmp_path: Path) -> None:
    loan = earlier_loan(
        termdays="90", totaldue="10000.10", firstduedate="2017-03-31 00:00:00", closeddate="2017-05-20 00:00:00"
    )
    tables, conversion = superlender_tape(tmp_path, [loan], [newest_loan(approveddate="")])
    by = timedelta(days=conversion.shift_days)
    # 30 April 2017 is a Sunday and the first of May a holiday in Nigeria.
    assert picked(tables["installments"], "due_date", "principal", "interest") == [
        (str(date(2017, 3, 31) + by), "3333.34", "0.04"),
        (str(date(2017, 5, 2) + by), "3333.33", "0.03"),
        (str(date(2017, 5, 30) + by), "3333.33", "0.03"),
    ]
    assert picked(tables["payments"], "amount", "value_date") == [
        ("3333.38", str(date(2017, 3, 30) + by)),
        ("6666.72", str(date(2017, 5, 20) + by)),
    ]


@pytest.mark.parametrize(("flag", "payments"), [("Good", 1), ("Bad", 0)])
def test_superlender_pays_due_bills_of_good_newest_loans_only(tmp_path: Path, flag: str, payments: int) -> None:
    tables, _conversion = superlender_tape(
        tmp_path, [earlier_loan()], [newest_loan(good_bad_flag=flag), newest_loan(systemloanid="10", termdays="30")]
    )
    assert len([row for row in tables["payments"] if row["loan_id"] == "9"]) == payments
    assert [row for row in tables["payments"] if row["loan_id"] == "10"] == []  # due after the book's last day
    assert ("9", str(END), flag) in picked(tables["status_history"], "loan_id", "on", "status")


def instalment(number: int, due: int, paid: int, amount: str, payment: str, version: str = "1") -> dict[str, str]:
    return {
        "SK_ID_PREV": "7",
        "SK_ID_CURR": "70",
        "NUM_INSTALMENT_VERSION": version,
        "NUM_INSTALMENT_NUMBER": str(number),
        "DAYS_INSTALMENT": str(due),
        "DAYS_ENTRY_PAYMENT": str(paid),
        "AMT_INSTALMENT": amount,
        "AMT_PAYMENT": payment,
    }


def home_credit_tape(tmp_path: Path, rows: Rows, *, terminated: str) -> tuple[dict[str, Rows], Conversion]:
    write_source(tmp_path, "installments_payments.csv.gz", rows)
    write_source(tmp_path, "application.csv.gz", [{"SK_ID_CURR": "70", "DAYS_BIRTH": "-12000"}])
    application = {
        "SK_ID_PREV": "7",
        "SK_ID_CURR": "70",
        "NAME_CONTRACT_TYPE": "Consumer loans",
        "DAYS_DECISION": "-200",
        "DAYS_TERMINATION": terminated,
    }
    revolving = application | {"SK_ID_PREV": "8", "NAME_CONTRACT_TYPE": "Revolving loans"}
    write_source(tmp_path, "previous_application.csv.gz", [application, revolving])
    return converted(home_credit.convert, tmp_path)


def test_home_credit_loads_the_recorded_slice_of_a_loan(tmp_path: Path) -> None:
    rows = [instalment(4, -90, -95, "100.005", "100.005"), instalment(9, -30, -30, "100.005", "100.005")]
    tables, _conversion = home_credit_tape(tmp_path, rows, terminated="365243")
    assert picked(tables["loans"], "currency", "principal", "disbursed_on") == [
        ("XXX", "200.02", str(END - timedelta(days=197)))
    ]
    assert picked(tables["installments"], "number", "due_date", "principal", "interest") == [
        ("4", str(END - timedelta(days=87)), "100.01", ""),
        ("9", str(END - timedelta(days=27)), "100.01", ""),
    ]
    assert picked(tables["payments"], "amount", "value_date") == [
        ("100.01", str(END - timedelta(days=92))),
        ("100.01", str(END - timedelta(days=27))),
    ]


def test_home_credit_puts_parts_and_versions_of_a_bill_together(tmp_path: Path) -> None:
    rows = [
        instalment(1, -90, -95, "100.000", "33.335"),
        instalment(1, -90, -92, "100.000", "66.665"),
        instalment(2, -60, -61, "40.000", "100.000", version="1"),
        instalment(2, -60, -61, "60.000", "100.000", version="2"),
    ]
    tables, conversion = home_credit_tape(tmp_path, rows, terminated="365243")
    assert picked(tables["installments"], "number", "principal") == [("1", "100.00"), ("2", "100.00")]
    assert picked(tables["payments"], "amount") == [("33.34",), ("66.66",), ("100.00",)]
    assert conversion.used["bills cut in two versions, put together"] == 1


@pytest.mark.parametrize(
    ("terminated", "bill", "rule"),
    [
        ("-10", "60.00", "bills of terminated loans carried at what was paid"),
        ("365243", "100.00", "bills of running loans short on record, kept unpaid in part"),
    ],
)
def test_home_credit_judges_a_short_bill_by_the_end_of_its_loan(
    tmp_path: Path, terminated: str, bill: str, rule: str
) -> None:
    tables, conversion = home_credit_tape(tmp_path, [instalment(1, -90, -95, "100.0", "60.0")], terminated=terminated)
    assert picked(tables["installments"], "principal") == [(bill,)]
    assert conversion.used[rule] == 1


def payback(number: int, paid: str, amount: str, *, final: str = "1.0", **values: str) -> dict[str, str]:
    return {
        "CustomerId": "C1",
        "Value": "1000.0",
        "TransactionId": "T1",
        "TransactionStatus": "1",
        "IssuedDateLoan": "2019-01-01 10:00:00",
        "AmountLoan": amount,
        "LoanId": "X1",
        "PaidOnDate": f"{paid} 12:00:00",
        "IsFinalPayBack": final,
        "DueDate": "2019-01-31 10:00:00",
        "PayBackId": f"P{number}",
        "IsDefaulted": "0.0",
    } | values


def xente_tape(tmp_path: Path, *rows: dict[str, str]) -> tuple[dict[str, Rows], Conversion]:
    rejected = payback(99, "2019-01-01", "") | {"TransactionStatus": "0", "LoanId": ""}
    write_source(tmp_path, "loans_train.csv.gz", [*rows, rejected])
    return converted(xente.convert, tmp_path)


def test_xente_charges_an_early_loan_what_was_collected(tmp_path: Path) -> None:
    tables, conversion = xente_tape(tmp_path, payback(1, "2019-01-05", "60.0"), payback(2, "2019-01-11", "1030.0"))
    assert picked(tables["installments"], "principal", "interest", "fee") == [("1000.0", "50.0", "40")]
    assert picked(tables["payments"], "payment_id", "amount") == [("P1", "60.0"), ("P2", "1030.0")]
    assert picked(tables["status_history"], "status", "effect") == [("final payback", ""), ("not defaulted", "")]
    assert conversion.used["rejected applications, left out"] == 1


def test_xente_waives_the_penalty_left_when_the_source_closed_the_loan(tmp_path: Path) -> None:
    # 100 days after issue, 70 days late: 119 % and 70 x 0.5 % are 1,540; the source stopped at 1,485.
    tables, _conversion = xente_tape(tmp_path, payback(1, "2019-04-11", "1485.0"))
    assert picked(tables["installments"], "interest", "fee") == [("150", "40")]
    assert picked(tables["status_history"], "status", "effect", "component", "amount")[:2] == [
        ("final payback", "", "", ""),
        ("closed by the source", "waiver", "penalty", "55.00"),
    ]


def test_xente_charges_off_a_loan_closed_with_principal_left(tmp_path: Path) -> None:
    tables, _conversion = xente_tape(tmp_path, payback(1, "2019-01-20", "561.0"))
    assert picked(tables["installments"], "principal", "interest", "fee") == [("1000.0", "0", "0")]
    assert picked(tables["status_history"], "status", "effect")[0] == ("final payback", "charge_off")


def test_xente_leaves_a_loan_without_final_payback_open(tmp_path: Path) -> None:
    tables, conversion = xente_tape(tmp_path, payback(1, "2019-01-20", "100.0", final="0.0", DueDate=""))
    assert picked(tables["status_history"], "status", "effect") == [("not defaulted", "")]
    assert conversion.used["due dates missing, issue plus 30 days"] == 1
    by = timedelta(days=conversion.shift_days)
    assert picked(tables["installments"], "due_date") == [(str(date(2019, 1, 31) + by),)]


def test_xente_counts_a_payback_listed_twice_once(tmp_path: Path) -> None:
    tables, conversion = xente_tape(
        tmp_path, payback(1, "2019-01-11", "1090.0"), payback(1, "2019-01-11", "1090.0", TransactionId="T2")
    )
    assert len(tables["payments"]) == 1
    assert conversion.used["paybacks listed twice, counted once"] == 1


def lending_club_row(**values: str) -> dict[str, str]:
    # 12,000 over 36 months at 12 %: 398.58 a month; the first bills pay 278.58, 281.37 and 284.18 of principal.
    return {
        "loan_amount": "12000",
        "term": "36",
        "interest_rate": "12.0",
        "installment": "398.58",
        "issue_month": "Mar-2018",
        "loan_status": "Current",
        "paid_principal": "844.13",
        "paid_interest": "351.61",
        "paid_late_fees": "0.0",
    } | values


def lending_club_tape(tmp_path: Path, **values: str) -> tuple[dict[str, Rows], Conversion]:
    write_source(tmp_path, "loans.csv.gz", [lending_club_row(**values)])
    return converted(lending_club.convert, tmp_path)


def moved(day: date) -> str:
    return str(day + (END - date(2018, 6, 24)))


def test_lending_club_pays_the_bills_its_principal_says(tmp_path: Path) -> None:
    tables, _conversion = lending_club_tape(tmp_path)
    assert picked(tables["installments"], "principal", "interest")[:3] == [
        ("278.58", "120.00"),
        ("281.37", "117.21"),
        ("284.18", "114.40"),
    ]
    assert sum(Decimal(row["principal"]) for row in tables["installments"]) == 12_000
    assert len(tables["installments"]) == 36
    assert picked(tables["payments"], "amount", "value_date")[0] == ("398.58", moved(date(2018, 4, 15)))
    assert len(tables["payments"]) == 3
    assert picked(tables["loans"], "disbursed_on", "annual_rate") == [(moved(date(2018, 3, 16)), "0.12")]


def test_lending_club_reads_the_length_of_the_first_period_from_the_interest(tmp_path: Path) -> None:
    tables, _conversion = lending_club_tape(tmp_path, paid_interest="343.61")
    assert picked(tables["installments"], "interest")[0] == ("112.00",)  # two days of thirty less
    assert picked(tables["loans"], "disbursed_on") == [(moved(date(2018, 3, 18)),)]
    assert sum(Decimal(row["amount"]) for row in tables["payments"]) == Decimal("844.13") + Decimal("343.61")


@pytest.mark.parametrize(
    ("status", "due_day", "days_late"), [("Current", 28, -4), ("In Grace Period", 16, 8), ("Late (16-30 days)", 1, 23)]
)
def test_lending_club_sets_the_due_day_so_that_the_state_is_true(
    tmp_path: Path, status: str, due_day: int, days_late: int
) -> None:
    tables, _conversion = lending_club_tape(
        tmp_path, loan_status=status, paid_principal="559.95", paid_interest="237.21"
    )
    assert tables["installments"][0]["due_date"] == moved(date(2018, 4, due_day))
    assert (date(2018, 6, 24) - date(2018, 6, due_day)).days == days_late


def test_lending_club_takes_principal_beyond_the_bills_as_a_prepayment(tmp_path: Path) -> None:
    tables, conversion = lending_club_tape(tmp_path, paid_principal="1844.13")
    assert picked(tables["payments"], "amount", "surplus")[-1] == ("1398.58", "shorten_term")
    assert conversion.used["loans with a prepayment"] == 1


def test_lending_club_pays_off_a_fully_paid_loan(tmp_path: Path) -> None:
    tables, _conversion = lending_club_tape(
        tmp_path, loan_status="Fully Paid", paid_principal="12000.0", paid_interest="237.21"
    )
    assert picked(tables["payments"], "amount", "kind") == [("398.58", ""), ("11838.63", "payoff")]


def test_lending_club_charges_off_on_the_last_day(tmp_path: Path) -> None:
    tables, _conversion = lending_club_tape(
        tmp_path, loan_status="Charged Off", paid_principal="0.0", paid_interest="0.0"
    )
    assert "payments" not in tables
    assert picked(tables["status_history"], "on", "status", "effect") == [(str(END), "Charged Off", "charge_off")]


@pytest.mark.parametrize(("state", "paid"), [("A", 12), ("B", 11)])
def test_berka_pays_a_finished_loan_as_its_state_says(tmp_path: Path, state: str, paid: int) -> None:
    tables = berka_tape(tmp_path, state, "970115")
    assert len(tables["payments"]) == paid
    assert {row["amount"] for row in tables["payments"]} == {"1000.00"}


@pytest.mark.parametrize(("state", "unpaid"), [("C", 0), ("D", 1)])
def test_berka_pays_a_running_loan_as_its_state_says(tmp_path: Path, state: str, unpaid: int) -> None:
    tables = berka_tape(tmp_path, state, "980815")
    assert len(tables["payments"]) == 4 - unpaid
    assert tables["loans"][0]["disbursed_on"] == str(date(1998, 8, 15) + (END - date(1998, 12, 31)))


def berka_tape(tmp_path: Path, state: str, day: str) -> dict[str, Rows]:
    loan = {"loan_id": "5", "account_id": "2", "date": day, "amount": "12000", "duration": "12", "status": state}
    write_source(tmp_path, "loan.csv.gz", [loan])
    write_source(tmp_path, "client.csv.gz", [{"client_id": "3", "birth_number": "705101"}])
    write_source(tmp_path, "disp.csv.gz", [{"client_id": "3", "account_id": "2", "type": "OWNER"}])
    tables, _conversion = converted(berka.convert, tmp_path)
    assert picked(tables["borrowers"], "borrower_id", "birth_year", "country") == [("3", "1970", "CZ")]
    return tables


@pytest.mark.django_db
def test_a_tape_an_adapter_writes_passes_every_check(tmp_path: Path) -> None:
    xente_tape(
        tmp_path / "xente",
        payback(1, "2019-01-11", "1090.0"),
        payback(2, "2019-01-11", "5.0", LoanId="X2", final="0.0"),
    )
    lending_club_tape(tmp_path / "lc", paid_principal="1844.13")
    home_credit_tape(tmp_path / "hc", [instalment(4, -90, -95, "100.005", "90.0")], terminated="365243")
    superlender_tape(tmp_path / "sl", [earlier_loan()], [newest_loan()])
    berka_tape(tmp_path / "berka", "D", "980815")
    for name in ("xente", "lc", "hc", "sl", "berka"):
        checked, findings = check(tmp_path / name / "tape", folder=tmp_path, portfolio=name)
        assert findings == []
        assert checked.loan_count >= 1


@pytest.mark.parametrize("name", [name for name in ADAPTERS if name != "demo"])
def test_says_which_file_of_a_set_is_missing(tmp_path: Path, name: str) -> None:
    with pytest.raises(SourceMissing, match="is not in"), TapeWriter(folder=tmp_path / "tape") as tape:
        ADAPTERS[name].convert(folder=tmp_path, tape=tape, book_end=END)
