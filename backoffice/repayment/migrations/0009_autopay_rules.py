"""What the models of autopay cannot say: tables that only grow, the one switch, who agrees to a version."""

from django.db import migrations

from backoffice.audit.append_only import forbid_changes

ONLY_GROW = ("mandatemove", "debitmove", "railnotice", "splitline", "settlementline")

# A version of a configuration is always the work of two people.
LIMITS = (("repayment.autopay_version", "admin"), ("repayment.autopay_version", "compliance"))


def write_rows(apps, _schema_editor):
    """The switch, on; one limit per role. What an administrator wrote already stays."""
    apps.get_model("repayment", "AutopaySwitch").objects.get_or_create(pk=1)
    limit = apps.get_model("audit", "ApprovalLimit")
    limit.objects.bulk_create(
        (limit(verb=verb, role=role, currency="", max_amount=None, alone=False) for verb, role in LIMITS),
        ignore_conflicts=True,
    )


def remove_rows(apps, _schema_editor):
    """Takes the limits away again."""
    apps.get_model("audit", "ApprovalLimit").objects.filter(verb__in=[verb for verb, _role in LIMITS]).delete()


class Migration(migrations.Migration):
    """Triggers and first rows."""

    dependencies = [("repayment", "0008_autopay"), ("audit", "0001_initial")]

    operations = [
        *(forbid_changes(f"repayment_{table}") for table in ONLY_GROW),
        migrations.RunPython(write_rows, remove_rows),
    ]
