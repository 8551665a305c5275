"""Sizes, splits, corrections, plans, screenings, comparisons and when they may be judged."""

from collections import Counter
from datetime import date
from decimal import Decimal
from itertools import combinations, product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import chisquare
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.power import NormalIndPower

from backoffice.outreach.domain.experiments.comparing import Measure, compare, winner_of
from backoffice.outreach.domain.experiments.correcting import holm
from backoffice.outreach.domain.experiments.deciding import Declared, readiness
from backoffice.outreach.domain.experiments.effects import Sample
from backoffice.outreach.domain.experiments.plans import L8, L18, PLANS, FactorsDoNotFit
from backoffice.outreach.domain.experiments.screening import screen
from backoffice.outreach.domain.experiments.sizing import (
    SizeNotPossible,
    size_for_means,
    size_for_shares,
    size_of_screening,
)
from backoffice.outreach.domain.experiments.slices import arm_of, free_share, free_slice
from backoffice.outreach.domain.experiments.splitting import check_split
from backoffice.outreach.domain.experiments.states import TRANSITIONS, may_become

D = Decimal
HALVES = {"a": D("0.5"), "b": D("0.5")}


def binary(done: int, units: int = 1_000) -> Sample:
    return Sample(units, D(done))


# ----------------------------------------------------------------------------------------------------------- sizes


def test_needs_21109_per_level_to_tell_two_point_four_from_two_percent():
    size = size_for_shares(base=D("0.02"), target=D("0.024"))
    assert (size.per_group, size.total) == (21_109, 42_218)
    assert size_of_screening(per_level=size.per_group, rows=8, levels=2).per_group == 5_278


def test_needs_3826_per_level_to_tell_three_from_two_percent():
    assert size_for_shares(base=D("0.02"), target=D("0.03")).per_group == 3_826
    assert size_for_shares(base=D("0.03"), target=D("0.02")).per_group == 3_826


@pytest.mark.parametrize(("difference", "deviation"), [("1", "10"), ("-0.5", "2"), ("3", "4.5")])
def test_agrees_with_statsmodels_on_the_size_for_means(difference, deviation):
    size = size_for_means(difference=D(difference), deviation=D(deviation), power=D("0.9"))
    exact = NormalIndPower().solve_power(abs(float(difference)) / float(deviation), alpha=0.05, power=0.9)
    assert size.per_group == int(np.ceil(exact))


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"base": D("1.2")}, "base"),
        ({"target": D("-0.1")}, "target"),
        ({"target": D("0.02")}, "target"),
        ({"target": D("0.02000001")}, "target"),
        ({"alpha": D(0)}, "alpha"),
        ({"power": D("0.04")}, "power"),
        ({"power": D(1)}, "power"),
    ],
)
def test_refuses_numbers_no_size_follows_from(wrong, field):
    with pytest.raises(SizeNotPossible) as refused:
        size_for_shares(**({"base": D("0.02"), "target": D("0.024")} | wrong))
    assert refused.value.field == field


@pytest.mark.parametrize(("difference", "deviation", "field"), [("0", "1", "difference"), ("1", "0", "deviation")])
def test_refuses_means_no_size_follows_from(difference, deviation, field):
    with pytest.raises(SizeNotPossible) as refused:
        size_for_means(difference=D(difference), deviation=D(deviation))
    assert refused.value.field == field


# ----------------------------------------------------------------------------------------------- splits, corrections


def test_agrees_with_scipy_on_an_uneven_split():
    check = check_split(units={"a": 5_200, "b": 4_800}, shares=HALVES)
    expected = chisquare([5_200, 4_800])
    assert (float(check.statistic), float(check.p_value)) == pytest.approx((expected.statistic, expected.pvalue))
    assert not check.is_sound
    assert [(one.units, one.expected) for one in check.arms] == [(5_200, D(5_000)), (4_800, D(5_000))]


def test_takes_the_unevenness_of_chance_for_sound():
    assert check_split(units={"a": 5_060, "b": 4_940}, shares=HALVES).is_sound
    assert check_split(units={}, shares=HALVES).is_sound
    assert check_split(units={"a": 10}, shares={"a": D(1)}).is_sound


