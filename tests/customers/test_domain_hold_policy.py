"""The holds matrix: the table of collections 7 row by row, and what each effect lets through."""

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backoffice.customers.domain.hold_plans import Fault, PlanFaulty, plan_hold
from backoffice.customers.domain.hold_policy import (
    LETS_THROUGH,
    MATRIX,
    SELLING,
    last_review,
    let_through_pairs,
    passage_of,
    review_of,
    takes_two_to_lift,
)
from backoffice.customers.domain.holds import CONTACT, EFFECTS_OF, Effect, HoldReason, HoldScope
from backoffice.customers.models.hold_labels import ENDED_BY, REASON_LABELS, effect_text
from backoffice.outreach.domain.purposes import MARKETING, Purpose
from backoffice.staff.permissions import ROLES

START = date(2026, 3, 1)


@pytest.mark.parametrize(
    ("reason", "effects", "review_days", "owner"),
    [
        ("dispute", "calls stop, texts factual_only, debit unless_asked, penalty stop", 30, "agent"),
        ("complaint", "calls pause, texts reply_only", 15, "compliance"),
        ("extension", "calls pause, texts status_only, debit skip_due, penalty stop", 3, "agent"),
        ("hardship", "calls pause, texts status_only, debit ask_first, penalty stop", 30, "senior_agent"),
        ("vulnerable", "calls specialist_only, texts agreed_only, debit ask_first", 90, "senior_agent"),
        ("moratorium", "calls stop, texts notices_only, debit stop, penalty stop, aging stop", 60, "compliance"),
        (
            "represented",
            "calls via_representative, texts via_representative, debit ask_representative",
            90,
            "agent",
        ),
        ("cease", "calls stop, texts closing_notice_only, debit if_mandated", 180, "compliance"),
        ("bankruptcy", "calls stop, texts stop, debit stop, penalty stop, aging stop", 90, "compliance"),
        ("deceased", "calls stop, texts stop, debit stop, penalty stop, aging stop", 30, "compliance"),
        ("identity_theft", "calls stop, texts verified_only, debit stop, penalty stop, aging stop", 30, "compliance"),
        ("disaster", "calls pause, texts help_only, penalty stop", 30, "team_lead"),
        ("legal", "calls stop, texts notices_only", 90, "compliance"),
        ("illness", "", 30, "agent"),
        ("other", "", 14, "agent"),
    ],
)
def test_a_reason_demands_what_the_matrix_says(reason, effects, review_days, owner):
    policy = MATRIX[HoldReason(reason)]

    assert ", ".join(f"{scope} {effect}" for scope, effect in policy.demanded.items()) == effects
    assert (policy.review_days, policy.owner) == (review_days, owner)


def test_every_reason_has_its_row_its_words_a_known_owner_and_effects_its_scopes_know():
    assert set(MATRIX) == set(HoldReason) == set(REASON_LABELS) == set(ENDED_BY)
    for policy in MATRIX.values():
        assert policy.owner in ROLES
        for scope, effect in (policy.demanded | dict(policy.offered)).items():
            assert effect in EFFECTS_OF[scope]
        assert not set(policy.offered) & set(policy.demanded)


def test_only_what_has_a_date_by_nature_must_be_given_an_end():
    assert {reason for reason, policy in MATRIX.items() if policy.needs_end} == {"moratorium", "disaster"}


def test_what_somebody_adds_has_the_offered_effect_or_stops():
    assert MATRIX[HoldReason.VULNERABLE].effect_on(scope=HoldScope.PENALTY) == "stop"
    assert MATRIX[HoldReason.ILLNESS].effect_on(scope=HoldScope.TEXTS) == "status_only"
    assert MATRIX[HoldReason.COMPLAINT].effect_on(scope=HoldScope.AGING) == "stop"


