"""Budgets, the next permitted time, replay, and what stops a contact whatever the packs say."""

from datetime import UTC, date, datetime, timedelta

import pytest
from django.db import DatabaseError, connection, transaction

from backoffice.core.actors import SYSTEM, Actor
from backoffice.core.bulk import fetch
from backoffice.customers.models import Borrower, ContactPoint
from backoffice.customers.services import holding
from backoffice.outreach.domain.channels import Channel
from backoffice.outreach.domain.purposes import Purpose
from backoffice.outreach.domain.verdicts import Reserved, Verdict, Wanted
from backoffice.outreach.models import BlockedContact, ContactEntry
from backoffice.outreach.selectors.chains import broken_chains
from backoffice.outreach.selectors.gate import budgets, judge, may_contact
from backoffice.outreach.selectors.gate_text import reserve_function
from backoffice.outreach.selectors.replay import not_permitted
from backoffice.outreach.services import consents, gate
from tests.outreach.people import phone_of
from tests.outreach.reached import reserved_by
from tests.outreach.test_services_gate import in_force

pytestmark = pytest.mark.django_db

NOON = datetime(2026, 4, 8, 16, tzinfo=UTC)  # twelve in New York, a Wednesday


@pytest.fixture(autouse=True)
def _that_pack_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    together = in_force()
    monkeypatch.setattr("backoffice.outreach.selectors.gate.packs_in_force", lambda *, on: together)
    reserved_by(monkeypatch, together)
    monkeypatch.setattr("backoffice.outreach.selectors.packs.PackHistory.at", lambda _self, *, on, at: together)


@pytest.fixture
def borrower() -> Borrower:
    return Borrower.objects.create(external_id="B-1", source="gate", portfolio="cash", country="US")


@pytest.fixture
def phone(borrower: Borrower) -> ContactPoint:
    return phone_of(borrower, zones=("America/New_York",))


def a_call(borrower: Borrower, phone: ContactPoint | None, **fields: object) -> Wanted:
    usual: dict[str, object] = {
        "borrower_id": borrower.pk,
        "channel": Channel.CALL,
        "purpose": Purpose.COLLECTION,
        "at": NOON,
        "endpoint_id": phone.pk if phone else None,
        "loan_id": 1,
        "actor_scope": "third_party",
    }
    return Wanted(**(usual | fields))  # type: ignore[arg-type]


def rules_of(verdict: Verdict) -> list[str]:
    return [denial.rule for denial in verdict.denials]


def made(wanted: Wanted, code: str) -> int:
    answer = gate.reserve_contact(wanted=wanted, actor=SYSTEM)
    assert isinstance(answer, Reserved)
    gate.record_fact(entry_id=answer.entry_id, code=code, actor=SYSTEM, at=wanted.at)
    return answer.entry_id


def test_says_what_of_a_cap_is_used_and_when_it_comes_back(borrower: Borrower, phone: ContactPoint) -> None:
    made(a_call(borrower, phone, at=NOON - timedelta(days=2)), "T-NA")
    made(a_call(borrower, phone, at=NOON - timedelta(days=1)), "T-NA")

    (seven,) = budgets(wanted=a_call(borrower, phone))

    assert (seven.rule, seven.most, seven.used, seven.left) == ("us_reg_f.seven", 7, 2, 5)
    assert seven.refills_at == datetime(2026, 4, 13, 4, tzinfo=UTC)  # midnight in New York


def test_names_the_next_permitted_minute(borrower: Borrower, phone: ContactPoint) -> None:
    verdict = may_contact(wanted=a_call(borrower, phone, at=NOON + timedelta(hours=10)))

    assert rules_of(verdict) == ["us_reg_f.hours"]
    assert verdict.next_permitted_at == datetime(2026, 4, 9, 12, tzinfo=UTC)  # eight in New York


def test_a_wrong_number_found_out_later_counts_no_more(borrower: Borrower, phone: ContactPoint) -> None:
    entries = [made(a_call(borrower, phone, at=NOON - timedelta(days=6 - day)), "T-NA") for day in range(6)]
    entries.append(made(a_call(borrower, phone, at=NOON), "T-NA"))
    assert rules_of(may_contact(wanted=a_call(borrower, phone))) == ["us_reg_f.seven"]

    gate.record_fact(entry_id=entries[0], code="P-WN", kind="correction", actor=SYSTEM, at=NOON)

    assert may_contact(wanted=a_call(borrower, phone)).is_allowed


def test_a_blocked_call_is_kept_with_its_rules_and_who_wanted_it(borrower: Borrower, phone: ContactPoint) -> None:
    made(a_call(borrower, phone), "R-INF")

    answer = gate.reserve_contact(wanted=a_call(borrower, phone, at=NOON + timedelta(hours=1)), actor=SYSTEM)

    assert isinstance(answer, Verdict)
    blocked = BlockedContact.objects.get()
    assert (blocked.rules, blocked.actor_name) == (["us_reg_f.quiet"], SYSTEM.name)
    assert blocked.next_permitted_at == datetime(2026, 4, 15, 12, tzinfo=UTC)
    assert ContactEntry.objects.filter(kind="attempt").count() == 1


