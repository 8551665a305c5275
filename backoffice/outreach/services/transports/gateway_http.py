"""The signed HTTP contract with gateways (docs/gateways.md): hand a message over, ask what became of it."""

import json
from typing import Any

from backoffice.calendars import clock
from backoffice.core.signed_http import Address, NoAnswer, NotConnected, call, document, word
from backoffice.outreach.domain.handover import Answer, Outcome, Outgoing, Standing
from backoffice.outreach.domain.receipts import Event


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
    return Standing(is_clear=True, event=event, code=word(answer, "code"), reference=word(answer, "reference"))


def _read(status: int, answer: dict[str, Any], retry_after: int) -> Answer:
    code = word(answer, "code")
    detail = word(answer, "error")[:300]
    if status in {200, 201, 202}:
        reference = word(answer, "reference")
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
    # The wire has the present hour, whatever moment the rules were asked about.
    reply = call(method, path, body=body, address=address, now=int(clock.now().timestamp()))
    return reply.status, document(reply), reply.retry_after
