"""The law of a simulation: what it says of tomorrow is what planning, building and letting out really ask for then."""

import random
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from backoffice.calendars.models import BusinessDay
from backoffice.repayment.domain.autopay.handover import Answer, Outcome
from backoffice.repayment.models import (
    AutopayVersion,
    Claim,
    DebitBatch,
    DebitBill,
    DebitCommand,
    Loan,
    Mandate,
    Operation,
    Payee,
    Rail,
    SimulatedBill,
    SplitLine,
)
from backoffice.repayment.services.autopay import planning, settling, submitting
from backoffice.repayment.services.autopay.building import NothingToTry, begin_now
from backoffice.repayment.services.autopay.drafting import draft_version
from backoffice.repayment.services.autopay.simulating import LOANS_A_RANGE, simulate_version
from tests.repayment.autopay.claiming import rule
from tests.repayment.autopay.contents import MAKER, configuration, content, limit, mandate, open_rails, whole
from tests.repayment.factories import borrower, close_days, open_loan, post

pytestmark = pytest.mark.django_db
SHANGHAI = ZoneInfo("Asia/Shanghai")
SECRET = "a secret of thirty-two characters and more"
FIRST = date(2026, 2, 15)
SLOT = [{"id": "morning", "at": "06:00", "until": "09:30"}]
Asked = dict[tuple[int, int], tuple[Decimal, int, dict[str, Decimal]]]
"""By loan and bill number: how much, over which agreement, and what each payee gets."""


@dataclass(frozen=True)
class Book:
    """A book on the evening of a day, whatever has happened to its loans before."""

    eve: date

    @property
    def day(self) -> date:
        return self.eve + timedelta(days=1)


def a_book(chance: random.Random, *, is_thick: bool) -> Book:
    """Loans with bills on their due date and past due, money held, agreements in plenty, limits partly used up."""
    open_rails()
    other = Rail.objects.get()
    other.pk, other.code, other.name = None, "other", "Other"
    other.is_paused, other.paused_reason = chance.random() < 0.2, "law"
    other.save()
    Rail.objects.update(per_second=10_000, refilled_at=datetime(2026, 1, 1, tzinfo=SHANGHAI))
    if chance.random() < 0.6:
        limit(chance.choice(["300.00", "900.00"]), day=chance.choice([None, "1500.00"]), month="2500.00")
    if chance.random() < 0.3:
        limit("700.00", bank="ICBC", attempts_a_day=chance.choice([1, 2]))
    eve = FIRST + timedelta(days=27 if is_thick else chance.choice([-1, 0, 1, 26, 27]))
    BusinessDay.objects.update(today=FIRST - timedelta(days=1))
    loans: list[int] = []
    owner = None
    for _ in range(6):
        owner = owner if owner and chance.random() < 0.4 else borrower().pk
        loans.append(open_loan(borrower_id=owner, business_date=FIRST - timedelta(days=1)))
        for priority in range(chance.choice([0, 1, 2]) if Mandate.objects.filter(borrower_id=owner).exists() else 2):
            _an_agreement(owner, chance, priority=2 - priority)
    for loan_id in loans:
        if chance.random() < 0.5:
            post(loan_id, chance.choice(["50.00", "700.00", "1100.16"]), FIRST - timedelta(days=1))
    close_days(FIRST - timedelta(days=1), eve - timedelta(days=1))
    BusinessDay.objects.update(today=eve)
    _past_debits(chance, eve)
    if eve > FIRST:
        _claims(chance, loans, eve)
    return Book(eve)


def _an_agreement(owner: int, chance: random.Random, *, priority: int) -> Mandate:
    fields: dict[str, Any] = {"rail": Rail.objects.get(code=chance.choice(["union-sandbox", "other"]))}
    if chance.random() < 0.4:
        fields["day_limit"] = "1200.00"
    if chance.random() < 0.3:
        fields |= {"single_limit": "800.00", "month_limit": "1500.00"}
    return mandate(owner, priority=priority, allows_partial=chance.random() < 0.6, **fields)


