"""Declaring an experiment: its layer, its metrics, and the draft that a second person will start."""

from dataclasses import replace
from decimal import Decimal
from typing import ClassVar, Final

from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

from backoffice.audit.services import record
from backoffice.calendars.selectors import business_date
from backoffice.core.actors import Actor
from backoffice.core.drafts import mark_of, refuse_if_moved_on
from backoffice.core.errors import Refusal
from backoffice.outreach.domain.experiments.declaring import Declaration, NewArm, arms_of, faults_of
from backoffice.outreach.domain.experiments.screening import Screening
from backoffice.outreach.models import Arm, Experiment, Factor, Layer, MessageTemplate, Metric
from backoffice.outreach.selectors.experiment_arms import changed_by
from backoffice.outreach.selectors.experiment_words import sentence_text
from backoffice.outreach.selectors.experiments import results_of
from backoffice.outreach.services.experiments.locking import SUBJECT, locked, move, refuse_pending_start
from backoffice.outreach.services.experiments.wording import code_of_words, draft_combination

LAYER: Final = "outreach.layer"
METRIC: Final = "outreach.metric"
_HALF: Final = Decimal("0.5")
_COPIED: Final = (
    "name",
    "question",
    "audience",
    "share",
    "design",
    "window_days",
    "alpha",
    "power",
    "minimum_sample",
    "stop_on",
    "screening_id",
)


class CodeTaken(Refusal):
    """Another one has the code."""

    code: ClassVar[str] = "outreach.experiment_code_taken"


class DeclarationRefused(Refusal):
    """The experiment cannot be declared like this; `fields` says what is wrong."""

    code: ClassVar[str] = "outreach.experiment_declaration"


class NothingToConfirm(Refusal):
    """There is no predicted best cell, or it is today's text."""

    code: ClassVar[str] = "outreach.experiment_nothing_to_confirm"
    status: ClassVar[int] = 409


@transaction.atomic
def add_layer(*, code: str, name: str, actor: Actor, name_zh: str = "") -> Layer:
    """A new layer; its salt follows from its code. Raises CodeTaken."""
    layer = Layer(code=code, name=name, name_zh=name_zh, salt=f"layer:{code}")
    _save_new(layer)
    record(verb="outreach.layer.added", subject_type=LAYER, subject_id=layer.pk, actor=actor, after={"code": code})
    return layer


@transaction.atomic
def add_metric(
    *, code: str, name: str, kind: str, goal: str, actor: Actor, name_zh: str = "", currency: str = ""
) -> Metric:
    """A new metric outcomes can be recorded under. Raises CodeTaken."""
    metric = Metric(code=code, name=name, name_zh=name_zh, kind=kind, goal=goal, currency=currency)
    _save_new(metric)
    after = {"code": code, "kind": kind, "goal": goal, "currency": currency}
    record(verb="outreach.metric.added", subject_type=METRIC, subject_id=metric.pk, actor=actor, after=after)
    return metric


@transaction.atomic
def declare_experiment(*, declaration: Declaration, actor: Actor) -> Experiment:
    """A new draft. Raises DeclarationRefused, CodeTaken."""
    experiment = Experiment(code=declaration.code, salt=f"experiment:{declaration.code}", created_by_name=actor.name)
    _fill(experiment, declaration=declaration)
    _save_new(experiment)
    _write_parts(experiment, declaration=declaration)
    record(
        verb="outreach.experiment.declared",
        subject_type=SUBJECT,
        subject_id=experiment.pk,
        actor=actor,
        after=_facts(declaration),
    )
    return experiment


