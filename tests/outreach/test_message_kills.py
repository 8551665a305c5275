"""Senders and the gateway are killed over and over: nobody gets a message twice, and none is lost.

600 messages by default; `MESSAGES_KILLED=10000` is the size the product promises (some
minutes on two cores).
"""

import os
import random
from collections import Counter
from datetime import timedelta

import pytest

from backoffice.core.actors import SYSTEM
from backoffice.core.bulk import fetch
from backoffice.customers.domain.intake import NewBorrower, NewContact
from backoffice.customers.services import register_borrowers
from backoffice.outreach.domain.channels import Channel
from backoffice.outreach.models import ContactEntry, Message
from backoffice.outreach.services.messages import Planned, plan_messages
from tests.outreach.conftest import SECRET
from tests.outreach.killing import KilledGateway, Senders
from tests.outreach.messaging import NOON, VALUES, active_version, gateway

pytestmark = [pytest.mark.slow, pytest.mark.django_db(transaction=True)]

MESSAGES = int(os.environ.get("MESSAGES_KILLED", "600"))
SENDERS = 3
# Messages that leave between one blow and the next, on average; every fifth blow is the gateway's.
BETWEEN_BLOWS = max(MESSAGES // 40, 10)
TROUBLE = {
    "is_forgetful": True,
    "latency": 0.005,
    "drop_after": 0.05,
    "drop_before": 0.05,
    "broken": 0.03,
    "busy": 0.03,
}
OPEN = "SELECT count(*) FROM outreach_message WHERE state IN ('planned', 'sending', 'unknown')"


def plan(count: int) -> None:
    """One message each for so many borrowers, since the gate lets one person be written to only so often."""
    rows = [
        NewBorrower(
            external_id=f"K-{number}",
            portfolio="cash",
            country="CN",
            contacts=(NewContact(kind="phone", value=f"139{number + 12_345_678:08d}", is_primary=True),),
        )
        for number in range(count)
    ]
    owners = register_borrowers(source="kills", rows=rows, actor=SYSTEM).ids
    version = active_version()
    plan_messages(
        planned=[
            Planned(
                key=f"kill:{name}",
                borrower_id=owner,
                channel=Channel.SMS,
                purpose=version.template.purpose,
                template_version_id=version.pk,
                variables=VALUES,
                send_after=NOON,
                send_before=NOON + timedelta(hours=6),
            )
            for name, owner in owners.items()
        ],
        actor=SYSTEM,
    )


def still_open() -> int:
    return fetch(OPEN)[0][0]


def wait_until_open(at_most: int) -> None:
    """Returns once no more messages are open than that; fails when nothing moves for minutes."""
    for _ in range(6_000):
        if still_open() <= at_most:
            return
        fetch("SELECT pg_sleep(0.05)")
    pytest.fail(f"{still_open()} messages are still open")


def test_nobody_gets_a_message_twice_and_none_is_lost_whoever_is_killed(tmp_path, monkeypatch):
    monkeypatch.setattr("backoffice.outreach.services.waking.wake_sender", lambda: None)
    chance = random.Random(20261125)
    sandbox = KilledGateway(state=tmp_path / "taken.jsonl", secret=SECRET, script=TROUBLE)
    gateway(Channel.SMS, url=f"{sandbox.url}/gateways/sms", receipt_seconds=0, burst=1000, tokens=1000)
    plan(MESSAGES)
    killed = Counter()
    sandbox.start()
    with Senders(as_if_at=NOON.isoformat(), secret=SECRET) as senders:
        for _ in range(SENDERS):
            senders.start()
        while (left := still_open()) > BETWEEN_BLOWS:
            wait_until_open(max(left - chance.randint(1, BETWEEN_BLOWS * 2), 0))
            fetch("SELECT pg_sleep(%s)", [chance.uniform(0, 0.05)])
            if chance.random() < 0.2:
                sandbox.kill()
                fetch("SELECT pg_sleep(%s)", [chance.uniform(0, 0.5)])
                sandbox.start()
                killed["gateway"] += 1
            else:
                senders.kill(chance.choice(senders.alive))
                senders.start()
                killed["sender"] += 1
        wait_until_open(0)
    told = sandbox.ask("/deliveries")
    sandbox.kill()

    times = Counter(one["message_id"] for one in told["deliveries"]["sms"])
    assert {message_id: count for message_id, count in times.items() if count > 1} == {}
    assert told["repeats"] == []
    everyone = {str(wire_id) for wire_id in Message.objects.values_list("wire_id", flat=True)}
    assert len(everyone) == MESSAGES
    assert set(times) == everyone
    assert set(Message.objects.values_list("state", flat=True)) <= {"sent", "delivered"}
    # Every attempt that left the house is in the contact log, and says what came of it.
    entries = ContactEntry.objects.filter(kind="attempt").count()
    assert entries == fetch("SELECT sum(tries) FROM outreach_message")[0][0]
    assert not fetch(
        "SELECT id FROM outreach_contactentry a WHERE kind = 'attempt' AND NOT EXISTS "
        "(SELECT FROM outreach_contactentry f WHERE f.attempt_id = a.id)"
    )
    assert killed["sender"] >= 10
    assert killed["gateway"] >= 2
