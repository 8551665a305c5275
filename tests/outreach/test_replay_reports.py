"""The past judged again as a report: asked for, worked on in batches, read by rule and person, taken away as CSV."""

from datetime import date, timedelta

import pytest
from django.db import DatabaseError, connection, transaction
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from backoffice.audit.models import AuditEntry, OutboxEvent
from backoffice.outreach.models import ReplayFinding, ReplayReport, RulePack, RulePackVersion
from backoffice.outreach.selectors.packs import NoPacksInForce
from backoffice.outreach.selectors.replay_reports import ReplayNotFound
from backoffice.outreach.services import replaying
from backoffice.outreach.tasks import run_replay
from tests.console.book import as_role
from tests.console.page import rows_of, text_of
from tests.outreach.reached import HOUR, NOON, called, clock_at, reached_borrower, that_pack_alone
from tests.outreach.test_services_gate import PACK
from tests.staff.factories import actor

pytestmark = pytest.mark.django_db

EVE = actor("compliance", actor_id=9, name="Eve")
DAY = date(2026, 4, 8)  # midnight of the 9th comes at sixteen UTC where the lender is
HOURS_RULE = "From 08:00 to 21:00 at the borrower&#x27;s place."


@pytest.fixture(autouse=True)
def that_day(monkeypatch):
    that_pack_alone(monkeypatch)
    clock_at(monkeypatch, NOON)


@pytest.fixture
def borrower():
    return reached_borrower()


@pytest.fixture
def broken(borrower):
    """Two calls by night and one by day, all on the eighth in Shanghai."""
    return [called(borrower, "T-NA", NOON - hours * HOUR) for hours in (9, 8, 1)]


def asked(**fields):
    usual = {"first": DAY, "last": DAY, "today": DAY + timedelta(days=1), "reason": "the monthly look", "actor": EVE}
    return replaying.ask_replay(**(usual | fields))


def test_a_report_is_asked_for_with_a_trace_and_an_event(broken):
    report_id = asked()
    report = ReplayReport.objects.get(pk=report_id)
    assert (report.state, report.contacts, report.actor_name) == ("waiting", 3, "Eve")
    assert AuditEntry.objects.get(verb="outreach.replay.asked").reason == "the monthly look"
    assert OutboxEvent.objects.get(event="outreach.replay.asked").payload == {"report_id": report_id}


@pytest.mark.parametrize(
    ("fields", "at_fault"),
    [
        ({"first": DAY + timedelta(days=1)}, "last"),
        ({"last": DAY + timedelta(days=2)}, "last"),
        ({"first": DAY - timedelta(days=400)}, "first"),
        ({"pack_version_id": 0}, "pack_version_id"),
    ],
)
def test_a_period_that_cannot_be_judged_is_refused(fields, at_fault):
    with pytest.raises(replaying.ReplayNotAsked) as refused:
        asked(**fields)
    assert set(refused.value.fields) == {at_fault}
    assert not ReplayReport.objects.exists()


def test_lists_every_contact_that_was_not_permitted_with_rule_and_person(broken):
    report_id = asked()

    assert run_replay(report_id=report_id) == 3

    report = ReplayReport.objects.get(pk=report_id)
    assert (report.state, report.judged, report.not_permitted) == ("done", 3, 2)
    found = ReplayFinding.objects.order_by("entry_id")
    assert [(each.entry_id, each.rules, each.actor_name) for each in found] == [
        (broken[0], ["us_reg_f.hours"], "system"),
        (broken[1], ["us_reg_f.hours"], "system"),
    ]
    assert {tuple(each.zones) for each in found} == {("America/New_York",)}


def test_goes_on_where_a_killed_worker_stopped(broken, monkeypatch):
    report_id = asked()
    real = replaying._judge_batch
    calls = []

    def killed(**fields):
        if calls:
            raise SystemExit
        calls.append(1)
        return real(**fields)

    monkeypatch.setattr(replaying, "_judge_batch", killed)
    with pytest.raises(SystemExit):
        replaying.run_replay(report_id=report_id, now=NOON, batch=1)
    monkeypatch.setattr(replaying, "_judge_batch", real)
    assert ReplayReport.objects.get(pk=report_id).judged == 1

    assert replaying.run_replay(report_id=report_id, now=NOON, batch=1) == 2
    assert replaying.run_replay(report_id=report_id, now=NOON, batch=1) == 0
    report = ReplayReport.objects.get(pk=report_id)
    assert (report.state, report.judged, ReplayFinding.objects.count()) == ("done", 3, 2)


