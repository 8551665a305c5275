"""Which verbs the page of a loan offers to a person: what their role holds and what the loan can take."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from backoffice.repayment.console.reading import LoanPage
from backoffice.repayment.domain.operations import WAIVABLE

if TYPE_CHECKING:
    from django.utils.functional import _StrPromise


@dataclass(frozen=True, slots=True)
class Offered:
    """A verb as a link to its confirm panel."""

    label: "_StrPromise"
    url: str
    key: str
    icon: str


@dataclass(frozen=True, slots=True)
class VerbList:
    """The main verb, those beside it, and those in the menu."""

    main: Offered | None
    beside: tuple[Offered, ...]
    more: tuple[Offered, ...]


@dataclass(frozen=True, slots=True)
class _Verb:
    label: "_StrPromise"
    name: str
    permission: str
    key: str
    icon: str
    statuses: frozenset[str]
    needs: str = ""


_OPEN = frozenset({"active", "charged_off"})
_ACTIVE = frozenset({"active"})
_ANY = frozenset({"active", "charged_off", "closed"})

_MAIN = _Verb(_("Post payment"), "post_payment", "repayment.payment.post", "p", "payment", _OPEN)
_BESIDE = (_Verb(_("Payoff quote"), "pay_off", "repayment.loan.payoff", "q", "done", _OPEN),)
_MORE = (
    _Verb(_("Pay link"), "make_pay_link", "repayment.pay_link.make", "k", "key", _ACTIVE),
    _Verb(_("Take back pay links"), "revoke_pay_links", "repayment.pay_link.make", "z", "close", _ACTIVE),
    _Verb(_("Waive"), "waive", "repayment.loan.waive", "w", "swap", _OPEN, needs="waivable"),
    _Verb(_("Refund"), "refund", "repayment.loan.refund", "r", "undo", _ANY, needs="suspense"),
    _Verb(_("Change creditor"), "change_creditor", "repayment.loan.buy_back", "c", "swap", _OPEN),
    _Verb(_("Write off small balance"), "write_off", "repayment.loan.write_off", "s", "close", _OPEN),
    _Verb(_("Charge off"), "charge_off", "repayment.loan.charge_off", "x", "alert", _ACTIVE),
)


def verbs_for(*, user: Any, page: LoanPage) -> VerbList:
    """The verbs this person may start on this loan now."""
    return VerbList(
        main=next(iter(_offered((_MAIN,), user=user, page=page)), None),
        beside=_offered(_BESIDE, user=user, page=page),
        more=_offered(_MORE, user=user, page=page),
    )


def _offered(verbs: tuple[_Verb, ...], *, user: Any, page: LoanPage) -> tuple[Offered, ...]:
    return tuple(
        Offered(
            label=verb.label, url=reverse(f"repayment:{verb.name}", args=[page.loan.pk]), key=verb.key, icon=verb.icon
        )
        for verb in verbs
        if page.shown.state.status in verb.statuses
        and user.has_permission(verb.permission)
        and _has(verb.needs, page=page)
    )


def _has(needs: str, *, page: LoanPage) -> bool:
    """Whether the loan has what the verb is about: money held, or something due that may be waived."""
    if needs == "suspense":
        return page.shown.state.suspense > 0
    if needs == "waivable":
        return any(page.shown.due[component] > 0 for component in WAIVABLE)
    return True
