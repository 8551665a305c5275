"""The pages of products: what each role sees and may do, the editor's preview, and the way to a second person."""

from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from django.test import Client
from django.utils.translation import override

from backoffice.audit import approvals
from backoffice.audit.models import Approval
from backoffice.calendars import services as calendars
from backoffice.core.actors import SYSTEM
from backoffice.repayment.console.product_forms import TermsForm, initial_of
from backoffice.repayment.domain.terms import (
    Band,
    FeeRule,
    Grace,
    PenaltyRule,
    PrepaymentRule,
    Terms,
    Tolerance,
)
from backoffice.repayment.domain.terms_form import from_json
from backoffice.repayment.models import Product, ProductVersion
from backoffice.repayment.selectors.product_words import bills_in_words, terms_in_words
from backoffice.repayment.services import products
from tests.console.page import fields_of
from tests.staff.factories import TeamFactory, logged_in, person

pytestmark = pytest.mark.django_db

TODAY = date(2026, 5, 4)
TERMS = Terms("CNY", "equal_installment", Decimal("0.18"), 12)
RICH = Terms(
    "CNY",
    "flat",
    Decimal("0.1234567"),
    24,
    day_count="act/365",
    every=2,
    unit="week",
    holiday_shift="next",
    calendar="CN",
    rounding="half_even",
    fees=(
        FeeRule("service", "fee", "lender", "per_period_fixed", Decimal("5.50")),
        FeeRule("guarantee", "guarantee_fee", "某担保公司", "per_period_of_principal", Decimal("0.0035")),
    ),
    grace=Grace(days=3, mode="shift"),
    penalty=PenaltyRule(base="principal_and_interest", uplift=Decimal("0.3"), rate_cap=None, day_basis=365),
    prepayment=PrepaymentRule("percent", Decimal("0.01"), Decimal(200)),
    tolerance=Tolerance(days=1, floor=Decimal(5), percent=Decimal("0.005")),
    bands=(Band("C", 0, 0), Band("S1", 1, 9), Band("late", 10, None)),
)


@pytest.fixture(autouse=True)
def _day_is_open() -> None:
    calendars.open_first_day(day=TODAY, actor=SYSTEM)


def browser(*roles: str, **fields: Any) -> Client:
    return logged_in(Client(), person(*roles, **fields))


def drafted(terms: Terms = TERMS) -> ProductVersion:
    return products.create_product(
        code="cash",
        name="Cash loan",
        portfolio="cash",
        currency="CNY",
        terms=terms,
        actor=person("admin").as_actor(),
        note="first",
    )


def published() -> ProductVersion:
    version = drafted()
    maker = person("admin").as_actor()
    waiting = products.submit(
        version_id=version.pk, effective_from=TODAY, sample_principal=Decimal(10_000), reason="go", actor=maker
    )
    approvals.approve(approval_id=waiting.pk, actor=person("compliance").as_actor())
    version.refresh_from_db()
    return version


def filled(terms: Terms = TERMS, **changes: Any) -> dict[str, Any]:
    """The form as a browser sends it."""
    initial = initial_of(terms=terms) | {"sample_principal": "12000", "sample_on": "2026-01-15", "note": ""}
    return {name: "" if value is None else value for name, value in (initial | changes).items()}


@pytest.mark.parametrize("terms", [TERMS, RICH])
def test_the_form_gives_back_the_terms_it_opened_with(terms: Terms) -> None:
    form = TermsForm(filled(terms), currency="CNY")
    assert form.is_valid(), form.errors
    assert form.terms == terms


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"annual_rate": "18%"}, "annual_rate"),
        ({"due_day": "32"}, "due_day"),
        ({"unit": "week", "due_day": "5"}, "due_day"),
        ({"bands": "M0 0\nM1 2-"}, "bands"),
        ({"bands": "M0 zero"}, "bands"),
        ({"allocation_order": "fee, fee"}, "allocation_order"),
        ({"fees_0_code": "a", "fees_0_way": "upfront_billed", "fees_0_amount": "1.005"}, "fees_0_amount"),
        (
            {"fees_1_code": "B!", "fees_1_way": "upfront_billed", "fees_1_amount": "1", "fees_1_component": "fee"},
            "fees_1_code",
        ),
        ({"prepayment_fee": "percent", "prepayment_value": "250"}, "prepayment_value"),
        ({"cost_cap_regime": "no spaces please"}, "cost_cap_regime"),
    ],
)
def test_a_fault_stands_at_its_field(changes: dict[str, Any], field: str) -> None:
    defaults = {f"fees_{row}_{part}": "" for row in (0, 1) for part in ("code", "way", "amount", "component", "payee")}
    form = TermsForm(filled(**(defaults | {"fees_0_component": "fee"} | changes)), currency="CNY")
    assert not form.is_valid()
    assert list(form.errors) == [field]
    assert "must be" not in str(form.errors)  # the words of the form, not those of the API


