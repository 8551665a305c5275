from django.db import migrations

from backoffice.audit.append_only import forbid_changes


class Migration(migrations.Migration):
    """Journeys and receipts only grow; messages are updated in place, with room on their pages."""

    dependencies = [("outreach", "0003_messages"), ("audit", "0001_initial")]

    operations = [
        forbid_changes("outreach_messagemove"),
        forbid_changes("outreach_gatewayreceipt"),
        forbid_changes("outreach_printfile"),
        migrations.RunSQL(
            sql="ALTER TABLE outreach_message SET (fillfactor = 80);",
            reverse_sql="ALTER TABLE outreach_message RESET (fillfactor);",
        ),
    ]
