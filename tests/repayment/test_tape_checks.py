"""Every rule a tape is judged by: the row, the field, the reason, and which loans are left out for it."""

import csv
import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from backoffice.customers.models import Borrower
from backoffice.repayment.models import Product, ProductVersion
from backoffice.repayment.tape.findings import Finding, Findings
from backoffice.repayment.tape.format import Limits
from tests.repayment.tapes import TERMS, as_csv, check, good, told, write_gzip, write_parquet, write_tape, write_zip

pytestmark = pytest.mark.django_db


def spoiled(table: str, row: int, **values: Any) -> dict[str, list[dict[str, Any]]]:
    """A good tape with some values of one row changed."""
    tables = good()
    tables[table][row] |= values
    return tables


def test_finds_nothing_wrong_with_a_good_tape_in_any_form(tmp_path: Path) -> None:
    tapes = [
        write_tape(tmp_path / "csv", good()),
        write_gzip(tmp_path / "gz", good()),
        write_parquet(tmp_path / "parquet", good()),
        write_zip(tmp_path / "tape.zip", good()),
    ]
    for tape in tapes:
        checked, findings = check(tape, folder=tmp_path)
        assert findings == []
        assert (checked.loan_count, checked.refused_loan_count, checked.skipped_loan_count) == (2, 0, 0)
        assert checked.row_counts == {name: len(rows) for name, rows in good().items()}


@pytest.mark.parametrize(
    ("table", "row", "values", "line", "field", "code", "ready"),
    [
        ("loans", 0, {"principal": "-12000.00"}, 2, "principal", "negative_amount", 1),
        ("loans", 0, {"principal": "0.00"}, 2, "principal", "zero_amount", 1),
        ("loans", 0, {"principal": "12345678901234.00"}, 2, "principal", "too_many_digits", 1),
        ("loans", 0, {"principal": "12000.005"}, 2, "principal", "too_fine", 1),
        ("loans", 0, {"disbursed_on": "2026-02-31"}, 2, "disbursed_on", "no_such_day", 1),
        ("loans", 0, {"disbursed_on": ""}, 2, "disbursed_on", "missing_value", 1),
        ("loans", 0, {"borrower_id": "B9"}, 2, "borrower_id", "unknown_borrower", 1),
        ("loans", 0, {"product_code": "nowhere"}, 2, "product_code", "unknown_product", 1),
        ("loans", 0, {"currency": "usd"}, 2, "currency", "not_a_currency", 1),
        ("loans", 0, {"loan_id": "L" * 65}, 2, "loan_id", "too_long", 1),
        ("installments", 0, {"number": "0"}, 2, "number", "integer_out_of_range", 1),
        ("installments", 0, {"number": "two"}, 2, "number", "not_an_integer", 1),
        ("installments", 0, {"due_date": "2026-01-31"}, 2, "due_date", "due_before_disbursement", 1),
        ("installments", 0, {"due_date": "2026-05-01"}, 3, "due_date", "due_dates_out_of_order", 1),
        ("installments", 0, {"loan_id": "L7", "number": "9"}, 2, "loan_id", "unknown_loan", 1),
        ("payments", 0, {"amount": "-1.00"}, 2, "amount", "negative_amount", 1),
        ("payments", 0, {"amount": "0"}, 2, "amount", "zero_amount", 1),
        ("payments", 0, {"value_date": "2026-01-14"}, 2, "value_date", "payment_before_disbursement", 1),
        ("payments", 0, {"value_date": "2026-03-21"}, 2, "value_date", "in_the_future", 1),
        ("payments", 0, {"currency": "USD"}, 2, "currency", "currency_mismatch", 1),
        ("payments", 0, {"loan_id": "L7"}, 2, "loan_id", "unknown_loan", 2),
        ("payments", 1, {"payment_id": "P1"}, 3, "payment_id", "duplicate", 0),
        ("payments", 0, {"payment_id": "charge_off:1"}, 2, "payment_id", "reserved_id", 1),
        (
            "loans",
            0,
            {"principal": "999999999999.00", "annual_rate": "100", "periods": "1200"},
            2,
            "principal",
            "schedule_too_large",
            1,
        ),
        ("status_history", 0, {"on": "2026-03-21"}, 2, "on", "in_the_future", 1),
        ("status_history", 0, {"on": "2026-01-31"}, 2, "on", "payment_before_disbursement", 1),
        ("status_history", 0, {"effect": "explode"}, 2, "effect", "not_a_code", 1),
        ("status_history", 0, {"effect": "creditor_change"}, 2, "creditor", "effect_needs", 1),
        ("status_history", 0, {"effect": "waiver", "amount": "1.00"}, 2, "component", "effect_needs", 1),
        ("status_history", 0, {"effect": "waiver", "component": "interest"}, 2, "amount", "effect_needs", 1),
        ("contact_points", 0, {"borrower_id": "B9"}, 2, "borrower_id", "unknown_borrower", 2),
        ("contact_points", 0, {"value": "12"}, 2, "value", "borrower_not_a_phone", 2),
        ("contact_points", 0, {"value": "+420 800 123 456"}, 2, "value", "borrower_not_a_persons_phone", 2),
        ("contact_points", 0, {"kind": "fax"}, 2, "kind", "not_a_code", 2),
    ],
)
def test_names_the_row_and_leaves_out_its_loan(
    tmp_path: Path, table: str, row: int, values: dict[str, str], line: int, field: str, code: str, ready: int
) -> None:
    checked, findings = check(write_tape(tmp_path / "tape", spoiled(table, row, **values)), folder=tmp_path)
    assert (f"{table}.csv", line, field, code) in told(findings)
    assert checked.loan_count == ready
    assert {finding.scope for finding in findings} == {"row"}


