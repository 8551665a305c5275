"""The pages of packs: the list, a version with its vectors, the faults in the editor, the way to a second person."""

from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from django.utils import translation

from backoffice.audit import approvals
from backoffice.audit.models import Approval
from backoffice.calendars import services as calendars
from backoffice.core.actors import SYSTEM
from backoffice.outreach.models import RulePackVersion
from backoffice.outreach.services import pack_checks, pack_publishing, packs
from tests.console.page import fields_of
from tests.outreach.pack_texts import KENYA, STRICTER, WIDER
from tests.staff.factories import logged_in, person

pytestmark = pytest.mark.django_db

TODAY = date(2026, 5, 4)


@pytest.fixture(autouse=True)
def _day_is_open() -> Iterator[None]:
    calendars.open_first_day(day=TODAY, actor=SYSTEM)
    yield
    translation.activate("en")


@pytest.fixture
def kenya(tmp_path: Path) -> RulePackVersion:
    (tmp_path / "ke.toml").write_text(KENYA)
    packs.load_packs(folder=tmp_path)
    return RulePackVersion.objects.get(pack__code="ke")


def browser(*roles: str, language: str = "en") -> Client:
    client = logged_in(Client(), person(*roles))
    client.cookies["django_language"] = language
    return client


def drafted(text: str = WIDER, *, check: bool = True) -> RulePackVersion:
    maker = person("admin").as_actor()
    version = packs.draft_version(code="ke", content=text, note="longer evenings", actor=maker)
    if check:
        pack_checks.check_version(version_id=version.pk, actor=maker)
        version.refresh_from_db()
    return version


def address(version: RulePackVersion, verb: str = "") -> str:
    return f"/outreach/pack-versions/{version.pk}/{verb}"


def test_the_list_says_which_texts_were_read_and_what_holds(kenya: RulePackVersion) -> None:
    drafted()
    page = browser("agent").get("/outreach/packs/").content.decode()
    assert "Mainland China" in page
    assert "GB/T 45251-2025: cover and contents" in page
    assert "The body of GB/T 45251-2025" in page
    assert "where no other pack names the country" in page
    assert "everywhere, on top of the others" in page
    assert "compliant" not in page.lower()
    assert "checked" in page


def test_a_pack_reads_as_sentences_with_source_and_confidence(kenya: RulePackVersion) -> None:
    page = browser("collector").get("/outreach/packs/us_reg_f/").content.decode()
    assert "From 08:00 to before 21:00 at their place." in page
    assert "At most 7 calls that count about a debt in 7 days." in page
    assert "Nothing for 7 days after a conversation about a debt, whoever began it." in page
    assert "Only with consent given or renewed in the last 60 days." in page
    assert "12 CFR 1006.14(b)(2)(i)(A), (b)(3); comments 14(b)(2)(i)-1 and -3, 14(b)(4)-1" in page
    assert "seven calls on 1 to 7 April: the 8th is free" in page
    assert "not run on this text" in page


def test_a_pack_reads_in_chinese() -> None:
    page = browser("agent", language="zh-hans").get("/outreach/packs/cn/").content.decode()
    assert "对方当地 08:00 至 22:00 之前。" in page
    assert "同一人：每天最多 3 次由我方发起的有效对话。" in page
    assert "当日第四次有效对话超限" in page
    assert "GB/T 45251-2025 正文" in page


def test_a_pack_nobody_knows_is_not_found() -> None:
    assert browser("agent").get("/outreach/packs/xx/").status_code == 404
    assert browser("agent").get("/outreach/pack-versions/999999/").status_code == 404


def test_a_reader_sees_no_verbs(kenya: RulePackVersion) -> None:
    page = browser("agent").get("/outreach/packs/ke/").content.decode()
    for verb in ("Run the vectors", "New version", "Roll back"):
        assert verb not in page
    assert browser("agent").post(address(kenya, "draft/")).status_code == 403


