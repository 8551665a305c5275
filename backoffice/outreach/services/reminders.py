"""Reminders: the bills of a day become messages by the plans in force; simulated, nothing is written.

What is due is told from above as frozen values. Planning is a set operation, and planning a day twice plans it once.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal
from typing import Final

from django.db import transaction

from backoffice.audit.services import record
from backoffice.core.actors import Actor
from backoffice.core.bulk import array_text, fetch
from backoffice.outreach.domain.assignment import holdout
from backoffice.outreach.domain.purposes import RANK
from backoffice.outreach.domain.ranking import PLAN, source_of
from backoffice.outreach.domain.reminder_plans import ReminderContent, Step, parse
from backoffice.outreach.models import ReminderPlanVersion
from backoffice.outreach.services.experiments.trying import Trials, take_in_planned, words_and_trials
from backoffice.outreach.services.foreseeing import Weighed, weigh
from backoffice.outreach.services.messages import OwedNow, Planned, sendable, stop_paid
from backoffice.outreach.services.ranking import lock_borrowers, plan_ranked, rank
from backoffice.outreach.services.speaking import Words, names_of, spoken, values_of_loan, window

PAY_LINK: Final = "pay_link"
PayLinkFor = Callable[[int], str]
"""Gives the address at which a loan (id) can be paid, for words that have `{pay_link}`."""
KEEP_GROUPS = """
INSERT INTO outreach_remindergroup (plan_id, version_id, borrower_id, loan_id, due_date, is_held_out, planned_on)
SELECT plan_id, version_id, borrower_id, loan_id, due_date, is_held_out, %(day)s::date
FROM unnest(%(plans)s::bigint[], %(versions)s::bigint[], %(borrowers)s::bigint[], %(loans)s::bigint[], %(dues)s::date[],
            %(held)s::boolean[]) AS given (plan_id, version_id, borrower_id, loan_id, due_date, is_held_out)
ON CONFLICT (plan_id, due_date, loan_id) DO NOTHING
RETURNING 1
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class BillDue:
    """One bill as the loan book tells of it: what is left of it, and of everything past due, in major units."""

    loan_id: int
    loan_number: str
    borrower_id: int
    portfolio: str
    due_date: date
    amount: Decimal
    overdue: Decimal
    currency: str
    language: str
    time_zone: str


@dataclass(frozen=True, slots=True)
class ActivePlan:
    """A version in force: which plan and version it is, whose loans it is for, and what it says."""

    plan_id: int
    version_id: int
    code: str
    portfolio: str
    content: ReminderContent


@dataclass(slots=True)
class Outcome:
    """What planning a day came to: messages by channel, borrowers left alone, and what was not planned and why."""

    bills: int = 0
    held_out: int = 0
    by_channel: Counter[str] = field(default_factory=Counter)
    by_step: Counter[str] = field(default_factory=Counter)
    outranked: int = 0
    without_words: int = 0
    too_small: int = 0
    unfilled: dict[str, str] = field(default_factory=dict)
    """By key, what is wrong with the messages whose words could not be filled in."""
    new: int = 0
    planned_with: dict[str, str] = field(default_factory=dict)
    """The template each message was asked for with, by key: the words may be those of an arm of an experiment."""
    trials: Trials = field(default_factory=lambda: Trials({}))


@dataclass(slots=True)
class Simulated(Weighed):
    """What a version would do on a day: the outcome, what the gate would not let through by rule, and the cost."""

    outcome: Outcome = field(default_factory=Outcome)


def plans_in_force(*, on: date) -> list[ActivePlan]:
    """The versions that plan messages for a day, two queries at most."""
    versions = (
        ReminderPlanVersion.objects.filter(state="active", effective_from__lte=on)
        .select_related("plan")
        .order_by("plan_id")
    )
    return [as_active(version) for version in versions]


def as_active(version: ReminderPlanVersion) -> ActivePlan:
    """A version as if it were in force. Raises PlanFaulty."""
    return ActivePlan(version.plan_id, version.pk, version.plan.code, version.plan.portfolio, parse(version.content))


def due_dates_of(*, plans: Iterable[ActivePlan], day: date) -> list[date]:
    """The due dates whose bills some plan writes about on a day."""
    offsets = {step.offset for plan in plans for step in plan.content.steps}
    return sorted(day - timedelta(days=offset) for offset in offsets)


@transaction.atomic
def plan_day(
    *,
    day: date,
    bills: Sequence[BillDue],
    plans: Sequence[ActivePlan],
    owed_now: OwedNow,
    pay_link: PayLinkFor,
    actor: Actor,
) -> Outcome:
    """Plan the messages of a day about these bills, and keep who is reminded and who is left alone.

    `owed_now` locks loans and gives the oldest due date each still owes anything of: a payment that is being posted is
    waited for, what was paid since the bills were read is stopped, and money that comes later finds the messages. It is
    asked after the borrowers are locked and before any message is touched, the order everybody locks in.
    A message whose words cannot be filled in is left out, which the trail says: one loan must not stop a day.
    """
    outcome, chosen, groups = _chosen(day=day, bills=bills, plans=plans, pay_link=pay_link)
    if groups:
        fetch(
            KEEP_GROUPS,
            {
                "day": day,
                "plans": array_text((plan.plan_id for plan, _, _ in groups), kind="bigint"),
                "versions": array_text((plan.version_id for plan, _, _ in groups), kind="bigint"),
                "borrowers": array_text((bill.borrower_id for _, bill, _ in groups), kind="bigint"),
                "loans": array_text((bill.loan_id for _, bill, _ in groups), kind="bigint"),
                "dues": array_text((bill.due_date for _, bill, _ in groups), kind="date"),
                "held": array_text((str(held).lower() for *_, held in groups), kind="text"),
            },
        )
    if chosen:
        lock_borrowers(wanted=chosen)
        owed = owed_now([one.loan_id for one in chosen if one.loan_id is not None])
        ranking = rank(wanted=chosen)
        outcome.outranked += len(ranking.losing)
        outcome.by_channel.subtract(one.channel.value for one in chosen if one.key in ranking.losing)
        outcome.new = plan_ranked(wanted=chosen, ranking=ranking, actor=actor)
        tried = [(outcome.planned_with[one.key], one) for one in chosen if one.key not in ranking.losing]
        take_in_planned(trials=outcome.trials, planned=tried, day=day, actor=actor)
        stop_paid(loans=owed)
    if outcome.unfilled:
        _tell_unfilled(outcome.unfilled, day=day, actor=actor)
    return outcome


