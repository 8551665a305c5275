"""The ISO 20022 file rail: pain.008 in; pain.002, camt.054 and the statements of the night out (docs/rails.md)."""

import hashlib
import itertools
import re
import threading
from collections import defaultdict
from dataclasses import replace
from datetime import date, datetime, time
from zoneinfo import ZoneInfo

from backoffice.sandbox.bank import messages, pain
from backoffice.sandbox.bank.advices import Advice, advices_of
from backoffice.sandbox.bank.messages import Refused
from backoffice.sandbox.bank.records import (
    DEBIT,
    DECLINED,
    PROCESSING,
    RETURN,
    SUCCEEDED,
    Agreement,
    Incoming,
    Line,
    Order,
    Outgoing,
)
from backoffice.sandbox.bank.settlement import Reported
from backoffice.sandbox.bank.teller import ISO, Command, NumberTaken, Teller, WrongCurrency
from backoffice.sandbox.catalogue import Answer, Call
from backoffice.sandbox.signing import is_signed, signed_headers

RAIL, PREFIX = "iso20022", "/rails/iso20022"
OWNER = "COLLECTIONS"
PAGE = 1_000
"""Files of a page of the list."""
REPEATED, WRONG_CURRENCY = "AM05", "AM03"
_NAME = re.compile(r"[A-Za-z0-9._-]{1,100}")


