from django.db import migrations, models

# What `audit.append_only` does for its tables, the exceptions for tests and for empty tables included; `calendars` knows
# nothing of `audit`.
KEEP_THE_HISTORY = """
CREATE FUNCTION calendars_keep_history() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'the history of the business day is append-only' USING ERRCODE = 'restrict_violation';
END $$;
CREATE FUNCTION calendars_keep_the_table() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF current_setting('backoffice.emptying', true) IS DISTINCT FROM 'allowed'
       AND EXISTS (SELECT FROM calendars_businessdaymove) THEN
        RAISE EXCEPTION 'the history of the business day is never emptied' USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER the_history_is_append_only BEFORE UPDATE OR DELETE ON calendars_businessdaymove
    FOR EACH ROW EXECUTE FUNCTION calendars_keep_history();
CREATE TRIGGER the_history_is_never_emptied BEFORE TRUNCATE ON calendars_businessdaymove
    FOR EACH STATEMENT EXECUTE FUNCTION calendars_keep_the_table();
"""
LET_IT_GO = """
DROP TRIGGER the_history_is_append_only ON calendars_businessdaymove;
DROP TRIGGER the_history_is_never_emptied ON calendars_businessdaymove;
DROP FUNCTION calendars_keep_history(), calendars_keep_the_table();
"""


class Migration(migrations.Migration):
    initial = True

    dependencies = []

    operations = [
        migrations.CreateModel(
            name="BusinessDay",
            fields=[
                ("id", models.PositiveSmallIntegerField(default=1, editable=False, primary_key=True, serialize=False)),
                ("today", models.DateField(help_text="the business date in the lender's zone")),
                (
                    "state",
                    models.CharField(choices=[("open", "open"), ("closing", "closing")], default="open", max_length=16),
                ),
                ("last_closed_at", models.DateTimeField(blank=True, null=True)),
                ("last_close_seconds", models.DecimalField(blank=True, decimal_places=3, max_digits=12, null=True)),
            ],
            options={
                "verbose_name": "business day",
                "constraints": [
                    models.CheckConstraint(condition=models.Q(("id", 1)), name="there_is_one_business_day"),
                    models.CheckConstraint(
                        condition=models.Q(("state__in", ["open", "closing"])), name="business_day_is_open_or_closing"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("last_close_seconds__isnull", True), ("last_close_seconds__gte", 0), _connector="OR"
                        ),
                        name="closing_took_no_negative_time",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="BusinessDayMove",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("day", models.DateField(help_text="the business date after the move")),
                (
                    "from_state",
                    models.CharField(blank=True, help_text="empty for the first day ever opened", max_length=16),
                ),
                ("to_state", models.CharField(choices=[("open", "open"), ("closing", "closing")], max_length=16)),
                ("at", models.DateTimeField()),
                ("actor_kind", models.CharField(max_length=16)),
                ("actor_id", models.BigIntegerField(null=True)),
                ("actor_name", models.CharField(max_length=150)),
            ],
            options={
                "verbose_name": "business day move",
                "constraints": [
                    models.UniqueConstraint(fields=("day", "to_state"), name="a_business_day_enters_a_state_once")
                ],
            },
        ),
        migrations.CreateModel(
            name="HolidayOverride",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "calendar",
                    models.CharField(
                        choices=[
                            ("CN", "CN"),
                            ("US", "US"),
                            ("IN", "IN"),
                            ("GB", "GB"),
                            ("CZ", "CZ"),
                            ("NG", "NG"),
                            ("UG", "UG"),
                            ("KE", "KE"),
                            ("MX", "MX"),
                            ("TW", "TW"),
                        ],
                        max_length=8,
                    ),
                ),
                ("day", models.DateField()),
                ("is_working", models.BooleanField()),
                ("reason", models.CharField(max_length=200)),
            ],
            options={
                "verbose_name": "holiday override",
                "ordering": ("calendar", "day"),
                "constraints": [
                    models.UniqueConstraint(fields=("calendar", "day"), name="one_override_per_calendar_and_day"),
                    models.CheckConstraint(
                        condition=models.Q(("reason", ""), _negated=True), name="an_override_has_a_reason"
                    ),
                ],
            },
        ),
        migrations.RunSQL(KEEP_THE_HISTORY, LET_IT_GO),
    ]
