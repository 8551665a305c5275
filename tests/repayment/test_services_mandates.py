"""The verbs of mandates: what the rail is told and when, what is dropped, what is refused, who was first."""

from collections.abc import Iterator
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import transaction

from backoffice.audit.models import AuditEntry
from backoffice.core.actors import SYSTEM
from backoffice.core.trail import described
from backoffice.repayment.domain.autopay.mandate_terms import Limits
from backoffice.repayment.models import DebitMove, Mandate, MandateMove, Rail
from backoffice.repayment.services.autopay import mandate_moving, mandate_telling, mandates, registering
from backoffice.repayment.services.autopay.mandate_expiry import expire_mandates
from backoffice.repayment.services.autopay.mandate_moving import MandateInState, MandateNotFound
from backoffice.repayment.services.autopay.rails import http
from backoffice.repayment.services.autopay.registering import MandatesNotReadable, register_mandates
from tests.audit.side_by_side import Aside, Gate
from tests.repayment import autopay_book as book
from tests.repayment.autopay_book import NOON, TODAY
from tests.repayment.factories import ADA, borrower
from tests.repayment.rail_in_a_thread import SECRET, RailInAThread, Say, says

pytestmark = pytest.mark.django_db(transaction=True)
LATER = NOON + timedelta(minutes=5)


@pytest.fixture
def bank(settings: Any) -> Iterator[RailInAThread]:
    """An honest rail, and the secret shared with it."""
    settings.RAIL_SECRETS = {"union-main": SECRET}
    with RailInAThread() as served:
        yield served


@pytest.fixture
def rail(bank: RailInAThread) -> Rail:
    return book.rail(url=bank.url)


@pytest.fixture
def who() -> int:
    return borrower().pk


def sign(who: int, rail: Rail, **fields: Any) -> Mandate:
    given = {"borrower_id": who, "rail_id": rail.pk, "binding": book.binding(), "actor": ADA, "at": NOON} | fields
    return mandates.sign(**given)


def moves_of(mandate: Mandate) -> list[tuple[str, str, str]]:
    rows = MandateMove.objects.filter(mandate=mandate).order_by("pk")
    return list(rows.values_list("from_state", "to_state", "cause"))


# ------------------------------------------------------------------------------------------------------------- signed


def test_signing_writes_the_row_first_and_then_asks_the_rail(who: int, rail: Rail, bank: RailInAThread) -> None:
    seen: list[tuple[str, int]] = []

    def look(heard: Any) -> Say:
        with Aside() as aside:
            seen.extend(aside.run(lambda: list(Mandate.objects.values_list("state", "borrower_id"))))
        return bank.agree(heard)

    bank.answer = look
    signed = sign(who, rail, limits=Limits(single=Decimal(500)), reason="at the counter")

    assert seen == [("signing", who)]
    assert (signed.state, signed.signed_on, signed.priority, signed.tell_at) == ("active", TODAY, 1, None)
    assert bank.agreements[signed.agreement_no]["single_limit"] == "500.00"
    assert moves_of(signed) == [("", "signing", "signing"), ("signing", "active", "activated")]
    entries = AuditEntry.objects.filter(borrower_id=who).order_by("pk").values_list("verb", "reason")
    assert list(entries) == [
        ("repayment.mandate.signing", "at the counter"),
        ("repayment.mandate.activated", ""),
    ]


def test_a_refusal_of_the_rail_ends_the_agreement_and_says_why(who: int, rail: Rail, bank: RailInAThread) -> None:
    bank.answer = lambda heard: says(400, code="61", error="no such account") if heard.said else says(404, known=False)
    binding = book.binding()

    refused = sign(who, rail, binding=binding)

    assert refused.state == "revoked"
    last = MandateMove.objects.filter(mandate=refused).latest("pk")
    assert (last.cause, last.details) == ("refused", {"code": "61", "detail": "no such account"})
    bank.answer = bank.agree
    assert sign(who, rail, binding=binding).state == "active"


