"""Bringing in an experiment that was run elsewhere: its arms and what they did as sums, without units."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import ClassVar, Final

from django.db import transaction
from django.utils.translation import gettext as _

from backoffice.core.actors import Actor
from backoffice.core.errors import Refusal
from backoffice.core.money import split
from backoffice.outreach.domain.experiments.effects import Sample
from backoffice.outreach.domain.experiments.hillstrom import CONTROL, SEGMENTS, WINDOW_DAYS, NotTheFile, read_arms
from backoffice.outreach.models import Arm, ArmResult, Experiment, Layer, Metric
from backoffice.outreach.services.experiments.locking import move

CODE: Final = "hillstrom-email-2008"
ELSEWHERE: Final = "elsewhere"
DECLARED: Final = "visit"
METRICS: Final = {
    "visit": ("hillstrom_visit", "visited the site", "访问网站", "binary", ""),
    "conversion": ("hillstrom_conversion", "bought something", "购买", "binary", ""),
    "spend": ("hillstrom_spend", "spent", "消费金额", "mean", "USD"),
}
CONTENTS: Final = {
    CONTROL: "No e-mail was sent.",
    "Mens E-Mail": "An e-mail featuring men's merchandise.",
    "Womens E-Mail": "An e-mail featuring women's merchandise.",
}


class FileNotReadable(Refusal):
    """The file is not the data set."""

    code: ClassVar[str] = "outreach.hillstrom_file"


class ResultsDiffer(Refusal):
    """The experiment was brought in before with other results."""

    code: ClassVar[str] = "outreach.experiment_results_differ"
    status: ClassVar[int] = 409


@dataclass(frozen=True, slots=True)
class BroughtIn:
    """The experiment, how many units it had, and whether it was there already."""

    experiment: Experiment
    units: int
    is_new: bool


@transaction.atomic
def bring_in_hillstrom(*, lines: Iterable[str], actor: Actor) -> BroughtIn:
    """Loads the e-mail test as a stopped experiment of three arms; a second time nothing is written.

    Raises FileNotReadable, ResultsDiffer.
    """
    try:
        arms = read_arms(lines=lines)
    except NotTheFile as error:
        raise FileNotReadable(
            _("This is not the e-mail test: %(why)s.") % {"why": error},
            next_step=_("Name the file customers.csv.gz of the data set, or its unpacked copy."),
        ) from error
    units = sum(of[DECLARED].units for of in arms.values())
    known = Experiment.objects.filter(code=CODE).first()
    if known is not None:
        _check_same(known, arms=arms)
        return BroughtIn(known, units, is_new=False)
    experiment = _experiment(actor)
    metrics = {
        name: Metric.objects.get_or_create(
            code=code, defaults={"name": said, "name_zh": zh, "kind": kind, "currency": currency}
        )[0]
        for name, (code, said, zh, kind, currency) in METRICS.items()
    }
    experiment.metric = metrics[DECLARED]
    experiment.save()
    experiment.watched.set(metric for name, metric in metrics.items() if name != DECLARED)
    shares = split(Decimal(1), [Decimal(1)] * len(SEGMENTS), unit=Decimal("0.000001"))
    rows = Arm.objects.bulk_create(
        Arm(
            experiment=experiment,
            number=number,
            name=segment,
            content=CONTENTS[segment],
            share=share,
            is_control=segment == CONTROL,
        )
        for number, (segment, share) in enumerate(zip(SEGMENTS, shares, strict=True), start=1)
    )
    ArmResult.objects.bulk_create(
        ArmResult(arm=arm, metric=metrics[name], units=one.units, total=one.total, squares=one.squares or one.total)
        for arm in rows
        for name, one in arms[arm.name].items()
    )
    move(experiment, to="stopped", actor=actor, reason="brought in with its results")
    return BroughtIn(experiment, units, is_new=True)


def _experiment(actor: Actor) -> Experiment:
    layer, _is_new = Layer.objects.get_or_create(
        code=ELSEWHERE, defaults={"name": "Run elsewhere", "name_zh": "外部运行", "salt": f"layer:{ELSEWHERE}"}
    )
    return Experiment(
        code=CODE,
        name="Hillstrom e-mail test, 2008",
        question=(
            "Does an e-mail bring customers of a shop back to its site, and does it matter whether it shows men's or "
            "women's merchandise?"
        ),
        audience=(
            "64,000 customers of a mail-order and web shop who had bought within the last twelve months, split at "
            "random into three; what they did in the two weeks after. Published by K. Hillstrom, MineThatData."
        ),
        layer=layer,
        share=Decimal(1),
        salt=f"experiment:{CODE}",
        origin=Experiment.Origin.BROUGHT_IN,
        window_days=WINDOW_DAYS,
        alpha=Decimal("0.05"),
        power=Decimal("0.8"),
        created_by_name=actor.name,
    )


def _check_same(experiment: Experiment, *, arms: Mapping[str, Mapping[str, Sample]]) -> None:
    stored = {
        (one.arm.name, one.metric.code): (one.units, one.total)
        for one in ArmResult.objects.filter(arm__experiment=experiment).select_related("arm", "metric")
    }
    read = {
        (segment, METRICS[name][0]): (one.units, one.total) for segment, of in arms.items() for name, one in of.items()
    }
    if stored != read:
        raise ResultsDiffer(
            _("The e-mail test was brought in before, with other results."),
            next_step=_("Compare the two files; what is stored is never changed."),
        )
