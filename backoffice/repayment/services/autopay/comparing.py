"""Two versions over the same bills, loan range by loan range: tomorrow's on the real book, past ones as they were due.

*Tomorrow* asks those who decide it when the day has come: the bills are the ones planning would find, the agreement is
the one a slot would choose, the amount is that of `last_look` on the same facts, what it pays is told by the engine.
Every debit is taken to succeed: the next one of the same loan or account finds what it leaves. An order that is in
flight now is taken to be refused. Trials are left aside, and so is what other portfolios debit from the same account.

*The past* are the bills as they were due: each installment of the schedule in force, once, on the first day a version
would have tried it, with what was scheduled, nothing past due before it, and no limit used up. Agreements, limits,
creditors and the other configurations are those of today.

Both say what the first debit of a bill asks for: what is split off over a limit follows later the same day. A bill
whose borrower has no agreement on the version's rails is not debited, and is counted as such.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from decimal import Decimal
from typing import Any, Final

from backoffice.core.bulk import array_text, fetch
from backoffice.core.money import ZERO
from backoffice.repayment.domain.autopay.actions import PASSING
from backoffice.repayment.domain.autopay.amounts import AmountRule, Due, due_of
from backoffice.repayment.domain.autopay.days import LOOK_AHEAD, days_of
from backoffice.repayment.domain.autopay.last_look import Facts
from backoffice.repayment.domain.autopay.simulation import (
    NOTHING,
    Change,
    Claimed,
    Treated,
    among_payees,
    changes_between,
    copied,
    pay,
    pay_as_due,
    treat,
)
from backoffice.repayment.domain.bills import Bill, LoanState, oldest_unpaid
from backoffice.repayment.domain.components import FEE, GUARANTEE_FEE, INTEREST, PENALTY, PRINCIPAL
from backoffice.repayment.domain.journal import Journal
from backoffice.repayment.domain.replay import advance
from backoffice.repayment.models import Rail
from backoffice.repayment.models.autopay.configurations import AutopayConfiguration, AutopayVersion
from backoffice.repayment.selectors.autopay.bills import FIRST, LAST, BillToDebit, bills_to_debit
from backoffice.repayment.selectors.autopay.configurations import loans_of
from backoffice.repayment.selectors.autopay.in_force import Ruling, open_days, ruling_of, rulings_on
from backoffice.repayment.selectors.autopay.last_facts import AgreementNow, Asked, agreements_now, facts_of
from backoffice.repayment.selectors.states import LoadedLoan, load_loans, terms_by_id
from backoffice.repayment.selectors.verification import statement

PAST_DAYS: Final = 30
# Bills a guarantor has paid: what comes of these components since is the guarantor's.
CLAIMED: Final = """
SELECT claim.loan_id, claim.installment_number, guarantor.code, claim.penalty > 0
FROM repayment_claim claim JOIN repayment_payee guarantor ON guarantor.id = claim.guarantor_id
WHERE claim.loan_id = ANY(%s) AND claim.installment_number IS NOT NULL AND claim.state IN ('transferred', 'matched')
"""
# Accounts that a loan further on in the book is debited from too.
SHARED: Final = """
SELECT DISTINCT one.rail_id, one.token FROM repayment_mandate one
JOIN repayment_mandate same ON same.token = one.token AND same.rail_id = one.rail_id AND same.state = 'active'
JOIN repayment_loan loan ON loan.borrower_id = same.borrower_id AND loan.id > %(last_id)s AND loan.status = 'active'
WHERE one.id = ANY(%(ids)s)
"""

NO_CLAIM: Final[Claimed] = {}

Key = tuple[int, int]
"""Loan and bill number."""
Account = tuple[int, str]
"""Rail, and what stands for the account there."""


@dataclass(slots=True)
class Side:
    """What one version comes to: bills looked at, those debited, amounts by currency and payee (major units)."""

    bills: int = 0
    debits: int = 0
    without_agreement: int = 0
    amounts: dict[str, Decimal] = field(default_factory=dict)
    payees: dict[tuple[str, str], Decimal] = field(default_factory=dict)

    def count(self, treated: Treated | None, *, currency: str) -> None:
        """Counts one bill; None: there is no agreement to debit it over."""
        self.bills += 1
        self.without_agreement += treated is None
        if treated is None or treated.day is None:
            return
        self.debits += 1
        self.amounts[currency] = self.amounts.get(currency, ZERO) + treated.amount
        for payee, part in treated.payees.items():
            self.payees[payee, currency] = self.payees.get((payee, currency), ZERO) + part

    def add(self, other: "Side") -> None:
        """Takes in what another range came to."""
        self.bills += other.bills
        self.debits += other.debits
        self.without_agreement += other.without_agreement
        for currency, amount in other.amounts.items():
            self.amounts[currency] = self.amounts.get(currency, ZERO) + amount
        for key, amount in other.payees.items():
            self.payees[key] = self.payees.get(key, ZERO) + amount


@dataclass(frozen=True, slots=True)
class Changed:
    """A bill that two versions treat otherwise."""

    loan_id: int
    number: int
    due_date: date
    currency: str
    before: Treated
    after: Treated
    why: tuple[Change, ...]


@dataclass(slots=True)
class Compared:
    """Both sides over some days, and every bill of a range of loans they treat otherwise."""

    before: Side = field(default_factory=Side)
    after: Side = field(default_factory=Side)
    changed: list[Changed] = field(default_factory=list)

    def why(self) -> Counter[str]:
        """How many bills change, by what changes; a bill may change in several ways."""
        return Counter(change.value for row in self.changed for change in row.why)

    def count(self, key: Key, *, due_date: date, currency: str, sides: Sequence[tuple[Treated | None] | None]) -> None:
        """Counts a bill that at least one side tries."""
        for side, found in zip((self.before, self.after), sides, strict=True):
            if found is not None:
                side.count(found[0], currency=currency)
        before, after = ((found[0] if found else None) or NOTHING for found in sides)
        why = changes_between(before, after)
        if why:
            self.changed.append(Changed(key[0], key[1], due_date, currency, before, after, why))


@dataclass(frozen=True, slots=True)
class Beside:
    """The versions that rule a portfolio's loans with and without the one that is simulated, most specific first."""

    configuration: AutopayConfiguration
    before: list[Ruling]
    after: list[Ruling]
    subject: Ruling
    beside_id: int | None


