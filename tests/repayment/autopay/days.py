"""Rails, mandates, commands and settlement files for the tests of reconciliation, each made in one line."""

import io
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, time
from decimal import Decimal
from itertools import count
from typing import Any
from zoneinfo import ZoneInfo

from backoffice.calendars.models import BusinessDay
from backoffice.core.actors import Actor
from backoffice.repayment.models import DebitCommand, Loan, Mandate, Operation, Payee, Rail, SettlementFile, SplitLine
from backoffice.repayment.services.autopay.reconciling import receive_channel_file, receive_payee_file
from backoffice.repayment.services.autopay.settlement_files import TakenIn
from tests.repayment.factories import open_loan, post

SHANGHAI = ZoneInfo("Asia/Shanghai")
DAY = date(2026, 3, 17)
NEXT = date(2026, 3, 18)
TODAY = date(2026, 3, 19)
LEAD = Actor(kind="staff", id=11, name="Lea", roles=frozenset({"team_lead"}))
HEADER = "order_no,kind,amount,currency,at,code,reference"
PAYEE_HEADER = "order_no,loan,period,component,kind,amount,currency,at,plan_version"
_numbers = count(1)


@dataclass(frozen=True, slots=True)
class Line:
    """A line of a rail's file before it is written."""

    order_no: str
    amount: str = "500.00"
    kind: str = "debit"
    at: str = "2026-03-17T07:00:02+08:00"
    currency: str = "CNY"
    code: str = "00"


def file_of(lines: Iterable[Line], *, header: str = HEADER) -> bytes:
    """A whole settlement file with its trailer."""
    rows = list(lines)
    total = sum((Decimal(row.amount) for row in rows), Decimal("0.00"))
    body = [
        f"{row.order_no},{row.kind},{row.amount},{row.currency},{row.at},{row.code},ref-{row.order_no}" for row in rows
    ]
    return "\n".join([header, *body, f"#trailer,{len(rows)},{total}", ""]).encode()


def payee_file_of(rows: Iterable[tuple[Any, ...]]) -> bytes:
    """A funder's or guarantor's file: rows in the order of its header."""
    cells = [[str(cell) for cell in row] for row in rows]
    total = sum((Decimal(row[5]) for row in cells), Decimal("0.00"))
    return "\n".join([PAYEE_HEADER, *(",".join(row) for row in cells), f"#trailer,{len(cells)},{total}", ""]).encode()


def rail(code: str = "union-main", *, cut_off: time = time(22)) -> Rail:
    """A rail that is open all day."""
    return Rail.objects.get_or_create(
        code=code,
        defaults={
            "name": code, "kind": "http", "scheme": "unionpay", "url": "http://127.0.0.1:1", "opens": time(0),
            "closes": time(23, 59), "cut_off": cut_off,
        },
    )[0]  # fmt: skip


def payee(code: str = "fund-a", kind: str = "funder") -> Payee:
    """Somebody a debit is split to."""
    return Payee.objects.get_or_create(code=code, defaults={"name": code, "kind": kind})[0]


def at(text: str) -> datetime:
    """A time in Shanghai: "03-17 07:00:02"."""
    return datetime.fromisoformat(f"2026-{text}").replace(tzinfo=SHANGHAI)


def open_business_day(day: date = TODAY) -> None:
    """The book is on that day."""
    BusinessDay.objects.update_or_create(pk=BusinessDay.ONLY, defaults={"today": day})


def command(
    order_no: str = "",
    *,
    state: str = "succeeded",
    amount: str = "500.00",
    over: Rail | None = None,
    moved: str = "03-17 07:00:02",
    day: date = DAY,
    currency: str = "CNY",
    **facts: Any,
) -> DebitCommand:
    """A command on a loan of its own, booked when it succeeded or was returned (`returned` says when)."""
    number = next(_numbers)
    over = over or rail()
    loan = Loan.objects.get(pk=open_loan(disbursed_on=date(2026, 2, 17)))
    mandate = Mandate.objects.create(
        borrower_id=loan.borrower_id, rail=over, agreement_no=f"AG-{number}", kind="card", bank="B1",
        token=f"t{number}", mask="****1", currency=currency, state="active", signed_on=date(2026, 1, 1),
    )  # fmt: skip
    returned = facts.pop("returned", "03-17 11:00:00")
    made = DebitCommand(
        order_no=order_no or f"D{number}-1-1", purpose="debit", loan=loan, borrower_id=loan.borrower_id,
        installment_number=1, attempt=1, day=day, mandate=mandate, rail=over, currency=currency,
        forecast=amount, amount=amount, state=state, submitted_at=at(moved),
        lease_until=at(moved) if state == "submitted" else None, **facts,
    )  # fmt: skip
    if state in {"succeeded", "returned"}:
        made.succeeded_at = at(moved)
        made.operation_id = post(
            loan.pk, amount, made.succeeded_at.date(), business_date=TODAY, source="autopay", external_id=made.order_no
        )
    if state == "returned":
        made.returned_at = at(returned)
        made.return_operation_id = post(
            loan.pk, "0.00", made.returned_at.date(), kind="reversal", reverses=made.operation_id, business_date=TODAY
        )
    made.save()
    return made


def receive(
    lines: Iterable[Line], *, over: Rail | None = None, day: date = DAY, content: bytes | None = None
) -> TakenIn:
    """A rail's file of a day, taken in and compared."""
    return receive_channel_file(
        rail=over or rail(),
        day=day,
        name=f"{day}.csv",
        content=io.BytesIO(file_of(lines) if content is None else content),
        actor=LEAD,
    )


def receive_of_payee(rows: Iterable[tuple[Any, ...]], *, whose: Payee, day: date = DAY) -> TakenIn:
    """A payee's file of a day, taken in and compared."""
    content = io.BytesIO(payee_file_of(rows))
    return receive_payee_file(payee=whose, day=day, name=f"{day}.csv", content=content, actor=LEAD)


def split_line(of: DebitCommand, component: str, whose: Payee, amount: str, *, operation_id: int | None = None) -> None:
    """What a payee gets of a command."""
    SplitLine.objects.create(
        command=of, operation_id=operation_id or of.operation_id or 0, component=component, payee=whose, currency="CNY",
        amount=amount, day=DAY,
    )  # fmt: skip


def operations_of(made: DebitCommand) -> list[tuple[str, str, str]]:
    """What is booked on its loan beside the disbursement: kind, amount, value date."""
    rows = Operation.objects.filter(loan_id=made.loan_id).exclude(kind="disbursement").order_by("id")
    return [(row.kind, str(row.amount), str(row.value_date)) for row in rows]


def files_kept() -> int:
    """How many settlement files are in the books."""
    return SettlementFile.objects.count()
