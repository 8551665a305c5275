"""How the bank behaves: shares of what goes wrong, drawn from the seed and the order number, never from the moment.

The same seed and the same orders give the same day, in whatever order they come. `POST /bank/script` changes it.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from datetime import date, datetime, time, timedelta
from decimal import Decimal, InvalidOperation
from typing import Any
from zoneinfo import ZoneInfo

from backoffice.sandbox.script import BadScript, draw

_SECONDS_AND_DAYS = {
    "latency",
    "stuck_seconds",
    "late_seconds",
    "processing_seconds",
    "return_days",
    "return_days_most",
}
USUAL_TYPICAL = Decimal("1000.00")


@dataclass(frozen=True, slots=True, kw_only=True)
class Conduct:
    """Shares from 0 to 1 of what something happens to, and how long things take, in seconds or days.

    Of orders: `drop_before`, `drop_after`: the wire is cut before anything was taken (the first time), or after the
    debit was made. `busy`: told to come back, the first time. `stuck`: on its way for `stuck_seconds`.
    `processing`: decided `processing_seconds` later. `refuse_risk`, `unmapped`: declined, with a code nobody knows.
    `double_execute`: a repeated number is debited again. Of notices: `no_notice`, `late_notice` (by `late_seconds`),
    `double_notice`. Of debits: `return_share`, taken back after `return_days` to `return_days_most`. Of the lines of a
    day: `settle_missing`, `settle_extra`, `settle_amount`, `settle_status`. Of accounts never heard of: `poor`.
    """

    latency: float = 0.0
    drop_before: float = 0.0
    drop_after: float = 0.0
    busy: float = 0.0
    stuck: float = 0.0
    stuck_seconds: float = 15.0
    no_notice: float = 0.0
    late_notice: float = 0.0
    late_seconds: float = 20.0
    double_notice: float = 0.0
    processing: float = 0.0
    processing_seconds: float = 5.0
    refuse_risk: float = 0.0
    unmapped: float = 0.0
    double_execute: float = 0.0
    return_share: float = 0.0
    return_days: float = 2.0
    return_days_most: float = 5.0
    poor: float = 0.0
    settle_missing: float = 0.0
    settle_extra: float = 0.0
    settle_amount: float = 0.0
    settle_status: float = 0.0


LIFELIKE = Conduct(
    latency=0.05,
    drop_before=0.002,
    drop_after=0.003,
    busy=0.005,
    no_notice=0.005,
    late_notice=0.03,
    double_notice=0.02,
    processing=0.01,
    refuse_risk=0.002,
    return_share=0.002,
    poor=0.12,
    settle_missing=0.001,
    settle_extra=0.001,
    settle_amount=0.001,
    settle_status=0.001,
)
BAD_DAY = Conduct(
    latency=0.5,
    drop_before=0.05,
    drop_after=0.1,
    busy=0.1,
    stuck=0.02,
    no_notice=0.1,
    late_notice=0.2,
    double_notice=0.2,
    processing=0.1,
    refuse_risk=0.02,
    unmapped=0.03,
    return_share=0.03,
    poor=0.3,
    settle_missing=0.02,
    settle_extra=0.02,
    settle_amount=0.02,
    settle_status=0.02,
)
PRESETS = {"fine": Conduct(), "lifelike": LIFELIKE, "bad_day": BAD_DAY}


@dataclass(slots=True)
class BankScript:
    """The conduct of each rail, and what holds for the whole bank.

    `typical`: what a usual bill is in each currency; balances are drawn around it. `zone`: where the bank's days begin
    and end. `cut_off`: from then on (`HH:MM`) a movement belongs to the next day; empty: never. `shift`: seconds by
    which the bank's clock is ahead of the machine's.
    """

    seed: int = 1
    usual: Conduct = field(default_factory=Conduct)
    own: dict[str, Conduct] = field(default_factory=dict)
    typical: dict[str, Decimal] = field(default_factory=dict)
    zone: str = "Asia/Shanghai"
    cut_off: str = ""
    shift: float = 0.0

    def of(self, rail: str) -> Conduct:
        """How a rail behaves now."""
        return self.own.get(rail, self.usual)

    def happens(self, what: str, *, key: str, share: float) -> bool:
        """Whether something happens to what has the key; each thing is drawn apart from the others."""
        return share > 0 and self.draw(what, key=key) < share

    def draw(self, what: str, *, key: str) -> float:
        """A number from 0 to 1 that belongs to the key and the thing."""
        return draw(seed=self.seed, what=what, key=key)

    def local(self, at: float) -> datetime:
        """An instant by the bank's wall clock, to the second."""
        return datetime.fromtimestamp(int(at), tz=ZoneInfo(self.zone))

    def day_of(self, at: float, *, last_closed: str) -> str:
        """The day whose settlement an instant belongs to: the next one after the cut-off, never one that is closed."""
        here = self.local(at)
        day = here.date()
        if self.cut_off and here.time() >= time.fromisoformat(self.cut_off):
            day += timedelta(days=1)
        if last_closed:
            day = max(day, date.fromisoformat(last_closed) + timedelta(days=1))
        return day.isoformat()

    def opening_balance(self, *, account: str, currency: str, poor: float) -> Decimal:
        """What an account never heard of has: less than a usual bill for a poor one, plenty for the others."""
        typical = self.typical.get(currency, USUAL_TYPICAL)
        is_poor = self.happens("poor", key=account, share=poor)
        portion = self.draw("balance", key=account)
        times = portion * 0.5 if is_poor else 50 + 200 * portion
        return (typical * Decimal(str(round(times, 6)))).quantize(Decimal("0.01"))

    def change(self, asked: Mapping[str, object], *, now: float) -> None:
        """Takes what POST /bank/script says: `rail` (or all), shares, and what holds for all. Raises BadScript.

        `preset`: everything as it says, then the shares that stand beside it.
        """
        rest = dict(asked)
        rail = str(rest.pop("rail", "*"))
        preset = _preset(rest.pop("preset")) if "preset" in rest else {}
        common: dict[str, object] = {
            name: rest.pop(name) for name in ("seed", "typical", "zone", "cut_off", "clock") if name in rest
        }
        changes = preset | {name: _checked(name, value) for name, value in rest.items()}
        usual, own = self.usual, dict(self.own)
        if rail == "*":
            usual = replace(usual, **changes)
            own = {name: replace(one, **changes) for name, one in own.items()}
        else:
            own[rail] = replace(self.of(rail), **changes)
        for conduct in (usual, *own.values()):
            if conduct.return_days > conduct.return_days_most:
                raise BadScript("return_days is at most return_days_most")
        settings = _settings(common, now=now)
        self.usual, self.own = usual, own
        self.seed = settings.get("seed", self.seed)
        self.typical = {**self.typical, **settings.get("typical", {})}
        self.zone, self.cut_off = settings.get("zone", self.zone), settings.get("cut_off", self.cut_off)
        self.shift = settings.get("shift", self.shift)

    def shown(self) -> dict[str, object]:
        """All of it, as the page shows it and as the journal keeps it."""
        return {
            "seed": self.seed,
            "*": asdict(self.usual),
            "own": {name: asdict(one) for name, one in self.own.items()},
            "typical": {name: str(value) for name, value in self.typical.items()},
            "zone": self.zone,
            "cut_off": self.cut_off,
            "shift": self.shift,
        }

    def restore(self, kept: Mapping[str, object]) -> None:
        """Becomes what `shown` said once."""
        said: dict[str, Any] = dict(kept)
        self.seed, self.usual = int(said["seed"]), Conduct(**said["*"])
        self.own = {name: Conduct(**one) for name, one in said["own"].items()}
        self.typical = {name: Decimal(value) for name, value in said["typical"].items()}
        self.zone, self.cut_off, self.shift = str(said["zone"]), str(said["cut_off"]), float(said["shift"])


