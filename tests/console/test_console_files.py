"""Payments as a list, and files of them from sending to the last refused line."""

from decimal import Decimal

import pytest
from django.conf import settings
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse

from backoffice.audit.models import AuditEntry
from backoffice.core.actors import SYSTEM
from backoffice.repayment.models import Operation, PaymentFile
from backoffice.repayment.selectors.states import OperationId
from backoffice.repayment.services import file_lanes, verbs
from backoffice.repayment.services.payment_files import cancel_file, confirm_file, post_file
from backoffice.repayment.services.posting import Booked
from tests.console.book import as_role
from tests.console.page import fields_of, rows_of, text_of
from tests.staff.factories import actor

HEADER = "loan,amount,currency,value_date\n"


@pytest.fixture(autouse=True)
def _files_of_their_own(settings, tmp_path):
    settings.MEDIA_ROOT = tmp_path


def _send(client, content: str | bytes, *, source: str = "bank", name: str = "payments.csv"):
    raw = content.encode() if isinstance(content, str) else content
    return client.post(reverse("repayment:send_file"), {"file": SimpleUploadedFile(name, raw), "source": source})


def _read(file: PaymentFile) -> PaymentFile:
    return post_file(file_id=file.pk, actor=SYSTEM)


def _posted(file: PaymentFile) -> PaymentFile:
    _read(file)
    confirm_file(file_id=file.pk, actor=actor("team_lead"), reason="as the bank says")
    return post_file(file_id=file.pk, actor=SYSTEM)


def _confirm(client, address: str, **fields: str):
    """Opens the panel and sends it as shown."""
    shown = fields_of(client.get(address).content.decode())
    return client.post(address, {**shown, "reason": "as the bank says", **fields})


def test_posts_a_file_and_shows_the_lines_that_were_refused(book):
    client = as_role("admin")
    response = _send(
        client,
        HEADER + "L-LATE,1100.16,CNY,2026-11-20\nL-NOWHERE,5.00,CNY,2026-11-20\n=L-LATE,-1,CNY,2026-02-31\n",
    )
    file = PaymentFile.objects.get()
    assert (response.status_code, response.url) == (303, reverse("repayment:payment_file", args=[file.pk]))
    file = _posted(file)
    assert (file.state, file.posted_count, file.refused_count) == ("partly", 1, 2)
    assert Operation.objects.get(loan=book.late, value_date="2026-11-20").amount == Decimal("1100.16")
    html = client.get(response.url).content.decode()
    refused = rows_of(html, caption="Refused lines")
    assert [row[:4] for row in refused] == [
        ["3", "L-NOWHERE", "5.00", "2026-11-20"], ["4", "=L-LATE", "-1", "2026-02-31"],
    ]  # fmt: skip
    assert "There is no such loan." in refused[0][4]


def test_gives_the_refused_lines_as_a_file_no_spreadsheet_computes(book):
    client = as_role("admin")
    _send(client, HEADER + "=L-LATE,-1,CNY,2026-02-31\n")
    file = _posted(PaymentFile.objects.get())
    response = client.get(reverse("repayment:refused_lines", args=[file.pk]))
    lines = b"".join(response.streaming_content).decode().splitlines()
    assert response.headers["Content-Disposition"] == f'attachment; filename="refused-{file.pk}.csv"'
    assert lines[0] == "line,loan,amount,value_date,code,reason"
    assert lines[1].startswith("2,'=L-LATE,'-1,2026-02-31,")


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "The submitted file is empty."),
        (b"loan,amount\nL-LATE,5.00\n", "The header is not that of a payment file"),
        (HEADER.encode() + b"L-LATE,\xff\xfe,CNY,2026-11-20\n", "Line 2 is not UTF-8."),
        (HEADER.encode() + b"L-LATE,\x00,CNY,2026-11-20\n", "Line 2 holds a zero byte"),
        (HEADER.encode() + b"L-LATE,1500.00,CNY,2026-11-20\nL-LATE,15", "Line 3, the last one, has no line end"),
        (HEADER.encode().rstrip(), "Line 1, the last one, has no line end"),
        (HEADER.encode() + b"\n \n", "The file has a header and no payments."),
        (HEADER.encode() + b"x" * 2_000_000, "Line 2 has more than 16000 bytes"),
    ],
)
def test_refuses_what_is_no_payment_file_and_keeps_nothing(book, content, said):
    response = _send(as_role("admin"), content)
    assert response.status_code == 422
    assert said in text_of(response.content.decode())
    assert not PaymentFile.objects.exists()


