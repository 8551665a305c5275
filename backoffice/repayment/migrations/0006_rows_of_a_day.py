"""What a day booked is found by a summary of the ledger's pages."""

import django.contrib.postgres.indexes
from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [
        ("repayment", "0005_overdue_is_an_amount_past_due"),
    ]

    operations = [
        migrations.AddIndex(
            model_name="transfer",
            index=django.contrib.postgres.indexes.BrinIndex(
                fields=["business_date"], name="transfer_business_date", pages_per_range=32
            ),
        ),
    ]
