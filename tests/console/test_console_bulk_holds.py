"""Holds on many borrowers: choose, read the numbers, ask, agree, lift."""

from datetime import date

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from backoffice.audit.models import Approval, OutboxEvent
from backoffice.core.actors import SYSTEM
from backoffice.customers.models import BulkHold, Hold
from backoffice.customers.services import place_hold
from tests.console.book import as_role
from tests.console.page import fields_of, rows_of, text_of

NEW = "repayment:new_bulk_hold"


def _values(**changes):
    return {
        "name": "Flood of the north",
        "reason": "disaster",
        "start": "2026-11-22",
        "last": "2026-12-21",
        "portfolio": "north",
        "country": "",
        "time_zone": "",
        "source": "",
        "evidence": "notice 12 of the county",
        "note": "",
    } | changes


def _list(text, name="list.csv"):
    return SimpleUploadedFile(name, text if isinstance(text, bytes) else text.encode())


def _prepared(client, **changes):
    response = client.post(reverse(NEW), _values(**changes))
    assert response.status_code == 303, text_of(response.content.decode())
    return BulkHold.objects.get(pk=int(response.url.strip("/").split("/")[-1]))


def _do(client, name, *args, **values):
    address = reverse(name, args=args)
    form = fields_of(client.get(address).content.decode()) | {"reason": "declared by the county"} | values
    looked = client.post(address, form | {"look": "1"}).content.decode()
    return client.post(address, form | fields_of(looked))


def test_shows_whom_it_is_for_in_numbers_before_anything_is_placed(book):
    client = as_role("team_lead", "north")
    place_hold(
        borrower_id=book.closed.borrower_id,
        start=date(2026, 11, 1),
        end_exclusive=date(2026, 12, 1),
        reason="disaster",
        actor=SYSTEM,
    )

    bulk = _prepared(client)

    html = client.get(reverse("repayment:bulk_hold", args=[bulk.pk])).content.decode()
    words = text_of(html)
    assert "Borrowers 2 settled when it was prepared" in words
    assert "Of them overdue 1 today" in words
    assert "Open loans 1 1 overdue" in words
    assert "Have such a hold already 1" in words
    assert "calls pause; texts: help only; penalty stops" in words
    assert Hold.objects.filter(bulk=bulk).count() == 0


def test_two_people_place_it_and_lift_it(book):
    lead, other = as_role("team_lead", "north"), as_role("team_lead", "north")
    bulk = _prepared(lead)
    page = reverse("repayment:bulk_hold", args=[bulk.pk])

    panel = text_of(lead.get(reverse("repayment:place_bulk_hold", args=[bulk.pk])).content.decode())
    assert "Borrowers 2" in panel
    assert "A second person has to agree, and sees these numbers as of then." in panel
    assert _do(lead, "repayment:place_bulk_hold", bulk.pk).status_code == 303
    request = Approval.objects.get()
    assert request.consequence == (
        "2 borrowers, 1 of them overdue: calls pause; texts: help only; penalty stops, from 2026-11-22 until before "
        "2026-12-22. 0 have such a hold already."
    )
    words = text_of(lead.get(page).content.decode())
    assert "waits for a second person" in words
    assert "Place the hold" not in words

    agreed = text_of(other.get(reverse("audit:approve", args=[request.pk])).content.decode())
    assert "2 borrowers, 1 of them overdue" in agreed
    assert _do(other, "audit:approve", request.pk).status_code == 303
    assert Hold.objects.filter(bulk=bulk, lifted_at=None).count() == 6
    assert OutboxEvent.objects.filter(event="customers.bulk_hold.placed").count() == 1
    assert "2 were held" in text_of(lead.get(page).content.decode())

    assert _do(lead, "repayment:lift_bulk_hold", bulk.pk, on="2026-12-01").status_code == 303
    lift = Approval.objects.get(state="pending")
    assert lift.consequence == ("The hold ends on 2026-12-01 instead of 2026-12-22 for 2 borrowers, 1 of them overdue.")
    _do(other, "audit:approve", lift.pk)
    assert set(Hold.objects.values_list("period__endswith", flat=True)) == {date(2026, 12, 1)}
    assert "lifted" in text_of(lead.get(page).content.decode())


