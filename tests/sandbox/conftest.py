"""A sandbox in threads, its bank at seven in the morning of 17 March 2026."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from backoffice.sandbox.serving import Sandbox
from tests.sandbox.lender import MORNING, SECRET, Lender


@pytest.fixture
def books(tmp_path: Path) -> Path:
    return tmp_path / "bank.jsonl"


@pytest.fixture
def sandbox(books: Path) -> Iterator[Sandbox]:
    with Sandbox(rail_secret=SECRET, bank_state=books) as running:
        yield running


@pytest.fixture
def lender(sandbox: Sandbox) -> Lender:
    lender = Lender(sandbox.url)
    lender.script(clock=MORNING)
    lender.agree("AG-1")
    return lender
