"""How debits, their bills, batches and breakers read on a screen: labels and tones."""

from typing import Final

from django.utils.translation import pgettext_lazy

from backoffice.core import tones
from backoffice.core.tones import Tone
from backoffice.repayment.domain.autopay.debit_states import BillState, CommandState
from backoffice.repayment.models import DebitBatch
from backoffice.repayment.models.autopay.debits import BILL_LABELS, COMMAND_LABELS

DEBIT: Final = "repayment.debit"
DEBIT_BILL: Final = "repayment.debit_bill"
BATCH: Final = "repayment.debit_batch"
BREAKER: Final = "repayment.breaker"
NOTICE: Final = "repayment.debit_notice"
SETTLEMENT_LINE: Final = "repayment.settlement_line"

DEBIT_TONES: Final[dict[CommandState, Tone]] = {
    CommandState.PLANNED: "neutral",
    CommandState.SUBMITTED: "info",
    CommandState.UNKNOWN: "danger",
    CommandState.SUCCEEDED: "good",
    CommandState.DECLINED: "warn",
    CommandState.DROPPED: "neutral",
    CommandState.RETURNED: "danger",
}
BILL_TONES: Final[dict[BillState, Tone]] = {
    BillState.OPEN: "info",
    BillState.SETTLED: "good",
    BillState.STOPPED: "warn",
    BillState.OVER: "neutral",
}
BATCH_TONES: Final[dict[DebitBatch.State, Tone]] = {
    DebitBatch.State.BUILDING: "info",
    DebitBatch.State.RUNNING: "info",
    DebitBatch.State.PAUSED: "warn",
    DebitBatch.State.STOPPED: "danger",
    DebitBatch.State.DONE: "good",
    DebitBatch.State.OVER: "neutral",
}

tones.declare(DEBIT, {state: (COMMAND_LABELS[state], tone) for state, tone in DEBIT_TONES.items()})
tones.declare(DEBIT_BILL, {state: (BILL_LABELS[state], tone) for state, tone in BILL_TONES.items()})
tones.declare(BATCH, {state: (state.label, tone) for state, tone in BATCH_TONES.items()})
tones.declare(
    BREAKER,
    {
        "open": (pgettext_lazy("breaker", "open"), "danger"),
        "closed": (pgettext_lazy("breaker", "closed"), "neutral"),
    },
)
tones.declare(
    NOTICE,
    {
        "succeeded": (COMMAND_LABELS[CommandState.SUCCEEDED], "good"),
        "declined": (COMMAND_LABELS[CommandState.DECLINED], "warn"),
        "returned": (COMMAND_LABELS[CommandState.RETURNED], "danger"),
    },
    otherwise="neutral",
)
tones.declare(
    SETTLEMENT_LINE,
    {
        "debit": (pgettext_lazy("settlement", "debit"), "good"),
        "return": (pgettext_lazy("settlement", "return"), "danger"),
    },
)
