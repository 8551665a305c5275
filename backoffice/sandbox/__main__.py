"""Runs the sandbox: `python -m backoffice.sandbox [--port 8100]`. It stops on SIGTERM or Ctrl-C."""

import argparse
import json
import signal
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from backoffice.sandbox import catalogue

LARGEST_BODY = 10 * 1024 * 1024


class Handler(BaseHTTPRequestHandler):
    """Reads one request, asks the catalogue, writes JSON."""

    protocol_version = "HTTP/1.1"
    timeout = 30

    def do_GET(self) -> None:
        self._serve()

    def do_POST(self) -> None:
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
            method=self.command, path=self.path.partition("?")[0], body=self.rfile.read(int(declared))
        )
        self._write(catalogue.answer(call=call))

    def _write(self, answer: catalogue.Answer) -> None:
        body = json.dumps(answer.document).encode()
        self.send_response(answer.status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


def main() -> None:
    """Serves on the loopback interface until told to stop."""
    parser = argparse.ArgumentParser(prog="python -m backoffice.sandbox", description="A bank and gateways to test.")
    parser.add_argument("--port", type=int, default=8100)
    port: int = parser.parse_args().port
    with ThreadingHTTPServer(("127.0.0.1", port), Handler) as server:
        # `shutdown` waits for the loop below to notice, so it must not run in the thread that loops.
        stop = threading.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: stop.set())
        loop = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.1}, daemon=True)
        loop.start()
        sys.stderr.write(f"sandbox listens on http://127.0.0.1:{port}\n")
        stop.wait()
        server.shutdown()


if __name__ == "__main__":
    main()
