"""What the gate would say after something is written down: written, asked, and undone again."""

from collections.abc import Callable, Sequence

from django.db import transaction

from backoffice.outreach.domain.verdicts import Verdict, Wanted
from backoffice.outreach.selectors.gate import judge


def verdicts_around(*, verb: Callable[[], object], wanted: Sequence[Wanted]) -> tuple[list[Verdict], list[Verdict]]:
    """The verdicts before a verb and after it; nothing stays of it. Raises what the verb refuses."""
    before = judge(wanted=wanted)
    with transaction.atomic():
        verb()
        after = judge(wanted=wanted)
        transaction.set_rollback(True)
    return before, after
