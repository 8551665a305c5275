"""The verbs of a loan over the API: booked once, asked for beyond the limit, refused with a reason."""

from datetime import date, timedelta
from decimal import Decimal

import pytest

from backoffice.audit.models import Approval, AuditEntry, IdempotencyKey
from backoffice.repayment.models import Loan, Operation, Transfer
from tests.repayment.api_book import API, TODAY, caller, caller_for, open_book, open_loan, post
from tests.staff.factories import person

pytestmark = pytest.mark.django_db

LEAD = "team_lead"


@pytest.fixture(autouse=True)
def book():
    open_book()


@pytest.fixture
def loan():
    return open_loan()


def payment(loan, **changes):
    return {"loan_id": loan.pk, "amount": "1128.99", "currency": "CNY", "value_date": str(TODAY)} | changes


def operations():
    return list(Operation.objects.exclude(kind="disbursement").order_by("id").values_list("kind", "amount"))


def test_posts_a_payment_and_answers_with_what_it_paid(loan):
    answer = post(caller("agent"), "payments/", payment(loan, channel="bank", reference="R-77", external_id="P-1"))
    body = answer.json()
    assert answer.status_code == 201
    assert {
        name: body["operation"][name] for name in ("loan_id", "kind", "amount", "currency", "value_date", "channel")
    } == {
        "loan_id": loan.pk,
        "kind": "payment",
        "amount": "1128.99",
        "currency": "CNY",
        "value_date": "2026-04-03",
        "channel": "bank",
    }
    assert [
        (row["kind"], row["debit"], row["credit"], row["component"], row["installment_number"], row["amount"])
        for row in body["transfers"]
        if row["kind"] == "payment"
    ] == [
        ("payment", "cash", "penalty_receivable", "penalty", 1, "28.83"),
        ("payment", "cash", "interest_receivable", "interest", 1, "180.00"),
        ("payment", "cash", "principal_receivable", "principal", 1, "920.16"),
    ]
    loan.refresh_from_db()
    assert (loan.oldest_unpaid_due_date, loan.bucket) == (date(2026, 3, 15), "M1")
    entry = AuditEntry.objects.get(verb="repayment.payment.booked")
    assert (entry.subject_id, entry.after["amount"]) == (str(loan.pk), "1128.99")


def test_answers_the_same_call_alike_and_posts_it_once(loan):
    agent = caller("agent")
    first = post(agent, "payments/", payment(loan))
    second = post(agent, "payments/", payment(loan))
    assert (first.status_code, second.status_code) == (201, 201)
    assert first.json() == second.json()
    assert operations() == [("payment", Decimal("1128.99"))]


def test_refuses_another_payment_under_the_same_key(loan):
    agent = caller("agent")
    post(agent, "payments/", payment(loan))
    answer = post(agent, "payments/", payment(loan, amount="1.00"))
    assert (answer.status_code, answer.json()["code"]) == (422, "audit.idempotency_key_reused")
    assert len(operations()) == 1


def test_refuses_money_without_a_key(loan):
    answer = caller("agent").post(f"{API}/payments/", payment(loan))
    assert (answer.status_code, answer.json()["code"]) == (400, "audit.idempotency_key_missing")
    assert operations() == []


def test_posts_the_number_of_a_payment_once_whatever_the_key(loan):
    agent = caller_for(person("agent"))
    post(agent, "payments/", payment(loan, external_id="P-1"))
    answer = post(agent, "payments/", payment(loan, external_id="P-1"), key="k-2")
    assert (answer.status_code, answer.json()["code"]) == (409, "repayment.already_posted")
    other = post(caller_for(person("agent")), "payments/", payment(loan, external_id="P-1", amount="1.00"))
    assert (other.status_code, other.json()["code"]) == (409, "repayment.external_id_in_use")
    assert len(operations()) == 1