class FileRail:
    """Answers the calls under /rails/iso20022. Files are executed, and news written, whenever `work` is called."""

    def __init__(self, *, teller: Teller, secret: str) -> None:
        self.teller, self._secret = teller, secret
        self._lock, self._working = threading.Lock(), threading.Lock()
        self._troubled: set[str] = set()
        self._advices: list[Advice] = []
        with teller.books.lock:
            for order in teller.books.orders.values():
                self._note(order, is_news=False)
            teller.watchers.append(self._note)

    def answer(self, call: Call) -> Answer:
        """Checks the signature, then takes, lists or hands out a file."""
        if not is_signed(secret=self._secret, headers=dict(call.headers), body=call.body):
            return _refusal(401, "11", "the call is not signed with the shared secret")
        rest = call.path.removeprefix(PREFIX)
        if call.method == "GET" and rest == "/files/":
            return self._list(after=call.query.get("after", ""))
        name = rest.removeprefix("/files/")
        if not rest.startswith("/files/") or not _NAME.fullmatch(name):
            return _refusal(404, "10", "PUT or GET /files/<name>, or GET /files/")
        if call.method == "PUT":
            return self._take(name, call.body)
        file = self.teller.books.outgoing.get((RAIL, name))
        if call.method != "GET" or file is None:
            return Answer(status=404, document={"name": name, "known": False})
        body = file.text.encode()
        signed = signed_headers(secret=self._secret, body=body)
        return Answer(status=200, file=body, content_type="application/xml; charset=utf-8", headers=signed)

    def work(self) -> None:
        """Executes the files that wait, then writes the news that is due. One at a time, and twice does no harm."""
        with self._working:
            books = self.teller.books
            for name in [name for name in list(books.incoming) if name not in books.executed]:
                self._execute(books.incoming[name])
            self._write_news()

    def _written(self) -> list[Outgoing]:
        with self.teller.books.lock:
            return [file for file in self.teller.books.outgoing.values() if file.rail == RAIL]

    def _list(self, *, after: str) -> Answer:
        """A page of what was written after a file; from the beginning for a name never given."""
        written = self._written()
        passed = next((number for number, file in enumerate(written, start=1) if file.name == after), 0)
        page = written[passed : passed + PAGE]
        listed = [self._listed(file) for file in page]
        return Answer(status=200, document={"files": listed, "has_more": passed + len(page) < len(written)})

    def _listed(self, file: Outgoing) -> dict[str, object]:
        body = file.text.encode()
        return {
            "name": file.name,
            "kind": file.kind,
            "size": len(body),
            "digest": hashlib.sha256(body).hexdigest(),
            "at": self.teller.script.local(file.at).isoformat(),
        }

    def _take(self, name: str, body: bytes) -> Answer:
        digest = hashlib.sha256(body).hexdigest()
        conduct, script = self.teller.script.of(RAIL), self.teller.script
        taken = Answer(
            status=202,
            document={"name": name, "digest": digest},
            seconds=conduct.latency * 2 * script.draw("latency", key=name),
        )
        books = self.teller.books
        known, message_id = books.incoming.get(name), ""
        if known is None:
            if self._happens_first("drop_before", name, conduct.drop_before):
                return Answer(status=500, is_dropped=True)
            if self._happens_first("busy", name, conduct.busy):
                return replace(_refusal(429, "39", "come back later"), headers={"Retry-After": "1"})
            try:
                message_id = pain.read(body).message_id
            except pain.Unreadable as error:
                return _refusal(400, "10", str(error))
        with books.lock:
            known = books.incoming.get(name)
            if known is None:
                now = self.teller.now()
                file = Incoming(name=name, message_id=message_id, digest=digest, text=body.decode(), at=now)
                books.write(Line(incoming=file))
                self.teller.woken.set()
                # Putting it again is how the lender learns: the second answer gets through.
                return replace(taken, is_dropped=script.happens("drop_after", key=name, share=conduct.drop_after))
        if known.digest != digest:
            return _refusal(409, "12", "another file came under this name")
        return taken

    def _execute(self, file: Incoming) -> None:
        """Executes every entry once, whatever happened before, and writes what the bank thinks of the file."""
        asked = pain.read(file.text.encode())
        fault = REPEATED if asked.message_id in self._message_ids(before=file.name) else asked.fault
        if fault:
            with self.teller.books.lock:
                report = self._report(1, asked.message_id, state="RJCT", reason=fault)
                self.teller.books.write(Line(executed=file.name, outgoing=(report,)))
            return
        refused: dict[str, Refused] = {}
        seen: set[str] = set()
        for entry in asked.entries:
            code = REPEATED if entry.order_no in seen else self._collect(entry, file=file)
            seen.add(entry.order_no)
            if code:
                # A report names an entry once, however often the file had it.
                told = Refused(payment=entry.payment, order_no=entry.order_no, code=code)
                refused.setdefault(entry.order_no, told)
        with self.teller.books.lock:
            reports = [self._report(1, asked.message_id, state="ACTC")]
            if refused:
                reports.append(self._report(2, asked.message_id, state="ACTC", refused=list(refused.values())))
            self.teller.books.write(Line(executed=file.name, outgoing=tuple(reports)))

    def _message_ids(self, *, before: str) -> set[str]:
        """The MsgIds of the files that came before one."""
        earlier = itertools.takewhile(lambda file: file.name != before, list(self.teller.books.incoming.values()))
        return {file.message_id for file in earlier}

    def _collect(self, entry: pain.Collection, *, file: Incoming) -> str:
        """Executes one entry; the reason code of one that no debit was made of."""
        books, script = self.teller.books, self.teller.script
        with books.lock:
            known = books.orders.get((RAIL, entry.order_no))
            if known is not None:
                return "" if known.source == file.name else REPEATED
            agreement = books.agreements.get(entry.agreement_no)
            if agreement is None:
                agreement = Agreement(
                    agreement_no=entry.agreement_no,
                    account=entry.account,
                    currency=entry.currency,
                    bank=entry.bank,
                    holder=entry.holder,
                )
                books.write(Line(agreement=agreement))
            if agreement.account != entry.account:
                return "AC01"
            today = script.day_of(self.teller.now(), last_closed=books.last_closed)
            if entry.on.isoformat() < today:
                return ISO.expired
            starts_at = None if entry.on.isoformat() == today else _start_of(entry.on, zone=script.zone)
            command = Command(
                order_no=entry.order_no,
                agreement_no=entry.agreement_no,
                amount=entry.amount,
                currency=entry.currency,
                starts_at=starts_at,
                source=file.name,
                payment=entry.payment,
            )
            try:
                self.teller.debit(command, rail=RAIL, scheme=ISO)
            except NumberTaken:
                return REPEATED
            except WrongCurrency:
                return WRONG_CURRENCY
            return ""

    def _note(self, order: Order, *, is_news: bool = True) -> None:
        """Keeps what is to be told of an order and was not told yet; of news only the state it just got into."""
        if order.rail != RAIL or order.state == PROCESSING:
            return
        seen: set[str] = set()
        script, told = self.teller.script, self.teller.books.told
        for advice in advices_of(order, done=ISO.done, script=script, must_tell=DECLINED):
            # The second telling of the same news has a name of its own here: a file is written once.
            name = f"{advice.advice_id}-again" if advice.advice_id in seen else advice.advice_id
            seen.add(name)
            if name not in told and (advice.event == order.state or not is_news):
                with self._lock:
                    self._advices.append(replace(advice, advice_id=name))
                self.teller.woken.set()

    def _write_news(self) -> None:
        now = self.teller.now()
        with self._lock:
            due = [one for one in self._advices if one.due <= now]
        if not due:
            return
        firsts = [one for one in due if not one.advice_id.endswith("-again")]
        seconds = [one for one in due if one.advice_id.endswith("-again")]
        for batch in (firsts, seconds):
            if batch:
                self._write_batch(batch)
        gone = {one.advice_id for one in due}
        with self._lock:
            self._advices = [one for one in self._advices if one.advice_id not in gone]

    def _write_batch(self, batch: list[Advice]) -> None:
        """Writes some news into files, in one line of the journal: told and written are the same moment."""
        books = self.teller.books
        declined: dict[str, list[Refused]] = defaultdict(list)
        moved: list[Reported] = []
        for one in batch:
            order = one.order
            if one.event == DECLINED:
                refused = Refused(
                    payment=order.payment, order_no=order.order_no, code=one.code, reference=order.reference
                )
                declined[order.source].append(refused)
            else:
                moved.append(self._moved(one))
        with books.lock:
            files = []
            for number, (source, refused_here) in enumerate(declined.items(), start=1):
                message_id = books.incoming[source].message_id
                files.append(self._report(number, message_id, state="ACTC", refused=refused_here))
            if moved:
                name = self._name(messages.ADVICE, 1 + len(files))
                at = self.teller.script.local(self.teller.now())
                text = messages.advice(name=name, at=at, entries=moved, owner=OWNER)
                files.append(self._file(name, messages.ADVICE, text))
            books.write(Line(outgoing=tuple(files), told=tuple(one.advice_id for one in batch)))

    def _moved(self, advice: Advice) -> Reported:
        kind = DEBIT if advice.event == SUCCEEDED else RETURN
        movement = self.teller.books.moved[RAIL, advice.order.order_no, kind]
        return Reported(
            order_no=movement.order_no,
            kind=kind,
            amount=movement.amount,
            currency=movement.currency,
            at=self.teller.script.local(movement.at),
            code=movement.code,
            reference=movement.reference,
            agreement_no=movement.agreement_no,
            day=movement.day,
        )

    def _report(
        self, number: int, message_id: str, *, state: str, reason: str = "", refused: list[Refused] | None = None
    ) -> Outgoing:
        name = self._name(messages.STATUS, number)
        text = messages.status_report(
            name=name,
            at=self.teller.script.local(self.teller.now()),
            message_id=message_id,
            state=state,
            reason=reason,
            refused=refused or (),
        )
        return self._file(name, messages.STATUS, text)

    def _name(self, kind: str, number: int) -> str:
        """The MsgId of the file that is written next but `number`; with `.xml` it is the file's name."""
        return f"{kind}-{len(self.teller.books.outgoing) + number:06d}"

    def _file(self, name: str, kind: str, text: str) -> Outgoing:
        return Outgoing(rail=RAIL, name=f"{name}.xml", kind=kind, text=text, at=self.teller.now())

    def _happens_first(self, what: str, name: str, share: float) -> bool:
        if not self.teller.script.happens(what, key=name, share=share):
            return False
        with self._lock:
            is_first = f"{what}|{name}" not in self._troubled
            self._troubled.add(f"{what}|{name}")
        return is_first


def _start_of(day: date, *, zone: str) -> float:
    return datetime.combine(day, time(), tzinfo=ZoneInfo(zone)).timestamp()


def _refusal(status: int, code: str, error: str) -> Answer:
    return Answer(status=status, document={"code": code, "error": error})
