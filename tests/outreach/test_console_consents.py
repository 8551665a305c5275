"""What borrowers say, written down: each panel shows what the gate will say then, and the list how each word stands."""

from datetime import UTC, date, datetime, timedelta

import pytest
from django.urls import reverse

from backoffice.audit.models import AuditEntry, OutboxEvent
from backoffice.core.actors import SYSTEM
from backoffice.customers.models import Borrower
from backoffice.outreach.domain.channels import Channel
from backoffice.outreach.domain.consents import Standing, Word, standings
from backoffice.outreach.domain.purposes import Purpose
from backoffice.outreach.domain.verdicts import Wanted
from backoffice.outreach.models import ConsentEntry, PreferenceEntry
from backoffice.outreach.selectors.consent_history import consents_of, preferences_of
from backoffice.outreach.selectors.gate import may_contact
from backoffice.outreach.services import consents
from backoffice.staff.permissions import ROLES
from tests.console.book import as_role
from tests.console.page import rows_of, text_of
from tests.outreach.reached import HOUR, NOON, clock_at, reached_borrower, that_pack_alone

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def that_day(monkeypatch):
    that_pack_alone(monkeypatch)
    clock_at(monkeypatch, NOON)


@pytest.fixture
def borrower():
    return reached_borrower()


@pytest.fixture
def agent():
    return as_role("agent")


def look(client, name, *args, **fields):
    data = {"reason": "said so on the phone", "source": "call", **fields}
    return client.post(reverse(f"outreach:{name}", args=args), {"look": "1", **data})


def confirm(client, name, *args, **fields):
    """Sends a panel as a person does: looks, then sends what was seen."""
    looked = look(client, name, *args, **fields).context["panel"].consequence
    data = {"reason": "said so on the phone", "source": "call", **fields}
    return client.post(
        reverse(f"outreach:{name}", args=args), {**data, "seen": looked.fingerprint if looked else "", "key": "k"}
    )


def a_call(borrower, **fields):
    usual = {
        "borrower_id": borrower.pk,
        "channel": Channel.CALL,
        "purpose": Purpose.COLLECTION,
        "at": NOON,
        "endpoint_id": borrower.contact_points.get().pk,
        "actor_scope": "third_party",
    }
    return Wanted(**(usual | fields))


def test_an_opt_out_shows_which_channels_it_closes_and_closes_them(borrower, agent):
    fields = {"channel": "sms", "endpoint_id": ""}
    words = text_of(look(agent, "opt_out", borrower.pk, **fields).content.decode())
    assert "SMS, collection allowed → denied" in words
    assert "call, collection" not in words
    assert not ConsentEntry.objects.exists()
    assert not OutboxEvent.objects.filter(event="outreach.opted_out").exists()

    assert confirm(agent, "opt_out", borrower.pk, **fields).status_code == 303

    entry = ConsentEntry.objects.get()
    assert (entry.kind, entry.channel, entry.evidence, entry.source) == (
        "opt_out",
        "sms",
        "said so on the phone",
        "call",
    )
    assert [d.rule for d in may_contact(wanted=a_call(borrower, channel=Channel.SMS)).denials] == ["core.opt_out"]
    assert AuditEntry.objects.filter(verb="outreach.consent.opt_out", borrower_id=borrower.pk).exists()


def test_what_sells_alone_may_be_opted_out_of(borrower, agent):
    words = text_of(
        look(agent, "opt_out", borrower.pk, channel="", endpoint_id="", is_marketing_only="on").content.decode()
    )
    assert "call, marketing allowed → denied" in words
    assert "call, collection" not in words


def test_taking_an_opt_out_back_opens_what_it_closed(borrower, agent):
    entry_id = consents.opt_out(borrower_id=borrower.pk, source="sms", actor=SYSTEM, at=NOON - HOUR)
    page = agent.get(reverse("outreach:contact", args=[borrower.pk])).content.decode()
    (row,) = rows_of(page, caption="What the borrower said")
    assert row[:3] == ["opt-out", "in force", "every channel"]

    confirm(agent, "take_back_consent", borrower.pk, entry_id)

    back, out = consents_of(borrower_id=borrower.pk, at=NOON)
    assert (back.kind, out.standing) == ("opt_in", Standing.TAKEN_BACK)
    assert may_contact(wanted=a_call(borrower)).is_allowed


def test_a_consent_ends_when_it_is_taken_back_or_its_last_day_is_over(borrower, agent):
    confirm(agent, "give_consent", borrower.pk, channel="call", endpoint_id="", last="2026-04-09")
    (given,) = consents_of(borrower_id=borrower.pk, at=NOON)
    assert (given.kind, given.standing) == ("consent", Standing.IN_FORCE)
    assert given.ends_at == datetime(2026, 4, 10, 4, tzinfo=UTC)  # midnight in New York
    assert consents_of(borrower_id=borrower.pk, at=given.ends_at)[0].standing is Standing.OVER

    confirm(agent, "take_back_consent", borrower.pk, given.id)

    assert [each.standing for each in consents_of(borrower_id=borrower.pk, at=NOON)] == [
        Standing.SAID, Standing.TAKEN_BACK,
    ]  # fmt: skip


