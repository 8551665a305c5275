"""A day is taken in, compared, explained and closed; what the file proves is done by itself."""

import io
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from backoffice.audit.approvals import approve
from backoffice.audit.models import AuditEntry
from backoffice.core.actors import Actor
from backoffice.repayment.domain.admission import RefundExceedsSuspense
from backoffice.repayment.domain.autopay.differences import Resolution
from backoffice.repayment.models import DebitCommand, Difference, ReconciledDay, SettlementFile, SettlementLine
from backoffice.repayment.services.autopay.differences import (
    Asked,
    DifferenceResolved,
    ResolutionNotPossible,
    hand_over_difference,
    resolve_difference,
    take_difference,
)
from backoffice.repayment.services.autopay.reconciling import DayNotExplained, close_day, compare_day
from backoffice.repayment.services.autopay.settlement_files import SettlementRefused, SettlementReplayed
from tests.repayment.autopay import days
from tests.repayment.autopay.days import DAY, LEAD, NEXT, Line, command, file_of, operations_of, receive
from tests.repayment.factories import drifts
from tests.staff.factories import TeamFactory, person

pytestmark = pytest.mark.django_db

JUNIOR = Actor(kind="staff", id=12, name="Jo", roles=frozenset({"senior_agent"}))


@pytest.fixture(autouse=True)
def _book() -> None:
    days.open_business_day()


def tickets(**facts: Any) -> list[tuple[str, str, str, str]]:
    rows = Difference.objects.filter(**facts).order_by("order_no", "kind")
    return [(row.order_no, row.kind, row.detail, row.state) for row in rows]


def resolve(ticket: Difference, way: Resolution, *, actor: Actor = LEAD, **facts: Any) -> Any:
    asked = Asked(resolution=way, reason="seen with the bank", **facts)
    return resolve_difference(difference_id=ticket.pk, asked=asked, actor=actor)


def only() -> Difference:
    return Difference.objects.get()


def the_day() -> ReconciledDay:
    return ReconciledDay.objects.get(day=DAY)


def test_a_day_that_agrees_closes() -> None:
    first, second = command("D1-1-1"), command("D2-1-1", state="returned")
    taken = receive([Line("D1-1-1"), Line("D2-1-1"), Line("D2-1-1", kind="return", at="2026-03-17T11:00:00+08:00")])
    reconciled = close_day(day_id=taken.day_id, reason="all matched", actor=LEAD)
    assert (first.state, second.state, reconciled.state, reconciled.closed_by) == (
        "succeeded",
        "returned",
        "closed",
        "Lea",
    )
    assert reconciled.counts["unexplained"] == 0
    assert reconciled.counts["totals"] == [
        {
            "movement": movement,
            "outcome": "matched",
            "currency": "CNY",
            "count": count,
            "asked": amount,
            "told": amount,
            "booked": amount,
        }
        for movement, count, amount in (("debit", 2, "1000.00"), ("return", 1, "500.00"))
    ]
    assert AuditEntry.objects.filter(verb="repayment.settlement.closed", reason="all matched").count() == 1


def test_a_bad_file_leaves_nothing_and_names_its_line() -> None:
    with pytest.raises(SettlementRefused) as caught:
        receive([], content=file_of([Line("D1-1-1"), Line("D2-1-1", kind="credit")]))
    assert str(caught.value.message) == "Line 3: its kind is neither debit nor return: credit."
    assert (days.files_kept(), SettlementLine.objects.count(), ReconciledDay.objects.count()) == (0, 0, 0)


def test_the_same_file_twice_is_one_file() -> None:
    command("D1-1-1")
    first, again = receive([Line("D1-1-1")]), receive([Line("D1-1-1")])
    assert (again.file_id, first.is_new, again.is_new, SettlementLine.objects.count()) == (
        first.file_id,
        True,
        False,
        1,
    )


def test_another_file_of_the_day_and_the_file_of_another_day_are_refused() -> None:
    receive([Line("D1-1-1", at="2026-03-17T22:30:00+08:00")])
    with pytest.raises(SettlementReplayed):
        receive([Line("D1-1-1", at="2026-03-17T22:30:00+08:00"), Line("D2-1-1")])
    with pytest.raises(SettlementReplayed):
        receive([Line("D1-1-1", at="2026-03-17T22:30:00+08:00")], day=NEXT)
    assert days.files_kept() == 1


def test_an_unknown_debit_in_the_file_is_settled_by_it() -> None:
    unknown = command("D1-1-1", state="unknown")
    receive([Line("D1-1-1")])
    unknown.refresh_from_db()
    assert (unknown.state, str(unknown.succeeded_at), unknown.reference) == (
        "succeeded",
        "2026-03-16 23:00:02+00:00",
        "ref-D1-1-1",
    )
    assert operations_of(unknown) == [("payment", "500.00", "2026-03-17")]
    assert tickets() == []
    assert drifts(days.TODAY) == []


