"""The portfolio stands beside every digest, and the index leads with the digest: see `BlindIndex`."""

import django.contrib.postgres.indexes
from django.db import migrations, models

FILL = """
UPDATE customers_blindindex AS entry SET portfolio = borrower.portfolio
FROM customers_borrower AS borrower WHERE borrower.id = entry.borrower_id;
"""


class Migration(migrations.Migration):
    dependencies = [("customers", "0002_who_may_lift_a_hold")]

    operations = [
        migrations.AddField(
            model_name="blindindex",
            name="portfolio",
            field=models.CharField(default="", max_length=40, verbose_name="portfolio"),
            preserve_default=False,
        ),
        migrations.RunSQL(sql=FILL, reverse_sql=migrations.RunSQL.noop),
        migrations.RemoveConstraint(model_name="blindindex", name="digest_stands_once_per_borrower"),
        migrations.RemoveIndex(model_name="blindindex", name="borrowers_by_digest"),
        migrations.AddIndex(
            model_name="blindindex",
            index=django.contrib.postgres.indexes.HashIndex(fields=["borrower"], name="digests_of_a_borrower"),
        ),
        migrations.AddConstraint(
            model_name="blindindex",
            constraint=models.UniqueConstraint(
                fields=("digest", "borrower", "kind"),
                include=("portfolio",),
                name="digest_stands_once_per_borrower",
            ),
        ),
    ]
