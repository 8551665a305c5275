"""What is wrong with a tape: one finding per bad row, with line, field, reason code and a sentence.

The catalogue below is every reason there is. A finding of a file (`scope` "file") stops the whole tape, because rows
that cannot be read may belong to any loan; a finding of a row leaves out that loan, borrower or contact point.
"""

import csv
import dataclasses
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING, Literal

from django.utils.translation import gettext_lazy as _

from backoffice.core.telling import told
from backoffice.customers.services.registering import WORDS as CUSTOMER_WORDS

if TYPE_CHECKING:
    from django.utils.functional import _StrPromise

Scope = Literal["file", "row"]


@dataclass(frozen=True, slots=True)
class Reason:
    """A reason code's sentence (named placeholders) and what it stops."""

    sentence: "_StrPromise"
    scope: Scope


REASONS: dict[str, Reason] = {
    # the tape as a whole
    "tape_not_found": Reason(_("There is no file or folder of that name."), "file"),
    "tape_empty": Reason(_("There is no file of the tape in it."), "file"),
    "missing_file": Reason(_("The file “%(name)s” is missing."), "file"),
    "file_twice": Reason(_("There are two files for “%(name)s”: %(first)s and %(second)s."), "file"),
    "unknown_file": Reason(_("“%(name)s” is no file of the tape; the names are %(known)s."), "file"),
    "too_many_members": Reason(_("The archive has more than %(most)s members."), "file"),
    "archive_damaged": Reason(_("The archive is damaged or cut short: %(detail)s."), "file"),
    "archive_encrypted": Reason(_("The archive is encrypted; send it without a password."), "file"),
    "tape_too_big": Reason(_("Unpacked, the tape is larger than %(most)s MB."), "file"),
    # one file
    "file_too_big": Reason(_("Unpacked, the file is larger than %(most)s MB."), "file"),
    "too_many_rows": Reason(_("The file has more than %(most)s rows."), "file"),
    "compressed_damaged": Reason(_("The compressed file is damaged or cut short: %(detail)s."), "file"),
    "parquet_damaged": Reason(_("The Parquet file is damaged or cut short: %(detail)s."), "file"),
    "parquet_float": Reason(
        _("The column is a binary fraction (float); write amounts and rates as decimals or text."), "file"
    ),
    "parquet_type": Reason(_("The column's type %(kind)s is not read; write it as text."), "file"),
    "encoding_utf16": Reason(_("The file is UTF-16; save it as UTF-8."), "file"),
    "encoding": Reason(
        _("The line is not UTF-8 (byte %(byte)s at position %(position)s); save the file as UTF-8."), "file"
    ),
    "line_too_long": Reason(_("The line is longer than %(most)s KB; is it a CSV file?"), "file"),
    "unfinished_quote": Reason(_("A quoted value that begins here never ends; the file may be cut short."), "file"),
    "swallowed_lines": Reason(
        _("A quoted value of this row runs on over the lines below, which look like rows; a quote is out of place."),
        "file",
    ),
    "not_csv": Reason(_("The line is not valid CSV: %(detail)s."), "file"),
    "no_header": Reason(_("The file has no header row."), "file"),
    "missing_column": Reason(_("The column “%(name)s” is missing."), "file"),
    "unknown_column": Reason(_("“%(name)s” is no column of this file; columns of your own begin with x_."), "file"),
    "column_twice": Reason(_("The column “%(name)s” stands in the header twice."), "file"),
    "control_differs": Reason(
        _("The control file promises %(expected)s rows and %(found)s were read: the tape may be cut short."), "file"
    ),
    # one row
    "cell_count": Reason(_("The row has %(found)s cells, the header %(expected)s."), "row"),
    "cut_short": Reason(_("The last line has no line end: the file is cut short or not finished."), "file"),
    "missing_value": Reason(_("A value is required."), "row"),
    "control_character": Reason(_("The value has a control character in it."), "row"),
    "too_long": Reason(_("The value has %(found)s characters; at most %(most)s are read."), "row"),
    "not_an_id": Reason(_("An identifier has no spaces at its ends."), "row"),
    "not_a_code": Reason(_("“%(value)s” is not one of %(choices)s."), "row"),
    "not_a_word": Reason(_("“%(value)s” is no code: letters, digits, point, dash and underscore only."), "row"),
    "not_a_date": Reason(_("“%(value)s” is not a date; write it like 2026-01-31."), "row"),
    "no_such_day": Reason(_("There is no %(value)s in the calendar."), "row"),
    "date_out_of_range": Reason(_("The year of %(value)s is not between %(least)s and %(most)s."), "row"),
    "not_an_amount": Reason(_("“%(value)s” is not an amount; write it like 1234.50."), "row"),
    "negative_amount": Reason(_("The amount %(value)s is negative."), "row"),
    "zero_amount": Reason(_("The amount must be more than zero."), "row"),
    "too_many_digits": Reason(_("The amount has %(found)s digits before the point; at most %(most)s are read."), "row"),
    "too_many_decimals": Reason(_("%(currency)s is counted to %(most)s decimals; the amount is %(value)s."), "row"),
    "too_fine": Reason(_("The amount %(value)s has more than %(most)s decimals."), "row"),
    "not_a_rate": Reason(_("“%(value)s” is not a rate; write 18 %% a year as 0.18."), "row"),
    "rate_out_of_range": Reason(_("A rate of %(value)s is not between 0 and %(most)s; write 18 %% as 0.18."), "row"),
    "not_an_integer": Reason(_("“%(value)s” is not a whole number."), "row"),
    "integer_out_of_range": Reason(_("%(value)s is not between %(least)s and %(most)s."), "row"),
    "not_a_currency": Reason(_("“%(value)s” is no currency code of three capital letters."), "row"),
    "not_a_country": Reason(_("“%(value)s” is no country code of two capital letters."), "row"),
    "not_a_boolean": Reason(_("“%(value)s” is neither true nor false."), "row"),
    "not_json": Reason(_("The value is not JSON: %(detail)s."), "row"),
    "terms_refused": Reason(_("The terms are not accepted: %(detail)s."), "row"),
    "effect_needs": Reason(_("The effect “%(effect)s” needs a value here."), "row"),
    # rows against each other
    "duplicate": Reason(_("The same row key stands in line %(first)s already."), "row"),
    "unknown_borrower": Reason(_("There is no borrower “%(value)s” in the tape or in the book."), "row"),
    "unknown_loan": Reason(_("There is no loan “%(value)s” in the tape."), "row"),
    "unknown_product": Reason(_("There is no product “%(value)s” in the tape or in the product list."), "row"),
    "borrower_refused": Reason(_("The loan's borrower, line %(line)s, cannot be brought in."), "row"),
    "product_refused": Reason(_("The loan's product, line %(line)s, cannot be brought in."), "row"),
    "currency_mismatch": Reason(_("The currency is %(found)s, the loan's is %(expected)s."), "row"),
    "product_currency_mismatch": Reason(_("The currency is %(found)s, the product's is %(expected)s."), "row"),
    "principal_mismatch": Reason(_("The installments return %(found)s of a principal of %(expected)s."), "row"),
    "empty_installment": Reason(_("The installment asks for nothing."), "row"),
    "due_before_disbursement": Reason(_("It falls due before the loan was paid out on %(disbursed_on)s."), "row"),
    "due_dates_out_of_order": Reason(_("It falls due before installment %(number)s, which comes earlier."), "row"),
    "payment_before_disbursement": Reason(_("It is dated before the loan was paid out on %(disbursed_on)s."), "row"),
    "in_the_future": Reason(_("The date lies after the business date, %(business_date)s."), "row"),
    "reserved_id": Reason(_("Numbers that begin with “%(prefix)s” are the import's own."), "row"),
    "too_many_rows_of_loan": Reason(_("The loan has %(found)s rows here; at most %(most)s are read."), "row"),
    "schedule_too_large": Reason(_("The schedule adds up to more than the ledger holds."), "row"),
    "payments_too_large": Reason(_("The loan's payments add up to more than the ledger holds."), "row"),
    "schedule_refused": Reason(_("No schedule follows from the terms: %(detail)s."), "row"),
    # rows against the book
    "differs_from_book": Reason(
        _("The loan is in the book already and differs in %(parts)s; what is in the book stays as it is."), "row"
    ),
    "payment_in_book": Reason(_("A payment with this number is in the book already, on another loan."), "row"),
    "product_of_other_book": Reason(
        _("The product code belongs to the book “%(book)s”; give this product a code of its own."), "row"
    ),
    "loan_in_book": Reason(_("A loan of this number is in the book already and did not come from a tape."), "row"),
}

