"""Which loans a version is tried on: of those it would debit in the days of its trial, an even pick."""

from dataclasses import replace
from datetime import date, timedelta
from typing import Final

from backoffice.core.bulk import array_text, execute
from backoffice.repayment.models.autopay.configurations import AutopayVersion
from backoffice.repayment.selectors.autopay.bills import bills_to_debit
from backoffice.repayment.selectors.autopay.in_force import Ruling, ruling_of, rulings_on
from backoffice.repayment.selectors.verification import statement

ONE_DAY: Final = timedelta(days=1)


def choose_loans(version: AutopayVersion, *, on: date) -> int:
    """Choose and keep the loans of a trial that begins on a day; how many. The same whenever it is made.

    Looked at as planning will: loans under holds, loans a more specific configuration rules and bills that are not
    tried any more are no candidates, nor are borrowers without an agreement on the version's rails.
    """
    subject = replace(ruling_of(version), is_canary=False)
    canary = subject.configuration.canary
    loans: set[int] = set()
    for number in range(canary.days):
        day = on + number * ONE_DAY
        bills = bills_to_debit(day=day, rulings=_beside(subject, day=day))
        loans |= {bill.loan_id for bill in bills if bill.version_id == version.pk}
    return execute(
        statement("choose_trial.sql"),
        {
            "version": version.pk,
            "loans": array_text(sorted(loans), kind="bigint"),
            "rails": list(subject.configuration.rails),
            "first": on,
            "share": canary.share,
            "most": canary.loans or None,
        },
    )


def _beside(subject: Ruling, *, day: date) -> list[Ruling]:
    """What rules the portfolio on a day with the version in place of its configuration's, the most specific first."""
    others = [
        each
        for each in rulings_on(day)
        if each.portfolio == subject.portfolio and each.configuration_id != subject.configuration_id
    ]
    return sorted([*others, subject], key=lambda each: (each.rank, each.version_id))