def test_the_list_is_empty_then_shows_what_is_in_force(django_assert_num_queries: Any) -> None:
    agent = browser("agent")
    assert "An administrator drafts the first one." in agent.get("/products/").content.decode()
    version = published()
    page = agent.get("/products/").content.decode()
    assert f"/products/{version.product_id}/" in page
    for text in ("Cash loan", "equal instalments", "18.00\u00a0%", "12 bills, every month", "version 1"):
        assert text in page
    assert "/products/new/" not in page
    assert "/products/new/" in browser("admin").get("/products/").content.decode()


def test_a_product_of_another_portfolio_does_not_exist() -> None:
    version = published()
    stranger = browser("agent", team=TeamFactory(portfolios=["other"]))
    for address in (f"/products/{version.product_id}/", f"/products/versions/{version.pk}/"):
        assert stranger.get(address).status_code == 404
        assert browser("agent").get(address).status_code == 200


@pytest.mark.parametrize(
    "address", ["/products/new/", "/products/versions/{version}/edit/", "/products/versions/{version}/submit/"]
)
def test_only_an_administrator_drafts(address: str) -> None:
    version = drafted()
    assert browser("team_lead").get(address.format(version=version.pk)).status_code == 403
    assert browser("admin").get(address.format(version=version.pk)).status_code == 200


def test_a_product_is_named_and_drafted() -> None:
    named = {"code": "cash", "name": "Cash loan", "portfolio": "cash", "currency": "CNY"}
    answer = browser("admin").post("/products/new/", filled() | named)
    version = ProductVersion.objects.get()
    assert (answer.status_code, answer.headers["Location"]) == (303, f"/products/versions/{version.pk}/")
    assert (version.product.name, from_json(version.terms)) == ("Cash loan", TERMS)


def test_a_product_in_another_currency_has_its_own_units() -> None:
    named = {"code": "boda", "name": "Boda", "portfolio": "ug", "currency": "UGX"}
    answer = browser("admin").post("/products/new/", filled(multiple_of="100") | named)
    assert answer.status_code == 303
    assert from_json(ProductVersion.objects.get().terms).multiple_of == 100


def test_a_code_that_is_taken_is_said_at_the_field() -> None:
    drafted()
    named = {"code": "cash", "name": "Cash again", "portfolio": "cash", "currency": "CNY"}
    answer = browser("admin").post("/products/new/", filled() | named)
    assert answer.status_code == 422
    assert "is taken" in answer.content.decode()
    assert Product.objects.count() == 1


def test_the_editor_opens_with_its_sample_worked_out() -> None:
    page = browser("admin").get(f"/products/versions/{drafted().pk}/edit/").content.decode()
    assert 'hx-post="/products/versions/' in page
    assert "916.80" in page  # the first bill of 10,000.00
    assert '<svg class="chart"' in page
    assert "style=" not in page


def test_the_preview_alone_follows_what_is_typed() -> None:
    version = drafted()
    address = f"/products/versions/{version.pk}/edit/"
    fee = {"fees_0_code": "guarantee", "fees_0_way": "per_period_of_principal", "fees_0_amount": "0.6"}
    changes = {"annual_rate": "12", "fees_0_component": "guarantee_fee", "look": "1"}
    answer = browser("admin").post(address, filled(**fee, **changes), headers={"HX-Request": "true"})
    part = answer.content.decode()
    assert answer.status_code == 200
    assert "<html" not in part
    for text in ("1,138.19", "72.00", "24.60", "above 24.00", 'href="#bill-12"', 'id="bill-12"'):
        assert text in part
    version.refresh_from_db()
    assert from_json(version.terms) == TERMS


