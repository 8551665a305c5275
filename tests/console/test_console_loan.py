"""The page of a loan: every number on it, on any day, for everyone who may see it and nobody else."""

import re
from dataclasses import replace
from datetime import date
from decimal import ROUND_HALF_UP, Decimal

import pytest
from django.conf import settings
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from backoffice.calendars import clock
from backoffice.core.actors import SYSTEM
from backoffice.customers.models import Borrower
from backoffice.customers.services import holding
from backoffice.dayend.models import DayEndRun, DayEndStep, SetAside
from backoffice.repayment.domain.terms import AllocationRule, Terms
from backoffice.repayment.models import BucketMove, ImportedLoan, ImportRun, Loan, Operation
from backoffice.repayment.services import verbs
from backoffice.repayment.services.holds import place_hold
from backoffice.repayment.services.opening import Opening, PastOperation, open_and_replay
from tests.console.book import TERMS, TODAY, Book, as_role
from tests.console.page import rows_of, text_of
from tests.staff.factories import actor


def _page(book: Book, *, role: str = "senior_agent", query: str = "") -> str:
    return as_role(role).get(reverse("repayment:loan", args=[book.late.pk]) + query).content.decode()


def test_shows_what_is_due_today_to_the_cent(book):
    words = text_of(_page(book))
    assert "M2 · 35 days" in words
    assert "Due today ¥ 2,225.37 principal 1,938.81 · interest 261.51 · penalty 25.05" in words
    assert "Outstanding principal ¥ 9,197.91 of 12,000.00 disbursed 18 Jun 2026" in words
    assert "Days past due 35 explain: installment 4, due 18 Oct" in words
    assert "Yearly cost to the borrower 18.00 % EAR 19.56 % · cap 24 % kept" in words


def test_shows_the_whole_schedule(book):
    rows = rows_of(_page(book), caption="Schedule")
    assert rows[3] == ["4", "18 Oct 2026", "962.19", "137.97", "22.45", "1,122.61", "–", "8,235.72", "35 days"]
    assert rows[4] == ["5", "18 Nov 2026", "976.62", "123.54", "2.60", "1,102.76", "–", "7,259.10", "4 days"]
    assert rows[5] == ["6", "18 Dec 2026", "991.27", "108.89", "–", "1,100.16", "–", "6,267.83", "planned"]
    assert rows[12] == ["", "Total", "12,000.00", "1,201.95", "25.05", "13,227.00", "3,300.48", "", ""]


def test_shows_each_payment_with_what_it_paid(book):
    rows = rows_of(_page(book), caption="Payments and other operations")
    assert rows[0] == [
        "18 Sep 2026", "payment bank transfer", "1,100.16", "947.97", "152.19", "–", "–", "–", "system", "",
    ]  # fmt: skip
    assert rows[3][:3] == ["18 Jun 2026", "disbursed", "12,000.00"]


def test_offers_to_take_back_what_can_be_taken_back(book):
    html = _page(book)
    operations = Operation.objects.filter(loan=book.late).order_by("id")
    offered = [each.kind for each in operations if reverse("repayment:reverse", args=[each.pk]) in html]
    assert offered == ["payment", "payment", "payment"]
    seen = _page(book, role="agent")
    assert [each for each in operations if reverse("repayment:reverse", args=[each.pk]) in seen] == []


def test_travels_to_a_past_day_as_a_whole(book):
    html = _page(book, query="?as_of=2026-09-01")
    words = text_of(html)
    assert "The whole page shows this past day, by what is booked now." in words
    assert "Outstanding principal ¥ 10,145.88" in words
    assert "Days past due 0" in words
    assert rows_of(html, caption="Schedule")[2][-1] == "planned"
    assert [row[0] for row in rows_of(html, caption="Payments and other operations")] == [
        "18 Aug 2026", "18 Jul 2026", "18 Jun 2026",
    ]  # fmt: skip
    assert "Post payment" not in words
    operations = Operation.objects.filter(loan=book.late)
    assert [each for each in operations if reverse("repayment:reverse", args=[each.pk]) in html] == []


def test_foretells_a_day_ahead(book):
    words = text_of(_page(book, query="?as_of=2026-12-17"))
    assert "Foretold: as if nothing more were paid until this day." in words
    assert "M2 · 60 days" in words


