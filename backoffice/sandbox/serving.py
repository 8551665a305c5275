"""The sandbox's servers: HTTP for rails and gateways, SMTP for mail, and the threads that carry the news back."""

import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import cast
from urllib.parse import parse_qsl

from backoffice.sandbox import catalogue
from backoffice.sandbox.bank.branch import Branch
from backoffice.sandbox.ledger import Ledger
from backoffice.sandbox.mailbox import MailServer
from backoffice.sandbox.messaging import World, partners
from backoffice.sandbox.receipts import Courier
from backoffice.sandbox.script import LIFELIKE, Behaviour, Script

HOST = "127.0.0.1"
LARGEST_BODY = 64 * 1024 * 1024


class Handler(BaseHTTPRequestHandler):
    """Reads one request, asks the catalogue, writes the answer, or cuts the wire."""

    protocol_version = "HTTP/1.1"
    timeout = 30
    # Head and body leave together; apart, the second would wait for the first to be acknowledged.
    wbufsize = 64 * 1024

    def do_GET(self) -> None:
        self._serve()

    def do_POST(self) -> None:
        self._serve()

    def do_PUT(self) -> None:
        self._serve()

    def log_message(self, format: str, *args: object) -> None:
        """Says nothing per request; partners log what they did themselves."""

    def _serve(self) -> None:
        declared = self.headers.get("Content-Length", "0")
        if not declared.isdigit() or int(declared) > LARGEST_BODY:
            self.close_connection = True
            self._write(catalogue.Answer(status=413, document={"error": f"a body is at most {LARGEST_BODY} bytes"}))
            return
        call = catalogue.Call(
            method=self.command,
            path=self.path.partition("?")[0],
            query=dict(parse_qsl(self.path.partition("?")[2])),
            body=self.rfile.read(int(declared)),
            headers={name.lower(): value for name, value in self.headers.items()},
        )
        answer = cast("Server", self.server).catalogue.answer(call)
        time.sleep(answer.seconds)
        if answer.is_dropped:
            self.close_connection = True
            return
        self._write(answer)

    def _write(self, answer: catalogue.Answer) -> None:
        body = answer.body
        self.send_response(answer.status)
        for name, value in answer.headers.items():
            self.send_header(name, value)
        self.send_header("Content-Type", answer.content_type)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


class Server(ThreadingHTTPServer):
    """An HTTP server that knows what it plays."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, *, port: int, plays: catalogue.Catalogue) -> None:
        self.catalogue = plays
        super().__init__((HOST, port), Handler)

    def handle_error(self, request: object, client_address: object) -> None:
        """A caller that hung up is none of the sandbox's business."""


class Sandbox:
    """Everything of one sandbox, started and stopped together; port 0 takes a free one."""

    def __init__(
        self,
        *,
        port: int = 0,
        smtp_port: int | None = None,
        hooks: str = "",
        state: Path | None = None,
        seed: int = 1,
        is_lifelike: bool = False,
        secret: str = "",
        rail_hooks: str = "",
        rail_code: str = "http",
        rail_secret: str = "",
        bank_state: Path | None = None,
    ) -> None:
        self.script = Script(seed=seed, usual=LIFELIKE if is_lifelike else Behaviour())
        self.ledger = Ledger(file=state)
        self.courier = Courier(hooks=hooks, secret=secret, script=self.script)
        self.world = World(script=self.script, ledger=self.ledger, courier=self.courier, secret=secret)
        self.bank = Branch(
            state=bank_state, seed=seed, is_lifelike=is_lifelike, secret=rail_secret, hooks=rail_hooks, code=rail_code
        )
        plays = catalogue.Catalogue(
            rails=self.bank.rails,
            desks=(self.bank.desk,),
            gateways=partners(self.world),
            pages={"/script": self.script.answer, "/deliveries": self.world.deliveries},
        )
        self._http = Server(port=port, plays=plays)
        self._smtp = None if smtp_port is None else MailServer(port=smtp_port, world=self.world)

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://{HOST}:{self._http.server_address[1]}"

    @property
    def smtp_port(self) -> int:
        """Where mail is taken; 0 when it is not."""
        return 0 if self._smtp is None else int(self._smtp.server_address[1])

    def __enter__(self) -> "Sandbox":
        self.courier.start()
        self.bank.start()
        for server in self._servers():
            # `shutdown` waits for the loop to notice, so it must not run in the thread that loops.
            threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.1}, daemon=True).start()
        return self

    def __exit__(self, *_error: object) -> None:
        self.courier.stop()
        for server in self._servers():
            server.shutdown()
            server.server_close()
        self.bank.stop()

    def _servers(self) -> list[Server | MailServer]:
        return [server for server in (self._http, self._smtp) if server is not None]
