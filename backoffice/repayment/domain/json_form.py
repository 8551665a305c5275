"""Reading JSON values strictly, with every fault found in one go and named by its dotted path ("fees.0.amount").

A reader is a function of a value, its path and the faults so far; it returns what it read, or `BAD` after writing down
a fault. Amounts and rates are written as decimal strings or whole numbers (a JSON fraction parsed to Decimal is exact
and is taken too); a float has already lost digits and is refused.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import MISSING, fields
from datetime import date
from decimal import Decimal
from typing import Any, Final

from backoffice.core.words import Phrase, phrase

Faults = dict[str, Phrase]
Reader = Callable[[Any, str, Faults], Any]

BAD: Final = object()

EARLIEST: Final = date(1900, 1, 1)
LATEST: Final = date(2199, 12, 31)

_PLAIN_DECIMAL = re.compile(r"-?[0-9]{1,40}(\.[0-9]{1,40})?", re.ASCII)
_ISO_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", re.ASCII)
_MOST_DIGITS = 20


def choice(*allowed: str) -> Reader:
    """One of the words given."""

    def read(value: Any, path: str, faults: Faults) -> Any:
        if isinstance(value, str) and value in allowed:
            return value
        return _fault(faults, path, phrase("must be one of: %(words)s", words=", ".join(allowed)))

    return read


def text(*, pattern: str, hint: Phrase) -> Reader:
    """A string that matches the whole pattern; `hint` says it in words."""
    compiled = re.compile(pattern)

    def read(value: Any, path: str, faults: Faults) -> Any:
        if isinstance(value, str) and compiled.fullmatch(value):
            return value
        return _fault(faults, path, hint)

    return read


def whole(*, least: int, most: int) -> Reader:
    """A JSON whole number within limits; numbers in quotes and 12.0 are not."""

    def read(value: Any, path: str, faults: Faults) -> Any:
        if isinstance(value, int) and not isinstance(value, bool) and least <= value <= most:
            return value
        return _fault(faults, path, phrase("must be a whole number from %(least)s to %(most)s", least=least, most=most))

    return read


def exact(*, least: str = "0", most: str, places: int, above: bool = False) -> Reader:
    """A decimal from `least` (exclusive when `above`) to `most` with at most `places` decimals."""
    low, high = Decimal(least), Decimal(most)

    def read(value: Any, path: str, faults: Faults) -> Any:
        number = _decimal(value)
        if number is None:
            return _fault(faults, path, phrase('must be a decimal string such as "0.18"'))
        if not low <= number <= high or (above and number == low):
            if above:
                reason = phrase("must be above %(least)s and at most %(most)s", least=least, most=most)
            else:
                reason = phrase("must be from %(least)s to %(most)s", least=least, most=most)
            return _fault(faults, path, reason)
        if number != round(number, places):
            return _fault(faults, path, phrase("must have at most %(places)s decimals", places=places))
        return number

    return read


def day(value: Any, path: str, faults: Faults) -> Any:
    """A calendar date written YYYY-MM-DD, from 1900 to 2199."""
    if isinstance(value, str) and _ISO_DATE.fullmatch(value):
        try:
            found = date.fromisoformat(value)
        except ValueError:
            return _fault(faults, path, phrase("is not a day of the calendar"))
        if EARLIEST <= found <= LATEST:
            return found
        return _fault(faults, path, phrase("must lie between 1900 and 2199"))
    return _fault(faults, path, phrase("must be a date written YYYY-MM-DD"))


def optional(read_value: Reader) -> Reader:
    """The value, or None for null."""

    def read(value: Any, path: str, faults: Faults) -> Any:
        return None if value is None else read_value(value, path, faults)

    return read


def listed(read_item: Reader, *, least: int = 0, most: int) -> Reader:
    """A list of items as a tuple."""

    def read(value: Any, path: str, faults: Faults) -> Any:
        if not isinstance(value, list | tuple) or not least <= len(value) <= most:
            return _fault(faults, path, phrase("must be a list of %(least)s to %(most)s items", least=least, most=most))
        items = tuple(read_item(item, f"{path}.{number}", faults) for number, item in enumerate(value))
        return BAD if any(item is BAD for item in items) else items

    return read


def record(kind: type[Any], readers: Mapping[str, Reader]) -> Reader:
    """An object read into a dataclass; fields without a default are required, keys it does not have are refused."""
    required = {each.name for each in fields(kind) if each.default is MISSING and each.default_factory is MISSING}

    def read(value: Any, path: str, faults: Faults) -> Any:
        values = read_keys(value, path, faults, readers=readers, required=required)
        return BAD if values is BAD else kind(**values)

    return read


def read_keys(value: Any, path: str, faults: Faults, *, readers: Mapping[str, Reader], required: set[str]) -> Any:
    """The keys of an object as a dict of what was read; BAD when any of them is at fault."""
    if not isinstance(value, Mapping):
        return _fault(faults, path or "terms", phrase("must be a JSON object"))
    prefix = f"{path}." if path else ""
    before = len(faults)
    for name in value:
        if name not in readers:
            faults[f"{prefix}{name}"] = phrase("is not known here")
    for name in sorted(required - set(value)):
        faults[f"{prefix}{name}"] = phrase("is required")
    values = {name: read(value[name], f"{prefix}{name}", faults) for name, read in readers.items() if name in value}
    return BAD if len(faults) > before else values


def plain(amount: Decimal) -> str:
    """The one way a decimal is written: no exponent, no zeros at the end."""
    return f"{amount.normalize():f}" if amount else "0"


def _decimal(value: Any) -> Decimal | None:
    if isinstance(value, bool):
        return None
    if isinstance(value, int):
        return Decimal(value)
    if isinstance(value, Decimal):
        is_sane = value.is_finite() and abs(value.adjusted()) <= _MOST_DIGITS and len(value.as_tuple().digits) <= 40
        return value if is_sane else None
    if isinstance(value, str) and _PLAIN_DECIMAL.fullmatch(value):
        return Decimal(value)
    return None


def _fault(faults: Faults, path: str, reason: Phrase) -> object:
    faults[path] = reason
    return BAD
