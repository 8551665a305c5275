"""The wire to rails: asked about before every call, and waited for by whoever stops all debits.

A chunk is committed before its calls are made, and they take a while: so each call asks first whether everything, its
rail or its batch was stopped meanwhile. Whoever calls holds the wire, together with others. Whoever stops all debits
says so first, so that no call begins any more, and then waits until nobody holds the wire.
"""

import contextlib
import time
from collections.abc import Iterator
from typing import Final

from backoffice.core.bulk import fetch
from backoffice.repayment.domain.autopay.handover import Answer, Outcome

PATIENCE: Final = 15.0
"""Seconds that stopping waits for calls under way: as long as one takes at most, connecting and being answered."""
ONE_LOOK: Final = 0.05
STOPPED: Final = Answer(outcome=Outcome.NEVER_LEFT, code="stopped")
"""What becomes of an order that is not called any more: it certainly never left."""
WIRE: Final = "hashtextextended('autopay wire', 0)"
STOPPING: Final = "hashtextextended('autopay stopping', 0)"
# Whoever stops all debits holds the lock of stopping from before the switch is seen until after it is. A batch is done
# once nothing of it waits to leave, which is before its last calls are made.
MAY_GO: Final = f"""
SELECT pg_try_advisory_xact_lock_shared({STOPPING})
   AND NOT EXISTS (SELECT FROM repayment_autopayswitch WHERE is_stopped)
   AND NOT EXISTS (SELECT FROM repayment_rail WHERE id = %(rail)s AND is_paused)
   AND (%(batch)s::bigint IS NULL
        OR EXISTS (SELECT FROM repayment_debitbatch WHERE id = %(batch)s AND state IN ('running', 'done')))
   AND NOT EXISTS (SELECT FROM repayment_breaker WHERE batch_id = %(batch)s::bigint AND closed_at IS NULL)
"""  # noqa: S608 - the parts are constants


@contextlib.contextmanager
def held() -> Iterator[bool]:
    """Hold the wire while calls are made; False when somebody is stopping all debits, and none may be made.

    It is let go when the session ends, however it ends.
    """
    ((is_held,),) = fetch(f"SELECT pg_try_advisory_lock_shared({WIRE})")
    try:
        yield is_held
    finally:
        if is_held:
            fetch(f"SELECT pg_advisory_unlock_shared({WIRE})")


def may_go(*, batch_id: int | None, rail_id: int) -> bool:
    """Whether an order of a batch (None: of none) may be called over a rail at this moment; one query."""
    ((may,),) = fetch(MAY_GO, {"batch": batch_id, "rail": rail_id})
    return bool(may)


def announce_stop() -> None:
    """No call begins from here until the transaction ends; then the switch is seen."""
    fetch(f"SELECT pg_advisory_xact_lock({STOPPING}) IS NULL")


def wait_until_free() -> bool:
    """Wait until no call is under way; False when one still is after all that calls usually take."""
    until = time.monotonic() + PATIENCE
    while not fetch(f"SELECT pg_try_advisory_xact_lock({WIRE})")[0][0]:
        if time.monotonic() > until:
            return False
        time.sleep(ONE_LOOK)
    return True
