"""Borrowers to work with in tests, registered through the service, with data that belongs to nobody."""

from typing import Any

from backoffice.core.actors import SYSTEM
from backoffice.customers.domain.intake import NewBorrower, NewContact
from backoffice.customers.models import Borrower
from backoffice.customers.services import register_borrowers

BOOK = "testbook"
PORTFOLIO = "cash"
CN_IDENTITY = "11010519491231002X"
"""The example printed in the standard GB 11643."""


def full_width(text: str) -> str:
    """The text as an East Asian keyboard in full-width mode writes it."""
    return "".join(chr(ord(character) + 0xFEE0) if "!" <= character <= "~" else character for character in text)


def borrower(
    external_id: str = "B-1", *, phones: tuple[str, ...] = (), emails: tuple[str, ...] = (), **fields: Any
) -> Borrower:
    """One registered borrower; the first phone is the first choice."""
    contacts = (
        *(NewContact(kind="phone", value=phone, is_primary=not number) for number, phone in enumerate(phones)),
        *(NewContact(kind="email", value=email, is_primary=not number) for number, email in enumerate(emails)),
    )
    row = NewBorrower(
        external_id=external_id, contacts=contacts, **({"portfolio": PORTFOLIO, "country": "CN"} | fields)
    )
    registered = register_borrowers(source=BOOK, rows=[row], actor=SYSTEM)
    return Borrower.objects.get(pk=registered.ids[external_id])


def wang(external_id: str = "B-1", **fields: Any) -> Borrower:
    """A borrower with everything: a name, an identity number, two phones and an e-mail address."""
    return borrower(
        external_id,
        **(
            {
                "family_name": "王",
                "given_name": "小明",
                "identity_number": CN_IDENTITY,
                "identity_kind": "cn_ric",
                "birth_year": 1949,
                "time_zone": "Asia/Shanghai",
                "language": "zh-Hans",
                "phones": ("13812345678", "+14155552671"),
                "emails": ("wang@example.org",),
            }
            | fields
        ),
    )
