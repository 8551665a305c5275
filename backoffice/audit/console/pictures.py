"""What approving a request would do, drawn as the panel drew it for the person who asked.

An app that can try what a verb would do says so here; config connects them when Django starts. A verb nobody draws has
the sentence that was kept with the request.
"""

from collections.abc import Callable

from backoffice.audit.models import Approval
from backoffice.core.confirm import Consequence

Draw = Callable[[Approval], Consequence]

_pictures: dict[str, Draw] = {}


def draw_with(*, verb: str, draw: Draw) -> None:
    """Connects a verb with what draws its consequence as of now; `draw` raises the Refusal approving would end in."""
    _pictures[verb] = draw


def is_drawn(*, verb: str) -> bool:
    """Whether the verb's consequence can be drawn."""
    return verb in _pictures


def picture_of(*, approval: Approval) -> Consequence:
    """What approving would do now. Raises what the verb would refuse with, and KeyError for a verb nobody draws."""
    return _pictures[approval.verb](approval)
