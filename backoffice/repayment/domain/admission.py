"""What may be booked on a loan: every refusal of a posting, with its reason and the next step."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from backoffice.core.errors import Refusal
from backoffice.core.money import ZERO, exponent_of
from backoffice.core.words import Phrase, amount_of, phrase
from backoffice.repayment.domain import early
from backoffice.repayment.domain.bills import LoanState, write_off_limit
from backoffice.repayment.domain.components import COMPONENT_WORDS
from backoffice.repayment.domain.operations import WAIVABLE, Operation

LARGEST = Decimal(10) ** 13


class LoanNotFound(Refusal):
    """No loan has that number, or the actor may not see it."""

    code = "repayment.loan_not_found"
    status = 404


class LoanClosed(Refusal):
    """Nothing is owed any more."""

    code = "repayment.loan_closed"


class AmountNotPositive(Refusal):
    """The amount is zero or negative."""

    code = "repayment.amount_not_positive"


class AmountTooLarge(Refusal):
    """No loan is that large; the ledger could not hold it."""

    code = "repayment.amount_too_large"


class TooManyDecimals(Refusal):
    """The amount has more decimals than the currency."""

    code = "repayment.too_many_decimals"


class CurrencyDiffers(Refusal):
    """The payment is in another currency than the loan."""

    code = "repayment.currency_differs"


class ValueDateInFuture(Refusal):
    """The value date lies after the business date."""

    code = "repayment.value_date_in_future"


class ValueDateBeforeDisbursement(Refusal):
    """The value date lies before the loan was paid out."""

    code = "repayment.value_date_before_disbursement"


class DayBeforeDisbursement(Refusal):
    """The loan did not exist on the day asked for."""

    code = "repayment.day_before_disbursement"


class AlreadyPosted(Refusal):
    """The same external id was posted before; the earlier posting stands."""

    code = "repayment.already_posted"
    status = 409


class ExternalIdInUse(Refusal):
    """Something else was posted under the external id before: these are not the same, and only one is in the books."""

    code = "repayment.external_id_in_use"
    status = 409


class AlreadyReversed(Refusal):
    """The operation was taken back before."""

    code = "repayment.already_reversed"
    status = 409


class NotReversible(Refusal):
    """A reversal or a disbursement cannot be taken back."""

    code = "repayment.not_reversible"


class WaiverExceedsOwed(Refusal):
    """More would be waived than is owed."""

    code = "repayment.waiver_exceeds_owed"


class RefundExceedsSuspense(Refusal):
    """More would be paid back than is held for the borrower."""

    code = "repayment.refund_exceeds_suspense"


class PayoffDiffers(Refusal):
    """The amount is not what settles the loan on that day."""

    code = "repayment.payoff_differs"


class NotChargeable(Refusal):
    """Only an active loan can be charged off."""

    code = "repayment.not_chargeable"


class BeyondTolerance(Refusal):
    """What is left is too much for a small-balance write-off."""

    code = "repayment.beyond_tolerance"


class CreditorUnchanged(Refusal):
    """The loan already belongs to that creditor, or none was named."""

    code = "repayment.creditor_unchanged"


@dataclass(frozen=True, slots=True)
class LoanFacts:
    """What can be checked before the loan is brought to the value date."""

    external_id: str
    currency: str
    disbursed_on: date
    status: str


def check_currency(*, given: str | None, loan: str, currency: str) -> None:
    """Raises CurrencyDiffers when an amount comes in another currency than the loan's; None is the loan's."""
    if given is not None and given != currency:
        raise CurrencyDiffers(
            phrase("Loan %(loan)s is in %(currency)s, not %(given)s.", loan=loan, currency=currency, given=given),
            next_step=phrase("Send the amount in the loan's currency."),
            fields={"currency": currency},
        )


def admit(operation: Operation, *, loan: LoanFacts, currency: str | None, business_date: date) -> None:
    """Refuse what no state of the loan could take."""
    check_currency(given=currency, loan=loan.external_id, currency=loan.currency)
    for name, amount in (("amount", operation.amount), *operation.components.items()):
        _check_amount(name, amount, currency=loan.currency)
    is_money = operation.kind in ("payment", "refund")  # what is held may settle a loan by itself: a payoff of nothing
    if operation.amount < 0 or (is_money and not operation.amount):
        raise AmountNotPositive(
            phrase("The amount must be more than zero."),
            next_step=phrase("Check the amount; to take money back, reverse the posting."),
            fields={"amount": str(operation.amount)},
        )
    if operation.value_date > business_date:
        raise ValueDateInFuture(
            phrase(
                "%(day)s lies after the business date %(business_date)s.",
                day=operation.value_date,
                business_date=business_date,
            ),
            next_step=phrase("Post it on the day the money has value."),
            fields={"value_date": str(operation.value_date)},
        )
    if operation.value_date < loan.disbursed_on:
        raise ValueDateBeforeDisbursement(
            phrase("Loan %(loan)s was paid out on %(day)s.", loan=loan.external_id, day=loan.disbursed_on),
            next_step=phrase("Check the loan number and the value date."),
            fields={"value_date": str(operation.value_date)},
        )
    if loan.status == "closed":
        _refuse_on_closed(operation, phrase("Loan %(loan)s is closed: nothing is owed.", loan=loan.external_id))


def check_against_state(state: LoanState, operation: Operation) -> None:
    """Refuse what the loan cannot take on the value date; penalty is charged to that day already."""
    if state.status == "closed":
        _refuse_on_closed(operation, phrase("On that day the loan is closed: nothing is owed."))
    check = _CHECKS.get(operation.kind)
    if check is not None:
        check(state, operation)


def payoff_of(state: LoanState, *, at: date, uncharged_penalty: Decimal = ZERO) -> early.Payoff:
    """What settles the loan on a day the state has been brought to."""
    reached = [bill for bill in state.bills if bill.due_date <= at]
    return early.Payoff(
        principal=state.outstanding_principal(),
        interest_due=sum((bill.remaining("interest") for bill in reached), ZERO),
        interest_accrued=early.accrued_ahead(state, at=at),
        fees_due=sum(
            (bill.remaining("fee") + bill.remaining("guarantee_fee") for bill in reached),
            ZERO,
        ),
        penalty=sum((bill.remaining("penalty") for bill in state.bills), ZERO) + uncharged_penalty,
        early_fee=early.fee_ahead(state, at=at),
        suspense=state.suspense,
    )


def _refuse_on_closed(operation: Operation, message: Phrase) -> None:
    """What still may be booked: a refund, a creditor, and money that has come, which is held to be paid back."""
    is_held = operation.kind == "payment" and operation.is_here
    if operation.kind not in ("refund", "creditor_change") and not is_held:
        raise LoanClosed(
            message,
            next_step=phrase("Post to another loan of the borrower, or send the money back."),
            fields={"loan": "closed"},
        )


def _check_amount(name: str, amount: Decimal, *, currency: str) -> None:
    if amount.is_finite() and abs(amount) >= LARGEST:
        raise AmountTooLarge(
            phrase("%(amount)s is more than any loan.", amount=amount_of(amount, currency=currency)),
            next_step=phrase("Check the amount and where its decimal point is."),
            fields={name: str(amount)},
        )
    if not amount.is_finite() or amount != round(amount, exponent_of(currency)):
        raise TooManyDecimals(
            phrase("%(currency)s has %(count)s decimals.", currency=currency, count=exponent_of(currency)),
            next_step=phrase("Round the amount to the currency's smallest unit."),
            fields={name: str(amount)},
        )


def _check_waiver(state: LoanState, operation: Operation) -> None:
    for component, asked in operation.components.items():
        owed = sum((bill.remaining(component) for bill in state.bills), ZERO)
        if component not in WAIVABLE or asked <= 0 or asked > owed:
            raise WaiverExceedsOwed(
                phrase(
                    "Of %(component)s %(owed)s is owed, bills still to come included; %(asked)s cannot be waived.",
                    component=COMPONENT_WORDS.get(component, component),
                    owed=amount_of(owed, currency=state.terms.currency),
                    asked=amount_of(asked, currency=state.terms.currency),
                ),
                next_step=phrase("Waive at most what is owed; principal is never waived."),
                fields={component: str(owed)},
            )
    if not operation.components:
        raise WaiverExceedsOwed(
            phrase("A waiver names what it waives."),
            next_step=phrase("Give an amount of penalty or interest."),
        )


def _check_refund(state: LoanState, operation: Operation) -> None:
    if operation.amount > state.suspense:
        raise RefundExceedsSuspense(
            phrase(
                "%(held)s is held for the borrower; %(asked)s cannot be paid back.",
                held=amount_of(state.suspense, currency=state.terms.currency),
                asked=amount_of(operation.amount, currency=state.terms.currency),
            ),
            next_step=phrase("Refund at most what is held; reverse a payment to release more."),
            fields={"amount": str(state.suspense)},
        )


def _check_payoff(state: LoanState, operation: Operation) -> None:
    total = payoff_of(state, at=operation.value_date).total
    if operation.amount != total:
        raise PayoffDiffers(
            phrase(
                "The loan is settled by %(total)s on %(day)s, not by %(amount)s.",
                total=amount_of(total, currency=state.terms.currency),
                day=operation.value_date,
                amount=amount_of(operation.amount, currency=state.terms.currency),
            ),
            next_step=phrase("Ask for a fresh payoff quote and post exactly its total."),
            fields={"amount": str(total)},
        )


def _check_charge_off(state: LoanState, operation: Operation) -> None:
    if state.status != "active":
        raise NotChargeable(
            phrase("Only an active loan can be charged off."),
            next_step=phrase("Look at the loan's state."),
            fields={"status": state.status},
        )


def _check_write_off(state: LoanState, operation: Operation) -> None:
    left = sum((bill.remaining_total() for bill in state.bills), ZERO)
    limit = write_off_limit(state)
    if left > limit:
        raise BeyondTolerance(
            phrase(
                "%(left)s is left; the terms write off at most %(limit)s.",
                left=amount_of(left, currency=state.terms.currency),
                limit=amount_of(limit, currency=state.terms.currency),
            ),
            next_step=phrase("Collect the rest, waive penalty, or charge the loan off."),
            fields={"amount": str(left)},
        )


def _check_creditor(state: LoanState, operation: Operation) -> None:
    if not operation.creditor or operation.creditor == state.creditor:
        raise CreditorUnchanged(
            phrase("Name another creditor than the present one."),
            next_step=phrase("Check the name of the guarantor or buyer."),
            fields={"creditor": state.creditor},
        )


_CHECKS: dict[str, Callable[[LoanState, Operation], None]] = {
    "waiver": _check_waiver,
    "refund": _check_refund,
    "payoff": _check_payoff,
    "charge_off": _check_charge_off,
    "write_off": _check_write_off,
    "creditor_change": _check_creditor,
}


def check_existed(*, external_id: str, disbursed_on: date, on: date) -> None:
    """Raises DayBeforeDisbursement for a day on which the loan was not there yet."""
    if on < disbursed_on:
        raise DayBeforeDisbursement(
            phrase(
                "Loan %(loan)s was paid out on %(day)s; before that there is none.", loan=external_id, day=disbursed_on
            ),
            next_step=phrase("Ask for that day or a later one."),
        )
