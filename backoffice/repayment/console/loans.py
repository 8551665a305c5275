"""The list of loans and the page of one loan on any day, with what explains it."""

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from backoffice.calendars.selectors import business_date
from backoffice.core.access import may, requires
from backoffice.core.errors import Refusal
from backoffice.core.http import page_or_part, refused
from backoffice.core.tables import Choice, Column, Day, Flag, Table, Words
from backoffice.customers.selectors import portfolios
from backoffice.repayment.console import reading, states
from backoffice.repayment.console.verb_list import verbs_for
from backoffice.repayment.domain.json_form import EARLIEST, LATEST
from backoffice.repayment.models import ImportRun, Loan
from backoffice.repayment.selectors.autopay.debits import debits_of_loans
from backoffice.repayment.selectors.lateness import currencies_of_book, days_past_due_of
from backoffice.repayment.selectors.loan_pages import loan_as_of, schedule_versions, transfers_of
from backoffice.staff.access import within_of


def loan_address(loan: Loan) -> str:
    """Where a loan's page is."""
    return reverse("repayment:loan", args=[loan.pk])


def _portfolios(request: HttpRequest) -> list[tuple[str, str]]:
    """Those the person works on: the names of the others are nobody's business either."""
    within = within_of(request)
    return [(code, code) for code in portfolios() if within is None or code in within]


def _currencies() -> list[tuple[str, str]]:
    return [(code, code) for code in currencies_of_book()]


def _count_days(rows: Sequence[Loan]) -> None:
    """Gives every loan its days past due of today."""
    days = days_past_due_of(loans=rows, as_of=business_date())
    for each in rows:
        each.days_past_due = days[each.pk]  # type: ignore[attr-defined]  # for the cells of this page


def _overdue(rows: Any) -> Any:
    return rows.overdue()


LOANS = Table(
    name="loans",
    caption=gettext_lazy("Loans"),
    columns=(
        Column("external_id", gettext_lazy("Loan"), link=loan_address, sort="external_id"),
        Column("borrower", gettext_lazy("Borrower"), kind="id", value="borrower.external_id"),
        Column("portfolio", gettext_lazy("Portfolio"), css="muted"),
        Column("bucket", gettext_lazy("Bucket"), kind="state", family=states.BUCKET),
        Column(
            "oldest_unpaid_due_date", gettext_lazy("Oldest unpaid bill"), kind="date", sort="oldest_unpaid_due_date"
        ),
        Column(
            "days_past_due", gettext_lazy("Days past due"), kind="count", value=lambda loan: loan.days_past_due or None
        ),
        Column(
            "overdue_amount",
            gettext_lazy("Overdue"),
            kind="money",
            value=lambda loan: loan.overdue_amount or None,
            sort="overdue_amount",
            sort_within="currency",
        ),
        Column("outstanding_principal", gettext_lazy("Principal left"), kind="money"),
        Column("disbursed_on", gettext_lazy("Disbursed"), kind="date"),
        Column("status", gettext_lazy("Status"), kind="state", family=states.LOAN),
    ),
    filters=(
        Words("q", gettext_lazy("Loan number"), narrow=lambda rows, words: rows.filter(external_id__istartswith=words)),
        Choice("bucket", gettext_lazy("Bucket"), choices=[(code, code) for code in states.DEFAULT_BUCKETS]),
        Choice("status", gettext_lazy("Status"), choices=Loan.Status.choices),
        Choice("portfolio", gettext_lazy("Portfolio"), choices=()),
        Choice("currency", gettext_lazy("Currency"), choices=_currencies),
        Flag("overdue", gettext_lazy("Overdue"), narrow=_overdue),
        Day("disbursed_from", gettext_lazy("Disbursed from"), lookup="disbursed_on__gte"),
    ),
    order=("-id",),
    row_url=loan_address,
    prepare=_count_days,
    count_up_to=10_000,
    empty_title=gettext_lazy("No loan yet"),
    empty_text=gettext_lazy("Loans appear here when a book is brought in."),
)


