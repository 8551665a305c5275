"""Who decides a debit: once by its number, by the agreement, the limits, what is on the account, and the script."""

import heapq
import itertools
import threading
import time
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import TYPE_CHECKING

from backoffice.sandbox.bank.behaviour import BankScript
from backoffice.sandbox.bank.books import Books
from backoffice.sandbox.bank.records import (
    ACTIVE,
    DEBIT,
    DECLINED,
    PROCESSING,
    RETURN,
    RETURNED,
    SUCCEEDED,
    Account,
    Agreement,
    Line,
    Movement,
    Order,
)

if TYPE_CHECKING:
    from collections.abc import Callable

RETURN_CODES = ("AC06", "MD06", "MS02")


@dataclass(frozen=True, slots=True, kw_only=True)
class Scheme:
    """What a rail calls what happened."""

    done: str
    processing: str
    no_funds: str
    over_limit: str
    card_invalid: str
    no_agreement: str
    risk: str
    expired: str
    unmapped: str


UNIONPAY = Scheme(
    done="00",
    processing="05",
    no_funds="64",
    over_limit="33",
    card_invalid="61",
    no_agreement="72",
    risk="38",
    expired="90",
    unmapped="Z9",
)
ISO = Scheme(
    done="",
    processing="",
    no_funds="AM04",
    over_limit="AM14",
    card_invalid="AC04",
    no_agreement="MD01",
    risk="AG01",
    expired="DT01",
    unmapped="X999",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """What the lender asks for. `expires_at`: not executed from then on. `starts_at`: not executed before."""

    order_no: str
    agreement_no: str
    amount: Decimal
    currency: str
    expires_at: float | None = None
    starts_at: float | None = None
    source: str = ""
    payment: str = ""


class NumberTaken(Exception):
    """The number belongs to a debit of another amount, currency or agreement."""


class WrongCurrency(Exception):
    """The agreement is for another currency."""


class Teller:
    """Debits, returns, and what is decided later. `watchers` hear of every order that got into a final state."""

    def __init__(self, *, books: Books, script: BankScript) -> None:
        self.books, self.script = books, script
        self.watchers: list[Callable[[Order], None]] = []
        self.repeats: list[str] = []
        self.woken = threading.Event()
        self._numbers = itertools.count()
        self._due: list[tuple[float, int, tuple[str, str]]] = []
        for order in books.orders.values():
            self._await(order)

    def now(self) -> float:
        """The instant by the bank's clock, in seconds since 1970."""
        return time.time() + self.script.shift

    def debit(self, command: Command, *, rail: str, scheme: Scheme) -> Order:
        """Executes a command once and says what became of it. Raises NumberTaken, WrongCurrency."""
        with self.books.lock:
            known = self.books.orders.get((rail, command.order_no))
            if known is not None:
                return self._repeated(command, known, scheme)
            agreement = self.books.agreements.get(command.agreement_no)
            if agreement is not None and agreement.currency != command.currency:
                raise WrongCurrency
            now = self.now()
            order = Order(
                rail=rail,
                order_no=command.order_no,
                agreement_no=command.agreement_no,
                account="" if agreement is None else agreement.account,
                amount=command.amount,
                currency=command.currency,
                state=PROCESSING,
                code=scheme.processing,
                reference=f"{rail}-{len(self.books.orders) + 1}",
                at=now,
                source=command.source,
                payment=command.payment,
            )
            if command.expires_at is not None and now >= command.expires_at:
                return self._keep(replace(order, state=DECLINED, code=scheme.expired))
            conduct = self.script.of(rail)
            wait = 0.0
            if self.script.happens("processing", key=command.order_no, share=conduct.processing):
                wait = conduct.processing_seconds
            starts = max(now, command.starts_at or now)
            if starts + wait > now:
                return self._keep(replace(order, decides_at=starts + wait))
            return self._decide(order, scheme=scheme, due=now)

    def settle_due(self, *, until: float, schemes: dict[str, Scheme]) -> int:
        """Decides what waits, and takes back what is to be returned, as far as it is due. How many returns."""
        returns = 0
        while True:
            with self.books.lock:
                if not self._due or self._due[0][0] > until:
                    return returns
                due, _, key = heapq.heappop(self._due)
                order = self.books.orders[key]
                if order.state == PROCESSING:
                    self._decide(order, scheme=schemes[order.rail], due=due)
                elif order.state == SUCCEEDED:
                    self._return(order, due=due)
                    returns += 1

    def next_due(self) -> float | None:
        """When something is due next."""
        with self.books.lock:
            return self._due[0][0] if self._due else None

    def open_account(self, *, account: str, currency: str, rail: str) -> Account:
        """The account of a token; one never heard of is opened with a balance of its own."""
        with self.books.lock:
            known = self.books.accounts.get(account)
            if known is not None:
                return known
            balance = self.script.opening_balance(account=account, currency=currency, poor=self.script.of(rail).poor)
            opened = Account(account=account, currency=currency, balance=balance)
            self.books.write(Line(account=opened))
            return opened

    def _repeated(self, command: Command, known: Order, scheme: Scheme) -> Order:
        said = (command.agreement_no, command.amount, command.currency)
        if said != (known.agreement_no, known.amount, known.currency):
            raise NumberTaken
        self.repeats.append(known.order_no)
        share = self.script.of(known.rail).double_execute
        if known.state == SUCCEEDED and self.script.happens("double_execute", key=known.order_no, share=share):
            now = self.now()
            again = self._movement(known, kind=DEBIT, at=now, due=now, code=scheme.done)
            self.books.write(Line(movement=replace(again, reference=f"{known.reference}-{again.number}")))
        return known

    def _decide(self, order: Order, *, scheme: Scheme, due: float) -> Order:
        code = self._refusal(order, scheme=scheme, due=due)
        at = max(order.at, min(due, self.now()))
        if code:
            return self._keep(replace(order, state=DECLINED, code=code, at=at))
        done = replace(
            order, state=SUCCEEDED, code=scheme.done, at=at, debited_at=at, returns_at=self._returns_at(order, at)
        )
        return self._keep(done, movement=self._movement(done, kind=DEBIT, at=at, due=due, code=scheme.done))

    def _refusal(self, order: Order, *, scheme: Scheme, due: float) -> str:
        """The code of the first reason not to debit; empty when there is none."""
        agreement = self.books.agreements.get(order.agreement_no)
        conduct = self.script.of(order.rail)
        if agreement is None or agreement.state != ACTIVE:
            return scheme.no_agreement
        if self.script.happens("unmapped", key=order.order_no, share=conduct.unmapped):
            return scheme.unmapped
        if self.script.happens("refuse_risk", key=order.order_no, share=conduct.refuse_risk):
            return scheme.risk
        account = self.open_account(account=agreement.account, currency=agreement.currency, rail=order.rail)
        if account.is_closed or account.currency != order.currency:
            return scheme.card_invalid
        day = self.script.day_of(due, last_closed=self.books.last_closed)
        if self._is_over_limit(order, agreement, day):
            return scheme.over_limit
        return scheme.no_funds if self.books.balances[account.account] < order.amount else ""

    def _is_over_limit(self, order: Order, agreement: Agreement, day: str) -> bool:
        def spent(period: str) -> Decimal:
            return self.books.spent_in(agreement_no=agreement.agreement_no, period=period) + order.amount

        single, daily, monthly = agreement.single_limit, agreement.day_limit, agreement.month_limit
        return (
            (single is not None and order.amount > single)
            or (daily is not None and spent(day) > daily)
            or (monthly is not None and spent(day[:7]) > monthly)
        )

    def _returns_at(self, order: Order, at: float) -> float | None:
        conduct = self.script.of(order.rail)
        if not self.script.happens("return", key=order.order_no, share=conduct.return_share):
            return None
        least, most = conduct.return_days, conduct.return_days_most
        return at + 86_400 * (least + (most - least) * self.script.draw("return_days", key=order.order_no))

    def _return(self, order: Order, *, due: float) -> None:
        pick = int(self.script.draw("return_code", key=order.order_no) * len(RETURN_CODES))
        at = max(order.at, min(due, self.now()))
        back = replace(order, state=RETURNED, code=RETURN_CODES[pick], at=at)
        self._keep(back, movement=self._movement(back, kind=RETURN, at=at, due=due, code=back.code))

    def _movement(self, order: Order, *, kind: str, at: float, due: float, code: str) -> Movement:
        return Movement(
            number=len(self.books.movements) + 1,
            rail=order.rail,
            order_no=order.order_no,
            kind=kind,
            agreement_no=order.agreement_no,
            account=order.account or self.books.agreements[order.agreement_no].account,
            amount=order.amount,
            currency=order.currency,
            at=at,
            day=self.script.day_of(max(at, due), last_closed=self.books.last_closed),
            code=code,
            reference=order.reference,
        )

    def _keep(self, order: Order, *, movement: Movement | None = None) -> Order:
        self.books.write(Line(order=order, movement=movement))
        self._await(order)
        if order.state != PROCESSING:
            for watcher in self.watchers:
                watcher(order)
        return order

    def _await(self, order: Order) -> None:
        due = {PROCESSING: order.decides_at, SUCCEEDED: order.returns_at}.get(order.state)
        if due is not None:
            heapq.heappush(self._due, (due, next(self._numbers), (order.rail, order.order_no)))
            self.woken.set()
