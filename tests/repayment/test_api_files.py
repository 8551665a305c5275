"""Files of payments over the API: taken in once, posted in the background, refused line by line with reasons."""

from datetime import timedelta

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from backoffice.calendars import clock
from backoffice.repayment.models import Operation, PaymentFile, PaymentFileLine
from backoffice.repayment.tasks import take_up_payment_files
from tests.repayment.api_book import API, caller, caller_for, open_book, open_loan, post
from tests.staff.factories import TeamFactory, person

pytestmark = pytest.mark.django_db

HEADER = "loan,amount,currency,value_date,external_id\n"
LINES = (
    HEADER
    + "L-1,100.00,CNY,2026-04-03,A-1\n"
    + "L-9,100.00,CNY,2026-04-03,A-2\n"
    + "L-1,-5.00,CNY,2026-04-03,A-3\n"
    + "L-1,ten,CNY,2026-04-03,A-4\n"
    + "L-1,1.00,CNY,2026-02-31,A-5\n"
    + "L-1,50.00,CNY,2026-04-03,A-1\n"
)


@pytest.fixture(autouse=True)
def book(settings, tmp_path):
    settings.MEDIA_ROOT = tmp_path
    open_book()
    open_loan()


def send(client, content=LINES, *, name="april.csv", source="bank", key="k-1"):
    file = SimpleUploadedFile(name, content if isinstance(content, bytes) else content.encode(), "text/csv")
    return post(client, "payment-files/", {"file": file, "source": source}, key=key, fmt="multipart")


def test_takes_a_file_and_posts_it_when_the_call_is_committed(django_capture_on_commit_callbacks):
    admin = caller("admin")
    with django_capture_on_commit_callbacks(execute=True):
        answer = send(admin)
    body = answer.json()
    assert (answer.status_code, body["state"], body["line_count"], body["name"]) == (202, "received", 6, "april.csv")
    after = admin.get(f"{API}/payment-files/{body['id']}/").json()
    assert {
        name: after[name] for name in ("state", "line_count", "posted_through", "posted_count", "refused_count")
    } == {
        "state": "partly",
        "line_count": 6,
        "posted_through": 7,
        "posted_count": 1,
        "refused_count": 5,
    }
    lines = admin.get(f"{API}/payment-files/{body['id']}/refused-lines/").json()["results"]
    assert [(line["line"], line["code"], line["amount"]) for line in lines] == [
        (3, "repayment.loan_not_found", "100.00"),
        (4, "repayment.amount_not_positive", "-5.00"),
        (5, "payment_file.amount_unreadable", "ten"),
        (6, "payment_file.date_unreadable", "1.00"),
        (7, "repayment.external_id_in_use", "50.00"),
    ]
    assert Operation.objects.filter(kind="payment").count() == 1


def test_answers_a_repeated_upload_alike(django_capture_on_commit_callbacks):
    admin = caller("admin")
    with django_capture_on_commit_callbacks(execute=True):
        first, second = send(admin), send(admin)
    assert first.json() == second.json()
    assert (PaymentFile.objects.count(), Operation.objects.filter(kind="payment").count()) == (1, 1)


def test_refuses_the_same_content_under_another_key():
    admin = caller("admin")
    send(admin)
    answer = send(admin, name="again.csv", key="k-2")
    assert (answer.status_code, answer.json()["code"]) == (422, "repayment.payment_file_refused")
    assert PaymentFile.objects.count() == 1


@pytest.mark.parametrize(
    ("content", "status", "code"),
    [
        (b"", 422, "repayment.payment_file_refused"),
        (HEADER.encode() + b"L-1,1.00,CNY,\xff\xfe,A\n", 422, "repayment.payment_file_refused"),
        (b"loan;amount\n", 422, "repayment.payment_file_refused"),
        (b"PK\x03\x04\x00\x00", 422, "repayment.payment_file_refused"),
    ],
)
def test_refuses_a_file_it_cannot_read_and_keeps_nothing(content, status, code, tmp_path):
    answer = send(caller("admin"), content)
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert PaymentFile.objects.count() == 0
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


@pytest.mark.parametrize(
    ("body", "fields"),
    [({"source": "bank"}, {"file"}), ({"file": "not a file", "source": "bank"}, {"file"}), ({}, {"file", "source"})],
)
def test_names_what_is_missing(body, fields):
    answer = post(caller("admin"), "payment-files/", body, fmt="multipart")
    assert (answer.status_code, set(answer.json()["fields"])) == (400, fields)


def test_refuses_a_file_that_is_sent_as_json():
    answer = post(caller("admin"), "payment-files/", {"file": "x"})
    assert (answer.status_code, answer.json()["code"]) == (415, "core.unsupported_media_type")


def test_shows_a_team_only_the_files_it_sent():
    own = caller_for(person("team_lead", team=TeamFactory(portfolios=["small"])))
    sent = send(own).json()["id"]
    other = caller("team_lead", portfolios=("small",))
    assert [file["id"] for file in own.get(f"{API}/payment-files/").json()["results"]] == [sent]
    assert other.get(f"{API}/payment-files/").json()["results"] == []
    for page in ("", "refused-lines/"):
        answer = other.get(f"{API}/payment-files/{sent}/{page}")
        assert (answer.status_code, answer.json()["code"]) == (404, "repayment.payment_file_not_found")
    assert [file["id"] for file in caller("auditor").get(f"{API}/payment-files/?state=received").json()["results"]] == [
        sent
    ]


