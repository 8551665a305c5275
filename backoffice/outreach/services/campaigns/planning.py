"""A day of a campaign becomes messages: once, within its cap and budget to the last unit, or simulated.

Whom it is for is told from above as frozen values. The campaign's row is locked while a day is planned, so that of two
planners at once the second finds the day planned.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Final

from django.db import transaction

from backoffice.core.actors import Actor
from backoffice.core.bulk import array_text, execute, fetch
from backoffice.customers.models import Borrower
from backoffice.outreach.domain.campaign_choice import Candidate, Choice, Past, Room, choose
from backoffice.outreach.domain.campaign_states import CampaignState
from backoffice.outreach.domain.campaigns import CampaignContent, read_campaign
from backoffice.outreach.domain.purposes import Purpose
from backoffice.outreach.domain.ranking import CAMPAIGN, source_of
from backoffice.outreach.domain.targets import Target
from backoffice.outreach.models import Campaign, CampaignDay, Gateway
from backoffice.outreach.services.campaigns.locking import locked, trace
from backoffice.outreach.services.experiments.trying import Trials, take_in_planned, words_and_trials
from backoffice.outreach.services.foreseeing import Weighed, weigh
from backoffice.outreach.services.messages import OwedNow, Planned, sendable, stop_paid
from backoffice.outreach.services.ranking import Ranking, lock_borrowers, plan_ranked, rank
from backoffice.outreach.services.rendering import CannotRender, name_of, render
from backoffice.outreach.services.speaking import Spoken, Words, names_of, spoken, values_of_loan, window

USAGE: Final = (Path(__file__).resolve().parent.parent.parent / "sql" / "campaign_usage.sql").read_text()
KEEP_MEMBERS: Final = """
INSERT INTO outreach_campaignmember (campaign_id, borrower_id, day, is_held_out, loan_id, message_key, reserved)
SELECT %(campaign)s, borrower_id, %(day)s::date, message_key = '', loan_id, message_key, reserved
FROM unnest(%(borrowers)s::bigint[], %(loans)s::bigint[], %(keys)s::text[], %(reserved)s::numeric[])
    AS given (borrower_id, loan_id, message_key, reserved)
