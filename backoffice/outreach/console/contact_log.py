"""The contact log: of one borrower with facts and proof, and of all borrowers for those who watch."""

from typing import Any, Final

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext_lazy

from backoffice.calendars import clock
from backoffice.core import tones
from backoffice.core.access import may, requires
from backoffice.core.errors import Refusal
from backoffice.core.http import SeeOther, refused
from backoffice.core.tables import Choice, Column, Day, Flag, Table, Words
from backoffice.core.telling import doer
from backoffice.customers.selectors import borrower_page_facts
from backoffice.outreach.domain.compiling import PacksInForce
from backoffice.outreach.domain.dispositions import CODES
from backoffice.outreach.models.contacts import CHANNEL_CHOICES, PURPOSE_CHOICES, ContactEntry
from backoffice.outreach.selectors import contact_log as log
from backoffice.outreach.selectors.disposition_words import FAMILY, label_of
from backoffice.outreach.selectors.packs import pack_day, packs_in_force
from backoffice.outreach.selectors.replay import days_between
from backoffice.outreach.selectors.rule_words import rule_said
from backoffice.staff.access import person_of

ANYWHERE: Final[list[Choice | Flag | Day | Words]] = [
    Choice("channel", gettext_lazy("Channel"), choices=CHANNEL_CHOICES),
    Choice("purpose", gettext_lazy("Purpose"), choices=PURPOSE_CHOICES),
    Day(
        "from", gettext_lazy("From"), narrow=lambda rows, day: rows.filter(at__gte=days_between(first=day, last=day)[0])
    ),
    Day("to", gettext_lazy("To"), narrow=lambda rows, day: rows.filter(at__lt=days_between(first=day, last=day)[1])),
    Words("borrower", gettext_lazy("Borrower"), narrow=lambda rows, words: rows.filter(borrower__external_id=words)),
    Words("by", gettext_lazy("By"), narrow=lambda rows, words: rows.filter(actor_name__iexact=words)),
]

tones.declare(
    "outreach.direction",
    {
        ContactEntry.Direction.OUT: (gettext_lazy("by us"), "neutral"),
        ContactEntry.Direction.IN: (gettext_lazy("by the borrower"), "info"),
    },
)


def _codes() -> list[tuple[str, str]]:
    """Every disposition, in the reader's language."""
    return [(code, f"{code} · {label_of(code)}") for code in CODES]


def _page_of(row: Any) -> str:
    return f"{reverse('outreach:contact_log', args=[row.borrower_id])}#entry-{row.pk}"


MADE = Table(
    name="contacts",
    caption=gettext_lazy("Contacts"),
    columns=(
        Column("at", gettext_lazy("Time"), kind="moment"),
        Column("borrower", gettext_lazy("Borrower"), kind="id", value="borrower.external_id", link=_page_of),
        Column("channel", gettext_lazy("Channel"), value=lambda row: row.get_channel_display(), css="nowrap"),
        Column("purpose", gettext_lazy("Purpose"), value=lambda row: row.get_purpose_display(), css="nowrap"),
        Column("direction", gettext_lazy("Begun"), kind="state", family="outreach.direction"),
        Column("code", gettext_lazy("Result"), kind="state", family=FAMILY, value=log.counts_as),
        Column("actor_name", gettext_lazy("By"), value=lambda row: doer(row.actor_name)),
    ),
    filters=(
        *ANYWHERE,
        Choice(
            "code",
            gettext_lazy("Result"),
            choices=_codes,
            narrow=lambda rows, code: log.with_code(rows=rows, code=code),
        ),
    ),
    row_url=_page_of,
    empty_title=gettext_lazy("No contact yet"),
    empty_text=gettext_lazy("Messages and calls appear here as soon as they are made."),
)


