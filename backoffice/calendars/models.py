"""The business date as data, its history, and the days an administrator declares over the published calendars."""

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from backoffice.calendars.domain.business_day import CLOSING, OPEN
from backoffice.calendars.domain.working_days import CALENDARS


class DayState(models.TextChoices):
    """Whether the business day takes work or is being closed."""

    OPEN = OPEN, _("open")
    CLOSING = CLOSING, _("closing")


class BusinessDay(models.Model):
    """The one row that says which day the lender is on; rules get it passed in and never read the clock."""

    ONLY = 1

    id = models.PositiveSmallIntegerField(primary_key=True, default=ONLY, editable=False)
    today = models.DateField(help_text=_("the business date in the lender's zone"))
    state = models.CharField(max_length=16, choices=DayState.choices, default=DayState.OPEN)
    last_closed_at = models.DateTimeField(null=True, blank=True)
    last_close_seconds = models.DecimalField(max_digits=12, decimal_places=3, null=True, blank=True)

    class Meta:
        verbose_name = _("business day")
        constraints = (
            models.CheckConstraint(condition=Q(id=1), name="there_is_one_business_day"),
            models.CheckConstraint(condition=Q(state__in=DayState.values), name="business_day_is_open_or_closing"),
            models.CheckConstraint(
                condition=Q(last_close_seconds__isnull=True) | Q(last_close_seconds__gte=0),
                name="closing_took_no_negative_time",
            ),
        )

    def __str__(self) -> str:
        return f"{self.today} {self.state}"


class BusinessDayMove(models.Model):
    """One step of the business day's history: who moved it, from which state to which. Append-only."""

    day = models.DateField(help_text=_("the business date after the move"))
    from_state = models.CharField(max_length=16, blank=True, help_text=_("empty for the first day ever opened"))
    to_state = models.CharField(max_length=16, choices=DayState.choices)
    at = models.DateTimeField()
    actor_kind = models.CharField(max_length=16)
    actor_id = models.BigIntegerField(null=True)
    actor_name = models.CharField(max_length=150)

    class Meta:
        verbose_name = _("business day move")
        constraints = (models.UniqueConstraint(fields=("day", "to_state"), name="a_business_day_enters_a_state_once"),)

    def __str__(self) -> str:
        return f"{self.day} {self.from_state or 'start'} to {self.to_state}"


class HolidayOverride(models.Model):
    """A day declared worked or not worked over what the published calendar says, with the reason."""

    calendar = models.CharField(max_length=8, choices=[(code, code) for code in CALENDARS if code != "none"])
    day = models.DateField()
    is_working = models.BooleanField()
    reason = models.CharField(max_length=200)

    class Meta:
        verbose_name = _("holiday override")
        ordering = ("calendar", "day")
        constraints = (
            models.UniqueConstraint(fields=("calendar", "day"), name="one_override_per_calendar_and_day"),
            models.CheckConstraint(condition=~Q(reason=""), name="an_override_has_a_reason"),
        )

    def __str__(self) -> str:
        return f"{self.calendar} {self.day}"
