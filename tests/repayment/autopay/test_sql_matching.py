"""The statements that compare a day, against slow Python that says the same."""

from collections import Counter
from datetime import date, timedelta
from decimal import Decimal
from itertools import product

import pytest
from django.conf import settings

from backoffice.core.bulk import fetch
from backoffice.repayment.domain.autopay.debit_states import IN_FLIGHT
from backoffice.repayment.domain.autopay.matching import Files, Ours, Outcome, Theirs, judge, rail_day
from backoffice.repayment.models import DebitCommand, Operation, Rail, SettlementFile, SettlementLine, SplitLine
from backoffice.repayment.selectors.verification import statement
from tests.repayment.autopay import days
from tests.repayment.autopay.days import DAY, NEXT, SHANGHAI
from tests.repayment.factories import post

pytestmark = pytest.mark.django_db
Key = tuple[str, str]
FILE_AT = days.at("03-17 18:00:00")
"""When the file of every day is taken in here: some movements of the day come after it."""


def judged_by_sql(rail: Rail, day: date, *, files: Files) -> tuple[dict[Key, str], Counter[str]]:
    """What the statement says: verdicts of what is not matched, and how many of each outcome."""
    params = {
        "rail": rail.pk,
        "day": day,
        "cut_off": rail.cut_off,
        "zone": settings.LENDER_TIME_ZONE,
        "done": ["00"],
        "is_next_known": files.next,
        "is_later_known": files.later,
        "not_in_file": "not_in_file",
        "file_at": FILE_AT,
    }
    rows = fetch(statement("match_settlement.sql"), params)
    verdicts = {(row[1], row[2]): f"{row[3]} {row[4]}".strip() for row in rows if row[0] == "order"}
    counts: Counter[str] = Counter()
    for row in rows:
        if row[0] == "total":
            counts[row[3]] += row[11]
    return verdicts, counts


def judged_by_python(rail: Rail, day: date, *, files: Files) -> tuple[dict[Key, str], Counter[str]]:
    """The same by the rules of the domain, one order after the other."""
    verdicts: dict[Key, str] = {}
    counts: Counter[str] = Counter()
    commands = {one.order_no: one for one in DebitCommand.objects.filter(rail=rail)}
    lines = list(SettlementLine.objects.filter(file__rail=rail).select_related("file"))
    here = {(line.order_no, line.kind): line for line in lines if line.file.day == day}
    for order_no, movement in {*here, *product(commands, ("debit", "return"))}:
        line, command = here.get((order_no, movement)), commands.get(order_no)
        others = [one for one in lines if (one.order_no, one.kind) == (order_no, movement) and one.file.day != day]
        moved = [one for one in others if one.kind == "return" or one.code in {"", "00"}]
        is_done = line is None or line.kind == "return" or line.code in {"", "00"}
        found = judge(
            movement=movement,
            ours=_ours(command, movement, rail) if command else None,
            theirs=Theirs(
                amount=line.amount,
                currency=line.currency,
                on=rail_day(at=line.at.astimezone(SHANGHAI), cut_off=rail.cut_off),
                is_twice=any(one.file.day < day for one in moved),
                is_done=is_done,
            )
            if line
            else None,
            day=day,
            files=files,
            is_elsewhere=bool(others) if is_done else any(one.file.day > day for one in moved),
        )
        if found.outcome is not Outcome.NOTHING:
            counts[found.outcome.value] += 1
        if found.outcome not in {Outcome.NOTHING, Outcome.MATCHED}:
            verdicts[order_no, movement] = f"{found.outcome} {found.why}".strip()
    return verdicts, counts


