"""Handing a debit or an agreement to a rail: what is handed over, what may come back, what each answer means.

docs/rails.md is the contract. An answer is certain or it is not; after one that is not, the rail is asked and nothing
is sent again.
"""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum


class Outcome(StrEnum):
    """What came of handing a debit over.

    `succeeded` and `declined` are final, the code says why. `processing`: the rail has it and does not know yet.
    `not_now`: the rail did not take it and may later. `never_left`: no connection came about. `refused_request`: our
    request or signature is wrong, nothing was taken. `unclear`: it may have it.
    """

    SUCCEEDED = "succeeded"
    DECLINED = "declined"
    PROCESSING = "processing"
    NOT_NOW = "not_now"
    NEVER_LEFT = "never_left"
    REFUSED_REQUEST = "refused_request"
    UNCLEAR = "unclear"


@dataclass(frozen=True, slots=True, kw_only=True)
class Outgoing:
    """One debit as it leaves; `amount` in major units. `initiated_by`: `lender`, or `customer` for a pay link."""

    order_no: str
    agreement_no: str
    amount: Decimal
    currency: str
    initiated_by: str
    expires_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What the rail answered to a debit.

    A success always has `at` (the channel's time) and `amount` (major units), which may not be what was asked for: the
    caller compares. `retry_after` in seconds.
    """

    outcome: Outcome
    code: str = ""
    reference: str = ""
    at: datetime | None = None
    amount: Decimal | None = None
    detail: str = ""
    retry_after: int = 0


class Known(StrEnum):
    """What a rail says of a debit it is asked about.

    `never`: it has no such number; proof only once the debit has expired. `unclear`: it did not say.
    """

    SUCCEEDED = "succeeded"
    DECLINED = "declined"
    PROCESSING = "processing"
    RETURNED = "returned"
    NEVER = "never"
    UNCLEAR = "unclear"


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """What a rail knows of a debit. `at` is the debit's own time; of a returned one `returned_at` is the return's."""

    known: Known
    code: str = ""
    reference: str = ""
    at: datetime | None = None
    returned_at: datetime | None = None
    amount: Decimal | None = None


class AgreementOutcome(StrEnum):
    """What a rail says of an agreement it is told or asked about.

    `active` and `revoked`: so it stands there. `never`: it has no such agreement. `refused`: it will not have it.
    `not_taken`: it certainly did not take the call and may later. `unclear`: it may have.
    """

    ACTIVE = "active"
    REVOKED = "revoked"
    NEVER = "never"
    REFUSED = "refused"
    NOT_TAKEN = "not_taken"
    UNCLEAR = "unclear"


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """An agreement as a rail is told of it; limits in major units, None: none. `account` is a token, never a number."""

    agreement_no: str
    account: str
    bank: str
    holder: str
    currency: str
    single_limit: Decimal | None = None
    day_limit: Decimal | None = None
    month_limit: Decimal | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AgreementAnswer:
    """What the rail answered about an agreement; `code` is its own word for a refusal."""

    outcome: AgreementOutcome
    code: str = ""
    detail: str = ""
