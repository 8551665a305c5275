"""The SQL of an audience finds whom the slow oracle finds, with the loan they are written to about."""

import random
from datetime import date, timedelta
from decimal import Decimal

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from backoffice.calendars.services import open_first_day
from backoffice.core.actors import SYSTEM
from backoffice.customers.models import Borrower
from backoffice.outreach.domain.audiences import AmountBetween, AudienceFilter, Between, as_content, read_audience
from backoffice.outreach.domain.plan_content import PlanFaulty
from backoffice.repayment.models import Loan
from backoffice.repayment.selectors.audiences import audience_now, targets_of
from backoffice.repayment.services import holds
from backoffice.repayment.services.opening import Opening, PastOperation, open_and_replay
from tests.console.book import TERMS
from tests.repayment.campaigning import a_borrower
from tests.repayment.slow_audience import slow_audience

pytestmark = pytest.mark.django_db
TODAY = date(2026, 6, 20)
CASES = 400


def a_book(dice: random.Random) -> None:
    """Forty borrowers with up to three loans each, some settled, some late, some held, two merged away."""
    open_first_day(day=TODAY, actor=SYSTEM)
    openings, number = [], 0
    for _ in range(40):
        borrower = a_borrower(
            country=dice.choice(["CN", "TW", ""]),
            language=dice.choice(["zh-Hans", "ZH", "en-GB", ""]),
            portfolio=dice.choice(["cash", "farm"]),
        )
        for _loan in range(dice.randint(0, 3)):
            number += 1
            disbursed = TODAY - timedelta(days=dice.randint(1, 200))
            history = []
            if dice.random() < 0.5:
                paid_on = disbursed + timedelta(days=dice.randint(0, (TODAY - disbursed).days))
                amount = dice.choice(["1100.16", "2500.00", "13500.00"])
                history.append(
                    PastOperation(
                        kind="payment",
                        value_date=paid_on,
                        amount=Decimal(amount),
                        external_id=f"p{number}",
                        surplus="suspense",
                    )
                )
            openings.append(
                Opening(
                    external_id=f"A-{number}",
                    portfolio=borrower.portfolio,
                    borrower_id=borrower.pk,
                    terms=TERMS,
                    principal=Decimal(dice.choice(["12000.00", "3000.00"])),
                    disbursed_on=disbursed,
                    history=tuple(history),
                )
            )
    open_and_replay(loans=openings, business_date=TODAY, actor=SYSTEM)
    loans = list(Loan.objects.filter(status="active").order_by("pk"))
    for loan in dice.sample(loans, 6):
        start = TODAY - timedelta(days=dice.randint(1, 60))
        for offset in (0, 5):
            holds.place_hold(
                borrower_id=loan.borrower_id,
                scopes=["aging"],
                start=start + timedelta(days=offset),
                end_exclusive=start + timedelta(days=offset + dice.randint(3, 20)),
                reason=dice.choice(["other", "disaster"]) if offset == 0 else "dispute",
                note="under review",
                actor=SYSTEM,
                loan_id=dice.choice([loan.pk, None]),
            )
    first, *others = Borrower.objects.order_by("pk")
    Borrower.objects.filter(pk__in=[others[0].pk, others[1].pk]).update(merged_into=first)


def an_audience(dice: random.Random) -> AudienceFilter:
    """Any parts, most of them missing."""

    def between(most: int) -> Between | None:
        if dice.random() < 0.75:
            return None
        low, high = sorted((dice.randint(0, most), dice.randint(0, most)))
        return Between(dice.choice([low, None]), high)

    def some(names: tuple[str, ...], chance: float = 0.3) -> tuple[str, ...]:
        return tuple(name for name in names if dice.random() < 0.6) if dice.random() < chance else ()

    amounts = AmountBetween(Decimal(dice.randint(0, 9000)), dice.choice([None, Decimal(12000)]), "CNY")
    return AudienceFilter(
        portfolios=some(("cash", "farm")),
        countries=some(("CN", "TW")),
        languages=some(("zh", "en")),
        loans=dice.choice([None, None, "active", "settled"]),
        buckets=some(("M0", "M1", "M2", "M3"), 0.4),
        days_past_due=between(90),
        due_in=between(31),
        outstanding=amounts if dice.random() < 0.2 else None,
        settled_ago=between(120),
        loans_taken=between(3),
    )


def test_finds_whom_the_oracle_finds_for_hundreds_of_audiences() -> None:
    dice = random.Random(20260620)
    a_book(dice)
    sizes, judged = [], 0
    while judged < CASES:
        audience, day = an_audience(dice), TODAY + timedelta(days=dice.choice([0, 1, 1, 3]))
        try:
            read_audience(as_content(audience))
        except PlanFaulty:
            continue
        judged += 1
        found = [
            (target.borrower_id, target.loan.loan_id if target.loan else None)
            for target in targets_of(audience=audience, day=day)
        ]
        assert found == slow_audience(audience=audience, day=day), audience
        sizes.append(len(found))
    assert sum(size > 0 for size in sizes) > CASES // 3, "most audiences of the test must hold somebody"


def test_tells_the_loan_it_is_about_and_what_is_left_of_its_bill() -> None:
    borrower = a_borrower(time_zone="Asia/Taipei")
    (loan_id,) = open_and_replay(
        loans=[
            Opening(
                external_id="A-1",
                portfolio="cash",
                borrower_id=borrower.pk,
                terms=TERMS,
                principal=Decimal("12000.00"),
                disbursed_on=date(2026, 5, 15),
            )
        ],
        business_date=TODAY,
        actor=SYSTEM,
    )
    (target,) = targets_of(audience=AudienceFilter(days_past_due=Between(6, 6)), day=TODAY + timedelta(days=1))
    assert (target.borrower_id, target.language, target.time_zone) == (borrower.pk, "zh-Hans", "Asia/Taipei")
    assert target.loan is not None
    assert (target.loan.loan_id, target.loan.number, target.loan.due_date) == (loan_id, "A-1", date(2026, 6, 15))
    assert (target.loan.amount, target.loan.overdue, target.loan.currency) == (
        Decimal("1100.16"),
        Decimal("1100.16"),
        "CNY",
    )


def test_counts_those_of_the_portfolios_somebody_works_on_with_masked_names() -> None:
    for portfolio in ("cash", "cash", "farm"):
        a_borrower(portfolio=portfolio)
    everybody = AudienceFilter(countries=("CN",))
    with CaptureQueriesContext(connection) as queries:
        now = audience_now(audience=everybody, day=TODAY, within=frozenset({"cash"}))
    assert (now.borrowers, {one.portfolio for one in now.sample}) == (2, {"cash"})
    assert len(queries) == 4
    assert audience_now(audience=everybody, day=TODAY, within=None).borrowers == 3
    assert audience_now(audience=everybody, day=TODAY, within=frozenset()).borrowers == 0


def test_what_is_typed_never_becomes_sql() -> None:
    a_borrower(portfolio="x'); DROP TABLE outreach_audience; --")
    audience = AudienceFilter(portfolios=("x'); DROP TABLE outreach_audience; --",))
    assert len(targets_of(audience=audience, day=TODAY)) == 1
