"""Both sides of docs/rails.md against each other: what the bank says, the product reads, and knows the code of."""

import tomllib
from dataclasses import asdict
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

import pytest

from backoffice.core.signed_http import Address
from backoffice.repayment.domain.autopay.handover import AgreementOutcome, Known, Outcome, Outgoing, Terms
from backoffice.repayment.services.autopay.rails import http
from backoffice.sandbox.bank.file_rail import REPEATED, WRONG_CURRENCY
from backoffice.sandbox.bank.http_rail import BAD_SIGNATURE, BUSY, DUPLICATE, MALFORMED
from backoffice.sandbox.bank.teller import ISO, RETURN_CODES, UNIONPAY
from backoffice.sandbox.serving import Sandbox
from tests.sandbox.lender import SECRET, Lender

CODES = Path(http.__file__).resolve().parents[3] / "data" / "return_codes.toml"
DAY = date(2026, 3, 17)


def order(order_no: str = "D1", amount: str = "1093.00", agreement_no: str = "AG-1") -> Outgoing:
    return Outgoing(
        order_no=order_no,
        agreement_no=agreement_no,
        amount=Decimal(amount),
        currency="CNY",
        initiated_by="lender",
        expires_at=datetime(2026, 3, 17, 0, 12, tzinfo=UTC),
    )


@pytest.fixture
def address(sandbox: Sandbox, lender: Lender) -> Address:
    return Address(url=f"{sandbox.url}/rails/http", secret=SECRET)


def test_a_debit_is_read_as_what_it_was(lender: Lender, address: Address) -> None:
    lender.agree("POOR", balance="1.00")

    done, poor = (
        http.submit(command=order(), address=address),
        http.submit(command=order("D2", agreement_no="POOR"), address=address),
    )
    lender.script(processing=1, processing_seconds=60)
    later = http.submit(command=order("D3"), address=address)

    assert (done.outcome, done.code, done.amount) == (Outcome.SUCCEEDED, "00", Decimal("1093.00"))
    assert (poor.outcome, poor.code) == (Outcome.DECLINED, "64")
    assert (later.outcome, later.code) == (Outcome.PROCESSING, "05")
    assert http.ask(order_no="D1", address=address).known == Known.SUCCEEDED
    assert http.ask(order_no="D3", address=address).known == Known.PROCESSING
    assert http.ask(order_no="D4", address=address).known == Known.NEVER


def test_trouble_is_read_as_what_it_was(lender: Lender, address: Address) -> None:
    http.submit(command=order(), address=address)
    outcomes = [http.submit(command=order(amount="1.00"), address=address).outcome]
    lender.script(busy=1)
    outcomes.append(http.submit(command=order("D2"), address=address).outcome)
    lender.script(busy=0, drop_after=1)
    outcomes.append(http.submit(command=order("D3"), address=address).outcome)
    lender.script(drop_after=0, clock="2026-03-17T08:12:00+08:00")
    late = http.submit(command=order("D4"), address=address)
    forged = http.submit(command=order("D5"), address=Address(url=address.url, secret="another secret altogether"))

    assert outcomes == [Outcome.UNCLEAR, Outcome.NOT_NOW, Outcome.UNCLEAR]
    assert (late.outcome, late.code) == (Outcome.DECLINED, "90")
    assert (forged.outcome, forged.code) == (Outcome.REFUSED_REQUEST, "11")


def test_a_return_is_read_with_both_its_moments(lender: Lender, address: Address) -> None:
    lender.script(return_share=1, return_days=1, return_days_most=1)
    debited = http.submit(command=order(), address=address).at
    lender.script(clock="2026-03-18T12:00:00+08:00")
    lender.close("2026-03-18")

    standing = http.ask(order_no="D1", address=address)

    assert (standing.known, standing.at, standing.amount) == (Known.RETURNED, debited, Decimal("1093.00"))
    assert standing.returned_at is not None
    assert debited is not None
    assert (standing.returned_at - debited).days == 1


def test_an_agreement_is_made_changed_and_revoked(address: Address) -> None:
    terms = Terms(
        agreement_no="AG-9",
        account="tok_9:a",
        bank="CZ01",
        holder="5",
        currency="CZK",
        single_limit=Decimal("50000.0000"),
    )

    assert http.put_agreement(terms=terms, address=address).outcome == AgreementOutcome.ACTIVE
    assert http.put_agreement(terms=terms, address=address).outcome == AgreementOutcome.ACTIVE
    assert http.revoke_agreement(agreement_no="AG-9", address=address).outcome == AgreementOutcome.REVOKED
    assert http.revoke_agreement(agreement_no="AG-9", address=address).outcome == AgreementOutcome.REVOKED
    assert http.agreement_state(agreement_no="AG-9", address=address).outcome == AgreementOutcome.REVOKED
    assert http.put_agreement(terms=terms, address=address).outcome == AgreementOutcome.REFUSED
    assert http.agreement_state(agreement_no="AG-8", address=address).outcome == AgreementOutcome.NEVER


def test_a_settlement_file_is_fetched_with_its_signature(lender: Lender, address: Address) -> None:
    http.submit(command=order(), address=address)
    assert http.fetch_settlement(day=DAY, address=address) is None
    lender.close("2026-03-17")

    assert http.fetch_settlement(day=DAY, address=address) == lender.settlement("2026-03-17").encode()


def test_every_code_the_bank_says_is_known_but_the_one_nobody_knows() -> None:
    with CODES.open("rb") as file:
        known = {scheme: {one["code"] for one in codes} for scheme, codes in tomllib.load(file).items()}
    spoken = {
        "unionpay": {*asdict(UNIONPAY).values(), MALFORMED, BAD_SIGNATURE, BUSY, DUPLICATE},
        "iso20022": {*asdict(ISO).values(), *RETURN_CODES, REPEATED, WRONG_CURRENCY, "AC01", "AM10", "AM18"} - {""},
    }

    assert {scheme: codes - known[scheme] for scheme, codes in spoken.items()} == {
        "unionpay": {UNIONPAY.unmapped},
        "iso20022": {ISO.unmapped},
    }
