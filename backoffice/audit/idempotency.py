"""Answering a repeated request without doing it again.

The claim on a key is a lock held by the transaction that does the work, and the answer is a row of that same
transaction. So work and answer stand or fall together: a process that dies in flight leaves neither, its lock is
gone with its connection, and the next try runs as if it were the first. No expiry has to be guessed.
"""

import hashlib
import json
from collections.abc import Callable
from typing import Any, ClassVar

from django.core.serializers.json import DjangoJSONEncoder
from django.db import connection, transaction
from django.utils.translation import gettext as _

from backoffice.audit.models import IdempotencyKey
from backoffice.core.errors import Refusal

Answer = tuple[int, Any]

LONGEST_KEY = 200


class RequestInFlight(Refusal):
    """The same key is being worked on right now."""

    code: ClassVar[str] = "audit.request_in_flight"
    status: ClassVar[int] = 409


class PayloadDiffers(Refusal):
    """The key was used before, with another payload."""

    code: ClassVar[str] = "audit.idempotency_key_reused"


class BadKey(Refusal):
    """The key is empty or too long."""

    code: ClassVar[str] = "audit.idempotency_key_invalid"
    status: ClassVar[int] = 400


def run(*, scope: str, key: str, payload: Any, action: Callable[[], Answer]) -> Answer:
    """Runs `action` once for a key and gives its `(status, body)`; a repeat gets the stored answer.

    `scope` keeps keys of different callers and verbs apart, e.g. "user:7 POST /api/v1/repayment/payments/". `payload`
    is anything JSON can hold; its hash ignores the order of names. What `action` returns is stored; what it raises
    rolls its work back and leaves the key free, so a refused request may be corrected and sent again.
    Raises RequestInFlight (409), PayloadDiffers (422), BadKey (400).
    """
    if not key.strip() or len(key) > LONGEST_KEY:
        raise BadKey(
            _("The idempotency key must have 1 to %(longest)d characters.") % {"longest": LONGEST_KEY},
            next_step=_("Send a fresh random key, such as a UUID, in the header Idempotency-Key."),
        )
    fingerprint = hash_of(payload)
    with transaction.atomic():
        if not _lock(scope=scope, key=key):
            raise RequestInFlight(
                _("A request with this idempotency key is being worked on."),
                next_step=_("Wait a moment and send the same request again; it will get the answer of the first."),
            )
        stored = IdempotencyKey.objects.filter(scope=scope, key=key).first()
        if stored is not None:
            if bytes(stored.payload_hash) != fingerprint:
                raise PayloadDiffers(
                    _("This idempotency key was used before with another request."),
                    next_step=_("Use a new key for a new request; repeat a request with exactly the same content."),
                )
            return stored.status, stored.body
        status, body = action()
        plain = json.loads(json.dumps(body, cls=DjangoJSONEncoder))
        IdempotencyKey.objects.create(scope=scope, key=key, payload_hash=fingerprint, status=status, body=plain)
    return status, plain


def hash_of(payload: Any) -> bytes:
    """SHA-256 of the payload as canonical JSON (32 bytes)."""
    canonical = json.dumps(
        payload,
        cls=DjangoJSONEncoder,
        sort_keys=True,
        separators=(",", ":"),
        ensure_ascii=False,
    )
    return hashlib.sha256(canonical.encode()).digest()


def _lock(*, scope: str, key: str) -> bool:
    """Takes the key for this transaction; False when another transaction holds it."""
    number = hashlib.blake2b(f"{scope}\x00{key}".encode(), digest_size=8, person=b"idempotency")
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_try_advisory_xact_lock(%s)",
            [int.from_bytes(number.digest(), "big", signed=True)],
        )
        (taken,) = cursor.fetchone()
    return bool(taken)
