"""Counts of a batch begin anew by number; more breakers; who may say alone that an unknown debit was never made."""

from django.db import migrations, models

LIKE = "repayment.resolve_difference"
VERB = "repayment.decide_debit"


def write_limits(apps, _schema_editor):
    """The limits of who resolves differences, as they are by now; what an administrator wrote already stays."""
    limit = apps.get_model("audit", "ApprovalLimit")
    limit.objects.bulk_create(
        (
            limit(verb=VERB, role=row.role, currency=row.currency, max_amount=row.max_amount, alone=row.alone)
            for row in limit.objects.filter(verb=LIKE).order_by("pk")
        ),
        ignore_conflicts=True,
    )


def remove_limits(apps, _schema_editor):
    """Takes the rows away again."""
    apps.get_model("audit", "ApprovalLimit").objects.filter(verb=VERB).delete()


class Migration(migrations.Migration):
    """Two columns with a default, and rows of limits."""

    dependencies = [
        ("repayment", "0019_debits_stop_until_ended"),
        ("audit", "0001_initial"),
    ]

    operations = [
        migrations.AddField(
            model_name="debitbatch",
            name="counting",
            field=models.PositiveSmallIntegerField(db_default=0),
        ),
        migrations.AddField(
            model_name="debitcommand",
            name="counting",
            field=models.PositiveSmallIntegerField(db_default=0),
        ),
        migrations.AlterField(
            model_name="breaker",
            name="kind",
            field=models.CharField(
                choices=[
                    ("total", "total against forecast"),
                    ("success", "success rate"),
                    ("family", "one kind of refusal"),
                    ("per_card", "debits of one card"),
                    ("settled", "settled or held bill"),
                    ("amount", "second calculation"),
                    ("request", "our calls refused"),
                    ("unmapped", "code nobody mapped"),
                    ("double", "debited twice"),
                    ("merchant", "our contract with the rail"),
                    ("contrary", "rail contradicts itself"),
                    ("unbooked", "answer or money not booked"),
                ],
                max_length=10,
            ),
        ),
        migrations.AddIndex(
            model_name="debitcommand",
            index=models.Index(
                condition=models.Q(("is_unplaced", True)), fields=["succeeded_at"], name="commands_not_in_the_books"
            ),
        ),
        migrations.AddIndex(
            model_name="loan",
            index=models.Index(
                condition=models.Q(("status", "closed"), ("suspense__gt", 0)),
                fields=["closed_on", "id"],
                name="loan_to_pay_back",
            ),
        ),
        migrations.RunPython(write_limits, remove_limits),
    ]