def test_a_report_that_cannot_be_made_says_why_and_goes_on_when_it_is_put_right(broken, monkeypatch):
    report_id = asked()

    def none(**fields):
        raise NoPacksInForce("No default pack of contact rules is in force.")

    with monkeypatch.context() as without:
        without.setattr(replaying, "judged_batch", none)
        replaying.run_replay(report_id=report_id, now=NOON)
    report = ReplayReport.objects.get(pk=report_id)
    assert (report.state, report.why_it_failed) == ("failed", "No default pack of contact rules is in force.")

    replaying.go_on_with_replay(report_id=report_id, reason="published it", actor=EVE)
    replaying.run_replay(report_id=report_id, now=NOON)

    assert ReplayReport.objects.get(pk=report_id).state == "done"
    with pytest.raises(replaying.ReplayFinished):
        replaying.go_on_with_replay(report_id=report_id, reason="again", actor=EVE)
    with pytest.raises(ReplayNotFound):
        replaying.go_on_with_replay(report_id=0, reason="again", actor=EVE)


def test_a_report_under_way_is_stopped_keeps_what_was_judged_and_goes_on(broken, monkeypatch):
    report_id = asked()
    real = replaying._judge_batch

    def stopped_after_one(**fields):
        found = real(**fields)
        if found:
            replaying.stop_replay(report_id=report_id, reason="wrong period", actor=EVE, now=NOON)
        return found

    with monkeypatch.context() as meddled:
        meddled.setattr(replaying, "_judge_batch", stopped_after_one)
        replaying.run_replay(report_id=report_id, now=NOON, batch=1)
    report = ReplayReport.objects.get(pk=report_id)
    assert (report.state, report.judged, report.finished_at) == ("stopped", 1, NOON)
    assert report.why_it_failed == "Stopped by Eve: wrong period"
    entry = AuditEntry.objects.get(verb="outreach.replay.stopped")
    assert (entry.reason, entry.after) == ("wrong period", {"judged": 1, "contacts": 3})
    with pytest.raises(replaying.ReplayNotUnderWay):
        replaying.stop_replay(report_id=report_id, reason="again", actor=EVE, now=NOON)

    replaying.go_on_with_replay(report_id=report_id, reason="right after all", actor=EVE)
    replaying.run_replay(report_id=report_id, now=NOON)
    report.refresh_from_db()
    assert (report.state, report.judged, report.fault) == ("done", 3, "")


def test_is_stopped_on_the_screen(broken):
    report_id = asked()
    client = as_role("compliance")
    page, address = reverse("outreach:replay", args=[report_id]), reverse("outreach:stop_replay", args=[report_id])
    assert f'href="{address}"' in client.get(page).content.decode()
    panel = client.get(address)
    assert "What is judged so far stays in the report." in text_of(panel.content.decode())
    seen = panel.context["panel"].consequence.fingerprint
    answer = client.post(address, {"seen": seen, "key": "k", "reason": "wrong period"})
    assert answer.headers["Location"] == page

    text = text_of(client.get(page).content.decode())
    assert ": wrong period Let it go on when it is wanted" in text
    assert f'href="{address}"' not in client.get(page).content.decode()
    refused = client.post(address, {"seen": seen, "key": "k-2", "reason": "wrong period"})
    assert "The report is not being worked on." in refused.content.decode()
    assert as_role("auditor").get(address).status_code == 403


def test_judges_by_a_draft_in_the_place_of_its_pack(broken):
    pack = RulePack.objects.create(code="us_reg_f_draft")
    stricter = PACK.replace('code = "us_reg_f"', 'code = "us_reg_f"').replace('to = "21:00"', 'to = "11:00"')
    draft = RulePackVersion.objects.create(
        pack=pack, number=2, content=stricter, parsed={}, digest="d" * 64, state="draft"
    )
    report_id = asked(pack_version_id=draft.pk)
    run_replay(report_id=report_id)
    assert ReplayReport.objects.get(pk=report_id).not_permitted == 3
    assert {each.packs for each in ReplayFinding.objects.all()} == {"us_reg_f 2"}