"""
ABOUT_A_BILL: Final = frozenset({Purpose.REMINDER, Purpose.COLLECTION})
"""What is moot once the bill is paid."""
ANYBODY: Final = ""


@dataclass(slots=True)
class DayPlanned:
    """What planning a day came to. `counts` says why the others got nothing, by a word for it."""

    audience: int = 0
    planned: int = 0
    held_out: int = 0
    reserved: Decimal = Decimal(0)
    full: str = ""
    by_channel: Counter[str] = field(default_factory=Counter)
    counts: dict[str, int] = field(default_factory=dict)
    is_new: bool = False
    loans: tuple[int, ...] = ()
    """Those written about, which stay locked until the transaction ends."""


@dataclass(slots=True)
class CampaignSimulated:
    """What a campaign would do on a day, what the gate would say of it, and what it had room for."""

    day: DayPlanned
    weighed: Weighed
    room: Room


@dataclass(frozen=True, slots=True)
class Decided:
    """Who gets a message and who is left alone, before anything is written."""

    day: DayPlanned
    choice: Choice
    messages: dict[int, Planned]
    ranking: Ranking
    room: Room
    owed: Sequence[tuple[int, date | None]]
    trials: Trials

    @property
    def chosen(self) -> list[Planned]:
        """The messages to plan."""
        return [self.messages[one.borrower_id] for one in self.choice.chosen]


@transaction.atomic
def plan_campaign_day(
    *, campaign_id: int, day: date, targets: Sequence[Target], owed_now: OwedNow, actor: Actor
) -> DayPlanned:
    """Plans a day of a running campaign, once: the second time changes nothing. Raises CampaignNotFound and, when the
    words of not one message can be filled in, MessagesRefused.

    Nothing is planned on a day the campaign is not on. What is about a bill is stopped when the bill was paid since
    the targets were read: `owed_now` is asked after the borrowers are locked and before any message is touched. The
    number of statements does not depend on the targets, but for one more of a kind for every 10,000 messages.
    """
    campaign = locked(campaign_id=campaign_id)
    content = read_campaign(campaign.content)
    before = CampaignDay.objects.filter(campaign=campaign, day=day).first()
    if before is not None:
        return DayPlanned(before.audience, before.planned, before.held_out, before.reserved, before.full)
    if campaign.state != CampaignState.RUNNING or not content.is_on(day=day):
        return DayPlanned()
    decided = _decide(campaign, content, day=day, targets=targets, owed_now=owed_now)
    done = decided.day
    done.is_new = True
    done.loans = tuple(loan_id for loan_id, _oldest in decided.owed)
    _keep(campaign, decided, day=day)
    CampaignDay.objects.create(
        campaign=campaign,
        day=day,
        audience=done.audience,
        planned=done.planned,
        held_out=done.held_out,
        reserved=done.reserved,
        full=done.full,
        counts=done.counts,
    )
    plan_ranked(wanted=decided.chosen, ranking=decided.ranking, actor=actor)
    tried = [(content.template, one) for one in decided.chosen]
    take_in_planned(trials=decided.trials, planned=tried, day=day, actor=actor)
    stop_paid(loans=decided.owed)
    after = {"day": day, "planned": done.planned, "held_out": done.held_out, "reserved": done.reserved}
    trace(campaign, verb="outreach.campaign.planned", actor=actor, after=after | {"full": done.full})
    return done


def simulate_campaign(
    *, campaign: Campaign, content: CampaignContent, day: date, targets: Sequence[Target]
) -> CampaignSimulated:
    """What planning the day would do if the campaign ran and were on then; nothing is written or locked."""
    decided = _decide(campaign, content, day=day, targets=targets, owed_now=None)
    return CampaignSimulated(decided.day, weigh(messages=decided.chosen), decided.room)


def usage(*, campaign: Campaign, content: CampaignContent, day: date) -> tuple[dict[int, Past], Room]:
    """What every borrower has had of the campaign, and what of its cap and budget is left; one query."""
    rows = fetch(USAGE, {"campaign": campaign.pk, "source": source_of(kind=CAMPAIGN, id=campaign.pk or 0), "day": day})
    past = {row[0]: Past(is_held_out=row[1], messages=row[2], last_day=row[3]) for row in rows}
    used = sum((row[5] for row in rows), Decimal(0))
    return past, Room(messages=content.cap - sum(row[4] for row in rows), money=content.budget - used)


def _decide(
    campaign: Campaign, content: CampaignContent, *, day: date, targets: Sequence[Target], owed_now: OwedNow | None
) -> Decided:
    """Ranks what could be said to whom against all else, then chooses while there is room.

    With `owed_now` under the locks of the borrowers and then of the loans, so that it still holds when it is written.
    """
    words, trials = words_and_trials(codes={content.template}, on=day)
    messages, costs, silent = _messages(campaign, content, day=day, targets=targets, words=words, trials=trials)
    wanted, unfilled = sendable(planned=list(messages.values()))
    if unfilled and not wanted:
        wanted = list(messages.values())  # of nobody: a setting is missing, and planning them says which
        unfilled = {}
    owed: Sequence[tuple[int, date | None]] = ()
    if owed_now is not None:
        lock_borrowers(wanted=wanted)
        owed = owed_now([one.loan_id for one in wanted if one.loan_id is not None and one.about_due_date is not None])
    ranking = rank(wanted=wanted)
    past, room = usage(campaign=campaign, content=content, day=day)
    candidates = [
        Candidate(borrower_id, costs[borrower_id])
        for borrower_id, one in messages.items()
        if one.key not in ranking.losing and one.key not in unfilled
    ]
    choice = choose(code=campaign.code, content=content, day=day, candidates=candidates, past=past, room=room)
    chosen = [messages[one.borrower_id] for one in choice.chosen]
    kept_out = {"outranked": len(ranking.losing), "without_words": silent, "unfilled": len(unfilled)}
    outcome = _outcome(len(targets), choice, chosen, kept_out)
    return Decided(outcome, choice, messages, ranking, room, owed, trials)


def _messages(
    campaign: Campaign,
    content: CampaignContent,
    *,
    day: date,
    targets: Sequence[Target],
    words: Words,
    trials: Trials,
) -> tuple[dict[int, Planned], dict[int, Decimal], int]:
    """A message for each borrower who can be spoken to, what it may cost at most, and how many cannot be."""
    prices = _prices()
    by_words: dict[tuple[str, str], tuple[Spoken, set[str]]] = {}
    said: list[tuple[Target, Spoken, set[str]]] = []
    for target in targets:
        template = trials.template_for(content.template, borrower_id=target.borrower_id)
        known = by_words.get((template, target.language))
        if known is None:
            found = spoken(words=words, template=template, channels=content.channels, language=target.language)
            known = by_words[template, target.language] = (found, names_of(found))
        if known[0]:
            said.append((target, *known))
    names = _names([target.borrower_id for target, _, open_names in said if "name" in open_names])
    messages, costs = {}, {}
    for target, found, open_names in said:
        message = _message(campaign, content, target, found, open_names, day=day)
        messages[target.borrower_id] = message
        costs[target.borrower_id] = _cost(message, found, prices, names.get(target.borrower_id))
    return messages, costs, len(targets) - len(said)


def _message(
    campaign: Campaign, content: CampaignContent, target: Target, said: Spoken, names: set[str], *, day: date
) -> Planned:
    loan = target.loan
    values = dict(content.values)
    if loan is not None:
        values |= values_of_loan(
            number=loan.number,
            amount=loan.amount,
            overdue=loan.overdue,
            currency=loan.currency,
            due_date=loan.due_date,
            day=day,
        )
    send_after, send_before = window(day=day, time_zone=target.time_zone, at=content.at, until=content.until)
    channel, version = said[0]
    return Planned(
        key=f"campaign:{campaign.pk}:borrower:{target.borrower_id}:day:{day}",
        borrower_id=target.borrower_id,
        channel=channel,
        purpose=content.purpose,
        template_version_id=version.pk,
        variables={name: value for name, value in values.items() if name in names},
        send_after=send_after,
        send_before=send_before,
        loan_id=loan.loan_id if loan else None,
        about_due_date=loan.due_date if loan and content.purpose in ABOUT_A_BILL else None,
        fallback=tuple(other for other, _ in said[1:]),
        source=source_of(kind=CAMPAIGN, id=campaign.pk or 0),
    )


def _cost(message: Planned, said: Spoken, prices: Mapping[str, Decimal], borrower: Borrower | None) -> Decimal:
    """What the message and those that may follow it on the other channels cost at most, in the budget's currency."""
    total = Decimal(0)
    for channel, version in said:
        price = prices.get(channel.value, Decimal(0))
        if not price:
            continue
        name = name_of(borrower, language=version.language) if borrower else ANYBODY
        try:
            units = render(version=version, values=dict(message.variables), name=name).units
        except CannotRender:
            units = 1
        total += price * units
    return total


