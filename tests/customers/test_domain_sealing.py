"""Sealed values open for the right key and column only, rotate by key id, and never show themselves."""

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backoffice.customers.domain.sealing import HIDDEN, BadKeys, KeyRing, Sealed, Unopenable, ring_of

OLD = KeyRing({"2025": b"\x01" * 32})
NEW = KeyRing({"2026": b"\x02" * 32, "2025": b"\x01" * 32})
ONLY_NEW = KeyRing({"2026": b"\x02" * 32})
COLUMN = "customers_borrower.full_name"


@given(st.text())
def test_what_is_sealed_opens_as_it_was(text):
    assert OLD.open(OLD.seal(text, context=COLUMN), context=COLUMN) == text


def test_the_same_text_never_looks_the_same_twice():
    first, second = OLD.seal("王小明", context=COLUMN), OLD.seal("王小明", context=COLUMN)

    assert first.data != second.data
    assert "王小明".encode() not in first.data


def test_a_value_tells_its_key_and_nothing_else():
    sealed = NEW.seal("Ada", context=COLUMN)

    assert sealed.key_id == "2026"
    assert (str(sealed), f"{sealed}", repr(sealed)) == (HIDDEN, HIDDEN, "Sealed()")


def test_a_new_key_seals_and_the_old_one_still_opens():
    sealed = OLD.seal("Ada", context=COLUMN)

    assert NEW.open(sealed, context=COLUMN) == "Ada"
    assert NEW.ids == ("2026", "2025")


def test_a_value_whose_key_is_gone_does_not_open_and_says_which_key_it_was():
    with pytest.raises(Unopenable, match="'2025' is not on the ring"):
        ONLY_NEW.open(OLD.seal("Ada", context=COLUMN), context=COLUMN)


def test_a_value_moved_to_another_column_does_not_open():
    with pytest.raises(Unopenable, match=r"does not open as customers_borrower\.given_name"):
        OLD.open(OLD.seal("Ada", context=COLUMN), context="customers_borrower.given_name")


def test_a_value_with_any_byte_changed_does_not_open():
    data = OLD.seal("Ada", context=COLUMN).data

    for position in range(len(data)):
        changed = bytearray(data)
        changed[position] ^= 1
        with pytest.raises(Unopenable):
            OLD.open(Sealed(bytes(changed)), context=COLUMN)


def test_a_value_cut_short_anywhere_does_not_open():
    data = OLD.seal("Ada", context=COLUMN).data

    for length in range(len(data)):
        with pytest.raises(Unopenable):
            OLD.open(Sealed(data[:length]), context=COLUMN)


def test_the_key_id_is_part_of_what_is_authenticated():
    same_key_other_name = KeyRing({"2024": b"\x01" * 32})
    data = OLD.seal("Ada", context=COLUMN).data.replace(b"2025", b"2024")

    with pytest.raises(Unopenable):
        same_key_other_name.open(Sealed(data), context=COLUMN)


def test_a_digest_is_the_same_for_the_same_text_and_differs_by_kind_text_and_key():
    digest = OLD.digest("1234", kind="phone_last4")

    assert digest == OLD.digest("1234", kind="phone_last4")
    assert len(digest) == 16
    assert (
        len(
            {
                digest,
                OLD.digest("1235", kind="phone_last4"),
                OLD.digest("1234", kind="identity_last4"),
                ONLY_NEW.digest("1234", kind="phone_last4"),
            }
        )
        == 4
    )


def test_a_search_asks_for_the_digests_of_every_key_on_the_ring():
    assert NEW.digests("x", kind="phone") == [ONLY_NEW.digest("x", kind="phone"), OLD.digest("x", kind="phone")]


def test_kind_and_text_do_not_run_into_each_other():
    assert OLD.digest("b", kind="a") != OLD.digest("", kind="ab")


KEY = base64.b64encode(b"\x03" * 32).decode()


def test_the_first_key_of_the_list_is_the_active_one():
    assert ring_of(f" b:{KEY} , a:{KEY},").ids == ("b", "a")


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "no field key"),
        (KEY, "is written id:base64key"),
        (f":{KEY}", "is written id:base64key"),
        (f"a:{KEY},a:{KEY}", "occurs twice"),
        ("a:!!!", "is not base64"),
        ("a:" + base64.b64encode(b"\x03" * 31).decode(), "has 31 bytes"),
    ],
)
def test_a_list_that_cannot_be_used_says_why_and_never_shows_a_key(text, why):
    with pytest.raises(BadKeys, match=why) as error:
        ring_of(text)

    assert KEY not in str(error.value)


def test_an_empty_sealed_value_is_nothing():
    assert not Sealed(b"")
    assert Sealed(b"x")


def test_a_key_id_that_is_no_text_is_damage():
    data = bytearray(OLD.seal("Ada", context=COLUMN).data)
    data[2] = 0xFF

    with pytest.raises(Unopenable, match="key id is damaged"):
        OLD.open(Sealed(bytes(data)), context=COLUMN)
