"""Every message a person can read is translated: sources and templates are compared with the catalogue."""

from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

import pytest
from babel.messages.extract import extract_python
from babel.messages.pofile import read_po
from django.conf import settings
from django.utils.translation.template import templatize

KEYWORDS = {
    "_": None,
    "phrase": None,
    "gettext": None,
    "gettext_lazy": None,
    "gettext_noop": None,
    "ngettext": (1, 2),
    "ngettext_lazy": (1, 2),
    "pgettext": ((1, "c"), 2),
    "pgettext_lazy": ((1, "c"), 2),
    "npgettext": ((1, "c"), 2, 3),
    "npgettext_lazy": ((1, "c"), 2, 3),
}
SOURCES = Path(settings.BASE_DIR) / "backoffice"
CATALOGUE = Path(settings.BASE_DIR) / "locale" / "zh_Hans" / "LC_MESSAGES" / "django.po"

Key = tuple[str, str]  # context ("" for none) and message, its singular where it has a plural


def _messages_of(source: str) -> Iterator[Key]:
    for _line, function, message, _comments in extract_python(
        BytesIO(source.encode()), KEYWORDS.keys(), [], {"encoding": "utf-8"}
    ):
        texts = [message] if isinstance(message, str) else [text for text in message or () if text is not None]
        if not texts or not texts[0]:
            continue
        has_context = "pgettext" in function
        yield (texts[0], texts[1]) if has_context and len(texts) > 1 else ("", texts[0])


def _messages() -> Iterator[tuple[Path, Key]]:
    for file in sorted(SOURCES.rglob("*.py")):
        for key in _messages_of(file.read_text()):
            yield file, key
    for file in sorted(SOURCES.rglob("*.html")):
        for key in _messages_of(templatize(file.read_text(), origin=str(file))):
            yield file, key


@pytest.fixture(scope="module")
def catalogue() -> dict[Key, str]:
    """Translation by context and message."""
    with CATALOGUE.open("rb") as file:
        entries = read_po(file, locale="zh_Hans")
    return {
        (entry.context or "", entry.id if isinstance(entry.id, str) else entry.id[0]): (
            entry.string if isinstance(entry.string, str) else entry.string[0]
        )
        for entry in entries
        if entry.id
    }


def test_every_message_of_the_sources_is_in_the_catalogue_with_a_translation(catalogue: dict[Key, str]) -> None:
    found = list(_messages())
    assert len(found) > 1_500
    missing = {f"{file.relative_to(SOURCES)}: {key[1]}" for file, key in found if not catalogue.get(key, "").strip()}
    assert missing == set()


def test_a_message_nobody_translated_would_be_found(catalogue: dict[Key, str]) -> None:
    keys = list(_messages_of('gettext("Nobody ever said this"); pgettext("loan", "closed")'))
    assert [catalogue.get(key, "") for key in keys] == ["", "已结清"]