# What the customers app refuses a borrower's field for has its own words.
REASONS |= {f"borrower_{trouble}": Reason(words, "row") for trouble, words in CUSTOMER_WORDS.items()}


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing wrong: `line` is the first physical line of the row (1 is the header), 0 for the file as a whole.

    `subject` is the loan, borrower or product the row belongs to, as far as it could be read.
    """

    file: str
    line: int
    field: str
    code: str
    params: Mapping[str, str] = dataclasses.field(default_factory=dict)
    subject: str = ""

    @property
    def scope(self) -> Scope:
        """Whether the finding stops the whole tape."""
        return REASONS[self.code].scope

    @property
    def sentence(self) -> str:
        """The reason in words, in the reader's language."""
        return sentence_of(code=self.code, params=self.params)


def sentence_of(*, code: str, params: Mapping[str, str]) -> str:
    """A reason code in words, in the reader's language; an unknown code stands for itself."""
    reason = REASONS.get(code)
    return str(reason.sentence) % {name: told(value) for name, value in params.items()} if reason else code


class TapeStopped(Exception):
    """Reading cannot go on past this finding."""

    def __init__(self, finding: Finding) -> None:
        super().__init__(finding.code)
        self.finding = finding


# A tape of nothing but faults must not fill the disk; the counts go on.
REPORTED_AT_MOST = 1_000_000
REPORT_COLUMNS = ("file", "line", "field", "subject", "code", "reason")
# A spreadsheet runs a cell that begins with one of these as a formula.
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")


