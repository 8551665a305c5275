"""What the sandbox's gateways took, message by message, kept in a file so that a killed sandbox still knows.

A message is written down before anybody is told that it was taken. What became of it since follows from the script
and the time: nothing else needs to be kept.
"""

import json
import threading
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO

from backoffice.sandbox.script import Script


@dataclass(frozen=True, slots=True, kw_only=True)
class Accepted:
    """One message a gateway took. `to` and `body` are what the borrower's phone would show."""

    gateway: str
    message_id: str
    reference: str
    to: str
    body: str
    at: float


class Ledger:
    """All messages taken; `deliveries` has one entry for each time a phone would have rung."""

    def __init__(self, *, file: Path | None = None) -> None:
        self._lock = threading.Lock()
        self._accepted: dict[tuple[str, str], Accepted] = {}
        self.deliveries: list[Accepted] = []
        self.repeats: list[str] = []
        self._troubled: set[tuple[str, str]] = set()
        self._journal: IO[str] | None = None
        if file is not None:
            self._read(file)
            self._journal = file.open("a", encoding="utf-8")

    def take(self, *, gateway: str, message_id: str, to: str, body: str, is_forgetful: bool) -> Accepted:
        """Takes a message, once by its id; one that is forgetful delivers a repeated one again."""
        with self._lock:
            known = self._accepted.get((gateway, message_id))
            if known is not None:
                self.repeats.append(message_id)
                if is_forgetful:
                    self._keep(known)
                return known
            accepted = Accepted(
                gateway=gateway,
                message_id=message_id,
                reference=f"{gateway}-{message_id[:13]}",
                to=to,
                body=body,
                at=time.time(),
            )
            self._keep(accepted)
            return accepted

    def find(self, *, gateway: str, message_id: str) -> Accepted | None:
        """A message that was taken."""
        with self._lock:
            return self._accepted.get((gateway, message_id))

    def first_trouble(self, *, gateway: str, message_id: str) -> bool:
        """Whether a message meets trouble for the first time; from then on it does not."""
        with self._lock:
            is_first = (gateway, message_id) not in self._troubled
            self._troubled.add((gateway, message_id))
            return is_first

    def all(self, *, gateway: str) -> list[Accepted]:
        """Every delivery of a gateway, the oldest first."""
        with self._lock:
            return [one for one in self.deliveries if one.gateway == gateway]

    def _keep(self, accepted: Accepted) -> None:
        if self._journal is not None:
            self._journal.write(json.dumps(asdict(accepted), ensure_ascii=False) + "\n")
            self._journal.flush()
        self._accepted.setdefault((accepted.gateway, accepted.message_id), accepted)
        self.deliveries.append(accepted)

    def _read(self, file: Path) -> None:
        if not file.exists():
            return
        text = file.read_text(encoding="utf-8")
        for accepted in _whole_lines(text):
            self._accepted.setdefault((accepted.gateway, accepted.message_id), accepted)
            self.deliveries.append(accepted)
        if text and not text.endswith("\n"):
            # The line the process died in: nobody was told that this message was taken.
            file.write_text(text[: text.rfind("\n") + 1], encoding="utf-8")


@dataclass(frozen=True, slots=True)
class Step:
    """Something that happens to a message: the event, seconds after it was taken, a code, the text of a reply."""

    event: str
    after: float
    code: str = ""
    text: str = ""


def story_of(accepted: Accepted, *, script: Script) -> list[Step]:
    """What happens to a message, in order, as the script decides it."""
    behaviour, message_id = script.of(accepted.gateway), accepted.message_id

    def happens(what: str, share: float) -> bool:
        return script.happens(what=what, message_id=message_id, share=share)

    after = behaviour.delivery_seconds * (0.5 + script.draw(what="pace", message_id=message_id))
    if happens("bounce", behaviour.bounce):
        return [Step("bounced", after, code="unknown_mailbox" if accepted.gateway == "email" else "invalid_number")]
    if happens("fail", behaviour.fail):
        return [Step("failed", after, code="phone_off")]
    steps = [Step("delivered", after)]
    if happens("read", behaviour.read):
        steps.append(Step("read", after * 2))
    if happens("reply", behaviour.reply):
        replies = behaviour.replies
        text = replies[int(script.draw(what="words", message_id=message_id) * len(replies))]
        steps.append(Step("replied", after * 3, text=text))
    return steps


def standing_of(accepted: Accepted, *, script: Script, at: float) -> Step:
    """What became of a message so far."""
    so_far = [step for step in story_of(accepted, script=script) if accepted.at + step.after <= at]
    return so_far[-1] if so_far else Step("accepted", 0.0)


def _whole_lines(text: str) -> Iterator[Accepted]:
    for line in text.split("\n")[:-1]:
        yield Accepted(**json.loads(line))
