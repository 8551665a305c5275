"""How reconciliation reads on a screen: labels and tones, declared once."""

from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from backoffice.core import tones
from backoffice.repayment.domain.autopay.differences import DifferenceKind, Resolution, Urgency
from backoffice.repayment.domain.autopay.matching import Outcome, Why
from backoffice.repayment.models import Difference, ReconciledDay

DAY = "repayment.reconciled_day"
DIFFERENCE = "repayment.difference"
KIND = "repayment.difference_kind"
URGENCY = "repayment.difference_urgency"

tones.declare(
    DAY,
    {
        ReconciledDay.State.OPEN: (pgettext_lazy("reconciliation", "open"), "warn"),
        ReconciledDay.State.CLOSED: (pgettext_lazy("reconciliation", "closed"), "good"),
    },
)
tones.declare(
    DIFFERENCE,
    {
        Difference.State.OPEN: (pgettext_lazy("difference", "open"), "warn"),
        Difference.State.RESOLVED: (_("resolved"), "good"),
    },
)
KIND_LABELS = {
    DifferenceKind.LONG: pgettext_lazy("difference", "long"),
    DifferenceKind.SHORT: pgettext_lazy("difference", "short"),
    DifferenceKind.AMOUNT: _("amount differs"),
    DifferenceKind.STATUS: _("status differs"),
    DifferenceKind.CUT_OFF: _("after the cut-off"),
    DifferenceKind.PAYEE: _("payee differs"),
}
tones.declare(
    KIND,
    {
        DifferenceKind.LONG: (KIND_LABELS[DifferenceKind.LONG], "danger"),
        DifferenceKind.SHORT: (KIND_LABELS[DifferenceKind.SHORT], "danger"),
        DifferenceKind.AMOUNT: (KIND_LABELS[DifferenceKind.AMOUNT], "danger"),
        DifferenceKind.STATUS: (KIND_LABELS[DifferenceKind.STATUS], "danger"),
        DifferenceKind.CUT_OFF: (KIND_LABELS[DifferenceKind.CUT_OFF], "info"),
        DifferenceKind.PAYEE: (KIND_LABELS[DifferenceKind.PAYEE], "warn"),
    },
)
URGENCY_LABELS = {
    Urgency.OWNER: _("with its owner"),
    Urgency.LEAD: _("for the team lead"),
    Urgency.HEAD: _("for the head of operations"),
}
tones.declare(
    URGENCY,
    {
        Urgency.OWNER: (URGENCY_LABELS[Urgency.OWNER], "neutral"),
        Urgency.LEAD: (URGENCY_LABELS[Urgency.LEAD], "warn"),
        Urgency.HEAD: (URGENCY_LABELS[Urgency.HEAD], "danger"),
    },
)

OUTCOME_LABELS = {
    Outcome.MATCHED: pgettext_lazy("reconciliation", "matched"),
    Outcome.SETTLE: _("unknown, and in the file"),
    Outcome.RETURN: _("returned by the file"),
    Outcome.DECLINE: _("unknown, and in no file"),
    Outcome.WAIT: _("unknown, waits for the next file"),
    Outcome.LONG: KIND_LABELS[DifferenceKind.LONG],
    Outcome.SHORT: KIND_LABELS[DifferenceKind.SHORT],
    Outcome.AMOUNT: KIND_LABELS[DifferenceKind.AMOUNT],
    Outcome.STATUS: KIND_LABELS[DifferenceKind.STATUS],
    Outcome.CUT_OFF: KIND_LABELS[DifferenceKind.CUT_OFF],
    DifferenceKind.PAYEE: KIND_LABELS[DifferenceKind.PAYEE],
}
MOVEMENT_LABELS = {"debit": pgettext_lazy("movement", "debit"), "return": pgettext_lazy("movement", "return")}
WHY_LABELS = {
    Why.NONE: "",
    Why.NO_ORDER: _("No record of ours has this number."),
    Why.CODE: _("The line says that it moved nothing, or is pending, in a file of what was moved."),
    Why.SAYS_NO: _("Our record says that it was not debited."),
    Why.TWICE: _("An earlier file has the same order already: it was moved twice."),
    Why.NOT_BOOKED: _("The debit counts as succeeded, and the ledger does not hold it."),
    Why.NOT_PLACED: _("Debited, not booked: the loan had no room for it when the money came."),
    Why.NOT_SUCCEEDED: _("Money came back of a debit that had not succeeded with us."),
    Why.CURRENCY: _("The currencies differ."),
    Why.AMOUNT: _("The amounts differ."),
    Why.ABSENT: _("Their file does not have it."),
    Why.NEXT_FILE: _("It happened after the cut-off: the next file is expected to have it."),
    "after_twice": _("Money came back after a double debit: which of the two, a person has to say."),
    "loan": _("The loan differs."),
    "period": _("The instalment differs."),
    "plan_version": _("The version of the schedule differs."),
}
RESOLUTION_LABELS = {
    Resolution.BELIEVE: _("book it as the channel says"),
    Resolution.REFUND: _("book it and pay it back"),
    Resolution.DECLINE: _("count it as declined, as the channel's code says"),
    Resolution.REVERSE: _("take it back as a return"),
    Resolution.CORRECT: _("book it anew with the channel's amount"),
    Resolution.LATER: _("expect it in a later file"),
    Resolution.EXPLAIN: _("explain it without a posting"),
    Resolution.CLEARED: _("cleared itself"),
}


REFUSAL_LABELS = {
    "repayment.command_cannot_become": _("the order stands elsewhere by now"),
    "repayment.proof_of_other_currency": _("the currencies differ"),
    "repayment.currency_differs": _("the currencies differ"),
    "repayment.loan_closed": _("the loan is closed"),
    "repayment.already_reversed": _("it was reversed before"),
    "repayment.not_reversible": _("it cannot be reversed"),
    "repayment.external_id_in_use": _("another payment has its number"),
    "repayment.value_date_in_future": _("its day is still to come"),
    "repayment.value_date_before_disbursement": _("its day is before the loan was paid out"),
}


def why_of(detail: str) -> str:
    """The finer reason of a ticket in words; what our books refused is told with why, or its code."""
    if not detail.startswith("refused "):
        return str(WHY_LABELS.get(detail, detail))
    code = detail.removeprefix("refused ")
    said = REFUSAL_LABELS.get(code, code)
    return str(_("Our books refused what the file proves: %(why)s.") % {"why": said})
