"""What the endpoints of the calendars take and answer."""

from datetime import timedelta
from typing import Any, ClassVar

from django.utils.translation import gettext as _
from rest_framework import serializers

from backoffice.calendars.domain.business_day import CLOSING, OPEN
from backoffice.calendars.domain.working_days import CONVENTIONS
from backoffice.core.api.bodies import BodySerializer
from backoffice.core.api.fields import DayField
from backoffice.core.errors import Refusal

MOST_DAYS = 366


class DaysNotListable(Refusal):
    """The days asked for run backwards or are too many."""

    code: ClassVar[str] = "calendars.days_not_listable"


class BusinessDaySerializer(serializers.Serializer):
    """The business day as the lender keeps it."""

    today = DayField(help_text="the business day that is open, or being closed")
    state = serializers.ChoiceField(choices=[OPEN, CLOSING])
    books_on = DayField(help_text="the date new work is booked on: the day after while a day is being closed")
    last_closed_at = serializers.DateTimeField(allow_null=True)
    last_close_seconds = serializers.DecimalField(max_digits=12, decimal_places=3, allow_null=True)


class CalendarSerializer(serializers.Serializer):
    """One calendar."""

    calendar = serializers.CharField()
    is_known = serializers.BooleanField(help_text="whether every day of the current year is announced or fixed by rule")


class DayAnswerSerializer(serializers.Serializer):
    """What a calendar says of one day."""

    calendar = serializers.CharField()
    day = DayField()
    is_working = serializers.BooleanField()
    closed_because = serializers.CharField(allow_blank=True, help_text="a holiday, weekend, override; empty if worked")
    shifted_to = DayField(help_text="where a due date on this day goes under the convention")
    is_known = serializers.BooleanField(help_text="false: the year is beyond the published calendar, or has estimates")


class DayAnswersSerializer(serializers.Serializer):
    """The days asked for, in order."""

    days = DayAnswerSerializer(many=True)


class DaysQuery(serializers.Serializer):
    """Which days: from the first up to and with the last, at most 366."""

    first = DayField()
    last = DayField(required=False, help_text="the first when not given")
    convention = serializers.ChoiceField(choices=CONVENTIONS, default="next")

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Raises DaysNotListable for days that run backwards or are too many."""
        first, last = attrs["first"], attrs.get("last", attrs["first"])
        count = (last - first).days + 1
        if not 1 <= count <= MOST_DAYS:
            raise DaysNotListable(
                _("From the first to the last there must be 1 to %(most)d days.") % {"most": MOST_DAYS},
                next_step=_("Ask for fewer days, the earlier one first."),
                fields={"last": _("must be from 0 to %(most)d days after the first") % {"most": MOST_DAYS - 1}},
            )
        return {"days": [first + timedelta(days=n) for n in range(count)], "convention": attrs["convention"]}


class DeclareDaySerializer(BodySerializer):
    """A day declared worked or not worked over the published calendar."""

    day = DayField()
    is_working = serializers.BooleanField()
    reason = serializers.CharField(max_length=200)


class WithdrawDaySerializer(BodySerializer):
    """A declaration taken back."""

    day = DayField()
    reason = serializers.CharField(max_length=200)
