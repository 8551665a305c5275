"""Who may lift a hold, as the policy starts out: always two people, any decider of the four roles."""

from django.db import migrations

VERB = "customers.hold.lift"
DECIDERS = ("senior_agent", "team_lead", "compliance", "admin")


def write_limits(apps, _schema_editor):
    """One row per role: without limit of amount, never alone."""
    limit = apps.get_model("audit", "ApprovalLimit")
    for role in DECIDERS:
        limit.objects.get_or_create(
            verb=VERB,
            role=role,
            currency="",
            defaults={"max_amount": None, "alone": False},
        )


def remove_limits(apps, _schema_editor):
    """Takes the rows away again."""
    apps.get_model("audit", "ApprovalLimit").objects.filter(verb=VERB).delete()


class Migration(migrations.Migration):
    dependencies = [("customers", "0001_initial"), ("audit", "0001_initial")]

    operations = [migrations.RunPython(write_limits, remove_limits)]
