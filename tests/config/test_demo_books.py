"""When the demo loads books: once, and again only for sets it does not hold yet."""

import json
from pathlib import Path

import pytest

from backoffice.config.services import demo


def described(folder: Path, data: str = "") -> demo.Demo:
    return demo.Demo(
        source=folder,
        folder=folder,
        data=Path(data) if data else None,
        secret_key="",
        field_keys="",
        with_books=True,
    )


@pytest.mark.parametrize(
    ("loaded", "asked", "database", "expected"),
    [
        (None, "", "postgresql:///a", True),
        ("", "", "postgresql:///a", False),
        ("/sets", "/sets", "postgresql:///a", False),
        ("/sets", "", "postgresql:///a", False),
        ("", "/sets", "postgresql:///a", True),
        ("/sets", "/other", "postgresql:///a", True),
        ("/sets", "/sets", "postgresql:///another", True),
    ],
)
def test_loads_books_once(tmp_path: Path, loaded: str | None, asked: str, database: str, expected: bool) -> None:
    if loaded is not None:
        (tmp_path / "loaded.json").write_text(json.dumps({"database": "postgresql:///a", "data": loaded}))

    assert demo._lacks_books(demo=described(tmp_path, asked), database=database) is expected


def test_a_note_cut_short_counts_as_none(tmp_path: Path) -> None:
    (tmp_path / "loaded.json").write_text('{"database": "postg')

    assert demo._lacks_books(demo=described(tmp_path), database="postgresql:///a") is True
