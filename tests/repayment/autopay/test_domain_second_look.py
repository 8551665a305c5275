"""The second calculation: whatever the last look decides lies in its span, and a wrong amount does not."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backoffice.repayment.domain.autopay.amounts import Due, Room
from backoffice.repayment.domain.autopay.configuration import parse
from backoffice.repayment.domain.autopay.last_look import Facts, History, last_look
from backoffice.repayment.domain.autopay.second_look import SecondBill, SecondDue, Span, span_of
from tests.repayment.autopay.debiting import content

D = Decimal
CENTS = st.integers(0, 300_000).map(lambda cents: Decimal(cents) / 100)
LIMIT = st.none() | CENTS


def due(*bills, held="0"):
    """Bills 1, 2, ... by (is past due, what stands, the same with penalty)."""
    return SecondDue(
        is_active=True,
        is_held=False,
        held=D(held),
        bills={number: SecondBill(past, D(least), D(most)) for number, (past, least, most) in enumerate(bills, 1)},
    )


def span(second, *, number=1, room=None, history=None, **changes):
    return span_of(
        second,
        number=number,
        history=history or History(currency="CNY"),
        room=room or Room(),
        configuration=parse(content(**changes)),
    )


TWO = due((True, "1100.16", "1102.00"), (False, "1100.16", "1100.16"))


@pytest.mark.parametrize(
    ("rule", "number", "expected"),
    [
        ("all_due", 2, Span(D("2200.32"), D("2202.16"))),
        ("current_only", 1, Span(D("1100.16"), D("1102.00"))),
        ("current_only", 2, Span(D("1100.16"), D("1100.16"))),
        ("current_only", 3, Span(D(0), D(0))),
        ("overdue_first", 2, Span(D("1100.16"), D("1102.00"))),
    ],
)
def test_recomputes_what_the_rule_asks_for(rule, number, expected):
    assert span(TWO, number=number, amount=rule) == expected


def test_two_bills_are_wrong_where_one_is_collected_and_half_is_wrong_where_no_part_is_agreed():
    one = span(TWO, number=2, amount="current_only")
    assert one.holds(D("1100.16"))
    assert not one.holds(D("2200.32"))
    assert not one.holds(D("550.08"))
    assert not span(TWO, number=2).holds(D("1100.16"))
    assert not Span(D(0), D(5)).holds(D(0))


def test_after_refusals_only_the_part_that_is_next_is_right():
    tries = History(currency="CNY", planned=D("1100.16"), tries_without_funds=1, allows_partial=True)
    assert span(due((False, "1100.16", "1100.16")), history=tries) == Span(D("550.08"), D("550.08"))
    tries = History(currency="CNY", planned=D("1100.16"), tries_over_limit=2)
    assert span(due((False, "1100.16", "1100.16")), history=tries) == Span(D("275.04"), D("275.04"))
    assert span(due((False, "1100.16", "1100.16")), history=tries, split_over_limit=False).least == D("1100.16")


def test_limits_make_a_part_right_only_where_it_is_split():
    bill = due((False, "1100.16", "1100.16"))
    assert span(bill, room=Room(single=D(600))) == Span(D(600), D(600))
    assert not span(bill, room=Room(single=D(600)), split_over_limit=False).holds(D(600))


def test_reads_as_one_amount_or_as_two():
    assert str(Span(D("1.00"), D("1.00"))) == "1.00"
    assert str(Span(D("1.00"), D("2.50"))) == "1.00-2.50"


@given(
    bills=st.lists(st.tuples(st.booleans(), CENTS, CENTS, CENTS), min_size=1, max_size=4),
    held=CENTS,
    number=st.integers(1, 4),
    rule=st.sampled_from(["all_due", "current_only", "overdue_first"]),
    tries=st.tuples(st.integers(0, 4), st.integers(0, 4)),
    partial=st.booleans(),
    split=st.booleans(),
    room=st.builds(Room, single=LIMIT, day=LIMIT, month=LIMIT),
)
def test_whatever_the_last_look_asks_for_is_right_by_the_second(bills, held, number, rule, tries, partial, split, room):
    """Each bill: whether it is past due, what stands, what has grown of penalty, what a generous reckoning adds."""
    number = min(number, len(bills))
    second = due(
        *[(past, stands, stands + (grown + more if past else 0)) for past, stands, grown, more in bills],
        held=held,
    )
    owed = [stands + (grown if past else 0) for past, stands, grown, _more in bills]
    facts = Facts(
        is_active=True,
        is_held=False,
        is_in_flight=False,
        is_mandate_active=True,
        allows_partial=partial,
        due=Due(
            overdue=sum((one for one, bill in zip(owed, bills, strict=True) if bill[0]), D(0)),
            current=sum((one for one, bill in zip(owed, bills, strict=True) if not bill[0]), D(0)),
            held=held,
            own=owed[number - 1],
        ),
        room=room,
        tries_without_funds=tries[0],
        tries_over_limit=tries[1],
        planned=D("1100.16"),
        card="tok",
        card_debits=0,
        card_may=None,
        currency="CNY",
    )
    configuration = parse(content(amount=rule, split_over_limit=split))
    decided = last_look(facts, configuration=configuration)
    if isinstance(decided, Decimal):
        found = span_of(second, number=number, history=facts.history, room=room, configuration=configuration)
        assert found.holds(decided), f"{decided} is not in {found}"
