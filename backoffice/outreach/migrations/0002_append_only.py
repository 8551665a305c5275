"""What was done and said is never changed: the database refuses it."""

from django.db import migrations

from backoffice.audit.append_only import forbid_changes


class Migration(migrations.Migration):
    dependencies = [("outreach", "0001_contacts"), ("audit", "0001_initial")]

    operations = [
        forbid_changes(f"outreach_{table}")
        for table in ("contactentry", "blockedcontact", "consententry", "preferenceentry")
    ]
