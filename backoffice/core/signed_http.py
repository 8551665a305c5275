"""One signed call to a partner over HTTP: the wire that message gateways and debit rails share.

A connection that does not come about has sent nothing. Once it stands, anything but a readable answer is unclear.
"""

import http.client
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlsplit

from backoffice.core.signatures import SIGNATURE_HEADER, TIMESTAMP_HEADER, signature_of

CONNECT_SECONDS: Final = 3.0
ANSWER_SECONDS: Final = 10.0
LARGEST_ANSWER: Final = 64 * 1024
LONGEST_WAIT: Final = 3_600
LONGEST_WORD: Final = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """Where a partner is and the secret shared with it."""

    url: str
    secret: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """What came back, byte by byte; names of headers are in lower case. `retry_after` in seconds, 0: not said."""

    status: int
    body: bytes
    headers: Mapping[str, str]
    retry_after: int = 0


class NotConnected(Exception):
    """No connection came about: nothing was sent."""


class NoAnswer(Exception):
    """The connection broke, or what came is no answer: the partner may have acted on the call or not."""


def call(
    method: str,
    path: str,
    *,
    address: Address,
    now: int,
    body: bytes = b"",
    content_type: str = "application/json",
    largest: int = LARGEST_ANSWER,
) -> Reply:
    """One signed call at `now` (seconds since 1970). Raises NotConnected; NoAnswer, also for over `largest` bytes."""
    parts = urlsplit(address.url)
    make = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
    connection = make(parts.hostname or "", parts.port, timeout=CONNECT_SECONDS)
    headers = {
        "Content-Type": content_type,
        TIMESTAMP_HEADER: str(now),
        SIGNATURE_HEADER: signature_of(secret=address.secret, timestamp=now, body=body),
    }
    try:
        try:
            connection.connect()
        except (OSError, UnicodeError) as error:
            raise NotConnected(type(error).__name__) from error
        try:
            connection.sock.settimeout(ANSWER_SECONDS)
            connection.request(method, f"{parts.path.rstrip('/')}{path}", body=body or None, headers=headers)
            response = connection.getresponse()
            read = response.read(largest + 1)
        except (OSError, http.client.HTTPException, ValueError) as error:
            raise NoAnswer(type(error).__name__) from error
    finally:
        connection.close()
    if len(read) > largest:
        raise NoAnswer("too_long")
    return Reply(
        status=response.status,
        body=read,
        headers={name.lower(): value for name, value in response.getheaders()},
        retry_after=_seconds(response.getheader("Retry-After", "")),
    )


def document(reply: Reply) -> dict[str, Any]:
    """The JSON object a reply carries, empty for another kind of JSON. Raises NoAnswer for what is no JSON."""
    try:
        read = json.loads(reply.body or b"{}")
    except (ValueError, RecursionError) as error:
        raise NoAnswer(type(error).__name__) from error
    return read if isinstance(read, dict) else {}


def word(answer: Mapping[str, Any], name: str) -> str:
    """A text of a partner's answer, cut at 100 characters; empty for what is no plain text."""
    value = answer.get(name, "")
    return value[:LONGEST_WORD] if isinstance(value, str) and value.isprintable() else ""


def _seconds(text: str | None) -> int:
    return min(int(text), LONGEST_WAIT) if text and text.isascii() and text.isdigit() else 0
