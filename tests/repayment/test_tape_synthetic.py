"""The made-up book: the same from the same seed, valid, obviously made up, and paying as was measured."""

import csv
import re
from collections import Counter
from datetime import date
from fractions import Fraction
from pathlib import Path
from random import Random

import phonenumbers
import pytest
from stdnum.cn import ric

from backoffice.repayment.tape.adapters.writing import TapeWriter
from backoffice.repayment.tape.synthetic.behaviour import Behaviour, happens
from backoffice.repayment.tape.synthetic.book import PRODUCTS, write_book
from backoffice.repayment.tape.synthetic.people import MOST_PEOPLE, make_person
from tests.repayment.tapes import BUSINESS_DATE, check

END = date(2026, 3, 19)


def book(folder: Path, *, people: int = 60, seed: int = 1) -> dict[str, list[dict[str, str]]]:
    """A small made-up book as rows."""
    with TapeWriter(folder=folder) as tape:
        write_book(tape=tape, book_end=END, people=people, seed=seed)
    tables = {}
    for path in folder.glob("*.csv"):
        with path.open(encoding="utf-8", newline="") as stream:
            tables[path.stem] = list(csv.DictReader(stream))
    return tables


def test_the_same_seed_writes_the_same_book(tmp_path: Path) -> None:
    assert book(tmp_path / "one") == book(tmp_path / "two")
    assert book(tmp_path / "one") != book(tmp_path / "other", seed=2)


@pytest.mark.django_db
def test_the_book_passes_every_check(tmp_path: Path) -> None:
    tables = book(tmp_path / "book", people=150)
    checked, findings = check(tmp_path / "book", folder=tmp_path, portfolio="demo")
    assert findings == []
    assert checked.loan_count == len(tables["loans"]) > 150
    assert {row["product_code"] for row in tables["loans"]} == {product.code for product in PRODUCTS}
    assert BUSINESS_DATE > END


def test_nothing_happens_after_the_last_day(tmp_path: Path) -> None:
    tables = book(tmp_path, people=200)
    days = [row["value_date"] for row in tables["payments"]] + [row["disbursed_on"] for row in tables["loans"]]
    assert max(days) <= str(END)


def test_people_are_valid_in_form_and_never_issued() -> None:
    random = Random(7)
    for number in (1, 2, 5_000, MOST_PEOPLE):
        person = make_person(random, number=number, year=2026)
        phone = phonenumbers.parse(person.phone)
        assert phonenumbers.is_valid_number(phone)
        assert re.fullmatch(r"\+861920000\d{4}", person.phone)
        assert ric.validate(person.identity_number) == person.identity_number
        assert person.identity_number[14:17] == "000"
        assert person.email == "" or person.email.endswith(".example")
        assert person.language in {"en", "zh-Hans"}
        assert 20 <= 2026 - person.birth_year <= 59


def test_only_ten_thousand_people_have_a_number() -> None:
    with pytest.raises(ValueError, match="numbered 1 to 10000"):
        make_person(Random(1), number=MOST_PEOPLE + 1, year=2026)


def test_draws_come_out_as_often_as_was_measured() -> None:
    behaviour, random = Behaviour.measured(), Random(3)
    drawn = Counter(behaviour.delay(random, source="superlender", earliest=-29) > 0 for _ in range(20_000))
    measured = behaviour.rate("superlender", "M39", "unpaid at the end of the due date")
    assert abs(Fraction(drawn[True], 20_000) - measured) < Fraction(1, 100)
    assert happens(random, Fraction(1))
    assert not happens(random, Fraction(0))


def test_the_measured_rates_the_book_uses_are_those_written_down() -> None:
    behaviour = Behaviour.measured()
    bad, late = Fraction(952, 4368), Fraction(4273, 24090)
    assert behaviour.never_pays == (bad - late) / (1 - late)
    assert behaviour.enters == Fraction(304, 4855)
    assert behaviour.pays_in_parts == Fraction(113, 1084)
    assert behaviour.deepens(1) == Fraction(1031, 16297)
    assert behaviour.cures(2) == Fraction(176, 1108)
    assert behaviour.deepens(9) == behaviour.deepens(4) == Fraction(50, 111)
