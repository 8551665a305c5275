"""The contact light: what a verdict of the gate means for today."""

from collections.abc import Iterable
from datetime import datetime
from enum import StrEnum
from zoneinfo import ZoneInfo

from backoffice.outreach.domain.verdicts import Verdict


class Light(StrEnum):
    """Green, amber, red."""

    NOW = "now"
    LATER_TODAY = "later_today"
    NOT_TODAY = "not_today"


def light_of(*, verdict: Verdict, at: datetime, zones: Iterable[str]) -> Light:
    """Green when nothing denies the contact; amber when the gate opens on the same date at every plausible place."""
    if verdict.is_allowed:
        return Light.NOW
    opens = verdict.next_permitted_at
    if opens is None:
        return Light.NOT_TODAY
    days = [(at.astimezone(zone).date(), opens.astimezone(zone).date()) for zone in map(ZoneInfo, zones)]
    return Light.LATER_TODAY if days and all(today == then for today, then in days) else Light.NOT_TODAY
