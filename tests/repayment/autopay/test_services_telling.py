"""What follows a debit: the borrower is told as the configuration says, and reminders wait while money may move."""

from datetime import timedelta
from decimal import Decimal

import pytest

from backoffice.audit import outbox
from backoffice.audit.models import AuditEntry, OutboxEvent
from backoffice.calendars.models import BusinessDay
from backoffice.config.subscriptions import SUBSCRIPTIONS
from backoffice.core.actors import SYSTEM
from backoffice.customers.fields import text_of
from backoffice.customers.models import Borrower
from backoffice.outreach.domain.channels import Channel
from backoffice.outreach.domain.planning import read_variables
from backoffice.outreach.domain.purposes import Purpose
from backoffice.outreach.models import Message, ReminderPlanVersion
from backoffice.outreach.services import waking
from backoffice.outreach.services.starting import load_starter, load_starter_plan
from backoffice.repayment.models import DebitBill, DebitCommand, Loan, Mandate, PayLink
from backoffice.repayment.services.autopay.pay_links import link_of
from backoffice.repayment.services.autopay.returning import settle_return
from backoffice.repayment.services.autopay.telling import tell_known, tell_returned
from backoffice.repayment.services.reminders import plan_reminders
from backoffice.repayment.tasks import look_again, tell_of_debits, tell_of_return
from tests.outreach.messaging import active_version
from tests.repayment.autopay.debiting import (
    DUE,
    at,
    bank_at,
    content,
    loan_due,
    mandate,
    morning_of,
    payees,
    plan,
    rail,
    resolve,
    run_slot,
    states,
    version,
)
from tests.repayment.factories import close_days, post

pytestmark = pytest.mark.django_db(transaction=True)
NOTIFY = {outcome: f"debit_{outcome}" for outcome in ("succeeded", "declined", "stopped", "returned")}
WORDS = {
    "succeeded": "{paid_amount} was debited from the card ending in {card_last4} on {paid_on}.",
    "declined": "We could not debit {amount} of {due_date}. We try again.",
    "stopped": "We could not debit {amount} of {due_date}. Please act.",
    "returned": "Your bank took back {paid_amount}.",
}


@pytest.fixture
def bank(settings, monkeypatch):
    """The bank on the day of the bill; events and messages stay where they are, since the machine's clock is later."""
    monkeypatch.setattr(outbox, "_subscriptions", {})
    monkeypatch.setattr(waking, "wake_sender", lambda: None)
    rail()
    payees()
    with bank_at(at("07:00"), settings) as opened:
        yield opened


def words():
    for outcome, code in NOTIFY.items():
        active_version(Channel.SMS, purpose=Purpose.SERVICE, code=code, body=WORDS[outcome])


def due(bank, *, balance="100000.00", **changes):
    loan = loan_due()
    bank.knows(mandate(loan.borrower_id), balance=balance)
    version(content(notify=NOTIFY, **changes))
    morning_of()
    plan()
    return loan


def ids():
    return list(DebitCommand.objects.order_by("id").values_list("pk", flat=True))


def said():
    return [
        (message.key.partition(":")[2], read_variables(text_of(message, "variables")))
        for message in Message.objects.order_by("id")
    ]


def test_both_outcomes_have_somebody_who_tells():
    assert SUBSCRIPTIONS["repayment.debits.known"] == (tell_of_debits.name,)
    assert SUBSCRIPTIONS["repayment.debits.returned"] == (tell_of_return.name,)


def test_a_success_is_told_once(bank):
    words()
    due(bank)
    run_slot(at("07:00"))
    (event,) = OutboxEvent.objects.filter(event="repayment.debits.known")
    tell_known(**event.payload, at=at("07:01"))
    tell_known(**event.payload, at=at("07:02"))
    (command,) = ids()
    assert said() == [
        (
            f"{command}:succeeded",
            {"paid_amount": "CNY 1100.16", "card_last4": "1234", "paid_on": DUE.isoformat()},
        )
    ]
    message = Message.objects.get()
    assert (message.purpose, message.channel, message.state) == ("service", "sms", "planned")


