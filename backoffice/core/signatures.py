"""The signature on every call between the product and a gateway or rail, both ways: docs/gateways.md, docs/rails.md.

`X-Gateway-Signature: v1=<hex>` is HMAC-SHA256 over the timestamp's digits, a full stop and the body, byte by byte.
The timestamp (seconds since 1970, `X-Gateway-Timestamp`) may be five minutes away from the reader's clock at most.
"""

import hashlib
import hmac
from typing import Final

TIMESTAMP_HEADER: Final = "X-Gateway-Timestamp"
SIGNATURE_HEADER: Final = "X-Gateway-Signature"
VERSION: Final = "v1="
WINDOW_SECONDS: Final = 300
SHORTEST_SECRET: Final = 32


class Forged(ValueError):
    """The signature is missing, malformed, or not that of the body and time under the shared secret."""


class Stale(ValueError):
    """The signature is good and too old, or from the future: a recorded call played again."""


def signature_of(*, secret: str, timestamp: int, body: bytes) -> str:
    """The header's value for a body sent at a time."""
    signed = hmac.new(secret.encode(), f"{timestamp}.".encode() + body, hashlib.sha256)
    return VERSION + signed.hexdigest()


def check(*, secret: str, timestamp: str, signature: str, body: bytes, now: int) -> None:
    """Returns for a call that was signed now with the secret. Raises Forged, Stale.

    The signature is looked at first, so that a stranger learns nothing about the clock.
    """
    if not secret or not (timestamp.isascii() and timestamp.isdigit() and len(timestamp) <= 12):
        raise Forged
    expected = signature_of(secret=secret, timestamp=int(timestamp), body=body)
    if not hmac.compare_digest(expected.encode(), signature.encode(errors="replace")):
        raise Forged
    if abs(now - int(timestamp)) > WINDOW_SECONDS:
        raise Stale
