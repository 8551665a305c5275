"""A book comes in: whole or not at all, once however often it is sent, and on after any kill."""

import json
from datetime import date, timedelta
from decimal import Decimal
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from django.db import connection

from backoffice.audit.models import AuditEntry
from backoffice.calendars import clock
from backoffice.calendars.selectors import business_date
from backoffice.calendars.services import open_first_day
from backoffice.core.actors import SYSTEM
from backoffice.customers.models import BlindIndex, Borrower, ContactPoint
from backoffice.repayment.domain.import_states import ImportNotInState
from backoffice.repayment.models import (
    BucketMove,
    ImportedLoan,
    ImportRun,
    Loan,
    MonthEnd,
    Operation,
    ProductVersion,
    RejectedRow,
    ReportedStatus,
)
from backoffice.repayment.selectors.verification import verify_book
from backoffice.repayment.tape import loading, receiving, runs
from backoffice.repayment.tape.bringing_in import TAPE, UnknownSource, bring_in
from backoffice.repayment.tape.format import Limits
from backoffice.repayment.tape.receiving import folder_of, receive_paths, report_of
from tests.repayment.tapes import BUSINESS_DATE, PORTFOLIO, TERMS, Tables, good, write_tape

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _opened(db: None, settings: Any, tmp_path: Path) -> None:
    """A business day, and a folder for imports that goes away with the test."""
    settings.MEDIA_ROOT = tmp_path / "media"
    open_first_day(day=BUSINESS_DATE, actor=SYSTEM)


def bring(folder: Path, tables: Tables, *, partial: bool = False) -> ImportRun:
    """Bring a tape in from end to end."""
    tape = write_tape(folder, tables)
    return bring_in(source=TAPE, paths=[tape], portfolio=PORTFOLIO, partial=partial, actor=SYSTEM).run


def many_loans(number: int) -> Tables:
    """A tape of `number` loans of one borrower, each with one payment."""
    tables = good()
    first, payment = tables["loans"][0], tables["payments"][0]
    tables["loans"] = [first | {"loan_id": f"M{n:04d}"} for n in range(number)]
    tables["payments"] = [payment | {"loan_id": f"M{n:04d}", "payment_id": f"P{n:04d}"} for n in range(number)]
    return {name: tables[name] for name in ("products", "borrowers", "contact_points", "loans", "payments")}


def books() -> list[tuple[Any, ...]]:
    """The loans of the book as values, without ids."""
    return sorted(
        Loan.objects.filter(portfolio=PORTFOLIO).values_list(
            "external_id", "principal", "status", "bucket", "outstanding_principal", "overdue_amount", "suspense"
        )
    )


def test_loads_a_tape_with_its_history_through_the_engine(tmp_path: Path) -> None:
    run = bring(tmp_path / "tape", good())
    assert (run.state, run.loaded_through, run.finding_count) == ("loaded", 2, 0)
    assert run.loaded_counts == {
        "borrowers": 2,
        "loans": 2,
        "installments": 14,
        "payments": 2,
        "statuses": 1,
    }
    first, second = Loan.objects.filter(portfolio=PORTFOLIO).order_by("external_id")
    assert (first.status, first.bucket, first.periods, first.annual_rate) == ("active", "M1", 12, Decimal("0.18000000"))
    assert first.outstanding_principal == Decimal("11079.84")
    assert first.oldest_unpaid_due_date == date(2026, 3, 15)
    assert (second.bucket, second.overdue_amount, second.outstanding_principal) == (
        "M1",
        Decimal("53.27"),
        Decimal("253.27"),
    )
    assert list(verify_book(business_date=BUSINESS_DATE)) == []


def test_replays_transitions_and_month_ends_day_by_day(tmp_path: Path) -> None:
    bring(tmp_path / "tape", good())
    loan = Loan.objects.get(portfolio=PORTFOLIO, external_id="L2")
    assert list(BucketMove.objects.filter(loan=loan).values_list("on", "from_bucket", "to_bucket")) == [
        (date(2026, 3, 2), "M0", "M1")
    ]
    assert list(MonthEnd.objects.filter(loan=loan).values_list("month_end", "bucket", "outstanding_principal")) == [
        (date(2026, 2, 28), "M0", Decimal("300.00"))
    ]


