"""A lender with the plan it starts with: bills due tomorrow, and people who change the plan."""

from datetime import date
from typing import Any

from backoffice.calendars.models import BusinessDay
from backoffice.core.actors import SYSTEM
from backoffice.customers.models import Borrower
from backoffice.outreach.models import ReminderPlanVersion
from backoffice.outreach.services.starting import load_starter, load_starter_plan
from tests.repayment.factories import open_loan

PAID_OUT = date(2026, 1, 15)
TODAY = date(2026, 2, 13)
"""Two days before the bills of the book are due: tomorrow's step is the one of the day before."""


def open_reminders(*, borrowers: int = 2, nowhere: int = 0) -> ReminderPlanVersion:
    """The starter plan in force, nobody left alone, and loans due on 15 February of borrowers in Shanghai.

    `nowhere`: of how many more nobody knows where they are, so that the gate lets nothing through.
    """
    load_starter(is_active=True, actor=SYSTEM)
    load_starter_plan(effective_from=PAID_OUT, actor=SYSTEM)
    version = ReminderPlanVersion.objects.get()
    version.content = version.content | {"holdout": "0"}
    version.save(update_fields=["content"])
    for number in range(borrowers + nowhere):
        place = {} if number >= borrowers else {"country": "CN", "time_zone": "Asia/Shanghai"}
        borrower = Borrower.objects.create(
            external_id=f"R-{number}", source="reminding", portfolio="cash", language="zh-Hans", **place
        )
        open_loan(borrower_id=borrower.pk, disbursed_on=PAID_OUT, business_date=TODAY)
    BusinessDay.objects.update_or_create(pk=BusinessDay.ONLY, defaults={"today": TODAY})
    return version


def content_with(version: ReminderPlanVersion, **changes: Any) -> dict[str, Any]:
    """What a version says, its first step changed."""
    first, *others = version.content["steps"]
    return {"steps": [first | changes, *others], "holdout": version.content["holdout"]}
