"""What a version would debit beside the one in force: tomorrow's bills and those of the last 30 days, side by side.

Method. *Tomorrow* is the real book: the bills each side would plan, what the loans owe then with penalty grown, by the
engine. *The last 30 days* are the bills as they were due: each installment of the schedule in force, once, on the first
day a version would have tried it, with what was scheduled and nothing past due before it. Both take agreements, limits,
creditors and the other configurations as they are today, and say what the first debit of a bill asks for: what is split
off over a limit follows later the same day. A bill whose borrower has no agreement on the version's rails is not
debited, and is counted as such.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal
from typing import Any, Final

from django.db import transaction

from backoffice.calendars.selectors import business_date
from backoffice.core.actors import Actor
from backoffice.core.bulk import copy_rows, fetch
from backoffice.core.money import ZERO
from backoffice.repayment.domain.autopay.amounts import Due, Room, due_of
from backoffice.repayment.domain.autopay.days import LOOK_AHEAD, days_of
from backoffice.repayment.domain.autopay.mandate_choice import Agreement, in_order
from backoffice.repayment.domain.autopay.simulation import (
    NOTHING,
    Change,
    Owed,
    Treated,
    changes_between,
    treat,
)
from backoffice.repayment.domain.autopay.version_states import VersionState
from backoffice.repayment.domain.bills import Bill, LoanState
from backoffice.repayment.domain.components import FEE, GUARANTEE_FEE, INTEREST, PENALTY, PRINCIPAL
from backoffice.repayment.domain.penalty import uncharged
from backoffice.repayment.models import Simulation
from backoffice.repayment.models.autopay.configurations import AutopayConfiguration, AutopayVersion
from backoffice.repayment.selectors.autopay.bills import bills_to_debit
from backoffice.repayment.selectors.autopay.configurations import loans_of
from backoffice.repayment.selectors.autopay.in_force import Ruling, open_days, ruling_of, rulings_on
from backoffice.repayment.selectors.states import load_loans, terms_by_id
from backoffice.repayment.selectors.verification import statement
from backoffice.repayment.services.autopay.checking import require_sound
from backoffice.repayment.services.autopay.drafting import locked_version, move, not_in_state, note_down

PAST_DAYS: Final = 30
COLUMNS: Final = (
    "simulation_id",
    "loan_id",
    "installment_number",
    "due_date",
    "day",
    "day_before",
    "amount_before",
    "amount_after",
    "currency",
    "payees_before",
    "payees_after",
    "rail_before",
    "rail_after",
    "why",
)


@dataclass(slots=True)
class Side:
    """What one version comes to: bills looked at, those debited, amounts by currency and payee (major units)."""

    bills: int = 0
    debits: int = 0
    without_agreement: int = 0
    amounts: dict[str, Decimal] = field(default_factory=dict)
    payees: dict[tuple[str, str], Decimal] = field(default_factory=dict)

    def count(self, treated: Treated, *, currency: str, has_agreement: bool) -> None:
        """Counts one bill."""
        self.bills += 1
        self.without_agreement += not has_agreement
        if treated.day is None:
            return
        self.debits += 1
        self.amounts[currency] = self.amounts.get(currency, ZERO) + treated.amount
        for payee, part in treated.payees.items():
            self.payees[payee, currency] = self.payees.get((payee, currency), ZERO) + part

    def as_json(self) -> dict[str, Any]:
        """As it is kept with the simulation."""
        return {
            "bills": self.bills,
            "debits": self.debits,
            "without_agreement": self.without_agreement,
            "amounts": {currency: str(amount) for currency, amount in sorted(self.amounts.items())},
            "payees": [
                {"payee": payee, "currency": currency, "amount": str(amount)}
                for (payee, currency), amount in sorted(self.payees.items())
            ],
        }


@dataclass(frozen=True, slots=True)
class Changed:
    """A bill that two versions treat otherwise."""

    loan_id: int
    number: int
    due_date: date
    currency: str
    before: Treated
    after: Treated
    why: tuple[Change, ...]


@dataclass(slots=True)
class Compared:
    """Both sides over some days, and every bill they treat otherwise."""

    before: Side = field(default_factory=Side)
    after: Side = field(default_factory=Side)
    changed: list[Changed] = field(default_factory=list)

    def why(self) -> Counter[str]:
        """How many bills change, by what changes; a bill may change in several ways."""
        return Counter(change.value for row in self.changed for change in row.why)


@dataclass(frozen=True, slots=True)
class Beside:
    """The versions that rule a portfolio's loans with and without the one that is simulated, most specific first."""

    configuration: AutopayConfiguration
    before: list[Ruling]
    after: list[Ruling]
    subject: Ruling
    beside_id: int | None


