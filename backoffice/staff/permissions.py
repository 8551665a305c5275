"""Every permission of the product and the roles that hold it: the one catalogue.

A code reads app.thing.verb. An app adds its codes to its own block below; a view or endpoint names exactly one
code, and a test walks every URL with every role against this table.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from django.utils.translation import gettext_lazy as _

if TYPE_CHECKING:
    from django.utils.functional import _StrPromise

AGENT: Final = "agent"
SENIOR_AGENT: Final = "senior_agent"
COLLECTOR: Final = "collector"
TEAM_LEAD: Final = "team_lead"
COMPLIANCE: Final = "compliance"
ANALYST: Final = "analyst"
ADMIN: Final = "admin"
AUDITOR: Final = "auditor"

ROLES: Final["dict[str, _StrPromise]"] = {
    AGENT: _("Agent"),
    SENIOR_AGENT: _("Senior agent"),
    COLLECTOR: _("Collector"),
    TEAM_LEAD: _("Team lead"),
    COMPLIANCE: _("Compliance officer"),
    ANALYST: _("Analyst"),
    ADMIN: _("Administrator"),
    AUDITOR: _("Auditor"),
}

SEES_ALL_PORTFOLIOS: Final = frozenset({COMPLIANCE, ANALYST, ADMIN, AUDITOR})
"""Roles whose work spans the book: their rows are not restricted to their team's portfolios."""

NEEDS_SECOND_FACTOR: Final = frozenset({COMPLIANCE, ADMIN})
"""Roles that open no page before a one-time code is given."""

REFERENCE_DATA: Final = frozenset({"django_celery_beat"})
"""Labels of the apps whose rows administrators edit in Django's admin site: data without a page of its own."""

_EVERYONE = frozenset(ROLES)
_SERVICE = frozenset({AGENT, SENIOR_AGENT, TEAM_LEAD})
_FLOOR = frozenset({AGENT, SENIOR_AGENT, COLLECTOR, TEAM_LEAD})
_SENIORS = frozenset({SENIOR_AGENT, TEAM_LEAD})
_DECIDERS = frozenset({SENIOR_AGENT, TEAM_LEAD, COMPLIANCE, ADMIN})
_READERS = frozenset({COMPLIANCE, ANALYST, ADMIN, AUDITOR})
_OWNERS = frozenset({ADMIN, TEAM_LEAD})


@dataclass(frozen=True, slots=True)
class Permission:
    """What one code allows, in words, and the roles that hold it."""

    label: "_StrPromise"
    roles: frozenset[str]


