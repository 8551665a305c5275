"""Running an experiment: started by a second person, stopped on its day, decided when it may be judged."""

import hashlib
import json
from datetime import date
from typing import ClassVar, Final

from django.core.serializers.json import DjangoJSONEncoder
from django.db import transaction
from django.db.backends.postgresql.psycopg_any import NumericRange
from django.db.models.functions import Now
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from backoffice.audit import approvals
from backoffice.audit.approvals import ApprovedRequest
from backoffice.audit.models import Approval
from backoffice.calendars.selectors import business_date
from backoffice.core.actors import Actor
from backoffice.core.errors import Refusal
from backoffice.core.formats import count_text, date_text, percent_text
from backoffice.outreach.domain.experiments.slices import Slice, free_share, free_slice
from backoffice.outreach.models import Experiment, Layer, MessageTemplate
from backoffice.outreach.selectors.experiment_arms import wordings_of
from backoffice.outreach.selectors.experiment_words import sentence_text
from backoffice.outreach.selectors.experiments import results_of
from backoffice.outreach.services.experiments.locking import START, SUBJECT, locked, move, refuse_pending_start

DECLARED: Final = (
    "layer",
    "share",
    "salt",
    "template",
    "design",
    "metric",
    "window_days",
    "alpha",
    "power",
    "minimum_sample",
    "stop_on",
)
OF_AN_ARM: Final = ("number", "name", "content", "share", "is_control", "template")


class LayerFull(Refusal):
    """The running experiments of the layer leave no part of it that is wide enough."""

    code: ClassVar[str] = "outreach.experiment_layer_full"
    status: ClassVar[int] = 409


class StopDateCame(Refusal):
    """The experiment would have to stop before it starts."""

    code: ClassVar[str] = "outreach.experiment_stop_date"


class ArmsNotSpoken(Refusal):
    """The arms have no words yet that can be compared, or the template is tried already; `fields` says what."""

    code: ClassVar[str] = "outreach.experiment_words"
    status: ClassVar[int] = 409


class DeclarationChanged(Refusal):
    """The draft is not what the second person was asked to start."""

    code: ClassVar[str] = "outreach.experiment_changed"
    status: ClassVar[int] = 409


class NotJudgedYet(Refusal):
    """An arm other than the control was chosen although the experiment has no verdict."""

    code: ClassVar[str] = "outreach.experiment_not_judged"
    status: ClassVar[int] = 409


class ArmNotFound(Refusal):
    """The experiment has no such arm."""

    code: ClassVar[str] = "outreach.experiment_arm"


@transaction.atomic
def submit_start(*, experiment_id: int, reason: str, actor: Actor) -> Approval:
    """Ask a second person to start a draft as it is now; nothing of it can be changed while the request waits.

    Raises ExperimentNotFound, ExperimentNotInState, StartIsAskedFor, StopDateCame, ArmsNotSpoken, LayerFull, and those
    of `approvals.submit`.
    """
    experiment = locked(experiment_id=experiment_id, expected="draft")
    refuse_pending_start(experiment)
    _check_start(experiment)
    return approvals.submit(
        verb=START,
        subject_type=SUBJECT,
        subject_id=experiment.pk,
        payload={"experiment": experiment.pk, "declared": declared_digest(experiment=experiment)},
        reason=reason,
        actor=actor,
        consequence=start_in_words(experiment=experiment),
    )


@transaction.atomic
def start_as_approved(request: ApprovedRequest) -> Experiment:
    """The deed of an approved request: the experiment takes its slice of the layer and runs; its plan is frozen.

    Raises ExperimentNotFound, ExperimentNotInState, DeclarationChanged, StopDateCame, ArmsNotSpoken, LayerFull.
    """
    experiment = locked(experiment_id=int(request.payload["experiment"]), expected="draft")
    _lock_words(experiment)
    if declared_digest(experiment=experiment) != request.payload["declared"]:
        raise DeclarationChanged(
            _("The experiment was changed since it was asked for."), next_step=_("Ask for the start again.")
        )
    start, end = _check_start(experiment)
    experiment.slice = NumericRange(start, end)
    experiment.started_at = Now()
    return move(experiment, to="running", actor=request.checker, reason=request.reason)


def consequence_of(approval: Approval) -> str:
    """What approving the start would do, as of now."""
    experiment = Experiment.objects.filter(pk=approval.payload["experiment"]).first()
    return approval.consequence if experiment is None else start_in_words(experiment=experiment)


def start_in_words(*, experiment: Experiment) -> str:
    """What starting does, in one sentence."""
    arms = experiment.arms.count()
    said = ngettext(
        "%(arms)s arm on %(share)s of the layer %(layer)s, units taken in through %(stop_on)s, at least %(minimum)s "
        "in each arm, judged by %(metric)s. Nothing of this can be changed afterwards.",
        "%(arms)s arms on %(share)s of the layer %(layer)s, units taken in through %(stop_on)s, at least %(minimum)s "
        "in each arm, judged by %(metric)s. Nothing of this can be changed afterwards.",
        arms,
    ) % {
        "arms": arms,
        "share": percent_text(experiment.share, bare=True),
        "layer": str(experiment.layer),
        "stop_on": date_text(experiment.stop_on) if experiment.stop_on else "–",
        "minimum": count_text(experiment.minimum_sample or 0),
        "metric": str(experiment.metric),
    }
    if experiment.template is None:
        return said
    return (
        said
        + " "
        + _("Whoever is written to with %(template)s gets the words of their arm.")
        % {"template": experiment.template.title}
    )