@dataclass(slots=True)
class Used:
    """What one version's debits have asked of accounts so far on the day: how many, and how much (major units)."""

    by_account: dict[Account, tuple[int, Decimal]] = field(default_factory=dict)

    def left(self, facts: Facts, *, account: Account) -> Facts:
        """The facts after those debits."""
        if account not in self.by_account:
            return facts
        count, amount = self.by_account[account]
        return replace(facts, room=facts.room.after(amount), card_debits=facts.card_debits + count)

    def ask(self, account: Account, amount: Decimal) -> None:
        """One debit more."""
        count, before = self.by_account.get(account, (0, ZERO))
        self.by_account[account] = (count + 1, before + amount)

    def forget_all_but(self, accounts: Collection[Account]) -> None:
        """Keeps what a later range may ask for again."""
        self.by_account = {account: self.by_account[account] for account in accounts if account in self.by_account}


@dataclass(frozen=True, slots=True)
class Range:
    """A stretch of loans, ids `[first_id, last_id]`, and what both sides have asked of accounts before it."""

    first_id: int = FIRST
    last_id: int = LAST
    used: tuple[Used, Used] = field(default_factory=lambda: (Used(), Used()))


@dataclass(frozen=True, slots=True)
class Learnt:
    """What planning carries over to a bill from its last day; `skipped` agreements as JSON."""

    tries_without_funds: int = 0
    tries_over_limit: int = 0
    skipped: str = "[]"


NEW: Final = Learnt()


@dataclass(frozen=True, slots=True)
class Planned:
    """A bill a side tries, with its version and the agreement it goes over (None: there is none)."""

    bill: BillToDebit
    ruling: Ruling
    learnt: Learnt
    mandate_id: int | None
    rail_id: int
    rail: str


