"""The signed HTTP contract with gateways (docs/gateways.md): hand a message over, ask what became of it.

A connection that does not come about has sent nothing. Once it stands, anything but a readable answer is unclear.
"""

import http.client
import json
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlsplit

from backoffice.calendars import clock
from backoffice.outreach.domain.handover import Answer, Outcome, Outgoing, Standing
from backoffice.outreach.domain.receipts import Event
from backoffice.outreach.domain.signatures import SIGNATURE_HEADER, TIMESTAMP_HEADER, signature_of

CONNECT_SECONDS: Final = 3.0
ANSWER_SECONDS: Final = 10.0
LARGEST_ANSWER: Final = 64 * 1024
LONGEST_WAIT: Final = 3_600


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """Where a gateway is and the secret shared with it."""

    url: str
    secret: str


class NotConnected(Exception):
    """No connection to the gateway came about: nothing was sent."""


class NoAnswer(Exception):
    """The connection broke, or what came is no answer: the gateway may have acted on the call or not."""


def hand_over(*, message: Outgoing, address: Address) -> Answer:
    """One attempt; never raises for what a gateway does."""
    body = json.dumps(
        {
            "message_id": message.wire_id,
            "channel": message.channel,
            "purpose": message.purpose,
            "language": message.language,
            "to": message.to,
            "subject": message.subject,
            "body": message.body,
            "expires_at": message.expires_at,
        },
        ensure_ascii=False,
    ).encode()
    try:
        status, answer, retry_after = _call("POST", "/messages", body=body, address=address)
    except NotConnected as error:
        return Answer(outcome=Outcome.NEVER_LEFT, code="no_connection", detail=str(error))
    except NoAnswer as error:
        return Answer(outcome=Outcome.UNCLEAR, code="no_answer", detail=str(error))
    return _read(status, answer, retry_after)


def ask(*, wire_id: str, address: Address) -> Standing:
    """What the gateway knows of a message; never raises for what a gateway does."""
    try:
        status, answer, _retry = _call("GET", f"/messages/{wire_id}", body=b"", address=address)
    except (NotConnected, NoAnswer):
        return Standing(is_clear=False)
    if status == 404 and answer.get("known") is False:
        return Standing(is_clear=True)
    if status != 200 or answer.get("message_id") != wire_id:
        return Standing(is_clear=False)
    try:
        event = Event(str(answer.get("state", "")))
    except ValueError:
        return Standing(is_clear=False)
    return Standing(is_clear=True, event=event, code=_word(answer, "code"), reference=_word(answer, "reference"))


def _read(status: int, answer: dict[str, Any], retry_after: int) -> Answer:
    code = _word(answer, "code")
    detail = _word(answer, "error")[:300]
    if status in {200, 201, 202}:
        reference = _word(answer, "reference")
        if not reference:
            return Answer(outcome=Outcome.UNCLEAR, code="no_reference", detail=f"status {status} without a reference")
        return Answer(outcome=Outcome.ACCEPTED, reference=reference)
    if status == 429:
        return Answer(outcome=Outcome.NOT_NOW, code=code or "too_many", detail=detail, retry_after=retry_after)
    if status in {401, 403}:
        # Our own fault, not the message's: it waits until the secret is put right.
        return Answer(outcome=Outcome.NOT_NOW, code="not_admitted", detail=detail or f"status {status}", retry_after=60)
    if 400 <= status < 500 and code:
        return Answer(outcome=Outcome.REFUSED, code=code, detail=detail)
    return Answer(outcome=Outcome.UNCLEAR, code=f"status_{status}", detail=detail)


def _call(method: str, path: str, *, body: bytes, address: Address) -> tuple[int, dict[str, Any], int]:
    """(status, answer, seconds to wait). Raises NotConnected, NoAnswer."""
    parts = urlsplit(address.url)
    make = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
    connection = make(parts.hostname or "", parts.port, timeout=CONNECT_SECONDS)
    # The wire has the present hour, whatever moment the rules were asked about.
    now = int(clock.now().timestamp())
    headers = {
        "Content-Type": "application/json",
        TIMESTAMP_HEADER: str(now),
        SIGNATURE_HEADER: signature_of(secret=address.secret, timestamp=now, body=body),
    }
    try:
        try:
            connection.connect()
        except OSError as error:
            raise NotConnected(type(error).__name__) from error
        try:
            connection.sock.settimeout(ANSWER_SECONDS)
            connection.request(method, f"{parts.path.rstrip('/')}{path}", body=body or None, headers=headers)
            response = connection.getresponse()
            answer = json.loads(response.read(LARGEST_ANSWER) or b"{}")
        except (OSError, http.client.HTTPException, ValueError) as error:
            raise NoAnswer(type(error).__name__) from error
    finally:
        connection.close()
    return response.status, answer if isinstance(answer, dict) else {}, _seconds(response.getheader("Retry-After", ""))


def _seconds(text: str | None) -> int:
    return min(int(text), LONGEST_WAIT) if text and text.isascii() and text.isdigit() else 0


def _word(answer: dict[str, Any], name: str) -> str:
    value = answer.get(name, "")
    return value[:100] if isinstance(value, str) and value.isprintable() else ""
