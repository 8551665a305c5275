"""An agent makes a pay link on the page of a loan, and takes links back."""

import re

import pytest
from django.test import Client

from backoffice.repayment.models import PayLink
from tests.console.book import open_book
from tests.staff.factories import TeamFactory, logged_in, person

pytestmark = pytest.mark.django_db


@pytest.fixture
def agent():
    book = open_book()
    return book, logged_in(Client(), person("agent", team=TeamFactory(portfolios=["north"])))


def test_a_link_is_made_shown_once_and_taken_back(agent):
    book, client = agent
    address = f"/loans/{book.late.pk}/pay-link/"
    assert "Make the link" in client.get(address).content.decode()
    answer = client.post(address, {"days": "3", "reason": "asked by phone", "key": "k"}, follow=True)
    found = re.search(r"https://pay\.example\.org(/pay/[\w.-]+/)", answer.content.decode())
    assert found is not None
    assert found[1] not in client.get(f"/loans/{book.late.pk}/").content.decode()
    link = PayLink.objects.get()
    assert link.loan == book.late
    assert Client().get(found[1]).status_code == 200
    back = f"/loans/{book.late.pk}/pay-links/take-back/"
    answer = client.post(back, {"reason": "wrong person", "key": "k2"}, follow=True)
    assert "1 pay link was taken back." in answer.content.decode()
    assert Client().get(found[1]).status_code == 404
    refused = client.post(back, {"reason": "once more", "key": "k3"})
    assert refused.status_code == 409
    assert "No pay link of this loan is open." in refused.content.decode()


def test_a_closed_loan_and_one_elsewhere_take_no_link(agent):
    book, client = agent
    form = {"days": "3", "reason": "asked by phone", "key": "k"}
    assert client.post(f"/loans/{book.elsewhere.pk}/pay-link/", form).status_code == 404
    assert client.post(f"/loans/{book.closed.pk}/pay-link/", form).status_code == 409
    assert not PayLink.objects.exists()


def test_no_link_is_open_longer_than_a_month(agent):
    book, client = agent
    answer = client.post(f"/loans/{book.late.pk}/pay-link/", {"days": "31", "reason": "asked by phone", "key": "k"})
    assert answer.status_code == 422