def _ours(command: DebitCommand, movement: str, rail: Rail) -> Ours:
    moment = command.returned_at if movement == "return" else command.succeeded_at
    on = rail_day(at=moment.astimezone(SHANGHAI), cut_off=rail.cut_off) if moment else None
    moved_on = moment.astimezone(SHANGHAI).date() if moment else None
    if command.state in IN_FLIGHT:
        assert command.submitted_at is not None
        on = max(command.day, rail_day(at=command.submitted_at.astimezone(SHANGHAI), cut_off=rail.cut_off))
    operation = Operation.objects.filter(pk=command.operation_id).first()
    undone = Operation.objects.filter(reverses=operation).first() if operation else None
    booked = operation.amount if operation else None
    if undone is not None and (command.state != "returned" or undone.pk != command.return_operation_id):
        booked = None
    if command.state == "returned" and command.is_unplaced and operation is not None:
        booked = operation.amount if movement == "debit" or undone is not None else None
    is_unplaced = command.is_unplaced and command.operation_id is None
    return Ours(
        state=command.state, amount=command.amount, currency=command.currency,
        booked=command.amount if is_unplaced else booked, on=on, moved_on=moved_on,
        is_unplaced=is_unplaced and command.state == "succeeded",
        is_taken_back=command.state == "returned" and command.code == "not_in_file",
        is_after_file=moment is not None and moment > FILE_AT,
    )  # type: ignore[arg-type]  # fmt: skip


def a_day_of_everything(rail: Rail) -> None:
    """Every state against every kind of line, before and after the cut-off, in files of three days."""
    files = {
        day: SettlementFile.objects.create(
            kind="channel", rail=rail, day=day, name=str(day), digest=str(day), line_count=0, total=0, actor_name="t"
        )
        for day in (DAY - timedelta(days=1), DAY, NEXT)
    }
    number = 0

    def line(order_no: str, day: date, amount: str, kind: str, at: str, currency: str = "CNY", code: str = "") -> None:
        nonlocal number
        number += 1
        SettlementLine.objects.create(
            file=files[day], number=number, order_no=order_no, kind=kind, amount=amount, currency=currency,
            at=days.at(at), code=code,
        )  # fmt: skip

    states = ("planned", "submitted", "unknown", "succeeded", "declined", "dropped", "returned")
    for state, moved in product(states, ("03-17 07:00:00", "03-17 22:30:00", "03-16 22:30:00")):
        in_file = [
            days.command(state=state, moved=moved, returned=moved)
            for _place in (
                "none",
                "here",
                "other amount",
                "other currency",
                "next",
                "before and here",
                "return",
                "both",
                "refused",
                "pending and next",
                "pending before and here",
            )
        ]
        late = "03-17 22:30:00"
        line(in_file[1].order_no, DAY, "500.00", "debit", moved)
        line(in_file[2].order_no, DAY, "400.00", "debit", late)
        line(in_file[3].order_no, DAY, "500.00", "debit", moved, currency="USD")
        line(in_file[4].order_no, NEXT, "500.00", "debit", late)
        line(in_file[5].order_no, DAY - timedelta(days=1), "500.00", "debit", "03-16 12:00:00")
        line(in_file[5].order_no, DAY, "500.00", "debit", moved)
        line(in_file[6].order_no, DAY, "500.00", "return", late)
        line(in_file[7].order_no, DAY, "500.00", "debit", moved)
        line(in_file[7].order_no, DAY, "500.00", "return", late)
        line(in_file[8].order_no, DAY, "500.00", "debit", moved, code="64")
        line(in_file[9].order_no, DAY, "500.00", "debit", moved, code="PDNG")
        line(in_file[9].order_no, NEXT, "500.00", "debit", late)
        line(in_file[10].order_no, DAY - timedelta(days=1), "500.00", "debit", moved, code="PDNG")
        line(in_file[10].order_no, DAY, "500.00", "debit", moved)
    for moved, code in product(("03-17 07:00:00", "03-17 22:30:00"), ("", "00", "64")):
        ours = days.command(state="returned", code="not_in_file", moved=moved, returned=moved)
        if code:
            line(ours.order_no, DAY, "500.00", "debit", moved, code=code)
    days.command(moved="03-17 20:00:00")
    days.command(state="returned", moved="03-17 08:00:00", returned="03-17 20:00:00")
    line("NOBODY-4", DAY, "70.00", "debit", "03-17 08:00:00", code="PDNG")
    line("NOBODY-4", NEXT, "70.00", "debit", "03-17 08:00:00")
    line("NOBODY-1", DAY, "70.00", "debit", "03-17 08:00:00")
    line("NOBODY-2", DAY, "70.00", "debit", "03-17 22:00:01")
    line("NOBODY-3", DAY, "70.00", "return", "03-17 08:00:00")
    unplaced = days.command(state="planned")
    unplaced.state, unplaced.succeeded_at, unplaced.is_unplaced = "succeeded", days.at("03-17 08:00:00"), True
    unplaced.save()
    line(unplaced.order_no, DAY, "500.00", "debit", "03-17 08:00:00")
    taken_back = days.command()
    post(taken_back.loan_id, "0.00", DAY, kind="reversal", reverses=taken_back.operation_id, business_date=days.TODAY)
    line(taken_back.order_no, DAY, "500.00", "debit", "03-17 08:00:00")