def test_a_new_version_starts_from_the_text_in_force(kenya: RulePackVersion) -> None:
    admin = browser("admin")
    assert "New version" in admin.get("/outreach/packs/ke/").content.decode()
    answer = admin.post(address(kenya, "draft/"))
    draft = RulePackVersion.objects.get(pack__code="ke", number=2)
    assert (answer.status_code, answer.headers["Location"]) == (303, address(draft, "edit/"))
    assert draft.content == KENYA
    assert "Open version 2" in admin.get("/outreach/packs/ke/").content.decode()
    assert admin.post(address(kenya, "draft/")).status_code == 409


def test_running_the_vectors_says_how_many_pass(kenya: RulePackVersion) -> None:
    draft = drafted(STRICTER, check=False)
    admin = browser("admin")
    answer = admin.post(address(draft, "check/"), follow=True)
    page = answer.content.decode()
    assert "1 vectors fail, 2 pass." in page
    assert "1 vector fails: this version cannot be published." in page
    assert page.index("the third attempt") < page.index("too early")
    assert "Submit for approval" not in page


def test_the_editor_names_faults_by_line_and_keeps_what_was_typed(kenya: RulePackVersion) -> None:
    draft = drafted()
    admin = browser("admin")
    faulty = WIDER.replace('from = "08:00"', 'from = "22:00"').replace("limit = 3", "limit = 0")
    answer = admin.post(address(draft, "edit/"), {"content": faulty, "note": "a try"})
    page = answer.content.decode()
    assert answer.status_code == 422
    line = faulty.splitlines().index('from = "22:00"') + 1
    assert f'<td class="money">{line}</td><td>ke.hours</td><td><code>from</code></td>' in page
    assert "inconsistent window: from is not before to" in page
    assert "must be a whole number from 1 to 100000" in page
    assert "limit = 0" in page
    draft.refresh_from_db()
    assert draft.content == WIDER


def test_the_editor_says_what_would_change_while_one_types(kenya: RulePackVersion) -> None:
    draft = drafted()
    answer = browser("admin").post(
        address(draft, "edit/"), {"content": WIDER, "note": "", "look": "1"}, headers={"HX-Request": "true"}
    )
    page = answer.content.decode()
    assert (answer.status_code, "<html" in page) == (200, False)
    assert "ke.hours · hours" in page
    assert "from 08:00 to before 21:00 at their place" in page


def test_the_editor_says_faults_in_chinese(kenya: RulePackVersion) -> None:
    draft = drafted()
    page = (
        browser("admin", language="zh-hans")
        .post(address(draft, "edit/"), {"content": "code = [", "note": "", "look": "1"})
        .content.decode()
    )
    assert "文本不是有效的 TOML" in page


def test_saving_a_draft_asks_for_another_check(kenya: RulePackVersion) -> None:
    draft = drafted()
    answer = browser("admin").post(address(draft, "edit/"), {"content": STRICTER, "note": "two"}, follow=True)
    draft.refresh_from_db()
    assert (draft.state, draft.note) == ("draft", "two")
    assert "The draft is saved." in answer.content.decode()
    assert "not run on this text" in answer.content.decode()


def test_a_text_somebody_else_saved_meanwhile_is_not_overwritten_unseen(kenya: RulePackVersion) -> None:
    draft = drafted()
    client = browser("admin")
    seen = fields_of(client.get(address(draft, "edit/")).content.decode())["seen"]
    client.post(address(draft, "edit/"), {"content": STRICTER, "note": "theirs", "seen": seen})

    answer = client.post(address(draft, "edit/"), {"content": WIDER, "note": "mine", "seen": seen})
    assert answer.status_code == 422
    assert "Somebody else saved this draft" in answer.content.decode()
    draft.refresh_from_db()
    assert draft.note == "theirs"


def test_a_text_of_another_pack_is_refused_in_the_editor(kenya: RulePackVersion) -> None:
    draft = drafted()
    answer = browser("admin").post(
        address(draft, "edit/"), {"content": WIDER.replace('code = "ke"', 'code = "ug"'), "note": ""}
    )
    assert answer.status_code == 422
    assert "The text is of the pack “ug”, not “ke”." in answer.content.decode()


def test_a_published_version_is_not_edited(kenya: RulePackVersion) -> None:
    assert browser("admin").get(address(kenya, "edit/")).status_code == 404


