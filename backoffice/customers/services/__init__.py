"""The verbs of this app."""

from backoffice.customers.domain.holds import LIFT
from backoffice.customers.services.bulk_holding import ask_to_lift_bulk, ask_to_place_bulk, discard_bulk, prepare_bulk
from backoffice.customers.services.choosing import Choice
from backoffice.customers.services.holding import Placed, place_hold
from backoffice.customers.services.lifting import LiftOutcome, lift_hold
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
from backoffice.customers.services.reviewing import note_expired, review_hold
from backoffice.customers.services.rotating import Rotated, rotate

__all__ = [
    "LIFT",
    "Choice",
    "LiftOutcome",
    "MergePreview",
    "OwnedTable",
    "Placed",
    "Registered",
    "Revealed",
    "Rotated",
    "add_contact_point",
    "ask_to_lift_bulk",
    "ask_to_place_bulk",
    "correct_identity",
    "correct_name",
    "declare",
    "discard_bulk",
    "end_contact_point",
    "judge_contact_point",
    "lift_hold",
    "merge",
    "note_expired",
    "place_hold",
    "prepare_bulk",
    "preview",
    "register_borrowers",
    "reveal",
    "review_hold",
    "rotate",
    "undo_merge",
]
