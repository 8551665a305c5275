"""Borrowers under lock, in the order of their ids, before anything of theirs is changed."""

from collections.abc import Collection
from typing import ClassVar

from django.utils.translation import gettext as _

from backoffice.core.errors import Refusal
from backoffice.customers.models import Borrower
from backoffice.customers.selectors.borrowers import BorrowerNotFound


class BorrowerIsMerged(Refusal):
    """The record was folded into another one and takes no changes of its own."""

    code: ClassVar[str] = "customers.borrower_is_merged"
    status: ClassVar[int] = 409


def locked(*, borrower_ids: Collection[int]) -> dict[int, Borrower]:
    """The borrowers by id, locked in the order of ids. Raises BorrowerNotFound."""
    rows = Borrower.objects.select_for_update().filter(pk__in=borrower_ids).order_by("pk")
    found = {row.pk: row for row in rows}
    if missing := set(borrower_ids) - set(found):
        raise BorrowerNotFound(
            _("There is no borrower %(id)s.") % {"id": min(missing)}, next_step=_("Search for the borrower again.")
        )
    return found


def locked_one(*, borrower_id: int) -> Borrower:
    """One borrower who is not merged into another, locked. Raises BorrowerNotFound, BorrowerIsMerged."""
    borrower = locked(borrower_ids=[borrower_id])[borrower_id]
    if borrower.merged_into_id is not None:
        raise BorrowerIsMerged(
            _("This record was merged into another borrower."),
            next_step=_("Open the borrower it was merged into; or undo the merge if it was a mistake."),
        )
    return borrower
