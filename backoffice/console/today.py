"""What needs a person today, by what their role lets them do: the page one starts the day with."""

from dataclasses import dataclass
from datetime import date
from typing import Any

from django.db.models import Count, F, Min, QuerySet

from backoffice.audit.approvals import deed_of
from backoffice.audit.domain.approval_states import ApprovalState
from backoffice.audit.models import Approval
from backoffice.audit.selectors import approvals_visible_to
from backoffice.calendars.selectors import business_date
from backoffice.customers.selectors import masked_names
from backoffice.dayend.models import SetAside
from backoffice.dayend.selectors import set_aside
from backoffice.repayment.models import BucketMove, Loan, PaymentFile
from backoffice.repayment.models.loans import LoanQuerySet

FEW = 8
MOST_COUNTED = 10_000


@dataclass(frozen=True, slots=True)
class Waiting:
    """A request for approval as the list shows it."""

    request: Approval
    what: Any
    is_own: bool


@dataclass(frozen=True, slots=True)
class Mover:
    """A loan that became worse with today's date."""

    loan: Loan
    name: str
    from_bucket: str
    to_bucket: str


@dataclass(frozen=True, slots=True)
class BucketCount:
    """How many open loans stand in a bucket."""

    bucket: str
    loans: int


@dataclass(frozen=True, slots=True)
class Today:
    """The work of one person on the business date; a part their role does not open is None."""

    day: date
    to_decide: tuple[Waiting, ...] | None
    asked: tuple[Waiting, ...]
    set_aside: tuple[tuple[SetAside, Loan | None], ...] | None
    files: tuple[PaymentFile, ...] | None
    movers: tuple[Mover, ...]
    moved: int
    buckets: tuple[BucketCount, ...]

    @property
    def waits(self) -> int:
        """How many things wait for this person."""
        parts = (self.to_decide, self.set_aside, self.files)
        return sum(len(part) for part in parts if part is not None)

    @property
    def has_more_moved(self) -> bool:
        """True when more loans moved than are counted one by one."""
        return self.moved > MOST_COUNTED

    @property
    def overdue(self) -> int:
        """Active loans that are past due."""
        return sum(each.loans for each in self.buckets)


def today_of(*, user: Any) -> Today:
    """Everything that needs the person, in a fixed number of queries for a role. Raises DayNotOpened."""
    day = business_date()
    pending = approvals_visible_to(user=user).filter(state=ApprovalState.PENDING.value).order_by("id")
    may_decide = user.has_permission("audit.approval.decide")
    loans = Loan.objects.visible_to(user)
    moves = _moves(loans=loans, day=day)
    return Today(
        day=day,
        to_decide=_waiting(pending.exclude(requested_by=user.pk), user=user) if may_decide else None,
        asked=_waiting(pending.filter(requested_by=user.pk), user=user),
        set_aside=_left_behind(user=user) if user.has_permission("dayend.run.retry") else None,
        files=_files(user=user) if user.has_permission("repayment.payment.post_file") else None,
        movers=_movers(moves=moves),
        moved=moves[: MOST_COUNTED + 1].count(),
        buckets=_buckets(loans=loans),
    )


def _waiting(requests: QuerySet[Approval], *, user: Any) -> tuple[Waiting, ...]:
    return tuple(
        Waiting(request=request, what=deed_of(verb=request.verb).label, is_own=request.requested_by == user.pk)
        for request in requests[:FEW]
    )


def _left_behind(*, user: Any) -> tuple[tuple[SetAside, Loan | None], ...]:
    return tuple(set_aside(user=user, limit=FEW))


def _files(*, user: Any) -> tuple[PaymentFile, ...]:
    """Files that wait to be posted or have lines that were refused, the latest first."""
    waiting = (PaymentFile.State.READY, PaymentFile.State.PARTLY, PaymentFile.State.REFUSED)
    return tuple(PaymentFile.objects.visible_to(user).filter(state__in=waiting).order_by("-id")[:FEW])


def _moves(*, loans: QuerySet[Loan], day: date) -> QuerySet[BucketMove]:
    """The moves of the last close into a worse bucket."""
    return BucketMove.objects.filter(on=day, cause="aging", retracts=None, retracted_by=None, loan__in=loans)


def _movers(*, moves: QuerySet[BucketMove]) -> tuple[Mover, ...]:
    """A few of the loans the last close moved into a worse bucket, the latest in days first."""
    found = list(moves.select_related("loan").order_by("loan__oldest_unpaid_due_date", "loan_id")[:FEW])
    names = masked_names(borrower_ids=[move.loan.borrower_id for move in found])
    return tuple(
        Mover(
            loan=move.loan,
            name=names[move.loan.borrower_id],
            from_bucket=move.from_bucket,
            to_bucket=move.to_bucket,
        )
        for move in found
    )


def _buckets(*, loans: LoanQuerySet) -> tuple[BucketCount, ...]:
    """Overdue loans by bucket, the least late first: codes of two products have no order of their own."""
    counted = loans.overdue().values("bucket").annotate(loans=Count("id"), oldest=Min("oldest_unpaid_due_date"))
    rows = counted.order_by(F("oldest").desc(nulls_first=True), "bucket")
    return tuple(BucketCount(bucket=row["bucket"], loans=row["loans"]) for row in rows)
