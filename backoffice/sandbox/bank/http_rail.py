"""The HTTP rail: debits, questions, agreements and settlement files, as docs/rails.md has them."""

import json
import re
import threading
import time
from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from typing import Any

from backoffice.sandbox.bank.records import (
    ACTIVE,
    PROCESSING,
    RETURNED,
    REVOKED,
    SUCCEEDED,
    Agreement,
    Line,
    Order,
    shown,
)
from backoffice.sandbox.bank.teller import UNIONPAY, Command, NumberTaken, Teller, WrongCurrency
from backoffice.sandbox.catalogue import Answer, Call
from backoffice.sandbox.signing import is_signed, signed_headers

RAIL, PREFIX = "http", "/rails/http"
MALFORMED, BAD_SIGNATURE, BUSY, DUPLICATE = "10", "11", "39", "12"
_ORDER_NO = re.compile(r"[A-Za-z0-9-]{1,35}")
_NAME = re.compile(r"[^\s,/?#]{1,64}")
# To the cent: further decimals are noughts.
_AMOUNT = re.compile(r"[0-9]{1,15}(\.[0-9]{1,2}0*)?")
_CURRENCY = re.compile(r"[A-Z]{3}")


class Malformed(ValueError):
    """What the lender sent cannot be read; the sentence says what of it."""


class HttpRail:
    """Answers the calls under /rails/http."""

    def __init__(self, *, teller: Teller, secret: str) -> None:
        self.teller, self._secret = teller, secret
        self._troubled: set[str] = set()
        self._lock = threading.Lock()

    def answer(self, call: Call) -> Answer:
        """Checks the signature, then does what the call asks for."""
        if not is_signed(secret=self._secret, headers=dict(call.headers), body=call.body):
            return _refusal(401, BAD_SIGNATURE, "the call is not signed with the shared secret")
        way = (call.method, *call.path.removeprefix(f"{PREFIX}/").split("/"))
        try:
            match way:
                case ("POST", "debits"):
                    return self._debit(call)
                case ("GET", "debits", order_no):
                    return self._tell(order_no)
                case ("POST", "agreements"):
                    return self._agree(call)
                case ("GET", "agreements", agreement_no):
                    return self._agreement(agreement_no)
                case ("POST", "agreements", agreement_no, "revoke"):
                    return self._revoke(agreement_no)
                case ("GET", "settlements", day):
                    return self._settlement(day)
        except Malformed as error:
            return _refusal(400, MALFORMED, str(error))
        return _refusal(404, MALFORMED, "nothing of this rail is at this address")

    def _debit(self, call: Call) -> Answer:
        command = _command(_read(call.body))
        conduct, number = self.teller.script.of(RAIL), command.order_no
        if (RAIL, number) not in self.teller.books.orders:
            if self._happens_first("drop_before", number, conduct.drop_before):
                return Answer(status=500, is_dropped=True)
            if self._happens_first("busy", number, conduct.busy):
                refusal = _refusal(429, BUSY, "come back later")
                return replace(refusal, headers={"Retry-After": "1"})
            if self._happens_first("stuck", number, conduct.stuck):
                time.sleep(conduct.stuck_seconds)
        try:
            order = self.teller.debit(command, rail=RAIL, scheme=UNIONPAY)
        except NumberTaken:
            return _refusal(409, DUPLICATE, "this number belongs to another debit", order_no=number)
        except WrongCurrency:
            return _refusal(400, MALFORMED, "the agreement is for another currency", order_no=number)
        told = self._told(order)
        return replace(
            told,
            seconds=conduct.latency * 2 * self.teller.script.draw("latency", key=number),
            is_dropped=self.teller.script.happens("drop_after", key=number, share=conduct.drop_after),
        )

    def _tell(self, order_no: str) -> Answer:
        order = self.teller.books.orders.get((RAIL, order_no))
        if order is None:
            return Answer(status=404, document={"order_no": order_no, "known": False})
        return self._told(order)

    def _told(self, order: Order) -> Answer:
        local = self.teller.script.local
        told: dict[str, object] = {
            "order_no": order.order_no,
            "state": order.state,
            "code": order.code,
            "reference": order.reference,
        }
        if order.state != PROCESSING:
            told["at"] = local(order.at).isoformat()
        if order.state in {SUCCEEDED, RETURNED}:
            told |= {"amount": str(order.amount), "currency": order.currency}
        if order.state == RETURNED and order.debited_at is not None:
            told["debited_at"] = local(order.debited_at).isoformat()
        return Answer(status=202 if order.state == PROCESSING else 200, document=told)

    def _agree(self, call: Call) -> Answer:
        asked = _read(call.body)
        agreement = Agreement(
            agreement_no=_matching(asked, "agreement_no", _NAME),
            account=_matching(asked, "account", _NAME),
            currency=_matching(asked, "currency", _CURRENCY),
            bank=str(asked.get("bank", "")),
            holder=str(asked.get("holder", "")),
            single_limit=_limit(asked, "single_limit"),
            day_limit=_limit(asked, "day_limit"),
            month_limit=_limit(asked, "month_limit"),
        )
        books = self.teller.books
        with books.lock:
            known = books.agreements.get(agreement.agreement_no)
            if known is not None and known.state == REVOKED:
                return _refusal(409, UNIONPAY.no_agreement, "a revoked agreement stays revoked: sign another")
            if known is not None and known.currency != agreement.currency:
                return _refusal(409, UNIONPAY.no_agreement, "an agreement keeps its currency: sign another")
            if known != agreement:
                books.write(Line(agreement=agreement))
            self.teller.open_account(account=agreement.account, currency=agreement.currency, rail=RAIL)
        return Answer(status=200, document=shown(agreement))

    def _agreement(self, agreement_no: str) -> Answer:
        agreement = self.teller.books.agreements.get(agreement_no)
        if agreement is None:
            return Answer(status=404, document={"agreement_no": agreement_no, "known": False})
        return Answer(status=200, document=shown(agreement))

    def _revoke(self, agreement_no: str) -> Answer:
        books = self.teller.books
        with books.lock:
            agreement = books.agreements.get(agreement_no)
            if agreement is not None and agreement.state == ACTIVE:
                books.write(Line(agreement=replace(agreement, state=REVOKED)))
        return self._agreement(agreement_no)

    def _settlement(self, day: str) -> Answer:
        file = self.teller.books.outgoing.get((RAIL, day))
        if file is None:
            return Answer(status=404, document={"known": False})
        body = file.text.encode()
        signed = signed_headers(secret=self._secret, body=body)
        return Answer(status=200, file=body, content_type="text/csv; charset=utf-8", headers=signed)

    def _happens_first(self, what: str, number: str, share: float) -> bool:
        """Whether a debit meets trouble, for the first time: the second time it gets through."""
        if not self.teller.script.happens(what, key=number, share=share):
            return False
        with self._lock:
            is_first = f"{what}|{number}" not in self._troubled
            self._troubled.add(f"{what}|{number}")
        return is_first


