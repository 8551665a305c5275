"""What only the product's own rules can judge: borrowers as the customers app takes them, terms, schedules.

The same functions that will bring the rows in judge them here, so that nothing is refused halfway through loading.
"""

from collections.abc import Iterator, Mapping
from datetime import date
from itertools import groupby
from typing import Any

from backoffice.calendars.selectors import holiday_overrides
from backoffice.core.errors import Refusal
from backoffice.customers.domain.intake import NewBorrower, NewContact, troubles_of
from backoffice.repayment.domain.schedule import build_schedule
from backoffice.repayment.domain.terms_form import InvalidTerms, from_json
from backoffice.repayment.tape.findings import Finding, Findings
from backoffice.repayment.tape.format import SCHEDULED_AT_MOST
from backoffice.repayment.tape.sources import TapeFile
from backoffice.repayment.tape.staging import Stage
from backoffice.repayment.tape.terms_of_loan import OVERLAID, TermsBook, money_of, terms_json
from backoffice.repayment.tape.values import shown

BORROWER_FIELDS = (
    "borrower_id", "full_name", "family_name", "given_name", "identity_number", "identity_kind", "birth_year",
    "country", "time_zone", "language",
)  # fmt: skip
# A borrower joined with their contact points, one row a point, in the order of the borrowers asked for.
BORROWERS_WITH_CONTACTS = f"""
    SELECT b.line, {", ".join(f"b.{name}" for name in BORROWER_FIELDS)},
           c.rowid, c.kind, c.value, c.country, c.is_primary, c.quality
    FROM borrowers b LEFT JOIN contact_points c ON c.borrower_id = b.borrower_id AND c.ok
    WHERE b.ok
"""  # noqa: S608 - names of the format


def borrowers_of(rows: Iterator[tuple[Any, ...]], *, portfolio: str) -> Iterator[tuple[int, NewBorrower, list[int]]]:
    """Line, borrower and the stage's row numbers of their contact points, from rows of `BORROWERS_WITH_CONTACTS`."""
    width = 1 + len(BORROWER_FIELDS)
    for head, group in groupby(rows, key=lambda row: row[:width]):
        line, *values = head
        named = {name: value for name, value in zip(BORROWER_FIELDS, values, strict=True) if value is not None}
        points = [row[width:] for row in group if row[width] is not None]
        contacts = tuple(
            NewContact(
                kind=kind, value=value, country=country or "", is_primary=bool(primary), quality=quality or "unknown"
            )
            for _rowid, kind, value, country, primary, quality in points
        )
        external_id = named.pop("borrower_id")
        yield (
            line,
            NewBorrower(external_id=external_id, portfolio=portfolio, contacts=contacts, **named),
            [point[0] for point in points],
        )


def check_borrowers(*, stage: Stage, files: list[TapeFile], findings: Findings) -> None:
    """Borrowers and contact points by the rules of the customers app; a bad contact point is left out alone."""
    names = {file.table: file.name for file in files}
    rows = stage.rows(f"{BORROWERS_WITH_CONTACTS} ORDER BY b.rowid, c.rowid")
    refused_points: list[tuple[int]] = []
    for line, borrower, point_rows in borrowers_of(rows, portfolio="tape"):
        for trouble in troubles_of(borrower):
            code = f"borrower_{trouble.trouble.value}"
            if trouble.field.startswith("contacts."):
                _contacts, number, field = trouble.field.split(".")
                rowid = point_rows[int(number)]
                point_line = stage.one("SELECT line FROM contact_points WHERE rowid = ?", (rowid,))
                findings.add(Finding(names["contact_points"], point_line, field, code, {}, shown(borrower.external_id)))
                refused_points.append((rowid,))
            else:
                findings.add(Finding(names["borrowers"], line, trouble.field, code, {}, shown(borrower.external_id)))
                stage.refuse(kind="borrower", subject=borrower.external_id)
    stage.run_many("UPDATE contact_points SET ok = 0 WHERE rowid = ?", refused_points)


def check_terms(
    *, stage: Stage, files: list[TapeFile], findings: Findings, known_products: Mapping[str, dict[str, Any]]
) -> None:
    """Every product's and loan's terms, and the schedule of each loan that brings none of its own.

    What is wrong with a product is said once, on its own row; its loans are reported as hanging on it.
    """
    names = {file.table: file.name for file in files}
    at_fault = _products_at_fault(stage=stage, file=names.get("products", ""), findings=findings)
    book = TermsBook(products_of(stage=stage, known_products=known_products), overrides=holiday_overrides())
    columns = ", ".join(f"l.{name}" for name in OVERLAID)
    statement = f"""
        SELECT l.line, l.loan_id, l.product_code, l.currency, l.principal, l.disbursed_on, l.first_due_date,
               EXISTS (SELECT 1 FROM installments i WHERE i.loan_id = l.loan_id), {columns}
        FROM loans l WHERE l.ok ORDER BY l.rowid
    """  # noqa: S608 - names of the format
    for line, loan_id, code, currency, principal, disbursed_on, first_due, has_schedule, *overlaid in stage.rows(
        statement
    ):
        if code in at_fault:
            continue  # reported as product_refused
        try:
            terms = book.terms_of(
                product_code=code, currency=currency, overlay=dict(zip(OVERLAID, overlaid, strict=True))
            )
        except KeyError:
            continue  # reported as unknown_product
        except InvalidTerms as refusal:
            _add(findings, names["loans"], line, "terms_refused", refusal, loan_id)
            stage.refuse(kind="loan", subject=loan_id)
            continue
        if has_schedule or not principal:
            continue
        try:
            bills = build_schedule(
                terms=terms,
                principal=money_of(principal),
                disbursed_on=date.fromisoformat(disbursed_on),
                first_due_date=date.fromisoformat(first_due) if first_due else None,
            )
        except Refusal as refusal:
            _add(findings, names["loans"], line, "schedule_refused", refusal, loan_id)
            stage.refuse(kind="loan", subject=loan_id)
            continue
        if sum(bill.total for bill in bills) > SCHEDULED_AT_MOST:
            findings.add(Finding(names["loans"], line, "principal", "schedule_too_large", {}, shown(loan_id)))
            stage.refuse(kind="loan", subject=loan_id)


def _products_at_fault(*, stage: Stage, file: str, findings: Findings) -> set[str]:
    """The codes of the tape's products whose terms cannot be used; each fault by its path within the terms."""
    at_fault: set[str] = set()
    for line, code, currency, text in stage.rows("SELECT line, product_code, currency, terms FROM products WHERE ok"):
        try:
            from_json(terms_json(text) | {"currency": currency})
        except InvalidTerms as refusal:
            for path, reason in refusal.fields.items():
                field = path if path == "currency" else f"terms.{path}"
                findings.add(Finding(file, line, shown(field), "terms_refused", {"detail": reason}, shown(code)))
            stage.refuse(kind="product", subject=code)
            at_fault.add(code)
    return at_fault


def products_of(*, stage: Stage, known_products: Mapping[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """Terms by product code: those of the tape first, else those of the product list."""
    products = dict(known_products)
    for code, text in stage.rows("SELECT product_code, terms FROM products WHERE ok"):
        products[code] = terms_json(text)
    return products


def _add(findings: Findings, file: str, line: int, code: str, refusal: Refusal, loan_id: str) -> None:
    """One finding for each value at fault; the sentence of the refusal where it names none."""
    for field, reason in (refusal.fields or {"": refusal.message}).items():
        findings.add(Finding(file, line, shown(field), code, {"detail": reason}, shown(loan_id)))
