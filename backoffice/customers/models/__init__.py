"""Borrowers, how to reach them, how to find them, what may not happen to them."""

from backoffice.customers.models.borrowers import BlindIndex, Borrower, ContactPoint
from backoffice.customers.models.bulk_holds import BulkHold
from backoffice.customers.models.holds import Hold
from backoffice.customers.models.merges import Merge

__all__ = ["BlindIndex", "Borrower", "BulkHold", "ContactPoint", "Hold", "Merge"]
