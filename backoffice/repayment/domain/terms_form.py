"""Terms and quote requests to and from JSON: strict on the way in, canonical on the way out.

Every bad value is refused by its name, all of them at once. What may be left out has the default of the dataclass, with
two that follow the currency: `multiple_of` is its smallest unit, and a `holiday_shift` without `calendar` reads the
calendar of the currency's country. The cost cap of the mainland is the default for CNY alone.
"""

from collections.abc import Mapping
from dataclasses import dataclass, fields, is_dataclass, replace
from datetime import date
from decimal import Decimal
from typing import Any, ClassVar, get_args

from backoffice.calendars.domain.working_days import CALENDARS
from backoffice.core.errors import Refusal
from backoffice.core.money import exponent_of
from backoffice.core.words import Phrase, phrase
from backoffice.repayment.domain.components import COMPONENTS
from backoffice.repayment.domain.fees import SHARES
from backoffice.repayment.domain.json_form import (
    BAD,
    Faults,
    Reader,
    choice,
    day,
    exact,
    listed,
    optional,
    plain,
    read_keys,
    record,
    text,
    whole,
)
from backoffice.repayment.domain.terms import (
    AllocationRule,
    Band,
    CostCap,
    DayCount,
    FeeRule,
    FeeWay,
    FutureRule,
    Grace,
    HolidayShift,
    InstallmentBasis,
    Method,
    PenaltyRule,
    PrepaymentRule,
    Rounding,
    Terms,
    Tolerance,
    Unit,
)

MOST_PERIODS = 1200
MOST_PRINCIPAL = "10000000000000"
MOST_BILLS_LISTED = MOST_PERIODS

# The longest a schedule may run, in units: two hundred years.
_LONGEST = {"month": 2_400, "week": 10_400, "day": 73_000}

CALENDAR_OF: Mapping[str, str] = {
    "CNY": "CN",
    "USD": "US",
    "INR": "IN",
    "GBP": "GB",
    "CZK": "CZ",
    "NGN": "NG",
    "UGX": "UG",
    "KES": "KE",
    "MXN": "MX",
    "TWD": "TW",
}
NO_CAP = CostCap(regime="none", rate=None)


class InvalidTerms(Refusal):
    """Terms or a quote request that cannot be used; `fields` names each value at fault by its dotted path."""

    code: ClassVar[str] = "repayment.invalid_terms"


@dataclass(frozen=True, slots=True)
class QuoteRequest:
    """What a quote is asked for: terms, principal (major units), payout day, and dates that replace the grid."""

    terms: Terms
    principal: Decimal
    disbursed_on: date
    first_due_date: date | None = None
    due_dates: tuple[date, ...] | None = None


_SHARE = exact(most="1", places=8)
_MONEY = exact(most=MOST_PRINCIPAL, places=2)
_CODE = text(pattern=r"[a-z0-9][a-z0-9_-]{0,39}", hint=phrase("must be 1 to 40 of: a-z, 0-9, _ and -"))
_NAME = text(pattern=r"[^\x00-\x1f]{1,80}", hint=phrase("must be 1 to 80 characters"))

_FEE_READERS: dict[str, Reader] = {
    "code": _CODE,
    "component": choice("fee", "guarantee_fee"),
    "payee": _NAME,
    "way": choice(*get_args(FeeWay)),
    "amount": exact(most=MOST_PRINCIPAL, places=8),
}


def _fee(value: Any, path: str, faults: Faults) -> Any:
    given = {"component": "fee", "payee": "lender"} | value if isinstance(value, dict) else value
    rule = record(FeeRule, _FEE_READERS)(given, path, faults)
    if rule is BAD:
        return BAD
    if rule.way in SHARES and rule.amount > 1:
        faults[f"{path}.amount"] = phrase("is a share of the principal or balance: must be from 0 to 1")
        return BAD
    return rule


def _day_basis(value: Any, path: str, faults: Faults) -> Any:
    if isinstance(value, int) and value in (360, 365):
        return value
    faults[path] = phrase("must be 360 or 365")
    return BAD


