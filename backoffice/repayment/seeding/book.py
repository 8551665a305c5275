"""A synthetic book of any size: histories the engine folds once, copied to as many loans as asked for by COPY."""

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from random import Random

from django.db import connection, transaction
from psycopg import sql

from backoffice.audit.services import record
from backoffice.calendars.selectors import DayNotOpened, business_day
from backoffice.calendars.services import open_first_day
from backoffice.core.actors import Actor
from backoffice.core.bulk import execute, fetch, raw_cursor
from backoffice.core.collecting import without_collecting
from backoffice.core.errors import Refusal
from backoffice.core.words import phrase
from backoffice.repayment.domain.terms_form import to_json
from backoffice.repayment.models import Product, ProductVersion
from backoffice.repayment.seeding.bare_tables import bare
from backoffice.repayment.seeding.borrowing import ANNUAL_RATES, draw, terms_of_versions
from backoffice.repayment.seeding.stencils import PORTFOLIO, SOURCE, TABLES, Stencil, stencil_of
from backoffice.repayment.services.opening import copy_of_terms

MOST_HISTORIES = 20_000
LOANS_PER_BORROWER = 1.25
LOANS_PER_WRITE = 250
# Below this many loans beside a book that is already there, keeping the indexes is quicker than building them anew.
BARE_FROM = 0.2
BORROWER_TABLE = "customers_borrower"
BORROWER_COLUMNS = (
    "id", "external_id", "source", "portfolio", "identity_kind", "identity_country", "country", "time_zone", "language",
    "key_id",
)  # fmt: skip


class BookNotEmpty(Refusal):
    """There are loans already."""

    code = "repayment.book_not_empty"
    status = 409


class NotTheBusinessDate(Refusal):
    """A business day is open and the book was asked for another one, or the day is being closed."""

    code = "repayment.seed_on_another_day"
    status = 409


class IdsInterleaved(Refusal):
    """Somebody else is writing to the same tables."""

    code = "repayment.seed_disturbed"
    status = 409


@dataclass(frozen=True, slots=True, kw_only=True)
class BookWanted:
    """The book to write. `overdue_share` of its loans are overdue on the morning of `business_date`.

    `quiet_on` leaves out loans the close of these days would change: it lets a bench grow a book without its work.
    A bill of every loan falls due on `due_on`, where it is given.
    """

    loans: int
    business_date: date
    seed: int = 1
    overdue_share: float = 0.10
    is_append: bool = False
    quiet_on: frozenset[date] = frozenset()
    due_on: date | None = None


@dataclass(frozen=True, slots=True)
class BookWritten:
    """Rows written, by table."""

    rows: dict[str, int]


@dataclass(slots=True)
class _Plan:
    """Which loan gets which ids and which history."""

    loans: range
    borrowers: range
    stencils: list[Stencil]
    operations: list[int] = field(default_factory=list)

    def ids(self) -> Iterator[tuple[Stencil, list[int]]]:
        """Every loan's stencil and its ids: loan, borrower, operations."""
        count, borrowers = len(self.stencils), len(self.borrowers)
        for place, first in enumerate(self.operations):
            stencil = self.stencils[place % count]
            yield (
                stencil,
                [self.loans[place], self.borrowers[place % borrowers], *range(first, first + stencil.operations)],
            )


def seed_book(*, wanted: BookWanted, actor: Actor, on_progress: Callable[[str, int, int], None]) -> BookWritten:
    """Write the book in one transaction and bring the planner's statistics up to date.

    `on_progress(what, done, total)`. Raises BookNotEmpty, NotTheBusinessDate, IdsInterleaved.
    """
    with transaction.atomic():
        _check(wanted)
        _open_day(wanted.business_date, actor=actor)
        with without_collecting():
            stencils = _stencils(wanted, on_progress=on_progress)
        with raw_cursor() as cursor:
            cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        rows = _write(wanted, stencils, on_progress=on_progress)
        record(
            verb="repayment.book.seeded",
            subject_type="repayment.loan",
            subject_id="",
            actor=actor,
            after={"loans": wanted.loans, "seed": wanted.seed, "rows": rows},
        )
    _settle(on_progress=on_progress)
    return BookWritten(rows=rows)


