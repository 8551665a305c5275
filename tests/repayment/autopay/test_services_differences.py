"""What can end a ticket, and what cannot: nothing is booked beside its command, explained away alone, or forgotten."""

from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest

from backoffice.audit.approvals import approve
from backoffice.core.actors import Actor
from backoffice.repayment.domain.autopay.differences import Resolution
from backoffice.repayment.models import DebitCommand, Difference, Mandate, ReconciledDay, SettlementLine, SplitLine
from backoffice.repayment.services.autopay.differences import (
    Asked,
    ResolutionNotPossible,
    resolve_difference,
    ways_of,
)
from backoffice.repayment.services.autopay.file_truth import CommandCannotBecome, OtherCurrency, prove_amount
from backoffice.repayment.services.autopay.reconciling import DayNotExplained, close_day, compare_day, proof_of
from backoffice.repayment.services.autopay.telling import tell_returned
from tests.repayment.autopay import days
from tests.repayment.autopay.days import DAY, LEAD, NEXT, SHANGHAI, Line, command, operations_of, receive
from tests.repayment.factories import drifts

pytestmark = pytest.mark.django_db
JUNIOR = Actor(kind="staff", id=12, name="Jo", roles=frozenset({"senior_agent"}))
ON_THE_NEXT = "2026-03-18T07:00:02+08:00"


@pytest.fixture(autouse=True)
def _book() -> None:
    days.open_business_day()


def resolve(ticket: Difference, way: Resolution, *, actor: Actor = LEAD, **facts: Any) -> Any:
    asked = Asked(resolution=way, reason="seen with the bank", **facts)
    return resolve_difference(difference_id=ticket.pk, asked=asked, actor=actor)


def tickets(**facts: Any) -> list[tuple[str, str, str, str]]:
    rows = Difference.objects.filter(**facts).order_by("order_no", "kind")
    return [(row.order_no, row.kind, row.detail, row.state) for row in rows]


def ways(ticket: Difference) -> list[str]:
    return [way.value for way in ways_of(ticket)]


def only(**facts: Any) -> Difference:
    return Difference.objects.get(**facts)


def the_day(**facts: Any) -> ReconciledDay:
    return ReconciledDay.objects.get(**({"day": DAY} | facts))


def test_what_was_pending_and_is_booked_on_the_next_day_is_one_debit() -> None:
    unknown = command("D1-1-1", state="unknown")
    receive([Line("D1-1-1", code="PDNG")])
    assert (tickets(), the_day().counts["waiting"]) == ([("D1-1-1", "status", "code", "open")], 1)
    receive([Line("D1-1-1", at=ON_THE_NEXT)], day=NEXT)
    unknown.refresh_from_db()
    assert (unknown.state, tickets(state="open")) == ("succeeded", [])
    assert operations_of(unknown) == [("payment", "500.00", "2026-03-18")]
    assert the_day().counts["waiting"] == 0
    assert drifts(days.TODAY) == []


def test_a_second_debit_is_never_booked_beside_a_command_that_is_not_booked() -> None:
    declined = command("D1-1-1", state="declined")
    receive([Line("D1-1-1")])
    receive([Line("D1-1-1", at=ON_THE_NEXT)], day=NEXT)
    assert tickets() == [("D1-1-1", "long", "twice", "open"), ("D1-1-1", "status", "says_no", "open")]
    with pytest.raises(ResolutionNotPossible, match="An earlier file"):
        resolve(only(kind="long"), Resolution.BELIEVE)
    assert operations_of(declined) == []
    resolve(only(kind="status"), Resolution.BELIEVE)
    resolve(only(kind="long"), Resolution.BELIEVE)
    declined.refresh_from_db()
    assert declined.state == "succeeded"
    assert [kind for kind, _amount, _day in operations_of(declined)] == ["payment", "payment"]