def beside_of(version: AutopayVersion, *, on: date) -> Beside:
    """What rules on a day without the version, and with it in place of its configuration's; trials are left aside.

    Raises ConfigurationFaulty.
    """
    subject = replace(ruling_of(version), is_canary=False)
    before = [each for each in rulings_on(on) if each.portfolio == subject.portfolio and not each.is_canary]
    others = [each for each in before if each.configuration_id != subject.configuration_id]
    own = next((each for each in before if each.configuration_id == subject.configuration_id), None)
    wider = own or next((each for each in before if each.rank > subject.rank and _covers(each, subject)), None)
    after = sorted([*others, subject], key=lambda each: (each.rank, each.version_id))
    return Beside(version.configuration, before, after, subject, wider.version_id if wider else None)


def compare_tomorrow(beside: Beside, *, today: date, over: Range) -> Compared:
    """Both sides over tomorrow's bills of a range, on the real book as the close of today will leave it."""
    day = today + timedelta(days=1)
    bills = [_bills(day, rulings, beside, over) for rulings in (beside.before, beside.after)]
    loan_ids = {bill.loan_id for side in bills for bill, _ruling in side.values()}
    compared = Compared()
    if not loan_ids:
        return compared
    loans = load_loans(loan_ids=loan_ids, business_date=today, lock=False, near=True)
    for loan in loans.values():
        advance(loan.state, through=today, journal=Journal())
    claimed = _claimed(loan_ids)
    rails = dict(Rail.objects.values_list("pk", "code"))
    planned = [_with_agreements(side, day=day, rails=rails) for side in bills]
    facts = _facts_of(planned, loans=loans, day=day)
    treated = [
        _treat_all(side, facts=known, loans=loans, day=day, claimed=claimed, used=used)
        for side, known, used in zip(planned, facts, over.used, strict=True)
    ]
    _keep_shared(planned, over)
    due_dates = {key: one.bill.due_date for side in planned for key, one in side.items()}
    for key in sorted(due_dates):
        sides = [(side[key],) if key in side else None for side in treated]
        compared.count(key, due_date=due_dates[key], currency=loans[key[0]].currency, sides=sides)
    return compared


def compare_past(beside: Beside, *, today: date, over: Range) -> Compared:
    """Both sides over the bills of a range that were due in the last 30 days, as they were due."""
    first = today - timedelta(days=PAST_DAYS - 1)
    subject = beside.subject
    rows = fetch(
        statement("scheduled_bills.sql"),
        {
            "portfolio": subject.portfolio,
            "product": subject.product_id,
            "funder": subject.funder,
            "first": first - timedelta(days=LOOK_AHEAD),
            "last": today,
            "first_id": over.first_id,
            "last_id": over.last_id,
        },
    )
    bills = [AsDue.of_row(row) for row in rows]
    first_days = {each.version_id: _first_day(each) for each in (*beside.before, subject)}
    tries: list[list[tuple[AsDue, Ruling, date]]] = [[], []]
    looked_at: dict[Key, AsDue] = {}
    for bill in bills:
        rulings = [_ruling_for(side, bill.product, bill.creditor) for side in (beside.before, beside.after)]
        if rulings[1] is not subject:
            continue
        days = [first_days[ruling.version_id](bill.bill.due_date) if ruling else None for ruling in rulings]
        if not any(day and first <= day <= today for day in days):
            continue
        looked_at[bill.key] = bill
        for side, ruling, day in zip(tries, rulings, days, strict=True):
            if ruling and day:
                side.append((bill, ruling, day))
    rails = dict(Rail.objects.values_list("pk", "code"))
    claimed = _claimed({key[0] for key in looked_at})
    chosen = [
        _agreements_for(
            [(bill.borrower_id, bill.currency, ruling, NEW.skipped) for bill, ruling, _day in side], day=today
        )
        for side in tries
    ]
    ids = {agreement[0] for side in chosen for agreement in side if agreement}
    agreements = agreements_now(ids=ids, day=today, lock=False, are_unused=True)
    treated = [
        _treat_as_due(side, over=over_each, agreements=agreements, rails=rails, claimed=claimed)
        for side, over_each in zip(tries, chosen, strict=True)
    ]
    compared = Compared()
    for key, bill in looked_at.items():
        sides = [(side[key],) if key in side else None for side in treated]
        compared.count(key, due_date=bill.bill.due_date, currency=bill.currency, sides=sides)
    return compared


