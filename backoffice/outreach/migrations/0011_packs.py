"""Packs of rules as versioned rows, the packs of this release as first versions, and who may approve a version."""

from datetime import date
from pathlib import Path

import django.db.models.deletion
import django.db.models.functions.datetime
from django.conf import settings
from django.db import migrations, models

from backoffice.audit.append_only import forbid_changes
from backoffice.outreach.domain.pack_form import digest_of, tidy, to_json
from backoffice.outreach.domain.packs import parse

FILES = Path(__file__).resolve().parent.parent / "packs"
FIRST_DAY = date(2000, 1, 1)
VERB = "outreach.pack_version"
DECIDERS = ("admin", "compliance")


def write_first_packs(apps, _schema_editor):
    """The packs of the repository as active first versions; a code that is there already is left alone."""
    pack_model = apps.get_model("outreach", "RulePack")
    version_model = apps.get_model("outreach", "RulePackVersion")
    move_model = apps.get_model("outreach", "RulePackMove")
    for path in sorted(FILES.glob("*.toml")):
        content = tidy(path.read_text(encoding="utf-8"))
        pack = parse(content)
        row, is_new = pack_model.objects.get_or_create(code=pack.code)
        if not is_new:
            continue
        digest = digest_of(content)
        version = version_model.objects.create(
            pack=row,
            number=1,
            state="active",
            content=content,
            parsed=to_json(pack),
            digest=digest,
            effective_from=FIRST_DAY,
            note="as shipped",
        )
        move_model.objects.create(
            version=version,
            from_state="",
            to_state="active",
            digest=digest,
            effective_from=FIRST_DAY,
            reason="as shipped",
            actor_name="system",
        )


def write_limits(apps, _schema_editor):
    """Two people publish a pack: one row per role, without amount, never alone."""
    limit = apps.get_model("audit", "ApprovalLimit")
    for role in DECIDERS:
        limit.objects.get_or_create(verb=VERB, role=role, currency="", defaults={"max_amount": None, "alone": False})


def remove_limits(apps, _schema_editor):
    """Takes the rows away again."""
    apps.get_model("audit", "ApprovalLimit").objects.filter(verb=VERB).delete()


class Migration(migrations.Migration):
    dependencies = [
        ("outreach", "0010_reminders_two_people"),
        ("audit", "0001_initial"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="RulePack",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("code", models.CharField(max_length=40, unique=True, verbose_name="code")),
                (
                    "created_at",
                    models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False),
                ),
            ],
            options={
                "verbose_name": "rule pack",
                "ordering": ["code"],
            },
        ),
        migrations.CreateModel(
            name="RulePackVersion",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("number", models.PositiveIntegerField(verbose_name="version")),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("draft", "draft"),
                            ("checked", "checked"),
                            ("submitted", "waiting for approval"),
                            ("approved", "approved"),
                            ("active", "active"),
                            ("retired", "retired"),
                        ],
                        default="draft",
                        max_length=9,
                        verbose_name="state",
                    ),
                ),
                ("content", models.TextField(verbose_name="text")),
                ("parsed", models.JSONField()),
                ("digest", models.CharField(max_length=64)),
                ("effective_from", models.DateField(blank=True, null=True, verbose_name="starts on")),
                ("withdrawn_at", models.DateTimeField(blank=True, null=True, verbose_name="withdrawn")),
                ("note", models.CharField(blank=True, max_length=300, verbose_name="what for")),
                ("approved_at", models.DateTimeField(blank=True, null=True, verbose_name="approved")),
                (
                    "created_at",
                    models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False),
                ),
                (
                    "approved_by",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "created_by",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "pack",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="versions", to="outreach.rulepack"
                    ),
                ),
            ],
            options={
                "verbose_name": "version of a rule pack",
                "ordering": ["pack_id", "-number"],
            },
        ),
        migrations.CreateModel(
            name="RulePackMove",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("from_state", models.CharField(blank=True, max_length=9)),
                (
                    "to_state",
                    models.CharField(
                        choices=[
                            ("draft", "draft"),
                            ("checked", "checked"),
                            ("submitted", "waiting for approval"),
                            ("approved", "approved"),
                            ("active", "active"),
                            ("retired", "retired"),
                        ],
                        max_length=9,
                    ),
                ),
                ("digest", models.CharField(max_length=64)),
                ("effective_from", models.DateField(blank=True, null=True)),
                ("reason", models.CharField(blank=True, max_length=500)),
                ("actor_id", models.BigIntegerField(blank=True, null=True)),
                ("actor_name", models.CharField(max_length=150)),
                ("at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False)),
                (
                    "version",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="moves", to="outreach.rulepackversion"
                    ),
                ),
            ],
            options={
                "ordering": ["id"],
            },
        ),
        migrations.CreateModel(
            name="RulePackCheck",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("digest", models.CharField(max_length=64)),
                ("passed", models.PositiveIntegerField()),
                ("failed", models.PositiveIntegerField()),
                ("results", models.JSONField()),
                ("actor_id", models.BigIntegerField(blank=True, null=True)),
                ("actor_name", models.CharField(max_length=150)),
                ("at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False)),
                (
                    "version",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="checks",
                        to="outreach.rulepackversion",
                    ),
                ),
            ],
            options={
                "ordering": ["id"],
            },
        ),
        migrations.AddConstraint(
            model_name="rulepackversion",
            constraint=models.UniqueConstraint(
                fields=("pack", "number"), name="pack_version_number_is_unique_in_its_pack"
            ),
        ),
        migrations.AddConstraint(
            model_name="rulepackversion",
            constraint=models.UniqueConstraint(
                condition=models.Q(("state__in", ["draft", "checked", "submitted"])),
                fields=("pack",),
                name="one_version_of_a_pack_in_the_making",
            ),
        ),
        migrations.AddConstraint(
            model_name="rulepackversion",
            constraint=models.UniqueConstraint(
                condition=models.Q(("state", "active")), fields=("pack",), name="one_active_version_of_a_pack"
            ),
        ),
        migrations.AddConstraint(
            model_name="rulepackversion",
            constraint=models.UniqueConstraint(
                condition=models.Q(("state__in", ["approved", "active"])),
                fields=("pack", "effective_from"),
                name="one_version_of_a_pack_starts_on_a_day",
            ),
        ),
        migrations.AddConstraint(
            model_name="rulepackversion",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("state__in", ["submitted", "approved", "active"]), _negated=True),
                    ("effective_from__isnull", False),
                    _connector="OR",
                ),
                name="published_pack_version_has_a_first_day",
            ),
        ),
        migrations.AddConstraint(
            model_name="rulepackversion",
            constraint=models.CheckConstraint(
                condition=models.Q(("withdrawn_at__isnull", True), ("state", "retired"), _connector="OR"),
                name="withdrawn_pack_version_is_retired",
            ),
        ),
        forbid_changes("outreach_rulepackmove"),
        forbid_changes("outreach_rulepackcheck"),
        migrations.RunPython(write_first_packs, migrations.RunPython.noop),
        migrations.RunPython(write_limits, remove_limits),
    ]
