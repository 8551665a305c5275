"""The rules of debits without a database: amounts, days, order numbers, states, breakers, what an answer means."""

from datetime import date, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backoffice.repayment.domain.autopay import debit_states, mandate_states, version_states
from backoffice.repayment.domain.autopay.actions import ALLOWED, GOES_ON, USUAL
from backoffice.repayment.domain.autopay.amounts import (
    AmountRule,
    Due,
    Room,
    after_no_funds,
    due_of,
    wanted,
    within_limits,
)
from backoffice.repayment.domain.autopay.breakers import BreakerKind, Running, judge
from backoffice.repayment.domain.autopay.codes import Family, shipped_codes
from backoffice.repayment.domain.autopay.configuration import BreakerLimits, ConfigurationFaulty, parse
from backoffice.repayment.domain.autopay.days import days_of, due_dates_for
from backoffice.repayment.domain.autopay.debit_states import BillState, CommandState
from backoffice.repayment.domain.autopay.handover import Answer, Known, Outcome, Standing
from backoffice.repayment.domain.autopay.last_look import Drop, Facts, last_look
from backoffice.repayment.domain.autopay.order_numbers import LONGEST, Purpose, order_number
from backoffice.repayment.domain.autopay.outcomes import (
    amount_alarm,
    bill_after,
    next_month,
    read_answer,
    read_refusal,
    read_standing,
    value_date,
)
from backoffice.repayment.domain.autopay.rates import DebitCounts
from backoffice.repayment.domain.autopay.splitting import HELD, NoPayee, Share, mirrored, split_among
from tests.repayment.autopay.debiting import content
from tests.repayment.cases import loan

D = Decimal
MONEY = st.decimals("0.00", "100000.00", places=2)


def faults(**changes):
    with pytest.raises(ConfigurationFaulty) as refused:
        parse(content(**changes))
    return {(fault.field, fault.problem) for fault in refused.value.faults}


class TestConfiguration:
    def test_reads_a_content_in_which_everything_is_right(self):
        read = parse(content())
        assert [slot.id for slot in read.slots] == ["s1", "s2", "s3"]
        assert read.min_gap == timedelta(hours=1)
        assert read.slot("s2").at == 16 * 60
        assert read.slot("s9") is None

    @pytest.mark.parametrize(
        ("changes", "fault"),
        [
            ({"amount": ["all_due", "current_only"]}, ("amount", "more_than_one")),
            ({"amount": "twice"}, ("amount", "unknown_value")),
            ({"attempts_per_day": 9}, ("attempts_per_day", "not_a_whole_number")),
            ({"attempts_per_day": True}, ("attempts_per_day", "not_a_whole_number")),
            ({"rails": []}, ("rails", "missing")),
            ({"rails": ["a", "a"]}, ("rails", "twice")),
            ({"slots": []}, ("slots", "missing")),
            ({"slots": [{"at": "07:00", "until": "08:00"}] * 7}, ("slots", "too_many")),
            ({"slots": [{"at": "7 Uhr", "until": "08:00"}]}, ("slots.1.at", "not_a_time")),
            ({"slots": [{"at": "07:00", "until": "25:00"}]}, ("slots.1.until", "not_a_time")),
            ({"slots": [{"at": "07:00", "until": "06:00"}]}, ("slots.1.until", "not_after_its_begin")),
            (
                {"slots": [{"at": "07:00", "until": "09:00"}, {"at": "08:00", "until": "10:00"}]},
                ("slots", "overlap"),
            ),
            (
                {"slots": [{"id": "a", "at": "07:00", "until": "08:00"}, {"id": "a", "at": "09:00", "until": "10:00"}]},
                ("slots", "twice"),
            ),
            ({"actions": {}}, ("actions.risk", "not_mapped")),
            ({"actions": {**content()["actions"], "risk": "next_slot"}}, ("actions.risk", "not_allowed")),
            ({"actions": {**content()["actions"], "moon": "stop"}}, ("actions.moon", "unknown_field")),
            ({"actions": []}, ("actions", "not_readable")),
            ({"partial": {"shares": ["0.5", "1"], "least": "1"}}, ("partial.shares", "not_descending")),
            ({"partial": {"shares": ["1"], "least": "much"}}, ("partial.least", "not_an_amount")),
            ({"blackout": ["tomorrow"]}, ("blackout", "not_a_day")),
            ({"holidays": "skip"}, ("calendar", "missing")),
            ({"keeper": ""}, ("keeper", "missing")),
            ({"notify": {"maybe": "x"}}, ("notify.maybe", "unknown_field")),
            ({"colour": "red"}, ("colour", "unknown_field")),
            ({"canary": {"share": "2"}}, ("canary.share", "not_a_share")),
            ({"payees": {**content()["payees"], "tips": []}}, ("payees.tips", "unknown_field")),
        ],
    )
    def test_names_what_is_wrong(self, changes, fault):
        assert fault in faults(**changes)

    def test_shares_of_99_percent_are_refused(self):
        payees = content()["payees"] | {
            "principal": [{"payee": "fund", "share": "0.79"}, {"payee": "x", "share": "0.2"}]
        }
        assert ("payees.principal", "shares_not_whole") in faults(payees=payees)

    def test_a_component_without_payee_and_a_payee_twice_are_refused(self):
        payees = content()["payees"] | {
            "interest": [],
            "fee": [{"payee": "a", "share": "0.5"}, {"payee": "a", "share": "0.5"}],
            "penalty": [{"payee": f"p{i}", "share": "0.05"} for i in range(20)],
        }
        found = faults(payees=payees)
        assert {("payees.interest", "missing"), ("payees.fee", "twice"), ("payees.penalty", "too_many")} <= found

    def test_the_usual_actions_are_among_those_allowed_for_every_family(self):
        assert set(USUAL) == set(ALLOWED) == set(Family) - {Family.DONE}
        assert all(action in ALLOWED[family] for family, action in USUAL.items())

    def test_nothing_the_payer_or_the_law_forbids_can_be_set_to_go_on(self):
        for family in (Family.RISK, Family.DECEASED, Family.RETURNED_BY_PAYER):
            assert not ALLOWED[family] & GOES_ON


