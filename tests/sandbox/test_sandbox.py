"""The sandbox as its users meet it: a process that answers HTTP and stops when told."""

import json
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from socket import socket

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def address() -> Iterator[str]:
    with socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    process = subprocess.Popen(
        [sys.executable, "-m", "backoffice.sandbox", "--port", str(port)], cwd=ROOT, stderr=subprocess.PIPE, text=True
    )
    assert process.stderr is not None
    assert process.stderr.readline() == f"sandbox listens on http://127.0.0.1:{port}\n"
    yield f"http://127.0.0.1:{port}"
    process.send_signal(signal.SIGTERM)
    assert process.wait(timeout=10) == 0
    process.stderr.close()


def test_says_that_it_is_well_and_what_it_plays(address: str) -> None:
    with urllib.request.urlopen(f"{address}/health", timeout=5) as answer:
        assert json.load(answer) == {"status": "ok"}
    with urllib.request.urlopen(f"{address}/catalogue?of=all", timeout=5) as answer:
        listed = json.load(answer)
    assert [rail["prefix"] for rail in listed["rails"]] == ["/rails/http", "/rails/iso20022"]
    assert [gateway["prefix"] for gateway in listed["gateways"]] == [
        "/gateways/sms", "/gateways/bot", "/gateways/push", "/gateways/email",
    ]  # fmt: skip
    assert listed["pages"] == ["/bank", "/deliveries", "/script"]


def test_says_what_to_do_when_nothing_is_played_there(address: str) -> None:
    request = urllib.request.Request(f"{address}/rails/acme/debits", data=b"{}", method="POST")

    with pytest.raises(urllib.error.HTTPError) as refusal:
        urllib.request.urlopen(request, timeout=5)

    assert refusal.value.code == 404
    assert json.load(refusal.value) == {
        "error": "nothing is simulated at /rails/acme/debits",
        "next_step": "GET /catalogue lists what is",
    }


def test_refuses_a_body_it_would_have_to_believe(address: str) -> None:
    request = urllib.request.Request(f"{address}/health", data=b"{}", headers={"Content-Length": "99999999999"})

    with pytest.raises(urllib.error.HTTPError) as refusal:
        urllib.request.urlopen(request, timeout=5)

    assert refusal.value.code == 413