@pytest.mark.parametrize(
    ("changes", "status", "code", "fields"),
    [
        ({"amount": "-5.00"}, 400, "core.invalid", {"amount"}),
        ({"amount": "0"}, 400, "core.invalid", {"amount"}),
        ({"amount": "1e3"}, 400, "core.invalid", {"amount"}),
        ({"amount": "10.005"}, 400, "core.invalid", {"amount"}),
        ({"amount": None}, 400, "core.invalid", {"amount"}),
        ({"currency": "cny"}, 400, "core.invalid", {"currency"}),
        ({"value_date": "2026-02-31"}, 400, "core.invalid", {"value_date"}),
        ({"surplus": "burn"}, 400, "core.invalid", {"surplus"}),
        ({"reference": "a\x00b"}, 400, "core.invalid", {"reference"}),
        ({"currency": "USD"}, 422, "repayment.currency_differs", {"currency"}),
        ({"value_date": "2026-04-04"}, 422, "repayment.value_date_in_future", {"value_date"}),
        ({"value_date": "2026-01-14"}, 422, "repayment.value_date_before_disbursement", {"value_date"}),
        ({"loan_id": 999_999}, 404, "repayment.loan_not_found", set()),
        ({"loan_id": "x"}, 400, "core.invalid", {"loan_id"}),
    ],
)
def test_refuses_what_cannot_be_posted_and_leaves_nothing(loan, changes, status, code, fields):
    answer = post(caller("agent"), "payments/", payment(loan, **changes))
    assert (answer.status_code, answer.json()["code"], set(answer.json()["fields"])) == (status, code, fields)
    assert (operations(), IdempotencyKey.objects.count()) == ([], 0)


def test_hides_the_loans_of_other_portfolios_from_every_verb(loan):
    paid = post(caller("agent"), "payments/", payment(loan, amount="5.00")).json()["operation"]["id"]
    small = caller(LEAD, portfolios=("small",))
    dated = {"value_date": str(TODAY), "reason": "a good one"}
    calls = {
        "payments/": payment(loan),
        f"loans/{loan.pk}/payoff/": {"amount": "1.00", "currency": "CNY", "value_date": str(TODAY)},
        f"loans/{loan.pk}/waivers/": dated | {"components": {"penalty": "1.00"}, "currency": "CNY"},
        f"loans/{loan.pk}/refunds/": dated | {"amount": "1.00", "currency": "CNY"},
        f"loans/{loan.pk}/charge-off/": dated,
        f"loans/{loan.pk}/write-off/": dated,
        f"loans/{loan.pk}/creditor-changes/": dated | {"creditor": "G", "amount": "0", "currency": "CNY"},
        f"operations/{paid}/reversal/": {"reason": "a good one"},
    }
    answers = {path: post(small, path, body) for path, body in calls.items()}
    assert {answer.status_code for answer in answers.values()} == {404}
    assert {answer.json()["code"] for answer in answers.values()} == {
        "repayment.loan_not_found",
        "repayment.operation_not_found",
    }
    assert operations() == [("payment", Decimal("5.00"))]


def test_settles_a_loan_by_exactly_its_quote(loan):
    agent = caller("agent")
    quote = agent.get(f"{API}/loans/{loan.pk}/payoff-quote/").json()
    asked = {"currency": "CNY", "value_date": quote["on"]}
    wrong = post(agent, f"loans/{loan.pk}/payoff/", asked | {"amount": "1.00"})
    assert (wrong.status_code, wrong.json()["code"]) == (422, "repayment.payoff_differs")
    answer = post(agent, f"loans/{loan.pk}/payoff/", asked | {"amount": quote["total"]})
    assert (answer.status_code, answer.json()["operation"]["kind"]) == (201, "payoff")
    loan.refresh_from_db()
    assert (loan.status, loan.outstanding_total, loan.suspense) == ("closed", Decimal("0.00"), Decimal("0.00"))
    closed = post(agent, "payments/", payment(loan), key="k-2")
    assert (closed.status_code, closed.json()["code"]) == (422, "repayment.loan_closed")


def test_waives_within_the_limit_and_asks_beyond_it(loan):
    agent = caller("agent")
    waiver = {"value_date": str(TODAY), "reason": "goodwill after the outage", "currency": "CNY"}
    within = post(agent, f"loans/{loan.pk}/waivers/", waiver | {"components": {"penalty": "10.00"}})
    assert (within.status_code, within.json()["operation"]["components"]) == (201, {"penalty": "10.00"})
    beyond = post(agent, f"loans/{loan.pk}/waivers/", waiver | {"components": {"penalty": "10.01"}}, key="k-2")
    approval = Approval.objects.get()
    assert (beyond.status_code, beyond.json()) == (202, {"approval_id": approval.pk})
    assert (approval.verb, approval.amount, approval.reason) == (
        "repayment.waive",
        Decimal("10.01"),
        "goodwill after the outage",
    )
    assert [kind for kind, _amount in operations()] == ["waiver"]
    again = post(agent, f"loans/{loan.pk}/waivers/", waiver | {"components": {"penalty": "10.01"}}, key="k-2")
    assert (again.status_code, again.json(), Approval.objects.count()) == (202, {"approval_id": approval.pk}, 1)


