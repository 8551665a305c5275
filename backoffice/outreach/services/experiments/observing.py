"""What borrowers in experiments answered, as the house heard it; how they paid is told from above."""

from collections.abc import Sequence
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Final

from django.db import transaction

from backoffice.core.actors import SYSTEM
from backoffice.core.bulk import fetch
from backoffice.outreach.models import Metric
from backoffice.outreach.services.experiments.recording import NewOutcome, record_outcomes
from backoffice.outreach.services.experiments.trying import beginning_of

HEARD: Final = (Path(__file__).resolve().parent.parent.parent / "sql" / "outcomes_heard.sql").read_text()
A_DAY: Final = timedelta(days=1)
DID: Final = Decimal(1)


@transaction.atomic
def record_observed(*, experiments: Sequence[int], day: date, told: Sequence[NewOutcome]) -> int:
    """Writes down what was heard up to the end of a day and what is told besides; how many outcomes were new.

    A fixed number of statements; a second time changes nothing. A metric the house does not have is left out.
    """
    rows = fetch(HEARD, {"experiments": list(experiments), "ended": beginning_of(day + A_DAY)})
    heard = [NewOutcome(borrower_id=row[0], metric=row[1], value=DID, at=row[2], key=row[3]) for row in rows]
    metrics = set(Metric.objects.filter(kind=Metric.Kind.BINARY).values_list("code", flat=True))
    outcomes = [one for one in (*heard, *told) if one.metric in metrics]
    return record_outcomes(outcomes=outcomes, actor=SYSTEM) if outcomes else 0
