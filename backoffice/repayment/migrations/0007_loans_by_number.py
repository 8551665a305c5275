"""Loans are found by their number in whatever case it is typed."""

import django.contrib.postgres.indexes
import django.db.models.functions.text
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("customers", "0004_who_may_hold_many"),
        ("repayment", "0006_rows_of_a_day"),
    ]

    operations = [
        migrations.AddIndex(
            model_name="loan",
            index=models.Index(
                django.contrib.postgres.indexes.OpClass(
                    django.db.models.functions.text.Upper("external_id"), name="text_pattern_ops"
                ),
                name="loan_by_number",
            ),
        ),
    ]
