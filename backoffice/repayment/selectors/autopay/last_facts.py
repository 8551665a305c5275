"""What is known of commands in the moment before they leave: by the engine, and a second time apart from it."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Final

from backoffice.core.bulk import fetch
from backoffice.core.money import ZERO
from backoffice.repayment.domain.autopay.amounts import Room, due_of
from backoffice.repayment.domain.autopay.last_look import Facts
from backoffice.repayment.domain.autopay.second_look import SecondBill, SecondDue
from backoffice.repayment.domain.penalty import penalty_rate
from backoffice.repayment.selectors.states import LoadedLoan, terms_by_id
from backoffice.repayment.selectors.verification import statement

# What moved money or may yet move it uses up the limits of an account; refused orders count as tries alone.
SPENT: Final = """
SELECT mandate.id,
       coalesce(sum(command.amount) FILTER (WHERE command.day = %(day)s AND command.state <> 'declined'), 0),
       coalesce(sum(command.amount) FILTER (WHERE command.state <> 'declined'), 0),
       count(command.id) FILTER (WHERE command.day = %(day)s)
FROM repayment_mandate mandate
JOIN repayment_mandate same ON same.token = mandate.token AND same.rail_id = mandate.rail_id
LEFT JOIN repayment_debitcommand command ON command.mandate_id = same.id AND command.day >= %(month)s
    AND command.day <= %(day)s AND command.state IN ('submitted', 'unknown', 'succeeded', 'returned', 'declined')
WHERE mandate.id = ANY(%(ids)s)
GROUP BY mandate.id
"""
MANDATES: Final = """
SELECT id, rail_id, bank, currency, state = 'active' AND (valid_through IS NULL OR valid_through >= %(day)s),
       allows_partial, token, single_limit, day_limit, month_limit
FROM repayment_mandate WHERE id = ANY(%(ids)s) ORDER BY id
"""
OWN_LIMITS: Final = """
SELECT id, rail_id, bank, currency, single_limit, day_limit, month_limit FROM repayment_mandate WHERE id = ANY(%(ids)s)
"""
LIMITS: Final = """
SELECT DISTINCT ON (rail_id, bank, currency) rail_id, bank, currency, single, day, month, attempts_a_day
FROM repayment_banklimit WHERE rail_id = ANY(%(rails)s) AND effective_from <= %(day)s
ORDER BY rail_id, bank, currency, effective_from DESC
"""
HELD: Final = """
SELECT loan.id FROM repayment_loan loan JOIN customers_hold hold
    ON hold.loan_id = loan.id OR (hold.loan_id IS NULL AND hold.borrower_id = loan.borrower_id)
