"""The browser runs, speaks to a real server, and would notice a page that breaks the policy."""

import pytest
from playwright.sync_api import Browser, Page
from pytest_django.live_server_helper import LiveServer


@pytest.mark.django_db(transaction=True)
def test_reads_a_page_of_the_live_server(page: Page, live_server: LiveServer) -> None:
    answer = page.goto(f"{live_server.url}/health/")

    assert answer is not None
    assert (answer.status, answer.json()) == (200, {"status": "ok"})


@pytest.mark.django_db(transaction=True)
def test_the_policy_stops_a_script_that_somebody_wrote_into_a_page(chromium: Browser, live_server: LiveServer) -> None:
    page = chromium.new_page()
    page.goto(f"{live_server.url}/health/")
    refused = page.evaluate(
        """() => new Promise(resolve => {
            document.addEventListener("securitypolicyviolation", event => resolve(event.effectiveDirective));
            const script = document.createElement("script");
            script.textContent = "window.ran = true";
            document.documentElement.append(script);
        })"""
    )

    assert refused == "script-src-elem"
    assert page.evaluate("() => window.ran") is None
    page.close()
