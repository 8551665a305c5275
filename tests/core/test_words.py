"""What pure code says reads as English, keeps its message and parameters, and is told in the reader's language."""

import copy
from datetime import date
from decimal import Decimal

import pytest
from django.utils.translation import gettext_lazy, override

from backoffice.core.errors import Refusal
from backoffice.core.telling import doer, told
from backoffice.core.words import amount_of, as_said, phrase, written

POSTED = phrase("%(id)s from %(source)s is already posted.", id="P-1", source="bank")
PENALTY = phrase("penalty")
OWED = phrase(
    "Of %(component)s %(owed)s is owed, bills still to come included; %(asked)s cannot be waived.",
    component=PENALTY,
    owed=3,
    asked=5,
)
PAID_OUT = phrase("Loan %(loan)s was paid out on %(day)s.", loan="L-1", day=date(2026, 6, 18))
LEFT = phrase(
    "%(left)s is left; the terms write off at most %(limit)s.",
    left=amount_of(Decimal("10341.06"), currency="CNY"),
    limit=amount_of(Decimal("3520000.00"), currency="UGX"),
)
SAID = [("en", "P-1 from bank is already posted."), ("zh-hans", "来自 bank 的 P-1 已经入账。")]


def test_a_phrase_reads_as_english_and_keeps_what_it_is_made_of() -> None:
    assert POSTED == "P-1 from bank is already posted."
    assert (POSTED.sentence, POSTED.params) == (
        "%(id)s from %(source)s is already posted.", {"id": "P-1", "source": "bank"},
    )  # fmt: skip
    assert type(str(POSTED)) is str


def test_a_sentence_without_parameters_keeps_its_percent_signs() -> None:
    assert phrase("18 % a year") == "18 % a year"
    assert told(phrase("18 % a year")) == "18 % a year"


@pytest.mark.parametrize(("language", "said"), SAID)
def test_a_phrase_is_told_in_the_language_of_the_reader(language: str, said: str) -> None:
    with override(language):
        assert told(POSTED) == said


def test_what_a_phrase_is_made_of_is_told_as_well() -> None:
    assert OWED == "Of penalty 3 is owed, bills still to come included; 5 cannot be waived."
    with override("zh-hans"):
        assert told(OWED) == "罚息（含未到期账单）共欠 3，无法减免 5。"


def test_any_other_text_is_told_as_it_reads() -> None:
    with override("zh-hans"):
        assert (told("plain"), told(""), told(gettext_lazy("penalty")), told(phrase(""))) == ("plain", "", "罚息", "")


def test_dates_and_amounts_in_a_phrase_read_as_they_do_on_the_page() -> None:
    assert PAID_OUT == "Loan L-1 was paid out on 2026-06-18."
    assert told(PAID_OUT) == "Loan L-1 was paid out on 18 Jun 2026."
    assert LEFT == "10341.06 is left; the terms write off at most 3520000.00."
    assert told(LEFT) == "¥\u00a010,341.06 is left; the terms write off at most USh\u00a03,520,000."
    assert told(phrase("%(least)s to %(most)s", least=Decimal("0.01"), most=Decimal(1000000))) == "0.01 to 1,000,000"
    with override("zh-hans"):
        assert "2026-06-18" in told(PAID_OUT)


@pytest.mark.parametrize("said", [POSTED, OWED, PAID_OUT, LEFT, phrase("penalty"), "plain", ""])
def test_what_is_put_away_comes_back_and_can_be_told(said: str) -> None:
    back = as_said(written(said))
    assert (back, type(back)) == (said, type(said))
    assert told(copy.deepcopy(back)) == told(said)
    with override("zh-hans"):
        assert told(back) == told(said)


def test_a_phrase_is_copied_whole() -> None:
    with override("zh-hans"):
        assert told(copy.deepcopy(OWED)) == told(copy.copy(OWED)) == told(OWED)


def test_a_refusal_is_one_text_with_its_next_step() -> None:
    refusal = Refusal(POSTED, next_step=phrase("Nothing to do: the earlier posting stands."))
    assert str(refusal) == "P-1 from bank is already posted."
    assert refusal.whole == "P-1 from bank is already posted. Nothing to do: the earlier posting stands."
    assert Refusal("Closed.").whole == "Closed."
    with override("zh-hans"):
        assert told(refusal.whole) == "来自 bank 的 P-1 已经入账。 无需处理：先前的入账有效。"


def test_the_system_is_called_so_in_the_readers_language():
    assert (doer("system"), doer("Ada")) == ("system", "Ada")
    with override("zh-hans"):
        assert (doer("system"), doer("Ada")) == ("系统", "Ada")
