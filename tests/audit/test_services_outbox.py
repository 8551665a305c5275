"""What is told to others: in the transaction, after the commit, in order, at least once, and thrown away in time."""

from datetime import timedelta
from decimal import Decimal

import pytest
from celery import current_app
from celery._state import _get_active_apps
from django.db import connection, transaction
from django.db.models.functions import Now
from kombu.exceptions import OperationalError

from backoffice.audit import dispatch, outbox
from backoffice.audit.models import IdempotencyKey, OutboxEvent
from tests.audit.side_by_side import Aside, Gate


class Reaction:
    """A task that remembers what it was told; it can stop at a gate or fail."""

    def __init__(self, name):
        self.name = name
        self.told = []
        self.before = lambda payload: None

    def apply_async(self, *, kwargs, task_id, retry):
        assert retry is False
        self.before(kwargs)
        self.told.append((kwargs, task_id))

    @property
    def numbers(self):
        return [kwargs["number"] for kwargs, _task_id in self.told]


@pytest.fixture
def reaction(monkeypatch):
    """A task "test.react" that every "test.happened" is told to; the dispatcher is woken by hand."""
    task = Reaction("test.react")
    # A thread may see another application as current than the test does, once a worker ran in this process.
    for app in {id(each): each for each in (current_app._get_current_object(), *_get_active_apps())}.values():
        monkeypatch.setitem(app.tasks, "test.react", task)
    monkeypatch.setattr(outbox, "_subscriptions", {"test.happened": ("test.react",)})
    monkeypatch.setattr(outbox, "_wake_dispatcher", lambda: None)
    return task


def publish(*numbers, key="loan:1", event="test.happened"):
    outbox.publish_many([outbox.Event(event=event, key=key, payload={"number": number}) for number in numbers])


def waiting():
    return list(OutboxEvent.objects.filter(dispatched_at__isnull=True).values_list("payload__number", flat=True))


@pytest.mark.django_db
class TestPublishing:
    def test_an_event_of_a_transaction_that_rolled_back_never_was(self, reaction):
        class ChangeFailed(Exception):
            pass

        @transaction.atomic
        def change_that_fails():
            publish(1)
            raise ChangeFailed

        with pytest.raises(ChangeFailed):
            change_that_fails()

        assert dispatch.dispatch() == dispatch.Dispatched(sent=0, stuck=())
        assert reaction.told == []

    def test_many_events_are_one_statement(self, reaction, django_assert_num_queries):
        with django_assert_num_queries(1):
            publish(*range(500))

    def test_nothing_to_publish_asks_nothing(self, django_assert_num_queries):
        with django_assert_num_queries(0):
            assert outbox.publish_many([]) == 0

    def test_the_dispatcher_is_woken_after_the_commit_and_not_before(
        self, monkeypatch, django_capture_on_commit_callbacks
    ):
        woken = []
        monkeypatch.setitem(
            current_app.tasks,
            outbox.DISPATCH_TASK,
            type(
                "Task",
                (),
                {
                    "apply_async": staticmethod(lambda **options: woken.append(options)),
                },
            ),
        )

        with django_capture_on_commit_callbacks(execute=True):
            outbox.publish(event="test.happened", key="", payload={})
            assert woken == []

        assert woken == [{"retry": False}]

    def test_money_and_days_travel_exactly(self, reaction):
        outbox.publish(event="test.happened", key="k", payload={"number": Decimal("0.10"), "名": "王"})
        dispatch.dispatch()

        assert reaction.told[0][0] == {"number": "0.10", "名": "王"}


