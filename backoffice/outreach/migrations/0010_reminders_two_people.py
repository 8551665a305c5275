"""Reminder groups only grow; and who may publish a reminder plan, as the policy starts out: always two people."""

from django.db import migrations

from backoffice.audit.append_only import forbid_changes

VERB = "outreach.reminder_plan"


def write_limits(apps, _schema_editor):
    """One row per role: without limit of amount, never alone."""
    limit = apps.get_model("audit", "ApprovalLimit")
    for role in ("admin", "compliance", "team_lead"):
        limit.objects.get_or_create(verb=VERB, role=role, currency="", defaults={"max_amount": None, "alone": False})


def remove_limits(apps, _schema_editor):
    """Takes the rows away again."""
    apps.get_model("audit", "ApprovalLimit").objects.filter(verb=VERB).delete()


class Migration(migrations.Migration):
    dependencies = [("outreach", "0009_reminders"), ("audit", "0001_initial")]

    operations = [forbid_changes("outreach_remindergroup"), migrations.RunPython(write_limits, remove_limits)]
