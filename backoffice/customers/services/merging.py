"""Two records of one person become one, and two again if that was a mistake.

Tables of other apps that belong to a borrower are declared as data (`declare`), so this app need not know them. A
merge moves their rows and keeps which ones it moved. Append-only tables are not declared: their rows tell what was
true then, and readers ask for `selectors.borrower_ids_of`.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, ClassVar

from django.db import IntegrityError, connection, transaction
from django.db.models.functions import Now
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from psycopg import errors, sql

from backoffice.audit import outbox
from backoffice.audit import services as audit
from backoffice.core.actors import Actor
from backoffice.core.errors import Refusal
from backoffice.customers.fields import text_of
from backoffice.customers.models import Borrower, ContactPoint, Hold, Merge
from backoffice.customers.services import indexing
from backoffice.customers.services.locking import BorrowerIsMerged, locked

MERGED_EVENT = "customers.borrower.merged"
UNMERGED_EVENT = "customers.borrower.unmerged"
FIRST_CHOICES = "first_choices"


class MergeRefused(Refusal):
    """These two records cannot become one."""

    code: ClassVar[str] = "customers.merge_refused"


class MergeConflicts(Refusal):
    """Both records have something only one may have, such as a hold for the same period."""

    code: ClassVar[str] = "customers.merge_conflicts"
    status: ClassVar[int] = 409


class MergeNotFound(Refusal):
    """There is no such merge."""

    code: ClassVar[str] = "customers.merge_not_found"
    status: ClassVar[int] = 404


class MergeCannotBeUndone(Refusal):
    """The merge was undone before, or a later merge stands on it."""

    code: ClassVar[str] = "customers.merge_cannot_be_undone"
    status: ClassVar[int] = 409


@dataclass(frozen=True, slots=True)
class OwnedTable:
    """A table whose rows belong to a borrower. `holds_loans` marks the one table whose ids are loan ids.

    `label` names its rows on the panel that confirms a merge; a table without one is counted in silence.
    """

    table: str
    column: str = "borrower_id"
    holds_loans: bool = False
    label: Any = ""


OWN_TABLES = (
    OwnedTable(Borrower._meta.db_table, "merged_into_id"),
    OwnedTable(ContactPoint._meta.db_table, label=gettext_lazy("contact points")),
    OwnedTable(Hold._meta.db_table, label=gettext_lazy("holds")),
)

_declared: dict[str, OwnedTable] = {}


@dataclass(frozen=True, slots=True)
class MergePreview:
    """What a merge would move: rows by table, and contact points the survivor has already and that stay behind."""

    rows: dict[str, int]
    known_contact_points: int


def declare(tables: Iterable[OwnedTable]) -> None:
    """Adds tables of an app above, in its `AppConfig.ready`; they are moved in the order declared, loans first."""
    _declared.update({f"{table.table}.{table.column}": table for table in tables})


def owned_tables() -> tuple[OwnedTable, ...]:
    """Every table a merge moves rows of, this app's own first."""
    return (*OWN_TABLES, *_declared.values())


def owner_of_loan(*, loan_id: int) -> int | None:
    """The borrower a loan belongs to; 0 when there is no such loan, None when no app has declared loans."""
    for table in _declared.values():
        if table.holds_loans:
            query = sql.SQL("SELECT {} FROM {} WHERE id = %s").format(
                sql.Identifier(table.column), sql.Identifier(table.table)
            )
            with connection.cursor() as cursor:
                cursor.execute(query, [loan_id])
                row = cursor.fetchone()
            return int(row[0]) if row else 0
    return None


def preview(*, survivor_id: int, absorbed_id: int) -> MergePreview:
    """What `merge` would do, without doing it; one query a table. Raises nothing a person cannot read on the screen."""
    rows: dict[str, int] = {}
    for table in owned_tables():
        query = sql.SQL("SELECT count(*) FROM {} WHERE {} = %s").format(
            sql.Identifier(table.table), sql.Identifier(table.column)
        )
        with connection.cursor() as cursor:
            cursor.execute(query, [absorbed_id])
            rows[table.table] = cursor.fetchone()[0]
    return MergePreview(rows=rows, known_contact_points=len(_known_points(survivor_id, absorbed_id)))


