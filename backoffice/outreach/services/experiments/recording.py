"""Taking units in and recording what they did: sets of rows in a fixed number of statements, safe to repeat."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import ClassVar

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from backoffice.audit.services import record
from backoffice.core.actors import Actor
from backoffice.core.bulk import array_text, fetch
from backoffice.core.errors import Refusal
from backoffice.core.formats import date_text
from backoffice.customers.models import Borrower
from backoffice.outreach.domain.experiments.slices import arm_of
from backoffice.outreach.models import Experiment, Metric, Outcome
from backoffice.outreach.services.experiments.locking import SUBJECT, not_found
from backoffice.staff.models import User

_EXPOSE = """
INSERT INTO outreach_exposure (experiment_id, arm_id, borrower_id, at, message_key)
SELECT %(experiment)s, fresh.arm_id, fresh.borrower_id, %(at)s, ''
FROM unnest(%(borrowers)s::bigint[], %(arms)s::bigint[]) AS fresh (borrower_id, arm_id)
ORDER BY fresh.borrower_id
ON CONFLICT (experiment_id, borrower_id) DO NOTHING
RETURNING borrower_id
"""
_RECORD = """
INSERT INTO outreach_outcome (borrower_id, metric_id, value, at, key)
SELECT borrower_id, metric_id, value, at, key
FROM unnest(
    %(borrowers)s::bigint[], %(metrics)s::bigint[], %(values)s::numeric[], %(ats)s::timestamptz[], %(keys)s::text[]
) AS fresh (borrower_id, metric_id, value, at, key)
ORDER BY key
ON CONFLICT (key) DO NOTHING
RETURNING key
"""


class NotTakingIn(Refusal):
    """The experiment does not run, or its last day is over."""

    code: ClassVar[str] = "outreach.experiment_not_taking_in"
    status: ClassVar[int] = 409


class TakenInByMessages(Refusal):
    """The experiment is about a template: whoever is written to with it is taken in, and nobody else."""

    code: ClassVar[str] = "outreach.experiment_taken_in_by_messages"
    status: ClassVar[int] = 409


class UnitsNotFound(Refusal):
    """Some of the borrowers do not exist."""

    code: ClassVar[str] = "outreach.experiment_units_not_found"


class OutcomeRefused(Refusal):
    """An outcome names an unknown metric, or a value the metric cannot have."""

    code: ClassVar[str] = "outreach.outcome_refused"


class OutcomeKeyReused(Refusal):
    """The key of an outcome stands for another outcome already."""

    code: ClassVar[str] = "outreach.outcome_key_reused"
    status: ClassVar[int] = 409


@dataclass(frozen=True, slots=True)
class TakenIn:
    """One unit of an experiment: its arm, and whether it is new; `arm_number` is None outside the slice."""

    borrower_id: int
    arm_number: int | None
    is_new: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class NewOutcome:
    """What a unit did: 1 or 0 of a binary metric, an amount of another. `key` makes a repeat the same outcome."""

    borrower_id: int
    metric: str
    value: Decimal
    at: datetime
    key: str


@transaction.atomic
def take_in(*, experiment_id: int, borrower_ids: Sequence[int], at: datetime, actor: Actor) -> list[TakenIn]:
    """The arm of each borrower, in the order given, written down for those inside the slice that are new.

    Call it at the moment the arms begin to differ for the borrower, for the control too. Six statements however many
    borrowers there are. Raises ExperimentNotFound, NotTakingIn, TakenInByMessages, UnitsNotFound.
    """
    experiment = Experiment.objects.select_related("layer").filter(pk=experiment_id).first()
    if experiment is None:
        raise not_found()
    _check_open(experiment, on=timezone.localtime(at).date())
    if experiment.template_id is not None:
        raise TakenInByMessages(
            _("%(name)s is about a template: people are taken in when they are written to with it.")
            % {"name": experiment.name},
            next_step=_("Plan messages with the template, by a reminder plan or a campaign."),
        )
    units = sorted(set(borrower_ids))
    check_units(units=units)
    arms = {str(arm.number): arm for arm in experiment.arms.order_by("number")}
    shares = {number: arm.share for number, arm in arms.items()}
    taken = (experiment.slice.lower, experiment.slice.upper)
    found = {
        unit: arm_of(
            layer_salt=experiment.layer.salt,
            taken=taken,
            experiment_salt=experiment.salt,
            shares=shares,
            unit_id=unit,
        )
        for unit in units
    }
    inside = [(unit, arms[number].pk) for unit, number in found.items() if number is not None]
    params = {
        "experiment": experiment.pk,
        "at": at,
        "borrowers": array_text([unit for unit, _arm in inside], kind="bigint"),
        "arms": array_text([arm for _unit, arm in inside], kind="bigint"),
    }
    new = {row[0] for row in fetch(_EXPOSE, params)}
    record(
        verb="outreach.experiment.taken_in",
        subject_type=SUBJECT,
        subject_id=experiment.pk,
        actor=actor,
        after={"asked": len(units), "inside": len(inside), "new": len(new)},
    )
    numbers = {unit: None if number is None else int(number) for unit, number in found.items()}
    return [TakenIn(unit, numbers[unit], unit in new) for unit in dict.fromkeys(borrower_ids)]


@transaction.atomic
def record_outcomes(*, outcomes: Sequence[NewOutcome], actor: Actor) -> int:
    """Write down what units did, each key once; how many were new. A fixed number of statements.

    Raises UnitsNotFound, OutcomeRefused, OutcomeKeyReused.
    """
    metrics = {metric.code: metric for metric in Metric.objects.filter(code__in={one.metric for one in outcomes})}
    by_key: dict[str, NewOutcome] = {}
    for one in outcomes:
        _check_outcome(one, metrics=metrics)
        if by_key.setdefault(one.key, one) != one:
            raise _key_reused(one.key)
    check_units(units=sorted({one.borrower_id for one in outcomes}))
    rows = list(by_key.values())
    params = {
        "borrowers": array_text([one.borrower_id for one in rows], kind="bigint"),
        "metrics": array_text([metrics[one.metric].pk for one in rows], kind="bigint"),
        "values": array_text([one.value for one in rows], kind="numeric"),
        "ats": array_text([one.at.isoformat() for one in rows], kind="timestamptz"),
        "keys": array_text([one.key for one in rows], kind="text"),
    }
    new = {row[0] for row in fetch(_RECORD, params)}
    known = Outcome.objects.filter(key__in=by_key.keys() - new).select_related("metric")
    for stored in known:
        again = by_key[stored.key]
        if (stored.borrower_id, stored.metric.code, stored.value) != (again.borrower_id, again.metric, again.value):
            raise _key_reused(stored.key)
    record(
        verb="outreach.outcome.recorded",
        subject_type="outreach.outcome",
        subject_id=min(by_key, default="-")[:64],
        actor=actor,
        after={"asked": len(rows), "new": len(new), "metrics": sorted(metrics)},
    )
    return len(new)


def _check_open(experiment: Experiment, *, on: date) -> None:
    if experiment.state != "running":
        raise NotTakingIn(
            _("The experiment %(name)s is not running.") % {"name": experiment.name},
            next_step=_("Start it first, or leave the units as they are."),
        )
    if experiment.stop_on is not None and on > experiment.stop_on:
        raise NotTakingIn(
            _("The experiment %(name)s took units in through %(day)s.")
            % {"name": experiment.name, "day": date_text(experiment.stop_on)},
            next_step=_("Leave the units as they are."),
        )


def check_units(*, units: Sequence[int], user: User | None = None) -> None:
    """Raises UnitsNotFound for borrowers that do not exist, or that `user` may not see; one query."""
    borrowers = Borrower.objects.all() if user is None else Borrower.objects.visible_to(user)
    known = set(borrowers.filter(pk__in=units).values_list("pk", flat=True))
    missing = sorted(set(units) - known)
    if missing:
        raise UnitsNotFound(
            _("There are no such borrowers: %(ids)s.") % {"ids": ", ".join(map(str, missing[:10]))},
            next_step=_("Leave them out."),
            fields={"borrower_ids": _("names borrowers that do not exist")},
        )


def _check_outcome(one: NewOutcome, *, metrics: dict[str, Metric]) -> None:
    metric = metrics.get(one.metric)
    if metric is None:
        raise OutcomeRefused(
            _("There is no metric %(code)s.") % {"code": one.metric},
            next_step=_("Add the metric first, or correct its code."),
            fields={"metric": _("There is no such metric.")},
        )
    if metric.kind == Metric.Kind.BINARY and one.value not in (0, 1):
        raise OutcomeRefused(
            _("%(metric)s is either 1 or 0, not %(value)s.") % {"metric": metric.name, "value": one.value},
            next_step=_("Send 1 for a unit that did it."),
            fields={"value": _("must be 0 or 1")},
        )


def _key_reused(key: str) -> OutcomeKeyReused:
    return OutcomeKeyReused(
        _("The key %(key)s stands for another outcome.") % {"key": key},
        next_step=_("Outcomes are never changed; send a new one with a key of its own."),
        fields={"key": _("is used already")},
    )
