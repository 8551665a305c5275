"""Maker and checker: another person, within limits, and the deed in the same transaction as the decision."""

from decimal import Decimal

import pytest
from django.db import IntegrityError, connection, transaction
from django.db.models.functions import Now
from django.utils.translation import override

from backoffice.audit import approvals, services
from backoffice.audit.models import Approval, ApprovalLimit, AuditEntry
from backoffice.core.actors import SYSTEM
from backoffice.core.errors import Refusal
from backoffice.core.telling import told
from backoffice.core.words import phrase
from tests.audit.side_by_side import Aside, Gate
from tests.staff.factories import actor

VERB = "test.thing.waive"
MAKER = actor("agent", actor_id=1, name="Ada")
CHECKER = actor("team_lead", actor_id=2, name="Bo")
SENIOR = actor("senior_agent", actor_id=3, name="Cy")
CLERK = actor("collector", actor_id=4, name="Di")


class ThingIsGone(Refusal):
    code = "test.thing_is_gone"


class Deed:
    """What approving does in these tests: leaves a trace, then refuses or crashes if told to."""

    def __init__(self):
        self.requests = []
        self.error = None
        self.before = lambda: None

    def __call__(self, request):
        self.before()
        self.requests.append(request)
        services.record(verb="test.thing.waived", subject_type="test.thing", subject_id=9, actor=request.checker)
        if self.error:
            raise self.error


@pytest.fixture
def deed(monkeypatch):
    monkeypatch.setattr(approvals, "_deeds", {})
    deed = Deed()
    approvals.register(VERB, deed, label="waive a thing")
    for role, limit, alone in [("agent", "50.00", True), ("senior_agent", "500.00", True), ("team_lead", None, False)]:
        ApprovalLimit.objects.create(verb=VERB, role=role, max_amount=limit and Decimal(limit), alone=alone)
    return deed


def submit(*, actor=MAKER, amount=Decimal("600.00"), **changes):
    return approvals.submit(
        **{
            "verb": VERB,
            "subject_type": "test.thing",
            "subject_id": 9,
            "payload": {"thing_id": 9, "amount": None if amount is None else str(amount)},
            "amount": amount,
            "currency": "CNY",
            "reason": " illness in the family ",
            "actor": actor,
            "borrower_id": 5,
        }
        | changes
    )


@pytest.mark.django_db
def test_the_same_thing_is_not_asked_for_twice_while_it_waits(deed):
    first = submit()
    with pytest.raises(approvals.AlreadyAsked, match="Ada asked for this already"):
        submit(actor=CLERK, reason="me too")
    submit(amount=Decimal("700.00"))
    submit(subject_id=10)
    approvals.withdraw(approval_id=first.pk, actor=MAKER)
    submit()
    assert Approval.objects.filter(state="pending").count() == 3


def done():
    return AuditEntry.objects.filter(verb="test.thing.waived").count()


def verbs():
    return list(AuditEntry.objects.order_by("id").values_list("verb", flat=True))


@pytest.mark.django_db
class TestLimits:
    @pytest.mark.parametrize(
        ("who", "amount", "needed"),
        [
            (MAKER, "50.00", False),
            (MAKER, "50.01", True),
            (SENIOR, "500.00", False),
            (SENIOR, "500.01", True),
            (CHECKER, "0.01", True),
            (CLERK, "0.00", True),
            (SYSTEM, "1000000.00", False),
        ],
    )
    def test_say_when_a_second_person_is_needed(self, deed, who, amount, needed):
        assert approvals.needs_approval(verb=VERB, amount=Decimal(amount), actor=who, currency="CNY") is needed

    def test_of_one_currency_do_not_speak_for_another(self, deed):
        ApprovalLimit.objects.create(verb=VERB, role="agent", currency="UGX", max_amount=Decimal("90000.00"))

        def needed(currency):
            return approvals.needs_approval(verb=VERB, amount=Decimal("80000.00"), actor=MAKER, currency=currency)

        assert (needed("UGX"), needed("CNY")) == (False, True)

    def test_cost_one_query(self, deed, django_assert_num_queries):
        with django_assert_num_queries(1):
            approvals.limit_of(verb=VERB, actor=MAKER)


