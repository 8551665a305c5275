"""The signed HTTP contract with rails (docs/rails.md): debits, questions, agreements, settlement files.

No function raises for what a rail does: each answer is read strictly, and what cannot be read is unclear.
"""

import json
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from typing import Any, Final

from backoffice.calendars import clock
from backoffice.core import signatures, signed_http
from backoffice.core.signed_http import Address, NoAnswer, NotConnected, Reply, word
from backoffice.repayment.domain.autopay.handover import (
    AgreementAnswer,
    AgreementOutcome,
    Answer,
    Known,
    Outcome,
    Outgoing,
    Standing,
    Terms,
)

LARGEST_SETTLEMENT: Final = 64 * 1024 * 1024
NOT_OURS: Final = frozenset({400, 401, 403})
"""Statuses by which a rail says that our call is wrong and was not taken."""
_DETAIL: Final = 300
_LARGEST_AMOUNT: Final = Decimal(10) ** 16


def submit(*, command: Outgoing, address: Address) -> Answer:
    """Hands a debit over, once."""
    body = {
        "order_no": command.order_no,
        "agreement_no": command.agreement_no,
        "amount": f"{command.amount:f}",
        "currency": command.currency,
        "initiated_by": command.initiated_by,
        "expires_at": command.expires_at.isoformat(timespec="seconds"),
    }
    try:
        reply, said = _tell("POST", "/debits", body=body, address=address)
    except NotConnected as error:
        return Answer(outcome=Outcome.NEVER_LEFT, detail=str(error))
    except NoAnswer as error:
        return Answer(outcome=Outcome.UNCLEAR, detail=str(error))
    code, detail = word(said, "code"), word(said, "error")[:_DETAIL]
    if reply.status == 429:
        return Answer(outcome=Outcome.NOT_NOW, code=code, detail=detail, retry_after=reply.retry_after)
    if reply.status in NOT_OURS:
        return Answer(outcome=Outcome.REFUSED_REQUEST, code=code, detail=detail or f"status {reply.status}")
    standing = _read_standing(reply, said, order_no=command.order_no)
    if standing.known in {Known.SUCCEEDED, Known.DECLINED, Known.PROCESSING}:
        return Answer(
            outcome=Outcome(standing.known.value),
            code=standing.code,
            reference=standing.reference,
            at=standing.at,
            amount=standing.amount,
        )
    return Answer(outcome=Outcome.UNCLEAR, code=code, detail=detail or f"status {reply.status}")


def ask(*, order_no: str, address: Address) -> Standing:
    """What the rail knows of a debit."""
    try:
        reply, said = _tell("GET", f"/debits/{order_no}", body=None, address=address)
    except (NotConnected, NoAnswer):
        return Standing(known=Known.UNCLEAR)
    if reply.status == 404 and said.get("known") is False:
        return Standing(known=Known.NEVER)
    return _read_standing(reply, said, order_no=order_no)


def fetch_settlement(*, day: date, address: Address) -> bytes | None:
    """The settlement file of a day as it is; None while there is none, it cannot be fetched, or is not signed."""
    try:
        reply = _send("GET", f"/settlements/{day.isoformat()}", body=b"", address=address, largest=LARGEST_SETTLEMENT)
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


def put_agreement(*, terms: Terms, address: Address) -> AgreementAnswer:
    """Makes an agreement at the rail, or changes it; the same terms again change nothing."""
    body = {
        "agreement_no": terms.agreement_no,
        "account": terms.account,
        "bank": terms.bank,
        "holder": terms.holder,
        "currency": terms.currency,
        "single_limit": _limit(terms.single_limit),
        "day_limit": _limit(terms.day_limit),
        "month_limit": _limit(terms.month_limit),
    }
    return _about_agreement("POST", "/agreements", body=body, agreement_no=terms.agreement_no, address=address)


def revoke_agreement(*, agreement_no: str, address: Address) -> AgreementAnswer:
    """Ends an agreement at the rail; the second time changes nothing."""
    path = f"/agreements/{agreement_no}/revoke"
    return _about_agreement("POST", path, body={}, agreement_no=agreement_no, address=address)


def agreement_state(*, agreement_no: str, address: Address) -> AgreementAnswer:
    """How an agreement stands at the rail."""
    path = f"/agreements/{agreement_no}"
    return _about_agreement("GET", path, body=None, agreement_no=agreement_no, address=address)


