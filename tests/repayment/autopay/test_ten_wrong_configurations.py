"""Ten deliberately wrong configurations: each is caught before its first debit, and the page says by which guard."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date
from typing import Any

import pytest
from django.test import Client
from django.utils import translation

from backoffice.audit.models import Approval
from backoffice.calendars.models import BusinessDay
from backoffice.repayment.domain.autopay.guards import GUARD_WORDS, Guard
from backoffice.repayment.models import AutopayConfiguration, AutopayVersion, DebitBill, Loan, Payee, Rail
from backoffice.repayment.services.autopay import drafting, payees, publishing, rail_settings, simulating
from backoffice.repayment.services.autopay.drafting import ConfigurationNotInState
from backoffice.repayment.services.autopay.planning import plan_debits
from tests.repayment.autopay.contents import MAKER, configuration, content, in_force, limit, mandate, open_rails, whole
from tests.repayment.factories import ADA, open_loan
from tests.staff.factories import logged_in, person

pytestmark = pytest.mark.django_db
EVE, DUE = date(2026, 2, 14), date(2026, 2, 15)
ROOT = "/autopay/configurations/versions/"


@pytest.fixture(autouse=True)
def _a_book_that_is_debited() -> Iterator[None]:
    open_rails()
    BusinessDay.objects.update(today=EVE)
    yield
    translation.activate("en")


@pytest.fixture
def of() -> AutopayConfiguration:
    """A configuration in force, and a loan of the bank's among those it rules."""
    made = configuration()
    in_force(made)
    loan_id = open_loan(business_date=EVE)
    mandate(Loan.objects.get(pk=loan_id).borrower_id)
    return made


def shares_of(**changes: Any) -> dict[str, Any]:
    return content()["payees"] | changes


def split(one: str, share: str, other: str, rest: str) -> list[dict[str, str]]:
    return [{"payee": one, "share": share}, {"payee": other, "share": rest}]


def nothing(of: AutopayConfiguration) -> None:
    """The content alone is wrong."""


def by_contract(of: AutopayConfiguration) -> None:
    """The lender's contract gives it nine tenths of the interest, the platform's one tenth."""
    for code, share in (("lender", "0.9"), ("platform", "0.1")):
        payee = Payee.objects.get(code=code)
        Payee.objects.filter(pk=payee.pk).update(contract_shares={"interest": share})


def of_the_bank(of: AutopayConfiguration) -> None:
    """The loans are the bank's, and the configuration is for its loans."""
    Loan.objects.update(creditor="bank-a")
    AutopayConfiguration.objects.filter(pk=of.pk).update(funder="bank-a")


def another_waits(of: AutopayConfiguration) -> None:
    """A version two people agreed to holds from the same day on."""
    AutopayVersion.objects.create(
        configuration=of,
        number=2,
        state="approved",
        content=content(),
        effective_from=DUE,
        created_by_name="Mia",
        approved_at="2026-02-13T10:00:00Z",
    )


def low_limits(of: AutopayConfiguration) -> None:
    """Every bank allows less in one debit than a bill is, from the first day of the version on."""
    limit("1000.00", effective_from=DUE)


def retired(of: AutopayConfiguration) -> None:
    """The guarantor is not paid any more."""
    AutopayVersion.objects.update(content=content(payees=shares_of(guarantee_fee=whole("other"))))
    payees.create_payee(code="other", name="Other", kind="guarantor", actor=ADA)
    payees.retire_payee(payee_id=Payee.objects.get(code="guarantor").pk, reason="It left", actor=ADA)


def closed_on_holidays(of: AutopayConfiguration) -> None:
    """The rail does not debit on the holidays of China, as a person wrote down."""
    AutopayVersion.objects.update(content=content(holidays="next_working_day", calendar="CN"))
    rail_settings.set_rail_calendar(rail_id=Rail.objects.get().pk, calendar="CN", reason="Their letter", actor=ADA)


@dataclass(frozen=True)
class Wrong:
    """A wrong content: what it says, what of the world makes it wrong, and by which guard and sentence it is caught."""

    says: dict[str, Any]
    guard: Guard
    words: str
    world: Callable[[AutopayConfiguration], None] = nothing