@transaction.atomic
def merge(*, survivor_id: int, absorbed_id: int, reason: str, actor: Actor) -> int:
    """Folds one record into the other and gives the id of the merge.

    Both are locked in the order of their ids. Contact points the survivor has already stay with the absorbed record.
    Raises MergeRefused, MergeConflicts, BorrowerNotFound, BorrowerIsMerged.
    """
    if survivor_id == absorbed_id:
        raise MergeRefused(_("A borrower cannot be merged into itself."), next_step=_("Choose two different records."))
    if not reason.strip():
        raise MergeRefused(
            _("Say why these records are one person."),
            next_step=_("The reason is kept with the merge."),
            fields={"reason": _("This is needed.")},
        )
    both = locked(borrower_ids={survivor_id, absorbed_id})
    survivor, absorbed = both[survivor_id], both[absorbed_id]
    _check_pair(survivor, absorbed)
    moved = _move_all(survivor, absorbed)
    absorbed.merged_into = survivor
    absorbed.save(update_fields=["merged_into"])
    record = Merge.objects.create(
        survivor=survivor,
        absorbed=absorbed,
        moved=moved,
        reason=reason.strip(),
        merged_by=actor.id,
        merged_by_name=actor.name,
    )
    indexing.reindex(borrowers=[survivor, absorbed])
    numbers = {table: len(ids) for table, ids in moved.items()}
    _note(record, verb="customers.borrower.merged", reason=reason, actor=actor, after={"moved": numbers})
    _tell(MERGED_EVENT, record)
    return int(record.pk)


@transaction.atomic
def undo_merge(*, merge_id: int, reason: str, actor: Actor, survivor_id: int | None = None) -> None:
    """Gives the absorbed record back what the merge took from it; what came to the survivor since stays there.

    With `survivor_id`, only a merge into that borrower. Raises MergeNotFound, MergeCannotBeUndone, MergeConflicts,
    MergeRefused.
    """
    if not reason.strip():
        raise MergeRefused(
            _("Say why the merge was a mistake."),
            next_step=_("The reason is kept with the merge."),
            fields={"reason": _("This is needed.")},
        )
    seen = Merge.objects.filter(pk=merge_id).first()
    if seen is None or survivor_id not in {None, seen.survivor_id}:
        raise MergeNotFound(_("There is no such merge."), next_step=_("Reload the borrower's page."))
    both = locked(borrower_ids={seen.survivor_id, seen.absorbed_id})
    record = Merge.objects.select_for_update(of=("self",)).get(pk=merge_id)
    survivor, absorbed = both[record.survivor_id], both[record.absorbed_id]
    if record.undone_at is not None or absorbed.merged_into_id != survivor.pk:
        raise MergeCannotBeUndone(
            _("This merge was undone already, or the borrower was merged on since."),
            next_step=_("Undo the latest merge first."),
        )
    absorbed.merged_into = None
    absorbed.save(update_fields=["merged_into"])
    _move_back(record)
    record.undone_by = actor.id
    record.undone_by_name = actor.name
    record.undone_at = Now()
    record.undo_reason = reason.strip()
    record.save(update_fields=["undone_by", "undone_by_name", "undone_at", "undo_reason"])
    indexing.reindex(borrowers=[survivor, absorbed])
    _note(record, verb="customers.borrower.unmerged", reason=reason, actor=actor, after={})
    _tell(UNMERGED_EVENT, record)


def _check_pair(survivor: Borrower, absorbed: Borrower) -> None:
    if survivor.merged_into_id is not None or absorbed.merged_into_id is not None:
        raise BorrowerIsMerged(
            _("One of these records was merged already."), next_step=_("Choose the borrower it was merged into.")
        )
    if survivor.portfolio != absorbed.portfolio:
        raise MergeRefused(
            _("These borrowers belong to different portfolios; whoever sees one may not see the other."),
            next_step=_("Leave them apart."),
        )


