"""docs/processes/personal_data.md, as the people in it live it: search, reveal, correct, merge, undo."""

import pytest
from django.urls import reverse

from backoffice.audit.models import AuditEntry
from backoffice.customers.models import Borrower, Merge
from backoffice.customers.selectors import search
from tests.customers.factories import CN_IDENTITY, borrower, full_width, wang
from tests.staff.factories import logged_in, person

pytestmark = pytest.mark.django_db


def confirm(client, address, **fields):
    """Looks at the panel, then sends what was seen; gives the consequence and the answer."""
    reason = {"reason": "as the caller says"}
    looked = client.post(address, {"look": "1", **reason, **fields}).context["panel"].consequence
    answer = client.post(address, {**reason, "seen": looked.fingerprint if looked else "", "key": "k", **fields})
    return looked, answer


def test_a_call_from_search_to_a_merge_that_was_a_mistake(client):
    agent, senior = person("agent", display_name="Ada"), person("senior_agent", display_name="Bo")
    caller = wang("B-1001")
    brother = borrower("B-1003", full_name="王明", phones=("13812345678", "13900000001"))

    # 1. Any writing finds the borrower, and the answer is masked.
    for words in ("138 1234 5678", "+86 138-1234-5678", "0086 13812345678", full_width("13812345678"), "小明"):
        found = search(query=words, user=agent)
        assert caller.pk in [row.id for row in found], words
        assert "小明" not in repr(found)

    # 2. One look, one entry, and the entry does not hold what was seen.
    logged_in(client, agent)
    page = client.post(
        reverse("console:reveal", args=[caller.pk, "identity_number"]), {"reason": "caller reads back the last digits"}
    )
    assert CN_IDENTITY in page.content.decode()
    assert page.headers["Cache-Control"] == "no-store"
    look = AuditEntry.objects.get(verb="customers.borrower.revealed")
    assert (look.actor_name, look.reason, look.after, look.borrower_id) == (
        "Ada",
        "caller reads back the last digits",
        {"field": "identity_number"},
        caller.pk,
    )

    # 3. A name is put right after its mask was seen, and found from then on.
    looked, answer = confirm(
        client, reverse("customers:correct_name", args=[caller.pk]), family_name="汪", given_name="小明"
    )
    assert [(line.before, line.value) for line in looked.lines] == [("王•••", "汪•••")]
    assert answer.status_code == 303
    assert [row.id for row in search(query="汪小明", user=agent)] == [caller.pk]
    assert search(query="王小明", user=agent) == []

    # 4. The lookalike is folded in by somebody who may.
    assert client.get(reverse("customers:merge", args=[caller.pk])).status_code == 403
    logged_in(client, senior)
    record = client.get(reverse("customers:record", args=[caller.pk]))
    assert [(other.external_id, other.shared) for other in record.context["lookalikes"]] == [("B-1003", ("phone",))]
    before = sorted(brother.contact_points.values_list("pk", "masked"))
    confirm(client, reverse("customers:merge", args=[caller.pk]), other="B-1003")
    assert Borrower.objects.get(pk=brother.pk).merged_into_id == caller.pk
    assert [row.id for row in search(query="13900000001", user=agent)] == [caller.pk]

    # 5. It was the brother: everything goes back.
    confirm(client, reverse("customers:undo_merge", args=[caller.pk, Merge.objects.get().pk]))
    assert sorted(brother.contact_points.values_list("pk", "masked")) == before
    assert [row.id for row in search(query="13900000001", user=agent)] == [brother.pk]
