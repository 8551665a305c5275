"""Sealing anew what messages, replies and print files hold, when the keys of the house change."""

from typing import Any, Final

from django.db import models, transaction

from backoffice.core.bulk import fetch
from backoffice.customers.fields import seal_of, text_of
from backoffice.customers.keys import ring
from backoffice.outreach.models import Message, PrintFile, Reply

SEALED: Final[tuple[tuple[type[models.Model], tuple[str, ...]], ...]] = (
    (Message, ("variables", "text")),
    (Reply, ("sender", "text")),
    (PrintFile, ("content",)),
)


def seal_anew(batch: int) -> int:
    """Seals everything that is under another key than the active one, some rows a transaction; gives how many rows.

    Raises Unopenable for a damaged value or a key that is no longer on the ring.
    """
    return sum(_seal_table(model, columns, batch) for model, columns in SEALED)


def _seal_table(model: type[models.Model], columns: tuple[str, ...], batch: int) -> int:
    done = after_id = 0
    while True:
        with transaction.atomic():
            ids = _waiting(model, columns, after_id=after_id, most=batch)
            rows: list[Any] = list(model._default_manager.filter(pk__in=ids).order_by("pk").select_for_update())
            for row in rows:
                for name in columns:
                    if getattr(row, name) is not None:
                        setattr(row, name, seal_of(model, name, text_of(row, name)))
            model._default_manager.bulk_update(rows, list(columns))
        if not ids:
            return done
        done, after_id = done + len(ids), ids[-1]


def _waiting(model: type[models.Model], columns: tuple[str, ...], *, after_id: int, most: int) -> list[int]:
    """Ids of rows with a value whose head names another key; the head is that of `customers.domain.sealing`."""
    head = ring().seal("", context="").data[: 2 + len(ring().active_id.encode())]
    foreign = " OR ".join(f"substring({name} FROM 1 FOR {len(head)}) <> %(head)s" for name in columns)
    statement = f"SELECT id FROM {model._meta.db_table} WHERE id > %(after)s AND ({foreign}) ORDER BY id LIMIT %(most)s"  # noqa: S608 - names of our own
    return [row[0] for row in fetch(statement, {"head": head, "after": after_id, "most": most})]
