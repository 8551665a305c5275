"""Booking what comes before something already booked, or takes it back: the loan is replayed with the change."""

from collections.abc import Mapping, Sequence

from backoffice.core.errors import Refusal
from backoffice.repayment.selectors.states import LoadedLoan, LoanHistory, load_histories
from backoffice.repayment.services.posting.drafts import Draft, Outcome, Refused, booked_as, operation_of
from backoffice.repayment.services.rebuilding import rebuild
from backoffice.repayment.services.writing import Pages


def book_by_replay(
    *,
    indexes_of: Mapping[int, Sequence[int]],
    drafts: Sequence[Draft],
    keys: Sequence[int],
    loans: Mapping[int, LoadedLoan],
    outcomes: list[Outcome | None],
    pages: Pages,
) -> None:
    """Replay each loan of `indexes_of` with its drafts; the histories of all of them are read together."""
    histories = load_histories(loan_ids=indexes_of)
    for loan_id, indexes in indexes_of.items():
        changes = [(drafts[i], keys[i]) for i in indexes]
        refusals = _rebuild(loans[loan_id], histories[loan_id], changes, pages=pages)
        for index in indexes:
            refusal = refusals.get(keys[index])
            outcomes[index] = Refused(refusal) if refusal else booked_as(drafts[index], key=keys[index])


def _rebuild(
    loan: LoadedLoan,
    history: LoanHistory,
    changes: Sequence[tuple[Draft, int]],
    *,
    pages: Pages,
) -> dict[int, Refusal]:
    """Replay one loan with the changes; refusals by key, all of them when the replay itself cannot stand."""
    try:
        return rebuild(
            loan=loan,
            history=history,
            added={key: operation_of(draft, key=key) for draft, key in changes if draft.kind != "reversal"},
            removed={draft.reverses for draft, _ in changes if draft.reverses is not None},
            pages=pages,
        )
    except Refusal as refusal:
        return dict.fromkeys((key for _, key in changes), refusal)