def test_keeps_who_they_are_sealed_and_findable(tmp_path: Path) -> None:
    bring(tmp_path / "tape", good())
    ada = Borrower.objects.get(source=PORTFOLIO, external_id="B1")
    assert str(ada.full_name) == "••••••"
    assert (ada.country, ada.language, ada.birth_year) == ("CN", "en", 1990)
    assert ContactPoint.objects.get(borrower=ada).masked == "+86 •••• 0001"
    assert BlindIndex.objects.filter(borrower=ada, kind="phone").exists()


def test_registers_the_product_once_as_approved_with_its_trail(tmp_path: Path) -> None:
    run = bring(tmp_path / "tape", good())
    version = ProductVersion.objects.get(product__code="tape-12")
    assert (version.state, version.number, version.effective_from) == ("active", 1, date(2026, 1, 15))
    assert version.note == f"Brought in with import {run.pk}"
    assert set(Loan.objects.filter(portfolio=PORTFOLIO).values_list("product_version", flat=True)) == {version.pk}
    entry = AuditEntry.objects.get(verb="repayment.product.imported")
    assert (entry.actor_name, entry.after["code"]) == ("system", "tape-12")


def test_keeps_what_the_sender_said_of_the_loan(tmp_path: Path) -> None:
    bring(tmp_path / "tape", good())
    (said,) = ReportedStatus.objects.all()
    assert (said.loan.external_id, said.on, said.status, said.note) == ("L2", date(2026, 3, 10), "Late", "as reported")


@pytest.mark.parametrize(
    ("effect", "more", "status", "creditor"),
    [
        ("charge_off", {}, "charged_off", "lender"),
        ("write_off", {}, "closed", "lender"),
        ("waiver", {"component": "interest", "amount": "2.00"}, "active", "lender"),
        ("creditor_change", {"creditor": "Guarantor Ltd", "amount": "100.00"}, "active", "Guarantor Ltd"),
    ],
)
def test_carries_out_the_effect_of_a_status(
    tmp_path: Path, effect: str, more: dict[str, str], status: str, creditor: str
) -> None:
    tables = good()
    tables["status_history"][0] |= {"effect": effect, **more}
    tables["products"][0]["terms"] = json.dumps(TERMS | {"tolerance": {"percent": "0.90"}})
    bring(tmp_path / "tape", tables)
    loan = Loan.objects.get(portfolio=PORTFOLIO, external_id="L2")
    assert (loan.status, loan.creditor) == (status, creditor)
    assert Operation.objects.get(loan=loan, kind=effect).value_date == date(2026, 3, 10)
    assert list(verify_book(business_date=BUSINESS_DATE)) == []


def test_loads_nothing_of_a_tape_with_a_bad_row(tmp_path: Path) -> None:
    tables = good()
    tables["payments"][0]["amount"] = "-1"
    run = bring(tmp_path / "tape", tables)
    assert (run.state, run.finding_count, run.loan_count) == ("checked", 1, 1)
    assert not Loan.objects.filter(portfolio=PORTFOLIO).exists()
    assert not Borrower.objects.filter(source=PORTFOLIO).exists()
    (row,) = RejectedRow.objects.filter(run=run)
    assert (row.file, row.line, row.field, row.subject, row.code) == (
        "payments.csv",
        2,
        "amount",
        "L1",
        "negative_amount",
    )
    assert report_of(run).read_text(encoding="utf-8-sig").count("\n") == 2


def test_loads_the_good_loans_whole_when_told_to(tmp_path: Path) -> None:
    tables = good()
    tables["payments"][0]["amount"] = "-1"
    run = bring(tmp_path / "tape", tables, partial=True)
    assert (run.state, run.accept_partial, run.refused_loan_count) == ("loaded", True, 1)
    assert list(Loan.objects.filter(portfolio=PORTFOLIO).values_list("external_id", flat=True)) == ["L2"]
    assert list(Borrower.objects.filter(source=PORTFOLIO).values_list("external_id", flat=True)) == ["B2"]