def test_a_refusal_that_is_tried_again_is_told_and_taken_back_when_the_money_comes(bank):
    words()
    loan = due(bank, balance="10.00")
    run_slot(at("07:00"))
    assert tell_known(command_ids=ids(), at=at("07:01")) == 1
    (command,) = ids()
    assert said() == [(f"{command}:declined", {"amount": "CNY 1100.16", "due_date": DUE.isoformat()})]
    post(loan.pk, "100.16", DUE)
    assert said()[0][1]["amount"] == "CNY 1000.00"
    post(loan.pk, "1000.00", DUE)
    assert [(message.state, message.code) for message in Message.objects.all()] == [("stopped", "paid")]


def test_what_asks_for_money_carries_a_pay_link_of_its_own(bank, settings):
    settings.PAY_LINK_SITE = "https://pay.lender.example"
    active_version(Channel.SMS, purpose=Purpose.SERVICE, code="debit_declined", body="{amount}: {pay_link}")
    loan = due(bank, balance="10.00")
    run_slot(at("07:00"))
    assert tell_known(command_ids=ids(), at=at("07:01")) == 1
    assert tell_known(command_ids=ids(), at=at("07:02")) == 0
    ((_key, variables),) = said()
    site, token = variables["pay_link"].rstrip("/").split("/pay/")
    assert site == "https://pay.lender.example"
    link = link_of(token=token, at=at("07:02"))
    assert (link.loan_id, PayLink.objects.count()) == (loan.pk, 1)


def test_without_an_address_of_the_site_a_message_with_a_pay_link_is_not_sent(bank, settings):
    settings.PAY_LINK_SITE = ""
    active_version(Channel.SMS, purpose=Purpose.SERVICE, code="debit_declined", body="{amount}: {pay_link}")
    due(bank, balance="10.00")
    run_slot(at("07:00"))
    assert tell_known(command_ids=ids(), at=at("07:01")) == 0


def test_a_refusal_that_ends_the_bill_asks_the_borrower_to_act(bank):
    words()
    loan = due(bank)
    bank.conduct(refuse_risk=1)
    run_slot(at("07:00"))
    assert DebitBill.objects.get(loan=loan).state == "stopped"
    tell_known(command_ids=ids(), at=at("07:01"))
    assert [key.rpartition(":")[2] for key, _variables in said()] == ["stopped"]


def test_nobody_is_asked_for_what_was_paid_before_they_could_be_told(bank):
    words()
    loan = due(bank, balance="10.00")
    run_slot(at("07:00"))
    post(loan.pk, "1100.16", DUE)
    assert tell_known(command_ids=ids(), at=at("07:01")) == 0


def test_what_is_unknown_is_not_told_and_told_when_it_is_known(bank):
    words()
    due(bank)
    bank.conduct(drop_after=1)
    run_slot(at("07:00"))
    assert tell_known(command_ids=ids(), at=at("07:01")) == 0
    resolve(at("07:02"))
    assert tell_known(command_ids=ids(), at=at("07:02")) == 1


def test_what_we_take_back_ourselves_is_not_told_as_a_return_of_the_bank(bank):
    words()
    due(bank)
    run_slot(at("07:00"))
    moment = at("11:00")
    settle_return(command_id=ids()[0], returned_at=moment, code="not_in_file", reference="", at=moment, actor=SYSTEM)
    assert tell_returned(command_ids=ids(), at=moment) == 0
    assert DebitBill.objects.get().stopped_by == "not_in_file"


def test_a_return_is_told_and_asks_for_what_is_owed_again(bank):
    words()
    due(bank)
    run_slot(at("07:00"))
    later = DUE + timedelta(days=1)
    close_days(DUE, DUE)
    BusinessDay.objects.update(today=later)
    command = DebitCommand.objects.get()
    moment = at("11:00", later)
    settle_return(command_id=command.pk, returned_at=moment, code="AC06", reference="", at=moment, actor=SYSTEM)
    (event,) = OutboxEvent.objects.filter(event="repayment.debits.returned")
    assert event.payload == {"command_id": command.pk, "code": "AC06"}
    assert tell_returned(command_ids=ids(), at=moment) == 1
    assert tell_returned(command_ids=ids(), at=moment) == 0
    message = Message.objects.get()
    assert (message.key, message.about_due_date) == (f"debit:{command.pk}:returned", DUE)


