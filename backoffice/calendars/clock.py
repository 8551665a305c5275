"""The only clock of the product. Rules get their dates and instants as arguments; the edges ask here."""

from datetime import date, datetime
from typing import ClassVar
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from django.conf import settings
from django.utils import timezone
from django.utils.translation import gettext as _

from backoffice.core.errors import Refusal


class UnknownZone(Refusal):
    """No time zone goes by that name in the IANA database."""

    code: ClassVar[str] = "calendars.unknown_zone"


def now() -> datetime:
    """The present instant, aware, in UTC."""
    return timezone.now()


def lenders_day(at: datetime) -> date:
    """The date of an instant where the lender is."""
    return at.astimezone(ZoneInfo(settings.LENDER_TIME_ZONE)).date()


def today_in(zone: str) -> date:
    """The calendar date now in an IANA zone such as "Africa/Lagos". Raises UnknownZone."""
    try:
        there = ZoneInfo(zone)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise UnknownZone(
            _("There is no time zone called “%(zone)s”.") % {"zone": zone},
            next_step=_("Use a name of the IANA database, such as Asia/Shanghai."),
            fields={"zone": _("not a known time zone")},
        ) from error
    return now().astimezone(there).date()
