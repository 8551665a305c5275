"""What the calendars are called."""

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

NAMES: dict[str, Promise] = {
    "none": _("every day worked"),
    "CN": _("China"),
    "US": _("United States"),
    "IN": _("India"),
    "GB": _("England and Wales"),
    "CZ": _("Czech Republic"),
    "NG": _("Nigeria"),
    "UG": _("Uganda"),
    "KE": _("Kenya"),
    "MX": _("Mexico"),
    "TW": _("Taiwan"),
}
