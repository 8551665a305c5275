"""Who falls into which group: always the same answer for the same salt and unit, on every machine and in every run.

A unit's place is the first 60 bits of the SHA-256 of the salt and the unit's id, so it owes nothing to Python's own
hash seed, and two salts place the same unit independently of each other. Shares are compared exactly, without floats.
PostgreSQL gives the same place of unit 17 under the salt "s" by
`('x' || substr(encode(sha256('s|17'), 'hex'), 1, 15))::bit(60)::bigint`.
"""

from collections.abc import Mapping
from decimal import Decimal
from hashlib import sha256
from itertools import accumulate
from typing import Final

PLACES: Final = 2**60
"""How many places there are: a place is a whole number from 0 to PLACES - 1; place / PLACES lies in [0, 1)."""

MOST_DECIMALS: Final = 6
"""Shares have no more decimals, so that a share times PLACES is exact within a Decimal's 28 digits."""

_DIGITS: Final = 15


class SharesDoNotFit(ValueError):
    """Shares that are below zero, finer than six decimals, or do not sum to one: a defect of the program."""


def place(*, salt: str, unit_id: int) -> int:
    """Where the unit stands among all, from 0 to PLACES - 1."""
    return int(sha256(f"{salt}|{unit_id}".encode()).hexdigest()[:_DIGITS], 16)


def assign(*, salt: str, unit_id: int, shares: Mapping[str, Decimal]) -> str:
    """The group of the unit; `shares` are fractions that sum to one, in an order that has to stay.

    Raises SharesDoNotFit.
    """
    if sum(shares.values()) != 1:
        msg = f"shares sum to {sum(shares.values())}, not to one"
        raise SharesDoNotFit(msg)
    here = place(salt=f"assign|{salt}", unit_id=unit_id)
    ends = accumulate(map(_checked, shares.values()))
    return next(group for group, end in zip(shares, ends, strict=True) if here < end * PLACES)


def holdout(*, salt: str, unit_id: int, share: Decimal) -> bool:
    """Whether the unit is held out: left alone, so that the others have something to be compared with.

    A larger share under the same salt keeps everybody who was held out. Independent of `assign` with the same salt.
    Raises SharesDoNotFit.
    """
    return place(salt=f"holdout|{salt}", unit_id=unit_id) < _checked(share) * PLACES


def is_within(*, salt: str, unit_id: int, start: Decimal, end: Decimal) -> bool:
    """Whether the unit stands in the slice `[start, end)` of everybody, fractions of one. Raises SharesDoNotFit."""
    return _checked(start) * PLACES <= place(salt=f"slice|{salt}", unit_id=unit_id) < _checked(end) * PLACES


def _checked(share: Decimal) -> Decimal:
    if not 0 <= share <= 1 or share != round(share, MOST_DECIMALS):
        msg = f"{share} is not a share from 0 to 1 with at most {MOST_DECIMALS} decimals"
        raise SharesDoNotFit(msg)
    return share