@dataclass(frozen=True, slots=True)
class AsDue:
    """A past bill as it was scheduled, with what chooses its version."""

    loan_id: int
    borrower_id: int
    product: int
    creditor: str
    currency: str
    terms_id: int
    bill: Bill

    @property
    def key(self) -> Key:
        """Loan and number."""
        return (self.loan_id, self.bill.number)

    @classmethod
    def of_row(cls, row: Sequence[Any]) -> "AsDue":
        """From a row of scheduled_bills.sql."""
        loan_id, borrower_id, product, creditor, currency, terms_id, number, due_date, *amounts = row
        principal, interest, fee, guarantee_fee = amounts
        charged = {PRINCIPAL: principal, INTEREST: interest, FEE: fee, GUARANTEE_FEE: guarantee_fee, PENALTY: ZERO}
        bill = Bill(number=number, due_date=due_date, charged=charged)
        return cls(loan_id, borrower_id, product, creditor, currency, terms_id, bill)


def _bills(day: date, rulings: Sequence[Ruling], beside: Beside, over: Range) -> dict[Key, tuple[BillToDebit, Ruling]]:
    """The bills of a day with the version that tries each, as planning finds them; only of loans the version is for."""
    by_id = {each.version_id: each for each in rulings}
    subject = beside.subject
    found: dict[Key, tuple[BillToDebit, Ruling]] = {}
    of_wider: set[int] = set()
    today = day - timedelta(days=1)
    for bill in bills_to_debit(day=day, rulings=rulings, first_id=over.first_id, last_id=over.last_id, since=today):
        ruling = by_id[bill.version_id]
        is_own = ruling.configuration_id == subject.configuration_id
        if is_own or ruling.rank > subject.rank:
            found[bill.loan_id, bill.installment_number] = (bill, ruling)
        if not is_own and ruling.rank > subject.rank:
            of_wider.add(bill.loan_id)
    others = of_wider - set(loans_of(beside.configuration).filter(pk__in=of_wider).values_list("pk", flat=True))
    return {key: value for key, value in found.items() if key[0] not in others}


def _with_agreements(
    bills: Mapping[Key, tuple[BillToDebit, Ruling]], *, day: date, rails: Mapping[int, str]
) -> dict[Key, Planned]:
    carried = _carried_over([bill for bill, _ruling in bills.values()], day=day)
    wanted = [
        (bill.borrower_id, bill.currency, ruling, learnt.skipped)
        for (bill, ruling), learnt in zip(bills.values(), carried, strict=True)
    ]
    chosen = _agreements_for(wanted, day=day)
    found: dict[Key, Planned] = {}
    for (key, (bill, ruling)), learnt, agreement in zip(bills.items(), carried, chosen, strict=True):
        mandate_id, rail_id = agreement or (None, 0)
        found[key] = Planned(bill, ruling, learnt, mandate_id, rail_id, rails.get(rail_id, ""))
    return found


def _carried_over(bills: Sequence[BillToDebit], *, day: date) -> list[Learnt]:
    """What planning would carry over to each bill; one query."""
    found = [NEW] * len(bills)
    later = [place for place, bill in enumerate(bills) if bill.due_date < day]
    if not later:
        return found
    params = {
        "places": array_text(later, kind="bigint"),
        "loans": array_text((bills[place].loan_id for place in later), kind="bigint"),
        "numbers": array_text((bills[place].installment_number for place in later), kind="int"),
        "versions": array_text((bills[place].from_version for place in later), kind="int"),
        "due_dates": array_text((bills[place].due_date for place in later), kind="date"),
        "day": day,
        "passing": sorted(PASSING),
    }
    for place, *learnt in fetch(statement("carried_over_to_bills.sql"), params):
        found[place] = Learnt(*learnt)
    return found


