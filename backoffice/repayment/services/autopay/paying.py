"""A borrower pays by a link: what the page shows, and the one order that leaves when they say so.

The amount is computed under the loan's lock, like that of a debit, and excluded by any order in flight, as it excludes
the slots. Only what was seen is paid: `seen` names the last order of the loan and every number of the page, so a second
click, a second tab or an old page pays nothing. A worker that dies after the commit leaves a command with a lease,
which `resolving` asks about.
"""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum

from django.db import transaction
from django.db.models import Max

from backoffice.calendars.selectors import business_date
from backoffice.calendars.services import hold_business_date
from backoffice.core.actors import SYSTEM
from backoffice.core.bulk import copy_rows, fetch, next_ids
from backoffice.core.money import ZERO
from backoffice.customers.models import Borrower
from backoffice.customers.selectors.borrowers import masked_name_of
from backoffice.outreach.services.facts import wait_for_debits
from backoffice.repayment.domain.autopay.amounts import due_of
from backoffice.repayment.domain.autopay.debit_states import IN_FLIGHT, LEFT, CommandState
from backoffice.repayment.domain.autopay.handover import Answer as Handed
from backoffice.repayment.domain.autopay.last_look import Drop, look_for_payer
from backoffice.repayment.domain.autopay.order_numbers import Purpose, order_number
from backoffice.repayment.domain.autopay.second_look import within_all_due
from backoffice.repayment.models import AutopaySwitch, DebitCommand, Loan, Mandate, PayLink, Rail
from backoffice.repayment.selectors.autopay.in_force import version_of_loan
from backoffice.repayment.selectors.autopay.last_facts import Asked, facts_of, second_due
from backoffice.repayment.selectors.states import LoadedLoan, load_loans
from backoffice.repayment.services.autopay import breaking, commands, wire
from backoffice.repayment.services.autopay.building import COLUMNS, values_of_command
from backoffice.repayment.services.autopay.handing import (
    Leaving,
    disagreement,
    hand_over,
    is_open,
    room_of_rails,
    send_off,
    take_from_rails,
)
from backoffice.repayment.services.autopay.pay_links import link_of, note_opened
from backoffice.repayment.services.autopay.rails.addresses import address_of
from backoffice.repayment.services.autopay.settling import learn

HOLD_BORROWER = """
SELECT borrower.id FROM customers_borrower borrower JOIN repayment_loan loan ON loan.borrower_id = borrower.id
WHERE loan.id = %s FOR SHARE OF borrower
"""
DIGITS = 4
"""How much of the loan's number the page shows."""


class Answer(StrEnum):
    """What came of a click.

    `paid`: an order left, whatever becomes of it. `again`: this page, or a copy of it, was paid from before. `changed`:
    the numbers are others now, nothing left. `refused`: something forbids it, which the page says. `wrong`: the second
    calculation disagrees; nothing left and people were told.
    """

    PAID = "paid"
    AGAIN = "again"
    CHANGED = "changed"
    REFUSED = "refused"
    WRONG = "wrong"


@dataclass(frozen=True, slots=True)
class Offer:
    """What a loan owes today and what may be paid now (major units), or why nothing.

    `seen` changes whenever one of them, the account or the last order of the loan does.
    """

    overdue: Decimal
    current: Decimal
    held: Decimal
    total: Decimal
    amount: Decimal
    refused: Drop | None
    mandate: Mandate | None
    last_order_id: int

    @property
    def seen(self) -> str:
        """What a click confirms: the loan's last order, and all that is shown."""
        shown = (self.overdue, self.current, self.held, self.amount, self.mandate.pk if self.mandate else 0)
        told = "|".join(f"{part:f}" if isinstance(part, Decimal) else str(part) for part in shown)
        return f"{self.last_order_id}.{hashlib.sha256(told.encode()).hexdigest()[:32]}"


