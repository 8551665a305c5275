"""Book operations on loans, one being a batch of one: lock in id order, read, apply the rules, write the set back.

`drafts` is what is asked for and what came of it, `admitting` what may be booked, `in_order` the usual way, `by_replay`
the way of what is backdated or taken back, `recording` what is written, `batch` all of it in one transaction.
"""

from backoffice.repayment.services.posting.batch import book, book_one
from backoffice.repayment.services.posting.drafts import Booked, Draft, Outcome, Refused, operation_of
from backoffice.repayment.services.posting.in_order import add_state

__all__ = ["Booked", "Draft", "Outcome", "Refused", "add_state", "book", "book_one", "operation_of"]
