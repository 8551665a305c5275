"""The lender's side of the rails, as small as can be: signed calls, and a place where notices arrive."""

import hashlib
import hmac
import json
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from datetime import datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

SECRET = "a-secret-of-thirty-two-characters"
MORNING = "2026-03-17T07:00:00+08:00"
PAIN = "urn:iso:std:iso:20022:tech:xsd:pain.008.001.02"


class Lender:
    """Speaks to one sandbox. Every call answers the status and the document, or the bytes of a file."""

    def __init__(self, url: str) -> None:
        self.url = url

    def call(self, method: str, path: str, asked: Any = None, *, secret: str = SECRET) -> tuple[int, Any]:
        body = asked if isinstance(asked, bytes) else b"" if asked is None else json.dumps(asked).encode()
        headers = signed(body, secret=secret)
        request = urllib.request.Request(f"{self.url}{path}", data=body or None, method=method, headers=headers)
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:
                return answer.status, _read(answer.headers["Content-Type"], answer.read())
        except urllib.error.HTTPError as refusal:
            with refusal:
                return refusal.code, _read(refusal.headers["Content-Type"], refusal.read())

    def script(self, **changes: Any) -> None:
        status, said = self.call("POST", "/bank/script", changes)
        assert status == 200, said

    def agree(self, agreement_no: str, *, balance: str | None = "100000.00", **more: Any) -> None:
        """An agreement on an account of the same name, with something on it."""
        terms = {"agreement_no": agreement_no, "account": f"acc-{agreement_no}", "currency": "CNY", **more}
        assert self.call("POST", "/rails/http/agreements", terms)[0] == 200
        if balance is not None:
            asked = {"account": terms["account"], "balance": balance, "currency": terms["currency"]}
            assert self.call("POST", "/bank/accounts", asked)[0] == 200

    def debit(self, order_no: str, agreement_no: str = "AG-1", amount: str = "100.00", **more: Any) -> tuple[int, Any]:
        return self.call("POST", "/rails/http/debits", command(order_no, agreement_no, amount, **more))

    def ask(self, order_no: str) -> tuple[int, Any]:
        return self.call("GET", f"/rails/http/debits/{order_no}")

    def balance(self, account: str) -> str:
        return str(self.call("GET", f"/bank/accounts/{account}")[1]["balance"])

    def close(self, day: str) -> Any:
        status, said = self.call("POST", "/bank/day", {"date": day})
        assert status == 200, said
        return said

    def settlement(self, day: str) -> str:
        status, text = self.call("GET", f"/rails/http/settlements/{day}")
        assert status == 200
        return str(text.decode())

    def movements(self, *, limit: int = 10_000) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        has_more = True
        while has_more:
            page = self.call("GET", f"/bank/movements?after={len(found)}&limit={limit}")[1]
            found += page["movements"]
            has_more = page["has_more"]
        return found

    def put(self, name: str, text: str) -> tuple[int, Any]:
        return self.call("PUT", f"/rails/iso20022/files/{name}", text.encode())

    def files(self, kind: str = "") -> list[str]:
        """The names of the files the bank wrote, the oldest first."""
        listed = self.call("GET", "/rails/iso20022/files/")[1]["files"]
        return [file["name"] for file in listed if file["kind"].startswith(kind)]

    def file(self, name: str) -> str:
        status, text = self.call("GET", f"/rails/iso20022/files/{name}")
        assert status == 200
        return str(text.decode())


class Desk:
    """Where notices arrive: `notices` in the order they came. `refusals`: how many are refused before one is taken."""

    def __init__(self, *, refusals: int = 0) -> None:
        self.notices: list[dict[str, Any]] = []
        self.refusals = refusals
        desk = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                expected = signed(body, at=self.headers["X-Gateway-Timestamp"])["X-Gateway-Signature"]
                assert self.headers["X-Gateway-Signature"] == expected
                assert self.path == "/hooks/rails/union/"
                desk.refusals -= 1
                if desk.refusals < 0:
                    desk.notices.append(json.loads(body))
                self.send_response(503 if desk.refusals >= 0 else 200)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_said: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.address = f"http://127.0.0.1:{self._server.server_address[1]}/hooks/rails"

    def __enter__(self) -> "Desk":
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        return self

    def __exit__(self, *_error: object) -> None:
        self._server.shutdown()
        self._server.server_close()


def signed(body: bytes, *, secret: str = SECRET, at: str = "") -> dict[str, str]:
    timestamp = at or str(int(time.time()))
    digest = hmac.new(secret.encode(), f"{timestamp}.".encode() + body, hashlib.sha256).hexdigest()
    return {"X-Gateway-Timestamp": timestamp, "X-Gateway-Signature": f"v1={digest}"}


def command(order_no: str, agreement_no: str = "AG-1", amount: str = "100.00", **more: Any) -> dict[str, Any]:
    """A debit that expires an hour after the morning of the tests."""
    expires_at = (datetime.fromisoformat(MORNING) + timedelta(hours=1)).isoformat()
    said = {"order_no": order_no, "agreement_no": agreement_no, "amount": amount, "currency": "CNY"}
    return {**said, "initiated_by": "lender", "expires_at": expires_at, **more}


def pain_008(message_id: str, entries: list[tuple[str, str, str]], *, on: str = "2026-03-17", **more: str) -> str:
    """A pain.008 of (EndToEndId, MndtId, amount); the account is that of `Lender.agree`."""
    total = sum(float(amount) for _, _, amount in entries)
    said = {"count": str(len(entries)), "sum": f"{total:.2f}", "currency": "CNY", **more}
    transactions = "".join(
        f"<DrctDbtTxInf><PmtId><EndToEndId>{order_no}</EndToEndId></PmtId>"
        f'<InstdAmt Ccy="{said["currency"]}">{amount}</InstdAmt>'
        f"<DrctDbtTx><MndtRltdInf><MndtId>{agreement_no}</MndtId></MndtRltdInf></DrctDbtTx>"
        f"<DbtrAgt><FinInstnId><BIC>FIOBCZPPXXX</BIC></FinInstnId></DbtrAgt><Dbtr><Nm>B-1</Nm></Dbtr>"
        f"<DbtrAcct><Id><Othr><Id>acc-{agreement_no}</Id></Othr></Id></DbtrAcct></DrctDbtTxInf>"
        for order_no, agreement_no, amount in entries
    )
    return (
        f'<?xml version="1.0" encoding="UTF-8"?><Document xmlns="{PAIN}"><CstmrDrctDbtInitn><GrpHdr>'
        f"<MsgId>{message_id}</MsgId><CreDtTm>{MORNING}</CreDtTm><NbOfTxs>{said['count']}</NbOfTxs>"
        f"<CtrlSum>{said['sum']}</CtrlSum><InitgPty><Nm>Lender</Nm></InitgPty></GrpHdr>"
        f"<PmtInf><PmtInfId>{message_id}-1</PmtInfId><PmtMtd>DD</PmtMtd><ReqdColltnDt>{on}</ReqdColltnDt>"
        f"{transactions}</PmtInf></CstmrDrctDbtInitn></Document>"
    )


def until(what: Callable[[], Any], *, patience: float = 15.0) -> Any:
    """What something says as soon as it says anything that counts."""
    deadline = time.monotonic() + patience
    while not (found := what()):
        assert time.monotonic() < deadline, "waited too long"
        time.sleep(0.02)
    return found


def _read(content_type: str, body: bytes) -> Any:
    return json.loads(body) if content_type == "application/json" else body
