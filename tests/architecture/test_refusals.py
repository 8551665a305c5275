"""Every refusal is said in words that can be translated: constants of the catalogue, never text put together."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from babel.messages.pofile import read_po
from django.conf import settings

SOURCES = Path(settings.BASE_DIR) / "backoffice"
CATALOGUE = Path(settings.BASE_DIR) / "locale" / "zh_Hans" / "LC_MESSAGES" / "django.po"
TRANSLATED = {"_", "_l", "gettext", "gettext_lazy", "phrase"}
# A place of a phrase has a name and is read as text.
PLACE = re.compile(r"%(?!%|\([a-z_]+\)s)")


def trees() -> dict[Path, ast.Module]:
    return {file: ast.parse(file.read_text()) for file in sorted(SOURCES.rglob("*.py"))}


def name_of(node: ast.AST) -> str:
    return str(getattr(node, "id", getattr(node, "attr", "")))


def refusals(modules: dict[Path, ast.Module]) -> set[str]:
    """The names of all classes that descend from Refusal."""
    classes = [node for tree in modules.values() for node in ast.walk(tree) if isinstance(node, ast.ClassDef)]
    names = {"Refusal"}
    while more := {one.name for one in classes if {name_of(base) for base in one.bases} & names} - names:
        names |= more
    return names


def makings(modules: dict[Path, ast.Module], names: set[str]) -> list[tuple[Path, ast.Call]]:
    """Where a refusal is made: by its class, or by its class handing words on to what it descends from."""
    made = []
    for file, tree in modules.items():
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and name_of(node.func) in names:
                made.append((file, node))
            if isinstance(node, ast.ClassDef) and node.name in names - {"Refusal"}:
                calls = [inner for inner in ast.walk(node) if isinstance(inner, ast.Call)]
                made += [(file, inner) for inner in calls if ast.unparse(inner.func) == "super().__init__"]
    return made


def said_in(call: ast.Call) -> Iterator[ast.expr]:
    """The message, the next step and what is said of fields, of the making of a refusal."""
    yield from call.args
    for keyword in call.keywords:
        if keyword.arg == "next_step":
            yield keyword.value
        if keyword.arg == "fields" and isinstance(keyword.value, ast.Dict):
            yield from keyword.value.values


def is_put_together(node: ast.expr) -> bool:
    """Text nobody can translate: an f-string, a joined text, or a sentence outside of the catalogue."""
    match node:
        case ast.JoinedStr():
            return True
        case ast.Constant(value=str(text)):
            return " " in text
        case ast.BinOp(left=left, op=ast.Mod()):
            return not (isinstance(left, ast.Call) and name_of(left.func) in TRANSLATED)
        case ast.BinOp():
            return True
        case _:
            return False


def faults_of(modules: dict[Path, ast.Module]) -> list[str]:
    return [
        f"{file}:{call.lineno}: {ast.unparse(said)}"
        for file, call in makings(modules, refusals(modules))
        for said in said_in(call)
        if is_put_together(said)
    ]


def phrases(modules: dict[Path, ast.Module]) -> list[tuple[str, ast.Call]]:
    return [
        (f"{file}:{call.lineno}", call)
        for file, tree in modules.items()
        for call in ast.walk(tree)
        if isinstance(call, ast.Call) and name_of(call.func) == "phrase"
    ]


def sentence_of(call: ast.Call) -> str:
    """The constant a phrase is made of; empty when it is none."""
    match call.args:
        case [ast.Constant(value=str(sentence))]:
            return sentence
        case _:
            return ""


def test_no_refusal_is_put_together_from_pieces_of_text() -> None:
    assert faults_of(trees()) == []


def test_a_refusal_put_together_would_be_found() -> None:
    made = """
class Closed(Refusal): ...
class Shut(Closed):
    def __init__(self, loan): super().__init__(f"{loan} is shut.")
Shut(f"{loan} is closed.", next_step="Open another.", fields={"a": "is" + b, "loan": "closed", "c": "%s" % c})
Closed(phrase("%(loan)s is closed.", loan=loan), next_step=_("Open %(a)s.") % {"a": a}, fields={"amount": str(amount)})
"""
    assert [fault.partition(": ")[2] for fault in faults_of({Path("made.py"): ast.parse(made)})] == [
        "f'{loan} is shut.'", "f'{loan} is closed.'", "'Open another.'", "'is' + b", "'%s' % c",
    ]  # fmt: skip


def test_every_phrase_is_a_constant_of_the_catalogue() -> None:
    with CATALOGUE.open("rb") as file:
        known = {entry.id for entry in read_po(file, locale="zh_Hans") if entry.id and entry.string}
    found = phrases(trees())
    assert len(found) > 100
    assert [where for where, call in found if sentence_of(call) not in known] == []


def test_every_place_of_a_phrase_is_filled_by_its_name() -> None:
    wrong = []
    for where, call in phrases(trees()):
        sentence, given = sentence_of(call), {keyword.arg for keyword in call.keywords}
        named = set(re.findall(r"%\(([a-z_]+)\)s", sentence))
        if named != given or (given and PLACE.search(sentence.replace("%%", ""))):
            wrong.append(f"{where}: {sentence}")
    assert wrong == []


def test_the_domain_says_everything_in_phrases() -> None:
    """A sentence of a refusal in `domain/` is a phrase where it is made, or handed on as one."""
    everything = trees()
    domain = {file: tree for file, tree in everything.items() if "domain" in file.parts}
    made = [call for _file, call in makings(domain, refusals(everything))]
    assert len(made) > 20
    said = [text for call in made for text in (*call.args, *(k.value for k in call.keywords if k.arg == "next_step"))]
    assert {name_of(text.func) for text in said if isinstance(text, ast.Call)} == {"phrase"}
    assert [ast.unparse(text) for text in said if is_put_together(text)] == []


def test_no_template_shows_a_refusal_without_telling_it() -> None:
    shown = re.compile(r"\{\{ *\w+\.(?:message|next_step|why_it_failed) *\}\}")
    pages = {file: file.read_text() for file in SOURCES.rglob("*.html")}
    assert [str(file.relative_to(SOURCES)) for file, page in pages.items() if shown.search(page)] == []
    assert sum(len(re.findall(r"\|told\b", page)) for page in pages.values()) > 8