def test_loads_nothing_of_a_tape_that_is_cut_short_even_when_told_to(tmp_path: Path) -> None:
    tape = write_tape(tmp_path / "tape", good())
    (tape / "loans.csv").write_bytes((tape / "loans.csv").read_bytes()[:-15])
    run = bring_in(source=TAPE, paths=[tape], portfolio=PORTFOLIO, partial=True, actor=SYSTEM).run
    assert (run.state, run.finding_counts) == ("refused", {"cut_short": 1})
    assert not Loan.objects.filter(portfolio=PORTFOLIO).exists()


def test_finds_everything_there_when_the_tape_comes_again(tmp_path: Path) -> None:
    bring(tmp_path / "tape", good())
    before = books()
    again = bring(tmp_path / "tape", good())
    assert (again.state, again.loan_count, again.skipped_loan_count, again.finding_count) == ("loaded", 0, 2, 0)
    assert books() == before
    assert Operation.objects.filter(kind="payment").count() == 2


def test_loads_only_the_new_loans_of_a_longer_tape(tmp_path: Path) -> None:
    bring(tmp_path / "tape", good())
    tables = good()
    tables["loans"].append(tables["loans"][0] | {"loan_id": "L3"})
    run = bring(tmp_path / "longer", tables)
    assert (run.loan_count, run.skipped_loan_count, run.loaded_counts["loans"]) == (1, 2, 1)
    assert Loan.objects.filter(portfolio=PORTFOLIO).count() == 3


def test_reports_in_which_part_a_loan_differs_from_the_book(tmp_path: Path) -> None:
    bring(tmp_path / "tape", good())
    before = books()
    tables = good()
    tables["payments"][0]["amount"] = "1100.17"
    run = bring(tmp_path / "other", tables)
    (row,) = RejectedRow.objects.filter(run=run)
    assert (row.code, row.params, row.subject) == ("differs_from_book", {"parts": "payments"}, "L1")
    assert (run.state, books()) == ("checked", before)


def test_refuses_a_payment_number_that_another_loan_of_the_book_has(tmp_path: Path) -> None:
    bring(tmp_path / "tape", good())
    tables = good()
    tables["loans"][0]["loan_id"] = "L9"
    tables["payments"][0]["loan_id"] = "L9"
    run = bring(tmp_path / "other", tables)
    assert list(RejectedRow.objects.filter(run=run).values_list("code", "subject")) == [("payment_in_book", "L9")]


def test_the_same_numbers_in_another_book_are_other_loans(tmp_path: Path) -> None:
    bring(tmp_path / "tape", good())
    tables = good()
    tables["products"][0]["product_code"] = "other-12"
    for loan in tables["loans"]:
        loan["product_code"] = "other-12"
    tape = write_tape(tmp_path / "other", tables)
    run = bring_in(source=TAPE, paths=[tape], portfolio="otherbook", actor=SYSTEM).run
    assert (run.state, run.finding_count) == ("loaded", 0)
    assert Loan.objects.filter(external_id="L1").count() == 2


def test_goes_on_after_the_last_committed_chunk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loading, "CHUNK", 3)
    tape = write_tape(tmp_path / "tape", many_loans(10))
    open_and_replay = loading.open_and_replay
    opened: list[int] = []

    def failing(**given: Any) -> Any:
        opened.append(len(given["loans"]))
        if len(opened) == 3:
            raise ConnectionError("the plug was pulled")
        return open_and_replay(**given)

    monkeypatch.setattr(loading, "open_and_replay", failing)
    with pytest.raises(ConnectionError):
        bring_in(source=TAPE, paths=[tape], portfolio=PORTFOLIO, actor=SYSTEM)
    run = ImportRun.objects.get()
    assert (run.state, run.loaded_through, run.failure) == ("failed", 6, "ConnectionError: the plug was pulled")
    assert Loan.objects.filter(portfolio=PORTFOLIO).count() == 6
    again = bring_in(source=TAPE, paths=[tape], portfolio=PORTFOLIO, actor=SYSTEM).run
    assert (again.pk, again.state, again.skipped_loan_count, again.loan_count) == (run.pk, "loaded", 6, 4)
    assert Loan.objects.filter(portfolio=PORTFOLIO).count() == 10
    assert Operation.objects.filter(kind="payment").count() == 10
    assert list(verify_book(business_date=BUSINESS_DATE)) == []


