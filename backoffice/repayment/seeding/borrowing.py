"""How synthetic borrowers borrow and pay: the one place for every rate of the seeded book. Pure; drawn from a seed."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from random import Random

from backoffice.core.money import CENT, ZERO, quantize
from backoffice.repayment.domain.bills import LoanState, new_state
from backoffice.repayment.domain.bulk_schedule import BulkLoan, build_many, rows_of
from backoffice.repayment.domain.due_dates import add_months
from backoffice.repayment.domain.journal import Journal
from backoffice.repayment.domain.operations import Operation, OperationKind, apply
from backoffice.repayment.domain.penalty import uncharged
from backoffice.repayment.domain.replay import advance
from backoffice.repayment.domain.terms import ScheduledRow, Terms

PERIODS = 12
ONE_DAY = timedelta(days=1)

# The three versions of the product and how many days before the business date each took effect.
ANNUAL_RATES: tuple[tuple[str, int], ...] = (("0.24", 730), ("0.21", 270), ("0.18", 120))

# Of the overdue loans, the share in each band and the days past due drawn from, evenly.
OVERDUE_BANDS: tuple[tuple[float, int, int], ...] = (
    (0.45, 1, 30),
    (0.18, 31, 60),
    (0.11, 61, 90),
    (0.08, 91, 120),
    (0.06, 121, 150),
    (0.05, 151, 180),
    (0.07, 181, 330),
)
# Of the bills that get paid: paid one to three days early (the money waits in suspense), or up to 20 days late with
# its penalty; the rest on the due date.
PAID_EARLY = 0.05
PAID_LATE = 0.06
MOST_DAYS_EARLY = 3
MOST_DAYS_LATE = 20
# Of the bills paid on the due date: paid five more than asked for; the rest waits in suspense.
PAID_TOO_MUCH = 0.01
TOO_MUCH = Decimal("5.00")
# Of the overdue loans: a part of the first unpaid bill was paid; beyond 180 days, charged off on the 181st.
PAID_IN_PART = 0.25
CHARGED_OFF = 0.30
CHARGED_OFF_AFTER = 181


@dataclass(frozen=True, slots=True)
class Drawn:
    """A loan that was drawn: its schedule and what was done to it before the business date."""

    terms: Terms
    version: int
    principal: Decimal
    disbursed_on: date
    rows: tuple[ScheduledRow, ...]
    history: tuple[Operation, ...]


def terms_of_versions() -> tuple[Terms, ...]:
    """The terms of the product's versions, oldest first."""
    return tuple(
        Terms(currency="CNY", method="equal_installment", annual_rate=Decimal(rate), periods=PERIODS)
        for rate, _ in ANNUAL_RATES
    )