def _about_agreement(
    method: str, path: str, *, body: dict[str, Any] | None, agreement_no: str, address: Address
) -> AgreementAnswer:
    try:
        reply, said = _tell(method, path, body=body, address=address)
    except NotConnected as error:
        return AgreementAnswer(outcome=AgreementOutcome.NOT_TAKEN, detail=str(error))
    except NoAnswer as error:
        return AgreementAnswer(outcome=AgreementOutcome.UNCLEAR, detail=str(error))
    code, detail = word(said, "code"), word(said, "error")[:_DETAIL] or f"status {reply.status}"
    if reply.status in {200, 201} and said.get("agreement_no") == agreement_no:
        state = word(said, "state")
        if state in {AgreementOutcome.ACTIVE, AgreementOutcome.REVOKED}:
            return AgreementAnswer(outcome=AgreementOutcome(state))
    if reply.status == 404 and said.get("known") is False:
        return AgreementAnswer(outcome=AgreementOutcome.NEVER)
    if reply.status == 429 or reply.status in {401, 403}:
        # Not admitted is our own fault, not the agreement's: it can be told again once the secret is put right.
        return AgreementAnswer(outcome=AgreementOutcome.NOT_TAKEN, code=code, detail=detail)
    if 400 <= reply.status < 500 and code:
        return AgreementAnswer(outcome=AgreementOutcome.REFUSED, code=code, detail=detail)
    return AgreementAnswer(outcome=AgreementOutcome.UNCLEAR, code=code, detail=detail)


def _read_standing(reply: Reply, said: dict[str, Any], *, order_no: str) -> Standing:
    """What an answer about a debit says; unclear when a word of it is missing, strange, or about another order."""
    unclear = Standing(known=Known.UNCLEAR, code=word(said, "code"), reference=word(said, "reference"))
    if reply.status not in {200, 202} or said.get("order_no") != order_no:
        return unclear
    state, code, reference = word(said, "state"), word(said, "code"), word(said, "reference")
    at, amount = _moment(said, "at"), _amount(said)
    if state == Known.PROCESSING:
        return Standing(known=Known.PROCESSING, code=code, reference=reference)
    if not code or reply.status != 200:
        return unclear
    if state == Known.DECLINED:
        return Standing(known=Known.DECLINED, code=code, reference=reference, at=at)
    if at is None or amount is None:
        return unclear
    if state == Known.SUCCEEDED:
        return Standing(known=Known.SUCCEEDED, code=code, reference=reference, at=at, amount=amount)
    debited_at = _moment(said, "debited_at")
    if state == Known.RETURNED and debited_at is not None:
        return Standing(
            known=Known.RETURNED, code=code, reference=reference, at=debited_at, returned_at=at, amount=amount
        )
    return unclear


def _tell(method: str, path: str, *, body: dict[str, Any] | None, address: Address) -> tuple[Reply, dict[str, Any]]:
    """(reply, its JSON). Raises NotConnected, NoAnswer."""
    written = b"" if body is None else json.dumps(body, ensure_ascii=False).encode()
    reply = _send(method, path, body=written, address=address, largest=signed_http.LARGEST_ANSWER)
    return reply, signed_http.document(reply)


def _send(method: str, path: str, *, body: bytes, address: Address, largest: int) -> Reply:
    return signed_http.call(method, path, body=body, address=address, now=_now(), largest=largest)


def _now() -> int:
    """The wire has the present hour, whatever moment the rules were asked about."""
    return int(clock.now().timestamp())


def _limit(limit: Decimal | None) -> str | None:
    return None if limit is None else f"{limit:f}"


def _moment(said: dict[str, Any], name: str) -> datetime | None:
    """A moment with its offset; None for anything else."""
    try:
        moment = datetime.fromisoformat(word(said, name))
    except ValueError:
        return None
    return moment if moment.tzinfo is not None else None


def _amount(said: dict[str, Any]) -> Decimal | None:
    """A positive amount in major units, written as text; None for anything else."""
    try:
        amount = Decimal(word(said, "amount"))
    except InvalidOperation:
        return None
    return amount if amount.is_finite() and 0 < amount < _LARGEST_AMOUNT else None