def test_the_preview_says_what_is_wrong_and_keeps_status_200() -> None:
    address = f"/products/versions/{drafted().pk}/edit/"
    answer = browser("admin").post(address, filled(due_day="40", look="1"), headers={"HX-Request": "true"})
    assert answer.status_code == 200
    assert "Due day: Ensure this value is less than or equal to 31." in answer.content.decode()


def test_the_preview_says_why_no_schedule_can_be_made() -> None:
    address = f"/products/versions/{drafted().pk}/edit/"
    changes = {"unit": "day", "holiday_shift": "next", "calendar": "CN", "look": "1"}
    answer = browser("admin").post(address, filled(**changes), headers={"HX-Request": "true"})
    assert "does not come after" in answer.content.decode()


def test_the_preview_heeds_days_declared_over_the_calendar() -> None:
    calendars.declare_day(calendar="CN", day=date(2026, 9, 15), is_working=False, reason="typhoon", actor=SYSTEM)
    address = f"/products/versions/{drafted().pk}/edit/"
    changes = {"holiday_shift": "next", "calendar": "CN", "look": "1"}
    page = browser("admin").post(address, filled(**changes), headers={"HX-Request": "true"}).content.decode()
    assert "16 Sep 2026" in page
    assert "15 Sep 2026" not in page


def test_without_the_script_the_sample_is_worked_out_on_the_whole_page() -> None:
    address = f"/products/versions/{drafted().pk}/edit/"
    page = browser("admin").post(address, filled(annual_rate="24", look="1")).content.decode()
    assert "<html" in page
    assert "1,134.72" in page


def test_a_draft_is_saved_and_a_fault_keeps_it() -> None:
    version = drafted()
    address = f"/products/versions/{version.pk}/edit/"
    client = browser("admin")
    assert client.post(address, filled(periods="0")).status_code == 422
    assert client.post(address, filled(annual_rate="16.5", note="cheaper")).status_code == 303
    version.refresh_from_db()
    assert (from_json(version.terms).annual_rate, version.note) == (Decimal("0.165"), "cheaper")


def test_what_somebody_else_saved_meanwhile_is_not_overwritten_unseen() -> None:
    version = drafted()
    address = f"/products/versions/{version.pk}/edit/"
    client = browser("admin")
    seen = fields_of(client.get(address).content.decode())["seen"]
    assert client.post(address, filled(annual_rate="16.5", seen=seen)).status_code == 303

    late = client.post(address, filled(annual_rate="20", seen=seen))
    assert late.status_code == 422
    page = late.content.decode()
    assert "Somebody else saved this draft since you opened it." in page
    assert 'value="20"' in page
    version.refresh_from_db()
    assert from_json(version.terms).annual_rate == Decimal("0.165")

    again = filled(annual_rate="20", seen=fields_of(page)["seen"])
    assert client.post(address, again).status_code == 303
    version.refresh_from_db()
    assert from_json(version.terms).annual_rate == Decimal("0.2")


def test_what_is_not_a_draft_any_more_is_not_saved() -> None:
    version = published()
    answer = browser("admin").post(f"/products/versions/{version.pk}/edit/", filled(annual_rate="16"))
    assert answer.status_code == 422
    assert "this cannot be done to it" in answer.content.decode()


def test_a_draft_starts_from_any_version_and_only_one_at_a_time() -> None:
    version = published()
    client = browser("admin")
    address = f"/products/{version.product_id}/draft/"
    answer = client.post(address, {"from": version.pk})
    made = ProductVersion.objects.get(number=2)
    assert answer.headers["Location"] == f"/products/versions/{made.pk}/edit/"
    assert (made.terms, made.note) == (version.terms, "from version 1")
    assert client.post(address, {"from": version.pk}).status_code == 409
    assert client.post(address, {"from": "x"}).status_code == 404
    assert client.get(address).status_code == 405


