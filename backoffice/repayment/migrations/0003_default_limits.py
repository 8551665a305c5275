from decimal import Decimal

from django.db import migrations

# verb, role, up to (None: without limit), alone. Major units, any currency; an administrator changes them as data.
LIMITS = (
    ("repayment.waive", "agent", Decimal("50.00"), True),
    ("repayment.waive", "collector", Decimal("50.00"), True),
    ("repayment.waive", "senior_agent", Decimal("500.00"), True),
    ("repayment.waive", "team_lead", Decimal("5000.00"), True),
    ("repayment.waive", "admin", None, False),
    ("repayment.refund", "senior_agent", Decimal("200.00"), True),
    ("repayment.refund", "team_lead", Decimal("5000.00"), True),
    ("repayment.refund", "admin", None, False),
    ("repayment.reverse", "senior_agent", Decimal("500.00"), True),
    ("repayment.reverse", "team_lead", Decimal("20000.00"), True),
    ("repayment.reverse", "admin", None, False),
    ("repayment.charge_off", "team_lead", Decimal("50000.00"), False),
    ("repayment.charge_off", "admin", None, False),
    ("repayment.write_off", "senior_agent", Decimal("5.00"), True),
    ("repayment.write_off", "team_lead", Decimal("20.00"), True),
    ("repayment.write_off", "admin", None, False),
    ("repayment.buy_back", "team_lead", Decimal("50000.00"), False),
    ("repayment.buy_back", "admin", None, False),
    ("customers.hold.lift", "team_lead", None, False),
    ("customers.hold.lift", "compliance", None, False),
    ("customers.hold.lift", "admin", None, False),
)


def add_limits(apps, schema_editor):
    limit = apps.get_model("audit", "ApprovalLimit")
    limit.objects.bulk_create(
        (
            limit(verb=verb, role=role, currency="", max_amount=amount, alone=alone)
            for verb, role, amount, alone in LIMITS
        ),
        ignore_conflicts=True,
    )


class Migration(migrations.Migration):
    """Who may do how much, to begin with."""

    dependencies = [("repayment", "0002_append_only")]

    operations = [migrations.RunPython(add_limits, migrations.RunPython.noop)]
