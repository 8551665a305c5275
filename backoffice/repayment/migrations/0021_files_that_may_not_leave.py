"""A collection file knows its commands and whether the bank may have it; rails say why their files are not taken."""

import django.contrib.postgres.fields
from django.db import migrations, models

COMMANDS_OF_FILES = """
UPDATE repayment_collectionfile file SET command_ids = found.ids
FROM (
    SELECT sent.id, array_agg(command.id ORDER BY command.id) AS ids
    FROM repayment_collectionfile sent
    CROSS JOIN LATERAL regexp_matches(convert_from(sent.content, 'UTF8'), '<EndToEndId>([^<]+)<', 'g') AS entry (parts)
    JOIN repayment_debitcommand command ON command.order_no = entry.parts[1]
    GROUP BY sent.id
) found WHERE found.id = file.id;
"""
# Whether a file that was tried already has arrived is not known.
PUT_BEFORE = "UPDATE repayment_collectionfile SET may_be_there = true WHERE state = 'made' AND tries > 0;"


class Migration(migrations.Migration):
    dependencies = [
        ("repayment", "0020_answers_and_breakers"),
    ]

    operations = [
        migrations.AddField(
            model_name="collectionfile",
            name="command_ids",
            field=django.contrib.postgres.fields.ArrayField(
                base_field=models.BigIntegerField(), default=list, size=None
            ),
        ),
        migrations.AddField(
            model_name="collectionfile",
            name="may_be_there",
            field=models.BooleanField(default=False),
        ),
        migrations.AddField(
            model_name="collectionfile",
            name="out_until",
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.AlterField(
            model_name="collectionfile",
            name="state",
            field=models.CharField(
                choices=[
                    ("made", "waiting to be put"),
                    ("put", "at the bank"),
                    ("refused", "refused by the bank"),
                    ("withdrawn", "never put"),
                    ("unsure", "perhaps at the bank"),
                ],
                default="made",
                max_length=9,
                verbose_name="state",
            ),
        ),
        migrations.AddField(
            model_name="bankfile",
            name="troubles",
            field=models.JSONField(default=list),
        ),
        migrations.AddField(
            model_name="rail",
            name="files_after",
            field=models.CharField(blank=True, max_length=100),
        ),
        migrations.AddField(
            model_name="rail",
            name="files_trouble",
            field=models.JSONField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name="rail",
            name="files_trouble_since",
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.RunSQL(COMMANDS_OF_FILES + PUT_BEFORE, migrations.RunSQL.noop),
    ]
