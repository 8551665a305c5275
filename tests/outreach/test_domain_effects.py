"""Effects with their intervals, against published examples and against statsmodels and scipy."""

from decimal import Decimal
from math import sqrt

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import ttest_ind
from statsmodels.stats.proportion import confint_proportions_2indep, proportion_confint, proportions_ztest
from statsmodels.stats.weightstats import CompareMeans, DescrStatsW

from backoffice.outreach.domain.experiments.effects import (
    Sample,
    SampleNotPossible,
    effect,
    mean_interval,
    wilson,
)


def binary(done: int, units: int) -> Sample:
    return Sample(units=units, total=Decimal(done))


def measured(values: list[float]) -> Sample:
    exact = [Decimal(str(value)) for value in values]
    return Sample(units=len(exact), total=sum(exact, Decimal(0)), squares=sum((v * v for v in exact), Decimal(0)))


def test_gives_the_interval_newcombe_printed_for_56_of_70_against_48_of_80():
    found = effect(treated=binary(56, 70), control=binary(48, 80))
    assert (round(found.difference, 4), round(found.low, 4), round(found.high, 4)) == (
        Decimal("0.2000"),
        Decimal("0.0524"),
        Decimal("0.3339"),
    )
    assert (found.verdict, found.method, found.confidence) == ("more", "newcombe", Decimal("0.95"))


@given(
    first=st.integers(1, 5_000).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))),
    second=st.integers(1, 5_000).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))),
)
def test_agrees_with_statsmodels_on_any_two_shares(first, second):
    found = effect(treated=binary(*first), control=binary(*second))
    low, high = confint_proportions_2indep(*first, *second, method="newcomb", compare="diff")
    assert float(found.low) == pytest.approx(low, abs=1e-9)
    assert float(found.high) == pytest.approx(high, abs=1e-9)
    assert found.low <= found.difference <= found.high
    done = first[0] + second[0]
    if 0 < done < first[1] + second[1]:
        _z, p_value = proportions_ztest([first[0], second[0]], [first[1], second[1]])
        assert float(found.p_value) == pytest.approx(p_value, abs=1e-9)


@given(
    st.lists(st.floats(-1_000, 1_000).map(lambda v: round(v, 2)), min_size=2, max_size=40),
    st.lists(st.floats(-1_000, 1_000).map(lambda v: round(v, 2)), min_size=2, max_size=40),
)
def test_agrees_with_scipy_on_any_two_means(first, second):
    if len(set(first)) == 1 or len(set(second)) == 1:
        return
    found = effect(treated=measured(first), control=measured(second), kind="mean")
    low, high = CompareMeans(DescrStatsW(first), DescrStatsW(second)).tconfint_diff(usevar="unequal")
    assert float(found.p_value) == pytest.approx(ttest_ind(first, second, equal_var=False).pvalue, abs=1e-7)
    assert float(found.low) == pytest.approx(low, rel=1e-7, abs=1e-7)
    assert float(found.high) == pytest.approx(high, rel=1e-7, abs=1e-7)


@given(st.integers(1, 10_000).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_agrees_with_statsmodels_on_the_share_of_one_group(group):
    low, high = wilson(sample=binary(*group))
    expected = proportion_confint(*group, method="wilson")
    assert (float(low), float(high)) == pytest.approx(expected, abs=1e-9)


def test_agrees_with_statsmodels_on_the_mean_of_one_group():
    values = [0.0, 0.0, 12.5, 3.75, 0.0, 99.99]
    low, high = mean_interval(sample=measured(values))
    assert (float(low), float(high)) == pytest.approx(DescrStatsW(values).tconfint_mean(), abs=1e-9)


def test_says_less_with_how_much_less():
    found = effect(treated=binary(10, 1_000), control=binary(50, 1_000))
    assert found.verdict == "less"
    assert found.sentence.code == "effect.less"
    assert found.sentence.params["difference"] == Decimal("0.04")
    assert found.sentence.params["low"] == -found.high
    assert found.sentence.params["high"] == -found.low
    assert found.relative == Decimal("-0.8")
    assert found.extra == Decimal(-40)


def test_turns_an_effect_around_with_the_groups():
    one = effect(treated=binary(30, 400), control=binary(20, 500))
    other = effect(treated=binary(20, 500), control=binary(30, 400))
    assert (other.difference, other.low, other.high) == (-one.difference, -one.high, -one.low)
    assert other.p_value == one.p_value


def test_calls_a_difference_unclear_where_chance_would_do():
    assert effect(treated=binary(21, 1_000), control=binary(20, 1_000)).verdict == "unclear"


def test_has_no_verdict_where_nobody_is():
    found = effect(treated=binary(0, 0), control=binary(20, 1_000))
    assert (found.verdict, found.difference, found.low, found.p_value) == ("too_few", None, None, None)
    assert found.relative is None
    assert found.extra is None
    assert wilson(sample=binary(0, 0)) is None
    assert effect(treated=measured([1.0]), control=measured([1.0, 2.0]), kind="mean").verdict == "too_few"
    assert mean_interval(sample=measured([1.0])) is None


def test_takes_groups_without_any_spread_at_their_word():
    same = effect(treated=measured([5.0, 5.0]), control=measured([5.0, 5.0]), kind="mean")
    apart = effect(treated=measured([6.0, 6.0]), control=measured([5.0, 5.0]), kind="mean")
    assert (same.verdict, same.p_value) == ("unclear", Decimal(1))
    assert (apart.verdict, apart.low, apart.high) == ("more", Decimal(1), Decimal(1))
    assert effect(treated=binary(0, 9), control=binary(0, 9)).verdict == "unclear"


def test_knows_the_spread_of_a_binary_metric_from_its_sum():
    assert binary(1, 1).variance == 0
    assert binary(20, 100).variance == pytest.approx(100 / 99 * 0.2 * 0.8)
    assert sqrt(measured([1.0, 3.0]).variance) == pytest.approx(sqrt(2))


@pytest.mark.parametrize(
    ("sample", "kind"),
    [
        (binary(11, 10), "binary"),
        (binary(-1, 10), "binary"),
        (Sample(units=10, total=Decimal("1.5")), "binary"),
        (Sample(units=-1, total=Decimal(0)), "binary"),
        (Sample(units=10, total=Decimal(5)), "mean"),
    ],
)
def test_refuses_numbers_no_group_can_have(sample, kind):
    with pytest.raises(SampleNotPossible):
        effect(treated=sample, control=binary(5, 10), kind=kind)
