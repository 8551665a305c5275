"""Closing a day: what was to happen on it happens, and its settlement file and statement are written, once."""

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

from backoffice.sandbox.bank import file_rail, http_rail, messages
from backoffice.sandbox.bank.file_rail import FileRail
from backoffice.sandbox.bank.messages import Balance
from backoffice.sandbox.bank.records import DEBIT, Closing, Line, Outgoing
from backoffice.sandbox.bank.settlement import Reported, reported, settlement_file
from backoffice.sandbox.bank.teller import ISO, UNIONPAY, Scheme, Teller

SCHEMES: dict[str, Scheme] = {http_rail.RAIL: UNIONPAY, file_rail.RAIL: ISO}
LONGEST_GAP_DAYS = 366
ZERO = Decimal("0.00")


@dataclass(frozen=True, slots=True, kw_only=True)
class Turned:
    """What closing did: how many returns were made, which days were closed, the differences put into their files."""

    returns: int
    closed: tuple[str, ...]
    differences: tuple[dict[str, str], ...]


def turn(*, day: date, teller: Teller, files: FileRail) -> Turned:
    """Closes a day and every open one before it; one that is closed already stays as it is."""
    files.work()
    with teller.books.lock:
        end = datetime.combine(day + timedelta(days=1), time(), tzinfo=ZoneInfo(teller.script.zone)).timestamp()
        returns = teller.settle_due(until=end - 1e-3, schemes=SCHEMES)
        closed = _open_days(teller, day)
        for one in closed:
            _close(one, teller)
        differences = [what for one in closed for what in teller.books.closings[one].differences]
    files.work()
    return Turned(returns=returns, closed=tuple(closed), differences=tuple(differences))


def _open_days(teller: Teller, day: date) -> list[str]:
    """The days to close: those with movements, those since the last closing, and the day itself."""
    last = teller.books.last_closed
    found = {moved for _, moved in teller.books.by_day} | {day.isoformat()}
    if last:
        gap = min((day - date.fromisoformat(last)).days, LONGEST_GAP_DAYS)
        found |= {(day - timedelta(days=back)).isoformat() for back in range(gap)}
    return sorted(one for one in found if last < one <= day.isoformat())


def _close(day: str, teller: Teller) -> None:
    """Writes the files of a day in one line of the journal, and with it that the day is closed."""
    books, script = teller.books, teller.script
    now = teller.now()
    lines, differences = reported(
        books.by_day.get((http_rail.RAIL, day), ()), rail=http_rail.RAIL, script=script, wrong_code=UNIONPAY.no_funds
    )
    written = [Outgoing(rail=http_rail.RAIL, name=day, kind="settlement", text=settlement_file(lines), at=now, day=day)]
    entries, more = reported(
        books.by_day.get((file_rail.RAIL, day), ()), rail=file_rail.RAIL, script=script, wrong_code=ISO.no_funds
    )
    before = books.closings[books.last_closed].balances if books.last_closed else {}
    balances = _balances(entries, {name: Decimal(value) for name, value in (before or {}).items()})
    if balances:
        name = f"{messages.STATEMENT}-{day}"
        text = messages.statement(
            name=name, at=script.local(now), day=day, entries=entries, balances=balances, owner=file_rail.OWNER
        )
        statement = Outgoing(
            rail=file_rail.RAIL, name=f"{name}.xml", kind=messages.STATEMENT, text=text, at=now, day=day
        )
        written.append(statement)
    closing = Closing(
        day=day,
        differences=(*differences, *more),
        balances={balance.currency: str(balance.closing) for balance in balances},
    )
    books.write(Line(outgoing=tuple(written), closing=closing))


def _balances(entries: list[Reported], before: dict[str, Decimal]) -> list[Balance]:
    """The collection accounts, from where they stood to what the booked entries make of them."""
    after = dict(before)
    for entry in entries:
        after.setdefault(entry.currency, ZERO)
        if entry.is_booked:
            after[entry.currency] += entry.amount if entry.kind == DEBIT else -entry.amount
    return [
        Balance(currency=currency, opening=before.get(currency, ZERO), closing=closing)
        for currency, closing in sorted(after.items())
    ]