def _agreements_for(wanted: Sequence[tuple[int, str, Ruling, str]], *, day: date) -> list[tuple[int, int] | None]:
    """For borrowers, currencies, versions and agreements that are skipped (JSON) the agreement and its rail, as a slot
    chooses them; a query a version.
    """
    found: list[tuple[int, int] | None] = [None] * len(wanted)
    places: dict[int, list[int]] = defaultdict(list)
    for place, (_borrower, _currency, ruling, _skipped) in enumerate(wanted):
        places[ruling.version_id].append(place)
    for of_version in places.values():
        configuration = wanted[of_version[0]][2].configuration
        params = {
            "places": array_text(of_version, kind="bigint"),
            "borrowers": array_text((wanted[place][0] for place in of_version), kind="bigint"),
            "currencies": array_text((wanted[place][1] for place in of_version), kind="text"),
            "skipped": array_text((wanted[place][3] for place in of_version), kind="jsonb"),
            "day": day,
            "rails": list(configuration.rails),
            "order": configuration.mandate_order.value,
        }
        for place, mandate_id, rail_id in fetch(statement("mandates_of_bills.sql"), params):
            found[place] = (mandate_id, rail_id)
    return found


def _facts_of(
    planned: Sequence[Mapping[Key, Planned]], *, loans: Mapping[int, LoadedLoan], day: date
) -> list[dict[Key, Facts]]:
    """What the last look would know of each bill of each side, read once for all."""
    asked: list[Asked] = []
    places: list[tuple[int, Key]] = []
    for number, side in enumerate(planned):
        for key, one in side.items():
            if one.mandate_id is not None:
                asked.append(
                    Asked(
                        len(places),
                        key[0],
                        one.mandate_id,
                        one.learnt.tries_without_funds,
                        key[1],
                        one.learnt.tries_over_limit,
                        one.bill.amount,
                    )
                )
                places.append((number, key))
    found: list[dict[Key, Facts]] = [{} for _side in planned]
    for place, facts in (facts_of(asked=asked, loans=loans, day=day, lock=False) if asked else {}).items():
        number, key = places[place]
        found[number][key] = facts
    return found


def _treat_all(
    planned: Mapping[Key, Planned],
    *,
    facts: Mapping[Key, Facts],
    loans: Mapping[int, LoadedLoan],
    day: date,
    claimed: Mapping[int, Claimed],
    used: Used,
) -> dict[Key, Treated | None]:
    """What one side does with its bills, one after the other in the order a slot builds them: the longest due first."""
    treated: dict[Key, Treated | None] = dict.fromkeys(planned)
    states: dict[int, LoanState] = {}
    for key, one in sorted(planned.items(), key=lambda each: (_due_since(each[1], loans), each[0])):
        if one.mandate_id is None:
            continue
        loan, account = loans[key[0]], (one.rail_id, facts[key].card)
        known = used.left(facts[key], account=account)
        if known.is_in_flight:
            known = replace(known, is_in_flight=False)
        if key[0] in states:
            known = replace(known, due=due_of(states[key[0]], as_of=day, number=key[1]))

        def among(amount: Decimal, loan: LoadedLoan = loan, one: Planned = one) -> dict[str, Decimal]:
            if loan.id not in states:
                states[loan.id] = copied(loan.state)
            paid = pay(states[loan.id], amount=amount, on=day)
            return among_payees(
                paid,
                configuration=one.ruling.configuration,
                currency=loan.currency,
                claimed=claimed.get(loan.id, NO_CLAIM),
            )

        found = treat(
            known,
            configuration=one.ruling.configuration,
            day=day,
            rail=one.rail,
            mandate_id=one.mandate_id,
            among=among,
        )
        if found.day is not None:
            used.ask(account, found.amount)
        treated[key] = found
    return treated


def _due_since(one: Planned, loans: Mapping[int, LoadedLoan]) -> date:
    """Since when what a command asks for is due: its bill alone, or the oldest of its loan."""
    oldest = oldest_unpaid(loans[one.bill.loan_id].state)
    if oldest is None or one.ruling.configuration.amount == AmountRule.CURRENT_ONLY:
        return one.bill.due_date
    return min(one.bill.due_date, oldest.due_date)


