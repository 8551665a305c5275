"""The left navigation: one table, from which each person sees what their roles may open and what exists."""

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

from django.conf import settings
from django.urls import NoReverseMatch, reverse
from django.utils.translation import gettext_lazy as _

from backoffice.core.access import StaffUser

if TYPE_CHECKING:
    from django.utils.functional import _StrPromise


@dataclass(frozen=True, slots=True)
class Entry:
    """A page of the navigation: where it is, who may open it, and the letter that goes there after G.

    `setting`: the page is there only while that setting says something.
    """

    label: "_StrPromise"
    url_name: str
    permission: str
    icon: str
    key: str = ""
    counted_as: str = ""
    setting: str = ""

    @property
    def address(self) -> str:
        """Where the page is; empty when there is none."""
        return "" if self.setting and not getattr(settings, self.setting) else address_of(self.url_name)


@dataclass(frozen=True, slots=True)
class Group:
    """Entries under one heading."""

    label: "_StrPromise"
    entries: tuple[Entry, ...]


NAVIGATION: tuple[Group, ...] = (
    Group(
        _("Work"),
        (
            Entry(_("Today"), "console:home", "console.home.view", "home", "h"),
            Entry(_("Borrowers"), "console:search", "customers.borrower.search", "person", "b"),
            Entry(_("Holds"), "console:holds", "customers.hold.view", "pause", "o", "holds"),
            Entry(_("Approvals"), "audit:approvals", "audit.approval.view", "approve", "a", "approvals"),
        ),
    ),
    Group(
        _("Repayment"),
        (
            Entry(_("Loans"), "repayment:loans", "repayment.loan.view", "loan", "l"),
            Entry(_("Payments"), "repayment:payments", "repayment.payment.view", "payment", "p"),
            Entry(_("Payment files"), "repayment:payment_files", "repayment.payment.view", "file", "f"),
            Entry(_("Reconciliation"), "repayment:reconciliation", "repayment.reconciliation.view", "approve", "k"),
            Entry(_("Products"), "repayment:products", "repayment.product.view", "product", "r"),
        ),
    ),
    Group(
        _("Autopay"),
        (
            Entry(_("Autopay today"), "repayment:autopay", "repayment.autopay.view", "clock", "z"),
            Entry(_("Debits"), "repayment:debits", "repayment.debit.view", "payment", "j"),
            Entry(
                _("Unknown debits"), "repayment:unknown_debits", "repayment.autopay.view", "eye", "", "unknown_debits"
            ),
            Entry(_("Stopped loans"), "repayment:debit_stops", "repayment.autopay.view", "lock", "", "debit_stops"),
            Entry(_("Breakers"), "repayment:breakers", "repayment.autopay.view", "alert", "", "breakers"),
            Entry(
                _("Configurations"), "repayment:autopay_configurations", "repayment.autopay_configuration.view", "rules"
            ),
            Entry(_("Mandates"), "repayment:mandates", "repayment.mandate.view", "key"),
            Entry(_("Rails"), "repayment:rails", "repayment.rail.view", "swap"),
            Entry(_("Payees"), "repayment:payees", "repayment.payee.view", "people"),
            Entry(_("Claims on guarantors"), "repayment:claims", "repayment.claim.view", "approve"),
            Entry(
                _("Sandbox bank"),
                "repayment:sandbox_bank",
                "repayment.sandbox_bank.play",
                "ledger",
                setting="SANDBOX_URL",
            ),
        ),
    ),
    Group(
        _("Outreach"),
        (
            Entry(_("Reminders"), "repayment:reminder_plans", "outreach.plan.view", "clock", "n"),
            Entry(_("Campaigns"), "repayment:campaigns", "outreach.campaign.view", "people", "s"),
            Entry(_("Contacts"), "outreach:contacts", "outreach.contact_log.view", "phone", "c"),
            Entry(_("Messages"), "outreach:messages", "outreach.message.view", "inbox", "m"),
            Entry(_("Replies"), "outreach:replies", "outreach.reply.view", "inbox", "v", "replies"),
            Entry(_("Templates"), "outreach:templates", "outreach.template.view", "list", "e"),
            Entry(_("Experiments"), "outreach:experiments", "outreach.experiment.view", "chart", "x"),
            Entry(_("Gateways"), "outreach:gateways", "outreach.gateway.view", "export", "w"),
            Entry(_("Contact rules"), "outreach:packs", "outreach.pack.view", "rules"),
            Entry(_("Contact replay"), "outreach:replays", "outreach.replay.view", "history", "y"),
        ),
    ),
    Group(
        _("Book"),
        (
            Entry(_("Day end"), "dayend:runs", "dayend.run.view", "moon", "d", "set_aside"),
            Entry(_("Import"), "repayment:imports", "repayment.import.view", "import", "i"),
            Entry(_("Calendars"), "calendars:calendars", "calendars.day.view", "calendar"),
        ),
    ),
    Group(
        _("Control"),
        (
            Entry(_("Audit trail"), "audit:trail", "audit.trail.view", "history", "t"),
            Entry(_("Limits"), "audit:approval_limits", "audit.approval_limit.view", "rules"),
            Entry(_("Users"), "staff:users", "staff.user.view", "people", "u"),
            Entry(_("Reference data"), "admin:index", "console.admin.open", "list"),
        ),
    ),
)


@dataclass(frozen=True, slots=True)
class Link:
    """An entry as one person sees it on one page."""

    label: "_StrPromise"
    url: str
    icon: str
    key: str
    current: bool
    count: int | None


@dataclass(frozen=True, slots=True)
class LinkGroup:
    """The links of a group that has any."""

    label: "_StrPromise"
    entries: tuple[Link, ...]


def navigation_for(*, user: StaffUser, path: str, counts: dict[str, int]) -> list[LinkGroup]:
    """What this person may open, the entry of this page marked; a group without entries is left out."""
    groups = []
    best = _closest(path=path)
    for group in NAVIGATION:
        links = tuple(
            Link(
                label=entry.label,
                url=url,
                icon=entry.icon,
                key=entry.key,
                current=entry.url_name == best,
                count=counts.get(entry.counted_as),
            )
            for entry in group.entries
            if (url := entry.address) and user.has_permission(entry.permission)
        )
        if links:
            groups.append(LinkGroup(label=group.label, entries=links))
    return groups


@cache
def address_of(url_name: str) -> str:
    """The address of a page by name; empty when no such page exists (yet)."""
    try:
        return reverse(url_name)
    except NoReverseMatch:
        return ""


def _closest(*, path: str) -> str:
    """The entry whose address this page lies under; the longest wins, home only counts as itself."""
    best, length = "", 0
    for group in NAVIGATION:
        for entry in group.entries:
            url = address_of(entry.url_name)
            if not url or (url == "/" and path != "/"):
                continue
            if path.startswith(url) and len(url) > length:
                best, length = entry.url_name, len(url)
    return best
