"""An experiment about a template, at the moment messages are planned with it: whose words, and who was taken in."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time
from typing import Final
from zoneinfo import ZoneInfo

from django.conf import settings

from backoffice.audit.services import record
from backoffice.core.actors import Actor
from backoffice.core.bulk import array_text, fetch
from backoffice.outreach.domain.experiments.slices import arm_of
from backoffice.outreach.models import Arm, Experiment
from backoffice.outreach.services.experiments.locking import SUBJECT
from backoffice.outreach.services.messages import Planned
from backoffice.outreach.services.speaking import Words, words_of

# Only a message that is there with the words of the arm took anybody in: one that was planned before the experiment
# began keeps its own. A borrower has one arm and is taken in once.
_TAKE_IN: Final = """
INSERT INTO outreach_exposure (experiment_id, arm_id, borrower_id, at, message_key)
SELECT DISTINCT ON (fresh.experiment_id, fresh.borrower_id)
       fresh.experiment_id, fresh.arm_id, fresh.borrower_id, %(at)s, fresh.key
FROM unnest(
    %(experiments)s::bigint[], %(arms)s::bigint[], %(borrowers)s::bigint[], %(keys)s::text[], %(versions)s::bigint[]
) AS fresh (experiment_id, arm_id, borrower_id, key, version_id)
JOIN outreach_message message ON message.key = fresh.key AND message.template_version_id = fresh.version_id
ORDER BY fresh.experiment_id, fresh.borrower_id, fresh.key
ON CONFLICT (experiment_id, borrower_id) DO NOTHING
RETURNING experiment_id
"""


@dataclass(frozen=True, slots=True)
class Trial:
    """A running experiment about a template, with its arms by number."""

    experiment: Experiment
    arms: Mapping[str, Arm]

    def arm_for(self, *, borrower_id: int) -> Arm | None:
        """The arm of a borrower, always the same; None outside the experiment's slice of its layer."""
        found = arm_of(
            layer_salt=self.experiment.layer.salt,
            taken=(self.experiment.slice.lower, self.experiment.slice.upper),
            experiment_salt=self.experiment.salt,
            shares={number: arm.share for number, arm in self.arms.items()},
            unit_id=borrower_id,
        )
        return None if found is None else self.arms[found]


@dataclass(frozen=True, slots=True)
class Trials:
    """What is tried on a day, by the code of the template it is about."""

    by_template: Mapping[str, Trial]

    def template_for(self, template: str, *, borrower_id: int) -> str:
        """The code of the template that speaks to the borrower in the place of this one: itself, or their arm's."""
        arm = self.arm_for(template, borrower_id=borrower_id)
        return template if arm is None or arm.template is None else arm.template.code

    def arm_for(self, template: str, *, borrower_id: int) -> Arm | None:
        """The arm of whoever is written to with the template; None where nothing is tried on them."""
        trial = self.by_template.get(template)
        return None if trial is None else trial.arm_for(borrower_id=borrower_id)


def words_and_trials(*, codes: Collection[str], on: date) -> tuple[Words, Trials]:
    """The words of some templates on a day, with those of the arms that are tried in their place; two queries.

    An experiment of which an arm has lost words takes nobody in: the template speaks to all, until the close stops it.
    """
    arms = (
        Arm.objects.filter(
            experiment__state=Experiment.State.RUNNING,
            experiment__stop_on__gte=on,
            experiment__template__code__in=codes,
            template__isnull=False,
        )
        .select_related("experiment__layer", "experiment__template", "template")
        .order_by("experiment_id", "number")
    )
    found: dict[str, list[Arm]] = {}
    for arm in arms:
        if arm.experiment.template is not None:
            found.setdefault(arm.experiment.template.code, []).append(arm)
    spoken_by_arms = {arm.template.code for of_one in found.values() for arm in of_one if arm.template is not None}
    words = words_of(codes={*codes, *spoken_by_arms})
    trials = {
        code: Trial(of_one[0].experiment, {str(arm.number): arm for arm in of_one})
        for code, of_one in found.items()
        if _speak_alike(of_one, words=words)
    }
    return words, Trials(trials)


def take_in_planned(*, trials: Trials, planned: Iterable[tuple[str, Planned]], day: date, actor: Actor) -> int:
    """Writes down who was taken in by the messages just planned, each with the template it was planned with.

    One statement; whoever is in already stays as they are. They are in from the beginning of the day their message is
    for, in the lender's zone, and stay in whatever becomes of the message. Gives how many are new.
    """
    rows = [
        (arm.experiment_id, arm.pk, message)
        for template, message in planned
        if (arm := trials.arm_for(template, borrower_id=message.borrower_id))
    ]
    if not rows:
        return 0
    new = fetch(
        _TAKE_IN,
        {
            "at": beginning_of(day),
            "experiments": array_text((experiment for experiment, _, _ in rows), kind="bigint"),
            "arms": array_text((arm for _, arm, _ in rows), kind="bigint"),
            "borrowers": array_text((message.borrower_id for *_, message in rows), kind="bigint"),
            "keys": array_text((message.key for *_, message in rows), kind="text"),
            "versions": array_text((message.template_version_id for *_, message in rows), kind="bigint"),
        },
    )
    for experiment_id in sorted({row[0] for row in new}):
        count = sum(row[0] == experiment_id for row in new)
        record(
            verb="outreach.experiment.taken_in",
            subject_type=SUBJECT,
            subject_id=experiment_id,
            actor=actor,
            after={"day": day, "new": count},
        )
    return len(new)


def beginning_of(day: date) -> datetime:
    """Midnight of a business day, in the lender's zone."""
    return datetime.combine(day, time.min, tzinfo=ZoneInfo(settings.TIME_ZONE))


def _speak_alike(arms: list[Arm], *, words: Words) -> bool:
    """True when every arm has words wherever another has."""
    places = [
        {(channel, language) for code, channel, language in words if arm.template and code == arm.template.code}
        for arm in arms
    ]
    return all(one == places[0] for one in places)
