"""What is known of commands in the moment before they leave: by the engine, and a second time apart from it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Final

from backoffice.core.bulk import fetch
from backoffice.repayment.domain.autopay.amounts import Room, due_of
from backoffice.repayment.domain.autopay.last_look import Facts
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
FROM repayment_mandate WHERE id = ANY(%(ids)s) ORDER BY id FOR SHARE
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
IN_FLIGHT: Final = """
SELECT loan_id FROM repayment_debitcommand WHERE loan_id = ANY(%(ids)s) AND state IN ('submitted', 'unknown')
"""


@dataclass(frozen=True, slots=True)
class Asked:
    """A command to look at: its loan, agreement, the tries its bill was refused for want of funds, and which bill."""

    command_id: int
    loan_id: int
    mandate_id: int
    tries_without_funds: int
    installment_number: int | None = None


@dataclass(frozen=True, slots=True)
class SecondDue:
    """What a second calculation says of a loan; amounts in major units."""

    is_active: bool
    is_held: bool
    least_due: Decimal
    most_due: Decimal


def facts_of(*, asked: Sequence[Asked], loans: Mapping[int, LoadedLoan], day: date) -> dict[int, Facts]:
    """The facts of each command, by its id; the agreements are locked against change. Five queries."""
    loan_ids = sorted({one.loan_id for one in asked})
    mandates = {row[0]: row for row in fetch(MANDATES, {"ids": sorted({one.mandate_id for one in asked}), "day": day})}
    held = {row[0] for row in fetch(HELD, {"ids": loan_ids, "day": day})}
    in_flight = {row[0] for row in fetch(IN_FLIGHT, {"ids": loan_ids})}
    spent = {row[0]: row[1:] for row in fetch(SPENT, {"ids": [*mandates], "day": day, "month": day.replace(day=1)})}
    limits = _limits(rails=sorted({row[1] for row in mandates.values()}), day=day)
    facts: dict[int, Facts] = {}
    for one in asked:
        loan = loans[one.loan_id]
        _, rail_id, bank, currency, is_active, allows_partial, card, *own_limits = mandates[one.mandate_id]
        single, day_limit, month_limit = own_limits
        of_all = limits.get((rail_id, "", currency), (Room(), None))
        of_bank, most_tries = limits.get((rail_id, bank, currency), of_all)
        today, month, tries = spent[one.mandate_id]
        own = Room(single=single, day=_left(day_limit, today), month=_left(month_limit, month))
        theirs = Room(single=of_bank.single, day=_left(of_bank.day, today), month=_left(of_bank.month, month))
        facts[one.command_id] = Facts(
            is_active=loan.state.status == "active",
            is_held=one.loan_id in held,
            is_in_flight=one.loan_id in in_flight,
            is_mandate_active=is_active,
            allows_partial=allows_partial,
            due=due_of(loan.state, as_of=day, number=one.installment_number),
            room=own.stricter(theirs),
            tries_without_funds=one.tries_without_funds,
            card=card,
            card_debits=tries,
            card_may=most_tries,
            currency=loan.currency,
        )
    return facts


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
    return {row[0]: SecondDue(*row[1:]) for row in rows}


def _limits(*, rails: Sequence[int], day: date) -> dict[tuple[int, str, str], tuple[Room, int | None]]:
    return {
        (rail_id, bank, currency): (Room(single=single, day=of_day, month=of_month), tries)
        for rail_id, bank, currency, single, of_day, of_month, tries in fetch(LIMITS, {"rails": [*rails], "day": day})
    }


def _left(limit: Decimal | None, spent: Decimal) -> Decimal | None:
    return None if limit is None else max(limit - spent, Decimal(0))