@pytest.mark.django_db
class TestAsking:
    def test_keeps_the_request_and_does_nothing_yet(self, deed):
        request = submit()

        assert (request.state, request.requested_by, request.requested_by_name) == ("pending", 1, "Ada")
        assert (request.reason, request.amount, request.payload) == (
            "illness in the family",
            Decimal("600.00"),
            {"thing_id": 9, "amount": "600.00"},
        )
        assert (done(), verbs()) == (0, ["audit.approval.submitted"])

    @pytest.mark.parametrize("reason", ["", "  \n "])
    def test_needs_a_reason(self, deed, reason):
        with pytest.raises(approvals.ReasonMissing) as refusal:
            submit(reason=reason)

        assert (refusal.value.status, set(refusal.value.fields)) == (422, {"reason"})
        assert not Approval.objects.exists()

    def test_a_verb_without_a_deed_is_a_defect(self, deed):
        with pytest.raises(approvals.UnknownVerb):
            submit(verb="test.thing.unheard_of")

    def test_an_amount_has_a_currency(self, deed):
        with pytest.raises(IntegrityError, match="request_amount_has_a_currency"), transaction.atomic():
            submit(currency="")


@pytest.mark.django_db
class TestDeciding:
    def test_approving_does_the_deed_in_the_name_of_both(self, deed):
        request = submit()

        decided = approvals.approve(approval_id=request.pk, actor=CHECKER, note=" agreed ")

        (call,) = deed.requests
        assert (call.maker, call.checker, call.approval_id) == (MAKER, CHECKER, request.pk)
        assert (call.payload, call.amount, call.currency, call.reason) == (
            {"thing_id": 9, "amount": "600.00"},
            Decimal("600.00"),
            "CNY",
            "illness in the family",
        )
        assert (decided.state, decided.decided_by, decided.note) == ("approved", 2, "agreed")
        assert decided.decided_at >= decided.requested_at
        assert verbs() == ["audit.approval.submitted", "test.thing.waived", "audit.approval.approved"]

    def test_nobody_approves_or_declines_their_own_request_whatever_their_roles(self, deed):
        everything = actor("agent", "team_lead", "admin", actor_id=1)
        request = submit(actor=everything)

        with pytest.raises(approvals.OwnRequest) as refusal:
            approvals.approve(approval_id=request.pk, actor=everything)
        with pytest.raises(approvals.OwnRequest):
            approvals.decline(approval_id=request.pk, actor=everything, note="no")

        assert refusal.value.status == 403
        request.refresh_from_db()
        assert (request.state, done()) == ("pending", 0)

    def test_the_database_refuses_ones_own_decision_too(self, deed):
        request = submit()

        with pytest.raises(IntegrityError, match="nobody_decides_their_own_request"), transaction.atomic():
            Approval.objects.filter(pk=request.pk).update(state="approved", decided_by=1, decided_at=Now())

    @pytest.mark.parametrize("who", [SENIOR, CLERK, actor("admin", actor_id=9), actor(actor_id=9)])
    def test_a_person_beyond_their_limit_neither_approves_nor_declines(self, deed, who):
        request = submit(amount=Decimal("500.01"))

        with pytest.raises(approvals.BeyondLimit):
            approvals.approve(approval_id=request.pk, actor=who)
        with pytest.raises(approvals.BeyondLimit):
            approvals.decline(approval_id=request.pk, actor=who, note="no")

        assert done() == 0

    def test_a_person_at_their_limit_approves(self, deed):
        request = submit(amount=Decimal("500.00"))

        assert approvals.approve(approval_id=request.pk, actor=SENIOR).state == "approved"

    def test_what_the_system_asks_for_any_decider_may_decide(self, deed):
        request = submit(actor=SYSTEM)

        approvals.approve(approval_id=request.pk, actor=CHECKER)

        assert deed.requests[0].maker == SYSTEM

    def test_declining_does_nothing_and_needs_a_word(self, deed):
        request = submit()

        with pytest.raises(approvals.ReasonMissing) as refusal:
            approvals.decline(approval_id=request.pk, actor=CHECKER, note=" ")
        decided = approvals.decline(approval_id=request.pk, actor=CHECKER, note="not enough evidence")

        assert set(refusal.value.fields) == {"note"}
        assert (decided.state, decided.note, done()) == ("declined", "not enough evidence", 0)

    def test_only_the_author_withdraws(self, deed):
        request = submit()

        with pytest.raises(approvals.NotTheAuthor):
            approvals.withdraw(approval_id=request.pk, actor=CHECKER)
        withdrawn = approvals.withdraw(approval_id=request.pk, actor=MAKER)

        assert (withdrawn.state, withdrawn.decided_by, done()) == ("withdrawn", 1, 0)

    def test_a_decided_request_stays_decided(self, deed):
        request = submit()
        approvals.approve(approval_id=request.pk, actor=CHECKER)

        for again in (
            lambda: approvals.approve(approval_id=request.pk, actor=CHECKER),
            lambda: approvals.decline(approval_id=request.pk, actor=CHECKER, note="no"),
            lambda: approvals.withdraw(approval_id=request.pk, actor=MAKER),
        ):
            with pytest.raises(approvals.AlreadyDecided) as refusal:
                again()
            assert refusal.value.status == 409

        assert done() == 1

    def test_an_unknown_request_is_refused(self, deed):
        with pytest.raises(approvals.ApprovalNotFound) as refusal:
            approvals.approve(approval_id=404, actor=CHECKER)

        assert refusal.value.status == 404