def _check(wanted: BookWanted) -> None:
    is_filled = bool(fetch("SELECT 1 FROM repayment_loan LIMIT 1"))
    if is_filled and not wanted.is_append:
        raise BookNotEmpty(
            phrase("This database has loans; a synthetic book would be mixed with them."),
            next_step=phrase("Use an empty database, or say --append if that is what you want."),
        )
    try:
        day = business_day()
    except DayNotOpened:
        return
    if day.state != "open" or day.today != wanted.business_date:
        raise NotTheBusinessDate(
            phrase(
                "The business day is %(today)s (%(state)s); the book was asked for on %(asked)s.",
                today=day.today,
                state=day.state,
                asked=wanted.business_date,
            ),
            next_step=phrase("Ask for --date %(today)s, once the day is open.", today=day.today),
        )


def _open_day(day: date, *, actor: Actor) -> None:
    try:
        business_day()
    except DayNotOpened:
        open_first_day(day=day, actor=actor)


def _stencils(wanted: BookWanted, *, on_progress: Callable[[str, int, int], None]) -> list[Stencil]:
    """Distinct histories, each folded by the engine; the loans of a large book share them."""
    terms = terms_of_versions()
    terms_ids = [copy_of_terms(terms=each) for each in terms]
    version_ids = _versions_of_product(wanted.business_date)
    rng = Random(wanted.seed)  # noqa: S311 - a reproducible book, nothing secret
    count = min(wanted.loans, MOST_HISTORIES)
    overdue = round(count * wanted.overdue_share)
    stencils: list[Stencil] = []
    while len(stencils) < count:
        drawn = draw(
            rng=rng,
            terms=terms,
            business_date=wanted.business_date,
            is_overdue=len(stencils) < overdue,
            due_on=wanted.due_on,
        )
        stencil = stencil_of(
            drawn,
            terms_id=terms_ids[drawn.version],
            version_id=version_ids[drawn.version],
            business_date=wanted.business_date,
        )
        if stencil.next_transition not in wanted.quiet_on:
            stencils.append(stencil)
            if len(stencils) % 500 == 0 or len(stencils) == count:
                on_progress("histories", len(stencils), count)
    rng.shuffle(stencils)
    return stencils


def _versions_of_product(business_date: date) -> list[int]:
    product, _ = Product.objects.get_or_create(
        code="seeded-12-months",
        defaults={"name": "Seeded, 12 months", "portfolio": PORTFOLIO, "currency": "CNY"},
    )
    ids = []
    for number, (terms, (_, age)) in enumerate(zip(terms_of_versions(), ANNUAL_RATES, strict=True), start=1):
        is_last = number == len(ANNUAL_RATES)
        version, _ = ProductVersion.objects.get_or_create(
            product=product,
            number=number,
            defaults={
                "state": ProductVersion.State.ACTIVE if is_last else ProductVersion.State.RETIRED,
                "terms": to_json(terms),
                "effective_from": business_date - timedelta(days=age),
            },
        )
        ids.append(version.pk)
    return ids


def _write(
    wanted: BookWanted, stencils: list[Stencil], *, on_progress: Callable[[str, int, int], None]
) -> dict[str, int]:
    borrowers = max(1, round(wanted.loans / LOANS_PER_BORROWER))
    plan = _Plan(
        loans=_draw_ids("repayment_loan", wanted.loans),
        borrowers=_draw_ids(BORROWER_TABLE, borrowers),
        stencils=stencils,
    )
    drawn = [stencils[place % len(stencils)].operations for place in range(wanted.loans)]
    first = _draw_ids("repayment_operation", sum(drawn)).start
    for operations in drawn:
        plan.operations.append(first)
        first += operations
    (existing,) = fetch("SELECT count(*) FROM repayment_loan")[0]
    tables = [BORROWER_TABLE, *TABLES]
    if existing * BARE_FROM > wanted.loans:
        return _copy_all(plan, frozen=(), on_progress=on_progress)
    with bare(tables, on_return=lambda name: on_progress(name, 0, 0)):
        return _copy_all(plan, frozen=_emptied(tables), on_progress=on_progress)