class TestAmounts:
    def test_asks_for_what_is_due_on_the_day(self):
        state = loan()
        assert due_of(state, as_of=date(2026, 2, 14)).total == 0
        assert due_of(state, as_of=date(2026, 2, 15)).total == D("1100.16")

    def test_penalty_grown_so_far_is_due_too(self):
        state = loan()
        due = due_of(state, as_of=date(2026, 3, 15))
        assert due.current == D("1100.16")
        assert due.overdue > D("1100.16")

    @pytest.mark.parametrize(
        ("rule", "asked"),
        [(AmountRule.ALL_DUE, "140.00"), (AmountRule.CURRENT_ONLY, "100.00"), (AmountRule.OVERDUE_FIRST, "40.00")],
    )
    def test_the_rule_says_which_part(self, rule, asked):
        assert wanted(Due(overdue=D("50.00"), current=D("100.00"), held=D("10.00")), rule=rule) == D(asked)

    def test_the_bill_alone_is_the_bill_that_is_tried_on_a_later_day_too(self):
        state = loan()
        due = due_of(state, as_of=date(2026, 3, 16), number=1)
        assert due.current == 0
        assert wanted(due, rule=AmountRule.CURRENT_ONLY) == due.own > D("1100.16")
        assert wanted(due, rule=AmountRule.CURRENT_ONLY) < due.total

    def test_what_is_past_due_first_is_all_that_is_due_once_nothing_is_past_due(self):
        assert wanted(Due(overdue=D(0), current=D("100.00")), rule=AmountRule.OVERDUE_FIRST) == D("100.00")

    @given(MONEY, MONEY, MONEY, st.sampled_from(AmountRule))
    def test_never_asks_for_more_than_is_due(self, overdue, current, held, rule):
        due = Due(overdue=overdue, current=current, held=held)
        assert 0 <= wanted(due, rule=rule) <= due.total

    def test_a_limit_cuts_a_first_part_off_or_nothing_leaves(self):
        room = Room(single=D("500.00"), day=D("300.00"))
        assert within_limits(D("1000.00"), room=room, may_split=True) == D("300.00")
        assert within_limits(D("1000.00"), room=room, may_split=False) == 0
        assert within_limits(D("200.00"), room=room, may_split=False) == D("200.00")
        assert within_limits(D("200.00"), room=Room(), may_split=False) == D("200.00")

    def test_the_stricter_of_two_limits_counts(self):
        assert Room(single=D(5)).stricter(Room(single=D(3), day=D(9))) == Room(single=D(3), day=D(9))

    @pytest.mark.parametrize(("tries", "asked"), [(0, "1000.00"), (1, "500.00"), (2, "500.00")])
    def test_descends_after_refusals_for_want_of_funds(self, tries, asked):
        shares = (D(1), D("0.5"))
        assert after_no_funds(D("1000.00"), shares=shares, tries=tries, least=D(100), currency="CNY") == D(asked)

    def test_asks_for_no_less_than_the_least_and_no_more_than_is_due(self):
        assert after_no_funds(D("80.00"), shares=(D("0.5"),), tries=3, least=D(100), currency="CNY") == D("80.00")
        assert after_no_funds(D("150.00"), shares=(D("0.5"),), tries=3, least=D(100), currency="CNY") == D("100.00")
        assert after_no_funds(D("80.00"), shares=(), tries=3, least=D(100), currency="CNY") == D("80.00")

    def test_parts_are_whole_units_of_the_currency(self):
        assert after_no_funds(D(101), shares=(D("0.5"),), tries=1, least=D(1), currency="JPY") == D(50)