@transaction.atomic
def stop(*, experiment_id: int, reason: str, actor: Actor) -> Experiment:
    """Take no more units in, as of the business date; before its day the experiment will have no verdict.

    Raises ExperimentNotFound, ExperimentNotInState.
    """
    experiment = locked(experiment_id=experiment_id, expected="running")
    experiment.stopped_on = business_date()
    return move(experiment, to="stopped", actor=actor, reason=reason)


@transaction.atomic
def stop_due(*, as_of: date, actor: Actor) -> int:
    """Stop every running experiment whose last day is before `as_of`; safe to run again. How many stopped."""
    due = Experiment.objects.select_for_update().filter(state="running", stop_on__lt=as_of).order_by("pk")
    for experiment in due:
        experiment.stopped_on = experiment.stop_on
        move(experiment, to="stopped", actor=actor)
    return len(due)


@transaction.atomic
def stop_speechless(*, as_of: date, actor: Actor) -> int:
    """Stop every running experiment of which an arm has lost words the others have; how many stopped.

    Stopped before its day it will never have a verdict: from the loss on its arms were no longer treated alike.
    """
    running = Experiment.objects.select_for_update(of=("self",)).filter(state="running", template__isnull=False)
    stopped = 0
    for experiment in running.select_related("template").order_by("pk"):
        faults = wordings_of(experiment=experiment).faults
        if faults:
            experiment.stopped_on = as_of
            move(experiment, to="stopped", actor=actor, reason=sentence_text(sentence=faults[0]))
            stopped += 1
    return stopped


@transaction.atomic
def decide(*, experiment_id: int, arm_number: int, conclusion: str, actor: Actor) -> Experiment:
    """Close a stopped experiment for one of its arms. Without a verdict only the control can be kept.

    Raises ExperimentNotFound, ExperimentNotInState, ArmNotFound, NotJudgedYet.
    """
    experiment = locked(experiment_id=experiment_id, expected="stopped")
    arm = experiment.arms.filter(number=arm_number).first()
    if arm is None:
        raise ArmNotFound(
            _("The experiment has no such arm."),
            next_step=_("Choose one of its arms."),
            fields={"arm": _("is none of the arms")},
        )
    readiness = results_of(experiment=experiment, as_of=business_date()).readiness
    if not arm.is_control and not readiness.is_ready:
        raise NotJudgedYet(
            _("This experiment has no verdict, so it says nothing for %(arm)s.") % {"arm": arm.name},
            next_step=_("Keep the control, or wait until it may be judged; its page says when."),
            fields={"arm": _("only the control can be kept")},
        )
    experiment.chosen, experiment.conclusion, experiment.decided_at = arm, conclusion, Now()
    return move(experiment, to="decided", actor=actor, reason=conclusion)


def declared_digest(*, experiment: Experiment) -> str:
    """One name for everything that is declared: changes when any of it does."""
    facts = {
        "experiment": Experiment.objects.filter(pk=experiment.pk).values(*DECLARED).get(),
        "watched": sorted(experiment.watched.values_list("pk", flat=True)),
        "arms": list(experiment.arms.order_by("number").values_list(*OF_AN_ARM)),
        "factors": list(experiment.factors.order_by("number").values_list("number", "name", "levels", "element")),
        "words": wordings_of(experiment=experiment).version_ids if experiment.template_id else [],
    }
    return hashlib.sha256(json.dumps(facts, cls=DjangoJSONEncoder, sort_keys=True).encode()).hexdigest()


def _check_start(experiment: Experiment) -> Slice:
    """The slice it would take, the layer being locked. Raises StopDateCame, ArmsNotSpoken, LayerFull."""
    today = business_date()
    if experiment.stop_on is None or experiment.stop_on <= today:
        raise StopDateCame(
            _("The experiment would stop before it has begun: its last day is not after %(today)s.")
            % {"today": date_text(today)},
            next_step=_("Declare a later last day."),
            fields={"stop_on": _("is not in the future")},
        )
    _check_words(experiment)
    layer = Layer.objects.select_for_update().get(pk=experiment.layer_id)
    slices = layer.experiments.filter(state="running", slice__isnull=False).values_list("slice", flat=True)
    taken = [(one.lower, one.upper) for one in slices if one is not None]
    found = free_slice(taken=taken, share=experiment.share)
    if found is None:
        raise LayerFull(
            _("%(layer)s has no free part of %(share)s: at most %(free)s is free in one piece.")
            % {
                "layer": str(layer),
                "share": percent_text(experiment.share, bare=True),
                "free": percent_text(free_share(taken=taken), bare=True),
            },
            next_step=_("Take a smaller share, another layer, or wait until an experiment of this layer stops."),
            fields={"share": _("is more than the layer has free")},
        )
    return found


def _check_words(experiment: Experiment) -> None:
    """Raises ArmsNotSpoken while an arm has nothing to say that can be compared, or the template is tried already."""
    if experiment.template is None:
        return
    other = Experiment.objects.filter(state="running", template=experiment.template).exclude(pk=experiment.pk).first()
    if other is not None:
        raise ArmsNotSpoken(
            _("The experiment %(name)s runs on the template %(template)s already.")
            % {"name": other.name, "template": experiment.template.title},
            next_step=_("Wait until it stops, or try another template."),
        )
    faults = [sentence_text(sentence=fault) for fault in wordings_of(experiment=experiment).faults]
    if faults:
        raise ArmsNotSpoken(
            _("The arms cannot be compared yet: %(first)s") % {"first": faults[0]},
            next_step=_("Draft the words that are missing and have them approved, then ask for the start."),
            fields={"arms": " ".join(faults)},
        )


def _lock_words(experiment: Experiment) -> None:
    """Nobody approves or retires words of the arms until the transaction ends."""
    templates = list(experiment.arms.filter(template__isnull=False).values_list("template_id", flat=True))
    list(MessageTemplate.objects.select_for_update().filter(pk__in=templates).order_by("pk"))
