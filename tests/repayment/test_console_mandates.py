"""The pages of mandates, rails and payees: what they list, what the verbs do, who may not."""

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from backoffice.audit import approvals
from backoffice.audit.models import Approval, ApprovalLimit
from backoffice.calendars.models import BusinessDay
from backoffice.core.actors import SYSTEM
from backoffice.repayment.models import BankLimit, Mandate, Payee, Rail
from backoffice.repayment.services.autopay import payees
from tests.console.book import as_role
from tests.console.page import fields_of, rows_of, text_of
from tests.repayment import autopay_book as book
from tests.repayment.autopay.contents import configuration, in_force
from tests.repayment.autopay_book import TODAY
from tests.repayment.factories import borrower, open_loan
from tests.repayment.rail_in_a_thread import SECRET, RailInAThread, says
from tests.staff.factories import person

pytestmark = pytest.mark.django_db(transaction=True)
BOUND = {"kind": "card", "bank": "B01", "token": "tok-new", "mask": "**** 7788", "currency": "CNY"}


@pytest.fixture(autouse=True)
def _business_day() -> None:
    BusinessDay.objects.update_or_create(pk=BusinessDay.ONLY, defaults={"today": TODAY})


@pytest.fixture
def bank(settings: Any) -> Iterator[RailInAThread]:
    settings.RAIL_SECRETS = {"union-main": SECRET}
    with RailInAThread() as served:
        yield served


@pytest.fixture
def rail(bank: RailInAThread) -> Rail:
    return book.rail(url=bank.url)


@pytest.fixture
def who() -> int:
    who = borrower()
    open_loan(borrower_id=who.pk, external_id="L-77")
    return who.pk


def page(client: Client, name: str, *args: int, **query: str) -> str:
    answer = client.get(reverse(f"repayment:{name}", args=args), query)
    assert answer.status_code == 200, answer.content.decode()
    return answer.content.decode()


def confirm(client: Client, verb: str, /, *args: int, **values: str) -> Any:
    """Opens a confirm panel, fills it in, looks, and sends what was seen."""
    url = reverse(f"repayment:{verb}", args=args)
    filled = fields_of(client.get(url).content.decode()) | {"reason": "because we must"} | values
    looked = client.post(url, filled | {"look": "1"})
    return client.post(url, filled | {"seen": fields_of(looked.content.decode()).get("seen", "")}, follow=True)


def said(answer: Any) -> str:
    return text_of(answer.content.decode())


def test_a_mandate_is_signed_on_the_borrowers_page_and_has_its_own(who: int, rail: Rail) -> None:
    client = as_role("agent")
    answer = confirm(client, "sign_mandate", who, rail=str(rail.pk), single_limit="500", **BOUND)

    mandate = Mandate.objects.get()
    assert (mandate.state, mandate.single_limit, mandate.mask) == ("active", Decimal(500), "**** 7788")
    assert f"Agreement {mandate.agreement_no} is in force." in said(answer)
    assert "B01 **** 7788" in said(answer)
    html = page(client, "mandate", mandate.pk)
    assert "Asked for" in text_of(html)
    assert "tok-new" not in html


def test_a_number_is_refused_at_its_field(who: int, rail: Rail) -> None:
    answer = confirm(
        as_role("agent"), "sign_mandate", who, rail=str(rail.pk), **(BOUND | {"token": "6222021234567890"})
    )
    assert (answer.status_code, Mandate.objects.count()) == (422, 0)


def test_the_list_finds_by_agreement_borrower_loan_and_digits_and_filters(who: int, rail: Rail) -> None:
    mine = book.mandate(who, rail.pk, agreement_no="AG-MINE", binding=book.binding(mask="**** 4321", bank="B09"))
    other = borrower()
    book.mandate(other.pk, rail.pk, agreement_no="AG-OTHER")
    client = as_role("auditor")

    def found(**query: str) -> list[str]:
        return [row[0] for row in rows_of(page(client, "mandates", **query), caption="Mandates")]

    assert found() == ["AG-OTHER", "AG-MINE"]
    for words in ("ag-mi", mine.borrower.external_id, "l-77", "4321"):
        assert found(q=words) == ["AG-MINE"]
    assert found(bank="B09", state="active", rail=str(rail.pk)) == ["AG-MINE"]
    assert "Nothing matches" in page(client, "mandates", state="revoked")
    assert client.get(reverse("repayment:mandates"), {"state": "nothing"}).status_code == 400


