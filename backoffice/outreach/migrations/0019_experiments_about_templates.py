"""Experiments about a template: what each arm says, which message took a unit in; frozen from the start on."""

import django.db.models.deletion
from django.db import migrations, models

FREEZE = """
CREATE FUNCTION refuse_change_of_what_is_tried() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'what an experiment declared is frozen when it starts'
        USING ERRCODE = 'integrity_constraint_violation', CONSTRAINT = TG_NAME, TABLE = TG_TABLE_NAME;
END
$$;
CREATE TRIGGER template_tried_is_frozen_at_start BEFORE UPDATE ON outreach_experiment
    FOR EACH ROW WHEN (OLD.state <> 'draft' AND NEW.template_id IS DISTINCT FROM OLD.template_id)
    EXECUTE FUNCTION refuse_change_of_what_is_tried();
"""
THAW = """
DROP TRIGGER template_tried_is_frozen_at_start ON outreach_experiment;
DROP FUNCTION refuse_change_of_what_is_tried();
"""


class Migration(migrations.Migration):
    dependencies = [
        ("outreach", "0018_places_of_findings"),
    ]

    operations = [
        migrations.AddField(
            model_name="arm",
            name="template",
            field=models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="arms",
                to="outreach.messagetemplate",
                verbose_name="words",
            ),
        ),
        migrations.AddField(
            model_name="experiment",
            name="template",
            field=models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="experiments",
                to="outreach.messagetemplate",
                verbose_name="about the template",
            ),
        ),
        migrations.AddField(
            model_name="exposure",
            name="message_key",
            field=models.CharField(blank=True, max_length=200),
        ),
        migrations.AddField(
            model_name="factor",
            name="element",
            field=models.CharField(
                blank=True,
                choices=[
                    ("salutation", "salutation"),
                    ("greeting", "greeting"),
                    ("benefit", "benefit"),
                    ("time_limit", "time limit"),
                    ("social_proof", "social proof"),
                    ("call_to_action", "call to action"),
                ],
                max_length=16,
                verbose_name="element of the text",
            ),
        ),
        migrations.AddConstraint(
            model_name="experiment",
            constraint=models.UniqueConstraint(
                condition=models.Q(("state", "running")),
                fields=("template",),
                name="one_running_experiment_per_template",
            ),
        ),
        migrations.RunSQL(sql=FREEZE, reverse_sql=THAW),
    ]
