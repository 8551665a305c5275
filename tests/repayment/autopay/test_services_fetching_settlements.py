"""Settlement files come without anybody's hands: fetched from HTTP rails, statements of file rails."""

from datetime import date, datetime
from decimal import Decimal
from typing import Any

import pytest

from backoffice.audit.models import AuditEntry
from backoffice.core.actors import SYSTEM
from backoffice.repayment.domain.iso20022.camt053 import Statement, StatementMessage
from backoffice.repayment.domain.iso20022.movements import Kind, Movement
from backoffice.repayment.models import Difference, ReconciledDay, SettlementFile, SettlementLine
from backoffice.repayment.services.autopay.fetching_settlements import fetch_settlements, reconcile_statement
from backoffice.repayment.services.autopay.rails import http
from tests.repayment.autopay import days
from tests.repayment.autopay.days import DAY, NEXT, TODAY, Line, command, file_of

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _book(settings: Any) -> None:
    settings.RAIL_SECRETS = {"union-main": "s" * 32}
    days.open_business_day()


@pytest.fixture
def written(monkeypatch: pytest.MonkeyPatch) -> dict[date, bytes]:
    """What the rail has written, by day."""
    files: dict[date, bytes] = {}
    monkeypatch.setattr(http, "fetch_settlement", lambda *, day, address: files.get(day))
    return files


def test_fetches_what_is_missing_since_the_first_debit_and_once(written: dict[date, bytes]) -> None:
    command("D1-1-1")
    written[DAY] = file_of([Line("D1-1-1")])
    written[date(2026, 3, 16)] = file_of([])
    assert (fetch_settlements(today=TODAY), fetch_settlements(today=TODAY)) == (1, 0)
    written[NEXT] = file_of([])
    assert fetch_settlements(today=TODAY) == 1
    assert list(SettlementFile.objects.order_by("day").values_list("day", "name")) == [
        (DAY, "union-main-2026-03-17.csv"),
        (NEXT, "union-main-2026-03-18.csv"),
    ]


def test_a_refused_file_leaves_its_day_open_and_is_told_once(written: dict[date, bytes]) -> None:
    command("D1-1-1")
    written[DAY] = file_of([Line("D1-1-1")])[:-30]
    assert (fetch_settlements(today=TODAY), fetch_settlements(today=TODAY)) == (0, 0)
    assert ReconciledDay.objects.get().state == "open"
    entries = AuditEntry.objects.filter(verb="repayment.settlement.refused")
    assert [entry.reason[:7] for entry in entries] == ["Line 2:"]
    written[DAY] = file_of([Line("D1-1-1")])
    assert fetch_settlements(today=TODAY) == 1
    assert "refused" not in ReconciledDay.objects.get().counts


def movement(order_no: str, *, line: int, kind: Kind = Kind.DEBIT, **facts: Any) -> Movement:
    usual: dict[str, Any] = {
        "is_credit": kind is Kind.DEBIT, "is_booked": True, "amount": Decimal("500.00"), "currency": "CNY",
        "booked_on": DAY, "at": datetime.fromisoformat("2026-03-17T07:00:02+08:00"), "code": "", "reference": "r",
    }  # fmt: skip
    return Movement(line=line, kind=kind, order_no=order_no, **(usual | facts))


def statement_of(*movements: Movement) -> StatementMessage:
    statement = Statement(
        statement_id="S1", account="A", currency="CNY", opening=Decimal(0), closing=Decimal(0), closed_on=DAY,
        totals=None, movements=movements,  # type: ignore[arg-type]  # the sums are judged where they are read
    )  # fmt: skip
    return StatementMessage(
        message_id="M1", created_at=days.at("03-17 23:00:00"), digest="d" * 64, statements=(statement,)
    )


def test_a_statement_is_the_settlement_file_of_its_day() -> None:
    command("D1-1-1")
    command("D2-1-1")
    command("D3-1-1")
    statement = statement_of(
        movement("D1-1-1", line=10),
        movement("", line=11, kind=Kind.OTHER),
        movement("D2-1-1", line=12, is_booked=False),
    )
    assert reconcile_statement(rail=days.rail(), name="camt053.xml", statement=statement, actor=SYSTEM)
    assert list(SettlementLine.objects.order_by("number").values_list("number", "order_no", "code")) == [
        (10, "D1-1-1", ""),
        (12, "D2-1-1", "PDNG"),
    ]
    assert sorted(Difference.objects.values_list("order_no", "kind", "detail")) == [
        ("D2-1-1", "status", "code"),
        ("D3-1-1", "short", "absent"),
    ]


def test_a_statement_that_has_an_order_twice_is_kept_out_with_its_line() -> None:
    statement = statement_of(movement("D1-1-1", line=10), movement("D1-1-1", line=11))
    assert not reconcile_statement(rail=days.rail(), name="camt053.xml", statement=statement, actor=SYSTEM)
    assert AuditEntry.objects.get(verb="repayment.settlement.refused").reason == (
        "Line 11: D1-1-1 stands twice as a debit."
    )
    assert days.files_kept() == 0
