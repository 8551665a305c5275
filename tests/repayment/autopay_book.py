"""Rails, mandates and planned debits for the tests of autopay."""

from datetime import UTC, date, datetime, time
from decimal import Decimal
from itertools import count
from typing import Any

from backoffice.core.actors import SYSTEM
from backoffice.repayment.domain.autopay.mandate_terms import Binding
from backoffice.repayment.models import DebitCommand, Loan, Mandate, Rail
from backoffice.repayment.services.autopay.registering import MandateRow, register_mandates
from tests.repayment import factories

NOON = datetime(2026, 3, 2, 4, 0, tzinfo=UTC)
TODAY = date(2026, 3, 2)
_numbers = count(1)


def rail(code: str = "union-main", *, kind: str = Rail.Kind.HTTP, url: str = "http://127.0.0.1:9/rail") -> Rail:
    """A rail that is open all day."""
    return Rail.objects.create(
        code=code,
        name=code.replace("-", " ").title(),
        kind=kind,
        scheme="unionpay" if kind == Rail.Kind.HTTP else "iso20022",
        url=url,
        opens=time(0, 5),
        closes=time(23, 50),
        cut_off=time(22, 0),
    )


def binding(**fields: Any) -> Binding:
    """An account nobody has bound yet."""
    number = next(_numbers)
    usual = {"kind": "account", "bank": "CZ01", "token": f"tok-{number}", "mask": f"**** {number:04}"}
    return Binding(**(usual | {"currency": "CNY"} | fields))


def row(borrower_id: int, rail_id: int, **fields: Any) -> MandateRow:
    """An agreement signed elsewhere on 1 March."""
    usual: dict[str, Any] = {"agreement_no": f"AG-{next(_numbers):06}", "binding": binding(), "signed_on": TODAY}
    return MandateRow(borrower_id=borrower_id, rail_id=rail_id, **(usual | fields))


def mandate(borrower_id: int, rail_id: int, **fields: Any) -> Mandate:
    """A mandate in force."""
    new = row(borrower_id, rail_id, **fields)
    register_mandates(rows=[new], source="testbook", actor=SYSTEM, at=NOON)
    return Mandate.objects.get(rail_id=rail_id, agreement_no=new.agreement_no)


def command(bound: Mandate, *, state: str = "planned", **fields: Any) -> DebitCommand:
    """A debit over a mandate, on a loan of its borrower."""
    loan = Loan.objects.get(pk=factories.open_loan(borrower_id=bound.borrower_id))
    number = next(_numbers)
    usual: dict[str, Any] = {
        "order_no": f"D{number}-1-1",
        "purpose": "debit",
        "loan": loan,
        "borrower_id": bound.borrower_id,
        "installment_number": 1,
        "attempt": 1,
        "day": TODAY,
        "mandate": bound,
        "rail": bound.rail,
        "currency": "CNY",
        "forecast": Decimal("1100.16"),
        "amount": Decimal("1100.16"),
        "state": state,
    }
    if state == "submitted":
        usual["lease_until"] = NOON
    return DebitCommand.objects.create(**(usual | fields))
