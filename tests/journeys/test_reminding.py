"""Reminders live with the loan: planned by the close, stopped by the money, compared with those left alone."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from backoffice.audit.models import AuditEntry, OutboxEvent
from backoffice.core.actors import SYSTEM
from backoffice.customers.fields import text_of
from backoffice.customers.models import Borrower
from backoffice.dayend.models import DayEndStep
from backoffice.dayend.services import close_day
from backoffice.outreach.domain.channels import Channel
from backoffice.outreach.domain.experiments.effects import Sample
from backoffice.outreach.domain.planning import read_variables
from backoffice.outreach.models import Message, ReminderGroup, ReminderPlan, ReminderPlanVersion, TemplateVersion
from backoffice.outreach.services import reminders as planning
from backoffice.outreach.services.arriving import give_up, put_back
from backoffice.outreach.services.departing import let_out
from backoffice.outreach.services.facts import WAITS
from backoffice.outreach.services.reminder_plans import PlanRefused, draft_version
from backoffice.outreach.services.reminders import BillDue, as_active
from backoffice.outreach.services.sending import send_while_due
from backoffice.outreach.services.starting import load_starter, load_starter_plan
from backoffice.repayment.models import Loan, PayLink
from backoffice.repayment.selectors.reminder_effects import effect_of_plan
from backoffice.repayment.services import reminders
from backoffice.repayment.services.autopay.pay_links import link_of
from backoffice.repayment.services.reminders import plan_reminders, simulate_reminders
from backoffice.repayment.tasks import look_again
from tests.journeys.conftest import Desk
from tests.outreach.messaging import gateway

JANUARY_15 = date(2026, 1, 15)
DUE = date(2026, 2, 15)
BILL = "1100.16"


@pytest.fixture
def _plan(desk: Desk) -> None:
    """The plan a new lender starts with, and its words."""
    load_starter(is_active=True, actor=SYSTEM)
    load_starter_plan(effective_from=JANUARY_15, actor=SYSTEM)
    nobody_is_left_alone()


def nobody_is_left_alone(holdout: str = "0") -> None:
    version = ReminderPlanVersion.objects.get()
    version.content = version.content | {"holdout": holdout}
    version.save(update_fields=["content"])


def a_borrower(number: int = 1, **fields: str) -> int:
    usual = {"country": "CN", "time_zone": "Asia/Shanghai", "language": "zh-Hans"}
    return Borrower.objects.create(
        external_id=f"R-{number}", source="reminding", portfolio="cash", **(usual | fields)
    ).pk


def planned() -> list[tuple[str, str, str, datetime]]:
    rows = Message.objects.order_by("id").values_list("purpose", "channel", "state", "send_after")
    return [(purpose, channel, state, at.astimezone(UTC)) for purpose, channel, state, at in rows]


@pytest.mark.usefixtures("_plan")
def test_the_evening_three_days_before_plans_the_mornings_reminder(desk: Desk) -> None:
    desk.open(JANUARY_15)
    desk.disburse(borrower_id=a_borrower())
    desk.until(date(2026, 2, 11))
    plan_reminders(day=date(2026, 2, 11))
    assert planned() == []

    plan_reminders(day=date(2026, 2, 12))
    plan_reminders(day=date(2026, 2, 12))

    ten_in_shanghai = datetime(2026, 2, 12, 2, tzinfo=UTC)
    assert planned() == [("reminder", "push", "planned", ten_in_shanghai)]
    message = Message.objects.get()
    assert (message.about_due_date, message.send_before - message.send_after) == (DUE, timedelta(hours=8))
    assert message.fallback == ["sms"]


@pytest.mark.usefixtures("_plan")
def test_the_close_of_the_due_date_plans_what_follows_when_nothing_came(desk: Desk) -> None:
    desk.open(JANUARY_15)
    desk.disburse(borrower_id=a_borrower())

    desk.until(date(2026, 2, 16))

    assert planned() == [("collection", "push", "planned", datetime(2026, 2, 16, 2, tzinfo=UTC))]


@pytest.mark.usefixtures("_plan")
def test_money_stops_what_is_planned_in_the_same_transaction(desk: Desk) -> None:
    desk.open(JANUARY_15)
    loan_id = desk.disburse(borrower_id=a_borrower())
    desk.until(date(2026, 2, 14))
    plan_reminders(day=date(2026, 2, 15))
    desk.pay(loan_id, "100.00")
    assert [state for _, _, state, _ in planned()] == ["planned"]

    desk.pay(loan_id, "1000.16")

    assert [state for _, _, state, _ in planned()] == ["stopped"], "what is held until the due date pays the bill then"


@pytest.mark.usefixtures("_plan")
def test_a_bill_paid_when_it_is_due_stops_its_reminder(desk: Desk) -> None:
    desk.open(JANUARY_15)
    loan_id = desk.disburse(borrower_id=a_borrower())
    desk.until(DUE)
    plan_reminders(day=DUE)

    desk.pay(loan_id, BILL)

    assert [(message.state, message.code) for message in Message.objects.all()] == [("stopped", "paid")]
    plan_reminders(day=date(2026, 2, 16))
    assert Message.objects.count() == 1


@pytest.mark.usefixtures("_plan")
def test_money_that_comes_while_the_day_is_planned_stops_its_reminder(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.open(JANUARY_15)
    loan_id = desk.disburse(borrower_id=a_borrower())
    desk.until(DUE)

    def read_then_paid(**day: object) -> list[BillDue]:
        bills = bills_to_remind(**day)
        desk.pay(loan_id, BILL)
        return bills

    bills_to_remind = reminders._bills
    monkeypatch.setattr(reminders, "_bills", read_then_paid)
    plan_reminders(day=DUE)

    assert [(message.state, message.code) for message in Message.objects.all()] == [("stopped", "paid")]


def said_of(message: Message) -> dict[str, str]:
    """What a planned message will say is owed."""
    message.refresh_from_db()
    said = read_variables(text_of(message, "variables"))
    return {name: said[name] for name in ("amount", "overdue_amount") if name in said}


@pytest.mark.usefixtures("_plan")
def test_a_part_payment_and_its_return_change_what_a_planned_reminder_says_is_owed(desk: Desk) -> None:
    desk.open(JANUARY_15)
    loan_id = desk.disburse(borrower_id=a_borrower())
    desk.until(date(2026, 2, 12))
    plan_reminders(day=date(2026, 2, 12))
    message = Message.objects.get()
    assert said_of(message)["amount"] == "CNY 1100.16"

    paid = desk.pay(loan_id, "500.00")
    assert (message.state, said_of(message)["amount"]) == ("planned", "CNY 600.16")

    desk.take_back(paid)
    assert said_of(message)["amount"] == "CNY 1100.16"
    desk.pay(loan_id, "1100.16")
    message.refresh_from_db()
    assert (message.state, message.code) == ("stopped", "paid"), "held until the bill falls due, and pays it then"


def on_its_way(desk: Desk) -> tuple[int, Message]:
    """A loan, and its reminder in the hands of a gateway."""
    desk.open(JANUARY_15)
    loan_id = desk.disburse(borrower_id=a_borrower())
    desk.until(date(2026, 2, 12))
    plan_reminders(day=date(2026, 2, 12))
    push = gateway(Channel.PUSH, unit_cost="0")
    message = Message.objects.get()
    at = message.send_after
    let_out(message_id=message.pk, borrower_id=message.borrower_id, gateway=push, at=at, lease=timedelta(minutes=2))
    message.refresh_from_db()
    assert message.state == "sending"
    return loan_id, message


@pytest.mark.usefixtures("_plan")
def test_money_that_comes_while_a_reminder_is_on_its_way_stops_what_comes_back_of_it(desk: Desk) -> None:
    loan_id, message = on_its_way(desk)
    desk.pay(loan_id, BILL)
    put_back(message, code="busy", detail="", wait=timedelta(), at=message.send_after)
    assert (message.state, message.waits_for_facts) == ("planned", True)
    assert send_while_due(clock=lambda: message.send_after, seconds=1) == 0
    assert OutboxEvent.objects.get(event=WAITS).payload == {"loan_id": loan_id}

    look_again(loan_id=loan_id)

    message.refresh_from_db()
    assert (message.state, message.code) == ("stopped", "paid")


@pytest.mark.usefixtures("_plan")
def test_a_part_payment_meanwhile_is_not_asked_for_by_the_next_channel(desk: Desk) -> None:
    loan_id, message = on_its_way(desk)
    desk.pay(loan_id, "500.00")
    give_up(message, code="invalid_number", detail="", at=message.send_after)
    following = Message.objects.get(follows=message)
    assert (following.channel, following.state, following.waits_for_facts) == ("sms", "planned", True)

    look_again(loan_id=loan_id)
    look_again(loan_id=loan_id)

    assert said_of(following)["amount"] == "CNY 600.16"
    assert (following.state, following.waits_for_facts) == ("planned", False)


@pytest.mark.usefixtures("_plan")
def test_a_part_payment_of_what_is_past_due_changes_what_is_asked_for(desk: Desk) -> None:
    desk.open(JANUARY_15)
    loan_id = desk.disburse(borrower_id=a_borrower())
    desk.until(date(2026, 2, 18))
    plan_reminders(day=date(2026, 2, 18))
    message = Message.objects.filter(purpose="collection").latest("pk")
    before = said_of(message)
    desk.pay(loan_id, "500.00")
    left = Loan.objects.get(pk=loan_id).overdue_amount
    assert said_of(message) != before
    assert said_of(message)["overdue_amount"] == f"CNY {left}"


@pytest.mark.usefixtures("_plan")
def test_a_part_payment_that_comes_while_the_day_is_planned_is_not_asked_for(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.open(JANUARY_15)
    loan_id = desk.disburse(borrower_id=a_borrower())
    desk.until(date(2026, 2, 12))

    def read_then_paid(**day: object) -> list[BillDue]:
        bills = bills_to_remind(**day)
        desk.pay(loan_id, "500.00")
        return bills

    bills_to_remind = reminders._bills
    monkeypatch.setattr(reminders, "_bills", read_then_paid)
    plan_reminders(day=date(2026, 2, 12))
    assert said_of(Message.objects.get())["amount"] == "CNY 600.16"


@pytest.mark.usefixtures("_plan")
def test_a_reminder_whose_words_cannot_be_filled_in_stops_neither_the_others_nor_the_close(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.open(JANUARY_15)
    good, bad = (desk.disburse(borrower_id=a_borrower(number)) for number in (1, 2))
    number = Loan.objects.get(pk=bad).external_id

    def values_of_loan(**said: Any) -> dict[str, str]:
        return values(**said) | ({"amount": "a lot"} if said["number"] == number else {})

    values = planning.values_of_loan
    monkeypatch.setattr(planning, "values_of_loan", values_of_loan)
    desk.until(date(2026, 2, 11))
    close_day(day=desk.today, actor=SYSTEM, threads=1)

    assert list(Message.objects.values_list("loan_id", "state")) == [(good, "planned")]
    step = DayEndStep.objects.get(run__day=date(2026, 2, 11), name="reminders")
    assert (step.run.state, step.counts) == ("done", {"messages": 1, "held_out": 0, "unfilled": 1})
    entry = AuditEntry.objects.get(verb="outreach.reminders.unfilled")
    assert (entry.reason, entry.after["messages"]) == ("{amount}: must be an amount such as CNY 1100.16", 1)


@pytest.mark.usefixtures("_plan")
def test_a_borrower_known_by_country_alone_is_planned_in_the_middle_of_it(desk: Desk) -> None:
    desk.open(JANUARY_15)
    desk.disburse(borrower_id=a_borrower(country="US", time_zone=""))
    desk.until(date(2026, 2, 11))

    plan_reminders(day=date(2026, 2, 12))

    ten_in_the_mountains = datetime(2026, 2, 12, 17, tzinfo=UTC)
    assert [at for *_, at in planned()] == [ten_in_the_mountains]


@pytest.mark.usefixtures("_plan")
def test_those_left_alone_get_nothing_and_are_what_the_others_are_compared_with(desk: Desk) -> None:
    nobody_is_left_alone("0.5")
    desk.open(JANUARY_15)
    loans = [desk.disburse(borrower_id=a_borrower(number)) for number in range(24)]
    desk.until(DUE)
    plan_reminders(day=DUE)
    reminded = set(Message.objects.values_list("loan_id", flat=True))
    alone = set(ReminderGroup.objects.filter(is_held_out=True).values_list("loan_id", flat=True))
    assert reminded | alone == set(loans)
    assert reminded
    assert alone
    assert not reminded & alone

    for loan_id in sorted(reminded):
        desk.pay(loan_id, BILL)
    Message.objects.update(cost=Decimal("0.05"), currency="CNY")
    desk.until(date(2026, 2, 17))

    found = effect_of_plan(plan_id=ReminderPlan.objects.get().pk, business_date=desk.today)
    assert found.effect.treated == Sample(units=len(reminded), total=Decimal(len(reminded)))
    assert found.effect.control == Sample(units=len(alone), total=Decimal(0))
    assert found.effect.difference == 1
    assert found.extra == len(reminded)
    assert (found.sent, found.costs) == (len(reminded), {"CNY": Decimal("0.05") * len(reminded)})
    assert found.cost_per_extra == {"CNY": Decimal("0.05")}
    low, high = found.cost_bounds["CNY"]
    assert low == Decimal("0.05") / found.effect.high
    assert high == Decimal("0.05") / found.effect.low
    Message.objects.update(purpose="collection")
    assert effect_of_plan(plan_id=ReminderPlan.objects.get().pk, business_date=desk.today).sent == 0


@pytest.mark.usefixtures("_plan")
def test_a_bill_that_fell_to_the_plan_after_its_due_date_tells_nothing_about_reminding(desk: Desk) -> None:
    nobody_is_left_alone("0.5")
    desk.open(JANUARY_15)
    for number in range(8):
        desk.disburse(borrower_id=a_borrower(number))
    desk.until(date(2026, 2, 16))

    found = effect_of_plan(plan_id=ReminderPlan.objects.get().pk, business_date=desk.today)
    assert ReminderGroup.objects.filter(planned_on__gt=DUE).count() == 8
    assert (found.effect.treated.units, found.effect.control.units) == (0, 0)


@pytest.mark.usefixtures("_plan")
def test_a_simulation_counts_what_would_leave_and_what_the_gate_would_stop_and_writes_nothing(desk: Desk) -> None:
    desk.open(JANUARY_15)
    desk.disburse(borrower_id=a_borrower(1))
    desk.disburse(borrower_id=a_borrower(2, country="", time_zone=""))
    desk.until(date(2026, 2, 14))

    found = simulate_reminders(day=DUE, plan=as_active(ReminderPlanVersion.objects.get()))

    assert dict(found.outcome.by_channel) == {"push": 2}
    assert found.allowed + sum(found.blocked.values()) >= 2
    assert found.blocked["core.place"] == 1
    assert not Message.objects.exists()
    assert not ReminderGroup.objects.exists()


@pytest.mark.usefixtures("_plan")
def test_a_plan_whose_template_has_nothing_to_say_is_refused(desk: Desk) -> None:
    content = ReminderPlanVersion.objects.get().content
    steps = [content["steps"][0] | {"template": "nothing"}, content["steps"][3] | {"template": "reminder_d3"}]

    with pytest.raises(PlanRefused) as raised:
        draft_version(
            plan_id=ReminderPlan.objects.get().pk, content={"steps": steps, "holdout": "0"}, note="", actor=SYSTEM
        )

    assert set(raised.value.fields) == {"d-3.template", "d+1.template"}


@pytest.mark.usefixtures("_plan")
@pytest.mark.parametrize("is_backwards", [False, True])
def test_a_borrower_with_two_loans_gets_one_reminder_in_whatever_order_their_ranges_are_planned(
    desk: Desk, is_backwards: bool
) -> None:
    desk.open(JANUARY_15)
    borrower_id = a_borrower()
    loans = sorted(desk.disburse(borrower_id=borrower_id) for _ in range(2))

    for loan_id in loans[::-1] if is_backwards else loans:
        plan_reminders(day=date(2026, 2, 12), first_id=loan_id, last_id=loan_id)

    assert list(Message.objects.filter(state="planned").values_list("loan_id", flat=True)) == loans[:1]
    assert ReminderGroup.objects.count() == 2


@pytest.mark.usefixtures("_plan")
def test_a_reminder_that_says_pay_link_carries_one_that_opens_and_planning_again_makes_no_other(
    desk: Desk, settings: Any
) -> None:
    settings.PAY_LINK_SITE = "https://pay.lender.example"
    desk.open(JANUARY_15)
    loan_id = desk.disburse(borrower_id=a_borrower())
    desk.until(date(2026, 2, 11))
    for version in TemplateVersion.objects.filter(channel="push"):
        version.body, version.variables = "{amount}: {pay_link}", ["amount", "pay_link"]
        version.save(update_fields=["body", "variables"])

    simulate_reminders(day=date(2026, 2, 12), plan=as_active(ReminderPlanVersion.objects.get()))
    assert not PayLink.objects.exists(), "a simulation opens nothing"
    plan_reminders(day=date(2026, 2, 12))
    plan_reminders(day=date(2026, 2, 12))

    message = Message.objects.get()
    site, token = read_variables(text_of(message, "variables"))["pay_link"].rstrip("/").split("/pay/")
    link = link_of(token=token, at=message.send_before + timedelta(days=6))
    assert (site, link.loan_id, link.borrower_id) == ("https://pay.lender.example", loan_id, message.borrower_id)
    assert PayLink.objects.count() == 1
    desk.pay(loan_id, "100.00")
    assert read_variables(text_of(Message.objects.get(), "variables"))["pay_link"].endswith(f"{token}/")


@pytest.mark.usefixtures("_plan")
def test_without_an_address_of_the_site_a_reminder_with_a_pay_link_is_left_out(desk: Desk, settings: Any) -> None:
    settings.PAY_LINK_SITE = ""
    desk.open(JANUARY_15)
    desk.disburse(borrower_id=a_borrower())
    desk.until(date(2026, 2, 11))
    TemplateVersion.objects.update(body="{amount}: {pay_link}", variables=["amount", "pay_link"])

    outcome = plan_reminders(day=date(2026, 2, 12))

    assert (outcome.new, len(outcome.unfilled)) == (0, 1)
    assert not PayLink.objects.exists()
