"""The console's pages over the whole book: how long the slow ones of many take, and with how many queries."""

from collections.abc import Sequence
from time import perf_counter

from django.db import connection, reset_queries
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from backoffice.config.benches.results import Row, percentile
from backoffice.console.searching import address_for
from backoffice.core.bulk import fetch
from backoffice.staff import sessions
from backoffice.staff.models import Team, User

TARGET = 0.300
VISITS = 40


def measure() -> list[Row]:
    """Every page visited many times, each time for another loan or borrower, after a few visits to warm up."""
    user = _reader()
    client = _logged_in(user)
    loans = fetch(
        "SELECT id, borrower_id, external_id FROM repayment_loan WHERE id %% (SELECT greatest(1, count(*) / %s) "
        "FROM repayment_loan) = 1 ORDER BY id LIMIT %s",
        [VISITS, VISITS],
    )
    lists = reverse("repayment:loans")
    visits: dict[str, list[str]] = {
        "today": [reverse("console:home")] * VISITS,
        "loans": [lists] * VISITS,
        "overdue loans of a bucket": [f"{lists}?bucket={bucket}" for bucket in ("M1", "M2", "M6%2B")] * (VISITS // 3),
        "loan": [reverse("repayment:loan", args=[loan]) for loan, _, _ in loans],
        "borrower": [reverse("console:borrower", args=[borrower]) for _, borrower, _ in loans],
        "search": [address_for(query=number[:-1], user=user) for _, _, number in loans],
        "payments": [reverse("repayment:payments")] * VISITS,
    }
    return [_row(name, client, addresses) for name, addresses in visits.items()]


def _row(name: str, client: Client, addresses: Sequence[str]) -> Row:
    for address in addresses[:3]:
        _visit(client, address)
    taken = [_visit(client, address) for address in addresses]
    queries = sorted({_queries(client, address) for address in addresses[:6]})
    seconds = percentile(taken, 95)
    said = f"{queries[0]}" if len(queries) == 1 else f"{queries[0]} to {queries[-1]}"
    return Row(
        name=f"page: {name} ({said} queries), p95",
        size=len(taken),
        seconds=seconds,
        rate=len(taken) / sum(taken),
        target=f"<= {TARGET * 1000:g} ms",
        met=seconds <= TARGET,
    )


def _visit(client: Client, address: str) -> float:
    reset_queries()
    started = perf_counter()
    answer = client.get(address)
    taken = perf_counter() - started
    if answer.status_code != 200:
        msg = f"{address}: {answer.status_code} {answer.headers.get('location', '')}"
        raise AssertionError(msg)
    return taken


def _queries(client: Client, address: str) -> int:
    with CaptureQueriesContext(connection) as captured:
        client.get(address)
    return len(captured)


def _reader() -> User:
    team, _ = Team.objects.get_or_create(name="Bench")
    user, _ = User.objects.get_or_create(
        username="bench-reader", defaults={"roles": ["team_lead"], "team": team, "display_name": "Bench"}
    )
    return user


def _logged_in(user: User) -> Client:
    client = Client(raise_request_exception=True)
    client.force_login(user)
    session = client.session
    session[sessions.BEGAN] = session[sessions.USED] = sessions.clock()
    session.save()
    return client
