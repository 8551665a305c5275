"""What a planned message is made of, for plans and campaigns alike: words, the borrower's day, what a loan fills in."""

from collections.abc import Collection, Mapping, Sequence
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Final
from zoneinfo import ZoneInfo

from django.conf import settings

from backoffice.core.money import exponent_of, quantize
from backoffice.outreach.domain.channels import Channel
from backoffice.outreach.domain.elements import CHINESE, ENGLISH
from backoffice.outreach.domain.template_states import TemplateState
from backoffice.outreach.domain.variables import names_in
from backoffice.outreach.models import Gateway, TemplateVersion

Words = Mapping[tuple[str, str, str], TemplateVersion]
"""The active words by template, channel and language."""
Spoken = Sequence[tuple[Channel, TemplateVersion]]
"""The channels that can be spoken on, in their order, with the words."""

A_DAY: Final = timedelta(days=1)


def words_of(*, codes: Collection[str]) -> Words:
    """What is active of some templates; one query."""
    versions = TemplateVersion.objects.filter(
        template__code__in=codes, state=TemplateState.ACTIVE.value
    ).select_related("template")
    return {(version.template.code, version.channel, version.language): version for version in versions}


def spoken(*, words: Words, template: str, channels: Sequence[Channel], language: str) -> Spoken:
    """The channels that have words in the borrower's language, or in English; empty when nothing can be said."""
    own = CHINESE if language.lower().startswith("zh") else ENGLISH
    return [
        (channel, version)
        for channel in channels
        if (version := words.get((template, channel.value, own)))
        or (version := words.get((template, channel.value, ENGLISH)))
    ]


def names_of(spoken: Spoken) -> set[str]:
    """The variables that any of the words leave open."""
    return {name for _, version in spoken for name in names_in(f"{version.subject}\n{version.body}")}


def window(*, day: date, time_zone: str, at: int, until: int) -> tuple[datetime, datetime]:
    """From when to when on a day at the borrower's place, minutes since midnight; unknown, it is the house's zone."""
    midnight = datetime.combine(day, time.min, tzinfo=ZoneInfo(time_zone or settings.TIME_ZONE))
    begins, ends = (midnight.replace(hour=minute // 60, minute=minute % 60) for minute in (at, until))
    return begins, ends


def day_of(moment: datetime) -> tuple[datetime, datetime]:
    """The day a moment lies in, in the moment's own zone, from midnight to midnight."""
    midnight = datetime.combine(moment.date(), time.min, tzinfo=moment.tzinfo)
    return midnight, midnight + A_DAY


def values_of_loan(
    *, number: str, amount: Decimal, overdue: Decimal, currency: str, due_date: date, day: date
) -> dict[str, str]:
    """What a loan with a bill fills in: what is left of the bill, of all that is past due, and how far off it is."""
    late = (day - due_date).days
    return {
        **amounts_of_loan(amount=amount, overdue=overdue, currency=currency),
        "due_date": due_date.isoformat(),
        "days_left": str(max(0, -late)),
        "days_past_due": str(max(0, late)),
        "loan": number,
    }


def amounts_of_loan(*, amount: Decimal, overdue: Decimal, currency: str) -> dict[str, str]:
    """Of what a loan fills in, that which changes with every payment."""
    return {"amount": money_of(amount, currency), "overdue_amount": money_of(max(overdue, amount), currency)}


def unit_costs() -> dict[Channel, tuple[str, Decimal]]:
    """What one unit costs by channel, of the gateway that would be taken; one query."""
    gateways = Gateway.objects.filter(is_paused=False).order_by("channel", "-rank")
    return {Channel(gateway.channel): (gateway.currency, gateway.unit_cost) for gateway in gateways}


def money_of(amount: Decimal, currency: str) -> str:
    """An amount in major units as messages carry it."""
    return f"{currency} {quantize(amount, exponent=exponent_of(currency))}"
