"""Everything the sandbox plays. A rail or gateway is a handler under its own path prefix, listed here by name.

`GET /catalogue` shows this table, so that a person (and a test) sees what can be spoken to.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One HTTP request, read in full."""

    method: str
    path: str
    body: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What goes back: an HTTP status and a JSON document."""

    status: int
    document: Mapping[str, object]


@dataclass(frozen=True, slots=True, kw_only=True)
class Partner:
    """A simulated partner: its path prefix, what it is, and the function that answers its calls."""

    prefix: str
    description: str
    answer: Callable[[Call], Answer]


RAILS: tuple[Partner, ...] = ()
GATEWAYS: tuple[Partner, ...] = ()


def answer(*, call: Call) -> Answer:
    """Routes one call: the health page, the catalogue, or the partner whose prefix the path has."""
    if call.path == "/health":
        return Answer(status=200, document={"status": "ok"})
    if call.path == "/catalogue":
        return Answer(status=200, document={"rails": _listed(RAILS), "gateways": _listed(GATEWAYS)})
    for partner in (*RAILS, *GATEWAYS):
        if call.path == partner.prefix or call.path.startswith(f"{partner.prefix}/"):
            return partner.answer(call)
    return Answer(
        status=404,
        document={"error": f"nothing is simulated at {call.path}", "next_step": "GET /catalogue lists what is"},
    )


def _listed(partners: tuple[Partner, ...]) -> list[dict[str, str]]:
    return [{"prefix": partner.prefix, "description": partner.description} for partner in partners]