@pytest.mark.parametrize(
    "p_values",
    [
        ("0.01", "0.04", "0.03", "0.005"),
        ("0.04", "0.04", "0.04"),
        ("0.5", "0.9", "0.00001", "0.02", "0.02", "1"),
        ("0.0001",),
    ],
)
def test_agrees_with_statsmodels_on_the_correction(p_values):
    _rejected, expected, *_ = multipletests([float(value) for value in p_values], method="holm")
    assert [float(value) for value in holm(p_values=[D(value) for value in p_values])] == pytest.approx(list(expected))


@given(st.lists(st.integers(0, 10_000).map(lambda n: D(n).scaleb(-4)), max_size=12))
def test_a_correction_keeps_the_order_and_never_makes_a_finding_stronger(p_values):
    corrected = holm(p_values=p_values)
    pairs = sorted(zip(p_values, corrected, strict=True))
    assert [after for _before, after in pairs] == sorted(corrected)
    assert all(before <= after <= 1 for before, after in pairs)


# ----------------------------------------------------------------------------------------------------------- plans


@pytest.mark.parametrize("plan", PLANS.values(), ids=PLANS)
def test_every_level_of_a_column_meets_every_level_of_another_equally_often(plan):
    for first, second in combinations(range(len(plan.levels)), 2):
        met = Counter((row[first], row[second]) for row in plan.rows)
        assert len(met) == plan.levels[first] * plan.levels[second]
        assert set(met.values()) == {len(plan.rows) // len(met)}


def test_plans_have_the_rows_that_are_written_and_begin_with_the_current_text():
    assert " / ".join(L8.rows) == ("1111111 / 1112222 / 1221122 / 1222211 / 2121212 / 2122121 / 2211221 / 2212112")
    assert (len(L18.rows), L18.levels, L18.rows[0]) == (18, (2, 3, 3, 3, 3, 3, 3, 3), "11111111")


def test_gives_each_factor_a_column_of_its_own_number_of_levels():
    assert L8.columns_for(levels=[2] * 6) == (0, 1, 2, 3, 4, 5)
    assert L18.columns_for(levels=[3, 2, 3]) == (1, 0, 2)
    with pytest.raises(FactorsDoNotFit, match="L8 has no column left"):
        L8.columns_for(levels=[2] * 8)
    with pytest.raises(FactorsDoNotFit, match="a factor of 4 levels"):
        L18.columns_for(levels=[4])


# ------------------------------------------------------------------------------------------------------- screenings


def _cells(plan, levels, gains, *, units=10_000, base=500) -> list[Sample]:
    """Cells whose sums are additive: `gains` are what each level of each factor adds to the base."""
    columns = plan.columns_for(levels=levels)
    return [
        binary(
            base + sum(gains[factor][plan.level(row=row, column=column) - 1] for factor, column in enumerate(columns)),
            units,
        )
        for row in range(len(plan.rows))
    ]


def test_finds_the_additive_effects_that_were_put_in_and_predicts_the_best_cell():
    gains = [(0, 100), (0, 0), (50, 0), (0, 0), (0, 0), (0, 0)]
    read = screen(plan=L8, levels=[2] * 6, cells=_cells(L8, [2] * 6, gains))
    assert [one.difference for one in read.effects] == [D("-0.01"), 0, D("0.005"), 0, 0, 0]
    assert [one.is_found for one in read.effects] == [True, False, True, False, False, False]
    assert read.best == (2, 1, 1, 1, 1, 1)
    assert (read.predicted, read.current, read.is_current_best) == (D("0.065"), D("0.055"), False)
    assert read.best_row is None
    assert read.effects[0].low < D("-0.01") < read.effects[0].high < 0


def test_a_main_effect_is_the_mean_of_its_rows_of_level_one_less_that_of_level_two():
    cells = [binary(done, 100 * (row + 1)) for row, done in enumerate((5, 9, 30, 12, 40, 33, 70, 21))]
    read = screen(plan=L8, levels=[2] * 7, cells=cells)
    means = [float(cell.total) / cell.units for cell in cells]
    for one in read.effects:
        by_level = {
            level: np.mean([mean for mean, row in zip(means, L8.rows, strict=True) if row[one.factor] == level])
            for level in "12"
        }
        assert float(one.difference) == pytest.approx(by_level["1"] - by_level["2"])


def test_goes_the_other_way_where_less_is_better():
    gains = [(0, 100), *[(0, 0)] * 5]
    read = screen(plan=L8, levels=[2] * 6, cells=_cells(L8, [2] * 6, gains), goal="less")
    assert read.best == (1, 1, 1, 1, 1, 1)
    assert (read.is_current_best, read.best_row) == (True, 0)


def test_compares_the_second_and_third_level_with_the_first_in_an_l18():
    levels = [2, 3, 3]
    gains = [(0, 40), (0, 200, -100), (0, 0, 30)]
    read = screen(plan=L18, levels=levels, cells=_cells(L18, levels, gains))
    found = {(one.factor, one.level): one.difference for one in read.effects}
    assert found == {
        (0, 2): D("-0.004"),
        (1, 2): D("-0.02"),
        (1, 3): D("0.01"),
        (2, 2): D(0),
        (2, 3): D("-0.003"),
    }
    assert read.best == (2, 2, 3)


def test_corrects_all_main_effects_as_one_family():
    read = screen(plan=L8, levels=[2] * 6, cells=[binary(done) for done in (50, 61, 55, 40, 70, 66, 58, 49)])
    assert [one.corrected for one in read.effects] == list(holm(p_values=[one.p_value for one in read.effects]))


def test_reads_nothing_while_a_cell_is_empty():
    assert screen(plan=L8, levels=[2] * 6, cells=[*[binary(5)] * 7, binary(0, 1)]) is None
    with pytest.raises(ValueError, match="zip"):
        screen(plan=L8, levels=[2] * 6, cells=[binary(5)] * 7)


def test_cells_without_any_spread_are_taken_at_their_word():
    read = screen(plan=L8, levels=[2], cells=[binary(0)] * 8)
    assert (read.effects[0].p_value, read.effects[0].is_found) == (D(1), False)


# ------------------------------------------------------------------------------------------- comparisons, verdicts


def test_corrects_the_comparisons_of_a_call_together_and_names_the_winner():
    samples = {
        (1, "visit"): binary(100),
        (2, "visit"): binary(180),
        (3, "visit"): binary(128),  # alone this has p = 0.049
    }
    (second, third) = compare(
        measures=[Measure("visit", "binary", "more")], samples=samples, control=1, alpha=D("0.05")
    )
    assert (second.arm, second.verdict, second.is_better) == (2, "more", True)
    assert (third.effect.verdict, third.verdict) == ("more", "more")
    assert (second.corrected, third.corrected) == holm(p_values=[second.effect.p_value, third.effect.p_value])
    assert winner_of(comparisons=[second, third]) == second


def test_takes_back_a_verdict_the_correction_does_not_bear():
    samples = {(1, "m"): binary(100), (2, "m"): binary(129), (3, "m"): binary(100)}
    (second, _third) = compare(measures=[Measure("m", "binary", "more")], samples=samples, control=1, alpha=D("0.05"))
    assert second.effect.verdict == "more"
    assert second.corrected > D("0.05")
    assert second.verdict == "unclear"
    assert winner_of(comparisons=[second]) is None


def test_counts_less_as_better_where_that_is_the_goal():
    samples = {(1, "opt_out"): binary(100), (2, "opt_out"): binary(50)}
    (one,) = compare(measures=[Measure("opt_out", "binary", "less")], samples=samples, control=1, alpha=D("0.05"))
    assert (one.verdict, one.is_better) == ("less", True)


def test_leaves_an_empty_arm_out_of_the_family():
    samples = {(1, "m"): binary(100), (2, "m"): binary(0, 0), (3, "m"): binary(190)}
    (second, third) = compare(measures=[Measure("m", "binary", "more")], samples=samples, control=1, alpha=D("0.05"))
    assert (second.verdict, second.corrected) == ("too_few", None)
    assert third.corrected == third.effect.p_value


# ----------------------------------------------------------------------------------------------------- may it be judged

DECLARED = Declared(stop_on=date(2026, 3, 31), window_days=7, minimum=1_000)


def judged(**changes):
    facts = {
        "declared": DECLARED,
        "state": "running",
        "stopped_on": None,
        "as_of": date(2026, 4, 8),
        "smallest_arm": 1_000,
        "is_split_sound": True,
    }
    return readiness(**(facts | changes))


def test_is_ready_the_day_after_the_last_unit_had_its_window_and_not_before():
    assert judged().is_ready
    early = judged(as_of=date(2026, 4, 7))
    assert (early.stage, early.is_ready) == ("too_early", False)
    assert early.reasons[0].params == {"stop_on": date(2026, 3, 31), "judged_from": date(2026, 4, 8)}


def test_has_no_verdict_with_too_few_units_whatever_the_day():
    few = judged(smallest_arm=999, as_of=date(2030, 1, 1))
    assert (few.stage, few.reasons[0].params) == ("too_few", {"smallest_arm": 999, "minimum": 1_000})


def test_says_every_obstacle_and_names_the_first():
    early = judged(as_of=date(2026, 3, 1), smallest_arm=3, is_split_sound=False)
    assert early.stage == "too_early"
    assert [one.code for one in early.reasons] == ["ready.too_early", "ready.too_few", "ready.unsound"]


def test_never_judges_what_was_stopped_before_its_day():
    cut = judged(state="stopped", stopped_on=date(2026, 3, 30), as_of=date(2030, 1, 1))
    assert cut.stage == "cut_short"
    assert judged(state="stopped", stopped_on=date(2026, 3, 31)).is_ready


def test_never_judges_an_unsound_split():
    assert judged(is_split_sound=False).stage == "unsound"


def test_judges_what_was_brought_in_by_its_split_alone():
    declared = Declared(stop_on=None, window_days=14, minimum=None)
    assert declared.judged_from is None
    read = judged(declared=declared, state="stopped", stopped_on=None)
    assert (read.stage, read.reasons[0].code) == ("ready", "ready.brought_in")


@pytest.mark.parametrize("state", ["draft", "discarded"])
def test_has_nothing_to_judge_before_the_start(state):
    assert judged(state=state).stage == "not_started"


def test_states_move_as_the_table_says():
    moves = {(state, to) for state, to in product(TRANSITIONS, repeat=2) if may_become(state=state, to=to)}
    assert moves == {
        ("draft", "running"),
        ("draft", "stopped"),
        ("draft", "discarded"),
        ("running", "stopped"),
        ("stopped", "decided"),
    }


# ----------------------------------------------------------------------------------------------------------- layers


def test_gives_a_new_experiment_the_first_gap_of_its_layer_that_is_wide_enough():
    taken = [(D("0.3"), D("0.5")), (D("0"), D("0.2"))]
    assert free_slice(taken=taken, share=D("0.1")) == (D("0.2"), D("0.3"))
    assert free_slice(taken=taken, share=D("0.2")) == (D("0.5"), D("0.7"))
    assert free_slice(taken=taken, share=D("0.6")) is None
    assert free_slice(taken=[], share=D(1)) == (D(0), D(1))
    assert free_share(taken=taken) == D("0.5")
    assert free_share(taken=[(D(0), D(1))]) == 0


def test_a_unit_is_in_one_experiment_of_a_layer_at_most_and_in_one_when_they_take_all_of_it():
    slices = {"first": (D(0), D("0.4")), "second": (D("0.4"), D(1))}
    counted = Counter()
    for unit in range(20_000):
        within = [
            name
            for name, taken in slices.items()
            if arm_of(layer_salt="texts", taken=taken, experiment_salt=name, shares=HALVES, unit_id=unit)
        ]
        assert len(within) == 1
        counted[within[0]] += 1
    assert abs(counted["first"] - 8_000) < 300


def test_a_later_experiment_on_the_same_slice_finds_the_arms_of_the_earlier_one_mixed():
    taken = (D(0), D("0.5"))
    pairs = Counter(
        tuple(
            arm_of(layer_salt="texts", taken=taken, experiment_salt=salt, shares=HALVES, unit_id=unit)
            for salt in ("spring", "summer")
        )
        for unit in range(40_000)
    )
    del pairs[None, None]
    assert chisquare(list(pairs.values())).pvalue > 0.01
    assert len(pairs) == 4