@pytest.mark.django_db
class TestADeedThatFails:
    def test_a_refusal_ends_the_request_as_failed_in_the_refusals_words_with_nothing_half_done(self, deed):
        deed.error = ThingIsGone("The thing is gone.", next_step="Look for another one.")
        request = submit()

        decided = approvals.approve(approval_id=request.pk, actor=CHECKER, note="fine")

        assert (decided.state, decided.failure) == ("failed", "The thing is gone. Look for another one.")
        assert (done(), verbs()) == (0, ["audit.approval.submitted", "audit.approval.failed"])
        assert AuditEntry.objects.get(verb="audit.approval.failed").after["failure"] == decided.failure

    def test_keeps_the_refusals_words_to_be_told_in_any_language(self, deed):
        deed.error = ThingIsGone(phrase("This cannot be taken back."), next_step=phrase("Look at the loan's state."))
        request = submit()

        approvals.approve(approval_id=request.pk, actor=CHECKER)

        kept = Approval.objects.get(pk=request.pk)
        assert kept.failure == "This cannot be taken back. Look at the loan's state."
        with override("zh-hans"):
            assert told(kept.why_it_failed) == "这笔操作不能冲正。 请查看该贷款的状态。"

    def test_a_crash_rolls_everything_back_and_the_request_still_waits(self, deed):
        deed.error = ZeroDivisionError("a defect")
        request = submit()

        with pytest.raises(ZeroDivisionError):
            approvals.approve(approval_id=request.pk, actor=CHECKER)

        request.refresh_from_db()
        assert (request.state, request.decided_by, done(), verbs()) == (
            "pending",
            None,
            0,
            ["audit.approval.submitted"],
        )


@pytest.mark.django_db(transaction=True)
class TestTwoAtOnce:
    def test_two_deciders_at_once_do_the_deed_once(self, deed):
        gate = Gate()
        request = submit()
        deed.before = gate.wait_here

        with Aside() as aside:
            first = aside.start(lambda: approvals.approve(approval_id=request.pk, actor=CHECKER))
            gate.wait_for_arrival()
            second = aside.start(
                lambda: approvals.decline(approval_id=request.pk, actor=actor("team_lead", actor_id=8), note="no")
            )
            wait_until_somebody_waits_for_a_lock()
            gate.open()
            assert first.result().state == "approved"
            with pytest.raises(approvals.AlreadyDecided):
                second.result()

        assert done() == 1
        assert Approval.objects.get().decided_by == 2


def wait_until_somebody_waits_for_a_lock():
    with connection.cursor() as cursor:
        for _attempt in range(100_000):
            cursor.execute(
                "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
            )
            if cursor.fetchone()[0]:
                return
    msg = "nobody waited"
    raise AssertionError(msg)
