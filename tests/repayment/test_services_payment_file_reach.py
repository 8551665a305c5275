"""A file of payments reaches no further than the person who sent it."""

from datetime import date
from decimal import Decimal
from io import BytesIO

import pytest

from backoffice.core.actors import SYSTEM
from backoffice.repayment.models import Operation
from backoffice.repayment.services.payment_files import post_file, receive_file
from tests.console.book import open_book
from tests.staff.factories import TeamFactory, person

pytestmark = pytest.mark.django_db


def _send(portfolios: list[str]) -> tuple[int, str]:
    book = open_book()
    loan = book.late
    lines = f"loan,amount,currency,value_date\n{loan.external_id},10.00,{loan.currency},{date(2026, 11, 20)}\n"
    sender = person("team_lead", team=TeamFactory(portfolios=portfolios))
    file = receive_file(
        name="f.csv", content=BytesIO(lines.encode()), source="bank", actor=sender.as_actor(), is_confirmed=True
    )
    posted = post_file(file_id=file.pk, actor=SYSTEM)
    codes = list(posted.refused_lines.values_list("code", flat=True))
    return Operation.objects.filter(loan=loan, kind="payment", amount=Decimal("10.00")).count(), ",".join(codes)


def test_a_line_for_a_portfolio_of_the_senders_team_is_posted() -> None:
    # A team without portfolios sees them all.
    assert _send([]) == (1, "")


def test_a_line_for_another_teams_portfolio_finds_no_loan() -> None:
    assert _send(["somewhere-else"]) == (0, "repayment.loan_not_found")