def test_two_people_publish_a_version_from_its_page(kenya: RulePackVersion) -> None:
    draft = drafted()
    admin = browser("admin")
    panel = admin.get(address(draft, "submit/")).content.decode()
    assert "ke.hours · hours" in panel
    assert "No message is planned to leave through 5 May 2026, so none changes." in panel
    seen = panel.split('name="seen" value="')[1].split('"')[0]
    sent = {"effective_from": "2026-05-04", "reason": "asked by the board", "seen": seen, "key": "k"}
    answer = admin.post(address(draft, "submit/"), sent)
    # The day was changed after it was looked at: the panel comes back once with the new sentence.
    seen = answer.content.decode().split('name="seen" value="')[1].split('"')[0]
    assert admin.post(address(draft, "submit/"), sent | {"seen": seen}).status_code == 303
    approval = Approval.objects.get()
    assert "Waits for a second person" in admin.get(address(draft)).content.decode()

    checker = browser("compliance")
    assert "ke.hours · hours" in checker.get(f"/approvals/{approval.pk}/").content.decode()
    approvals.approve(approval_id=approval.pk, actor=person("compliance").as_actor())
    page = admin.get("/outreach/packs/ke/").content.decode()
    assert "version 2" in page
    assert "Roll back" in page


def test_a_submitted_version_is_taken_back_by_who_submitted_it(kenya: RulePackVersion) -> None:
    draft = drafted()
    user = person("admin")
    pack_publishing.submit_version(version_id=draft.pk, effective_from=TODAY, reason="asked for", actor=user.as_actor())
    client = logged_in(Client(), user)
    assert client.get(address(draft, "take-back/")).status_code == 200
    assert client.post(address(draft, "take-back/"), {"reason": "a slip", "key": "k"}).status_code == 303
    draft.refresh_from_db()
    assert draft.state == "draft"


def test_a_draft_is_discarded_with_a_reason(kenya: RulePackVersion) -> None:
    draft = drafted()
    admin = browser("admin")
    panel = admin.get(address(draft, "discard/")).content.decode()
    assert "The draft ends. The rules in force do not change." in panel
    seen = panel.split('name="seen" value="')[1].split('"')[0]
    assert admin.post(address(draft, "discard/"), {"reason": "not wanted", "seen": seen}).status_code == 303
    draft.refresh_from_db()
    assert draft.state == "retired"
    assert admin.get(address(draft, "discard/")).status_code == 404


def test_rolling_back_shows_what_comes_back(kenya: RulePackVersion) -> None:
    draft = drafted()
    maker = person("admin")
    approval = pack_publishing.submit_version(
        version_id=draft.pk, effective_from=TODAY, reason="asked for", actor=maker.as_actor()
    )
    approvals.approve(approval_id=approval.pk, actor=person("compliance").as_actor())
    admin = browser("compliance")
    panel = admin.get(address(draft, "roll-back/")).content.decode()
    assert "Version 1 holds again at once, for messages already queued too." in panel
    assert "ke.hours · hours" in panel
    seen = panel.split('name="seen" value="')[1].split('"')[0]
    answer = admin.post(address(draft, "roll-back/"), {"reason": "too wide", "seen": seen}, follow=True)
    assert "Version 1 holds again." in answer.content.decode()
    kenya.refresh_from_db()
    assert kenya.state == "active"


def test_the_first_version_offers_no_way_back_and_refuses_one(kenya: RulePackVersion) -> None:
    admin = browser("admin")
    assert "Roll back" not in admin.get("/outreach/packs/ke/").content.decode()
    assert "There is no version of ke before this one." in admin.get(address(kenya, "roll-back/")).content.decode()


def test_two_versions_are_compared(kenya: RulePackVersion) -> None:
    draft = drafted()
    page = browser("agent").get(address(kenya) + f"?against={draft.number}").content.decode()
    assert "against version 2" in page


def test_the_list_takes_a_fixed_number_of_queries(kenya: RulePackVersion, django_assert_max_num_queries: Any) -> None:
    client = browser("agent")
    client.get("/outreach/packs/")
    with django_assert_max_num_queries(10):
        client.get("/outreach/packs/")
    drafted()
    with django_assert_max_num_queries(10):
        client.get("/outreach/packs/")
