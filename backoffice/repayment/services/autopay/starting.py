"""The autopay a new lender starts with: rails of the sandbox, payees, a configuration in force for every portfolio."""

from dataclasses import dataclass
from datetime import date
from typing import Any, Final

from django.db import transaction
from django.db.models.functions import Now
from django.utils.text import slugify

from backoffice.core.actors import Actor
from backoffice.repayment.domain.autopay.actions import USUAL
from backoffice.repayment.domain.autopay.version_states import VersionState
from backoffice.repayment.domain.components import FEE, GUARANTEE_FEE, INTEREST, PENALTY, PRINCIPAL
from backoffice.repayment.models import Loan, Payee, ProductVersion, Rail
from backoffice.repayment.models.autopay.configurations import AutopayConfiguration, AutopayVersion
from backoffice.repayment.services.autopay.checking import require_sound
from backoffice.repayment.services.autopay.drafting import create_configuration, draft_version, note_down
from backoffice.repayment.services.autopay.rail_settings import set_sandbox_rails

BY_FILE: Final = frozenset({"CZK", "EUR"})
"""Currencies collected by ISO 20022 files first; all others over the HTTP rail first."""
FILE_CALENDAR: Final = "CZ"
LENDER: Final = "lender"
PLATFORM: Final = "platform"
GUARANTOR: Final = "guarantor"


@dataclass(frozen=True, slots=True)
class Book:
    """The loans of a portfolio that one configuration is for: their currencies, and who their creditor is."""

    portfolio: str
    creditor: str
    currencies: frozenset[str]
    is_only: bool


@transaction.atomic
def load_starter_autopay(*, effective_from: date, actor: Actor, url: str = "http://127.0.0.1:8100/") -> int:
    """A configuration in force from a day for each portfolio and creditor of the book that has none; gives how many.

    As the house that ships it approved it; a lender changes it with two people. `url` is where the rails of the sandbox
    are; a rail or payee that is there already keeps what it says. Raises ConfigurationRefused when a guard refuses what
    it would load.
    """
    if not Rail.objects.exists():
        set_sandbox_rails(url=url, actor=actor)
    for code, kind in ((LENDER, "lender"), (PLATFORM, "platform"), (GUARANTOR, "guarantor")):
        creditor = LENDER if code == LENDER else ""
        Payee.objects.get_or_create(code=code, defaults={"name": code.title(), "kind": kind, "creditor": creditor})
    taken = set(AutopayConfiguration.objects.values_list("portfolio", flat=True))
    books = [book for book in _books() if book.portfolio not in taken]
    for book in books:
        _load(book, effective_from=effective_from, actor=actor)
    return len(books)


def starter_content(*, currencies: frozenset[str], payee: str, calendar: str = "") -> dict[str, Any]:
    """What a configuration begins with: mornings and evenings, three days, what is due, the table of mechanics 3.7.

    `payee` gets principal, interest and penalty; a calendar is one whose holidays are not debited on.
    """
    by_file = bool(currencies & BY_FILE)
    http, files = (list(Rail.objects.filter(kind=kind).values_list("code", flat=True)) for kind in Rail.Kind)
    rails = [*files, *http] if by_file else [*http, *files]
    calendar = calendar or (FILE_CALENDAR if by_file else "")
    return {
        "rails": rails,
        "slots": [
            {"id": "morning", "at": "06:00", "until": "07:30"},
            {"id": "evening", "at": "19:00", "until": "20:30"},
        ],
        "attempts_per_day": 2,
        "min_gap_minutes": 240,
        "days": 3,
        "amount": "all_due",
        "split_over_limit": True,
        "partial": {"shares": ["1", "0.5"], "least": "100"},
        "mandate_order": "priority",
        "actions": {family.value: action.value for family, action in USUAL.items()},
        "notify": {},
        "blackout": [],
        "holidays": "next_working_day" if calendar else "debit",
        "calendar": calendar,
        "payees": {
            PRINCIPAL: [{"payee": payee, "share": "1"}],
            INTEREST: [{"payee": payee, "share": "0.9"}, {"payee": PLATFORM, "share": "0.1"}],
            FEE: [{"payee": PLATFORM, "share": "1"}],
            GUARANTEE_FEE: [{"payee": GUARANTOR, "share": "1"}],
            PENALTY: [{"payee": payee, "share": "1"}],
        },
        "keeper": LENDER,
        "canary": {"share": "0.01", "loans": 50, "days": 1, "least_success": "0.5"},
        "breakers": {
            "total_drift": "0.10",
            "least_success": "0.30",
            "family_share": "0.50",
            "after": 50,
            "debits_per_card": 12,
        },
    }


def _books() -> list[Book]:
    rows = Loan.objects.order_by().values_list("portfolio", "creditor", "currency").distinct()
    found: dict[str, dict[str, set[str]]] = {}
    for portfolio, creditor, currency in rows:
        found.setdefault(portfolio, {}).setdefault(creditor, set()).add(currency)
    return [
        Book(portfolio, creditor, frozenset(currencies), is_only=len(creditors) == 1)
        for portfolio, creditors in sorted(found.items())
        for creditor, currencies in sorted(creditors.items())
    ]


def _load(book: Book, *, effective_from: date, actor: Actor) -> None:
    payee = Payee.objects.filter(creditor=book.creditor).first() or Payee.objects.create(
        code=slugify(book.creditor)[:40] or f"funder-{Payee.objects.count()}",
        name=book.creditor,
        kind=Payee.Kind.FUNDER,
        creditor=book.creditor,
    )
    name = book.portfolio if book.is_only else f"{book.portfolio}, {payee.name}"
    configuration = create_configuration(
        code=slugify(f"{book.portfolio} {'' if book.is_only else payee.code}")[:60],
        name=name,
        portfolio=book.portfolio,
        funder="" if book.is_only else book.creditor,
        actor=actor,
    )
    content = starter_content(currencies=book.currencies, payee=payee.code, calendar=_calendar(book.portfolio))
    version = draft_version(
        configuration_id=configuration.pk, content=content, note="", actor=actor, effective_from=effective_from
    )
    version.findings = [finding.as_json() for finding in require_sound(version)]
    _ship(version, actor=actor)


def _ship(version: AutopayVersion, *, actor: Actor) -> None:
    """In force as the house that ships it approved it."""
    version.state = VersionState.ACTIVE.value
    version.approved_by_name, version.approved_at = actor.name, Now()
    version.save(update_fields=["state", "findings", "approved_by_name", "approved_at"])
    note_down(version, verb="repayment.autopay_version.shipped", actor=actor)


def _calendar(portfolio: str) -> str:
    """The calendar by which the portfolio's products move due dates off holidays; empty when they do not."""
    active = ProductVersion.objects.filter(state=ProductVersion.State.ACTIVE, product__portfolio=portfolio)
    shifting = active.exclude(terms__holiday_shift="none").exclude(terms__calendar="none")
    calendars: list[str] = list(shifting.order_by("pk").values_list("terms__calendar", flat=True))
    return calendars[0] if calendars else ""
