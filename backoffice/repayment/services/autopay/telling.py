"""Borrowers are told what became of a debit, with the words the configuration names for each outcome.

Planned once for each command and outcome, however often the task runs. What asks for money follows the money like a
reminder: it is corrected when some comes, and stopped when all has. Whether and when it leaves is for the gate to say.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Final

from django.db import transaction

from backoffice.audit.services import record
from backoffice.calendars.clock import lenders_day
from backoffice.core.actors import SYSTEM
from backoffice.core.money import ZERO
from backoffice.customers.models import Borrower
from backoffice.outreach.domain.channels import Channel
from backoffice.outreach.domain.purposes import Purpose
from backoffice.outreach.models import Message
from backoffice.outreach.services.messages import Planned, plan_messages, sendable
from backoffice.outreach.services.owing import Owed
from backoffice.outreach.services.speaking import Words, money_of, names_of, spoken, values_of_loan, words_of
from backoffice.repayment.domain.autopay.codes import Family
from backoffice.repayment.domain.autopay.configuration import Configuration, parse
from backoffice.repayment.domain.autopay.debit_states import CommandState
from backoffice.repayment.domain.autopay.outcomes import NOT_IN_FILE, told_of
from backoffice.repayment.models import AutopayVersion, DebitCommand, Installment, Loan
from backoffice.repayment.services.autopay.pay_links import make_link
from backoffice.repayment.services.planned_words import owed_of

if TYPE_CHECKING:
    from django.db.models import QuerySet

CHANNELS: Final = (Channel.PUSH, Channel.SMS, Channel.EMAIL, Channel.INBOX)
"""Those with words are tried in this order: the borrower's own app first, as reminders do."""
WITHIN: Final = timedelta(hours=24)
"""News of a debit is no news a day later."""
SOURCE: Final = "debit"
PAY_LINK: Final = "pay_link"
"""The variable that holds a link of its own for every message that asks for money."""
SAID_AS: Final = frozenset({Purpose.SERVICE, Purpose.NOTICE})
ASKS: Final = frozenset({"declined", "stopped", "returned"})
"""Outcomes after which the borrower is asked for the money: once it came, nothing is said."""


@dataclass(frozen=True, slots=True)
class News:
    """What is told of a command: the outcome, the code of its template, and the due date of the bill."""

    command: DebitCommand
    outcome: str
    template: str
    due_date: date

    @property
    def key(self) -> str:
        """What makes it the same message."""
        return f"debit:{self.command.pk}:{self.outcome}"


def tell_known(*, command_ids: Collection[int], at: datetime) -> int:
    """Plan what is said of debits that are known; gives how many messages are new.

    Who pays by a link sees on its page what became of it, and is not written to.
    """
    commands = list(_commands(command_ids).filter(bill__isnull=False))
    rules = _rules(commands)
    outcomes = [
        (
            one,
            told_of(
                to=CommandState(one.state),
                family=Family(one.family) if one.family else None,
                configuration=rules[one.version_id or 0],
            ),
        )
        for one in commands
    ]
    return _tell(outcomes, rules=rules, at=at)


def tell_returned(*, command_ids: Collection[int], at: datetime) -> int:
    """Plan what is said of debits the payer's bank took back, whoever set them off; gives how many messages are new.

    What we took back ourselves, because the channel never had it, is no return of the bank's.
    """
    commands = list(_commands(command_ids).filter(state=CommandState.RETURNED.value).exclude(code=NOT_IN_FILE))
    return _tell([(one, "returned") for one in commands], rules=_rules(commands), at=at)


def _commands(ids: Collection[int]) -> "QuerySet[DebitCommand]":
    rows = DebitCommand.objects.select_related("loan", "bill", "mandate")
    return rows.filter(pk__in=ids, version__isnull=False).order_by("pk")


def _rules(commands: Sequence[DebitCommand]) -> dict[int, Configuration]:
    versions = AutopayVersion.objects.in_bulk({one.version_id for one in commands if one.version_id is not None})
    return {pk: parse(version.content) for pk, version in versions.items()}


