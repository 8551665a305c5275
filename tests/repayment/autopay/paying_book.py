"""A borrower with a bill due, an agreement the bank knows, and a link to pay by."""

import re
from typing import Any

from django.test import Client

from backoffice.core.actors import SYSTEM
from backoffice.repayment.models import Loan, Mandate
from backoffice.repayment.services.autopay.pay_links import make_link
from tests.repayment.autopay.debiting import Bank, at, content, loan_due, mandate, morning_of, version

SEEN = re.compile(r'name="seen" value="([^"]+)"')


def due_with_link(bank: Bank, *, balance: str = "100000.00", **fields: Any) -> tuple[Loan, Mandate, str]:
    """A loan due today, its agreement, and the token of a link."""
    loan = loan_due()
    agreement = mandate(loan.borrower_id, **fields)
    bank.knows(agreement, balance=balance)
    version(content())
    morning_of()
    return loan, agreement, token_for(loan)


def token_for(loan: Loan, **fields: Any) -> str:
    """The token of another link of a loan."""
    asked = {"reason": "asked by phone", "at": at("06:00"), "actor": SYSTEM} | fields
    return make_link(loan_id=loan.pk, **asked).token


def opened(token: str, **headers: str) -> Any:
    """The page of a link."""
    return Client(headers=headers).get(f"/pay/{token}/")


def text_of_page(token: str) -> str:
    """What the page says, without its marks."""
    answer = opened(token)
    assert answer.status_code == 200, answer.content
    return " ".join(re.sub(r"<[^>]+>", " ", answer.content.decode()).split())


def seen_on(token: str) -> str:
    """What a click on the page's button would confirm; fails where there is none."""
    found = SEEN.search(opened(token).content.decode())
    assert found is not None
    return found[1]


def click(token: str, seen: str) -> str:
    """A click; gives where the browser is sent."""
    answer = Client().post(f"/pay/{token}/", {"seen": seen})
    assert answer.status_code == 303, answer.content
    return str(answer.headers["Location"])
