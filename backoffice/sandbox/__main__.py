"""Runs the sandbox: `python -m backoffice.sandbox [--port 8100] [--smtp-port 8125] [--hooks URL] [--state FILE]`.

The bank has options of its own: `[--rail-hooks URL] [--rail-code CODE] [--bank-state FILE]`. It stops on SIGTERM or
Ctrl-C. The secrets it shares with the product are `SANDBOX_GATEWAY_SECRET` and `SANDBOX_RAIL_SECRET`.
"""

import argparse
import os
import signal
import sys
import threading
from pathlib import Path

from backoffice.sandbox.serving import Sandbox


def main() -> None:
    """Serves on the loopback interface until told to stop."""
    parser = argparse.ArgumentParser(prog="python -m backoffice.sandbox", description="A bank and gateways to test.")
    parser.add_argument("--port", type=int, default=8100)
    parser.add_argument("--smtp-port", type=int, default=0, help="0: no mail server")
    parser.add_argument("--hooks", default="", help="where receipts go: this, and the gateway's code")
    parser.add_argument("--state", type=Path, default=None, help="file that remembers what was taken")
    parser.add_argument("--rail-hooks", default="", help="where the bank's notices go: this, and the rail's code")
    parser.add_argument("--rail-code", default="http", help="the code the product has for the HTTP rail")
    parser.add_argument("--bank-state", type=Path, default=None, help="file that remembers the bank's books")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--lifelike", action="store_true", help="things go wrong as often as they do outside")
    asked = parser.parse_args()
    sandbox = Sandbox(
        port=asked.port,
        smtp_port=asked.smtp_port or None,
        hooks=asked.hooks,
        state=asked.state,
        seed=asked.seed,
        is_lifelike=asked.lifelike,
        secret=os.environ.get("SANDBOX_GATEWAY_SECRET", ""),
        rail_hooks=asked.rail_hooks,
        rail_code=asked.rail_code,
        rail_secret=os.environ.get("SANDBOX_RAIL_SECRET", ""),
        bank_state=asked.bank_state,
    )
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    with sandbox:
        sys.stderr.write(f"sandbox listens on {sandbox.url}\n")
        stop.wait()


if __name__ == "__main__":
    main()
