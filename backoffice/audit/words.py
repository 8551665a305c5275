"""What this app's verbs and subjects are called in the trail."""

from django.utils.translation import gettext_lazy as _

WORDS = {
    "audit.approval": _("request for approval"),
    "audit.limit": _("approval limit"),
    "audit.approval.submitted": _("Approval asked for"),
    "audit.approval.approved": _("Request approved"),
    "audit.approval.declined": _("Request declined"),
    "audit.approval.withdrawn": _("Request withdrawn"),
    "audit.approval.failed": _("Approved request failed"),
    "audit.limit.set": _("Approval limit set"),
}
