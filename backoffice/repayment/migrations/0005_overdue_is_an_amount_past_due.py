"""The index of overdue loans holds what is overdue, whatever the first bucket of the terms is called."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("customers", "0004_who_may_hold_many"),
        ("repayment", "0004_rows_behind_the_numbers"),
    ]

    operations = [
        migrations.RemoveIndex(
            model_name="loan",
            name="loan_overdue_amount",
        ),
        migrations.AddIndex(
            model_name="loan",
            index=models.Index(
                condition=models.Q(("overdue_amount__gt", 0)),
                fields=["currency", "overdue_amount", "id"],
                name="loan_overdue_amount",
            ),
        ),
    ]
