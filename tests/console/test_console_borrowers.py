"""Finding a borrower, reading their page, revealing with a reason."""

import re

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from backoffice.audit.models import AuditEntry
from backoffice.core.actors import SYSTEM
from backoffice.customers.domain.intake import NewBorrower, NewContact
from backoffice.customers.models import Borrower
from backoffice.customers.services.registering import register_borrowers
from backoffice.repayment.models import Loan, Operation
from tests.console.book import as_role, open_more
from tests.console.page import rows_of, text_of

PHONE = "+86 138 0013 4471"


@pytest.fixture
def known(book):
    """A borrower with a name and a phone, without a loan."""
    registered = register_borrowers(
        source="testbook",
        rows=[
            NewBorrower(
                external_id="B-KNOWN",
                portfolio="north",
                full_name="Zhang Wei",
                country="CN",
                contacts=(NewContact(kind="phone", value=PHONE, is_primary=True),),
            )
        ],
        actor=SYSTEM,
    )
    return Borrower.objects.get(pk=registered.ids["B-KNOWN"])


def test_goes_to_the_borrower_at_once_when_only_one_fits(known):
    client = as_role("agent", "north")
    home = reverse("console:borrower", args=[known.pk])
    for query in ("138 0013 4471", "4471", "zhang", "B-KNOWN"):
        response = client.post(reverse("console:search"), {"q": query}, follow=True)
        assert (query, response.redirect_chain[-1]) == (query, (home, 303))


def test_keeps_what_was_searched_for_out_of_addresses_and_from_others(book):
    client = as_role("agent")
    response = client.post(reverse("console:search"), {"q": "110101199003074477"})
    address = response.headers["Location"]
    html = client.get(address).content.decode()
    assert (response.status_code, "110101199003074477" in address) == (303, False)
    assert "Nobody fits" in text_of(html)
    assert 'name="q" type="search" value="110101199003074477"' in html
    assert "110101199003074477" not in html.partition('<main class="page"')[2]
    assert 'role="search" action="/search/" method="post"' in html
    elsewhere = as_role("agent").get(address).content.decode()
    assert "110101199003074477" not in elsewhere
    assert "This search cannot be opened again. Type it anew." in text_of(elsewhere)
    assert client.get(reverse("console:search"), {"asked": "junk"}).status_code == 200


def test_goes_to_a_loan_by_its_number(book):
    response = as_role("agent").post(reverse("console:search"), {"q": "l-late"}, follow=True)
    assert response.redirect_chain[-1][0] == reverse("repayment:loan", args=[book.late.pk])


def test_lists_several_with_what_tells_them_apart(book):
    html = as_role("agent").post(reverse("console:search"), {"q": "BR-"}, follow=True).content.decode()
    rows = {row[1]: row for row in rows_of(html, caption="Borrowers found")}
    assert rows["BR-1"][3:7] == ["north", "1", "M2", "¥ 2,208.66"]
    assert rows["BR-3"][4:7] == ["0", "–", "–"]


def test_lists_the_first_twenty_in_order_and_says_that_there_are_more(book):
    client = as_role("agent")
    numbers = [f"BX-{number:02}" for number in range(25, 0, -1)]
    Borrower.objects.bulk_create(Borrower(external_id=each, source="testbook", portfolio="north") for each in numbers)
    html = client.post(reverse("console:search"), {"q": "BX-"}, follow=True).content.decode()
    shown = [row[1] for row in rows_of(html, caption="Borrowers found")]
    assert (len(shown), shown) == (20, sorted(shown))
    assert "More fit than are shown: these are the first 20." in text_of(html)
    few = client.post(reverse("console:search"), {"q": "BX-0"}, follow=True).content.decode()
    assert [row[1] for row in rows_of(few, caption="Borrowers found")] == [f"BX-0{number}" for number in range(1, 10)]
    assert "More fit" not in text_of(few)


def test_shows_the_open_loans_of_a_borrower_before_the_closed_ones(book):
    Loan.objects.filter(pk=book.closed.pk).update(borrower_id=book.late.borrower_id)
    html = as_role("agent").get(reverse("console:borrower", args=[book.late.borrower_id])).content.decode()
    assert [row[0] for row in rows_of(html, caption="Loans of the borrower")] == ["L-LATE", "L-CLOSED"]


