"""The holds matrix: what each reason stops, until when, and whose it is; and which messages each effect lets through.

Source: collections 7. Figures marked [ours] are not in it: periods the field gives no number for.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from types import MappingProxyType
from typing import Final

from backoffice.customers.domain.holds import CLOCKS, Effect, HoldReason, HoldScope

SERVICE: Final = "agent"
SPECIALIST: Final = "senior_agent"
LEAD: Final = "team_lead"
COMPLIANCE: Final = "compliance"

REVIEWS_ANY_HOLD: Final = frozenset({LEAD, COMPLIANCE})
"""Roles that may review a hold whoever owns it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """What a reason brings. A scope with an effect is demanded; `offered` are effects a person may add.

    `owner` is the role that sees to it. A hold without an end is reviewed within `review_days` days of its start and of
    each review; `needs_end` says that only a dated hold makes sense. `two_to_lift`: a second person agrees to its end.
    """

    calls: Effect | None = None
    texts: Effect | None = None
    debit: Effect | None = None
    penalty: Effect | None = None
    aging: Effect | None = None
    offered: Mapping[HoldScope, Effect] = field(default_factory=dict)
    owner: str
    review_days: int
    needs_end: bool = False
    two_to_lift: bool = True
    wants_evidence: bool = False

    @property
    def demanded(self) -> dict[HoldScope, Effect]:
        """The effects that come with the reason, in the order of the scopes."""
        cells = {
            HoldScope.CALLS: self.calls,
            HoldScope.TEXTS: self.texts,
            HoldScope.DEBIT: self.debit,
            HoldScope.PENALTY: self.penalty,
            HoldScope.AGING: self.aging,
        }
        return {scope: effect for scope, effect in cells.items() if effect is not None}

    def effect_on(self, *, scope: HoldScope) -> Effect:
        """The effect within a scope; a scope the reason says nothing about is stopped when somebody adds it."""
        return self.demanded.get(scope) or self.offered.get(scope) or Effect.STOP


_STOP, _PAUSE = Effect.STOP, Effect.PAUSE
_CALLS, _TEXTS, _DEBIT, _PENALTY, _AGING = HoldScope

