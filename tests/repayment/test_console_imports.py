"""The import pages: send, read why, load whole or in part, discard; and who may."""

import json
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from backoffice.calendars.services import open_first_day
from backoffice.core.actors import SYSTEM
from backoffice.repayment.models import ImportRun, Loan
from backoffice.repayment.tape.format import Limits
from backoffice.repayment.tape.receiving import folder_of
from tests.console.page import fields_of, rows_of, text_of
from tests.repayment.tapes import BUSINESS_DATE, TERMS, Tables, good, write_zip
from tests.staff.factories import TeamFactory, logged_in, person


@pytest.fixture(autouse=True)
def _opened(db: None, settings: Any, tmp_path: Path) -> None:
    settings.MEDIA_ROOT = tmp_path / "media"
    open_first_day(day=BUSINESS_DATE, actor=SYSTEM)


@pytest.fixture
def admin(client: Client) -> Client:
    """An administrator at the console."""
    return logged_in(client, person("admin"))


def send(client: Client, tables: Tables, tmp_path: Path, capture: Any, *, book: str = "sent") -> ImportRun:
    """Send a tape as one archive; the tasks of the upload have run when this returns."""
    path = write_zip(tmp_path / "tape.zip", tables)
    upload = SimpleUploadedFile("tape.zip", path.read_bytes())
    with capture(execute=True):
        response = client.post(reverse("repayment:send_tape"), {"tape": [upload], "portfolio": book})
    run = ImportRun.objects.latest("id")
    assert response.status_code == 303
    assert response.headers["Location"] == reverse("repayment:import", args=[run.pk])
    return run


def confirm(client: Client, name: str, run: ImportRun, capture: Any) -> None:
    """Open a confirm panel of the import and send it as it stands."""
    url = reverse(name, args=[run.pk])
    fields = fields_of(client.get(url).content.decode())
    with capture(execute=True):
        response = client.post(url, fields | {"reason": "as agreed"})
    assert response.status_code == 303, response.content.decode()


def test_a_good_tape_is_sent_checked_and_loaded(
    admin: Client, tmp_path: Path, django_capture_on_commit_callbacks: Any
) -> None:
    run = send(admin, good(), tmp_path, django_capture_on_commit_callbacks)
    page = admin.get(reverse("repayment:import", args=[run.pk])).content.decode()
    assert "Every row is in order" in text_of(page)
    assert ["payments", "2"] in rows_of(page, caption="Rows of the tape")
    assert not Loan.objects.exists()
    confirm(admin, "repayment:load_import", run, django_capture_on_commit_callbacks)
    page = admin.get(reverse("repayment:import", args=[run.pk])).content.decode()
    assert ["loans", "2"] in rows_of(page, caption="In the book from this tape")
    assert Loan.objects.filter(portfolio="sent").count() == 2
    assert not (folder_of(run) / "tape").exists()


def test_bad_rows_are_shown_with_line_field_and_reason(
    admin: Client, tmp_path: Path, django_capture_on_commit_callbacks: Any
) -> None:
    tables = good()
    tables["payments"][0]["amount"] = "-1"
    run = send(admin, tables, tmp_path, django_capture_on_commit_callbacks)
    page = admin.get(reverse("repayment:import", args=[run.pk])).content.decode()
    assert rows_of(page, caption="Rejected rows") == [
        ["payments.csv", "2", "amount", "L1", "The amount -1 is negative.", "negative_amount"]
    ]
    report = admin.get(reverse("repayment:import_report", args=[run.pk]))
    content = b"".join(report.streaming_content)
    report.close()
    assert b"payments.csv,2,amount,L1,negative_amount,The amount -1 is negative." in content
    assert "1,100.16" not in page