def test_the_same_decision_twice_on_a_day_is_one_too_many(tmp_path: Path) -> None:
    tables = spoiled("status_history", 0, effect="charge_off")
    tables["status_history"].append(tables["status_history"][0] | {"status": "Charged off"})
    checked, findings = check(write_tape(tmp_path / "tape", tables), folder=tmp_path)
    assert told(findings) == [("status_history.csv", 3, "effect", "duplicate")]
    assert checked.loan_count == 1


def test_a_loan_may_not_bring_payments_without_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tables = good()
    tables["payments"] += [
        tables["payments"][0] | {"payment_id": f"Q{number}", "amount": "0.01"} for number in range(10_000)
    ]
    checked, findings = check(write_tape(tmp_path / "tape", tables), folder=tmp_path)
    assert told(findings) == [("payments.csv", 2, "loan_id", "too_many_rows_of_loan")]
    assert findings[0].params == {"found": "10001", "most": "10000"}
    assert checked.loan_count == 1


def test_says_by_how_much_the_installments_miss_the_principal(tmp_path: Path) -> None:
    tape = write_tape(tmp_path / "tape", spoiled("installments", 0, principal="99.99"))
    _checked, findings = check(tape, folder=tmp_path)
    assert told(findings) == [("loans.csv", 3, "principal", "principal_mismatch")]
    assert findings[0].params == {"found": "299.99", "expected": "300.00"}
    assert findings[0].sentence == "The installments return 299.99 of a principal of 300.00."


def test_reports_every_bad_row_of_a_tape_not_only_the_first(tmp_path: Path) -> None:
    tables = good()
    tables["loans"][0] |= {"principal": "-1", "disbursed_on": "2026-02-31"}
    tables["payments"][1] |= {"amount": "x"}
    _checked, findings = check(write_tape(tmp_path / "tape", tables), folder=tmp_path)
    assert told(findings) == [
        ("loans.csv", 2, "principal", "negative_amount"),
        ("loans.csv", 2, "disbursed_on", "no_such_day"),
        ("payments.csv", 3, "amount", "not_an_amount"),
    ]
    with (tmp_path / "report.csv").open(encoding="utf-8", newline="") as report:
        rows = list(csv.reader(report))
    assert rows[0] == ["file", "line", "field", "subject", "code", "reason"]
    assert rows[1] == ["loans.csv", "2", "principal", "L1", "negative_amount", "The amount -1 is negative."]
    assert len(rows) == 4


def test_a_loan_listed_twice_is_left_out_in_both_rows(tmp_path: Path) -> None:
    tables = good()
    tables["loans"].append(tables["loans"][0] | {"principal": "1.00"})
    checked, findings = check(write_tape(tmp_path / "tape", tables), folder=tmp_path)
    assert told(findings) == [("loans.csv", 4, "loan_id", "duplicate")]
    assert findings[0].params == {"first": "2"}
    assert (checked.loan_count, checked.refused_loan_count) == (1, 2)


