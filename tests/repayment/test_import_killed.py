"""The plug is pulled: an import killed at many points ends with the book of an undisturbed one."""

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from django.db import connection

from backoffice.calendars.services import open_first_day
from backoffice.core.actors import SYSTEM
from backoffice.core.bulk import fetch
from backoffice.repayment.models import ImportRun, Loan
from backoffice.repayment.selectors.verification import verify_book
from backoffice.repayment.tape.bringing_in import TAPE, bring_in
from tests.repayment.tapes import BUSINESS_DATE, Tables, good, write_tape

LOANS = 60
PROGRAM = """
import sys
import django
django.setup()
from pathlib import Path
from backoffice.core.actors import SYSTEM
from backoffice.repayment.tape import loading, row_checks
from backoffice.repayment.tape.bringing_in import bring_in
loading.CHUNK, row_checks.PROGRESS_EVERY = 4, 10

def say(run):
    print(run.state, run.step, run.loaded_through, flush=True)

run = bring_in(source="tape", paths=[Path(sys.argv[1])], portfolio="killed", actor=SYSTEM, on_step=say).run
print("ended", run.state, flush=True)
"""
FACTS = """
SELECT l.external_id, l.status, l.bucket, l.outstanding_principal, l.overdue_amount, l.suspense,
       (SELECT count(*) FROM repayment_installment i WHERE i.loan_id = l.id),
       (SELECT count(*) FROM repayment_operation o WHERE o.loan_id = l.id),
       (SELECT sum(t.amount) FROM repayment_transfer t WHERE t.loan_id = l.id),
       (SELECT count(*) FROM repayment_bucketmove m WHERE m.loan_id = l.id),
       (SELECT count(*) FROM repayment_monthend e WHERE e.loan_id = l.id)
FROM repayment_loan l WHERE l.portfolio = %s ORDER BY l.external_id
"""


def tape_of(product: str) -> Tables:
    """Sixty loans with a payment each, all of one product."""
    tables = good()
    tables["products"][0]["product_code"] = product
    loan, payment = tables["loans"][0], tables["payments"][0]
    ids = [f"K{number:03d}" for number in range(LOANS)]
    tables["loans"] = [loan | {"loan_id": name, "product_code": product} for name in ids]
    tables["payments"] = [payment | {"loan_id": name, "payment_id": f"P{name}"} for name in ids]
    return {name: tables[name] for name in ("products", "borrowers", "contact_points", "loans", "payments")}


def address() -> str:
    """The test database as another program is told of it."""
    given = connection.settings_dict
    query = "&".join(f"{name}={given[key]}" for name, key in (("host", "HOST"), ("port", "PORT")) if given[key])
    return f"postgresql://{given['USER']}@/{given['NAME']}?{query}"


def run_until(line: int, *, tape: Path, media: Path) -> str:
    """Start the import and kill it after it has said so many lines; what it said last."""
    environment = os.environ | {
        "DATABASE_URL": address(),
        "MEDIA_ROOT": str(media),
        "DJANGO_SETTINGS_MODULE": "backoffice.config.settings",
    }
    said = ""
    with subprocess.Popen(
        [sys.executable, "-c", PROGRAM, str(tape)], stdout=subprocess.PIPE, env=environment, text=True
    ) as child:
        assert child.stdout is not None
        for number, text in enumerate(child.stdout, start=1):
            said = text.strip()
            if number == line:
                os.kill(child.pid, signal.SIGKILL)
                break
    return said


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
def test_an_import_killed_at_many_points_ends_with_the_same_book(tmp_path: Path, settings: Any) -> None:
    settings.MEDIA_ROOT = tmp_path / "media"
    open_first_day(day=BUSINESS_DATE, actor=SYSTEM)
    undisturbed = write_tape(tmp_path / "undisturbed", tape_of("kill-a"))
    bring_in(source=TAPE, paths=[undisturbed], portfolio="undisturbed", actor=SYSTEM)
    tape = write_tape(tmp_path / "tape", tape_of("kill-b"))
    for line in (1, 4, 9, 11, 12, 3, 6, 2, 5, 1):
        run_until(line, tape=tape, media=tmp_path / "media")
    assert run_until(1_000, tape=tape, media=tmp_path / "media") == "ended loaded"
    assert fetch(FACTS, ["killed"]) == fetch(FACTS, ["undisturbed"])
    assert Loan.objects.filter(portfolio="killed").count() == LOANS
    assert list(verify_book(business_date=BUSINESS_DATE)) == []
    assert set(ImportRun.objects.values_list("state", flat=True)) == {"loaded"}
