"""A borrower in New York with a phone, under one pack, and the clock of the pages set, to test screens on."""

from datetime import UTC, datetime, timedelta
from typing import Any

from backoffice.core.actors import SYSTEM
from backoffice.core.bulk import fetch
from backoffice.customers.models import Borrower
from backoffice.outreach.domain.channels import Channel
from backoffice.outreach.domain.compiling import PacksInForce
from backoffice.outreach.domain.purposes import Purpose
from backoffice.outreach.selectors.packs import GENERATION
from backoffice.outreach.services import gate
from tests.console.book import open_book
from tests.outreach.people import phone_of
from tests.outreach.test_services_gate import in_force

NOON = datetime(2026, 4, 8, 16, tzinfo=UTC)  # twelve in New York, a Wednesday
HOUR = timedelta(hours=1)
ASKERS = (
    "console.contact_reading",
    "selectors.gate",
    "selectors.inspecting",
    "console.contact_log",
    "console.replays",
    "services.replaying",
    "api.contacts",
)


def reserved_by(monkeypatch: Any, together: PacksInForce) -> None:
    """Contacts are reserved by these packs, whatever is published."""
    monkeypatch.setattr(
        "backoffice.outreach.selectors.packs.PacksKept.on",
        lambda _self, _day: (next(iter(fetch(GENERATION)), (None,))[0], together),
    )


def that_pack_alone(monkeypatch: Any) -> None:
    """The one pack of the gate's tests, whoever asks for the packs in force."""
    together = in_force()
    for module in ASKERS:
        monkeypatch.setattr(f"backoffice.outreach.{module}.packs_in_force", lambda *, on: together)
    reserved_by(monkeypatch, together)
    monkeypatch.setattr("backoffice.outreach.selectors.gate.PackHistory.at", lambda self, *, on, at: together)


def clock_at(monkeypatch: Any, instant: datetime) -> None:
    """Sets the clock of every edge."""
    monkeypatch.setattr("backoffice.calendars.clock.now", lambda: instant)


def reached_borrower() -> Borrower:
    """The late borrower of the small book, in New York."""
    row = open_book().late.borrower
    Borrower.objects.filter(pk=row.pk).update(country="US")
    phone_of(row, zones=("America/New_York",))
    return row


def called(borrower: Borrower, code: str, instant: datetime, **fields: Any) -> int:
    """A call of an agency that was made, and its result; gives the entry of the attempt."""
    usual: dict[str, Any] = {
        "channel": Channel.CALL,
        "purpose": Purpose.COLLECTION,
        "direction": "out",
        "endpoint_id": borrower.contact_points.get().pk if "endpoint_id" not in fields else None,
        "actor_scope": "third_party",
        "actor": SYSTEM,
    }
    entry_id = gate.log_contact(borrower_id=borrower.pk, at=instant, **(usual | fields))
    if code:
        gate.record_fact(entry_id=entry_id, code=code, actor=SYSTEM, at=instant)
    return entry_id
