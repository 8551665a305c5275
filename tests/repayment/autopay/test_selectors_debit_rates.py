"""The four success rates, through the real code: planned, built, let out, answered. metrics 1.8-B."""

from datetime import timedelta
from decimal import Decimal

import pytest

from backoffice.repayment.domain.autopay.rates import DebitCounts
from backoffice.repayment.models import AutopayConfiguration, DebitBatch, DebitBill, DebitCommand, Loan, Mandate
from backoffice.repayment.selectors.autopay.rates import Cut, debit_rates, visible_versions
from backoffice.repayment.services.autopay import building
from tests.repayment.autopay.answering import NO_FUNDS, PAID, loans_of_a_thousand, slot
from tests.repayment.autopay.debiting import DUE, SECRET, at, morning_of, payees, plan, rail, version
from tests.repayment.factories import PORTFOLIO, drifts, post
from tests.staff.factories import TeamFactory, person

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def _rail(settings):
    settings.RAIL_SECRETS = {rail().code: SECRET}
    payees()


def rates(cut: Cut = Cut.WHOLE, **options) -> dict[str, DebitCounts]:
    user = person("admin", team=TeamFactory())
    parts = debit_rates(
        from_day=DUE, through_day=DUE, cut=cut, versions=visible_versions(user=user), **{"first_day": True} | options
    )
    assert {part.currency for part in parts} <= {"CNY"}
    return {part.key: part.counts for part in parts}


def percent(share: Decimal | None) -> str:
    assert share is not None
    return f"{share * 100:.1f}"


def test_the_worked_day_comes_out_as_the_four_rates():
    """1,000 bills of 1,000; of the 855 that debits settle, 13 had been paid 4,000 in part by their borrowers.

    That happened between the planning and the slots: 842 full debits of 1,000 and 13 of what was left, 9,000.
    """
    loans = loans_of_a_thousand(1_000)
    version()
    morning_of()
    assert plan() == 1_000
    # Of slot 1, 2 and 3: the bills that are paid last in each. 12 x 300 and 400 make 4,000.
    in_part = [*loans[775:780], *loans[835:840], *loans[852:855]]
    for loan, paid in zip(in_part, [300] * 12 + [400], strict=True):
        post(loan.pk, f"{paid}.00", DUE)
    slot(at("07:00"), lambda place: PAID if place < 780 else NO_FUNDS)
    slot(at("16:00"), lambda place: PAID if place < 60 else NO_FUNDS)
    slot(at("21:00"), lambda place: PAID if place < 15 else NO_FUNDS)
    whole = rates()[""]
    assert whole == DebitCounts(
        bills=1_000,
        settled=855,
        commands=1_380,
        succeeded=855,
        first=780,
        first_tried=1_000,
        due=Decimal("1000000.00"),
        debited=Decimal("851000.00"),
    )
    four = (whole.by_bill, whole.by_attempt, whole.by_first_attempt, whole.by_amount)
    assert [percent(each) for each in four] == ["85.5", "62.0", "78.0", "85.1"]
    full = DebitCommand.objects.filter(state="succeeded", amount=Decimal("1000.00"))
    assert (full.count(), DebitCommand.objects.filter(state="succeeded", amount__lt=1000).count()) == (842, 13)
    slots = rates(Cut.SLOT)
    assert [(key, each.commands, each.succeeded, each.settled) for key, each in slots.items()] == [
        ("s1", 1_000, 780, 780),
        ("s2", 220, 60, 60),
        ("s3", 160, 15, 15),
    ]
    assert sum(each.debited for each in slots.values()) == whole.debited
    assert [each.by_first_attempt for each in slots.values()] == [Decimal("0.78"), None, None], "none was first tried"
    assert {key: each.commands for key, each in rates(Cut.FAMILY).items()} == {"done": 855, "insufficient_funds": 525}
    assert drifts(DUE) == []


def test_cuts_by_bank_rail_funder_and_batch_in_one_query(django_assert_num_queries):
    loans = loans_of_a_thousand(4)
    Mandate.objects.filter(borrower_id=loans[3].borrower_id).update(bank="CN02")
    Loan.objects.filter(pk=loans[0].pk).update(creditor="fund")
    made = version()
    morning_of()
    plan()
    slot(at("07:00"), lambda place: PAID if place < 2 else NO_FUNDS)
    for cut, expected in (
        (Cut.BANK, {"CN01": (3, 2), "CN02": (1, 0)}),
        (Cut.RAIL, {"union": (4, 2)}),
        (Cut.FUNDER, {"fund": (1, 1), "lender": (3, 1)}),
        (Cut.BATCH, {str(DebitBatch.objects.get().pk): (4, 2)}),
    ):
        with django_assert_num_queries(1):
            parts = debit_rates(from_day=DUE, through_day=DUE, cut=cut, versions=[made.pk])
        assert {part.key: (part.counts.commands, part.counts.succeeded) for part in parts} == expected


def test_counts_nothing_that_never_left_and_no_bill_that_the_borrower_paid():
    (loan,) = loans_of_a_thousand(1)
    version()
    morning_of()
    plan()
    slot(at("07:00"), lambda _place: NO_FUNDS)
    post(loan.pk, "1000.00", DUE)
    building.begin_slots(at=at("16:00"))
    assert DebitBill.objects.get().state == "settled"
    assert rates()[""] == DebitCounts(bills=1, commands=1, first_tried=1, due=Decimal("1000.00"))
    DebitCommand.objects.update(state="dropped")
    assert rates() == {}


def test_a_bill_tried_again_on_a_later_day_counts_on_its_first_day_alone():
    loans_of_a_thousand(1)
    made = version()
    morning_of()
    plan()
    slot(at("07:00"), lambda _place: NO_FUNDS)
    first = DebitBill.objects.get()
    values = {f.attname: getattr(first, f.attname) for f in DebitBill._meta.fields if f.attname != "id"}
    later = DebitBill.objects.create(**values | {"day": DUE + timedelta(days=1)})
    command = DebitCommand.objects.get()
    values = {f.attname: getattr(command, f.attname) for f in DebitCommand._meta.fields if f.attname != "id"}
    DebitCommand.objects.create(**values | {"bill_id": later.pk, "day": later.day, "order_no": "later"})
    spans = {"from_day": DUE, "through_day": later.day, "cut": Cut.WHOLE, "versions": [made.pk]}
    assert [part.counts.bills for part in debit_rates(**spans, first_day=True)] == [1]
    assert [part.counts.bills for part in debit_rates(**spans)] == [2]
    assert debit_rates(**spans | {"from_day": later.day}, first_day=True) == []


def test_looks_at_the_versions_of_the_portfolios_one_works_on():
    made = version()
    lead = person("team_lead", team=TeamFactory(portfolios=["south"]))
    assert visible_versions(user=lead) == []
    assert visible_versions(user=person("team_lead", team=TeamFactory(portfolios=[PORTFOLIO]))) == [made.pk]
    other = AutopayConfiguration.objects.create(code="other", name="Other", portfolio="south")
    admin = person("admin", team=TeamFactory())
    assert visible_versions(user=admin, configuration_id=other.pk) == []
    assert visible_versions(user=admin, configuration_id=made.configuration_id) == [made.pk]