def test_opting_out_stops_the_channel_at_once_and_opting_in_opens_it(borrower: Borrower, phone: ContactPoint) -> None:
    text = a_call(borrower, phone, channel=Channel.SMS, purpose=Purpose.REMINDER)
    consents.opt_out(borrower_id=borrower.pk, channel=Channel.SMS, source="sms", actor=SYSTEM, at=NOON)
    assert rules_of(may_contact(wanted=text)) == ["core.opt_out"]
    assert may_contact(wanted=a_call(borrower, phone)).is_allowed

    consents.opt_in(
        borrower_id=borrower.pk, channel=Channel.SMS, source="call", evidence="asked for it", actor=SYSTEM, at=NOON
    )

    assert may_contact(wanted=text).is_allowed


def test_a_hold_on_calls_stops_calls_until_it_ends(borrower: Borrower, phone: ContactPoint) -> None:
    holding.place_hold(
        borrower_id=borrower.pk,
        scopes=["calls"],
        start=date(2026, 4, 8),
        end_exclusive=date(2026, 4, 20),
        reason="dispute",
        actor=SYSTEM,
    )

    verdict = may_contact(wanted=a_call(borrower, phone))

    assert rules_of(verdict) == ["core.hold.dispute"]
    assert verdict.next_permitted_at == datetime(2026, 4, 20, 12, tzinfo=UTC)


@pytest.mark.parametrize("quality", ["bad", "wrong_person", "do_not_use"])
def test_an_endpoint_that_is_not_theirs_or_does_not_work_is_never_used(
    borrower: Borrower, phone: ContactPoint, quality: str
) -> None:
    ContactPoint.objects.filter(pk=phone.pk).update(quality=quality)

    verdict = may_contact(wanted=a_call(borrower, phone))

    assert (rules_of(verdict), verdict.next_permitted_at) == (["core.endpoint"], None)


def test_nobody_whose_place_is_unknown_is_reached() -> None:
    nowhere = Borrower.objects.create(external_id="B-2", source="gate", portfolio="cash")

    assert "core.place" in rules_of(judge(wanted=[a_call(nowhere, phone_of(nowhere))])[0])


def test_whoever_was_merged_into_a_borrower_counts_as_them(borrower: Borrower, phone: ContactPoint) -> None:
    twin = Borrower.objects.create(external_id="B-3", source="gate", portfolio="cash", country="US")
    made(a_call(twin, phone_of(twin, zones=("America/New_York",))), "R-INF")
    assert may_contact(wanted=a_call(borrower, phone)).is_allowed

    Borrower.objects.filter(pk=twin.pk).update(merged_into=borrower)

    assert rules_of(may_contact(wanted=a_call(borrower, phone))) == ["us_reg_f.quiet"]


def test_replay_finds_what_should_not_have_been_made(borrower: Borrower, phone: ContactPoint) -> None:
    made(a_call(borrower, phone), "R-INF")
    late = gate.log_contact(
        borrower_id=borrower.pk,
        channel=Channel.CALL,
        purpose=Purpose.COLLECTION,
        direction="out",
        at=NOON + timedelta(days=1),
        actor=SYSTEM,
        code="T-NA",
        endpoint_id=phone.pk,
        loan_ids=[1],
        actor_scope="third_party",
    )

    found = not_permitted(start=NOON - timedelta(days=1), end=NOON + timedelta(days=2))

    assert [(judged.entry_id, rules_of(judged.verdict)) for judged in found] == [(late, ["us_reg_f.quiet"])]


def test_the_log_cannot_be_changed_and_a_change_behind_its_back_is_found(
    borrower: Borrower, phone: ContactPoint
) -> None:
    entry_id = made(a_call(borrower, phone), "T-NA")
    with pytest.raises(DatabaseError), transaction.atomic():
        ContactEntry.objects.filter(pk=entry_id).update(purpose="reminder")
    assert broken_chains() == []

    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute("ALTER TABLE outreach_contactentry DISABLE TRIGGER outreach_contactentry_only_grows")
        cursor.execute("UPDATE outreach_contactentry SET code = 'T-BZ' WHERE code = 'T-NA'")

    (broken,) = broken_chains()
    assert (broken.borrower_id, broken.sequence) == (borrower.pk, 2)


def test_people_do_not_set_what_the_machine_sets(borrower: Borrower, phone: ContactPoint) -> None:
    answer = gate.reserve_contact(wanted=a_call(borrower, phone), actor=SYSTEM)
    assert isinstance(answer, Reserved)
    person = Actor(kind="staff", id=1, name="ann", roles=frozenset())

    for code in ("T-NA", "R-NONSENSE"):
        with pytest.raises(gate.UnknownDisposition):
            gate.record_fact(entry_id=answer.entry_id, code=code, actor=person, at=NOON)


def test_the_migrations_make_the_gate_as_its_text_stands_now() -> None:
    name, _text = reserve_function()

    assert fetch("SELECT count(*) FROM pg_proc WHERE proname = %s", [name]) == [(1,)]
