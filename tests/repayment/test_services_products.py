"""Products as versioned data: two people, one open version, a start on its day, a cap nobody crosses."""

from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from backoffice.audit import approvals
from backoffice.audit.models import Approval, AuditEntry
from backoffice.calendars import services as calendars
from backoffice.core.actors import SYSTEM, Actor
from backoffice.core.errors import Refusal
from backoffice.repayment.domain.terms import (
    AllocationRule,
    CostCap,
    FeeRule,
    Grace,
    PenaltyRule,
    PrepaymentRule,
    Terms,
)
from backoffice.repayment.domain.terms_form import from_json
from backoffice.repayment.models import Product, ProductVersion
from backoffice.repayment.selectors.product_words import difference_in_words, terms_in_words
from backoffice.repayment.selectors.products import product_lines, products_to_activate, version_in_force
from backoffice.repayment.services import product_costs, products
from tests.staff.factories import TeamFactory, person

pytestmark = pytest.mark.django_db

TODAY = date(2026, 5, 4)
TERMS = Terms("CNY", "equal_installment", Decimal("0.18"), 12)
SAMPLE = Decimal("12000.00")


@pytest.fixture(autouse=True)
def _day_is_open() -> None:
    calendars.open_first_day(day=TODAY, actor=SYSTEM)


@pytest.fixture
def maker() -> Actor:
    return person("admin").as_actor()


@pytest.fixture
def checker() -> Actor:
    return person("compliance").as_actor()


def created(maker: Actor, terms: Terms = TERMS, code: str = "cash") -> ProductVersion:
    return products.create_product(
        code=code, name="Cash loan", portfolio="cash", currency="CNY", terms=terms, actor=maker, note="first"
    )


def submitted(version: ProductVersion, maker: Actor, *, on: date = TODAY) -> Approval:
    return products.submit(
        version_id=version.pk, effective_from=on, sample_principal=SAMPLE, reason="new season", actor=maker
    )


def published(maker: Actor, checker: Actor, *, on: date = TODAY, terms: Terms = TERMS) -> ProductVersion:
    """A version with these terms, approved; a draft of the one product, or of a new one."""
    product = Product.objects.first()
    version = (
        created(maker, terms)
        if product is None
        else products.draft_version(product_id=product.pk, terms=terms, note="", actor=maker)
    )
    approvals.approve(approval_id=submitted(version, maker, on=on).pk, actor=checker)
    version.refresh_from_db()
    return version


def refusal(kind: type[Refusal], **call: Any) -> Refusal:
    verb = call.pop("verb")
    with pytest.raises(kind) as refused:
        verb(**call)
    return refused.value


def states(product: Product) -> list[tuple[int, str]]:
    return list(product.versions.order_by("number").values_list("number", "state"))


def test_a_new_product_starts_as_a_draft_in_the_trail(maker: Actor) -> None:
    version = created(maker)
    assert (version.number, version.state, version.created_by_id) == (1, "draft", maker.id)
    assert from_json(version.terms) == TERMS
    assert list(
        AuditEntry.objects.exclude(verb__startswith="calendars").order_by("id").values_list("verb", flat=True)
    ) == [
        "repayment.product.created",
        "repayment.product_version.drafted",
    ]


def test_a_code_is_used_once_and_nothing_else_happens(maker: Actor) -> None:
    created(maker)
    refused = refusal(products.CodeTaken, verb=created, maker=maker)
    assert list(refused.fields) == ["code"]
    assert (Product.objects.count(), ProductVersion.objects.count()) == (1, 1)


def test_terms_are_in_the_currency_of_the_product(maker: Actor) -> None:
    refused = refusal(products.CurrencyDiffers, verb=created, maker=maker, terms=replace(TERMS, currency="USD"))
    assert list(refused.fields) == ["currency"]
    assert not Product.objects.exists()


def test_a_draft_is_changed_until_it_is_submitted(maker: Actor) -> None:
    version = created(maker)
    lower = replace(TERMS, annual_rate=Decimal("0.16"))
    changed = products.change_draft(version_id=version.pk, terms=lower, note="cheaper", actor=maker)
    assert from_json(changed.terms).annual_rate == Decimal("0.16")
    submitted(version, maker)
    refused = refusal(
        products.VersionNotInState,
        verb=products.change_draft,
        version_id=version.pk,
        terms=TERMS,
        note="",
        actor=maker,
    )
    assert refused.status == 409


