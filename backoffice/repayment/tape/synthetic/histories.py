"""The life of one made-up loan: the engine says what is owed on a day, the behaviour says whether it is paid."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal
from random import Random

from backoffice.repayment.domain.bills import LoanState, new_state
from backoffice.repayment.domain.journal import Journal
from backoffice.repayment.domain.operations import Operation, apply
from backoffice.repayment.domain.penalty import uncharged
from backoffice.repayment.domain.replay import advance
from backoffice.repayment.domain.schedule import build_schedule
from backoffice.repayment.domain.terms import Terms
from backoffice.repayment.tape.synthetic.behaviour import Behaviour, happens

ONE_DAY = timedelta(days=1)
CHARGED_OFF_AFTER = timedelta(days=210)
SHORT, LONG = "superlender", "home_credit"


@dataclass(frozen=True, slots=True)
class Paid:
    """One payment."""

    on: date
    amount: Decimal


@dataclass(slots=True)
class Life:
    """A loan and what was paid on it through the book's last day."""

    state: LoanState
    last_day: date
    payments: list[Paid] = field(default_factory=list)
    charged_off_on: date | None = None
    journal: Journal = field(default_factory=Journal)

    @property
    def closed_on(self) -> date | None:
        """The day nothing was left."""
        return self.state.closed_on

    def owed_on(self, day: date, *, bills: int) -> Decimal:
        """What pays the first `bills` bills in full on a day, penalty to that day included."""
        advance(self.state, through=day - ONE_DAY, journal=self.journal)
        grown = uncharged(self.state, as_of=day)
        asked = [bill for bill in self.state.bills if bill.number <= bills]
        return sum((bill.remaining_total() + grown.get(bill.number, Decimal(0)) for bill in asked), Decimal(0))

    def pay(self, on: date, amount: Decimal) -> bool:
        """Book a payment; false when its day lies after the book's last day."""
        if on > self.last_day or amount <= 0:
            return False
        advance(self.state, through=on - ONE_DAY, journal=self.journal)
        payment = Operation(kind="payment", value_date=on, key=len(self.payments) + 1, amount=amount)
        apply(self.state, payment, journal=self.journal)
        self.payments.append(Paid(on, amount))
        return True


def live(
    *, terms: Terms, principal: Decimal, disbursed_on: date, last_day: date, behaviour: Behaviour, random: Random
) -> Life:
    """A loan's payments from its pay-out through `last_day`."""
    rows = build_schedule(terms=terms, principal=principal, disbursed_on=disbursed_on)
    life = Life(
        state=new_state(terms=terms, principal=principal, disbursed_on=disbursed_on, rows=rows), last_day=last_day
    )
    due_dates = [row.due_date for row in rows]
    if len(rows) == 1:
        _live_short(life, due_dates[0], behaviour, random)
    else:
        _live_long(life, due_dates, behaviour, random)
    _charge_off(life, due_dates)
    return life


def _live_short(life: Life, due: date, behaviour: Behaviour, random: Random) -> None:
    """One bill: never paid, or paid with the measured delay, sometimes in two parts."""
    if happens(random, behaviour.never_pays):
        return
    earliest = (life.state.disbursed_on - due).days + 1
    _pay_bills(life, due, behaviour.delay(random, source=SHORT, earliest=earliest), 1, behaviour, random)


def _live_long(life: Life, due_dates: list[date], behaviour: Behaviour, random: Random) -> None:
    """Month by month: in order a bill is early, on time or late by the measured delays; unpaid for a month, the loan
    deepens, stays (pays one bill) or cures (pays all) by the measured flows."""
    unpaid = 0
    for number, due in enumerate(due_dates, start=1):
        if due > life.last_day + timedelta(days=31):
            return
        if unpaid == 0:
            if not happens(random, behaviour.enters):
                days = min(0, behaviour.delay(random, source=LONG, earliest=-15))
                _pay_bills(life, due, days, number, behaviour, random)
            elif happens(random, behaviour.stays_unpaid_a_month):
                unpaid = 1
            else:
                days = min(behaviour.days_late(random, source=SHORT), 27)
                _pay_bills(life, due, days, number, behaviour, random)
            continue
        cure, deepen = behaviour.cures(unpaid), behaviour.deepens(unpaid)
        if happens(random, cure):
            _pay_bills(life, due, random.randint(-10, 0), number, behaviour, random)
            unpaid = 0
        elif happens(random, deepen / (1 - cure)):
            unpaid += 1
        else:
            _pay_bills(life, due, random.randint(-10, 10), number - unpaid, behaviour, random)


def _pay_bills(life: Life, due: date, days: int, bills: int, behaviour: Behaviour, random: Random) -> None:
    """Pay the first `bills` bills in full `days` after `due`, at times a part of it some days earlier."""
    on = max(due + timedelta(days=days), life.state.disbursed_on + ONE_DAY)
    last = life.payments[-1].on if life.payments else life.state.disbursed_on
    on = max(on, last)
    if on > life.last_day:
        return
    if happens(random, behaviour.pays_in_parts):
        earlier = on - timedelta(days=random.randint(1, 5))
        if earlier > last:
            part = life.owed_on(earlier, bills=bills) * random.randint(20, 80) / 100
            life.pay(earlier, part.quantize(Decimal("0.01")))
    life.pay(on, life.owed_on(on, bills=bills) - life.state.suspense)


def _charge_off(life: Life, due_dates: list[date]) -> None:
    """A loan whose oldest unpaid bill is 210 days late is charged off that day."""
    oldest = next(_unpaid_due_dates(life, due_dates), None)
    if oldest is not None and oldest + CHARGED_OFF_AFTER <= life.last_day:
        life.charged_off_on = oldest + CHARGED_OFF_AFTER


def _unpaid_due_dates(life: Life, due_dates: list[date]) -> Iterator[date]:
    open_numbers = {bill.number for bill in life.state.bills if bill.remaining_scheduled() > 0}
    return (due for number, due in enumerate(due_dates, start=1) if number in open_numbers)