def simulate(*, day: date, bills: Sequence[BillDue], plans: Sequence[ActivePlan], pay_link: PayLinkFor) -> Simulated:
    """What planning the day would do, and what the gate would say of each message; nothing is written."""
    outcome, chosen, _groups = _chosen(day=day, bills=bills, plans=plans, pay_link=pay_link)
    found = weigh(messages=chosen)
    return Simulated(found.blocked, found.allowed, found.later, found.cost, outcome)


def _chosen(
    *, day: date, bills: Sequence[BillDue], plans: Sequence[ActivePlan], pay_link: PayLinkFor
) -> tuple[Outcome, list[Planned], list[tuple[ActivePlan, BillDue, bool]]]:
    """The messages of the day, one a borrower at most: the most pressing, then about the largest bill."""
    codes = {step.template for plan in plans for step in plan.content.steps}
    words, trials = words_and_trials(codes=codes, on=day)
    outcome = Outcome(bills=len(bills), trials=trials)
    own = {plan.portfolio: plan for plan in plans}
    groups: list[tuple[ActivePlan, BillDue, bool]] = []
    best: dict[int, tuple[tuple[int, Decimal, int], Planned, Step]] = {}
    for bill in bills:
        plan = own.get(bill.portfolio) or own.get("")
        steps = [step for step in plan.content.steps if (day - bill.due_date).days == step.offset] if plan else []
        if plan is None or not steps:
            continue
        is_held = holdout(salt=f"plan:{plan.code}", unit_id=bill.borrower_id, share=plan.content.holdout)
        groups.append((plan, bill, is_held))
        outcome.held_out += is_held
        for step in steps if not is_held else ():
            if not step.audience.takes(amount=bill.amount, currency=bill.currency, language=bill.language):
                outcome.too_small += 1
                continue
            message = _message(plan, step, bill, day=day, words=words, trials=trials, pay_link=pay_link)
            if message is None:
                outcome.without_words += 1
                continue
            rank = (RANK[step.purpose], -bill.amount, bill.loan_id)
            known = best.get(bill.borrower_id)
            outcome.outranked += known is not None
            if known is None or rank < known[0]:
                best[bill.borrower_id] = (rank, message, step)
    chosen, outcome.unfilled = sendable(planned=[message for _, message, _ in best.values()])
    outcome.planned_with = {message.key: step.template for _, message, step in best.values()}
    outcome.by_channel.update(message.channel.value for message in chosen)
    outcome.by_step.update(step.id for _, message, step in best.values() if message.key not in outcome.unfilled)
    return outcome, chosen, groups


def _tell_unfilled(unfilled: dict[str, str], *, day: date, actor: Actor) -> None:
    key, said = next(iter(unfilled.items()))
    record(
        verb="outreach.reminders.unfilled",
        subject_type="outreach.messages",
        subject_id=key,
        actor=actor,
        reason=said,
        after={"day": day, "messages": len(unfilled)},
    )


def _message(
    plan: ActivePlan,
    step: Step,
    bill: BillDue,
    *,
    day: date,
    words: Words,
    trials: Trials,
    pay_link: PayLinkFor,
) -> Planned | None:
    """The first channel of the step that has words in the borrower's language, the others after it."""
    template = trials.template_for(step.template, borrower_id=bill.borrower_id)
    said = spoken(words=words, template=template, channels=step.channels, language=bill.language)
    if not said:
        return None
    channel, version = said[0]
    names = names_of(said)
    values = values_of_loan(
        number=bill.loan_number,
        amount=bill.amount,
        overdue=bill.overdue,
        currency=bill.currency,
        due_date=bill.due_date,
        day=day,
    )
    if PAY_LINK in names:
        values[PAY_LINK] = pay_link(bill.loan_id)
    send_after, send_before = window(day=day, time_zone=bill.time_zone, at=step.at, until=step.until)
    return Planned(
        key=f"plan:{plan.plan_id}:{step.id}:loan:{bill.loan_id}:due:{bill.due_date}",
        borrower_id=bill.borrower_id,
        channel=channel,
        purpose=step.purpose,
        template_version_id=version.pk,
        variables={name: value for name, value in values.items() if name in names},
        send_after=send_after,
        send_before=send_before,
        loan_id=bill.loan_id,
        about_due_date=bill.due_date,
        fallback=tuple(other for other, _ in said[1:]),
        source=source_of(kind=PLAN, id=plan.plan_id),
    )
