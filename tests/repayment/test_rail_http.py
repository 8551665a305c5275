"""The HTTP client of rails: every answer of docs/rails.md is read, and nothing a rail does raises."""

from collections.abc import Iterator
from datetime import UTC, date, datetime
from decimal import Decimal

import pytest

from backoffice.calendars import clock
from backoffice.core.signatures import SIGNATURE_HEADER, TIMESTAMP_HEADER, signature_of
from backoffice.core.signed_http import Address
from backoffice.repayment.domain.autopay.handover import AgreementOutcome, Known, Outcome, Outgoing, Terms
from backoffice.repayment.services.autopay.rails import http
from tests.repayment.rail_in_a_thread import SECRET, RailInAThread, Say, says

ORDER = Outgoing(
    order_no="D1a2b-3-1",
    agreement_no="AG-000017",
    amount=Decimal("1093.00"),
    currency="CNY",
    initiated_by="lender",
    expires_at=datetime(2026, 3, 17, 7, 12, tzinfo=UTC),
)
TERMS = Terms(
    agreement_no="AG-000017",
    account="tok-1",
    bank="CZ01",
    holder="5",
    currency="CZK",
    single_limit=Decimal("50000.00"),
)
AT = "2026-03-17T07:00:02+08:00"
DONE = {"order_no": "D1a2b-3-1", "state": "succeeded", "code": "00", "reference": "u-1", "at": AT, "amount": "1093.00"}
DAY = date(2026, 3, 17)


@pytest.fixture
def rail() -> Iterator[RailInAThread]:
    with RailInAThread() as served:
        yield served


def test_a_debit_is_written_as_the_contract_has_it(rail: RailInAThread) -> None:
    rail.answer = lambda heard: says(**DONE)

    answer = http.submit(command=ORDER, address=rail.address)

    assert rail.calls() == ["POST /debits"]
    assert rail.heard[0].said == {
        "order_no": "D1a2b-3-1",
        "agreement_no": "AG-000017",
        "amount": "1093.00",
        "currency": "CNY",
        "initiated_by": "lender",
        "expires_at": "2026-03-17T07:12:00+00:00",
    }
    assert answer.outcome == Outcome.SUCCEEDED
    assert (answer.code, answer.reference, answer.amount) == ("00", "u-1", Decimal("1093.00"))
    assert answer.at == datetime.fromisoformat(AT)


@pytest.mark.parametrize(
    ("say", "outcome", "code"),
    [
        (says(**(DONE | {"state": "declined", "code": "64"})), Outcome.DECLINED, "64"),
        (says(202, **(DONE | {"state": "processing", "code": "05"})), Outcome.PROCESSING, "05"),
        (says(200, **(DONE | {"state": "processing", "code": "05"})), Outcome.PROCESSING, "05"),
        (says(401, code="11", error="signature"), Outcome.REFUSED_REQUEST, "11"),
        (says(400, code="10", error="malformed"), Outcome.REFUSED_REQUEST, "10"),
        (says(403), Outcome.REFUSED_REQUEST, ""),
        (says(409, code="12", error="another debit"), Outcome.UNCLEAR, "12"),
        (says(500, **DONE), Outcome.UNCLEAR, "00"),
        (says(202, **DONE), Outcome.UNCLEAR, "00"),
        (says(**(DONE | {"order_no": "D-other"})), Outcome.UNCLEAR, "00"),
        (says(**(DONE | {"at": "2026-03-17T07:00:02"})), Outcome.UNCLEAR, "00"),
        (says(**(DONE | {"amount": "many"})), Outcome.UNCLEAR, "00"),
        (says(**(DONE | {"amount": "-1093.00"})), Outcome.UNCLEAR, "00"),
        (says(**(DONE | {"amount": "NaN"})), Outcome.UNCLEAR, "00"),
        (says(**(DONE | {"code": ""})), Outcome.UNCLEAR, ""),
        (says(**(DONE | {"state": "perhaps"})), Outcome.UNCLEAR, "00"),
        (Say(body=b'{"order_no": "D1a2b-3'), Outcome.UNCLEAR, ""),
        (Say(body=b"[" * 60_000), Outcome.UNCLEAR, ""),
        (Say(body=b'["a list"]'), Outcome.UNCLEAR, ""),
        (Say(body=b" " * (64 * 1024 + 1)), Outcome.UNCLEAR, ""),
        (Say(cut=True), Outcome.UNCLEAR, ""),
    ],
)
def test_every_answer_is_read_strictly(rail: RailInAThread, say: Say, outcome: Outcome, code: str) -> None:
    rail.answer = lambda heard: say

    answer = http.submit(command=ORDER, address=rail.address)

    assert (answer.outcome, answer.code) == (outcome, code)
    assert len(rail.heard) == 1


def test_a_busy_rail_says_how_long_to_wait(rail: RailInAThread) -> None:
    rail.answer = lambda heard: Say(status=429, body=b'{"code": "39"}', headers={"Retry-After": "7"})

    answer = http.submit(command=ORDER, address=rail.address)

    assert (answer.outcome, answer.code, answer.retry_after) == (Outcome.NOT_NOW, "39", 7)


