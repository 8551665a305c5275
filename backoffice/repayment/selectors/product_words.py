"""Terms in words people read, and the difference of two versions as a list of what was and what is now."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext, ngettext_lazy

from backoffice.calendars.names import NAMES
from backoffice.core.formats import THIN, amount_text, percent_text
from backoffice.repayment.domain.fees import SHARES
from backoffice.repayment.domain.json_form import plain
from backoffice.repayment.domain.penalty import penalty_rate
from backoffice.repayment.domain.terms import FeeRule, Terms

Labels = Mapping[str, Promise]

METHODS: Final[Labels] = {
    "equal_installment": gettext_lazy("equal instalments"),
    "equal_principal": gettext_lazy("equal principal"),
    "interest_only": gettext_lazy("interest only, principal at the end"),
    "flat": gettext_lazy("flat: interest on the original principal"),
    "single_payment": gettext_lazy("single payment at the end"),
}
DAY_COUNTS: Final[Labels] = {
    "monthly": gettext_lazy("whole months at 1/12 of a year"),
    "30/360": gettext_lazy("30/360: every month has 30 days"),
    "act/365": gettext_lazy("actual days / 365"),
    "act/360": gettext_lazy("actual days / 360"),
    "act/act": gettext_lazy("actual days / 365, in leap years 366"),
}
UNITS: Final[Labels] = {
    "month": gettext_lazy("months"),
    "week": gettext_lazy("weeks"),
    "day": gettext_lazy("days"),
}
TIMES: Final = {
    "month": ngettext_lazy("%(count)d month", "%(count)d months", "count"),
    "week": ngettext_lazy("%(count)d week", "%(count)d weeks", "count"),
    "day": ngettext_lazy("%(count)d day", "%(count)d days", "count"),
}
EVERY_ONE: Final[Labels] = {
    "month": gettext_lazy("every month"),
    "week": gettext_lazy("every week"),
    "day": gettext_lazy("every day"),
}
SHIFTS: Final[Labels] = {
    "none": gettext_lazy("not moved"),
    "next": gettext_lazy("to the next working day"),
    "previous": gettext_lazy("to the working day before"),
    "modified_following": gettext_lazy("to the next working day of the same month"),
}
ROUNDINGS: Final[Labels] = {
    "half_up": gettext_lazy("half up"),
    "half_even": gettext_lazy("half to even"),
    "up": gettext_lazy("up"),
    "down": gettext_lazy("down"),
}
BASES: Final[Labels] = {
    "solved": gettext_lazy("solved: all bills equal over the real days"),
    "nominal": gettext_lazy("nominal: from the rate of a regular period"),
}
FEE_WAYS: Final[Labels] = {
    "upfront_deducted": gettext_lazy("deducted at payout"),
    "upfront_deducted_of_principal": gettext_lazy("percent of principal, deducted at payout"),
    "upfront_billed": gettext_lazy("on the first bill"),
    "upfront_billed_of_principal": gettext_lazy("percent of principal, on the first bill"),
    "per_period_fixed": gettext_lazy("on every bill"),
    "per_period_of_principal": gettext_lazy("percent of the original principal, on every bill"),
    "per_period_of_balance": gettext_lazy("percent of the balance, on every bill"),
}
# The same, after the amount of a fee.
SHARE_WAYS: Final[Labels] = {
    "upfront_deducted_of_principal": gettext_lazy("of the principal, deducted at payout"),
    "upfront_billed_of_principal": gettext_lazy("of the principal, on the first bill"),
    "per_period_of_principal": gettext_lazy("of the original principal, on every bill"),
    "per_period_of_balance": gettext_lazy("of the balance, on every bill"),
}
FEE_COMPONENTS: Final[Labels] = {"fee": gettext_lazy("fee"), "guarantee_fee": gettext_lazy("guarantee fee")}
GRACE_MODES: Final[Labels] = {
    "waive": gettext_lazy("paid within them, no penalty; later, from the due date"),
    "shift": gettext_lazy("penalty starts after them"),
}
PENALTY_BASES: Final[Labels] = {
    "principal": gettext_lazy("overdue principal"),
    "principal_and_interest": gettext_lazy("overdue principal and interest"),
}
COMPOUNDINGS: Final[Labels] = {"none": gettext_lazy("not compounded"), "monthly": gettext_lazy("compounded monthly")}
MODES: Final[Labels] = {
    "vertical": gettext_lazy("bill by bill, the oldest first"),
    "horizontal": gettext_lazy("component by component over all bills"),
}
FUTURES: Final[Labels] = {
    "suspense": gettext_lazy("held for the borrower"),
    "next_installment": gettext_lazy("pays the next bill"),
    "last_installment": gettext_lazy("pays the last bill"),
    "reduce_installment": gettext_lazy("prepays, smaller bills"),
    "shorten_term": gettext_lazy("prepays, ends sooner"),
}
COMPONENTS: Final[Labels] = {
    "fee": gettext_lazy("fees"),
    "guarantee_fee": gettext_lazy("guarantee fees"),
    "penalty": gettext_lazy("penalty"),
    "interest": gettext_lazy("interest"),
    "principal": gettext_lazy("principal"),
}
PREPAYMENT_FEES: Final[Labels] = {
    "none": gettext_lazy("none"),
    "percent": gettext_lazy("percent of the principal left"),
    "days_interest": gettext_lazy("days of interest"),
    "fixed": gettext_lazy("fixed amount"),
}
FORMULAS: Final[Labels] = {
    "apr_irr": gettext_lazy("IRR of a period times periods a year"),
    "ear": gettext_lazy("effective annual rate"),
    "xirr": gettext_lazy("XIRR by days / 365"),
}


@dataclass(frozen=True, slots=True)
class Word:
    """One rule of the terms: a stable key, its label, and the rule in words."""

    key: str
    label: str
    text: str


@dataclass(frozen=True, slots=True)
class WordGroup:
    """Rules that belong together."""

    label: str
    words: tuple[Word, ...]


@dataclass(frozen=True, slots=True)
class Change:
    """One rule before and after; None where it did not or does not exist."""

    label: str
    was: str | None
    now: str | None


def terms_in_words(*, terms: Terms) -> tuple[WordGroup, ...]:
    """Every rule of the terms, in the language of the reader."""
    return tuple(WordGroup(label=label, words=tuple(words(terms))) for label, words in _groups())


def difference_in_words(*, before: Terms, after: Terms) -> tuple[Change, ...]:
    """What changed between two versions, in the order of the terms; empty when nothing did."""
    was, now = _by_key(before), _by_key(after)
    changes = []
    for key in [*was, *(key for key in now if key not in was)]:
        old, new = was.get(key), now.get(key)
        if old != new:
            label = (new or old or Word("", "", "")).label
            changes.append(Change(label=label, was=old.text if old else None, now=new.text if new else None))
    return tuple(changes)


def bills_in_words(*, terms: Terms) -> str:
    """How many bills, and how often: `12 bills, every month`; for a single payment `one bill, after 30 days`."""
    if terms.method == "single_payment":
        count = terms.periods * terms.every
        return _("one bill, after %(time)s") % {"time": TIMES[terms.unit] % {"count": count}}
    bills = ngettext("%(count)s bill", "%(count)s bills", terms.periods) % {"count": terms.periods}
    if terms.every == 1:
        return f"{bills}, {EVERY_ONE[terms.unit]}"
    return f"{bills}, " + _("every %(every)s %(unit)s") % {"every": terms.every, "unit": UNITS[terms.unit]}


def _by_key(terms: Terms) -> dict[str, Word]:
    return {word.key: word for group in terms_in_words(terms=terms) for word in group.words}


def _groups() -> tuple[tuple[str, Callable[[Terms], list[Word]]], ...]:
    return (
        (_("Rate and bills"), _rhythm),
        (_("Due dates"), _dates),
        (_("Fees"), _fees),
        (_("Paying late"), _late),
        (_("Where payments go"), _payments),
        (_("Paying early"), _early),
        (_("Cost cap"), _cap),
    )


def _rhythm(terms: Terms) -> list[Word]:
    words = [
        Word("method", _("Method"), str(METHODS[terms.method])),
        Word("annual_rate", _("Rate a year"), percent_text(terms.annual_rate)),
        Word("periods", _("Bills"), bills_in_words(terms=terms)),
        Word("day_count", _("Interest counts"), str(DAY_COUNTS[terms.day_count])),
        Word("rounding", _("Rounded"), str(ROUNDINGS[terms.rounding])),
    ]
    if terms.method == "equal_installment":
        multiple = _("a multiple of %(amount)s") % {"amount": _money(terms.multiple_of, terms)}
        words.append(Word("multiple_of", _("Instalment"), multiple))
        words.append(Word("installment_basis", _("Instalment basis"), str(BASES[terms.installment_basis])))
    return words


def _dates(terms: Terms) -> list[Word]:
    words = []
    if terms.unit == "month":
        day = _("the day of the payout") if terms.due_day is None else _("day %(day)s") % {"day": terms.due_day}
        words.append(Word("due_day", _("Due day"), day))
        words.append(Word("first_period_min_days", _("Shortest first period"), _days(terms.first_period_min_days)))
    words.append(Word("holiday_shift", _("A due date on a holiday is moved"), str(SHIFTS[terms.holiday_shift])))
    if terms.holiday_shift != "none":
        words.append(Word("calendar", _("Calendar"), str(NAMES.get(terms.calendar, terms.calendar))))
    return words


def _fees(terms: Terms) -> list[Word]:
    if not terms.fees:
        return [Word("fees", _("Fees"), _("none"))]
    return [Word(f"fee {rule.code}", rule.code, _fee(rule, terms)) for rule in terms.fees]


def _fee(rule: FeeRule, terms: Terms) -> str:
    if rule.way in SHARES:
        charged = f"{plain(rule.amount * 100)}{THIN}% {SHARE_WAYS[rule.way]}"
    else:
        charged = f"{_money(rule.amount, terms)} {FEE_WAYS[rule.way]}"
    return _("%(charged)s; %(kind)s paid to %(payee)s") % {
        "charged": charged,
        "kind": FEE_COMPONENTS[rule.component],
        "payee": rule.payee,
    }


def _late(terms: Terms) -> list[Word]:
    penalty, grace, tolerance = terms.penalty, terms.grace, terms.tolerance
    cap = _("no cap") if penalty.rate_cap is None else _("at most %(rate)s") % {"rate": percent_text(penalty.rate_cap)}
    rate = _("the rate plus %(uplift)s of it, %(cap)s a year, days / %(basis)s") % {
        "uplift": percent_text(penalty.uplift, places=0),
        "cap": cap,
        "basis": penalty.day_basis,
    }
    if not penalty_rate(terms):
        rate = _("no penalty")
    small = _("the larger of %(floor)s and %(share)s of the bill") % {
        "floor": _money(tolerance.floor, terms),
        "share": percent_text(tolerance.percent),
    }
    bands = ", ".join(
        f"{band.code} {band.first}{'+' if band.last is None else f'–{band.last}' if band.last != band.first else ''}"
        for band in terms.bands
    )
    grace_text = _days(grace.days) if not grace.days else f"{_days(grace.days)}: {GRACE_MODES[grace.mode]}"
    return [
        Word("grace", _("Days of grace"), grace_text),
        Word("penalty_rate", _("Penalty rate"), rate),
        Word("penalty_base", _("Penalty is charged on"), str(PENALTY_BASES[penalty.base])),
        Word("penalty_compounding", _("Penalty on penalty"), str(COMPOUNDINGS[penalty.compounding])),
        Word("tolerance_days", _("Days before a bucket is entered"), _days(tolerance.days)),
        Word("tolerance", _("Too little to count as unpaid"), small),
        Word("bands", _("Buckets by days past due"), bands),
    ]


def _payments(terms: Terms) -> list[Word]:
    rule = terms.allocation
    principal_first = (
        _("never")
        if rule.principal_first_after_dpd is None
        else _("beyond %(days)s days past due") % {"days": rule.principal_first_after_dpd}
    )
    return [
        Word("order", _("Order"), ", ".join(str(COMPONENTS[component]) for component in rule.order)),
        Word("mode", _("Bills"), str(MODES[rule.mode])),
        Word("principal_first", _("Principal first"), principal_first),
        Word("future", _("What is more than due"), str(FUTURES[rule.future])),
    ]


def _early(terms: Terms) -> list[Word]:
    rule = terms.prepayment
    match rule.fee:
        case "percent":
            text = _("%(share)s of the principal left") % {"share": percent_text(rule.value)}
        case "days_interest":
            text = _("interest of %(days)s") % {"days": _days(int(rule.value))}
        case "fixed":
            text = _money(rule.value, terms)
        case _:
            text = _("none")
    if rule.fee != "none" and rule.fee_cap is not None:
        text = _("%(fee)s, at most %(cap)s") % {"fee": text, "cap": _money(rule.fee_cap, terms)}
    return [Word("prepayment", _("Fee for settling early"), text)]


def _cap(terms: Terms) -> list[Word]:
    cap = terms.cost_cap
    if cap.rate is None:
        return [Word("cost_cap", _("Yearly cost"), _("not capped"))]
    text = _("at most %(rate)s by %(formula)s (%(regime)s)") % {
        "rate": percent_text(cap.rate),
        "formula": FORMULAS[cap.formula],
        "regime": cap.regime,
    }
    return [Word("cost_cap", _("Yearly cost"), text)]


def _days(count: int) -> str:
    return ngettext("%(count)s day", "%(count)s days", count) % {"count": count}


def _money(amount: Decimal, terms: Terms) -> str:
    return amount_text(amount, currency=terms.currency)
