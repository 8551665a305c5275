"""What a hold on many borrowers comes to, in numbers of today: how many they are, how many of them are overdue."""

from dataclasses import dataclass
from datetime import date

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from backoffice.audit.models import Approval
from backoffice.core.bulk import fetch
from backoffice.core.formats import count_text
from backoffice.customers.domain.hold_policy import MATRIX
from backoffice.customers.domain.holds import HoldReason, HoldScope
from backoffice.customers.models import BulkHold
from backoffice.customers.models.hold_labels import effect_text

PREVIEW = """
SELECT count(*), count(*) FILTER (WHERE loans.overdue > 0), coalesce(sum(loans.open), 0),
       coalesce(sum(loans.overdue), 0),
       count(*) FILTER (WHERE EXISTS (
           SELECT FROM customers_hold hold
           WHERE hold.borrower_id = meant.id AND hold.loan_id IS NULL AND hold.reason = %(reason)s
             AND hold.period && daterange(%(start)s, %(end)s)
       ))
FROM (
    SELECT DISTINCT coalesce(borrower.merged_into_id, borrower.id) AS id
    FROM customers_borrower borrower WHERE borrower.id = ANY(%(borrower_ids)s)
) meant
CROSS JOIN LATERAL (
    SELECT count(*) AS open, count(*) FILTER (WHERE loan.status = 'active' AND loan.overdue_amount > 0) AS overdue
    FROM repayment_loan loan WHERE loan.borrower_id = meant.id AND loan.status <> 'closed'
) loans
"""

LEFT = """
SELECT count(DISTINCT hold.borrower_id),
       count(DISTINCT hold.borrower_id) FILTER (WHERE EXISTS (
           SELECT FROM repayment_loan loan
           WHERE loan.borrower_id = hold.borrower_id AND loan.status = 'active' AND loan.overdue_amount > 0
       ))
FROM customers_hold hold
WHERE hold.bulk_id = %(bulk_id)s AND hold.lifted_at IS NULL AND upper(hold.period) > %(on)s
"""


@dataclass(frozen=True, slots=True)
class BulkPreview:
    """Borrowers a bulk hold is for, those of them overdue today, their open loans and the overdue ones of these.

    `held_already` have a hold of the same reason in the period; what it covers is not placed a second time.
    """

    borrowers: int
    overdue: int
    open_loans: int
    overdue_loans: int
    held_already: int

    @property
    def sentence(self) -> str:
        """ "1,204 borrowers, 310 of them overdue"."""
        return borrowers_text(borrowers=self.borrowers, overdue=self.overdue)


def bulk_preview(*, bulk: BulkHold) -> BulkPreview:
    """The numbers of today; one query."""
    (row,) = fetch(
        PREVIEW,
        {
            "borrower_ids": bulk.borrower_ids,
            "reason": bulk.reason,
            "start": bulk.start,
            "end": bulk.end_exclusive,
        },
    )
    return BulkPreview(*(int(number) for number in row))


def still_held(*, bulk: BulkHold, on: date) -> tuple[int, int]:
    """Borrowers whose holds of the bulk would end by lifting it on a day, and those of them overdue; one query."""
    (row,) = fetch(LEFT, {"bulk_id": bulk.pk, "on": on})
    return int(row[0]), int(row[1])


def borrowers_text(*, borrowers: int, overdue: int) -> str:
    """Borrowers and those of them overdue, in words."""
    return ngettext(
        "%(borrowers)s borrower, %(overdue)s of them overdue",
        "%(borrowers)s borrowers, %(overdue)s of them overdue",
        borrowers,
    ) % {"borrowers": count_text(borrowers), "overdue": count_text(overdue)}


def effects_text(*, bulk: BulkHold) -> str:
    """What the bulk hold does, in one sentence."""
    policy = MATRIX[HoldReason(bulk.reason)]
    return _("; ").join(
        effect_text(scope=scope, effect=policy.effect_on(scope=HoldScope(scope))) for scope in bulk.scopes
    )


def placing_text(*, bulk: BulkHold, preview: BulkPreview) -> str:
    """What placing it does, in one sentence with numbers."""
    return _("%(who)s: %(effects)s, from %(start)s until before %(end)s. %(held)s have such a hold already.") % {
        "who": preview.sentence,
        "effects": effects_text(bulk=bulk),
        "start": bulk.start.isoformat(),
        "end": bulk.end_exclusive.isoformat(),
        "held": count_text(preview.held_already),
    }


def lifting_text(*, bulk: BulkHold, on: date) -> str:
    """What lifting it does, in one sentence with numbers."""
    borrowers, overdue = still_held(bulk=bulk, on=on)
    return _("The hold ends on %(day)s instead of %(end)s for %(who)s.") % {
        "day": on.isoformat(),
        "end": bulk.end_exclusive.isoformat(),
        "who": borrowers_text(borrowers=borrowers, overdue=overdue),
    }


def consequence_of_placing_bulk(approval: Approval) -> str:
    """What approving would do, as of now."""
    bulk = BulkHold.objects.filter(pk=approval.payload["bulk_id"]).first()
    if bulk is None:
        return _("The hold does not exist any more.")
    return placing_text(bulk=bulk, preview=bulk_preview(bulk=bulk))


def consequence_of_lifting_bulk(approval: Approval) -> str:
    """What approving would do, as of now."""
    bulk = BulkHold.objects.filter(pk=approval.payload["bulk_id"]).first()
    if bulk is None:
        return _("The hold does not exist any more.")
    return lifting_text(bulk=bulk, on=date.fromisoformat(approval.payload["on"]))