def test_one_version_is_in_the_making_at_a_time(maker: Actor) -> None:
    version = created(maker)
    call: dict[str, Any] = {"product_id": version.product_id, "terms": TERMS, "note": "", "actor": maker}
    refusal(products.VersionStillOpen, verb=products.draft_version, **call)
    submitted(version, maker)
    refusal(products.VersionStillOpen, verb=products.draft_version, **call)


def test_a_second_person_approves_and_the_version_starts_at_once_when_its_day_has_come(
    maker: Actor, checker: Actor
) -> None:
    version = published(maker, checker)
    assert (version.state, version.approved_by_id) == ("active", checker.id)
    assert version.approved_at is not None
    assert version_in_force(product_id=version.product_id, as_of=TODAY) == version


def test_nobody_approves_their_own_version(maker: Actor) -> None:
    version = created(maker)
    waiting = submitted(version, maker)
    refusal(approvals.OwnRequest, verb=approvals.approve, approval_id=waiting.pk, actor=maker)
    version.refresh_from_db()
    assert version.state == "submitted"


def test_an_agent_may_not_decide(maker: Actor) -> None:
    waiting = submitted(created(maker), maker)
    agent = person("team_lead").as_actor()
    refusal(approvals.BeyondLimit, verb=approvals.approve, approval_id=waiting.pk, actor=agent)


def test_a_later_version_waits_for_its_day_and_then_retires_the_one_before(maker: Actor, checker: Actor) -> None:
    first = published(maker, checker)
    second = published(maker, checker, on=date(2026, 6, 1), terms=replace(TERMS, annual_rate=Decimal("0.16")))
    product = first.product
    assert states(product) == [(1, "active"), (2, "approved")]
    assert version_in_force(product_id=product.pk, as_of=date(2026, 5, 31)) == first
    assert version_in_force(product_id=product.pk, as_of=date(2026, 6, 1)) == second
    assert products_to_activate(as_of=date(2026, 5, 31)) is None
    assert products_to_activate(as_of=date(2026, 6, 1)) == (product.pk, product.pk)
    assert products.activate_due(as_of=date(2026, 5, 31), actor=SYSTEM) == 0
    assert products.activate_due(as_of=date(2026, 6, 1), actor=SYSTEM) == 2
    assert products.activate_due(as_of=date(2026, 6, 1), actor=SYSTEM) == 0
    assert states(product) == [(1, "retired"), (2, "active")]


def test_days_that_were_missed_activate_the_last_version_that_came_due(maker: Actor, checker: Actor) -> None:
    first = published(maker, checker)
    published(maker, checker, on=date(2026, 6, 10), terms=replace(TERMS, annual_rate=Decimal("0.16")))
    published(maker, checker, on=date(2026, 6, 5), terms=replace(TERMS, annual_rate=Decimal("0.15")))
    assert products.activate_due(as_of=date(2026, 6, 30), actor=SYSTEM) == 3
    assert states(first.product) == [(1, "retired"), (2, "active"), (3, "retired")]


def test_a_version_starts_today_at_the_earliest_and_no_two_on_one_day(maker: Actor, checker: Actor) -> None:
    first = published(maker, checker)
    version = products.draft_version(
        product_id=first.product_id, terms=replace(TERMS, annual_rate=Decimal("0.16")), note="", actor=maker
    )
    for day, said in ((date(2026, 5, 3), "is past"), (TODAY, "another version starts on this day")):
        refused = refusal(products.EffectiveDateRefused, verb=submitted, version=version, maker=maker, on=day)
        assert refused.fields == {"effective_from": said}
    version.refresh_from_db()
    assert (version.state, version.effective_from) == ("draft", None)
    assert Approval.objects.filter(state="pending").count() == 0


