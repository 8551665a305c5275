"""What may be booked: by the draft and its loan, by what is booked already, and by the state on the value date."""

from collections.abc import Iterable, Sequence
from datetime import date
from decimal import Decimal

from backoffice.core.bulk import fetch
from backoffice.core.errors import Refusal
from backoffice.core.words import phrase
from backoffice.repayment.domain import admission
from backoffice.repayment.domain.bills import LoanState, copy_of
from backoffice.repayment.domain.journal import Journal
from backoffice.repayment.domain.operations import Operation, apply
from backoffice.repayment.domain.penalty import charge
from backoffice.repayment.selectors.states import LoadedLoan
from backoffice.repayment.services.posting.drafts import Draft, Outcome, Refused, operation_of

Posted = tuple[int, str, date, Decimal]
"""What stands under an external id: loan, kind, value date, amount."""
RESCHEDULING = ("reduce_installment", "shorten_term")


def refuse_what_cannot_be(
    *, drafts: Sequence[Draft], loans: dict[int, LoadedLoan], outcomes: list[Outcome | None], business_date: date
) -> None:
    """Write a refusal into `outcomes` for every draft that no state of its loan could take; two queries at most."""
    posted = _already_posted(drafts)
    reversible = _reversible(drafts)
    seen: dict[tuple[str, str], Posted] = {}
    taken_back: set[int] = set()
    for index, draft in enumerate(drafts):
        try:
            _admit(
                draft,
                loans.get(draft.loan_id),
                posted=posted,
                reversible=reversible,
                business_date=business_date,
            )
            identity = (draft.source, draft.external_id)
            if draft.external_id and identity in seen:
                _refuse_another(draft, seen[identity], currency=loans[draft.loan_id].currency)
                raise admission.AlreadyPosted(
                    phrase("%(id)s stands twice in this batch.", id=draft.external_id),
                    next_step=phrase("Nothing to do: it is posted once."),
                )
            if draft.reverses in taken_back:
                raise _already_reversed()
            seen[identity] = (draft.loan_id, draft.kind, draft.value_date, draft.amount)
            if draft.reverses is not None:
                taken_back.add(draft.reverses)
        except Refusal as refusal:
            outcomes[index] = Refused(refusal)


def _admit(
    draft: Draft,
    loan: LoadedLoan | None,
    *,
    posted: dict[tuple[str, str], Posted],
    reversible: dict[int, tuple[int, str, bool]],
    business_date: date,
) -> None:
    if loan is None:
        raise admission.LoanNotFound(
            phrase("There is no such loan."), next_step=phrase("Search by loan number or borrower.")
        )
    earlier = posted.get((draft.source, draft.external_id)) if draft.external_id else None
    if earlier is not None:
        _refuse_another(draft, earlier, currency=loan.currency)
        raise admission.AlreadyPosted(
            phrase("%(id)s from %(source)s is already posted.", id=draft.external_id, source=draft.source),
            next_step=phrase("Nothing to do: the earlier posting stands."),
            fields={"external_id": draft.external_id},
        )
    if draft.kind == "reversal":
        _admit_reversal(draft, reversible)
        return
    admission.admit(
        operation_of(draft, key=0),
        loan=admission.LoanFacts(
            external_id=loan.external_id,
            currency=loan.currency,
            disbursed_on=loan.state.disbursed_on,
            status=loan.state.status,
        ),
        currency=draft.currency,
        business_date=business_date,
    )


def _refuse_another(draft: Draft, earlier: Posted, *, currency: str) -> None:
    """Raises ExternalIdInUse when what stands under the external id is not what the draft says.

    `currency` is that of the draft's loan: money in another one is never what stands there.
    """
    loan_id, _kind, value_date, amount = earlier
    is_same_currency = draft.currency in (None, currency)
    if is_same_currency and earlier == (draft.loan_id, draft.kind, draft.value_date, draft.amount):
        return
    raise admission.ExternalIdInUse(
        phrase(
            "%(id)s from %(source)s is posted as something else: %(amount)s on %(day)s.",
            id=draft.external_id,
            source=draft.source,
            amount=f"{amount:f} {currency}",
            day=value_date.isoformat(),
        )
        if loan_id == draft.loan_id
        else phrase("%(id)s from %(source)s is posted on another loan.", id=draft.external_id, source=draft.source),
        next_step=phrase("This one is not in the books. Send it under an id of its own if it is another payment."),
        fields={"external_id": draft.external_id},
    )


def _admit_reversal(draft: Draft, reversible: dict[int, tuple[int, str, bool]]) -> None:
    found = reversible.get(draft.reverses or 0)
    if found is None or found[0] != draft.loan_id or found[1] in ("reversal", "disbursement"):
        raise admission.NotReversible(
            phrase("This cannot be taken back."),
            next_step=phrase("Post the correction you need as an operation of its own."),
        )
    if found[2]:
        raise _already_reversed()


def _already_reversed() -> admission.AlreadyReversed:
    return admission.AlreadyReversed(
        phrase("This was already taken back."),
        next_step=phrase("Nothing to do: the reversal stands."),
    )


def _already_posted(drafts: Iterable[Draft]) -> dict[tuple[str, str], Posted]:
    wanted = [(draft.source, draft.external_id) for draft in drafts if draft.external_id]
    if not wanted:
        return {}
    rows = fetch(
        "SELECT source, external_id, loan_id, kind, value_date, amount FROM repayment_operation "
        "WHERE external_id <> '' AND source = ANY(%s) AND external_id = ANY(%s)",
        [
            sorted({source for source, _ in wanted}),
            [external_id for _, external_id in wanted],
        ],
    )
    return {(row[0], row[1]): (row[2], row[3], row[4], row[5]) for row in rows}


def _reversible(drafts: Iterable[Draft]) -> dict[int, tuple[int, str, bool]]:
    wanted = [draft.reverses for draft in drafts if draft.reverses is not None]
    if not wanted:
        return {}
    rows = fetch(
        "SELECT o.id, o.loan_id, o.kind, r.id IS NOT NULL FROM repayment_operation o "
        "LEFT JOIN repayment_operation r ON r.reverses_id = o.id WHERE o.id = ANY(%s)",
        [wanted],
    )
    return {row[0]: (row[1], row[2], row[3]) for row in rows}


def check_on_its_day(*, state: LoanState, operation: Operation) -> None:
    """Raises what only the state on the value date can refuse, charging the penalty first as booking does.

    A schedule that is to be rewritten is tried on: what is left may be too little to make bills of.
    """
    if operation.kind == "payment":
        admission.check_against_state(state, operation)
        if (operation.surplus or state.terms.allocation.future) in RESCHEDULING:
            apply(copy_of(state), operation, journal=Journal())
        return
    trial = copy_of(state)
    charge(trial, at=operation.value_date)
    admission.check_against_state(trial, operation)