def draw(
    *, rng: Random, terms: tuple[Terms, ...], business_date: date, is_overdue: bool, due_on: date | None = None
) -> Drawn:
    """One open loan as of the morning of `business_date`: current, or overdue by the shares of `OVERDUE_BANDS`.

    Nothing is dated on or after the business date; a current loan owes nothing due before it. With `due_on` a bill of
    every loan falls due on that day.
    """
    principal = Decimal(rng.randrange(10, 500) * 100).quantize(CENT)
    first, last = _days_past_due(rng) if is_overdue else (0, 0)
    while True:
        days = rng.randrange(29, 366 + last) if is_overdue else rng.randrange(1, 366)
        disbursed_on = business_date - timedelta(days=days)
        if due_on is not None:
            # Few days past due are possible then, and none in some of the bands.
            disbursed_on = add_months(due_on, months=-min(1 + days * 12 // 366, PERIODS))
            first, last = _days_past_due(rng) if is_overdue else (first, last)
        version = _version(disbursed_on, business_date=business_date)
        (schedule,) = build_many([BulkLoan(terms[version], int(principal * 100), disbursed_on)])
        if is_overdue:
            unpaid = [due for due in schedule.due_dates if first <= (business_date - due).days <= last]
        else:
            unpaid = [due for due in schedule.due_dates if due >= business_date]
        if unpaid:
            break
    rows = rows_of(schedule, currency=terms[version].currency)
    state = new_state(terms=terms[version], principal=principal, disbursed_on=disbursed_on, rows=rows)
    paying = _Paying(rng=rng, state=state, business_date=business_date)
    history = paying.overdue(unpaid[0]) if is_overdue else paying.current()
    return Drawn(terms[version], version, principal, disbursed_on, rows, tuple(history))


def _days_past_due(rng: Random) -> tuple[int, int]:
    """A stretch of days past due: all of a band, so that a bill with a due date in it is found soon."""
    (band,) = rng.choices(OVERDUE_BANDS, weights=[share for share, _, _ in OVERDUE_BANDS])
    return band[1], band[2]


def _version(disbursed_on: date, *, business_date: date) -> int:
    age = (business_date - disbursed_on).days
    return max(number for number, (_, since) in enumerate(ANNUAL_RATES) if age <= since)


@dataclass(slots=True)
class _Paying:
    """Pays a loan bill by bill; the engine says what is owed on the day, penalty included."""

    rng: Random
    state: LoanState
    business_date: date
    key: int = 0

    def current(self) -> Iterator[Operation]:
        """Every bill due before the business date is paid; one that falls due within days may be paid already."""
        for number, due in enumerate(self._due_dates()):
            if due < self.business_date:
                yield self._pay_bill(number, due)
                continue
            early = due - timedelta(days=self.rng.randint(1, MOST_DAYS_EARLY))
            if early < self.business_date and early > self.state.disbursed_on and self.rng.random() < PAID_EARLY:
                yield self._operation("payment", early, self._scheduled(number))
            return

    def overdue(self, unpaid: date) -> Iterator[Operation]:
        """Every bill before the one due on `unpaid` is paid; of that one, perhaps a part."""
        for number, due in enumerate(self._due_dates()):
            if due < unpaid:
                yield self._pay_bill(number, due)
                continue
            on = due + timedelta(days=self.rng.randint(0, 10))
            if on < self.business_date and self.rng.random() < PAID_IN_PART:
                share = Decimal(self.rng.randint(10, 60)) / 100
                yield self._operation("payment", on, quantize(self._scheduled(number) * share))
            on = due + timedelta(days=CHARGED_OFF_AFTER)
            if on < self.business_date and self.rng.random() < CHARGED_OFF:
                yield self._operation("charge_off", on, ZERO)
            return

    def _pay_bill(self, number: int, due: date) -> Operation:
        drawn = self.rng.random()
        late = due + timedelta(days=self.rng.randint(1, MOST_DAYS_LATE))
        early = due - timedelta(days=self.rng.randint(1, MOST_DAYS_EARLY))
        if drawn < PAID_LATE and late < self.business_date:
            return self._operation("payment", late, self._owed(late))
        if PAID_LATE <= drawn < PAID_LATE + PAID_EARLY and early > self.state.disbursed_on:
            return self._operation("payment", early, self._scheduled(number))
        extra = TOO_MUCH if drawn > 1 - PAID_TOO_MUCH else ZERO
        return self._operation("payment", due, self._scheduled(number) + extra)

    def _owed(self, on: date) -> Decimal:
        self._advance(on)
        tomorrow = on + ONE_DAY
        return self.state.overdue_amount(as_of=tomorrow) + sum(uncharged(self.state, as_of=on).values(), ZERO)

    def _operation(self, kind: OperationKind, on: date, amount: Decimal) -> Operation:
        self.key += 1
        operation = Operation(kind=kind, value_date=on, key=self.key, amount=amount)
        self._advance(on)
        apply(self.state, operation, journal=Journal())
        return operation

    def _advance(self, on: date) -> None:
        advance(self.state, through=on - ONE_DAY, journal=Journal())

    def _scheduled(self, number: int) -> Decimal:
        return self.state.bills[number].scheduled_total()

    def _due_dates(self) -> list[date]:
        return [bill.due_date for bill in self.state.bills]