def _treat_as_due(
    tries: Sequence[tuple[AsDue, Ruling, date]],
    *,
    over: Sequence[tuple[int, int] | None],
    agreements: Mapping[int, AgreementNow],
    rails: Mapping[int, str],
    claimed: Mapping[int, Claimed],
) -> dict[Key, Treated | None]:
    """What one side does with past bills, each over its agreement and rail."""
    treated: dict[Key, Treated | None] = {}
    for (bill, ruling, day), agreement in zip(tries, over, strict=True):
        if agreement is None:
            treated[bill.key] = None
            continue
        mandate_id, rail_id = agreement

        def among(amount: Decimal, bill: AsDue = bill, ruling: Ruling = ruling, day: date = day) -> dict[str, Decimal]:
            paid = pay_as_due(
                bill.bill,
                amount=amount,
                rule=terms_by_id(bill.terms_id).allocation,
                dpd=(day - bill.bill.due_date).days,
            )
            return among_payees(
                paid,
                configuration=ruling.configuration,
                currency=bill.currency,
                claimed=claimed.get(bill.loan_id, NO_CLAIM),
            )

        treated[bill.key] = treat(
            _facts_as_due(bill, agreements[mandate_id], day=day),
            configuration=ruling.configuration,
            day=day,
            rail=rails[rail_id],
            mandate_id=mandate_id,
            among=among,
        )
    return treated


def _facts_as_due(bill: AsDue, agreement: AgreementNow, *, day: date) -> Facts:
    """One bill as it was scheduled, on the day it is tried: current on its due date, past due after it."""
    whole = bill.bill.remaining_total()
    overdue, current = (whole, ZERO) if day > bill.bill.due_date else (ZERO, whole)
    return Facts(
        is_active=True,
        is_held=False,
        is_in_flight=False,
        is_mandate_active=agreement.is_active,
        allows_partial=agreement.allows_partial,
        due=Due(overdue=overdue, current=current, own=whole),
        room=agreement.room,
        tries_without_funds=0,
        card=agreement.card,
        card_debits=0,
        card_may=agreement.card_may,
        currency=bill.currency,
    )


def _claimed(loan_ids: Collection[int]) -> dict[int, dict[tuple[int, str], str]]:
    found: dict[int, dict[tuple[int, str], str]] = defaultdict(dict)
    for loan_id, number, guarantor, is_with_penalty in fetch(CLAIMED, [sorted(loan_ids)]):
        for component in (PRINCIPAL, INTEREST, *([PENALTY] if is_with_penalty else [])):
            found[loan_id][number, component] = guarantor
    return found


def _keep_shared(planned: Sequence[Mapping[Key, Planned]], over: Range) -> None:
    if over.last_id == LAST:
        return
    ids = {one.mandate_id for side in planned for one in side.values() if one.mandate_id is not None}
    shared = [(row[0], row[1]) for row in fetch(SHARED, {"ids": sorted(ids), "last_id": over.last_id})]
    for used in over.used:
        used.forget_all_but(shared)


def _covers(wider: Ruling, narrow: Ruling) -> bool:
    return wider.product_id in {None, narrow.product_id} and wider.funder in {"", narrow.funder}


def _ruling_for(rulings: Iterable[Ruling], product: int, creditor: str) -> Ruling | None:
    """The most specific version for a loan of a product and creditor; they come in that order."""
    return next(
        (each for each in rulings if each.product_id in {None, product} and each.funder in {"", creditor}), None
    )


def _first_day(ruling: Ruling) -> Callable[[date], date | None]:
    """The first day a bill of a due date is tried, kept for the many bills of one day."""
    is_open, known = open_days(ruling), dict[date, date | None]()

    def first(due_date: date) -> date | None:
        if due_date not in known:
            known[due_date] = next(days_of(due_date, configuration=ruling.configuration, is_open=is_open), None)
        return known[due_date]

    return first
