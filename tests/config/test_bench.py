"""The benches: the arithmetic of a row, the floor, and one small run from end to end."""

import json
import os
import subprocess
import sys
from datetime import date

import psycopg
import pytest
from django.conf import settings

from backoffice.config.benches import floor
from backoffice.config.benches.results import Row, percentile, table
from backoffice.config.benches.suite import NAMES
from backoffice.core.actors import SYSTEM
from backoffice.repayment.models import BucketMove, Installment, Loan, Operation, Transfer
from backoffice.repayment.seeding.book import BookWanted, seed_book
from backoffice.repayment.selectors.states import LoanId
from backoffice.repayment.services.posting import Booked, Draft, book

MORNING = date(2026, 3, 10)


def test_writes_the_seven_figures_of_a_row():
    row = Row(name="work", size=1000, seconds=0.123456, rate=8100.06, floor_ratio=None, target="<= 1 s", met=True)
    assert row.as_json() == {
        "name": "work",
        "size": 1000,
        "seconds": 0.1235,
        "rate": 8100.0,
        "floor_ratio": None,
        "target": "<= 1 s",
        "met": True,
    }


def test_shows_rows_in_columns():
    rows = [
        Row(name="fast", size=1000, seconds=0.5, rate=2000.0, target="<= 1 s", met=True),
        Row(name="a slow one", size=1, seconds=2.0, floor_ratio=0.25, target="<= 1 s", met=False),
        Row(name="no target", size=1, seconds=2.0),
    ]
    assert [line.rstrip() for line in table(rows).splitlines()] == [
        "name        size   seconds  rate/s   floor ratio  target  met",
        "fast        1,000  0.5      2,000.0               <= 1 s  yes",
        "a slow one  1      2.0               0.25         <= 1 s  NO",
        "no target   1      2.0",
    ]


@pytest.mark.parametrize(
    ("values", "percent", "answer"),
    [
        ([1.0], 95, 1.0),
        ([3.0, 1.0, 2.0], 50, 2.0),
        ([float(n) for n in range(1, 101)], 95, 95.0),
        ([1.0, 9.0], 99, 9.0),
    ],
)
def test_takes_the_value_so_many_percent_do_not_exceed(values, percent, answer):
    assert percentile(values, percent) == answer


@pytest.mark.django_db(transaction=True)
def test_the_floor_writes_as_many_rows_as_the_work_and_leaves_the_books_as_they_are():
    seed_book(wanted=BookWanted(loans=40, business_date=MORNING), actor=SYSTEM, on_progress=lambda *_: None)
    loans = list(Loan.objects.filter(bucket="M0", suspense=0, next_transition_date__gt=MORNING).order_by("id")[:3])
    before = floor.marks()
    drafts = [
        Draft(
            loan_id=LoanId(loan.pk),
            kind="payment",
            value_date=MORNING,
            amount=loan.installments.filter(settled_on=None).earliest("due_date").principal,
            surplus="next_installment",
            external_id=str(loan.pk),
        )
        for loan in loans
    ]
    assert all(isinstance(each, Booked) for each in book(drafts=drafts, actor=SYSTEM, business_date=MORNING))
    twin = floor.twin_since(before)
    assert (twin.counts(), twin.share) == (
        {
            "repayment_operation": 3,
            "repayment_transfer": 6,
            "repayment_bucketmove": 0,
            "repayment_installment": 3,
            "repayment_loan": 3,
        },
        1.0,
    )
    assert {row[0] for row in twin.changed["repayment_loan"]}.isdisjoint(loan.pk for loan in loans)
    stored = _everything()
    assert floor.seconds_from_client(twin, chunk=2) > 0
    assert floor.seconds_on_server(twin) > 0
    assert _everything() == stored


def _everything():
    return [
        list(model.objects.order_by("pk").values()) for model in (Loan, Installment, Operation, Transfer, BucketMove)
    ]


@pytest.mark.slow
def test_measures_everything_in_a_database_of_its_own_and_drops_it(tmp_path):
    if settings.CLUSTER is None:
        pytest.skip("the bench makes databases, which somebody else's server may not allow")
    cluster = settings.CLUSTER
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("PYTEST", "DATABASE"))}
    done = subprocess.run(
        [sys.executable, "manage.py", "bench", "--loans", "200", "--json", str(tmp_path / "rows.json")],
        cwd=settings.BASE_DIR,
        env=environment | {"DEBUG": "1", "RUN_DIR": str(tmp_path), "DATABASE_URL": cluster.url(database="postgres")},
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    rows = json.loads((tmp_path / "rows.json").read_text())
    assert {tuple(row) for row in rows} == {("name", "size", "seconds", "rate", "floor_ratio", "target", "met")}
    names = [row["name"] for row in rows]
    assert len(names) == len(set(names)) >= len(NAMES)
    assert all(row["seconds"] > 0 for row in rows)
    assert [name for name in names if name.startswith(("verify_books", "seed"))] == [
        "seed a book, 12 bills a loan",
        "verify_books",
        "verify_books after all this",
    ]
    with psycopg.connect(cluster.url(database="postgres")) as server:
        left = server.execute("SELECT datname FROM pg_database WHERE datname LIKE 'bench%'").fetchall()
    assert left == []


def test_refuses_a_bench_it_does_not_know():
    done = subprocess.run(
        [sys.executable, "manage.py", "bench", "speed"],
        cwd=settings.BASE_DIR,
        env={**os.environ, "DEBUG": "1"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 1 or done.returncode == 2
    assert "speed" in done.stderr
