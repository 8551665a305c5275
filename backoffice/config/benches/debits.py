"""Debits without the wire: a day's bills planned, a slot built, commands let out and settled, a file taken in.

The book has a bill of every loan on the day. A fifth of it is ruled by a version on trial, whose slot is built.
"""

import csv
from datetime import UTC, date, datetime, time, timedelta
from io import BytesIO, StringIO
from typing import Final

from backoffice.config.benches import floor
from backoffice.config.benches.results import Row, Say, seconds_of
from backoffice.core.actors import SYSTEM
from backoffice.core.bulk import execute, fetch
from backoffice.dayend.steps import IDS_PER_RANGE
from backoffice.repayment.domain.autopay.handover import Answer, Outcome
from backoffice.repayment.domain.autopay.version_states import VersionState
from backoffice.repayment.models import AutopayVersion, DebitBatch, Rail, ReconciledDay
from backoffice.repayment.selectors.verification import id_ranges
from backoffice.repayment.services.autopay import building, handing, planning, reconciling, settling, submitting
from backoffice.repayment.services.autopay.starting import load_starter_autopay

HTTP_RAIL: Final = "union"
SECRETS: Final = {HTTP_RAIL: "a secret that no rail of a bench ever reads"}
ON_TRIAL: Final = 5
"""One loan in so many is ruled by the version whose slot is built."""
MORNING: Final = time(22, tzinfo=UTC)
"""Six o'clock in the lender's morning, on the day before by UTC."""

MANDATES = """
INSERT INTO repayment_mandate (borrower_id, rail_id, agreement_no, kind, bank, token, mask, currency, state, priority,
    allows_partial, signed_on, source)
SELECT id, %(rail)s, 'AG-' || id, 'account', 'CN01', 'tok-' || id, '**** 0000', 'CNY', 'active', 1, true,
       %(day)s::date - 30, 'bench'
FROM customers_borrower
"""
TRIAL = """
INSERT INTO repayment_canaryloan (version_id, loan_id)
SELECT %(version)s, id FROM repayment_loan WHERE id %% %(share)s = 0
"""
# The same bills on another day.
BILLS_AGAIN = """
SELECT loan_id, borrower_id, installment_number, from_version, due_date, day + 400 AS day, version_id, currency, amount,
       debited, state, stopped_by, attempts, tries_without_funds, tries_over_limit, skipped_mandates
FROM repayment_debitbill
"""
# The same commands, with numbers of their own, for bills that no slot has tried.
COMMANDS_AGAIN = """
SELECT 'F' || command.order_no AS order_no, command.purpose, other.id AS bill_id, command.batch_id, command.version_id,
       command.loan_id, command.borrower_id, command.installment_number, command.from_version, command.attempt,
       command.day, command.mandate_id, command.rail_id, command.currency, command.forecast, command.amount,
       command.state, command.code, command.family, command.reference, command.tries, command.looks,
       command.is_unplaced
FROM (SELECT *, row_number() OVER (ORDER BY id) AS place FROM repayment_debitcommand) command
JOIN (SELECT id, row_number() OVER (ORDER BY id) AS place FROM repayment_debitbill
      WHERE NOT EXISTS (SELECT 1 FROM repayment_debitcommand tried WHERE tried.bill_id = repayment_debitbill.id)
     ) other USING (place)
"""
MOVES_AGAIN = """
SELECT command_id, from_state, to_state, code, detail, actor_id, actor_name, at FROM repayment_debitmove
"""
SPLITS_AGAIN = """
SELECT command_id, -operation_id AS operation_id, component, payee_id, currency, amount, day, cause
FROM repayment_splitline
"""
LINES_AGAIN = """
SELECT file_id, number + 1000000 AS number, 'F' || order_no AS order_no, kind, component, amount, currency, at, code,
       reference, loan, period, plan_version
FROM repayment_settlementline
"""
SUCCEEDED = """
SELECT order_no, amount, currency, to_char(succeeded_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"+00:00"')
FROM repayment_debitcommand WHERE state = 'succeeded' AND batch_id = %s ORDER BY id
"""


def measure(*, on: date, loans: int, say: Say) -> list[Row]:
    """The rows, on a book whose loans have a bill due on the business date `on`; it is planned and debited."""
    trial = _configure(on=on)
    planned = _plan(on, say)
    at = datetime.combine(on - timedelta(days=1), MORNING)
    built = _build(trial, at=at, say=say)
    batch = DebitBatch.objects.get(version=trial)
    settled = _settle(batch, at=at, most=batch.commands, say=say)
    return [planned, built, settled, _take_in(batch, on=on, say=say)]


