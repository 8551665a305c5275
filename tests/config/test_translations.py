"""Catalogues are compiled and judged without GNU gettext."""

import gettext
import os
from pathlib import Path

from backoffice.config import translations

HEAD = """msgid ""
msgstr ""
"Content-Type: text/plain; charset=UTF-8\\n"
"Plural-Forms: nplurals=1; plural=0;\\n"

"""
SOUND = 'msgid "Loan"\nmsgstr "贷款"\n\nmsgid "%(n)d day"\nmsgid_plural "%(n)d days"\nmsgstr[0] "%(n)d 天"\n'


def catalogue(folder: Path, body: str) -> Path:
    file = folder / "zh_Hans" / "LC_MESSAGES" / "django.po"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(HEAD + body, encoding="utf-8")
    return file


def test_a_compiled_catalogue_translates(tmp_path: Path) -> None:
    source = catalogue(tmp_path, SOUND)

    assert translations.compile_all(folders=[tmp_path]) == [source]

    compiled = gettext.translation("django", tmp_path, languages=["zh_Hans"])
    assert compiled.gettext("Loan") == "贷款"
    assert compiled.ngettext("%(n)d day", "%(n)d days", 3) == "%(n)d 天"


def test_compiles_only_what_changed(tmp_path: Path) -> None:
    source = catalogue(tmp_path, SOUND)
    translations.compile_all(folders=[tmp_path])

    assert translations.compile_all(folders=[tmp_path]) == []
    target = source.with_suffix(".mo")
    os.utime(source, ns=(0, target.stat().st_mtime_ns + 1))
    assert translations.compile_all(folders=[tmp_path]) == [source]


def test_a_sound_catalogue_has_no_flaws(tmp_path: Path) -> None:
    catalogue(tmp_path, SOUND)

    assert translations.flaws(folders=[tmp_path]) == []


def test_names_what_is_missing_guessed_or_broken(tmp_path: Path) -> None:
    source = catalogue(
        tmp_path,
        'msgid "Loan"\nmsgstr ""\n\n#, fuzzy\nmsgid "Due"\nmsgstr "到期"\n\n'
        '#, python-format\nmsgid "%(n)d days"\nmsgstr "%(m)d 天"\n',
    )

    assert [str(flaw) for flaw in translations.flaws(folders=[tmp_path])] == [
        f"{source}:6: not translated: 'Loan'",
        f"{source}:10: marked fuzzy: 'Due'",
        f"{source}:14: unknown named placeholder 'm'",
    ]


def test_a_message_that_cannot_be_read_is_a_flaw_and_stops_nobody(tmp_path: Path) -> None:
    source = catalogue(tmp_path, SOUND + '\nmsgid "Two"\nmsgid_plural "Twos"\nmsgstr[0] "二"\nmsgstr[1] "二"\n')

    assert translations.compile_all(folders=[tmp_path]) == [source]
    assert [str(flaw) for flaw in translations.flaws(folders=[tmp_path])] == [
        f"{source}:13: msg has more translations than num_plurals of catalog on 12"
    ]


def test_no_folder_is_no_flaw(tmp_path: Path) -> None:
    assert translations.flaws(folders=[tmp_path / "none"]) == []
