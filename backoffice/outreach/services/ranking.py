"""One borrower, one message a day, of all that plans and campaigns want: the one place this is decided.

Whoever plans asks before it plans, under the borrowers' locks, so that two planners at once see each other and the
order they come in changes nothing (`domain.ranking`).
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from backoffice.core.actors import Actor
from backoffice.core.bulk import array_text, fetch
from backoffice.outreach.domain.message_states import MessageState
from backoffice.outreach.domain.purposes import Purpose
from backoffice.outreach.domain.ranking import OUTRANKED, SOURCES, Ranked
from backoffice.outreach.services.messages import Planned, plan_messages, stop_messages
from backoffice.outreach.services.speaking import day_of

RIVALS: Final = (Path(__file__).resolve().parent.parent / "sql" / "rivals.sql").read_text()
LOCK: Final = "SELECT id FROM customers_borrower WHERE id = ANY(%s) ORDER BY id FOR NO KEY UPDATE"
CHUNK: Final = 20_000


@dataclass(slots=True)
class Ranking:
    """Which of the messages wanted lose to what is planned or has left, and what the others take the place of.

    `losing` holds keys; `taken` the ids of planned messages by the key that goes before them.
    """

    losing: set[str] = field(default_factory=set)
    taken: dict[str, list[int]] = field(default_factory=lambda: defaultdict(list))


def rank(*, wanted: Sequence[Planned]) -> Ranking:
    """How the messages wanted stand against those there are; one query for 20,000, nothing is written.

    Of the messages wanted there is one a borrower and day. One that is there already, by its key, is not judged again.
    """
    ranking = Ranking()
    for start in range(0, len(wanted), CHUNK):
        part = wanted[start : start + CHUNK]
        by_key = {one.key: Ranked(one.purpose, one.source, one.loan_id, one.key).standing for one in part}
        days = [day_of(one.send_after) for one in part]
        rows = fetch(
            RIVALS,
            {
                "keys": array_text((one.key for one in part), kind="text"),
                "borrowers": array_text((one.borrower_id for one in part), kind="bigint"),
                "starts": array_text((first for first, _ in days), kind="timestamptz"),
                "ends": array_text((end for _, end in days), kind="timestamptz"),
                "sources": [f"{source}:%" for source in SOURCES],
            },
        )
        for key, rival_id, state, purpose, source, loan_id, rival_key in rows:
            rival = Ranked(Purpose(purpose), source, loan_id, rival_key).standing
            if by_key[key] > rival:
                ranking.losing.add(key)
            elif state == MessageState.PLANNED:
                ranking.taken[key].append(rival_id)
    return ranking


def lock_borrowers(*, wanted: Sequence[Planned]) -> None:
    """Takes the borrowers' locks in their order, in the caller's transaction; nobody else plans for them meanwhile."""
    fetch(LOCK, [sorted({one.borrower_id for one in wanted})])


def plan_ranked(*, wanted: Sequence[Planned], ranking: Ranking, actor: Actor) -> int:
    """Plans what does not lose and stops what it takes the place of; gives how many messages are new.

    The borrowers' locks are held since before the ranking was made.
    """
    winning = [one for one in wanted if one.key not in ranking.losing]
    taken = sorted({rival for one in winning for rival in ranking.taken.get(one.key, ())})
    if taken:
        stop_messages(message_ids=taken, reason=OUTRANKED, actor=actor)
    return plan_messages(planned=winning, actor=actor) if winning else 0