@transaction.atomic
def change_draft(*, experiment_id: int, declaration: Declaration, actor: Actor, seen: str | None = None) -> Experiment:
    """Another declaration for a draft nobody was asked to start; its code stays. `seen` marks it as the person saw it.

    Raises ExperimentNotFound, ExperimentNotInState, StartIsAskedFor, DeclarationRefused, DraftMovedOn.
    """
    experiment = locked(experiment_id=experiment_id, expected="draft")
    refuse_pending_start(experiment)
    refuse_if_moved_on(seen=seen, now=mark_of_declaration(experiment))
    declaration = replace(declaration, code=experiment.code, screening_id=experiment.screening_id)
    _fill(experiment, declaration=declaration)
    experiment.save()
    experiment.arms.all().delete()
    experiment.factors.all().delete()
    _write_parts(experiment, declaration=declaration)
    record(
        verb="outreach.experiment.changed",
        subject_type=SUBJECT,
        subject_id=experiment.pk,
        actor=actor,
        after=_facts(declaration),
    )
    return experiment


@transaction.atomic
def discard_draft(*, experiment_id: int, reason: str, actor: Actor) -> Experiment:
    """A draft that is not wanted. Raises ExperimentNotFound, ExperimentNotInState, StartIsAskedFor."""
    experiment = locked(experiment_id=experiment_id, expected="draft")
    refuse_pending_start(experiment)
    return move(experiment, to="discarded", actor=actor, reason=reason)


@transaction.atomic
def declare_confirmation(*, screening_id: int, code: str, declaration: Declaration, actor: Actor) -> Experiment:
    """The test the screening calls for: today's text against the predicted best cell, half and half.

    The arms come from the screening; everything else from `declaration`. Of a screening about a template the predicted
    best is drafted, unless its row says so already. Raises ExperimentNotFound, NothingToConfirm, the refusals of
    `declare_experiment`, and those of `draft_combination`.
    """
    screening = locked(experiment_id=screening_id)
    control, best = confirmation_arms(screening=screening)
    whole = replace(declaration, code=code, design="arms", factors=(), template="", screening_id=screening.pk)
    if screening.template is None:
        return declare_experiment(declaration=replace(whole, arms=(control, best)), actor=actor)
    words = _draft_best(screening, template=screening.template, code=code, actor=actor)
    arms = (control, replace(best, template=words.code))
    return declare_experiment(declaration=replace(whole, template=screening.template.code, arms=arms), actor=actor)


def confirmation_arms(*, screening: Experiment) -> tuple[NewArm, NewArm]:
    """Today's text and the predicted best cell of a screening that may be judged. Raises NothingToConfirm."""
    predicted = _predicted(screening)
    factors = list(screening.factors.order_by("number"))
    best = predicted.best

    def text(levels: tuple[int, ...]) -> str:
        return "\n".join(
            f"{factor.name}: {factor.levels[level - 1]}" for factor, level in zip(factors, levels, strict=True)
        )

    return (
        NewArm(name=_("today's text"), share=_HALF, content=text((1,) * len(best)), is_control=True),
        NewArm(name=_("predicted best text"), share=_HALF, content=text(best)),
    )


def _predicted(screening: Experiment) -> Screening:
    results = results_of(experiment=screening, as_of=business_date())
    if results.screening is None or not results.readiness.is_ready:
        raise NothingToConfirm(
            _("This experiment predicts no best text yet."),
            next_step=_("Wait until it may be judged; its page says when."),
        )
    if results.screening.is_current_best:
        raise NothingToConfirm(
            _("Today's text is the predicted best; there is nothing to confirm."),
            next_step=_("Decide the experiment for today's text."),
        )
    return results.screening


def _draft_best(screening: Experiment, *, template: MessageTemplate, code: str, actor: Actor) -> MessageTemplate:
    """The words of the predicted best: those of its row when it was one, else drafts of their own."""
    predicted = _predicted(screening)
    tried = None if predicted.best_row is None else screening.arms.get(number=predicted.best_row + 1).template
    return draft_combination(
        source=template,
        code=code_of_words(experiment=code, ending="best") if tried is None else tried.code,
        row=changed_by(levels="".join(map(str, predicted.best)), factors=tuple(screening.factors.order_by("number"))),
        own=[tried.code] if tried else (),
        actor=actor,
    )


