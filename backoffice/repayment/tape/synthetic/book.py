"""The made-up book as a loan tape: about 5,000 people, five products in CNY, eighteen months of loans."""

import json
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from random import Random
from typing import Any

from backoffice.repayment.domain.terms import Terms
from backoffice.repayment.domain.terms_form import from_json
from backoffice.repayment.tape.adapters.writing import Conversion, TapeWriter
from backoffice.repayment.tape.synthetic.behaviour import Behaviour, happens
from backoffice.repayment.tape.synthetic.histories import Life, live
from backoffice.repayment.tape.synthetic.people import Person, make_person

PORTFOLIO = "demo"
SEED = 20_260_101
PEOPLE = 5_000
MONTHS_BACK = 540
MOST_LOANS = 6
WINDOW = 30
# Out of ten old borrowers who settled; the measured rate is an upper bound (docs/measured_rates.md).
RETURNING_OF_TEN = 6
COMMON: dict[str, Any] = {
    "currency": "CNY",
    "grace": {"days": 3, "mode": "waive"},
    "allocation": {"future": "next_installment"},
}


@dataclass(frozen=True, slots=True)
class DemoProduct:
    """A product of the made-up book: its terms as JSON, amounts it is lent in, and how often it is chosen."""

    code: str
    name: str
    terms: dict[str, Any]
    amounts: tuple[int, ...]
    weight: int


PRODUCTS: tuple[DemoProduct, ...] = (
    DemoProduct(
        "demo-cash-30",
        "应急借款 Cash 30 days",
        COMMON
        | {
            "method": "single_payment",
            "annual_rate": "0.2160",
            "periods": 30,
            "unit": "day",
            "day_count": "act/360",
        },
        (500, 1000, 1500, 2000, 3000),
        40,
    ),
    DemoProduct(
        "demo-equal-12",
        "安心分期 Equal 12 months",
        COMMON | {"method": "equal_installment", "annual_rate": "0.18", "periods": 12},
        (3000, 5000, 8000, 12000, 20000),
        30,
    ),
    DemoProduct(
        "demo-principal-6",
        "轻松还本 Equal principal 6 months",
        COMMON | {"method": "equal_principal", "annual_rate": "0.15", "periods": 6},
        (3000, 6000, 9000),
        15,
    ),
    DemoProduct(
        "demo-flat-3",
        "等本等息 Flat 3 months",
        COMMON | {"method": "flat", "annual_rate": "0.1080", "periods": 3},
        (1200, 3000, 6000),
        10,
    ),
    DemoProduct(
        "demo-interest-6",
        "先息后本 Interest only 6 months",
        COMMON | {"method": "interest_only", "annual_rate": "0.12", "periods": 6},
        (10000, 20000, 50000),
        5,
    ),
)


def convert(*, folder: Path, tape: TapeWriter, book_end: date) -> Conversion:
    """The registry's form of `write_book`; the folder is not read."""
    del folder
    return write_book(tape=tape, book_end=book_end)


def write_book(*, tape: TapeWriter, book_end: date, people: int = PEOPLE, seed: int = SEED) -> Conversion:
    """Write the made-up book through `book_end`; the same seed, day and number of people write the same book."""
    random = Random(seed)  # noqa: S311 - a demo's dice, not a secret
    behaviour = Behaviour.measured()
    result = Conversion()
    terms = {product.code: from_json(product.terms) for product in PRODUCTS}
    for product in PRODUCTS:
        tape.add(
            "products",
            product_code=product.code,
            name=product.name,
            currency="CNY",
            terms=json.dumps(product.terms, ensure_ascii=False),
        )
    for number in range(1, people + 1):
        person = make_person(random, number=number, year=book_end.year)
        _write_person(person, tape)
        _write_loans(person, tape, result, terms=terms, book_end=book_end, behaviour=behaviour, random=random)
    return result


def _write_person(person: Person, tape: TapeWriter) -> None:
    tape.add(
        "borrowers",
        borrower_id=person.id,
        full_name=person.full_name,
        family_name=person.family_name,
        given_name=person.given_name,
        identity_number=person.identity_number,
        identity_kind="cn_ric",
        birth_year=person.birth_year,
        country="CN",
        time_zone="Asia/Shanghai",
        language=person.language,
    )
    tape.add("contact_points", borrower_id=person.id, kind="phone", value=person.phone, country="CN", is_primary="true")
    if person.email:
        tape.add("contact_points", borrower_id=person.id, kind="email", value=person.email, is_primary="true")


def _write_loans(
    person: Person,
    tape: TapeWriter,
    result: Conversion,
    *,
    terms: dict[str, Terms],
    book_end: date,
    behaviour: Behaviour,
    random: Random,
) -> None:
    """A borrower's loans one after another: a new one only after the last was settled, as often as was measured."""
    disbursed_on = book_end - timedelta(days=random.randrange(MONTHS_BACK))
    for loan_number in range(1, MOST_LOANS + 1):
        (product,) = random.choices(PRODUCTS, weights=[product.weight for product in PRODUCTS])
        principal = Decimal(random.choice(product.amounts))
        life = live(
            terms=terms[product.code],
            principal=principal,
            disbursed_on=disbursed_on,
            last_day=book_end,
            behaviour=behaviour,
            random=random,
        )
        _write_loan(f"{person.id}-{loan_number}", person, product, life, tape)
        result.used[f"loans of {product.code}"] += 1
        result.used["loans charged off at 210 days late"] += life.charged_off_on is not None
        if life.closed_on is None or random.randrange(10) >= RETURNING_OF_TEN:
            return
        if not happens(random, behaviour.borrows_again(WINDOW)):
            return
        disbursed_on = life.closed_on + timedelta(days=random.randint(0, WINDOW))
        if disbursed_on > book_end:
            return


def _write_loan(loan_id: str, person: Person, product: DemoProduct, life: Life, tape: TapeWriter) -> None:
    tape.add(
        "loans",
        loan_id=loan_id,
        borrower_id=person.id,
        product_code=product.code,
        currency="CNY",
        principal=life.state.principal,
        disbursed_on=life.state.disbursed_on,
    )
    for number, payment in enumerate(life.payments, start=1):
        tape.add(
            "payments",
            payment_id=f"{loan_id}-{number}",
            loan_id=loan_id,
            amount=payment.amount,
            value_date=payment.on,
            currency="CNY",
            channel="bank_transfer",
        )
    if life.charged_off_on is not None:
        tape.add(
            "status_history",
            loan_id=loan_id,
            on=life.charged_off_on,
            status="charged off",
            effect="charge_off",
            note="210 days late",
        )
