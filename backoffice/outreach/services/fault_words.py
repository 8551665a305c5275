"""Faults of plans, audiences and campaigns in words: one sentence a problem, said beside the field it is about."""

from collections.abc import Iterable, Mapping
from typing import Final

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from backoffice.outreach.domain.plan_content import PlanFault

FAULT_WORDS: Final[Mapping[str, Promise]] = {
    # reminder plans
    "none": _("there is no step"),
    "too_many": _("there are more than 20 steps"),
    "not_a_step": _("this is no step"),
    "not_a_day": _("days from the due date, from -30 to 60"),
    "twice": _("another step has this name"),
    "overlaps": _("another step of the same day is still running then"),
    "same_day": _("another step of the same day writes to the same borrowers; each gets one message a day"),
    "amid_a_debit": _("a debit is tried within the hour"),
    "below_least": _("must not be less than the least amount"),
    "not_a_currency": _("a currency code such as CNY, or nothing"),
    "not_a_language": _("English, Chinese, or nothing"),
    "not_stops": _("some of: paid, hold, debit, extension, promise"),
    "not_times": _("times of the day such as 06:00, 20:00"),
    # what they share
    "not_a_time": _("a time of the day such as 10:00"),
    "not_after_at": _("must be later than the time it begins"),
    "not_channels": _("one or more channels, each once"),
    "missing": _("this is needed"),
    "no_words": _("no active template with this code has words for one of the channels"),
    "first_without_words": _("the template has no words for the first channel"),
    "wrong_purpose": _("the template is for another purpose"),
    "not_an_amount": _("an amount, or 0"),
    "not_a_share": _("a share from 0 to 0.50"),
    # audiences
    "unknown_field": _("an audience has no such field"),
    "not_a_status": _("either running loans or settled ones"),
    "not_names": _("one or more of the values there are, each as it is written"),
    "not_a_range": _("whole numbers, or amounts, from 0 on"),
    "backwards": _("the range ends before it begins"),
    "without_currency": _("amounts need their currency, such as CNY"),
    "everybody": _("name at least one thing the borrowers have in common"),
    "running_and_settled": _("nobody has a running loan and has settled all their loans"),
    "no_loan_and_a_loan": _("nobody who never took a loan has one"),
    "due_and_past_due": _("a loan that is past due is asked for its arrears, not for its next bill"),
    "beyond_your_portfolios": _("name the portfolios you work on, and no others"),
    # campaigns
    "no_currency": _("a currency such as CNY"),
    "not_a_purpose": _("what it is sent for; notices and replies are no campaigns"),
    "not_a_date": _("a date"),
    "no_weekday": _("at least one day of the week"),
    "not_a_count": _("a whole number from 1 on, within reason"),
    "not_an_outcome": _("what it is judged by"),
    "before_first": _("the last day lies before the first"),
    "too_long": _("a campaign lasts a year at most"),
    "never": _("none of these days of the week lies between the first and the last day"),
    "over": _("the last day is over"),
    "not_values": _("names and values"),
    "not_a_value_of_a_campaign": _("a campaign cannot fill this in"),
    "not_its_type": _("this is not written as the variable needs it"),
    "not_filled": _("the template leaves this open, and nothing fills it"),
    "needs_a_loan": _("the template speaks of a bill, and the audience does not ask for a running loan"),
    "outside_hours": _("none of the channels may be used at this time on these days by the rules in force"),
    "other_currency": _("a gateway of these channels counts its costs in another currency"),
}


def in_words(faults: Iterable[PlanFault]) -> dict[str, str]:
    """The faults by the name of their field, "step.field" where there are steps; several of one field in one text."""
    words: dict[str, str] = {}
    for fault in faults:
        name = f"{fault.step}.{fault.field}" if fault.step and fault.field else fault.step or fault.field
        said = str(FAULT_WORDS[fault.problem])
        words[name] = f"{words[name]}; {said}" if name in words else said
    return words
