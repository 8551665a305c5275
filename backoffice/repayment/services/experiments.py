"""Experiments over the loan book: what borrowers did with their loans is told to the experiments they are in."""

from datetime import date
from typing import Final

from django.conf import settings

from backoffice.core.bulk import fetch
from backoffice.outreach.selectors.experiments import counting
from backoffice.outreach.services.experiments.observing import DID, record_observed
from backoffice.outreach.services.experiments.recording import NewOutcome
from backoffice.outreach.services.experiments.trying import beginning_of
from backoffice.repayment.selectors.verification import statement

OF_LOANS: Final = "outcomes_of_loans.sql"


def record_what_happened(*, day: date) -> int:
    """Write down what borrowers in experiments did up to the end of a day; how many outcomes were new.

    For all experiments that are not decided yet at once; a second time changes nothing.
    """
    experiments = counting()
    return record_observed(experiments=experiments, day=day, told=_told(experiments, day)) if experiments else 0


def _told(experiments: list[int], day: date) -> list[NewOutcome]:
    params = {"experiments": experiments, "day": day, "zone": settings.TIME_ZONE}
    return [
        NewOutcome(borrower_id=row[0], metric=row[1], value=DID, at=beginning_of(row[2]), key=row[3])
        for row in fetch(statement(OF_LOANS), params)
    ]
