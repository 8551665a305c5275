"""How claims on guarantors read on a screen: labels and tones, declared once."""

from typing import Final

from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from backoffice.core import tones
from backoffice.core.confirm import Text
from backoffice.core.tones import Tone
from backoffice.repayment.domain.autopay.claim_states import ClaimState, DroppedBecause, RuleState
from backoffice.repayment.models import ClaimReturn
from backoffice.repayment.models.autopay.claims import CLAIM_LABELS, RULE_LABELS

CLAIM: Final = "repayment.claim"
RULE: Final = "repayment.claim_rule"
OVERPAID: Final = "repayment.claim_return"

CLAIM_TONES: Final[dict[ClaimState, Tone]] = {
    ClaimState.CANDIDATE: "warn",
    ClaimState.CONFIRMED: "info",
    ClaimState.TRANSFERRED: "good",
    ClaimState.MATCHED: "good",
    ClaimState.DROPPED: "neutral",
}
RULE_TONES: Final[dict[RuleState, Tone]] = {
    RuleState.DRAFT: "neutral",
    RuleState.SUBMITTED: "warn",
    RuleState.APPROVED: "good",
    RuleState.RETIRED: "neutral",
}
WHY_DROPPED: Final[dict[str, Text]] = {
    DroppedBecause.PAID.value: _("paid before the cut-off"),
    DroppedBecause.DECLINED.value: _("declined by the funder"),
    DroppedBecause.CAP.value: _("no room below the cap"),
    DroppedBecause.CREDITOR.value: _("another creditor's loan by now"),
}
CAUSES: Final[dict[str, Text]] = {
    "listed": _("Listed"),
    "beyond_cap": _("No room below the cap"),
    "confirmed": _("Confirmed by the funder"),
    "declined": _("Declined by the funder"),
    "paid": _("Paid before the cut-off"),
    "creditor_changed": _("Another creditor's loan by now"),
    "transferred": pgettext_lazy("claim", "Transferred"),
    "matched": _("Matched with the guarantor's file"),
    "returned": _("Overpaid amount given back"),
    "not_overpaid": _("Nothing left to give back: the payment was taken back"),
}
"""What the causes in a claim's history are called."""

tones.declare(CLAIM, {state: (CLAIM_LABELS[state], tone) for state, tone in CLAIM_TONES.items()})
tones.declare(RULE, {state: (RULE_LABELS[state], tone) for state, tone in RULE_TONES.items()})
tones.declare(
    OVERPAID,
    {
        ClaimReturn.State.OWED: (_("to give back"), "danger"),
        ClaimReturn.State.RETURNED: (_("given back"), "good"),
    },
)
