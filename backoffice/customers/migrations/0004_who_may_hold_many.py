"""Who may decide on holds for many borrowers, as the policy starts out: always two people."""

from django.db import migrations

VERBS = ("customers.hold.place_bulk", "customers.hold.lift_bulk")
DECIDERS = ("team_lead", "compliance", "admin")


def write_limits(apps, _schema_editor):
    """One row per verb and role: without limit of amount, never alone."""
    limit = apps.get_model("audit", "ApprovalLimit")
    for verb in VERBS:
        for role in DECIDERS:
            limit.objects.get_or_create(
                verb=verb, role=role, currency="", defaults={"max_amount": None, "alone": False}
            )


def remove_limits(apps, _schema_editor):
    """Takes the rows away again."""
    apps.get_model("audit", "ApprovalLimit").objects.filter(verb__in=VERBS).delete()


class Migration(migrations.Migration):
    dependencies = [("customers", "0003_holds_matrix"), ("audit", "0001_initial")]

    operations = [migrations.RunPython(write_limits, remove_limits)]
