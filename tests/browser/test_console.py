"""An agent's work on the console with nothing but the keyboard, and what axe says of every page."""

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.conf import settings
from django.test import Client
from django.urls import reverse
from playwright.sync_api import Browser, Page, expect
from pytest_django.live_server_helper import LiveServer

from backoffice.audit.models import ApprovalLimit
from backoffice.console.searching import address_for
from backoffice.repayment.models import Operation
from backoffice.staff.models import User
from tests.console.book import Book, open_book
from tests.staff.factories import TeamFactory, logged_in, person

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def book(transactional_db: None) -> Book:
    """The small book on its business date."""
    return open_book()


def _enter(page: Page, live_server: LiveServer, *, role: str = "senior_agent") -> User:
    """Puts the session of a logged-in person into the browser."""
    user = person(role, team=TeamFactory())
    client = logged_in(Client(), user)
    cookie = client.cookies[settings.SESSION_COOKIE_NAME].value
    page.context.add_cookies([{"name": settings.SESSION_COOKIE_NAME, "value": cookie, "url": live_server.url}])
    return user


def test_posts_a_payment_with_the_keyboard_alone(page: Page, live_server: LiveServer, book: Book) -> None:
    _enter(page, live_server)
    page.goto(f"{live_server.url}/")
    page.keyboard.press("/")
    page.keyboard.type("L-LATE")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("Loan L-LATE")

    page.keyboard.press("p")
    dialog = page.locator("#panel")
    expect(dialog.get_by_role("heading", name="Post payment")).to_be_visible()
    expect(dialog.get_by_label("Amount")).to_be_focused()
    page.keyboard.type("1200")
    expect(dialog.locator("#verb")).to_have_text("Post ¥\u00a01,200.00")
    page.keyboard.press("Control+Enter")
    expect(dialog.get_by_text("This field is required.")).to_be_visible()
    expect(dialog.get_by_label("Reason")).to_be_focused()
    error, foot = dialog.get_by_text("This field is required.").bounding_box(), dialog.locator("footer").bounding_box()
    assert error["y"] + error["height"] <= foot["y"]
    page.keyboard.type("seen on the account")
    page.keyboard.press("Control+Enter")

    expect(page.get_by_text("Payment posted.")).to_be_visible()
    operation = Operation.objects.filter(loan=book.late).latest("id")
    assert (str(operation.amount), operation.reason) == ("1200.00", "seen on the account")


def test_hears_what_is_typed_the_moment_a_dialog_takes_the_focus(
    page: Page, live_server: LiveServer, book: Book
) -> None:
    _enter(page, live_server)
    page.goto(live_server.url + reverse("repayment:loan", args=[book.late.pk]))
    page.evaluate(
        """() => document.addEventListener("focusin", ({target}) => {
            if (target.name === "amount") {
                setTimeout(() => {
                    target.value = "1200";
                    target.dispatchEvent(new Event("input", {bubbles: true}));
                }, 0);
            }
        })"""
    )
    page.keyboard.press("p")
    expect(page.locator("#panel #verb")).to_have_text("Post ¥\u00a01,200.00")


def test_takes_a_payment_back_from_its_row(page: Page, live_server: LiveServer, book: Book) -> None:
    ApprovalLimit.objects.update_or_create(
        verb="repayment.reverse", role="senior_agent", currency="", defaults={"max_amount": None, "alone": True}
    )
    _enter(page, live_server)
    page.goto(live_server.url + reverse("repayment:loan", args=[book.late.pk]))
    page.get_by_role("link", name="Take back").first.click()
    dialog = page.locator("#panel")
    expect(dialog.get_by_role("definition").filter(has_text="65")).to_have_text("35→65")
    dialog.get_by_label("Reason").fill("booked on the wrong loan")
    page.keyboard.press("Control+Enter")
    expect(page.get_by_text("Taken back.", exact=True)).to_be_visible()
    assert Operation.objects.filter(loan=book.late, kind="reversal").count() == 1


def test_a_dialog_keeps_the_focus_and_gives_it_back(page: Page, live_server: LiveServer, book: Book) -> None:
    _enter(page, live_server)
    page.goto(live_server.url + reverse("repayment:loan", args=[book.late.pk]))
    page.keyboard.press("q")
    dialog = page.locator("#panel")
    expect(dialog.get_by_role("heading", name="Payoff quote")).to_be_visible()
    for _ in range(12):
        page.keyboard.press("Tab")
        assert page.evaluate(
            "() => !document.activeElement || document.activeElement === document.body"
            " || document.getElementById('panel').contains(document.activeElement)"
        )
    page.keyboard.press("Escape")
    expect(dialog).not_to_be_visible()
    expect(page.locator('[data-key="q"]')).to_be_focused()