def test_a_refused_borrower_takes_the_loans_along_and_says_so(tmp_path: Path) -> None:
    tape = write_tape(tmp_path / "tape", spoiled("borrowers", 0, birth_year="1850"))
    checked, findings = check(tape, folder=tmp_path)
    assert told(findings) == [
        ("borrowers.csv", 2, "birth_year", "integer_out_of_range"),
        ("loans.csv", 2, "borrower_id", "borrower_refused"),
    ]
    assert checked.loan_count == 1


def test_terms_that_cannot_be_used_are_named(tmp_path: Path) -> None:
    tables = good()
    tables["loans"][0] |= {"periods": "1200", "every": "12", "unit": "month"}
    _checked, findings = check(write_tape(tmp_path / "tape", tables), folder=tmp_path)
    assert told(findings) == [("loans.csv", 2, "periods", "terms_refused")]


def test_faults_of_a_product_are_told_once_on_its_own_row(tmp_path: Path) -> None:
    terms = TERMS | {"annual_rate": "a lot", "penalty": {"uplift": "-1"}}
    tape = write_tape(tmp_path / "tape", spoiled("products", 0, terms=json.dumps(terms)))
    checked, findings = check(tape, folder=tmp_path)
    assert told(findings) == [
        ("products.csv", 2, "terms.annual_rate", "terms_refused"),
        ("products.csv", 2, "terms.penalty.uplift", "terms_refused"),
        ("loans.csv", 2, "product_code", "product_refused"),
        ("loans.csv", 3, "product_code", "product_refused"),
    ]
    assert [(finding.subject, finding.sentence) for finding in findings[1:3]] == [
        ("tape-12", "The terms are not accepted: must be from 0 to 10."),
        ("L1", "The loan's product, line 2, cannot be brought in."),
    ]
    assert checked.loan_count == 0


def test_a_product_must_be_complete_whatever_its_loans_say_themselves(tmp_path: Path) -> None:
    tables = spoiled("products", 0, terms=json.dumps({name: TERMS[name] for name in ("currency", "method")}))
    for loan in tables["loans"]:
        loan |= {"annual_rate": "0.18", "periods": "12"}
    _checked, findings = check(write_tape(tmp_path / "tape", tables), folder=tmp_path)
    assert told(findings)[:2] == [
        ("products.csv", 2, "terms.annual_rate", "terms_refused"),
        ("products.csv", 2, "terms.periods", "terms_refused"),
    ]


def test_a_product_is_not_at_fault_for_what_one_loan_says(tmp_path: Path) -> None:
    terms = TERMS | {"due_day": 15}
    tables = spoiled("products", 0, terms=json.dumps(terms))
    tables["loans"][0]["unit"] = "week"
    checked, findings = check(write_tape(tmp_path / "tape", tables), folder=tmp_path)
    assert told(findings) == [("loans.csv", 2, "due_day", "terms_refused")]
    assert checked.loan_count == 1


def test_keeps_a_formula_as_the_text_it_is(tmp_path: Path) -> None:
    tape = write_tape(tmp_path / "tape", spoiled("borrowers", 0, full_name='=HYPERLINK("http://x","y")'))
    checked, findings = check(tape, folder=tmp_path)
    assert (findings, checked.loan_count) == ([], 2)


def test_disarms_a_formula_in_the_report(tmp_path: Path) -> None:
    tables = spoiled("loans", 0, loan_id="=1+1", principal="-1")
    check(write_tape(tmp_path / "tape", tables), folder=tmp_path)
    assert "loans.csv,2,principal,'=1+1,negative_amount" in (tmp_path / "report.csv").read_text(encoding="utf-8")


def test_columns_of_the_senders_own_are_passed_over(tmp_path: Path) -> None:
    checked, findings = check(write_tape(tmp_path / "tape", spoiled("loans", 0, x_branch="7")), folder=tmp_path)
    assert (findings, checked.loan_count) == ([], 2)


@pytest.mark.parametrize(
    ("header", "problems"),
    [
        ("loan_id,borrower_id,product_code,currency,principal", [("disbursed_on", "missing_column")]),
        (
            "loan_id,borrower_id,product_code,currency,principal,disbursed_on,branch,loan_id",
            [("branch", "unknown_column"), ("loan_id", "column_twice")],
        ),
    ],
)
def test_a_wrong_header_stops_the_tape(tmp_path: Path, header: str, problems: list[tuple[str, str]]) -> None:
    tape = write_tape(tmp_path / "tape", good())
    (tape / "loans.csv").write_text(header + "\n", encoding="utf-8")
    checked, findings = check(tape, folder=tmp_path)
    assert [(finding.field, finding.code) for finding in findings] == problems
    assert {finding.scope for finding in findings} == {"file"}
    assert checked.loan_count == 0


