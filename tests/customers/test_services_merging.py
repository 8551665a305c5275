"""Two records of one person become one, and two again exactly as they were."""

from datetime import date

import pytest
from django.db import connection

from backoffice.audit.append_only import forbid_changes
from backoffice.audit.models import AuditEntry, OutboxEvent
from backoffice.core.actors import SYSTEM
from backoffice.customers.models import BlindIndex, Borrower, ContactPoint, Hold, Merge
from backoffice.customers.selectors import borrower_ids_of, borrower_page_facts, merges_of, search
from backoffice.customers.services import OwnedTable, declare, merge, place_hold, preview, undo_merge
from backoffice.customers.services.locking import BorrowerIsMerged
from backoffice.customers.services.merging import (
    MergeCannotBeUndone,
    MergeConflicts,
    MergeNotFound,
    MergeRefused,
)
from tests.audit.side_by_side import Aside
from tests.customers.factories import borrower, wang
from tests.staff.factories import actor, person

LEAD = actor("team_lead", actor_id=8, name="Bo")
WHY = "same identity number on both"


@pytest.fixture(autouse=True)
def parcels(monkeypatch):
    """A table of an app above that belongs to borrowers: parcels stand in for loans."""
    monkeypatch.setattr("backoffice.customers.services.merging._declared", {})
    declare([OwnedTable("test_parcel", "receiver_id", holds_loans=True)])


@pytest.fixture
def parcel_table(db):
    with connection.cursor() as cursor:
        cursor.execute("CREATE TABLE test_parcel (id bigint PRIMARY KEY, receiver_id bigint NOT NULL)")


def send(parcel_id, row):
    with connection.cursor() as cursor:
        cursor.execute("INSERT INTO test_parcel VALUES (%s, %s)", [parcel_id, row.pk])


def parcels_of(row):
    with connection.cursor() as cursor:
        cursor.execute("SELECT id FROM test_parcel WHERE receiver_id = %s ORDER BY id", [row.pk])
        return [parcel for (parcel,) in cursor.fetchall()]


def fold(survivor, absorbed, **changes):
    return merge(**{"survivor_id": survivor.pk, "absorbed_id": absorbed.pk, "reason": WHY, "actor": LEAD} | changes)


def hold(row, **changes):
    return place_hold(
        **{
            "borrower_id": row.pk,
            "scopes": ["calls"],
            "start": date(2026, 3, 1),
            "end_exclusive": date(2026, 4, 1),
            "reason": "illness",
            "actor": SYSTEM,
        }
        | changes
    ).hold_ids


def whole_book():
    """Every row a merge could touch, as it stands."""
    return {
        "borrowers": list(Borrower.objects.order_by("pk").values_list("pk", "merged_into_id", "key_id")),
        "points": list(ContactPoint.objects.order_by("pk").values_list("pk", "borrower_id", "is_primary")),
        "holds": list(Hold.objects.order_by("pk").values_list("pk", "borrower_id", "scope", "period")),
        "digests": sorted(
            (borrower_id, kind, bytes(digest))
            for borrower_id, kind, digest in BlindIndex.objects.values_list("borrower_id", "kind", "digest")
        ),
    }


