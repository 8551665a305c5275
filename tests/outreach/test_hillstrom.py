"""The e-mail test of 2008: which e-mail beat no e-mail, counted from the file itself where it is there."""

import csv
import gzip
from collections import Counter
from decimal import Decimal
from io import StringIO
from pathlib import Path

import pytest
from django.conf import settings
from django.core.management import CommandError, call_command

from backoffice.core.actors import SYSTEM
from backoffice.outreach.domain.experiments.hillstrom import NotTheFile, read_arms
from backoffice.outreach.models import ArmResult, Experiment, Exposure
from backoffice.outreach.selectors.experiments import results_of
from backoffice.outreach.services.experiments import bring_in_hillstrom
from backoffice.outreach.services.experiments.bringing_in import FileNotReadable, ResultsDiffer
from tests.outreach.experiment_book import TODAY, on

FILE = Path(settings.BASE_DIR).parent / "shared" / "data" / "hillstrom_email_test" / "customers.csv.gz"
needs_file = pytest.mark.skipif(not FILE.is_file(), reason="the shared data folder is not beside this clone")

MADE_UP = """segment,visit,conversion,spend
No E-Mail,0,0,0.0
No E-Mail,1,0,0.0
No E-Mail,0,0,0
Mens E-Mail,1,1,29.99
Mens E-Mail,1,0,0.0
Womens E-Mail,0,0,0.0
Womens E-Mail,1,1,10.01
"""


@pytest.fixture
def _day(db):
    on()


def test_adds_the_customers_of_a_segment_up():
    arms = read_arms(lines=MADE_UP.splitlines())
    mens = arms["Mens E-Mail"]
    assert (mens["visit"].units, mens["visit"].total) == (2, 2)
    assert (mens["spend"].total, mens["spend"].squares) == (Decimal("29.99"), Decimal("899.4001"))
    assert arms["No E-Mail"]["visit"].mean == Decimal(1) / 3


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("segment,visit\n", "line 1 lacks the columns conversion, spend"),
        ("", "line 1 lacks the columns"),
        (MADE_UP + "Childrens E-Mail,0,0,0\n", "line 9 has the segment 'Childrens E-Mail'"),
        (MADE_UP + "No E-Mail,2,0,0\n", "line 9 has the visit '2'"),
        (MADE_UP + "No E-Mail,0,0,a lot\n", "line 9 has the spend 'a lot'"),
        (MADE_UP + "No E-Mail,0,0,-1\n", "line 9 has the spend '-1'"),
        (MADE_UP + "No E-Mail,0,0\n", "line 9 has the spend None"),
        ("segment,visit,conversion,spend\nNo E-Mail,0,0,0\n", "a segment has no customers"),
    ],
)
def test_says_which_line_is_wrong(text, said):
    with pytest.raises(NotTheFile, match=said):
        read_arms(lines=text.splitlines())


@pytest.mark.usefixtures("_day")
def test_brings_it_in_once_and_notices_another_file():
    first = bring_in_hillstrom(lines=MADE_UP.splitlines(), actor=SYSTEM)
    again = bring_in_hillstrom(lines=MADE_UP.splitlines(), actor=SYSTEM)
    assert (first.is_new, again.is_new, first.units) == (True, False, 7)
    assert ArmResult.objects.count() == 9
    assert Exposure.objects.count() == 0
    with pytest.raises(ResultsDiffer):
        bring_in_hillstrom(lines=MADE_UP.replace("29.99", "39.99").splitlines(), actor=SYSTEM)
    with pytest.raises(FileNotReadable, match="line 1 lacks"):
        bring_in_hillstrom(lines=["nothing"], actor=SYSTEM)


@pytest.mark.usefixtures("_day")
def test_the_command_says_what_it_did_or_why_not(tmp_path):
    file, said = tmp_path / "customers.csv", StringIO()
    file.write_text(MADE_UP)
    call_command("load_hillstrom", str(file), stdout=said)
    call_command("load_hillstrom", str(file), stdout=said)
    assert "7 customers in three arms, brought in" in said.getvalue()
    assert "there already, with the same results" in said.getvalue()
    with pytest.raises(CommandError, match="cannot be read"):
        call_command("load_hillstrom", str(tmp_path / "none.csv"))
    file.write_text("nothing")
    with pytest.raises(CommandError, match="This is not the e-mail test"):
        call_command("load_hillstrom", str(file))


@needs_file
@pytest.mark.usefixtures("_day")
def test_both_e_mails_beat_no_e_mail_on_visits_by_what_the_file_says():
    with gzip.open(FILE, "rt", encoding="utf-8") as lines:
        rows = list(csv.DictReader(lines))
    customers = Counter(row["segment"] for row in rows)
    visits = Counter(row["segment"] for row in rows if row["visit"] == "1")
    assert customers == {"Womens E-Mail": 21_387, "Mens E-Mail": 21_307, "No E-Mail": 21_306}
    assert visits == {"Mens E-Mail": 3_894, "Womens E-Mail": 3_238, "No E-Mail": 2_262}

    call_command("load_hillstrom", str(FILE), stdout=StringIO())
    experiment = Experiment.objects.get(code="hillstrom-email-2008")
    results = results_of(experiment=experiment, as_of=TODAY)
    visit, conversion, spend = results.metrics
    assert results.split.is_sound
    assert results.readiness.stage == "ready"
    assert results.winner.name == "Mens E-Mail"
    assert {one.arm.name: (one.sample.units, one.sample.total) for one in visit.arms} == {
        name: (customers[name], Decimal(visits[name])) for name in customers
    }
    mens, womens = visit.comparisons
    assert (mens.arm.name, womens.arm.name) == ("Mens E-Mail", "Womens E-Mail")
    assert [round(value, 4) for value in _interval(mens)] == [Decimal(n) for n in ("0.0766", "0.0700", "0.0832")]
    assert [round(value, 4) for value in _interval(womens)] == [Decimal(n) for n in ("0.0452", "0.0389", "0.0516")]
    found = {
        (reading.metric.code, one.arm.name): one.verdict
        for reading in (visit, conversion, spend)
        for one in reading.comparisons
    }
    assert found == {
        ("hillstrom_visit", "Mens E-Mail"): "more",
        ("hillstrom_visit", "Womens E-Mail"): "more",
        ("hillstrom_conversion", "Mens E-Mail"): "more",
        ("hillstrom_conversion", "Womens E-Mail"): "more",
        ("hillstrom_spend", "Mens E-Mail"): "more",
        ("hillstrom_spend", "Womens E-Mail"): "more",
    }
    assert [[round(value, 2) for value in _interval(one)] for one in spend.comparisons] == [
        [Decimal(n) for n in ("0.77", "0.49", "1.05")],
        [Decimal(n) for n in ("0.42", "0.17", "0.68")],
    ]
    assert [[round(value, 4) for value in _interval(one)] for one in conversion.comparisons] == [
        [Decimal(n) for n in ("0.0068", "0.0050", "0.0086")],
        [Decimal(n) for n in ("0.0031", "0.0015", "0.0047")],
    ]


def _interval(one) -> tuple[Decimal, Decimal, Decimal]:
    effect = one.comparison.effect
    return effect.difference, effect.low, effect.high
