"""Reading a page as a person does: texts, cells, fields."""

import re
from html.parser import HTMLParser


def text_of(html: str) -> str:
    """The words of a page, tags and runs of space taken out; no-break spaces are spaces."""
    words = re.sub(r"<[^>]+>", " ", re.sub(r"<template.*?</template>", " ", html, flags=re.S))
    return re.sub(r"\s+", " ", words.replace("\u00a0", " ").replace("&nbsp;", " ")).strip()


def rows_of(html: str, *, caption: str) -> list[list[str]]:
    """The body rows of the table with that caption, cell by cell."""
    table = next(part for part in re.findall(r"<table.*?</table>", html, flags=re.S) if f">{caption}</caption>" in part)
    body = table.partition("<tbody>")[2]
    return [
        [text_of(cell) for cell in re.findall(r"<t[dh][ >].*?</t[dh]>", row, flags=re.S)]
        for row in re.findall(r"<tr.*?</tr>", body, flags=re.S)
    ]


def fields_of(html: str) -> dict[str, str]:
    """Name and value of every input, text area and chosen option of the page's main form (the last one wins)."""
    reader = _Fields()
    reader.feed(html)
    return reader.values


class _Fields(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.values: dict[str, str] = {}
        self._select = ""
        self._area = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        name = given.get("name") or ""
        if tag == "input" and name and given.get("type") not in {"checkbox", "radio", "search"}:
            self.values[name] = given.get("value") or ""
        elif tag == "select" and name:
            self._select = name
            self.values[name] = ""
        elif tag == "option" and self._select and "selected" in given:
            self.values[self._select] = given.get("value") or ""
        elif tag == "textarea":
            self._area = name
            self.values[name] = ""

    def handle_endtag(self, tag: str) -> None:
        if tag == "select":
            self._select = ""
        elif tag == "textarea":
            self._area = ""

    def handle_data(self, data: str) -> None:
        if self._area:
            self.values[self._area] += data.strip()
