"""The words of planned messages about a bill are true when they leave: corrected as the money moves."""

from collections.abc import Collection, Sequence

from backoffice.core.bulk import array_text, fetch
from backoffice.outreach.services.owing import About, Owed, planned_about, say_what_is_owed
from backoffice.repayment.selectors.verification import statement


def correct_planned(*, loan_ids: Collection[int]) -> int:
    """Puts what is left of its bill into every planned message about these loans; gives how many said something else.

    One query where nothing is planned. Called in the transaction that changed what the loans owe.
    """
    about = planned_about(loan_ids=loan_ids)
    if not about:
        return 0
    return say_what_is_owed(owed=owed_of(about=about))


def owed_of(*, about: Sequence[About]) -> dict[About, Owed]:
    """What is left of some bills, given as loan and due date; one query. Those paid or gone are left out."""
    rows = fetch(
        statement("owed_of_bills.sql"),
        {
            "loan_ids": array_text((loan_id for loan_id, _ in about), kind="bigint"),
            "due_dates": array_text((due_date for _, due_date in about), kind="date"),
        },
    )
    return {(row[0], row[1]): Owed(row[2], row[3], row[4]) for row in rows}
