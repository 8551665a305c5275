"""A small book with all a debit needs: rails, payees, agreements, a configuration in force, the sandbox's bank."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from copy import deepcopy
from datetime import UTC, date, datetime, time, timedelta
from itertools import count
from typing import Any
from urllib.request import Request, urlopen
from zoneinfo import ZoneInfo

from backoffice.calendars.models import BusinessDay
from backoffice.repayment.domain.autopay.actions import USUAL
from backoffice.repayment.domain.components import COMPONENTS
from backoffice.repayment.models import (
    AutopayConfiguration,
    AutopayVersion,
    DebitCommand,
    Loan,
    Mandate,
    Payee,
    Rail,
)
from backoffice.repayment.services.autopay import building, planning, resolving, submitting
from backoffice.repayment.services.autopay.rails.addresses import address_of
from backoffice.sandbox.serving import Sandbox
from tests.repayment.factories import PORTFOLIO, close_days, open_loan

SECRET = "a secret of thirty-two characters and more"
RAIL = "union"
DUE = date(2026, 2, 15)
"""The first bill of a loan of `factories.open_loan`."""
SHANGHAI = ZoneInfo("Asia/Shanghai")
CONTENT: dict[str, Any] = {
    "rails": [RAIL],
    "slots": [
        {"id": "s1", "at": "07:00", "until": "08:30"},
        {"id": "s2", "at": "16:00", "until": "17:30"},
        {"id": "s3", "at": "21:00", "until": "22:30"},
    ],
    "attempts_per_day": 3,
    "min_gap_minutes": 60,
    "days": 3,
    "amount": "all_due",
    "split_over_limit": True,
    "partial": {"shares": ["1", "0.5"], "least": "100.00"},
    "mandate_order": "priority",
    "actions": {family.value: action.value for family, action in USUAL.items()},
    "notify": {},
    "blackout": [],
    "holidays": "debit",
    "calendar": "",
    "keeper": "house",
    "payees": {
        component: [{"payee": "fund", "share": "0.8"}, {"payee": "house", "share": "0.2"}] for component in COMPONENTS
    },
    "canary": {},
    "breakers": {"after": 1000},
}
_numbers = count(1)


def content(**changes: Any) -> dict[str, Any]:
    """A content in which everything is right, with something changed."""
    return deepcopy(CONTENT) | changes


def rail(code: str = RAIL, **fields: Any) -> Rail:
    """A rail of the sandbox's bank, open from morning to night."""
    defaults = {
        "name": code,
        "kind": "http",
        "scheme": "unionpay",
        "url": "http://127.0.0.1:9/rails/http",
        "opens": time(0, 1),
        "closes": time(23, 58),
        "cut_off": time(23, 0),
        "per_second": 10_000,
        "refilled_at": datetime(2026, 1, 1, tzinfo=UTC),
    }
    return Rail.objects.get_or_create(code=code, defaults=defaults | fields)[0]


def payees() -> None:
    """Those the usual content names."""
    Payee.objects.get_or_create(code="fund", defaults={"name": "Fund", "kind": "funder", "creditor": "lender"})
    Payee.objects.get_or_create(code="house", defaults={"name": "House", "kind": "lender"})


def version(made: dict[str, Any] | None = None, **fields: Any) -> AutopayVersion:
    """A version in force since the beginning of the year, of the one configuration of the portfolio."""
    configuration, _ = AutopayConfiguration.objects.get_or_create(
        code="cash", defaults={"name": "Cash", "portfolio": PORTFOLIO}
    )
    return AutopayVersion.objects.create(
        **{
            "configuration": configuration,
            "number": next(_numbers),
            "state": "active",
            "content": made or content(),
            "effective_from": date(2026, 1, 1),
            "approved_at": datetime(2026, 1, 1, tzinfo=UTC),
            "created_by_name": "Ada",
        }
        | fields
    )


