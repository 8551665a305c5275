"""The gateways' side of the signature both ends agreed on (docs/gateways.md)."""

import hashlib
import hmac
import time

TIMESTAMP = "X-Gateway-Timestamp"
SIGNATURE = "X-Gateway-Signature"
WINDOW_SECONDS = 300


def signed_headers(*, secret: str, body: bytes, at: float | None = None) -> dict[str, str]:
    """The two headers of a call that leaves now."""
    timestamp = str(int(time.time() if at is None else at))
    return {TIMESTAMP: timestamp, SIGNATURE: _signature(secret, timestamp, body)}


def is_signed(*, secret: str, headers: dict[str, str], body: bytes) -> bool:
    """Whether a call was signed with the secret within the last minutes; header names in lower case."""
    timestamp = headers.get(TIMESTAMP.lower(), "")
    if not timestamp.isdigit() or abs(time.time() - int(timestamp)) > WINDOW_SECONDS:
        return False
    return hmac.compare_digest(headers.get(SIGNATURE.lower(), ""), _signature(secret, timestamp, body))


def _signature(secret: str, timestamp: str, body: bytes) -> str:
    return "v1=" + hmac.new(secret.encode(), f"{timestamp}.".encode() + body, hashlib.sha256).hexdigest()
