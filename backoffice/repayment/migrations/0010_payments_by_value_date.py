"""The list of payments is read by value date, whole or of one kind."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("repayment", "0009_words_of_a_reason")]

    operations = [
        migrations.AddIndex(
            model_name="operation", index=models.Index(fields=["value_date", "id"], name="operation_value_date")
        ),
        migrations.RemoveIndex(model_name="operation", name="operation_out_of_the_usual"),
        migrations.AddIndex(
            model_name="operation",
            index=models.Index(
                condition=models.Q(("kind__in", ["payment", "disbursement"]), _negated=True),
                fields=["kind", "value_date", "id"],
                name="operation_out_of_the_usual",
            ),
        ),
    ]