def mandate(borrower_id: int, **fields: Any) -> Mandate:
    """An agreement that is in force."""
    number = next(_numbers)
    return Mandate.objects.create(
        **{
            "borrower_id": borrower_id,
            "rail": rail(),
            "agreement_no": f"AG-{number:06d}",
            "kind": "card",
            "bank": "CN01",
            "token": f"tok-{number}",
            "mask": "6222 **** 1234",
            "currency": "CNY",
            "state": "active",
            "signed_on": date(2026, 1, 2),
        }
        | fields
    )


def at(clock: str, day: date = DUE) -> datetime:
    """A time of a day where the lender is."""
    return datetime.combine(day, time.fromisoformat(clock), tzinfo=SHANGHAI)


def loan_due(**fields: Any) -> Loan:
    """A loan whose first bill of 1,100.16 falls due on `DUE`, with an agreement known to the bank when there is one."""
    loan_id = open_loan(**fields)
    return Loan.objects.get(pk=loan_id)


def morning_of(day: date = DUE) -> None:
    """Every day up to the day before is closed; it is the business date."""
    close_days(date(2026, 1, 15), day - timedelta(days=1))
    BusinessDay.objects.update_or_create(pk=BusinessDay.ONLY, defaults={"today": day})


class Bank:
    """The sandbox's bank as a test sees it."""

    def __init__(self, sandbox: Sandbox) -> None:
        self.sandbox = sandbox
        self.url = sandbox.url
        self.rail_url = f"{sandbox.url}/rails/http"

    def say(self, path: str, document: dict[str, Any] | None = None) -> Any:
        """A page of the bank's, or a word to it."""
        body = None if document is None else json.dumps(document).encode()
        with urlopen(Request(f"{self.url}/bank{path}", data=body), timeout=10) as answer:
            return json.load(answer)

    def clock(self, moment: datetime) -> None:
        """Set the bank's clock."""
        self.say("/script", {"clock": moment.isoformat()})

    def conduct(self, **shares: Any) -> None:
        """What goes wrong from now on."""
        self.say("/script", shares)

    def knows(self, agreement: Mandate, *, balance: str = "100000.00") -> None:
        """The agreement is made there, and its account has a balance."""
        from backoffice.repayment.domain.autopay.handover import Terms
        from backoffice.repayment.services.autopay.rails import http

        self.say("/accounts", {"account": agreement.token, "currency": agreement.currency, "balance": balance})
        http.put_agreement(
            terms=Terms(
                agreement_no=agreement.agreement_no,
                account=agreement.token,
                bank=agreement.bank,
                holder=str(agreement.borrower_id),
                currency=agreement.currency,
            ),
            address=address_of(agreement.rail),
        )

    def movements(self) -> list[dict[str, Any]]:
        """Every movement of money, in order."""
        found: list[dict[str, Any]] = []
        while page := self.say(f"/movements?after={len(found)}")["movements"]:
            found += page
        return found


@contextmanager
def bank_at(moment: datetime, settings: Any, **options: Any) -> Iterator[Bank]:
    """The bank, opened at a moment of its own, and the product connected to it."""
    settings.RAIL_SECRETS = {RAIL: SECRET}
    with Sandbox(rail_secret=SECRET, **options) as served:
        bank = Bank(served)
        Rail.objects.filter(code=RAIL).update(url=bank.rail_url)
        bank.clock(moment)
        yield bank


def run_slot(moment: datetime, *, seconds: float = 30.0) -> int:
    """Begin what is due, let everything out, ask about the unknown; gives how many commands left."""
    building.begin_slots(at=moment)
    return submitting.submit_while_due(clock=lambda: moment, seconds=seconds)


def plan(day: date = DUE) -> int:
    """Plan a day; gives how many bills are new."""
    return planning.plan_debits(day=day).new


def resolve(moment: datetime) -> int:
    """Ask about what is unknown."""
    return resolving.resolve(clock=lambda: moment)


def states() -> dict[str, list[tuple[str, str]]]:
    """Commands by state, each with its order number and code."""
    found: dict[str, list[tuple[str, str]]] = {}
    for state, order_no, code in DebitCommand.objects.order_by("id").values_list("state", "order_no", "code"):
        found.setdefault(state, []).append((order_no, code))
    return found
