"""A repeated request is answered, not done again; a crash in flight leaves nothing behind."""

import os
from decimal import Decimal

import pytest
from django.db import connection, transaction

from backoffice.audit import idempotency, services
from backoffice.audit.models import AuditEntry, IdempotencyKey
from backoffice.core.actors import SYSTEM
from backoffice.core.errors import Refusal
from tests.audit.side_by_side import Aside, Gate

SCOPE = "user:1 POST /api/v1/repayment/payments/"


def do_the_work():
    services.record(verb="test.work.done", subject_type="test.work", subject_id=1, actor=SYSTEM)
    return 201, {"id": 1, "amount": Decimal("12.50"), "name": "王小明"}


def run(*, key="key-1", payload=None, action=do_the_work, scope=SCOPE):
    return idempotency.run(
        scope=scope, key=key, payload={"amount": "12.50"} if payload is None else payload, action=action
    )


def times_done():
    return AuditEntry.objects.filter(verb="test.work.done").count()


@pytest.mark.django_db
class TestOneAfterTheOther:
    def test_the_first_answer_is_given_again_word_for_word(self):
        first = run()
        second = run()

        assert first == second == (201, {"id": 1, "amount": "12.50", "name": "王小明"})
        assert times_done() == 1

    def test_the_order_of_names_in_the_payload_does_not_matter(self):
        run(payload={"a": 1, "b": [1, 2]})
        run(payload={"b": [1, 2], "a": 1})

        assert times_done() == 1

    @pytest.mark.parametrize(
        "other", [{"amount": "12.5"}, {"amount": "12.51"}, {"amount": 12.5}, {"amount": "12.50", "x": None}, [], {}]
    )
    def test_another_payload_under_the_same_key_is_refused(self, other):
        run()

        with pytest.raises(idempotency.PayloadDiffers) as refusal:
            run(payload=other)

        assert (refusal.value.status, refusal.value.code) == (422, "audit.idempotency_key_reused")
        assert times_done() == 1

    def test_the_same_key_in_another_scope_is_another_request(self):
        run()
        run(scope="user:2 POST /api/v1/repayment/payments/")

        assert times_done() == 2

    def test_a_refused_request_leaves_the_key_free(self):
        class NotToday(Refusal):
            code = "test.not_today"

        def refuse():
            do_the_work()
            raise NotToday("not today")

        with pytest.raises(NotToday):
            run(action=refuse)

        assert (times_done(), IdempotencyKey.objects.count()) == (0, 0)
        assert run(payload={"amount": "10.00"})[0] == 201

    @pytest.mark.parametrize("key", ["", "   ", "k" * 201])
    def test_a_key_must_be_one(self, key):
        with pytest.raises(idempotency.BadKey) as refusal:
            run(key=key)

        assert refusal.value.status == 400
        assert times_done() == 0

    def test_a_hostile_key_is_only_a_key(self):
        key = "'; DROP TABLE audit_auditentry; --\u202e🙂"

        run(key=key)
        run(key=key)

        assert times_done() == 1


@pytest.mark.django_db(transaction=True)
class TestTwoAtOnce:
    def test_the_second_is_told_to_wait_and_then_gets_the_first_answer(self):
        gate = Gate()

        def slow_work():
            gate.wait_here()
            return do_the_work()

        with Aside() as aside:
            first = aside.start(lambda: run(action=slow_work))
            gate.wait_for_arrival()
            with pytest.raises(idempotency.RequestInFlight) as refusal:
                run()
            gate.open()
            answer = first.result()

        assert (refusal.value.status, refusal.value.code) == (409, "audit.request_in_flight")
        assert run() == answer
        assert times_done() == 1

    def test_another_key_does_not_wait(self):
        gate = Gate()

        def slow_work():
            gate.wait_here()
            return do_the_work()

        with Aside() as aside:
            first = aside.start(lambda: run(action=slow_work))
            gate.wait_for_arrival()
            assert run(key="key-2")[0] == 201
            gate.open()
            first.result()

        assert times_done() == 2

    def test_eight_at_once_do_the_work_once(self):
        def attempt():
            try:
                return run()[0]
            except idempotency.RequestInFlight as refusal:
                return refusal.status

        with Aside() as aside:
            statuses = [future.result() for future in [aside.start(attempt) for _ in range(8)]]

        assert set(statuses) <= {201, 409}
        assert 201 in statuses
        assert times_done() == 1

    def test_a_connection_that_dies_in_flight_frees_the_key_and_leaves_nothing(self):
        def die():
            do_the_work()
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_backend_pid()")
                (backend,) = cursor.fetchone()
            Aside().run(lambda: kill(backend))
            return do_the_work()

        with Aside() as aside, pytest.raises(Exception, match=r"terminating|closed"):
            aside.run(lambda: run(action=die))

        assert (times_done(), IdempotencyKey.objects.count()) == (0, 0)
        assert run()[0] == 201
        assert times_done() == 1

    def test_a_process_that_is_killed_in_flight_frees_the_key_and_leaves_nothing(self):
        connection.close()
        reading, writing = os.pipe()
        child = os.fork()
        if child == 0:

            def die():
                do_the_work()
                os.write(writing, b"working")
                os.kill(os.getpid(), 9)

            run(action=die)
            os._exit(1)
        assert os.read(reading, 7) == b"working"
        _pid, status = os.waitpid(child, 0)
        assert os.WTERMSIG(status) == 9

        wait_until_no_lock_is_held()
        assert run()[0] == 201
        assert times_done() == 1


def kill(backend):
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_terminate_backend(%s, 5000)", [backend])


def wait_until_no_lock_is_held():
    """Queues for every advisory lock somebody holds: returns once the server has noticed that its owner is dead."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT classid::bigint, objid::bigint FROM pg_locks WHERE locktype = 'advisory'")
        for high, low in cursor.fetchall():
            number = int.from_bytes((high << 32 | low).to_bytes(8, "big"), "big", signed=True)
            cursor.execute("SET LOCAL lock_timeout = '20s'")
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", [number])