def test_leads_to_the_file_that_was_sent_before(book):
    client = as_role("admin")
    content = HEADER + "L-LATE,1100.16,CNY,2026-11-20\n"
    _send(client, content)
    response = _send(client, content, name="again.csv")
    file = PaymentFile.objects.get()
    assert response.status_code == 422
    assert f'<a href="{reverse("repayment:payment_file", args=[file.pk])}">' in response.content.decode()


def test_refuses_a_source_that_could_not_name_one(book):
    response = _send(as_role("admin"), HEADER + "L-LATE,1.00,CNY,2026-11-20\n", source="a bank!")
    assert response.status_code == 422
    assert 'id="id_source_error"' in response.content.decode()


def test_asks_again_only_while_a_file_is_posted(book):
    client = as_role("admin")
    file = PaymentFile.objects.create(
        name="big.csv", digest="0" * 64, source="bank", state="posting", line_count=10, posted_count=1, refused_count=3
    )
    address = reverse("repayment:payment_file_progress", args=[file.pk])
    running = client.get(address)
    assert f'hx-get="{address}?state=posting"' in running.content.decode()
    assert "HX-Refresh" not in running.headers
    # The cards change with the line of progress: refused lines are not "0" beside it.
    assert "4 / 10" in text_of(running.content.decode())
    assert "Refused 3 correct them" in text_of(running.content.decode())
    assert client.get(address, {"state": "received"}).headers["HX-Refresh"] == "true"
    PaymentFile.objects.update(state="posted", posted_count=10)
    done = client.get(address)
    assert "hx-get" not in done.content.decode()
    assert done.headers["HX-Refresh"] == "true"


def test_shows_a_file_only_to_whoever_sent_it_or_sees_the_whole_book(book):
    sender, other = as_role("team_lead", "north"), as_role("team_lead", "north")
    _send(sender, HEADER + "L-LATE,1.00,CNY,2026-11-20\n")
    address = reverse("repayment:payment_file", args=[PaymentFile.objects.get().pk])
    assert [client.get(address).status_code for client in (sender, other, as_role("auditor"))] == [200, 404, 200]
    assert AuditEntry.objects.filter(verb="repayment.payment_file.received").count() == 1


def test_lists_payments_of_the_persons_portfolios(book):
    address = reverse("repayment:payments")
    caption = "Payments and other operations"
    rows = rows_of(as_role("agent", "north").get(address).content.decode(), caption=caption)
    assert {row[1] for row in rows} == {"L-LATE", "L-CLOSED"}
    narrowed = as_role("agent").get(address, {"kind": "payment", "from": "2026-09-01", "loan": "L-LATE"})
    assert [row[:5] for row in rows_of(narrowed.content.decode(), caption=caption)] == [
        ["18 Sep 2026", "L-LATE", "payment", "¥ 1,100.16", "bank transfer"]
    ]


def test_lists_payments_by_value_date_without_disbursements_and_adds_them_up(book):
    client, address = as_role("agent"), reverse("repayment:payments")
    caption = "Payments and other operations"
    html = client.get(address).content.decode()
    assert [row[:4] for row in rows_of(html, caption=caption)] == [
        ["18 Sep 2026", "L-LATE", "payment", "¥ 1,100.16"],
        ["1 Sep 2026", "L-CLOSED", "payment", "¥ 1,010.00"],
        ["18 Aug 2026", "L-LATE", "payment", "¥ 1,100.16"],
        ["18 Jul 2026", "L-LATE", "payment", "¥ 1,100.16"],
    ]
    assert "Payment × 4 ¥ 4,310.48" in text_of(html)
    assert [
        [row[0] for row in rows_of(client.get(address, {"sort": sort}).content.decode(), caption=caption)]
        for sort in ("value_date", "-business_date")
    ] == [
        ["18 Jul 2026", "18 Aug 2026", "1 Sep 2026", "18 Sep 2026"],
        ["1 Sep 2026", "18 Sep 2026", "18 Aug 2026", "18 Jul 2026"],
    ]
    disbursed = client.get(address, {"kind": "disbursement"}).content.decode()
    assert {row[2] for row in rows_of(disbursed, caption=caption)} == {"disbursed"}
    last = Operation.objects.filter(kind="payment", loan=book.late).latest("value_date")
    assert isinstance(verbs.reverse(operation_id=OperationId(last.pk), reason="wrong loan", actor=SYSTEM), Booked)
    assert "Payment × 3 ¥ 3,210.32" in text_of(client.get(address).content.decode())


