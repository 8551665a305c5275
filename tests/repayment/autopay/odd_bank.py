"""A bank that says what a test wants, whatever it is asked or told."""

from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread


class BankThatSays:
    """Answers each GET with `asked` and each POST with `told`, status and body; None: the wire is cut."""

    def __init__(self, *, asked: tuple[int, bytes], told: tuple[int, bytes] | None = None) -> None:
        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self._say(asked)

            def do_POST(self) -> None:
                if told is not None:
                    self._say(told)

            def _say(self, answer: tuple[int, bytes]) -> None:
                self.send_response(answer[0])
                self.end_headers()
                self.wfile.write(answer[1])

            def log_message(self, format: str, *args: object) -> None:
                """Says nothing."""

        self._server = HTTPServer(("127.0.0.1", 0), Handler)

    def __enter__(self) -> str:
        Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def __exit__(self, *_error: object) -> None:
        self._server.shutdown()
        self._server.server_close()