def test_a_list_tells_which_ids_were_not_found(book):
    client = as_role("team_lead", "north")
    ids = _list('\ufeffexternal_id,name\r\n"BR-1",x\r\n\r\nBR-9;y\r\n=cmd(),z\r\nBR-2\tother portfolio\r\n')

    bulk = _prepared(client, portfolio="", ids=ids)

    assert bulk.borrower_ids == [book.late.borrower_id]
    words = text_of(client.get(reverse("repayment:bulk_hold", args=[bulk.pk])).content.decode())
    assert "Ids not found 3" in words
    file = client.get(reverse("repayment:bulk_hold_unknown", args=[bulk.pk]))
    assert file.content.decode().split() == ["external_id", "'=cmd()", "BR-2", "BR-9"]


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"portfolio": ""}, "Nothing is chosen: that would be everybody."),
        ({"portfolio": "south"}, "Select a valid choice"),
        ({"country": "XX"}, "No borrower you may see fits this choice."),
        ({"country": "China"}, "Enter a valid value"),
        ({"last": "2026-11-01"}, "The last day lies before the first."),
        ({"last": "2028-11-01"}, "A hold on many borrowers ends within a year."),
        ({"name": ""}, "This field is required."),
        ({"reason": "dispute"}, "Select a valid choice"),
        ({"reason": "other", "scopes": ["calls"]}, "Say what the other reason is."),
        ({"ids": _list("external_id\n")}, "There is no id in the file."),
        ({"ids": _list(b"\xff\xfe\x00")}, "The file is not UTF-8."),
        ({"ids": _list("BR-1\x00")}, "The file holds a zero byte"),
        ({"ids": _list("x" * 200_000)}, "No borrower you may see fits this choice."),
        ({"ids": _list("BR-1\n" * 1_100_000)}, "The file is larger than 5 MiB."),
    ],
)
def test_refuses_what_cannot_be_meant(book, changes, said):
    response = as_role("team_lead", "north").post(reverse(NEW), _values(**changes))
    assert response.status_code == 422
    assert said in text_of(response.content.decode())
    assert not BulkHold.objects.exists()


def test_a_prepared_one_may_be_discarded(book):
    client = as_role("team_lead", "north")
    bulk = _prepared(client)
    assert _do(client, "repayment:discard_bulk_hold", bulk.pk).status_code == 303
    listed = client.get(reverse("repayment:bulk_holds")).content.decode()
    assert [row[:4] for row in rows_of(listed, caption="Holds on many borrowers")] == [
        ["Flood of the north", "disaster", "discarded", "2"]
    ]


def test_is_not_seen_by_a_team_of_another_portfolio_nor_prepared_by_an_agent(book):
    bulk = _prepared(as_role("team_lead", "north"))
    stranger = as_role("team_lead", "south")
    assert stranger.get(reverse("repayment:bulk_hold", args=[bulk.pk])).status_code == 404
    assert rows_of(as_role("agent", "north").get(reverse("repayment:bulk_holds")).content.decode(),
                   caption="Holds on many borrowers")[0][0] == "Flood of the north"  # fmt: skip
    assert as_role("agent", "north").get(reverse(NEW)).status_code == 403


def test_the_page_reads_in_as_many_queries_for_many_as_for_one(book):
    client = as_role("team_lead")
    one, many = _prepared(client, portfolio="south"), _prepared(client, portfolio="north")
    counts = []
    for bulk in (one, many):
        address = reverse("repayment:bulk_hold", args=[bulk.pk])
        client.get(address)
        with CaptureQueriesContext(connection) as queries:
            client.get(address)
        counts.append(len(queries))
    assert counts[0] == counts[1]
