"""Experiments: declared, started by two people, frozen, taken in, stopped and decided."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest
from django.db import IntegrityError, connection, transaction
from django.test.utils import CaptureQueriesContext

from backoffice.audit import approvals
from backoffice.audit.models import Approval, AuditEntry
from backoffice.core.actors import SYSTEM
from backoffice.outreach.domain.experiments.declaring import NewArm, NewFactor
from backoffice.outreach.models import Arm, Experiment, Exposure, Factor, Metric, Outcome
from backoffice.outreach.services import experiments
from backoffice.outreach.services.experiments.declaring import CodeTaken, DeclarationRefused, NothingToConfirm
from backoffice.outreach.services.experiments.locking import (
    ExperimentNotFound,
    ExperimentNotInState,
    StartIsAskedFor,
    move,
)
from backoffice.outreach.services.experiments.recording import (
    NotTakingIn,
    OutcomeKeyReused,
    OutcomeRefused,
    UnitsNotFound,
)
from backoffice.outreach.services.experiments.running import ArmNotFound, LayerFull, NotJudgedYet, StopDateCame
from tests.outreach.experiment_book import (
    ANALYST,
    AT,
    CHECKER,
    declaration,
    declared,
    on,
    running,
    screening,
    start,
    units,
)

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _business_date():
    on()


def ask(experiment: Experiment) -> Approval:
    return experiments.submit_start(experiment_id=experiment.pk, reason="ready to go", actor=ANALYST)


def outcome(unit: int, value: str = "1", *, metric: str = "on_time", key: str = "", days: int = 1):
    return experiments.NewOutcome(
        borrower_id=unit,
        metric=metric,
        value=Decimal(value),
        at=AT + timedelta(days=days),
        key=key or f"{metric}:{unit}:{days}",
    )


# --------------------------------------------------------------------------------------------------------- declaring


def test_declares_a_draft_with_its_arms():
    experiment = declared()
    assert (experiment.state, experiment.salt, experiment.slice) == ("draft", "experiment:short-text", None)
    assert list(experiment.arms.values_list("number", "name", "is_control")) == [
        (1, "today's text", True),
        (2, "short text", False),
    ]
    assert list(experiment.watched.values_list("code", flat=True)) == ["paid"]
    entry = AuditEntry.objects.get(verb="outreach.experiment.declared")
    assert (entry.subject_id, entry.actor_name, entry.after["stop_on"]) == (str(experiment.pk), "Ada", "2026-03-31")


def test_makes_the_eight_arms_of_six_elements():
    experiment = experiments.declare_experiment(declaration=screening(), actor=ANALYST)
    arms = list(experiment.arms.all())
    assert [arm.name for arm in arms] == [
        "111111",
        "111222",
        "122112",
        "122221",
        "212121",
        "212212",
        "221122",
        "221211",
    ]
    assert [arm.is_control for arm in arms] == [True, *[False] * 7]
    assert sum(arm.share for arm in arms) == 1
    assert arms[1].content.splitlines() == [
        "salutation: today's",
        "greeting: today's",
        "benefit: today's",
        "time limit: new",
        "social proof: new",
        "call to action: new",
    ]


def test_makes_the_eighteen_arms_of_elements_in_three_versions():
    factors = tuple(NewFactor(name=f"element {n}", levels=("a", "b", "c")) for n in range(6))
    plan = screening(design="L18", factors=factors)
    experiment = experiments.declare_experiment(declaration=plan, actor=ANALYST)
    assert experiment.arms.count() == 18
    assert sum(arm.share for arm in experiment.arms.all()) == 1


@pytest.mark.parametrize(
    ("changes", "fields"),
    [
        ({"share": Decimal(0)}, {"share": "must be more than 0 and at most 1, with at most six decimals"}),
        ({"minimum_sample": 0}, {"minimum_sample": "must be at least 1"}),
        ({"stop_on": date(2026, 3, 2)}, {"stop_on": "must be after 2 Mar 2026"}),
        ({"alpha": Decimal("0.3")}, {"alpha": "must be more than 0 and at most 0.2"}),
        ({"power": Decimal("0.05")}, {"power": "must be more than alpha and less than 1"}),
        ({"window_days": 400}, {"window_days": "must be from 0 to 366 days"}),
        ({"watched": ("on_time",)}, {"watched": "names the declared metric again"}),
        ({"watched": ("nonsense",)}, {"watched": "There is no such metric."}),
        ({"metric": "nonsense"}, {"metric": "There is no such metric."}),
        ({"layer": "nonsense"}, {"layer": "There is no such layer."}),
        ({"arms": ()}, {"arms": "must be from 2 to 10 arms"}),
    ],
)
def test_refuses_a_declaration_that_says_what_is_wrong(changes, fields):
    with pytest.raises(DeclarationRefused) as refused:
        declared(**changes)
    assert refused.value.fields == fields
    assert Experiment.objects.count() == 0


def _arms(*shares: str, controls: int = 1, names: str = "abcdef") -> tuple[NewArm, ...]:
    return tuple(NewArm(name=names[n], share=Decimal(share), is_control=n < controls) for n, share in enumerate(shares))


@pytest.mark.parametrize(
    ("arms", "said"),
    [
        (_arms("0.5", "0.5", controls=0), "exactly one arm must be the control"),
        (_arms("0.5", "0.5", controls=2), "exactly one arm must be the control"),
        (_arms("0.5", "0.4"), "the shares sum to 0.9, not to 1"),
        (_arms("0.5", "0.5", names="aa"), "two arms have the same name"),
        (_arms("1.5", "-0.5"), "every share must be more than 0 and less than 1, with at most six decimals"),
    ],
)
def test_refuses_arms_that_do_not_fit(arms, said):
    with pytest.raises(DeclarationRefused) as refused:
        declared(arms=arms)
    assert refused.value.fields == {"arms": said}


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"factors": (NewFactor(name="a", levels=("1", "2")),)}, "must be at least two elements"),
        (
            {"factors": tuple(NewFactor(name=f"f{n}", levels=("1", "2")) for n in range(8))},
            "L8 holds at most seven elements, each in exactly two versions",
        ),
        (
            {"design": "L18", "factors": tuple(NewFactor(name=f"f{n}", levels=("1", "2")) for n in range(3))},
            "L18 holds at most seven elements in three versions and one in two",
        ),
        (
            {"factors": tuple(NewFactor(name=f"f{n}", levels=("same", "same")) for n in range(3))},
            "two versions of an element are the same",
        ),
    ],
)
def test_refuses_elements_the_plan_does_not_hold(changes, said):
    with pytest.raises(DeclarationRefused) as refused:
        experiments.declare_experiment(declaration=screening(**changes), actor=ANALYST)
    assert refused.value.fields == {"factors": said}


def test_refuses_a_code_that_is_taken():
    declared()
    with pytest.raises(CodeTaken):
        declared()
    with pytest.raises(CodeTaken):
        experiments.add_layer(code="texts", name="Texts again", actor=ANALYST)


def test_adds_layers_with_salts_of_their_own_and_metrics():
    layer = experiments.add_layer(code="colours", name="Colours", actor=ANALYST)
    metric = experiments.add_metric(code="called_back", name="called back", kind="binary", goal="less", actor=ANALYST)
    assert (layer.salt, metric.goal) == ("layer:colours", "less")
    verbs = set(AuditEntry.objects.values_list("verb", flat=True))
    assert {"outreach.layer.added", "outreach.metric.added"} <= verbs


def test_changes_and_discards_a_draft():
    experiment = declared()
    experiments.change_draft(
        experiment_id=experiment.pk,
        declaration=declaration(code="ignored", minimum_sample=50, arms=_arms("0.2", "0.3", "0.5")),
        actor=ANALYST,
    )
    experiment.refresh_from_db()
    assert (experiment.code, experiment.minimum_sample, experiment.arms.count()) == ("short-text", 50, 3)
    experiments.discard_draft(experiment_id=experiment.pk, reason="not wanted", actor=ANALYST)
    experiment.refresh_from_db()
    assert experiment.state == "discarded"
    with pytest.raises(ExperimentNotInState):
        ask(experiment)
    with pytest.raises(ExperimentNotFound):
        experiments.discard_draft(experiment_id=0, reason="none", actor=ANALYST)


# ----------------------------------------------------------------------------------------------------------- starting


def test_starts_only_when_a_second_person_agrees():
    experiment = declared()
    request = ask(experiment)
    assert request.consequence.replace("\u00a0", " ") == (
        "2 arms on 100 % of the layer Texts, units taken in through 31 Mar 2026, at least 3 in each arm, "
        "judged by paid on time. Nothing of this can be changed afterwards."
    )
    experiment.refresh_from_db()
    assert experiment.state == "draft"
    with pytest.raises(approvals.OwnRequest):
        approvals.approve(approval_id=request.pk, actor=replace(ANALYST, roles=frozenset({"admin"})))
    approvals.approve(approval_id=request.pk, actor=CHECKER)
    experiment.refresh_from_db()
    assert (experiment.state, experiment.slice.lower, experiment.slice.upper) == ("running", 0, 1)
    assert experiment.started_at is not None
    assert AuditEntry.objects.get(verb="outreach.experiment.running").actor_name == "Bo"


def test_says_to_the_approver_what_it_would_do_now():
    request = ask(declared())
    assert experiments.consequence_of(request) == request.consequence
    request.payload["experiment"] = 0
    assert experiments.consequence_of(request) == request.consequence


def test_leaves_a_draft_alone_while_its_start_is_asked_for():
    experiment = declared()
    ask(experiment)
    with pytest.raises(StartIsAskedFor):
        ask(experiment)
    with pytest.raises(StartIsAskedFor):
        experiments.change_draft(experiment_id=experiment.pk, declaration=declaration(), actor=ANALYST)
    with pytest.raises(StartIsAskedFor):
        experiments.discard_draft(experiment_id=experiment.pk, reason="not wanted", actor=ANALYST)


def test_does_not_start_what_was_changed_behind_the_request():
    experiment = declared()
    request = ask(experiment)
    Arm.objects.filter(experiment=experiment, number=2).update(content="Another text.")
    decided = approvals.approve(approval_id=request.pk, actor=CHECKER)
    assert (decided.state, decided.failure) == (
        "failed",
        "The experiment was changed since it was asked for. Ask for the start again.",
    )
    experiment.refresh_from_db()
    assert experiment.state == "draft"


def test_does_not_start_when_its_last_day_has_come():
    experiment = declared()
    request = ask(experiment)
    on(date(2026, 3, 31))
    assert approvals.approve(approval_id=request.pk, actor=CHECKER).state == "failed"
    with pytest.raises(StopDateCame):
        ask(experiment)


def test_experiments_of_a_layer_take_slices_that_do_not_touch():
    first = running(code="first", share=Decimal("0.4"))
    second = running(code="second", share=Decimal("0.6"))
    assert (second.slice.lower, second.slice.upper) == (first.slice.upper, 1)
    with pytest.raises(LayerFull) as refused:
        ask(declared(code="third", share=Decimal("0.1")))
    assert refused.value.fields == {"share": "is more than the layer has free"}
    experiments.stop(experiment_id=first.pk, reason="enough", actor=ANALYST)
    third = running(code="fourth", share=Decimal("0.1"))
    assert (third.slice.lower, third.slice.upper) == (0, Decimal("0.1"))


def test_the_database_refuses_two_running_experiments_on_one_slice():
    first = running(code="first", share=Decimal("0.4"))
    second = declared(code="second", share=Decimal("0.4"))
    with pytest.raises(IntegrityError, match="one_experiment_a_unit_of_a_layer"), transaction.atomic():
        Experiment.objects.filter(pk=second.pk).update(state="running", slice=first.slice)


@pytest.mark.parametrize("field", ["minimum_sample", "window_days", "alpha", "stop_on", "share"])
def test_the_database_freezes_what_was_declared(field):
    experiment = running()
    values = {"stop_on": date(2026, 4, 30), "alpha": Decimal("0.1"), "share": Decimal("0.5")}
    with pytest.raises(IntegrityError, match="frozen"), transaction.atomic():
        Experiment.objects.filter(pk=experiment.pk).update(**{field: values.get(field, 99)})


def test_the_database_freezes_arms_elements_and_watched_metrics():
    experiment = running()
    with pytest.raises(IntegrityError, match="frozen"), transaction.atomic():
        Arm.objects.filter(experiment=experiment).update(share=Decimal("0.4"))
    with pytest.raises(IntegrityError, match="frozen"), transaction.atomic():
        Arm.objects.filter(experiment=experiment, number=2).delete()
    with pytest.raises(IntegrityError, match="frozen"), transaction.atomic():
        Factor.objects.create(experiment=experiment, number=1, name="late", levels=["a", "b"])
    with pytest.raises(IntegrityError, match="frozen"), transaction.atomic():
        experiment.watched.add(Metric.objects.get(code="opted_out"))


# ------------------------------------------------------------------------------------------------------------ units


def test_takes_units_in_once_and_always_into_the_same_arm():
    experiment, borrowers = running(), units(40)
    first = experiments.take_in(experiment_id=experiment.pk, borrower_ids=borrowers, at=AT, actor=SYSTEM)
    again = experiments.take_in(
        experiment_id=experiment.pk, borrower_ids=borrowers, at=AT + timedelta(days=1), actor=SYSTEM
    )
    assert [one.borrower_id for one in first] == borrowers
    assert {one.arm_number for one in first} == {1, 2}
    assert [one.arm_number for one in again] == [one.arm_number for one in first]
    assert (sum(one.is_new for one in first), sum(one.is_new for one in again)) == (40, 0)
    stored = Exposure.objects.filter(experiment=experiment)
    assert dict(stored.values_list("borrower_id", "arm__number")) == {one.borrower_id: one.arm_number for one in first}
    assert set(stored.values_list("at", flat=True)) == {AT}


def test_leaves_units_outside_the_slice_out():
    experiment, borrowers = running(share=Decimal("0.5")), units(60)
    taken = experiments.take_in(experiment_id=experiment.pk, borrower_ids=borrowers, at=AT, actor=SYSTEM)
    outside = [one for one in taken if one.arm_number is None]
    assert 15 < len(outside) < 45
    assert not any(one.is_new for one in outside)
    assert Exposure.objects.count() == 60 - len(outside)


def test_takes_any_number_in_with_the_same_statements():
    experiment, borrowers = running(), units(50)
    counts = []
    for some in (borrowers[:1], borrowers[1:]):
        with CaptureQueriesContext(
            connection,
        ) as asked:
            experiments.take_in(experiment_id=experiment.pk, borrower_ids=some, at=AT, actor=SYSTEM)
        counts.append(len([one for one in asked if "SAVEPOINT" not in one["sql"]]))
    assert counts == [5, 5]


def test_takes_nobody_in_before_the_start_nor_after_the_last_day():
    draft, (unit,) = declared(code="draft"), units(1)
    with pytest.raises(NotTakingIn):
        experiments.take_in(experiment_id=draft.pk, borrower_ids=[unit], at=AT, actor=SYSTEM)
    experiment = start(draft)
    late = datetime(2026, 4, 1, 4, tzinfo=UTC)
    with pytest.raises(NotTakingIn):
        experiments.take_in(experiment_id=experiment.pk, borrower_ids=[unit], at=late, actor=SYSTEM)
    with pytest.raises(UnitsNotFound):
        experiments.take_in(experiment_id=experiment.pk, borrower_ids=[unit, 0], at=AT, actor=SYSTEM)
    with pytest.raises(ExperimentNotFound):
        experiments.take_in(experiment_id=0, borrower_ids=[unit], at=AT, actor=SYSTEM)
    assert Exposure.objects.count() == 0


def test_exposures_and_outcomes_are_never_changed():
    experiment, borrowers = running(), units(2)
    experiments.take_in(experiment_id=experiment.pk, borrower_ids=borrowers, at=AT, actor=SYSTEM)
    experiments.record_outcomes(outcomes=[outcome(borrowers[0])], actor=SYSTEM)
    with pytest.raises(IntegrityError, match="never changed"), transaction.atomic():
        Exposure.objects.update(at=AT + timedelta(days=1))
    with pytest.raises(IntegrityError, match="never changed"), transaction.atomic():
        Outcome.objects.all().delete()


def test_records_an_outcome_once_per_key():
    (unit,) = units(1)
    assert experiments.record_outcomes(outcomes=[outcome(unit), outcome(unit, days=2)], actor=SYSTEM) == 2
    assert experiments.record_outcomes(outcomes=[outcome(unit), outcome(unit, days=3)], actor=SYSTEM) == 1
    assert Outcome.objects.count() == 3
    with pytest.raises(OutcomeKeyReused):
        experiments.record_outcomes(outcomes=[outcome(unit, "0")], actor=SYSTEM)
    both = [outcome(unit, key="one"), outcome(unit, "0", key="one")]
    with pytest.raises(OutcomeKeyReused):
        experiments.record_outcomes(outcomes=both, actor=SYSTEM)


def test_refuses_outcomes_that_cannot_be():
    (unit,) = units(1)
    with pytest.raises(OutcomeRefused, match="no metric nonsense"):
        experiments.record_outcomes(outcomes=[outcome(unit, metric="nonsense")], actor=SYSTEM)
    with pytest.raises(OutcomeRefused, match="either 1 or 0, not 2"):
        experiments.record_outcomes(outcomes=[outcome(unit, "2")], actor=SYSTEM)
    with pytest.raises(UnitsNotFound):
        experiments.record_outcomes(outcomes=[outcome(0)], actor=SYSTEM)
    assert experiments.record_outcomes(outcomes=[outcome(unit, "12.50", metric="paid")], actor=SYSTEM) == 1


# --------------------------------------------------------------------------------------------------- stopping, deciding


def test_stops_at_the_end_of_its_last_day():
    experiment = running()
    assert experiments.stop_due(as_of=date(2026, 3, 31), actor=SYSTEM) == 0
    assert experiments.stop_due(as_of=date(2026, 4, 2), actor=SYSTEM) == 1
    assert experiments.stop_due(as_of=date(2026, 4, 3), actor=SYSTEM) == 0
    experiment.refresh_from_db()
    assert (experiment.state, experiment.stopped_on) == ("stopped", date(2026, 3, 31))


def test_an_experiment_cut_short_can_only_keep_the_control():
    experiment, borrowers = running(), units(20)
    experiments.take_in(experiment_id=experiment.pk, borrower_ids=borrowers, at=AT, actor=SYSTEM)
    experiments.stop(experiment_id=experiment.pk, reason="complaints", actor=ANALYST)
    on(date(2026, 5, 1))
    with pytest.raises(NotJudgedYet) as refused:
        experiments.decide(experiment_id=experiment.pk, arm_number=2, conclusion="looks good", actor=ANALYST)
    assert refused.value.fields == {"arm": "only the control can be kept"}
    with pytest.raises(ArmNotFound):
        experiments.decide(experiment_id=experiment.pk, arm_number=9, conclusion="what", actor=ANALYST)
    experiments.decide(experiment_id=experiment.pk, arm_number=1, conclusion="no verdict", actor=ANALYST)
    experiment.refresh_from_db()
    assert (experiment.state, experiment.chosen.name, experiment.conclusion) == (
        "decided",
        "today's text",
        "no verdict",
    )


def test_an_experiment_that_may_be_judged_can_be_decided_for_any_arm():
    experiment, borrowers = running(), units(20)
    experiments.take_in(experiment_id=experiment.pk, borrower_ids=borrowers, at=AT, actor=SYSTEM)
    on(date(2026, 4, 8))
    experiments.stop_due(as_of=date(2026, 4, 8), actor=SYSTEM)
    experiments.decide(experiment_id=experiment.pk, arm_number=2, conclusion="shorter is cheaper", actor=ANALYST)
    experiment.refresh_from_db()
    assert (experiment.state, experiment.chosen.number) == ("decided", 2)


def test_states_move_by_the_table_and_no_other_way():
    experiment = running()
    with pytest.raises(ExperimentNotInState):
        move(experiment, to="decided", actor=ANALYST)
    experiment.refresh_from_db()
    assert experiment.state == "running"


def test_only_what_is_stopped_can_be_decided():
    experiment = running()
    with pytest.raises(ExperimentNotInState):
        experiments.decide(experiment_id=experiment.pk, arm_number=1, conclusion="now", actor=ANALYST)


# ------------------------------------------------------------------------------------------------------- confirmation


def _screened(*, better: bool = True) -> Experiment:
    """Six elements of which the third does better in its new version; read after its last day."""
    experiment = start(experiments.declare_experiment(declaration=screening(), actor=ANALYST))
    borrowers = units(400)
    taken = experiments.take_in(experiment_id=experiment.pk, borrower_ids=borrowers, at=AT, actor=SYSTEM)
    names = dict(experiment.arms.values_list("number", "name"))
    done = [one for one in taken if better and names[one.arm_number][2] == "2"]
    experiments.record_outcomes(outcomes=[outcome(one.borrower_id) for one in done], actor=SYSTEM)
    on(date(2026, 4, 8))
    return experiment


def test_declares_the_confirmation_of_the_predicted_best_against_today_s_text():
    experiment = _screened()
    confirming = experiments.declare_confirmation(
        screening_id=experiment.pk,
        code="six-confirmed",
        declaration=declaration(stop_on=date(2026, 5, 31), watched=()),
        actor=ANALYST,
    )
    assert (confirming.screening, confirming.design) == (experiment, "arms")
    today, best = confirming.arms.all()
    assert (today.is_control, today.share, best.share) == (True, Decimal("0.5"), Decimal("0.5"))
    assert best.content.splitlines()[2] == "benefit: new"
    assert today.content.splitlines()[2] == "benefit: today's"


def test_confirms_nothing_before_the_screening_may_be_judged():
    experiment = experiments.declare_experiment(declaration=screening(), actor=ANALYST)
    with pytest.raises(NothingToConfirm, match="no best text yet"):
        experiments.declare_confirmation(screening_id=experiment.pk, code="x", declaration=declaration(), actor=ANALYST)


def test_confirms_nothing_when_today_s_text_is_the_best():
    experiment = _screened(better=False)
    with pytest.raises(NothingToConfirm, match="Today's text is the predicted best"):
        experiments.declare_confirmation(screening_id=experiment.pk, code="x", declaration=declaration(), actor=ANALYST)