def _preset(name: object) -> dict[str, float]:
    if name not in PRESETS:
        msg = f"there is no preset {name!r}"
        raise BadScript(msg)
    return asdict(PRESETS[str(name)])


def _checked(name: str, value: object) -> float:
    if name not in {one.name for one in fields(Conduct)}:
        msg = f"there is no {name!r} in a script"
        raise BadScript(msg)
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < 1e9:
        msg = f"{name} is a number from 0"
        raise BadScript(msg)
    if value > 1 and name not in _SECONDS_AND_DAYS:
        msg = f"{name} is a share from 0 to 1"
        raise BadScript(msg)
    return float(value)


def _settings(common: Mapping[str, object], *, now: float) -> dict[str, Any]:
    """What holds for the whole bank, read. `now`: seconds by the machine's clock."""
    found: dict[str, Any] = {}
    try:
        if "seed" in common:
            found["seed"] = int(str(common["seed"]))
        if "zone" in common:
            found["zone"] = ZoneInfo(str(common["zone"])).key
        if "cut_off" in common:
            found["cut_off"] = str(common["cut_off"])
            if common["cut_off"]:
                time.fromisoformat(str(common["cut_off"]))
        if "clock" in common:
            clock = datetime.fromisoformat(str(common["clock"]))
            if clock.tzinfo is None:
                raise BadScript("clock needs an offset, such as 2026-03-17T07:00:00+08:00")
            found["shift"] = clock.timestamp() - now
        if "typical" in common:
            typical = common["typical"]
            if not isinstance(typical, dict):
                raise BadScript("typical is an amount for each currency")
            found["typical"] = {str(name): Decimal(str(value)) for name, value in typical.items()}
            if not all(value.is_finite() and value > 0 for value in found["typical"].values()):
                raise BadScript("typical amounts are positive")
    except (ValueError, InvalidOperation, LookupError, OSError) as error:
        raise BadScript(str(error)) from error
    return found
