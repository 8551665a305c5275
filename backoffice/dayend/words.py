"""What this app's verbs and subjects are called in the trail."""

from django.utils.translation import gettext_lazy as _

WORDS = {
    "dayend.run": _("day end"),
    "dayend.run.started": _("Day end started"),
    "dayend.run.finished": _("Day end finished"),
    "dayend.loan.retried": _("Loan left behind tried again"),
}
