"""Experiments to work with in tests, declared and started through the services on a business date of their own."""

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

from backoffice.audit import approvals
from backoffice.audit.models import ApprovalLimit
from backoffice.calendars.models import BusinessDay
from backoffice.customers.models import Borrower
from backoffice.outreach.domain.experiments.declaring import Declaration, NewArm, NewFactor
from backoffice.outreach.models import Experiment, Layer, Metric
from backoffice.outreach.services import experiments
from tests.staff.factories import actor

TODAY = date(2026, 3, 2)
AT = datetime(2026, 3, 2, 4, tzinfo=UTC)
ANALYST = actor("team_lead", actor_id=1, name="Ada")
CHECKER = actor("compliance", actor_id=2, name="Bo")
FIRST_UNIT = 1_000_001
ELEMENTS = ("salutation", "greeting", "benefit", "time limit", "social proof", "call to action")


def on(day: date = TODAY) -> None:
    """Sets the business date, and what a fresh database has: a layer, two metrics, and who starts experiments."""
    BusinessDay.objects.update_or_create(pk=BusinessDay.ONLY, defaults={"today": day})
    Layer.objects.get_or_create(code="texts", defaults={"name": "Texts", "salt": "layer:texts"})
    Metric.objects.get_or_create(code="on_time", defaults={"name": "paid on time", "name_zh": "按时还款"})
    Metric.objects.get_or_create(code="opted_out", defaults={"name": "opted out", "goal": "less"})
    Metric.objects.get_or_create(code="paid", defaults={"name": "paid", "kind": "mean", "currency": "CNY"})
    for role in ("admin", "compliance"):
        ApprovalLimit.objects.get_or_create(
            verb=experiments.START, role=role, currency="", defaults={"max_amount": None, "alone": False}
        )


def declaration(**changes: Any) -> Declaration:
    """Two texts, half and half, on the whole layer, through 31 March, judged by whether the bill is paid on time."""
    facts: dict[str, Any] = {
        "code": "short-text",
        "name": "Short reminder",
        "question": "Does a shorter text make more people pay on time?",
        "audience": "Borrowers with a bill due in three days.",
        "layer": "texts",
        "share": Decimal(1),
        "metric": "on_time",
        "watched": ("paid",),
        "window_days": 7,
        "minimum_sample": 3,
        "stop_on": date(2026, 3, 31),
        "arms": (
            NewArm(name="today's text", share=Decimal("0.5"), is_control=True),
            NewArm(name="short text", share=Decimal("0.5"), content="Your bill is due."),
        ),
    }
    return Declaration(**(facts | changes))


def screening(**changes: Any) -> Declaration:
    """The six elements in two versions, as an L8."""
    factors = tuple(NewFactor(name=name, levels=("today's", "new")) for name in ELEMENTS)
    facts: dict[str, Any] = {"code": "six", "name": "Six elements", "design": "L8", "arms": (), "factors": factors}
    return declaration(**({"watched": ()} | facts | changes))


def declared(**changes: Any) -> Experiment:
    """A draft."""
    return experiments.declare_experiment(declaration=declaration(**changes), actor=ANALYST)


def start(experiment: Experiment) -> Experiment:
    """Started by two people."""
    request = experiments.submit_start(experiment_id=experiment.pk, reason="ready to go", actor=ANALYST)
    decided = approvals.approve(approval_id=request.pk, actor=CHECKER)
    assert decided.state == "approved", decided.failure
    experiment.refresh_from_db()
    return experiment


def running(**changes: Any) -> Experiment:
    """A running experiment."""
    return start(declared(**changes))


def units(count: int) -> list[int]:
    """That many borrowers, the same ones each time: their ids decide their arms."""
    ids = range(FIRST_UNIT, FIRST_UNIT + count)
    Borrower.objects.bulk_create(
        [Borrower(pk=unit, external_id=f"U-{unit}", source="units", portfolio="cash") for unit in ids],
        ignore_conflicts=True,
    )
    return list(ids)