@requires("repayment.loan.view")
def loans(request: HttpRequest) -> HttpResponse:
    """The loans of the person's portfolios; `import` names a tape they came in, `closing` a close that changes them."""
    rows = Loan.objects.visible_to(request.user).select_related("borrower")
    run, closing = _run_asked(request), _closing_asked(request)
    if run is not None:
        rows = rows.filter(imported__run=run)
    if closing is not None:
        rows = rows.filter(next_transition_date__lte=closing)
    try:
        table = LOANS.offering(name="portfolio", choices=_portfolios(request)).shown(rows=rows, query=request.GET)
    except Refusal as refusal:
        return refused(request, refusal=refusal, back_url=reverse("repayment:loans"))
    return render(request, "repayment/loans.html", {"table": table, "run": run, "closing": closing})


@requires("repayment.loan.view")
def loan(request: HttpRequest, loan_id: int) -> HttpResponse:
    """A loan as it stands, or as it stood on the day `as_of` names."""
    as_of = _day_asked(request)
    try:
        page = reading.loan_page(user=request.user, loan_id=loan_id, as_of=as_of)
    except Refusal as refusal:
        return refused(request, refusal=refusal, back_url=request.path if as_of else reverse("repayment:loans"))
    context = {
        "page": page,
        "loan": page.loan,
        "shown": page.shown,
        "verbs": verbs_for(user=request.user, page=page) if page.shown.is_today else None,
        "day_before": page.shown.as_of - timedelta(days=1),
        "day_after": page.shown.as_of + timedelta(days=1),
        "method": states.METHOD_LABELS.get(page.shown.state.terms.method, page.shown.state.terms.method),
        "unit": states.UNIT_LABELS[page.shown.state.terms.unit],
        "may_reverse": may(request, "repayment.payment.reverse"),
        "hold_url": f"{reverse('console:place_hold', args=[page.loan.borrower_id])}?loan={page.loan.pk}",
        "may_hold": may(request, "customers.hold.place"),
        "may_lift": may(request, "customers.hold.lift"),
        "may_review": may(request, "customers.hold.review"),
        "debits": debits_of_loans([page.loan.pk]) if page.shown.is_today else (),
        "overdue_tone": states.overdue_tone(page.shown.explanation.dpd),
    }
    return render(request, "repayment/loan.html", context)


@requires("repayment.loan.view")
def explain(request: HttpRequest, loan_id: int) -> HttpResponse:
    """Which bill, which payments, which holds and which rule made the days past due and the penalty of a day."""
    subject = reading.visible_loan(user=request.user, loan_id=loan_id)
    today = business_date()
    try:
        shown = loan_as_of(loan_id=loan_id, as_of=_day_asked(request) or today, business_date=today)
    except Refusal as refusal:
        return refused(request, refusal=refusal, back_url=reverse("repayment:loan", args=[loan_id]))
    context = {
        "loan": subject,
        "shown": shown,
        "why": shown.explanation,
        "terms": shown.state.terms,
        "settled_by": [
            (
                line,
                states.TRANSFER_LABELS.get(line.kind, line.kind),
                states.COMPONENT_LABELS.get(line.component or "", ""),
            )
            for line in shown.explanation.settled_by
        ],
    }
    return page_or_part(request, page="repayment/explain.html", part="repayment/_explain.html", context=context)


@requires("repayment.loan.view")
def versions(request: HttpRequest, loan_id: int) -> HttpResponse:
    """Every version of the schedule beside the one before it, what changed marked."""
    subject = reading.visible_loan(user=request.user, loan_id=loan_id)
    found = schedule_versions(loan_id=loan_id)
    shown = _two_chosen(request, count=len(found))
    context = {
        "loan": subject,
        "versions": [version for version, _rows in found],
        "chosen": shown,
        "sides": [
            _side(found, number, against=shown[1 - index])
            for index, number in enumerate(shown)
            if index == 0 or number != shown[0]
        ],
    }
    return render(request, "repayment/versions.html", context)


