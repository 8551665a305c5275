"""The registry of how states look."""

import pytest

from backoffice.core import tones


@pytest.fixture(autouse=True)
def _own_families(monkeypatch):
    monkeypatch.setattr(tones, "_families", {})
    monkeypatch.setattr(tones, "_otherwise", {})


def test_tells_label_and_tone_of_a_declared_state():
    tones.declare("a.thing", {"open": ("Open", "good")})
    assert tones.look_of(family="a.thing", state="open") == tones.StateLook("Open", "good")


def test_a_state_nobody_declared_is_a_defect():
    tones.declare("a.thing", {"open": ("Open", "good")})
    for family, state in (("a.thing", "shut"), ("a.nother", "open")):
        with pytest.raises(tones.UndeclaredState):
            tones.look_of(family=family, state=state)


def test_states_that_are_data_read_as_their_code():
    tones.declare("a.bucket", {"M0": ("M0", "good")}, otherwise="danger")
    assert tones.look_of(family="a.bucket", state="S2") == tones.StateLook("S2", "danger")
    tones.declare("a.bucket", {"M0": ("M0", "good")})
    with pytest.raises(tones.UndeclaredState):
        tones.look_of(family="a.bucket", state="S2")
