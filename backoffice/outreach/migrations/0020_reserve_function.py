"""The function that reserves a contact, as the gate reads points, holds and merges now."""

from django.db import migrations

from backoffice.outreach.selectors.gate_text import made_by_migration


class Migration(migrations.Migration):
    dependencies = [
        ("outreach", "0019_experiments_about_templates"),
        ("customers", "0005_contacts_stop_at_once"),
    ]

    operations = [
        migrations.RunSQL(
            sql=[(made_by_migration(name="outreach_reserve_ef2de9c7a399"), None)], reverse_sql=migrations.RunSQL.noop
        )
    ]
