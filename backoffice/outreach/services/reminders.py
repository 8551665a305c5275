"""Reminders: the bills of a day become messages by the plans in force; simulated, nothing is written.

What is due is told from above as frozen values. Planning is a set operation, and planning a day twice plans it once.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db import transaction

from backoffice.core.actors import Actor
from backoffice.core.bulk import array_text, fetch
from backoffice.core.money import exponent_of, quantize
from backoffice.outreach.domain.assignment import holdout
from backoffice.outreach.domain.channels import ENDPOINT_KIND, Channel
from backoffice.outreach.domain.elements import CHINESE, ENGLISH
from backoffice.outreach.domain.purposes import RANK
from backoffice.outreach.domain.reminder_plans import ReminderContent, Step, parse
from backoffice.outreach.domain.template_states import TemplateState
from backoffice.outreach.domain.variables import names_in
from backoffice.outreach.domain.verdicts import Wanted
from backoffice.outreach.models import Gateway, ReminderPlanVersion, TemplateVersion
from backoffice.outreach.selectors.gate import judge
from backoffice.outreach.services.messages import Planned, plan_messages

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
    new: int = 0


@dataclass(slots=True)
class Simulated:
    """What a version would do on a day: the outcome, what the gate would not let through by rule, and the cost."""

    outcome: Outcome
    blocked: Counter[str] = field(default_factory=Counter)
    allowed: int = 0
    later: int = 0
    cost: dict[str, Decimal] = field(default_factory=dict)


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
def plan_day(*, day: date, bills: Sequence[BillDue], plans: Sequence[ActivePlan], actor: Actor) -> Outcome:
    """Plan the messages of a day about these bills, and keep who is reminded and who is left alone."""
    outcome, chosen, groups = _chosen(day=day, bills=bills, plans=plans)
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
    outcome.new = plan_messages(planned=chosen, actor=actor) if chosen else 0
    return outcome


def simulate(*, day: date, bills: Sequence[BillDue], plans: Sequence[ActivePlan]) -> Simulated:
    """What planning the day would do, and what the gate would say of each message; nothing is written."""
    outcome, chosen, _groups = _chosen(day=day, bills=bills, plans=plans)
    result = Simulated(outcome)
    wanted = [
        Wanted(
            borrower_id=message.borrower_id,
            channel=message.channel,
            purpose=message.purpose,
            at=message.send_after,
            endpoint_id=endpoint,
            loan_id=message.loan_id,
        )
        for message, endpoint in zip(chosen, _endpoints(chosen), strict=True)
    ]
    costs = _unit_costs()
    for message, verdict in zip(chosen, judge(wanted=wanted), strict=True):
        if verdict.is_allowed:
            result.allowed += 1
            currency, cost = costs.get(message.channel, ("", Decimal(0)))
            result.cost[currency] = result.cost.get(currency, Decimal(0)) + cost
        else:
            releases = [denial.release_at for denial in verdict.denials]
            result.later += all(at is not None and at < message.send_before for at in releases)
            result.blocked.update(denial.rule for denial in verdict.denials)
    result.cost.pop("", None)
    return result


def _chosen(
    *, day: date, bills: Sequence[BillDue], plans: Sequence[ActivePlan]
) -> tuple[Outcome, list[Planned], list[tuple[ActivePlan, BillDue, bool]]]:
    """The messages of the day, one a borrower at most: the most pressing, then about the largest bill."""
    outcome = Outcome(bills=len(bills))
    words = _words({step.template for plan in plans for step in plan.content.steps})
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
            message = _message(plan, step, bill, day=day, words=words)
            if message is None:
                outcome.without_words += 1
                continue
            rank = (RANK[step.purpose], -bill.amount, bill.loan_id)
            known = best.get(bill.borrower_id)
            outcome.outranked += known is not None
            if known is None or rank < known[0]:
                best[bill.borrower_id] = (rank, message, step)
    chosen = [message for _, message, _ in best.values()]
    outcome.by_channel.update(message.channel.value for message in chosen)
    outcome.by_step.update(step.id for *_, step in best.values())
    return outcome, chosen, groups


def _message(
    plan: ActivePlan,
    step: Step,
    bill: BillDue,
    *,
    day: date,
    words: Mapping[tuple[str, str, str], TemplateVersion],
) -> Planned | None:
    """The first channel of the step that has words in the borrower's language, the others after it."""
    language = CHINESE if bill.language.lower().startswith("zh") else ENGLISH
    spoken = [
        (channel, version)
        for channel in step.channels
        if (version := words.get((step.template, channel.value, language)))
        or (version := words.get((step.template, channel.value, ENGLISH)))
    ]
    if not spoken:
        return None
    zone = ZoneInfo(bill.time_zone or settings.TIME_ZONE)
    midnight = datetime(day.year, day.month, day.day, tzinfo=zone)
    channel, version = spoken[0]
    return Planned(
        key=f"plan:{plan.plan_id}:{step.id}:loan:{bill.loan_id}:due:{bill.due_date}",
        borrower_id=bill.borrower_id,
        channel=channel,
        purpose=step.purpose,
        template_version_id=version.pk,
        variables=_values(bill, day, names={name for _, each in spoken for name in names_in(_text_of(each))}),
        send_after=midnight.replace(hour=step.at // 60, minute=step.at % 60),
        send_before=midnight.replace(hour=step.until // 60, minute=step.until % 60),
        loan_id=bill.loan_id,
        about_due_date=bill.due_date,
        fallback=tuple(other for other, _ in spoken[1:]),
        source=f"plan:{plan.plan_id}",
    )


def _values(bill: BillDue, day: date, *, names: set[str]) -> dict[str, str]:
    """What the words of any channel of the step leave open."""
    late = (day - bill.due_date).days
    values = {
        "amount": _money(bill.amount, bill.currency),
        "overdue_amount": _money(max(bill.overdue, bill.amount), bill.currency),
        "due_date": bill.due_date.isoformat(),
        "days_left": str(max(0, -late)),
        "days_past_due": str(max(0, late)),
        "loan": bill.loan_number,
    }
    return {name: value for name, value in values.items() if name in names}


def _money(amount: Decimal, currency: str) -> str:
    return f"{currency} {quantize(amount, exponent=exponent_of(currency))}"


def _text_of(version: TemplateVersion) -> str:
    return f"{version.subject}\n{version.body}"


def _words(codes: set[str]) -> dict[tuple[str, str, str], TemplateVersion]:
    """The active words by template, channel and language; one query."""
    versions = TemplateVersion.objects.filter(
        template__code__in=codes, state=TemplateState.ACTIVE.value
    ).select_related("template")
    return {(version.template.code, version.channel, version.language): version for version in versions}


def _endpoints(messages: Sequence[Planned]) -> list[int | None]:
    """The contact point each message would go to: the first choice of its channel, as when it leaves."""
    borrowers = {message.borrower_id for message in messages}
    rows = fetch(
        "SELECT DISTINCT ON (borrower_id, kind) borrower_id, kind, id FROM customers_contactpoint "
        "WHERE borrower_id = ANY(%s) AND ended_at IS NULL ORDER BY borrower_id, kind, is_primary DESC, id",
        [sorted(borrowers)],
    )
    found: dict[int, dict[str, int]] = defaultdict(dict)
    for borrower_id, kind, point_id in rows:
        found[borrower_id][kind] = point_id
    return [
        found[message.borrower_id].get(ENDPOINT_KIND[message.channel]) if message.channel in ENDPOINT_KIND else None
        for message in messages
    ]


def _unit_costs() -> dict[Channel, tuple[str, Decimal]]:
    """What one unit costs by channel, of the gateway that would be taken."""
    gateways = Gateway.objects.filter(is_paused=False).order_by("channel", "-rank")
    return {Channel(gateway.channel): (gateway.currency, gateway.unit_cost) for gateway in gateways}
