"""Who may approve a version of a template, as the policy starts out: always two people, law to compliance alone."""

from django.db import migrations

DECIDERS = {
    "outreach.template_version": ("admin", "compliance", "team_lead"),
    "outreach.template_version_legal": ("compliance",),
}


def write_limits(apps, _schema_editor):
    """One row per verb and role: without limit of amount, never alone."""
    limit = apps.get_model("audit", "ApprovalLimit")
    for verb, roles in DECIDERS.items():
        for role in roles:
            limit.objects.get_or_create(
                verb=verb, role=role, currency="", defaults={"max_amount": None, "alone": False}
            )


def remove_limits(apps, _schema_editor):
    """Takes the rows away again."""
    apps.get_model("audit", "ApprovalLimit").objects.filter(verb__in=DECIDERS).delete()


class Migration(migrations.Migration):
    dependencies = [("outreach", "0004_messages_only_grow"), ("audit", "0001_initial")]

    operations = [migrations.RunPython(write_limits, remove_limits)]
