"""Checking a tape from first byte to last: everything is judged before anything is loaded."""

from dataclasses import dataclass
from datetime import date
from pathlib import Path

from backoffice.repayment.tape.book_checks import check_against_book, check_products, note_known
from backoffice.repayment.tape.cross_checks import check_control, check_rows, refuse_what_hangs_on_the_refused
from backoffice.repayment.tape.findings import Findings
from backoffice.repayment.tape.row_checks import Progress, read_file
from backoffice.repayment.tape.rule_checks import check_borrowers, check_terms
from backoffice.repayment.tape.sources import find_files
from backoffice.repayment.tape.staging import Stage

PREPARE = """
    DROP TABLE IF EXISTS ready;
    CREATE TABLE ready (ordinal INTEGER PRIMARY KEY, loan_row INTEGER, weight INTEGER);
    INSERT INTO ready SELECT row_number() OVER (ORDER BY l.rowid), l.rowid,
        (SELECT count(*) FROM payments p WHERE p.loan_id = l.loan_id)
        + (SELECT count(*) FROM status_history s WHERE s.loan_id = l.loan_id)
    FROM loans l
    WHERE l.ok
    AND NOT EXISTS (SELECT 1 FROM in_book b WHERE b.loan_id = l.loan_id)
    AND NOT EXISTS (SELECT 1 FROM refused f WHERE f.kind = 'loan' AND f.subject = l.loan_id);
"""


@dataclass(frozen=True, slots=True)
class Checked:
    """What a check found: rows read per file, loans that can be loaded, are left out, or are in the book already."""

    row_counts: dict[str, int]
    loan_count: int
    refused_loan_count: int
    skipped_loan_count: int


def check_tape(
    *,
    paths: list[Path],
    portfolio: str,
    business_date: date,
    stage: Stage,
    findings: Findings,
    progress: Progress,
) -> Checked:
    """Read the tape onto the stage, judge every row, and list the loans that are ready. Never raises for its content.

    When a file cannot be read to its end, rows are not compared with each other: what is missing would make sound
    rows look wrong.
    """
    stage.create()
    files, problems = find_files(paths=paths)
    for problem in problems:
        findings.add(problem)
    for file in files:
        read_file(file, stage=stage, findings=findings, progress=progress)
    progress("index", 0)
    stage.index()
    counts = stage.counts()
    if not findings.stops_everything:
        check_control(stage=stage, files=files, findings=findings)
    skipped = 0
    if not findings.stops_everything:
        known = note_known(stage=stage, portfolio=portfolio)
        progress("cross_checks", 0)
        check_rows(stage=stage, files=files, findings=findings, business_date=business_date)
        check_products(stage=stage, files=files, findings=findings, portfolio=portfolio)
        progress("rule_checks", 0)
        check_borrowers(stage=stage, files=files, findings=findings)
        check_terms(stage=stage, files=files, findings=findings, known_products=known)
        progress("book_checks", 0)
        skipped = check_against_book(stage=stage, files=files, findings=findings, portfolio=portfolio)
        refuse_what_hangs_on_the_refused(stage=stage, files=files, findings=findings)
    stage.script(PREPARE)
    ready = 0 if findings.stops_everything else stage.one("SELECT count(*) FROM ready")
    stage.seal()
    return Checked(
        row_counts={name: count for name, count in counts.items() if count},
        loan_count=ready,
        refused_loan_count=max(0, counts["loans"] - ready - skipped),
        skipped_loan_count=skipped,
    )
