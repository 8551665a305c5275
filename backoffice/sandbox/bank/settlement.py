"""What the bank reports of a day: its movements, with the differences the script puts in, and the settlement file."""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal

from backoffice.sandbox.bank.behaviour import BankScript
from backoffice.sandbox.bank.records import DEBIT, Movement

HEADER = "order_no,kind,amount,currency,at,code,reference"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reported:
    """One line of a day's report. `is_booked`: False where the status was made wrong on purpose."""

    order_no: str
    kind: str
    amount: Decimal
    currency: str
    at: datetime
    code: str
    reference: str
    agreement_no: str
    day: str
    is_booked: bool = True


def reported(
    movements: Iterable[Movement], *, rail: str, script: BankScript, wrong_code: str
) -> tuple[list[Reported], list[dict[str, str]]]:
    """The lines of a day, and the differences that are in them: `order_no`, `kind`, `what`."""
    conduct = script.of(rail)
    lines: list[Reported] = []
    differences: list[dict[str, str]] = []
    for movement in movements:
        line = Reported(
            order_no=movement.order_no,
            kind=movement.kind,
            amount=movement.amount,
            currency=movement.currency,
            at=script.local(movement.at),
            code=movement.code,
            reference=movement.reference,
            agreement_no=movement.agreement_no,
            day=movement.day,
        )

        def happens(what: str, share: float, key: str = f"{movement.order_no}|{movement.kind}") -> bool:
            return script.happens(what, key=key, share=share)

        def note(what: str, about: Reported = line) -> None:
            differences.append({"order_no": about.order_no, "kind": about.kind, "what": what, "rail": rail})

        if happens("settle_extra", conduct.settle_extra):
            invented = hashlib.sha256(f"{script.seed}|{line.order_no}|{line.kind}".encode()).hexdigest()[:12]
            extra = replace(line, order_no=f"X{invented}", reference=f"{line.reference}-x", kind=DEBIT)
            lines.append(extra)
            note("settle_extra", extra)
        if happens("settle_missing", conduct.settle_missing):
            note("settle_missing")
            continue
        if happens("settle_amount", conduct.settle_amount):
            line = replace(line, amount=line.amount + 1)
            note("settle_amount")
        if line.kind == DEBIT and happens("settle_status", conduct.settle_status):
            line = replace(line, code=wrong_code, is_booked=False)
            note("settle_status")
        lines.append(line)
    return lines, differences


def settlement_file(lines: Iterable[Reported]) -> str:
    """The file of docs/rails.md; its trailer adds up what is in it, wrong or not."""
    written, total = [HEADER], Decimal("0.00")
    for line in lines:
        said = (
            line.order_no,
            line.kind,
            str(line.amount),
            line.currency,
            line.at.isoformat(),
            line.code,
            line.reference,
        )
        written.append(",".join(said))
        total += line.amount
    written.append(f"#trailer,{len(written) - 1},{total}")
    return "\n".join(written) + "\n"