@pytest.mark.parametrize("day", ["9999-12-31", "2200-01-01", "1899-12-31"])
def test_shows_today_for_a_day_out_of_reach(book, day):
    assert f"“{day}” is out of reach; the page shows today." in text_of(_page(book, query=f"?as_of={day}"))
    address = reverse("repayment:explain", args=[book.late.pk])
    assert as_role("senior_agent").get(address, {"as_of": day}).status_code == 200


def test_says_when_the_day_asked_for_is_none(book):
    words = text_of(_page(book, query="?as_of=2026-02-31"))
    assert "“2026-02-31” is not a date; the page shows today." in words
    assert "M2 · 35 days" in words


def test_does_not_exist_for_a_team_of_another_portfolio(book):
    address = reverse("repayment:loan", args=[book.late.pk])
    assert as_role("agent", "south").get(address).status_code == 404
    assert as_role("agent", "north").get(address).status_code == 200


@pytest.mark.parametrize(
    ("role", "offered", "missing"),
    [
        ("agent", {"post_payment", "pay_off", "waive"}, {"charge_off", "write_off", "change_creditor", "refund"}),
        ("senior_agent", {"post_payment", "pay_off", "waive", "charge_off", "write_off"}, {"refund"}),
        ("collector", {"pay_off", "waive"}, {"post_payment", "charge_off"}),
        ("team_lead", {"post_payment", "change_creditor"}, {"refund"}),
        ("analyst", set(), {"post_payment", "pay_off", "waive", "charge_off", "write_off", "change_creditor"}),
        ("auditor", set(), {"post_payment", "pay_off", "waive", "charge_off", "write_off", "change_creditor"}),
    ],
)
def test_offers_the_verbs_of_the_role_that_the_loan_can_take(book, role, offered, missing):
    html = _page(book, role=role)
    addresses = {name: reverse(f"repayment:{name}", args=[book.late.pk]) for name in offered | missing}
    assert {name for name, address in addresses.items() if f'href="{address}"' in html} == offered


def test_offers_no_payment_on_a_closed_loan(book):
    html = as_role("senior_agent").get(reverse("repayment:loan", args=[book.closed.pk])).content.decode()
    assert reverse("repayment:post_payment", args=[book.closed.pk]) not in html
    assert '<span class="badge good">closed</span>' in html


def test_reads_in_a_fixed_number_of_queries(book):
    client = as_role("senior_agent")
    counts = []
    for loan in (book.elsewhere, book.late):
        address = reverse("repayment:loan", args=[loan.pk])
        client.get(address)
        with CaptureQueriesContext(connection) as queries:
            client.get(address)
        counts.append(len(queries))
    assert Operation.objects.filter(loan=book.elsewhere).count() == 1
    assert Operation.objects.filter(loan=book.late).count() == 4
    assert counts[0] == counts[1]


def test_explains_the_days_and_the_penalty(book):
    address = reverse("repayment:explain", args=[book.late.pk])
    words = text_of(as_role("analyst").get(address).content.decode())
    assert "Oldest unpaid bill installment 4, due 18 Oct 2026" in words
    assert "Days since the due date (the due day is day 0) 35" in words
    assert "Bucket M2 31–60 days" in words
    assert "By cycles 2 unpaid bills past due" in words


def test_explains_inside_the_page_when_the_script_asks(book):
    address = reverse("repayment:explain", args=[book.late.pk])
    part = as_role("analyst").get(address, headers={"HX-Request": "true"}).content.decode()
    assert part.lstrip().startswith('<div class="confirm wide">')
    assert "<html" not in part


def test_lists_the_ledger_with_its_accounts(book):
    html = as_role("analyst").get(reverse("repayment:ledger", args=[book.late.pk])).content.decode()
    caption = "Every transfer, newest first; a correction stands beside what it takes back"
    paid = [row for row in rows_of(html, caption=caption) if row[1] == "18 Sep 2026" and row[3] == "payment"]
    assert sorted(row[4:9] for row in paid) == [
        ["interest", "3", "cash", "interest receivable", "152.19"],
        ["principal", "3", "cash", "principal receivable", "947.97"],
    ]