def test_an_unknown_debit_and_its_return_in_one_file_are_both_booked() -> None:
    unknown = command("D1-1-1", state="unknown")
    receive([Line("D1-1-1"), Line("D1-1-1", kind="return", at="2026-03-17T11:00:00+08:00", code="AC06")])
    unknown.refresh_from_db()
    assert (unknown.state, unknown.code) == ("returned", "AC06")
    assert [kind for kind, _amount, _day in operations_of(unknown)] == ["payment", "reversal"]
    assert tickets() == []


def test_a_return_no_notice_told_of_is_booked() -> None:
    debited = command("D1-1-1", moved="03-10 07:00:00")
    receive([Line("D1-1-1", kind="return", code="AC06")])
    debited.refresh_from_db()
    assert (debited.state, the_day().counts["totals"][0]["outcome"]) == ("returned", "matched")


def test_an_unknown_debit_is_declined_when_the_next_file_has_it_neither() -> None:
    unknown = command("D1-1-1", state="unknown")
    receive([])
    with pytest.raises(DayNotExplained, match="nobody knows yet"):
        close_day(day_id=the_day().pk, reason="?", actor=LEAD)
    assert DebitCommand.objects.get().state == "unknown"
    receive([], day=NEXT)
    unknown.refresh_from_db()
    assert (unknown.state, unknown.code) == ("declined", "not_in_file")
    assert close_day(day_id=the_day().pk, reason="known now", actor=LEAD).state == "closed"


def test_a_success_after_the_cut_off_is_expected_in_the_next_file() -> None:
    command("D1-1-1", moved="03-17 22:30:00")
    receive([])
    assert tickets() == [("D1-1-1", "cutoff", "next_file", "open")]
    assert close_day(day_id=the_day().pk, reason="only the cut-off", actor=LEAD).state == "closed"
    receive([Line("D1-1-1", at="2026-03-17T22:30:00+08:00")], day=NEXT)
    assert tickets() == [("D1-1-1", "cutoff", "next_file", "resolved")]
    assert only().resolution == "cleared"


def test_a_success_the_next_file_lacks_too_is_short_there() -> None:
    command("D1-1-1", moved="03-17 22:30:00")
    receive([])
    receive([], day=NEXT)
    assert tickets(state="open") == [("D1-1-1", "short", "absent", "open")]
    assert Difference.objects.get(state="open").reconciled_day.day == NEXT


def test_every_kind_of_difference_is_a_ticket_and_the_day_does_not_close() -> None:
    command("D1-1-1")
    command("D2-1-1")
    command("D3-1-1", state="declined", code="64")
    command("D4-1-1")
    receive([Line("D2-1-1", amount="501.00"), Line("D3-1-1"), Line("D4-1-1", code="64"), Line("X9")])
    assert tickets() == [
        ("D1-1-1", "short", "absent", "open"),
        ("D2-1-1", "amount", "amount", "open"),
        ("D3-1-1", "status", "says_no", "open"),
        ("D4-1-1", "status", "code", "open"),
        ("X9", "long", "no_order", "open"),
    ]
    with pytest.raises(DayNotExplained, match="nobody explained yet: 5"):
        close_day(day_id=the_day().pk, reason="?", actor=LEAD)


def test_comparing_again_changes_nothing() -> None:
    command("D1-1-1")
    receive([Line("X9")])
    before = list(Difference.objects.order_by("pk").values())
    compare_day(day_id=the_day().pk, actor=LEAD)
    assert list(Difference.objects.order_by("pk").values()) == before


def test_a_ticket_clears_itself_when_its_cause_is_gone() -> None:
    late = command("D1-1-1", state="declined")
    receive([Line("D1-1-1")])
    resolve(only(), Resolution.BELIEVE)
    late.refresh_from_db()
    assert (late.state, operations_of(late)) == ("succeeded", [("payment", "500.00", "2026-03-17")])
    compare_day(day_id=the_day().pk, actor=LEAD)
    assert (only().resolution, only().operation_id) == ("believe", late.operation_id)
    assert close_day(day_id=the_day().pk, reason="believed", actor=LEAD).state == "closed"


def test_money_of_an_unknown_order_is_booked_on_the_loan_a_person_names() -> None:
    other = command("D1-1-1", state="declined")
    receive([Line("X9", amount="70.00")])
    with pytest.raises(ResolutionNotPossible, match="say which loan"):
        resolve(only(), Resolution.BELIEVE)
    resolve(only(), Resolution.BELIEVE, loan_number=other.loan.external_id)
    assert operations_of(other) == [("payment", "70.00", "2026-03-17")]
    assert the_day().counts["unexplained"] == 0


