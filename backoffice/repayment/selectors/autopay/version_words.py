"""A configuration in words people read, and the difference of two versions as a list of what was and what is now."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext, pgettext, pgettext_lazy

from backoffice.calendars.names import NAMES
from backoffice.core.formats import amount_text, count_text, date_text, percent_text
from backoffice.repayment.domain.autopay.actions import Action
from backoffice.repayment.domain.autopay.amounts import AmountRule
from backoffice.repayment.domain.autopay.codes import Family
from backoffice.repayment.domain.autopay.configuration import (
    OUTCOMES,
    Configuration,
    ConfigurationFaulty,
    MandateOrder,
    OnHoliday,
    clock_of,
    parse,
)
from backoffice.repayment.domain.autopay.simulation import Change as Changed
from backoffice.repayment.models import Payee, Rail
from backoffice.repayment.selectors.product_words import COMPONENTS

FAMILY_LABELS: Final[Mapping[Family, Promise]] = {
    Family.DONE: gettext_lazy("done"),
    Family.INSUFFICIENT_FUNDS: gettext_lazy("not enough money"),
    Family.LIMIT: gettext_lazy("over a limit"),
    Family.CARD_INVALID: gettext_lazy("card not valid"),
    Family.AGREEMENT: gettext_lazy("agreement not valid"),
    Family.IDENTITY: gettext_lazy("identity or password"),
    Family.RISK: gettext_lazy("risk"),
    Family.BUSY: gettext_lazy("bank busy"),
    Family.UNKNOWN: gettext_lazy("not known yet"),
    Family.DUPLICATE: gettext_lazy("order number used before"),
    Family.MERCHANT: gettext_lazy("merchant or permission"),
    Family.REQUEST: gettext_lazy("our request"),
    Family.EXPIRED: gettext_lazy("came too late"),
    Family.RETURNED_BY_PAYER: gettext_lazy("taken back by the payer"),
    Family.DECEASED: gettext_lazy("holder deceased"),
}
ACTION_LABELS: Final[Mapping[Action, Promise]] = {
    Action.NEXT_SLOT: gettext_lazy("try again in the next slot"),
    Action.SPLIT: gettext_lazy("a smaller part in the next slot"),
    Action.OTHER_MANDATE: gettext_lazy("the borrower's next agreement"),
    Action.STOP: gettext_lazy("stop"),
    Action.REBIND: gettext_lazy("stop, ask to bind another card"),
    Action.RESIGN: gettext_lazy("stop, ask to sign again"),
    Action.MANUAL: gettext_lazy("stop until a person looked"),
    Action.QUERY: gettext_lazy("ask the bank, never send again"),
    Action.HALT: gettext_lazy("stop the whole batch"),
}
AMOUNT_LABELS: Final[Mapping[AmountRule, Promise]] = {
    AmountRule.ALL_DUE: gettext_lazy("everything past due and due that day"),
    AmountRule.CURRENT_ONLY: gettext_lazy("the bill of the day alone"),
    AmountRule.OVERDUE_FIRST: gettext_lazy("what is past due first, then the bill of the day"),
}
ORDER_LABELS: Final[Mapping[MandateOrder, Promise]] = {
    MandateOrder.PRIORITY: gettext_lazy("in the order the borrower chose"),
    MandateOrder.NEWEST: gettext_lazy("the newest first"),
    MandateOrder.LAST_SUCCESS: gettext_lazy("the one that worked last first"),
}
HOLIDAY_LABELS: Final[Mapping[OnHoliday, Promise]] = {
    OnHoliday.DEBIT: gettext_lazy("debited as on any day"),
    OnHoliday.NEXT_WORKING_DAY: gettext_lazy("put off to the next working day"),
    OnHoliday.SKIP: gettext_lazy("left out, and counted as a day gone by"),
}
OUTCOME_LABELS: Final[Mapping[str, Promise]] = {
    "succeeded": pgettext_lazy("outcome of a debit", "debited"),
    "declined": pgettext_lazy("outcome of a debit", "declined"),
    "stopped": pgettext_lazy("outcome of a debit", "stopped"),
    "returned": pgettext_lazy("outcome of a debit", "returned"),
}
ENDED_LABELS: Final[Mapping[str, Promise]] = {
    "replaced": gettext_lazy("another version took over"),
    "superseded": gettext_lazy("another version began before its trial was over"),
    "rolled_back": gettext_lazy("rolled back by a person"),
    "trial": gettext_lazy("rolled back by the rules of its trial"),
    "untried": gettext_lazy("its trial ended without a bill to try it on"),
    "unsound": gettext_lazy("guards refused it at the end of its trial"),
    "ended": gettext_lazy("its last day was over"),
    "discarded": gettext_lazy("discarded"),
}
CHANGE_LABELS: Final[Mapping[Changed, Promise]] = {
    Changed.BEGINS: gettext_lazy("is debited, and was not"),
    Changed.ENDS: gettext_lazy("is not debited any more"),
    Changed.RULE: gettext_lazy("another amount by the rule"),
    Changed.LIMIT: gettext_lazy("limits treated otherwise"),
    Changed.DAY: gettext_lazy("another day"),
    Changed.RAIL: gettext_lazy("another rail"),
    Changed.AGREEMENT: gettext_lazy("another agreement"),
    Changed.PAYEES: gettext_lazy("other payees"),
}

_SLOT_PARTS: Final[Mapping[str, Promise]] = {"at": gettext_lazy("Begins"), "until": gettext_lazy("Ends")}
_PLACES: Final[Mapping[str, Promise]] = {
    "slots": gettext_lazy("Slots of the day"),
    "attempts_per_day": gettext_lazy("Attempts a day"),
    "min_gap_minutes": gettext_lazy("Least time between two attempts"),
    "days": gettext_lazy("Tried on"),
    "holidays": gettext_lazy("On holidays"),
    "calendar": gettext_lazy("Calendar"),
    "blackout": gettext_lazy("Days without debits"),
    "amount": pgettext_lazy("amount", "Asked for"),
    "partial": gettext_lazy("When money is missing, where the contract allows it"),
    "split_over_limit": gettext_lazy("What is over a limit"),
    "rails": gettext_lazy("Rails in their order"),
    "mandate_order": gettext_lazy("Agreements"),
    "actions": gettext_lazy("After a refusal"),
    "payees": gettext_lazy("Who is paid"),
    "keeper": gettext_lazy("Keeps what is paid beyond what is due"),
    "notify": gettext_lazy("What is said to the borrower"),
    "canary": gettext_lazy("Trial"),
    "breakers": gettext_lazy("Breakers"),
    "effective_from": gettext_lazy("In force from"),
    "effective_to": gettext_lazy("In force until"),
}
_PARTS: Final[Mapping[str, Mapping[Any, Any]]] = {
    "payees": COMPONENTS,
    "actions": FAMILY_LABELS,
    "notify": OUTCOME_LABELS,
    "canary": {
        "share": gettext_lazy("Share of the loans due"),
        "loans": gettext_lazy("Loans at most"),
        "days": gettext_lazy("Lasts"),
        "least_success": gettext_lazy("Bills settled at least"),
    },
    "breakers": {
        "total_drift": gettext_lazy("Total away from the forecast by more than"),
        "least_success": gettext_lazy("Fewer successes than"),
        "family_share": gettext_lazy("One kind of refusal above"),
        "after": gettext_lazy("Rates count after answers"),
        "debits_per_card": gettext_lazy("Debits of one card a day"),
    },
}
"""What the places of a content are called: fields, and what stands within them."""


@dataclass(frozen=True, slots=True)
class Word:
    """One rule of a configuration: a stable key, its label, and the rule in words."""

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


def version_in_words(content: Mapping[str, Any]) -> tuple[WordGroup, ...]:
    """Every rule of a content, in the language of the reader; nothing of one that cannot be read."""
    try:
        parsed = parse(content)
    except ConfigurationFaulty:
        return ()
    return tuple(WordGroup(label, tuple(words(parsed))) for label, words in _groups())


def difference_in_words(*, before: Mapping[str, Any], after: Mapping[str, Any]) -> tuple[Change, ...]:
    """What changed between two contents, in the order of their rules; empty when nothing did."""
    was, now = _by_key(before), _by_key(after)
    changes = []
    for key in [*was, *(key for key in now if key not in was)]:
        old, new = was.get(key), now.get(key)
        if old != new:
            label = (new or old or Word("", "", "")).label
            changes.append(Change(label, old.text if old else None, new.text if new else None))
    return tuple(changes)


def rail_names() -> dict[str, str]:
    """Of every rail, by its code, what it is called; one query."""
    return dict(Rail.objects.values_list("code", "name"))


def payee_names() -> dict[str, str]:
    """Of every payee, by its code, what it is called; one query."""
    return dict(Payee.objects.values_list("code", "name"))


def place_in_words(field: str) -> str:
    """The place of a content a finding is about: `slots.2.until` as "Slot 2: Ends". As it is where nobody named it."""
    head, _dot, rest = field.partition(".")
    number, _dot, part = rest.partition(".")
    if head == "slots" and number.isdigit():
        slot = _("Slot %(slot)s") % {"slot": number}
        return f"{slot}: {_SLOT_PARTS[part]}" if part in _SLOT_PARTS else slot
    if head not in _PLACES:
        return field
    return f"{_PLACES[head]}: {_PARTS[head].get(rest, rest)}" if rest and head in _PARTS else str(_PLACES[head])


def why_in_words(why: str) -> str:
    """What changes over a simulated bill, as its row keeps it."""
    return ", ".join(str(CHANGE_LABELS[Changed(each)]) for each in why.split(",") if each)


def _by_key(content: Mapping[str, Any]) -> dict[str, Word]:
    return {word.key: word for group in version_in_words(content) for word in group.words}


def _groups() -> tuple[tuple[str, Callable[[Configuration], Iterator[Word]]], ...]:
    return (
        (_("When"), _when),
        (_("How much, and from which account"), _how_much),
        (_("After a refusal"), _after_refusals),
        (_("Who is paid"), _who_is_paid),
        (_("What is said to the borrower"), _said),
        (_("Trial"), _trial),
        (_("Breakers"), _breakers),
    )


def _when(of: Configuration) -> Iterator[Word]:
    for slot in of.slots:
        times = f"{clock_of(slot.at)}–{clock_of(slot.until)}"
        yield Word(f"slot {slot.id}", _("Slot %(slot)s") % {"slot": slot.id}, times)
    yield Word("attempts", _("Attempts a day"), count_text(of.attempts_per_day))
    minutes = int(of.min_gap.total_seconds() // 60)
    gap = ngettext("%(count)s minute", "%(count)s minutes", minutes) % {"count": count_text(minutes)}
    yield Word("gap", _("Least time between two attempts"), gap)
    days = ngettext("%(count)s day, from the due date", "%(count)s days, from the due date", of.days)
    yield Word("days", _("Tried on"), days % {"count": of.days})
    yield Word("holidays", _("On holidays"), str(HOLIDAY_LABELS[of.holidays]))
    if of.calendars:
        yield Word("calendar", _("Calendar"), ", ".join(str(NAMES.get(each, each)) for each in of.calendars))
    if of.blackout:
        yield Word("blackout", _("Days without debits"), ", ".join(date_text(day) for day in sorted(of.blackout)))


def _how_much(of: Configuration) -> Iterator[Word]:
    yield Word("amount", pgettext("amount", "Asked for"), str(AMOUNT_LABELS[of.amount]))
    split = _("split into several debits") if of.split_over_limit else _("not debited")
    yield Word("split", _("What is over a limit"), split)
    if of.partial.shares:
        shares = ", ".join(percent_text(share, bare=True) for share in of.partial.shares)
        text = _("%(shares)s one after the other, at least %(least)s") % {
            "shares": shares,
            "least": amount_text(of.partial.least),
        }
        yield Word("partial", _("When money is missing, where the contract allows it"), text)
    named = rail_names()
    yield Word("rails", _("Rails in their order"), ", ".join(named.get(each, each) for each in of.rails))
    yield Word("mandates", _("Agreements"), str(ORDER_LABELS[of.mandate_order]))


def _after_refusals(of: Configuration) -> Iterator[Word]:
    for family, action in of.actions.items():
        yield Word(f"action {family.value}", str(FAMILY_LABELS[family]), str(ACTION_LABELS[action]))


def _who_is_paid(of: Configuration) -> Iterator[Word]:
    named = payee_names()
    for component, shares in of.payees.items():
        text = ", ".join(
            f"{named.get(each.payee, each.payee)} {percent_text(each.share, bare=True)}" for each in shares
        )
        yield Word(f"payees {component}", str(COMPONENTS[component]), text)
    yield Word("keeper", _("Keeps what is paid beyond what is due"), named.get(of.keeper, of.keeper))


def _said(of: Configuration) -> Iterator[Word]:
    for outcome in OUTCOMES:
        if outcome in of.notify:
            yield Word(f"notify {outcome}", str(OUTCOME_LABELS[outcome]), of.notify[outcome])


def _trial(of: Configuration) -> Iterator[Word]:
    if not of.canary.is_trial:
        yield Word("trial", _("Trial"), _("none: it holds for all its loans at once"))
        return
    if of.canary.share:
        yield Word("trial share", _("Share of the loans due"), percent_text(of.canary.share, bare=True))
    if of.canary.loans:
        yield Word("trial loans", _("Loans at most"), count_text(of.canary.loans))
    days = ngettext("%(days)d day", "%(days)d days", of.canary.days) % {"days": of.canary.days}
    yield Word("trial days", _("Lasts"), days)
    yield Word("trial success", _("Bills settled at least"), percent_text(of.canary.least_success, bare=True))


def _breakers(of: Configuration) -> Iterator[Word]:
    limits = of.breakers
    yield Word("drift", _("Total away from the forecast by more than"), percent_text(limits.total_drift, bare=True))
    yield Word("success", _("Fewer successes than"), percent_text(limits.least_success, bare=True))
    yield Word("family", _("One kind of refusal above"), percent_text(limits.family_share, bare=True))
    yield Word("after", _("Rates count after answers"), count_text(limits.after))
    yield Word("per card", _("Debits of one card a day"), count_text(limits.debits_per_card))