def test_its_page_has_its_debits_and_every_verb_does_what_it_says(who: int, rail: Rail, bank: RailInAThread) -> None:
    client = as_role("senior_agent")
    mandate = book.mandate(who, rail.pk)
    debit = book.command(mandate)

    looked = client.post(reverse("repayment:suspend_mandate", args=[mandate.pk]), {"look": "1", "reason": "disputed"})
    assert "Planned debits that are dropped" in text_of(looked.content.decode())
    assert "The mandate is suspended." in said(confirm(client, "suspend_mandate", mandate.pk))
    html = page(client, "mandate", mandate.pk)
    (row,) = rows_of(html, caption="The latest debits over the mandate")
    assert (row[1], row[4]) == (debit.order_no, "dropped")
    assert "planned debits dropped: 1" in text_of(html)
    assert "in force again" in said(confirm(client, "resume_mandate", mandate.pk))
    assert "limits are changed" in said(confirm(client, "limit_mandate", mandate.pk, day_limit="900"))
    assert "is in force" in said(confirm(client, "rebind_mandate", mandate.pk, **BOUND))
    new = Mandate.objects.get(replaces=mandate)
    assert (new.state, new.day_limit) == ("active", Decimal(900))
    assert new.agreement_no in page(client, "mandate", mandate.pk)
    assert "The mandate is revoked." in said(confirm(client, "revoke_mandate", new.pk))
    assert confirm(client, "revoke_mandate", new.pk).status_code == 409
    assert bank.agreements[new.agreement_no]["state"] == "revoked"


def test_what_the_rail_did_not_answer_is_said(who: int, rail: Rail, bank: RailInAThread) -> None:
    client = as_role("agent")
    bank.answer = lambda heard: says(500)
    answer = confirm(client, "sign_mandate", who, rail=str(rail.pk), **BOUND)
    assert "is being signed; the rail is asked again at" in said(answer)
    mandate = Mandate.objects.get()
    assert "The rail does not know the agreement as it stands here." in page(client, "mandate", mandate.pk)
    assert "is being signed" in said(confirm(client, "confirm_mandate", mandate.pk))
    revoked = confirm(client, "revoke_mandate", mandate.pk)
    assert "The rail did not answer" in said(revoked)


def test_a_refusal_of_the_rail_and_a_paper_mandate_are_said(who: int, rail: Rail, bank: RailInAThread) -> None:
    client = as_role("agent")
    bank.answer = lambda heard: says(400, code="61")
    assert "The rail refused agreement" in said(confirm(client, "sign_mandate", who, rail=str(rail.pk), **BOUND))
    files = book.rail("iso-main", kind="iso20022")
    signed = confirm(client, "sign_mandate", who, rail=str(files.pk), **BOUND)
    assert "waits until somebody confirms" in said(signed)
    waiting = Mandate.objects.get(rail=files)
    assert "is in force" in said(confirm(client, "confirm_mandate", waiting.pk, signed_on="2026-02-27"))


def test_mandates_are_put_into_another_order(who: int, rail: Rail) -> None:
    first, second = (book.mandate(who, rail.pk, priority=place) for place in (1, 2))
    client = as_role("agent")
    answer = confirm(client, "reorder_mandates", who, place_1=str(second.pk), place_2=str(first.pk))
    assert "in the new order" in said(answer)
    assert list(Mandate.objects.order_by("priority").values_list("pk", flat=True)) == [second.pk, first.pk]
    twice = confirm(client, "reorder_mandates", who, place_1=str(first.pk), place_2=str(first.pk))
    assert "must name each running mandate" in said(twice)


def test_who_works_elsewhere_sees_and_does_nothing(who: int, rail: Rail) -> None:
    mandate = book.mandate(who, rail.pk)
    stranger = as_role("agent", "elsewhere")
    for name in ("mandate", "revoke_mandate"):
        assert stranger.get(reverse(f"repayment:{name}", args=[mandate.pk])).status_code == 404
    assert stranger.get(reverse("repayment:sign_mandate", args=[who])).status_code == 404
    assert mandate.agreement_no not in page(stranger, "mandates")
    assert as_role("analyst").get(reverse("repayment:revoke_mandate", args=[mandate.pk])).status_code == 403


@pytest.mark.parametrize("language", ["en", "zh-hans"])
def test_pages_read_in_both_languages_in_a_fixed_number_of_queries(
    who: int, rail: Rail, language: str, django_assert_max_num_queries: Any
) -> None:
    for place in range(1, 12):
        book.command(book.mandate(who, rail.pk, priority=place))
    one = Mandate.objects.latest("pk")
    client = as_role("admin")
    client.cookies["django_language"] = language
    for name, args in (("mandates", []), ("mandate", [one.pk]), ("rails", []), ("payees", [])):
        with django_assert_max_num_queries(20):
            assert client.get(reverse(f"repayment:{name}", args=args)).status_code == 200


# ---------------------------------------------------------------------------------------------------- rails and payees


