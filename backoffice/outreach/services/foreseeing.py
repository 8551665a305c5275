"""What the gate would say: of planned messages at their time, and after something is written down and undone again."""

from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from decimal import Decimal

from django.db import transaction

from backoffice.core.bulk import fetch
from backoffice.outreach.domain.channels import ENDPOINT_KIND
from backoffice.outreach.domain.verdicts import Verdict, Wanted
from backoffice.outreach.selectors.gate import judge
from backoffice.outreach.services.messages import Planned
from backoffice.outreach.services.speaking import unit_costs

FIRST_CHOICE = """
SELECT DISTINCT ON (borrower_id, kind) borrower_id, kind, id FROM customers_contactpoint
WHERE borrower_id = ANY(%s) AND ended_at IS NULL ORDER BY borrower_id, kind, is_primary DESC, id
"""


@dataclass(slots=True)
class Weighed:
    """Of messages that would be planned: how many the gate lets through at their time, later that day, or not by rule.

    `cost` is that of one unit of each message that leaves, at its time or later, by currency.
    """

    blocked: Counter[str] = field(default_factory=Counter)
    allowed: int = 0
    later: int = 0
    cost: dict[str, Decimal] = field(default_factory=dict)


def weigh(*, messages: Sequence[Planned]) -> Weighed:
    """What the gate would say of each message at its time, at the contact point it would go to; nothing is written."""
    weighed = Weighed()
    wanted = [
        Wanted(
            borrower_id=message.borrower_id,
            channel=message.channel,
            purpose=message.purpose,
            at=message.send_after,
            endpoint_id=endpoint,
            loan_id=message.loan_id,
        )
        for message, endpoint in zip(messages, _endpoints(messages), strict=True)
    ]
    costs = unit_costs()
    for message, verdict in zip(messages, judge(wanted=wanted), strict=True):
        leaves_later = not verdict.is_allowed and all(
            denial.release_at is not None and denial.release_at < message.send_before for denial in verdict.denials
        )
        weighed.allowed += verdict.is_allowed
        weighed.later += leaves_later
        if verdict.is_allowed or leaves_later:
            currency, cost = costs.get(message.channel, ("", Decimal(0)))
            weighed.cost[currency] = weighed.cost.get(currency, Decimal(0)) + cost
        else:
            weighed.blocked.update(denial.rule for denial in verdict.denials)
    weighed.cost.pop("", None)
    return weighed


def verdicts_around(*, verb: Callable[[], object], wanted: Sequence[Wanted]) -> tuple[list[Verdict], list[Verdict]]:
    """The verdicts before a verb and after it; nothing stays of it. Raises what the verb refuses."""
    before = judge(wanted=wanted)
    with transaction.atomic():
        verb()
        after = judge(wanted=wanted)
        transaction.set_rollback(True)
    return before, after


def _endpoints(messages: Sequence[Planned]) -> list[int | None]:
    """The contact point each message would go to: the first choice of its channel, as when it leaves."""
    rows = fetch(FIRST_CHOICE, [sorted({message.borrower_id for message in messages})])
    found: dict[int, dict[str, int]] = defaultdict(dict)
    for borrower_id, kind, point_id in rows:
        found[borrower_id][kind] = point_id
    return [
        found[message.borrower_id].get(ENDPOINT_KIND[message.channel]) if message.channel in ENDPOINT_KIND else None
        for message in messages
    ]
