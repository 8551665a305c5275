"""The bank's own pages, unsigned: an overview, its script and presets, accounts, movements, files, and its days."""

import json
import time
from collections import Counter
from dataclasses import asdict, dataclass
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from backoffice.sandbox.bank.behaviour import PRESETS
from backoffice.sandbox.bank.file_rail import FileRail
from backoffice.sandbox.bank.night import turn
from backoffice.sandbox.bank.notices import NoticeCourier
from backoffice.sandbox.bank.records import Account, Line, shown
from backoffice.sandbox.bank.teller import Teller
from backoffice.sandbox.catalogue import Answer, Call
from backoffice.sandbox.script import BadScript

if TYPE_CHECKING:
    from collections.abc import Callable

PREFIX = "/bank"
PAGE, LARGEST_PAGE = 1000, 10_000
FILES_SHOWN, DAYS_SHOWN = 20, 10
LARGEST_BALANCE = Decimal("1e15")


@dataclass(frozen=True, slots=True)
class Pages:
    """Everything under /bank."""

    teller: Teller
    files: FileRail
    courier: NoticeCourier

    def answer(self, call: Call) -> Answer:
        """One page."""
        rest = call.path.removeprefix(PREFIX)
        if call.method == "GET" and rest.startswith("/accounts/"):
            return self._account(unquote(rest.removeprefix("/accounts/")))
        pages: dict[tuple[str, str], Callable[[Call], Answer]] = {
            ("GET", ""): self._overview,
            ("GET", "/script"): self._script,
            ("POST", "/script"): self._change,
            ("GET", "/presets"): self._presets,
            ("POST", "/accounts"): self._set_account,
            ("GET", "/movements"): self._movements,
            ("GET", "/files"): self._files,
            ("GET", "/days"): self._days,
            ("POST", "/day"): self._day,
        }
        page = pages.get((call.method, rest))
        if page is None:
            return Answer(status=404, document={"error": f"the bank has no {call.method} {call.path}"})
        try:
            return page(call)
        except (ValueError, TypeError, InvalidOperation) as error:
            return Answer(status=400, document={"error": str(error)})

    def _overview(self, _call: Call) -> Answer:
        teller, books = self.teller, self.teller.books
        with books.lock:
            orders = Counter(f"{order.rail} {order.state}" for order in books.orders.values())
            sums: dict[str, Decimal] = {}
            for movement in books.movements:
                name = f"{movement.rail} {movement.kind} {movement.currency}"
                sums[name] = sums.get(name, Decimal(0)) + movement.amount
            now = teller.now()
            document: dict[str, object] = {
                "clock": teller.script.local(now).isoformat(),
                "today": teller.script.day_of(now, last_closed=books.last_closed),
                "last_closed": books.last_closed,
                "accounts": len(books.accounts),
                "agreements": len(books.agreements),
                "orders": dict(sorted(orders.items())),
                "repeats": len(teller.repeats),
                "movements": len(books.movements),
                "sums": {name: str(value) for name, value in sorted(sums.items())},
                "files_in": len(books.incoming),
                "files_to_execute": len(books.incoming) - len(books.executed),
                "files_out": sorted(file.name for file in books.outgoing.values()),
                "notices_sent": self.courier.sent,
                "notices_waiting": self.courier.waiting,
            }
        return Answer(status=200, document=document)

    def _script(self, _call: Call) -> Answer:
        return Answer(status=200, document=self.teller.script.shown())

    def _presets(self, _call: Call) -> Answer:
        return Answer(status=200, document={name: asdict(conduct) for name, conduct in PRESETS.items()})

    def _change(self, call: Call) -> Answer:
        asked = _object(call)
        with self.teller.books.lock:
            self.teller.script.change(asked, now=time.time())
            self.teller.books.write(Line(script=self.teller.script.shown()))
        self.teller.woken.set()
        return self._script(call)

    def _set_account(self, call: Call) -> Answer:
        asked = _object(call)
        token, balance = asked.get("account"), asked.get("balance")
        if not isinstance(token, str) or not token:
            raise BadScript("account is a token")
        books = self.teller.books
        with books.lock:
            known = books.accounts.get(token)
            usual = next((one.currency for one in books.agreements.values() if one.account == token), "CNY")
            currency = str(asked.get("currency") or (usual if known is None else known.currency))
            on_it = books.balances[token] if balance is None and known is not None else Decimal(str(balance))
            if not on_it.is_finite() or abs(on_it) > LARGEST_BALANCE:
                raise BadScript("balance is an amount")
            is_closed = bool(asked.get("is_closed", known is not None and known.is_closed))
            account = Account(account=token, currency=currency, balance=on_it, is_closed=is_closed)
            books.write(Line(account=account))
        return self._account(token)

    def _account(self, token: str) -> Answer:
        books = self.teller.books
        with books.lock:
            account = books.accounts.get(token)
            if account is None:
                return Answer(status=404, document={"account": token, "known": False})
            document: dict[str, object] = {**shown(account), "balance": str(books.balances[token])}
        return Answer(status=200, document=document)

    def _movements(self, call: Call) -> Answer:
        after = max(0, int(call.query.get("after", "0")))
        limit = min(max(1, int(call.query.get("limit", PAGE))), LARGEST_PAGE)
        books, local = self.teller.books, self.teller.script.local
        with books.lock:
            page, last = books.movements[after : after + limit], len(books.movements)
        told = [{**shown(movement), "at": local(movement.at).isoformat()} for movement in page]
        return Answer(status=200, document={"movements": told, "last": last, "has_more": after + len(page) < last})

    def _files(self, _call: Call) -> Answer:
        books, local = self.teller.books, self.teller.script.local
        with books.lock:
            waiting = [file for file in books.incoming.values() if file.name not in books.executed]
            written = list(books.outgoing.values())[-FILES_SHOWN:]
        document: dict[str, object] = {
            "waiting": [
                {"name": file.name, "size": len(file.text.encode()), "at": local(file.at).isoformat()}
                for file in waiting[:FILES_SHOWN]
            ],
            "written": [
                {
                    "rail": file.rail,
                    "name": file.name,
                    "kind": file.kind,
                    "size": len(file.text.encode()),
                    "at": local(file.at).isoformat(),
                }
                for file in reversed(written)
            ],
        }
        return Answer(status=200, document=document)

    def _days(self, _call: Call) -> Answer:
        books = self.teller.books
        with books.lock:
            closed = [books.closings[day] for day in sorted(books.closings, reverse=True)[:DAYS_SHOWN]]
        told = [{"day": closing.day, "differences": list(closing.differences)} for closing in closed]
        return Answer(status=200, document={"days": told})

    def _day(self, call: Call) -> Answer:
        asked = _object(call)
        turned = turn(day=date.fromisoformat(str(asked.get("date"))), teller=self.teller, files=self.files)
        return Answer(status=200, document={"date": asked["date"], **asdict(turned)})


def _object(call: Call) -> dict[str, Any]:
    asked = json.loads(call.body or b"{}")
    if not isinstance(asked, dict):
        raise BadScript("the body is not an object")
    return asked
