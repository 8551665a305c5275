"""Slots that run without a rail: what leaves is answered by the test, through the real services."""

from collections.abc import Callable
from datetime import datetime
from decimal import Decimal
from typing import Final

from backoffice.core.actors import SYSTEM
from backoffice.repayment.domain.autopay.codes import Family
from backoffice.repayment.domain.autopay.debit_states import CommandState
from backoffice.repayment.domain.autopay.outcomes import Said
from backoffice.repayment.domain.terms import Terms
from backoffice.repayment.models import DebitBatch, Loan, Mandate
from backoffice.repayment.services.autopay import building, submitting
from backoffice.repayment.services.autopay.settling import Fact, settle
from backoffice.repayment.services.opening import Opening, open_and_replay
from tests.customers.factories import borrower
from tests.repayment.autopay.debiting import mandate
from tests.repayment.factories import DISBURSED, PORTFOLIO

ONCE: Final = Terms(currency="CNY", method="single_payment", annual_rate=Decimal(0), periods=1)
PAID: Final = Said(CommandState.SUCCEEDED, "00", Family.DONE)
NO_FUNDS: Final = Said(CommandState.DECLINED, "64", Family.INSUFFICIENT_FUNDS)
RISK: Final = Said(CommandState.DECLINED, "38", Family.RISK)
SILENT: Final = Said(CommandState.UNKNOWN, "unclear", Family.UNKNOWN)


def loans_of_a_thousand(count: int) -> list[Loan]:
    """Loans with one bill of 1,000.00 due on `debiting.DUE`, each of a borrower with an agreement."""
    owners = [borrower(external_id=f"P-{number}", portfolio=PORTFOLIO) for number in range(count)]
    ids = open_and_replay(
        loans=[
            Opening(
                external_id=f"THOUSAND-{number}",
                portfolio=PORTFOLIO,
                borrower_id=owner.pk,
                terms=ONCE,
                principal=Decimal("1000.00"),
                disbursed_on=DISBURSED,
            )
            for number, owner in enumerate(owners)
        ],
        business_date=DISBURSED,
        actor=SYSTEM,
    )
    usual = mandate(owners[0].pk)
    own = {"id", "borrower_id", "agreement_no", "token", "created_at"}
    shared = {
        field.attname: getattr(usual, field.attname) for field in Mandate._meta.fields if field.attname not in own
    }
    Mandate.objects.bulk_create(
        Mandate(**shared, borrower_id=owner.pk, agreement_no=f"MANY-{number}", token=f"many-{number}")
        for number, owner in enumerate(owners[1:])
    )
    return list(Loan.objects.filter(pk__in=ids).order_by("pk"))


def slot(moment: datetime, says: Callable[[int], Said]) -> DebitBatch:
    """Begin the slot of the moment, let everything out and answer each command by its place in the slot, from 0."""
    building.begin_slots(at=moment)
    batch = DebitBatch.objects.get(begins_at=moment)
    place = 0
    while leaving := submitting.let_out(batch_id=batch.pk, at=moment):
        place = answer(leaving, says, at=moment, place=place)
    batch.refresh_from_db()
    return batch


def answer(leaving: list[submitting.Leaving], says: Callable[[int], Said], *, at: datetime, place: int = 0) -> int:
    """Answer what has left, the first by `says(place)`; gives the place of the next."""
    facts = {}
    for one in leaving:
        said = says(place)
        facts[one.row.id] = Fact(said=said, at=at if said is PAID else None)
        place += 1
    settle(facts=facts, at=at, actor=SYSTEM)
    return place
