"""What the scopes, reasons and effects of holds are called on a screen."""

from typing import TYPE_CHECKING, Final

from django.utils.translation import gettext_lazy as _

from backoffice.customers.domain.holds import Effect, HoldReason, HoldScope

if TYPE_CHECKING:
    from django.utils.functional import _StrPromise

SCOPE_LABELS: Final[dict[HoldScope, "_StrPromise"]] = {
    HoldScope.CALLS: _("calls"),
    HoldScope.TEXTS: _("texts"),
    HoldScope.DEBIT: _("debits"),
    HoldScope.PENALTY: _("penalty"),
    HoldScope.AGING: _("aging"),
}
REASON_LABELS: Final[dict[HoldReason, "_StrPromise"]] = {
    HoldReason.DISPUTE: _("dispute"),
    HoldReason.COMPLAINT: _("complaint"),
    HoldReason.EXTENSION: _("extension in review"),
    HoldReason.HARDSHIP: _("hardship"),
    HoldReason.VULNERABLE: _("vulnerable"),
    HoldReason.MORATORIUM: _("moratorium"),
    HoldReason.REPRESENTED: _("represented"),
    HoldReason.CEASE: _("cease contact"),
    HoldReason.BANKRUPTCY: _("bankruptcy"),
    HoldReason.DECEASED: _("deceased"),
    HoldReason.IDENTITY_THEFT: _("identity theft"),
    HoldReason.DISASTER: _("disaster"),
    HoldReason.ILLNESS: _("illness"),
    HoldReason.FRAUD: _("fraud"),
    HoldReason.LEGAL: _("legal proceedings"),
    HoldReason.REQUEST: _("borrower's request"),
    HoldReason.SYSTEM_FAULT: _("fault on our side"),
    HoldReason.OTHER: _("other"),
}
ENDED_BY: Final[dict[HoldReason, "_StrPromise"]] = {
    HoldReason.DISPUTE: _("the verification is sent"),
    HoldReason.COMPLAINT: _("the answer is sent"),
    HoldReason.EXTENSION: _("the request is decided"),
    HoldReason.HARDSHIP: _("the hardship is reviewed"),
    HoldReason.VULNERABLE: _("the review says so"),
    HoldReason.MORATORIUM: _("the statutory end"),
    HoldReason.REPRESENTED: _("the representative withdraws"),
    HoldReason.CEASE: _("the borrower releases it in writing"),
    HoldReason.BANKRUPTCY: _("the court has decided"),
    HoldReason.DECEASED: _("the estate is proven; it may be contacted after 30 days"),
    HoldReason.IDENTITY_THEFT: _("the fraud decision"),
    HoldReason.DISASTER: _("its date"),
    HoldReason.ILLNESS: _("the borrower is well again"),
    HoldReason.FRAUD: _("the fraud decision"),
    HoldReason.LEGAL: _("the proceedings are over"),
    HoldReason.REQUEST: _("the borrower says so"),
    HoldReason.SYSTEM_FAULT: _("the fault is put right"),
    HoldReason.OTHER: _("the review says so"),
}
"""What a hold of the reason waits for."""

STOPS: Final[dict[HoldScope, "_StrPromise"]] = {
    HoldScope.CALLS: _("calls stop"),
    HoldScope.TEXTS: _("texts stop"),
    HoldScope.DEBIT: _("debits stop"),
    HoldScope.PENALTY: _("penalty stops"),
    HoldScope.AGING: _("aging stops"),
}
EFFECT_LABELS: Final[dict[Effect, "_StrPromise"]] = {
    Effect.STOP: _("stop"),
    Effect.PAUSE: _("pause"),
    Effect.SPECIALIST_ONLY: _("specialists only"),
    Effect.VIA_REPRESENTATIVE: _("through the representative only"),
    Effect.FACTUAL_ONLY: _("facts only"),
    Effect.REPLY_ONLY: _("replies only"),
    Effect.STATUS_ONLY: _("status only"),
    Effect.AGREED_ONLY: _("as agreed only"),
    Effect.NOTICES_ONLY: _("required notices only"),
    Effect.CLOSING_NOTICE_ONLY: _("one closing notice only"),
    Effect.HELP_ONLY: _("help only"),
    Effect.VERIFIED_ONLY: _("verified owner only"),
    Effect.SKIP_DUE: _("the due one is skipped"),
    Effect.ASK_FIRST: _("ask first"),
    Effect.ASK_REPRESENTATIVE: _("ask the representative"),
    Effect.UNLESS_ASKED: _("go on unless asked"),
    Effect.IF_MANDATED: _("go on if mandated"),
}


def effect_text(*, scope: str, effect: str) -> str:
    """An effect in words: "calls stop", "calls pause", "texts: facts only"."""
    label = SCOPE_LABELS[HoldScope(scope)]
    if effect == Effect.STOP:
        return str(STOPS[HoldScope(scope)])
    if effect == Effect.PAUSE:
        return str(_("%(scope)s pause") % {"scope": label})
    return str(_("%(scope)s: %(effect)s") % {"scope": label, "effect": EFFECT_LABELS[Effect(effect)]})