def test_a_call_back_is_agreed_by_the_clock_of_the_borrower(borrower, agent):
    fields = {
        "day": "2026-04-09",
        "from_time": "06:30",
        "to_time": "07:30",
        "zone": "America/New_York",
        "endpoint_id": "",
    }
    words = text_of(look(agent, "agree_callback", borrower.pk, **fields).content.decode())
    assert "Agreed time 9 Apr 2026 06:30–07:30 America/New_York" in words

    confirm(agent, "agree_callback", borrower.pk, **fields)

    entry = ConsentEntry.objects.get()
    assert (entry.starts_at, entry.ends_at) == (
        datetime(2026, 4, 9, 10, 30, tzinfo=UTC), datetime(2026, 4, 9, 11, 30, tzinfo=UTC),
    )  # fmt: skip
    assert may_contact(wanted=a_call(borrower, at=entry.starts_at)).is_allowed
    assert not may_contact(wanted=a_call(borrower, at=entry.ends_at)).is_allowed


def test_a_call_back_that_cannot_be_is_refused_at_the_panel(borrower, agent):
    answer = look(
        agent,
        "agree_callback",
        borrower.pk,
        day="2026-04-07",
        from_time="10:00",
        to_time="11:00",
        zone="America/New_York",
        endpoint_id="",
    )
    assert "lies in the past" in answer.content.decode()
    assert not ConsentEntry.objects.exists()


def test_preferred_times_are_kept_and_taken_back(borrower, agent):
    fields = {"kind": "never", "channel": "", "days": ["3"], "from_time": "11:00", "to_time": "00:00"}
    words = text_of(look(agent, "prefer_times", borrower.pk, **fields).content.decode())
    assert "never then Wed 11:00–24:00" in words
    assert "call, collection allowed → denied" in words
    confirm(agent, "prefer_times", borrower.pk, **fields)
    wish = PreferenceEntry.objects.get()
    assert (wish.days, wish.from_minute, wish.to_minute) == ([3], 660, 1440)

    confirm(agent, "end_preference", borrower.pk, wish.pk)

    (shown,) = preferences_of(borrower_id=borrower.pk)
    assert (shown.is_in_force, shown.times) == (False, "Wed 11:00–24:00")
    again = agent.get(reverse("outreach:end_preference", args=[borrower.pk, wish.pk]))
    assert again.status_code == 404


def test_what_merged_records_said_is_the_borrowers_word_too(borrower, agent):
    other = Borrower.objects.create(external_id="BR-TWIN", source="testbook", portfolio="north", country="US")
    entry_id = consents.opt_out(borrower_id=other.pk, source="sms", actor=SYSTEM, at=NOON - HOUR)
    Borrower.objects.filter(pk=other.pk).update(merged_into=borrower)
    (said,) = consents_of(borrower_id=borrower.pk, at=NOON)
    assert (said.id, said.standing) == (entry_id, Standing.IN_FORCE)
    assert agent.get(reverse("outreach:opt_out", args=[other.pk])).status_code == 404
    confirm(agent, "take_back_consent", borrower.pk, entry_id)
    assert may_contact(wanted=a_call(borrower)).is_allowed


@pytest.mark.parametrize("role", ROLES)
def test_only_who_may_writes_down_what_they_said(borrower, role):
    client = as_role(role)
    may = role in {"agent", "senior_agent", "collector", "team_lead", "compliance"}
    page = client.get(reverse("outreach:contact", args=[borrower.pk]))
    assert page.status_code == 200
    for name in ("opt_out", "opt_in", "give_consent", "agree_callback", "prefer_times"):
        address = reverse(f"outreach:{name}", args=[borrower.pk])
        assert (client.get(address).status_code == 200, address in page.content.decode()) == (may, may)


def test_only_a_word_as_wide_takes_another_back():
    soon = NOON + timedelta(days=1)
    words = [
        Word(1, "opt_out", "", None, "", None),
        Word(2, "opt_out", "sms", None, "", None),
        Word(3, "opt_in", "sms", None, "", None),
        Word(4, "consent", "call", 7, "", soon),
        Word(5, "revoked", "call", 8, "", None),
        Word(6, "callback", "call", None, "", NOON),
        Word(7, "consent", "email", None, "", None),
        Word(8, "opt_out", "email", None, "marketing", None),
    ]
    assert standings(words, at=NOON) == {
        1: Standing.IN_FORCE,
        2: Standing.TAKEN_BACK,
        3: Standing.SAID,
        4: Standing.IN_FORCE,
        5: Standing.SAID,
        6: Standing.OVER,
        7: Standing.TAKEN_BACK,
        8: Standing.IN_FORCE,
    }


def test_the_list_and_the_gate_agree_on_what_counts(borrower):
    """Every order of two words: the list says an opt-out counts exactly when the gate denies by it."""
    scopes = [None, Channel.SMS, Channel.CALL]
    for number, (out, back) in enumerate((out, back) for out in scopes for back in scopes):
        row = Borrower.objects.create(external_id=f"W-{number}", source="law", portfolio="north", country="US")
        consents.opt_out(borrower_id=row.pk, channel=out, source="call", actor=SYSTEM, at=NOON - 2 * HOUR)
        consents.opt_in(
            borrower_id=row.pk, channel=back, source="call", evidence="said so", actor=SYSTEM, at=NOON - HOUR
        )
        counts = any(
            each.kind == "opt_out" and each.standing is Standing.IN_FORCE
            for each in consents_of(borrower_id=row.pk, at=NOON)
        )
        denied = [
            any(
                denial.rule == "core.opt_out"
                for denial in may_contact(wanted=a_call(borrower, borrower_id=row.pk, channel=channel)).denials
            )
            for channel in (Channel.SMS, Channel.CALL)
        ]
        assert counts == any(denied), (out, back)


def test_a_day_is_a_day_of_the_borrowers_place(borrower, agent):
    confirm(agent, "give_consent", borrower.pk, channel="email", endpoint_id="", last=date(2026, 4, 8).isoformat())
    assert ConsentEntry.objects.get().ends_at == datetime(2026, 4, 9, 4, tzinfo=UTC)
