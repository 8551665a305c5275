"""What keeps a version right: who changed it, what contracts give payees, the days rails are closed, two people."""

from django.db import migrations, models

LIMITS = (("repayment.payee_change", "admin"), ("repayment.payee_change", "compliance"))


def write_rows(apps, _schema_editor):
    """One limit per role; what an administrator wrote stays. A rail's calendar leaves its other settings."""
    limit = apps.get_model("audit", "ApprovalLimit")
    limit.objects.bulk_create(
        (limit(verb=verb, role=role, currency="", max_amount=None, alone=False) for verb, role in LIMITS),
        ignore_conflicts=True,
    )
    for rail in apps.get_model("repayment", "Rail").objects.filter(settings__has_key="calendar"):
        rail.calendar = str(rail.settings.pop("calendar"))[:8]
        rail.save(update_fields=["calendar", "settings"])


def remove_rows(apps, _schema_editor):
    """Takes the limits away again, and puts the calendars back."""
    apps.get_model("audit", "ApprovalLimit").objects.filter(verb__in=[verb for verb, _role in LIMITS]).delete()
    for rail in apps.get_model("repayment", "Rail").objects.exclude(calendar=""):
        rail.settings["calendar"] = rail.calendar
        rail.save(update_fields=["settings"])


class Migration(migrations.Migration):
    """Columns, then the rows they start with."""

    dependencies = [("repayment", "0017_old_differences_page"), ("audit", "0001_initial")]

    operations = [
        migrations.AddField(
            "payee", "contract_shares", models.JSONField("shares by contract", blank=True, default=dict)
        ),
        migrations.AddField("rail", "calendar", models.CharField("calendar", blank=True, max_length=8)),
        migrations.AddField("autopayversion", "changed_by", models.BigIntegerField(blank=True, null=True)),
        migrations.AddField(
            "autopayversion", "changed_by_name", models.CharField("changed by", blank=True, max_length=150)
        ),
        migrations.AddField("autopayversion", "held_before", models.JSONField(blank=True, default=list)),
        migrations.RunPython(write_rows, remove_rows),
    ]
