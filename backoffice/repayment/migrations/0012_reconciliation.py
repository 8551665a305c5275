"""Days of payees, what their files say of a line, tickets by component; commands by the day a rail moved them."""

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    """Columns and indexes."""

    dependencies = [
        ("repayment", "0011_files_of_rails"),
    ]

    operations = [
        migrations.RemoveConstraint(
            model_name="difference",
            name="a_difference_is_one_ticket",
        ),
        migrations.RemoveConstraint(
            model_name="reconciledday",
            name="a_rail_has_one_reconciled_day",
        ),
        migrations.AddField(
            model_name="difference",
            name="component",
            field=models.CharField(blank=True, max_length=14),
        ),
        migrations.AddField(
            model_name="difference",
            name="due_on",
            field=models.DateField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name="reconciledday",
            name="payee",
            field=models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="days",
                to="repayment.payee",
            ),
        ),
        migrations.AddField(
            model_name="settlementline",
            name="loan",
            field=models.CharField(blank=True, max_length=80),
        ),
        migrations.AddField(
            model_name="settlementline",
            name="period",
            field=models.PositiveIntegerField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name="settlementline",
            name="plan_version",
            field=models.PositiveIntegerField(blank=True, null=True),
        ),
        migrations.AlterField(
            model_name="reconciledday",
            name="rail",
            field=models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="days",
                to="repayment.rail",
            ),
        ),
        migrations.AddIndex(
            model_name="debitcommand",
            index=models.Index(
                condition=models.Q(("succeeded_at__isnull", False)),
                fields=["rail", "succeeded_at"],
                name="commands_a_rail_debited",
            ),
        ),
        migrations.AddIndex(
            model_name="debitcommand",
            index=models.Index(
                condition=models.Q(("returned_at__isnull", False)),
                fields=["rail", "returned_at"],
                name="commands_a_rail_returned",
            ),
        ),
        migrations.AddConstraint(
            model_name="difference",
            constraint=models.UniqueConstraint(
                fields=("reconciled_day", "order_no", "movement", "component", "kind"),
                name="a_difference_is_one_ticket",
            ),
        ),
        migrations.AddConstraint(
            model_name="reconciledday",
            constraint=models.UniqueConstraint(
                fields=("rail", "payee", "day"), name="one_reconciled_day_of_a_rail_or_payee", nulls_distinct=False
            ),
        ),
        migrations.AddConstraint(
            model_name="reconciledday",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("payee__isnull", True), ("rail__isnull", False)),
                    models.Q(("payee__isnull", False), ("rail__isnull", True)),
                    _connector="OR",
                ),
                name="reconciled_day_is_of_a_rail_or_a_payee",
            ),
        ),
    ]
