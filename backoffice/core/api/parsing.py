"""JSON in, without losing a digit: numbers with a fraction become Decimal, never float."""

import json
from collections.abc import Mapping
from decimal import Decimal
from typing import IO, Any

from rest_framework.exceptions import ParseError
from rest_framework.parsers import JSONParser

_WHERE = "line {line}, column {column}"


class DecimalJSONParser(JSONParser):
    """DRF's JSON parser with `Decimal` for fractions; NaN, Infinity and a name given twice are refused."""

    def parse(
        self, stream: IO[Any], media_type: str | None = None, parser_context: Mapping[str, Any] | None = None
    ) -> Any:
        encoding = (parser_context or {}).get("encoding") or "utf-8"
        try:
            text = stream.read().decode(encoding)
        except (UnicodeDecodeError, LookupError) as error:
            raise ParseError(f"The body is not {encoding} text.") from error
        try:
            return json.loads(
                text, parse_float=Decimal, parse_constant=_refuse_constant, object_pairs_hook=_refuse_duplicates
            )
        except json.JSONDecodeError as error:
            where = _WHERE.format(line=error.lineno, column=error.colno)
            raise ParseError(f"The body is not JSON: {error.msg} at {where}.") from error
        except (ValueError, RecursionError) as error:
            raise ParseError(f"The body cannot be used: {error}.") from error


def _refuse_constant(name: str) -> Any:
    msg = f"{name} is not a JSON number"
    raise ValueError(msg)


def _refuse_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        names = [name for name, _value in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        msg = f"the name {twice!r} is given twice"
        raise ValueError(msg)
    return found
