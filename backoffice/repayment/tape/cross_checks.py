"""Rows against each other: what refers to what, what adds up, what comes before what. Runs on the stage.

Each check is one statement that gives only the offenders, so that a clean tape costs little whatever its size. A loan
with an offending row is refused as a whole.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from typing import Any

from backoffice.core.money import CURRENCY_EXPONENTS
from backoffice.repayment.tape.findings import Finding, Findings
from backoffice.repayment.tape.format import (
    PAYMENTS_PER_LOAN,
    RESERVED_PREFIXES,
    STATUSES_PER_LOAN,
    TABLE_BY_NAME,
)
from backoffice.repayment.tape.sources import TapeFile
from backoffice.repayment.tape.staging import Stage
from backoffice.repayment.tape.terms_of_loan import money_of
from backoffice.repayment.tape.values import shown

# A table's row key; a second row with the same key is refused, and so is what the first one belongs to.
KEYS: dict[str, tuple[str, ...]] = {
    "products": ("product_code",),
    "borrowers": ("borrower_id",),
    "contact_points": ("borrower_id", "kind", "value"),
    "loans": ("loan_id",),
    "installments": ("loan_id", "number"),
    "payments": ("payment_id",),
    "status_history": ("loan_id", "on", "status", "effect", "component"),
}
KIND_OF_SUBJECT = {"loan_id": "loan", "borrower_id": "borrower", "product_code": "product"}
# Hundredths; what a loan received must fit the ledger's columns.
MOST_PAID = 10**17


@dataclass(frozen=True, slots=True)
class Check:
    """One rule on the stage: its statement gives (line, subject, then the parameters named) for every offender."""

    table: str
    field: str
    code: str
    statement: str
    params: tuple[str, ...] = ()
    money: tuple[str, ...] = ()


# Rows that are readable and whose loan is too.
OF_LOANS = "FROM {table} r JOIN loans l ON l.loan_id = r.loan_id WHERE r.ok AND l.ok"

CHECKS: tuple[Check, ...] = (
    Check(
        "loans", "borrower_id", "unknown_borrower",
        """SELECT line, loan_id, borrower_id FROM loans r WHERE ok
           AND NOT EXISTS (SELECT 1 FROM borrowers b WHERE b.borrower_id = r.borrower_id)
           AND NOT EXISTS (SELECT 1 FROM known_borrowers k WHERE k.borrower_id = r.borrower_id)""",
        ("value",),
    ),
    Check(
        "contact_points", "borrower_id", "unknown_borrower",
        """SELECT line, borrower_id, borrower_id FROM contact_points r WHERE ok
           AND NOT EXISTS (SELECT 1 FROM borrowers b WHERE b.borrower_id = r.borrower_id)""",
        ("value",),
    ),
    Check(
        "loans", "product_code", "unknown_product",
        """SELECT line, loan_id, product_code FROM loans r WHERE ok
           AND NOT EXISTS (SELECT 1 FROM products p WHERE p.product_code = r.product_code)
           AND NOT EXISTS (SELECT 1 FROM known_products k WHERE k.product_code = r.product_code)""",
        ("value",),
    ),
    *(
        Check(
            table, "loan_id", "unknown_loan",
            f"""SELECT line, loan_id, loan_id FROM {table} r WHERE loan_id IS NOT NULL
                AND NOT EXISTS (SELECT 1 FROM loans l WHERE l.loan_id = r.loan_id)""",  # noqa: S608 - names of the format
            ("value",),
        )
        for table in ("installments", "payments", "status_history")
    ),
    Check(
        "loans", "currency", "product_currency_mismatch",
        """SELECT r.line, r.loan_id, r.currency, p.currency FROM loans r JOIN products p USING (product_code)
           WHERE r.ok AND p.ok AND r.currency <> p.currency""",
        ("found", "expected"),
    ),
    Check(
        "loans", "disbursed_on", "in_the_future",
        "SELECT line, loan_id, :today FROM loans WHERE ok AND disbursed_on > :today",
        ("business_date",),
    ),
    Check("loans", "principal", "zero_amount", "SELECT line, loan_id FROM loans WHERE ok AND principal = 0"),
    Check(
        "installments", "due_date", "due_before_disbursement",
        f"SELECT r.line, r.loan_id, l.disbursed_on {OF_LOANS.format(table='installments')}"
        " AND r.due_date < l.disbursed_on",
        ("disbursed_on",),
    ),
    Check(
        "installments", "due_date", "due_dates_out_of_order",
        """SELECT line, loan_id, before FROM (
             SELECT line, loan_id, due_date, lag(due_date) OVER w AS earlier, lag(number) OVER w AS before
             FROM installments WHERE ok WINDOW w AS (PARTITION BY loan_id ORDER BY number)
           ) WHERE due_date < earlier""",
        ("number",),
    ),
    Check(
        "installments", "principal", "empty_installment",
        """SELECT line, loan_id FROM installments WHERE ok
           AND principal + coalesce(interest, 0) + coalesce(fee, 0) + coalesce(guarantee_fee, 0) = 0""",
    ),
    Check(
        "loans", "principal", "principal_mismatch",
        """SELECT l.line, l.loan_id, sum(r.principal), l.principal
           FROM loans l JOIN installments r ON r.loan_id = l.loan_id
           WHERE l.ok AND NOT EXISTS (SELECT 1 FROM refused f WHERE f.kind = 'loan' AND f.subject = l.loan_id)
           GROUP BY l.loan_id HAVING sum(r.principal) <> l.principal""",
        ("found", "expected"),
        money=("found", "expected"),
    ),
    Check(
        "payments", "value_date", "payment_before_disbursement",
        f"SELECT r.line, r.loan_id, l.disbursed_on {OF_LOANS.format(table='payments')}"
        " AND r.value_date < l.disbursed_on",
        ("disbursed_on",),
    ),
    Check(
        "payments", "value_date", "in_the_future",
        "SELECT line, loan_id, :today FROM payments WHERE ok AND value_date > :today",
        ("business_date",),
    ),
    Check("payments", "amount", "zero_amount", "SELECT line, loan_id FROM payments WHERE ok AND amount = 0"),
    Check(
        "payments", "currency", "currency_mismatch",
        f"SELECT r.line, r.loan_id, r.currency, l.currency {OF_LOANS.format(table='payments')}"
        " AND r.currency <> l.currency",
        ("found", "expected"),
    ),
    Check(
        "payments", "amount", "payments_too_large",
        "SELECT min(line), loan_id FROM payments WHERE ok GROUP BY loan_id HAVING total(amount) > :most_paid",
    ),
    Check(
        "payments", "loan_id", "too_many_rows_of_loan",
        f"""SELECT min(line), loan_id, count(*), {PAYMENTS_PER_LOAN} FROM payments WHERE ok
            GROUP BY loan_id HAVING count(*) > {PAYMENTS_PER_LOAN}""",  # noqa: S608 - a number of the format
        ("found", "most"),
    ),
    Check(
        "status_history", "loan_id", "too_many_rows_of_loan",
        f"""SELECT min(line), loan_id, count(*), {STATUSES_PER_LOAN} FROM status_history WHERE ok
            GROUP BY loan_id HAVING count(*) > {STATUSES_PER_LOAN}""",  # noqa: S608 - a number of the format
        ("found", "most"),
    ),
    *(
        Check(
            "payments", "payment_id", "reserved_id",
            f"""SELECT line, loan_id, '{prefix}' FROM payments
                WHERE ok AND substr(payment_id, 1, {len(prefix)}) = '{prefix}'""",  # noqa: S608 - words of the format
            ("prefix",),
        )
        for prefix in RESERVED_PREFIXES
    ),
    Check(
        "status_history", "effect", "duplicate",
        """SELECT line, loan_id, first FROM (
             SELECT line, loan_id, min(line) OVER w AS first FROM status_history WHERE ok AND effect IS NOT NULL
             WINDOW w AS (PARTITION BY loan_id, "on", effect, component)
           ) WHERE line <> first""",
        ("first",),
    ),
    Check(
        "status_history", "on", "in_the_future",
        'SELECT line, loan_id, :today FROM status_history WHERE ok AND "on" > :today',
        ("business_date",),
    ),
    Check(
        "status_history", "on", "payment_before_disbursement",
        f"SELECT r.line, r.loan_id, l.disbursed_on {OF_LOANS.format(table='status_history')}"
        ' AND r."on" < l.disbursed_on',
        ("disbursed_on",),
    ),
    Check(
        "status_history", "creditor", "effect_needs",
        """SELECT line, loan_id, effect FROM status_history
           WHERE ok AND effect = 'creditor_change' AND creditor IS NULL""",
        ("effect",),
    ),
    Check(
        "status_history", "component", "effect_needs",
        "SELECT line, loan_id, effect FROM status_history WHERE ok AND effect = 'waiver' AND component IS NULL",
        ("effect",),
    ),
    Check(
        "status_history", "amount", "effect_needs",
        "SELECT line, loan_id, effect FROM status_history WHERE ok AND effect = 'waiver' AND amount IS NULL",
        ("effect",),
    ),
)  # fmt: skip

AMOUNTS: dict[str, tuple[str, ...]] = {
    "loans": ("principal",),
    "installments": ("principal", "interest", "fee", "guarantee_fee"),
    "payments": ("amount",),
    "status_history": ("amount",),
}


def check_rows(*, stage: Stage, files: list[TapeFile], findings: Findings, business_date: date) -> None:
    """Report every offender and refuse its loan, borrower or product."""
    names: dict[str, str] = {file.table: file.name for file in files}
    for table, keys in KEYS.items():
        _check_duplicates(stage, table, keys, names, findings)
    params = {"today": business_date.isoformat(), "most_paid": MOST_PAID}
    for check in (*CHECKS, *_decimals_checks()):
        needed = {name: value for name, value in params.items() if f":{name}" in check.statement}
        for row in stage.rows(check.statement, needed):
            _report(check, row, names, stage, findings)


def _report(check: Check, row: tuple[Any, ...], names: dict[str, str], stage: Stage, findings: Findings) -> None:
    line, subject, *values = row
    params = {
        name: str(money_of(value)) if name in check.money else shown(str(value))
        for name, value in zip(check.params, values, strict=True)
    }
    findings.add(Finding(names.get(check.table, check.table), line, check.field, check.code, params, shown(subject)))
    if check.table != "contact_points":
        stage.refuse(kind="loan", subject=subject)


def check_control(*, stage: Stage, files: list[TapeFile], findings: Findings) -> None:
    """The row counts the sender promises, when he does: how a plain CSV cut between two rows is noticed."""
    counts = stage.counts()
    control = next((file.name for file in files if file.table == "control"), "control")
    for line, name, expected in stage.rows("SELECT line, file, rows FROM control WHERE ok"):
        if name not in TABLE_BY_NAME:
            params = {"value": shown(name), "choices": ", ".join(TABLE_BY_NAME)}
            findings.add(Finding(control, line, "file", "not_a_code", params, shown(name)))
        elif counts[name] != expected:
            params = {"expected": str(expected), "found": str(counts[name])}
            findings.add(Finding(control, line, "rows", "control_differs", params, shown(name)))


def _check_duplicates(
    stage: Stage, table: str, keys: tuple[str, ...], names: dict[str, str], findings: Findings
) -> None:
    key = ", ".join(f'"{name}"' for name in keys)
    known = " AND ".join(f'"{name}" IS NOT NULL' for name in keys)
    subject = TABLE_BY_NAME[table].subject
    grouped = f"""
        SELECT line, {subject}, min(line) OVER (PARTITION BY {key}) AS first, count(*) OVER (PARTITION BY {key}) AS many
        FROM {table} WHERE {known}
    """  # noqa: S608 - names of the format
    statement = f"SELECT line, {subject}, first FROM ({grouped}) WHERE many > 1 ORDER BY line"  # noqa: S608
    for line, whose, first in stage.rows(statement):
        if table != "contact_points" and whose is not None:
            stage.refuse(kind=KIND_OF_SUBJECT[subject], subject=whose)
        if line != first:
            findings.add(Finding(names[table], line, keys[-1], "duplicate", {"first": str(first)}, shown(whose or "")))
    if table == "contact_points":
        stage.run(
            f"""UPDATE contact_points SET ok = 0 WHERE line IN (
                  SELECT line FROM ({grouped}) WHERE many > 1 AND line <> first)"""  # noqa: S608
        )


def _decimals_checks() -> Iterator[Check]:
    """Amounts finer than the currency's smallest unit, for the currencies that have no hundredths."""
    for currency, exponent in CURRENCY_EXPONENTS.items():
        unit = 10 ** (2 - exponent)
        for table, columns in AMOUNTS.items():
            for column in columns:
                joined = "FROM loans r WHERE r.ok" if table == "loans" else OF_LOANS.format(table=table)
                owner = "r" if table == "loans" else "l"
                yield Check(
                    table,
                    column,
                    "too_many_decimals",
                    f"SELECT r.line, r.loan_id, r.{column}, {owner}.currency, {exponent} {joined}"
                    f" AND {owner}.currency = '{currency}' AND r.{column} % {unit} <> 0",
                    ("value", "currency", "most"),
                    money=("value",),
                )


def refuse_what_hangs_on_the_refused(*, stage: Stage, files: list[TapeFile], findings: Findings) -> None:
    """Loans whose borrower or product is refused; the loans themselves are reported so that nothing goes unsaid."""
    names = {file.table: file.name for file in files}
    for kind, table, column in (("borrower", "borrowers", "borrower_id"), ("product", "products", "product_code")):
        statement = f"""
            SELECT l.line, l.loan_id, min(o.line) FROM loans l
            JOIN refused f ON f.kind = '{kind}' AND f.subject = l.{column}
            LEFT JOIN {table} o ON o.{column} = l.{column}
            WHERE l.ok GROUP BY l.loan_id
        """  # noqa: S608 - names of the format
        for line, loan_id, owner_line in stage.rows(statement):
            params = {"line": str(owner_line or "")}
            findings.add(Finding(names["loans"], line, column, f"{kind}_refused", params, shown(loan_id)))
            stage.refuse(kind="loan", subject=loan_id)