@requires("repayment.loan.view")
def ledger(request: HttpRequest, loan_id: int) -> HttpResponse:
    """Every transfer of the loan, corrections included, and everything that was done to it."""
    subject = reading.visible_loan(user=request.user, loan_id=loan_id)
    transfers = transfers_of(loan_id=loan_id)
    corrected = {transfer.reverses_id for transfer in transfers if transfer.reverses_id}
    rows = [
        {
            "transfer": transfer,
            "kind": states.TRANSFER_LABELS.get(transfer.kind, transfer.kind),
            "component": states.COMPONENT_LABELS.get(transfer.component, ""),
            "debit": states.ACCOUNT_LABELS.get(transfer.debit, transfer.debit),
            "credit": states.ACCOUNT_LABELS.get(transfer.credit, transfer.credit),
            "css": "gone" if transfer.pk in corrected or transfer.reverses_id else "",
        }
        for transfer in transfers
    ]
    return render(request, "repayment/ledger.html", {"loan": subject, "rows": rows})


def _run_asked(request: HttpRequest) -> ImportRun | None:
    asked = request.GET.get("import", "")
    if not asked:
        return None
    run = ImportRun.objects.visible_to(request.user).filter(pk=asked).first() if asked.isdecimal() else None
    if run is None:
        raise Http404
    return run


def _closing_asked(request: HttpRequest) -> date | None:
    try:
        return date.fromisoformat(request.GET["closing"]) if "closing" in request.GET else None
    except ValueError as error:
        raise Http404 from error


def _day_asked(request: HttpRequest) -> date | None:
    asked = request.GET.get("as_of", "").strip()
    if not asked:
        return None
    try:
        day = date.fromisoformat(asked)
    except ValueError:
        messages.warning(request, _("“%(day)s” is not a date; the page shows today.") % {"day": asked})
        return None
    if not EARLIEST <= day <= LATEST:
        messages.warning(request, _("“%(day)s” is out of reach; the page shows today.") % {"day": asked})
        return None
    return day


def _two_chosen(request: HttpRequest, *, count: int) -> tuple[int, int]:
    """The two versions to compare: what the address asks for, else the last two (or the only one twice)."""

    def number(name: str, otherwise: int) -> int:
        asked = request.GET.get(name, "")
        return int(asked) if asked.isdigit() and 1 <= int(asked) <= count else otherwise

    return number("left", max(1, count - 1)), number("right", count)


def _by_due_date(rows: list[Any]) -> dict[tuple[date, int], Any]:
    """Bills by due date; the second and third on one date keep their place on it."""
    found: dict[tuple[date, int], Any] = {}
    for row in rows:
        place = 0
        while (row.due_date, place) in found:
            place += 1
        found[row.due_date, place] = row
    return found


def _side(found: list[Any], number: int, *, against: int) -> dict[str, Any]:
    """One version as a column of the comparison: bills stand against those of the same due date, not of one number.

    A prepayment is a bill of its own and moves the numbers of all after it, which changes nothing about them.
    """
    version, rows = found[number - 1]
    _other, other_rows = found[against - 1]
    others = _by_due_date(other_rows)
    keys = {id(row): key for key, row in _by_due_date(rows).items()}
    return {
        "version": version,
        "cause": states.CAUSE_LABELS.get(version.cause, version.cause),
        "rows": [
            {
                "bill": row,
                "fees": row.fee + row.guarantee_fee,
                "is_new": keys[id(row)] not in others,
                "changed": {
                    name
                    for name in ("principal", "interest")
                    if keys[id(row)] in others and getattr(row, name) != getattr(others[keys[id(row)]], name)
                },
            }
            for row in rows
        ],
        "principal": sum(row.principal for row in rows),
        "interest": sum(row.interest for row in rows),
        "fees": sum(row.fee + row.guarantee_fee for row in rows),
    }
