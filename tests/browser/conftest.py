"""One Chromium for the session; every page of a test must be clean: no script error, nothing the policy refused."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page, sync_playwright

# Playwright keeps an event loop in this thread; Django would refuse to query beside it.
os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
# The flags a container needs, and none of the browser's own talk with the outside.
FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
IN_CI = os.environ.get("CI", "").lower() in {"1", "true", "yes"}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Everything in this folder is a browser test."""
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.browser)


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    """The browser. Without one the tests are skipped on a person's machine and fail in CI."""
    program = next(filter(None, map(shutil.which, NAMES)), None)
    if program is None:
        message = "Chromium is not installed: `apt-get install chromium fonts-noto-cjk`"
        if IN_CI:
            pytest.fail(message, pytrace=False)
        pytest.skip(message)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=list(FLAGS))
        yield browser
        browser.close()


@pytest.fixture
def page(chromium: Browser) -> Iterator[Page]:
    """A fresh profile of 1280 x 800. The test fails if a page of it reported an error."""
    context = chromium.new_context(viewport={"width": 1280, "height": 800}, locale="en-GB")
    context.set_default_timeout(10_000)
    complaints: list[str] = []
    opened = context.new_page()
    opened.on("pageerror", lambda error: complaints.append(f"script: {error}"))
    opened.on("console", lambda message: complaints.extend(_serious(message)))
    yield opened
    context.close()
    assert complaints == []


def _serious(message: ConsoleMessage) -> list[str]:
    """Errors the browser wrote down; a refusal the server gave on purpose (4xx) is the test's own business."""
    if message.type != "error" or "status of 4" in message.text:
        return []
    return [f"{message.location.get('url', '')}: {message.text}"]
