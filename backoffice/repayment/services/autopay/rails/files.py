"""The file rail of docs/rails.md: put a file, see what the bank has written, fetch one. Never raises for its doings."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final
from urllib.parse import quote

from backoffice.calendars import clock
from backoffice.core import signatures, signed_http
from backoffice.core.signed_http import Address, NoAnswer, NotConnected, word

LARGEST: Final = 64 * 1024 * 1024
LARGEST_LIST: Final = 4 * 1024 * 1024
"""Bytes of a page of the bank's list; one of 1,000 files has about 200 KiB."""


class PutOutcome(StrEnum):
    """What came of putting a file: the bank has it, will never take it, did not take it now, or may have it.

    After the last two the same file is put again.
    """

    TAKEN = "taken"
    REFUSED = "refused"
    NOT_TAKEN = "not_taken"
    UNCLEAR = "unclear"


@dataclass(frozen=True, slots=True)
class Put:
    """The outcome, with what the bank said about a refusal."""

    outcome: PutOutcome
    said: str = ""


@dataclass(frozen=True, slots=True)
class Listed:
    """A file the bank has for us."""

    name: str
    kind: str
    digest: str


@dataclass(frozen=True, slots=True)
class Page:
    """A part of the bank's list, the oldest first; `has_more`: more was written after the last of it."""

    files: tuple[Listed, ...]
    has_more: bool


def put_file(*, name: str, content: bytes, address: Address) -> Put:
    """Puts a file under its name; the same again is answered alike, so that putting it again does no harm."""
    try:
        reply = signed_http.call(
            "PUT", f"/files/{name}", address=address, now=_now(), body=content, content_type="application/xml"
        )
        said = signed_http.document(reply)
    except NotConnected as error:
        return Put(PutOutcome.NOT_TAKEN, str(error))
    except NoAnswer as error:
        return Put(PutOutcome.UNCLEAR, str(error))
    if reply.status in {200, 202}:
        return Put(PutOutcome.TAKEN)
    if reply.status in {400, 409, 413}:
        return Put(PutOutcome.REFUSED, f"{word(said, 'code')} {word(said, 'error')}".strip() or str(reply.status))
    certainly_not = reply.status in {401, 429}
    return Put(PutOutcome.NOT_TAKEN if certainly_not else PutOutcome.UNCLEAR, f"status {reply.status}")


def list_files(*, address: Address, after: str = "") -> Page | None:
    """What the bank has written after the file of that name, all of it without one; None when it does not say."""
    path = f"/files/?after={quote(after, safe='')}" if after else "/files/"
    try:
        reply = signed_http.call("GET", path, address=address, now=_now(), largest=LARGEST_LIST)
        said = signed_http.document(reply)
    except (NotConnected, NoAnswer):
        return None
    files = said.get("files")
    if reply.status != 200 or not isinstance(files, list):
        return None
    listed = (
        Listed(word(one, "name"), word(one, "kind"), word(one, "digest")) for one in files if isinstance(one, dict)
    )
    return Page(files=tuple(listed), has_more=said.get("has_more") is True)


def fetch_file(*, name: str, address: Address) -> bytes | None:
    """A file as it is; None while it cannot be fetched or is not signed by the bank."""
    try:
        reply = signed_http.call("GET", f"/files/{quote(name, safe='')}", address=address, now=_now(), largest=LARGEST)
        signatures.check(
            secret=address.secret,
            timestamp=reply.headers.get(signatures.TIMESTAMP_HEADER.lower(), ""),
            signature=reply.headers.get(signatures.SIGNATURE_HEADER.lower(), ""),
            body=reply.body,
            now=_now(),
        )
    except (NotConnected, NoAnswer, signatures.Forged, signatures.Stale):
        return None
    return reply.body if reply.status == 200 else None


def _now() -> int:
    """The wire has the present hour, whatever moment the rules were asked about."""
    return int(clock.now().timestamp())
