"""Whatever stands in a tape's cells, it is loaded, loaded in part or refused: never half done, and the books agree."""

import json
from collections.abc import Iterator
from datetime import date
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from backoffice.calendars.services import open_first_day
from backoffice.core.actors import SYSTEM
from backoffice.repayment.models import ImportRun, Loan
from backoffice.repayment.selectors.verification import verify_book
from backoffice.repayment.tape.bringing_in import TAPE, bring_in
from backoffice.repayment.tape.format import EFFECTS, METHODS, PAYMENT_KINDS, SURPLUS, TABLE_BY_NAME, WAIVED
from tests.repayment.tapes import BUSINESS_DATE, TERMS, Tables, good, write_tape

NASTY = (
    *("", " ", "0", "1", "-1", "0.01", "0.001", "7", "12", "1200", "1201", "1e9", "NaN", "0.5", "100", "101"),
    *("999999999999.99", "1000000000000", "1950-01-01", "2026-01-15", "2026-02-28", "2026-02-31", "2026-03-19"),
    *("2026-03-20", "2026-03-21", "2150-12-31", "L1", "L2", "B1", "B2", "P1", "CNY", "JPY", "XXX", "cny", "=1+1", "@x"),
    *(
        "x" * 400,
        "李",
        "\x00",
        "\u2028",
        "a\nb",
        'a"b',
        "true",
        "month",
        "week",
        "day",
        "act/act",
        "30/360",
        "{}",
        "[]",
    ),
    *("null", '{"currency":"CNY"}', *METHODS, *SURPLUS, *PAYMENT_KINDS, *EFFECTS, *WAIVED),
)
TABLES = tuple(good())
MODES = ("vertical", "horizontal")


@st.composite
def spoilt_tapes(draw: st.DrawFn) -> Tables:
    """A good tape with some cells set to something else, and some rows doubled."""
    tables = good()
    for _ in range(draw(st.integers(min_value=1, max_value=6))):
        name = draw(st.sampled_from(TABLES))
        row = draw(st.sampled_from(tables[name]))
        column = draw(st.sampled_from(TABLE_BY_NAME[name].columns)).name
        row[column] = draw(st.one_of(st.sampled_from(NASTY), st.text(max_size=12)))
        if draw(st.integers(min_value=0, max_value=5)) == 0:
            tables[name].append(dict(row))
    return tables


@pytest.fixture
def numbers(db: None, settings: Any, tmp_path: Path) -> Iterator[int]:
    """Numbers for the books of the examples, which all live in one transaction."""
    settings.MEDIA_ROOT = tmp_path / "media"
    open_first_day(day=BUSINESS_DATE, actor=SYSTEM)
    return count(1)


@given(tables=spoilt_tapes())
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_spoilt_tape_is_never_half_done(tmp_path: Path, numbers: Iterator[int], tables: Tables) -> None:
    number = next(numbers)
    for row in (*tables["products"], *tables["loans"]):
        row["product_code"] = row["product_code"].replace("tape-12", f"tape-{number}")
    tape = write_tape(tmp_path / f"tape{number}", tables)
    run = bring_in(source=TAPE, paths=[tape], portfolio=f"law{number}", partial=True, actor=SYSTEM).run
    loaded = set(Loan.objects.filter(portfolio=run.portfolio).values_list("external_id", flat=True))
    assert run.state in {ImportRun.State.LOADED, ImportRun.State.REFUSED}
    assert len(loaded) == run.loan_count * (run.state == ImportRun.State.LOADED)
    assert list(verify_book(business_date=BUSINESS_DATE)) == []
    again = bring_in(source=TAPE, paths=[tape], portfolio=f"law{number}", partial=True, actor=SYSTEM).run
    assert set(Loan.objects.filter(portfolio=run.portfolio).values_list("external_id", flat=True)) == loaded
    assert again.loaded_through == 0


@st.composite
def lively_tapes(draw: st.DrawFn) -> Tables:
    """A valid tape whose loans have lived through anything the format can say."""
    tables = good()
    tables["loans"][0]["method"] = draw(st.sampled_from(METHODS))
    tables["products"][0]["terms"] = json.dumps(
        TERMS
        | {
            "grace": {"days": draw(st.integers(0, 5)), "mode": draw(st.sampled_from(["waive", "shift"]))},
            "tolerance": {"percent": draw(st.sampled_from(["0", "0.5", "1"]))},
            "allocation": {"future": draw(st.sampled_from(SURPLUS)), "mode": draw(st.sampled_from(MODES))},
        }
    )
    days = st.dates(min_value=date(2026, 2, 1), max_value=BUSINESS_DATE).map(str)
    cents = st.integers(min_value=1, max_value=1_500_000).map(lambda number: f"{number // 100}.{number % 100:02d}")
    tables["payments"] = [
        {
            "payment_id": f"P{number}",
            "loan_id": draw(st.sampled_from(["L1", "L2"])),
            "amount": draw(cents),
            "value_date": draw(days),
            "kind": draw(st.sampled_from(PAYMENT_KINDS)),
            "surplus": draw(st.sampled_from(["", *SURPLUS])),
        }
        for number in range(draw(st.integers(min_value=1, max_value=6)))
    ]
    tables["status_history"] = [
        {
            "loan_id": draw(st.sampled_from(["L1", "L2"])),
            "on": draw(days),
            "status": f"said {number}",
            "effect": effect,
            "component": draw(st.sampled_from(WAIVED)) if effect == "waiver" else "",
            "amount": draw(cents) if effect in {"waiver", "creditor_change"} else "",
            "creditor": "Guarantor" if effect == "creditor_change" else "",
        }
        for number, effect in enumerate(draw(st.permutations(EFFECTS))[: draw(st.integers(0, 3))])
    ]
    return tables if tables["status_history"] else {name: rows for name, rows in tables.items() if rows}


@given(tables=lively_tapes())
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_valid_tape_is_loaded_whole_and_its_books_agree(
    tmp_path: Path, numbers: Iterator[int], tables: Tables
) -> None:
    number = next(numbers)
    for row in (*tables["products"], *tables["loans"]):
        row["product_code"] = f"tape-{number}"
    tape = write_tape(tmp_path / f"tape{number}", tables)
    run = bring_in(source=TAPE, paths=[tape], portfolio=f"law{number}", actor=SYSTEM).run
    assert (run.state, run.finding_counts, run.loaded_through) == (ImportRun.State.LOADED, {}, 2)
    assert list(verify_book(business_date=BUSINESS_DATE)) == []