def test_without_a_connection_nothing_has_left() -> None:
    with RailInAThread() as gone:
        address = gone.address

    assert http.submit(command=ORDER, address=address).outcome == Outcome.NEVER_LEFT
    assert http.ask(order_no="D1a2b-3-1", address=address).known == Known.UNCLEAR
    assert http.put_agreement(terms=TERMS, address=address).outcome == AgreementOutcome.NOT_TAKEN
    assert http.fetch_settlement(day=DAY, address=address) is None


def test_a_returned_debit_has_both_times(rail: RailInAThread) -> None:
    back = "2026-03-20T11:20:00+08:00"
    rail.answer = lambda heard: says(**(DONE | {"state": "returned", "code": "AC06", "at": back, "debited_at": AT}))

    standing = http.ask(order_no="D1a2b-3-1", address=rail.address)

    assert rail.calls() == ["GET /debits/D1a2b-3-1"]
    assert (standing.known, standing.code) == (Known.RETURNED, "AC06")
    assert standing.at == datetime.fromisoformat(AT)
    assert standing.returned_at == datetime.fromisoformat(back)


@pytest.mark.parametrize(
    ("say", "known"),
    [
        (says(404, order_no="D1a2b-3-1", known=False), Known.NEVER),
        (says(404, error="no such page"), Known.UNCLEAR),
        (says(**DONE), Known.SUCCEEDED),
        (says(**(DONE | {"state": "returned"})), Known.UNCLEAR),
        (Say(cut=True), Known.UNCLEAR),
    ],
)
def test_asking_tells_never_from_unclear(rail: RailInAThread, say: Say, known: Known) -> None:
    rail.answer = lambda heard: say

    assert http.ask(order_no="D1a2b-3-1", address=rail.address).known == known


def test_an_agreement_is_put_asked_for_and_revoked(rail: RailInAThread) -> None:
    assert http.agreement_state(agreement_no="AG-000017", address=rail.address).outcome == AgreementOutcome.NEVER
    assert http.put_agreement(terms=TERMS, address=rail.address).outcome == AgreementOutcome.ACTIVE
    assert rail.heard[-1].said == {
        "agreement_no": "AG-000017",
        "account": "tok-1",
        "bank": "CZ01",
        "holder": "5",
        "currency": "CZK",
        "single_limit": "50000.00",
        "day_limit": None,
        "month_limit": None,
    }
    assert http.revoke_agreement(agreement_no="AG-000017", address=rail.address).outcome == AgreementOutcome.REVOKED
    refused = http.put_agreement(terms=TERMS, address=rail.address)
    assert (refused.outcome, refused.code) == (AgreementOutcome.REFUSED, "72")
    assert rail.calls()[-2:] == ["POST /agreements/AG-000017/revoke", "POST /agreements"]


@pytest.mark.parametrize(
    ("say", "outcome"),
    [
        (says(429, code="39"), AgreementOutcome.NOT_TAKEN),
        (says(401, code="11"), AgreementOutcome.NOT_TAKEN),
        (says(400, code="10"), AgreementOutcome.REFUSED),
        (says(200, agreement_no="AG-other", state="active"), AgreementOutcome.UNCLEAR),
        (says(200, agreement_no="AG-000017", state="perhaps"), AgreementOutcome.UNCLEAR),
        (says(500), AgreementOutcome.UNCLEAR),
        (Say(cut=True), AgreementOutcome.UNCLEAR),
    ],
)
def test_an_agreement_is_believed_only_when_it_is_said(
    rail: RailInAThread, say: Say, outcome: AgreementOutcome
) -> None:
    rail.answer = lambda heard: say

    assert http.put_agreement(terms=TERMS, address=rail.address).outcome == outcome


def _signed(body: bytes, *, secret: str = SECRET, ago: int = 0, status: int = 200) -> Say:
    at = int(clock.now().timestamp()) - ago
    signature = signature_of(secret=secret, timestamp=at, body=body)
    return Say(status=status, body=body, headers={TIMESTAMP_HEADER: str(at), SIGNATURE_HEADER: signature})


def test_a_settlement_file_is_taken_byte_by_byte(rail: RailInAThread) -> None:
    rail.answer = lambda heard: _signed(b"order_no,kind\n#trailer,0,0.00\n")

    assert http.fetch_settlement(day=DAY, address=rail.address) == b"order_no,kind\n#trailer,0,0.00\n"
    assert rail.calls() == ["GET /settlements/2026-03-17"]


@pytest.mark.parametrize(
    "say",
    [
        says(404, known=False),
        Say(body=b"order_no,kind\n"),
        _signed(b"order_no,kind\n", secret="another secret of thirty-two characters"),
        _signed(b"order_no,kind\n", ago=3_600),
        _signed(b'{"error": "not yet"}', status=503),
    ],
)
def test_a_settlement_file_that_is_not_there_or_not_signed_is_none(rail: RailInAThread, say: Say) -> None:
    rail.answer = lambda heard: say

    assert http.fetch_settlement(day=DAY, address=rail.address) is None


def test_another_secret_is_not_admitted_by_the_rail(rail: RailInAThread) -> None:
    wrong = Address(url=rail.url, secret="another secret of thirty-two characters")

    assert http.submit(command=ORDER, address=wrong).outcome == Outcome.UNCLEAR
    assert rail.heard == []
