"""How the sandbox's gateways behave: shares of what goes wrong, decided by seed and message id, never by the moment.

The same seed and the same ids give the same day, in whatever order the messages come. `POST /script` changes it.
"""

import hashlib
import json
import threading
from dataclasses import asdict, dataclass, field, fields, replace

from backoffice.sandbox.catalogue import Answer, Call

OK, BAD_REQUEST = 200, 400


@dataclass(frozen=True, slots=True, kw_only=True)
class Behaviour:
    """Shares from 0 to 1 of messages something happens to, and how long things take, in seconds.

    `refuse`: the address does not exist. `busy`: told to come back later, the first time. `broken`: a server error,
    nothing accepted. `drop_before`, `drop_after`: the connection is cut, before or after the message was accepted.
    `no_receipt`: delivered, and nobody is told. `again`: receipts sent twice. `late`: receipts that take `late_seconds`
    more. `bounce`, `fail`: accepted and not delivered. `read`, `reply`: what the borrower does; replies are drawn from
    `replies`. `is_forgetful`: a message handed over twice is delivered twice, so that a double shows.
    """

    latency: float = 0.03
    refuse: float = 0.0
    busy: float = 0.0
    broken: float = 0.0
    drop_before: float = 0.0
    drop_after: float = 0.0
    no_receipt: float = 0.0
    again: float = 0.0
    late: float = 0.0
    late_seconds: float = 20.0
    delivery_seconds: float = 1.0
    bounce: float = 0.0
    fail: float = 0.0
    read: float = 0.0
    reply: float = 0.0
    replies: tuple[str, ...] = ("OK", "STOP.", "I paid yesterday", "退订", "好的", "Who is this?")
    is_forgetful: bool = False


LIFELIKE = Behaviour(
    latency=0.05,
    refuse=0.01,
    busy=0.01,
    broken=0.005,
    drop_before=0.005,
    drop_after=0.01,
    no_receipt=0.02,
    again=0.03,
    late=0.05,
    delivery_seconds=2.0,
    bounce=0.01,
    fail=0.01,
    read=0.35,
    reply=0.03,
)


class BadScript(ValueError):
    """The script names something nobody plays, or a share outside 0 to 1."""


@dataclass(slots=True)
class Script:
    """The behaviour of each gateway; `usual` for those nobody spoke of."""

    seed: int = 1
    usual: Behaviour = field(default_factory=Behaviour)
    own: dict[str, Behaviour] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def of(self, gateway: str) -> Behaviour:
        """How a gateway behaves now."""
        return self.own.get(gateway, self.usual)

    def change(self, *, gateway: str, changes: dict[str, object]) -> None:
        """Sets some of the behaviour of one gateway, or of all (`*`). Raises BadScript."""
        changes = {name: _checked(name, value) for name, value in changes.items()}
        with self._lock:
            if gateway == "*":
                self.usual = replace(self.usual, **changes)  # type: ignore[arg-type]
                self.own = {name: replace(one, **changes) for name, one in self.own.items()}  # type: ignore[arg-type]
            else:
                self.own[gateway] = replace(self.of(gateway), **changes)  # type: ignore[arg-type]

    def happens(self, *, what: str, message_id: str, share: float) -> bool:
        """Whether something happens to a message; each thing is drawn apart from the others."""
        return self.draw(what=what, message_id=message_id) < share

    def draw(self, *, what: str, message_id: str) -> float:
        """A number from 0 to 1 that belongs to the message and the thing."""
        return draw(seed=self.seed, what=what, key=message_id)

    def answer(self, call: Call) -> Answer:
        """The page: GET shows the script, POST `{"gateway": "sms", "drop_after": 0.5}` changes it."""
        if call.method == "POST":
            try:
                asked = json.loads(call.body or b"{}")
                if not isinstance(asked, dict):
                    raise BadScript("the body is not an object")
                self.seed = int(asked.pop("seed", self.seed))
                self.change(gateway=str(asked.pop("gateway", "*")), changes=asked)
            except (ValueError, TypeError) as error:
                return Answer(status=BAD_REQUEST, document={"error": str(error)})
        shown = {name: asdict(behaviour) for name, behaviour in self.own.items()}
        return Answer(status=OK, document={"seed": self.seed, "*": asdict(self.usual), **shown})


def draw(*, seed: int, what: str, key: str) -> float:
    """A number from 0 to 1 that belongs to a key, such as a message's, and to what may happen to it."""
    digest = hashlib.sha256(f"{seed}|{what}|{key}".encode()).digest()
    return int.from_bytes(digest[:8], "big") / 2**64


def _checked(name: str, value: object) -> object:
    known = {one.name for one in fields(Behaviour)}
    if name not in known:
        msg = f"there is no {name!r} in a script"
        raise BadScript(msg)
    if name == "replies":
        if not isinstance(value, list | tuple) or not value or not all(isinstance(one, str) for one in value):
            raise BadScript("replies is a list of texts")
        return tuple(value)
    if name == "is_forgetful":
        return bool(value)
    if not isinstance(value, int | float) or value < 0:
        msg = f"{name} is a number from 0"
        raise BadScript(msg)
    if value > 1 and name not in {"latency", "late_seconds", "delivery_seconds"}:
        msg = f"{name} is a share from 0 to 1"
        raise BadScript(msg)
    return float(value)
