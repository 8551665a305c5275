"""A tried operation as a confirm panel shows it: what it pays on which bill, and what the loan is afterwards."""

from collections import defaultdict
from decimal import Decimal
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from backoffice.audit import approvals
from backoffice.core import formats
from backoffice.core.actors import Actor
from backoffice.core.confirm import Consequence, Grid, Line
from backoffice.core.money import ZERO
from backoffice.core.tones import Tone, look_of
from backoffice.repayment.console import states
from backoffice.repayment.domain.early import Payoff
from backoffice.repayment.models import Installment, Loan
from backoffice.repayment.selectors.previews import Preview

_NOT_ITS_OWN = frozenset({"penalty_charge", "reschedule"})


def consequence_of(
    *, preview: Preview, loan: Loan, caption: str, first: tuple[Line, ...] = (), approval: str = "", verb: str = ""
) -> Consequence:
    """The consequence of an operation on a loan; `first` are lines above those every operation has."""
    before, after = preview.before, preview.after
    currency = loan.currency
    lines = [*first]
    held = sum((line.amount for line in preview.lines if line.kind == "surplus"), ZERO)
    if held:
        lines.append(Line(_("Beyond what is due, held for the borrower"), held, currency=currency))
    penalty = sum((line.amount for line in preview.lines if line.kind == "penalty_charge"), ZERO)
    if penalty:
        lines.append(Line(_("Penalty charged through the value date"), penalty, currency=currency))
    lines.append(_changed(_("Days past due"), before.dpd, after.dpd))
    if before.bucket != after.bucket:
        lines.append(_changed(_("Bucket"), before.bucket, after.bucket))
    if before.status != after.status:
        was, now = (str(look_of(family=states.LOAN, state=each).label) for each in (before.status, after.status))
        lines.append(_changed(_("Status"), was, now))
    if before.creditor != after.creditor:
        lines.append(_changed(_("Creditor"), before.creditor, after.creditor))
    if before.suspense != after.suspense:
        lines.append(_money(_("Held for the borrower"), before.suspense, after.suspense, currency=currency))
    lines.append(
        _money(_("Principal left"), before.outstanding_principal, after.outstanding_principal, currency=currency)
    )
    lines.append(_money(_("Due today"), before.due_total, after.due_total, currency=currency, total=True))
    return Consequence(
        grid=_grid(preview=preview, loan=loan, caption=caption),
        lines=tuple(lines),
        warnings=warnings_of(preview=preview),
        approval=approval,
        verb=verb,
    )


def payoff_lines(*, payoff: Payoff, currency: str) -> tuple[Line, ...]:
    """What a payoff is made of, part by part; parts of nothing are left out."""
    parts = (
        (_("Principal"), payoff.principal),
        (_("Interest due"), payoff.interest_due),
        (_("Interest earned since the last due date"), payoff.interest_accrued),
        (_("Fees due"), payoff.fees_due),
        (_("Penalty"), payoff.penalty),
        (_("Fee for settling early"), payoff.early_fee),
        (_("Held for the borrower"), -payoff.suspense),
    )
    lines = [Line(label, amount, currency=currency) for label, amount in parts if amount]
    return (*lines, Line(_("Settles the loan"), payoff.total, currency=currency, total=True))


def approval_needed(*, verb: str, amount: Decimal, loan: Loan, actor: Actor) -> str:
    """The sentence that says a second person decides; empty when the person may do it alone."""
    limit = approvals.limit_of(verb=verb, actor=actor, currency=loan.currency)
    if limit.may_do_alone(amount=amount):
        return ""
    return _("%(amount)s is beyond what you may do alone: a second person decides. Nothing is booked before that.") % {
        "amount": formats.amount_text(amount, currency=loan.currency)
    }


def _grid(*, preview: Preview, loan: Loan, caption: str) -> Grid | None:
    by_bill: dict[int, dict[str, Decimal]] = defaultdict(lambda: defaultdict(lambda: ZERO))
    for line in preview.lines:
        if line.number is not None and line.component and line.kind not in _NOT_ITS_OWN:
            by_bill[line.number][line.component] += line.amount
    if not by_bill:
        return None
    used = [component for component in states.ORDER_SHOWN if any(component in parts for parts in by_bill.values())]
    due = dict(
        Installment.objects.filter(loan=loan, to_version=None, number__in=by_bill).values_list("number", "due_date")
    )
    rows: list[tuple[Any, ...]] = [
        (
            str(number),
            due.get(number),
            *(by_bill[number].get(component, ZERO) for component in used),
            sum(by_bill[number].values(), ZERO),
        )
        for number in sorted(by_bill)
    ]
    totals = [sum((row[index + 2] for row in rows), ZERO) for index in range(len(used) + 1)]
    return Grid(
        caption=caption,
        columns=(
            (_("Installment"), "text"),
            (_("Due"), "date"),
            *((formats.capitalised(states.COMPONENT_LABELS[component]), "money") for component in used),
            (_("Together"), "money"),
        ),
        rows=tuple(rows),
        total=(_("Total"), None, *totals) if len(rows) > 1 else (),
        currency=loan.currency,
    )


def loan_lines(*, preview: Preview, loan: Loan) -> tuple[Line, ...]:
    """What changes on one of several loans: days, bucket, what is held and what is due, each before and after."""
    number = {"id": loan.external_id}
    before, after = preview.before, preview.after
    lines = [_changed(_("Days past due, loan %(id)s") % number, before.dpd, after.dpd)]
    if before.bucket != after.bucket:
        lines.append(_changed(_("Bucket, loan %(id)s") % number, before.bucket, after.bucket))
    if before.suspense != after.suspense:
        held = _("Held for the borrower, loan %(id)s") % number
        lines.append(_money(held, before.suspense, after.suspense, currency=loan.currency))
    due = _("Due today, loan %(id)s") % number
    lines.append(_money(due, before.due_total, after.due_total, currency=loan.currency))
    return tuple(lines)


def warnings_of(*, preview: Preview) -> tuple[str, ...]:
    """What of a preview a person must have read."""
    warnings = []
    if preview.redone:
        warnings.append(
            ngettext(
                "%(count)d later booking is taken back and worked out again.",
                "%(count)d later bookings are taken back and worked out again.",
                preview.redone,
            )
            % {"count": preview.redone}
        )
    if preview.after.status == "closed" and preview.before.status != "closed":
        warnings.append(_("The loan closes."))
    if preview.before.status == "closed" and preview.after.status != "closed":
        warnings.append(_("The loan opens again."))
    return tuple(warnings)


def _changed(label: str, was: Any, now: Any) -> Line:
    tone: Tone = "neutral"
    if isinstance(was, int) and isinstance(now, int) and was != now:
        tone = "good" if now < was else "danger"
    return Line(label, now, before=was if was != now else None, tone=tone)


def _money(label: str, was: Decimal, now: Decimal, *, currency: str, total: bool = False) -> Line:
    return Line(label, now, currency=currency, before=was if was != now else None, total=total)
