"""Who falls into which group: stable, fair, independent between salts."""

import subprocess
import sys
from collections import Counter
from decimal import Decimal
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import chi2_contingency

from backoffice.core.bulk import fetch
from backoffice.outreach.domain.assignment import SharesDoNotFit, assign, holdout, is_within, place

HALVES = {"a": Decimal("0.5"), "b": Decimal("0.5")}


def test_places_a_unit_where_its_digest_says():
    assert place(salt="s", unit_id=17) == 0x6B0217A2758FD5E
    assert [assign(salt="reminder-2026", unit_id=unit, shares=HALVES) for unit in range(8)] == list("bbbabaaa")


def test_gives_the_same_answer_in_a_process_with_another_hash_seed():
    program = "from backoffice.outreach.domain.assignment import place; print(place(salt='s', unit_id=17))"
    said = {
        subprocess.run(
            [sys.executable, "-c", program], env={"PYTHONHASHSEED": seed}, capture_output=True, text=True, check=True
        ).stdout.strip()
        for seed in ("0", "1", "2")
    }
    assert said == {str(place(salt="s", unit_id=17))}


@pytest.mark.django_db
def test_gives_the_place_the_database_works_out():
    statement = "SELECT ('x' || substr(encode(sha256(('s|' || n)::bytea), 'hex'), 1, 15))::bit(60)::bigint"
    rows = fetch(f"{statement} FROM generate_series(1, 100) AS n ORDER BY n")
    assert [row[0] for row in rows] == [place(salt="s", unit_id=unit) for unit in range(1, 101)]


def test_splits_a_hundred_thousand_units_as_the_shares_say():
    shares = {"control": Decimal("0.2"), "first": Decimal("0.3"), "second": Decimal("0.5")}
    counted = Counter(assign(salt="split", unit_id=unit, shares=shares) for unit in range(100_000))
    assert counted == {"control": 19_966, "first": 30_236, "second": 49_798}


def test_places_units_under_two_salts_independently():
    pairs = Counter(
        (assign(salt="layer one", unit_id=unit, shares=HALVES), assign(salt="layer two", unit_id=unit, shares=HALVES))
        for unit in range(40_000)
    )
    table = [[pairs[first, second] for second in "ab"] for first in "ab"]
    assert chi2_contingency(table).pvalue > 0.01


def test_holds_out_independently_of_the_arms_of_the_same_salt():
    pairs = Counter(
        (
            holdout(salt="campaign:5", unit_id=unit, share=Decimal("0.5")),
            assign(salt="campaign:5", unit_id=unit, shares=HALVES),
        )
        for unit in range(40_000)
    )
    assert chi2_contingency([[pairs[held, arm] for arm in "ab"] for held in (True, False)]).pvalue > 0.01


@given(unit=st.integers(0, 10**9), small=st.integers(0, 10**6), large=st.integers(0, 10**6))
def test_keeps_whoever_was_held_out_when_the_share_grows(unit, small, large):
    small, large = sorted((small, large))
    if holdout(salt="plan:1", unit_id=unit, share=Decimal(small).scaleb(-6)):
        assert holdout(salt="plan:1", unit_id=unit, share=Decimal(large).scaleb(-6))


def test_holds_out_nobody_of_a_share_of_nought_and_everybody_of_one():
    units = range(1_000)
    assert not any(holdout(salt="x", unit_id=unit, share=Decimal(0)) for unit in units)
    assert all(holdout(salt="x", unit_id=unit, share=Decimal(1)) for unit in units)


@given(unit=st.integers(0, 10**9), cuts=st.lists(st.integers(1, 999_999), unique=True, max_size=6))
def test_slices_of_a_whole_take_every_unit_exactly_once(unit, cuts):
    edges = [Decimal(cut).scaleb(-6) for cut in (0, *sorted(cuts), 1_000_000)]
    within = [is_within(salt="layer", unit_id=unit, start=start, end=end) for start, end in pairwise(edges)]
    assert sum(within) == 1


def test_refuses_shares_that_do_not_fit():
    with pytest.raises(SharesDoNotFit, match=r"sum to 0\.9"):
        assign(salt="x", unit_id=1, shares={"a": Decimal("0.5"), "b": Decimal("0.4")})
    with pytest.raises(SharesDoNotFit, match="at most 6 decimals"):
        holdout(salt="x", unit_id=1, share=Decimal("0.1234567"))
    with pytest.raises(SharesDoNotFit, match="from 0 to 1"):
        holdout(salt="x", unit_id=1, share=Decimal("-0.1"))