def test_a_finding_is_never_changed(broken):
    run_replay(report_id=asked())
    with pytest.raises(DatabaseError), transaction.atomic():
        ReplayFinding.objects.all().delete()


def test_the_page_counts_by_rule_and_lists_the_contacts(broken, borrower):
    report_id = asked()
    run_replay(report_id=report_id)
    client = as_role("compliance")
    html = client.get(reverse("outreach:replay", args=[report_id])).content.decode()
    (rule,) = rows_of(html, caption="Rules that were broken")
    assert (rule[0], rule[3]) == (f"{HOURS_RULE} us_reg_f.hours · Regulation F (us_reg_f 1)", "2")
    rows = rows_of(html, caption="Contacts that were not permitted")
    assert [row[1:7] for row in rows] == [
        [f"8 Apr 2026 {clock} New York (UTC-04:00)", "BR-1", "call", "collection", HOURS_RULE, "system"]
        for clock in ("04:00", "03:00")
    ]
    filtered = client.get(reverse("outreach:replay", args=[report_id]), {"rule": "us_reg_f.seven"}).content.decode()
    assert "Nothing matches" in filtered


def test_the_csv_holds_every_finding_and_no_formula(broken, borrower):
    report_id = asked()
    run_replay(report_id=report_id)
    answer = as_role("auditor").get(reverse("outreach:replay_csv", args=[report_id]))
    lines = b"".join(answer.streaming_content).decode("utf-8-sig").splitlines()
    assert answer.headers["Content-Disposition"] == f'attachment; filename="replay-{report_id}.csv"'
    assert len(lines) == 3
    assert lines[1].split(",")[1:5] == ["BR-1", "call", "collection", "us_reg_f.hours"]
    assert lines[1].endswith(",8 Apr 2026 03:00 New York (UTC-04:00)")


def test_is_asked_for_on_the_screen_and_followed(broken):
    client = as_role("compliance")
    address = reverse("outreach:ask_replay")
    assert client.get(address).status_code == 200
    fields = {"first": "2026-04-08", "last": "2026-04-08", "pack_version_id": "", "reason": "a complaint"}
    looked = client.post(address, {"look": "1", **fields})
    assert "Contacts to judge 3" in text_of(looked.content.decode())
    seen = looked.context["panel"].consequence.fingerprint
    answer = client.post(address, {**fields, "seen": seen, "key": "k"})
    report = ReplayReport.objects.get()
    assert answer.headers["Location"] == reverse("outreach:replay", args=[report.pk])
    following = client.get(reverse("outreach:replay_progress", args=[report.pk]))
    assert 'hx-trigger="every 1s"' in following.content.decode()
    run_replay(report_id=report.pk)
    assert client.get(reverse("outreach:replay_progress", args=[report.pk])).headers["HX-Refresh"] == "true"
    listed = rows_of(client.get(reverse("outreach:replays")).content.decode(), caption="Replay reports")
    assert listed[0][2:6] == ["the packs then in force", "done", "3", "2"]


def test_a_period_in_the_future_is_refused_at_the_panel():
    client = as_role("compliance")
    looked = client.post(
        reverse("outreach:ask_replay"),
        {"look": "1", "first": "2026-04-08", "last": "2026-05-08", "pack_version_id": "", "reason": "why"},
    )
    assert "has not come yet" in looked.content.decode()


def test_only_those_who_watch_may_open_it(broken):
    report_id = asked()
    for role, view, run in (("auditor", 200, 403), ("compliance", 200, 200), ("team_lead", 403, 403)):
        client = as_role(role)
        assert client.get(reverse("outreach:replay", args=[report_id])).status_code == view
        assert client.get(reverse("outreach:ask_replay")).status_code == run


def test_reads_in_a_fixed_number_of_queries(broken, borrower):
    first = asked()
    run_replay(report_id=first)
    for hours in range(10, 14):
        called(borrower, "T-BZ", NOON - hours * HOUR)
    second = asked()
    run_replay(report_id=second)
    client, counts = as_role("compliance"), []
    for report_id in (first, first, second):
        with CaptureQueriesContext(connection) as captured:
            client.get(reverse("outreach:replay", args=[report_id]))
        counts.append(len(captured))
    assert counts[1] == counts[2]
