"""Personal data at rest: sealed with AES-256-GCM, found again through keyed digests (blind indexes).

A sealed value is bytes: version (1 byte), length of the key id (1 byte), key id, nonce (12 bytes), ciphertext with
its tag. The key id makes rotation possible; the context (a column's name) is authenticated with the value, so that
a ciphertext moved to another column does not open.
"""

import base64
import binascii
import hashlib
import hmac
import secrets
from dataclasses import dataclass, field
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

VERSION: Final = 1
KEY_BYTES: Final = 32
NONCE_BYTES: Final = 12
DIGEST_BYTES: Final = 16
HIDDEN: Final = "••••••"


class BadKeys(ValueError):
    """The list of keys cannot be used; the message says which entry and why, and never shows a key."""


class Unopenable(ValueError):
    """A sealed value is damaged, belongs to another column, or its key is not on the ring any more."""


@dataclass(frozen=True, slots=True)
class Sealed:
    """One encrypted value. It prints as dots: a template that shows it by accident shows nothing."""

    data: bytes = field(repr=False)

    def __str__(self) -> str:
        return HIDDEN

    def __bool__(self) -> bool:
        return bool(self.data)

    @property
    def key_id(self) -> str:
        """Id of the key it was sealed with. Raises Unopenable when the head is damaged."""
        return _split(self.data)[0]


@dataclass(frozen=True, slots=True)
class _Key:
    cipher: AESGCM
    index_secret: bytes


class KeyRing:
    """The keys of the house by id; the first one seals, all of them open."""

    def __init__(self, keys: dict[str, bytes]) -> None:
        if not keys:
            msg = "no field key is given"
            raise BadKeys(msg)
        self.active_id = next(iter(keys))
        self._keys = {
            key_id: _Key(
                cipher=AESGCM(_derive(key, purpose=b"seal")),
                index_secret=_derive(key, purpose=b"index"),
            )
            for key_id, key in keys.items()
        }

    @property
    def ids(self) -> tuple[str, ...]:
        """Ids of all keys on the ring, the active one first."""
        return tuple(self._keys)

    def seal(self, text: str, *, context: str) -> Sealed:
        """`text` sealed with the active key for one column (`context`)."""
        nonce = secrets.token_bytes(NONCE_BYTES)
        head = _head(self.active_id)
        body = self._keys[self.active_id].cipher.encrypt(nonce, text.encode(), head + context.encode())
        return Sealed(head + nonce + body)

    def open(self, sealed: Sealed, *, context: str) -> str:
        """The text that was sealed. Raises Unopenable for damage, another column's value, or a key that is gone."""
        key_id, nonce, body = _split(sealed.data)
        key = self._keys.get(key_id)
        if key is None:
            msg = f"key {key_id!r} is not on the ring"
            raise Unopenable(msg)
        try:
            return key.cipher.decrypt(nonce, body, _head(key_id) + context.encode()).decode()
        except (InvalidTag, ValueError) as error:
            msg = f"the value does not open as {context}"
            raise Unopenable(msg) from error

    def digest(self, text: str, *, kind: str) -> bytes:
        """The blind index of a normalised text under the active key (16 bytes)."""
        return self._digest(self.active_id, text, kind)

    def digests(self, text: str, *, kind: str) -> list[bytes]:
        """The blind indexes under every key of the ring: what a search asks for while keys are rotating."""
        return [self._digest(key_id, text, kind) for key_id in self._keys]

    def _digest(self, key_id: str, text: str, kind: str) -> bytes:
        message = kind.encode() + b"\x00" + text.encode()
        return hmac.digest(self._keys[key_id].index_secret, message, hashlib.sha256)[:DIGEST_BYTES]


def ring_of(text: str, /) -> KeyRing:
    """The ring written as "id:base64key,id:base64key", first one active. Raises BadKeys."""
    keys: dict[str, bytes] = {}
    for entry in filter(None, (part.strip() for part in text.split(","))):
        key_id, separator, encoded = entry.partition(":")
        if not separator or not key_id or len(key_id.encode()) > 255:
            msg = "a field key is written id:base64key"
            raise BadKeys(msg)
        if key_id in keys:
            msg = f"the key id {key_id!r} occurs twice"
            raise BadKeys(msg)
        try:
            key = base64.b64decode(encoded, validate=True)
        except (binascii.Error, ValueError) as error:
            msg = f"the key {key_id!r} is not base64"
            raise BadKeys(msg) from error
        if len(key) != KEY_BYTES:
            msg = f"the key {key_id!r} has {len(key)} bytes; {KEY_BYTES} are needed"
            raise BadKeys(msg)
        keys[key_id] = key
    return KeyRing(keys)


def _derive(key: bytes, *, purpose: bytes) -> bytes:
    """A key for one purpose, so that the sealing key and the index key are never the same bytes."""
    return HKDF(algorithm=SHA256(), length=KEY_BYTES, salt=None, info=b"backoffice/" + purpose).derive(key)


def _head(key_id: str) -> bytes:
    encoded = key_id.encode()
    return bytes([VERSION, len(encoded)]) + encoded


def _split(data: bytes) -> tuple[str, bytes, bytes]:
    """Key id, nonce, ciphertext. Raises Unopenable for anything that is not a sealed value."""
    if len(data) < 2 or data[0] != VERSION:
        msg = "this is not a sealed value"
        raise Unopenable(msg)
    end_of_id = 2 + data[1]
    end_of_nonce = end_of_id + NONCE_BYTES
    if len(data) <= end_of_nonce:
        msg = "the sealed value is cut short"
        raise Unopenable(msg)
    try:
        key_id = data[2:end_of_id].decode()
    except UnicodeDecodeError as error:
        msg = "the sealed value's key id is damaged"
        raise Unopenable(msg) from error
    return key_id, data[end_of_id:end_of_nonce], data[end_of_nonce:]
