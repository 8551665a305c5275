"""A version leaves force at once: what has not left is dropped, what is on its way comes home, the rest starts anew.

Rolling back takes one person and one click: what holds instead was agreed to by two. Commands that were submitted or
are unknown are never touched; their answers are booked as ever, under the version they were made by.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import Final

from django.db import transaction
from django.db.models import Count, QuerySet, Sum
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from backoffice.calendars.selectors import business_date
from backoffice.core.actors import Actor
from backoffice.core.bulk import execute, fetch
from backoffice.core.formats import amount_text, count_text
from backoffice.repayment.domain.autopay.days import days_of
from backoffice.repayment.domain.autopay.debit_states import IN_FLIGHT, BillState, CommandState
from backoffice.repayment.domain.autopay.guards import Guard
from backoffice.repayment.domain.autopay.last_look import Drop
from backoffice.repayment.domain.autopay.version_states import IN_FORCE, VersionState
from backoffice.repayment.models import DebitBatch, DebitBill, DebitCommand
from backoffice.repayment.models.autopay.configurations import AutopayVersion
from backoffice.repayment.selectors.autopay.configurations import version_before
from backoffice.repayment.selectors.autopay.in_force import open_days, ruling_of, rulings_on
from backoffice.repayment.services.autopay.checking import findings_of
from backoffice.repayment.services.autopay.drafting import locked_version, move, not_in_state, note_down
from backoffice.repayment.services.autopay.planning import plan_under
from backoffice.repayment.services.autopay.submitting import end_batch

ROLLED_BACK: Final = "rolled_back"
UNFINISHED: Final = (
    DebitBatch.State.BUILDING,
    DebitBatch.State.RUNNING,
    DebitBatch.State.PAUSED,
    DebitBatch.State.STOPPED,
)

# Bills nothing was ever asked for: they are planned anew by what holds then.
UNTOUCHED: Final = """
DELETE FROM repayment_debitbill bill
WHERE bill.version_id = %(version)s AND bill.day >= %(today)s AND bill.state = 'open'
  AND NOT EXISTS (SELECT 1 FROM repayment_debitcommand command WHERE command.bill_id = bill.id)
RETURNING bill.day, bill.loan_id
"""
# Bills of which no command ever left go on under the version that holds instead, where there is one.
HANDED_OVER: Final = """
UPDATE repayment_debitbill bill SET version_id = %(instead)s
WHERE bill.version_id = %(version)s AND bill.day >= %(today)s AND bill.state = 'open'
  AND NOT EXISTS (SELECT 1 FROM repayment_debitcommand command
                  WHERE command.bill_id = bill.id AND command.state <> 'dropped')