TEN: dict[str, Wrong] = {
    "shares of 99 %": Wrong(
        {"payees": shares_of(interest=split("lender", "0.89", "platform", "0.1"))},
        Guard.SHARES,
        "The shares add up to 99 % and have to make the whole.",
    ),
    "swapped payees: principal and guarantee fee": Wrong(
        {"payees": shares_of(principal=whole("guarantor"), guarantee_fee=whole("lender"))},
        Guard.FUNDER,
        "The principal would go to The guarantor, who is neither funder nor lender.",
    ),
    "swapped payees: interest to the guarantor": Wrong(
        {"payees": shares_of(interest=whole("guarantor"))},
        Guard.FUNDER,
        "Interest would go to The guarantor, who does not fund these loans",
    ),
    "swapped payees: penalty to another bank": Wrong(
        {"payees": shares_of(penalty=whole("bank-a"))},
        Guard.FUNDER,
        "Penalty would go to Bank A, who does not fund these loans",
    ),
    "swapped payees: ten to ninety": Wrong(
        {"payees": shares_of(interest=split("lender", "0.1", "platform", "0.9"))},
        Guard.CONTRACTS,
        "The lender would get 10 %; its contract says 90 %.",
        by_contract,
    ),
    "slot after the cut-off": Wrong(
        {"slots": [{"id": "late", "at": "20:00", "until": "21:30"}]},
        Guard.SLOTS,
        "The slot 20:00–21:30 ends after the cut-off of Union, 21:00.",
    ),
    "two amount rules": Wrong(
        {"amount": ["all_due", "current_only"]},
        Guard.AMOUNT,
        "Exactly one rule is needed; here are all_due, current_only.",
    ),
    "wrong funder": Wrong(
        {},
        Guard.FUNDER,
        "The principal would go to The lender, and not to the funder “bank-a”.",
        of_the_bank,
    ),
    "overlapping versions": Wrong({}, Guard.RANGE, "Version 2 holds from 2026-02-15 on.", another_waits),
    "a code without an action": Wrong(
        {"actions": {family: action for family, action in content()["actions"].items() if family != "risk"}},
        Guard.CODES,
        "Nothing says what follows this kind of refusal.",
    ),
    "limits ignored": Wrong(
        {"split_over_limit": False, "partial": {}},
        Guard.LIMITS,
        "Of the bills of the first 30 days 2 of 2 are over what agreements and banks allow in one debit (CNY).",
        low_limits,
    ),
    "a retired payee": Wrong({}, Guard.PAYEES, "The guarantor is not paid any more.", retired),
    "holidays ignored": Wrong(
        {}, Guard.HOLIDAYS, "Union keeps the calendar CN; debits would run on its holidays.", closed_on_holidays
    ),
}


def text_of(answer: Any) -> str:
    assert answer.status_code == 200
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", answer.content.decode()))


@pytest.mark.parametrize("name", list(TEN))
def test_it_is_caught_before_the_first_debit_and_the_page_says_by_which_guard(
    of: AutopayConfiguration, name: str
) -> None:
    wrong = TEN[name]
    wrong.world(of)
    client = logged_in(Client(), person("team_lead"))
    draft = drafting.draft_version(
        configuration_id=of.pk, content=content(**wrong.says), note="", actor=MAKER, effective_from=DUE
    )
    path = f"{ROOT}{draft.pk}/"

    client.post(f"{path}check/")

    said = text_of(client.get(path)).replace("&#x27;", "'").replace("15 Feb 2026", "2026-02-15")
    assert "Guards refuse this version; it cannot go on." in said
    assert GUARD_WORDS[wrong.guard] in said
    assert wrong.words in said
    # It goes no further: by no button of the page, by no verb.
    assert client.get(f"{path}submit/").status_code == 404
    client.post(f"{path}simulate/")
    with pytest.raises(ConfigurationNotInState):
        simulating.simulate_version(version_id=draft.pk, actor=MAKER)
    with pytest.raises(ConfigurationNotInState):
        publishing.submit_version(version_id=draft.pk, reason="It is right", actor=MAKER)
    draft.refresh_from_db()
    assert (draft.state, Approval.objects.count()) == ("draft", 0)
    publishing.activate_due(on=DUE)
    plan_debits(day=DUE)
    assert not DebitBill.objects.filter(version=draft).exists()


def test_the_same_draft_with_nothing_wrong_passes(of: AutopayConfiguration) -> None:
    client = logged_in(Client(), person("team_lead"))
    draft = drafting.draft_version(configuration_id=of.pk, content=content(), note="", actor=MAKER, effective_from=DUE)
    client.post(f"{ROOT}{draft.pk}/check/")
    draft.refresh_from_db()
    assert draft.state == "checked"
