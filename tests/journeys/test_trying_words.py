"""docs/processes/experiments.md, an experiment on words: drafted, approved, planned by closes, paid or not, judged."""

from collections import Counter
from datetime import date, timedelta
from typing import Any

import pytest

from backoffice.audit import approvals
from backoffice.core.actors import SYSTEM, Actor
from backoffice.customers.models import Borrower
from backoffice.dayend.models import DayEndStep
from backoffice.dayend.services import close_day
from backoffice.outreach.domain.experiments.declaring import NewArm
from backoffice.outreach.models import (
    ConsentEntry,
    Experiment,
    Exposure,
    Message,
    MessageTemplate,
    Outcome,
    Piece,
    ReminderPlanVersion,
    TemplateVersion,
)
from backoffice.outreach.selectors.experiments import results_of
from backoffice.outreach.services import experiments, templates
from backoffice.outreach.services.starting import load_starter, load_starter_plan
from backoffice.repayment.services.experiments import record_what_happened
from tests.journeys.conftest import Desk
from tests.outreach.experiment_book import declaration, start
from tests.repayment.cases import D

JANUARY_15 = date(2026, 1, 15)
DUE = date(2026, 2, 15)
PLANNED_FOR = date(2026, 2, 12)
BILL = "1100.16"
ADA = Actor("staff", 1, "Ada", frozenset({"admin"}))
GRACE = Actor("staff", 2, "Grace", frozenset({"compliance"}))


@pytest.fixture
def _plan(desk: Desk) -> None:
    """The plan a new lender starts with, its words, and nobody left alone."""
    load_starter(is_active=True, actor=SYSTEM)
    load_starter_plan(effective_from=JANUARY_15, actor=SYSTEM)
    version = ReminderPlanVersion.objects.get()
    version.content = version.content | {"holdout": "0"}
    version.save(update_fields=["content"])
    desk.open(JANUARY_15)


def loans(desk: Desk, count: int) -> dict[int, int]:
    """Loans due on 15 February by their borrower, whose ids decide their arms."""
    found = {}
    for number in range(2_000_001, 2_000_001 + count):
        Borrower.objects.create(
            pk=number, external_id=f"W-{number}", source="words", portfolio="cash", country="CN",
            time_zone="Asia/Shanghai", language="zh-Hans",
        )  # fmt: skip
        found[number] = desk.disburse(borrower_id=number)
    return found


def approved(template: MessageTemplate) -> None:
    """Every draft of a template is submitted and approved."""
    for version in template.versions.filter(state="draft"):
        asked = templates.submit_version(version_id=version.pk, reason="to be tried", actor=ADA)
        approvals.approve(approval_id=asked.pk, actor=GRACE)


def shorter(template: MessageTemplate) -> None:
    """The drafts of a copy leave the time limit out."""
    for version in template.versions.all():
        pieces = Piece.objects.filter(pk__in=version.pieces).exclude(element="time_limit")
        wording = templates.Wording(subject=version.subject, pieces=tuple(pieces.values_list("pk", flat=True)))
        templates.change_draft(version_id=version.pk, wording=wording, actor=ADA)


def two_texts(**changes: Any) -> Experiment:
    """The reminder of three days before against a shorter one, declared, its words approved, running."""
    today = MessageTemplate.objects.get(code="reminder_d3")
    short = templates.copy_template(
        template_id=today.pk, code="reminder_d3_short", name="Shorter", name_zh="更短", actor=ADA
    )
    shorter(short)
    approved(short)
    return start(
        experiments.declare_experiment(
            declaration=declaration(
                template="reminder_d3",
                watched=("opted_out",),
                stop_on=date(2026, 2, 20),
                arms=(
                    NewArm(name="today's text", share=D("0.5"), is_control=True),
                    NewArm(name="short text", share=D("0.5"), template="reminder_d3_short"),
                ),
                **changes,
            ),
            actor=ADA,
        )
    )


def close(desk: Desk, *, through: date) -> None:
    while desk.today <= through:
        close_day(day=desk.today, actor=SYSTEM, threads=1)


def arms() -> dict[int, str]:
    return dict(Exposure.objects.values_list("borrower_id", "arm__name"))


