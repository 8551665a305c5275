"""Every pack of the repository: its vectors pass through the gate, and each of its rules is shown denying something."""

from pathlib import Path

import pytest

from backoffice.outreach.domain.packs import Pack, parse
from backoffice.outreach.services.vectors import run_vectors

FILES = sorted((Path(__file__).parents[2] / "backoffice" / "outreach" / "packs").glob("*.toml"))


@pytest.fixture(params=FILES, ids=lambda path: path.stem)
def pack(request: pytest.FixtureRequest) -> Pack:
    return parse(request.param.read_text())


@pytest.mark.django_db
def test_passes_every_vector(pack: Pack) -> None:
    failed = {
        result.vector.name: (sorted(result.vector.expect), sorted(result.denied_by))
        for result in run_vectors(pack=pack)
        if not result.passes
    }
    assert failed == {}


def test_shows_every_rule_denying_something(pack: Pack) -> None:
    assert pack.untested() == ()
