"""JSON in, without losing a digit: numbers with a fraction become Decimal, never float."""

import json
from collections.abc import Mapping
from decimal import Decimal
from typing import IO, Any

from django.utils.translation import gettext as _
from rest_framework.exceptions import ParseError
from rest_framework.parsers import JSONParser


class DecimalJSONParser(JSONParser):
    """DRF's JSON parser with `Decimal` for fractions; NaN, Infinity and a name given twice are refused."""

    def parse(
        self, stream: IO[Any], media_type: str | None = None, parser_context: Mapping[str, Any] | None = None
    ) -> Any:
        encoding = (parser_context or {}).get("encoding") or "utf-8"
        try:
            text = stream.read().decode(encoding)
        except (UnicodeDecodeError, LookupError) as error:
            raise ParseError(_("The body is not %(encoding)s text.") % {"encoding": encoding}) from error
        try:
            return json.loads(
                text, parse_float=Decimal, parse_constant=_refuse_constant, object_pairs_hook=_refuse_duplicates
            )
        except json.JSONDecodeError as error:
            said = {"detail": error.msg, "line": error.lineno, "column": error.colno}
            raise ParseError(
                _("The body is not JSON: %(detail)s at line %(line)s, column %(column)s.") % said
            ) from error
        except (ValueError, RecursionError) as error:
            raise ParseError(_("The body cannot be used: %(detail)s.") % {"detail": error}) from error


def _refuse_constant(name: str) -> Any:
    msg = _("%(name)s is not a JSON number") % {"name": name}
    raise ValueError(msg)


def _refuse_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        names = [name for name, _value in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        msg = _("the name “%(name)s” is given twice") % {"name": twice}
        raise ValueError(msg)
    return found