def _configure(*, on: date) -> AutopayVersion:
    """Everybody with an agreement; the starter's version for all loans, and the same on trial for a fifth of them."""
    load_starter_autopay(effective_from=on, actor=SYSTEM)
    active = AutopayVersion.objects.get(state=VersionState.ACTIVE.value)
    trial = AutopayVersion.objects.create(
        configuration=active.configuration,
        number=active.number + 1,
        state=VersionState.CANARY.value,
        content=active.content,
        effective_from=on,
        approved_at=datetime.combine(on, time(), tzinfo=UTC),
        created_by_name=SYSTEM.name,
    )
    begun = datetime.combine(on, time(), tzinfo=UTC) - timedelta(days=1)
    Rail.objects.filter(code=HTTP_RAIL).update(per_second=999_999, refilled_at=begun)
    execute(MANDATES, {"rail": Rail.objects.get(code=HTTP_RAIL).pk, "day": on})
    execute(TRIAL, {"version": trial.pk, "share": ON_TRIAL})
    execute("ANALYZE repayment_mandate, repayment_canaryloan")
    return trial


def _plan(on: date, say: Say) -> Row:
    """The ranges of the close, one after the other on one connection."""
    bills: list[int] = []

    def plan() -> None:
        bills.extend(
            planning.plan_debits(day=on, first_id=first, last_id=last).new
            for first, last in id_ranges(size=IDS_PER_RANGE)
        )

    seconds = seconds_of(plan)
    execute("ANALYZE repayment_debitbill")
    say(f"{sum(bills):,} bills planned in {seconds:.1f} s")
    return _row(
        "debits: a day's bills planned",
        count=sum(bills),
        seconds=seconds,
        floor_seconds=floor.seconds_of_rows(table="repayment_debitbill", rows=BILLS_AGAIN),
    )


def _build(version: AutopayVersion, *, at: datetime, say: Say) -> Row:
    made: list[int] = []
    slot = version.content["slots"][0]["id"]
    seconds = seconds_of(
        lambda: made.append(
            building.begin_now(version_id=version.pk, slot_id=slot, at=at, reason="bench", actor=SYSTEM)
        )
    )
    execute("ANALYZE repayment_debitcommand")
    say(f"{made[0]:,} commands built in {seconds:.1f} s")
    return _row(
        "debits: a slot's commands built",
        count=made[0],
        seconds=seconds,
        floor_seconds=floor.seconds_of_rows(table="repayment_debitcommand", rows=COMMANDS_AGAIN),
    )


def _settle(batch: DebitBatch, *, at: datetime, most: int, say: Say) -> Row:
    """Chunks leave and succeed at once; nothing goes over a wire."""
    before, left = floor.marks(), 0

    def settle() -> None:
        nonlocal left
        while left < most:
            leaving = submitting.let_out(batch_id=batch.pk, at=at + timedelta(milliseconds=left))
            answers = {
                one.row.id: Answer(
                    outcome=Outcome.SUCCEEDED, code="00", reference="bench", at=at, amount=one.outgoing.amount
                )
                for one in leaving
            }
            settling.learn(answers=answers, at=at + timedelta(milliseconds=left + 1), actor=SYSTEM)
            if not leaving:
                state = fetch("SELECT state, reason FROM repayment_debitbatch WHERE id = %s", [batch.pk])
                msg = f"the batch stopped after {left} debits: {state}"
                raise AssertionError(msg)
            left += len(leaving)

    seconds = seconds_of(settle)
    say(f"{left:,} debits let out and settled in {seconds:.1f} s")
    bare = floor.seconds_from_client(floor.twin_since(before), chunk=handing.CHUNK)
    bare += floor.seconds_of_rows(table="repayment_debitmove", rows=MOVES_AGAIN)
    bare += floor.seconds_of_rows(table="repayment_splitline", rows=SPLITS_AGAIN)
    return _row("debits: let out and settled, without the wire", count=left, seconds=seconds, floor_seconds=bare)


def _take_in(batch: DebitBatch, *, on: date, say: Say) -> Row:
    """The file of a day in which everything matches: read, kept, and compared with commands and ledger."""
    rail = Rail.objects.get(code=HTTP_RAIL)
    content, lines = _file(batch)
    seconds = seconds_of(
        lambda: reconciling.receive_channel_file(rail=rail, day=on, name="bench.csv", content=content, actor=SYSTEM)
    )
    counts = ReconciledDay.objects.get(rail=rail, day=on).counts
    if counts.get("unexplained") or counts.get("waiting"):
        msg = f"the file does not match: {counts}"
        raise AssertionError(msg)
    say(f"{lines:,} lines taken in and compared in {seconds:.1f} s")
    return _row(
        "debits: a settlement file taken in and compared",
        count=lines,
        seconds=seconds,
        floor_seconds=floor.seconds_of_rows(table="repayment_settlementline", rows=LINES_AGAIN),
    )


def _file(batch: DebitBatch) -> tuple[BytesIO, int]:
    rows = fetch(SUCCEEDED, [batch.pk])
    text = StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["order_no", "kind", "amount", "currency", "at", "code", "reference"])
    for order_no, amount, currency, moment in rows:
        writer.writerow([order_no, "debit", f"{amount:.2f}", currency, moment, "00", "bench"])
    writer.writerow(["#trailer", len(rows), f"{sum(row[1] for row in rows):.2f}"])
    return BytesIO(text.getvalue().encode()), len(rows)


def _row(name: str, *, count: int, seconds: float, floor_seconds: float) -> Row:
    return Row(name=name, size=count, seconds=seconds, rate=count / seconds, floor_ratio=floor_seconds / seconds)