def test_shows_in_the_readers_language_why_lines_were_refused(book):
    client = as_role("admin")
    _send(client, HEADER + "L-NOWHERE,5.00,CNY,2026-11-20\nL-CLOSED,5.00,CNY,2026-11-20\n")
    file = _posted(PaymentFile.objects.get())
    client.cookies[settings.LANGUAGE_COOKIE_NAME] = "zh-hans"
    html = client.get(reverse("repayment:payment_file", args=[file.pk])).content.decode()
    reasons = ["没有该贷款。", "贷款 L-CLOSED 已结清：没有欠款。"]
    assert [row[4] for row in rows_of(html, caption="拒收行")] == reasons
    sent = client.get(reverse("repayment:refused_lines", args=[file.pk]))
    lines = b"".join(sent.streaming_content).decode().splitlines()
    assert [line.rpartition(",")[2] for line in lines[1:]] == reasons


def test_books_nothing_before_somebody_has_seen_the_sums_and_confirmed(book):
    client = as_role("admin")
    _send(client, HEADER + "L-LATE,1100.16,CNY,2026-11-20\nL-LATE,20.00,CNY,2026-11-21\nL-LATE,ten,CNY,2026-11-21\n")
    file = _read(PaymentFile.objects.get())
    assert (file.state, file.line_count, file.unreadable_count, file.sums) == ("ready", 3, 1, {"CNY": "1120.16"})
    assert not Operation.objects.filter(payment_file=file).exists()
    page = text_of(client.get(reverse("repayment:payment_file", args=[file.pk])).content.decode())
    assert "¥ 1,120.16 no control totals were given" in page
    address = reverse("repayment:post_file", args=[file.pk])
    panel = text_of(client.get(address).content.decode())
    assert "Payments in all ¥ 1,120.16" in panel
    assert "Lines that cannot be read and are left out 1" in panel
    assert "Post ¥ 1,120.16" in panel
    assert _confirm(client, address, reason="").status_code == 422
    assert _confirm(client, address).status_code == 303
    file = post_file(file_id=file.pk, actor=SYSTEM)
    assert (file.state, file.posted_count, file.posted_sums) == ("partly", 2, {"CNY": "1120.16"})
    assert AuditEntry.objects.get(verb="repayment.payment_file.confirmed").reason == "as the bank says"
    assert _confirm(client, address).status_code == 422


def test_leads_from_a_file_to_its_payments_which_are_those_of_its_sender(book):
    client = as_role("admin")
    _send(client, HEADER + "L-LATE,1100.16,CNY,2026-11-20\n")
    file = _posted(PaymentFile.objects.get())
    own = reverse("repayment:payments") + f"?file={file.pk}"
    html = client.get(reverse("repayment:payment_file", args=[file.pk])).content.decode()
    assert f'<a href="{own}">¥\u00a01,100.16</a>' in html
    listed = client.get(own).content.decode()
    sender = file.uploaded_by.as_actor().name
    rows = rows_of(listed, caption="Payments and other operations")
    assert [(row[0], row[1], row[3], row[8]) for row in rows] == [("20 Nov 2026", "L-LATE", "¥ 1,100.16", sender)]
    assert "Only what came in the file payments.csv" in text_of(listed)
    assert client.get(reverse("repayment:payments"), {"file": "0"}).status_code == 404