@pytest.mark.parametrize("bytes_lost", [20, 1, 3])
def test_a_file_cut_in_the_middle_of_a_row_or_of_its_last_value_stops_the_tape(tmp_path: Path, bytes_lost: int) -> None:
    tape = write_tape(tmp_path / "tape", good())
    whole = (tape / "payments.csv").read_bytes()
    (tape / "payments.csv").write_bytes(whole[:-bytes_lost])
    checked, findings = check(tape, folder=tmp_path)
    assert told(findings) == [("payments.csv", 3, "", "cut_short")]
    assert checked.loan_count == 0


def test_a_file_cut_between_two_rows_is_noticed_by_the_control(tmp_path: Path) -> None:
    tables = good()
    tables["control"] = [{"file": name, "rows": str(len(rows))} for name, rows in good().items()]
    tables["payments"].pop()
    checked, findings = check(write_tape(tmp_path / "tape", tables), folder=tmp_path)
    assert told(findings) == [("control.csv", 7, "rows", "control_differs")]
    assert findings[0].params == {"expected": "2", "found": "1"}
    assert checked.loan_count == 0


def test_rows_are_not_blamed_for_what_a_damaged_file_lost(tmp_path: Path) -> None:
    tape = write_tape(tmp_path / "tape", good())
    (tape / "loans.csv").unlink()
    (tape / "loans.csv.gz").write_bytes(gzip.compress(as_csv(good()["loans"]).encode())[:-12])
    _checked, findings = check(tape, folder=tmp_path)
    assert told(findings) == [("loans.csv.gz", 0, "", "compressed_damaged")]


def test_amounts_of_a_currency_without_cents_are_whole(tmp_path: Path) -> None:
    tables = good()
    tables["products"][0] |= {
        "currency": "JPY",
        "terms": '{"currency":"JPY","method":"flat","annual_rate":"0.1","periods":3}',
    }
    for loan in tables["loans"]:
        loan["currency"] = "JPY"
    tables["payments"] = [tables["payments"][1] | {"currency": "JPY", "amount": "50.50"}]
    tables["installments"] = []
    tape = write_tape(tmp_path / "tape", {name: rows for name, rows in tables.items() if rows})
    _checked, findings = check(tape, folder=tmp_path)
    assert told(findings) == [("payments.csv", 2, "amount", "too_many_decimals")]
    assert findings[0].params == {"value": "50.50", "currency": "JPY", "most": "0"}


def test_borrowers_and_products_of_the_book_need_not_be_on_the_tape(tmp_path: Path) -> None:
    Borrower.objects.create(external_id="B1", source="tapebook", portfolio="tapebook")
    product = Product.objects.create(code="tape-12", name="Twelve", portfolio="tapebook", currency="CNY")
    ProductVersion.objects.create(product=product, number=1, state="active", terms=TERMS)
    tables = {name: good()[name] for name in ("borrowers", "loans", "payments")}
    tables["borrowers"] = tables["borrowers"][1:]
    tables["loans"] = tables["loans"][:1]
    tables["payments"] = tables["payments"][:1]
    checked, findings = check(write_tape(tmp_path / "tape", tables), folder=tmp_path)
    assert (findings, checked.loan_count) == ([], 1)


def test_a_product_code_of_another_book_is_not_taken_over(tmp_path: Path) -> None:
    Product.objects.create(code="tape-12", name="Twelve", portfolio="elsewhere", currency="CNY")
    checked, findings = check(write_tape(tmp_path / "tape", good()), folder=tmp_path)
    assert told(findings) == [
        ("products.csv", 2, "product_code", "product_of_other_book"),
        ("loans.csv", 2, "product_code", "product_refused"),
        ("loans.csv", 3, "product_code", "product_refused"),
    ]
    assert checked.loan_count == 0


def test_a_tape_of_nothing_but_faults_does_not_fill_the_disk(tmp_path: Path) -> None:
    with (tmp_path / "report.csv").open("w", encoding="utf-8", newline="") as report:
        findings = Findings(report=report, kept_at_most=2, reported_at_most=3)
        for line in range(2, 12):
            findings.add(Finding("loans.csv", line, "principal", "zero_amount"))
    assert (findings.total, findings.counts, len(findings.kept)) == (10, {"zero_amount": 10}, 2)
    with (tmp_path / "report.csv").open(encoding="utf-8", newline="") as report:
        assert [row[4] for row in csv.reader(report)] == ["code", *["zero_amount"] * 3, "report_full"]