@pytest.mark.parametrize(
    ("reason", "scopes", "takes_two"),
    [
        ("dispute", ["calls"], True),
        ("cease", ["texts"], True),
        ("request", ["calls", "texts"], False),
        ("request", ["calls", "penalty"], True),
        ("extension", ["calls", "texts", "debit"], False),
        ("extension", ["aging"], True),
    ],
)
def test_two_people_lift_where_the_reason_asks_for_it_or_a_clock_starts_again(reason, scopes, takes_two):
    asked = takes_two_to_lift(reason=HoldReason(reason), scopes=[HoldScope(scope) for scope in scopes])
    assert asked is takes_two


class TestPassing:
    def test_the_words_are_those_of_outreach(self):
        said = frozenset().union(*(passage.purposes for passage in LETS_THROUGH.values()))
        assert said | SELLING <= {purpose.value for purpose in Purpose}
        assert {purpose.value for purpose in MARKETING} == SELLING

    def test_every_effect_on_calls_or_texts_has_its_row(self):
        assert set(LETS_THROUGH) == frozenset().union(*(EFFECTS_OF[scope] for scope in CONTACT))

    @pytest.mark.parametrize(
        ("effect", "purposes", "only"),
        [
            ("stop", set(), ""),
            ("pause", set(), ""),
            ("factual_only", {"notice", "reply", "service"}, ""),
            ("reply_only", {"notice", "reply"}, ""),
            ("status_only", {"notice", "reply", "service"}, ""),
            ("agreed_only", {"notice", "reply", "service", "help"}, "agreed"),
            ("notices_only", {"notice"}, ""),
            ("closing_notice_only", {"notice"}, "once"),
            ("help_only", {"notice", "reply", "service", "help"}, ""),
            ("verified_only", {"notice", "reply", "service"}, "verified"),
            (
                "specialist_only",
                {"notice", "reply", "service", "help", "collection", "reminder"},
                "specialist",
            ),
            (
                "via_representative",
                {"notice", "reply", "service", "help", "collection", "reminder"},
                "representative",
            ),
        ],
    )
    def test_an_effect_lets_through_what_its_name_says(self, effect, purposes, only):
        passage = passage_of(effects=[effect], is_any_contact_held=True)
        assert (passage.purposes, passage.only) == (purposes, only)

    def test_without_any_hold_nothing_is_restricted(self):
        assert passage_of(effects=[], is_any_contact_held=False) is None

    def test_while_calls_are_held_texts_sell_nothing(self):
        passage = passage_of(effects=[], is_any_contact_held=True)
        assert (set(passage.purposes), passage.only) == (
            {"notice", "reply", "service", "help", "collection", "reminder"},
            "",
        )

    def test_of_several_holds_the_strictest_counts_and_conditions_add_up(self):
        passage = passage_of(effects=["help_only", "reply_only", "verified_only"], is_any_contact_held=True)
        assert (set(passage.purposes), passage.only) == ({"notice", "reply"}, "verified")
        assert passage_of(effects=["agreed_only", "verified_only"], is_any_contact_held=True).only == "agreed verified"

    @given(effects=st.lists(st.sampled_from(sorted(LETS_THROUGH)), max_size=4))
    def test_more_holds_never_let_more_through_and_nothing_is_ever_sold(self, effects):
        passage = passage_of(effects=effects, is_any_contact_held=True)
        assert not passage.purposes & SELLING
        for effect in effects:
            assert passage.purposes <= LETS_THROUGH[Effect(effect)].purposes

    def test_the_pairs_for_a_statement_are_the_table(self):
        pairs = let_through_pairs()
        assert ("factual_only", "service", "") in pairs
        assert ("closing_notice_only", "notice", "once") in pairs
        assert len(pairs) == sum(len(passage.purposes) for passage in LETS_THROUGH.values())


def plan(**changes):
    return plan_hold(
        **{
            "reason": "dispute",
            "scopes": [],
            "leave_out": [],
            "start": START,
            "end_exclusive": None,
            "review_on": None,
            "note": "",
        }
        | changes
    )


