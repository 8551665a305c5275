"""docs/processes/rule_packs.md, as the people in it live it: a stricter limit fails, is published, is rolled back."""

import json
from datetime import UTC, date, datetime, timedelta

import pytest
from django.urls import reverse

from backoffice.audit.models import Approval
from backoffice.calendars.models import BusinessDay
from backoffice.calendars.services import open_first_day
from backoffice.core.actors import SYSTEM
from backoffice.customers.models import Borrower, ContactPoint
from backoffice.outreach.domain.channels import Channel
from backoffice.outreach.domain.purposes import Purpose
from backoffice.outreach.domain.verdicts import Wanted
from backoffice.outreach.models import RulePackCheck, RulePackMove, RulePackVersion
from backoffice.outreach.selectors.gate import may_contact
from backoffice.outreach.selectors.replay import not_permitted, replayed
from backoffice.outreach.services.gate import log_contact
from tests.outreach.people import phone_of
from tests.staff.factories import logged_in, person

pytestmark = pytest.mark.django_db

MONDAY = date(2026, 3, 9)
RULE = "cn.conversations"


def at(day: date, hour: int) -> datetime:
    """An hour of a day in Shanghai."""
    return datetime(day.year, day.month, day.day, hour, tzinfo=UTC) - timedelta(hours=8)


def call(owner: Borrower, phone: ContactPoint, when: datetime) -> Wanted:
    return Wanted(
        borrower_id=owner.pk,
        channel=Channel.CALL,
        purpose=Purpose.COLLECTION,
        at=when,
        endpoint_id=phone.pk,
        loan_id=1,
    )


def talked(owner: Borrower, phone: ContactPoint, when: datetime) -> None:
    log_contact(
        borrower_id=owner.pk,
        channel=Channel.CALL,
        purpose=Purpose.COLLECTION,
        direction="out",
        at=when,
        actor=SYSTEM,
        code="R-INF",
        endpoint_id=phone.pk,
        loan_ids=[1],
    )


def confirm(client, address, **fields):
    """Looks at the panel, then sends what was seen; gives the consequence and the answer."""
    fields = {"reason": "the board asked for it"} | fields
    looked = client.post(address, {"look": "1", **fields}).context["panel"].consequence
    return looked, client.post(address, {"seen": looked.fingerprint if looked else "", "key": "k", **fields})


def one_conversation_less(text: str, names: list[str]) -> str:
    """The vectors named look back on one contact less: their first."""
    lines, inside, dropped = [], False, False
    for line in text.splitlines():
        if line.startswith("name = "):
            inside, dropped = json.loads(line.removeprefix("name = ")) in names, False
        if inside and not dropped and line.startswith("    {at = "):
            dropped = True
            continue
        lines.append(line)
    return "\n".join(lines)


