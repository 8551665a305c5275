"""Keys change while the house keeps working: batch by batch, stopped and started at any point."""

import base64
from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from backoffice.audit.models import AuditEntry
from backoffice.core.actors import SYSTEM
from backoffice.customers.domain.intake import NewContact
from backoffice.customers.fields import text_of
from backoffice.customers.models import BlindIndex, Borrower, ContactPoint
from backoffice.customers.selectors import search
from backoffice.customers.services import add_contact_point, rotate
from tests.customers.factories import CN_IDENTITY, borrower, wang
from tests.staff.factories import person

pytestmark = pytest.mark.django_db


def key(key_id, byte):
    return f"{key_id}:{base64.b64encode(bytes([byte]) * 32).decode()}"


OLD, NEW = key("2025", 1), key("2026", 2)


@pytest.fixture
def keys(settings):
    """Sets the ring of keys, the first one active."""

    def hold(*ring):
        settings.FIELD_KEYS = ",".join(ring)

    hold(OLD)
    return hold


def key_ids():
    sealed = [row.full_name for row in Borrower.objects.exclude(full_name=None)]
    sealed += [point.value for point in ContactPoint.objects.all()]
    return {value.key_id for value in sealed}


def test_everything_is_sealed_anew_and_found_with_the_new_key_alone(keys):
    rows = [wang("B-1"), borrower("B-2", full_name="Ada", phones=("13900000001",))]
    bare = borrower("B-3")
    keys(NEW, OLD)

    progress = list(rotate(actor=SYSTEM))
    keys(NEW)

    assert [(step.done, step.left) for step in progress] == [(2, 0)]
    assert key_ids() == {"2026"}
    fresh = Borrower.objects.get(pk=rows[0].pk)
    assert (text_of(fresh, "full_name"), text_of(fresh, "identity_number")) == ("王小明", CN_IDENTITY)
    assert [row.external_id for row in search(query="13812345678", user=person("agent"))] == ["B-1"]
    assert [row.external_id for row in search(query="王小", user=person("agent"))] == ["B-1"]
    assert Borrower.objects.get(pk=bare.pk).key_id == ""


def test_while_keys_rotate_old_and_new_rows_are_both_found_and_read(keys):
    wang("B-1")
    keys(NEW, OLD)
    wang("B-2")

    assert key_ids() == {"2025", "2026"}
    assert [row.external_id for row in search(query=CN_IDENTITY, user=person("agent"))] == ["B-2", "B-1"]


def test_a_stopped_rotation_goes_on_where_it_was(keys):
    for number in range(5):
        borrower(f"B-{number}", full_name="Ada")
    keys(NEW, OLD)

    stopped = rotate(actor=SYSTEM, batch=2)
    assert (next(stopped).done, Borrower.objects.filter(key_id="2026").count()) == (2, 2)
    stopped.close()

    assert [(step.done, step.left) for step in rotate(actor=SYSTEM, batch=2)] == [(2, 1), (3, 0)]
    assert key_ids() == {"2026"}


def test_a_second_rotation_has_nothing_to_do_and_says_nothing_in_the_trail(keys):
    wang()
    keys(NEW, OLD)
    list(rotate(actor=SYSTEM))

    assert list(rotate(actor=SYSTEM)) == []
    assert AuditEntry.objects.filter(verb="customers.keys.rotated").get().after == {"borrowers": 1}


def test_a_record_written_under_two_keys_is_found_by_the_rotation(keys):
    row = borrower("B-1", full_name="Ada")
    keys(NEW, OLD)
    add_contact_point(
        borrower_id=row.pk, contact=NewContact(kind="phone", value="13900000001"), reason="asked", actor=SYSTEM
    )
    assert Borrower.objects.get().key_id == "*"

    list(rotate(actor=SYSTEM))

    assert key_ids() == {"2026"}


def test_the_indexes_of_the_old_key_are_gone(keys):
    wang()
    before = {bytes(digest) for digest in BlindIndex.objects.values_list("digest", flat=True)}
    keys(NEW, OLD)

    list(rotate(actor=SYSTEM))

    after = {bytes(digest) for digest in BlindIndex.objects.values_list("digest", flat=True)}
    assert before & after == set()
    assert len(before) == len(after)


def test_the_command_tells_its_progress_and_which_key_may_go(keys):
    for number in range(3):
        borrower(f"B-{number}", full_name="Ada")
    keys(NEW, OLD)
    out = StringIO()

    call_command("rotate_field_keys", batch=2, stdout=out)

    assert out.getvalue().splitlines() == [
        "3 borrowers are to be sealed with the key '2026'.",
        "  2 done, 1 left",
        "  3 done, 0 left",
        "Done. These keys may leave FIELD_KEYS now: 2025.",
    ]


def test_the_command_stops_in_words_when_the_old_key_was_taken_away_too_early(keys):
    wang()
    keys(NEW)

    with pytest.raises(CommandError, match="'2025' is not on the ring"):
        call_command("rotate_field_keys", stdout=StringIO())

    assert key_ids() == {"2025"}


def test_with_one_key_there_is_nothing_to_take_away(keys):
    wang()
    out = StringIO()

    call_command("rotate_field_keys", stdout=out)

    assert out.getvalue().splitlines() == ["0 borrowers are to be sealed with the key '2025'.", "Done."]


def test_postal_addresses_are_sealed_anew_too(keys):
    row = borrower("B-1")
    add_contact_point(
        borrower_id=row.pk, contact=NewContact(kind="address", value="1 Long Road"), reason="asked", actor=SYSTEM
    )
    keys(NEW, OLD)

    list(rotate(actor=SYSTEM))

    point = ContactPoint.objects.get()
    assert (point.value.key_id, text_of(point, "value")) == ("2026", "1 Long Road")


def test_rows_say_what_they_are_without_telling_whose(keys):
    row = wang()

    assert str(row) == "B-1"
    assert str(row.contact_points.get(kind="email")) == "w•••@example.org"
    assert str(BlindIndex.objects.filter(borrower=row, kind="email").get()) == f"email of {row.pk}"