def _known_points(survivor_id: int, absorbed_id: int) -> list[int]:
    """Ids of the absorbed record's contact points that the survivor has too."""
    points = ContactPoint.objects.filter(borrower_id__in=[survivor_id, absorbed_id]).order_by("pk")
    texts = {point.pk: (point.kind, text_of(point, "value")) for point in points}
    known = {texts[point.pk] for point in points if point.borrower_id == survivor_id}
    return [point.pk for point in points if point.borrower_id == absorbed_id and texts[point.pk] in known]


def _move_all(survivor: Borrower, absorbed: Borrower) -> dict[str, list[int]]:
    """Moves the rows of every table and gives which; a first choice gives way where the survivor has one."""
    stay = _known_points(survivor.pk, absorbed.pk)
    chosen = survivor.contact_points.filter(is_primary=True).values_list("kind", flat=True)
    giving_way = absorbed.contact_points.filter(is_primary=True, kind__in=list(chosen)).exclude(pk__in=stay)
    first_choices = list(giving_way.order_by("pk").values_list("pk", flat=True))
    ContactPoint.objects.filter(pk__in=first_choices).update(is_primary=False)
    moved: dict[str, list[int]] = {FIRST_CHOICES: first_choices}
    try:
        with transaction.atomic():
            for table in owned_tables():
                kept_back = stay if table.table == ContactPoint._meta.db_table else []
                moved[f"{table.table}.{table.column}"] = _move(
                    table,
                    to=survivor.pk,
                    condition=sql.SQL("{} = %s AND id <> ALL(%s)"),
                    values=[absorbed.pk, kept_back],
                )
    except IntegrityError as error:
        raise _conflict(error) from error
    return moved


def _move_back(record: Merge) -> None:
    tables = {f"{table.table}.{table.column}": table for table in owned_tables()}
    try:
        with transaction.atomic():
            for name, ids in record.moved.items():
                if name in tables:
                    _move(
                        tables[name],
                        to=record.absorbed_id,
                        condition=sql.SQL("{} = %s AND id = ANY(%s)"),
                        values=[record.survivor_id, ids],
                    )
            ContactPoint.objects.filter(
                pk__in=record.moved.get(FIRST_CHOICES, []), borrower_id=record.absorbed_id, ended_at__isnull=True
            ).update(is_primary=True)
    except IntegrityError as error:
        raise _conflict(error) from error


def _move(table: OwnedTable, *, to: int, condition: sql.SQL, values: list[Any]) -> list[int]:
    """Changes the owner of rows, locked in the order of their ids; gives the ids in that order."""
    column = sql.Identifier(table.column)
    query = sql.SQL(
        "UPDATE {table} SET {column} = %s WHERE id IN"
        " (SELECT id FROM {table} WHERE {condition} ORDER BY id FOR UPDATE) RETURNING id"
    ).format(table=sql.Identifier(table.table), column=column, condition=condition.format(column))
    with connection.cursor() as cursor:
        cursor.execute(query, [to, *values])
        return sorted(row[0] for row in cursor.fetchall())


def _conflict(error: IntegrityError) -> Refusal:
    """The refusal for two holds at one time; any other broken rule is a defect and stays an error."""
    if isinstance(error.__cause__, errors.ExclusionViolation | errors.UniqueViolation):
        return MergeConflicts(
            _("Both records have a hold on the same thing in the same period, or something else only one may have."),
            next_step=_("Lift one of the two holds, then try again."),
        )
    raise error


def _note(record: Merge, *, verb: str, reason: str, actor: Actor, after: dict[str, Any]) -> None:
    """One entry under each of the two borrowers, so that either one's history tells of it."""
    ends = {"survivor": record.survivor_id, "absorbed": record.absorbed_id}
    audit.record_many(
        audit.Entry(
            verb=verb,
            subject_type="customers.merge",
            subject_id=record.pk,
            actor=actor,
            reason=reason.strip(),
            after=ends | after,
            borrower_id=borrower_id,
        )
        for borrower_id in ends.values()
    )


def _tell(event: str, record: Merge) -> None:
    outbox.publish(
        event=event,
        key=f"borrower:{record.survivor_id}",
        payload={"survivor_id": record.survivor_id, "absorbed_id": record.absorbed_id},
    )