@dataclass(frozen=True, slots=True)
class PayPage:
    """What the page of a link shows, and nothing else of the borrower. `last` is what was last paid over the link."""

    language: str
    name: str
    loan: str
    currency: str
    today: date
    offer: Offer
    last: DebitCommand | None
    is_paid_off: bool = False

    @property
    def is_under_way(self) -> bool:
        """Whether what was paid over this link is not known yet."""
        return self.last is not None and CommandState(self.last.state) in IN_FLIGHT


@transaction.atomic
def open_page(*, token: str, at: datetime) -> PayPage:
    """What a link shows now, and that it was opened. Raises LinkNotOpen, DayNotOpened."""
    link = link_of(token=token, at=at)
    note_opened(link=link, at=at)
    today = business_date()
    loan = Loan.objects.select_related("product_version").get(pk=link.loan_id)
    state = load_loans(loan_ids=[loan.pk], business_date=today, lock=False, near=True)[loan.pk]
    borrower = Borrower.objects.get(pk=loan.borrower_id)
    return PayPage(
        language=borrower.language,
        name=masked_name_of(borrower),
        loan=loan.external_id[-DIGITS:],
        currency=loan.currency,
        today=today,
        offer=_offer(state, today=today, at=at),
        last=DebitCommand.objects.filter(pk=link.command_id).first() if link.command_id else None,
        is_paid_off=loan.status == Loan.Status.CLOSED,
    )


def pay(*, token: str, seen: str, clock: Callable[[], datetime]) -> Answer:
    """Pay what the page that was `seen` showed, once. Raises LinkNotOpen, DayNotOpened."""
    answer, leaving = _let_out(token=token, seen=seen, at=clock())
    if leaving is not None:
        said = _call(leaving)
        if said is not None:
            learn(answers={leaving.row.id: said}, at=clock(), actor=SYSTEM)
    return answer


def _call(leaving: Leaving) -> Handed | None:
    """The call, unless everything or the rail was stopped since; None when the lease is over."""
    address = address_of(Rail.objects.get(pk=leaving.row.rail_id))
    with wire.held() as is_held:
        if is_held and wire.may_go(batch_id=None, rail_id=leaving.row.rail_id):
            return hand_over(leaving, address)
    return wire.STOPPED


@transaction.atomic
def _let_out(*, token: str, seen: str, at: datetime) -> tuple[Answer, Leaving | None]:
    """The order, marked as submitted; committed before the call is made."""
    today = hold_business_date(at_least=date.min)
    link = link_of(token=token, at=at, lock=True)
    room = room_of_rails(at=at)
    # Against holds: one that is being placed is waited for, one that comes later finds the order.
    fetch(HOLD_BORROWER, [link.loan_id])
    loans = load_loans(loan_ids=[link.loan_id], business_date=today, lock=True, near=True)
    offer = _offer(loans[link.loan_id], today=today, at=at)
    if seen != offer.seen:
        is_again = link.command_id == offer.last_order_id and seen.partition(".")[0] != str(offer.last_order_id)
        return (Answer.AGAIN if link.command_id and is_again else Answer.CHANGED), None
    if offer.refused is not None or offer.mandate is None or room.get(offer.mandate.rail_id, 0) < 1:
        return Answer.REFUSED, None
    opinion = second_due(loans=loans, day=today)[link.loan_id]
    loan = loans[link.loan_id]
    tripped = disagreement(
        offer.amount,
        opinion=opinion,
        span=within_all_due(opinion),
        order_no=f"pay link {link.pk}",
        currency=loan.currency,
    )
    if tripped is not None:
        breaking.open_breaker(tripped=tripped, at=at)
        return Answer.WRONG, None
    command_id = _write(loan, offer=offer, mandate=offer.mandate, today=today)
    row = commands.read(ids=[command_id], lock=True)[command_id]
    change, leaving = send_off(row, amount=offer.amount, at=at)
    commands.apply([change], actor=SYSTEM)
    take_from_rails([leaving])
    wait_for_debits(loan_ids=[link.loan_id])
    PayLink.objects.filter(pk=link.pk).update(command=command_id)
    return Answer.PAID, leaving