@pytest.mark.parametrize("say", [Say(cut=True), says(429), says(500)])
def test_without_an_answer_it_stays_in_signing_and_is_asked_about(
    who: int, rail: Rail, bank: RailInAThread, say: Say
) -> None:
    bank.answer = lambda heard: say
    waiting = sign(who, rail)
    assert (waiting.state, waiting.tell_at) == ("signing", NOON + timedelta(minutes=1))

    bank.answer, bank.heard[:] = bank.agree, []
    assert mandate_telling.tell_those_due(at=NOON) == mandate_telling.Told(asked=0, known=0)
    assert mandate_telling.tell_those_due(at=LATER) == mandate_telling.Told(asked=1, known=1)

    number = waiting.agreement_no
    assert bank.calls() == [f"GET /agreements/{number}", "POST /agreements"]
    assert mandates._as_it_is(waiting).state == "active"


class Killed(BaseException):
    """The process ended here."""


def die(*_any: Any, **_more: Any) -> None:
    raise Killed


def test_killed_between_the_row_and_the_call_it_is_resolved_by_asking(
    who: int, rail: Rail, bank: RailInAThread, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patched:
        patched.setattr(http, "put_agreement", die)
        with pytest.raises(Killed):
            sign(who, rail)
    assert Mandate.objects.get().state == "signing"
    assert bank.heard == []

    mandate_telling.tell_those_due(at=LATER)

    assert Mandate.objects.get().state == "active"
    assert len(bank.agreements) == 1


def test_killed_between_the_answer_and_writing_it_the_agreement_is_not_made_again(
    who: int, rail: Rail, bank: RailInAThread, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patched:
        patched.setattr(mandate_telling, "_settle", die)
        with pytest.raises(Killed):
            sign(who, rail)
    assert (Mandate.objects.get().state, len(bank.agreements)) == ("signing", 1)

    bank.heard.clear()
    mandate_telling.tell_those_due(at=LATER)

    assert bank.calls() == [f"GET /agreements/{Mandate.objects.get().agreement_no}"]
    assert Mandate.objects.get().state == "active"


def test_nothing_leaves_before_the_callers_transaction_is_committed(who: int, rail: Rail, bank: RailInAThread) -> None:
    with transaction.atomic():
        assert sign(who, rail).state == "signing"
        assert bank.heard == []
    assert Mandate.objects.get().state == "active"


def test_nothing_leaves_when_the_callers_transaction_is_rolled_back(who: int, rail: Rail, bank: RailInAThread) -> None:
    with transaction.atomic():
        sign(who, rail)
        transaction.set_rollback(True)
    assert (bank.heard, Mandate.objects.count()) == ([], 0)


def test_without_a_secret_nothing_leaves_and_the_row_waits(who: int, settings: Any) -> None:
    settings.RAIL_SECRETS = {}
    assert sign(who, book.rail()).state == "signing"


def test_an_account_is_bound_once_over_a_rail(who: int, rail: Rail) -> None:
    binding = book.binding()
    first = sign(who, rail, binding=binding)

    with pytest.raises(mandates.AccountBoundAlready, match=first.agreement_no) as refusal:
        sign(who, rail, binding=binding)

    assert refusal.value.next_step
    assert Mandate.objects.count() == 1


@pytest.mark.parametrize(
    ("fields", "at_fault"),
    [
        ({"binding": book.binding(token="6222021234567890")}, {"token"}),
        ({"limits": Limits(single=Decimal(2), day=Decimal(1))}, {"day_limit"}),
        ({"valid_through": TODAY - timedelta(days=1)}, {"valid_through"}),
        ({"rail_id": 0}, {"rail"}),
    ],
)
def test_what_cannot_be_agreed_to_is_refused_with_the_field(
    who: int, rail: Rail, bank: RailInAThread, fields: dict[str, Any], at_fault: set[str]
) -> None:
    with pytest.raises(mandates.MandateRefused) as refusal:
        sign(who, rail, **fields)
    assert set(refusal.value.fields) == at_fault
    assert (Mandate.objects.count(), bank.heard) == (0, [])


def test_a_file_rail_is_not_asked_and_a_person_confirms(who: int, bank: RailInAThread) -> None:
    files = book.rail("iso-main", kind=Rail.Kind.ISO20022, url=bank.url)
    signed = sign(who, files)
    assert (signed.state, signed.tell_at) == ("signing", None)

    day = date(2026, 2, 27)
    done = mandates.confirm(mandate_id=signed.pk, signed_on=day, reason="paper seen", actor=ADA, at=NOON)

    assert (done.state, done.signed_on, bank.heard) == ("active", day, [])
    with pytest.raises(MandateInState):
        mandates.confirm(mandate_id=signed.pk, reason="again", actor=ADA, at=NOON)


def test_confirming_over_an_http_rail_asks_it(who: int, rail: Rail, bank: RailInAThread) -> None:
    bank.answer = lambda heard: says(500)
    waiting = sign(who, rail)
    assert mandates.confirm(mandate_id=waiting.pk, reason="now?", actor=ADA, at=NOON).state == "signing"
    bank.answer = bank.agree
    assert mandates.confirm(mandate_id=waiting.pk, reason="now?", actor=ADA, at=NOON).state == "active"


# ----------------------------------------------------------------------------------------- suspended, resumed, revoked


def test_revoking_drops_what_is_planned_leaves_what_left_and_tells_the_rail(
    who: int, rail: Rail, bank: RailInAThread
) -> None:
    mandate = sign(who, rail)
    planned, left = book.command(mandate), book.command(mandate, state="submitted")

    done = mandates.revoke(mandate_id=mandate.pk, reason="the borrower asked", actor=ADA, at=LATER)

    assert (done.state, done.tell_at) == ("revoked", None)
    assert bank.agreements[mandate.agreement_no]["state"] == "revoked"
    planned.refresh_from_db()
    left.refresh_from_db()
    assert (planned.state, planned.code, left.state) == ("dropped", "no_mandate", "submitted")
    dropped = DebitMove.objects.get()
    assert (dropped.command_id, dropped.from_state, dropped.to_state) == (planned.pk, "planned", "dropped")
    assert (dropped.detail, dropped.actor_name) == ("revoked", "Ada")
    last = MandateMove.objects.filter(mandate=mandate).latest("pk")
    assert (last.reason, last.details, last.actor_name) == ("the borrower asked", {"dropped_debits": 1}, "Ada")


def test_a_revocation_holds_here_while_the_rail_cannot_be_reached(who: int, rail: Rail, bank: RailInAThread) -> None:
    mandate = sign(who, rail)
    bank.answer = lambda heard: says(500)
    assert mandates.revoke(mandate_id=mandate.pk, reason="asked", actor=ADA, at=NOON).state == "revoked"
    assert bank.agreements[mandate.agreement_no]["state"] == "active"

    bank.answer = bank.agree
    mandate_telling.tell_those_due(at=LATER)

    assert bank.agreements[mandate.agreement_no]["state"] == "revoked"
    assert Mandate.objects.get().tell_at is None


def test_two_revoke_at_once_and_one_is_told_so(who: int, rail: Rail) -> None:
    mandate = sign(who, rail)
    gate = Gate()

    def first() -> Mandate:
        with transaction.atomic():
            done = mandates.revoke(mandate_id=mandate.pk, reason="one", actor=ADA, at=NOON)
            gate.wait_here()
        return done

    with Aside() as aside:
        one = aside.start(first)
        gate.wait_for_arrival()
        other = aside.start(lambda: mandates.revoke(mandate_id=mandate.pk, reason="two", actor=ADA, at=NOON))
        gate.open()
        assert one.result(timeout=20).state == "revoked"
        with pytest.raises(MandateInState, match="revoked"):
            other.result(timeout=20)

    assert MandateMove.objects.filter(mandate=mandate, to_state="revoked").count() == 1


def test_revoked_while_the_rail_is_being_asked_it_is_revoked_there_too(
    who: int, rail: Rail, bank: RailInAThread
) -> None:
    def revoked_meanwhile(heard: Any) -> Say:
        bank.answer = bank.agree
        agreed = bank.agree(heard)
        with Aside() as aside:
            mandate = aside.run(lambda: Mandate.objects.get())
            aside.run(lambda: mandates.revoke(mandate_id=mandate.pk, reason="no", actor=ADA, at=NOON))
        return agreed

    bank.answer = revoked_meanwhile
    assert sign(who, rail).state == "revoked"
    mandate_telling.tell_those_due(at=LATER)
    assert {agreement["state"] for agreement in bank.agreements.values()} == {"revoked"}
    assert Mandate.objects.get().tell_at is None


def test_a_suspended_one_is_not_debited_and_may_be_resumed(who: int, rail: Rail) -> None:
    mandate = sign(who, rail)
    planned = book.command(mandate)

    mandates.suspend(mandate_id=mandate.pk, reason="disputed", actor=ADA, at=NOON)
    planned.refresh_from_db()
    assert planned.state == "dropped"
    with pytest.raises(MandateInState, match="suspended"):
        mandates.suspend(mandate_id=mandate.pk, reason="again", actor=ADA, at=NOON)

    assert mandates.resume(mandate_id=mandate.pk, reason="settled", actor=ADA, at=NOON).state == "active"
    with pytest.raises(MandateInState):
        mandates.resume(mandate_id=mandate.pk, reason="again", actor=ADA, at=NOON)


def test_it_is_not_resumed_beside_another_for_the_same_account_or_after_its_last_day(who: int, rail: Rail) -> None:
    binding = book.binding()
    first = sign(who, rail, binding=binding, valid_through=TODAY)
    mandates.suspend(mandate_id=first.pk, reason="disputed", actor=ADA, at=NOON)
    with pytest.raises(mandates.MandateExpired):
        mandates.resume(mandate_id=first.pk, reason="x", actor=ADA, at=NOON + timedelta(days=1))
    sign(who, rail, binding=binding)
    with pytest.raises(mandates.AccountBoundAlready):
        mandates.resume(mandate_id=first.pk, reason="x", actor=ADA, at=NOON)


def test_a_mandate_nobody_has_is_refused() -> None:
    with pytest.raises(MandateNotFound) as refusal:
        mandates.revoke(mandate_id=0, reason="x", actor=ADA, at=NOON)
    assert refusal.value.next_step


# ----------------------------------------------------------------------------------------------------------- bound anew


def test_a_new_agreement_takes_over_with_its_limits_and_its_place(who: int, rail: Rail, bank: RailInAThread) -> None:
    sign(who, rail)
    old = sign(who, rail, limits=Limits(single=Decimal(500)), allows_partial=True)
    planned = book.command(old)

    new = mandates.rebind(mandate_id=old.pk, binding=book.binding(), actor=ADA, at=LATER, reason="new card")

    old.refresh_from_db()
    planned.refresh_from_db()
    assert (new.state, new.priority, new.single_limit, new.allows_partial) == ("active", 2, Decimal(500), True)
    assert (new.replaces_id, old.state, old.tell_at, planned.state) == (old.pk, "replaced", None, "dropped")
    assert bank.agreements[old.agreement_no]["state"] == "revoked"
    assert bank.agreements[new.agreement_no]["state"] == "active"


def test_the_old_one_stays_until_the_new_one_is_in_force(who: int, rail: Rail, bank: RailInAThread) -> None:
    old = sign(who, rail)
    planned = book.command(old)
    bank.answer = lambda heard: says(500)
    new = mandates.rebind(mandate_id=old.pk, binding=book.binding(), actor=ADA, at=NOON)

    old.refresh_from_db()
    planned.refresh_from_db()
    assert (new.state, old.state, planned.state) == ("signing", "active", "planned")
    with pytest.raises(mandates.BoundAnewAlready):
        mandates.rebind(mandate_id=old.pk, binding=book.binding(), actor=ADA, at=NOON)

    # The bank refuses: what was to be taken over may be bound anew.
    bank.answer = lambda heard: says(400, code="61") if heard.said else says(404, known=False)
    mandate_telling.tell_those_due(at=LATER)
    new.refresh_from_db()
    assert (new.state, new.replaces_id) == ("revoked", None)
    bank.answer = bank.agree
    assert mandates.rebind(mandate_id=old.pk, binding=book.binding(), actor=ADA, at=LATER).state == "active"


def test_binding_anew_waits_for_whoever_is_submitting_a_planned_debit(who: int, rail: Rail) -> None:
    old = sign(who, rail)
    planned = book.command(old)
    gate = Gate()

    def submit() -> None:
        with transaction.atomic():
            held = type(planned).objects.select_for_update(of=("self",)).get(pk=planned.pk)
            gate.wait_here()
            held.state, held.lease_until = "submitted", LATER
            held.save()

    with Aside() as aside:
        submitting = aside.start(submit)
        gate.wait_for_arrival()
        binding = book.binding()
        bound = aside.start(lambda: mandates.rebind(mandate_id=old.pk, binding=binding, actor=ADA, at=NOON))
        gate.open()
        submitting.result(timeout=20)
        assert bound.result(timeout=20).state == "active"

    planned.refresh_from_db()
    old.refresh_from_db()
    assert (planned.state, old.state) == ("submitted", "replaced")


def test_another_currency_is_another_agreement(who: int, rail: Rail) -> None:
    old = sign(who, rail)
    with pytest.raises(mandates.MandateRefused) as refusal:
        mandates.rebind(mandate_id=old.pk, binding=book.binding(currency="USD"), actor=ADA, at=NOON)
    assert set(refusal.value.fields) == {"currency"}


# ----------------------------------------------------------------------------------------------------- limits and order


def test_the_rail_is_told_of_new_limits(who: int, rail: Rail, bank: RailInAThread) -> None:
    mandate = sign(who, rail)
    limits = Limits(single=Decimal("500.00"), day=Decimal("800.00"))

    for _twice in range(2):
        mandates.change_limits(
            mandate_id=mandate.pk, limits=limits, allows_partial=True, reason="asked", actor=ADA, at=NOON
        )

    assert bank.agreements[mandate.agreement_no]["day_limit"] == "800.00"
    assert moves_of(mandate)[2:] == [("active", "active", "limits_changed")]
    assert MandateMove.objects.latest("pk").details["to"] == {
        "single": "500",
        "day": "800",
        "month": None,
        "partial": True,
    }


def test_an_agreement_the_rail_ended_is_found_out_when_its_limits_change(
    who: int, rail: Rail, bank: RailInAThread
) -> None:
    mandate = sign(who, rail)
    bank.agreements[mandate.agreement_no]["state"] = "revoked"

    done = mandates.change_limits(
        mandate_id=mandate.pk, limits=Limits(single=Decimal(5)), allows_partial=False, reason="x", actor=ADA, at=NOON
    )

    assert (done.state, moves_of(mandate)[-1]) == ("revoked", ("active", "revoked", "revoked_at_the_rail"))


def test_mandates_are_put_into_an_order(who: int, rail: Rail) -> None:
    first, second, third = (sign(who, rail) for _ in range(3))

    ordered = mandates.reorder(
        borrower_id=who, mandate_ids=[third.pk, second.pk, first.pk], reason="asked", actor=ADA, at=NOON
    )

    assert [(mandate.pk, mandate.priority) for mandate in ordered] == [(third.pk, 1), (second.pk, 2), (first.pk, 3)]
    assert moves_of(second) == [("", "signing", "signing"), ("signing", "active", "activated")]
    assert moves_of(third)[-1] == ("active", "active", "reordered")
    for wrong in ([first.pk], [first.pk, second.pk, second.pk], [first.pk, second.pk, third.pk, 0]):
        with pytest.raises(mandates.OrderNotWhole):
            mandates.reorder(borrower_id=who, mandate_ids=wrong, reason="x", actor=ADA, at=NOON)


# -------------------------------------------------------------------------------------------------------------- expired


def test_the_close_ends_what_was_valid_through_the_day(
    who: int, rail: Rail, bank: RailInAThread, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("backoffice.repayment.services.autopay.mandate_expiry.CHUNK", 2)
    ending = [sign(who, rail, valid_through=TODAY) for _ in range(3)]
    mandates.suspend(mandate_id=ending[0].pk, reason="x", actor=ADA, at=NOON)
    staying = [sign(who, rail, valid_through=TODAY + timedelta(days=1)), sign(who, rail)]
    planned = book.command(ending[1])

    assert expire_mandates(day=TODAY, at=LATER) == 3
    assert expire_mandates(day=TODAY, at=LATER) == 0

    planned.refresh_from_db()
    assert planned.state == "dropped"
    expired = Mandate.objects.filter(state="expired").order_by("pk")
    assert list(expired) == ending
    assert list(Mandate.objects.filter(state="active").order_by("pk")) == staying
    mandate_telling.tell_those_due(at=LATER)
    assert {bank.agreements[mandate.agreement_no]["state"] for mandate in ending} == {"revoked"}


# ----------------------------------------------------------------------------------------------------------- registered


def test_many_come_in_at_once_each_with_its_history_and_none_twice(rail: Rail, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registering, "CHUNK", 4)
    people = [borrower().pk for _ in range(10)]
    rows = [book.row(person, rail.pk, limits=Limits(single=Decimal("9.50"))) for person in people]

    assert register_mandates(rows=rows, source="tape", actor=SYSTEM, at=NOON) == registering.Registered(10, 10)
    assert register_mandates(rows=iter(rows), source="tape", actor=SYSTEM, at=NOON) == registering.Registered(10, 0)

    assert sorted(Mandate.objects.values_list("borrower_id", flat=True)) == sorted(people)
    first = Mandate.objects.get(borrower_id=people[0])
    assert (first.state, first.source, first.single_limit, first.tell_at) == ("active", "tape", Decimal("9.50"), None)
    assert moves_of(first) == [("", "active", "registered")]
    assert MandateMove.objects.count() == 10
    assert AuditEntry.objects.filter(verb="repayment.mandates.registered").count() == 3


def test_a_row_that_cannot_be_a_mandate_brings_nothing_in_and_is_named(who: int, rail: Rail) -> None:
    rows = [book.row(who, rail.pk), book.row(who, rail.pk, binding=book.binding(token="6222021234567890"))]
    with pytest.raises(MandatesNotReadable, match="Row 2 cannot be a mandate: token"):
        register_mandates(rows=rows, source="tape", actor=SYSTEM, at=NOON)
    assert Mandate.objects.count() == 0


def test_every_cause_of_a_move_has_a_word_in_the_trail() -> None:
    causes = (
        "signing",
        "suspended",
        "resumed",
        "revoked",
        "limits_changed",
        "reordered",
        "expired",
        mandate_telling.ACTIVATED,
        mandate_telling.REFUSED,
        mandate_telling.REVOKED_THERE,
        mandate_telling.REPLACED,
        mandate_telling.NOT_ACCEPTED,
    )
    assert [cause for cause in causes if f"{mandate_moving.SUBJECT}.{cause}" not in described()] == []