@pytest.mark.django_db
class TestHandingOn:
    def test_events_leave_once_in_the_order_they_came(self, reaction):
        publish(1, 2, 3)
        publish(4, key="loan:2")
        publish(5, key="")

        assert dispatch.dispatch() == dispatch.Dispatched(sent=5, stuck=())
        assert dispatch.dispatch() == dispatch.Dispatched(sent=0, stuck=())
        assert reaction.numbers == [1, 2, 3, 4, 5]

    def test_order_holds_over_several_batches(self, reaction, monkeypatch):
        monkeypatch.setattr(dispatch, "BATCH", 2)
        publish(1, 2, 3, 4, 5, 6, 7)
        publish(8, 9, key="loan:2")
        publish(10, 11, 12, key="")

        dispatch.dispatch()

        assert [number for number in reaction.numbers if number < 8] == [1, 2, 3, 4, 5, 6, 7]
        assert [number for number in reaction.numbers if number in {8, 9}] == [8, 9]
        assert sorted(reaction.numbers) == list(range(1, 13))

    def test_every_task_that_reacts_is_told_under_an_id_of_its_own(self, reaction, monkeypatch):
        other = Reaction("test.also")
        monkeypatch.setitem(current_app.tasks, "test.also", other)
        monkeypatch.setattr(outbox, "_subscriptions", {"test.happened": ("test.react", "test.also")})
        publish(1)
        event = OutboxEvent.objects.get()

        dispatch.dispatch()

        assert reaction.told == [({"number": 1}, f"outbox-{event.pk}-test.react")]
        assert other.told == [({"number": 1}, f"outbox-{event.pk}-test.also")]

    def test_an_event_nobody_listens_to_is_done_with(self, reaction):
        publish(1, event="test.unheard")

        assert dispatch.dispatch().sent == 1
        assert (reaction.told, waiting()) == ([], [])

    def test_an_event_for_a_task_nobody_defines_waits_and_holds_up_only_its_own_key(self, reaction, monkeypatch):
        monkeypatch.setattr(
            outbox, "_subscriptions", {"test.happened": ("test.react",), "test.broken": ("test.react", "test.nowhere")}
        )
        publish(1)
        publish(2, event="test.broken")
        publish(3)
        publish(4, key="loan:2")
        broken = OutboxEvent.objects.get(event="test.broken")

        assert dispatch.dispatch() == dispatch.Dispatched(sent=2, stuck=(broken.pk,))
        assert (reaction.numbers, waiting()) == ([1, 4], [2, 3])

    def test_a_broker_that_is_away_keeps_the_rest_for_the_next_sweep(self, reaction):
        def away_at_two(payload):
            if payload["number"] == 2:
                raise OperationalError("no broker")

        reaction.before = away_at_two
        publish(1, 2, 3)

        assert dispatch.dispatch() == dispatch.Dispatched(sent=1, stuck=())
        assert waiting() == [2, 3]

        reaction.before = lambda payload: None
        dispatch.dispatch()
        assert reaction.numbers == [1, 2, 3]


@pytest.mark.django_db(transaction=True)
class TestTwoDispatchers:
    def test_share_the_work_but_never_one_key(self, reaction):
        gate = Gate()
        reaction.before = lambda payload: gate.wait_here() if payload["number"] == 1 else None
        publish(1, 2, 3)
        publish(4, 5, key="loan:2")

        with Aside() as aside:
            first = aside.start(dispatch.dispatch)
            gate.wait_for_arrival()
            # The first took every key there was; what comes meanwhile under a new key is free, under a taken one not.
            publish(6, key="loan:3")
            publish(7)
            second = aside.run(dispatch.dispatch)
            told_by_the_second = list(reaction.numbers)
            gate.open()
            first.result()

        assert second.sent == 1
        assert told_by_the_second == [6]
        assert [number for number in reaction.numbers if number in {1, 2, 3, 7}] == [1, 2, 3, 7]
        assert sorted(reaction.numbers) == [1, 2, 3, 4, 5, 6, 7]

    def test_one_that_dies_after_sending_sends_again(self, reaction):
        def die(payload):
            reaction.before = lambda payload: None
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_backend_pid()")
                (backend,) = cursor.fetchone()
            Aside().run(lambda: kill(backend))

        reaction.before = die
        publish(1)

        with Aside() as aside, pytest.raises(Exception, match=r"terminating|closed"):
            aside.run(dispatch.dispatch)
        dispatch.dispatch()

        assert reaction.numbers == [1, 1]
        assert waiting() == []


def kill(backend):
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_terminate_backend(%s, 5000)", [backend])


@pytest.mark.django_db
class TestPurging:
    def test_takes_only_what_was_handed_on_seven_days_ago(self, reaction, monkeypatch):
        monkeypatch.setattr(dispatch, "PURGE_BATCH", 2)
        publish(1, 2, 3, 4, 5)
        rows = OutboxEvent.objects.order_by("id")
        OutboxEvent.objects.filter(payload__number__lte=3).update(dispatched_at=Now() - timedelta(days=7, seconds=1))
        OutboxEvent.objects.filter(payload__number=4).update(dispatched_at=Now() - timedelta(days=6, hours=23))

        assert dispatch.purge_events() == 3
        assert [row.payload["number"] for row in rows] == [4, 5]

    def test_takes_only_answers_older_than_thirty_days(self):
        for number, days in enumerate([29, 31, 400]):
            IdempotencyKey.objects.create(scope="s", key=str(number), payload_hash=b"h", status=200, body={})
            IdempotencyKey.objects.filter(key=str(number)).update(created_at=Now() - timedelta(days=days))

        assert dispatch.purge_answers() == 2
        assert IdempotencyKey.objects.get().key == "0"
