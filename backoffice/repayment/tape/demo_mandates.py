"""Mandates for a demo: the standing orders of the Czech bank, and a made-up agreement for everybody else.

Rules:

1. A borrower of the Czech bank has the standing orders that pay their loan: its bank, its account as a token by keyed
   digest and a mask of the last four digits, its amount as what is expected. The number itself is kept nowhere.
2. Everybody else with a loan has one agreement for each currency they owe in, signed on the day of their first loan. Of
   a thousand, 30 have none and 50 have two. Bank, kind, token and mask are drawn from the borrower's id in the book, so
   that the same book has the same mandates.
3. One in ten goes over the file rail where there is one, the others over the first HTTP rail.
"""

import hashlib
from collections.abc import Iterator, Sequence
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import ClassVar, Final

from django.db.models import Min
from django.utils.crypto import salted_hmac

from backoffice.core.actors import Actor
from backoffice.core.errors import Refusal
from backoffice.core.words import phrase
from backoffice.repayment.domain.autopay.mandate_terms import Binding
from backoffice.repayment.models import Loan, Rail
from backoffice.repayment.services.autopay.registering import MandateRow, Registered, register_mandates
from backoffice.repayment.tape.adapters import berka

SOURCE: Final = "demo"
OF: Final = 1_000
WITHOUT: Final = 30
WITH_TWO: Final = 50
OVER_FILES: Final = 100
CARDS: Final = 700
PARTIAL: Final = 600
BANKS: Final = ("B01", "B02", "B03", "B04", "B05", "B06", "B07", "B08")


class NoRail(Refusal):
    """There is no rail a mandate could go over."""

    code: ClassVar[str] = "repayment.no_rail"


Owing = tuple[int, str, str, str, date]
"""Borrower id, book, id in the book, currency, day of the first loan."""


def load_demo_mandates(*, data: Path | None, actor: Actor, at: datetime) -> Registered:
    """Gives the book's borrowers their mandates; safe to run again. `data` holds the real sets. Raises NoRail."""
    rails = _rails()
    orders = _orders(data)
    owing = list(_owing())
    rows = [*_standing(owing, orders, rails), *_made_up(owing, rails, without={order.borrower for order in orders})]
    return register_mandates(rows=rows, source=SOURCE, actor=actor, at=at, are_known=False)


def _rails() -> list[Rail]:
    """The first HTTP rail and the first file rail; what there is of them."""
    kinds = {rail.kind: rail for rail in Rail.objects.order_by("-code")}
    found = [kinds[kind] for kind in (Rail.Kind.HTTP, Rail.Kind.ISO20022) if kind in kinds]
    if not found:
        raise NoRail(
            phrase("There is no rail for the mandates to go over."),
            next_step=phrase("Set one up first, as connect_rails does for the sandbox."),
        )
    return found


def _orders(data: Path | None) -> list[berka.StandingOrder]:
    folder = None if data is None else data / berka.FOLDER
    return list(berka.standing_orders(folder=folder)) if folder is not None and folder.is_dir() else []


def _owing() -> Iterator[Owing]:
    rows = Loan.objects.values_list("borrower_id", "borrower__source", "borrower__external_id", "currency")
    return rows.annotate(first=Min("disbursed_on")).order_by("borrower_id", "currency").iterator()


def _standing(
    owing: Sequence[Owing], orders: Sequence[berka.StandingOrder], rails: Sequence[Rail]
) -> Iterator[MandateRow]:
    people = {external_id: one for one in owing if (external_id := one[2]) and one[1] == berka.PORTFOLIO}
    places: dict[str, int] = {}
    for order in orders:
        if order.borrower not in people:
            continue
        borrower_id, _source, _external_id, currency, first = people[order.borrower]
        places[order.borrower] = place = places.get(order.borrower, 0) + 1
        binding = Binding(
            kind="account",
            bank=order.bank,
            token=token_of(f"{order.bank}/{order.account}"),
            mask=f"**** {order.account[-4:]}",
            currency=currency,
        )
        yield MandateRow(
            borrower_id=borrower_id,
            rail_id=_rail_for(_draw(order.order_id, "rail"), rails).pk,
            agreement_no=f"BERKA-{order.order_id}",
            binding=binding,
            signed_on=first,
            priority=place,
            allows_partial=True,
            details={"expected_amount": str(order.amount.quantize(Decimal("0.01")))},
        )


def _made_up(owing: Sequence[Owing], rails: Sequence[Rail], *, without: set[str]) -> Iterator[MandateRow]:
    for borrower_id, source, external_id, currency, first in owing:
        if source == berka.PORTFOLIO and external_id in without:
            continue
        who = f"{source}/{external_id}/{currency}"
        drawn = _draw(who, "how many")
        for place in range(1, 1 + (0 if drawn < WITHOUT else 2 if drawn < WITHOUT + WITH_TWO else 1)):
            number = f"{who}/{place}"
            digits = f"{_draw(number, 'high') % 100:02}{_draw(number, 'low') % 100:02}"
            yield MandateRow(
                borrower_id=borrower_id,
                rail_id=_rail_for(_draw(number, "rail"), rails).pk,
                agreement_no=f"DEMO-{hashlib.sha256(number.encode()).hexdigest()[:20].upper()}",
                binding=Binding(
                    kind="card" if _draw(number, "kind") < CARDS else "account",
                    bank=BANKS[_draw(number, "bank") % len(BANKS)],
                    token=token_of(number),
                    mask=f"**** {digits}",
                    currency=currency,
                ),
                signed_on=first,
                priority=place,
                allows_partial=_draw(who, "partial") < PARTIAL,
            )


def token_of(number: str) -> str:
    """What stands for an account: nobody without this house's key comes from it to the number."""
    return "tok-" + salted_hmac("repayment.mandate.token", number, algorithm="sha256").hexdigest()[:30]


def _rail_for(drawn: int, rails: Sequence[Rail]) -> Rail:
    return rails[-1] if drawn < OVER_FILES else rails[0]


def _draw(who: str, what: str) -> int:
    """A number below a thousand, the same every time."""
    return int.from_bytes(hashlib.sha256(f"{what}|{who}".encode()).digest()[:8]) % OF
