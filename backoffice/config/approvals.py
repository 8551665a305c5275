"""What a second person's approval carries out: verb, the service that does it, and its name for people."""

from django.utils.translation import gettext_lazy as _

from backoffice.audit import approvals
from backoffice.customers.domain.bulk_holds import LIFT_BULK, PLACE_BULK
from backoffice.customers.domain.holds import LIFT
from backoffice.customers.services import bulk_holding, lifting
from backoffice.outreach.services import (
    campaigns,
    experiments,
    pack_effects,
    pack_publishing,
    reminder_publishing,
    templates,
)
from backoffice.repayment.console.approval_pictures import register_pictures
from backoffice.repayment.selectors.bulk_holds import consequence_of_lifting_bulk, consequence_of_placing_bulk
from backoffice.repayment.services import holds, product_costs, products, reminder_asking, verbs
from backoffice.repayment.services.autopay import claim_rules, differences, payees, resolving
from backoffice.repayment.services.autopay import publishing as autopay_publishing

LABELS = {
    "repayment.waive": _("Waive penalty or interest"),
    "repayment.refund": _("Refund what was overpaid"),
    "repayment.charge_off": _("Charge a loan off"),
    "repayment.write_off": _("Write off a small balance"),
    "repayment.buy_back": _("Change the creditor"),
    "repayment.reverse": _("Take an operation back"),
}

TEMPLATE_LABELS = {
    templates.APPROVAL_VERB: _("Approve the words of a template"),
    templates.LEGAL_APPROVAL_VERB: _("Approve words that need a legal review"),
}


def register_all() -> None:
    """Connect every verb with its deed; called once when Django starts."""
    for verb, label in LABELS.items():
        approvals.register(verb, verbs.carry_out, label=label, weigh=verbs.weigh_now)
    register_pictures()
    for verb, label in TEMPLATE_LABELS.items():
        approvals.register(verb, templates.approve_as_asked, label=label, consequence=templates.consequence_of)
    approvals.register(LIFT, holds.lift_as_approved, label=_("Lift a hold"), consequence=lifting.consequence_of_lifting)
    approvals.register(
        PLACE_BULK,
        bulk_holding.place_bulk_as_approved,
        label=_("Place a hold on many borrowers"),
        consequence=consequence_of_placing_bulk,
    )
    approvals.register(
        LIFT_BULK,
        bulk_holding.lift_bulk_as_approved,
        label=_("Lift a hold on many borrowers"),
        consequence=consequence_of_lifting_bulk,
    )
    approvals.register(
        products.APPROVAL_VERB,
        products.approve_as_asked,
        label=_("Approve a version of a product"),
        consequence=product_costs.consequence_of,
    )
    approvals.register(
        reminder_publishing.PUBLISH,
        reminder_publishing.publish_as_approved,
        label=_("Publish a version of a reminder plan"),
        consequence=reminder_asking.consequence_of,
    )
    approvals.register(
        campaigns.APPROVE,
        campaigns.approve_as_asked,
        label=_("Approve a campaign"),
        consequence=campaigns.consequence_of,
    )
    approvals.register(
        experiments.START,
        experiments.start_as_approved,
        label=_("Start an experiment"),
        consequence=experiments.consequence_of,
    )
    approvals.register(
        differences.APPROVAL_VERB,
        differences.resolve_as_approved,
        label=_("Resolve a difference with a settlement file"),
        weigh=differences.weigh_now,
    )
    approvals.register(
        resolving.APPROVAL_VERB,
        resolving.decide_as_approved,
        label=_("Say that an unknown debit was never made"),
    )
    approvals.register(
        claim_rules.APPROVE,
        claim_rules.approve_as_asked,
        label=_("Approve a rule of claims on a guarantor"),
        consequence=claim_rules.consequence_of,
    )
    approvals.register(
        payees.CHANGE,
        payees.change_as_asked,
        label=_("Change a payee that is paid"),
        consequence=payees.consequence_of,
    )
    approvals.register(
        pack_publishing.APPROVAL_VERB,
        pack_publishing.approve_as_asked,
        label=_("Publish a version of a rule pack"),
        consequence=pack_effects.consequence_of,
    )
    approvals.register(
        autopay_publishing.APPROVE,
        autopay_publishing.approve_as_asked,
        label=_("Approve a version of an autopay configuration"),
        consequence=autopay_publishing.consequence_of,
        authors=autopay_publishing.authors_of_request,
    )
