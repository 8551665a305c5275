"""A rail that says what a test tells it to say, byte by byte, and keeps what it was told."""

import json
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

from backoffice.core.signatures import SIGNATURE_HEADER, TIMESTAMP_HEADER, check
from backoffice.core.signed_http import Address

if TYPE_CHECKING:
    from collections.abc import Callable

SECRET = "a secret of thirty-two characters and more"


@dataclass(frozen=True)
class Heard:
    """One call as it arrived, after its signature was checked."""

    method: str
    path: str
    said: dict[str, Any]


@dataclass(frozen=True)
class Say:
    """An answer; `cut` closes the wire instead."""

    status: int = 200
    body: bytes = b"{}"
    headers: dict[str, str] = field(default_factory=dict)
    cut: bool = False


def says(status: int = 200, **document: Any) -> Say:
    """An answer in JSON."""
    return Say(status=status, body=json.dumps(document).encode())


class RailInAThread:
    """`answer` decides every answer; agreements are put and revoked by default."""

    def __init__(self) -> None:
        self.heard: list[Heard] = []
        self.agreements: dict[str, dict[str, Any]] = {}
        self.answer: Callable[[Heard], Say] = self.agree
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._server.daemon_threads = True

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}/rail"

    @property
    def address(self) -> Address:
        return Address(url=self.url, secret=SECRET)

    def agree(self, heard: Heard) -> Say:
        """What an honest rail does about agreements."""
        parts = heard.path.removeprefix("/rail/").split("/")
        if heard.method == "POST" and len(parts) == 1:
            number = heard.said["agreement_no"]
            if self.agreements.get(number, {}).get("state") == "revoked":
                return says(409, code="72", error="revoked")
            self.agreements[number] = heard.said | {"state": "active"}
        else:
            number = parts[1]
        if number not in self.agreements:
            return says(404, agreement_no=number, known=False)
        if parts[-1] == "revoke":
            self.agreements[number]["state"] = "revoked"
        return says(200, **self.agreements[number])

    def calls(self) -> list[str]:
        return [f"{heard.method} {heard.path.removeprefix('/rail')}" for heard in self.heard]

    def __enter__(self) -> "RailInAThread":
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        return self

    def __exit__(self, *_error: object) -> None:
        self._server.shutdown()
        self._server.server_close()


def _handler(rail: RailInAThread) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._serve()

        def do_POST(self) -> None:
            self._serve()

        def log_message(self, format: str, *args: object) -> None:
            pass

        def _serve(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
            sent = self.headers[TIMESTAMP_HEADER]
            check(secret=SECRET, timestamp=sent, signature=self.headers[SIGNATURE_HEADER], body=body, now=int(sent))
            heard = Heard(self.command, self.path, json.loads(body or b"{}"))
            rail.heard.append(heard)
            say = rail.answer(heard)
            if say.cut:
                return
            self.send_response(say.status)
            for name, value in say.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(say.body)))
            self.end_headers()
            self.wfile.write(say.body)

    return Handler
