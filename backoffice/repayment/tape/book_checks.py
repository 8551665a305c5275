"""The tape against the book: what is there already is skipped when it says the same, and reported when it does not."""

from collections.abc import Iterator, Sequence
from typing import Any

from backoffice.customers.models import Borrower
from backoffice.repayment.models import ImportedLoan, Loan, Operation, Product, ProductVersion
from backoffice.repayment.tape.bundles import differing_parts, read_bundles
from backoffice.repayment.tape.findings import Finding, Findings
from backoffice.repayment.tape.sources import TapeFile
from backoffice.repayment.tape.staging import Stage
from backoffice.repayment.tape.values import shown

AT_A_TIME = 5_000
COMPARED_AT_A_TIME = 500
USABLE = (ProductVersion.State.ACTIVE, ProductVersion.State.APPROVED)


def note_known(*, stage: Stage, portfolio: str) -> dict[str, dict[str, Any]]:
    """Put the book's borrowers and products that the tape refers to on the stage; the products' terms by code."""
    stage.run("CREATE TABLE IF NOT EXISTS known_borrowers (borrower_id TEXT PRIMARY KEY) WITHOUT ROWID")
    stage.run("CREATE TABLE IF NOT EXISTS known_products (product_code TEXT PRIMARY KEY) WITHOUT ROWID")
    asked = stage.rows(
        """SELECT DISTINCT borrower_id FROM loans l WHERE borrower_id IS NOT NULL
           AND NOT EXISTS (SELECT 1 FROM borrowers b WHERE b.borrower_id = l.borrower_id)"""
    )
    known: list[tuple[str]] = []
    for ids in _in_batches(asked):
        found = Borrower.objects.filter(source=portfolio, external_id__in=ids)
        known += [(external_id,) for external_id in found.values_list("external_id", flat=True)]
    stage.run_many("INSERT OR IGNORE INTO known_borrowers VALUES (?)", known)
    terms = terms_of_known_products(portfolio=portfolio)
    stage.run_many("INSERT OR IGNORE INTO known_products VALUES (?)", [(code,) for code in terms])
    return terms


def terms_of_known_products(*, portfolio: str) -> dict[str, dict[str, Any]]:
    """The terms of the newest approved version of each product of the book, by product code."""
    versions = ProductVersion.objects.filter(product__portfolio=portfolio, state__in=USABLE).order_by("number")
    return dict(versions.values_list("product__code", "terms"))


def check_products(*, stage: Stage, files: list[TapeFile], findings: Findings, portfolio: str) -> None:
    """A product code names one product of one book: a tape may not redefine another book's."""
    names = {file.table: file.name for file in files}
    lines = dict(stage.rows("SELECT product_code, min(line) FROM products WHERE ok GROUP BY product_code"))
    taken = Product.objects.filter(code__in=lines).exclude(portfolio=portfolio)
    for code, owner in taken.values_list("code", "portfolio"):
        findings.add(
            Finding(names["products"], lines[code], "product_code", "product_of_other_book", {"book": owner}, code)
        )
        stage.refuse(kind="product", subject=code)


def check_against_book(*, stage: Stage, files: list[TapeFile], findings: Findings, portfolio: str) -> int:
    """Mark the loans that are in the book already; report those that differ. The number of equal ones."""
    names = {file.table: file.name for file in files}
    if not Loan.objects.filter(portfolio=portfolio).exists():
        return 0
    for ids in _in_batches(stage.rows("SELECT DISTINCT loan_id FROM loans WHERE loan_id IS NOT NULL")):
        present = Loan.objects.filter(portfolio=portfolio, external_id__in=ids)
        stage.run_many(
            "INSERT OR IGNORE INTO in_book VALUES (?)",
            [(external_id,) for external_id in present.values_list("external_id", flat=True)],
        )
    equal = _compare(stage, names["loans"], findings, portfolio)
    if "payments" in names:
        _check_payment_numbers(stage, names["payments"], findings, portfolio)
    return equal


def _compare(stage: Stage, file: str, findings: Findings, portfolio: str) -> int:
    stage.run("DROP TABLE IF EXISTS to_compare")
    stage.run("CREATE TABLE to_compare (ordinal INTEGER PRIMARY KEY, loan_row INTEGER)")
    stage.run(
        """INSERT INTO to_compare SELECT row_number() OVER (ORDER BY l.rowid), l.rowid FROM loans l
           JOIN in_book b USING (loan_id) WHERE l.ok
           AND NOT EXISTS (SELECT 1 FROM refused f WHERE f.kind = 'loan' AND f.subject = l.loan_id)"""
    )
    count = stage.one("SELECT count(*) FROM to_compare")
    equal = 0
    for first in range(1, count + 1, COMPARED_AT_A_TIME):
        last = first + COMPARED_AT_A_TIME - 1
        bundles = list(read_bundles(stage=stage, picked="to_compare", first=first, last=last))
        digests = dict(
            ImportedLoan.objects.filter(
                loan__portfolio=portfolio, loan__external_id__in=[bundle.loan_id for bundle in bundles]
            ).values_list("loan__external_id", "digest")
        )
        for bundle in bundles:
            known = digests.get(bundle.loan_id)
            parts = differing_parts(one=known, other=bundle.digest()) if known else []
            if known and not parts:
                equal += 1
                continue
            line = stage.one("SELECT min(line) FROM loans WHERE loan_id = ?", (bundle.loan_id,))
            code = "differs_from_book" if known else "loan_in_book"
            params = {"parts": ", ".join(parts)} if known else {}
            findings.add(Finding(file, line, "loan_id", code, params, shown(bundle.loan_id)))
    return equal


def _check_payment_numbers(stage: Stage, file: str, findings: Findings, portfolio: str) -> None:
    fresh = stage.rows(
        """SELECT payment_id FROM payments p WHERE ok
           AND NOT EXISTS (SELECT 1 FROM in_book b WHERE b.loan_id = p.loan_id)"""
    )
    for ids in _in_batches(fresh):
        taken = Operation.objects.filter(source=portfolio, external_id__in=ids)
        for payment_id in taken.values_list("external_id", flat=True):
            line, loan_id = next(
                stage.rows("SELECT line, loan_id FROM payments WHERE payment_id = ? AND ok", (payment_id,))
            )
            findings.add(Finding(file, line, "payment_id", "payment_in_book", {}, shown(loan_id)))
            stage.refuse(kind="loan", subject=loan_id)


def _in_batches(rows: Iterator[Sequence[Any]]) -> Iterator[list[Any]]:
    """The first values of the rows, some thousand at a time."""
    batch: list[Any] = []
    for row in rows:
        batch.append(row[0])
        if len(batch) == AT_A_TIME:
            yield batch
            batch = []
    if batch:
        yield batch
