"""The page of rails says which files somebody has to look at, and why."""

from datetime import timedelta

import pytest
from django.conf import settings
from django.test import Client
from django.urls import reverse

from backoffice.calendars import clock
from backoffice.core.words import phrase, written
from backoffice.repayment.models import BankFile, CollectionFile, DebitBatch, Rail
from backoffice.repayment.services.autopay.following_files import trouble_of
from tests.repayment.autopay.debiting import DUE, morning_of, rail, version
from tests.staff.factories import logged_in, person

pytestmark = pytest.mark.django_db


@pytest.fixture
def files() -> Rail:
    morning_of(DUE)
    return rail("sepa", kind="iso20022", scheme="iso20022")


def page(language: str = "en") -> str:
    client = logged_in(Client(), person("team_lead"))
    client.cookies[settings.LANGUAGE_COOKIE_NAME] = language
    answer = client.get(reverse("repayment:rails"))
    assert answer.status_code == 200
    return answer.content.decode()


def bank_file(files: Rail, **fields: object) -> BankFile:
    usual = {"rail": files, "name": "camt.054-1.xml", "kind": "camt.054.001.02", "digest": "", "size": 1}
    return BankFile.objects.create(**(usual | {"received_at": clock.now()} | fields))


def collection_file(files: Rail, state: str, **fields: object) -> CollectionFile:
    now = clock.now()
    batch = fields.pop("batch", None) or DebitBatch.objects.create(
        version=version(), day=DUE, slot="s1", currency="CNY", begins_at=now, ends_at=now + timedelta(hours=1)
    )
    usual = {"rail": files, "batch": batch, "name": f"B-{state}", "content": b"", "digest": "", "count": 2, "total": 5}
    return CollectionFile.objects.create(
        **(usual | {"currency": "CNY", "state": state, "made_at": now - timedelta(hours=1)} | fields)
    )


def test_says_that_every_file_is_as_it_should_be(files: Rail) -> None:
    bank_file(files, state="taken")
    at_the_bank = collection_file(files, "put")
    collection_file(files, "made", made_at=clock.now(), batch=at_the_bank.batch)
    text = page()
    assert "Every bank file of the last 30 days was taken whole" in text
    assert "Every collection file is at its bank" in text


def test_shows_a_refused_file_with_its_line_and_an_entry_our_books_refused(files: Rail) -> None:
    wrong = phrase("the same order stands in it twice")
    bank_file(files, state="refused", reason=str(wrong), line=17, troubles=[trouble_of(wrong)])
    bank_file(
        files, name="camt.054-2.xml", state="taken", counts={"refused": 3},
        troubles=[trouble_of("It was reversed already.", order_no="D1-1-1")],
    )  # fmt: skip
    text = page()
    assert "Line 17: the same order stands in it twice" in text
    assert "D1-1-1: It was reversed already." in text
    assert "and 2 more" in text


@pytest.mark.parametrize(
    ("state", "says"),
    [
        ("made", "It is put again until its slot is over"),
        ("refused", "a breaker is open"),
        ("withdrawn", "The bank never had it"),
        ("unsure", "is not put again"),
    ],
)
def test_shows_a_collection_file_that_is_not_at_the_bank_for_certain(files: Rail, state: str, says: str) -> None:
    collection_file(files, state, said="NoAnswer")
    text = page()
    assert says in text
    assert "NoAnswer" in text


def test_shows_why_files_are_not_taken_in_the_language_of_the_reader(files: Rail) -> None:
    said = phrase("The bank's list of files cannot be read.")
    Rail.objects.filter(pk=files.pk).update(files_trouble=written(said), files_trouble_since=clock.now())
    assert "The bank&#x27;s list of files cannot be read." in page()
    assert "读不到银行的文件清单" in page("zh-hans")