_TERMS_READERS: dict[str, Reader] = {
    "currency": text(pattern=r"[A-Z]{3}", hint=phrase("must be three capital letters (ISO 4217)")),
    "method": choice(*get_args(Method)),
    "annual_rate": exact(most="100", places=8),
    "periods": whole(least=1, most=MOST_PERIODS),
    "day_count": choice(*get_args(DayCount)),
    "every": whole(least=1, most=366),
    "unit": choice(*get_args(Unit)),
    "due_day": optional(whole(least=1, most=31)),
    "first_period_min_days": whole(least=0, most=366),
    "holiday_shift": choice(*get_args(HolidayShift)),
    "calendar": choice(*CALENDARS),
    "rounding": choice(*get_args(Rounding)),
    "multiple_of": exact(most="1000000", places=2, above=True),
    "installment_basis": choice(*get_args(InstallmentBasis)),
    "fees": listed(_fee, most=20),
    "grace": record(Grace, {"days": whole(least=0, most=366), "mode": choice("waive", "shift")}),
    "penalty": record(
        PenaltyRule,
        {
            "base": choice("principal", "principal_and_interest"),
            "uplift": exact(most="10", places=8),
            "rate_cap": optional(exact(most="10", places=8)),
            "compounding": choice("none", "monthly"),
            "day_basis": _day_basis,
        },
    ),
    "allocation": record(
        AllocationRule,
        {
            "order": listed(choice(*COMPONENTS), least=len(COMPONENTS), most=len(COMPONENTS)),
            "mode": choice("vertical", "horizontal"),
            "principal_first_after_dpd": optional(whole(least=0, most=3660)),
            "future": choice(*get_args(FutureRule)),
        },
    ),
    "prepayment": record(
        PrepaymentRule,
        {
            "fee": choice("none", "percent", "days_interest", "fixed"),
            "value": exact(most=MOST_PRINCIPAL, places=8),
            "fee_cap": optional(_MONEY),
        },
    ),
    "tolerance": record(Tolerance, {"days": whole(least=0, most=366), "floor": _MONEY, "percent": _SHARE}),
    "cost_cap": record(
        CostCap,
        {
            "regime": _CODE,
            "rate": optional(exact(most="10", places=8, above=True)),
            "formula": choice("apr_irr", "ear", "xirr"),
        },
    ),
    "bands": listed(
        record(
            Band,
            {
                "code": text(pattern=r"[^\s]{1,8}", hint=phrase("must be 1 to 8 characters without spaces")),
                "first": whole(least=0, most=36_600),
                "last": optional(whole(least=0, most=36_600)),
            },
        ),
        least=1,
        most=40,
    ),
}
_TERMS_REQUIRED = {"currency", "method", "annual_rate", "periods"}

_QUOTE_READERS: dict[str, Reader] = {
    "principal": exact(most=MOST_PRINCIPAL, places=8, above=True),
    "disbursed_on": day,
    "first_due_date": optional(day),
    "due_dates": optional(listed(day, least=1, most=MOST_BILLS_LISTED)),
}
_QUOTE_REQUIRED = {"principal", "disbursed_on"}


def from_json(value: Any) -> Terms:
    """Terms from a JSON object. Raises InvalidTerms naming every value at fault."""
    faults: Faults = {}
    values = read_keys(value, "", faults, readers=_TERMS_READERS, required=_TERMS_REQUIRED)
    if values is not BAD:
        terms = _terms(values, faults)
        if not faults:
            return terms
    raise _refusal(faults)


def quote_from_json(value: Any) -> QuoteRequest:
    """A quote request from a JSON object: the keys of terms and of the request side by side, as DESIGN 8 lists them.

    `periods` may be left out when `due_dates` lists the bills. Raises InvalidTerms naming every value at fault.
    """
    faults: Faults = {}
    required = _TERMS_REQUIRED | _QUOTE_REQUIRED
    if isinstance(value, Mapping) and value.get("due_dates") is not None:
        required -= {"periods"}
    values = read_keys(value, "", faults, readers=_TERMS_READERS | _QUOTE_READERS, required=required)
    if values is BAD:
        raise _refusal(faults)
    asked = {name: values.pop(name, None) for name in _QUOTE_READERS}
    due_dates = asked["due_dates"]
    if due_dates is not None:
        values.setdefault("periods", 1 if values["method"] == "single_payment" else len(due_dates))
    terms = _terms(values, faults)
    _check_quote(terms, asked, faults)
    if faults:
        raise _refusal(faults)
    return QuoteRequest(terms=terms, **asked)


def to_json(terms: Terms) -> dict[str, Any]:
    """The canonical JSON object of a product's terms: every key, amounts as plain decimal strings, equal ones alike."""
    written: dict[str, Any] = _written(replace(terms, declared_days=()))
    del written["declared_days"]
    return written


def copy_to_json(terms: Terms) -> dict[str, Any]:
    """The canonical JSON object a loan keeps: the product's terms, and the declared days it was made with if any."""
    declared = {day.isoformat(): is_working for day, is_working in terms.declared_days}
    return to_json(terms) | ({"declared_days": declared} if declared else {})


def copy_from_json(value: Mapping[str, Any]) -> Terms:
    """The terms of a loan from what `copy_to_json` wrote."""
    given = dict(value)
    declared = sorted(
        (date.fromisoformat(day), is_working) for day, is_working in given.pop("declared_days", {}).items()
    )
    return replace(from_json(given), declared_days=tuple(declared))


