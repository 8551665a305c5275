"""What this app's verbs and subjects are called in the trail."""

from django.utils.translation import gettext_lazy as _

WORDS = {
    "outreach.consent": _("word on being reached"),
    "outreach.consent.consent": _("Consent given"),
    "outreach.consent.callback": _("Call back agreed"),
    "outreach.consent.revoked": _("Consent taken back"),
    "outreach.consent.opt_out": _("Opted out"),
    "outreach.consent.opt_in": _("Opt-out taken back"),
    "outreach.preference": _("preferred time"),
    "outreach.preference.said": _("Preferred time said"),
    "outreach.preference.ended": _("Preferred time taken back"),
}