def test_a_second_debit_that_is_alone_by_now_is_the_success_of_its_command() -> None:
    declined = command("D1-1-1", state="declined")
    receive([Line("D1-1-1")])
    receive([Line("D1-1-1", at=ON_THE_NEXT)], day=NEXT)
    resolve(only(kind="status"), Resolution.EXPLAIN)
    resolve(only(kind="long"), Resolution.BELIEVE)
    declined.refresh_from_db()
    assert (declined.state, operations_of(declined)) == ("succeeded", [("payment", "500.00", "2026-03-18")])
    assert only(kind="long").operation_id == declined.operation_id


@pytest.mark.parametrize("due_on", [DAY, days.TODAY + timedelta(days=8), date(2099, 12, 31)])
def test_a_file_is_not_waited_for_longer_than_a_week(due_on: date) -> None:
    command("D1-1-1")
    receive([])
    with pytest.raises(ResolutionNotPossible, match="of which later day"):
        resolve(only(), Resolution.LATER, due_on=due_on)
    assert only().state == "open"


def test_waiting_for_a_file_beyond_a_limit_needs_a_second_person() -> None:
    command("D1-1-1", amount="1000.00")
    receive([])
    asked = resolve(only(), Resolution.LATER, actor=JUNIOR, due_on=NEXT)
    assert (only().state, the_day().counts["unexplained"]) == ("open", 1)
    approve(approval_id=asked.approval_id, actor=LEAD)
    assert (only().state, only().due_on) == ("resolved", NEXT)
    assert (the_day().counts["unexplained"], the_day().counts["explained"]) == (0, 1)


def test_money_of_an_unknown_order_beyond_a_limit_needs_a_second_person() -> None:
    other = command("D1-1-1", state="declined")
    receive([Line("X9", amount="900.00")])
    asked = resolve(only(), Resolution.BELIEVE, actor=JUNIOR, loan_number=other.loan.external_id)
    assert (only().state, operations_of(other)) == ("open", [])
    approve(approval_id=asked.approval_id, actor=LEAD)
    assert (only().state, operations_of(other)) == ("resolved", [("payment", "900.00", "2026-03-17")])


def test_money_is_booked_only_on_a_loan_the_person_sees() -> None:
    other = command("D1-1-1", state="declined")
    receive([Line("X9", amount="70.00")])
    facts = {"loan_number": other.loan.external_id}
    with pytest.raises(ResolutionNotPossible, match="say which loan"):
        resolve(only(), Resolution.BELIEVE, portfolios=frozenset({"elsewhere"}), **facts)
    assert operations_of(other) == []
    resolve(only(), Resolution.BELIEVE, portfolios=frozenset({other.loan.portfolio}), **facts)
    assert operations_of(other) == [("payment", "70.00", "2026-03-17")]


def also_in(currency: str, of: DebitCommand) -> None:
    """The rail debits in that currency too, so that a file may speak of it."""
    Mandate.objects.create(
        borrower_id=of.borrower_id, rail=of.rail, agreement_no=f"AG-{currency}", kind="card", bank="B1",
        token=f"t{currency}", mask="****1", currency=currency, state="active", signed_on=date(2026, 1, 1),
    )  # fmt: skip


def test_money_is_booked_only_on_a_loan_of_its_currency() -> None:
    other = command("D1-1-1", state="declined")
    also_in("EUR", other)
    receive([Line("X9", currency="EUR")])
    with pytest.raises(ResolutionNotPossible, match="say which loan"):
        resolve(only(), Resolution.BELIEVE, loan_number=other.loan.external_id)
    assert operations_of(other) == []


def test_a_debit_of_which_the_file_says_no_is_declined_with_its_code() -> None:
    unknown = command("D1-1-1", state="unknown")
    receive([Line("D1-1-1", code="64")])
    assert ways(only()) == ["decline"]
    with pytest.raises(ResolutionNotPossible):
        resolve(only(), Resolution.BELIEVE)
    resolve(only(), Resolution.DECLINE)
    unknown.refresh_from_db()
    assert (unknown.state, unknown.code, unknown.family, operations_of(unknown)) == (
        "declined",
        "64",
        "insufficient_funds",
        [],
    )
    assert close_day(day_id=the_day().pk, reason="declined", actor=LEAD).state == "closed"