def _terms(values: dict[str, Any], faults: Faults) -> Terms:
    """Terms with the defaults that follow the currency, checked across fields."""
    currency = values["currency"]
    if "multiple_of" not in values:
        values["multiple_of"] = Decimal(1).scaleb(-exponent_of(currency))
    if values.get("holiday_shift", "none") != "none" and "calendar" not in values:
        if currency not in CALENDAR_OF:
            faults["calendar"] = phrase(
                "name one of: %(known)s; %(currency)s has none of its own",
                known=", ".join(CALENDARS),
                currency=currency,
            )
        values["calendar"] = CALENDAR_OF.get(currency, "none")
    if "cost_cap" not in values and currency != "CNY":
        values["cost_cap"] = NO_CAP
    terms = Terms(**values)
    _check_rhythm(terms, faults)
    _check_amounts(terms, faults)
    _check_lists(terms, faults)
    return terms


def _check_rhythm(terms: Terms, faults: Faults) -> None:
    if terms.due_day is not None and terms.unit != "month":
        faults["due_day"] = phrase("only bills by the month have a due day")
    if terms.periods * terms.every > _LONGEST[terms.unit]:
        faults["periods"] = phrase("the schedule would run for more than 200 years")


def _check_amounts(terms: Terms, faults: Faults) -> None:
    smallest = Decimal(1).scaleb(-exponent_of(terms.currency))
    # The default is written for cents and means the smallest unit of any currency.
    if terms.multiple_of != Decimal("0.01") and terms.multiple_of % smallest:
        faults["multiple_of"] = _multiple_of(smallest, terms.currency)
    for number, rule in enumerate(terms.fees):
        if rule.way not in SHARES and rule.amount % smallest:
            faults[f"fees.{number}.amount"] = _multiple_of(smallest, terms.currency)
    match terms.prepayment.fee:
        case "percent" if terms.prepayment.value > 1:
            faults["prepayment.value"] = phrase("is a share of the principal: must be from 0 to 1")
        case "days_interest" if terms.prepayment.value % 1:
            faults["prepayment.value"] = phrase("must be a whole number of days")


def _check_lists(terms: Terms, faults: Faults) -> None:
    codes = [rule.code for rule in terms.fees]
    for number, code in enumerate(codes):
        if code in codes[:number]:
            faults[f"fees.{number}.code"] = phrase("is used by another fee")
    if len(set(terms.allocation.order)) != len(COMPONENTS):
        faults["allocation.order"] = phrase("must name each of %(names)s once", names=", ".join(COMPONENTS))
    _check_bands(terms.bands, faults)


def _check_bands(bands: tuple[Band, ...], faults: Faults) -> None:
    """Bands start at 0 days, follow each other without gap or overlap, and the last is open."""
    expected = 0
    for number, band in enumerate(bands):
        is_last = number == len(bands) - 1
        if band.first != expected:
            faults[f"bands.{number}.first"] = phrase(
                "must be %(expected)s: bands follow each other without gap or overlap", expected=expected
            )
        if is_last != (band.last is None) or (band.last is not None and band.last < band.first):
            faults[f"bands.{number}.last"] = (
                phrase("must be null: the last band is open")
                if is_last
                else phrase("must be a day not before the first")
            )
        if band.code in {other.code for other in bands[:number]}:
            faults[f"bands.{number}.code"] = phrase("is used by another band")
        expected = (band.last if band.last is not None else band.first) + 1


def _check_quote(terms: Terms, asked: Mapping[str, Any], faults: Faults) -> None:
    principal, disbursed_on = asked["principal"], asked["disbursed_on"]
    first_due_date, due_dates = asked["first_due_date"], asked["due_dates"]
    smallest = Decimal(1).scaleb(-exponent_of(terms.currency))
    if principal % smallest:
        faults["principal"] = _multiple_of(smallest, terms.currency)
    if first_due_date is not None and first_due_date <= disbursed_on:
        faults["first_due_date"] = phrase("must be after disbursed_on")
    if due_dates is None:
        return
    if first_due_date is not None:
        faults["first_due_date"] = phrase("cannot stand beside due_dates, which say it already")
    if terms.method == "single_payment":
        if len(due_dates) != 1:
            faults["due_dates"] = phrase("a single payment has one due date")
    elif len(due_dates) != terms.periods:
        faults["due_dates"] = phrase("must list %(count)s dates, one per period", count=terms.periods)
    previous = disbursed_on
    for number, due_date in enumerate(due_dates):
        if due_date <= previous:
            faults[f"due_dates.{number}"] = phrase("must come after %(previous)s", previous=previous)
        previous = due_date


def _written(value: Any) -> Any:
    if is_dataclass(value):
        return {each.name: _written(getattr(value, each.name)) for each in fields(value)}
    if isinstance(value, Decimal):
        return plain(value)
    if isinstance(value, tuple):
        return [_written(item) for item in value]
    return value


def _multiple_of(smallest: Decimal, currency: str) -> Phrase:
    return phrase("must be a multiple of %(smallest)s %(currency)s", smallest=smallest, currency=currency)


def _refusal(faults: Faults) -> InvalidTerms:
    return InvalidTerms(
        phrase("These terms cannot be used: %(names)s.", names=", ".join(faults)),
        next_step=phrase("Correct the named values and send the terms again."),
        fields=dict(faults),
    )
