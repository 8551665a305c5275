"""The autopay a lender starts with: sound by every guard, one configuration a portfolio and creditor, loaded once."""

from datetime import date

import pytest
from django.core.management import call_command

from backoffice.audit.models import AuditEntry
from backoffice.calendars.models import BusinessDay
from backoffice.core.actors import SYSTEM
from backoffice.dayend.steps import STEP_BY_NAME
from backoffice.outreach.services.starting import load_starter, load_starter_plan
from backoffice.repayment.models import AutopayVersion, Loan, Payee, Rail
from backoffice.repayment.selectors.autopay.in_force import rulings_on
from backoffice.repayment.services.autopay.checking import findings_of
from backoffice.repayment.services.autopay.starting import load_starter_autopay
from tests.repayment.cases import terms
from tests.repayment.factories import open_loan

pytestmark = pytest.mark.django_db
TODAY = date(2026, 2, 13)


@pytest.fixture(autouse=True)
def _today() -> None:
    BusinessDay.objects.update_or_create(pk=BusinessDay.ONLY, defaults={"today": TODAY})


def test_every_portfolio_and_creditor_gets_a_version_that_guards_let_pass() -> None:
    load_starter(is_active=True, actor=SYSTEM)
    load_starter_plan(effective_from=TODAY, actor=SYSTEM)
    open_loan()
    Loan.objects.filter(pk=open_loan()).update(creditor="Bank A")
    Loan.objects.filter(pk=open_loan(terms=terms(currency="CZK"))).update(portfolio="berka")

    assert load_starter_autopay(effective_from=TODAY, actor=SYSTEM) == 3
    assert load_starter_autopay(effective_from=TODAY, actor=SYSTEM) == 0

    found = [(each.portfolio, each.funder, each.configuration.rails) for each in rulings_on(TODAY)]
    assert sorted(found) == [
        ("berka", "", ("iso", "union")),
        ("cash", "Bank A", ("union", "iso")),
        ("cash", "lender", ("union", "iso")),
    ]
    assert {finding for version in AutopayVersion.objects.all() for finding in findings_of(version)} == set()
    assert Payee.objects.get(creditor="Bank A").kind == "funder"
    assert AutopayVersion.objects.get(configuration__portfolio="berka").content["calendar"] == "CZ"
    assert AuditEntry.objects.filter(verb="repayment.autopay_version.shipped").count() == 3


def test_the_command_loads_it_and_leaves_rails_alone(capsys: pytest.CaptureFixture[str]) -> None:
    open_loan()
    call_command("load_autopay", "--url", "http://bank.example/")
    Rail.objects.update(name="Ours")
    call_command("load_autopay")

    assert capsys.readouterr().out.splitlines() == [
        "1 autopay configurations are new.",
        "0 autopay configurations are new.",
    ]
    assert set(Rail.objects.values_list("name", flat=True)) == {"Ours"}
    assert Rail.objects.get(code="union").url == "http://bank.example/rails/http"


def test_the_close_of_a_day_lets_in_what_is_due() -> None:
    open_loan()
    load_starter_autopay(effective_from=TODAY, actor=SYSTEM)
    step = STEP_BY_NAME["autopay"]
    assert step.plan(TODAY) == []
    AutopayVersion.objects.update(effective_to=date(2026, 2, 14))

    assert step.plan(TODAY) == [(0, 0)]
    assert step.work(TODAY, 0, 0, 1).counts == {"versions": 1}
    assert AutopayVersion.objects.get().ended_because == "ended"
