"""How messages, templates and gateways read on a screen: labels, tones and reasons, declared once."""

from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from backoffice.core import tones
from backoffice.core.confirm import Text
from backoffice.core.tones import Tone
from backoffice.outreach.domain.message_states import MessageState
from backoffice.outreach.domain.reply_states import ReplyState
from backoffice.outreach.domain.template_states import TemplateState
from backoffice.outreach.models.messages import STATE_LABELS
from backoffice.outreach.models.replies import REPLY_STATE_LABELS
from backoffice.outreach.selectors.rule_words import CORE_RULES

MESSAGE = "outreach.message"
TEMPLATE = "outreach.template_version"
GATEWAY = "outreach.gateway"
REPLY = "outreach.reply"

STATE_TONES: dict[MessageState, Tone] = {
    MessageState.PLANNED: "neutral",
    MessageState.SENDING: "info",
    MessageState.SENT: "info",
    MessageState.DELIVERED: "good",
    MessageState.READ: "good",
    MessageState.REPLIED: "good",
    MessageState.UNKNOWN: "warn",
    MessageState.FAILED: "danger",
    MessageState.STOPPED: "neutral",
    MessageState.EXPIRED: "warn",
    MessageState.BLOCKED: "warn",
}
tones.declare(MESSAGE, {state: (STATE_LABELS[state], tone) for state, tone in STATE_TONES.items()})
tones.declare(
    REPLY,
    {
        ReplyState.OPEN: (REPLY_STATE_LABELS[ReplyState.OPEN], "warn"),
        ReplyState.DONE: (REPLY_STATE_LABELS[ReplyState.DONE], "good"),
    },
)
tones.declare(
    TEMPLATE,
    {
        TemplateState.DRAFT: (_("draft"), "neutral"),
        TemplateState.SUBMITTED: (_("waits for approval"), "warn"),
        TemplateState.ACTIVE: (_("active"), "good"),
        TemplateState.RETIRED: (pgettext_lazy("template", "retired"), "neutral"),
    },
)
tones.declare(
    GATEWAY,
    {
        "well": (_("well"), "good"),
        "idle": (pgettext_lazy("gateway", "idle"), "neutral"),
        "troubled": (_("troubled"), "warn"),
        "paused": (_("paused"), "danger"),
        "no_secret": (_("no secret"), "danger"),
    },
)

REASONS: dict[str, Text] = {
    "paid": _("the bill is paid"),
    "hold": _("a hold stands against it"),
    "by_staff": _("stopped by staff"),
    "template_retired": _("its template was retired"),
    "outranked": _("a more pressing message took its place"),
    "plan_retired": _("its plan was taken out of force"),
    "campaign_paused": _("its campaign was paused"),
    "campaign_ended": _("its campaign was ended"),
    "campaign_not_running": _("its campaign does not run any more"),
    "too_late": _("its time was over"),
    "no_endpoint": _("the borrower cannot be reached on this channel"),
    "endpoint_not_usable": _("the contact point is not to be used any more"),
    "bad_number": _("the number is no number of any country"),
    "variable_missing": _("a variable has no usable value"),
    "cannot_be_opened": _("its sealed data cannot be opened"),
    "no_connection": _("the gateway could not be reached"),
    "no_answer": _("the gateway did not answer"),
    "no_reference": _("the gateway gave no reference"),
    "not_admitted": _("the gateway refused our signature"),
    "too_many": _("the gateway asked us to slow down"),
    "sender_gone": _("the sender was cut off"),
    "never_received": _("the gateway never had it"),
    "decided_by_staff": _("decided by staff"),
    "asked": _("learned by asking the gateway"),
    "invalid_number": _("nobody has this number"),
    "unknown_mailbox": _("nobody has this mailbox"),
    "phone_off": _("the phone was off"),
    "recipient_opted_out": _("the borrower opted out at the carrier"),
}


def reason_in_words(code: str) -> str:
    """Why a message moved, in words; a rule of a pack or a gateway's own code reads as itself."""
    return str(REASONS.get(code) or CORE_RULES.get(code, code))