def test_lists_loans_with_their_filters(book):
    client = as_role("senior_agent")
    address = reverse("repayment:loans")
    assert [row[0] for row in rows_of(client.get(address).content.decode(), caption="Loans")] == [
        "L-CLOSED", "L-ELSEWHERE", "L-LATE",
    ]  # fmt: skip
    by_amount = client.get(address, {"overdue": "1", "sort": "-overdue_amount"}).content.decode()
    assert [row[0] for row in rows_of(by_amount, caption="Loans")] == ["L-ELSEWHERE", "L-LATE"]
    north = as_role("senior_agent", "north").get(address, {"bucket": "M2"}).content.decode()
    assert [row[0] for row in rows_of(north, caption="Loans")] == ["L-LATE"]


def test_refuses_a_list_address_that_makes_no_sense_and_shows_the_way_back(book):
    response = as_role("agent").get(reverse("repayment:loans"), {"sort": "password"})
    assert response.status_code == 400
    assert "Open the list again and choose from what it offers." in response.content.decode()


def test_shows_no_cents_in_a_currency_without_them(book):
    terms = Terms(currency="UGX", method="equal_installment", annual_rate=Decimal("0.18"), periods=3)
    opening = Opening(
        external_id="L-UGX",
        portfolio="north",
        borrower_id=book.late.borrower_id,
        terms=terms,
        principal=Decimal(3520000),
        disbursed_on=date(2026, 9, 18),
    )
    (loan_id,) = open_and_replay(loans=[opening], business_date=TODAY, actor=SYSTEM)
    client = as_role("senior_agent")
    for name in ("loan", "ledger", "versions", "post_payment"):
        words = text_of(client.get(reverse(f"repayment:{name}", args=[loan_id])).content.decode())
        assert re.search(r"\d,\d{3}\b", words), name
        assert re.search(r"\d,\d{3}\.\d\d", words) is None, name


@pytest.mark.parametrize("name", ["loan", "explain"])
def test_refuses_a_day_before_the_loan_was_there(book, name):
    address = reverse(f"repayment:{name}", args=[book.late.pk])
    response = as_role("senior_agent").get(address, {"as_of": "2020-01-01"})
    assert response.status_code == 422
    words = text_of(response.content.decode())
    assert "Loan L-LATE was paid out on 18 Jun 2026; before that there is none." in words
    assert "Outstanding principal" not in words
    assert as_role("senior_agent").get(address, {"as_of": "2026-06-18"}).status_code == 200


def _pay_first(*, order, amount: str, on: date) -> Loan:
    """A loan like the late one that pays in another order: its fourth bill is left with the penalty."""
    terms = replace(TERMS, allocation=AllocationRule(order=order))
    borrower = Borrower.objects.get(external_id="BR-1")
    payments = [("1100.16", date(2026, month, 18)) for month in (7, 8, 9)] + [(amount, on)]
    (loan_id,) = open_and_replay(
        loans=[
            Opening(
                external_id="L-PENALTY",
                portfolio="north",
                borrower_id=borrower.pk,
                terms=terms,
                principal=Decimal("12000.00"),
                disbursed_on=date(2026, 6, 18),
                history=tuple(
                    PastOperation(kind="payment", value_date=day, amount=Decimal(paid), external_id=f"early-{day}")
                    for paid, day in payments
                ),
            )
        ],
        business_date=TODAY,
        actor=SYSTEM,
    )
    return Loan.objects.get(pk=loan_id)


def test_overdue_loans_show_their_days_and_leave_out_what_is_charged_off(book):
    client = as_role("admin")
    address = reverse("repayment:loans")

    def shown() -> list[list[str]]:
        return rows_of(client.get(address, {"overdue": "1"}).content.decode(), caption="Loans")

    before = {row[0]: row[5] for row in shown()}
    assert before == {"L-LATE": "35", "L-ELSEWHERE": "82"}
    place_hold(
        borrower_id=book.late.borrower_id,
        scopes=["aging"],
        start=date(2026, 11, 1),
        end_exclusive=date(2026, 11, 11),
        reason="hardship",
        actor=actor("agent"),
    )
    assert {row[0]: row[5] for row in shown()} == {"L-LATE": "25", "L-ELSEWHERE": "82"}
    Loan.objects.filter(pk=book.elsewhere.pk).update(status="charged_off")
    assert [row[0] for row in shown()] == ["L-LATE"]
    assert client.get(reverse("console:home")).context["today"].overdue == 1