"""


# Open bills with nothing on its way by day and due date: whether a command of theirs ever left, or all were dropped.
FATES: Final = """
SELECT bill.day, bill.due_date, sent.left_once, sent.dropped_all, count(*)
FROM repayment_debitbill bill
CROSS JOIN LATERAL (
    SELECT coalesce(bool_or(command.state NOT IN ('dropped', 'planned')), false) AS left_once,
           coalesce(bool_or(command.state IN ('submitted', 'unknown')), false) AS is_away,
           coalesce(bool_and(command.state IN ('dropped', 'planned')), false) AS dropped_all
    FROM repayment_debitcommand command WHERE command.bill_id = bill.id
) sent
WHERE bill.version_id = %(version)s AND bill.day >= %(today)s AND bill.state = 'open' AND NOT sent.is_away
GROUP BY bill.day, bill.due_date, sent.left_once, sent.dropped_all
ORDER BY bill.day, bill.due_date
"""


@dataclass(frozen=True, slots=True)
class Unfinished:
    """What a version has under way: commands that have not left, those on their way, bills still open.

    Amounts by currency (major units). `instead` holds afterwards; None: nothing of this configuration does. Of the open
    bills with nothing on its way `tried_today` go on the same day under it, `tried_later` were refused today and are
    tried on a later day, and `not_tried` are not tried any more.
    """

    version: AutopayVersion
    instead: AutopayVersion | None
    planned: int = 0
    planned_amounts: Mapping[str, Decimal] = field(default_factory=dict)
    on_their_way: int = 0
    on_their_way_amounts: Mapping[str, Decimal] = field(default_factory=dict)
    open_bills: int = 0
    tried_today: int = 0
    tried_later: int = 0
    not_tried: int = 0


@transaction.atomic
def roll_back(*, version_id: int, reason: str, at: datetime, actor: Actor) -> AutopayVersion | None:
    """Take a version out of force at once and put the one before in its place; gives what holds instead, if anything.

    A trial ends, and the version in force rules its loans again. Raises ConfigurationNotFound, ConfigurationNotInState.
    """
    version = locked_version(version_id)
    if version.state not in IN_FORCE:
        raise not_in_state(version)
    return retire(version, because=ROLLED_BACK, at=at, actor=actor, reason=reason)


def retire(version: AutopayVersion, *, because: str, at: datetime, actor: Actor, reason: str) -> AutopayVersion | None:
    """The deed of rolling back a locked version, in the caller's transaction; gives what holds instead."""
    today = business_date()
    instead = holds_instead(version)
    batches = DebitBatch.objects.select_for_update(no_key=True).filter(version=version, state__in=UNFINISHED)
    dropped = sum(
        end_batch(batch, to=DebitBatch.State.OVER, drop=Drop.VERSION_ENDED, at=at) for batch in batches.order_by("pk")
    )
    move(version, to=VersionState.RETIRED)
    version.ended_because, version.effective_to = because, today
    version.save(update_fields=["state", "ended_because", "effective_to"])
    if instead is not None and instead.state != VersionState.ACTIVE:
        _put_back(instead, actor=actor, reason=reason)
    replanned = _take_bills(version, instead=instead, today=today)
    more = {"because": because, "dropped": dropped, "planned_anew": replanned, "instead": _number(instead)}
    note_down(version, verb="repayment.autopay_version.rolled_back", actor=actor, reason=reason, more=more)
    return instead


def holds_instead(version: AutopayVersion) -> AutopayVersion | None:
    """What would hold for the loans of a version that is rolled back.

    After a trial the version in force; after that one the version before, if guards let it run as the world is now.
    """
    if version.state == VersionState.CANARY:
        return version.configuration.versions.filter(state=VersionState.ACTIVE.value).first()
    before = version_before(version)
    if before is None:
        return None
    before.configuration = version.configuration
    refuses = [each for each in findings_of(before) if each.refuses and each.guard != Guard.RANGE]
    return None if refuses else before


def unfinished(version: AutopayVersion) -> Unfinished:
    """What rolling a version back would do to what is under way; nothing changes."""
    commands = DebitCommand.objects.filter(version=version).order_by()
    planned = _sums(commands.filter(state=CommandState.PLANNED.value))
    away = _sums(commands.filter(state__in=[state.value for state in IN_FLIGHT]))
    bills = DebitBill.objects.filter(version=version, day__gte=business_date(), state=BillState.OPEN.value)
    instead = holds_instead(version)
    today, later, never = _fates(version, instead=instead)
    return Unfinished(
        version=version,
        instead=instead,
        tried_today=today,
        tried_later=later,
        not_tried=never,
        planned=sum(count for count, _amount in planned.values()),
        planned_amounts={currency: amount for currency, (_count, amount) in planned.items()},
        on_their_way=sum(count for count, _amount in away.values()),
        on_their_way_amounts={currency: amount for currency, (_count, amount) in away.items()},
        open_bills=bills.count(),
    )


def in_words(found: Unfinished) -> tuple[str, ...]:
    """What rolling back does to what is in flight, sentence by sentence."""
    planned = ngettext(
        "%(count)s debit that has not left is dropped%(amounts)s.",
        "%(count)s debits that have not left are dropped%(amounts)s.",
        found.planned,
    ) % {"count": count_text(found.planned), "amounts": _amounts(found.planned_amounts)}
    away = ngettext(
        "%(count)s debit on its way is left to come home%(amounts)s; its answer is booked as ever.",
        "%(count)s debits on their way are left to come home%(amounts)s; their answers are booked as ever.",
        found.on_their_way,
    ) % {"count": count_text(found.on_their_way), "amounts": _amounts(found.on_their_way_amounts)}
    return (planned, away, *_afterwards(found))