def test_declining_beyond_a_limit_needs_a_second_person() -> None:
    unknown = command("D1-1-1", state="unknown", amount="900.00")
    receive([Line("D1-1-1", amount="900.00", code="64")])
    asked = resolve(only(), Resolution.DECLINE, actor=JUNIOR)
    unknown.refresh_from_db()
    assert (unknown.state, only().state) == ("unknown", "open")
    approve(approval_id=asked.approval_id, actor=LEAD)
    unknown.refresh_from_db()
    assert (unknown.state, only().resolution) == ("declined", "decline")


def test_a_code_nobody_mapped_is_believed_by_two_people() -> None:
    unknown = command("D1-1-1", state="unknown", amount="900.00")
    receive([Line("D1-1-1", amount="900.00", code="Z9")])
    assert ways(only()) == ["believe", "refund", "decline"]
    assert resolve(only(), Resolution.BELIEVE, actor=JUNIOR).approval_id is not None
    unknown.refresh_from_db()
    assert unknown.state == "unknown"


def test_a_day_does_not_close_over_a_debit_under_way_whatever_its_ticket_says() -> None:
    command("D1-1-1", state="unknown")
    receive([Line("D1-1-1", code="64")])
    Difference.objects.update(state="resolved", resolution="explain", reason="as it was done once")
    with pytest.raises(DayNotExplained, match="nobody knows yet"):
        close_day(day_id=the_day().pk, reason="?", actor=LEAD)
    assert the_day().counts["waiting"] == 1


def test_an_amount_in_another_currency_is_never_booked() -> None:
    debited = command("D1-1-1")
    also_in("EUR", debited)
    receive([Line("D1-1-1", currency="EUR")])
    assert (tickets(), ways(only())) == ([("D1-1-1", "amount", "currency", "open")], ["explain"])
    with pytest.raises(OtherCurrency):
        prove_amount(
            command_id=debited.pk, proof=proof_of(SettlementLine.objects.get()), actor=LEAD, reason="seen with the bank"
        )
    assert operations_of(debited) == [("payment", "500.00", "2026-03-17")]


def test_an_unknown_debit_in_another_currency_is_never_booked() -> None:
    declined = command("D1-1-1", state="declined")
    also_in("EUR", declined)
    receive([Line("D1-1-1", currency="EUR")])
    assert ways(only()) == ["explain"]
    with pytest.raises(ResolutionNotPossible):
        resolve(only(), Resolution.BELIEVE)
    assert operations_of(declined) == []


def test_the_amount_of_what_went_back_is_not_corrected() -> None:
    returned = command("D1-1-1", state="returned")
    receive(
        [
            Line("D1-1-1", amount="400.00"),
            Line("D1-1-1", kind="return", amount="400.00", at="2026-03-17T11:00:00+08:00"),
        ]
    )
    for ticket in Difference.objects.all():
        assert ways(ticket) == ["explain"]
    line = SettlementLine.objects.get(kind="debit")
    with pytest.raises(CommandCannotBecome):
        prove_amount(command_id=returned.pk, proof=proof_of(line), actor=LEAD, reason="seen with the bank")