def test_a_version_that_says_nothing_new_is_not_submitted(maker: Actor, checker: Actor) -> None:
    first = published(maker, checker)
    version = products.draft_version(product_id=first.product_id, terms=TERMS, note="", actor=maker)
    refusal(products.NothingChanged, verb=submitted, version=version, maker=maker, on=date(2026, 6, 1))


def test_terms_above_their_cost_cap_are_not_submitted(maker: Actor) -> None:
    fee = FeeRule("guarantee", "guarantee_fee", "guarantor", "per_period_of_principal", Decimal("0.006"))
    version = created(maker, replace(TERMS, annual_rate=Decimal("0.12"), fees=(fee,)))
    refused = refusal(product_costs.CostAboveCap, verb=submitted, version=version, maker=maker)
    assert refused.message == "A loan of ¥\u00a012,000.00 would cost 24.60\u00a0% a year; the cap is 24.00\u00a0%."
    assert not Approval.objects.exists()


def test_taking_back_withdraws_the_request_and_opens_the_draft_again(maker: Actor) -> None:
    version = created(maker)
    waiting = submitted(version, maker)
    again = products.take_back(version_id=version.pk, actor=maker, reason="a typo")
    waiting.refresh_from_db()
    assert (again.state, again.effective_from, waiting.state) == ("draft", None, "withdrawn")


def test_after_a_decline_anyone_who_may_edit_takes_the_version_back(maker: Actor, checker: Actor) -> None:
    version = created(maker)
    approvals.decline(approval_id=submitted(version, maker).pk, actor=checker, note="too dear")
    other = person("admin").as_actor()
    assert products.take_back(version_id=version.pk, actor=other).state == "draft"


def test_a_waiting_request_is_taken_back_by_its_author_alone(maker: Actor) -> None:
    version = created(maker)
    waiting = submitted(version, maker)
    other = person("admin").as_actor()
    refusal(approvals.NotTheAuthor, verb=products.take_back, version_id=version.pk, actor=other)
    version.refresh_from_db()
    waiting.refresh_from_db()
    assert (version.state, waiting.state) == ("submitted", "pending")


def test_an_approval_fails_with_words_when_the_version_moved_on(maker: Actor, checker: Actor) -> None:
    version = created(maker)
    waiting = submitted(version, maker)
    ProductVersion.objects.filter(pk=version.pk).update(state="draft")
    decided = approvals.approve(approval_id=waiting.pk, actor=checker)
    assert decided.state == "failed"
    assert decided.failure.startswith("Version 1 of Cash loan is in the state “Draft”")


def test_retiring_ends_a_draft_and_an_active_version_but_not_twice(maker: Actor, checker: Actor) -> None:
    version = published(maker, checker)
    assert products.retire(version_id=version.pk, actor=checker, reason="closed").state == "retired"
    assert version_in_force(product_id=version.product_id, as_of=TODAY) is None
    refusal(products.VersionNotInState, verb=products.retire, version_id=version.pk, actor=checker, reason="x")
    draft = products.draft_version(product_id=version.product_id, terms=TERMS, note="", actor=maker)
    assert products.retire(version_id=draft.pk, actor=maker, reason="no").state == "retired"


def test_what_is_not_there_is_refused(maker: Actor) -> None:
    refusal(products.VersionNotFound, verb=products.retire, version_id=404, actor=maker, reason="x")
    refusal(products.VersionNotFound, verb=products.draft_version, product_id=404, terms=TERMS, note="", actor=maker)


def test_the_checker_reads_the_change_and_its_price(maker: Actor, checker: Actor) -> None:
    first = published(maker, checker)
    fee = FeeRule("service", "fee", "lender", "per_period_fixed", Decimal(5))
    version = products.draft_version(
        product_id=first.product_id,
        terms=replace(TERMS, annual_rate=Decimal("0.16"), fees=(fee,)),
        note="",
        actor=maker,
    )
    waiting = submitted(version, maker, on=date(2026, 6, 1))
    told = product_costs.consequence_of(waiting).replace("\u00a0", " ")
    assert told == waiting.consequence.replace("\u00a0", " ")
    assert told == (
        "Cash loan version 2 from 1 Jun 2026. Rate a year: 18.00 % → 16.00 %. Fees: none → –. "
        "service: – → ¥ 5.00 on every bill; fee paid to lender. "
        "Now: ¥ 12,000.00 costs ¥ 1,201.95 in all, 18.00 % a year. "
        "Then: ¥ 12,000.00 costs ¥ 1,125.25 in all, 16.88 % a year."
    )


