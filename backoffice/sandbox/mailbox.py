"""A mail server on the loopback interface: enough of SMTP (RFC 5321) to take one message at a time, or to refuse it."""

import contextlib
import socketserver
from email import message_from_bytes, policy
from typing import cast

from backoffice.sandbox.messaging import World

GATEWAY = "email"
LARGEST_MAIL = 1024 * 1024
LONGEST_LINE = 4096


class Conversation(socketserver.StreamRequestHandler):
    """One connection."""

    timeout = 30

    def handle(self) -> None:
        """Speaks until the other side says goodbye or the script cuts the wire."""
        self.recipient = ""
        with contextlib.suppress(OSError):
            self._say("220 sandbox ready")
            while line := self.rfile.readline(LONGEST_LINE):
                if not self._obey(line.decode(errors="replace").strip()):
                    return

    def _obey(self, line: str) -> bool:
        """Does what one command says; False ends the conversation."""
        verb = line[:4].upper()
        if verb in {"EHLO", "HELO"}:
            self._say("250 sandbox")
        elif verb == "MAIL":
            self._say("250 go on")
        elif verb == "RCPT":
            self._recipient(line)
        elif verb == "DATA":
            return self._data()
        elif verb in {"RSET", "NOOP"}:
            self._say("250 fine")
        elif verb == "QUIT":
            self._say("221 bye")
            return False
        else:
            self._say("502 not played here")
        return True

    def _recipient(self, line: str) -> None:
        address = line.partition("<")[2].partition(">")[0]
        world = self._world
        refused = world.script.happens(what="refuse", message_id=address, share=world.script.of(GATEWAY).refuse)
        if refused or address.startswith("nobody@"):
            self._say("550 no such mailbox")
            return
        self.recipient = address
        self._say("250 go on")

    def _data(self) -> bool:
        self._say("354 end with a full stop")
        lines: list[bytes] = []
        size = 0
        while (line := self.rfile.readline(LONGEST_LINE)) not in {b".\r\n", b".\n"}:
            if not line:
                return False
            size += len(line)
            lines.append(line.removeprefix(b".") if line.startswith(b"..") else line)
            if size > LARGEST_MAIL:
                self._say("552 too large")
                return False
        mail = message_from_bytes(b"".join(lines), policy=policy.default)
        message_id = str(mail["X-Message-Id"] or mail["Message-ID"] or "")
        world, behaviour = self._world, self._world.script.of(GATEWAY)
        is_cut = world.script.happens(what="drop_before", message_id=message_id, share=behaviour.drop_before)
        if is_cut and world.ledger.first_trouble(gateway=GATEWAY, message_id=message_id):
            return False
        body = mail.get_body(preferencelist=("plain",))
        text = str(body.get_content()) if body is not None else ""
        world.accept(
            gateway=GATEWAY,
            message_id=message_id,
            to=self.recipient,
            body=f"{mail['Subject']}\n\n{text}",
            is_reported=bool(mail["X-Message-Id"]),
        )
        if world.script.happens(what="drop_after", message_id=message_id, share=behaviour.drop_after):
            return False
        self._say("250 taken")
        return True

    @property
    def _world(self) -> World:
        return cast("MailServer", self.server).world

    def _say(self, text: str) -> None:
        self.wfile.write(f"{text}\r\n".encode())


class MailServer(socketserver.ThreadingTCPServer):
    """Listens on the loopback interface."""

    allow_reuse_address = True
    daemon_threads = True

    def __init__(self, *, port: int, world: World) -> None:
        self.world = world
        super().__init__(("127.0.0.1", port), Conversation)
