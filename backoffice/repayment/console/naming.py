"""What loans, payment files and reminder plans are called in the trail and in requests, by the numbers people know."""

from collections.abc import Collection

from django.urls import reverse
from django.utils.translation import gettext as _

from backoffice.core.trail import Named, Names, name_subjects
from backoffice.outreach.models import Audience, Campaign, ReminderPlanVersion
from backoffice.outreach.services.reminder_plans import SUBJECT as PLAN_VERSION
from backoffice.repayment.models import AutopayVersion, Loan, Operation, Payee, PaymentFile
from backoffice.repayment.services.autopay.drafting import SUBJECT as AUTOPAY_VERSION
from backoffice.repayment.services.autopay.payees import SUBJECT as PAYEE

MOST_FOUND = 50


def register_names() -> None:
    """Connects the kinds of subjects of this app; called once when Django starts."""
    name_subjects(kind="repayment.loan", names=Names(read=_loans, find=_loan_ids))
    name_subjects(kind="repayment.operation", names=Names(read=_operations, find=_nothing))
    name_subjects(kind="repayment.payment_file", names=Names(read=_files, find=_nothing))
    name_subjects(kind=PLAN_VERSION, names=Names(read=_plan_versions, find=_nothing))
    name_subjects(kind=AUTOPAY_VERSION, names=Names(read=_autopay_versions, find=_nothing))
    name_subjects(kind=PAYEE, names=Names(read=_payees, find=_nothing))
    name_subjects(kind="outreach.campaign", names=Names(read=_campaigns, find=_nothing))
    name_subjects(kind="outreach.audience", names=Names(read=_audiences, find=_nothing))


def _loans(ids: Collection[str]) -> dict[str, Named]:
    rows = Loan.objects.filter(pk__in=_numbers(ids)).values_list("pk", "external_id")
    return {
        str(pk): Named(_("loan %(number)s") % {"number": number}, reverse("repayment:loan", args=[pk]))
        for pk, number in rows
    }


def _loan_ids(number: str) -> list[str]:
    """The ids of the loans with a number; it may stand in several portfolios."""
    return [str(pk) for pk in Loan.objects.filter(external_id__iexact=number).values_list("pk", flat=True)[:MOST_FOUND]]


def _operations(ids: Collection[str]) -> dict[str, Named]:
    rows = Operation.objects.filter(pk__in=_numbers(ids)).select_related("loan")
    return {
        str(row.pk): Named(
            _("%(kind)s, loan %(number)s") % {"kind": row.get_kind_display(), "number": row.loan.external_id},
            reverse("repayment:loan", args=[row.loan_id]),
        )
        for row in rows
    }


def _files(ids: Collection[str]) -> dict[str, Named]:
    rows = PaymentFile.objects.filter(pk__in=_numbers(ids)).values_list("pk", "name")
    return {
        str(pk): Named(_("payment file %(name)s") % {"name": name}, reverse("repayment:payment_file", args=[pk]))
        for pk, name in rows
    }


def _plan_versions(ids: Collection[str]) -> dict[str, Named]:
    rows = ReminderPlanVersion.objects.filter(pk__in=_numbers(ids)).select_related("plan")
    return {
        str(row.pk): Named(
            _("%(plan)s, version %(number)s") % {"plan": row.plan.title, "number": row.number},
            reverse("repayment:reminder_version", args=[row.pk]),
        )
        for row in rows
    }


def _autopay_versions(ids: Collection[str]) -> dict[str, Named]:
    rows = AutopayVersion.objects.filter(pk__in=_numbers(ids)).select_related("configuration")
    return {
        str(row.pk): Named(
            _("%(name)s, version %(number)s") % {"name": row.configuration.name, "number": row.number},
            reverse("repayment:autopay_version", args=[row.pk]),
        )
        for row in rows
    }


def _payees(ids: Collection[str]) -> dict[str, Named]:
    rows = Payee.objects.filter(pk__in=_numbers(ids)).values_list("pk", "name")
    return {
        str(pk): Named(_("payee %(name)s") % {"name": name}, f"{reverse('repayment:payees')}#payees")
        for pk, name in rows
    }


def _campaigns(ids: Collection[str]) -> dict[str, Named]:
    rows = Campaign.objects.filter(pk__in=_numbers(ids))
    return {
        str(row.pk): Named(_("campaign %(name)s") % {"name": row.title}, reverse("repayment:campaign", args=[row.pk]))
        for row in rows
    }


def _audiences(ids: Collection[str]) -> dict[str, Named]:
    rows = Audience.objects.filter(pk__in=_numbers(ids))
    return {
        str(row.pk): Named(_("audience %(name)s") % {"name": row.title}, reverse("repayment:audience", args=[row.pk]))
        for row in rows
    }


def _nothing(number: str) -> list[str]:
    return []


def _numbers(ids: Collection[str]) -> list[int]:
    return [int(each) for each in ids if each.isascii() and each.isdigit() and len(each) <= 18]