def _emptied(tables: Sequence[str]) -> tuple[str, ...]:
    """Empty tables nobody else refers to, truncated in this transaction: their rows may be written frozen."""
    emptied = []
    for table in tables:
        is_filled = bool(fetch(f"SELECT 1 FROM {table} LIMIT 1"))  # noqa: S608 - names of our own
        is_referred_to = bool(
            fetch("SELECT 1 FROM pg_constraint WHERE contype = 'f' AND confrelid = %s::regclass LIMIT 1", [table])
        )
        if not is_filled and not is_referred_to:
            execute(f"TRUNCATE {table}")
            emptied.append(table)
    return tuple(emptied)


def _copy_all(plan: _Plan, *, frozen: Collection[str], on_progress: Callable[[str, int, int], None]) -> dict[str, int]:
    rows = {BORROWER_TABLE: _copy_borrowers(plan, is_frozen=BORROWER_TABLE in frozen, on_progress=on_progress)}
    for table in TABLES:
        rows[table] = _copy_table(table, plan, is_frozen=table in frozen, on_progress=on_progress)
    return rows


def _copy_borrowers(plan: _Plan, *, is_frozen: bool, on_progress: Callable[[str, int, int], None]) -> int:
    line = f"%d\tB%010d\t{SOURCE}\t{PORTFOLIO}\t\t\tCN\tAsia/Shanghai\tzh\t\n"
    with raw_cursor() as cursor, cursor.copy(_copy_statement(BORROWER_TABLE, BORROWER_COLUMNS, is_frozen)) as copy:
        for start in range(0, len(plan.borrowers), LOANS_PER_WRITE):
            copy.write("".join([line % (key, key) for key in plan.borrowers[start : start + LOANS_PER_WRITE]]))
    on_progress(BORROWER_TABLE, len(plan.borrowers), len(plan.borrowers))
    return len(plan.borrowers)


def _copy_table(table: str, plan: _Plan, *, is_frozen: bool, on_progress: Callable[[str, int, int], None]) -> int:
    rows, done, texts = 0, 0, []
    with raw_cursor() as cursor, cursor.copy(_copy_statement(table, TABLES[table], is_frozen)) as copy:
        for stencil, ids in plan.ids():
            sheet = stencil.sheets[table]
            texts.append(sheet.filled(ids))
            rows += sheet.rows
            done += 1
            if len(texts) == LOANS_PER_WRITE:
                copy.write("".join(texts))
                texts.clear()
                if done < len(plan.loans):
                    on_progress(table, done, len(plan.loans))
        copy.write("".join(texts))
    on_progress(table, done, len(plan.loans))
    return rows


def _copy_statement(table: str, columns: Sequence[str], is_frozen: bool) -> sql.Composed:
    return sql.SQL("COPY {} ({}) FROM STDIN{}").format(
        sql.Identifier(table),
        sql.SQL(", ").join(map(sql.Identifier, columns)),
        sql.SQL(" WITH (FREEZE)" if is_frozen else ""),
    )


def _draw_ids(table: str, count: int) -> range:
    """`count` ids in a row from the table's own sequence. Raises IdsInterleaved when somebody else drew in between."""
    ((first, last),) = fetch(
        "SELECT min(id), max(id) FROM (SELECT nextval(pg_get_serial_sequence(%s, 'id')) AS id "
        "FROM generate_series(1, %s)) drawn",
        [table, count],
    )
    if last - first + 1 != count:
        raise IdsInterleaved(
            phrase("Somebody else is writing to %(table)s.", table=table),
            next_step=phrase("Stop the other work on this database and try again."),
        )
    return range(first, last + 1)


def _settle(*, on_progress: Callable[[str, int, int], None]) -> None:
    """Statistics for the planner and, outside a transaction, the map of what all can see."""
    tables = ", ".join([BORROWER_TABLE, *TABLES])
    on_progress("statistics", 0, 0)
    execute(f"ANALYZE {tables}" if connection.in_atomic_block else f"VACUUM (ANALYZE) {tables}")
