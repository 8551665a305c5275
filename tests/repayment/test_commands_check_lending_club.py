"""Ten thousand recorded installments against ours: to the cent, or explained."""

import gzip
import io
from pathlib import Path

import pytest
from django.conf import settings
from django.core.management import CommandError, call_command

LOANS = Path(settings.BASE_DIR).parent / "shared" / "data" / "lending_club_2018q1" / "loans.csv.gz"
HEADER = "loan_amount,term,interest_rate,installment,balance\n"


def check(file: Path) -> list[str]:
    out = io.StringIO()
    call_command("check_lending_club", str(file), stdout=out)
    return out.getvalue().splitlines()


@pytest.mark.skipif(not LOANS.exists(), reason="the folder of real data sets is not beside this repository")
def test_every_recorded_installment_is_ours_or_explained() -> None:
    assert check(LOANS) == [
        "10000 loans",
        "   4956  equal under our default, rounding half up",
        "   5041  equal when rounded up: recorded is one cent above half up",
        "      3  equal for the balance left over the months left, at a rate lowered after issue, rounded up",
        "      0  not explained",
        "line 1549: 8000.00 over 36 months at 6%: recorded 243.35, ours 243.38 (reduced_rate)",
        "line 1969: 28000.00 over 36 months at 6%: recorded 830.93, ours 851.82 (reduced_rate)",
        "line 9688: 24000.00 over 36 months at 6%: recorded 733.34, ours 730.13 (reduced_rate)",
    ]


def test_sorts_by_the_rule_that_gives_the_recorded_cent(tmp_path: Path) -> None:
    file = tmp_path / "loans.csv"
    # the last is a loan whose 7,179.49 left after four payments were spread again over 32 months at 6 %
    file.write_text(HEADER + "12000,12,18,1100.16,11000\n12000,12,24,1134.72,11000\n8000,36,6.0,243.35,7179.49\n")
    assert check(file)[1:5] == [
        "      2  equal under our default, rounding half up",
        "      0  equal when rounded up: recorded is one cent above half up",
        "      1  equal for the balance left over the months left, at a rate lowered after issue, rounded up",
        "      0  not explained",
    ]


def test_fails_on_an_installment_no_rule_gives(tmp_path: Path) -> None:
    file = tmp_path / "loans.csv.gz"
    file.write_bytes(gzip.compress((HEADER + "12000,12,18,999.99,11000\n").encode()))
    with pytest.raises(CommandError, match="1 installments are not explained"):
        check(file)


@pytest.mark.parametrize("content", ["loan_amount,term\n1,2\n", HEADER + "12000,twelve,18,1100.16,0\n"])
def test_refuses_a_file_that_is_not_the_table(content: str, tmp_path: Path) -> None:
    file = tmp_path / "loans.csv"
    file.write_text(content)
    with pytest.raises(CommandError, match="is not the loan table"):
        check(file)


def test_refuses_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="is not the loan table"):
        check(tmp_path / "nothing.csv")
