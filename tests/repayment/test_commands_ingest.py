"""The commands: what they say, how they end, and that a demo's books agree."""

from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from backoffice.calendars.services import open_first_day
from backoffice.core.actors import SYSTEM
from backoffice.outreach.models import Campaign, CampaignMember
from backoffice.repayment.models import ImportRun, Loan
from backoffice.repayment.selectors.verification import verify_book
from backoffice.repayment.tape.synthetic import book as synthetic
from tests.repayment.tapes import BUSINESS_DATE, good, write_tape

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _opened(db: None, settings: Any, tmp_path: Path) -> None:
    settings.MEDIA_ROOT = tmp_path / "media"
    settings.RUN_DIR = tmp_path / "run"
    (tmp_path / "run").mkdir()
    open_first_day(day=BUSINESS_DATE, actor=SYSTEM)


def ingest(*arguments: Any) -> str:
    """Run the command; what it says on standard output."""
    out = StringIO()
    call_command("ingest", *map(str, arguments), stdout=out, stderr=StringIO())
    return out.getvalue()


def test_ingest_loads_a_tape_and_counts_it(tmp_path: Path) -> None:
    said = ingest("tape", write_tape(tmp_path / "tape", good()), "--portfolio", "books")
    assert "books: 2 loans loaded, 0 were there, 0 left out" in said
    assert Loan.objects.filter(portfolio="books").count() == 2
    assert "books: 0 loans loaded, 2 were there, 0 left out" in ingest(
        "tape", tmp_path / "tape", "--portfolio", "books"
    )


def test_ingest_ends_with_an_error_and_a_report_when_rows_are_bad(tmp_path: Path) -> None:
    tables = good()
    tables["loans"][0]["disbursed_on"] = "2026-02-31"
    tape, report = write_tape(tmp_path / "tape", tables), tmp_path / "bad.csv"
    with pytest.raises(CommandError, match="Nothing was loaded") as error:
        ingest("tape", tape, "--report", report)
    assert error.value.returncode == 1
    assert "loans.csv,2,disbursed_on,L1,no_such_day,There is no 2026-02-31 in the calendar." in report.read_text(
        encoding="utf-8-sig"
    )
    assert not Loan.objects.exists()
    assert "1 loans loaded, 0 were there, 1 left out" in ingest("tape", tape, "--accept-partial")


def test_ingest_refuses_a_folder_without_the_set(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match=r"loans_train.csv.gz is not in"):
        ingest("xente", tmp_path)


def test_ingest_says_that_there_is_no_such_tape(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="Nothing was loaded"):
        ingest("tape", tmp_path / "nowhere.zip")
    assert ImportRun.objects.get().finding_counts == {"tape_not_found": 1}


def test_load_demo_makes_a_book_that_agrees(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(synthetic, "PEOPLE", 40)
    monkeypatch.setattr(synthetic.write_book, "__kwdefaults__", {"people": 40, "seed": 1})
    out = StringIO()
    call_command("load_demo", stdout=out, stderr=StringIO())
    assert "The books agree" in out.getvalue()
    assert "agent" in out.getvalue()
    campaign = Campaign.objects.get()
    assert (campaign.state, campaign.content["audience"]["portfolios"]) == ("running", ["demo"])
    assert CampaignMember.objects.filter(campaign=campaign).exists()
    assert list(verify_book(business_date=BUSINESS_DATE)) == []
    loans = Loan.objects.filter(portfolio="demo").count()
    assert loans >= 40
    call_command("load_demo", stdout=out, stderr=StringIO())
    assert f"{loans} loans were there already" in out.getvalue()
    assert Loan.objects.filter(portfolio="demo").count() == loans
    assert Campaign.objects.count() == 1


def test_load_demo_refuses_a_folder_without_any_set(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="None of the data sets is in"):
        call_command("load_demo", "--data", str(tmp_path), stdout=StringIO())
    with pytest.raises(CommandError, match="is not a folder"):
        call_command("load_demo", "--data", str(tmp_path / "nowhere"), stdout=StringIO())
