"""What placing or lifting a hold does: its effects, until when, and the borrower's loans before and after."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import date

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from backoffice.core.confirm import Consequence, Line
from backoffice.core.formats import capitalised
from backoffice.customers.domain.hold_plans import HoldPlan
from backoffice.customers.domain.hold_policy import MATRIX
from backoffice.customers.domain.holds import CLOCKS, Effect, HoldScope
from backoffice.customers.models import Borrower
from backoffice.customers.models.hold_labels import EFFECT_LABELS, ENDED_BY, SCOPE_LABELS, effect_text
from backoffice.customers.selectors import HoldFacts
from backoffice.repayment.console.consequences import loan_lines
from backoffice.repayment.domain.bills import HoldPeriod
from backoffice.repayment.domain.bills import HoldScope as ClockScope
from backoffice.repayment.models import Loan
from backoffice.repayment.selectors.previews import Preview, preview_holds
from backoffice.staff.permissions import ROLES

CLOCK_SCOPES: tuple[ClockScope, ...] = ("aging", "penalty")


def of_placing(*, borrower: Borrower, loan_id: int | None, plan: HoldPlan, asks: bool, today: date) -> Consequence:
    """What the hold does, how long, and what becomes of every loan it bears on; nothing is changed.

    `asks` says that leaving a part out takes a second person: until then the hold is whole, and so are the numbers.
    """
    loans = _loans(borrower_id=borrower.pk, loan_id=loan_id, since=plan.start)
    stopped = [scope for scope in CLOCK_SCOPES if scope in plan.effects and (asks or scope not in plan.left_out)]
    added = tuple(HoldPeriod(scope=scope, start=plan.start, end=plan.end_exclusive) for scope in stopped)
    tried = preview_holds(loan_ids=list(loans), change=lambda holds: (*holds, *added), business_date=today)
    return Consequence(
        lines=(*_plan_lines(plan), Line(_("Open loans it is about"), _open(loans)), *_lines(loans, tried)),
        warnings=(*_plan_warnings(plan, stopped=stopped, today=today), *_redone(tried)),
        approval=gettext_lazy("The hold is placed whole; leaving a part out waits for a second person.")
        if asks
        else "",
    )


def of_lifting(
    *, parts: Sequence[HoldFacts], scopes: Collection[str], borrower_id: int, on: date, asks: bool, today: date
) -> Consequence:
    """The end that parts of a hold had and get, what stays, and what becomes of every loan they bear on."""
    ending = [part for part in parts if part.scope in scopes]
    staying = [part for part in parts if part.scope not in scopes]
    lead = ending[0]
    lines = [Line(_("Ends"), _("; ").join(part.effect_text for part in ending))]
    if staying:
        lines.append(Line(_("Stays"), _("; ").join(part.effect_text for part in staying)))
    lines += [
        Line(_("Since"), lead.start),
        Line(_("Ends on"), on, before=lead.end_exclusive or _("until lifted"), total=True),
    ]
    tried: Mapping[int, Preview] = {}
    loans: Mapping[int, Loan] = {}
    if any(part.scope in CLOCKS for part in ending):
        ids = {part.id for part in ending}

        def without(holds: tuple[HoldPeriod, ...]) -> tuple[HoldPeriod, ...]:
            ended = (replace(each, end=on) if each.id in ids else each for each in holds)
            return tuple(each for each in ended if each.end is None or each.end > each.start)

        loans = _loans(borrower_id=borrower_id, loan_id=lead.loan_id, since=on)
        tried = preview_holds(loan_ids=list(loans), change=without, business_date=today)
    return Consequence(
        lines=(*lines, *_lines(loans, tried)),
        warnings=_redone(tried),
        approval=gettext_lazy("A second person has to agree; the hold stays until they do.") if asks else "",
        verb=gettext_lazy("Ask for approval") if asks else "",
    )


def _plan_lines(plan: HoldPlan) -> tuple[Line, ...]:
    lines = [
        Line(capitalised(SCOPE_LABELS[scope]), _effect_words(scope, effect, plan=plan))
        for scope, effect in plan.effects.items()
    ]
    days = (plan.end_exclusive - plan.start).days if plan.end_exclusive else None
    lines.append(Line(_("Days"), days if days is not None else _("until lifted")))
    if plan.review_on:
        lines.append(Line(_("Review on"), plan.review_on, total=True))
    lines.append(Line(_("It waits for"), str(ENDED_BY[plan.reason])))
    lines.append(Line(_("Owner"), str(ROLES[MATRIX[plan.reason].owner])))
    return tuple(lines)


def _effect_words(scope: HoldScope, effect: Effect, *, plan: HoldPlan) -> str:
    words = str(EFFECT_LABELS[effect])
    if scope in plan.left_out:
        return _("%(effect)s, to be left out") % {"effect": words}
    if scope not in MATRIX[plan.reason].demanded:
        return _("%(effect)s, added") % {"effect": words}
    return words


def _plan_warnings(plan: HoldPlan, *, stopped: Sequence[str], today: date) -> tuple[str, ...]:
    warnings = []
    if stopped and plan.start < today:
        warnings.append(_("It begins in the past: days and penalty since then are worked out again."))
    if "aging" in stopped:
        warnings.append(_("Days past due stand still while it is in force; the contract's own days go on."))
    offered = MATRIX[plan.reason].offered.items()
    more = _("; ").join(
        effect_text(scope=scope, effect=effect) for scope, effect in offered if scope not in plan.effects
    )
    if more:
        warnings.append(_("This reason also knows: %(effects)s. Tick what is wanted.") % {"effects": more})
    return tuple(warnings)


def _loans(*, borrower_id: int, loan_id: int | None, since: date) -> dict[int, Loan]:
    """The loans a hold bears on from a day: those open now, and those closed since, which are worked out again too."""
    loans = Loan.objects.filter(borrower_id=borrower_id).open_since(since).order_by("pk")
    return {loan.pk: loan for loan in (loans.filter(pk=loan_id) if loan_id else loans)}


def _open(loans: Mapping[int, Loan]) -> int:
    return sum(loan.status != Loan.Status.CLOSED for loan in loans.values())


def _lines(loans: Mapping[int, Loan], tried: Mapping[int, Preview]) -> tuple[Line, ...]:
    """The loans with something due or changed; what stays at nothing needs no line."""
    return tuple(
        line
        for loan_id, loan in loans.items()
        if tried[loan_id].before != tried[loan_id].after or tried[loan_id].before.due_total
        for line in loan_lines(preview=tried[loan_id], loan=loan)
    )


def _redone(tried: Mapping[int, Preview]) -> tuple[str, ...]:
    count = sum(preview.redone for preview in tried.values())
    if not count:
        return ()
    said = ngettext(
        "%(count)d later booking is taken back and worked out again.",
        "%(count)d later bookings are taken back and worked out again.",
        count,
    )
    return (said % {"count": count},)