@pytest.mark.parametrize(
    ("body", "status", "code", "fields"),
    [
        ({"components": {"penalty": "1000.00"}}, 422, "repayment.waiver_exceeds_owed", {"penalty"}),
        ({"components": {}}, 422, "repayment.waiver_exceeds_owed", set()),
        ({"components": {"principal": "1.00"}}, 400, "core.invalid", {"components.principal"}),
        ({"components": {"penalty": "-1.00"}}, 400, "core.invalid", {"components.penalty"}),
        ({"components": "all"}, 400, "core.invalid", {"components"}),
        ({"components": {"penalty": "1.00"}, "reason": ""}, 400, "core.invalid", {"reason"}),
    ],
)
def test_refuses_a_waiver_that_makes_no_sense(loan, body, status, code, fields):
    waiver = {"value_date": str(TODAY), "reason": "a good one", "currency": "CNY"}
    answer = post(caller(LEAD), f"loans/{loan.pk}/waivers/", waiver | body)
    assert (answer.status_code, answer.json()["code"], set(answer.json()["fields"])) == (status, code, fields)
    assert operations() == []


def test_refunds_what_is_held_and_no_more(loan):
    lead = caller(LEAD)
    post(lead, "payments/", payment(loan, amount="3000.00", surplus="suspense"))
    loan.refresh_from_db()
    refund = {"value_date": str(TODAY), "reason": "paid too much", "currency": "CNY"}
    too_much = post(lead, f"loans/{loan.pk}/refunds/", refund | {"amount": str(loan.suspense + 1)})
    assert (too_much.status_code, too_much.json()["code"]) == (422, "repayment.refund_exceeds_suspense")
    assert post(lead, f"loans/{loan.pk}/refunds/", refund | {"amount": str(loan.suspense)}).status_code == 201
    loan.refresh_from_db()
    assert loan.suspense == Decimal("0.00")


def test_charges_off_and_takes_it_back(loan):
    lead = caller(LEAD)
    charged = post(lead, f"loans/{loan.pk}/charge-off/", {"value_date": str(TODAY), "reason": "no hope"})
    assert charged.status_code == 201
    assert Loan.objects.get().status == "charged_off"
    reversal = post(lead, f"operations/{charged.json()['operation']['id']}/reversal/", {"reason": "wrong loan"})
    assert (reversal.status_code, reversal.json()["operation"]["reverses_id"]) == (
        201,
        charged.json()["operation"]["id"],
    )
    assert Loan.objects.get().status == "active"
    again = post(lead, f"operations/{charged.json()['operation']['id']}/reversal/", {"reason": "twice"}, key="k-3")
    assert (again.status_code, again.json()["code"]) == (409, "repayment.already_reversed")


def test_takes_a_payment_back_to_the_cent(loan):
    before = Loan.objects.values().get()
    lead = caller(LEAD)
    paid = post(lead, "payments/", payment(loan)).json()["operation"]["id"]
    post(lead, f"operations/{paid}/reversal/", {"reason": "bounced"})
    after = Loan.objects.values().get()
    assert {name for name in before if before[name] != after[name]} <= {"touched_on", "accrued_through"}
    net: dict[str, Decimal] = {}
    for row in Transfer.objects.filter(operation_id=paid):
        net[row.debit] = net.get(row.debit, Decimal(0)) + row.amount
        net[row.credit] = net.get(row.credit, Decimal(0)) - row.amount
    assert set(net.values()) == {Decimal(0)}
    assert "cash" in net


def test_writes_off_only_within_the_tolerance(loan):
    answer = post(caller(LEAD), f"loans/{loan.pk}/write-off/", {"value_date": str(TODAY), "reason": "too small"})
    assert (answer.status_code, answer.json()["code"]) == (422, "repayment.beyond_tolerance")


def test_hands_the_claim_to_a_guarantor_without_paying_for_the_borrower(loan):
    bought = {"creditor": "Guarantor", "amount": "2000.00", "currency": "CNY"}
    change = {"value_date": str(TODAY), "reason": "due by contract"} | bought
    answer = post(caller(LEAD), f"loans/{loan.pk}/creditor-changes/", change)
    assert (answer.status_code, answer.json()["operation"]["creditor"]) == (201, "Guarantor")
    loan.refresh_from_db()
    assert (loan.creditor, loan.bucket, loan.outstanding_principal) == ("Guarantor", "M2", Decimal("12000.00"))


