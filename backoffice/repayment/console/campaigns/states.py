"""How campaigns read on a screen: tones of their states, words for what kept a borrower out, labels of outcomes."""

from typing import Final

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from backoffice.core import tones
from backoffice.outreach.domain.campaign_states import CampaignState
from backoffice.outreach.domain.campaigns import Outcome
from backoffice.outreach.models.campaigns import CAMPAIGN_STATE_LABELS

CAMPAIGN: Final = "outreach.campaign"
S = CampaignState

tones.declare(
    CAMPAIGN,
    {
        S.DRAFT: (CAMPAIGN_STATE_LABELS[S.DRAFT], "info"),
        S.SUBMITTED: (CAMPAIGN_STATE_LABELS[S.SUBMITTED], "warn"),
        S.APPROVED: (CAMPAIGN_STATE_LABELS[S.APPROVED], "info"),
        S.RUNNING: (CAMPAIGN_STATE_LABELS[S.RUNNING], "good"),
        S.PAUSED: (CAMPAIGN_STATE_LABELS[S.PAUSED], "warn"),
        S.ENDED: (CAMPAIGN_STATE_LABELS[S.ENDED], "neutral"),
    },
)

COUNT_LABELS: Final[dict[str, Promise]] = {
    "held_out": _("left alone to compare with"),
    "outranked": _("a more pressing message goes to the borrower that day"),
    "without_words": _("no words in the borrower's language"),
    "unfilled": _("a variable of its words has no usable value"),
    "too_soon": _("had one of its messages too short a time ago"),
    "had_all": _("had all the messages one person gets"),
    "beyond": _("no room left under the cap or the budget"),
}
FULL_LABELS: Final[dict[str, Promise]] = {
    "cap": _("the cap is reached"),
    "budget": _("the budget is reached"),
}
GIVEN_LABELS: Final[dict[str, Promise]] = {
    "offer_amount": _("Amount offered"),
    "offer_until": _("Offer ends on"),
    "coupon": _("Coupon"),
    "borrowers": _("Number of borrowers"),
    "link": _("Link"),
}
OUTCOME_LABELS: Final[dict[Outcome, Promise]] = {
    Outcome.PAYS: _("pays something"),
    Outcome.TAKES_A_LOAN: _("takes a loan"),
}