def _offer(loan: LoadedLoan, *, today: date, at: datetime) -> Offer:
    due = due_of(loan.state, as_of=today)
    orders = DebitCommand.objects.filter(loan=loan.id, state__in=[state.value for state in LEFT])
    mandate, decided = _choose(loan, today=today, at=at)
    if mandate is None and due.total <= ZERO:
        decided = Drop.SETTLED
    if AutopaySwitch.objects.filter(is_stopped=True).exists():
        decided = Drop.STOPPED
    return Offer(
        overdue=due.overdue,
        current=due.current,
        held=due.held,
        total=due.total,
        amount=decided if isinstance(decided, Decimal) else ZERO,
        refused=None if isinstance(decided, Decimal) else decided,
        mandate=mandate,
        last_order_id=orders.aggregate(last=Max("pk"))["last"] or 0,
    )


def _choose(loan: LoadedLoan, *, today: date, at: datetime) -> tuple[Mandate | None, Decimal | Drop]:
    """The first agreement something may be paid from now, and how much; else the first of all, and why not."""
    mandates = _mandates(loan, today=today)
    asked = [Asked(command_id=each.pk, loan_id=loan.id, mandate_id=each.pk, tries_without_funds=0) for each in mandates]
    facts = facts_of(asked=asked, loans={loan.id: loan}, day=today) if asked else {}
    refused: tuple[Mandate | None, Decimal | Drop] = (None, Drop.NO_MANDATE)
    for mandate in mandates:
        decided = look_for_payer(facts[mandate.pk])
        if isinstance(decided, Decimal) and not is_open(mandate.rail, at=at):
            decided = Drop.RAIL_CLOSED
        if isinstance(decided, Decimal):
            return mandate, decided
        if refused[0] is None:
            refused = mandate, decided
    return refused


def _mandates(loan: LoadedLoan, *, today: date) -> list[Mandate]:
    """The borrower's agreements in force over rails that answer at once, in their order."""
    mandates = Mandate.objects.select_related("rail").filter(
        borrower_id=loan.borrower_id, state="active", currency=loan.currency, rail__kind=Rail.Kind.HTTP
    )
    usable = mandates.exclude(valid_through__lt=today).order_by("rail__is_paused", "priority", "pk")
    return list(usable)


def _write(loan: LoadedLoan, *, offer: Offer, mandate: Mandate, today: date) -> int:
    """The command as a slot would have built it, under the number of the oldest bill that is open; gives its id."""
    bill = loan.state.open_bills()[0]
    past = DebitCommand.objects.filter(
        loan=loan.id,
        installment_number=bill.number,
        from_version=bill.from_version,
        purpose=Purpose.ACTIVE.value,
    )
    attempt = 1 + past.count()
    (key,) = next_ids(table="repayment_debitcommand", count=1)
    whose = Loan.objects.select_related("product_version").get(pk=loan.id)
    order_no = order_number(
        loan_id=loan.id, bill_number=bill.number, version=bill.from_version, purpose=Purpose.ACTIVE, attempt=attempt
    )
    values = values_of_command(
        key=key,
        order_no=order_no,
        purpose=Purpose.ACTIVE,
        bill_id=None,
        batch_id=None,
        version_id=version_of_loan(loan=whose, day=today),
        loan_id=loan.id,
        borrower_id=loan.borrower_id,
        installment_number=bill.number,
        from_version=bill.from_version,
        attempt=attempt,
        day=today,
        mandate_id=mandate.pk,
        rail_id=mandate.rail_id,
        currency=loan.currency,
        amount=offer.amount,
    )
    copy_rows(table="repayment_debitcommand", columns=COLUMNS, rows=[values])
    return key
