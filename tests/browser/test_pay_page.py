"""A borrower pays by a link in a browser: on a phone, in both languages and themes, by keyboard, without a script."""

from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.core.cache import cache
from playwright.sync_api import Browser, expect
from pytest_django.live_server_helper import LiveServer

from backoffice.audit import outbox
from backoffice.calendars import clock
from backoffice.core.actors import SYSTEM
from backoffice.customers.models import Borrower
from backoffice.repayment.models import DebitCommand, Rail
from backoffice.repayment.services.autopay.pay_links import make_link
from tests.repayment.autopay.debiting import at, bank_at, payees, rail
from tests.repayment.autopay.paying_book import due_with_link

pytestmark = pytest.mark.django_db(transaction=True)
WORDS = {
    "en": ("Pay ¥ 1,100.16", "Thank you. ¥ 1,100.16 was paid.", "Nothing is due today."),
    "zh-Hans": ("还款 ¥ 1,100.16", "谢谢，已还款 ¥ 1,100.16。", "今天没有应还款项。"),
}


@pytest.mark.parametrize(("language", "theme"), [("en", "light"), ("zh-Hans", "dark")])
def test_a_borrower_reads_pays_and_reloads(
    chromium: Browser,
    live_server: LiveServer,
    settings: object,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    language: str,
    theme: str,
) -> None:
    monkeypatch.setattr(outbox, "_subscriptions", {})
    cache.clear()
    rail()
    payees()
    with bank_at(at("07:00"), settings) as bank:
        bank.say("/script", {"clock": clock.now().isoformat()})
        loan, _agreement, _token = due_with_link(bank)
        Rail.objects.update(opens="00:00", closes="23:59:59")
        Borrower.objects.filter(pk=loan.borrower_id).update(language=language)
        made = make_link(loan_id=loan.pk, reason="asked by phone", at=clock.now(), actor=SYSTEM)
        context = chromium.new_context(
            viewport={"width": 390, "height": 760},
            color_scheme=theme,  # type: ignore[arg-type]
            java_script_enabled=True,
            locale="de-DE",
        )
        page = context.new_page()
        complaints: list[str] = []
        page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
        button, paid, nothing = WORDS[language]
        page.goto(f"{live_server.url}{made.path}")
        expect(page.get_by_role("button", name=button)).to_be_visible()
        assert Axe().run(page).response["violations"] == []
        page.screenshot(path=tmp_path / "offer.png")
        page.keyboard.press("Tab")
        page.keyboard.press("Enter")
        expect(page.get_by_text(paid)).to_be_visible()
        expect(page.get_by_text(nothing)).to_be_visible()
        assert Axe().run(page).response["violations"] == []
        page.screenshot(path=tmp_path / "paid.png")
        page.reload()
        expect(page.get_by_role("button")).to_have_count(0)
        assert page.evaluate("document.documentElement.scrollWidth") <= 390
        assert context.cookies() == []
        context.close()
        assert complaints == []
        assert [movement["amount"] for movement in bank.movements()] == ["1100.16"]
    assert DebitCommand.objects.get().state == "succeeded"
