"""Holds on many borrowers: chosen, settled, placed and lifted in a fixed number of statements, by two people."""

from datetime import date

import pytest
from django.db import IntegrityError, connection, transaction
from django.db.backends.postgresql.psycopg_any import DateRange
from django.test.utils import CaptureQueriesContext

from backoffice.audit import approvals
from backoffice.audit.models import Approval, ApprovalLimit, AuditEntry, OutboxEvent
from backoffice.core.actors import SYSTEM
from backoffice.customers.domain.bulk_holds import LIFT_BULK, PLACE_BULK, BulkState, may_move
from backoffice.customers.models import BulkHold, Hold
from backoffice.customers.services import (
    Choice,
    ask_to_lift_bulk,
    ask_to_place_bulk,
    discard_bulk,
    lift_hold,
    merge,
    place_hold,
    prepare_bulk,
)
from backoffice.customers.services.bulk_holding import (
    BulkHoldNotFound,
    IsAskedFor,
    WrongState,
    lift_bulk_as_approved,
    place_bulk_as_approved,
)
from backoffice.customers.services.choosing import NobodyChosen
from backoffice.customers.services.holding import HoldRefused
from tests.customers.factories import borrower
from tests.staff.factories import actor, person

pytestmark = pytest.mark.django_db

LEAD = actor("team_lead", actor_id=7, name="Ada")
OTHER = actor("compliance", actor_id=8, name="Cy")
START, END = date(2026, 3, 1), date(2026, 3, 31)


@pytest.fixture(autouse=True)
def deeds(monkeypatch):
    monkeypatch.setattr("backoffice.customers.services.merging._declared", {})
    monkeypatch.setattr(approvals, "_deeds", {})
    approvals.register(PLACE_BULK, place_bulk_as_approved)
    approvals.register(LIFT_BULK, lift_bulk_as_approved)


def prepare(choice, **changes):
    return prepare_bulk(
        **{
            "name": "Typhoon, south coast",
            "reason": "disaster",
            "scopes": [],
            "start": START,
            "end_exclusive": END,
            "choice": choice,
            "portfolios": None,
            "actor": LEAD,
        }
        | changes
    )


def place(bulk_id, actor=SYSTEM):
    return ask_to_place_bulk(bulk_id=bulk_id, reason="declared by the province", consequence="", actor=actor)


def lift(bulk_id, on, actor=SYSTEM):
    return ask_to_lift_bulk(bulk_id=bulk_id, on=on, reason="waters are gone", consequence="", actor=actor)


def chosen(bulk_id):
    return BulkHold.objects.get(pk=bulk_id).borrower_ids


class TestChoosing:
    def test_every_value_narrows(self):
        south = borrower("B-1", country="CN", time_zone="Asia/Shanghai")
        north = borrower("B-2", country="CN", time_zone="Asia/Urumqi", portfolio="north")
        abroad = borrower("B-3", country="US", time_zone="America/Chicago")

        assert chosen(prepare(Choice(country="CN"))) == [south.pk, north.pk]
        assert chosen(prepare(Choice(country="CN", portfolio="north"))) == [north.pk]
        assert chosen(prepare(Choice(time_zone="America/Chicago"))) == [abroad.pk]
        assert chosen(prepare(Choice(source="testbook", country="US"))) == [abroad.pk]

    def test_a_list_of_external_ids_says_which_were_not_found(self):
        first, _second = borrower("B-1"), borrower("B-2")

        bulk = BulkHold.objects.get(pk=prepare(Choice(external_ids=["B-1", "B-9", "B-1"])))

        assert (bulk.borrower_ids, bulk.unknown_ids, bulk.unknown_count) == ([first.pk], ["B-9"], 1)
        assert (bulk.chosen_by, bulk.portfolios) == ({"list": 2}, ["cash"])

    def test_a_list_and_a_value_take_who_is_in_both(self):
        borrower("B-1", portfolio="north")
        south = borrower("B-2")
        bulk = BulkHold.objects.get(pk=prepare(Choice(portfolio="cash", external_ids=["B-1", "B-2"])))
        assert (bulk.borrower_ids, bulk.unknown_ids) == ([south.pk], ["B-1"])

    def test_nobody_outside_the_persons_portfolios_is_chosen(self):
        borrower("B-1", portfolio="north")
        south = borrower("B-2")

        assert chosen(prepare(Choice(country="CN"), portfolios=["cash"])) == [south.pk]
        with pytest.raises(NobodyChosen):
            prepare(Choice(external_ids=["B-1"]), portfolios=["cash"])

    def test_a_merged_record_stands_for_the_one_it_was_merged_into(self):
        stays, goes = borrower("B-1"), borrower("B-2")
        merge(survivor_id=stays.pk, absorbed_id=goes.pk, reason="same person", actor=LEAD)

        assert chosen(prepare(Choice(external_ids=["B-2", "B-1"]))) == [stays.pk]
        assert chosen(prepare(Choice(country="CN"))) == [stays.pk]

    @pytest.mark.parametrize("choice", [Choice(), Choice(country="XX"), Choice(external_ids=["B-9"])])
    def test_everybody_and_nobody_are_refused(self, choice):
        borrower("B-1")
        with pytest.raises(NobodyChosen):
            prepare(choice)
        assert not BulkHold.objects.exists()

    def test_too_many_are_refused(self, monkeypatch):
        monkeypatch.setattr("backoffice.customers.services.choosing.MOST_BORROWERS", 1)
        borrower("B-1")
        borrower("B-2")
        with pytest.raises(NobodyChosen, match="More than 1 borrowers fit"):
            prepare(Choice(country="CN"))

    @pytest.mark.parametrize(
        ("changes", "at_fault"),
        [
            ({"name": " "}, "name"),
            ({"reason": "dispute"}, "reason"),
            ({"end_exclusive": START}, "end_exclusive"),
            ({"end_exclusive": date(2027, 3, 3)}, "end_exclusive"),
            ({"scopes": ["sleep"]}, "scopes"),
            ({"reason": "other", "scopes": ["calls"]}, "note"),
        ],
    )
    def test_what_makes_no_sense_is_refused_field_by_field(self, changes, at_fault):
        borrower("B-1")
        with pytest.raises(HoldRefused) as refusal:
            prepare(Choice(country="CN"), **changes)
        assert set(refusal.value.fields) == {at_fault}