def test_what_was_debited_twice_is_paid_back_when_nothing_is_due() -> None:
    debited = command("D1-1-1", amount="1570.90", moved="03-16 07:00:00", day=days.date(2026, 3, 16))
    receive([Line("D1-1-1", amount="1570.90", at="2026-03-16T07:00:00+08:00")], day=days.date(2026, 3, 16))
    receive([Line("D1-1-1", amount="100.00")])
    assert tickets() == [("D1-1-1", "long", "twice", "open")]
    resolve(only(), Resolution.REFUND)
    assert operations_of(debited)[1:] == [("payment", "100.00", "2026-03-19"), ("refund", "100.00", "2026-03-19")]
    assert drifts(days.TODAY) == []


def test_a_refund_of_what_was_due_is_refused_whole() -> None:
    declined = command("D1-1-1", state="declined")
    receive([Line("D1-1-1")])
    with pytest.raises(RefundExceedsSuspense):
        resolve(only(), Resolution.REFUND)
    declined.refresh_from_db()
    assert (declined.state, operations_of(declined), only().state) == ("declined", [], "open")


def test_a_short_one_is_taken_back_as_a_return() -> None:
    debited = command("D1-1-1")
    receive([])
    resolve(only(), Resolution.REVERSE)
    debited.refresh_from_db()
    assert (debited.state, debited.code) == ("returned", "not_in_file")
    assert [kind for kind, _amount, _day in operations_of(debited)] == ["payment", "reversal"]
    compare_day(day_id=the_day().pk, actor=LEAD)
    assert the_day().counts["unexplained"] == 0
    assert drifts(days.TODAY) == []


def test_another_amount_is_booked_anew() -> None:
    debited = command("D1-1-1")
    receive([Line("D1-1-1", amount="400.00")])
    resolve(only(), Resolution.CORRECT)
    debited.refresh_from_db()
    assert (debited.state, debited.amount) == ("succeeded", Decimal("400.00"))
    assert [(kind, amount) for kind, amount, _day in operations_of(debited)] == [
        ("payment", "500.00"),
        ("reversal", "0.00"),
        ("payment", "400.00"),
    ]
    compare_day(day_id=the_day().pk, actor=LEAD)
    assert the_day().counts["totals"][0]["outcome"] == "matched"
    assert drifts(days.TODAY) == []


def test_a_short_one_expected_later_opens_again_when_that_file_lacks_it() -> None:
    command("D1-1-1")
    receive([])
    resolve(only(), Resolution.LATER, due_on=NEXT)
    compare_day(day_id=the_day().pk, actor=LEAD)
    assert only().state == "resolved"
    receive([], day=NEXT)
    assert tickets() == [("D1-1-1", "short", "absent", "open")]


def test_a_short_one_expected_later_stays_explained_when_that_file_has_it() -> None:
    command("D1-1-1")
    receive([])
    resolve(only(), Resolution.LATER, due_on=NEXT)
    receive([Line("D1-1-1", at="2026-03-18T07:00:00+08:00")], day=NEXT)
    assert (only().state, only().resolution, only().resolved_by) == ("resolved", "cleared", "Lea")


def test_money_that_moves_back_beyond_a_limit_waits_for_a_second_person() -> None:
    debited = command("D1-1-1", amount="900.00")
    receive([])
    asked = resolve(only(), Resolution.REVERSE, actor=JUNIOR)
    assert (only().state, operations_of(debited)) == ("open", [("payment", "900.00", "2026-03-17")])
    approve(approval_id=asked.approval_id, actor=LEAD)
    assert (only().state, only().resolved_by, len(operations_of(debited))) == ("resolved", "Jo", 2)


def test_an_administrator_explains_nothing_away_alone() -> None:
    receive([Line("X9")])
    admin = Actor(kind="staff", id=13, name="Ann", roles=frozenset({"admin"}))
    assert resolve(only(), Resolution.EXPLAIN, actor=admin).approval_id is not None


def test_a_ticket_ends_once_and_for_a_reason() -> None:
    receive([Line("X9")])
    with pytest.raises(ResolutionNotPossible, match="Say why"):
        resolve_difference(difference_id=only().pk, asked=Asked(resolution=Resolution.EXPLAIN, reason=" "), actor=LEAD)
    resolve(only(), Resolution.EXPLAIN)
    with pytest.raises(DifferenceResolved):
        resolve(only(), Resolution.EXPLAIN)
    with pytest.raises(DifferenceResolved):
        take_difference(difference_id=only().pk, actor=LEAD)


def test_a_ticket_has_an_owner_and_the_trail_knows() -> None:
    receive([Line("X9")])
    take_difference(difference_id=only().pk, actor=LEAD)
    assert (only().owner_id, only().owner_name) == (11, "Lea")
    hand_over_difference(difference_id=only().pk, owner_id=12, owner_name="Jo", reason="my day off", actor=LEAD)
    assert only().owner_name == "Jo"
    entries = AuditEntry.objects.filter(verb="repayment.difference.taken").order_by("id")
    assert [(entry.after["owner"], entry.reason) for entry in entries] == [("Lea", ""), ("Jo", "my day off")]


