"""JSON in, without losing a digit: numbers with a fraction become Decimal, never float."""

import json
import re
from collections.abc import Mapping
from decimal import Decimal
from typing import IO, Any

from django.utils.translation import gettext as _
from rest_framework.exceptions import ParseError
from rest_framework.parsers import JSONParser

_HALF_A_CHARACTER = re.compile(r"\\u[dD][89a-fA-F]")


class DecimalJSONParser(JSONParser):
    """DRF's JSON parser with `Decimal` for fractions. Refuses NaN, Infinity, half characters, a name given twice."""

    def parse(
        self, stream: IO[Any], media_type: str | None = None, parser_context: Mapping[str, Any] | None = None
    ) -> Any:
        encoding = (parser_context or {}).get("encoding") or "utf-8"
        try:
            text = stream.read().decode(encoding)
        except (UnicodeDecodeError, LookupError) as error:
            raise ParseError(_("The body is not %(encoding)s text.") % {"encoding": encoding}) from error
        try:
            found = json.loads(
                text, parse_float=Decimal, parse_constant=_refuse_constant, object_pairs_hook=_refuse_duplicates
            )
            if _HALF_A_CHARACTER.search(text):
                _refuse_half_characters(found)
        except json.JSONDecodeError as error:
            said = {"detail": error.msg, "line": error.lineno, "column": error.colno}
            raise ParseError(
                _("The body is not JSON: %(detail)s at line %(line)s, column %(column)s.") % said
            ) from error
        except (ValueError, RecursionError) as error:
            raise ParseError(_("The body cannot be used: %(detail)s.") % {"detail": error}) from error
        return found


def _refuse_half_characters(found: Any) -> None:
    """An escape for half of a pair stands for no character: it could be neither stored nor answered."""
    try:
        json.dumps(found, ensure_ascii=False, default=str).encode()
    except UnicodeEncodeError as error:
        half = ascii(error.object[error.start])
        msg = _("%(half)s is half a character") % {"half": half}
        raise ValueError(msg) from error


def _refuse_constant(name: str) -> Any:
    msg = _("%(name)s is not a JSON number") % {"name": name}
    raise ValueError(msg)


def _refuse_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        names = [name for name, _value in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        msg = _("the name “%(name)s” is given twice") % {"name": twice.encode(errors="replace").decode()}
        raise ValueError(msg)
    return found
