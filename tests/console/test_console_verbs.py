"""The verbs of a loan: shown before they are booked, booked once, exactly as shown."""

from decimal import Decimal

import pytest
from django.conf import settings
from django.test import Client
from django.urls import reverse

from backoffice.audit.models import Approval, ApprovalLimit, AuditEntry
from backoffice.repayment.models import Loan, Operation
from tests.console.book import Book, as_role
from tests.console.page import fields_of, rows_of, text_of

REASON = "seen on the bank account"


def _address(verb: str, book: Book) -> str:
    return reverse(f"repayment:{verb}", args=[book.late.pk])


def _send(client: Client, address: str, **changes: str):
    """Opens the panel, changes fields, looks, and sends what was seen."""
    form = fields_of(client.get(address).content.decode()) | changes
    seen = fields_of(client.post(address, {**form, "look": "1"}).content.decode())
    return client.post(address, {**form, **seen, **changes, "reason": REASON})


def _payments(book: Book) -> int:
    return Operation.objects.filter(loan=book.late, kind="payment").count()


def test_opens_with_what_is_due_and_shows_what_it_will_pay(book):
    html = as_role("agent").get(_address("post_payment", book)).content.decode()
    fields = fields_of(html)
    assert (fields["amount"], fields["value_date"], fields["channel"]) == ("2225.37", "2026-11-22", "bank_transfer")
    assert rows_of(html, caption="Post payment") == [
        ["4", "18 Oct 2026", "962.19", "137.97", "22.45", "1,122.61"],
        ["5", "18 Nov 2026", "976.62", "123.54", "2.60", "1,102.76"],
        ["Total", "", "1,938.81", "261.51", "25.05", "2,225.37"],
    ]
    words = text_of(html)
    assert "Days past due 35 → 0" in words
    assert "Bucket M2 → M0" in words
    assert "Due today ¥ 2,225.37 → ¥ 0.00" in words
    assert "Post ¥ 2,225.37" in words


def test_books_exactly_what_was_shown(book):
    client = as_role("agent")
    response = _send(client, _address("post_payment", book), amount="1,200.00")
    assert (response.status_code, response.url) == (303, reverse("repayment:loan", args=[book.late.pk]))
    operation = Operation.objects.filter(loan=book.late).latest("id")
    assert (operation.kind, operation.amount, operation.channel, operation.reason) == (
        "payment", Decimal("1200.00"), "bank_transfer", REASON,
    )  # fmt: skip
    assert "Payment posted." in client.get(response.url).content.decode()
    entry = AuditEntry.objects.latest("id")
    assert (entry.verb, entry.reason) == ("repayment.payment.booked", REASON)


def test_looking_books_nothing(book):
    client = as_role("agent")
    form = fields_of(client.get(_address("post_payment", book)).content.decode())
    looked = client.post(_address("post_payment", book), {**form, "look": "1"}).content.decode()
    assert "What will happen" in looked
    assert (
        "<html"
        not in client.post(
            _address("post_payment", book), {**form, "look": "1"}, headers={"HX-Request": "true"}
        ).content.decode()
    )
    assert _payments(book) == 3


def test_shows_before_it_books_what_was_not_seen(book):
    """Without the script the first press shows the consequence of the typed amount, the second books it."""
    client = as_role("agent")
    address = _address("post_payment", book)
    typed = fields_of(client.get(address).content.decode()) | {"amount": "500.00", "reason": REASON}
    typed.pop("seen")
    first = client.post(address, typed)
    assert first.status_code == 200
    assert rows_of(first.content.decode(), caption="Post payment")[0][-1] == "500.00"
    assert _payments(book) == 3
    assert client.post(address, fields_of(first.content.decode())).status_code == 303
    assert _payments(book) == 4


def test_comes_back_when_the_books_moved_in_between(book):
    first, second = as_role("agent"), as_role("agent")
    address = _address("post_payment", book)
    form = fields_of(first.get(address).content.decode()) | {"reason": REASON}
    assert _send(second, address, amount="1000.00").status_code == 303
    response = first.post(address, form)
    assert response.status_code == 409
    assert "The numbers changed since you looked at them." in response.content.decode()
    assert _payments(book) == 4
    assert first.post(address, fields_of(response.content.decode())).status_code == 303
    assert _payments(book) == 5