def test_says_in_the_callers_language_why_a_line_was_refused(django_capture_on_commit_callbacks):
    admin = caller("admin")
    with django_capture_on_commit_callbacks(execute=True):
        sent = send(admin).json()
    address = f"{API}/payment-files/{sent['id']}/refused-lines/"
    lines = admin.get(address, HTTP_ACCEPT_LANGUAGE="zh-hans").json()["results"]
    assert [line["reason"] for line in lines] == [
        "没有该贷款。",
        "金额必须大于零。",
        "金额不是小数，例如 1100.16。",
        "起息日不是日历中的日期，例如 2026-01-31。",
        "来自 bank 的 A-1 已作为另一笔入账：2026-04-03，100.00 CNY。",
    ]
    assert (
        admin.get(address).json()["results"][4]["reason"]
        == "A-1 from bank is posted as something else: 100.00 CNY on 2026-04-03."
    )
    assert (
        PaymentFileLine.objects.get(line=7).reason
        == "A-1 from bank is posted as something else: 100.00 CNY on 2026-04-03."
    )


def test_a_line_kept_without_its_words_is_shown_as_it_was_kept(django_capture_on_commit_callbacks):
    admin = caller("admin")
    with django_capture_on_commit_callbacks(execute=True):
        sent = send(admin).json()
    PaymentFileLine.objects.update(reason_words="")
    lines = admin.get(f"{API}/payment-files/{sent['id']}/refused-lines/", HTTP_ACCEPT_LANGUAGE="zh-hans").json()
    assert lines["results"][0]["reason"] == "There is no such loan."


def test_says_in_the_callers_language_what_is_wrong_with_a_header():
    file = SimpleUploadedFile("a.csv", b"loan,amount,sum,\n", "text/csv")
    answer = caller("admin").post(
        f"{API}/payment-files/",
        {"file": file, "source": "bank"},
        format="multipart",
        HTTP_IDEMPOTENCY_KEY="k-1",
        HTTP_ACCEPT_LANGUAGE="zh-hans",
    )
    for words in ("缺少列 currency", "缺少列 value_date", "列 sum 不是已知的列", "有一列没有名称"):
        assert words in answer.json()["detail"]


def test_refuses_what_is_not_the_control_totals_and_books_nothing(django_capture_on_commit_callbacks):
    admin = caller("admin")
    file = SimpleUploadedFile("april.csv", LINES.encode(), "text/csv")
    with django_capture_on_commit_callbacks(execute=True):
        sent = post(admin, "payment-files/", {"file": file, "source": "bank", "control_count": 7}, fmt="multipart")
    after = admin.get(f"{API}/payment-files/{sent.json()['id']}/").json()
    assert (after["state"], after["control_count"], after["sums"]) == ("refused", 7, {"CNY": "245.00"})
    assert after["refusal"] == (
        "The file is not what its sender says it holds: 6 lines instead of 7. Nothing of it is posted."
    )
    assert Operation.objects.filter(kind="payment").count() == 0


def test_refuses_control_sums_it_cannot_read():
    file = SimpleUploadedFile("april.csv", LINES.encode(), "text/csv")
    answer = post(
        caller("admin"), "payment-files/", {"file": file, "source": "bank", "control_sums": "1500"}, fmt="multipart"
    )
    assert (answer.status_code, set(answer.json()["fields"])) == (422, {"control_sums"})


def test_waits_when_told_to_and_is_posted_or_cancelled_by_a_call(django_capture_on_commit_callbacks):
    admin = caller("admin")
    ids = []
    for number in (1, 2):
        content = HEADER + f"L-1,10{number}.00,CNY,2026-04-03,W-{number}\n"
        file = SimpleUploadedFile("april.csv", content.encode(), "text/csv")
        with django_capture_on_commit_callbacks(execute=True):
            body = {"file": file, "source": "bank", "wait": "true"}
            ids.append(post(admin, "payment-files/", body, key=f"s-{number}", fmt="multipart").json()["id"])
    states = [admin.get(f"{API}/payment-files/{file_id}/").json()["state"] for file_id in ids]
    assert states == ["ready", "ready"]
    with django_capture_on_commit_callbacks(execute=True):
        assert post(admin, f"payment-files/{ids[0]}/posting/", {}, key="p-1").status_code == 202
    assert post(admin, f"payment-files/{ids[1]}/cancellation/", {"reason": "wrong month"}, key="c-1").status_code == 200
    after = [admin.get(f"{API}/payment-files/{file_id}/").json() for file_id in ids]
    assert [(file["state"], file["posted_sums"]) for file in after] == [
        ("posted", {"CNY": "101.00"}),
        ("cancelled", {}),
    ]
    late = post(admin, f"payment-files/{ids[0]}/cancellation/", {}, key="c-2")
    assert (late.status_code, late.json()["code"]) == (409, "repayment.payment_file_not_in_state")


def test_takes_up_a_file_whose_reading_was_forgotten():
    sent = send(caller("admin")).json()["id"]
    take_up_payment_files()
    assert PaymentFile.objects.get(pk=sent).state == "received"
    PaymentFile.objects.filter(pk=sent).update(created_at=clock.now() - timedelta(minutes=11))
    take_up_payment_files()
    assert PaymentFile.objects.get(pk=sent).state == "partly"