MATRIX: Final[Mapping[HoldReason, Policy]] = MappingProxyType(
    {
        # Until the verification is sent [30 days ours]. The whole penalty stands still, not the disputed part alone.
        HoldReason.DISPUTE: Policy(
            calls=_STOP,
            texts=Effect.FACTUAL_ONLY,
            debit=Effect.UNLESS_ASKED,
            penalty=_STOP,
            owner=SERVICE,
            review_days=30,
        ),
        # Until the answer is sent: the complaint clock is 15 days.
        HoldReason.COMPLAINT: Policy(calls=_PAUSE, texts=Effect.REPLY_ONLY, owner=COMPLIANCE, review_days=15),
        # Until the request is decided [3 days ours].
        HoldReason.EXTENSION: Policy(
            calls=_PAUSE,
            texts=Effect.STATUS_ONLY,
            debit=Effect.SKIP_DUE,
            penalty=_STOP,
            owner=SERVICE,
            review_days=3,
            two_to_lift=False,
        ),
        HoldReason.HARDSHIP: Policy(
            calls=_PAUSE,
            texts=Effect.STATUS_ONLY,
            debit=Effect.ASK_FIRST,
            penalty=_STOP,
            owner=SPECIALIST,
            review_days=30,
        ),
        # Until the review date [90 days ours]; whether penalty stops is policy.
        HoldReason.VULNERABLE: Policy(
            calls=Effect.SPECIALIST_ONLY,
            texts=Effect.AGREED_ONLY,
            debit=Effect.ASK_FIRST,
            offered={_PENALTY: _STOP},
            owner=SPECIALIST,
            review_days=90,
        ),
        # Until the statutory end, which is a date; looked at again after 60 days, the longest standard breathing space.
        HoldReason.MORATORIUM: Policy(
            calls=_STOP,
            texts=Effect.NOTICES_ONLY,
            debit=_STOP,
            penalty=_STOP,
            aging=_STOP,
            owner=COMPLIANCE,
            review_days=60,
            needs_end=True,
            wants_evidence=True,
        ),
        # Until the representative withdraws [90 days ours].
        HoldReason.REPRESENTED: Policy(
            calls=Effect.VIA_REPRESENTATIVE,
            texts=Effect.VIA_REPRESENTATIVE,
            debit=Effect.ASK_REPRESENTATIVE,
            owner=SERVICE,
            review_days=90,
            wants_evidence=True,
        ),
        # Until a written release [180 days ours].
        HoldReason.CEASE: Policy(
            calls=_STOP,
            texts=Effect.CLOSING_NOTICE_ONLY,
            debit=Effect.IF_MANDATED,
            owner=COMPLIANCE,
            review_days=180,
        ),
        # Until the court has decided [90 days ours].
        HoldReason.BANKRUPTCY: Policy(
            calls=_STOP,
            texts=_STOP,
            debit=_STOP,
            penalty=_STOP,
            aging=_STOP,
            owner=COMPLIANCE,
            review_days=90,
            wants_evidence=True,
        ),
        # Until the estate is proven; the estate is contacted after 30 days [ours], so the review falls there.
        HoldReason.DECEASED: Policy(
            calls=_STOP,
            texts=_STOP,
            debit=_STOP,
            penalty=_STOP,
            aging=_STOP,
            owner=COMPLIANCE,
            review_days=30,
            wants_evidence=True,
        ),
        # Until fraud has decided [30 days ours].
        HoldReason.IDENTITY_THEFT: Policy(
            calls=_STOP,
            texts=Effect.VERIFIED_ONLY,
            debit=_STOP,
            penalty=_STOP,
            aging=_STOP,
            owner=COMPLIANCE,
            review_days=30,
            wants_evidence=True,
        ),
        # Dated. Debits are an option, the bucket clock is policy.
        HoldReason.DISASTER: Policy(
            calls=_PAUSE,
            texts=Effect.HELP_ONLY,
            penalty=_STOP,
            offered={_DEBIT: _STOP, _AGING: _STOP},
            owner=LEAD,
            review_days=30,
            needs_end=True,
        ),
        # The rest is not in the matrix: nothing is demanded but of a court case, and a person chooses [all ours].
        HoldReason.ILLNESS: Policy(
            offered={_CALLS: _PAUSE, _TEXTS: Effect.STATUS_ONLY, _DEBIT: Effect.ASK_FIRST, _PENALTY: _STOP},
            owner=SERVICE,
            review_days=30,
        ),
        HoldReason.FRAUD: Policy(
            offered={_CALLS: _PAUSE, _TEXTS: Effect.VERIFIED_ONLY, _DEBIT: _STOP},
            owner=COMPLIANCE,
            review_days=30,
        ),
        HoldReason.LEGAL: Policy(
            calls=_STOP,
            texts=Effect.NOTICES_ONLY,
            owner=COMPLIANCE,
            review_days=90,
            wants_evidence=True,
        ),
        HoldReason.REQUEST: Policy(
            offered={_CALLS: _PAUSE, _TEXTS: Effect.AGREED_ONLY, _DEBIT: Effect.SKIP_DUE},
            owner=SERVICE,
            review_days=30,
            two_to_lift=False,
        ),
        HoldReason.SYSTEM_FAULT: Policy(
            offered={_CALLS: _PAUSE, _TEXTS: Effect.FACTUAL_ONLY, _DEBIT: _STOP, _PENALTY: _STOP, _AGING: _STOP},
            owner=LEAD,
            review_days=14,
        ),
        HoldReason.OTHER: Policy(owner=SERVICE, review_days=14),
    }
)