def _command(asked: dict[str, Any]) -> Command:
    if asked.get("initiated_by") not in {"lender", "customer"}:
        raise Malformed("initiated_by is lender or customer")
    try:
        expires_at = datetime.fromisoformat(str(asked.get("expires_at")))
    except ValueError as error:
        raise Malformed("expires_at is no date and time") from error
    if expires_at.tzinfo is None:
        raise Malformed("expires_at needs an offset")
    amount = Decimal(_matching(asked, "amount", _AMOUNT)).quantize(Decimal("0.01"))
    if amount <= 0:
        raise Malformed("amount is positive")
    return Command(
        order_no=_matching(asked, "order_no", _ORDER_NO),
        agreement_no=_matching(asked, "agreement_no", _NAME),
        amount=amount,
        currency=_matching(asked, "currency", _CURRENCY),
        expires_at=expires_at.timestamp(),
    )


def _read(body: bytes) -> dict[str, Any]:
    try:
        asked = json.loads(body)
    except ValueError as error:
        raise Malformed("the body is no JSON") from error
    if not isinstance(asked, dict):
        raise Malformed("the body is no object")
    return asked


def _matching(asked: dict[str, Any], name: str, shape: re.Pattern[str]) -> str:
    value = asked.get(name)
    if not isinstance(value, str) or not shape.fullmatch(value):
        raise Malformed(f"{name} is no text that matches {shape.pattern}")
    return value


def _limit(asked: dict[str, Any], name: str) -> Decimal | None:
    return None if asked.get(name) is None else Decimal(_matching(asked, name, _AMOUNT))


def _refusal(status: int, code: str, error: str, **more: str) -> Answer:
    return Answer(status=status, document={**more, "code": code, "error": error})
