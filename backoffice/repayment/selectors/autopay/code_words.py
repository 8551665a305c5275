"""What codes on debits mean, in the reader's language: those of rails as data, our own by name."""

from typing import TYPE_CHECKING, Final

from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from backoffice.core.formats import is_chinese
from backoffice.repayment.domain.autopay.breakers import BreakerKind
from backoffice.repayment.domain.autopay.codes import Family, shipped_codes
from backoffice.repayment.domain.autopay.handover import Outcome
from backoffice.repayment.domain.autopay.last_look import Drop
from backoffice.repayment.domain.autopay.outcomes import NOT_IN_FILE, NOT_TAKEN
from backoffice.repayment.domain.autopay.settlement_file import PENDING
from backoffice.repayment.models import Breaker

if TYPE_CHECKING:
    from django.utils.functional import _StrPromise

FAMILY_LABELS: Final[dict[str, "_StrPromise"]] = {
    Family.DONE: pgettext_lazy("answer", "debited"),
    Family.INSUFFICIENT_FUNDS: _("not enough money"),
    Family.LIMIT: _("above a limit"),
    Family.CARD_INVALID: _("card or account not usable"),
    Family.AGREEMENT: _("agreement not in force"),
    Family.IDENTITY: _("identity does not match"),
    Family.RISK: _("stopped by risk control"),
    Family.BUSY: _("bank or rail busy"),
    Family.UNKNOWN: _("outcome unknown"),
    Family.DUPLICATE: _("order number used before"),
    Family.MERCHANT: _("our contract with the rail"),
    Family.REQUEST: _("our request is wrong"),
    Family.EXPIRED: _("never carried out"),
    Family.RETURNED_BY_PAYER: _("taken back by the payer"),
    Family.DECEASED: _("account holder has died"),
}
"""What each kind of answer is called."""

DONE: Final = "00"
"""What a debit carries that was made, whatever the rail's scheme: a bank's statement has no code for it."""

OUR_OWN: Final[dict[str, "_StrPromise"]] = {
    DONE: _("Debited."),
    Drop.SETTLED: _("Nothing was left to debit."),
    Drop.HELD: _("A hold forbids debits."),
    Drop.LOAN_NOT_ACTIVE: _("The loan is not active any more."),
    Drop.NO_MANDATE: _("The agreement was not in force."),
    Drop.IN_FLIGHT: _("Another order of the loan is under way."),
    Drop.OVER_LIMIT: _("No room was left within the limits."),
    Drop.CARD_TIRED: _("The card was debited as often as its bank allows."),
    Drop.RAIL_CLOSED: _("The rail was closed."),
    Drop.OUT_OF_TIME: _("The time of the slot was over."),
    Drop.VERSION_ENDED: _("The version of the configuration was out of force."),
    Drop.STOPPED: _("A person stopped it."),
    Drop.LOAN_STOPPED: _("Debits of the loan are stopped until a person lets them go on."),
    Drop.SET_ASIDE: _("It opened a breaker and was set aside when a person closed it."),
    NOT_TAKEN: _("The rail never had the order."),
    NOT_IN_FILE: _("No settlement file of the rail has it."),
    PENDING: _("The bank had it as pending."),
    Outcome.PROCESSING: _("The rail has it and does not know yet."),
    Outcome.NOT_NOW: _("The rail did not take it for now."),
    Outcome.NEVER_LEFT: _("No connection came about."),
    Outcome.REFUSED_REQUEST: _("The rail says that our request is wrong."),
    Outcome.UNCLEAR: _("The answer did not come or cannot be read."),
    "silent": _("The worker that had it went silent."),
    "by_hand": _("A person decided it."),
    "not_booked": _("Its rail told of it, and it could not be written down."),
    "returned": _("The payer's bank took it back."),
}
_UNMAPPED: Final = _("Nobody has mapped the code %(code)s.")


def code_in_words(*, scheme: str, code: str) -> str:
    """What a code on a debit means: of the rail's scheme, or our own; "" for no code. The code itself if unknown."""
    if not code:
        return ""
    found = shipped_codes().find(scheme=scheme, code=code)
    if found is not None:
        return found.zh if is_chinese() else found.en
    return str(OUR_OWN[code]) if code in OUR_OWN else _UNMAPPED % {"code": code}


def family_in_words(family: str) -> str:
    """What a kind of answer is called; "" where nothing was answered."""
    return str(FAMILY_LABELS.get(family, family))


def breaker_detail(breaker: Breaker) -> str:
    """More about what a breaker saw: the kind of refusal in words, otherwise as it was written down."""
    if breaker.kind == BreakerKind.FAMILY:
        return family_in_words(breaker.detail)
    return "" if breaker.command and breaker.detail == breaker.command.order_no else breaker.detail
