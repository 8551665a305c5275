"""The loan tape, version 1: its tables, their columns, and the limits of what is read. Described in docs/loan_tape.md.

Amounts are decimal text in major units, dates are ISO 8601, identifiers are the sender's own.
"""

from dataclasses import dataclass
from typing import Literal

VERSION = 1

Kind = Literal["id", "text", "code", "date", "amount", "rate", "integer", "currency", "country", "boolean", "json"]
TableName = Literal[
    "products", "borrowers", "contact_points", "loans", "installments", "payments", "status_history", "control"
]


@dataclass(frozen=True, slots=True)
class Column:
    """One column: `longest` is in characters; `choices` are the only words accepted; `least`/`most` bound integers."""

    name: str
    kind: Kind
    required: bool = False
    longest: int = 0
    choices: tuple[str, ...] = ()
    least: int = 0
    most: int = 0


@dataclass(frozen=True, slots=True)
class Table:
    """One file of the tape. `subject` names the column that says which loan or borrower a row belongs to."""

    name: TableName
    columns: tuple[Column, ...]
    subject: Literal["loan_id", "borrower_id", "product_code", "file"]
    is_required: bool = False

    @property
    def required_names(self) -> frozenset[str]:
        """Columns the header must have."""
        return frozenset(column.name for column in self.columns if column.required)

    @property
    def names(self) -> frozenset[str]:
        """Every column the header may have, besides those that begin with `x_`."""
        return frozenset(column.name for column in self.columns)


# Extra columns a sender keeps for himself begin with this; they are read over and never loaded.
IGNORED_PREFIX = "x_"

METHODS = ("equal_installment", "equal_principal", "interest_only", "flat", "single_payment")
DAY_COUNTS = ("monthly", "30/360", "act/365", "act/360", "act/act")
UNITS = ("month", "week", "day")
SURPLUS = ("suspense", "next_installment", "last_installment", "reduce_installment", "shorten_term")
PAYMENT_KINDS = ("payment", "payoff")
EFFECTS = ("charge_off", "write_off", "waiver", "creditor_change")
WAIVED = ("penalty", "interest", "fee", "guarantee_fee")
CONTACT_KINDS = ("phone", "email", "address")
QUALITIES = ("unknown", "good", "bad", "wrong_person")

PRODUCTS = Table(
    name="products",
    subject="product_code",
    columns=(
        Column("product_code", "code", required=True, longest=64),
        Column("name", "text", longest=120),
        Column("currency", "currency", required=True),
        Column("terms", "json", required=True, longest=20_000),
    ),
)

BORROWERS = Table(
    name="borrowers",
    subject="borrower_id",
    is_required=True,
    columns=(
        Column("borrower_id", "id", required=True, longest=80),
        Column("full_name", "text", longest=200),
        Column("family_name", "text", longest=100),
        Column("given_name", "text", longest=100),
        Column("identity_number", "text", longest=60),
        Column("identity_kind", "code", longest=20),
        Column("birth_year", "integer", least=1900, most=2100),
        Column("country", "country"),
        Column("time_zone", "text", longest=40),
        Column("language", "code", longest=10),
    ),
)

CONTACT_POINTS = Table(
    name="contact_points",
    subject="borrower_id",
    columns=(
        Column("borrower_id", "id", required=True, longest=80),
        Column("kind", "code", required=True, choices=CONTACT_KINDS),
        Column("value", "text", required=True, longest=300),
        Column("country", "country"),
        Column("is_primary", "boolean"),
        Column("quality", "code", choices=QUALITIES),
    ),
)

LOANS = Table(
    name="loans",
    subject="loan_id",
    is_required=True,
    columns=(
        Column("loan_id", "id", required=True, longest=64),
        Column("borrower_id", "id", required=True, longest=80),
        Column("product_code", "code", required=True, longest=64),
        Column("currency", "currency", required=True),
        Column("principal", "amount", required=True),
        Column("disbursed_on", "date", required=True),
        Column("periods", "integer", least=1, most=1200),
        Column("annual_rate", "rate"),
        Column("method", "code", choices=METHODS),
        Column("day_count", "code", choices=DAY_COUNTS),
        Column("every", "integer", least=1, most=366),
        Column("unit", "code", choices=UNITS),
        Column("first_due_date", "date"),
        Column("due_day", "integer", least=1, most=31),
    ),
)

INSTALLMENTS = Table(
    name="installments",
    subject="loan_id",
    columns=(
        Column("loan_id", "id", required=True, longest=64),
        Column("number", "integer", required=True, least=1, most=1_200),
        Column("due_date", "date", required=True),
        Column("principal", "amount", required=True),
        Column("interest", "amount"),
        Column("fee", "amount"),
        Column("guarantee_fee", "amount"),
    ),
)

PAYMENTS = Table(
    name="payments",
    subject="loan_id",
    columns=(
        Column("payment_id", "id", required=True, longest=100),
        Column("loan_id", "id", required=True, longest=64),
        Column("amount", "amount", required=True),
        Column("value_date", "date", required=True),
        Column("currency", "currency"),
        Column("kind", "code", choices=PAYMENT_KINDS),
        Column("surplus", "code", choices=SURPLUS),
        Column("channel", "text", longest=40),
        Column("reference", "text", longest=140),
    ),
)

STATUS_HISTORY = Table(
    name="status_history",
    subject="loan_id",
    columns=(
        Column("loan_id", "id", required=True, longest=64),
        Column("on", "date", required=True),
        Column("status", "text", required=True, longest=80),
        Column("effect", "code", choices=EFFECTS),
        Column("amount", "amount"),
        Column("component", "code", choices=WAIVED),
        Column("creditor", "text", longest=80),
        Column("note", "text", longest=300),
    ),
)

CONTROL = Table(
    name="control",
    subject="file",
    columns=(
        Column("file", "code", required=True, longest=20),
        Column("rows", "integer", required=True, least=0, most=2_000_000_000),
    ),
)

# In the order they are read: whatever a row refers to comes before it.
TABLES: tuple[Table, ...] = (
    CONTROL,
    PRODUCTS,
    BORROWERS,
    CONTACT_POINTS,
    LOANS,
    INSTALLMENTS,
    PAYMENTS,
    STATUS_HISTORY,
)
TABLE_BY_NAME: dict[str, Table] = {table.name: table for table in TABLES}


@dataclass(frozen=True, slots=True)
class Limits:
    """What is read at most. Bytes are counted after decompression, so that a small bomb is still a big file."""

    upload_bytes: int = 512 * 1024 * 1024
    file_bytes: int = 2 * 1024 * 1024 * 1024
    tape_bytes: int = 4 * 1024 * 1024 * 1024
    line_bytes: int = 256 * 1024
    rows_per_file: int = 20_000_000
    archive_members: int = 64
    parquet_memory_bytes: int = 6 * 1024 * 1024 * 1024


LIMITS = Limits()

# numeric(18, 2) holds 16 digits before the point, and 1,200 installments of four parts each must fit as a sum.
AMOUNT_DIGITS = 12
RATE_DECIMALS = 8
HIGHEST_RATE = 100  # 10,000 % a year: above it a percentage was written for a fraction
# What one loan may bring along at most, so that a chunk of loans fits in memory and a sum in its column.
PAYMENTS_PER_LOAN = 10_000
STATUSES_PER_LOAN = 1_000
SCHEDULED_AT_MOST = 10**15
# Numbers that the import gives to operations of its own.
RESERVED_PREFIXES = ("disbursement:", *(f"{effect}:" for effect in EFFECTS))
EARLIEST_YEAR = 1950
LATEST_YEAR = 2150
