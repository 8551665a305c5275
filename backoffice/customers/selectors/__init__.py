"""Reads of borrowers, each in a fixed number of queries."""

from backoffice.customers.selectors.borrowers import (
    BorrowerFacts,
    ContactFacts,
    Likeness,
    borrower_ids_of,
    borrower_page_facts,
    lookalikes,
    masked_names,
    merges_of,
    points_like,
    points_that_are,
    portfolios,
)
from backoffice.customers.selectors.holds import (
    ContactHold,
    HoldFacts,
    HoldGroup,
    contact_holds,
    groups_of,
    holds_of_borrower,
    holds_of_loans,
)
from backoffice.customers.selectors.search import FoundBorrower, search

__all__ = [
    "BorrowerFacts",
    "ContactFacts",
    "ContactHold",
    "FoundBorrower",
    "HoldFacts",
    "HoldGroup",
    "Likeness",
    "borrower_ids_of",
    "borrower_page_facts",
    "contact_holds",
    "groups_of",
    "holds_of_borrower",
    "holds_of_loans",
    "lookalikes",
    "masked_names",
    "merges_of",
    "points_like",
    "points_that_are",
    "portfolios",
    "search",
]
