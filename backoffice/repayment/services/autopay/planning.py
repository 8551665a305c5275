"""The close of a day plans the debits of the next: one row for each bill, under the version in force then."""

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final

from django.db import transaction

from backoffice.calendars import clock
from backoffice.core.bulk import copy_rows, execute, fetch
from backoffice.repayment.domain.autopay.actions import PASSING
from backoffice.repayment.domain.autopay.debit_states import BillState
from backoffice.repayment.selectors.autopay.bills import FIRST, LAST, bills_to_debit, debits_anything
from backoffice.repayment.selectors.autopay.in_force import Ruling, rulings_on
from backoffice.repayment.selectors.verification import statement
from backoffice.repayment.services.autopay.debit_stops import end_those_over

COLUMNS: Final = (
    "loan_id",
    "borrower_id",
    "installment_number",
    "from_version",
    "due_date",
    "day",
    "version_id",
    "currency",
    "amount",
    "debited",
    "state",
    "stopped_by",
    "attempts",
    "tries_without_funds",
    "tries_over_limit",
    "skipped_mandates",
)
# A range that is planned again, after a kill or by hand, adds what is missing and leaves what is there.
STAGE: Final = """
CREATE TEMPORARY TABLE planned_debits (LIKE repayment_debitbill INCLUDING DEFAULTS) ON COMMIT DROP;
ALTER TABLE planned_debits DROP COLUMN id;
"""
# What was learnt of a bill on its last day counts on this one: how often there was not enough or too little room, and
# the agreements it was refused on for a reason that does not pass by itself. A bill has earlier days since it was due.
CARRIED: Final = ("tries_without_funds", "tries_over_limit", "skipped_mandates")
OWN: Final = tuple(name for name in COLUMNS if name not in CARRIED)
INSERT: Final = f"""
INSERT INTO repayment_debitbill ({", ".join((*OWN, *CARRIED))})
SELECT {", ".join(f"bill.{name}" for name in OWN)}, coalesce(before.tries_without_funds, bill.tries_without_funds),
       coalesce(before.tries_over_limit, bill.tries_over_limit), coalesce(before.skipped, bill.skipped_mandates)
FROM planned_debits bill LEFT JOIN LATERAL ({statement("carried_over.sql")}) before ON true
ON CONFLICT DO NOTHING
"""  # noqa: S608 - constants


@dataclass(frozen=True, slots=True)
class Planned:
    """What planning a range did: bills planned, those of them that are new."""

    bills: int = 0
    new: int = 0


def has_debits(*, day: date) -> bool:
    """Whether any version in force debits on a day."""
    return debits_anything(day=day, rulings=rulings_on(day))


@transaction.atomic
def plan_debits(*, day: date, first_id: int = FIRST, last_id: int = LAST) -> Planned:
    """Plan the bills of `day` for the loans of an id range; a second time adds what came since."""
    return plan_under(day=day, rulings=rulings_on(day), first_id=first_id, last_id=last_id)


def plan_under(*, day: date, rulings: list[Ruling], first_id: int, last_id: int) -> Planned:
    """Plan under given versions, within the caller's transaction."""
    found = bills_to_debit(day=day, rulings=rulings, first_id=first_id, last_id=last_id)
    execute(STAGE)
    bills = copy_rows(
        table="planned_debits",
        columns=COLUMNS,
        rows=(
            (
                bill.loan_id,
                bill.borrower_id,
                bill.installment_number,
                bill.from_version,
                bill.due_date,
                day,
                bill.version_id,
                bill.currency,
                bill.amount,
                0,
                BillState.OPEN.value,
                "",
                0,
                0,
                0,
                "[]",
            )
            for bill in found
        ),
    )
    new = execute(INSERT, {"day": day, "passing": sorted(PASSING)})
    execute("DROP TABLE planned_debits")
    return Planned(bills=bills, new=new)


@transaction.atomic
def end_day(*, day: date) -> int:
    """The day is over: what is still open of it is not tried any more, what was paid otherwise is settled. How many.

    Bills with an order in flight stay open until it is known.
    """
    settle_paid(day=day)
    end_those_over(day=day + timedelta(days=1), at=clock.now())
    return int(fetch(END, {"day": day})[0][0])


@transaction.atomic
def settle_paid(*, day: date) -> int:
    """Bills of the day and before that were paid another way are settled; gives how many."""
    return execute(SETTLE_PAID, {"day": day})


# In id order, as everybody locks bills: answers that come in meanwhile settle several of them. Each bill is looked up:
# a join would read every bill ever paid on a day of many.
SETTLE_PAID: Final = """
WITH paid AS (
    SELECT bill.id FROM repayment_debitbill bill
    CROSS JOIN LATERAL (
        SELECT 1 FROM repayment_installment due
        WHERE due.loan_id = bill.loan_id AND due.number = bill.installment_number
          AND due.from_version = bill.from_version AND due.settled_on IS NOT NULL
        LIMIT 1
    ) due
    WHERE bill.day <= %(day)s AND bill.state = 'open'
    ORDER BY bill.id FOR NO KEY UPDATE OF bill
)
UPDATE repayment_debitbill bill SET state = 'settled' FROM paid WHERE bill.id = paid.id
"""
END: Final = """
WITH ending AS (
    SELECT bill.id FROM repayment_debitbill bill
    WHERE bill.day <= %(day)s AND bill.state = 'open' AND NOT EXISTS (
        SELECT 1 FROM repayment_debitcommand command
        WHERE command.bill_id = bill.id AND command.state IN ('planned', 'submitted', 'unknown'))
    ORDER BY bill.id FOR NO KEY UPDATE OF bill
), over AS (
    UPDATE repayment_debitbill bill SET state = 'over' FROM ending WHERE bill.id = ending.id
    RETURNING 1
)
SELECT count(*) FROM over
"""
