"""Debits as pages show them: the list, one journey with all that belongs to it, those of a loan or borrower."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import ClassVar, Final

from django.db.models import Q, QuerySet
from django.db.models.functions import Upper
from django.utils.translation import gettext as _

from backoffice.core.errors import Refusal
from backoffice.repayment.domain.autopay.debit_states import CommandState
from backoffice.repayment.models import (
    DebitBill,
    DebitCommand,
    DebitMove,
    Difference,
    Loan,
    Operation,
    RailNotice,
    SettlementLine,
    SplitLine,
)
from backoffice.staff.models import User

RECENT: Final = 8


class DebitNotFound(Refusal):
    """There is no such debit, or none the person may see."""

    code: ClassVar[str] = "repayment.debit_not_found"
    status: ClassVar[int] = 404


@dataclass(frozen=True, slots=True)
class DebitShown:
    """One debit with its journey and all that belongs to it; `others` are the other debits of the same bill."""

    command: DebitCommand
    moves: Sequence[DebitMove]
    notices: Sequence[RailNotice]
    bill: DebitBill | None
    others: Sequence[DebitCommand]
    operations: Sequence[Operation]
    splits: Sequence[SplitLine]
    lines: Sequence[SettlementLine]
    differences: Sequence[Difference]


def visible_debits(*, user: User) -> QuerySet[DebitCommand]:
    """Debits on the loans the person may see, with what a list shows."""
    return DebitCommand.objects.visible_to(user).select_related("loan__borrower", "rail", "mandate", "batch")


def searched(rows: QuerySet[DebitCommand], words: str) -> QuerySet[DebitCommand]:
    """Debits by their order number, or the number of their loan or borrower, written whole."""
    loans = Loan.objects.filter(Q(external_id=words) | Q(borrower__external_id=words)).values_list("pk", flat=True)
    return rows.filter(Q(order_no=words) | Q(loan_id__in=list(loans)))


def unknown_debits(*, user: User) -> QuerySet[DebitCommand]:
    """Debits nobody knows the fate of."""
    return visible_debits(user=user).filter(state=CommandState.UNKNOWN.value)


def debit_shown(*, command_id: int, user: User) -> DebitShown:
    """One debit; nine queries at most. Raises DebitNotFound."""
    command = visible_debits(user=user).select_related("version__configuration").filter(pk=command_id).first()
    if command is None:
        raise DebitNotFound(_("There is no such debit."), next_step=_("Look in the list of debits."))
    of_bill = DebitCommand.objects.filter(
        loan_id=command.loan_id,
        installment_number=command.installment_number,
        from_version=command.from_version,
    )
    booked = [pk for pk in (command.operation_id, command.return_operation_id) if pk is not None]
    return DebitShown(
        command=command,
        moves=list(command.moves.order_by("id")),
        notices=list(command.notices.order_by("received_at", "id")),
        bill=DebitBill.objects.filter(pk=command.bill_id).first() if command.bill_id else None,
        others=list(of_bill.exclude(pk=command.pk).select_related("rail", "mandate", "batch").order_by("id")),
        operations=list(Operation.objects.filter(pk__in=booked).order_by("pk")),
        splits=list(command.splits.select_related("payee").order_by("operation_id", "component", "payee__code")),
        lines=list(
            SettlementLine.objects.alias(upper=Upper("order_no"))
            .filter(upper=command.order_no.upper())
            .select_related("file")
            .order_by("id")
        ),
        differences=list(Difference.objects.filter(command=command).select_related("reconciled_day").order_by("id")),
    )


def debits_of_loans(loan_ids: Collection[int]) -> list[DebitCommand]:
    """The latest debits of some loans, newest first; one query."""
    rows = DebitCommand.objects.filter(loan_id__in=loan_ids).select_related("loan", "rail", "mandate")
    return list(rows.order_by("-id")[:RECENT])