@transaction.atomic
def _tell(outcomes: Sequence[tuple[DebitCommand, str]], *, rules: Mapping[int, Configuration], at: datetime) -> int:
    due_dates = _due_dates([command for command, _outcome in outcomes])
    news = [
        News(command, outcome, template, due_dates[command.pk])
        for command, outcome in outcomes
        if (template := rules[command.version_id or 0].notify.get(outcome, "")) and command.pk in due_dates
    ]
    before = set(Message.objects.filter(key__in=[one.key for one in news]).values_list("key", flat=True))
    news = [one for one in news if one.key not in before]
    if not news:
        return 0
    words = words_of(codes={one.template for one in news})
    languages = dict(
        Borrower.objects.filter(pk__in={one.command.borrower_id for one in news}).values_list("pk", "language")
    )
    owed = owed_of(about=[(one.command.loan_id, one.due_date) for one in news])
    said = [
        message
        for one in news
        if (message := _message(one, words=words, language=languages[one.command.borrower_id], owed=owed, at=at))
    ]
    planned, unfilled = sendable(planned=said)
    if unfilled:
        key, why = next(iter(unfilled.items()))
        record(
            verb="repayment.debits.not_told",
            subject_type="repayment.debit",
            subject_id=key,
            actor=SYSTEM,
            reason=why,
            after={"messages": len(unfilled)},
        )
    return plan_messages(planned=planned, actor=SYSTEM)


def _due_dates(commands: Sequence[DebitCommand]) -> dict[int, date]:
    """The due date of the bill each command is about, by command; one query for those of no planned bill."""
    found = {one.pk: one.bill.due_date for one in commands if one.bill is not None}
    without = [one for one in commands if one.bill is None]
    bills = Installment.objects.filter(loan__in={one.loan_id for one in without}) if without else ()
    by_bill = {(bill.loan_id, bill.number, bill.from_version): bill.due_date for bill in bills}
    keys = {one.pk: (one.loan_id, one.installment_number, one.from_version) for one in without}
    return found | {pk: by_bill[key] for pk, key in keys.items() if key in by_bill}


def _message(
    news: News, *, words: Words, language: str, owed: Mapping[tuple[int, date], Owed], at: datetime
) -> Planned | None:
    """The message; None when nothing is said: no words, or nothing is left to ask for."""
    command = news.command
    said = [
        (channel, version)
        for channel, version in spoken(words=words, template=news.template, channels=CHANNELS, language=language)
        if version.template.purpose in SAID_AS
    ]
    left = owed.get((command.loan_id, news.due_date))
    if not said or (news.outcome in ASKS and left is None):
        return None
    names = names_of(said)
    values = _values(command, left=left, due_date=news.due_date, at=at)
    if PAY_LINK in names and news.outcome in ASKS and command.loan.status == Loan.Status.ACTIVE:
        values[PAY_LINK] = make_link(loan_id=command.loan_id, reason=news.key, at=at, actor=SYSTEM).url
    return Planned(
        key=news.key,
        borrower_id=command.borrower_id,
        channel=said[0][0],
        purpose=Purpose(said[0][1].template.purpose),
        template_version_id=said[0][1].pk,
        variables={name: value for name, value in values.items() if name in names},
        send_after=at,
        send_before=at + WITHIN,
        loan_id=command.loan_id,
        about_due_date=news.due_date if news.outcome in ASKS else None,
        fallback=tuple(other for other, _version in said[1:]),
        source=SOURCE,
    )


def _values(command: DebitCommand, *, left: Owed | None, due_date: date, at: datetime) -> dict[str, str]:
    values = values_of_loan(
        number=command.loan.external_id,
        amount=left.amount if left else ZERO,
        overdue=left.overdue if left else ZERO,
        currency=command.currency,
        due_date=due_date,
        day=lenders_day(at),
    )
    values["card_last4"] = command.mandate.mask[-4:]
    if command.succeeded_at is not None:
        values |= {
            "paid_amount": money_of(command.amount, command.currency),
            "paid_on": lenders_day(command.succeeded_at).isoformat(),
        }
    return values
