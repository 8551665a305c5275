"""What this app's verbs and subjects are called in the trail."""

from django.utils.translation import gettext_lazy as _

WORDS = {
    "customers.borrower": _("borrower"),
    "customers.book": _("book"),
    "customers.contact_point": _("contact point"),
    "customers.hold": _("hold"),
    "customers.bulk_hold": _("bulk hold"),
    "customers.merge": _("merge"),
    "customers.key": _("field key"),
    "customers.borrowers.registered": _("Borrowers registered"),
    "customers.borrower.revealed": _("Personal data revealed"),
    "customers.borrower.name_corrected": _("Name corrected"),
    "customers.borrower.identity_corrected": _("Identity number corrected"),
    "customers.borrower.merged": _("Borrowers merged"),
    "customers.borrower.unmerged": _("Merge undone"),
    "customers.contact_point.added": _("Contact point added"),
    "customers.contact_point.judged": _("Contact point judged"),
    "customers.contact_point.ended": _("Contact point ended"),
    "customers.hold.placed": _("Hold placed"),
    "customers.hold.lifted": _("Hold lifted"),
    "customers.hold.reviewed": _("Hold reviewed"),
    "customers.hold.expired": _("Hold ran out"),
    "customers.bulk_hold.prepared": _("Bulk hold prepared"),
    "customers.bulk_hold.discarded": _("Bulk hold discarded"),
    "customers.bulk_hold.placed": _("Bulk hold placed"),
    "customers.bulk_hold.lifted": _("Bulk hold lifted"),
    "customers.keys.rotated": _("Personal data sealed with a new key"),
}