def test_moves_through_rows_and_pages_by_letters(page: Page, live_server: LiveServer, book: Book) -> None:
    _enter(page, live_server)
    page.goto(f"{live_server.url}/")
    page.keyboard.press("g")
    page.keyboard.press("l")
    expect(page.get_by_role("heading", level=1)).to_have_text("Loans")
    page.keyboard.press("j")
    page.keyboard.press("j")
    page.keyboard.press("k")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("Loan L-CLOSED")
    page.keyboard.press("?")
    expect(page.get_by_role("heading", name="On this page")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.locator("#help")).not_to_be_visible()


def test_travels_to_another_day_by_the_keyboard(page: Page, live_server: LiveServer, book: Book) -> None:
    _enter(page, live_server)
    page.goto(live_server.url + reverse("repayment:loan", args=[book.late.pk]) + "?as_of=2026-10-19")
    expect(page.get_by_text("M1 · 1 day")).to_be_visible()
    page.keyboard.press(",")
    expect(page.locator(".page-head .badge").first).to_have_text("M0")
    page.keyboard.press("t")
    expect(page.get_by_text("M2 · 35 days")).to_be_visible()


def test_works_without_the_script(chromium: Browser, live_server: LiveServer, book: Book) -> None:
    context = chromium.new_context(java_script_enabled=False)
    page = context.new_page()
    _enter(page, live_server)
    page.goto(live_server.url + reverse("repayment:loan", args=[book.late.pk]))
    page.get_by_role("link", name="Post payment").click()
    page.get_by_label("Amount").fill("300")
    page.get_by_label("Reason").fill("cash at the counter")
    page.get_by_role("button", name="Post").click()
    expect(page.get_by_role("button", name="Post ¥\u00a0300.00")).to_be_visible()
    assert Operation.objects.filter(loan=book.late, kind="payment").count() == 3
    page.get_by_role("button", name="Post ¥\u00a0300.00").click()
    expect(page.get_by_text("Payment posted.")).to_be_visible()
    assert Operation.objects.filter(loan=book.late, kind="payment").count() == 4
    context.close()


def test_keeps_the_theme_without_reloading(page: Page, live_server: LiveServer, book: Book) -> None:
    _enter(page, live_server)
    page.emulate_media(color_scheme="light")
    page.goto(f"{live_server.url}/loans/")
    light = page.evaluate("() => getComputedStyle(document.documentElement).backgroundColor")
    with page.expect_response("**/theme/"):
        page.get_by_role("button", name="Light or dark").click()
    assert page.evaluate("() => getComputedStyle(document.documentElement).backgroundColor") != light
    page.reload()
    assert page.evaluate("() => document.documentElement.dataset.theme") == "dark"


ADDRESSES = (
    "/",
    "/loans/",
    "/loans/{loan}/",
    "/loans/{loan}/?as_of=2026-09-01",
    "/loans/{loan}/explain/",
    "/loans/{loan}/versions/",
    "/loans/{loan}/ledger/",
    "/loans/{loan}/pay/",
    "/loans/{loan}/waive/",
    "/borrowers/{borrower}/",
    "/borrowers/{borrower}/hold/",
    "/holds/?tab=all",
    "/holds/matrix/",
    "/holds/many/",
    "/holds/many/new/",
    "/payments/",
    "/payment-files/",
    "/payment-files/send/",
    "/gallery/",
)


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("role", ["senior_agent", "admin"])
def test_axe_finds_nothing_and_nothing_overflows(
    page: Page, live_server: LiveServer, book: Book, theme: str, role: str
) -> None:
    user = _enter(page, live_server, role=role)
    page.emulate_media(color_scheme=theme)
    paths = [address.format(loan=book.late.pk, borrower=book.late.borrower_id) for address in ADDRESSES]
    found = {}
    for path in [*paths, address_for(query="BR-", user=user)]:
        if page.goto(live_server.url + path).status == 403:
            continue
        violations = Axe().run(page).response["violations"]
        problems = [f"{each['id']}: {each['nodes'][0]['html'][:120]}" for each in violations]
        if page.evaluate("() => document.documentElement.scrollWidth > document.documentElement.clientWidth"):
            problems.append("wider than the window")
        if problems:
            found[path] = problems
    assert found == {}
