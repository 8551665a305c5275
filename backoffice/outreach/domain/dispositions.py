"""What came of a contact, as codes, and what each code counts as. collections 6.

Three coded facts are kept apart: the telephony result, which the machine sets; the party reached; the outcome. The last
fact known about an attempt says what it counts as, so that a wrong number found out later re-counts what was dialled.
"""

from dataclasses import dataclass
from typing import Final, Literal

FactKind = Literal["telephony", "party", "outcome", "delivery", "correction"]
KIND_OF_LETTER: Final[dict[str, FactKind]] = {
    "T": "telephony",
    "P": "party",
    "R": "outcome",
    "I": "outcome",
    "S": "delivery",
}
MACHINE_SETS: Final = frozenset({"T", "S"})
"""First letters of the codes that no person may record."""


@dataclass(frozen=True, slots=True)
class Counts:
    """What an attempt with a code counts as.

    `attempt` somebody was tried to be reached; `call` one of the seven calls in seven days (US); `unanswered` a missed
    try on the number (CN, 6 a day); `conversation` an effective conversation the lender began (CN, 3 a day); `talked`
    starts a quiet period; `right_party` the borrower was reached and verified; `message` a text that left the house.
    """

    attempt: bool = False
    call: bool = False
    unanswered: bool = False
    conversation: bool = False
    talked: bool = False
    right_party: bool = False
    message: bool = False


_TALK = Counts(attempt=True, call=True, conversation=True, talked=True, right_party=True)
_INBOUND_TALK = Counts(talked=True, right_party=True)
_UNANSWERED = Counts(attempt=True, call=True, unanswered=True)
_NOT_CONNECTED = Counts(attempt=True, unanswered=True)
_CALL_ONLY = Counts(attempt=True, call=True)
_SENT = Counts(attempt=True, message=True)

PENDING_CALL: Final = Counts(attempt=True, call=True, unanswered=True, conversation=True, talked=True)
"""A call whose result is not known yet counts as everything it may turn out to be."""
PENDING_MESSAGE: Final = _SENT

OUTCOMES: Final = (
    "HU", "CB", "PAY", "PTP", "PPT", "PLN", "APY", "CLM", "EXT", "HRD", "VUL", "NEG", "NOA", "REF", "INF", "DSP", "IDT",
    "CPL", "CEA", "OPT", "TIM", "ATY", "MOR", "BKR", "LNG", "ABU", "SOS",
)  # fmt: skip

CODES: Final[dict[str, Counts]] = {
    "T-NA": _UNANSWERED,
    "T-BZ": _NOT_CONNECTED,
    "T-OFF": _UNANSWERED,
    "T-OOS": _NOT_CONNECTED,
    "T-CF": Counts(),
    "T-VM": _UNANSWERED,
    "T-VL": _UNANSWERED,
    "T-DR": _CALL_ONLY,
    "T-AB": _CALL_ONLY,
    "T-FX": _CALL_ONLY,
    "T-BLK": Counts(),
    # Somebody picked up: until a person says who and what, it counts as the conversation it may have been.
    "T-ANS": _TALK,
    "P-3P": _CALL_ONLY,
    "P-MSG": _CALL_ONLY,
    "P-LOC": _CALL_ONLY,
    "P-STOP": _CALL_ONLY,
    "P-WN": Counts(),
    "P-REP": Counts(attempt=True),
    "P-SUS": _CALL_ONLY,
    "P-DEC": _CALL_ONLY,
    "R-NV": _CALL_ONLY,
    **{f"R-{outcome}": _TALK for outcome in OUTCOMES},
    "I-NV": Counts(),
    **{f"I-{outcome}": _INBOUND_TALK for outcome in OUTCOMES},
    "S-SENT": _SENT,
    "S-DELIVERED": _SENT,
    "S-READ": _SENT,
    "S-REPLIED": _SENT,
    "S-OPTED-OUT": _SENT,
    "S-BOUNCED": _SENT,
    "S-UNKNOWN": _SENT,
    # The gateway refused it or never had it: nobody was reached for.
    "S-FAILED": Counts(),
    "B-TALK": Counts(attempt=True, call=True, conversation=True, talked=True),
    "B-NA": _UNANSWERED,
}


class UnknownCode(LookupError):
    """No such disposition code."""


def counts_of(code: str) -> Counts:
    """What a code counts as. Raises UnknownCode."""
    if code not in CODES:
        raise UnknownCode(code)
    return CODES[code]


def kind_of(code: str) -> FactKind:
    """Which of the facts a code states. Raises UnknownCode."""
    counts_of(code)
    return "telephony" if code.startswith("B-") else KIND_OF_LETTER[code[0]]
