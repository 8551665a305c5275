"""A place for servers of a test's own."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest


@pytest.fixture(scope="module")
def open_place() -> Iterator[Path]:
    """A folder outside pytest's own, which pytest closes to other accounts whenever a session begins.

    Run by root, PostgreSQL works under another account and has to get in.
    """
    with tempfile.TemporaryDirectory(prefix="backoffice-test-") as made:
        yield Path(made)


@pytest.fixture
def open_folder(open_place: Path) -> Path:
    """One folder a test in it."""
    made = open_place / str(len(list(open_place.iterdir())))
    made.mkdir()
    return made
