"""The packs of contact rules that hold on a day."""

from datetime import date
from functools import lru_cache
from pathlib import Path

from backoffice.outreach.domain.compiling import PacksInForce
from backoffice.outreach.domain.packs import Pack, parse

FILES = Path(__file__).resolve().parent.parent / "packs"


def packs_in_force(*, on: date) -> PacksInForce:
    """The packs the gate judges by on a day: the same object for the same versions, which it is cached by."""
    return _of_files()


@lru_cache(maxsize=1)
def _of_files() -> PacksInForce:
    packs: tuple[Pack, ...] = tuple(parse(path.read_text()) for path in sorted(FILES.glob("*.toml")))
    return PacksInForce(versions=tuple((pack.code, 1) for pack in packs), packs=packs)