class TestPlacing:
    def test_two_people_place_what_the_matrix_says_on_exactly_those_chosen(self):
        first, second = borrower("B-1"), borrower("B-2")
        bulk_id = prepare(Choice(country="CN"), scopes=["aging"])
        late = borrower("B-3")

        outcome = place(bulk_id, actor=LEAD)
        assert (outcome.is_lifted, Hold.objects.count()) == (False, 0)
        approvals.approve(approval_id=outcome.approval_id, actor=OTHER)

        assert list(
            Hold.objects.order_by("borrower_id", "id").values_list("borrower_id", "scope", "effect", "period", "reason")
        ) == [
            (row.pk, scope, effect, DateRange(START, END), "disaster")
            for row in (first, second)
            for scope, effect in (("calls", "pause"), ("texts", "help_only"), ("penalty", "stop"), ("aging", "stop"))
        ]
        assert not Hold.objects.filter(borrower=late).exists()
        assert len(set(Hold.objects.values_list("borrower_id", "group_id"))) == 2
        hold = Hold.objects.first()
        assert (hold.set_by, hold.set_by_name, hold.owner_role, hold.planned_end) == (7, "Ada", "team_lead", END)
        bulk = BulkHold.objects.get()
        assert (bulk.state, bulk.placed_by_name, bulk.placed_borrowers, bulk.placed_holds) == ("placed", "Cy", 2, 8)

    def test_leaves_one_entry_in_each_borrowers_history_and_one_event_for_a_batch(self, monkeypatch):
        monkeypatch.setattr("backoffice.customers.services.bulk_holding.BATCH", 2)
        rows = [borrower(f"B-{number}") for number in range(3)]

        place(bulk_id := prepare(Choice(country="CN")))

        entries = AuditEntry.objects.filter(verb="customers.hold.placed").order_by("borrower_id")
        assert [(entry.borrower_id, entry.after["scopes"]) for entry in entries] == [
            (row.pk, ["calls", "texts", "penalty"]) for row in rows
        ]
        assert AuditEntry.objects.filter(verb="customers.bulk_hold.placed").get().after["holds"] == 9
        payloads = OutboxEvent.objects.filter(event="customers.bulk_hold.placed").order_by("id")
        assert [event.payload for event in payloads] == [
            {
                "bulk_id": bulk_id,
                "scopes": ["calls", "penalty", "texts"],
                "first_borrower_id": first,
                "last_borrower_id": last,
            }
            for first, last in ((rows[0].pk, rows[1].pk), (rows[2].pk, rows[2].pk))
        ]

    def test_takes_as_many_statements_for_thirty_as_for_three(self):
        statements = {}
        for count in (3, 30):
            ids = [borrower(f"B-{count}-{number}").external_id for number in range(count)]
            bulk_id = prepare(Choice(external_ids=ids))
            with CaptureQueriesContext(connection) as placing:
                place(bulk_id)
            with CaptureQueriesContext(connection) as lifting:
                lift(bulk_id, date(2026, 3, 20))
            statements[count] = (len(placing), len(lifting))
        assert statements[3] == statements[30]

    def test_leaves_a_hold_that_is_there_as_it_is(self):
        held, free = borrower("B-1"), borrower("B-2")
        place_hold(borrower_id=held.pk, start=START, end_exclusive=END, reason="disaster", actor=LEAD)
        place_hold(borrower_id=free.pk, start=START, reason="dispute", actor=LEAD)

        place(prepare(Choice(country="CN")))

        assert (Hold.objects.filter(borrower=held).count(), Hold.objects.filter(borrower=free).count()) == (3, 7)
        assert BulkHold.objects.get().placed_borrowers == 1

    def test_follows_a_merge_between_asking_and_agreeing(self):
        stays, goes = borrower("B-1"), borrower("B-2")
        bulk_id = prepare(Choice(external_ids=["B-2"]))
        merge(survivor_id=stays.pk, absorbed_id=goes.pk, reason="same person", actor=LEAD)

        place(bulk_id)

        assert set(Hold.objects.values_list("borrower_id", flat=True)) == {stays.pk}

    def test_is_not_asked_for_twice_nor_placed_twice_nor_without_a_reason(self):
        borrower("B-1")
        bulk_id = prepare(Choice(country="CN"))
        with pytest.raises(approvals.ReasonMissing):
            ask_to_place_bulk(bulk_id=bulk_id, reason=" ", consequence="", actor=LEAD)
        outcome = place(bulk_id, actor=LEAD)
        with pytest.raises(IsAskedFor):
            place(bulk_id, actor=LEAD)
        with pytest.raises(IsAskedFor):
            discard_bulk(bulk_id=bulk_id, reason="mistake", actor=LEAD)
        approvals.approve(approval_id=outcome.approval_id, actor=OTHER)
        with pytest.raises(WrongState, match="This bulk hold is in force"):
            place(bulk_id)
        with pytest.raises(BulkHoldNotFound):
            place(404)

    def test_nobody_places_alone_as_the_policy_starts_out(self):
        rows = ApprovalLimit.objects.filter(verb__in=(PLACE_BULK, LIFT_BULK))
        assert set(rows.values_list("role", "alone")) == {
            ("team_lead", False),
            ("compliance", False),
            ("admin", False),
        }

    def test_a_request_of_one_portfolio_is_for_those_who_see_it(self):
        borrower("B-1")
        place(prepare(Choice(country="CN")), actor=LEAD)
        borrower("B-2", portfolio="north")
        place(prepare(Choice(country="CN")), actor=LEAD)
        assert list(Approval.objects.order_by("id").values_list("portfolio", flat=True)) == ["cash", ""]


