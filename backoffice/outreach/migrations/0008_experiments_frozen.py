"""Exposures, outcomes and results only grow; a plan is frozen once its experiment has left the draft; who may start one."""

from django.db import migrations

from backoffice.audit.append_only import forbid_changes

VERB = "outreach.experiment.start"
DECIDERS = ("admin", "compliance")

METRICS = (
    ("on_time", "paid on time", "按时还款", "more"),
    ("replied", "replied", "回复", "more"),
    ("opened", "opened the app", "打开应用", "more"),
    ("borrowed_again", "borrowed again", "再次借款", "more"),
    ("opted_out", "opted out", "退订", "less"),
)
LAYERS = (("texts", "Texts", "文案"), ("timing", "Times and channels", "时间与渠道"), ("offers", "Offers", "权益"))

FREEZE = """
CREATE FUNCTION refuse_change_of_declaration() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    parent bigint;
BEGIN
    IF TG_TABLE_NAME = 'outreach_experiment' THEN
        IF OLD.state = 'draft' OR (
            (NEW.code, NEW.layer_id, NEW.share, NEW.salt, NEW.design, NEW.origin, NEW.metric_id, NEW.window_days,
             NEW.alpha, NEW.power, NEW.minimum_sample, NEW.stop_on, NEW.screening_id, NEW.slice, NEW.started_at)
            IS NOT DISTINCT FROM
            (OLD.code, OLD.layer_id, OLD.share, OLD.salt, OLD.design, OLD.origin, OLD.metric_id, OLD.window_days,
             OLD.alpha, OLD.power, OLD.minimum_sample, OLD.stop_on, OLD.screening_id, OLD.slice, OLD.started_at)
        ) THEN
            RETURN NEW;
        END IF;
    ELSE
        IF TG_OP = 'DELETE' THEN
            parent := OLD.experiment_id;
        ELSE
            parent := NEW.experiment_id;
        END IF;
        IF (SELECT state FROM outreach_experiment WHERE id = parent) = 'draft' THEN
            IF TG_OP = 'DELETE' THEN
                RETURN OLD;
            END IF;
            RETURN NEW;
        END IF;
    END IF;
    RAISE EXCEPTION 'what an experiment declared is frozen when it starts'
        USING ERRCODE = 'integrity_constraint_violation', CONSTRAINT = TG_NAME, TABLE = TG_TABLE_NAME;
END
$$;
CREATE TRIGGER declaration_is_frozen_at_start BEFORE UPDATE ON outreach_experiment
    FOR EACH ROW EXECUTE FUNCTION refuse_change_of_declaration();
CREATE TRIGGER arms_are_frozen_at_start BEFORE INSERT OR UPDATE OR DELETE ON outreach_arm
    FOR EACH ROW EXECUTE FUNCTION refuse_change_of_declaration();
CREATE TRIGGER factors_are_frozen_at_start BEFORE INSERT OR UPDATE OR DELETE ON outreach_factor
    FOR EACH ROW EXECUTE FUNCTION refuse_change_of_declaration();
CREATE TRIGGER watched_metrics_are_frozen_at_start BEFORE INSERT OR UPDATE OR DELETE ON outreach_experiment_watched
    FOR EACH ROW EXECUTE FUNCTION refuse_change_of_declaration();
"""
THAW = """
DROP TRIGGER watched_metrics_are_frozen_at_start ON outreach_experiment_watched;
DROP TRIGGER factors_are_frozen_at_start ON outreach_factor;
DROP TRIGGER arms_are_frozen_at_start ON outreach_arm;
DROP TRIGGER declaration_is_frozen_at_start ON outreach_experiment;
DROP FUNCTION refuse_change_of_declaration();
"""


def write_limits(apps, _schema_editor):
    """One row per role: an experiment is always started by a second person."""
    limit = apps.get_model("audit", "ApprovalLimit")
    for role in DECIDERS:
        limit.objects.get_or_create(verb=VERB, role=role, currency="", defaults={"max_amount": None, "alone": False})


def remove_limits(apps, _schema_editor):
    """Takes the rows away again."""
    apps.get_model("audit", "ApprovalLimit").objects.filter(verb=VERB).delete()


def write_first_metrics(apps, _schema_editor):
    """Metrics and layers to begin with."""
    metric, layer = apps.get_model("outreach", "Metric"), apps.get_model("outreach", "Layer")
    for code, name, name_zh, goal in METRICS:
        metric.objects.create(code=code, name=name, name_zh=name_zh, kind="binary", goal=goal)
    for code, name, name_zh in LAYERS:
        layer.objects.create(code=code, name=name, name_zh=name_zh, salt=f"layer:{code}")


class Migration(migrations.Migration):
    dependencies = [("outreach", "0007_experiments"), ("audit", "0001_initial")]

    operations = [
        *(forbid_changes(f"outreach_{table}") for table in ("exposure", "outcome", "armresult")),
        migrations.RunSQL(sql=FREEZE, reverse_sql=THAW),
        migrations.RunPython(write_limits, remove_limits),
        migrations.RunPython(write_first_metrics, migrations.RunPython.noop),
    ]
