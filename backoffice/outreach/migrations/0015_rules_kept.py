"""What the gate judges by is kept in the database, and known by one number that changes with every change of a pack."""

import django.contrib.postgres.fields
from django.db import migrations, models

from backoffice.audit.append_only import forbid_changes

COUNT_CHANGES = """
CREATE FUNCTION renew_pack_generation() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO outreach_packgeneration (id, number) VALUES (true, gen_random_uuid())
    ON CONFLICT (id) DO UPDATE SET number = excluded.number;
    RETURN NULL;
END
$$;
CREATE TRIGGER pack_versions_have_a_generation AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON outreach_rulepackversion
    FOR EACH STATEMENT EXECUTE FUNCTION renew_pack_generation();
INSERT INTO outreach_packgeneration (id, number) VALUES (true, gen_random_uuid());
"""
COUNT_NO_MORE = """
DROP TRIGGER pack_versions_have_a_generation ON outreach_rulepackversion;
DROP FUNCTION renew_pack_generation();
"""


class Migration(migrations.Migration):
    dependencies = [
        ("outreach", "0014_replays"),
        ("audit", "0001_initial"),
    ]

    operations = [
        migrations.CreateModel(
            name="CompiledRule",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("key", models.UUIDField()),
                ("rule", models.TextField()),
                ("kind", models.TextField()),
                ("countries", django.contrib.postgres.fields.ArrayField(base_field=models.TextField(), size=None)),
                ("is_default", models.BooleanField()),
                ("channels", django.contrib.postgres.fields.ArrayField(base_field=models.TextField(), size=None)),
                (
                    "counted_purposes",
                    django.contrib.postgres.fields.ArrayField(base_field=models.TextField(), size=None),
                ),
                ("counted_scopes", django.contrib.postgres.fields.ArrayField(base_field=models.TextField(), size=None)),
                ("from_minute", models.IntegerField(null=True)),
                ("to_minute", models.IntegerField(null=True)),
                ("days", django.contrib.postgres.fields.ArrayField(base_field=models.IntegerField(), size=None)),
                ("is_closed_on_holidays", models.BooleanField()),
                ("most", models.IntegerField(null=True)),
                ("per", models.TextField()),
                ("counts", models.TextField()),
                ("days_window", models.IntegerField(null=True)),
                ("minutes_window", models.IntegerField(null=True)),
                ("quiet_days", models.IntegerField(null=True)),
                ("within_days", models.IntegerField(null=True)),
                ("excepts", django.contrib.postgres.fields.ArrayField(base_field=models.TextField(), size=None)),
            ],
            options={
                "constraints": [models.UniqueConstraint(fields=("key", "rule"), name="a_compiled_rule_is_kept_once")],
            },
        ),
        migrations.CreateModel(
            name="PackGeneration",
            fields=[
                ("id", models.BooleanField(default=True, primary_key=True, serialize=False)),
                ("number", models.UUIDField()),
            ],
            options={
                "constraints": [
                    models.CheckConstraint(condition=models.Q(("id", True)), name="one_generation_of_packs")
                ],
            },
        ),
        migrations.RunSQL(sql=COUNT_CHANGES, reverse_sql=COUNT_NO_MORE),
        forbid_changes("outreach_compiledrule"),
    ]
