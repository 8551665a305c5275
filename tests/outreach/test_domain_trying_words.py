"""What the arms of an experiment about a template say: wherever it speaks, and as the plan prescribes."""

from datetime import date
from decimal import Decimal

import pytest

from backoffice.outreach.domain.elements import Element
from backoffice.outreach.domain.experiments.declaring import NewArm, NewFactor, faults_of
from backoffice.outreach.domain.experiments.sentences import Sentence
from backoffice.outreach.domain.experiments.wording import (
    LEFT_OUT,
    OF_A_LOAN,
    Said,
    Speaker,
    faults_of_words,
    prescribed,
    row_of,
)
from backoffice.outreach.services.speaking import values_of_loan
from tests.outreach.experiment_book import TODAY, declaration, screening

SMS = ("sms", "en")
PUSH = ("push", "en")
BENEFIT, LIMIT, CALL = Element.BENEFIT, Element.TIME_LIMIT, Element.CALL_TO_ACTION
HALF = Decimal("0.5")


def speaker(words, *, purpose="reminder", row=None):
    return Speaker(name="short text", purpose=purpose, words=words, row=row)


def faults(today, *speakers, **more):
    return [
        (fault.code, dict(fault.params))
        for fault in faults_of_words(template="Due soon", purpose="reminder", today=today, speakers=speakers, **more)
    ]


def test_a_row_puts_its_pieces_in_the_place_of_todays_in_reading_order():
    row = row_of(
        elements=[CALL, BENEFIT, LIMIT], versions=[("now", "pay"), ("now", "bill"), ("now", "-")], levels="212"
    )
    assert row == {CALL: "pay", LIMIT: LEFT_OUT}
    assert list(prescribed(today={BENEFIT: "offer", LIMIT: "days_left"}, row=row).items()) == [
        (BENEFIT, "offer"),
        (CALL, "pay"),
    ]


def test_the_variables_of_a_loan_are_those_that_are_filled_in_together():
    day = date(2026, 3, 2)
    values = values_of_loan(number="L", amount=Decimal(1), overdue=Decimal(1), currency="CNY", due_date=day, day=day)
    assert values.keys() == OF_A_LOAN


def test_arms_that_speak_where_the_template_does_can_be_compared():
    today = {SMS: Said(frozenset({"amount"})), PUSH: Said()}
    assert faults(today, speaker({SMS: Said(frozenset({"amount", "days_left"})), PUSH: Said()})) == []


@pytest.mark.parametrize(
    ("today", "words", "found"),
    [
        ({}, {SMS: Said()}, [("words.silent", {"template": "Due soon"})]),
        ({SMS: Said()}, None, [("words.none", {"arm": "short text"})]),
        (
            {SMS: Said(), PUSH: Said()},
            {SMS: Said()},
            [("words.missing", {"arm": "short text", "channel": "push", "language": "en"})],
        ),
        (
            {SMS: Said()},
            {SMS: Said(), PUSH: Said()},
            [("words.more", {"arm": "short text", "channel": "push", "language": "en"})],
        ),
        (
            {SMS: Said()},
            {SMS: Said(frozenset({"offer_until", "amount"}))},
            [("words.open", {"arm": "short text", "channel": "sms", "language": "en", "names": "amount, offer_until"})],
        ),
        (
            {SMS: Said(frozenset({"due_date"}))},
            {SMS: Said(frozenset({"offer_until", "amount"}))},
            [("words.open", {"arm": "short text", "channel": "sms", "language": "en", "names": "offer_until"})],
        ),
    ],
)
def test_says_why_arms_cannot_be_compared(today, words, found):
    assert faults(today, speaker(words)) == found


def test_an_arm_of_another_purpose_is_no_arm():
    assert faults({SMS: Said()}, speaker({SMS: Said()}, purpose="repeat")) == [("words.purpose", {"arm": "short text"})]


def test_a_row_says_what_the_plan_prescribes_and_nothing_else():
    today = {SMS: Said(pieces=((BENEFIT, "bill"), (LIMIT, "days_left")))}
    tried = {LIMIT: ("-",)}
    as_prescribed = {SMS: Said(pieces=((BENEFIT, "bill"),))}
    otherwise = {SMS: Said(pieces=((BENEFIT, "offer"),))}
    assert faults(today, speaker(as_prescribed, row={LIMIT: "-"}), tried=tried) == []
    assert faults(today, speaker(otherwise, row={LIMIT: "-"}), tried=tried) == [
        ("words.other", {"arm": "short text", "channel": "sms", "language": "en"})
    ]


@pytest.mark.parametrize(
    ("pieces", "found"),
    [
        ((), [("words.written_freely", {"template": "Due soon", "channel": "sms", "language": "en"})]),
        (
            ((BENEFIT, "bill"),),
            [("words.as_today", {"template": "Due soon", "channel": "sms", "language": "en", "version": "-"})],
        ),
        (((LIMIT, "days_left"),), []),
    ],
)
def test_a_new_version_differs_from_todays_wherever_the_template_speaks(pieces, found):
    assert faults({SMS: Said(pieces=pieces)}, tried={LIMIT: ("-",)}) == found


@pytest.mark.parametrize(
    ("template", "arms", "found"),
    [
        ("", (("today", ""), ("new", "due_soon_b")), "fault.arm_without_subject"),
        ("due_soon", (("today", "other"), ("new", "due_soon_b")), "fault.control_speaks_otherwise"),
        ("due_soon", (("today", ""), ("new", "due_soon")), "fault.arms_speak_alike"),
        ("due_soon", (("today", "due_soon"), ("new", "due_soon_b")), None),
        ("due_soon", (("today", ""), ("new", "")), None),
    ],
)
def test_arms_name_words_of_their_own(template, arms, found):
    given = tuple(NewArm(name=name, share=HALF, is_control=name == "today", template=words) for name, words in arms)
    said = faults_of(declaration=declaration(template=template, arms=given), as_of=TODAY)
    assert said == ({"arms": Sentence(found)} if found else {})


@pytest.mark.parametrize(
    ("elements", "found"),
    [
        (("benefit", "time_limit"), None),
        (("benefit", "benefit"), "fault.elements"),
        (("benefit", ""), "fault.elements"),
    ],
)
def test_a_plan_about_a_template_changes_its_elements(elements, found):
    factors = tuple(NewFactor(name=f"{n}", levels=("now", "new"), element=one) for n, one in enumerate(elements))
    said = faults_of(declaration=screening(template="due_soon", factors=factors), as_of=TODAY)
    assert said == ({"factors": Sentence(found)} if found else {})
