"""What the lender is to be told of an order: that it was debited, declined, or taken back. Told once, kept as told."""

from collections.abc import Iterator
from dataclasses import dataclass

from backoffice.sandbox.bank.behaviour import BankScript
from backoffice.sandbox.bank.records import DECLINED, RETURNED, SUCCEEDED, Order


@dataclass(frozen=True, slots=True, kw_only=True)
class Advice:
    """One piece of news. `advice_id`: the same however often it is said. `due`: when it leaves, by the bank's clock."""

    advice_id: str
    order: Order
    event: str
    code: str
    at: float
    due: float


def advices_of(order: Order, *, done: str, script: BankScript, must_tell: str = "") -> Iterator[Advice]:
    """All that there is to tell of an order, as the script has it; twice where it is to be told twice.

    `done`: the code of a success. `must_tell`: an event that is never kept quiet.
    """
    events = []
    if order.debited_at is not None:
        events.append((SUCCEEDED, done, order.debited_at))
    if order.state in {DECLINED, RETURNED}:
        events.append((order.state, order.code, order.at))
    conduct = script.of(order.rail)
    for event, code, at in events:
        key = f"{order.order_no}|{event}"
        if event != must_tell and script.happens("no_notice", key=key, share=conduct.no_notice):
            continue
        late = conduct.late_seconds if script.happens("late_notice", key=key, share=conduct.late_notice) else 0.0
        said = Advice(advice_id=f"{order.reference}-{event}", order=order, event=event, code=code, at=at, due=at + late)
        yield said
        if script.happens("double_notice", key=key, share=conduct.double_notice):
            yield said