def test_a_load_in_portions_ends_with_the_same_book(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loading, "CHUNK", 2)
    tape = write_tape(tmp_path / "tape", many_loans(7))
    run = receive_paths(paths=[tape], source=TAPE, portfolio=PORTFOLIO, name="tape", actor=SYSTEM)
    runs.check(run_id=run.pk)
    runs.accept(run_id=run.pk, partial=False, actor=SYSTEM)
    portions = 0
    while not runs.load_some(run_id=run.pk, seconds=0.0):
        portions += 1
        assert portions < 10
    assert portions == 0 or ImportRun.objects.get(pk=run.pk).loaded_through == 7
    assert Loan.objects.filter(portfolio=PORTFOLIO).count() == 7


def test_a_chunk_is_loaded_once_whoever_asks(tmp_path: Path) -> None:
    bring(tmp_path / "tape", good())
    run = ImportRun.objects.get()
    assert runs.load(run_id=run.pk, actor=SYSTEM).state == "loaded"
    assert Loan.objects.filter(portfolio=PORTFOLIO).count() == 2


def test_one_book_takes_one_import_at_a_time(tmp_path: Path) -> None:
    one = write_tape(tmp_path / "one", good())
    two = write_tape(tmp_path / "two", many_loans(1))
    first = receive_paths(paths=[one], source=TAPE, portfolio=PORTFOLIO, name="one", actor=SYSTEM)
    second = receive_paths(paths=[two], source=TAPE, portfolio=PORTFOLIO, name="two", actor=SYSTEM)
    runs.check(run_id=first.pk)
    runs.check(run_id=second.pk)
    runs.accept(run_id=first.pk, partial=False, actor=SYSTEM)
    with pytest.raises(runs.BookAtWork):
        runs.accept(run_id=second.pk, partial=False, actor=SYSTEM)


def test_a_load_needs_an_accepted_tape_and_findings_a_decision(tmp_path: Path) -> None:
    tables = good()
    tables["payments"][0]["amount"] = "-1"
    run = bring(tmp_path / "tape", tables)
    with pytest.raises(runs.TapeHasFindings):
        runs.accept(run_id=run.pk, partial=False, actor=SYSTEM)
    assert runs.load(run_id=run.pk, actor=SYSTEM).state == "checked"
    runs.discard(run_id=run.pk, actor=SYSTEM)
    with pytest.raises(ImportNotInState):
        runs.accept(run_id=run.pk, partial=True, actor=SYSTEM)


def test_forgets_the_content_and_keeps_the_report_when_it_is_over(tmp_path: Path) -> None:
    run = bring(tmp_path / "tape", good())
    assert sorted(path.name for path in folder_of(run).iterdir()) == ["report.csv"]
    assert sorted(path.name for path in (tmp_path / "tape").iterdir())  # the sender's own files stay


def test_people_without_loans_come_in_too(tmp_path: Path) -> None:
    tables = good()
    tables["borrowers"].append({"borrower_id": "B3", "full_name": "No Loan"})
    run = bring(tmp_path / "tape", tables)
    assert run.loaded_counts["borrowers"] == 3
    assert Borrower.objects.filter(source=PORTFOLIO, external_id="B3").exists()


def test_opens_the_first_business_day_when_there_is_none(tmp_path: Path) -> None:
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM calendars_businessday")
    run = bring(tmp_path / "tape", {name: good()[name] for name in ("products", "borrowers", "loans")})
    assert run.state == "loaded"
    assert business_date() >= BUSINESS_DATE - timedelta(days=365)


def test_every_step_of_an_import_stands_in_the_trail(tmp_path: Path) -> None:
    bring(tmp_path / "tape", good())
    verbs = AuditEntry.objects.filter(subject_type="repayment.import").order_by("id").values_list("verb", flat=True)
    assert list(verbs) == [
        "repayment.import.received",
        "repayment.import.accepted",
        "repayment.import.loaded",
    ]
    assert ImportedLoan.objects.count() == 2