def test_findings_are_shown_and_reported_in_the_language_of_the_reader(
    admin: Client, tmp_path: Path, settings: Any, django_capture_on_commit_callbacks: Any
) -> None:
    admin.cookies[settings.LANGUAGE_COOKIE_NAME] = "zh-hans"
    tables = good()
    tables["products"][0]["terms"] = json.dumps(TERMS | {"every": 400})
    run = send(admin, tables, tmp_path, django_capture_on_commit_callbacks)
    page = admin.get(reverse("repayment:import", args=[run.pk])).content.decode()
    assert [row[:5] for row in rows_of(page, caption="不合格行")] == [
        ["products.csv", "2", "terms.every", "tape-12", "条款未被接受：必须是 1 到 366 之间的整数。"],
        ["loans.csv", "2", "product_code", "L1", "该贷款的产品（第 2 行）无法导入。"],
        ["loans.csv", "3", "product_code", "L2", "该贷款的产品（第 2 行）无法导入。"],
    ]
    admin.cookies[settings.LANGUAGE_COOKIE_NAME] = "en"
    page = admin.get(reverse("repayment:import", args=[run.pk])).content.decode()
    assert "The terms are not accepted: must be a whole number from 1 to 366." in text_of(page)
    report = admin.get(reverse("repayment:import_report", args=[run.pk]))
    assert "条款未被接受：必须是 1 到 366 之间的整数。" in b"".join(report.streaming_content).decode()
    report.close()


def test_the_good_loans_are_loaded_when_told_to(
    admin: Client, tmp_path: Path, django_capture_on_commit_callbacks: Any
) -> None:
    tables = good()
    tables["payments"][0]["amount"] = "-1"
    run = send(admin, tables, tmp_path, django_capture_on_commit_callbacks)
    panel = text_of(admin.get(reverse("repayment:load_import", args=[run.pk])).content.decode())
    assert "Loans left out 1" in panel
    assert "Load the good loans" in panel
    confirm(admin, "repayment:load_import", run, django_capture_on_commit_callbacks)
    assert list(Loan.objects.values_list("external_id", flat=True)) == ["L2"]


def test_a_tape_is_discarded_with_its_files(
    admin: Client, tmp_path: Path, django_capture_on_commit_callbacks: Any
) -> None:
    run = send(admin, good(), tmp_path, django_capture_on_commit_callbacks)
    assert (folder_of(run) / "tape").exists()
    confirm(admin, "repayment:discard_import", run, django_capture_on_commit_callbacks)
    run.refresh_from_db()
    assert (run.state, (folder_of(run) / "tape").exists()) == ("discarded", False)


def test_garbage_is_reported_and_nothing_can_be_loaded(admin: Client, django_capture_on_commit_callbacks: Any) -> None:
    upload = SimpleUploadedFile("loans.csv", b"\xff\xfe\x00garbage")
    with django_capture_on_commit_callbacks(execute=True):
        admin.post(reverse("repayment:send_tape"), {"tape": [upload], "portfolio": "sent"})
    run = ImportRun.objects.get()
    page = text_of(admin.get(reverse("repayment:import", args=[run.pk])).content.decode())
    assert run.state == "refused"
    assert "The file is UTF-16; save it as UTF-8." in page
    assert "Load the good loans" not in page


def test_a_name_with_a_path_in_it_stays_in_its_folder(admin: Client, django_capture_on_commit_callbacks: Any) -> None:
    upload = BytesIO(b"x")
    upload.name = "../../../loans.csv"
    with django_capture_on_commit_callbacks():
        admin.post(reverse("repayment:send_tape"), {"tape": [upload], "portfolio": "sent"})
    run = ImportRun.objects.get()
    assert run.stored_as == [str(folder_of(run) / "tape" / "loans.csv")]


@pytest.mark.parametrize(
    ("data", "words"),
    [
        ({"portfolio": "sent"}, "This field is required."),
        ({"tape": SimpleUploadedFile("loans.csv", b""), "portfolio": "sent"}, "The submitted file is empty."),
        (
            {"tape": SimpleUploadedFile("loans.csv", b"x"), "portfolio": "Not A Book"},
            "Small letters, digits, dashes and underscores.",
        ),
    ],
)
def test_a_form_with_a_fault_says_which(admin: Client, data: dict[str, Any], words: str) -> None:
    response = admin.post(reverse("repayment:send_tape"), data)
    assert response.status_code == 422
    assert words in text_of(response.content.decode())
    assert not ImportRun.objects.exists()


