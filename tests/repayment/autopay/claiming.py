"""A rule of a guarantor, a loan that comes to be claimed, and the steps of a claim, each in one line."""

from datetime import date, datetime, time, timedelta
from decimal import Decimal
from itertools import count
from typing import Any
from zoneinfo import ZoneInfo

from backoffice.calendars.models import BusinessDay
from backoffice.core.actors import Actor
from backoffice.repayment.models import Claim, ClaimRule, DebitCommand, Payee
from backoffice.repayment.selectors.states import LoanId
from backoffice.repayment.services.autopay.claim_deciding import decide_claim
from backoffice.repayment.services.autopay.claim_listing import Listed, list_claims
from backoffice.repayment.services.autopay.claim_transferring import Transferred, transfer_claim
from tests.repayment.autopay.debiting import mandate
from tests.repayment.factories import PORTFOLIO, open_loan, post

DUE = date(2026, 2, 15)
"""The first bill of a loan of `factories.open_loan` falls due: 1,000.16 of principal, 100.00 of interest or so."""
TRIGGER = 10
DAY = DUE + timedelta(days=TRIGGER)
"""The day on which it is claimed."""
_numbers = count(1)
SHANGHAI = ZoneInfo("Asia/Shanghai")
FRIDA = Actor(kind="staff", id=21, name="Frida", roles=frozenset({"team_lead"}))
TOM = Actor(kind="staff", id=22, name="Tom", roles=frozenset({"team_lead"}))


def guarantor(code: str = "guard") -> Payee:
    """A guarantor loans name as creditor."""
    return Payee.objects.get_or_create(code=code, defaults={"name": code, "kind": "guarantor", "creditor": code})[0]


def rule(**fields: Any) -> ClaimRule:
    """A rule in force since the beginning of the year: single bills, ten days past due."""
    usual: dict[str, Any] = {
        "guarantor": guarantor(),
        "portfolio": PORTFOLIO,
        "funder": "lender",
        "currency": "CNY",
        "kind": "per_instalment",
        "trigger_dpd": TRIGGER,
        "with_penalty": False,
        "cap_share": Decimal("0.5"),
        "cut_off": time(18),
        "effective_from": date(2026, 1, 1),
        "state": "approved",
        "created_by": 1,
        "created_by_name": "Ada",
        "approved_by": 2,
        "approved_by_name": "Grace",
    }
    return ClaimRule.objects.create(**(usual | fields))


def at(clock: str, day: date = DAY) -> datetime:
    """A time of a day where the lender is."""
    return datetime.combine(day, time.fromisoformat(clock), tzinfo=SHANGHAI)


def late_loan(day: date = DAY, **fields: Any) -> LoanId:
    """A loan that paid nothing, as it stands on the morning of the day; it is the business date."""
    business_date_is(day)
    return open_loan(business_date=day, **fields)


def business_date_is(day: date) -> None:
    """The book is on that day."""
    BusinessDay.objects.update_or_create(pk=BusinessDay.ONLY, defaults={"today": day})


def listed(of: ClaimRule, day: date = DAY) -> Listed:
    """The list of a day, as the close of the day before makes it."""
    return list_claims(rule_id=of.pk, day=day, at=at("00:30", day))


def confirmed(claim: Claim) -> Claim:
    """The funder agrees."""
    return decide_claim(claim_id=claim.pk, is_confirmed=True, reason="by list", actor=FRIDA, at=at("10:00"))


def transferred(claim: Claim, *, clock: str = "19:00", day: date = DAY) -> Transferred:
    """The guarantor pays, after the cut-off unless told otherwise."""
    return transfer_claim(claim_id=claim.pk, reason="paid by the guarantor", actor=TOM, at=at(clock, day))


def pays(claim: Claim, amount: str, *, clock: str = "", day: date = DAY) -> int:
    """The borrower pays: by a debit at a time of the day, or without one at a counter."""
    operation_id = post(claim.loan_id, amount, day)  # type: ignore[arg-type]
    if clock:
        bound = mandate(claim.loan.borrower_id)
        number = next(_numbers)
        DebitCommand.objects.create(
            order_no=f"D{number}-9-9", purpose="debit", loan_id=claim.loan_id, borrower_id=bound.borrower_id,
            installment_number=1, attempt=1, day=day, mandate=bound, rail=bound.rail, currency="CNY", forecast=amount,
            amount=amount, state="succeeded", succeeded_at=at(clock, day), operation_id=operation_id,
        )  # fmt: skip
    return int(operation_id)


def the_claim() -> Claim:
    """The one there is."""
    return Claim.objects.select_related("rule", "guarantor", "loan").get()