PERMISSIONS: Final[dict[str, Permission]] = {
    # console
    "console.home.view": Permission(_("Open the console"), _EVERYONE),
    "console.gallery.view": Permission(_("See every component of the console drawn"), frozenset({ADMIN})),
    # the API itself
    "core.api.view": Permission(_("Read the description of the API"), _EVERYONE),
    # staff
    "staff.account.use": Permission(_("Change one's own password, second factor, language and tokens"), _EVERYONE),
    "staff.user.view": Permission(_("See the list of users"), frozenset({ADMIN, AUDITOR, COMPLIANCE, TEAM_LEAD})),
    "staff.user.manage": Permission(_("Create, change, disable and unlock users"), frozenset({ADMIN})),
    "staff.team.manage": Permission(_("Create and change teams"), frozenset({ADMIN})),
    "staff.token.issue": Permission(_("Issue and revoke tokens for the API"), _EVERYONE - {AUDITOR}),
    # audit
    "audit.trail.view": Permission(_("Read the audit trail"), frozenset({COMPLIANCE, ADMIN, AUDITOR})),
    "audit.approval.view": Permission(_("See requests for approval"), _EVERYONE - {ANALYST}),
    "audit.approval.submit": Permission(_("Ask for an approval and withdraw it"), _EVERYONE - {ANALYST, AUDITOR}),
    "audit.approval.decide": Permission(_("Approve or decline what another person asked for"), _DECIDERS),
    "audit.approval_limit.view": Permission(_("See who may approve how much"), _DECIDERS | {AUDITOR}),
    "audit.approval_limit.edit": Permission(_("Change who may approve how much"), frozenset({ADMIN})),
    # calendars
    "calendars.day.view": Permission(_("See the business date and the calendars"), _EVERYONE),
    "calendars.calendar.edit": Permission(_("Change the days banks work"), frozenset({ADMIN})),
    # customers
    "customers.borrower.search": Permission(_("Search for a borrower"), _EVERYONE),
    "customers.borrower.view": Permission(_("Open a borrower's page"), _EVERYONE),
    "customers.borrower.reveal": Permission(_("Reveal personal data, with a reason"), _FLOOR | {COMPLIANCE}),
    "customers.borrower.edit": Permission(_("Correct a borrower's personal data"), _SERVICE),
    "customers.borrower.merge": Permission(_("Merge duplicate borrowers, and undo it"), _SENIORS),
    "customers.hold.view": Permission(_("See holds"), _EVERYONE),
    "customers.hold.place": Permission(_("Place a hold"), _FLOOR | {COMPLIANCE}),
    "customers.hold.lift": Permission(_("Ask to lift a hold"), _FLOOR | {COMPLIANCE}),
    "customers.hold.review": Permission(_("Review a hold and put its next review off"), _FLOOR | {COMPLIANCE}),
    "customers.hold.place_many": Permission(
        _("Ask for a hold on many borrowers, and for its end"), frozenset({TEAM_LEAD, COMPLIANCE, ADMIN})
    ),
    # outreach
    "outreach.pack.view": Permission(_("See the packs of contact rules"), _EVERYONE),
    "outreach.pack.edit": Permission(_("Draft and check a pack of contact rules"), frozenset({ADMIN, COMPLIANCE})),
    "outreach.pack.publish": Permission(
        _("Publish and roll back a pack of contact rules"), frozenset({ADMIN, COMPLIANCE})
    ),
    # repayment
    "repayment.quote.compute": Permission(_("Compute a schedule without storing it"), _EVERYONE),
    "repayment.product.view": Permission(_("See products and their terms"), _EVERYONE),
    "repayment.product.edit": Permission(_("Draft a version of a product"), frozenset({ADMIN})),
    "repayment.product.approve": Permission(_("Approve a version of a product"), frozenset({ADMIN, COMPLIANCE})),
    "repayment.loan.view": Permission(_("Open a loan's page"), _EVERYONE),
    "repayment.payment.view": Permission(_("See payments and payment files"), _EVERYONE),
    "repayment.payment.post": Permission(_("Post a payment"), _SERVICE),
    "repayment.payment.post_file": Permission(_("Post a file of payments"), frozenset({TEAM_LEAD, ADMIN})),
    "repayment.payment.reverse": Permission(_("Reverse a payment or another operation"), _SENIORS),
    "repayment.loan.waive": Permission(_("Waive penalty or interest"), _SERVICE | {COLLECTOR}),
    "repayment.loan.refund": Permission(_("Refund what was overpaid"), _SENIORS),
    "repayment.loan.payoff": Permission(_("Quote and settle an early payoff"), _SERVICE | {COLLECTOR}),
    "repayment.pay_link.make": Permission(_("Make and take back pay links"), _SERVICE | {COLLECTOR}),
    "repayment.loan.charge_off": Permission(_("Charge a loan off, and book what is recovered"), _SENIORS | {ADMIN}),
    "repayment.loan.write_off": Permission(_("Write off a small balance"), _SENIORS | {ADMIN}),
    "repayment.loan.buy_back": Permission(_("Change the creditor of a loan"), frozenset({TEAM_LEAD, ADMIN})),
    "repayment.reconciliation.view": Permission(
        _("See how settlement files agree with the books"), _READERS | _SENIORS
    ),
    "repayment.reconciliation.work": Permission(
        _("Take, hand over and resolve differences with settlement files"), _SENIORS | {ADMIN}
    ),
    "repayment.reconciliation.send": Permission(_("Send a settlement file and compare a day"), _OWNERS),
    "repayment.reconciliation.close": Permission(_("Close a day of reconciliation"), _OWNERS),
    "repayment.split.view": Permission(_("See what payees got, and export it"), _READERS | {TEAM_LEAD}),
    "repayment.claim.view": Permission(_("See claims on guarantors, their rules and rates"), _READERS | _SENIORS),
    "repayment.claim.confirm": Permission(_("Confirm and decline claims for the funder"), _SENIORS | {ADMIN}),
    "repayment.claim.transfer": Permission(_("Transfer claims, and give back what was overpaid"), _OWNERS),
    "repayment.claim_rule.edit": Permission(_("Draft, submit and retire rules of claims"), _OWNERS),
    "repayment.import.view": Permission(_("See what was brought in"), _READERS | {TEAM_LEAD}),
    "repayment.import.run": Permission(_("Bring a book in"), frozenset({ADMIN})),
    # repayment: autopay's mandates, rails and payees
    "repayment.mandate.view": Permission(_("See mandates and their debits"), _EVERYONE),
    "repayment.mandate.sign": Permission(_("Ask for a mandate, confirm it, bind another account"), _SERVICE),
    "repayment.mandate.manage": Permission(
        _("Suspend, resume, revoke mandates; change their limits and order"), _SERVICE | {COMPLIANCE}
    ),
    "repayment.rail.view": Permission(_("See how the rails do"), _READERS | {TEAM_LEAD}),
    "repayment.rail.pause": Permission(_("Pause and resume a rail"), frozenset({TEAM_LEAD, COMPLIANCE, ADMIN})),
    "repayment.rail.manage": Permission(_("Set up rails and limits of banks"), frozenset({ADMIN})),
    "repayment.payee.view": Permission(_("See payees"), _READERS | {TEAM_LEAD}),
    "repayment.payee.manage": Permission(_("Create, change and retire payees"), frozenset({ADMIN})),
    "repayment.sandbox_bank.play": Permission(_("Play the bank in a demo"), frozenset({ADMIN})),
    # repayment: autopay configurations
    "repayment.autopay_configuration.view": Permission(
        _("See autopay configurations, their versions and what they would change"), _READERS | {TEAM_LEAD}
    ),
    "repayment.autopay_configuration.edit": Permission(
        _("Draft, check and submit versions of autopay configurations"), _OWNERS
    ),
    "repayment.autopay_configuration.simulate": Permission(
        _("Simulate versions of autopay configurations"), frozenset({TEAM_LEAD, COMPLIANCE, ADMIN})
    ),
    "repayment.autopay_configuration.roll_back": Permission(
        _("Roll a version of an autopay configuration back"), frozenset({TEAM_LEAD, COMPLIANCE, ADMIN})
    ),
    # repayment: debits
    "repayment.debit.view": Permission(_("See debits and their journeys"), _EVERYONE),
    "repayment.debit.decide": Permission(
        _("Decide what became of an unknown debit"), frozenset({TEAM_LEAD, COMPLIANCE, ADMIN})
    ),
    "repayment.autopay.view": Permission(
        _("See the slots of autopay, its success rates, unknown debits and breakers"), _READERS | {TEAM_LEAD}
    ),
    "repayment.autopay.run": Permission(_("Begin a slot; pause, resume and cancel its batch"), _OWNERS),
    "repayment.autopay.stop": Permission(_("Stop all debits at once"), frozenset({TEAM_LEAD, COMPLIANCE, ADMIN})),
    "repayment.autopay.start": Permission(_("Let debits go on after all were stopped"), frozenset({COMPLIANCE, ADMIN})),
    "repayment.debit_stop.end": Permission(
        _("Let the debits of a loan go on that an answer stopped"), frozenset({TEAM_LEAD, COMPLIANCE, ADMIN})
    ),
    "repayment.breaker.close": Permission(_("Close a breaker, with a reason"), _OWNERS),
    # outreach: contacts
    "outreach.contact.view": Permission(_("See whether a borrower may be reached, and their contact log"), _EVERYONE),
    "outreach.contact_log.view": Permission(_("See the contacts with all borrowers"), _READERS | {TEAM_LEAD}),
    "outreach.contact.log": Permission(_("Log a contact, record and correct its result"), _FLOOR | {COMPLIANCE}),
    "outreach.consent.edit": Permission(_("Write down opt-outs, consents and preferred times"), _FLOOR | {COMPLIANCE}),
    "outreach.replay.view": Permission(_("See past contacts judged again"), frozenset({COMPLIANCE, ADMIN, AUDITOR})),
    "outreach.replay.run": Permission(_("Judge past contacts again"), frozenset({COMPLIANCE, ADMIN})),
    # outreach: experiments
    "outreach.experiment.view": Permission(_("See experiments and what they found"), _READERS | {TEAM_LEAD}),
    "outreach.experiment.edit": Permission(
        _("Declare experiments, ask for their start, stop and decide them"), _OWNERS
    ),
    "outreach.experiment.record": Permission(_("Take units into experiments and record outcomes"), _OWNERS),
    # reminders
    "outreach.plan.view": Permission(_("See reminder plans and what they did"), _EVERYONE),
    "outreach.plan.edit": Permission(
        _("Draft, submit, retire and put back reminder plans"), frozenset({TEAM_LEAD, ADMIN})
    ),
    # campaigns
    "outreach.campaign.view": Permission(_("See campaigns, their audiences and what they did"), _EVERYONE),
    "outreach.campaign.edit": Permission(_("Draft, submit, pause and end campaigns; save audiences"), _OWNERS),
    # dayend
    "dayend.run.view": Permission(_("See how a business day was closed"), _READERS | {TEAM_LEAD}),
    "dayend.run.start": Permission(_("Close a business day"), frozenset({ADMIN})),
    "dayend.run.retry": Permission(_("Retry a loan that was set aside"), frozenset({ADMIN, TEAM_LEAD})),
    # outreach: messages
    "outreach.message.view": Permission(_("See messages and their journeys"), _EVERYONE),
    "outreach.message.stop": Permission(_("Stop a planned message"), _DECIDERS),
    "outreach.message.decide": Permission(
        _("Decide what became of an unknown message"), frozenset({TEAM_LEAD, COMPLIANCE, ADMIN})
    ),
    "outreach.reply.view": Permission(_("See what borrowers replied"), _EVERYONE),
    "outreach.reply.deal": Permission(_("Say that a reply is dealt with"), _FLOOR | {COMPLIANCE}),
    "outreach.template.view": Permission(_("See templates and pieces"), _EVERYONE),
    "outreach.template.edit": Permission(_("Write templates and pieces"), frozenset({TEAM_LEAD, ADMIN})),
    "outreach.gateway.view": Permission(_("See how the gateways do"), _READERS | {TEAM_LEAD}),
    "outreach.gateway.pause": Permission(_("Pause and resume a gateway"), frozenset({TEAM_LEAD, COMPLIANCE, ADMIN})),
    "outreach.gateway.manage": Permission(_("Set gateways up"), frozenset({ADMIN})),
    "outreach.letter.fetch": Permission(_("Fetch print files"), frozenset({ADMIN})),
    "outreach.inbox.serve": Permission(_("Fetch a borrower's inbox for the app"), frozenset({ADMIN})),
    # reference data
    "console.admin.open": Permission(_("Edit reference data in the admin site"), frozenset({ADMIN})),
}


class UnknownPermission(LookupError):
    """A view names a code the catalogue does not know: a defect of the program, never an answer to a person."""


def roles_holding(*, code: str) -> frozenset[str]:
    """Roles that hold the permission. Raises UnknownPermission for a code that is not in the catalogue."""
    permission = PERMISSIONS.get(code)
    if permission is None:
        raise UnknownPermission(code)
    return permission.roles


def codes_of(*, roles: frozenset[str]) -> frozenset[str]:
    """Every permission the roles hold together."""
    return frozenset(code for code, permission in PERMISSIONS.items() if permission.roles & roles)