BULK_REASONS: Final = (HoldReason.DISASTER, HoldReason.SYSTEM_FAULT, HoldReason.OTHER)
"""What can befall many at once."""


def review_of(*, reason: HoldReason, start: date, end_exclusive: date | None, asked: date | None) -> date | None:
    """The day a new hold is looked at again: as asked for, else the last one allowed; None when it ends by then."""
    last = last_review(reason=reason, since=start)
    if asked is not None:
        return asked
    return None if end_exclusive is not None and end_exclusive <= last else last


def last_review(*, reason: HoldReason, since: date) -> date:
    """The latest day a review may be put off to, counted from the start or from the last review."""
    return since + timedelta(days=MATRIX[reason].review_days)


def takes_two_to_lift(*, reason: HoldReason, scopes: Iterable[HoldScope]) -> bool:
    """Whether a second person must agree to an early end: by the reason, or because a clock starts again."""
    return MATRIX[reason].two_to_lift or bool(CLOCKS & set(scopes))


@dataclass(frozen=True, slots=True)
class Passage:
    """What an effect lets through: message purposes, and the condition besides.

    `only`: "specialist" (a specialist speaks), "representative" (it goes to them), "agreed" (the way the borrower
    agreed to), "verified" (to the verified owner), "once" (one such message); empty is no condition.
    """

    purposes: frozenset[str]
    only: str = ""


SELLING: Final = frozenset({"repeat", "recall", "marketing"})
"""Never let through while any hold on calls or texts runs."""

_LAW = frozenset({"notice"})
_ANSWERS = _LAW | {"reply"}
_STATUS = _ANSWERS | {"service"}
_CARE = _STATUS | {"help"}
_BUSINESS = _CARE | {"collection", "reminder"}

LETS_THROUGH: Final[Mapping[Effect, Passage]] = MappingProxyType(
    {
        Effect.STOP: Passage(frozenset()),
        Effect.PAUSE: Passage(frozenset()),
        Effect.SPECIALIST_ONLY: Passage(_BUSINESS, only="specialist"),
        Effect.VIA_REPRESENTATIVE: Passage(_BUSINESS, only="representative"),
        Effect.FACTUAL_ONLY: Passage(_STATUS),
        Effect.REPLY_ONLY: Passage(_ANSWERS),
        Effect.STATUS_ONLY: Passage(_STATUS),
        Effect.AGREED_ONLY: Passage(_CARE, only="agreed"),
        Effect.NOTICES_ONLY: Passage(_LAW),
        Effect.CLOSING_NOTICE_ONLY: Passage(_LAW, only="once"),
        Effect.HELP_ONLY: Passage(_CARE),
        Effect.VERIFIED_ONLY: Passage(_STATUS, only="verified"),
    }
)
"""Message purposes by effect on calls or texts. What the law requires goes out under every effect but a full stop."""


def passage_of(*, effects: Iterable[str], is_any_contact_held: bool) -> Passage | None:
    """What remains possible on one channel under all its holds at once: the strictest wins.

    `effects` are those of the holds on the channel's scope; `is_any_contact_held` is True when calls or texts are held
    at all, by these or others. None when no hold restricts anything. Conditions add up, separated by a blank.
    """
    passages = [LETS_THROUGH[Effect(effect)] for effect in effects]
    if not passages:
        return Passage(_BUSINESS) if is_any_contact_held else None
    purposes = frozenset.intersection(*(passage.purposes for passage in passages))
    conditions = sorted({passage.only for passage in passages} - {""})
    return Passage(purposes, only=" ".join(conditions))


def let_through_pairs() -> list[tuple[str, str, str]]:
    """(effect, purpose, condition) of everything that passes, for a statement that judges a set of contacts."""
    return sorted(
        (effect.value, purpose, passage.only)
        for effect, passage in LETS_THROUGH.items()
        for purpose in passage.purposes
    )
