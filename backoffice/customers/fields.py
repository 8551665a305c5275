"""A database column that holds sealed personal data."""

from typing import Any

from django.db import models

from backoffice.customers.domain.sealing import Sealed
from backoffice.customers.keys import ring


class SealedField(models.BinaryField):
    """Bytes in the database, `Sealed` in Python; never the text itself.

    `seal_of(model, field, text)` and `text_of(instance, field)` are the only ways in and out.
    """

    description = "Sealed personal data"

    @property
    def context(self) -> str:
        """The name authenticated with every value, e.g. "customers_borrower.full_name"."""
        return f"{self.model._meta.db_table}.{self.name}"

    def from_db_value(self, value: Any, _expression: object, _connection: object) -> Sealed | None:
        """Bytes of the row as `Sealed`."""
        return None if value is None else Sealed(bytes(value))

    def get_db_prep_value(self, value: Any, connection: Any, prepared: bool = False) -> Any:
        """Only sealed values reach the database. Raises TypeError for text or bare bytes."""
        if value is None:
            return None
        if not isinstance(value, Sealed):
            msg = f"{self.context} takes sealed values only"
            raise TypeError(msg)
        return super().get_db_prep_value(value.data, connection, prepared)


def seal_of(model: type[models.Model], name: str, text: str) -> Sealed | None:
    """`text` sealed for one column; nothing to seal gives None."""
    column = model._meta.get_field(name)
    return ring().seal(text, context=column.context) if text else None  # type: ignore[union-attr]


def text_of(instance: models.Model, name: str) -> str:
    """The text in a sealed column of a row, "" when empty. Raises Unopenable."""
    sealed = getattr(instance, name)
    if sealed is None:
        return ""
    return ring().open(sealed, context=instance._meta.get_field(name).context)  # type: ignore[union-attr]
