"""Words on the pages of autopay: what means something else elsewhere is a message of its own, and codes are told."""

import pytest
from django.utils import translation

from backoffice.core.tables import Table
from backoffice.repayment.console.autopay import breakers, reconciliation, unknowns
from backoffice.repayment.models.autopay.mandates import MANDATE_LABELS
from backoffice.repayment.selectors.autopay.code_words import code_in_words
from backoffice.repayment.selectors.autopay.version_words import place_in_words, version_in_words
from tests.repayment.autopay.contents import content, open_rails


def _label(table: Table, name: str) -> str:
    return next(str(column.label) for column in table.columns if column.name == name)


def test_a_word_with_two_meanings_is_told_in_chinese_by_the_one_of_autopay() -> None:
    with translation.override("zh-hans"):
        said = {
            "mandate": str(MANDATE_LABELS["revoked"]),
            "queries": _label(unknowns.UNKNOWNS, "looks"),
            "closed by": _label(reconciliation.DAYS, "closed_by"),
            "order": _label(reconciliation.DIFFERENCES, "order_no"),
            "opened": _label(breakers.CLOSED, "opened_at"),
        }
    assert said == {
        "mandate": "已撤销",
        "queries": "查询次数",
        "closed by": "关闭人",
        "order": "订单号",
        "opened": "断开时间",
    }


@pytest.mark.django_db
def test_the_rule_of_the_amount_is_an_amount_in_chinese() -> None:
    with translation.override("zh-hans"):
        words = {word.key: word.label for group in version_in_words(content()) for word in group.words}
    assert words["amount"] == "应扣金额"


@pytest.mark.parametrize("scheme", ["unionpay", "iso20022", ""])
def test_the_code_of_a_debit_that_was_made_is_told_for_every_scheme(scheme: str) -> None:
    assert code_in_words(scheme=scheme, code="00") == "Debited."
    with translation.override("zh-hans"):
        assert code_in_words(scheme=scheme, code="00") == "扣款成功。"


def test_a_code_nobody_mapped_is_named() -> None:
    assert code_in_words(scheme="iso20022", code="ZZ9") == "Nobody has mapped the code ZZ9."


@pytest.mark.django_db
def test_rails_and_payees_of_a_version_are_told_by_name() -> None:
    open_rails()
    words = {word.key: word.text for group in version_in_words(content()) for word in group.words}
    assert (words["rails"], words["payees interest"]) == ("Union", "The lender 100\u00a0%")
    assert words["keeper"] == "The lender"


@pytest.mark.parametrize(
    ("field", "words"),
    [
        ("payees.interest", "Who is paid: interest"),
        ("slots.2.until", "Slot 2: Ends"),
        ("slots", "Slots of the day"),
        ("actions.busy", "After a refusal: bank busy"),
        ("canary.least_success", "Trial: Bills settled at least"),
        ("something.new", "something.new"),
    ],
)
def test_the_place_of_a_finding_is_told_in_words(field: str, words: str) -> None:
    assert place_in_words(field) == words
