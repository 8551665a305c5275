"""What this app's verbs and subjects are called in the trail."""

from django.utils.translation import gettext_lazy as _

WORDS = {
    "business_day": _("business day"),
    "calendar": _("calendar"),
    "calendars.day.open": _("Business day opened"),
    "calendars.day.closing": _("Business day began to close"),
    "calendars.override.declared": _("Holiday or working day declared"),
    "calendars.override.withdrawn": _("Declared day withdrawn"),
}
