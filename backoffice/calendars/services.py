"""The verbs of the business day, used by the day end alone, and the declaring of holidays by administrators."""

from datetime import date
from decimal import Decimal
from typing import ClassVar, cast

from django.db import connection, transaction
from django.utils.translation import gettext as _

from backoffice.calendars import clock
from backoffice.calendars.domain.business_day import CLOSING, OPEN, TRANSITIONS, State, Verb, following
from backoffice.calendars.domain.working_days import is_working_day
from backoffice.calendars.models import BusinessDay, BusinessDayMove, HolidayOverride
from backoffice.calendars.selectors import DayAnswer, answer_days, latest_business_date, not_opened
from backoffice.core import trail
from backoffice.core.actors import Actor
from backoffice.core.errors import Refusal
from backoffice.core.formats import date_text

# Advisory lock: shared by whoever books, alone by whoever moves the date on which is booked.
BOOKING_LOCK = 7_265_001


class DayAlreadyOpened(Refusal):
    """The first business day can be opened once only."""

    code: ClassVar[str] = "calendars.day_already_opened"
    status: ClassVar[int] = 409


class NotTheBusinessDay(Refusal):
    """Days are closed one by one: the day named is not the current one."""

    code: ClassVar[str] = "calendars.not_the_business_day"
    status: ClassVar[int] = 409


class DayNotInState(Refusal):
    """The business day is not in a state that allows the verb."""

    code: ClassVar[str] = "calendars.day_not_in_state"
    status: ClassVar[int] = 409


class OverrideNeedsReason(Refusal):
    """A day is declared worked or closed with a reason only."""

    code: ClassVar[str] = "calendars.override_needs_reason"


class NoSuchOverride(Refusal):
    """There is no declared day to withdraw."""

    code: ClassVar[str] = "calendars.no_such_override"
    status: ClassVar[int] = 404


@transaction.atomic
def open_first_day(*, day: date, actor: Actor) -> date:
    """Open the lender's first business day. Raises DayAlreadyOpened."""
    row, is_new = BusinessDay.objects.get_or_create(pk=BusinessDay.ONLY, defaults={"today": day, "state": OPEN})
    if not is_new:
        raise DayAlreadyOpened(
            _("The business day is already %(today)s.") % {"today": date_text(row.today)},
            next_step=_("Close days one by one until the date you want."),
        )
    _record(day=day, from_state="", to_state=OPEN, actor=actor)
    return day


def hold_business_date(*, at_least: date) -> date:
    """The date to book on: it stays so until the caller's transaction ends. To be asked for before any row is locked.

    `at_least` when that is later or no day is open: work prepared for a day that has begun to close goes to the next.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock_shared(%s)", [BOOKING_LOCK])
    return latest_business_date(at_least=at_least)


@transaction.atomic
def begin_close(*, day: date, actor: Actor) -> date:
    """Start closing `day`, which must be the current business date; repeated for a close under way it changes nothing.

    Waits for the bookings under way, so that none of them commits on a day whose close has already passed its loans by.
    Raises DayNotOpened, NotTheBusinessDay.
    """
    row = _lock(day=day)
    if row.state == CLOSING:
        return row.today
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [BOOKING_LOCK])
    _move(row, verb="begin_close", to_day=row.today, actor=actor)
    return row.today


@transaction.atomic
def finish_close(*, day: date, seconds: Decimal, actor: Actor) -> date:
    """End the close of `day` that took `seconds`, and open the day after it, which is returned.

    Raises DayNotOpened, NotTheBusinessDay, DayNotInState when the close was never begun.
    """
    row = _lock(day=day)
    row.last_closed_at = clock.now()
    row.last_close_seconds = seconds
    _move(row, verb="finish_close", to_day=following(day=day), actor=actor)
    return row.today


@transaction.atomic
def declare_day(*, calendar: str, day: date, is_working: bool, reason: str, actor: Actor) -> DayAnswer:
    """Say that banks of the calendar work, or do not, on `day`, whatever the published calendar says.

    Schedules already made are not moved. Raises UnknownCalendar, OverrideNeedsReason.
    """
    reason = reason.strip()
    if not reason:
        raise OverrideNeedsReason(
            _("Say why the day differs from the published calendar."), fields={"reason": _("required")}
        )
    published = is_working_day(calendar=calendar, day=day)
    row = HolidayOverride.objects.select_for_update().filter(calendar=calendar, day=day).first()
    before = _facts(row) if row else {"is_working": published, "reason": ""}
    row = row or HolidayOverride(calendar=calendar, day=day)
    row.is_working = is_working
    row.reason = reason
    row.save()
    trail.record(
        verb="calendars.override.declared",
        subject_type="calendar",
        subject_id=f"{calendar}/{day}",
        actor=actor,
        reason=reason,
        before=before,
        after=_facts(row),
    )
    return answer_days(calendar=calendar, days=[day])[0]


@transaction.atomic
def withdraw_day(*, calendar: str, day: date, reason: str, actor: Actor) -> DayAnswer:
    """Let the published calendar speak again for `day`. Raises NoSuchOverride."""
    row = HolidayOverride.objects.select_for_update().filter(calendar=calendar, day=day).first()
    if row is None:
        raise NoSuchOverride(
            _("Nothing was declared for %(day)s in calendar %(calendar)s.")
            % {"day": date_text(day), "calendar": calendar}
        )
    row.delete()
    trail.record(
        verb="calendars.override.withdrawn",
        subject_type="calendar",
        subject_id=f"{calendar}/{day}",
        actor=actor,
        reason=reason,
        before=_facts(row),
        after={"is_working": is_working_day(calendar=calendar, day=day), "reason": ""},
    )
    return answer_days(calendar=calendar, days=[day])[0]


def _facts(row: HolidayOverride) -> dict[str, object]:
    return {"is_working": row.is_working, "reason": row.reason}


def _lock(*, day: date) -> BusinessDay:
    row = BusinessDay.objects.select_for_update().filter(pk=BusinessDay.ONLY).first()
    if row is None:
        raise not_opened()
    if row.today != day:
        raise NotTheBusinessDay(
            _("The business day is %(today)s, not %(day)s.") % {"today": date_text(row.today), "day": date_text(day)},
            next_step=_("Close %(today)s first; days are closed one by one and never skipped.")
            % {"today": date_text(row.today)},
        )
    return row


def _move(row: BusinessDay, *, verb: Verb, to_day: date, actor: Actor) -> None:
    from_state = cast("State", row.state)
    to_state = TRANSITIONS.get((from_state, verb))
    if to_state is None:
        raise DayNotInState(
            _("The business day %(today)s is %(state)s.")
            % {"today": date_text(row.today), "state": row.get_state_display()},
            next_step=_("Begin its close first."),
        )
    row.state = to_state
    row.today = to_day
    row.save()
    _record(day=to_day, from_state=from_state, to_state=to_state, actor=actor)


def _record(*, day: date, from_state: str, to_state: str, actor: Actor) -> None:
    BusinessDayMove.objects.create(
        day=day,
        from_state=from_state,
        to_state=to_state,
        at=clock.now(),
        actor_kind=actor.kind,
        actor_id=actor.id,
        actor_name=actor.name,
    )
    trail.record(
        verb=f"calendars.day.{to_state}",
        subject_type="business_day",
        subject_id=day.isoformat(),
        actor=actor,
        before={"state": from_state},
        after={"state": to_state},
    )