@transaction.atomic
def simulate_version(*, version_id: int, actor: Actor) -> Simulation:
    """Run a checked version beside the one in force and keep what it came to.

    Raises ConfigurationNotFound, ConfigurationNotInState, and ConfigurationRefused when a guard refuses it by now.
    """
    version = locked_version(version_id)
    if version.state not in {VersionState.CHECKED, VersionState.SIMULATED}:
        raise not_in_state(version)
    require_sound(version)
    today = business_date()
    beside = beside_of(version, on=today + timedelta(days=1))
    tomorrow, past = compare_tomorrow(beside, today=today), compare_past(beside, today=today)
    simulation = Simulation.objects.create(
        version=version,
        beside_id=beside.beside_id,
        from_day=today - timedelta(days=PAST_DAYS - 1),
        through_day=today + timedelta(days=1),
        totals={"tomorrow": _totals(tomorrow), "past": _totals(past)},
        actor_name=actor.name,
    )
    copy_rows(
        table="repayment_simulatedbill",
        columns=COLUMNS,
        rows=(_row(simulation.pk, row) for row in [*tomorrow.changed, *past.changed]),
    )
    move(version, to=VersionState.SIMULATED)
    version.save(update_fields=["state"])
    changed = {"tomorrow": len(tomorrow.changed), "past": len(past.changed)}
    note_down(version, verb="repayment.autopay_version.simulated", actor=actor, more={"changed": changed})
    return simulation


def beside_of(version: AutopayVersion, *, on: date) -> Beside:
    """What rules on a day without the version, and with it in place of its configuration's; trials are left aside.

    Raises ConfigurationFaulty.
    """
    subject = ruling_of(version)
    before = [each for each in rulings_on(on) if each.portfolio == subject.portfolio and not each.is_canary]
    others = [each for each in before if each.configuration_id != subject.configuration_id]
    own = next((each for each in before if each.configuration_id == subject.configuration_id), None)
    wider = own or next((each for each in before if each.rank > subject.rank and _covers(each, subject)), None)
    after = sorted([*others, subject], key=lambda each: (each.rank, each.version_id))
    return Beside(version.configuration, before, after, subject, wider.version_id if wider else None)


def compare_tomorrow(beside: Beside, *, today: date) -> Compared:
    """Both sides over the bills of tomorrow, on the real book."""
    day = today + timedelta(days=1)
    planned = [_planned(day, rulings, beside) for rulings in (beside.before, beside.after)]
    loan_ids = {loan_id for side in planned for loan_id, _number in side}
    loans = load_loans(loan_ids=loan_ids, business_date=today, lock=False, near=True)
    agreements = _agreements(beside.subject.portfolio, day=day)
    compared = Compared()
    due_dates = {key: bill[1] for side in planned for key, bill in side.items()}
    owed_by: dict[int, Owed] = {
        loan.id: _owed_of(loan.state, currency=loan.currency, day=day) for loan in loans.values()
    }
    for key in sorted(due_dates):
        loan, owed = loans[key[0]], owed_by[key[0]]
        known = agreements.get(loan.borrower_id, ())
        sides = [_treated(owed, side[key][0], known, day=day) if key in side else None for side in planned]
        _compare(compared, key=key, due_date=due_dates[key], currency=loan.currency, sides=sides)
    return compared


def compare_past(beside: Beside, *, today: date) -> Compared:
    """Both sides over the bills of the last 30 days, as they were due."""
    first = today - timedelta(days=PAST_DAYS - 1)
    subject = beside.subject
    params = {
        "portfolio": subject.portfolio,
        "product": subject.product_id,
        "funder": subject.funder,
        "first": first - timedelta(days=LOOK_AHEAD),
        "last": today,
    }
    agreements = _agreements(subject.portfolio, day=today)
    first_days = {each.version_id: _first_day(each) for each in (*beside.before, subject)}
    compared = Compared()
    for loan_id, borrower_id, product, creditor, currency, terms_id, number, due_date, *amounts in fetch(
        statement("scheduled_bills.sql"), params
    ):
        rulings = [_ruling_for(side, product, creditor) for side in (beside.before, beside.after)]
        if rulings[1] is not subject:
            continue
        days = [first_days[ruling.version_id](due_date) if ruling else None for ruling in rulings]
        if not any(day and first <= day <= today for day in days):
            continue
        bill = _scheduled(due_date, number, amounts)
        known = agreements.get(borrower_id, ())
        sides = [
            _treated(_owed_as_due(bill, terms_id, currency, day), ruling, known, day=day) if ruling and day else None
            for ruling, day in zip(rulings, days, strict=True)
        ]
        _compare(compared, key=(loan_id, number), due_date=due_date, currency=currency, sides=sides)
    return compared


def _planned(day: date, rulings: Sequence[Ruling], beside: Beside) -> dict[tuple[int, int], tuple[Ruling, date]]:
    """The bills of a day by loan and number, with the version that tries each; only of loans the version is for."""
    by_id = {each.version_id: each for each in rulings}
    subject = beside.subject
    found: dict[tuple[int, int], tuple[Ruling, date]] = {}
    of_wider: set[int] = set()
    for bill in bills_to_debit(day=day, rulings=rulings):
        ruling = by_id[bill.version_id]
        is_own = ruling.configuration_id == subject.configuration_id
        if is_own or ruling.rank > subject.rank:
            found[bill.loan_id, bill.installment_number] = (ruling, bill.due_date)
        if not is_own and ruling.rank > subject.rank:
            of_wider.add(bill.loan_id)
    others = of_wider - set(loans_of(beside.configuration).filter(pk__in=of_wider).values_list("pk", flat=True))
    return {key: value for key, value in found.items() if key[0] not in others}