@pytest.mark.parametrize("roles", [("senior_agent", "admin"), (LEAD,)])  # who has to ask for it; who does it alone
@pytest.mark.parametrize(
    ("verb", "body"),
    [
        ("waivers", {"components": {"penalty": "10.01"}}),
        ("refunds", {"amount": "10.01"}),
        ("creditor-changes", {"amount": "10.01", "creditor": "Guarantor"}),
    ],
)
def test_an_amount_comes_with_its_currency_which_is_the_loans(loan, roles, verb, body):
    client = caller(*roles)
    address, asked = f"loans/{loan.pk}/{verb}/", {"value_date": str(TODAY), "reason": "a good one"} | body
    without = post(client, address, asked)
    assert (without.status_code, set(without.json()["fields"])) == (400, {"currency"})
    other = post(client, address, asked | {"currency": "USD"}, key="k-2")
    assert (other.status_code, other.json()["code"], other.json()["fields"]) == (
        422,
        "repayment.currency_differs",
        {"currency": "CNY"},
    )
    assert (operations(), Approval.objects.count()) == ([], 0)


def test_backdates_a_payment_and_replays_what_came_after(loan):
    agent = caller("agent")
    post(agent, "payments/", payment(loan, amount="100.00"))
    early = post(agent, "payments/", payment(loan, amount="1100.16", value_date="2026-02-15"), key="k-2")
    assert early.status_code == 201
    assert (Loan.objects.get().oldest_unpaid_due_date) == date(2026, 3, 15)
    body = agent.get(f"{API}/loans/{loan.pk}/?as_of={TODAY - timedelta(days=18)}").json()
    assert (body["dpd"], body["bucket"]) == (1, "M1")


def test_posts_a_payment_in_a_fixed_number_of_queries(loan, django_assert_num_queries):
    agent = caller_for(person("agent"))
    post(agent, "payments/", payment(loan, amount="1.00"))
    with django_assert_num_queries(21):
        post(agent, "payments/", payment(loan, amount="1.00"), key="k-2")
    post(agent, "payments/", payment(loan, amount="3.00"), key="k-3")
    with django_assert_num_queries(21):
        post(agent, "payments/", payment(loan, amount="1.00"), key="k-4")


def test_a_refusal_of_the_domain_is_told_in_the_callers_language(loan):
    agent = caller("agent")
    body = payment(loan, value_date=str(TODAY + timedelta(days=1)))
    answers = [
        agent.post(f"{API}/payments/", body, format="json", HTTP_IDEMPOTENCY_KEY="k-1", HTTP_ACCEPT_LANGUAGE=language)
        for language in ("zh-hans", "en")
    ]
    assert [(answer.status_code, answer.json()["detail"], answer.json()["next_step"]) for answer in answers] == [
        (422, "2026-04-04 晚于会计日 2026-04-03。", "请在款项起息的那一天入账。"),
        (422, "4 Apr 2026 lies after the business date 3 Apr 2026.", "Post it on the day the money has value."),
    ]
    assert {answer.json()["code"] for answer in answers} == {"repayment.value_date_in_future"}


def test_says_what_was_given_up_and_that_it_came_by_the_api(loan):
    lead = caller("team_lead")
    reason = {"reason": "agreed with the branch", "value_date": "2026-04-03"}
    waived = {"components": {"penalty": "10.00"}, "currency": "CNY"}
    waiver = post(lead, f"loans/{loan.pk}/waivers/", reason | waived, key="w").json()
    assert (waiver["operation"]["amount"], waiver["operation"]["components"]) == ("10.00", {"penalty": "10.00"})
    owed = lead.get(f"{API}/loans/{loan.pk}/").json()["loan"]["outstanding_total"]
    charged_off = post(lead, f"loans/{loan.pk}/charge-off/", reason, key="c").json()
    assert charged_off["operation"]["amount"] == owed
    operation = charged_off["operation"]["id"]
    undone = post(lead, f"operations/{operation}/reversal/", {"reason": "a mistake"}, key="r").json()
    assert (undone["operation"]["kind"], undone["operation"]["amount"]) == ("reversal", owed)
    sources = {answer["operation"]["source"] for answer in (waiver, charged_off, undone)}
    assert sources == {"api"}


def test_an_external_id_is_posted_once_whoever_sends_it(loan):
    body = payment(loan) | {"external_id": "BANK-REF-1"}
    first, second = (post(caller(role), "payments/", body) for role in (LEAD, "agent"))
    assert (first.status_code, second.status_code) == (201, 409)
    assert second.json()["code"] == "repayment.already_posted"
    assert Operation.objects.filter(kind="payment").count() == 1


@pytest.mark.parametrize("amount", [100, 100.5])
def test_refuses_an_amount_that_is_a_json_number(loan, amount):
    body = {"loan_id": loan.pk, "amount": amount, "currency": "CNY", "value_date": "2026-04-03"}
    answer = post(caller("agent"), "payments/", body)
    assert (answer.status_code, set(answer.json()["fields"])) == (400, {"amount"})
