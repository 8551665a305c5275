"""The verbs of this app."""

from backoffice.customers.domain.holds import LIFT
from backoffice.customers.services.holding import LiftOutcome, lift_hold, place_hold
from backoffice.customers.services.merging import MergePreview, OwnedTable, declare, merge, preview, undo_merge
from backoffice.customers.services.personal_data import (
    Revealed,
    add_contact_point,
    correct_identity,
    correct_name,
    end_contact_point,
    judge_contact_point,
    reveal,
)
from backoffice.customers.services.registering import Registered, register_borrowers
from backoffice.customers.services.rotating import Rotated, rotate

__all__ = [
    "LIFT",
    "LiftOutcome",
    "MergePreview",
    "OwnedTable",
    "Registered",
    "Revealed",
    "Rotated",
    "add_contact_point",
    "correct_identity",
    "correct_name",
    "declare",
    "end_contact_point",
    "judge_contact_point",
    "lift_hold",
    "merge",
    "place_hold",
    "preview",
    "register_borrowers",
    "reveal",
    "rotate",
    "undo_merge",
]