class TestDays:
    DUE = date(2026, 2, 13)  # a Friday

    def open(self, day):
        return day.weekday() < 5

    def test_goes_on_for_the_days_it_says(self):
        read = parse(content(days=3))
        assert [day.day for day in days_of(self.DUE, configuration=read, is_open=self.open)] == [13, 14, 15]

    def test_puts_off_to_working_days(self):
        read = parse(content(days=3, holidays="next_working_day", calendar="CN"))
        assert [day.day for day in days_of(self.DUE, configuration=read, is_open=self.open)] == [13, 16, 17]

    def test_skips_closed_days_and_lets_them_count(self):
        read = parse(content(days=4, holidays="skip", calendar="CN"))
        assert [day.day for day in days_of(self.DUE, configuration=read, is_open=self.open)] == [13, 16]

    def test_a_blacked_out_day_is_put_off(self):
        read = parse(content(days=1, blackout=["2026-02-13"]))
        assert [day.day for day in days_of(self.DUE, configuration=read, is_open=self.open)] == [14]

    def test_gives_up_when_no_day_is_open(self):
        read = parse(content(days=1, holidays="next_working_day", calendar="CN"))
        assert list(days_of(self.DUE, configuration=read, is_open=lambda _day: False)) == []

    @given(st.integers(0, 60), st.integers(1, 10), st.sampled_from(["debit", "skip", "next_working_day"]))
    def test_the_due_dates_of_a_day_are_those_that_try_it(self, offset, days, holidays):
        read = parse(content(days=days, holidays=holidays, calendar="CN"))
        day = date(2026, 3, 1) + timedelta(days=offset)
        span = [day - timedelta(days=back) for back in range(60)]
        slow = [due for due in span if day in set(days_of(due, configuration=read, is_open=self.open))]
        assert due_dates_for(day, configuration=read, is_open=self.open) == sorted(slow)


class TestOrderNumbers:
    PARTS = st.tuples(*[st.integers(0, 2**62)] * 2, st.integers(0, 1000), st.integers(0, 1000))

    def test_is_short_and_says_who_set_it_off(self):
        said = {"loan_id": 46_235, "bill_number": 3, "version": 1, "attempt": 2}
        assert order_number(**said, purpose=Purpose.DEBIT) == "Dzob-3-1-2"
        assert order_number(**said, purpose=Purpose.ACTIVE) == "Azob-3-1-2"

    @given(PARTS, PARTS, st.sampled_from(Purpose), st.sampled_from(Purpose))
    def test_two_attempts_have_two_numbers(self, one, other, purpose, another):
        def number(parts, why):
            return order_number(loan_id=parts[0], bill_number=parts[1], version=parts[2], attempt=parts[3], purpose=why)

        assert len(number((2**40, 999, 99, 99), purpose)) <= LONGEST
        assert (number(one, purpose) == number(other, another)) == ((one, purpose) == (other, another))

    def test_no_count_is_negative(self):
        with pytest.raises(ValueError, match="negative"):
            order_number(loan_id=-1, bill_number=1, version=1, purpose=Purpose.DEBIT, attempt=1)


