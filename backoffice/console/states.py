"""How the states the shell itself shows read on a screen."""

from django.utils.translation import gettext_lazy as _

from backoffice.core import tones
from backoffice.customers.domain.finding import Match
from backoffice.customers.models.hold_labels import REASON_LABELS, SCOPE_LABELS

HOLD_SCOPE = "customers.hold_scope"
HOLD_REASON = "customers.hold_reason"
HOLD_STATE = "customers.hold_state"
CONTACT = "customers.contact_quality"

tones.declare(HOLD_SCOPE, {scope.value: (label, "info") for scope, label in SCOPE_LABELS.items()})
tones.declare(HOLD_REASON, {reason.value: (label, "neutral") for reason, label in REASON_LABELS.items()})
tones.declare(
    HOLD_STATE,
    {"coming": (_("planned"), "neutral"), "running": (_("in force"), "warn"), "over": (_("over"), "neutral")},
)
tones.declare(
    CONTACT,
    {
        "unknown": (_("not tried"), "neutral"),
        "good": (_("works"), "good"),
        "bad": (_("does not work"), "warn"),
        "wrong_person": (_("somebody else"), "danger"),
        "do_not_use": (_("not to be used"), "danger"),
    },
)
MATCH_LABELS = {
    Match.EXTERNAL_ID: _("external id"),
    Match.IDENTITY: _("identity number"),
    Match.PHONE: _("phone"),
    Match.EMAIL: _("e-mail"),
    Match.LAST_FOUR: _("last four digits"),
    Match.NAME: _("name"),
    Match.EXTERNAL_ID_PREFIX: _("beginning of the external id"),
}
