"""Identity and card numbers: checked by the libraries that know their rules, normalised, masked."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from typing import Any, Final

from stdnum import luhn
from stdnum.br import cpf
from stdnum.cn import ric
from stdnum.cz import rc
from stdnum.exceptions import ValidationError
from stdnum.id import nik
from stdnum.in_ import aadhaar, pan
from stdnum.ke import pin
from stdnum.mx import curp
from stdnum.us import itin, ssn
from stdnum.za import idnr

SHOWN: Final = 4
OTHER: Final = "other"


class NotAnIdentityNumber(ValueError):
    """The text is not a number of its kind: wrong length, impossible date or a check digit that does not fit."""


class NotACardNumber(ValueError):
    """The text is not 12 to 19 digits with a Luhn check digit that fits."""


@dataclass(frozen=True, slots=True)
class IdentityKind:
    """One kind of number: whose it is and how it is checked. `validate` gives the compact form or raises."""

    code: str
    country: str
    name: str
    validate: Callable[[str], str]
    birth_date: Callable[[str], date] | None = None


def _kind(code: str, country: str, name: str, module: Any, *, birth: str = "") -> IdentityKind:
    return IdentityKind(code, country, name, module.validate, getattr(module, birth) if birth else None)


KINDS: Final[dict[str, IdentityKind]] = {
    kind.code: kind
    for kind in (
        _kind("cn_ric", "CN", "居民身份证", ric, birth="get_birth_date"),
        _kind("in_aadhaar", "IN", "Aadhaar", aadhaar),
        _kind("in_pan", "IN", "PAN", pan),
        _kind("us_ssn", "US", "SSN", ssn),
        _kind("us_itin", "US", "ITIN", itin),
        _kind("mx_curp", "MX", "CURP", curp, birth="get_birth_date"),
        _kind("cz_rc", "CZ", "rodné číslo", rc, birth="get_birth_date"),
        _kind("br_cpf", "BR", "CPF", cpf),
        _kind("id_nik", "ID", "NIK", nik),
        _kind("ke_pin", "KE", "KRA PIN", pin),
        _kind("za_id", "ZA", "ID number", idnr),
    )
}
"""Kinds with a check the library knows. Others are kept under "other", unchecked, and say so."""


def normalise_identity(text: str, *, kind: str) -> str:
    """The number without spaces and dashes, in capitals, checked by its kind.

    Raises NotAnIdentityNumber for a number that does not fit its kind, an unknown kind, or "other" with fewer than 4
    letters and digits.
    """
    compact = compact_identity(text)
    if kind == OTHER:
        if len(compact) < SHOWN:
            msg = "an identity number has at least four letters or digits"
            raise NotAnIdentityNumber(msg)
        return compact
    known = KINDS.get(kind)
    if known is None:
        msg = f"no such kind of identity number: {kind}"
        raise NotAnIdentityNumber(msg)
    try:
        return compact_identity(known.validate(compact))
    except ValidationError as error:
        raise NotAnIdentityNumber(str(error)) from error


def compact_identity(text: str) -> str:
    """Letters and digits in capitals: how numbers are compared and found."""
    return "".join(character for character in text.upper() if character.isalnum())


def birth_date_of(number: str, *, kind: str) -> date | None:
    """The date of birth a number tells; None for kinds that do not tell it."""
    known = KINDS.get(kind)
    if known is None or known.birth_date is None:
        return None
    return known.birth_date(number)


def normalise_card(text: str) -> str:
    """The digits of a payment card number, its Luhn check digit verified. Raises NotACardNumber."""
    digits = "".join(character for character in text if character not in " -")
    if not (digits.isascii() and digits.isdigit() and 12 <= len(digits) <= 19):
        msg = "a card number has 12 to 19 digits"
        raise NotACardNumber(msg)
    if not luhn.is_valid(digits):
        msg = "the check digit does not fit"
        raise NotACardNumber(msg)
    return digits


def last_four(number: str) -> str:
    """The last four letters or digits, which is what people read out."""
    return number[-SHOWN:]


def mask_number(number: str) -> str:
    """The number with all but its last four characters hidden; its length is not shown."""
    return f"•••• {last_four(number)}" if number else ""
