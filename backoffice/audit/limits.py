"""Setting who may do or decide how much, with a reason and a trace."""

from decimal import Decimal

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from backoffice.audit import services
from backoffice.audit.models import ApprovalLimit
from backoffice.core.actors import Actor

# The roles a limit may name. `staff` owns roles and stands beside this app, so their words are here once more.
ROLE_LABELS = {
    "agent": _("Agent"),
    "senior_agent": _("Senior agent"),
    "collector": _("Collector"),
    "team_lead": _("Team lead"),
    "compliance": _("Compliance officer"),
    "admin": _("Administrator"),
}


@transaction.atomic
def set_limit(
    *, verb: str, role: str, currency: str, max_amount: Decimal | None, alone: bool, actor: Actor, reason: str
) -> ApprovalLimit:
    """Say how much of `verb` a role may decide, and whether alone; None is without limit, currency "" is any."""
    row = ApprovalLimit.objects.select_for_update().filter(verb=verb, role=role, currency=currency).first()
    before = None if row is None else {"max_amount": row.max_amount, "alone": row.alone}
    row = row or ApprovalLimit(verb=verb, role=role, currency=currency)
    row.max_amount = max_amount
    row.alone = alone
    row.save()
    services.record(
        verb="audit.limit.set",
        subject_type="audit.limit",
        subject_id=row.pk,
        actor=actor,
        reason=reason,
        before=before,
        after={"verb": verb, "role": role, "currency": currency, "max_amount": max_amount, "alone": alone},
    )
    return row
