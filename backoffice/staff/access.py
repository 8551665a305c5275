"""Who may open what, and which rows: what every app imports from `staff` to guard its pages."""

from backoffice.core.access import HasPermission, actor_of, public, requires
from backoffice.staff.domain.scope import EVERYTHING, NOTHING, Scope

__all__ = [
    "EVERYTHING",
    "NOTHING",
    "HasPermission",
    "Scope",
    "actor_of",
    "public",
    "requires",
]
