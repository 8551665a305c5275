"""What the calendars are called, and their days."""

from collections.abc import Mapping
from datetime import date
from functools import lru_cache

from chinese_calendar import Holiday
from django.utils.functional import Promise
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _
from holidays import country_holidays

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

SPEAK_CHINESE = frozenset({"CN", "TW"})
_IN_CHINESE = {holiday.value: holiday.chinese for holiday in Holiday}


def holiday_name(*, calendar: str, day: date, name: str) -> str:
    """A holiday as its own country calls it, to readers of that language; to others by its English name."""
    if calendar not in SPEAK_CHINESE or not (get_language() or "").startswith("zh"):
        return name
    return _IN_CHINESE.get(name) or _in_chinese(calendar, day.year).get(day, name)


@lru_cache(maxsize=64)
def _in_chinese(calendar: str, year: int) -> Mapping[date, str]:
    return country_holidays(calendar, years=year, language="zh_CN")
