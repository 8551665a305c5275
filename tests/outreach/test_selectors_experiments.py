"""What an experiment shows: samples as a slow oracle counts them, and no verdict before its day."""

from datetime import date, timedelta
from decimal import Decimal
from random import Random

import pytest

from backoffice.core.actors import SYSTEM
from backoffice.outreach.domain.experiments.correcting import holm
from backoffice.outreach.domain.experiments.effects import Sample, effect
from backoffice.outreach.models import Experiment, Exposure, Metric, Outcome
from backoffice.outreach.selectors.experiments import layers, results_of
from backoffice.outreach.services import experiments
from tests.outreach.experiment_book import ANALYST, AT, declaration, declared, on, running, screening, start, units

pytestmark = pytest.mark.django_db
JUDGED = date(2026, 4, 8)


@pytest.fixture(autouse=True)
def _business_date():
    on()


def _lived(experiment: Experiment, *, count: int, seed: int = 7) -> None:
    """Units taken in over some days, with outcomes of three metrics before, within and after their windows."""
    chance = Random(seed)
    borrowers = units(count)
    if not borrowers:
        return
    for day, some in enumerate((borrowers[::2], borrowers[1::2])):
        at = AT + timedelta(days=day)
        experiments.take_in(experiment_id=experiment.pk, borrower_ids=some, at=at, actor=SYSTEM)
    outcomes = [
        experiments.NewOutcome(
            borrower_id=chance.choice(borrowers),
            metric=metric,
            value=Decimal(chance.randrange(5_000)).scaleb(-2) if metric == "paid" else Decimal(chance.randrange(2)),
            at=AT + timedelta(hours=chance.randrange(-48, 24 * 12)),
            key=f"{metric}-{number}",
        )
        for metric in ("on_time", "paid", "opted_out")
        for number in range(count)
    ]
    experiments.record_outcomes(outcomes=outcomes, actor=SYSTEM)


def _slowly(experiment: Experiment, metric: Metric) -> dict[int, Sample]:
    """The same sums, unit by unit, in plain Python."""
    window = timedelta(days=experiment.window_days)
    values: dict[int, list[Decimal]] = {arm.number: [] for arm in experiment.arms.all()}
    for exposure in Exposure.objects.filter(experiment=experiment).select_related("arm"):
        found = [
            one.value
            for one in Outcome.objects.filter(borrower_id=exposure.borrower_id, metric=metric)
            if exposure.at <= one.at < exposure.at + window
        ]
        value = sum(found, Decimal(0)) if metric.kind == "mean" else Decimal(any(each > 0 for each in found))
        values[exposure.arm.number].append(value)
    return {
        number: Sample(len(of), sum(of, Decimal(0)), sum((each * each for each in of), Decimal(0)))
        for number, of in values.items()
    }


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_sums_what_the_oracle_sums(seed):
    experiment = running(watched=("paid", "opted_out"))
    _lived(experiment, count=60, seed=seed)
    results = results_of(experiment=experiment, as_of=date(2026, 3, 20))
    assert [reading.metric.code for reading in results.metrics] == ["on_time", "opted_out", "paid"]
    for reading in results.metrics:
        assert {one.arm.number: one.sample for one in reading.arms} == _slowly(experiment, reading.metric)
    assert results.units == 60


def test_reads_with_the_same_queries_whatever_there_is(django_assert_num_queries):
    found = Experiment.objects.select_related("metric")
    experiment = running()
    for count in (0, 40):
        _lived(experiment, count=count)
        one = found.get(pk=experiment.pk)
        with django_assert_num_queries(3):
            results_of(experiment=one, as_of=JUDGED)
    six = experiments.declare_experiment(declaration=screening(layer="timing"), actor=ANALYST)
    one = found.get(pk=six.pk)
    with django_assert_num_queries(4):
        results_of(experiment=one, as_of=JUDGED)


def test_shows_the_interval_but_no_verdict_before_its_day():
    experiment = running()
    _lived(experiment, count=60)
    early = results_of(experiment=experiment, as_of=date(2026, 4, 7))
    (one,) = early.main.comparisons
    assert (early.readiness.stage, early.winner) == ("too_early", None)
    assert (one.verdict, one.corrected, one.is_winner) == (None, None, False)
    assert one.comparison.effect.low is not None
    assert all(each.verdict is None for reading in early.metrics for each in reading.comparisons)


def test_names_the_winner_once_it_may_be_judged():
    experiment = running(minimum_sample=20)
    borrowers = units(200)
    taken = experiments.take_in(experiment_id=experiment.pk, borrower_ids=borrowers, at=AT, actor=SYSTEM)
    done = [one.borrower_id for one in taken if one.arm_number == 2]
    experiments.record_outcomes(
        outcomes=[
            experiments.NewOutcome(
                borrower_id=unit, metric="on_time", value=Decimal(1), at=AT + timedelta(days=1), key=f"k{unit}"
            )
            for unit in done
        ],
        actor=SYSTEM,
    )
    judged = results_of(experiment=experiment, as_of=JUDGED)
    assert judged.readiness.is_ready
    assert judged.winner.name == "short text"
    (one,) = judged.main.comparisons
    assert (one.verdict, one.is_winner) == ("more", True)
    expected = effect(treated=Sample(len(done), Decimal(len(done))), control=Sample(200 - len(done), Decimal(0)))
    assert one.comparison.effect.difference == expected.difference
    assert one.corrected == holm(p_values=[expected.p_value])[0]


def test_keeps_the_watched_metrics_in_a_family_of_their_own():
    experiment = running(watched=("paid", "opted_out"))
    _lived(experiment, count=80)
    judged = results_of(experiment=experiment, as_of=JUDGED)
    watched = [one for reading in judged.metrics[1:] for one in reading.comparisons]
    raw = [one.comparison.effect.p_value for one in watched]
    assert [one.corrected for one in watched] == list(holm(p_values=raw))
    assert judged.main.comparisons[0].corrected == judged.main.comparisons[0].comparison.effect.p_value
    assert not any(one.is_winner for one in watched)


def test_gives_no_verdict_with_fewer_units_than_declared():
    experiment = running(minimum_sample=1_000)
    _lived(experiment, count=40)
    assert results_of(experiment=experiment, as_of=JUDGED).readiness.stage == "too_few"


def test_predicts_no_best_cell_before_its_day():
    experiment = start(experiments.declare_experiment(declaration=screening(minimum_sample=5), actor=ANALYST))
    _lived(experiment, count=200)
    early = results_of(experiment=experiment, as_of=date(2026, 3, 20))
    assert early.screening is None
    assert (early.interim.best, early.interim.best_row) == ((), None)
    assert len(early.interim.effects) == 6
    judged = results_of(experiment=experiment, as_of=JUDGED)
    assert judged.interim is None
    assert len(judged.screening.best) == 6
    assert judged.main.comparisons == ()


def test_a_draft_has_nothing_to_show_yet():
    results = results_of(experiment=declared(), as_of=JUDGED)
    assert (results.readiness.stage, results.units, results.winner) == ("not_started", 0, None)
    assert results.control.name == "today's text"


def test_lists_layers_with_what_is_free():
    first = running(share=Decimal("0.4"))
    found = {layer.code: (free, busy) for layer, free, busy in layers()}
    assert found["texts"] == (Decimal("0.6"), [first])
    assert found["offers"] == (Decimal(1), [])
    assert declaration().layer == "texts"