def test_compares_overdue_amounts_within_a_currency_only(book):
    Loan.objects.filter(pk=book.elsewhere.pk).update(currency="UGX", overdue_amount="900000.00")
    client = as_role("admin")
    address = reverse("repayment:loans")
    sorted_rows = rows_of(
        client.get(address, {"overdue": "1", "sort": "-overdue_amount"}).content.decode(), caption="Loans"
    )
    assert [row[0] for row in sorted_rows] == ["L-ELSEWHERE", "L-LATE"]
    Loan.objects.filter(pk=book.elsewhere.pk).update(overdue_amount="1.00")
    again = rows_of(client.get(address, {"overdue": "1", "sort": "-overdue_amount"}).content.decode(), caption="Loans")
    assert [row[0] for row in again] == ["L-ELSEWHERE", "L-LATE"]
    narrowed = rows_of(client.get(address, {"currency": "CNY", "overdue": "1"}).content.decode(), caption="Loans")
    assert "L-ELSEWHERE" not in {row[0] for row in narrowed}


def test_the_number_of_loans_that_became_worse_opens_them_all(book):
    BucketMove.objects.bulk_create(
        BucketMove(loan=loan, borrower_id=loan.borrower_id, on=TODAY, from_bucket="M1", to_bucket="M2", cause="aging")
        for loan in (book.late, book.elsewhere)
    )
    client = as_role("senior_agent")
    home = client.get(reverse("console:home"))
    link = f"{reverse('repayment:moves')}?on=2026-11-22&aging=1"
    assert home.context["today"].moved == 2
    assert link.replace("&", "&amp;") in home.content.decode()
    rows = rows_of(client.get(link).content.decode(), caption="Bucket moves")
    assert {(row[1], row[2], row[3], row[4]) for row in rows} == {
        ("L-LATE", "M1", "M2", "days passed"), ("L-ELSEWHERE", "M1", "M2", "days passed"),
    }  # fmt: skip
    own = as_role("senior_agent", "north")
    assert own.get(reverse("console:home")).context["today"].moved == 1
    assert [row[1] for row in rows_of(own.get(link).content.decode(), caption="Bucket moves")] == ["L-LATE"]


def test_the_loans_of_an_import_and_of_the_next_close_are_listed(book):
    run = ImportRun.objects.create(
        name="june.zip", source="tape", portfolio="north", digest="0" * 64, state="loaded", business_date=TODAY,
        loaded_counts={"loans": 1}, loaded_through=0, actor_name="lin",
    )  # fmt: skip
    ImportedLoan.objects.create(loan=book.late, run=run, digest="x")
    client = as_role("admin")
    address = reverse("repayment:loans")
    page = client.get(reverse("repayment:import", args=[run.pk])).content.decode()
    assert f'<a href="{address}?import={run.pk}">1</a>' in page
    listed = client.get(address, {"import": run.pk}).content.decode()
    assert [row[0] for row in rows_of(listed, caption="Loans")] == ["L-LATE"]
    assert "Only loans that came in with june.zip" in text_of(listed)
    assert client.get(address, {"import": "0"}).status_code == 404
    Loan.objects.update(next_transition_date=None)
    Loan.objects.filter(pk=book.late.pk).update(next_transition_date=TODAY)
    closing = f"{address}?closing=2026-11-22"
    assert f'<a href="{closing}">1</a>' in client.get(reverse("dayend:runs")).content.decode()
    assert [row[0] for row in rows_of(client.get(closing).content.decode(), caption="Loans")] == ["L-LATE"]


def test_a_close_has_a_page_with_its_steps_its_moves_and_what_it_left_behind(book):
    run = DayEndRun.objects.create(day=date(2026, 11, 21), state="done", actor_name="system", seconds="7.8")
    DayEndStep.objects.create(
        run=run, position=1, name="transitions", state="done", finished_at=clock.now(), counts={"loans": 3, "moves": 1}
    )
    SetAside.objects.create(loan_id=book.late.pk, run=run, day=run.day, code="x.y", reason="A bill is missing.")
    client = as_role("admin")
    moves = f"{reverse('repayment:moves')}?on=2026-11-22&aging=1"
    overview = client.get(reverse("dayend:runs")).content.decode()
    address = reverse("dayend:run", args=[run.pk])
    assert f'data-href="{address}"' in overview
    assert f'<a href="{moves.replace("&", "&amp;")}">1</a>' in overview
    page = client.get(address).content.decode()
    assert f'<a href="{moves.replace("&", "&amp;")}">1 bucket moves</a>' in page
    assert "L-LATE A bill is missing." in text_of(page)
    assert client.get(reverse("dayend:run", args=[run.pk + 1])).status_code == 404