def _covers(wider: Ruling, narrow: Ruling) -> bool:
    return wider.product_id in {None, narrow.product_id} and wider.funder in {"", narrow.funder}


def _ruling_for(rulings: Iterable[Ruling], product: int, creditor: str) -> Ruling | None:
    """The most specific version for a loan of a product and creditor; they come in that order."""
    return next(
        (each for each in rulings if each.product_id in {None, product} and each.funder in {"", creditor}), None
    )


def _first_day(ruling: Ruling) -> Callable[[date], date | None]:
    """The first day a bill of a due date is tried, kept for the many bills of one day."""
    is_open, known = open_days(ruling), dict[date, date | None]()

    def first(due_date: date) -> date | None:
        if due_date not in known:
            known[due_date] = next(days_of(due_date, configuration=ruling.configuration, is_open=is_open), None)
        return known[due_date]

    return first


def _agreements(portfolio: str, *, day: date) -> Mapping[int, list[Agreement]]:
    found: dict[int, list[Agreement]] = defaultdict(list)
    for borrower_id, pk, rail, currency, priority, last_success_on, single, of_day, month in fetch(
        statement("agreements_of_loans.sql"), {"portfolio": portfolio, "day": day}
    ):
        room = Room(single=single, day=of_day, month=month)
        found[borrower_id].append(
            Agreement(
                id=pk, rail=rail, currency=currency, priority=priority, last_success_on=last_success_on, room=room
            )
        )
    return found


def _owed_of(state: LoanState, *, currency: str, day: date) -> Owed:
    """What a loan owes on a day, penalty grown by then put on its bills."""
    grown = uncharged(state, as_of=day)
    bills = [bill for bill in state.bills if bill.due_date <= day and bill.settled_on is None]
    due = due_of(state, as_of=day)
    for bill in bills:
        bill.charged[PENALTY] += grown.get(bill.number, ZERO)
    dpd = max(((day - bill.due_date).days for bill in bills), default=0)
    return Owed(bills=bills, due=due, rule=state.terms.allocation, dpd=dpd, currency=currency)


def _scheduled(due_date: date, number: int, amounts: Sequence[Decimal]) -> Bill:
    principal, interest, fee, guarantee_fee = amounts
    charged = {PRINCIPAL: principal, INTEREST: interest, FEE: fee, GUARANTEE_FEE: guarantee_fee, PENALTY: ZERO}
    return Bill(number=number, due_date=due_date, charged=charged)


def _owed_as_due(bill: Bill, terms_id: int, currency: str, day: date) -> Owed:
    """One bill as it was scheduled, on the day it is tried: current on its due date, past due after it."""
    whole, late = bill.remaining_total(), (day - bill.due_date).days
    overdue, current = (whole, ZERO) if late > 0 else (ZERO, whole)
    due = Due(overdue=overdue, current=current, own=whole)
    return Owed(bills=[bill], due=due, rule=terms_by_id(terms_id).allocation, dpd=late, currency=currency)


def _treated(owed: Owed, ruling: Ruling, agreements: Sequence[Agreement], *, day: date) -> tuple[Treated, bool]:
    """What a version does with a bill, and whether there is an agreement to do it over."""
    chosen = in_order(agreements, configuration=ruling.configuration, currency=owed.currency)
    if not chosen:
        return NOTHING, False
    first = chosen[0]
    return treat(owed, configuration=ruling.configuration, day=day, rail=first.rail, room=first.room), True


def _compare(
    compared: Compared,
    *,
    key: tuple[int, int],
    due_date: date,
    currency: str,
    sides: Sequence[tuple[Treated, bool] | None],
) -> None:
    for side, found in zip((compared.before, compared.after), sides, strict=True):
        if found is not None:
            side.count(found[0], currency=currency, has_agreement=found[1])
    before, after = ((found[0] if found else NOTHING) for found in sides)
    why = changes_between(before, after)
    if why:
        compared.changed.append(Changed(key[0], key[1], due_date, currency, before, after, why))


def _totals(compared: Compared) -> dict[str, Any]:
    return {
        "before": compared.before.as_json(),
        "after": compared.after.as_json(),
        "changed": len(compared.changed),
        "why": dict(compared.why()),
    }


def _row(simulation_id: int, row: Changed) -> tuple[Any, ...]:
    return (
        simulation_id,
        row.loan_id,
        row.number,
        row.due_date,
        row.after.day or row.before.day,
        row.before.day,
        row.before.amount,
        row.after.amount,
        row.currency,
        _payees(row.before),
        _payees(row.after),
        row.before.rail,
        row.after.rail,
        ",".join(change.value for change in row.why),
    )


def _payees(treated: Treated) -> str:
    pairs: Iterator[str] = (f'"{payee}": "{amount}"' for payee, amount in sorted(treated.payees.items()))
    return "{" + ", ".join(pairs) + "}"
