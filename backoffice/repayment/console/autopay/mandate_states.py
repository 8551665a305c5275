"""How mandates, rails, payees and debits over a mandate read on a screen: labels and tones."""

from typing import Final

from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from backoffice.core import tones
from backoffice.core.confirm import Text
from backoffice.core.tones import Tone
from backoffice.repayment.domain.autopay.debit_states import CommandState
from backoffice.repayment.domain.autopay.mandate_states import MandateState
from backoffice.repayment.models.autopay.debits import COMMAND_LABELS
from backoffice.repayment.models.autopay.mandates import MANDATE_LABELS

MANDATE: Final = "repayment.mandate"
RAIL: Final = "repayment.rail"
PAYEE: Final = "repayment.payee"
DEBIT: Final = "repayment.mandate_debit"

MANDATE_TONES: Final[dict[MandateState, Tone]] = {
    MandateState.SIGNING: "warn",
    MandateState.ACTIVE: "good",
    MandateState.SUSPENDED: "warn",
    MandateState.REVOKED: "danger",
    MandateState.REPLACED: "neutral",
    MandateState.EXPIRED: "neutral",
}
DEBIT_TONES: Final[dict[CommandState, Tone]] = {
    CommandState.PLANNED: "neutral",
    CommandState.SUBMITTED: "info",
    CommandState.UNKNOWN: "danger",
    CommandState.SUCCEEDED: "good",
    CommandState.DECLINED: "warn",
    CommandState.DROPPED: "neutral",
    CommandState.RETURNED: "danger",
}
CAUSES: Final[dict[str, Text]] = {
    "signing": _("Asked for"),
    "activated": _("In force"),
    "refused": _("Refused by the rail"),
    "registered": _("Registered, signed elsewhere"),
    "suspended": _("Suspended"),
    "refused_at_debit": _("Suspended: its bank says it cannot be debited"),
    "resumed": pgettext_lazy("mandate", "Resumed"),
    "revoked": _("Revoked"),
    "revoked_at_the_rail": _("Found revoked at the rail"),
    "replaced": _("Replaced by another"),
    "expired": pgettext_lazy("mandate", "Expired"),
    "limits_changed": _("Limits changed"),
    "reordered": _("Order changed"),
    "not_accepted_by_the_rail": _("The rail did not accept the change"),
}
"""What the causes in a mandate's history are called."""

tones.declare(MANDATE, {state: (MANDATE_LABELS[state], tone) for state, tone in MANDATE_TONES.items()})
tones.declare(DEBIT, {state: (COMMAND_LABELS[state], tone) for state, tone in DEBIT_TONES.items()})
tones.declare(
    RAIL,
    {
        "open": (pgettext_lazy("rail", "open"), "good"),
        "closed": (pgettext_lazy("rail", "closed now"), "neutral"),
        "paused": (_("paused"), "danger"),
        "no_secret": (_("no secret"), "danger"),
    },
)
tones.declare(
    PAYEE,
    {
        "active": (pgettext_lazy("payee", "in use"), "good"),
        "retired": (pgettext_lazy("payee", "retired"), "neutral"),
    },
)