def test_names_book_and_portfolio_apart_and_labels_alike(known):
    html = as_role("agent").get(reverse("console:borrower", args=[known.pk])).content.decode()
    panel = text_of(html.partition('<section class="panel" id="identity"')[2].partition("</section>")[0])
    assert "Book testbook Portfolio north" in panel
    assert "Phone first" in panel
    Borrower.objects.filter(pk=known.pk).update(source="north")
    html = as_role("agent").get(reverse("console:borrower", args=[known.pk])).content.decode()
    panel = text_of(html.partition('<section class="panel" id="identity"')[2].partition("</section>")[0])
    assert "Book" not in panel


def test_finds_nobody_of_another_portfolio(book):
    words = text_of(
        as_role("agent", "south").post(reverse("console:search"), {"q": "BR-1"}, follow=True).content.decode()
    )
    assert "Nobody fits" in words


def test_shows_what_the_borrower_owes_today(book):
    html = as_role("agent").get(reverse("console:borrower", args=[book.late.borrower_id])).content.decode()
    words = text_of(html)
    assert "Due today ¥ 2,225.37" in words
    assert "Outstanding principal ¥ 9,197.91" in words
    assert "Worst loan 35 days past due L-LATE" in words
    assert rows_of(html, caption="Loans of the borrower") == [
        [
            "L-LATE", "18 Jun 2026 ¥ 12,000.00", "M2 35 days since 18 Oct 2026", "¥ 2,225.37", "¥ 1,100.16 18 Dec",
            "¥ 9,197.91", "Pay",
        ]
    ]  # fmt: skip


def test_reads_in_a_fixed_number_of_queries(book):
    client, address = as_role("agent"), reverse("console:borrower", args=[book.late.borrower_id])
    client.get(address)
    with CaptureQueriesContext(connection) as few:
        client.get(address)
    open_more(count=5)
    with CaptureQueriesContext(connection) as many:
        html = client.get(address).content.decode()
    assert len(rows_of(html, caption="Loans of the borrower")) == 6
    assert len(many) == len(few)


def test_is_not_found_by_a_team_of_another_portfolio(book):
    response = as_role("agent", "south").get(reverse("console:borrower", args=[book.late.borrower_id]))
    assert response.status_code == 404


def test_shows_personal_data_masked_only(known):
    html = as_role("agent").get(reverse("console:borrower", args=[known.pk])).content.decode()
    assert "Zhang Wei" not in html
    assert re.search(r"0013.?4471", html) is None
    assert "4471" in html


def test_reveals_one_field_for_a_reason_and_keeps_a_trace(known):
    client = as_role("agent")
    address = reverse("console:reveal", args=[known.pk, "full_name"])
    assert "Zhang Wei" not in client.get(address).content.decode()
    refused = client.post(address, {"reason": ""})
    assert (refused.status_code, "Zhang Wei" in refused.content.decode()) == (422, False)
    assert not AuditEntry.objects.filter(verb="customers.borrower.revealed").exists()
    shown = client.post(address, {"reason": "the borrower is on the phone"})
    assert "Zhang Wei" in shown.content.decode()
    assert shown.headers["Cache-Control"] == "no-store"
    entry = AuditEntry.objects.get(verb="customers.borrower.revealed")
    assert (entry.borrower_id, entry.reason, entry.after) == (
        known.pk, "the borrower is on the phone", {"field": "full_name"},
    )  # fmt: skip


def test_reveals_nothing_to_roles_that_may_not(known):
    address = reverse("console:reveal", args=[known.pk, "full_name"])
    assert as_role("analyst").post(address, {"reason": "curious"}).status_code == 403
    page = as_role("analyst").get(reverse("console:borrower", args=[known.pk])).content.decode()
    assert "/reveal/" not in page


def test_reveals_no_field_the_page_does_not_show(known):
    assert as_role("agent").get(reverse("console:reveal", args=[known.pk, "key_id"])).status_code == 404
    assert as_role("agent", "south").get(reverse("console:reveal", args=[known.pk, "full_name"])).status_code == 404


def test_a_timeline_strikes_out_what_was_taken_back(book):
    client = as_role("senior_agent")
    paid = Operation.objects.get(loan=book.late, value_date="2026-09-18")
    Operation.objects.create(
        loan=book.late,
        borrower_id=book.late.borrower_id,
        kind="reversal",
        value_date=paid.value_date,
        business_date="2026-11-22",
        reverses=paid,
    )
    html = client.get(reverse("console:borrower", args=[book.late.borrower_id])).content.decode()
    assert html.count('class=" undone"') == 1
