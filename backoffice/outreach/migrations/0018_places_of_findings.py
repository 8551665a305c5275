"""A finding of a replay says where the borrower may have been, by whose clocks the hours were judged."""

import django.contrib.postgres.fields
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("outreach", "0017_replies"),
    ]

    operations = [
        migrations.AddField(
            model_name="replayfinding",
            name="zones",
            field=django.contrib.postgres.fields.ArrayField(
                base_field=models.CharField(max_length=40), blank=True, default=list, size=None
            ),
        ),
    ]