@pytest.mark.usefixtures("_plan")
def test_two_texts_are_tried_by_the_closes_and_judged_on_their_day(desk: Desk) -> None:
    book = loans(desk, 24)
    desk.until(PLANNED_FOR - timedelta(days=2))
    experiment = two_texts()

    # The close of the eleventh plans the reminders of the twelfth, each with the words of the borrower's arm.
    close(desk, through=PLANNED_FOR - timedelta(days=1))
    said = dict(Message.objects.values_list("borrower_id", "template_version__template__code"))
    words = {"today's text": "reminder_d3", "short text": "reminder_d3_short"}
    assert {borrower: words[arm] for borrower, arm in arms().items()} == said
    assert Counter(arms().values()) == {"today's text": 15, "short text": 9}
    assert {at.astimezone().date() for at in Exposure.objects.values_list("at", flat=True)} == {PLANNED_FOR}

    # Those with the short text pay on the due date, of the others every second one; one of them wants no more.
    short = sorted(borrower for borrower, arm in arms().items() if arm == "short text")
    others = sorted(set(book) - set(short))
    ConsentEntry.objects.create(
        borrower_id=others[0], kind="opt_out", source="sms", actor_name="gateway",
        at=Exposure.objects.get(borrower_id=others[0]).at + timedelta(hours=11),
    )  # fmt: skip
    close(desk, through=DUE - timedelta(days=1))
    for borrower in [*short, *others[::2]]:
        desk.pay(book[borrower], BILL)
    close(desk, through=DUE)

    paid = set(Outcome.objects.filter(metric__code="on_time").values_list("borrower_id", flat=True))
    assert paid == {*short, *others[::2]}
    assert list(Outcome.objects.filter(metric__code="opted_out").values_list("borrower_id", flat=True)) == others[:1]
    assert record_what_happened(day=DUE) == 0

    # Its last day comes, and the window of the last of them: it is judged by itself.
    close(desk, through=date(2026, 2, 27))
    experiment.refresh_from_db()
    assert (experiment.state, experiment.stopped_on) == ("stopped", date(2026, 2, 20))
    assert DayEndStep.objects.get(run__day=date(2026, 2, 20), name="experiments").counts["experiments"] == 1
    results = results_of(experiment=experiment, as_of=desk.today)
    assert results.readiness.is_ready
    assert [(one.arm.name, one.sample.units, one.sample.total) for one in results.main.arms] == [
        ("today's text", 15, 8),
        ("short text", 9, 9),
    ]
    assert results.winner is not None
    assert results.winner.name == "short text"
    opted_out = results.metrics[1]
    assert [(one.sample.units, one.sample.total) for one in opted_out.arms] == [(15, 1), (9, 0)]


def tried(desk: Desk, count: int) -> dict[int, int]:
    """Two texts tried on loans whose reminders of the twelfth are planned."""
    book = loans(desk, count)
    desk.until(PLANNED_FOR - timedelta(days=2))
    two_texts()
    close(desk, through=PLANNED_FOR - timedelta(days=1))
    return book


def on_time() -> list[int]:
    return list(Outcome.objects.filter(metric__code="on_time").order_by("id").values_list("borrower_id", flat=True))


@pytest.mark.usefixtures("_plan")
def test_who_pays_before_the_message_leaves_stays_in_and_money_that_comes_back_is_not_on_time(desk: Desk) -> None:
    book = tried(desk, 3)
    early, bounced, late = book
    close(desk, through=DUE - timedelta(days=1))
    desk.pay(book[early], BILL)
    came_back = desk.pay(book[bounced], BILL)
    desk.take_back(came_back)
    first_message = Exposure.objects.get(borrower_id=early).message_key
    assert Message.objects.get(key=first_message).state == "stopped"
    assert sorted(arms()) == sorted(book)

    assert record_what_happened(day=DUE - timedelta(days=1)) == 0, "until the due date is over it can still change"
    close(desk, through=DUE)
    desk.pay(book[late], BILL)
    close(desk, through=DUE + timedelta(days=1))

    assert on_time() == [early]


@pytest.mark.usefixtures("_plan")
def test_a_loan_taken_within_the_window_is_told_of(desk: Desk) -> None:
    book = tried(desk, 2)
    first, second = book
    desk.disburse(borrower_id=first)
    close(desk, through=PLANNED_FOR + timedelta(days=6))
    desk.disburse(borrower_id=second)
    close(desk, through=PLANNED_FOR + timedelta(days=7))
    again = Outcome.objects.filter(metric__code="borrowed_again")
    assert list(again.values_list("borrower_id", flat=True)) == [first]
    assert record_what_happened(day=PLANNED_FOR + timedelta(days=7)) == 0


@pytest.mark.usefixtures("_plan")
def test_a_loan_paid_off_within_a_shorter_window_is_on_time_and_told_of_when_that_is_over(desk: Desk) -> None:
    book = loans(desk, 1)
    desk.until(PLANNED_FOR - timedelta(days=2))
    two_texts(window_days=2)
    close(desk, through=PLANNED_FOR)
    (borrower,) = book
    desk.pay_off(book[borrower], str(desk.quote(book[borrower]).total))

    assert record_what_happened(day=PLANNED_FOR) == 0
    close(desk, through=PLANNED_FOR + timedelta(days=1))

    assert on_time() == [borrower]


@pytest.mark.usefixtures("_plan")
def test_words_retired_while_it_runs_stop_it_at_the_close(desk: Desk) -> None:
    tried(desk, 1)
    version = TemplateVersion.objects.filter(template__code="reminder_d3_short", state="active").first()
    templates.retire_version(version_id=version.pk, reason="must not be sent", actor=ADA)
    close(desk, through=PLANNED_FOR)
    experiment = Experiment.objects.get()
    assert (experiment.state, experiment.stopped_on) == ("stopped", PLANNED_FOR)
