"""Playing the bank of a demo's sandbox, over its own pages: what it stands at, and the verbs that change it.

The bank is another process. It is asked outside of transactions and with a time limit; what it did is in the trail once
it has said so.
"""

import http.client
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any, ClassVar, Final
from urllib.parse import quote, urlsplit
from zoneinfo import ZoneInfo

from django.conf import settings
from django.utils.translation import gettext as _

from backoffice.audit import services as audit
from backoffice.core.actors import Actor
from backoffice.core.errors import Refusal
from backoffice.core.formats import date_text
from backoffice.repayment.domain.autopay import bank_answers as answers
from backoffice.repayment.domain.autopay.bank_answers import (
    EACH_RAIL,
    RAILS,
    Account,
    Conduct,
    Day,
    File,
    Movement,
    Overview,
    Script,
    Turned,
    Unreadable,
)
from backoffice.repayment.models import Mandate
from backoffice.repayment.selectors.autopay.mandates import searched, visible_mandates

SUBJECT: Final = "repayment.sandbox_bank"
NAME: Final = "sandbox"
ANSWER_SECONDS: Final = 5.0
TURN_SECONDS: Final = 30.0
LARGEST_ANSWER: Final = 8 * 1024 * 1024
MOVEMENTS_SHOWN: Final = 20
ACCOUNTS_SHOWN: Final = 10
FARTHEST_DAYS: Final = 31
"""How far ahead of the bank's clock a day may be turned: a closed day is never opened again."""


class NoSandbox(Refusal):
    """Nothing says where a sandbox is."""

    code: ClassVar[str] = "repayment.no_sandbox"
    status: ClassVar[int] = 404


class BankSilent(Refusal):
    """The sandbox does not answer, or not as the bank would."""

    code: ClassVar[str] = "repayment.sandbox_bank_silent"
    status: ClassVar[int] = 409


class BankRefused(Refusal):
    """The bank, or this page for it, will not do that."""

    code: ClassVar[str] = "repayment.sandbox_bank_refused"