def test_an_explained_ticket_opens_again_when_the_facts_become_others() -> None:
    fund, debited = days.payee("fund-a"), command("D1-1-1")
    days.split_line(debited, "principal", fund, "400.00")
    number = debited.loan.external_id
    row = (debited.order_no, number, 1, "principal", "debit", "399.99", "CNY", "2026-03-17T07:00:02+08:00", 1)
    taken = days.receive_of_payee([row], whose=fund)
    resolve(only(), Resolution.EXPLAIN)
    compare_day(day_id=taken.day_id, actor=LEAD)
    assert close_day(day_id=taken.day_id, reason="a cent", actor=LEAD).state == "closed"
    SplitLine.objects.create(
        command=debited, operation_id=999_999, component="principal", payee=fund, currency="CNY", amount="40000.00",
        day=DAY,
    )  # fmt: skip
    reconciled = compare_day(day_id=taken.day_id, actor=LEAD)
    assert (only().state, only().ours, only().reason) == ("open", Decimal("40400.00"), "")
    assert (reconciled.state, reconciled.counts["unexplained"]) == ("open", 1)


def test_what_we_take_back_ourselves_is_no_difference_on_any_day_and_nobody_is_told() -> None:
    debited = command("D1-1-1")
    receive([])
    resolve(only(), Resolution.REVERSE)
    debited.refresh_from_db()
    assert debited.returned_at is not None
    today = debited.returned_at.astimezone(SHANGHAI).date()
    days.open_business_day(today)
    for day in (today, today + timedelta(days=1)):
        receive([], day=day)
    compare_day(day_id=the_day().pk, actor=LEAD)
    assert (tickets(), only().resolution) == ([("D1-1-1", "short", "absent", "resolved")], "reverse")
    assert tell_returned(command_ids=[debited.pk], at=debited.returned_at) == 0


def test_what_we_took_back_and_a_later_file_has_after_all_is_a_difference() -> None:
    debited = command("D1-1-1")
    receive([])
    resolve(only(), Resolution.REVERSE)
    receive([Line("D1-1-1", at=ON_THE_NEXT)], day=NEXT)
    assert tickets(state="open") == [("D1-1-1", "status", "says_no", "open")]
    resolve(only(state="open"), Resolution.BELIEVE)
    assert [kind for kind, _amount, _day in operations_of(debited)] == ["payment", "reversal", "payment"]


def test_money_that_is_not_booked_is_a_difference_until_it_is() -> None:
    debited = command("D1-1-1", state="planned")
    DebitCommand.objects.update(state="succeeded", succeeded_at=days.at("03-17 07:00:02"), is_unplaced=True)
    receive([Line("D1-1-1")])
    assert tickets() == [("D1-1-1", "status", "not_placed", "open")]
    assert ways(only()) == ["believe", "refund", "explain"]
    resolve(only(), Resolution.BELIEVE)
    debited.refresh_from_db()
    assert (debited.is_unplaced, operations_of(debited)) == (False, [("payment", "500.00", "2026-03-17")])
    assert debited.operation_id == only().operation_id
    compare_day(day_id=the_day().pk, actor=LEAD)
    assert the_day().counts["totals"][0]["outcome"] == "matched"
    assert drifts(days.TODAY) == []


def test_a_double_debit_is_paid_back_while_something_is_due() -> None:
    before = date(2026, 3, 16)
    debited = command("D1-1-1", moved="03-16 07:00:00", day=before)
    receive([Line("D1-1-1", at="2026-03-16T07:00:00+08:00")], day=before)
    receive([Line("D1-1-1")])
    resolve(only(), Resolution.REFUND)
    assert operations_of(debited)[1:] == [("payment", "500.00", "2026-03-19"), ("refund", "500.00", "2026-03-19")]
    assert drifts(days.TODAY) == []


def test_any_later_file_decides_what_a_day_waits_for() -> None:
    unknown, late = command("D1-1-1", state="unknown"), command("D2-1-1", moved="03-17 22:30:00")
    receive([])
    assert (the_day().counts["waiting"], tickets()) == (1, [("D2-1-1", "cutoff", "next_file", "open")])
    receive([], day=date(2026, 3, 20))
    unknown.refresh_from_db()
    assert (unknown.state, unknown.code, late.state) == ("declined", "not_in_file", "succeeded")
    assert tickets() == [("D2-1-1", "cutoff", "next_file", "resolved"), ("D2-1-1", "short", "absent", "open")]