def test_books_once_however_often_the_panel_is_sent(book):
    client = as_role("agent")
    address = _address("post_payment", book)
    form = fields_of(client.get(address).content.decode()) | {"reason": REASON}
    answers = [client.post(address, form) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [303, 303, 303]
    assert _payments(book) == 4


def test_asks_for_a_reason(book):
    client = as_role("agent")
    form = fields_of(client.get(_address("post_payment", book)).content.decode())
    response = client.post(_address("post_payment", book), form)
    assert response.status_code == 422
    assert '<p class="error" id="id_reason_error">' in response.content.decode()
    assert _payments(book) == 3


@pytest.mark.parametrize(
    ("field", "value", "said"),
    [
        ("amount", "-5", "Ensure this value is greater than or equal to 0.01."),
        ("amount", "12,00", "Write the amount in digits, with a point before the decimals."),
        ("amount", "NaN", "Write the amount in digits, with a point before the decimals."),
        ("amount", "1.005", "Ensure that there are no more than 2 decimal places."),
        ("value_date", "2026-02-31", "Enter a valid date."),
        ("value_date", "2026-11-23", "lies after the business date"),
        ("value_date", "2026-06-01", "was paid out on 18 Jun 2026"),
        ("channel", "pigeon", "Select a valid choice."),
    ],
)
def test_refuses_bad_input_at_its_field_and_books_nothing(book, field, value, said):
    client = as_role("agent")
    form = fields_of(client.get(_address("post_payment", book)).content.decode())
    response = client.post(_address("post_payment", book), form | {"reason": REASON, field: value})
    html = response.content.decode()
    assert response.status_code == 422
    error = html.partition(f'id="id_{field}_error">')[2].partition("</p>")[0]
    assert said in error
    assert _payments(book) == 3


def test_answers_inside_the_page_when_the_script_sends(book):
    client = as_role("agent")
    address = _address("post_payment", book)
    panel = client.get(address, headers={"HX-Request": "true"}).content.decode()
    assert panel.startswith("<form")
    assert 'hx-target="#panel"' in panel
    done = client.post(address, fields_of(panel) | {"reason": REASON}, headers={"HX-Request": "true"})
    assert (done.status_code, done.headers["HX-Redirect"]) == (204, reverse("repayment:loan", args=[book.late.pk]))


def test_foretells_a_backdated_payment_with_what_it_redoes(book):
    client = as_role("agent")
    form = fields_of(client.get(_address("post_payment", book)).content.decode())
    late = {"look": "1", "amount": "300.00", "value_date": "2026-09-10"}
    words = text_of(client.post(_address("post_payment", book), form | late).content.decode())
    assert "1 later booking is taken back and worked out again." in words


def test_refuses_a_payment_to_a_closed_loan_and_says_what_to_do(book):
    address = reverse("repayment:post_payment", args=[book.closed.pk])
    words = text_of(as_role("agent").get(address, {"amount": "10.00"}).content.decode())
    assert "Loan L-CLOSED is closed: nothing is owed." in words
    assert "Post to another loan of the borrower, or send the money back." in words


def test_a_panel_says_in_the_readers_language_why_it_cannot_be(book):
    client = as_role("agent")
    client.cookies[settings.LANGUAGE_COOKIE_NAME] = "zh-hans"
    address = reverse("repayment:post_payment", args=[book.closed.pk])
    words = text_of(client.get(address, {"amount": "10.00"}).content.decode())
    assert "贷款 L-CLOSED 已结清：没有欠款。" in words
    assert "请入账到该借款人的其他贷款，或将款项退回。" in words
    waiver = client.get(_address("waive", book), {"penalty": "99.00"}).content.decode()
    assert "罚息（含未到期账单）共欠 ¥ 25.05，无法减免 ¥ 99.00。" in text_of(waiver)
    assert "is owed" not in waiver


@pytest.mark.parametrize(
    ("typed", "words"),
    [
        ("-5", "Amount: Ensure this value is greater than or equal to 0.01."),
        ("abc", "Amount: Write the amount in digits, with a point before the decimals."),
        ("12,00", "Amount: Write the amount in digits, with a point before the decimals."),
        ("1e3", "Amount: Write the amount in digits, with a point before the decimals."),
        ("", "Fill in the fields to see what will happen."),
    ],
)
def test_says_what_is_wrong_with_an_amount_while_it_is_typed(book, typed, words):
    fields = {"look": "1", "amount": typed, "value_date": "2026-11-22", "channel": "cash"}
    answer = as_role("agent").post(_address("post_payment", book), fields)
    assert words in text_of(answer.content.decode())
    assert ("Fill in the fields" in answer.content.decode()) is (typed == "")


def test_says_at_once_that_there_is_nothing_to_refund_or_to_hand_over(book):
    refund = as_role("senior_agent").get(reverse("repayment:refund", args=[book.closed.pk]))
    assert "Nothing is held for the borrower of this loan." in text_of(refund.content.decode())
    creditor = as_role("team_lead").get(reverse("repayment:change_creditor", args=[book.closed.pk]))
    assert "Loan L-CLOSED is closed: nothing is owed." in text_of(creditor.content.decode())


def test_settles_by_the_quote(book):
    client = as_role("agent")
    address = _address("pay_off", book)
    words = text_of(client.get(address).content.decode())
    assert "Interest earned since the last due date ¥ 14.52" in words
    assert "Settles the loan ¥ 9,498.99" in words
    assert "The loan closes." in words
    assert _send(client, address).status_code == 303
    book.late.refresh_from_db()
    assert (book.late.status, book.late.outstanding_principal) == ("closed", Decimal("0.00"))


def test_quotes_a_day_ahead_without_booking_it(book):
    client = as_role("agent")
    form = fields_of(client.get(_address("pay_off", book)).content.decode())
    ahead = client.post(_address("pay_off", book), form | {"value_date": "2026-11-30", "look": "1"})
    words = text_of(ahead.content.decode())
    assert "A quote for a day ahead, as if nothing were paid before. It is booked on that day." in words
    response = _send(client, _address("pay_off", book), value_date="2026-11-30")
    assert response.status_code == 422
    assert Loan.objects.get(pk=book.late.pk).status == "active"


def _limit(verb: str, role: str, amount: str | None) -> None:
    ApprovalLimit.objects.update_or_create(
        verb=verb, role=role, currency="", defaults={"max_amount": amount, "alone": True}
    )


def test_waives_alone_within_the_limit(book):
    _limit("repayment.waive", "agent", "30.00")
    response = _send(as_role("agent"), _address("waive", book), penalty="25.05", interest="")
    assert response.status_code == 303
    operation = Operation.objects.filter(loan=book.late).latest("id")
    assert (operation.kind, operation.details) == ("waiver", {"components": {"penalty": "25.05"}})


def test_asks_a_second_person_beyond_the_limit(book):
    _limit("repayment.waive", "agent", "20.00")
    client = as_role("agent")
    words = text_of(client.get(_address("waive", book)).content.decode())
    assert "¥ 25.05 is beyond what you may do alone: a second person decides." in words
    assert "Ask for approval" in words
    response = _send(client, _address("waive", book), penalty="25.05", interest="")
    request = Approval.objects.get()
    assert (request.verb, request.amount, request.state) == ("repayment.waive", Decimal("25.05"), "pending")
    assert not Operation.objects.filter(loan=book.late, kind="waiver").exists()
    words = text_of(client.get(response.url).content.decode())
    assert f"Asked for approval, request {request.pk}. Nothing is booked until a second person agrees." in words
    assert "waits for a second person" in words


def test_shows_who_approves_what_the_one_who_asked_saw(book):
    _limit("repayment.waive", "agent", "20.00")
    _limit("repayment.waive", "team_lead", None)
    agent, lead = as_role("agent"), as_role("team_lead")
    asked = agent.get(_address("waive", book)).context["panel"].consequence
    _send(agent, _address("waive", book), penalty="25.05", interest="")
    request = Approval.objects.get()
    page = lead.get(reverse("audit:approval", args=[request.pk]))
    words = text_of(page.content.decode())
    assert (page.context["picture"].lines, page.context["picture"].grid.rows) == (asked.lines, asked.grid.rows)
    assert "What approving will do" in words
    assert "loan L-LATE" in words
    assert "borrower BR-1" in words
    # No raw payload: the amount of a waiver by component is not "0.00", the loan not an internal number.
    assert "Exactly what will be done" not in words
    panel = lead.get(reverse("audit:approve", args=[request.pk]))
    assert panel.context["panel"].consequence.lines == asked.lines
    assert "Waive penalty or interest, loan L-LATE, asked for by" in text_of(panel.content.decode())
    assert request.consequence == ("Loan L-LATE: penalty ¥\u00a025.05; due today ¥\u00a02,225.37 → ¥\u00a02,200.32.")


def test_says_on_the_page_of_a_request_that_it_cannot_be_done_any_more(book):
    _limit("repayment.waive", "agent", "20.00")
    _limit("repayment.waive", "team_lead", None)
    _send(as_role("agent"), _address("waive", book), penalty="25.05", interest="")
    lead = as_role("team_lead")
    _send(lead, _address("waive", book), penalty="25.05", interest="")
    page = text_of(lead.get(reverse("audit:approval", args=[Approval.objects.get().pk])).content.decode())
    assert "This cannot be done any more:" in page


def test_a_reversal_is_drawn_for_who_approves_it_too(book):
    _limit("repayment.reverse", "senior_agent", "20.00")
    _limit("repayment.reverse", "team_lead", None)
    agent = as_role("senior_agent")
    payment = Operation.objects.filter(loan=book.late, kind="payment").latest("value_date")
    _send(agent, reverse("repayment:reverse", args=[payment.pk]))
    request = Approval.objects.get()
    picture = as_role("team_lead").get(reverse("audit:approval", args=[request.pk])).context["picture"]
    assert [
        (str(line.label), line.before, line.value) for line in picture.lines if str(line.label) == "Days past due"
    ] == [("Days past due", 35, 65)]


def test_refuses_to_waive_more_than_is_owed_at_the_field(book):
    _limit("repayment.waive", "agent", None)
    response = _send(as_role("agent"), _address("waive", book), penalty="25.06", interest="")
    assert response.status_code == 422
    assert 'id="id_penalty_error">' in response.content.decode()


def test_says_that_there_is_nothing_to_waive(book):
    response = as_role("agent").get(reverse("repayment:waive", args=[book.closed.pk]))
    assert response.status_code == 422
    assert "No penalty, interest or fee of this loan is due today." in response.content.decode()


def test_refunds_what_is_held(book):
    _limit("repayment.refund", "senior_agent", None)
    client = as_role("senior_agent")
    assert _send(client, _address("post_payment", book), amount="2300.00").status_code == 303
    address = _address("refund", book)
    assert fields_of(client.get(address).content.decode())["amount"] == "74.63"
    assert _send(client, address, amount="74.63").status_code == 303
    assert Loan.objects.get(pk=book.late.pk).suspense == Decimal("0.00")


def test_charges_off_with_everything_that_is_owed_shown(book):
    _limit("repayment.charge_off", "senior_agent", None)
    client = as_role("senior_agent")
    html = client.get(_address("charge_off", book)).content.decode()
    assert rows_of(html, caption="Charge off")[-1][0] == "Total"
    assert "Status active → charged off" in text_of(html)
    assert _send(client, _address("charge_off", book)).status_code == 303
    assert Loan.objects.get(pk=book.late.pk).status == "charged_off"


def test_refuses_a_write_off_beyond_the_tolerance(book):
    words = text_of(as_role("senior_agent").get(_address("write_off", book)).content.decode())
    assert "the terms write off at most ¥ 0.00." in words
    assert "Collect the rest, waive penalty, or charge the loan off." in words


def test_hands_the_claim_over_without_touching_the_borrower(book):
    _limit("repayment.buy_back", "team_lead", None)
    client = as_role("team_lead")
    response = _send(client, _address("change_creditor", book), creditor="Guarantor One", amount="9000.00")
    assert response.status_code == 303
    loan = Loan.objects.get(pk=book.late.pk)
    assert (loan.creditor, loan.bucket, loan.outstanding_principal) == ("Guarantor One", "M2", Decimal("9197.91"))


def test_takes_a_payment_back_and_shows_what_that_means_first(book):
    _limit("repayment.reverse", "senior_agent", None)
    client = as_role("senior_agent")
    paid = Operation.objects.get(loan=book.late, value_date="2026-09-18")
    address = reverse("repayment:reverse", args=[paid.pk])
    words = text_of(client.get(address).content.decode())
    assert "Payment of 18 Sep 2026, ¥ 1,100.16, loan L-LATE" in words
    assert "Days past due 35 → 65" in words
    assert _send(client, address).status_code == 303
    assert Operation.objects.filter(reverses=paid).count() == 1
    rows = rows_of(
        client.get(reverse("repayment:loan", args=[book.late.pk])).content.decode(),
        caption="Payments and other operations",
    )
    assert any("taken back" in row[1] for row in rows)


def test_a_reversal_cannot_be_taken_back(book):
    _limit("repayment.reverse", "senior_agent", None)
    client = as_role("senior_agent")
    paid = Operation.objects.get(loan=book.late, value_date="2026-09-18")
    _send(client, reverse("repayment:reverse", args=[paid.pk]))
    reversal = Operation.objects.get(reverses=paid)
    assert client.get(reverse("repayment:reverse", args=[reversal.pk])).status_code == 404
    again = client.get(reverse("repayment:reverse", args=[paid.pk]))
    assert "It was taken back before, or it is not an operation of this loan." in again.content.decode()


@pytest.mark.parametrize(
    "verb", ["post_payment", "pay_off", "waive", "refund", "charge_off", "write_off", "change_creditor"]
)
def test_no_verb_reaches_a_loan_of_another_portfolio(book, verb):
    address = reverse(f"repayment:{verb}", args=[book.elsewhere.pk])
    clients = [as_role("team_lead", "north"), as_role("senior_agent", "north")]
    assert {client.get(address).status_code for client in clients} <= {403, 404}
    assert {client.post(address, {}).status_code for client in clients} <= {403, 404}


@pytest.mark.parametrize("length", [300, 301])
def test_a_reason_is_no_longer_than_an_operation_keeps_it(book, length):
    client, address = as_role("agent"), _address("post_payment", book)
    form = fields_of(client.get(address).content.decode())
    seen = fields_of(client.post(address, {**form, "look": "1"}).content.decode())
    before = _payments(book)
    response = client.post(address, {**form, **seen, "reason": "x" * length})
    assert (response.status_code, _payments(book) - before) == ((303, 1) if length == 300 else (422, 0))
