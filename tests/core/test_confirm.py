"""The confirm panel without any app: what it shows, what it sends, what it refuses."""

from decimal import Decimal

import pytest

from backoffice.core.confirm import Consequence, Grid, Line

LINE = Line("Due today", Decimal("10.00"), currency="CNY", before=Decimal("12.00"))
GRID = Grid(caption="Bills", columns=(("No", "text"), ("Amount", "money")), rows=(("1", Decimal("2.00")),))


def test_the_same_consequence_has_the_same_fingerprint():
    assert Consequence(lines=(LINE,), grid=GRID).fingerprint == Consequence(lines=(LINE,), grid=GRID).fingerprint


@pytest.mark.parametrize(
    "other",
    [
        Consequence(lines=(Line("Due today", Decimal("10.01"), currency="CNY", before=Decimal("12.00")),), grid=GRID),
        Consequence(lines=(Line("Due today", Decimal("10.00"), currency="USD", before=Decimal("12.00")),), grid=GRID),
        Consequence(lines=(Line("Due today", Decimal("10.00"), currency="CNY"),), grid=GRID),
        Consequence(lines=(LINE,)),
        Consequence(lines=(LINE,), grid=Grid("Bills", GRID.columns, (("2", Decimal("2.00")),))),
        Consequence(lines=(LINE,), grid=Grid("Bills", GRID.columns, GRID.rows, total=("Total", Decimal("2.00")))),
        Consequence(lines=(LINE,), grid=GRID, warnings=("The loan closes.",)),
        Consequence(lines=(LINE,), grid=GRID, approval="A second person decides."),
    ],
)
def test_any_number_or_sentence_that_changes_changes_the_fingerprint(other):
    assert other.fingerprint != Consequence(lines=(LINE,), grid=GRID).fingerprint


def test_the_words_on_the_button_are_no_consequence():
    assert Consequence(lines=(LINE,), verb="Post").fingerprint == Consequence(lines=(LINE,), verb="Ask").fingerprint
