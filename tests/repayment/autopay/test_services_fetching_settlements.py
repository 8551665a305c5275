"""Settlement files come without anybody's hands: fetched from HTTP rails, statements of file rails."""

from dataclasses import replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.utils import translation

from backoffice.audit.models import AuditEntry
from backoffice.core.actors import SYSTEM
from backoffice.core.telling import told
from backoffice.repayment.domain.autopay.differences import Resolution
from backoffice.repayment.domain.iso20022.camt053 import Statement, StatementMessage
from backoffice.repayment.domain.iso20022.movements import Kind, Movement
from backoffice.repayment.models import DebitCommand, Difference, ReconciledDay, SettlementFile, SettlementLine
from backoffice.repayment.services.autopay.differences import Asked, resolve_difference
from backoffice.repayment.services.autopay.expecting_files import expect_files
from backoffice.repayment.services.autopay.fetching_settlements import fetch_settlements, reconcile_statement
from backoffice.repayment.services.autopay.rails import http
from backoffice.repayment.services.autopay.reconciling import close_day
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


def test_a_statement_of_several_days_is_noted_on_each_of_them() -> None:
    one = statement_of(movement("D1-1-1", line=10))
    (first,) = one.statements
    both = replace(one, statements=(first, replace(first, closed_on=NEXT)))
    assert not reconcile_statement(rail=days.rail(), name="camt053.xml", statement=both, actor=SYSTEM)
    assert [(row.day, row.refused) for row in ReconciledDay.objects.order_by("day")] == [
        (DAY, "camt053.xml covers more than one day."),
        (NEXT, "camt053.xml covers more than one day."),
    ]
    assert days.files_kept() == 0


def test_a_statement_with_an_entry_of_another_day_is_noted_on_its_own() -> None:
    stray = movement("D1-1-1", line=10, at=datetime.fromisoformat("2026-03-19T07:00:02+08:00"))
    assert not reconcile_statement(rail=days.rail(), name="camt053.xml", statement=statement_of(stray), actor=SYSTEM)
    assert ReconciledDay.objects.get().refused == (
        "Line 10: its time is of another day: the file is not the one of this day."
    )
    assert days.files_kept() == 0


def test_why_a_fetched_file_is_refused_is_told_in_the_language_of_who_reads_it(written: dict[date, bytes]) -> None:
    command("D1-1-1")
    written[DAY] = file_of([Line("D1-1-1", kind="credit")])
    with translation.override("zh-hans"):
        fetch_settlements(today=TODAY)
    refused = ReconciledDay.objects.get(day=DAY).refused
    assert refused == "Line 2: its kind is neither debit nor return: credit."
    with translation.override("zh-hans"):
        assert told(refused) != refused


def test_a_day_on_the_desk_is_asked_for_until_its_file_is_here(written: dict[date, bytes]) -> None:
    command("D1-1-1")
    late = TODAY + timedelta(days=60)
    written[DAY] = file_of([Line("D1-1-1")])
    assert fetch_settlements(today=late) == 0
    expect_files(day=DAY)
    assert (fetch_settlements(today=late), fetch_settlements(today=late)) == (1, 0)
    assert ReconciledDay.objects.get().counts["totals"][0]["outcome"] == "matched"


def test_a_day_with_orders_is_on_the_desk_without_its_file() -> None:
    command("D1-1-1", state="declined")
    command("D2-1-1", over=days.rail("other"), day=NEXT)
    idle = command("D3-1-1", over=days.rail("idle"), state="planned")
    DebitCommand.objects.filter(pk=idle.pk).update(submitted_at=None)
    fund, silent = days.payee("fund-a"), days.payee("fund-b")
    days.receive_of_payee([], whose=fund, day=date(2026, 3, 16))
    made = command("D4-1-1")
    for payee in (fund, silent):
        days.split_line(made, "principal", payee, "1.00")
    assert (expect_files(day=DAY), expect_files(day=DAY)) == (2, 2)
    found = ReconciledDay.objects.filter(day=DAY).values_list("rail__code", "payee__code", "state")
    assert sorted(found, key=str) == [("union-main", None, "open"), (None, "fund-a", "open")]


def test_what_was_expected_in_a_file_that_never_came_opens_again(written: dict[date, bytes]) -> None:
    command("D1-1-1")
    written[DAY] = file_of([])
    fetch_settlements(today=TODAY)
    ticket = Difference.objects.get()
    asked = Asked(resolution=Resolution.LATER, reason="they say so", due_on=NEXT)
    resolve_difference(difference_id=ticket.pk, asked=asked, actor=days.LEAD)
    day = ReconciledDay.objects.get(day=DAY)
    close_day(day_id=day.pk, reason="only that", actor=days.LEAD)
    for today, state, of_day in ((TODAY, "resolved", "closed"), (TODAY + timedelta(days=1), "open", "open")):
        days.open_business_day(today)
        fetch_settlements(today=today)
        ticket.refresh_from_db()
        day.refresh_from_db()
        assert (ticket.state, day.state) == (state, of_day)
    assert (ticket.due_on, ticket.resolution, day.counts["unexplained"]) == (None, "", 1)


def test_a_day_that_waited_for_a_debit_is_compared_again_once_it_is_known(written: dict[date, bytes]) -> None:
    one = command("D1-1-1", state="unknown", look_at=days.at("03-19 07:00:00"))
    written[DAY] = file_of([])
    fetch_settlements(today=TODAY)
    assert ReconciledDay.objects.get().counts["waiting"] == 1
    matched_at = ReconciledDay.objects.get().matched_at
    fetch_settlements(today=TODAY)
    assert ReconciledDay.objects.get().matched_at == matched_at, "nothing is known yet"
    DebitCommand.objects.filter(pk=one.pk).update(state="declined", look_at=None)
    fetch_settlements(today=TODAY)
    assert (ReconciledDay.objects.get().counts["waiting"], Difference.objects.count()) == (0, 0)