def test_a_rail_is_set_up_paused_resumed_and_limited(settings: Any) -> None:
    settings.RAIL_SECRETS = {}
    client = as_role("admin")
    values = {"code": "union-main", "name": "Union", "kind": "http", "scheme": "unionpay", "url": "https://b.example/r"}
    look = client.post(
        reverse("repayment:new_rail"),
        values | {"look": "1", "opens": "00:05", "closes": "23:50", "cut_off": "22:00", "per_second": "200"},
    )
    assert "RAIL_SECRET_UNION_MAIN" in text_of(look.content.decode())
    answer = confirm(client, "new_rail", **values)
    (row,) = rows_of(answer.content.decode(), caption="Rails as they stand now")
    assert (row[1], row[2], row[3], row[6]) == (
        "no secret",
        "00:05–23:50",
        "22:00",
        "missing RAIL_SECRET_UNION_MAIN",
    )
    settings.RAIL_SECRETS = {"union-main": SECRET}
    rail = Rail.objects.get()
    assert "Union is paused." in said(confirm(client, "pause_rail", rail.pk))
    assert "because we must" in page(client, "rails")
    assert confirm(client, "pause_rail", rail.pk).status_code == 409
    assert "Union debits again." in said(confirm(client, "resume_rail", rail.pk))
    assert confirm(client, "set_rail", rail.pk, per_second="5").status_code == 200

    for day, single in (("2026-03-02", "5000"), ("2026-03-05", "100")):
        set_limit = confirm(client, "set_bank_limit", rail.pk, bank="B01", single=single, effective_from=day)
        assert "The limit is set." in said(set_limit)
    past = confirm(client, "set_bank_limit", rail.pk, effective_from="2026-03-01")
    assert past.status_code == 422
    rows = rows_of(page(client, "rails"), caption="Limits of banks, Union")
    assert [(row[0], row[2].split()[-2:]) for row in rows] == [
        ("B01", ["to", "come"]),
        ("B01", ["in", "force"]),
    ]
    assert BankLimit.objects.count() == 2
    assert as_role("team_lead").get(reverse("repayment:new_rail")).status_code == 403


def test_payees_are_created_changed_retired_and_taken_back() -> None:
    client = as_role("admin")
    answer = confirm(
        client, "new_payee", code="funder-a", name="Funder A", kind="funder", creditor="A", account="tok-a"
    )
    assert "Funder A may be named in splits now." in said(answer)
    payee = Payee.objects.get()
    assert confirm(client, "new_payee", code="b", name="B", kind="funder", creditor="A").status_code == 422
    assert "is changed" in said(confirm(client, "change_payee", payee.pk, account="tok-b", contract_interest="90"))
    payee.refresh_from_db()
    assert payee.contract_shares == {"interest": "0.9"}
    assert "is retired" in said(confirm(client, "retire_payee", payee.pk))
    assert confirm(client, "retire_payee", payee.pk).status_code == 409
    assert "is in use again" in said(confirm(client, "reinstate_payee", payee.pk))
    payees.create_payee(code="other", name="Other", kind="lender", actor=SYSTEM)
    rows = rows_of(page(client, "payees"), caption="Payees, those in use first")
    assert [(row[0], row[2], row[4], row[5]) for row in rows] == [
        ("Funder A funder-a", "in use", "tok-b", "interest 90 %"),
        ("Other other", "in use", "–", "–"),
    ]
    assert as_role("analyst").get(reverse("repayment:new_payee")).status_code == 403


def test_another_account_of_a_payee_in_force_waits_for_a_second_person(who: int) -> None:
    ApprovalLimit.objects.get_or_create(verb=payees.CHANGE, role="compliance", defaults={"alone": False})
    paid = payees.create_payee(code="lender", name="The lender", kind="lender", account="tok-a", actor=SYSTEM)
    in_force(configuration())
    client = as_role("admin")
    panel = text_of(client.get(reverse("repayment:change_payee", args=[paid.pk])).content.decode())
    assert "Cash, version 1" in panel

    assert "waits for a second person" in said(confirm(client, "change_payee", paid.pk, account="tok-b"))

    paid.refresh_from_db()
    assert paid.account == "tok-a"
    asked = Approval.objects.get()
    text = text_of(as_role("compliance").get(f"/approvals/{asked.pk}/").content.decode())
    assert "tok-b instead of tok-a" in text
    approvals.approve(approval_id=asked.pk, actor=person("compliance").as_actor())
    paid.refresh_from_db()
    assert paid.account == "tok-b"


def test_the_calendar_of_a_rail_is_typed_and_shown(rail: Rail) -> None:
    client = as_role("admin")
    assert confirm(client, "set_rail", rail.pk, calendar="CZ").status_code == 200
    rail.refresh_from_db()
    assert rail.calendar == "CZ"
    (row,) = rows_of(page(client, "rails"), caption="Rails as they stand now")
    assert row[4] == "Czech Republic"