def mark_of_declaration(experiment: Experiment) -> str:
    """What the editor carries to say which declaration it was opened with."""
    return mark_of(
        experiment.layer_id,
        experiment.metric_id,
        experiment.template_id,
        sorted(metric.pk for metric in experiment.watched.all()),
        [getattr(experiment, name) for name in _COPIED],
        list(
            experiment.arms.order_by("number").values_list(
                "number", "name", "content", "share", "is_control", "template_id"
            )
        ),
        list(experiment.factors.order_by("number").values_list("number", "name", "levels", "element")),
    )


def _fill(experiment: Experiment, *, declaration: Declaration) -> None:
    """Puts the declaration's own fields onto the row. Raises DeclarationRefused naming everything that is wrong."""
    fields = {
        field: sentence_text(sentence=fault)
        for field, fault in faults_of(declaration=declaration, as_of=business_date()).items()
    }
    layer = Layer.objects.filter(code=declaration.layer).first()
    metrics = {metric.code: metric for metric in Metric.objects.filter(code__in=_metrics(declaration))}
    templates = _templates(declaration)
    if declaration.template and declaration.template not in templates:
        fields["template"] = _("There is no such template.")
    if any(arm.template and arm.template not in templates for arm in declaration.arms):
        fields["arms"] = _("an arm names a template that does not exist")
    if layer is None:
        fields["layer"] = _("There is no such layer.")
    if declaration.metric not in metrics:
        fields["metric"] = _("There is no such metric.")
    if not set(declaration.watched) <= set(metrics):
        fields["watched"] = _("There is no such metric.")
    if fields or layer is None:
        raise DeclarationRefused(
            _("The experiment cannot be declared like this."), next_step=_("Change what is marked."), fields=fields
        )
    experiment.layer, experiment.metric = layer, metrics[declaration.metric]
    experiment.template = templates.get(declaration.template)
    for name in _COPIED:
        setattr(experiment, name, getattr(declaration, name))


def _write_parts(experiment: Experiment, *, declaration: Declaration) -> None:
    experiment.watched.set(Metric.objects.filter(code__in=declaration.watched))
    templates = _templates(declaration)
    Arm.objects.bulk_create(
        Arm(
            experiment=experiment,
            number=number,
            name=arm.name,
            content=arm.content,
            share=arm.share,
            is_control=arm.is_control,
            template=templates.get(declaration.template if arm.is_control else arm.template),
        )
        for number, arm in enumerate(arms_of(declaration=declaration), start=1)
    )
    Factor.objects.bulk_create(
        Factor(
            experiment=experiment,
            number=number,
            name=factor.name,
            levels=list(factor.levels),
            element=factor.element if declaration.template else "",
        )
        for number, factor in enumerate(declaration.factors, start=1)
    )


def _save_new(row: Layer | Metric | Experiment) -> None:
    try:
        with transaction.atomic():
            row.save(force_insert=True)
    except IntegrityError as error:
        raise CodeTaken(
            _("The code %(code)s is taken.") % {"code": row.code},
            next_step=_("Choose another code."),
            fields={"code": _("is taken")},
        ) from error


def _templates(declaration: Declaration) -> dict[str, MessageTemplate]:
    """The templates it names, by code."""
    codes = {declaration.template, *(arm.template for arm in declaration.arms)}
    return {template.code: template for template in MessageTemplate.objects.filter(code__in=codes)}


def _metrics(declaration: Declaration) -> set[str]:
    return {declaration.metric, *declaration.watched}


def _facts(declaration: Declaration) -> dict[str, object]:
    return {
        "code": declaration.code,
        "layer": declaration.layer,
        "metric": declaration.metric,
        "watched": list(declaration.watched),
        "template": declaration.template,
        **{name: getattr(declaration, name) for name in _COPIED},
        "arms": [
            {"name": arm.name, "share": arm.share, "control": arm.is_control, "template": arm.template}
            for arm in arms_of(declaration=declaration)
        ],
        "factors": [{"name": factor.name, "levels": factor.levels} for factor in declaration.factors],
    }
