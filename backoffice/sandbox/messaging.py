"""The gateways for SMS, voice bot, push and e-mail: the signed HTTP contract of docs/gateways.md, seen from outside."""

import json
import time
from dataclasses import asdict, dataclass

from backoffice.sandbox.catalogue import Answer, Call, Partner
from backoffice.sandbox.ledger import Accepted, Ledger, standing_of
from backoffice.sandbox.receipts import Courier
from backoffice.sandbox.script import Script
from backoffice.sandbox.signing import is_signed

GATEWAYS = {
    "sms": "text messages",
    "bot": "calls by a machine",
    "push": "notifications of the app",
    "email": "e-mail: SMTP takes it, this answers what became of it",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """What the gateways share: the script, the ledger, the courier of receipts, the secret."""

    script: Script
    ledger: Ledger
    courier: Courier
    secret: str

    def accept(self, *, gateway: str, message_id: str, to: str, body: str, is_reported: bool = True) -> Accepted:
        """Takes a message, and puts its receipts on their way the first time, unless nobody asked for any."""
        is_new = self.ledger.find(gateway=gateway, message_id=message_id) is None
        forgetful = self.script.of(gateway).is_forgetful
        accepted = self.ledger.take(gateway=gateway, message_id=message_id, to=to, body=body, is_forgetful=forgetful)
        if is_new and is_reported:
            self.courier.tell_of(accepted)
        return accepted

    def deliveries(self, call: Call) -> Answer:
        """The page: everything that reached a phone or a mailbox by gateway, and what was handed over twice."""
        found = {name: [asdict(one) for one in self.ledger.all(gateway=name)] for name in GATEWAYS}
        return Answer(status=200, document={"deliveries": found, "repeats": self.ledger.repeats})


def partners(world: World) -> tuple[Partner, ...]:
    """The gateways under /gateways/."""
    return tuple(
        Partner(prefix=f"/gateways/{name}", description=description, answer=HttpGateway(name, world).answer)
        for name, description in GATEWAYS.items()
    )


@dataclass(frozen=True, slots=True)
class HttpGateway:
    """One gateway: POST /messages takes one, GET /messages/<id> says what became of it."""

    name: str
    world: World

    def answer(self, call: Call) -> Answer:
        """Checks the signature, then takes or tells."""
        if not is_signed(secret=self.world.secret, headers=dict(call.headers), body=call.body):
            return _refusal(401, "bad_signature", "the call is not signed with the shared secret")
        rest = call.path.removeprefix(f"/gateways/{self.name}")
        if call.method == "POST" and rest == "/messages":
            return self._take(call)
        if call.method == "GET" and rest.startswith("/messages/"):
            return self._tell(rest.removeprefix("/messages/"))
        return _refusal(404, "no_such_call", "POST /messages or GET /messages/<id>")

    def _take(self, call: Call) -> Answer:
        try:
            asked = json.loads(call.body)
            message_id, to, body = str(asked["message_id"]), str(asked["to"]), str(asked["body"])
        except (ValueError, KeyError, TypeError):
            return _refusal(400, "not_readable", "message_id, to and body are needed")
        behaviour = self.world.script.of(self.name)
        if self.world.ledger.find(gateway=self.name, message_id=message_id) is None:
            trouble = self._trouble(message_id, to)
            if trouble is not None:
                return trouble
        accepted = self.world.accept(gateway=self.name, message_id=message_id, to=to, body=body)
        return Answer(
            status=202,
            document={"message_id": message_id, "reference": accepted.reference},
            seconds=behaviour.latency * 2 * self.world.script.draw(what="latency", message_id=message_id),
            is_dropped=self._happens("drop_after", message_id, behaviour.drop_after),
        )

    def _trouble(self, message_id: str, to: str) -> Answer | None:
        """Why a message is not taken, if it is not."""
        behaviour = self.world.script.of(self.name)
        if to.endswith("00000") or self._happens("refuse", message_id, behaviour.refuse):
            return _refusal(422, "invalid_number", "nobody has this number")
        if self._happens("drop_before", message_id, behaviour.drop_before) and self._is_first(message_id):
            return Answer(status=500, document={}, is_dropped=True)
        if self._happens("broken", message_id, behaviour.broken) and self._is_first(message_id):
            return Answer(status=500, document={"error": "a server is down"})
        if self._happens("busy", message_id, behaviour.busy) and self._is_first(message_id):
            return Answer(status=429, document={"code": "too_many", "error": "slow down"}, headers={"Retry-After": "1"})
        return None

    def _tell(self, message_id: str) -> Answer:
        accepted = self.world.ledger.find(gateway=self.name, message_id=message_id)
        if accepted is None:
            return Answer(status=404, document={"message_id": message_id, "known": False})
        step = standing_of(accepted, script=self.world.script, at=time.time())
        return Answer(
            status=200,
            document={
                "message_id": message_id,
                "known": True,
                "state": step.event,
                "code": step.code,
                "reference": accepted.reference,
            },
        )

    def _happens(self, what: str, message_id: str, share: float) -> bool:
        return self.world.script.happens(what=what, message_id=message_id, share=share)

    def _is_first(self, message_id: str) -> bool:
        """Whether this is the first time the message meets trouble: the second time it gets through."""
        return self.world.ledger.first_trouble(gateway=self.name, message_id=message_id)


def _refusal(status: int, code: str, error: str) -> Answer:
    return Answer(status=status, document={"code": code, "error": error})