def test_progress_is_asked_for_until_the_work_has_stopped(admin: Client, db: None) -> None:
    run = ImportRun.objects.create(
        name="tape", source="tape", portfolio="sent", business_date=BUSINESS_DATE, actor_name="Ada", state="checking",
        step="loans.csv", step_done=40_000,
    )  # fmt: skip
    url = reverse("repayment:import_progress", args=[run.pk])
    part = admin.get(url, headers={"HX-Request": "true"})
    assert f'hx-get="{url}"' in part.content.decode()
    assert "loans.csv" in part.content.decode()
    ImportRun.objects.filter(pk=run.pk).update(state="checked")
    assert admin.get(url, headers={"HX-Request": "true"}).headers["HX-Refresh"] == "true"


def test_a_team_sees_the_imports_of_its_own_books(client: Client) -> None:
    for portfolio in ("mine", "theirs"):
        ImportRun.objects.create(
            name=portfolio, source="tape", portfolio=portfolio, business_date=BUSINESS_DATE, actor_name="Ada"
        )
    lead = logged_in(client, person("team_lead", team=TeamFactory(portfolios=["mine"])))
    page = text_of(lead.get(reverse("repayment:imports")).content.decode())
    assert "mine" in page
    assert "theirs" not in page
    theirs = ImportRun.objects.get(portfolio="theirs")
    assert lead.get(reverse("repayment:import", args=[theirs.pk])).status_code == 404
    assert "Send a tape" not in page


@pytest.mark.parametrize(("role", "view", "run"), [("agent", 403, 403), ("analyst", 200, 403), ("admin", 200, 200)])
def test_who_may_look_and_who_may_bring_in(client: Client, role: str, view: int, run: int) -> None:
    user = logged_in(client, person(role))
    assert user.get(reverse("repayment:imports")).status_code == view
    assert user.get(reverse("repayment:send_tape")).status_code == run


def test_the_page_asks_as_many_questions_for_a_thousand_rows_as_for_one(
    admin: Client, tmp_path: Path, django_capture_on_commit_callbacks: Any
) -> None:
    tables = good()
    tables["payments"][0]["amount"] = "-1"
    one = send(admin, tables, tmp_path, django_capture_on_commit_callbacks)
    tables["payments"] += [tables["payments"][0] | {"payment_id": f"Q{number}"} for number in range(40)]
    many = send(admin, tables, tmp_path, django_capture_on_commit_callbacks)
    assert (one.finding_count, many.finding_count) == (1, 41)
    counts = []
    for run in (one, many):
        with CaptureQueriesContext(connection) as queries:
            admin.get(reverse("repayment:import", args=[run.pk]))
        counts.append(len(queries))
    assert counts[0] == counts[1]


def test_a_failed_import_is_checked_again_and_goes_on(
    admin: Client, tmp_path: Path, django_capture_on_commit_callbacks: Any
) -> None:
    run = send(admin, good(), tmp_path, django_capture_on_commit_callbacks)
    ImportRun.objects.filter(pk=run.pk).update(state="failed", failure="OSError: the disk is full")
    page = text_of(admin.get(reverse("repayment:import", args=[run.pk])).content.decode())
    assert "OSError: the disk is full" in page
    confirm(admin, "repayment:check_import_again", run, django_capture_on_commit_callbacks)
    run.refresh_from_db()
    assert (run.state, run.failure) == ("checked", "")


def test_a_filter_the_list_does_not_have_is_refused(
    admin: Client, tmp_path: Path, django_capture_on_commit_callbacks: Any
) -> None:
    run = send(admin, good(), tmp_path, django_capture_on_commit_callbacks)
    assert admin.get(reverse("repayment:imports") + "?state=nowhere").status_code == 400
    assert admin.get(reverse("repayment:import", args=[run.pk]) + "?code=nothing").status_code == 400


def test_an_upload_too_big_says_what_to_do(admin: Client, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("backoffice.repayment.tape.receiving.LIMITS", Limits(upload_bytes=10))
    response = admin.post(
        reverse("repayment:send_tape"), {"tape": [SimpleUploadedFile("loans.csv", b"x" * 11)], "portfolio": "sent"}
    )
    assert response.status_code == 422
    assert "bring it in on the server with manage.py ingest" in text_of(response.content.decode())