class TestPlanning:
    def test_a_reason_alone_is_enough_and_brings_its_review(self):
        made = plan()
        assert made.effects == {
            "calls": "stop",
            "texts": "factual_only",
            "debit": "unless_asked",
            "penalty": "stop",
        }
        assert (made.review_on, made.asked, made.left_out) == (date(2026, 3, 31), frozenset(), ())

    def test_added_scopes_stand_with_the_demanded_ones(self):
        assert list(plan(reason="complaint", scopes=["penalty", "calls"]).effects) == ["calls", "texts", "penalty"]

    @pytest.mark.parametrize(
        ("end", "asked", "review"),
        [
            (None, None, date(2026, 3, 31)),
            (None, date(2026, 3, 10), date(2026, 3, 10)),
            (date(2026, 3, 31), None, None),
            (date(2026, 4, 1), None, date(2026, 3, 31)),
            (date(2026, 3, 20), date(2026, 3, 10), date(2026, 3, 10)),
        ],
    )
    def test_a_hold_that_does_not_end_soon_is_reviewed(self, end, asked, review):
        assert plan(end_exclusive=end, review_on=asked).review_on == review

    @pytest.mark.parametrize(
        ("changes", "faults"),
        [
            ({"reason": "boredom"}, {"reason": Fault.REASON_UNKNOWN}),
            (
                {"reason": "boredom", "scopes": ["sleep"]},
                {"reason": Fault.REASON_UNKNOWN, "scopes": Fault.SCOPE_UNKNOWN},
            ),
            ({"scopes": ["sleep"]}, {"scopes": Fault.SCOPE_UNKNOWN}),
            ({"reason": "illness"}, {"scopes": Fault.SCOPE_MISSING}),
            ({"reason": "other", "scopes": ["calls"], "note": " "}, {"note": Fault.NOTE_MISSING}),
            ({"end_exclusive": START}, {"end_exclusive": Fault.END_BEFORE_START}),
            ({"reason": "moratorium"}, {"end_exclusive": Fault.END_MISSING}),
            ({"reason": "disaster"}, {"end_exclusive": Fault.END_MISSING}),
            ({"review_on": START}, {"review_on": Fault.REVIEW_TOO_EARLY}),
            ({"review_on": date(2026, 4, 1)}, {"review_on": Fault.REVIEW_TOO_LATE}),
            ({"leave_out": ["calls"]}, {"note": Fault.WHY_LEFT_OUT}),
            ({"leave_out": ["aging"], "note": "x"}, {"leave_out": Fault.NOT_DEMANDED}),
            ({"leave_out": ["calls"], "scopes": ["calls"], "note": "x"}, {"leave_out": Fault.NOT_DEMANDED}),
            (
                {"reason": "complaint", "leave_out": ["calls", "texts"], "note": "x"},
                {"leave_out": Fault.NOTHING_LEFT},
            ),
        ],
    )
    def test_what_makes_no_sense_is_named_field_by_field(self, changes, faults):
        with pytest.raises(PlanFaulty) as faulty:
            plan(**changes)
        assert faulty.value.faults == faults

    @given(
        reason=st.sampled_from([reason for reason in HoldReason if not MATRIX[reason].needs_end]),
        days=st.none() | st.integers(1, 400),
    )
    def test_no_hold_runs_longer_than_its_reason_allows_without_a_look(self, reason, days):
        end = None if days is None else START + timedelta(days=days)
        review = review_of(reason=reason, start=START, end_exclusive=end, asked=None)
        last = last_review(reason=reason, since=START)
        assert (review is None and end is not None and end <= last) or review == last


@pytest.mark.parametrize(
    ("scope", "effect", "words"),
    [
        ("calls", "stop", "calls stop"),
        ("penalty", "stop", "penalty stops"),
        ("calls", "pause", "calls pause"),
        ("texts", "factual_only", "texts: facts only"),
        ("debit", "unless_asked", "debits: go on unless asked"),
    ],
)
def test_an_effect_reads_as_words(scope, effect, words):
    assert effect_text(scope=scope, effect=effect) == words
