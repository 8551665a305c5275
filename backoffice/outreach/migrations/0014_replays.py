"""Past contacts judged again: reports, what they found, and where in the log a period lies."""

import django.contrib.postgres.fields
import django.contrib.postgres.indexes
import django.db.models.deletion
import django.db.models.functions.datetime
from django.db import migrations, models

from backoffice.audit.append_only import forbid_changes


class Migration(migrations.Migration):
    dependencies = [
        ("customers", "0002_who_may_lift_a_hold"),
        ("outreach", "0013_print_files_sealed_anew"),
    ]

    operations = [
        migrations.CreateModel(
            name="ReplayFinding",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "rules",
                    django.contrib.postgres.fields.ArrayField(base_field=models.CharField(max_length=80), size=None),
                ),
                ("packs", models.CharField(blank=True, max_length=200)),
                (
                    "channel",
                    models.CharField(
                        choices=[
                            ("call", "call"),
                            ("bot", "voice bot"),
                            ("sms", "SMS"),
                            ("email", "e-mail"),
                            ("push", "push"),
                            ("inbox", "inbox"),
                            ("popup", "pop-up"),
                            ("letter", "letter"),
                        ],
                        max_length=8,
                    ),
                ),
                (
                    "purpose",
                    models.CharField(
                        choices=[
                            ("notice", "notice required by law"),
                            ("reply", "reply"),
                            ("help", "help"),
                            ("service", "service"),
                            ("collection", "collection"),
                            ("reminder", "reminder"),
                            ("repeat", "repeat loan"),
                            ("recall", "recall of an applicant"),
                            ("marketing", "marketing"),
                        ],
                        max_length=12,
                    ),
                ),
                ("actor_scope", models.CharField(max_length=12)),
                ("message_id", models.BigIntegerField(blank=True, null=True)),
                ("actor_name", models.CharField(max_length=150)),
                ("at", models.DateTimeField()),
            ],
            options={
                "ordering": ["id"],
            },
        ),
        migrations.CreateModel(
            name="ReplayReport",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("first", models.DateField()),
                ("last", models.DateField()),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("waiting", "waiting"),
                            ("running", "running"),
                            ("done", "done"),
                            ("failed", "failed"),
                            ("stopped", "stopped"),
                        ],
                        default="waiting",
                        max_length=7,
                    ),
                ),
                ("contacts", models.PositiveIntegerField(default=0)),
                ("judged", models.PositiveIntegerField(default=0)),
                ("not_permitted", models.PositiveIntegerField(default=0)),
                ("last_entry_id", models.BigIntegerField(default=0)),
                ("fault", models.JSONField(blank=True, default=str)),
                ("actor_id", models.BigIntegerField(blank=True, null=True)),
                ("actor_name", models.CharField(max_length=150)),
                (
                    "asked_at",
                    models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False),
                ),
                ("finished_at", models.DateTimeField(blank=True, null=True)),
            ],
            options={
                "ordering": ["-id"],
            },
        ),
        migrations.AddIndex(
            model_name="contactentry",
            index=django.contrib.postgres.indexes.BrinIndex(
                autosummarize=True, fields=["at"], name="contact_entries_by_time"
            ),
        ),
        migrations.AddField(
            model_name="replayfinding",
            name="borrower",
            field=models.ForeignKey(
                db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name="+", to="customers.borrower"
            ),
        ),
        migrations.AddField(
            model_name="replayfinding",
            name="entry",
            field=models.ForeignKey(
                db_index=False,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="outreach.contactentry",
            ),
        ),
        migrations.AddField(
            model_name="replayreport",
            name="pack_version",
            field=models.ForeignKey(
                blank=True,
                db_index=False,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="outreach.rulepackversion",
            ),
        ),
        migrations.AddField(
            model_name="replayfinding",
            name="report",
            field=models.ForeignKey(
                db_index=False,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="findings",
                to="outreach.replayreport",
            ),
        ),
        migrations.AddConstraint(
            model_name="replayreport",
            constraint=models.CheckConstraint(
                condition=models.Q(("first__lte", models.F("last"))), name="replayed_period_has_a_day"
            ),
        ),
        migrations.AddConstraint(
            model_name="replayreport",
            constraint=models.CheckConstraint(
                condition=models.Q(("not_permitted__lte", models.F("judged"))),
                name="not_permitted_contacts_were_judged",
            ),
        ),
        migrations.AddConstraint(
            model_name="replayfinding",
            constraint=models.UniqueConstraint(fields=("report", "entry"), name="replay_names_a_contact_once"),
        ),
        forbid_changes("outreach_replayfinding"),
    ]