def test_a_stricter_limit_is_published_by_two_people_and_rolled_back_by_one(client):
    open_first_day(day=MONDAY, actor=SYSTEM)
    officer, admin = person("compliance", display_name="Lin"), person("admin", display_name="Ada")
    owner = Borrower.objects.create(external_id="B-1", source="own", portfolio="cash", country="CN")
    phone = phone_of(owner, zones=("Asia/Shanghai",))

    # 1. A new version with the limit lowered.
    logged_in(client, officer)
    first = RulePackVersion.objects.get(pack__code="cn")
    client.post(reverse("outreach:draft_pack", args=[first.pk]))
    draft = RulePackVersion.objects.get(pack__code="cn", number=2)
    start = first.content.index(f'id = "{RULE}"')
    stricter = first.content[:start] + first.content[start:].replace("limit = 3", "limit = 2", 1)
    edit, page = reverse("outreach:edit_pack", args=[draft.pk]), reverse("outreach:pack_version", args=[draft.pk])
    assert client.post(edit, {"content": stricter, "note": "two a day"}).status_code == 303

    # 2. Three vectors fail, and nothing can be submitted.
    client.post(reverse("outreach:check_pack", args=[draft.pk]))
    check = RulePackCheck.objects.get(version=draft)
    failed = [each["name"] for each in check.results if each["denied_by"] == [RULE]]
    assert (check.passed, check.failed) == (37, 3)
    assert "the third effective conversation of a day is allowed" in failed
    assert "3 vectors fail: this version cannot be published." in client.get(page).content.decode()
    assert client.get(reverse("outreach:submit_pack", args=[draft.pk])).status_code == 404

    # 3. The vectors are told the new limit, and pass.
    lost = [
        "the third effective conversation of a day is allowed",
        "conversations the debtor began do not count",
        "somebody who was not identified is no effective conversation",
    ]
    assert set(lost) < set(failed)
    client.post(edit, {"content": one_conversation_less(stricter, lost), "note": "two a day"})
    client.post(reverse("outreach:check_pack", args=[draft.pk]))
    draft.refresh_from_db()
    check = RulePackCheck.objects.filter(version=draft).last()
    assert (draft.state, check.passed, check.failed) == ("checked", 40, 0)

    # 4. One asks, another approves.
    tuesday = MONDAY + timedelta(days=1)
    looked, answer = confirm(
        client, reverse("outreach:submit_pack", args=[draft.pk]), effective_from=tuesday.isoformat()
    )
    assert looked.grid.rows == ((f"{RULE} · limit", "3", "2"),)
    assert answer.status_code == 303
    request = Approval.objects.get()
    confirm(client, reverse("audit:approve", args=[request.pk]))
    request.refresh_from_db()
    assert request.state == "pending"
    logged_in(client, admin)
    assert f"{RULE} · limit: 3 → 2." in client.get(reverse("audit:approval", args=[request.pk])).content.decode()
    confirm(client, reverse("audit:approve", args=[request.pk]))
    draft.refresh_from_db()
    assert (draft.state, draft.effective_from, draft.approved_by_id) == ("approved", tuesday, admin.pk)
    RulePackVersion.objects.filter(pk=draft.pk).update(approved_at=at(MONDAY, 17))

    # 5. Monday is as it was; on Tuesday two conversations are enough.
    for hour in (9, 11):
        talked(owner, phone, at(MONDAY, hour))
    assert may_contact(wanted=call(owner, phone, at(MONDAY, 15))).is_allowed
    for hour in (9, 11):
        talked(owner, phone, at(tuesday, hour))
    verdict = may_contact(wanted=call(owner, phone, at(tuesday, 15)))
    assert [denial.rule for denial in verdict.denials] == [RULE]
    wednesday = tuesday + timedelta(days=1)
    assert verdict.next_permitted_at == at(wednesday, 8)

    # 6. Rolled back on Wednesday: three again, at once.
    BusinessDay.objects.update(today=wednesday)
    looked, answer = confirm(client, reverse("outreach:roll_back_pack", args=[draft.pk]))
    assert looked.grid.rows == ((f"{RULE} · limit", "2", "3"),)
    assert answer.status_code == 303
    RulePackVersion.objects.filter(pk=draft.pk).update(withdrawn_at=at(wednesday, 8))
    for hour in (9, 11):
        talked(owner, phone, at(wednesday, hour))
    assert may_contact(wanted=call(owner, phone, at(wednesday, 15))).is_allowed
    talked(owner, phone, at(wednesday, 15))
    moves = RulePackMove.objects.filter(version=draft).values_list("to_state", flat=True)
    assert list(moves) == ["draft", "checked", "submitted", "approved", "retired"]

    # 7. Each day is judged by what held then.
    week = {"start": at(MONDAY, 0), "end": at(wednesday, 23)}
    assert not_permitted(**week) == []
    versions = [next(label for label in judged.verdict.packs if label.startswith("cn ")) for judged in replayed(**week)]
    assert versions == ["cn 1", "cn 1", "cn 2", "cn 2", "cn 1", "cn 1", "cn 1"]
