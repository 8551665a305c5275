"""Effects as sentences, in both languages."""

from decimal import Decimal

from django.utils.translation import override

from backoffice.outreach.domain.experiments.effects import Sample, effect
from backoffice.outreach.selectors.effect_words import difference_text, effect_in_words


def _said(**options) -> str:
    return effect_in_words(**options).replace("\u00a0", " ")


def test_says_how_much_more_the_reached_did():
    found = effect(treated=Sample(1_000, Decimal(150)), control=Sample(1_000, Decimal(100)))
    assert _said(effect=found) == (
        "15.00 % (reached) against 10.00 % (held out): 5.00 points more. "
        "With 95 % confidence the true difference is between 2.10 points and 7.90 points more."
    )
    with override("zh-hans"):
        assert _said(effect=found) == (
            "已触达组 15.00 %，对照组 10.00 %：高出 5.00 个百分点。"
            "以 95 % 的置信度，真实差异为高出 2.10 个百分点 至 7.90 个百分点。"
        )


def test_says_how_much_less_without_a_minus():
    found = effect(treated=Sample(1_000, Decimal(100)), control=Sample(1_000, Decimal(150)))
    assert _said(effect=found, treated="short text", control="today's text") == (
        "10.00 % (short text) against 15.00 % (today's text): 5.00 points less. "
        "With 95 % confidence the true difference is between 2.10 points and 7.90 points less."
    )


def test_says_amounts_of_a_mean_in_its_currency():
    spent = Sample(4, Decimal("40.00"), Decimal("500.00"))
    left = Sample(4, Decimal("20.00"), Decimal("130.00"))
    assert _said(effect=effect(treated=spent, control=left, kind="mean"), currency="USD") == (
        "$ 10.00 (reached) against $ 5.00 (held out): the difference of $ 5.00 may be chance. "
        "With 95 % confidence it is between −$ 3.66 and $ 13.66."
    )


def test_lets_a_correction_call_a_difference_unclear():
    found = effect(treated=Sample(1_000, Decimal(150)), control=Sample(1_000, Decimal(100)))
    assert "may be chance" in _said(effect=found, verdict="unclear")


def test_says_that_too_few_were_there():
    found = effect(treated=Sample(0, Decimal(0)), control=Sample(12, Decimal(1)))
    assert _said(effect=found) == "Too few people to compare: 0 (reached) and 12 (held out)."
    assert difference_text(value=None, kind="binary") == "–"


def test_signs_a_difference_where_asked():
    assert difference_text(value=Decimal("0.0123"), kind="binary", signed=True) == "+1.23 points"
    assert difference_text(value=Decimal("-0.0123"), kind="binary", signed=True) == "−1.23 points"
