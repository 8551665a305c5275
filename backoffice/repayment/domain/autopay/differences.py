"""What two records of one order may disagree about. mechanics 3.7, 对账."""

from enum import StrEnum


class DifferenceKind(StrEnum):
    """长款 `long`: the channel has it, we do not. 短款 `short`: we have it, the channel does not. The rest by name.

    `cutoff`: it happened after the rail's cut-off and is expected in the next file. `payee`: a funder's or guarantor's
    file says otherwise than our split.
    """

    LONG = "long"
    SHORT = "short"
    AMOUNT = "amount"
    STATUS = "status"
    CUT_OFF = "cutoff"
    PAYEE = "payee"
