"""Pay links: made for one loan, signed, with an end, opened by whoever has the message, taken back at any time.

Of a token only the digest is kept, so nobody who reads the database can pay or look. A token nobody signed is refused
before anything is read; unknown, expired and revoked ones are refused alike.
"""

import hashlib
import secrets
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import ClassVar, Final

from django.conf import settings
from django.core.signing import BadSignature, Signer
from django.db import transaction
from django.db.models import F
from django.db.models.functions import Coalesce
from django.urls import reverse
from django.utils.translation import gettext as _

from backoffice.audit.services import record
from backoffice.core.actors import Actor
from backoffice.core.bulk import copy_rows
from backoffice.core.errors import Refusal
from backoffice.customers.fields import text_of
from backoffice.outreach.domain.planning import read_variables
from backoffice.outreach.models import Message
from backoffice.repayment.models import Loan, PayLink

BYTES: Final = 32
LASTS: Final = timedelta(days=7)
LONGEST_TOKEN: Final = 120
SUBJECT: Final = "repayment.loan"


class LinkNotOpen(Refusal):
    """There is no such link, or it is over: which of both is nobody's business."""

    code: ClassVar[str] = "repayment.pay_link_not_open"
    status: ClassVar[int] = 404


class LoanTakesNoLink(Refusal):
    """Only an active loan can be paid over a link."""

    code: ClassVar[str] = "repayment.loan_takes_no_pay_link"
    status: ClassVar[int] = 409


class NoLinkOpen(Refusal):
    """No link of the loan is open."""

    code: ClassVar[str] = "repayment.no_pay_link_open"
    status: ClassVar[int] = 409


@dataclass(frozen=True, slots=True)
class Made:
    """A link just made; `token` is told this once and never again."""

    link_id: int
    token: str
    expires_at: datetime

    @property
    def path(self) -> str:
        """The address of its page within the site."""
        return _path(self.token)

    @property
    def url(self) -> str:
        """The whole address, for a message; empty where the settings do not say how the site is reached."""
        return _url(self.token)


COLUMNS: Final = (
    "digest", "loan_id", "borrower_id", "expires_at", "opens", "is_revoked", "made_by", "made_at",
)  # fmt: skip


@dataclass(slots=True)
class LinksToBe:
    """Links minted before the messages that say them are written: they open nothing until they are kept."""

    tokens: dict[str, str] = field(default_factory=dict)
    loans: set[int] = field(default_factory=set)

    def url_for(self, loan_id: int) -> str:
        """A new address for a loan; empty where the settings do not say how the site is reached."""
        token = _new_token()
        url = _url(token)
        if url:
            self.tokens[url] = token
            self.loans.add(loan_id)
        return url

    def keep(self, *, at: datetime, actor: Actor, lasts: timedelta = LASTS) -> int:
        """Open the links that planned messages say, each for as long as it lasts after its message; gives how many."""
        rows = [
            (
                _digest(token),
                one.loan_id,
                one.borrower_id,
                one.send_before + lasts,
                0,
                False,
                actor.name,
                min(at, one.send_after),
            )
            for one in (Message.objects.filter(state="planned", loan_id__in=self.loans) if self.loans else ())
            if (token := self.tokens.get(read_variables(text_of(one, "variables")).get("pay_link", "")))
        ]
        if rows:
            copy_rows(table="repayment_paylink", columns=COLUMNS, rows=rows)
            record(
                verb="repayment.pay_link.made",
                subject_type="repayment.pay_links",
                subject_id=at.isoformat(),
                actor=actor,
                after={"links": len(rows)},
            )
        return len(rows)


@transaction.atomic
def make_link(*, loan_id: int, reason: str, at: datetime, actor: Actor, lasts: timedelta = LASTS) -> Made:
    """Make a link that is open from `at` on for as long as it lasts. Raises LoanTakesNoLink."""
    loan = Loan.objects.get(pk=loan_id)
    if loan.status != Loan.Status.ACTIVE:
        raise LoanTakesNoLink(
            _("Loan %(loan)s is not active: nothing can be paid over a link.") % {"loan": loan.external_id},
            next_step=_("Post the payment by hand."),
        )
    token = _new_token()
    link = PayLink.objects.create(
        digest=_digest(token),
        loan=loan,
        borrower_id=loan.borrower_id,
        expires_at=at + lasts,
        made_by=actor.name,
        made_at=at,
    )
    record(
        verb="repayment.pay_link.made",
        subject_type=SUBJECT,
        subject_id=loan.pk,
        actor=actor,
        reason=reason,
        after={"link": link.pk, "expires_at": link.expires_at},
        borrower_id=loan.borrower_id,
    )
    return Made(link.pk, token, link.expires_at)


@transaction.atomic
def revoke_links(*, loan_id: int, reason: str, at: datetime, actor: Actor) -> int:
    """Take back every link of a loan that is open; gives how many. Raises NoLinkOpen."""
    loan = Loan.objects.get(pk=loan_id)
    revoked = PayLink.objects.filter(loan=loan, is_revoked=False, expires_at__gt=at).update(is_revoked=True)
    if not revoked:
        raise NoLinkOpen(_("No pay link of this loan is open."), next_step=_("There is nothing to take back."))
    record(
        verb="repayment.pay_link.revoked",
        subject_type=SUBJECT,
        subject_id=loan.pk,
        actor=actor,
        reason=reason,
        after={"links": revoked},
        borrower_id=loan.borrower_id,
    )
    return revoked


def link_of(*, token: str, at: datetime, lock: bool = False) -> PayLink:
    """The open link of a token, its row locked when asked to. Raises LinkNotOpen."""
    try:
        if len(token) > LONGEST_TOKEN:
            raise BadSignature
        _signer().unsign(token)
    except BadSignature as error:
        raise _not_open() from error
    links = PayLink.objects.select_for_update(no_key=True) if lock else PayLink.objects.all()
    link = links.filter(digest=_digest(token), is_revoked=False, expires_at__gt=at).first()
    if link is None:
        raise _not_open()
    return link


def note_opened(*, link: PayLink, at: datetime) -> None:
    """Count that its page was opened."""
    PayLink.objects.filter(pk=link.pk).update(opens=F("opens") + 1, opened_at=Coalesce("opened_at", at))


def _not_open() -> LinkNotOpen:
    return LinkNotOpen(
        _("This link is not open."), next_step=_("Use the link in the latest message, or ask for another one.")
    )


def _new_token() -> str:
    return _signer().sign(secrets.token_urlsafe(BYTES))


def _path(token: str) -> str:
    return reverse("pay_page", args=[token])


def _url(token: str) -> str:
    return f"{settings.PAY_LINK_SITE.rstrip('/')}{_path(token)}" if settings.PAY_LINK_SITE else ""


def _signer() -> Signer:
    return Signer(salt="repayment.pay_link", sep=".")


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
