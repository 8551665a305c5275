"""The content of a configuration, whole and sound, and rows it needs; a test changes one thing of it."""

from datetime import date, time
from typing import Any

from backoffice.audit.models import ApprovalLimit
from backoffice.calendars.models import BusinessDay
from backoffice.core.actors import Actor
from backoffice.repayment.domain.autopay.actions import USUAL
from backoffice.repayment.models import AutopayConfiguration, AutopayVersion, BankLimit, Mandate, Payee, Rail

TODAY = date(2026, 2, 13)
"""Two days before the first bills of the book fall due."""
MAKER = Actor(kind="staff", id=1, name="Mia", roles=frozenset({"team_lead"}))
PRINCIPAL, INTEREST, FEE, GUARANTEE, PENALTY = "principal", "interest", "fee", "guarantee_fee", "penalty"


def whole(payee: str) -> list[dict[str, str]]:
    """All of a component for one payee."""
    return [{"payee": payee, "share": "1"}]


def content(**changes: Any) -> dict[str, Any]:
    """A content that every guard lets pass with the rows of `open_rails`."""
    return {
        "rails": ["union-sandbox"],
        "slots": [
            {"id": "morning", "at": "06:00", "until": "07:30"},
            {"id": "evening", "at": "19:00", "until": "20:30"},
        ],
        "attempts_per_day": 2,
        "min_gap_minutes": 240,
        "days": 3,
        "amount": "all_due",
        "split_over_limit": True,
        "partial": {"shares": ["1", "0.5"], "least": "100.00"},
        "mandate_order": "priority",
        "actions": {family.value: action.value for family, action in USUAL.items()},
        "notify": {},
        "blackout": [],
        "holidays": "debit",
        "calendar": "",
        "payees": {
            PRINCIPAL: whole("lender"),
            INTEREST: whole("lender"),
            FEE: whole("lender"),
            GUARANTEE: whole("guarantor"),
            PENALTY: whole("lender"),
        },
        "keeper": "lender",
        "canary": {},
        "breakers": {},
    } | changes


def open_rails() -> None:
    """A rail that answers in the codes of UnionPay, and payees: lender, guarantor, a bank, the platform. Today is set.

    Who agrees to a version is as it is shipped, whatever tests before have emptied.
    """
    for role in ("admin", "compliance"):
        limits = {"verb": "repayment.autopay_version", "role": role, "currency": ""}
        ApprovalLimit.objects.get_or_create(**limits, defaults={"max_amount": None, "alone": False})
    Rail.objects.create(
        code="union-sandbox",
        name="Union",
        kind=Rail.Kind.HTTP,
        scheme="unionpay",
        url="http://rail.example/",
        opens=time(5),
        closes=time(22),
        cut_off=time(21),
    )
    Payee.objects.create(code="lender", name="The lender", kind=Payee.Kind.LENDER, creditor="lender")
    Payee.objects.create(code="guarantor", name="The guarantor", kind=Payee.Kind.GUARANTOR)
    Payee.objects.create(code="bank-a", name="Bank A", kind=Payee.Kind.FUNDER, creditor="bank-a")
    Payee.objects.create(code="platform", name="The platform", kind=Payee.Kind.PLATFORM)
    BusinessDay.objects.update_or_create(pk=BusinessDay.ONLY, defaults={"today": TODAY})


def configuration(**changes: Any) -> AutopayConfiguration:
    """The configuration of the portfolio the test loans are in."""
    return AutopayConfiguration.objects.create(
        **({"code": "cash", "name": "Cash", "portfolio": "cash", "funder": ""} | changes)
    )


def in_force(of: AutopayConfiguration, *, number: int = 1, since: date = date(2026, 1, 1), **changes: Any) -> Any:
    """A version two people agreed to before the test began."""
    return AutopayVersion.objects.create(
        configuration=of,
        number=number,
        state="active",
        content=content(**changes),
        effective_from=since,
        created_by_name="Mia",
        approved_by_name="Max",
        approved_at="2025-12-30T10:00:00Z",
    )


def mandate(borrower_id: int, **changes: Any) -> Mandate:
    """An agreement of a borrower over the rail, in CNY."""
    rail = changes.pop("rail", None) or Rail.objects.get(code="union-sandbox")
    fields: dict[str, Any] = {
        "borrower_id": borrower_id,
        "rail": rail,
        "agreement_no": f"AG-{Mandate.objects.count() + 1}",
        "kind": Mandate.Kind.CARD,
        "bank": "ICBC",
        "token": f"tok-{Mandate.objects.count() + 1}",
        "mask": "**** 1234",
        "currency": "CNY",
        "state": "active",
        "signed_on": date(2026, 1, 15),
    }
    return Mandate.objects.create(**(fields | changes))


def limit(single: str, **changes: Any) -> BankLimit:
    """What every bank allows in one debit over the rail."""
    fields: dict[str, Any] = {
        "rail": Rail.objects.get(code="union-sandbox"),
        "bank": "",
        "currency": "CNY",
        "single": single,
        "effective_from": date(2026, 1, 1),
    }
    return BankLimit.objects.create(**(fields | changes))
