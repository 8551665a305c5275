"""The close of a business day, as one list of steps, in order. A step is cut into ranges, of loan ids unless it says
otherwise; each range is one transaction and safe to run again."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from backoffice.calendars import clock
from backoffice.core.actors import SYSTEM
from backoffice.core.bulk import fetch
from backoffice.outreach.selectors.experiments import counting
from backoffice.outreach.selectors.packs import packs_to_activate
from backoffice.outreach.services import pack_publishing
from backoffice.outreach.services.campaigns import campaigns_to_move, move_campaigns
from backoffice.outreach.services.experiments import stop_due, stop_speechless
from backoffice.outreach.services.reminder_publishing import activate_due as activate_plans
from backoffice.outreach.services.reminder_publishing import versions_due
from backoffice.repayment.domain.aging import month_end
from backoffice.repayment.selectors.autopay.claims import rules_listing
from backoffice.repayment.selectors.products import products_to_activate
from backoffice.repayment.selectors.verification import id_ranges, verify_range
from backoffice.repayment.services.autopay import publishing as autopay_publishing
from backoffice.repayment.services.autopay.claim_listing import list_claims
from backoffice.repayment.services.autopay.expecting_files import expect_files
from backoffice.repayment.services.autopay.mandate_expiry import expire_mandates
from backoffice.repayment.services.autopay.planning import end_day, has_debits, plan_debits
from backoffice.repayment.services.campaigns import CampaignsPlanned, campaigns_on, plan_campaign
from backoffice.repayment.services.closing import RangeClosed, close_range, due_loans, snapshot_range
from backoffice.repayment.services.experiments import record_what_happened
from backoffice.repayment.services.products import activate_due
from backoffice.repayment.services.reminders import day_after, loans_to_remind, plan_reminders

DUE_PER_RANGE = 2_500
IDS_PER_RANGE = 50_000
DRIFT = "drift"

Range = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Worked:
    """What a range did: counts for the screen, loans left behind with the reason, and drifts found."""

    counts: dict[str, int]
    left_behind: dict[int, tuple[str, str]]
    drifts: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Step:
    """One step: `plan(day)` gives the ranges, `work(day, first, last, run_id)` does one.

    Ranges are worked side by side, but for a step `in_order`, which works them one after another as they were planned.
    """

    name: str
    label: Promise
    plan: Callable[[date], list[Range]]
    work: Callable[[date, int, int, int], Worked]
    in_order: bool = False


def _plan_transitions(day: date) -> list[Range]:
    return _cut(due_loans(day=day))


def _work_transitions(day: date, first_id: int, last_id: int, run_id: int) -> Worked:
    done: RangeClosed = close_range(day=day, first_id=first_id, last_id=last_id, run_id=run_id)
    return Worked(counts={"loans": done.loans, "moves": done.moves}, left_behind=done.left_behind)


def _plan_month_end(day: date) -> list[Range]:
    return id_ranges(size=IDS_PER_RANGE) if day == month_end(day) else []


def _work_month_end(day: date, first_id: int, last_id: int, run_id: int) -> Worked:
    done = snapshot_range(day=day, first_id=first_id, last_id=last_id, run_id=run_id)
    return Worked(counts={"rows": done.rows}, left_behind=done.left_behind)


def _plan_products(day: date) -> list[Range]:
    first_and_last = products_to_activate(as_of=day + timedelta(days=1))
    return [first_and_last] if first_and_last else []


def _work_products(day: date, _first_id: int, _last_id: int, _run_id: int) -> Worked:
    moved = activate_due(as_of=day + timedelta(days=1), actor=SYSTEM)
    return Worked(counts={"versions": moved}, left_behind={})


def _plan_packs(day: date) -> list[Range]:
    return [(0, 0)] if packs_to_activate(as_of=day + timedelta(days=1)) else []


def _work_packs(day: date, _first_id: int, _last_id: int, _run_id: int) -> Worked:
    moved = pack_publishing.activate_due(as_of=day + timedelta(days=1), actor=SYSTEM)
    return Worked(counts={"versions": moved}, left_behind={})


def _plan_reminders(day: date) -> list[Range]:
    return _cut(loans_to_remind(day=day_after(day)))


def _work_reminders(day: date, first_id: int, last_id: int, _run_id: int) -> Worked:
    done = plan_reminders(day=day_after(day), first_id=first_id, last_id=last_id)
    counts = {"messages": done.new, "held_out": done.held_out}
    return Worked(counts=counts | ({"unfilled": len(done.unfilled)} if done.unfilled else {}), left_behind={})


def _plan_autopay(day: date) -> list[Range]:
    return [(0, 0)] if autopay_publishing.versions_due(on=day_after(day)) else []


def _work_autopay(day: date, _first_id: int, _last_id: int, _run_id: int) -> Worked:
    judged = autopay_publishing.judge_canaries(on=day_after(day), at=clock.now())
    started = autopay_publishing.activate_due(on=day_after(day))
    return Worked(counts={"versions": judged + started}, left_behind={})


def _plan_mandates(_day: date) -> list[Range]:
    return [(0, 0)]


def _work_mandates(day: date, _first_id: int, _last_id: int, _run_id: int) -> Worked:
    return Worked(counts={"mandates": expire_mandates(day=day, at=clock.now())}, left_behind={})


def _plan_debit_days(_day: date) -> list[Range]:
    return [(0, 0)]


def _work_debit_days(day: date, _first_id: int, _last_id: int, _run_id: int) -> Worked:
    """The day is over for its bills; rails and payees that had something on it owe its file from now on."""
    counts, files = {"bills": end_day(day=day)}, expect_files(day=day)
    return Worked(counts=counts | ({"files": files} if files else {}), left_behind={})


def _plan_debits(day: date) -> list[Range]:
    return id_ranges(size=IDS_PER_RANGE) if has_debits(day=day_after(day)) else []


def _work_debits(day: date, first_id: int, last_id: int, _run_id: int) -> Worked:
    done = plan_debits(day=day_after(day), first_id=first_id, last_id=last_id)
    return Worked(counts={"bills": done.new}, left_behind={})


def _plan_claims(day: date) -> list[Range]:
    """A range a rule, those of whole loans first: what a guarantor pays as a whole is not claimed bill by bill."""
    return [(rule_id, rule_id) for rule_id in rules_listing(day=day_after(day))]


def _work_claims(day: date, rule_id: int, _last_id: int, _run_id: int) -> Worked:
    done = list_claims(rule_id=rule_id, day=day_after(day), at=clock.now())
    counts = {"claims": done.listed}
    return Worked(counts=counts | ({"beyond_cap": done.beyond_cap} if done.beyond_cap else {}), left_behind={})


def _plan_plans(day: date) -> list[Range]:
    return [(0, 0)] if versions_due(on=day_after(day)) else []


def _work_plans(day: date, _first_id: int, _last_id: int, _run_id: int) -> Worked:
    return Worked(counts={"versions": activate_plans(on=day_after(day))}, left_behind={})


def _plan_campaign_moves(day: date) -> list[Range]:
    return [(0, 0)] if campaigns_to_move(on=day_after(day)) else []


def _work_campaign_moves(day: date, _first_id: int, _last_id: int, _run_id: int) -> Worked:
    moved = move_campaigns(on=day_after(day))
    return Worked(counts={"started": moved.started, "ended": moved.ended}, left_behind={})


def _plan_campaigns(day: date) -> list[Range]:
    """A range a campaign, the more pressing purpose first: it takes its borrowers before the others ask for them."""
    return [(campaign_id, campaign_id) for campaign_id in campaigns_on(day=day_after(day))]


def _work_campaigns(day: date, campaign_id: int, _last_id: int, _run_id: int) -> Worked:
    done: CampaignsPlanned = plan_campaign(campaign_id=campaign_id, day=day_after(day))
    counts = {"campaigns": done.campaigns, "messages": done.messages, "held_out": done.held_out}
    return Worked(counts=counts | ({"refused": done.refused} if done.refused else {}), left_behind={})


def _plan_experiments(_day: date) -> list[Range]:
    return [(0, 0)] if counting() else []


def _work_experiments(day: date, _first_id: int, _last_id: int, _run_id: int) -> Worked:
    """What people did is written down first: it counts for an experiment that stops tonight."""
    outcomes = record_what_happened(day=day)
    stopped = stop_due(as_of=day_after(day), actor=SYSTEM) + stop_speechless(as_of=day, actor=SYSTEM)
    return Worked(counts={"experiments": stopped, "outcomes": outcomes}, left_behind={})


def _plan_verify(day: date) -> list[Range]:
    return _cut(_touched_loans(day))


def _work_verify(day: date, first_id: int, last_id: int, run_id: int) -> Worked:
    """Verify what the day and its close touched; the whole book is verified by `verify_books`."""
    loans = _touched_loans(day, first_id=first_id, last_id=last_id)
    drifts = verify_range(first_id=first_id, last_id=last_id, business_date=day + timedelta(days=1), only=loans)
    return Worked(
        counts={"loans": len(loans), "drifts": len(drifts)},
        left_behind={drift.loan_id: (DRIFT, f"{drift.check}: {drift.computed} / {drift.stored}") for drift in drifts},
    )


STEPS: tuple[Step, ...] = (
    Step("transitions", _("Age loans and charge what fell due"), _plan_transitions, _work_transitions),
    Step("month_end", _("Keep the month-end picture"), _plan_month_end, _work_month_end),
    Step("products", _("Start the product versions of the next day"), _plan_products, _work_products),
    Step("packs", _("Start the contact rules of the next day"), _plan_packs, _work_packs),
    Step("reminder_plans", _("Put the reminder plans of the next day in force"), _plan_plans, _work_plans),
    Step("reminders", _("Plan the next day's reminders"), _plan_reminders, _work_reminders),
    Step("autopay", _("Judge trials of autopay, and start the versions of the next day"), _plan_autopay, _work_autopay),
    Step("mandates", _("End the mandates whose last day is over"), _plan_mandates, _work_mandates),
    Step("debit_days", _("End the debits of the day"), _plan_debit_days, _work_debit_days),
    Step("debits", _("Plan the next day's debits"), _plan_debits, _work_debits),
    Step("claims", _("List what guarantors have to pay for the next day"), _plan_claims, _work_claims, in_order=True),
    Step("campaign_moves", _("Start and end campaigns"), _plan_campaign_moves, _work_campaign_moves),
    Step("campaigns", _("Plan the next day's campaigns"), _plan_campaigns, _work_campaigns, in_order=True),
    Step(
        "experiments",
        _("Write down what people in experiments did, and stop those whose last day is over"),
        _plan_experiments,
        _work_experiments,
    ),
    Step("verify", _("Verify what was touched"), _plan_verify, _work_verify),
)

STEP_BY_NAME = {step.name: step for step in STEPS}


def _cut(loan_ids: list[int]) -> list[Range]:
    """Ids in order, cut into ranges of about the same work."""
    return [
        (loan_ids[start], loan_ids[min(start + DUE_PER_RANGE, len(loan_ids)) - 1])
        for start in range(0, len(loan_ids), DUE_PER_RANGE)
    ]


def _touched_loans(day: date, *, first_id: int = 0, last_id: int = 2**62) -> list[int]:
    """Loans something was booked on during `day` or since, by its close too, or moved into another bucket by its close.

    What the close before booked carries the same business date; that close has verified it. Not those the close had
    to leave behind: they are on the list already, with the reason they really have.
    """
    rows = fetch(
        "SELECT touched.loan_id FROM ("
        "SELECT loan_id FROM repayment_operation WHERE business_date >= %(day)s AND loan_id BETWEEN %(a)s AND %(b)s "
        "UNION SELECT loan_id FROM repayment_transfer WHERE business_date >= %(day)s "
        "AND (run_id IS NULL OR business_date > %(day)s) AND loan_id BETWEEN %(a)s AND %(b)s "
        'UNION SELECT loan_id FROM repayment_bucketmove WHERE "on" = %(day)s::date + 1 '
        "AND loan_id BETWEEN %(a)s AND %(b)s) touched "
        "JOIN repayment_loan loan ON loan.id = touched.loan_id "
        "WHERE loan.next_transition_date IS NULL OR loan.next_transition_date > %(day)s ORDER BY 1",
        {"day": day, "a": first_id, "b": last_id},
    )
    return [row[0] for row in rows]