def test_the_statement_judges_a_day_as_the_rules_do() -> None:
    days.open_business_day()
    rail = days.rail()
    elsewhere = days.rail("other-rail")
    a_day_of_everything(rail)
    days.command(over=elsewhere)
    each = (Files(), Files(later=True), Files(next=True, later=True))
    for day, files in product((DAY - timedelta(days=1), DAY, NEXT), each):
        by_sql = judged_by_sql(rail, day, files=files)
        by_rules = judged_by_python(rail, day, files=files)
        assert sorted(by_sql[0].items() ^ by_rules[0].items()) == []
        assert by_sql[1] == by_rules[1]
        assert len(by_sql[0]) > (100 if day == DAY else 5)


def test_the_statement_of_a_payee_adds_up_as_python_does() -> None:
    days.open_business_day()
    fund, other = days.payee("fund-a"), days.payee("fund-b")
    commands = [days.command() for _number in range(5)]
    file = SettlementFile.objects.create(
        kind="funder", payee=fund, day=DAY, name="f", digest="f", line_count=0, total=0, actor_name="t"
    )
    for number, (command, told) in enumerate(zip(commands, ("400.00", "399.99", "", "400.00", "400.00"), strict=True)):
        days.split_line(command, "principal", fund, "400.00")
        days.split_line(command, "interest", other, "100.00")
        if told:
            SettlementLine.objects.create(
                file=file, number=number + 2, order_no=command.order_no, kind="debit", component="principal",
                amount=told, currency="CNY", at=days.at("03-17 09:00:00"), loan=command.loan.external_id,
                period=2 if number == 3 else 1, plan_version=9 if number == 4 else 1,
            )  # fmt: skip
    SettlementLine.objects.create(
        file=file, number=90, order_no="NOBODY", kind="debit", component="principal", amount="1.00", currency="CNY",
        at=days.at("03-17 09:00:00"), loan="L", period=1, plan_version=1,
    )  # fmt: skip
    rows = fetch(statement("match_payee_file.sql"), {"payee": fund.pk, "day": DAY})
    by_sql = {(row[1], row[2]): row[5] for row in rows if row[0] == "order"}
    assert by_sql == _judged_payee(fund.pk, file)
    assert sorted(by_sql.values()) == ["absent", "amount", "no_order", "period", "plan_version"]
    totals = [(row[2], row[4], row[8], row[9], row[11]) for row in rows if row[0] == "total"]
    assert totals == [
        ("principal", "matched", Decimal("400.00"), Decimal("400.00"), 1),
        ("principal", "payee", Decimal("1600.00"), Decimal("1200.99"), 5),
    ]


def _judged_payee(payee_id: int, file: SettlementFile) -> dict[Key, str]:
    ours: dict[Key, Decimal] = Counter()  # type: ignore[assignment]
    commands = {}
    for split in SplitLine.objects.filter(payee_id=payee_id, day=file.day).select_related("command"):
        commands[split.command.order_no] = split.command
        ours[split.command.order_no, split.component] += split.amount
    theirs = {(line.order_no, line.component): line for line in file.lines.all()}
    found = {}
    for key in {*ours, *theirs}:
        line, amount, command = theirs.get(key), ours.get(key), commands.get(key[0])
        if line is None:
            found[key] = "absent"
        elif amount is None or command is None:
            found[key] = "no_order"
        elif amount != line.amount:
            found[key] = "amount"
        elif line.period != command.installment_number:
            found[key] = "period"
        elif line.plan_version != command.from_version:
            found[key] = "plan_version"
    return found
