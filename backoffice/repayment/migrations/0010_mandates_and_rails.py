import django.contrib.postgres.indexes
import django.db.models.functions.text
from django.db import migrations, models


class Migration(migrations.Migration):
    """Mandates a rail has to be told about; mandates by number and by their last day."""

    dependencies = [
        ("customers", "0005_contacts_stop_at_once"),
        ("repayment", "0009_autopay_rules"),
    ]

    operations = [
        migrations.AddField(
            model_name="mandate",
            name="tell_at",
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.AddIndex(
            model_name="mandate",
            index=models.Index(
                condition=models.Q(("tell_at__isnull", False)), fields=["tell_at"], name="mandates_to_tell"
            ),
        ),
        migrations.AddIndex(
            model_name="mandate",
            index=models.Index(
                django.contrib.postgres.indexes.OpClass(
                    django.db.models.functions.text.Upper("agreement_no"), name="text_pattern_ops"
                ),
                name="mandates_by_agreement_number",
            ),
        ),
        migrations.AddIndex(
            model_name="mandate",
            index=models.Index(
                condition=models.Q(("state__in", ["active", "suspended"]), ("valid_through__isnull", False)),
                fields=["valid_through"],
                name="mandates_to_expire",
            ),
        ),
    ]