def _prices() -> dict[str, Decimal]:
    """The dearest unit of each channel: any of its gateways may be the one that is open then."""
    prices: dict[str, Decimal] = {}
    for channel, cost in Gateway.objects.values_list("channel", "unit_cost"):
        prices[channel] = max(prices.get(channel, Decimal(0)), cost)
    return prices


def _names(borrower_ids: Sequence[int]) -> dict[int, Borrower]:
    """The borrowers whose name is part of the text, for its length alone; no query when there are none."""
    if not borrower_ids:
        return {}
    return Borrower.objects.only("full_name", "key_id").in_bulk(list(borrower_ids))


def _outcome(audience: int, choice: Choice, chosen: Sequence[Planned], kept_out: Mapping[str, int]) -> DayPlanned:
    counts = {
        **kept_out,
        "too_soon": choice.too_soon,
        "had_all": choice.had_all,
        "held_out": choice.held_out,
        "beyond": choice.beyond,
    }
    return DayPlanned(
        audience=audience,
        planned=len(choice.chosen),
        held_out=len(choice.left_alone),
        reserved=choice.reserved,
        full=choice.full,
        by_channel=Counter(one.channel.value for one in chosen),
        counts={name: count for name, count in counts.items() if count},
    )


def _keep(campaign: Campaign, decided: Decided, *, day: date) -> None:
    """Who got a message today and who is left alone from now on; one statement."""
    choice, messages = decided.choice, decided.messages
    rows = [(one.borrower_id, messages[one.borrower_id].key, one.cost) for one in choice.chosen]
    rows += [(borrower_id, "", Decimal(0)) for borrower_id in choice.left_alone]
    if not rows:
        return
    borrowers, keys, reserved = zip(*rows, strict=True)
    with_loans = [messages[borrower_id].loan_id for borrower_id in borrowers]
    params = {
        "campaign": campaign.pk,
        "day": day,
        "borrowers": array_text(borrowers, kind="bigint"),
        "loans": array_text(with_loans, kind="bigint"),
        "keys": array_text(keys, kind="text"),
        "reserved": array_text(reserved, kind="numeric"),
    }
    execute(KEEP_MEMBERS, params)