@pytest.mark.usefixtures("parcel_table")
class TestMerging:
    def test_moves_everything_of_the_absorbed_record_and_keeps_what_moved(self):
        stays = borrower("B-1", phones=("13812345678",))
        goes = borrower("B-2", phones=("13900000001", "13812345678"), emails=("a@example.org",))
        send(1, stays)
        send(2, goes)
        send(3, goes)
        (their_hold,) = hold(goes, scopes=["texts"])
        points = {point.masked: point for point in goes.contact_points.all()}

        merge_id = fold(stays, goes)

        goes.refresh_from_db()
        record = Merge.objects.get(pk=merge_id)
        assert goes.merged_into_id == stays.pk
        assert parcels_of(stays) == [1, 2, 3]
        assert parcels_of(goes) == []
        assert record.moved == {
            "first_choices": [points["+86 •••• 0001"].pk],
            "customers_borrower.merged_into_id": [],
            "customers_contactpoint.borrower_id": [points["+86 •••• 0001"].pk, points["a•••@example.org"].pk],
            "customers_hold.borrower_id": [their_hold],
            "test_parcel.receiver_id": [2, 3],
        }
        assert (record.reason, record.merged_by, record.merged_by_name) == (WHY, 8, "Bo")

    def test_a_contact_point_both_have_stays_behind(self):
        stays, goes = borrower("B-1", phones=("13812345678",)), borrower("B-2", phones=("+86 138 1234 5678",))

        fold(stays, goes)

        assert stays.contact_points.count() == 1
        assert goes.contact_points.count() == 1

    def test_a_first_choice_stays_one_where_the_survivor_has_none(self):
        stays, goes = (
            borrower("B-1", phones=("13812345678",)),
            borrower("B-2", phones=("13900000001",), emails=("a@b.org",)),
        )

        fold(stays, goes)

        primary = stays.contact_points.filter(is_primary=True).order_by("kind").values_list("kind", "masked")
        assert list(primary) == [("email", "a•••@b.org"), ("phone", "+86 •••• 5678")]

    def test_the_survivor_is_found_by_what_was_the_others(self):
        stays, goes, user = borrower("B-1"), wang("B-2"), person("agent")

        fold(stays, goes)

        for query in ("13812345678", "wang@example.org", "B-2", "王小明"):
            assert [row.id for row in search(query=query, user=user)] == [stays.pk], query

    def test_the_page_and_the_history_know_both_records(self):
        stays, goes, user = borrower("B-1"), borrower("B-2"), person("agent")

        merge_id = fold(stays, goes)

        assert borrower_page_facts(borrower_id=stays.pk, user=user).absorbed == ((goes.pk, "B-2"),)
        absorbed = borrower_page_facts(borrower_id=goes.pk, user=user)
        assert (absorbed.merged_into_id, absorbed.merged_into_external_id) == (stays.pk, "B-1")
        assert borrower_ids_of(borrower_id=stays.pk) == [stays.pk, goes.pk]
        assert [row.pk for row in merges_of(borrower_id=stays.pk)] == [merge_id]
        entries = AuditEntry.objects.filter(verb="customers.borrower.merged").order_by("borrower_id")
        assert list(entries.values_list("borrower_id", flat=True)) == [stays.pk, goes.pk]
        assert OutboxEvent.objects.get().payload == {"survivor_id": stays.pk, "absorbed_id": goes.pk}

    def test_says_beforehand_what_it_would_move_and_moves_nothing(self):
        stays, goes = borrower("B-1", phones=("13812345678",)), borrower("B-2", phones=("13812345678", "13900000001"))
        send(2, goes)
        before = whole_book()

        shown = preview(survivor_id=stays.pk, absorbed_id=goes.pk)

        assert shown.rows == {
            "customers_borrower": 0,
            "customers_contactpoint": 2,
            "customers_hold": 0,
            "test_parcel": 1,
        }
        assert shown.known_contact_points == 1
        assert whole_book() == before

    def test_of_a_borrower_with_itself_or_without_a_reason_is_refused(self):
        stays, goes = borrower("B-1"), borrower("B-2")

        with pytest.raises(MergeRefused):
            fold(stays, stays)
        with pytest.raises(MergeRefused) as refusal:
            fold(stays, goes, reason=" ")

        assert set(refusal.value.fields) == {"reason"}

    def test_over_portfolios_is_refused(self):
        with pytest.raises(MergeRefused, match="different portfolios"):
            fold(borrower("B-1"), borrower("B-2", portfolio="other"))

    def test_of_a_record_that_was_merged_already_is_refused_either_way(self):
        first, second, third = borrower("B-1"), borrower("B-2"), borrower("B-3")
        fold(first, second)

        for survivor, absorbed in ((second, third), (third, second)):
            with pytest.raises(BorrowerIsMerged):
                fold(survivor, absorbed)

    def test_of_two_with_a_hold_at_the_same_time_is_refused_and_leaves_everything(self):
        stays, goes = borrower("B-1"), borrower("B-2", phones=("13900000001",))
        send(2, goes)
        hold(stays)
        hold(goes, start=date(2026, 3, 31), end_exclusive=None)
        before = whole_book()

        with pytest.raises(MergeConflicts):
            fold(stays, goes)

        assert whole_book() == before
        assert parcels_of(goes) == [2]

    def test_a_declared_table_that_only_grows_is_a_defect_that_moves_nothing(self):
        stays, goes = borrower("B-1"), borrower("B-2")
        send(2, goes)
        with connection.cursor() as cursor:
            cursor.execute(forbid_changes("test_parcel").sql)

        with pytest.raises(Exception, match="never changed or deleted"):
            fold(stays, goes)