def _past_debits(chance: random.Random, eve: date) -> None:
    """Debits of the month before tomorrow use up limits; two successes of one day tell agreements apart."""
    for number, agreement in enumerate(Mandate.objects.order_by("pk")):
        if chance.random() < 0.5:
            continue
        loan = Loan.objects.filter(borrower_id=agreement.borrower_id).first()
        assert loan is not None
        moment = datetime.combine(eve, datetime.min.time(), tzinfo=SHANGHAI) + timedelta(
            hours=7, seconds=chance.randrange(3600)
        )
        DebitCommand.objects.create(
            order_no=f"OLD{number}", purpose="debit", version=None, loan=loan, borrower_id=agreement.borrower_id,
            installment_number=90 + number, from_version=1, attempt=1, day=eve, mandate=agreement,
            rail=agreement.rail, currency="CNY", forecast="200.00", amount="200.00", state="succeeded",
            succeeded_at=moment, submitted_at=moment, is_unplaced=True,
        )  # fmt: skip


def an_earlier_day(chance: random.Random, version: AutopayVersion, book: Book) -> None:
    """Bills past due were tried before: refused for funds, for a limit, or on an agreement that cannot be used."""
    for loan in Loan.objects.order_by("pk"):
        if book.eve < FIRST or chance.random() < 0.4:
            continue
        agreement = Mandate.objects.filter(borrower_id=loan.borrower_id).order_by("pk").first()
        assert agreement is not None
        is_skipped = chance.random() < 0.5
        bill = DebitBill.objects.create(
            loan=loan, borrower_id=loan.borrower_id, installment_number=1, from_version=1, due_date=FIRST, day=book.eve,
            version=version, currency="CNY", amount="1000.00", debited=0, state="over", attempts=1,
            tries_without_funds=chance.choice([0, 1, 3]), tries_over_limit=chance.choice([0, 0, 2]),
            skipped_mandates=[agreement.pk] if is_skipped else [],
        )  # fmt: skip
        DebitCommand.objects.create(
            order_no=f"TRIED{loan.pk}", purpose="debit", version=version, bill=bill, loan=loan,
            borrower_id=loan.borrower_id, installment_number=1, from_version=1, attempt=1, day=book.eve,
            mandate=agreement, rail=agreement.rail, currency="CNY", forecast="1000.00", amount="1000.00",
            state="declined", family=chance.choice(["agreement", "insufficient_funds"]), code="x",
            answered_at=datetime.combine(book.eve, datetime.min.time(), tzinfo=SHANGHAI),
        )  # fmt: skip


def _claims(chance: random.Random, loans: Sequence[int], eve: date) -> None:
    """A guarantor has paid the first bill of some loans: what the borrower pays of it since is the guarantor's."""
    of = rule(guarantor=Payee.objects.get(code="guarantor"))
    for loan_id in loans:
        penalty = chance.choice([Decimal(0), Decimal("1.00")])
        if chance.random() < 0.4:
            Claim.objects.create(
                number=f"CL{loan_id}", rule=of, guarantor=of.guarantor, loan_id=loan_id, installment_number=1,
                plan_version=1, due_date=FIRST, day=eve, currency="CNY", principal="10.00", interest="1.00",
                penalty=penalty, amount=Decimal("11.00") + penalty, state="transferred", transferred_on=eve,
                booked_through=Operation.objects.order_by("-pk").values_list("pk", flat=True)[0],
            )  # fmt: skip


def a_content(chance: random.Random, *, is_thick: bool) -> dict[str, Any]:
    """A configuration that can be read; a thick one tries several bills of a loan on one day."""
    shares = chance.choice([[], ["1", "0.5"], ["0.1"], ["0.7", "0.2"]])
    split = chance.choice(["0.155", "0.5"])
    interest = [{"payee": "bank-a", "share": split}, {"payee": "lender", "share": str(1 - Decimal(split))}]
    return content(
        slots=SLOT,
        attempts_per_day=1,
        rails=chance.choice([["union-sandbox"], ["union-sandbox", "other"], ["other", "union-sandbox"]]),
        amount="current_only" if is_thick else chance.choice(["all_due", "current_only", "overdue_first"]),
        days=30 if is_thick else chance.choice([1, 3, 30]),
        split_over_limit=chance.random() < 0.7,
        partial={"shares": shares, "least": chance.choice(["0", "150.00"])} if shares else {},
        mandate_order=chance.choice(["priority", "newest", "last_success"]),
        payees=content()["payees"] | {"interest": interest, "penalty": whole("bank-a")},
        breakers={"after": 1000, "debits_per_card": 20},
    )