def test_a_bill_with_penalty_alone_left_does_not_look_overdue(book):
    order = ("principal", "interest", "fee", "guarantee_fee", "penalty")
    loan = _pay_first(order=order, amount="1100.16", on=date(2026, 11, 10))
    client = as_role("senior_agent")
    html = client.get(reverse("repayment:loan", args=[loan.pk])).content.decode()
    rows = rows_of(html, caption="Schedule")
    assert [row[-1] for row in rows[2:6]] == ["paid", "penalty only", "4 days", "planned"]
    # The badge, the count and the rows say the same.
    assert "M1 · 4 days" in text_of(html)
    assert "1 bill past due" in text_of(html)


def test_days_of_a_bill_leave_held_days_out_as_the_badge_does(book):
    place_hold(
        borrower_id=book.late.borrower_id,
        scopes=["aging"],
        start=date(2026, 10, 20),
        end_exclusive=date(2026, 11, 9),
        reason="hardship",
        actor=actor("agent"),
    )
    html = _page(book)
    assert "M1 · 15 days" in text_of(html)
    assert [row[-1] for row in rows_of(html, caption="Schedule")[3:5]] == ["15 days", "4 days"]


def test_the_penalty_of_an_explanation_can_be_worked_out_again(book):
    response = as_role("senior_agent").get(reverse("repayment:explain", args=[book.late.pk]))
    penalties = response.context["why"].penalties
    assert [(each.number, each.base, each.total) for each in penalties] == [
        (4, Decimal("962.19"), Decimal("22.45")),
        (5, Decimal("976.62"), Decimal("2.60")),
    ]
    for each in penalties:
        assert (each.base_days * each.rate / each.day_basis).quantize(Decimal("0.01"), ROUND_HALF_UP) == each.total
    rows = rows_of(response.content.decode(), caption="Penalty by bill")
    assert [row[1:3] for row in rows] == [["962.19", "33,676.65"], ["976.62", "3,906.48"]]


def test_compares_versions_by_due_date_so_that_a_prepayment_marks_only_what_changed(book):
    verbs.post_payment(
        loan_id=book.late.pk,
        amount=Decimal("5000.00"),
        currency="CNY",
        value_date=TODAY,
        actor=actor("agent"),
        surplus="shorten_term",
    )
    response = as_role("senior_agent").get(reverse("repayment:versions", args=[book.late.pk]))
    before, after = response.context["sides"]
    assert (before["version"].number, after["version"].number) == (1, 2)
    assert str(after["cause"]) == "prepaid, taken off the last bills"
    # The prepayment is a bill of its own day; bills after it have other numbers and stand against their own dates.
    assert [row["bill"].due_date for row in after["rows"] if row["is_new"]] == [TODAY]
    assert not any("due_date" in row["changed"] for row in after["rows"])
    assert not any(row["changed"] for row in after["rows"] if row["bill"].due_date <= TODAY)
    gone = [row["bill"].due_date for row in before["rows"] if row["is_new"]]
    assert gone == sorted(gone)[-len(gone) :]
    assert gone[-1] == date(2027, 6, 18)


def test_explains_a_hold_by_its_reason_in_words_and_where_it_ends(book):
    holding.place_hold(
        borrower_id=book.late.borrower_id,
        scopes=["aging"],
        start=date(2026, 11, 1),
        end_exclusive=date(2026, 11, 11),
        reason="deceased",
        note="told by the family",
        actor=actor("compliance"),
    )
    client, address = as_role("senior_agent"), reverse("repayment:explain", args=[book.late.pk])
    words = text_of(client.get(address).content.decode())
    assert "Held 1 Nov 2026 – before 11 Nov 2026 deceased" in words
    client.cookies[settings.LANGUAGE_COOKIE_NAME] = "zh-hans"
    words = text_of(client.get(address).content.decode())
    assert "2026-11-11 前" in words
    assert "2 期逾期未还" in words
    assert "收取方式" not in words
