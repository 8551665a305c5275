"""Every template, read as text: nothing inline, every word translated, every table captioned."""

import re
from pathlib import Path

import pytest

import backoffice

ROOT = Path(backoffice.__file__).parent
TEMPLATES = sorted(path for path in ROOT.glob("*/templates/**/*.html"))
# Words that read the same in every language, and names of keys.
SAME_EVERYWHERE = {
    "403", "404", "400", "500", "EAR", "M1", "M2", "J", "K", "G", "Enter", "Ctrl", "Esc", "v14", "English", "中文",
    "date", "moment", "percent", "seconds", "x", "%", "IRR", "XIRR", "CSV", "API", "GSM-7", "UCS-2",
}  # fmt: skip
COMMENT = re.compile(
    r"{#.*?#}|{% block card_class %}.*?{% endblock %}|{% comment %}.*?{% endcomment %}|<!--.*?-->", re.S
)
TRANSLATED = re.compile(r"{%\s*blocktranslate.*?%}.*?{%\s*endblocktranslate\s*%}", re.S)
TAG = re.compile(r"{%.*?%}|{{.*?}}|<[^>]*>", re.S)
SHOWN_ATTRIBUTE = re.compile(r"\b(?:title|placeholder|aria-label|alt)=\"([^\"]*)\"")


def _without_tags(text: str) -> str:
    return TAG.sub(" ", TRANSLATED.sub(" ", COMMENT.sub(" ", text)))


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: str(path.relative_to(ROOT)))
def test_nothing_is_inline(path):
    text = path.read_text()
    assert re.findall(r"\sstyle\s*=|<style|javascript:|\shx-on", text) == []
    assert re.findall(r"\son[a-z]+\s*=", text) == []
    assert [tag for tag in re.findall(r"<script[^>]*>", text) if "src=" not in tag] == []


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_word_is_translated(path):
    words = set(re.findall(r"[^\W\d_][\w-]*|\d+", _without_tags(path.read_text()))) - SAME_EVERYWHERE
    assert {word for word in words if not word.isdigit()} == set()


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_attribute_people_read_is_translated(path):
    text = TRANSLATED.sub(" ", path.read_text())
    written = [TAG.sub(" ", value).strip() for value in SHOWN_ATTRIBUTE.findall(text)]
    assert [value for value in written if re.search(r"[^\W\d_]{2}", value)] == []


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_title_of_a_panel_and_fact_is_translated(path):
    plain = re.findall(r"{%\s*(?:panel|fact|empty|meter)\s+\"([^\"]+)\"", path.read_text())
    assert plain == []


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_table_says_what_it_is_and_heads_its_columns(path):
    text = COMMENT.sub("", path.read_text())
    tables = re.findall(r"<table.*?</table>", text, re.S)
    assert [table[:80] for table in tables if "<caption" not in table] == []
    assert [head for head in re.findall(r"<th(?![a-z])[^>]*>", text) if "scope=" not in head] == []


def test_no_style_or_script_leaves_the_site():
    sheets = sorted((ROOT / "console/static/console").rglob("*.*"))
    assert [path.name for path in sheets if re.search(r"@import|https?://(?!www\.w3\.org)", path.read_text())] == []
