"""What the verbs of experiments share: the row under lock, its moves by the table, and the request that may wait."""

from typing import ClassVar, Final

from django.utils.translation import gettext as _

from backoffice.audit.models import Approval
from backoffice.audit.services import record
from backoffice.core.actors import Actor
from backoffice.core.errors import Refusal
from backoffice.outreach.domain.experiments.states import ExperimentState, may_become
from backoffice.outreach.models import Experiment

SUBJECT: Final = "outreach.experiment"
START: Final = "outreach.experiment.start"
"""The verb a second person agrees to."""


class ExperimentNotFound(Refusal):
    """There is no such experiment."""

    code: ClassVar[str] = "outreach.experiment_not_found"
    status: ClassVar[int] = 404


class ExperimentNotInState(Refusal):
    """The experiment is not in a state that allows this."""

    code: ClassVar[str] = "outreach.experiment_state"
    status: ClassVar[int] = 409


class StartIsAskedFor(Refusal):
    """A second person was asked to start this very draft."""

    code: ClassVar[str] = "outreach.experiment_start_is_asked_for"
    status: ClassVar[int] = 409


def locked(*, experiment_id: int, expected: ExperimentState | None = None) -> Experiment:
    """The experiment under lock, in the state that is expected. Raises ExperimentNotFound, ExperimentNotInState."""
    experiment = Experiment.objects.select_for_update().filter(pk=experiment_id).first()
    if experiment is None:
        raise not_found()
    if expected is not None and experiment.state != expected:
        raise _not_in_state(experiment)
    return experiment


def not_found() -> ExperimentNotFound:
    """The refusal for an experiment that is not there."""
    return ExperimentNotFound(_("There is no such experiment."), next_step=_("Look in the list of experiments."))


def move(experiment: Experiment, *, to: ExperimentState, actor: Actor, reason: str = "") -> Experiment:
    """Sets the state by the transition table, saves the row and leaves the trace. Raises ExperimentNotInState."""
    before = experiment.state
    if not may_become(state=before, to=to):  # type: ignore[arg-type]  # choices are those of the table
        raise _not_in_state(experiment)
    experiment.state = to
    experiment.save()
    record(
        verb=f"outreach.experiment.{to}",
        subject_type=SUBJECT,
        subject_id=experiment.pk,
        actor=actor,
        reason=reason,
        before={"state": before},
        after={
            "state": to,
            "code": experiment.code,
            "slice": str(experiment.slice) if experiment.slice else None,
            "stopped_on": experiment.stopped_on,
            "chosen": experiment.chosen_id,
            "conclusion": experiment.conclusion,
        },
    )
    return experiment


def pending_start(*, experiment: Experiment) -> Approval | None:
    """The request to start it that still waits."""
    return Approval.objects.filter(
        verb=START, subject_type=SUBJECT, subject_id=str(experiment.pk), state="pending"
    ).first()


def refuse_pending_start(experiment: Experiment) -> None:
    """Raises StartIsAskedFor when a request to start it waits."""
    if pending_start(experiment=experiment) is not None:
        raise StartIsAskedFor(
            _("A second person has been asked to start this experiment as it is."),
            next_step=_("Withdraw the request first, or wait for the answer."),
        )


def _not_in_state(experiment: Experiment) -> ExperimentNotInState:
    return ExperimentNotInState(
        _("The experiment %(name)s is in the state “%(state)s”; this cannot be done to it.")
        % {"name": experiment.name, "state": experiment.get_state_display()},
        next_step=_("Look at the experiment again; somebody may have been quicker."),
    )