def test_a_chunk_ends_earlier_where_histories_are_long(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loading, "CHUNK_WEIGHT", 2)
    sizes: list[int] = []
    open_and_replay = loading.open_and_replay

    def counted(**given: Any) -> Any:
        sizes.append(len(given["loans"]))
        return open_and_replay(**given)

    monkeypatch.setattr(loading, "open_and_replay", counted)
    bring(tmp_path / "tape", many_loans(5))
    assert sizes == [2, 2, 1]


def test_takes_up_what_nobody_has_touched_for_minutes(tmp_path: Path) -> None:
    now = clock.now()
    minutes = {"fresh": 1, "stale": 6}
    for name, age in minutes.items():
        for state in ("checking", "loading", "loaded"):
            ImportRun.objects.create(
                name=name, source=TAPE, portfolio=f"{name}-{state}", business_date=BUSINESS_DATE, actor_name="Ada",
                state=state, touched_at=now - timedelta(minutes=age),
            )  # fmt: skip
    stale = dict(ImportRun.objects.filter(name="stale").values_list("state", "pk"))
    assert runs.left_behind() == [(stale["checking"], False), (stale["loading"], True)]


def test_forgets_a_tape_nobody_decided_on(tmp_path: Path, settings: Any) -> None:
    tape = write_tape(tmp_path / "tape", good())
    run = receive_paths(paths=[tape], source=TAPE, portfolio=PORTFOLIO, name="tape", actor=SYSTEM)
    runs.check(run_id=run.pk)
    assert runs.discard_forgotten() == 0
    ImportRun.objects.filter(pk=run.pk).update(created_at=clock.now() - timedelta(days=31))
    assert runs.discard_forgotten() == 1
    run.refresh_from_db()
    assert (run.state, (folder_of(run) / "stage.sqlite3").exists()) == ("discarded", False)


def test_an_upload_too_big_leaves_nothing_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(receiving, "LIMITS", Limits(upload_bytes=1_000))
    with pytest.raises(receiving.TapeTooBig):
        receiving.receive_upload(
            uploads=[receiving.Upload(name="loans.csv", content=BytesIO(b"x" * 1_001))],
            portfolio=PORTFOLIO,
            actor=SYSTEM,
        )
    assert not ImportRun.objects.exists()
    assert list((tmp_path / "media" / "imports").iterdir()) == []


def test_a_load_whose_stage_is_gone_says_so_and_can_be_checked_again(tmp_path: Path) -> None:
    tape = write_tape(tmp_path / "tape", good())
    run = receive_paths(paths=[tape], source=TAPE, portfolio=PORTFOLIO, name="tape", actor=SYSTEM)
    runs.check(run_id=run.pk)
    runs.accept(run_id=run.pk, partial=False, actor=SYSTEM)
    (folder_of(run) / "stage.sqlite3").unlink()
    with pytest.raises(runs.TapeGone):
        runs.load(run_id=run.pk, actor=SYSTEM)
    again = bring_in(source=TAPE, paths=[tape], portfolio=PORTFOLIO, actor=SYSTEM).run
    assert (again.pk, again.state, again.loaded_through) == (run.pk, "loaded", 2)


def test_there_is_no_import_of_that_number() -> None:
    with pytest.raises(runs.ImportNotFound):
        runs.run_of(run_id=404)


def test_an_unknown_source_is_refused_by_its_name(tmp_path: Path) -> None:
    with pytest.raises(UnknownSource, match="elsewhere"):
        bring_in(source="elsewhere", paths=[tmp_path], actor=SYSTEM)


def test_a_borrower_of_the_book_gets_a_further_loan(tmp_path: Path) -> None:
    bring(tmp_path / "tape", good())
    tables = good()
    tables["borrowers"] = tables["borrowers"][1:]
    tables["loans"] = [tables["loans"][0] | {"loan_id": "L8"}]
    names = ("products", "borrowers", "loans")
    run = bring(tmp_path / "more", {name: tables[name] for name in names})
    assert (run.state, run.loaded_counts["loans"], run.loaded_counts.get("borrowers", 0)) == ("loaded", 1, 0)
    assert Borrower.objects.get(source=PORTFOLIO, external_id="B1").loans.count() == 2
