"""Small loan tapes for tests: a good one to spoil, written as CSV, gzip, Parquet or zip."""

import csv
import gzip
import io
import json
import zipfile
from copy import deepcopy
from datetime import date
from pathlib import Path
from typing import Any

import polars

from backoffice.repayment.tape.checking import Checked, check_tape
from backoffice.repayment.tape.findings import Finding, Findings
from backoffice.repayment.tape.staging import Stage

BUSINESS_DATE = date(2026, 3, 20)
PORTFOLIO = "tapebook"
TERMS = {
    "currency": "CNY",
    "method": "equal_installment",
    "annual_rate": "0.18",
    "periods": 12,
    "penalty": {"rate_cap": "0.24"},
}
Tables = dict[str, list[dict[str, Any]]]

GOOD: Tables = {
    "products": [{"product_code": "tape-12", "name": "Twelve months", "currency": "CNY", "terms": json.dumps(TERMS)}],
    "borrowers": [
        {"borrower_id": "B1", "full_name": "Ada Sample", "country": "CN", "language": "en", "birth_year": "1990"},
        {"borrower_id": "B2", "full_name": "李样例", "country": "CN", "language": "zh-Hans", "birth_year": ""},
    ],
    "contact_points": [
        {"borrower_id": "B1", "kind": "phone", "value": "+8619200000001", "is_primary": "true"},
        {"borrower_id": "B2", "kind": "email", "value": "li@people.example", "is_primary": "yes"},
    ],
    "loans": [
        {
            "loan_id": "L1",
            "borrower_id": "B1",
            "product_code": "tape-12",
            "currency": "CNY",
            "principal": "12000.00",
            "disbursed_on": "2026-01-15",
        },
        {
            "loan_id": "L2",
            "borrower_id": "B2",
            "product_code": "tape-12",
            "currency": "CNY",
            "principal": "300.00",
            "disbursed_on": "2026-02-01",
        },
    ],
    "installments": [
        {"loan_id": "L2", "number": "1", "due_date": "2026-03-01", "principal": "100.00", "interest": "3.00"},
        {"loan_id": "L2", "number": "2", "due_date": "2026-04-01", "principal": "200.00", "interest": "2.00"},
    ],
    "payments": [
        {"payment_id": "P1", "loan_id": "L1", "amount": "1100.16", "value_date": "2026-02-15", "currency": "CNY"},
        {"payment_id": "P2", "loan_id": "L2", "amount": "50.00", "value_date": "2026-03-05", "currency": "CNY"},
    ],
    "status_history": [{"loan_id": "L2", "on": "2026-03-10", "status": "Late", "effect": "", "note": "as reported"}],
}


def good() -> Tables:
    """A tape without a fault; spoil the copy."""
    return deepcopy(GOOD)


def write_tape(folder: Path, tables: Tables) -> Path:
    """The tables as CSV files in a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, rows in tables.items():
        (folder / f"{name}.csv").write_text(as_csv(rows), encoding="utf-8")
    return folder


def write_zip(path: Path, tables: Tables) -> Path:
    """The tables as CSV files in an archive, below one folder."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, rows in tables.items():
            archive.writestr(f"book/{name}.csv", as_csv(rows))
    return path


def write_gzip(folder: Path, tables: Tables) -> Path:
    """The tables as .csv.gz files in a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, rows in tables.items():
        (folder / f"{name}.csv.gz").write_bytes(gzip.compress(as_csv(rows).encode()))
    return folder


def write_parquet(folder: Path, tables: Tables) -> Path:
    """The tables as Parquet files of text columns."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, rows in tables.items():
        columns = list(dict.fromkeys(key for row in rows for key in row))
        data = {key: [row.get(key) for row in rows] for key in columns}
        polars.DataFrame(data, schema=dict.fromkeys(columns, polars.String)).write_parquet(folder / f"{name}.parquet")
    return folder


def as_csv(rows: list[dict[str, Any]]) -> str:
    """Rows as CSV with a header of all their keys."""
    text = io.StringIO()
    columns = list(dict.fromkeys(key for row in rows for key in row))
    writer = csv.DictWriter(text, columns, restval="")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def check(*paths: Path, folder: Path, portfolio: str = PORTFOLIO) -> tuple[Checked, list[Finding]]:
    """Check a tape as of the business date; what it came to and every finding."""
    stage = Stage(path=folder / "stage.sqlite3")
    with (folder / "report.csv").open("w", encoding="utf-8", newline="") as report:
        findings = Findings(report=report)
        checked = check_tape(
            paths=list(paths),
            portfolio=portfolio,
            business_date=BUSINESS_DATE,
            stage=stage,
            findings=findings,
            progress=lambda _step, _done: None,
        )
    stage.close()
    return checked, findings.kept


def told(findings: list[Finding]) -> list[tuple[str, int, str, str]]:
    """File, line, field and code of each finding."""
    return [(finding.file, finding.line, finding.field, finding.code) for finding in findings]