def test_a_row_with_too_few_or_too_many_cells_is_left_out_with_its_loan(tmp_path: Path) -> None:
    tape = write_tape(tmp_path / "tape", good())
    with (tape / "payments.csv").open("a", encoding="utf-8") as more:
        more.write("P3,L1\nP4,L2,1.00,2026-03-10,CNY,extra\n")
    checked, findings = check(tape, folder=tmp_path)
    assert told(findings) == [("payments.csv", 4, "", "cell_count"), ("payments.csv", 5, "", "cell_count")]
    assert findings[0].params == {"found": "2", "expected": "5"}
    assert checked.loan_count == 0


def test_an_empty_file_has_no_header(tmp_path: Path) -> None:
    tape = write_tape(tmp_path / "tape", good())
    (tape / "payments.csv").write_bytes(b"")
    _checked, findings = check(tape, folder=tmp_path)
    assert told(findings) == [("payments.csv", 1, "", "no_header")]


def test_a_file_of_too_many_rows_stops_the_tape(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("backoffice.repayment.tape.row_checks.LIMITS", Limits(rows_per_file=1))
    _checked, findings = check(write_tape(tmp_path / "tape", good()), folder=tmp_path)
    assert ("loans.csv", 3, "", "too_many_rows") in told(findings)


def test_the_control_names_files_of_the_tape(tmp_path: Path) -> None:
    tables = good() | {"control": [{"file": "pictures", "rows": "1"}]}
    _checked, findings = check(write_tape(tmp_path / "tape", tables), folder=tmp_path)
    assert told(findings) == [("control.csv", 2, "file", "not_a_code")]


def test_a_first_due_date_before_the_loan_gives_no_schedule(tmp_path: Path) -> None:
    tables = spoiled("loans", 0, first_due_date="2026-01-10")
    checked, findings = check(write_tape(tmp_path / "tape", tables), folder=tmp_path)
    assert [(finding.line, finding.code) for finding in findings] == [(2, "schedule_refused")]
    assert checked.loan_count == 1


PAYMENT_HEADER = "payment_id,loan_id,amount,currency,channel,reference,value_date"


@pytest.mark.parametrize("line_end", ["\n", "\r\n"])
@pytest.mark.parametrize(
    "rows",
    [
        # The reference of P1 begins with a quote, that of P3 ends with one: P2 becomes part of the reference.
        (
            'P1,L1,100.00,CNY,bank,"first,2026-02-15',
            "P2,L2,50.00,CNY,bank,second,2026-03-05",
            'P3,L2,1.00,CNY,bank,third",2026-03-06',
        ),
        # Side by side: the reference is the end of the one row and the beginning of the other.
        ('P1,L1,100.00,CNY,bank,"first,2026-02-15', 'P2,L2,50.00,CNY,bank,second",2026-03-05'),
        ('P1,L1,"100.00,CNY,bank,first,2026-02-15', 'P2,L2,50.00",CNY,bank,second,2026-03-05'),
        ('P1,L1,100.00,"CNY,bank,first,2026-02-15', 'P2,L2,50.00,CNY",bank,second'),
    ],
)
def test_quotes_out_of_place_stop_the_tape_instead_of_hiding_the_rows_between_them(
    tmp_path: Path, rows: tuple[str, ...], line_end: str
) -> None:
    tape = write_tape(tmp_path / "tape", good())
    text = "".join(f"{line}{line_end}" for line in (PAYMENT_HEADER, *rows))
    (tape / "payments.csv").write_bytes(text.encode())
    _checked, findings = check(tape, folder=tmp_path)
    assert told(findings) == [("payments.csv", 2, "", "swallowed_lines")]
    assert findings[0].scope == "file"


def test_a_note_and_an_address_may_run_over_several_lines(tmp_path: Path) -> None:
    tables = spoiled("status_history", 0, note="said, twice,\nthat he pays, in March, on Friday, for sure")
    tables["contact_points"].append(
        {"borrower_id": "B1", "kind": "address", "value": "1 High Street,\nTown, County, CN"}
    )
    _checked, findings = check(write_tape(tmp_path / "tape", tables), folder=tmp_path)
    assert findings == []
