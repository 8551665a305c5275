"""The benches in their order: some need no book, most share one, growth makes two of its own, the rest one each."""

import os
import tempfile
from collections.abc import Collection, Iterator
from datetime import date, timedelta
from pathlib import Path

from django.test.utils import override_settings

from backoffice.config.benches import closing, contacts, debits, pages, payments, posting, schedules, simulation
from backoffice.config.benches.results import Row, Say, seconds_of
from backoffice.config.benches.workbench import durability, own_database, quiet_queue
from backoffice.core.actors import SYSTEM
from backoffice.repayment.seeding.book import BookWanted, seed_book
from backoffice.repayment.selectors.verification import verify_book

NAMES = (
    "schedules",
    "seed",
    "verify",
    "pages",
    "payment",
    "posting",
    "day_end",
    "payment_during",
    "contacts",
    "growth",
    "debits",
    "simulation",
)
NEED_THE_BOOK = frozenset(NAMES) - {"schedules", "growth", "debits", "simulation"}

# The morning of this day: the middle of a month, so that the closes measured are those of normal days.
FIRST_DAY = date(2026, 3, 10)
DAYS = 3
OVERDUE_SHARE = 0.10
VERIFY_SECONDS = 60.0
SEED_SECONDS = 600.0
PAYMENTS_ALONE = 400


def run(*, names: Collection[str], loans: int, say: Say) -> Iterator[Row]:
    """The rows of the benches named, as they are measured. Raises AssertionError when what was measured went wrong."""
    say(f"load {os.getloadavg()[0]:.1f} on {os.cpu_count()} processors")
    if "schedules" in names:
        yield from schedules.measure()
    if NEED_THE_BOOK & set(names):
        with own_database(), quiet_queue(), override_settings(DEBUG=False):
            say(durability())
            yield from _with_one_book(names, loans, say)
    if "growth" in names:
        with own_database(), quiet_queue(), override_settings(DEBUG=False):
            yield _growth(loans, say)
    if "debits" in names:
        with own_database(), quiet_queue(), override_settings(DEBUG=False, RAIL_SECRETS=debits.SECRETS):
            _seed(loans, FIRST_DAY, say, due_on=FIRST_DAY)
            yield from debits.measure(on=FIRST_DAY, loans=loans, say=say)
    if "simulation" in names:
        with own_database(), quiet_queue(), override_settings(DEBUG=False, RAIL_SECRETS=debits.SECRETS):
            _seed(loans, FIRST_DAY, say, due_on=FIRST_DAY + timedelta(days=1))
            yield simulation.measure(on=FIRST_DAY, loans=loans, say=say)
    say(f"load {os.getloadavg()[0]:.1f} at the end")


def _with_one_book(names: Collection[str], loans: int, say: Say) -> Iterator[Row]:
    seconds = seconds_of(lambda: _seed(loans, FIRST_DAY, say))
    if "seed" in names:
        yield Row(
            name="seed a book, 12 bills a loan",
            size=loans,
            seconds=seconds,
            rate=loans / seconds,
            target=f"<= {SEED_SECONDS:g} s at 1,000,000 loans",
            met=seconds <= SEED_SECONDS,
        )
    if "verify" in names:
        yield _verify(loans, FIRST_DAY, say)
    if "pages" in names:
        yield from pages.measure()
    if "payment" in names:
        yield payments.measure_alone(on=FIRST_DAY, count=min(PAYMENTS_ALONE, loans // 2))
    if {"posting", "day_end", "payment_during"} & set(names):
        yield from _days(names, loans, say)
    if "contacts" in names:
        yield from contacts.measure(on=FIRST_DAY + timedelta(days=DAYS), say=say)


def _days(names: Collection[str], loans: int, say: Say) -> Iterator[Row]:
    """Normal days, one after the other: the day's file is posted, then the day is closed."""
    posted, closed = [], []
    with tempfile.TemporaryDirectory() as folder, override_settings(MEDIA_ROOT=Path(folder) / "media"):
        for number in range(DAYS):
            day = FIRST_DAY + timedelta(days=number)
            posted.append(
                posting.post_day(
                    day=day,
                    folder=Path(folder),
                    most=loans // 10 if number == 0 else loans // 30,
                    everyone_in_arrears=number == 0,
                    say=say,
                )
            )
            closed.append(closing.close(day=day, say=say))
        if "posting" in names:
            yield from posting.rows_of(posted)
        if "day_end" in names:
            # The first day's file was ten times a day's, to measure posting; it is no normal day to close.
            yield from closing.rows_of(closed[1:], book=loans)
        if "payment_during" in names:
            day = FIRST_DAY + timedelta(days=DAYS)
            posting.post_day(day=day, folder=Path(folder), most=loans // 30, everyone_in_arrears=False, say=say)
            during = payments.measure_during_close(day=day, on=day + timedelta(days=1), say=say)
            if during is not None:
                yield during
            yield _verify(loans, day + timedelta(days=1), say, name="verify_books after all this")


def _growth(loans: int, say: Say) -> Row:
    """The same days' transitions in a small book, then in one ten times its size whose other loans are quiet then."""
    small, large = max(1, loans // 20), max(10, loans // 2)
    first = [FIRST_DAY + timedelta(days=number) for number in range(DAYS)]
    then = [FIRST_DAY + timedelta(days=DAYS + number) for number in range(DAYS)]
    _seed(small, FIRST_DAY, say)
    closed_small = [closing.close(day=day, say=say) for day in first]
    _seed(large - small, then[0], say, quiet_on=frozenset(then))
    closed_large = [closing.close(day=day, say=say) for day in then]
    return closing.growth_row(small=closed_small, large=closed_large, size=large)


def _seed(
    loans: int, day: date, say: Say, *, quiet_on: frozenset[date] = frozenset(), due_on: date | None = None
) -> None:
    wanted = BookWanted(
        loans=loans,
        business_date=day,
        overdue_share=OVERDUE_SHARE,
        is_append=bool(quiet_on),
        quiet_on=quiet_on,
        due_on=due_on,
    )
    say(f"seeding {loans:,} loans as of the morning of {day}")
    seed_book(wanted=wanted, actor=SYSTEM, on_progress=lambda *_: None)


def _verify(loans: int, day: date, say: Say, *, name: str = "verify_books") -> Row:
    drifts: list[object] = []
    seconds = seconds_of(lambda: drifts.extend(verify_book(business_date=day)))
    if drifts:
        msg = f"the books do not agree: {drifts[0]} and {len(drifts) - 1} more"
        raise AssertionError(msg)
    say(f"verified {loans:,} loans in {seconds:.1f} s")
    return Row(
        name=name,
        size=loans,
        seconds=seconds,
        rate=loans / seconds,
        target=f"<= {VERIFY_SECONDS:g} s at 1,000,000 loans",
        met=seconds <= VERIFY_SECONDS,
    )
