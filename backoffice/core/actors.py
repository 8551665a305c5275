"""Who did it: every verb of the product takes an actor, and the system is an actor with a name."""

from dataclasses import dataclass, field
from typing import Literal


@dataclass(frozen=True, slots=True)
class Actor:
    """A person on the staff or the system itself; `id` is the user's id, None for the system."""

    kind: Literal["staff", "system"]
    id: int | None
    name: str
    roles: frozenset[str] = field(default_factory=frozenset)

    def is_same_person(self, *, other_id: int | None) -> bool:
        """True when a member of staff with that id is this actor; the system is never a person."""
        return self.kind == "staff" and self.id is not None and self.id == other_id


SYSTEM = Actor(kind="system", id=None, name="system")