@pytest.mark.usefixtures("parcel_table")
class TestUndoing:
    def test_gives_back_exactly_what_was_taken(self):
        stays = borrower("B-1", phones=("13812345678",))
        goes = wang("B-2")
        hold(goes, scopes=["texts", "debit"])
        send(1, stays)
        send(2, goes)
        before = whole_book()
        merge_id = fold(stays, goes)

        undo_merge(merge_id=merge_id, reason="two brothers", actor=LEAD)

        assert whole_book() == before
        assert (parcels_of(stays), parcels_of(goes)) == ([1], [2])
        record = Merge.objects.get()
        assert (record.undone_by, record.undone_by_name, record.undo_reason) == (8, "Bo", "two brothers")
        assert AuditEntry.objects.filter(verb="customers.borrower.unmerged").count() == 2

    def test_leaves_with_the_survivor_what_came_since(self):
        stays, goes = borrower("B-1"), borrower("B-2")
        send(2, goes)
        merge_id = fold(stays, goes)
        send(3, stays)

        undo_merge(merge_id=merge_id, reason="two brothers", actor=LEAD)

        assert (parcels_of(stays), parcels_of(goes)) == ([3], [2])

    def test_of_a_chain_goes_backwards_only(self):
        first, second, third = borrower("B-1"), borrower("B-2"), borrower("B-3")
        send(3, third)
        before = whole_book()
        third_into_second = fold(second, third)
        second_into_first = fold(first, second)
        assert parcels_of(first) == [3]
        assert set(Borrower.objects.filter(merged_into=first).values_list("pk", flat=True)) == {second.pk, third.pk}

        with pytest.raises(MergeCannotBeUndone):
            undo_merge(merge_id=third_into_second, reason="no", actor=LEAD)
        undo_merge(merge_id=second_into_first, reason="no", actor=LEAD)
        undo_merge(merge_id=third_into_second, reason="no", actor=LEAD)

        assert whole_book() == before
        assert parcels_of(third) == [3]

    def test_is_refused_when_both_would_hold_the_same_thing_and_leaves_everything(self):
        stays, goes = borrower("B-1"), borrower("B-2")
        (theirs,) = hold(goes)
        merge_id = fold(stays, goes)
        # Somebody took the period on the absorbed record behind the product's back.
        Hold.objects.filter(pk=theirs).update(scope="texts")
        Hold.objects.create(
            borrower=goes, scope="texts", period=Hold.objects.get(pk=theirs).period, reason="illness", set_by_name="x"
        )
        before = whole_book()

        with pytest.raises(MergeConflicts):
            undo_merge(merge_id=merge_id, reason="two brothers", actor=LEAD)

        assert whole_book() == before

    def test_twice_or_of_an_unknown_merge_or_without_a_reason_is_refused(self):
        stays, goes = borrower("B-1"), borrower("B-2")
        merge_id = fold(stays, goes)
        with pytest.raises(MergeRefused):
            undo_merge(merge_id=merge_id, reason="", actor=LEAD)
        undo_merge(merge_id=merge_id, reason="no", actor=LEAD)

        with pytest.raises(MergeCannotBeUndone):
            undo_merge(merge_id=merge_id, reason="no", actor=LEAD)
        with pytest.raises(MergeNotFound):
            undo_merge(merge_id=404, reason="no", actor=LEAD)

    def test_only_of_the_borrower_named(self):
        stays, goes = borrower("B-1"), borrower("B-2")
        merge_id = fold(stays, goes)

        with pytest.raises(MergeNotFound):
            undo_merge(merge_id=merge_id, survivor_id=goes.pk, reason="no", actor=LEAD)

    def test_and_merging_again_works(self):
        stays, goes = borrower("B-1"), borrower("B-2")
        undo_merge(merge_id=fold(stays, goes), reason="no", actor=LEAD)

        fold(goes, stays)

        assert Borrower.objects.get(pk=stays.pk).merged_into_id == goes.pk


@pytest.mark.django_db(transaction=True)
def test_merging_two_records_into_each_other_at_once_merges_them_once(monkeypatch):
    monkeypatch.setattr("backoffice.customers.services.merging._declared", {})
    one, other = borrower("B-1"), borrower("B-2")

    def attempt(survivor, absorbed):
        try:
            return fold(survivor, absorbed)
        except BorrowerIsMerged as refusal:
            return refusal.code

    with Aside() as aside:
        first, second = aside.start(lambda: attempt(one, other)), aside.start(lambda: attempt(other, one))
        results = [first.result(), second.result()]

    assert results.count("customers.borrower_is_merged") == 1
    assert Merge.objects.count() == 1
