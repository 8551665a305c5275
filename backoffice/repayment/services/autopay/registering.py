"""Mandates that were signed elsewhere come into the book: many at once, and none twice."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from itertools import islice
from pathlib import Path
from typing import Any, ClassVar, Final

from django.db import transaction
from django.utils.translation import gettext as _

from backoffice.audit import services as audit
from backoffice.core.actors import Actor
from backoffice.core.bulk import copy_rows, execute, fetch
from backoffice.core.errors import Refusal
from backoffice.repayment.domain.autopay.mandate_states import MandateState
from backoffice.repayment.domain.autopay.mandate_terms import (
    Binding,
    Limits,
    faults_of_binding,
    faults_of_limits,
    is_agreement_number,
)
from backoffice.repayment.services.autopay.debit_stops import end_for_newer_agreements

CHUNK: Final = 100_000
MOST_PRIORITY: Final = 32_767
REGISTER: Final = (Path(__file__).resolve().parents[2] / "sql" / "register_mandates.sql").read_text()
STAGE: Final = """
CREATE TEMPORARY TABLE new_mandates (
    borrower_id bigint, rail_id bigint, agreement_no text, kind text, bank text, token text, mask text, currency text,
    state text, priority smallint, single_limit numeric, day_limit numeric, month_limit numeric,
    allows_partial boolean, signed_on date, valid_through date, source text,
    details jsonb
) ON COMMIT DROP
"""
COLUMNS: Final = (
    "borrower_id",
    "rail_id",
    "agreement_no",
    "kind",
    "bank",
    "token",
    "mask",
    "currency",
    "state",
    "priority",
    "single_limit",
    "day_limit",
    "month_limit",
    "allows_partial",
    "signed_on",
    "valid_through",
    "source",
    "details",
)
"""The columns of the stage, in the order rows are written."""


class MandatesNotReadable(Refusal):
    """A row cannot be a mandate; none of the rows came in."""

    code: ClassVar[str] = "repayment.mandates_not_readable"


@dataclass(frozen=True, slots=True, kw_only=True)
class MandateRow:
    """One agreement that is in force, as it was signed elsewhere. The lowest `priority` is debited first.

    `details` are kept in its history.
    """

    borrower_id: int
    rail_id: int
    agreement_no: str
    binding: Binding
    signed_on: date
    limits: Limits = field(default_factory=Limits)
    priority: int = 1
    allows_partial: bool = False
    valid_through: date | None = None
    details: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Registered:
    """How many rows there were, and how many of them were not in the book yet."""

    rows: int
    new: int


def register_mandates(
    *, rows: Iterable[MandateRow], source: str, actor: Actor, at: datetime, are_known: bool = True
) -> Registered:
    """Brings agreements into the book that are in force: 100,000 in a transaction; again changes nothing.

    `are_known` False: rails that keep agreements do not have them yet and are told of them by the beat.
    Raises MandatesNotReadable for a chunk with a row that cannot be a mandate, naming it; chunks before it stand.
    """
    total = new = 0
    remaining = iter(rows)
    while chunk := list(islice(remaining, CHUNK)):
        new += _register(chunk, before=total, source=source, actor=actor, at=at, are_known=are_known)
        total += len(chunk)
    if new:
        end_for_newer_agreements(at=at)
    return Registered(rows=total, new=new)


@transaction.atomic
def _register(
    rows: Sequence[MandateRow], *, before: int, source: str, actor: Actor, at: datetime, are_known: bool
) -> int:
    execute(STAGE)
    copy_rows(
        table="new_mandates",
        columns=COLUMNS,
        rows=(_values(row, number=number, source=source) for number, row in enumerate(rows, start=before + 1)),
    )
    said = {"actor_id": actor.id, "actor_name": actor.name, "at": at, "tell_at": None if are_known else at}
    new = int(fetch(REGISTER, said)[0][0])
    execute("DROP TABLE new_mandates")
    if new:
        audit.record(
            verb="repayment.mandates.registered",
            subject_type="repayment.mandate_source",
            subject_id=source,
            actor=actor,
            after={"rows": len(rows), "new": new},
        )
    return new


def _values(row: MandateRow, *, number: int, source: str) -> tuple[Any, ...]:
    """The row as the stage takes it. Raises MandatesNotReadable."""
    binding, limits = row.binding, row.limits
    faults = faults_of_binding(binding) | faults_of_limits(limits)
    if faults or not is_agreement_number(row.agreement_no) or not 1 <= row.priority <= MOST_PRIORITY:
        names = ", ".join(sorted(faults)) or "agreement_no, priority"
        raise MandatesNotReadable(
            _("Row %(number)s cannot be a mandate: %(names)s.") % {"number": number, "names": names},
            next_step=_("Correct the row and bring the rows in again; those that are here already are passed over."),
        )
    return (
        row.borrower_id,
        row.rail_id,
        row.agreement_no,
        binding.kind,
        binding.bank,
        binding.token,
        binding.mask,
        binding.currency,
        MandateState.ACTIVE.value,
        row.priority,
        limits.single,
        limits.day,
        limits.month,
        row.allows_partial,
        row.signed_on,
        row.valid_through,
        source,
        json.dumps(dict(row.details)),
    )
