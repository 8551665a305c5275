"""The list of wording that must not be sent, read once a process."""

from functools import lru_cache
from pathlib import Path

from backoffice.outreach.domain.wording import Finding, Rule, read_rules, scan

FILE = Path(__file__).resolve().parent.parent / "wording" / "banned.toml"


@lru_cache(maxsize=1)
def rules() -> tuple[Rule, ...]:
    """The rules of the data file."""
    return read_rules(FILE.read_text(encoding="utf-8"))


def findings_in(*, text: str, language: str, is_legal: bool) -> tuple[Finding, ...]:
    """What of the list stands in a text."""
    return scan(text, language=language, rules=rules(), is_legal=is_legal)
