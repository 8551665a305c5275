"""What approving a verb of this app would do: tried again as of now, drawn as the panel drew it for who asked."""

from backoffice.audit.console.pictures import draw_with
from backoffice.audit.models import Approval
from backoffice.calendars.selectors import business_date
from backoffice.core.confirm import Consequence
from backoffice.outreach.services.reminder_publishing import PUBLISH
from backoffice.repayment.console import reminder_verbs
from backoffice.repayment.console.autopay import configuration_verbs
from backoffice.repayment.console.consequences import consequence_of
from backoffice.repayment.models import Loan, Operation
from backoffice.repayment.services import verbs
from backoffice.repayment.services.autopay.publishing import APPROVE


def register_pictures() -> None:
    """Connects the verbs of a loan, of reminder plans and of autopay versions; called once when Django starts."""
    for verb in verbs.VERBS:
        draw_with(verb=verb, draw=picture)
    draw_with(verb=PUBLISH, draw=reminder_verbs.picture)
    draw_with(verb=APPROVE, draw=configuration_verbs.picture)


def picture(approval: Approval) -> Consequence:
    """The consequence as of now. Raises what booking it would raise."""
    draft = verbs.draft_asked_for(verb=approval.verb, payload=approval.payload, reason=approval.reason)
    preview = verbs.try_draft(draft=draft, business_date=business_date())
    kind = Operation.Kind(draft.kind)
    return consequence_of(preview=preview, loan=Loan.objects.get(pk=draft.loan_id), caption=str(kind.label))