class TestLastLook:
    def facts(self, **changes):
        usual = {
            "is_active": True,
            "is_held": False,
            "is_in_flight": False,
            "is_mandate_active": True,
            "allows_partial": False,
            "due": Due(overdue=D(0), current=D("100.00")),
            "room": Room(),
            "tries_without_funds": 0,
            "card": "tok-1",
            "card_debits": 0,
            "card_may": None,
            "currency": "CNY",
        }
        return Facts(**(usual | changes))

    @pytest.mark.parametrize(
        ("changes", "drop"),
        [
            ({"is_active": False}, Drop.LOAN_NOT_ACTIVE),
            ({"is_held": True}, Drop.HELD),
            ({"is_in_flight": True}, Drop.IN_FLIGHT),
            ({"due": Due(overdue=D(0), current=D(0))}, Drop.SETTLED),
            ({"due": Due(overdue=D(0), current=D(5), held=D(5))}, Drop.SETTLED),
            ({"is_mandate_active": False}, Drop.NO_MANDATE),
            ({"card_debits": 2, "card_may": 2}, Drop.CARD_TIRED),
            ({"room": Room(day=D(0))}, Drop.OVER_LIMIT),
        ],
    )
    def test_drops_what_must_not_be_debited(self, changes, drop):
        assert last_look(self.facts(**changes), configuration=parse(content())) is drop

    def test_asks_for_what_is_due(self):
        assert last_look(self.facts(), configuration=parse(content())) == D("100.00")

    def test_a_part_only_where_the_contract_allows_it(self):
        due = Due(overdue=D(0), current=D("1000.00"))
        read = parse(content())
        assert last_look(self.facts(due=due, tries_without_funds=1), configuration=read) == D("1000.00")
        partial = self.facts(due=due, tries_without_funds=1, allows_partial=True)
        assert last_look(partial, configuration=read) == D("500.00")


class TestBreakers:
    LIMITS = BreakerLimits(after=10)

    def test_stays_closed_on_a_usual_day(self):
        assert judge(Running(D(1000), D(1000), 100, 80), limits=self.LIMITS) is None

    def test_opens_at_once_when_too_much_is_asked_for(self):
        tripped = judge(Running(D(100), D(111), 0, 0), limits=self.LIMITS)
        assert (tripped.kind, tripped.seen, tripped.allowed) == (BreakerKind.TOTAL, "11.0 %", "10.0 %")
        assert judge(Running(D(0), D(5), 0, 0), limits=self.LIMITS).kind == BreakerKind.TOTAL

    def test_opens_later_when_too_little_is(self):
        running = Running(D(100), D(50), 9, 9)
        assert judge(running, limits=self.LIMITS) is None
        running.answered = 10
        assert judge(running, limits=self.LIMITS).seen == "-50.0 %"

    def test_opens_when_too_few_succeed(self):
        assert judge(Running(D(100), D(100), 10, 2), limits=self.LIMITS).kind == BreakerKind.SUCCESS

    def test_opens_when_one_kind_of_refusal_dominates(self):
        running = Running(D(100), D(100), 10, 4)
        running.families.update({Family.AGREEMENT: 6})
        tripped = judge(running, limits=self.LIMITS)
        assert (tripped.kind, tripped.detail) == (BreakerKind.FAMILY, "agreement")

    def test_want_of_funds_is_for_the_success_rate(self):
        running = Running(D(100), D(100), 10, 4)
        running.families.update({Family.INSUFFICIENT_FUNDS: 6})
        assert judge(running, limits=self.LIMITS) is None