def _blocked(*, packs: PacksInForce, is_of_one: bool = False) -> Table:
    """Attempts that were denied, by the rules as the packs in force word them; of one borrower or of all."""

    def denied_by(row: Any) -> str:
        return " ".join(rule_said(rule_id=rule, packs=packs).says for rule in row.rules)

    borrower = Column(
        "borrower",
        gettext_lazy("Borrower"),
        kind="id",
        value="borrower.external_id",
        link=lambda row: f"{reverse('outreach:contact_log', args=[row.borrower_id])}#blocked",
    )
    columns = (
        Column("at", gettext_lazy("Time"), kind="moment"),
        borrower,
        Column("channel", gettext_lazy("Channel"), value=lambda row: row.get_channel_display(), css="nowrap"),
        Column("purpose", gettext_lazy("Purpose"), value=lambda row: row.get_purpose_display(), css="nowrap"),
        Column("rules", gettext_lazy("Denied by"), value=denied_by),
        Column("next_permitted_at", gettext_lazy("Permitted from"), kind="moment"),
        Column("actor_name", gettext_lazy("By"), value=lambda row: doer(row.actor_name)),
    )
    rule = Words("rule", gettext_lazy("Rule"), narrow=lambda rows, words: rows.filter(rules__contains=[words]))
    return Table(
        name="blocked-attempts",
        caption=gettext_lazy("Blocked attempts"),
        columns=tuple(column for column in columns if not is_of_one or column is not borrower),
        filters=() if is_of_one else (*ANYWHERE, rule),
        order=("-at",) if is_of_one else ("-id",),
        page_size=10 if is_of_one else 50,
        prefix="b-" if is_of_one else "",
        empty_title=gettext_lazy("Nothing was blocked"),
        empty_text=gettext_lazy("What the gate does not let through is kept here with the rule and the person."),
    )


OF_ONE = Table(name="attempts", columns=(), order=("-at",), page_size=25)


@requires("outreach.contact_log.view")
def contacts(request: HttpRequest) -> HttpResponse:
    """Contacts with the borrowers the person may see, the latest first; what was blocked on its own tab."""
    is_blocked = request.GET.get("blocked") == "1"
    user = person_of(request)
    try:
        table = (
            _blocked(packs=packs_in_force(on=pack_day(clock.now()))).shown(
                rows=log.blocked(user=user), query=request.GET
            )
            if is_blocked
            else MADE.shown(rows=log.attempts(user=user), query=request.GET)
        )
    except Refusal as refusal:
        return refused(request, refusal=refusal, back_url=reverse("outreach:contacts"))
    context = {
        "table": table,
        "tabs": [
            {"label": gettext_lazy("Contacts"), "url": "?", "current": not is_blocked, "count": None},
            {"label": gettext_lazy("Blocked"), "url": "?blocked=1", "current": is_blocked, "count": None},
        ],
    }
    return render(request, "outreach/contacts.html", context)


@requires("outreach.contact.view")
def contact_log(request: HttpRequest, borrower_id: int) -> HttpResponse:
    """One person's contacts with all their facts, what was blocked, and whether the log is as it was written."""
    address = reverse("outreach:contact_log", args=[borrower_id])
    try:
        facts = borrower_page_facts(borrower_id=borrower_id, user=person_of(request))
        attempts = OF_ONE.shown(rows=log.attempts_of(borrower_id=borrower_id), query=request.GET)
        packs = packs_in_force(on=pack_day(clock.now()))
        blocked = _blocked(packs=packs, is_of_one=True).shown(
            rows=log.blocked_of(borrower_id=borrower_id), query=request.GET
        )
    except Refusal as refusal:
        return refused(request, refusal=refusal, back_url=address)
    if facts.merged_into_id is not None:
        return SeeOther(reverse("outreach:contact_log", args=[facts.merged_into_id]))
    context = {
        "facts": facts,
        "attempts": log.shown([line.row for line in attempts.lines]),
        "page": attempts.page,
        "blocked": blocked,
        "proof": log.chain_proof(borrower_id=borrower_id),
        "may_log": may(request, "outreach.contact.log"),
    }
    return render(request, "outreach/contact_log.html", context)
