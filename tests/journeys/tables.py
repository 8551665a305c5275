"""Whole tables as text, so that a journey shows what it means."""

from backoffice.repayment.models import BucketMove, Installment

HEAD = "no due         principal  interest  penalty      paid  waived state"


def schedule_of(loan_id: int) -> str:
    """Every bill of the schedule in force: what it asks for, what was paid and waived, and what is left of it."""
    bills = Installment.objects.filter(loan_id=loan_id, to_version=None).order_by("due_date", "number")
    return "\n".join([HEAD, *map(_line, bills)])


def table(text: str) -> str:
    """A table written in a test, without its indentation."""
    return "\n".join(line.strip() for line in text.strip().splitlines())


def moves_of(loan_id: int) -> list[str]:
    """The moves that count, oldest first."""
    taken_back = BucketMove.objects.filter(loan_id=loan_id, retracts__isnull=False).values("retracts_id")
    moves = BucketMove.objects.filter(loan_id=loan_id, retracts=None).exclude(pk__in=taken_back)
    return [f"{move.on} {move.from_bucket} {move.to_bucket} {move.cause}" for move in moves.order_by("on", "pk")]


def _line(bill: Installment) -> str:
    parts = ("principal", "interest", "fee", "guarantee_fee", "penalty")
    paid = sum(getattr(bill, f"{part}_paid") for part in parts)
    waived = sum(getattr(bill, f"{part}_waived") for part in parts)
    left = sum(getattr(bill, part) for part in parts) - paid - waived
    state = f"paid {bill.settled_on}" if bill.settled_on else f"left {left}"
    asked = f"{bill.number} {bill.due_date} {bill.principal:>10} {bill.interest:>9} {bill.penalty:>8}"
    return f"{asked} {paid:>9} {waived:>7} {state}"