def test_the_first_version_is_told_by_its_price_alone(maker: Actor) -> None:
    waiting = submitted(created(maker), maker)
    assert waiting.consequence.replace("\u00a0", " ") == (
        "Cash loan version 1 from 4 May 2026. ¥ 12,000.00 costs ¥ 1,201.95 in all, 18.00 % a year."
    )


def test_equal_terms_have_no_difference_and_every_rule_has_words() -> None:
    assert difference_in_words(before=TERMS, after=TERMS) == ()
    words = {word.key: word.text for group in terms_in_words(terms=TERMS) for word in group.words}
    assert words["periods"] == "12 bills, every month"
    assert words["prepayment"] == "none"
    assert words["bands"] == "M0 0, M1 1–30, M2 31–60, M3 61–90, M4 91–120, M5 121–150, M6 151–180, M6+ 181+"
    assert words["cost_cap"] == ("at most 24.00\u00a0% by IRR of a period times periods a year (cn_24)")


@pytest.mark.parametrize(
    ("changes", "key", "text"),
    [
        ({"unit": "week", "every": 2, "periods": 1}, "periods", "1 bill, every 2 weeks"),
        ({"due_day": 31}, "due_day", "day 31"),
        ({"holiday_shift": "next", "calendar": "CN"}, "calendar", "China"),
        (
            {"fees": (FeeRule("service", "fee", "lender", "per_period_of_balance", Decimal("0.005")),)},
            "fee service",
            "0.5\u00a0% of the balance, on every bill; fee paid to lender",
        ),
        ({"grace": Grace(days=1)}, "grace", "1 day: paid within them, no penalty; later, from the due date"),
        (
            {"penalty": PenaltyRule(rate_cap=None)},
            "penalty_rate",
            "the rate plus 50\u00a0% of it, no cap a year, days / 360",
        ),
        ({"allocation": AllocationRule(principal_first_after_dpd=None)}, "principal_first", "never"),
        (
            {"prepayment": PrepaymentRule("percent", Decimal("0.01"), Decimal(200))},
            "prepayment",
            "1.00\u00a0% of the principal left, at most ¥\u00a0200.00",
        ),
        ({"prepayment": PrepaymentRule("days_interest", Decimal(30))}, "prepayment", "interest of 30 days"),
        ({"prepayment": PrepaymentRule("fixed", Decimal(50))}, "prepayment", "¥\u00a050.00"),
        ({"cost_cap": CostCap("none", None)}, "cost_cap", "not capped"),
    ],
)
def test_a_rule_in_words(changes: dict[str, Any], key: str, text: str) -> None:
    words = {word.key: word.text for group in terms_in_words(terms=replace(TERMS, **changes)) for word in group.words}
    assert words[key] == text


def test_rules_that_do_not_apply_are_left_out() -> None:
    terms = replace(TERMS, method="flat", unit="week")
    keys = {word.key for group in terms_in_words(terms=terms) for word in group.words}
    assert not keys & {"due_day", "first_period_min_days", "multiple_of", "installment_basis", "calendar"}


def test_the_list_shows_what_is_in_force_coming_and_open_in_two_queries(
    maker: Actor, checker: Actor, django_assert_num_queries: Any
) -> None:
    first = published(maker, checker)
    second = published(maker, checker, on=date(2026, 6, 1), terms=replace(TERMS, annual_rate=Decimal("0.16")))
    third = products.draft_version(product_id=first.product_id, terms=TERMS, note="", actor=maker)
    reader = person("agent", team=TeamFactory(portfolios=["cash"]))
    stranger = person("agent", team=TeamFactory(portfolios=["other"]))
    reader.scope(), stranger.scope()
    with django_assert_num_queries(2):
        (line,) = product_lines(user=reader, as_of=TODAY)
    assert (line.in_force, line.coming, line.open, line.terms) == (first, second, third, TERMS)
    assert product_lines(user=stranger, as_of=TODAY) == []