class TestOutcomes:
    CODES = shipped_codes()

    def said(self, outcome, code=""):
        return read_answer(Answer(outcome=outcome, code=code), scheme="unionpay", codes=self.CODES, order_no="D1")

    @pytest.mark.parametrize(
        ("outcome", "code", "state", "family"),
        [
            (Outcome.SUCCEEDED, "00", CommandState.SUCCEEDED, Family.DONE),
            (Outcome.DECLINED, "64", CommandState.DECLINED, Family.INSUFFICIENT_FUNDS),
            (Outcome.DECLINED, "42", CommandState.UNKNOWN, Family.UNKNOWN),
            (Outcome.DECLINED, "12", CommandState.UNKNOWN, Family.UNKNOWN),
            (Outcome.PROCESSING, "05", CommandState.UNKNOWN, Family.UNKNOWN),
            (Outcome.UNCLEAR, "", CommandState.UNKNOWN, Family.UNKNOWN),
            (Outcome.NEVER_LEFT, "", CommandState.PLANNED, None),
            (Outcome.NOT_NOW, "39", CommandState.PLANNED, None),
            (Outcome.REFUSED_REQUEST, "10", CommandState.DECLINED, Family.REQUEST),
        ],
    )
    def test_reads_what_an_answer_means(self, outcome, code, state, family):
        said = self.said(outcome, code)
        assert (said.to, said.family) == (state, family)

    def test_a_code_nobody_mapped_is_unknown_with_an_alarm(self):
        said = read_refusal("Z9", scheme="unionpay", codes=self.CODES, order_no="D1")
        assert (said.to, said.family, said.alarm.kind) == (CommandState.UNKNOWN, None, BreakerKind.UNMAPPED)

    def test_a_refused_request_stops_the_batch(self):
        assert self.said(Outcome.REFUSED_REQUEST, "11").alarm.kind == BreakerKind.REQUEST

    def test_never_had_it_is_proof_only_once_it_has_expired(self):
        never = Standing(known=Known.NEVER)
        said = [
            read_standing(never, scheme="unionpay", codes=self.CODES, order_no="D1", has_expired=expired).to
            for expired in (False, True)
        ]
        assert said == [CommandState.UNKNOWN, CommandState.DECLINED]

    @pytest.mark.parametrize(
        ("known", "code", "state"),
        [
            (Known.SUCCEEDED, "00", CommandState.SUCCEEDED),
            (Known.RETURNED, "AC06", CommandState.SUCCEEDED),
            (Known.DECLINED, "64", CommandState.DECLINED),
            (Known.PROCESSING, "05", CommandState.UNKNOWN),
            (Known.UNCLEAR, "", CommandState.UNKNOWN),
        ],
    )
    def test_reads_what_a_rail_knows(self, known, code, state):
        standing = Standing(known=known, code=code)
        assert read_standing(standing, scheme="unionpay", codes=self.CODES, order_no="D1", has_expired=True).to == state

    def test_another_amount_than_asked_raises_an_alarm(self):
        assert amount_alarm(asked=D(5), moved=D(5), order_no="D1") is None
        assert amount_alarm(asked=D(5), moved=D(9), order_no="D1").kind == BreakerKind.DOUBLE
        assert amount_alarm(asked=D(5), moved=D(4), order_no="D1").kind == BreakerKind.AMOUNT

    @pytest.mark.parametrize(
        ("family", "state", "skips"),
        [
            (Family.INSUFFICIENT_FUNDS, BillState.OPEN, False),
            (Family.MERCHANT, BillState.OPEN, True),
            (Family.CARD_INVALID, BillState.STOPPED, False),
        ],
    )
    def test_a_refusal_leads_where_the_configuration_says(self, family, state, skips):
        after = bill_after(family, configuration=parse(content()), tries_without_funds=0)
        assert (after.state, after.skip_mandate) == (state, skips)
        assert after.tries_without_funds == (family == Family.INSUFFICIENT_FUNDS)

    @pytest.mark.parametrize(
        ("action", "state", "stops", "part", "skips"),
        [
            ("split", BillState.STOPPED, True, False, False),
            ("next_slot", BillState.STOPPED, True, False, False),
            ("stop", BillState.STOPPED, True, False, False),
            ("other_mandate", BillState.OPEN, False, False, True),
        ],
    )
    def test_a_limit_of_a_month_that_is_used_up_waits_for_the_next(self, action, state, stops, part, skips):
        read = parse(content(actions=content()["actions"] | {"limit": action}))
        spent = bill_after(Family.LIMIT, configuration=read, tries_without_funds=0, is_spent=True)
        seen = (spent.state, spent.stop_loan, spent.until_next_month, spent.is_over_limit, spent.skip_mandate)
        assert seen == (state, stops, stops, part, skips)
        usual = bill_after(Family.LIMIT, configuration=read, tries_without_funds=0)
        assert (usual.stop_loan, usual.is_over_limit) == (False, action == "split")
        assert next_month(date(2026, 12, 31)) == date(2027, 1, 1)
        assert next_month(date(2026, 2, 1)) == date(2026, 3, 1)

    @pytest.mark.parametrize(
        ("channel", "planned", "business", "booked"),
        [(15, 15, 15, 15), (16, 15, 15, 15), (16, 15, 16, 16), (14, 15, 15, 15), (14, 15, 14, 14)],
    )
    def test_is_booked_on_the_channels_day_within_the_books(self, channel, planned, business, booked):
        days = [date(2026, 2, day) for day in (channel, planned, business, booked)]
        assert value_date(channel_day=days[0], planned_day=days[1], business_date=days[2]) == days[3]