def as_cell(text: str) -> str:
    """Text as a spreadsheet shows it instead of running it: formulas get an apostrophe in front."""
    return f"'{text}" if text.startswith(FORMULA_STARTS) else text


class Findings:
    """Collects findings: all of them into a CSV report as they come, the first `kept_at_most` for the page."""

    def __init__(self, *, report: IO[str], kept_at_most: int = 1_000, reported_at_most: int = REPORTED_AT_MOST) -> None:
        self.total = 0
        self.counts: Counter[str] = Counter()
        self.kept: list[Finding] = []
        self.stops_everything = False
        self._kept_at_most = kept_at_most
        self._reported_at_most = reported_at_most
        self._writer = csv.writer(report)
        self._writer.writerow(REPORT_COLUMNS)

    def add(self, finding: Finding) -> None:
        """Keep a finding."""
        self.total += 1
        self.counts[finding.code] += 1
        self.stops_everything |= finding.scope == "file"
        if len(self.kept) < self._kept_at_most:
            self.kept.append(finding)
        if self.total == self._reported_at_most + 1:
            self._writer.writerow(("", "", "", "", "report_full", str(_("The report ends here; there are more rows."))))
        if self.total > self._reported_at_most:
            return
        self._writer.writerow(
            (
                finding.file,
                finding.line or "",
                finding.field,
                as_cell(finding.subject),
                finding.code,
                as_cell(finding.sentence),
            )
        )
