"""The function that reserves a contact. Whoever changes the gate's text adds a migration that names the new one."""

from django.db import migrations

from backoffice.outreach.selectors.gate_text import made_by_migration


class Migration(migrations.Migration):
    dependencies = [("outreach", "0005_who_may_approve_a_template"), ("customers", "0001_initial")]

    operations = [
        migrations.RunSQL(
            sql=[(made_by_migration(name="outreach_reserve_dfb1766c47d3"), None)], reverse_sql=migrations.RunSQL.noop
        )
    ]
