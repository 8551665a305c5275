"""Reading a file of a bank that may be broken or hostile: checked against its schema first, then entry by entry.

A file is read twice, both times as a stream: 200,000 entries take a few seconds and no tree of them is ever held. Only
a file that breaks its schema is read into a tree, to find the line. No entity is resolved, nothing is fetched, a file
with a DOCTYPE or in another encoding than UTF-8 is refused before it is parsed.
"""

import re
from collections.abc import Iterator
from hashlib import sha256
from io import BytesIO
from typing import Any, Final

from lxml import etree

from backoffice.core.words import phrase
from backoffice.repayment.domain.iso20022.refusals import MessageRefused
from backoffice.repayment.domain.iso20022.schemas import namespace_of, schema_of

LARGEST: Final = 64 * 1024 * 1024

_ENCODING: Final = re.compile(rb"""^<\?xml[^>]*?encoding\s*=\s*["']([^"']*)["']""")
_DOCTYPE: Final = b"<!DOCTYPE"
_SAFE: Final = {
    "encoding": "utf-8",
    "resolve_entities": False,
    "load_dtd": False,
    "no_network": True,
    "huge_tree": False,
    "remove_comments": True,
    "remove_pis": True,
}


def digest_of(data: bytes) -> str:
    """What tells a file from every other one: SHA-256 of its bytes, in hex."""
    return sha256(data).hexdigest()


def check(data: bytes, *, kind: str) -> None:
    """Raises MessageRefused unless the file is a whole message of this kind by its schema."""
    if len(data) > LARGEST:
        raise MessageRefused(
            phrase("The file has more than %(largest)s MiB.", largest=LARGEST // (1024 * 1024)), line=0
        )
    _check_encoding(data)
    _check_well_formed(data)
    _check_root(data, kind=kind)
    _check_schema(data, kind=kind)


def entries(data: bytes, *, kind: str, each: str, also: tuple[str, ...]) -> Iterator[tuple[str, Any]]:
    """The entries (elements named `each`) of a checked file as they come, and elements named in `also` when they end.

    An entry is let go when the next one comes, so that what ends after its entries, up to the whole document, is small.
    """
    namespace = namespace_of(kind)
    tags = {f"{{{namespace}}}{name}": name for name in (each, *also)}
    for _event, element in etree.iterparse(BytesIO(data), events=("end",), tag=list(tags), **_SAFE):
        name = tags[element.tag]
        yield name, element
        if name == each:
            before = element.getprevious()
            element.clear()
            if before is not None and before.tag == element.tag:
                element.getparent().remove(before)


def _check_encoding(data: bytes) -> None:
    declared = _ENCODING.match(data.removeprefix(b"\xef\xbb\xbf")[:200])
    if declared and declared[1].lower() not in {b"utf-8", b"utf8", b"us-ascii"}:
        raise MessageRefused(phrase("The file is not written in UTF-8."), line=1)
    try:
        data.decode("utf-8")
    except UnicodeDecodeError as error:
        said = phrase("The file is not written in UTF-8.")
        raise MessageRefused(said, line=_line_of(data, error.start)) from error
    if (place := data.find(_DOCTYPE)) >= 0:
        raise MessageRefused(phrase("The file has a DOCTYPE, which no bank sends."), line=_line_of(data, place))


class _Nothing:
    """Keeps nothing of what a parser reads: only whether it is XML."""

    def close(self) -> None:
        """Nothing was kept."""


def _check_well_formed(data: bytes) -> None:
    try:
        etree.parse(BytesIO(data), etree.XMLParser(target=_Nothing(), **_SAFE))
    except etree.XMLSyntaxError as error:
        said = phrase("The file is not well-formed XML or breaks off: %(said)s", said=_plain(str(error.msg)))
        raise MessageRefused(said, line=max(error.lineno or 0, 1)) from error


def _check_root(data: bytes, *, kind: str) -> None:
    _event, root = next(iter(etree.iterparse(BytesIO(data), events=("start",), **_SAFE)))
    namespace, _, name = root.tag.removeprefix("{").rpartition("}")
    if (namespace, name) != (namespace_of(kind), "Document"):
        said = phrase(
            "The file is %(found)s, not a message %(kind)s.",
            found=(namespace or name).removeprefix(namespace_of("")),
            kind=kind,
        )
        raise MessageRefused.at(root, said)


def _check_schema(data: bytes, *, kind: str) -> None:
    """With a schema the library forgives what is not well-formed, so that is checked before and by itself."""
    try:
        for _event, element in etree.iterparse(BytesIO(data), events=("end",), schema=schema_of(kind), **_SAFE):
            element.clear()
            while element.getprevious() is not None:
                del element.getparent()[0]
    except etree.XMLSyntaxError as error:
        raise _schema_refusal(data, kind=kind) from error


def _schema_refusal(data: bytes, *, kind: str) -> MessageRefused:
    """Where a file breaks its schema: the stream does not know the line, the tree does."""
    schema = schema_of(kind)
    schema.validate(etree.parse(BytesIO(data), etree.XMLParser(remove_blank_text=True, **_SAFE)))
    fault = schema.error_log[0]
    said = phrase("The file breaks the schema of %(kind)s: %(said)s", kind=kind, said=_plain(fault.message))
    return MessageRefused(said, line=fault.line)


def _plain(said: str) -> str:
    """A complaint of the XML library without namespaces and without the place, which is told beside it."""
    return re.sub(r",? line \d+, column \d+.*$", "", re.sub(r"\{[^}]*\}", "", said))


def _line_of(data: bytes, place: int) -> int:
    return data.count(b"\n", 0, place) + 1
