"""Many callers at once: no cap and no quiet period is passed, and every chain holds."""

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection

from backoffice.core.actors import SYSTEM
from backoffice.customers.models import Borrower
from backoffice.outreach.domain.channels import Channel
from backoffice.outreach.domain.purposes import Purpose
from backoffice.outreach.domain.verdicts import Reserved, Wanted
from backoffice.outreach.models import BlockedContact, ContactEntry
from backoffice.outreach.selectors.chains import broken_chains
from backoffice.outreach.services import gate
from tests.outreach.people import phone_of
from tests.outreach.reached import reserved_by
from tests.outreach.test_services_gate import in_force

pytestmark = pytest.mark.django_db(transaction=True)

THREADS = 64
BORROWERS = 12
NOON = datetime(2026, 4, 8, 16, tzinfo=UTC)


@pytest.fixture
def seven_calls(monkeypatch: pytest.MonkeyPatch) -> None:
    """The pack of seven calls in seven days and seven days of quiet, alone."""
    reserved_by(monkeypatch, in_force())


@pytest.fixture
def people() -> list[tuple[Borrower, int]]:
    borrowers = [
        Borrower.objects.create(external_id=f"B-{number}", source="gate", portfolio="cash", country="US")
        for number in range(BORROWERS)
    ]
    return [(borrower, phone_of(borrower, zones=("America/New_York",)).pk) for borrower in borrowers]


def _call(borrower_id: int, endpoint_id: int, code: str) -> int:
    """One caller: reserves, and when let through says at once what came of it."""
    try:
        answer = gate.reserve_contact(
            wanted=Wanted(
                borrower_id=borrower_id,
                channel=Channel.CALL,
                purpose=Purpose.COLLECTION,
                at=NOON,
                endpoint_id=endpoint_id,
                loan_id=1,
                actor_scope="third_party",
            ),
            actor=SYSTEM,
        )
        if not isinstance(answer, Reserved):
            return 0
        gate.record_fact(entry_id=answer.entry_id, code=code, actor=SYSTEM, at=NOON + timedelta(minutes=1))
        return 1
    finally:
        connection.close()


def test_sixty_four_callers_at_once_make_seven_unanswered_calls_each_and_no_more(
    seven_calls: None, people: list[tuple[Borrower, int]]
) -> None:
    # A call under way counts as the conversation it may become, so that a round lets fewer through than the cap.
    wanted = [(borrower.pk, endpoint_id) for _ in range(8) for borrower, endpoint_id in people]
    made = 0
    with ThreadPoolExecutor(max_workers=THREADS) as pool:
        for _ in range(7):
            made += sum(pool.map(lambda each: _call(*each, "T-NA"), wanted))

    attempts = Counter(ContactEntry.objects.filter(kind="attempt").values_list("borrower_id", flat=True))
    assert set(attempts.values()) == {7}
    assert made == 7 * BORROWERS
    assert BlockedContact.objects.count() == 7 * len(wanted) - made
    assert broken_chains() == []


def test_sixty_four_callers_at_once_hold_one_conversation_each(
    seven_calls: None, people: list[tuple[Borrower, int]]
) -> None:
    wanted = [(borrower.pk, endpoint_id) for _ in range(16) for borrower, endpoint_id in people]
    with ThreadPoolExecutor(max_workers=THREADS) as pool:
        list(pool.map(lambda each: _call(*each, "R-INF"), wanted))

    attempts = Counter(ContactEntry.objects.filter(kind="attempt").values_list("borrower_id", flat=True))
    assert set(attempts.values()) == {1}
    assert broken_chains() == []