def test_a_version_is_submitted_with_its_consequence_seen() -> None:
    first = published()
    version = products.draft_version(
        product_id=first.product_id,
        terms=from_json(first.terms | {"annual_rate": "0.16"}),
        note="",
        actor=person("admin").as_actor(),
    )
    address = f"/products/versions/{version.pk}/submit/"
    client = browser("admin")
    sent = {"effective_from": "2026-06-01", "sample_principal": "12000", "reason": "season", "key": "k"}
    look = client.post(address, sent | {"look": "1"}, headers={"HX-Request": "true"}).content.decode()
    for text in ("Rate a year", "16.00", "1,201.95", "1,065.25"):
        assert text in look
    seen = look.split('name="seen" value="')[1].split('"')[0]
    assert client.post(address, sent | {"seen": seen}).status_code == 303
    assert Approval.objects.get(state="pending").payload["effective_from"] == "2026-06-01"
    page = client.get(f"/products/versions/{version.pk}/").content.decode()
    assert "Waits for a second person" in page


def test_terms_above_the_cap_are_refused_in_the_panel() -> None:
    version = drafted(from_json({**filled_json(), "annual_rate": "0.30"}))
    address = f"/products/versions/{version.pk}/submit/"
    sent = {"effective_from": "2026-06-01", "sample_principal": "12000", "reason": "season", "key": "k", "look": "1"}
    look = browser("admin").post(address, sent, headers={"HX-Request": "true"}).content.decode()
    assert "the cap is 24.00" in look


def filled_json() -> dict[str, Any]:
    return {"currency": "CNY", "method": "equal_installment", "annual_rate": "0.18", "periods": 12}


def test_a_decline_is_shown_and_the_version_taken_back() -> None:
    version = drafted()
    maker = person("admin")
    waiting = products.submit(
        version_id=version.pk,
        effective_from=TODAY,
        sample_principal=Decimal(10_000),
        reason="go",
        actor=maker.as_actor(),
    )
    checker = person("compliance", display_name="Cleo")
    approvals.decline(approval_id=waiting.pk, actor=checker.as_actor(), note="too dear")
    client = logged_in(Client(), maker)
    page = client.get(f"/products/versions/{version.pk}/").content.decode()
    assert "The request was declined by Cleo." in page
    assert "too dear" in page
    press(client, f"/products/versions/{version.pk}/take-back/")
    version.refresh_from_db()
    assert version.state == "draft"


def test_a_draft_is_discarded_and_an_active_version_retired() -> None:
    version = published()
    draft = products.draft_version(
        product_id=version.product_id, terms=TERMS, note="", actor=person("admin").as_actor()
    )
    press(browser("admin"), f"/products/versions/{draft.pk}/discard/")
    assert browser("admin").get(f"/products/versions/{version.pk}/discard/").status_code == 404
    page = browser("compliance").get(f"/products/versions/{version.pk}/retire/").content.decode()
    assert "New loans of this product stop" in page
    press(browser("compliance"), f"/products/versions/{version.pk}/retire/")
    assert set(ProductVersion.objects.values_list("state", flat=True)) == {"retired"}


def press(client: Client, address: str) -> None:
    """Opens a confirm panel, reads the consequence and confirms it."""
    page = client.get(address).content.decode()
    seen = page.split('name="seen" value="')[1].split('"')[0] if 'name="seen"' in page else ""
    assert client.post(address, {"reason": "because", "seen": seen, "key": "k"}).status_code == 303


def test_pages_of_a_product_take_a_fixed_number_of_queries(django_assert_max_num_queries: Any) -> None:
    version = published()
    client = browser("admin")
    client.get("/products/")
    with django_assert_max_num_queries(14):
        client.get(f"/products/{version.product_id}/")
    with django_assert_max_num_queries(14):
        client.get(f"/products/versions/{version.pk}/")


def test_says_a_single_payment_and_no_penalty_as_they_are():
    terms = Terms(
        currency="UGX",
        method="single_payment",
        annual_rate=Decimal("0.30"),
        periods=30,
        unit="day",
        penalty=PenaltyRule(rate_cap=Decimal(0)),
        calendar="UG",
        holiday_shift="next",
    )
    words = {word.key: word.text for group in terms_in_words(terms=terms) for word in group.words}
    assert (words["periods"], words["penalty_rate"], words["calendar"]) == (
        "one bill, after 30 days", "no penalty", "Uganda",
    )  # fmt: skip
    with override("zh-hans"):
        assert bills_in_words(terms=terms) == "到期一次性还款，期限 30 天"
