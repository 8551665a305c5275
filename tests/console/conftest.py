"""What the console's tests share."""

import pytest

from tests.console.book import Book, open_book


@pytest.fixture
def book(db: None) -> Book:
    """The small book on its business date."""
    return open_book()