class TestLifting:
    def test_two_people_end_all_that_still_runs_on_a_day(self):
        first, second = borrower("B-1"), borrower("B-2")
        place(bulk_id := prepare(Choice(country="CN")))
        lifted_alone = Hold.objects.filter(borrower=first).first()
        lift_hold(hold_id=lifted_alone.pk, on=date(2026, 3, 5), reason="not hit", actor=SYSTEM)

        outcome = lift(bulk_id, date(2026, 3, 20), actor=LEAD)
        approvals.approve(approval_id=outcome.approval_id, actor=OTHER)

        assert set(Hold.objects.values_list("borrower_id", "period", "lifted_by_name")) == {
            (first.pk, DateRange(START, date(2026, 3, 5)), "system"),
            (second.pk, DateRange(START, date(2026, 3, 20)), "Cy"),
        }
        bulk = BulkHold.objects.get()
        assert (bulk.state, bulk.lifted_by_name, bulk.lifted_on, bulk.lift_reason) == (
            "lifted",
            "Cy",
            date(2026, 3, 20),
            "waters are gone",
        )
        assert OutboxEvent.objects.filter(event="customers.bulk_hold.lifted").count() == 1

    def test_before_it_began_leaves_nothing_of_it(self):
        borrower("B-1")
        place(bulk_id := prepare(Choice(country="CN")))
        lift(bulk_id, date(2026, 2, 1))
        assert all(hold.period.isempty for hold in Hold.objects.all())

    def test_of_what_was_not_placed_is_refused(self):
        borrower("B-1")
        with pytest.raises(WrongState):
            lift(prepare(Choice(country="CN")), date(2026, 3, 20))


def test_a_prepared_one_may_be_given_up():
    borrower("B-1")
    bulk_id = prepare(Choice(country="CN"))
    discard_bulk(bulk_id=bulk_id, reason="wrong list", actor=LEAD)
    assert BulkHold.objects.get().state == "discarded"
    with pytest.raises(WrongState):
        place(bulk_id)
    assert [may_move(current=BulkState.DISCARDED, to=state) for state in BulkState] == [False] * 4


def test_rows_are_restricted_to_who_sees_all_of_their_borrowers():
    borrower("B-1")
    prepare(Choice(portfolio="cash"))
    borrower("B-2", portfolio="north")
    prepare(Choice(country="CN"))
    seen = {
        names: BulkHold.objects.visible_to(person("team_lead", team__portfolios=list(names))).count()
        for names in [("cash",), ("north",), ("cash", "north"), ()]
    }
    assert seen == {("cash",): 1, ("north",): 0, ("cash", "north"): 2, (): 2}


def test_the_database_refuses_a_bulk_hold_without_borrowers_or_without_an_end():
    common = {"name": "x", "reason": "disaster", "scopes": ["calls"], "portfolios": [], "prepared_by_name": "x"}
    with pytest.raises(IntegrityError, match="bulk_hold_has_borrowers"), transaction.atomic():
        BulkHold.objects.create(start=START, end_exclusive=END, borrower_ids=[], **common)
    with pytest.raises(IntegrityError, match="bulk_hold_ends_after_its_start"), transaction.atomic():
        BulkHold.objects.create(start=START, end_exclusive=START, borrower_ids=[1], **common)