def _afterwards(found: Unfinished) -> tuple[str, ...]:
    if found.instead is None:
        return (
            _("Nothing of this configuration holds afterwards. Bills of version %(number)s still open: %(bills)s.")
            % {"number": found.version.number, "bills": count_text(found.open_bills)},
        )
    said = [_("Version %(instead)s holds at once.") % {"instead": found.instead.number}]
    if found.tried_today:
        said.append(
            ngettext(
                "%(count)s bill nothing has left for is tried under it the same day, in the slots still to come.",
                "%(count)s bills nothing has left for are tried under it the same day, in the slots still to come.",
                found.tried_today,
            )
            % {"count": count_text(found.tried_today)}
        )
    if found.tried_later:
        said.append(
            ngettext(
                "%(count)s bill that was refused is tried again on a later day.",
                "%(count)s bills that were refused are tried again on a later day.",
                found.tried_later,
            )
            % {"count": count_text(found.tried_later)}
        )
    if found.not_tried:
        said.append(
            ngettext(
                "%(count)s bill is not tried any more: it has no day left under it.",
                "%(count)s bills are not tried any more: they have no day left under it.",
                found.not_tried,
            )
            % {"count": count_text(found.not_tried)}
        )
    return tuple(said)


def _fates(version: AutopayVersion, *, instead: AutopayVersion | None) -> tuple[int, int, int]:
    """Of the open bills with nothing on its way: how many are tried the same day, on a later one, and no more."""
    if instead is None:
        return 0, 0, 0
    ruling, today = ruling_of(instead), business_date()
    is_open = open_days(ruling)
    tried_today = tried_later = not_tried = 0
    for day, due_date, touched, dropped, bills in fetch(FATES, {"version": version.pk, "today": today}):
        days = set(days_of(due_date, configuration=ruling.configuration, is_open=is_open))
        if dropped or (not touched and day in days):
            tried_today += bills
        elif any(each > day for each in days):
            tried_later += bills
        else:
            not_tried += bills
    return tried_today, tried_later, not_tried


def _put_back(version: AutopayVersion, *, actor: Actor, reason: str) -> None:
    move(version, to=VersionState.ACTIVE)
    held = {"from": _day_text(version.effective_from), "to": _day_text(version.effective_to)}
    version.held_before = [*version.held_before, held]
    version.effective_from, version.effective_to, version.ended_because = business_date(), None, ""
    version.save(update_fields=["state", "effective_from", "effective_to", "ended_because", "held_before"])
    note_down(version, verb="repayment.autopay_version.put_back", actor=actor, reason=reason)


def _take_bills(version: AutopayVersion, *, instead: AutopayVersion | None, today: date) -> int:
    """The open bills of a version go to what holds now, or are stopped; gives how many were planned anew."""
    params = {"version": version.pk, "today": today, "instead": instead.pk if instead else None}
    loans: dict[date, list[int]] = {}
    for day, loan_id in fetch(UNTOUCHED, params):
        loans.setdefault(day, []).append(loan_id)
    if instead is not None:
        execute(HANDED_OVER, params)
    DebitBill.objects.filter(version=version, day__gte=today, state=BillState.OPEN.value).update(
        state=BillState.STOPPED.value, stopped_by=ROLLED_BACK
    )
    return sum(
        plan_under(day=day, rulings=rulings_on(day), first_id=min(ids), last_id=max(ids)).new
        for day, ids in sorted(loans.items())
    )


def _sums(commands: QuerySet[DebitCommand]) -> dict[str, tuple[int, Decimal]]:
    rows = commands.values_list("currency").annotate(Count("pk"), Sum("amount")).order_by("currency")
    return {currency: (count, amount) for currency, count, amount in rows}


def _amounts(amounts: Mapping[str, Decimal]) -> str:
    said = ", ".join(amount_text(amount, currency=currency) for currency, amount in sorted(amounts.items()))
    return _(" (%(amounts)s)") % {"amounts": said} if said else ""


def _day_text(day: date | None) -> str:
    return day.isoformat() if day else ""


def _number(version: AutopayVersion | None) -> int | None:
    return version.number if version else None