WHERE loan.id = ANY(%(ids)s) AND hold.scope = 'debit' AND hold.effect <> 'if_mandated' AND hold.period @> %(day)s::date
"""
STOPPED: Final = """
SELECT loan_id FROM repayment_debitstop
WHERE loan_id = ANY(%(ids)s) AND ended_at IS NULL AND (until IS NULL OR until > %(day)s)
"""
IN_FLIGHT: Final = """
SELECT loan_id FROM repayment_debitcommand WHERE loan_id = ANY(%(ids)s) AND state IN ('submitted', 'unknown')
"""


@dataclass(frozen=True, slots=True)
class Asked:
    """A command to look at: its loan and agreement; which bill, its tries refused for want of funds or over a limit.

    `planned` is the amount of that bill (major units).
    """

    command_id: int
    loan_id: int
    mandate_id: int
    tries_without_funds: int
    installment_number: int | None = None
    tries_over_limit: int = 0
    planned: Decimal = ZERO


@dataclass(frozen=True, slots=True)
class AgreementNow:
    """An agreement at that moment; `room` is what its own limits and those of its bank leave for one more debit."""

    rail_id: int
    is_active: bool
    allows_partial: bool
    room: Room
    card: str
    card_debits: int
    card_may: int | None


def facts_of(
    *, asked: Sequence[Asked], loans: Mapping[int, LoadedLoan], day: date, lock: bool = True
) -> dict[int, Facts]:
    """The facts of each command, by its id; its agreement is locked against change unless told not to. Six queries."""
    loan_ids = sorted({one.loan_id for one in asked})
    agreements = agreements_now(ids={one.mandate_id for one in asked}, day=day, lock=lock)
    held = {row[0] for row in fetch(HELD, {"ids": loan_ids, "day": day})}
    stopped = {row[0] for row in fetch(STOPPED, {"ids": loan_ids, "day": day})}
    in_flight = {row[0] for row in fetch(IN_FLIGHT, {"ids": loan_ids})}
    facts: dict[int, Facts] = {}
    for one in asked:
        loan, agreement = loans[one.loan_id], agreements[one.mandate_id]
        facts[one.command_id] = Facts(
            is_active=loan.state.status == "active",
            is_held=one.loan_id in held,
            is_in_flight=one.loan_id in in_flight,
            is_mandate_active=agreement.is_active,
            allows_partial=agreement.allows_partial,
            due=due_of(loan.state, as_of=day, number=one.installment_number),
            room=agreement.room,
            tries_without_funds=one.tries_without_funds,
            card=agreement.card,
            card_debits=agreement.card_debits,
            card_may=agreement.card_may,
            currency=loan.currency,
            is_stopped=one.loan_id in stopped,
            planned=one.planned,
            tries_over_limit=one.tries_over_limit,
        )
    return facts


def agreements_now(*, ids: Collection[int], day: date, lock: bool, are_unused: bool = False) -> dict[int, AgreementNow]:
    """Agreements by id on a day, with what is left of their limits, all of it where `are_unused`; three queries."""
    statement_of = f"{MANDATES} FOR SHARE" if lock else MANDATES
    mandates = {row[0]: row for row in fetch(statement_of, {"ids": sorted(ids), "day": day})}
    unused = (Decimal(0), Decimal(0), 0)
    spent = (
        dict.fromkeys(mandates, unused)
        if are_unused
        else {row[0]: row[1:] for row in fetch(SPENT, {"ids": [*mandates], "day": day, "month": day.replace(day=1)})}
    )
    limits = _limits(rails=sorted({row[1] for row in mandates.values()}), day=day)
    found: dict[int, AgreementNow] = {}
    for pk, rail_id, bank, currency, is_active, allows_partial, card, *own in mandates.values():
        of_all = limits.get((rail_id, "", currency), (Room(), None))
        of_bank, most_tries = limits.get((rail_id, bank, currency), of_all)
        today, month, tries = spent[pk]
        found[pk] = AgreementNow(
            rail_id=rail_id,
            is_active=is_active,
            allows_partial=allows_partial,
            room=_room(Room(*own), of_bank, today=today, month=month),
            card=card,
            card_debits=tries,
            card_may=most_tries,
        )
    return found


def rooms_of(*, mandate_ids: Collection[int], day: date) -> dict[int, Room]:
    """What limits leave of each agreement on a day, before its debits leave; three queries at most."""
    mandates = fetch(OWN_LIMITS, {"ids": sorted(set(mandate_ids))})
    limits = _limits(rails=sorted({row[1] for row in mandates}), day=day)
    terms: dict[int, tuple[Room, Room]] = {}
    for mandate_id, rail_id, bank, currency, *own in mandates:
        of_all = limits.get((rail_id, "", currency), (Room(), None))
        terms[mandate_id] = (Room(*own), limits.get((rail_id, bank, currency), of_all)[0])
    counted = [key for key, both in terms.items() if any(one.day is not None or one.month is not None for one in both)]
    spent = {
        row[0]: row[1:3]
        for row in (fetch(SPENT, {"ids": counted, "day": day, "month": day.replace(day=1)}) if counted else ())
    }
    return {
        key: _room(own, of_bank, today=today, month=month)
        for key, (own, of_bank) in terms.items()
        for today, month in [spent.get(key, (ZERO, ZERO))]
    }


def second_due(*, loans: Mapping[int, LoadedLoan], day: date) -> dict[int, SecondDue]:
    """The second calculation, by loan; one query that shares nothing with the engine but the rates of the terms."""
    terms = {loan.terms_id: terms_by_id(loan.terms_id) for loan in loans.values()}
    rows = fetch(
        statement("second_due.sql"),
        {
            "loan_ids": sorted(loans),
            "day": day,
            "rule_terms": list(terms),
            "rule_rate": [penalty_rate(each) for each in terms.values()],
            "rule_basis": [each.penalty.day_basis for each in terms.values()],
        },
    )
    bills: dict[int, dict[int, SecondBill]] = {row[0]: {} for row in rows}
    for loan_id, _is_active, _is_held, _held, number, *of_bill in rows:
        if number is not None:
            bills[loan_id][number] = SecondBill(*of_bill)
    return {
        loan_id: SecondDue(is_active=is_active, is_held=is_held, held=held, bills=bills[loan_id])
        for loan_id, is_active, is_held, held, *_of_bill in rows
    }


def _limits(*, rails: Sequence[int], day: date) -> dict[tuple[int, str, str], tuple[Room, int | None]]:
    return {
        (rail_id, bank, currency): (Room(single=single, day=of_day, month=of_month), tries)
        for rail_id, bank, currency, single, of_day, of_month, tries in fetch(LIMITS, {"rails": [*rails], "day": day})
    }


def _room(own: Room, of_bank: Room, *, today: Decimal, month: Decimal) -> Room:
    """What is left of the limits of agreement and bank, of what was used up today and in the month."""
    left = [Room(single=one.single, day=_left(one.day, today), month=_left(one.month, month)) for one in (own, of_bank)]
    return left[0].stricter(left[1])


def _left(limit: Decimal | None, spent: Decimal) -> Decimal | None:
    return None if limit is None else max(limit - spent, Decimal(0))
