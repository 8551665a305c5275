"""Who may resolve a difference between our books and a settlement file alone, and up to how much."""

from decimal import Decimal

from django.db import migrations

# Money moves back, as in a reversal or refund: the same limits to begin with. Major units, any currency.
LIMITS = (
    ("repayment.resolve_difference", "senior_agent", Decimal("500.00"), True),
    ("repayment.resolve_difference", "team_lead", Decimal("20000.00"), True),
    ("repayment.resolve_difference", "admin", None, False),
)


def write_limits(apps, _schema_editor):
    """One row per verb and role; what an administrator wrote already stays."""
    limit = apps.get_model("audit", "ApprovalLimit")
    limit.objects.bulk_create(
        (
            limit(verb=verb, role=role, currency="", max_amount=amount, alone=alone)
            for verb, role, amount, alone in LIMITS
        ),
        ignore_conflicts=True,
    )


def remove_limits(apps, _schema_editor):
    """Takes the rows away again."""
    apps.get_model("audit", "ApprovalLimit").objects.filter(verb="repayment.resolve_difference").delete()


class Migration(migrations.Migration):
    """First rows only."""

    dependencies = [("repayment", "0012_reconciliation"), ("audit", "0001_initial")]

    operations = [migrations.RunPython(write_limits, remove_limits)]
