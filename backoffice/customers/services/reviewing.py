"""Reviewing holds that have no end of their own, and noting those that have run out."""

from datetime import date
from typing import ClassVar

from django.db import transaction
from django.utils.translation import gettext as _

from backoffice.audit import outbox
from backoffice.audit import services as audit
from backoffice.core.actors import SYSTEM, Actor
from backoffice.core.bulk import fetch
from backoffice.core.errors import Refusal
from backoffice.customers.domain.hold_policy import MATRIX, REVIEWS_ANY_HOLD, last_review
from backoffice.customers.domain.holds import HoldReason
from backoffice.customers.models import Hold
from backoffice.customers.services.holding import HoldRefused
from backoffice.customers.services.lifting import HoldIsOver, is_running, locked_group

EXPIRED_EVENT = "customers.hold.expired"
BATCH = 2_000

# In id order and past what somebody else has locked: a lift under way takes the row, the next run sees it lifted.
RUN_OUT = """
WITH over AS (
    SELECT id FROM customers_hold
    WHERE lifted_at IS NULL AND expired_at IS NULL AND upper(period) <= %(on)s
    ORDER BY id LIMIT %(batch)s FOR UPDATE SKIP LOCKED
)
UPDATE customers_hold hold SET expired_at = now() FROM over WHERE hold.id = over.id
RETURNING hold.id, hold.borrower_id, hold.loan_id, hold.scope, hold.reason, lower(hold.period), upper(hold.period)
"""


class ReviewIsOfAnother(Refusal):
    """The hold is owned by a role the person does not have."""

    code: ClassVar[str] = "customers.hold_review_is_of_another"
    status: ClassVar[int] = 403


class ReasonMissing(Refusal):
    """A review says what was found."""

    code: ClassVar[str] = "customers.hold_review_says_nothing"


@transaction.atomic
def review_hold(
    *, hold_id: int, review_on: date, finding: str, as_of: date, actor: Actor, evidence: str = "", take: bool = False
) -> int:
    """Keeps a hold running until its next review, with what was found; gives the number of scopes it is about.

    The owner's role reviews, and those who may review any. `take` makes the person the owner; evidence is added to what
    is there. Raises HoldNotFound, HoldIsOver, HoldRefused, ReviewIsOfAnother, ReasonMissing.
    """
    holds = [hold for hold in locked_group(hold_id=hold_id) if is_running(hold, on=as_of)]
    if not holds:
        raise HoldIsOver(_("This hold is over by then."), next_step=_("Nothing needs to be reviewed; reload the page."))
    reason = HoldReason(holds[0].reason)
    if actor.kind == "staff" and not actor.roles & (REVIEWS_ANY_HOLD | {MATRIX[reason].owner}):
        raise ReviewIsOfAnother(
            _("This hold is reviewed by another role."), next_step=_("Leave it to its owner, or to a team lead.")
        )
    if not finding.strip():
        raise ReasonMissing(
            _("Say what the review found."),
            next_step=_("It is kept with the hold."),
            fields={"reason": _("This is needed.")},
        )
    last = last_review(reason=reason, since=as_of)
    if not as_of < review_on <= last:
        raise HoldRefused(
            _("The next review lies between tomorrow and %(last)s.") % {"last": last.isoformat()},
            next_step=_("Choose an earlier day, or lift the hold if it is not needed any more."),
            fields={"review_on": _("Not within what the reason allows.")},
        )
    before = {"review_on": holds[0].review_on, "owner": holds[0].owner_name}
    for hold in holds:
        hold.review_on = review_on
        hold.evidence = "\n".join(filter(None, [hold.evidence, evidence.strip()]))
        if take:
            hold.owner_id, hold.owner_name = actor.id, actor.name
    Hold.objects.bulk_update(holds, ["review_on", "evidence", "owner_id", "owner_name"])
    audit.record_many(
        audit.Entry(
            verb="customers.hold.reviewed",
            subject_type="customers.hold",
            subject_id=hold.pk,
            actor=actor,
            reason=finding.strip(),
            before=before,
            after={"review_on": review_on, "owner": hold.owner_name} | ({"evidence": True} if evidence else {}),
            borrower_id=hold.borrower_id,
        )
        for hold in holds
    )
    return len(holds)


@transaction.atomic
def note_expired(*, on: date) -> int:
    """Writes down which holds have run out by a day, at most a batch; their number. Nothing lapses without a trace."""
    rows = fetch(RUN_OUT, {"on": on, "batch": BATCH})
    audit.record_many(
        audit.Entry(
            verb="customers.hold.expired",
            subject_type="customers.hold",
            subject_id=hold_id,
            actor=SYSTEM,
            after={"loan_id": loan_id, "scope": scope, "reason": reason, "start": start, "end_exclusive": end},
            borrower_id=borrower_id,
        )
        for hold_id, borrower_id, loan_id, scope, reason, start, end in rows
    )
    by_borrower: dict[int, list[int]] = {}
    for row in rows:
        by_borrower.setdefault(row[1], []).append(row[0])
    outbox.publish_many(
        outbox.Event(
            event=EXPIRED_EVENT,
            key=f"borrower:{borrower_id}",
            payload={"borrower_id": borrower_id, "hold_ids": sorted(ids)},
        )
        for borrower_id, ids in sorted(by_borrower.items())
    )
    return len(rows)
