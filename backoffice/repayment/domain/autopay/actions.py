"""What follows a declined debit, by the family of its code: the table a configuration fills in. mechanics 3.7."""

from enum import StrEnum
from typing import Final

from backoffice.repayment.domain.autopay.codes import Family


class Action(StrEnum):
    """What is done next about the bill.

    `next_slot`: tried again in the next slot. `split`: a smaller part in the next slot, where splitting is on.
    `other_mandate`: the next agreement of the borrower. `stop`: nothing more of the loan until a person lets it go on
    or, where the account was at fault, another agreement is in force; for want of funds or room: nothing more that day.
    `rebind` and `resign`: the agreement is suspended until the borrower binds another card or signs again, and they are
    asked to. `manual`: nothing more of the loan until a person looked. `query`: asked about, never sent again. `halt`:
    the whole batch stops, the fault is ours.
    """

    NEXT_SLOT = "next_slot"
    SPLIT = "split"
    OTHER_MANDATE = "other_mandate"
    STOP = "stop"
    REBIND = "rebind"
    RESIGN = "resign"
    MANUAL = "manual"
    QUERY = "query"
    HALT = "halt"


F, A = Family, Action
_ENDINGS: Final = frozenset({A.OTHER_MANDATE, A.STOP, A.MANUAL})

ALLOWED: Final[dict[Family, frozenset[Action]]] = {
    F.INSUFFICIENT_FUNDS: frozenset({A.NEXT_SLOT, A.OTHER_MANDATE, A.STOP, A.MANUAL}),
    F.LIMIT: frozenset({A.SPLIT, A.NEXT_SLOT}) | _ENDINGS,
    # A dead card or agreement, and what the payer or the law forbids, is not tried again.
    F.CARD_INVALID: _ENDINGS | {A.REBIND},
    F.AGREEMENT: _ENDINGS | {A.RESIGN},
    F.IDENTITY: _ENDINGS | {A.REBIND},
    F.RISK: frozenset({A.STOP, A.MANUAL}),
    F.BUSY: frozenset({A.NEXT_SLOT, A.OTHER_MANDATE, A.MANUAL}),
    F.UNKNOWN: frozenset({A.QUERY}),
    F.DUPLICATE: frozenset({A.QUERY}),
    F.MERCHANT: frozenset({A.NEXT_SLOT, A.OTHER_MANDATE, A.MANUAL}),
    F.REQUEST: frozenset({A.HALT}),
    F.EXPIRED: frozenset({A.NEXT_SLOT, A.MANUAL}),
    F.RETURNED_BY_PAYER: frozenset({A.STOP, A.MANUAL, A.RESIGN}),
    F.DECEASED: frozenset({A.MANUAL}),
}
"""What a configuration may choose from, by family; each of these families has to be mapped."""

USUAL: Final[dict[Family, Action]] = {
    F.INSUFFICIENT_FUNDS: A.NEXT_SLOT,
    F.LIMIT: A.SPLIT,
    F.CARD_INVALID: A.REBIND,
    F.AGREEMENT: A.RESIGN,
    F.IDENTITY: A.STOP,
    F.RISK: A.MANUAL,
    F.BUSY: A.NEXT_SLOT,
    F.UNKNOWN: A.QUERY,
    F.DUPLICATE: A.QUERY,
    F.MERCHANT: A.OTHER_MANDATE,
    F.REQUEST: A.HALT,
    F.EXPIRED: A.NEXT_SLOT,
    F.RETURNED_BY_PAYER: A.STOP,
    F.DECEASED: A.MANUAL,
}
"""The table of mechanics 3.7, what a new configuration begins with."""

GOES_ON: Final = frozenset({A.NEXT_SLOT, A.SPLIT, A.OTHER_MANDATE})
"""The bill stays open for further slots."""
SUSPENDS: Final = frozenset({A.REBIND, A.RESIGN})
"""Nothing is debited over the agreement any more until it is resumed or another takes over."""
PASSING: Final = frozenset({F.INSUFFICIENT_FUNDS, F.LIMIT, F.BUSY, F.EXPIRED})
"""What may be otherwise tomorrow by itself: a stop is for the day, an agreement is passed over for the day."""
OF_THE_ACCOUNT: Final = frozenset({F.CARD_INVALID, F.AGREEMENT, F.IDENTITY})
"""What is wrong with one account or agreement, and not with another of the same borrower."""