def test_says_nothing_where_the_configuration_names_no_words_or_they_sell(bank):
    active_version(Channel.SMS, purpose=Purpose.MARKETING, code="debit_succeeded", body="Hello {paid_amount}")
    due(bank)
    run_slot(at("07:00"))
    assert tell_known(command_ids=ids(), at=at("07:01")) == 0
    assert not AuditEntry.objects.filter(verb="repayment.debits.not_told").exists()


def test_words_that_cannot_be_filled_leave_the_others_alone_and_are_told(bank):
    active_version(Channel.SMS, purpose=Purpose.SERVICE, code="debit_succeeded", body="{coupon} {paid_amount}")
    due(bank)
    run_slot(at("07:00"))
    assert tell_known(command_ids=ids(), at=at("07:01")) == 0
    assert AuditEntry.objects.filter(verb="repayment.debits.not_told").count() == 1


# ---------------------------------------------------------------------------------------- reminders during a debit


def reminded(bank, *, stops=None):
    """A loan due tomorrow morning with a reminder of that day planned, and its debit planned."""
    load_starter(is_active=True, actor=SYSTEM)
    load_starter_plan(effective_from=DUE - timedelta(days=30), actor=SYSTEM)
    plan_version = ReminderPlanVersion.objects.get()
    plan_version.content = plan_version.content | {"holdout": "0"}
    if stops is not None:
        plan_version.content["steps"] = [step | {"stops": stops} for step in plan_version.content["steps"]]
    plan_version.save(update_fields=["content"])
    loan = due(bank)
    Borrower.objects.filter(pk=loan.borrower_id).update(time_zone="Asia/Shanghai", language="en")
    return loan


def waiting():
    return list(Message.objects.order_by("id").values_list("state", "waits_for_facts"))


def test_a_reminder_waits_while_its_loan_is_debited_and_stops_when_that_brought_the_money(bank):
    reminded(bank)
    plan_reminders(day=DUE)
    assert waiting() == [("planned", False)]
    bank.conduct(drop_after=1)
    run_slot(at("07:00"))
    assert waiting() == [("planned", True)]
    look_again(loan_id=Loan.objects.get().pk)
    assert waiting() == [("planned", True)], "whoever looks again does not let it go while the debit is unknown"
    resolve(at("07:01"))
    assert Message.objects.get().state == "stopped"


def test_a_reminder_goes_on_when_the_debit_was_refused(bank):
    reminded(bank)
    plan_reminders(day=DUE)
    bank.conduct(drop_before=1)
    run_slot(at("07:00"))
    assert waiting() == [("planned", True)]
    resolve(at("07:04"))
    assert list(states()) == ["declined"]
    assert waiting() == [("planned", False)]


def test_a_reminder_planned_while_a_debit_is_unknown_waits_too(bank):
    reminded(bank)
    bank.conduct(drop_after=1)
    run_slot(at("07:00"))
    plan_reminders(day=DUE)
    assert waiting() == [("planned", True)]


def test_a_step_that_a_debit_does_not_stop_leaves_all_the_same(bank):
    reminded(bank, stops=["paid", "hold"])
    plan_reminders(day=DUE)
    bank.conduct(drop_after=1)
    run_slot(at("07:00"))
    assert waiting() == [("planned", False)]


def test_a_partial_debit_lets_the_reminder_say_what_is_left(bank):
    loan = reminded(bank)
    Mandate.objects.update(single_limit=Decimal("500.00"))
    plan_reminders(day=DUE)
    run_slot(at("07:00"))
    (message,) = Message.objects.filter(loan_id=loan.pk)
    assert not message.waits_for_facts
    assert read_variables(text_of(message, "variables"))["amount"] == "CNY 600.16"
