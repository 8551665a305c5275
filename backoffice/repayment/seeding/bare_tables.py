"""Tables without their secondary indexes and references while very many rows are written; everything returns after."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from psycopg import sql

from backoffice.core.bulk import fetch, raw_cursor

CONSTRAINTS = """
SELECT conrelid::regclass::text, conname, pg_get_constraintdef(oid)
FROM pg_constraint WHERE conrelid = ANY(%s::regclass[]) AND contype IN ('u', 'f')
ORDER BY contype DESC, conname
"""
INDEXES = """
SELECT i.indexrelid::regclass::text, pg_get_indexdef(i.indexrelid)
FROM pg_index i
WHERE i.indrelid = ANY(%s::regclass[]) AND NOT i.indisprimary
  AND NOT EXISTS (SELECT FROM pg_constraint c WHERE c.conindid = i.indexrelid AND c.contype IN ('u', 'x'))
ORDER BY 1
"""


@contextmanager
def bare(tables: Sequence[str], *, on_return: Callable[[str], None]) -> Iterator[None]:
    """Drop what slows writing down (foreign keys, unique constraints, indexes; primary keys stay), and put it back.

    Must run in one transaction with the writing: what is put back checks all rows, and a failure undoes everything.
    `on_return` hears what is being put back.
    """
    names = list(tables)
    constraints = fetch(CONSTRAINTS, [names])
    indexes = fetch(INDEXES, [names])
    with raw_cursor() as cursor:
        for table, name, _ in reversed(constraints):
            cursor.execute(sql.SQL("ALTER TABLE {} DROP CONSTRAINT {}").format(sql.SQL(table), sql.Identifier(name)))
        for name, _ in indexes:
            cursor.execute(sql.SQL("DROP INDEX {}").format(sql.SQL(name)))
    yield
    with raw_cursor() as cursor:
        for name, definition in indexes:
            on_return(name)
            cursor.execute(definition)
        for table, name, definition in constraints:
            on_return(name)
            cursor.execute(
                sql.SQL("ALTER TABLE {} ADD CONSTRAINT {} {}").format(
                    sql.SQL(table), sql.Identifier(name), sql.SQL(definition)
                )
            )