@pytest.mark.parametrize(
    ("control", "said"),
    [
        ({"control_count": "3"}, "2 lines instead of 3"),
        ({"control_sums": "CNY 120.16"}, "CNY 1,120.16 instead of 120.16"),
        ({"control_sums": "CNY 1120.16, USD 5"}, "USD 0.00 instead of 5.00"),
    ],
)
def test_refuses_a_file_that_is_not_what_its_sender_says(book, control, said):
    client = as_role("admin")
    content = HEADER + "L-LATE,1100.16,CNY,2026-11-20\nL-LATE,20.00,CNY,2026-11-21\n"
    raw = SimpleUploadedFile("payments.csv", content.encode())
    client.post(reverse("repayment:send_file"), {"file": raw, "source": "bank", **control})
    file = _read(PaymentFile.objects.get())
    assert file.state == "refused"
    assert said in text_of(client.get(reverse("repayment:payment_file", args=[file.pk])).content.decode())
    assert not Operation.objects.filter(payment_file=file).exists()
    assert client.get(reverse("repayment:post_file", args=[file.pk])).status_code == 200
    assert _confirm(client, reverse("repayment:post_file", args=[file.pk])).status_code == 422


def test_reads_a_file_that_is_what_its_sender_says(book):
    raw = SimpleUploadedFile("payments.csv", (HEADER + "L-LATE,1100.16,CNY,2026-11-20\n").encode())
    fields = {"source": "bank", "control_count": "1", "control_sums": "CNY 1100.16"}
    as_role("admin").post(reverse("repayment:send_file"), {"file": raw, **fields})
    assert _read(PaymentFile.objects.get()).state == "ready"


def test_says_how_control_sums_are_written(book):
    raw = SimpleUploadedFile("payments.csv", (HEADER + "L-LATE,1.00,CNY,2026-11-20\n").encode())
    response = as_role("admin").post(
        reverse("repayment:send_file"), {"file": raw, "source": "bank", "control_sums": "1500 yuan"}
    )
    assert response.status_code == 422
    assert "“1500 yuan” is not a currency with its sum." in text_of(response.content.decode())


def test_a_file_of_which_nothing_was_booked_is_refused(book):
    client = as_role("admin")
    _send(client, HEADER + "L-NOWHERE,5.00,CNY,2026-11-20\n")
    file = _posted(PaymentFile.objects.get())
    assert file.state == "refused"
    page = text_of(client.get(reverse("repayment:payment_file", args=[file.pk])).content.decode())
    assert "None of its 1 lines could be posted." in page


def test_cancels_a_file_before_it_is_posted(book):
    client = as_role("admin")
    _send(client, HEADER + "L-LATE,1100.16,CNY,2026-11-20\n")
    file = _read(PaymentFile.objects.get())
    assert _confirm(client, reverse("repayment:cancel_file", args=[file.pk])).status_code == 303
    file = post_file(file_id=file.pk, actor=SYSTEM)
    assert (file.state, file.posted_count) == ("cancelled", 0)
    assert not Operation.objects.filter(payment_file=file).exists()
    assert AuditEntry.objects.filter(verb="repayment.payment_file.cancelled").count() == 1
    assert _send(client, HEADER + "L-LATE,1100.16,CNY,2026-11-20\n").status_code == 303


def test_stops_between_chunks_when_a_file_is_cancelled_while_it_is_posted(book, monkeypatch):
    monkeypatch.setattr(file_lanes, "CHUNK", 1)
    monkeypatch.setattr(file_lanes, "LANES", 1)
    client = as_role("admin")
    lines = "".join(f"L-LATE,10.0{number},CNY,2026-11-20\n" for number in range(4))
    _send(client, HEADER + lines)
    file = _read(PaymentFile.objects.get())
    confirm_file(file_id=file.pk, actor=actor("team_lead"), reason="as the bank says")

    def cancel(now: PaymentFile) -> None:
        if now.posted_count == 2:
            cancel_file(file_id=now.pk, actor=actor("team_lead"), reason="the wrong month")

    file = post_file(file_id=file.pk, actor=SYSTEM, on_chunk=cancel)
    assert (file.state, file.posted_count, file.posted_sums) == ("cancelled", 2, {"CNY": "20.01"})
    assert Operation.objects.filter(payment_file=file).count() == 2
    # Sent again, the rest is posted and nothing twice.
    _send(client, HEADER + lines)
    again = _posted(PaymentFile.objects.exclude(pk=file.pk).get())
    assert (again.state, again.posted_count, again.refused_count, again.posted_sums) == (
        "partly",
        2,
        2,
        {"CNY": "20.05"},
    )
