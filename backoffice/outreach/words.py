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
    "outreach.layer": _("layer"),
    "outreach.layer.added": _("Layer added"),
    "outreach.metric": _("metric"),
    "outreach.metric.added": _("Metric added"),
    "outreach.experiment": _("experiment"),
    "outreach.experiment.declared": _("Experiment declared"),
    "outreach.experiment.changed": _("Experiment changed"),
    "outreach.experiment.discarded": _("Experiment discarded"),
    "outreach.experiment.running": _("Experiment started"),
    "outreach.experiment.stopped": _("Experiment stopped"),
    "outreach.experiment.decided": _("Experiment decided"),
    "outreach.experiment.taken_in": _("Units taken into an experiment"),
    "outreach.outcome": _("outcome"),
    "outreach.outcome.recorded": _("Outcomes recorded"),
}