def test_a_return_after_a_double_debit_waits_for_a_person() -> None:
    before = days.date(2026, 3, 16)
    debited = command("D1-1-1", moved="03-16 07:00:00", day=before)
    receive([Line("D1-1-1", at="2026-03-16T07:00:00+08:00")], day=before)
    receive([Line("D1-1-1")])
    receive([Line("D1-1-1", kind="return", at="2026-03-18T07:00:00+08:00")], day=NEXT)
    debited.refresh_from_db()
    assert debited.state == "succeeded"
    assert tickets(state="open") == [
        ("D1-1-1", "long", "twice", "open"),
        ("D1-1-1", "status", "after_twice", "open"),
    ]


def test_a_closed_day_opens_again_when_a_difference_comes_up() -> None:
    debited = command("D1-1-1")
    receive([Line("D1-1-1")])
    close_day(day_id=the_day().pk, reason="ok", actor=LEAD)
    days.post(debited.loan_id, "0.00", DAY, kind="reversal", reverses=debited.operation_id, business_date=days.TODAY)
    compare_day(day_id=the_day().pk, actor=LEAD)
    assert (the_day().state, tickets()) == ("open", [("D1-1-1", "status", "not_booked", "open")])
    assert AuditEntry.objects.filter(verb="repayment.settlement.reopened").count() == 1


def test_the_file_of_a_funder_is_held_against_our_splits() -> None:
    fund = days.payee("fund-a")
    first, second = command("D1-1-1"), command("D2-1-1")
    for one in (first, second):
        days.split_line(one, "principal", fund, "400.00")
    rows = [
        (one.order_no, one.loan.external_id, 1, "principal", "debit", amount, "CNY", "2026-03-17T07:00:02+08:00", 1)
        for one, amount in ((first, "400.00"), (second, "399.00"))
    ]
    taken = days.receive_of_payee(rows, whose=fund)
    assert tickets() == [("D2-1-1", "payee", "amount", "open")]
    assert (only().component, only().ours, only().theirs) == ("principal", Decimal("400.00"), Decimal("399.00"))
    with pytest.raises(DayNotExplained):
        close_day(day_id=taken.day_id, reason="?", actor=LEAD)
    resolve(only(), Resolution.EXPLAIN)
    assert close_day(day_id=taken.day_id, reason="their file was wrong", actor=LEAD).state == "closed"


def test_the_file_of_a_platform_is_nobodys() -> None:
    with pytest.raises(SettlementRefused, match="neither a funder nor a guarantor"):
        days.receive_of_payee([], whose=days.payee("app", kind="platform"))


def test_who_sees_a_ticket() -> None:
    command("D1-1-1")
    receive([Line("X9")])
    seen = {
        portfolio: [
            ticket.order_no
            for ticket in Difference.objects.visible_to(
                person("team_lead", team=TeamFactory(portfolios=[portfolio]))
            ).order_by("order_no")
        ]
        for portfolio in ("cash", "other")
    }
    assert seen == {"cash": ["D1-1-1", "X9"], "other": ["X9"]}


def test_a_file_read_twice_at_its_beginning_has_one_digest() -> None:
    content = io.BytesIO(file_of([Line("X9")]))
    content.seek(40)
    receive([], content=content.getvalue())
    assert receive([Line("X9")]).is_new is False


def test_a_file_may_bring_what_an_earlier_day_missed_and_ends_its_ticket() -> None:
    """A rail that wrote no file over some days, or closed its own before the movement came."""
    command("D1-1-1", moved="03-17 21:00:00")
    receive([])
    assert tickets() == [("D1-1-1", "short", "absent", "open")]
    receive([Line("D1-1-1", at="2026-03-17T21:00:00+08:00")], day=NEXT + timedelta(days=2))
    assert [row[3] for row in tickets()] == ["resolved"]
    with pytest.raises(SettlementRefused):
        receive([Line("D2-1-1", at="2026-03-17T21:00:00+08:00")], day=DAY + timedelta(days=8))


def test_what_happened_after_the_file_was_here_waits_for_the_next_one() -> None:
    receive([])
    SettlementFile.objects.update(received_at=days.at("03-17 20:00:00"))
    command("D1-1-1", moved="03-17 21:00:00")
    compare_day(day_id=the_day().pk, actor=LEAD)
    assert tickets() == [("D1-1-1", "cutoff", "next_file", "open")]
    assert the_day().counts["unexplained"] == 0
    receive([], day=NEXT)
    assert ("D1-1-1", "short", "absent", "open") in tickets()