def simulated(version: AutopayVersion) -> Asked:
    """What the simulation says, beside nothing: every debit begins."""
    AutopayVersion.objects.filter(pk=version.pk).update(state="checked")
    simulation = simulate_version(version_id=version.pk, actor=MAKER)
    rows = SimulatedBill.objects.filter(simulation=simulation, day=simulation.through_day)
    said: Asked = {}
    for row in rows:
        assert row.why == "begins"
        assert row.mandate_after_id is not None
        payees = {payee: Decimal(amount) for payee, amount in row.payees_after.items()}
        said[row.loan_id, row.installment_number] = (row.amount_after, row.mandate_after_id, payees)
    total = sum((amount for amount, _mandate, _payees in said.values()), Decimal(0))
    assert Decimal(simulation.totals["tomorrow"]["after"]["amounts"].get("CNY", 0)) == total
    return said


def done(version: AutopayVersion, book: Book) -> Asked:
    """What the next day really asks for, every debit answered with a success."""
    AutopayVersion.objects.filter(pk=version.pk).update(
        state="active", effective_from=date(2026, 1, 1), approved_at=datetime(2026, 1, 1, tzinfo=SHANGHAI)
    )
    close_days(book.eve, book.eve)
    BusinessDay.objects.update(today=book.day)
    planning.plan_debits(day=book.day)
    at = datetime.combine(book.day, datetime.min.time(), tzinfo=SHANGHAI) + timedelta(hours=6)
    with suppress(NothingToTry):
        begin_now(version_id=version.pk, slot_id="morning", at=at, reason="law", actor=MAKER)
    for batch in DebitBatch.objects.all():
        while batch.state == "running":
            leaving = submitting.let_out(batch_id=batch.pk, at=at)
            answers = {
                one.row.id: Answer(
                    outcome=Outcome.SUCCEEDED, code="00", reference="x", at=at, amount=one.outgoing.amount
                )
                for one in leaving
            }
            at += timedelta(seconds=10)
            settling.learn(answers=answers, at=at, actor=MAKER)
            batch.refresh_from_db()
        assert batch.state == "done"
    asked: Asked = {}
    for command in DebitCommand.objects.filter(day=book.day, state="succeeded"):
        payees: dict[str, Decimal] = {}
        for line in SplitLine.objects.filter(command=command).select_related("payee"):
            payees[line.payee.code] = payees.get(line.payee.code, Decimal(0)) + line.amount
        assert command.amount is not None
        asked[command.loan_id, command.installment_number] = (command.amount, command.mandate_id, payees)
    return asked


@pytest.mark.parametrize("seed", range(24))
def test_what_is_simulated_of_tomorrow_is_what_is_asked_for_when_it_has_come(
    seed: int, monkeypatch: pytest.MonkeyPatch, settings: Any
) -> None:
    settings.RAIL_SECRETS = {"union-sandbox": SECRET, "other": SECRET}
    chance, is_thick = random.Random(seed), seed % 4 == 0
    book = a_book(chance, is_thick=is_thick)
    size = chance.choice([1, LOANS_A_RANGE])
    monkeypatch.setattr("backoffice.repayment.services.autopay.simulating.LOANS_A_RANGE", size)
    # The law is of every content that can be read, of those too that guards refuse.
    monkeypatch.setattr("backoffice.repayment.services.autopay.simulating.require_sound", lambda _version: [])
    version = draft_version(
        configuration_id=configuration().pk,
        content=a_content(chance, is_thick=is_thick),
        note="",
        actor=MAKER,
        effective_from=book.day + timedelta(days=1),
    )
    an_earlier_day(chance, version, book)

    said = simulated(version)

    assert said == done(version, book)
    if is_thick:
        assert said
