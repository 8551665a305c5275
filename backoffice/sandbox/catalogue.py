"""Everything the sandbox plays. A rail or gateway is a handler under its own path prefix, listed here by name.

`GET /catalogue` shows this table, so that a person (and a test) sees what can be spoken to.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One HTTP request, read in full; the names of its headers are in lower case. `query`: what follows the `?`."""

    method: str
    path: str
    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict)
    query: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What goes back: an HTTP status, a JSON document or a file, how long it takes, and whether it is ever sent.

    `file`: sent byte by byte as `content_type`, instead of the document. `is_dropped`: the connection is closed
    instead, as if the wire had been cut.
    """

    status: int
    document: Mapping[str, object] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    file: bytes | None = None
    content_type: str = "application/json"
    seconds: float = 0.0
    is_dropped: bool = False

    @property
    def body(self) -> bytes:
        """The bytes that are sent."""
        return json.dumps(self.document, ensure_ascii=False).encode() if self.file is None else self.file


@dataclass(frozen=True, slots=True, kw_only=True)
class Partner:
    """A simulated partner: its path prefix, what it is, and the function that answers its calls."""

    prefix: str
    description: str
    answer: Callable[[Call], Answer]


@dataclass(frozen=True, slots=True, kw_only=True)
class Catalogue:
    """All partners of one sandbox, and its own pages: `pages` by path, `desks` by the prefix of theirs."""

    rails: tuple[Partner, ...] = ()
    gateways: tuple[Partner, ...] = ()
    desks: tuple[Partner, ...] = ()
    pages: Mapping[str, Callable[[Call], Answer]] = field(default_factory=dict)

    def answer(self, call: Call) -> Answer:
        """Routes one call: the health page, the catalogue, a page, or the partner whose prefix the path has."""
        if call.path == "/health":
            return Answer(status=200, document={"status": "ok"})
        if call.path == "/catalogue":
            pages = sorted({*self.pages, *(desk.prefix for desk in self.desks)})
            document = {"rails": _listed(self.rails), "gateways": _listed(self.gateways), "pages": pages}
            return Answer(status=200, document=document)
        if call.path in self.pages:
            return self.pages[call.path](call)
        for partner in (*self.rails, *self.gateways, *self.desks):
            if call.path == partner.prefix or call.path.startswith(f"{partner.prefix}/"):
                return partner.answer(call)
        return Answer(
            status=404,
            document={"error": f"nothing is simulated at {call.path}", "next_step": "GET /catalogue lists what is"},
        )


def _listed(partners: tuple[Partner, ...]) -> list[dict[str, str]]:
    return [{"prefix": partner.prefix, "description": partner.description} for partner in partners]
