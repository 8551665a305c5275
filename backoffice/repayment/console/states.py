"""How the states of repayment read on a screen: labels and tones, declared once, in one place."""

from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from backoffice.core import tones
from backoffice.core.tones import Tone
from backoffice.repayment.domain.components import Component
from backoffice.repayment.models import ImportRun, Loan, Operation, PaymentFile

LOAN = "repayment.loan"
BILL = "repayment.bill"
BUCKET = "repayment.bucket"
OPERATION = "repayment.operation"
FILE = "repayment.payment_file"
FIVE_TIER = "repayment.five_tier"
IMPORT = "repayment.import"

tones.declare(
    LOAN,
    {
        Loan.Status.ACTIVE: (_("active"), "info"),
        Loan.Status.CLOSED: (pgettext_lazy("loan", "closed"), "good"),
        Loan.Status.CHARGED_OFF: (_("charged off"), "danger"),
    },
)
tones.declare(
    BILL,
    {
        "paid": (_("paid"), "good"),
        "overdue": (_("overdue"), "danger"),
        "penalty_only": (_("penalty only"), "warn"),
        "tolerated": (_("tolerated"), "neutral"),
        "due": (_("due today"), "warn"),
        "partly": (_("partly paid"), "info"),
        "planned": (_("planned"), "neutral"),
    },
)
# Bands are terms of a product: those it names otherwise than M0 and M1 are later ones.
tones.declare(BUCKET, {"M0": (_("M0"), "good"), "M1": (_("M1"), "warn")}, otherwise="danger")
tones.declare(
    OPERATION,
    {
        Operation.Kind.DISBURSEMENT: (_("disbursed"), "info"),
        Operation.Kind.PAYMENT: (_("payment"), "good"),
        Operation.Kind.PAYOFF: (_("payoff"), "good"),
        Operation.Kind.WAIVER: (_("waiver"), "warn"),
        Operation.Kind.REFUND: (_("refund"), "neutral"),
        Operation.Kind.CHARGE_OFF: (_("charge-off"), "danger"),
        Operation.Kind.WRITE_OFF: (_("small-balance write-off"), "warn"),
        Operation.Kind.CREDITOR_CHANGE: (_("change of creditor"), "info"),
        Operation.Kind.REVERSAL: (_("reversal"), "neutral"),
    },
)
tones.declare(
    FILE,
    {
        PaymentFile.State.RECEIVED: (_("being read"), "info"),
        PaymentFile.State.READY: (_("to be posted"), "warn"),
        PaymentFile.State.POSTING: (_("posting"), "info"),
        PaymentFile.State.POSTED: (_("posted"), "good"),
        PaymentFile.State.PARTLY: (_("posted in part"), "warn"),
        PaymentFile.State.REFUSED: (_("refused"), "danger"),
        PaymentFile.State.CANCELLED: (_("cancelled"), "neutral"),
    },
)
tones.declare(
    IMPORT,
    {
        ImportRun.State.RECEIVED: (_("received"), "neutral"),
        ImportRun.State.CHECKING: (_("being checked"), "info"),
        ImportRun.State.CHECKED: (_("checked"), "warn"),
        ImportRun.State.REFUSED: (_("refused"), "danger"),
        ImportRun.State.LOADING: (_("being loaded"), "info"),
        ImportRun.State.LOADED: (_("loaded"), "good"),
        ImportRun.State.FAILED: (_("failed"), "danger"),
        ImportRun.State.DISCARDED: (_("discarded"), "neutral"),
    },
)
tones.declare(
    FIVE_TIER,
    {
        "normal": (_("normal"), "good"),
        "special_mention": (_("special mention"), "warn"),
        "substandard": (_("substandard"), "danger"),
        "doubtful": (_("doubtful"), "danger"),
        "loss": (_("loss"), "danger"),
    },
)

DEFAULT_BUCKETS = ("M0", "M1", "M2", "M3", "M4", "M5", "M6", "M6+")

COMPONENT_LABELS = {
    "principal": _("principal"),
    "interest": _("interest"),
    "fee": _("fee"),
    "guarantee_fee": _("guarantee fee"),
    "penalty": _("penalty"),
}
ORDER_SHOWN: tuple[Component, ...] = ("principal", "interest", "fee", "guarantee_fee", "penalty")

ACCOUNT_LABELS = {
    "cash": _("cash"),
    "principal_receivable": _("principal receivable"),
    "interest_receivable": _("interest receivable"),
    "fee_receivable": _("fee receivable"),
    "guarantee_fee_receivable": _("guarantee fee receivable"),
    "penalty_receivable": _("penalty receivable"),
    "unearned_interest": _("unearned interest"),
    "unearned_fee": _("unearned fee"),
    "guarantee_fee_payable": _("guarantee fee payable"),
    "penalty_income": _("penalty income"),
    "suspense": _("held for the borrower"),
    "concession_expense": _("concession expense"),
    "write_off_expense": _("write-off expense"),
    "charged_off_receivable": _("charged-off receivable"),
    "creditor_settlement": _("creditor settlement"),
}
TRANSFER_LABELS = {
    "disbursement": _("disbursement"),
    "schedule": _("schedule charged"),
    "reschedule": _("schedule changed"),
    "payment": _("payment"),
    "recovery": _("recovery"),
    "surplus": _("surplus"),
    "suspense_applied": _("surplus used"),
    "penalty_charge": _("penalty charged"),
    "waiver": _("waiver"),
    "refund": _("refund"),
    "charge_off": _("charge-off"),
    "write_off": _("write-off"),
    "creditor_change": _("change of creditor"),
}
CAUSE_LABELS = {
    "opening": _("as disbursed"),
    "disbursement": _("as disbursed"),
    "shorten_term": _("prepaid, taken off the last bills"),
    "reduce_installment": _("prepaid, instalments lowered"),
    "payoff": _("paid off early"),
    "replay": _("worked out again"),
    "aging": _("days passed"),
    "suspense_applied": _("surplus used"),
    "retracted": _("corrected"),
    **{kind.value: kind.label for kind in Operation.Kind},
}
METHOD_LABELS = {
    "equal_installment": _("equal instalments"),
    "equal_principal": _("equal principal"),
    "interest_only": _("interest only"),
    "flat": _("flat"),
    "single_payment": _("single payment"),
}
CHANNEL_LABELS = {
    "bank_transfer": _("bank transfer"),
    "card": _("card"),
    "wallet": _("wallet"),
    "cash": _("cash"),
    "other": _("other"),
}
UNIT_LABELS = {"month": _("months"), "week": _("weeks"), "day": _("days")}


def overdue_tone(dpd: int) -> Tone:
    """A bill a few days late is a warning, from the second band on an alarm."""
    return "danger" if dpd > 30 else "warn"