class TestSplitting:
    RULE = {"principal": (Share("fund", D("0.80")), Share("guard", D("0.15")), Share("house", D("0.05")))}

    def test_the_worked_example_of_mechanics(self):
        parts = split_among({"principal": D("100.01")}, rule=self.RULE, currency="CNY", keeper="house")
        assert [(part.payee, part.amount) for part in parts] == [
            ("fund", D("80.01")),
            ("guard", D("15.00")),
            ("house", D("5.00")),
        ]

    @given(MONEY, MONEY, st.lists(st.integers(1, 100), min_size=1, max_size=6))
    def test_the_parts_are_the_whole_and_a_return_takes_each_back(self, principal, held, weights):
        rule = {"principal": tuple(Share(f"p{i}", D(weight) / sum(weights)) for i, weight in enumerate(weights))}
        amounts = {"principal": principal, HELD: held}
        parts = split_among(amounts, rule=rule, currency="CNY", keeper="house")
        assert sum(part.amount for part in parts) == principal + held
        assert sum(part.amount for part in [*parts, *mirrored(parts)]) == 0

    def test_money_nobody_is_named_for_is_a_fault(self):
        with pytest.raises(NoPayee):
            split_among({"fee": D("1.00")}, rule=self.RULE, currency="CNY", keeper="house")


class TestStates:
    def test_unknown_is_never_sent_again(self):
        assert not debit_states.may_move(current=CommandState.UNKNOWN, to=CommandState.SUBMITTED)
        assert not debit_states.may_move(current=CommandState.UNKNOWN, to=CommandState.PLANNED)

    def test_nothing_is_debited_under_an_agreement_that_is_over(self):
        for over in (mandate_states.MandateState.REVOKED, mandate_states.MandateState.REPLACED):
            assert mandate_states.MOVES[over] == frozenset()
        assert mandate_states.may_move(
            current=mandate_states.MandateState.SIGNING, to=mandate_states.MandateState.ACTIVE
        )

    def test_no_version_comes_into_force_without_approval(self):
        into_force = {
            state
            for state, moves in version_states.MOVES.items()
            if moves & {version_states.VersionState.CANARY, version_states.VersionState.ACTIVE}
        }
        assert into_force == {
            version_states.VersionState.APPROVED,
            version_states.VersionState.CANARY,
            version_states.VersionState.RETIRED,
        }
        assert version_states.may_become(
            current=version_states.VersionState.DRAFT, to=version_states.VersionState.CHECKED
        )


def test_the_four_rates_answer_four_questions():
    day = DebitCounts(
        bills=1000, settled=855, commands=1380, succeeded=855, first=780, first_tried=1000, due=D(1000000),
        debited=D(851000),
    )  # fmt: skip
    assert [day.by_bill, day.by_attempt, day.by_first_attempt, day.by_amount] == [
        D("0.855"),
        D(855) / D(1380),
        D("0.78"),
        D("0.851"),
    ]
    assert DebitCounts().by_bill is None
