"""Mandates of a demo: standing orders of the set, made-up agreements for the others; the same every time."""

from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from backoffice.core.actors import SYSTEM
from backoffice.customers.models import Borrower
from backoffice.repayment.domain.autopay.mandate_terms import Binding, faults_of_binding
from backoffice.repayment.models import Mandate, Rail
from backoffice.repayment.services.autopay.rail_settings import set_sandbox_rails
from backoffice.repayment.services.autopay.registering import Registered
from backoffice.repayment.tape import demo_mandates
from backoffice.repayment.tape.demo_mandates import load_demo_mandates
from tests.repayment.autopay_book import NOON
from tests.repayment.factories import DISBURSED, open_loan
from tests.repayment.test_tape_adapters import write_source

pytestmark = pytest.mark.django_db


def person(external_id: str, *, source: str, **loan: Any) -> int:
    """A borrower of a book with a loan."""
    who = Borrower.objects.create(external_id=external_id, source=source, portfolio=source)
    open_loan(borrower_id=who.pk, **loan)
    return who.pk


def order(number: int, account: int, symbol: str, *, to: str = "89597016") -> dict[str, Any]:
    return {
        "order_id": number,
        "account_id": account,
        "bank_to": "ST",
        "account_to": to,
        "amount": "3372.7",
        "k_symbol": symbol,
    }


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Accounts 1 and 2 have loans; 1 has two orders that pay it, 2 has none; 3 has no loan."""
    folder = tmp_path / "berka_czech_bank"
    disponents = [("1", "11", "OWNER"), ("1", "91", "DISPONENT"), ("2", "12", "OWNER"), ("3", "13", "OWNER")]
    write_source(
        folder, "disp.csv.gz", [dict(zip(("account_id", "client_id", "type"), one, strict=True)) for one in disponents]
    )
    write_source(folder, "loan.csv.gz", [{"account_id": account} for account in (1, 2)])
    orders = [
        order(29402, 1, "UVER"),
        order(29403, 1, "UVER", to="13943797"),
        order(29404, 1, "SIPO"),
        order(29405, 3, "UVER"),
        order(29406, 2, " "),
    ]
    write_source(folder, "order.csv.gz", orders)
    return tmp_path


@pytest.fixture
def rails() -> None:
    set_sandbox_rails(url="http://127.0.0.1:9", actor=SYSTEM)


@pytest.mark.usefixtures("rails")
def test_standing_orders_become_mandates_without_the_number(data: Path) -> None:
    first, second = person("11", source="berka"), person("12", source="berka")

    done = load_demo_mandates(data=data, actor=SYSTEM, at=NOON)

    bound = list(Mandate.objects.filter(borrower_id=first).order_by("priority"))
    assert [(each.agreement_no, each.bank, each.mask, each.priority) for each in bound] == [
        ("BERKA-29402", "ST", "**** 7016", 1),
        ("BERKA-29403", "ST", "**** 3797", 2),
    ]
    assert {each.token.startswith("tok-") and "89597016" not in each.token for each in bound} == {True}
    assert bound[0].moves.get().details == {"expected_amount": "3372.70"}
    assert (bound[0].signed_on, bound[0].currency, bound[0].source) == (DISBURSED, "CNY", "demo")
    # Who has no standing order has a made-up agreement like everybody else.
    made_up = Mandate.objects.filter(borrower_id=second, agreement_no__startswith="DEMO-").count()
    assert done == Registered(rows=2 + made_up, new=2 + made_up)


@pytest.mark.usefixtures("rails")
def test_the_same_book_has_the_same_mandates(data: Path) -> None:
    for number in range(40):
        person(f"B{number}", source="cash")
    first = load_demo_mandates(data=data, actor=SYSTEM, at=NOON)

    again = load_demo_mandates(data=data, actor=SYSTEM, at=NOON)

    assert (again.rows, again.new) == (first.rows, 0)
    assert Mandate.objects.count() == first.new
    told = dict(Mandate.objects.values_list("rail__kind", "tell_at"))
    assert told[Rail.Kind.HTTP] == NOON
    assert told.get(Rail.Kind.ISO20022) is None


def test_a_few_have_none_and_a_few_have_two() -> None:
    owing = [(number, "cash", f"B{number}", "CNY", date(2026, 1, 1)) for number in range(5_000)]
    http, files = Rail(pk=1, code="union", kind="http"), Rail(pk=2, code="iso", kind="iso20022")

    rows = list(demo_mandates._made_up(owing, [http, files], without=set()))

    count = dict.fromkeys(range(3), 0)
    per_person: dict[int, int] = {}
    for row in rows:
        per_person[row.borrower_id] = per_person.get(row.borrower_id, 0) + 1
    for number in range(5_000):
        count[per_person.get(number, 0)] += 1
    assert count == {0: 127, 1: 4629, 2: 244}
    assert len({row.agreement_no for row in rows}) == len(rows)
    assert {row.rail_id for row in rows} == {1, 2}
    bindings: list[Binding] = [row.binding for row in rows]
    assert [faults for binding in bindings if (faults := faults_of_binding(binding))] == []
    assert rows[0].details == {}
    assert rows[0].limits.single is None or rows[0].limits.single > Decimal(0)


def test_without_a_rail_it_says_what_to_do(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(CommandError, match="connect_rails"):
        call_command("load_mandates")
    call_command("connect_rails", "http://127.0.0.1:9")
    call_command("load_mandates")
    assert capsys.readouterr().out.split("\n")[:2] == [
        "2 rails are set up.",
        "  mandates: 0 in the sets, 0 of them new",
    ]