@dataclass(frozen=True, slots=True, kw_only=True)
class BankNow:
    """All the page of the bank shows. Movements, files and days have the newest first; those that wait the oldest."""

    overview: Overview
    script: Script
    movements: tuple[Movement, ...]
    waiting: tuple[File, ...]
    written: tuple[File, ...]
    days: tuple[Day, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundAccount:
    """A token with the mandate it is of, if it is one of ours, and the account, if the bank has opened it."""

    token: str
    mandate: Mandate | None
    account: Account | None


# ------------------------------------------------------------------------------------------------------------- reads


def bank_now() -> BankNow:
    """The bank as it stands, in five calls. Raises NoSandbox, BankSilent."""
    try:
        overview = answers.overview_of(_ask("GET", ""))
        after = max(0, overview.movements - MOVEMENTS_SHOWN)
        waiting, written = answers.files_of(_ask("GET", "/files"))
        return BankNow(
            overview=overview,
            script=answers.script_of(_ask("GET", "/script")),
            movements=answers.movements_of(_ask("GET", f"/movements?after={after}&limit={MOVEMENTS_SHOWN}")),
            waiting=waiting,
            written=written,
            days=answers.days_of(_ask("GET", "/days")),
        )
    except Unreadable as error:
        raise _silent() from error


def overview() -> Overview:
    """Its clock, days and numbers. Raises NoSandbox, BankSilent."""
    try:
        return answers.overview_of(_ask("GET", ""))
    except Unreadable as error:
        raise _silent() from error


def script() -> Script:
    """How it behaves. Raises NoSandbox, BankSilent."""
    try:
        return answers.script_of(_ask("GET", "/script"))
    except Unreadable as error:
        raise _silent() from error


def preset_named(name: str) -> Conduct:
    """One of the bank's presets. Raises NoSandbox, BankSilent, BankRefused for one it does not have."""
    try:
        presets = answers.presets_of(_ask("GET", "/presets"))
    except Unreadable as error:
        raise _silent() from error
    if name not in presets:
        raise BankRefused(_("The bank has no such preset."), next_step=_("Choose another."), fields={"preset": name})
    return presets[name]


def account_of(*, token: str) -> Account | None:
    """An account by its token; None while the bank has not opened it. Raises NoSandbox, BankSilent."""
    said = _ask("GET", f"/accounts/{quote(token, safe='')}", missing=True)
    if said is None:
        return None
    try:
        return answers.account_of(said)
    except Unreadable as error:
        raise _silent() from error


def find_accounts(*, words: str, user: Any) -> list[FoundAccount]:
    """Accounts by a token, or by an agreement, borrower or loan of ours that the person may see; at most ten.

    Raises NoSandbox, BankSilent.
    """
    if "\x00" in words:
        return []
    mandates = visible_mandates(user=user)
    rows = list(mandates.filter(token=words).order_by("pk")[:ACCOUNTS_SHOWN])
    rows = rows or list(searched(mandates, words).order_by("borrower_id", "priority", "pk")[:ACCOUNTS_SHOWN])
    if rows:
        return [FoundAccount(token=row.token, mandate=row, account=account_of(token=row.token)) for row in rows]
    account = account_of(token=words)
    return [] if account is None else [FoundAccount(token=words, mandate=None, account=account)]


# ------------------------------------------------------------------------------------------------------------- verbs


def change_script(*, rail: str, changes: Mapping[str, Decimal], actor: Actor, reason: str) -> None:
    """Sets shares, seconds and days of one rail. Raises NoSandbox, BankSilent, BankRefused."""
    now = script().conducts[rail]
    differ = answers.changed(before=now, after=changes)
    if not differ:
        raise nothing_changes()
    _tell("/script", {"rail": rail} | {name: float(after) for name, (_before, after) in differ.items()})
    _note(
        verb="script_changed",
        actor=actor,
        reason=reason,
        before={"rail": rail} | {name: str(before) for name, (before, _after) in differ.items()},
        after={"rail": rail} | {name: str(after) for name, (_before, after) in differ.items()},
    )


def take_preset(*, preset: str, rail: str, actor: Actor, reason: str) -> None:
    """Sets everything of a rail, or of each (`*`), as a preset says. Raises NoSandbox, BankSilent, BankRefused."""
    conduct, now = preset_named(preset), script()
    if not any(answers.changed(before=now.conducts[each], after=conduct) for each in rails_meant(rail)):
        raise nothing_changes()
    _tell("/script", {"preset": preset, "rail": rail})
    _note(verb="script_changed", actor=actor, reason=reason, after={"rail": rail, "preset": preset})


def set_account(*, token: str, balance: Decimal, is_closed: bool, actor: Actor, reason: str) -> Account:
    """Sets what is on an account, opens or closes it. Raises NoSandbox, BankSilent, BankRefused."""
    before = account_of(token=token)
    asked: dict[str, object] = {"account": token, "balance": str(balance), "is_closed": is_closed}
    if currency := currency_of(token=token, account=before):
        asked["currency"] = currency
    try:
        account = answers.account_of(_tell("/accounts", asked))
    except Unreadable as error:
        raise _unclear() from error
    mandate = Mandate.objects.filter(token=token).first()
    _note(
        verb="account_set",
        actor=actor,
        reason=reason,
        before=None if before is None else {"balance": before.balance, "is_closed": before.is_closed},
        after={"token": token, "balance": account.balance, "is_closed": account.is_closed},
        borrower_id=None if mandate is None else mandate.borrower_id,
    )
    return account


def turn_day(*, day: date, actor: Actor, reason: str) -> Turned:
    """Closes a day of the bank's and every open one before it. Raises NoSandbox, BankSilent, BankRefused."""
    check_day(day=day, now=overview())
    try:
        turned = answers.turned_of(_tell("/day", {"date": day.isoformat()}, seconds=TURN_SECONDS))
    except Unreadable as error:
        raise _unclear() from error
    _note(
        verb="day_turned",
        actor=actor,
        reason=reason,
        after={
            "day": day,
            "closed": len(turned.closed),
            "returns": turned.returns,
            "differences": len(turned.differences),
        },
    )
    return turned


def set_clock(*, day: date, clock: time, actor: Actor, reason: str) -> datetime:
    """Sets the bank's clock to a time of a day, where the bank is. Raises NoSandbox, BankSilent, BankRefused."""
    before = overview().clock
    moment = datetime.combine(day, clock, tzinfo=ZoneInfo(script().zone))
    _tell("/script", {"clock": moment.isoformat()})
    _note(verb="clock_set", actor=actor, reason=reason, before={"clock": before}, after={"clock": moment})
    return moment


# ------------------------------------------------------------------------------------------------- rules of the page


def rails_meant(rail: str) -> tuple[str, ...]:
    """The rails a word about a rail, or about each, is for."""
    return RAILS if rail == EACH_RAIL else (rail,)


def currency_of(*, token: str, account: Account | None) -> str:
    """The currency of an account: the bank's word, else that of our mandate; empty when only the bank will know."""
    if account is not None:
        return account.currency
    return Mandate.objects.filter(token=token).values_list("currency", flat=True).first() or ""


def check_day(*, day: date, now: Overview) -> None:
    """Raises BankRefused for a day that is closed, or so far ahead that it was hardly meant."""
    if now.last_closed is not None and day <= now.last_closed:
        raise BankRefused(
            _("The bank has closed %(day)s already.") % {"day": date_text(day)},
            next_step=_("Choose a later day."),
            fields={"day": str(day)},
        )
    farthest = now.clock.date() + timedelta(days=FARTHEST_DAYS)
    if day > farthest:
        raise BankRefused(
            _("%(day)s is far ahead of the bank's clock.") % {"day": date_text(day)},
            next_step=_("Set the clock first, or choose a day up to %(last)s.") % {"last": date_text(farthest)},
            fields={"day": str(day)},
        )


def nothing_changes() -> BankRefused:
    """The refusal of a script that is in force already."""
    return BankRefused(_("The bank behaves like this already."), next_step=_("Change a number first."))


# ---------------------------------------------------------------------------------------------------------- the wire


def _ask(method: str, path: str, *, missing: bool = False) -> Any:
    status, said = _call(method, path, seconds=ANSWER_SECONDS)
    if missing and status == http.HTTPStatus.NOT_FOUND:
        return None
    if status != http.HTTPStatus.OK:
        raise _silent()
    return said


def _tell(path: str, document: Mapping[str, object], *, seconds: float = ANSWER_SECONDS) -> Any:
    status, said = _call("POST", path, body=json.dumps(document).encode(), seconds=seconds)
    if status == http.HTTPStatus.BAD_REQUEST and isinstance(said, dict):
        raise BankRefused(
            _("The bank refused: %(words)s") % {"words": str(said.get("error", ""))[:200]},
            next_step=_("Nothing was changed. Correct what it says."),
        )
    if status != http.HTTPStatus.OK:
        raise _unclear()
    return said


def _call(method: str, path: str, *, body: bytes = b"", seconds: float) -> tuple[int, Any]:
    """Status and document of one call. Raises NoSandbox, BankSilent."""
    if not settings.SANDBOX_URL:
        raise NoSandbox(
            _("This installation has no sandbox."), next_step=_("`make demo` starts one; there is a bank to play then.")
        )
    parts = urlsplit(settings.SANDBOX_URL)
    make = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
    connection = make(parts.hostname or "", parts.port, timeout=seconds)
    try:
        connection.request(method, f"{parts.path}/bank{path}", body=body or None)
        response = connection.getresponse()
        read = response.read(LARGEST_ANSWER + 1)
        return response.status, json.loads(read)
    except (OSError, http.client.HTTPException, ValueError, RecursionError) as error:
        raise (_unclear() if body else _silent()) from error
    finally:
        connection.close()


def _silent() -> BankSilent:
    return BankSilent(
        _("The sandbox does not answer."),
        next_step=_("See whether it runs at %(url)s, then open the page again.") % {"url": settings.SANDBOX_URL},
    )


def _unclear() -> BankSilent:
    return BankSilent(
        _("The sandbox did not answer; it may have done it or not."),
        next_step=_("Open the page again and look, before you repeat it."),
    )


def _note(
    *,
    verb: str,
    actor: Actor,
    reason: str,
    after: Mapping[str, Any],
    before: Mapping[str, Any] | None = None,
    borrower_id: int | None = None,
) -> None:
    audit.record(
        verb=f"{SUBJECT}.{verb}",
        subject_type=SUBJECT,
        subject_id=NAME,
        actor=actor,
        reason=reason.strip(),
        before=before,
        after=after,
        borrower_id=borrower_id,
    )
