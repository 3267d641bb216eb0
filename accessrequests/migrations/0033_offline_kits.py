"""Adds offline kits and their uses; and every job that the clock files waits at most once for its subject."""

from __future__ import annotations

from typing import ClassVar

import django.contrib.postgres.fields
import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models
from django.db.models import Q

_JOBS = [
    *("revoke", "provision", "rotate", "erase_credential", "notify", "deliver"),
    *("reconcile", "read_inventory", "read_changes", "prove_alive", "prune", "ask_provider"),
    *("rearm", "extend", "diagnose", "read_usage", "change_custom_role", "read_schedules"),
    *("watch_break_glass", "self_test", "watch_kit", "rotate_kit"),
]
_PERIODIC = [
    *("reconcile", "read_inventory", "read_changes", "prove_alive", "prune"),
    *("watch_break_glass", "self_test", "watch_kit", "read_schedules"),
    *("ask_provider", "rearm", "read_usage"),
]
_STATES = ["making", "standing", "spent", "ended"]
_FINDINGS = ["real", "drill", "misuse"]
_PROTECT = django.db.models.deletion.PROTECT
# Two relays may have filed the same work twice: one of each is enough.
_ONCE = """
UPDATE accessrequests_outboxmessage AS later SET done_at = clock_timestamp()
 WHERE later.done_at IS NULL AND later.job IN ('self_test', 'read_schedules', 'ask_provider', 'rearm', 'read_usage')
   AND EXISTS (SELECT 1 FROM accessrequests_outboxmessage AS older
                WHERE older.done_at IS NULL AND older.job = later.job AND older.subject = later.subject
                  AND older.id < later.id)
"""


class Migration(migrations.Migration):
    dependencies: ClassVar = [("accessrequests", "0032_delegations")]

    operations: ClassVar = [
        migrations.RemoveConstraint("outboxmessage", "outbox_periodic_once"),
        migrations.RemoveConstraint("outboxmessage", "outbox_job_known"),
        migrations.RunSQL(_ONCE, migrations.RunSQL.noop),
        migrations.AlterField(
            "outboxmessage",
            "job",
            models.CharField(choices=[(job, job.replace("_", " ")) for job in _JOBS], max_length=24),
        ),
        migrations.AddConstraint(
            "outboxmessage", models.CheckConstraint(condition=Q(job__in=_JOBS), name="outbox_job_known")
        ),
        migrations.AddConstraint(
            "outboxmessage",
            models.UniqueConstraint(
                condition=Q(done_at=None, job__in=_PERIODIC), fields=("job", "subject"), name="outbox_periodic_once"
            ),
        ),
        migrations.CreateModel(
            name="OfflineKit",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("username", models.CharField(max_length=100)),
                ("roles", django.contrib.postgres.fields.ArrayField(models.CharField(max_length=200))),
                ("holders", django.contrib.postgres.fields.ArrayField(models.CharField(max_length=64))),
                ("state", models.CharField(choices=[(one, one) for one in _STATES], max_length=16)),
                ("fingerprint", models.CharField(max_length=32)),
                ("ordered_at", models.DateTimeField()),
                ("ordered_by", models.CharField(max_length=100)),
                ("made_at", models.DateTimeField(blank=True, null=True)),
                ("spent_at", models.DateTimeField(blank=True, null=True)),
                ("rotated_at", models.DateTimeField(blank=True, null=True)),
                ("watched_at", models.DateTimeField(blank=True, null=True)),
                ("checked_at", models.DateTimeField(blank=True, null=True)),
                ("trouble", models.TextField(blank=True)),
                ("seen", models.JSONField(blank=True, default=list)),
                (
                    "target",
                    models.OneToOneField(
                        on_delete=_PROTECT, related_name="offline_kit", to="accessrequests.target"
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.CheckConstraint(condition=Q(state__in=_STATES), name="offline_kit_state_known"),
                ],
            },
        ),
        migrations.CreateModel(
            name="KitUse",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("holders", django.contrib.postgres.fields.ArrayField(models.CharField(max_length=64))),
                ("began_at", models.DateTimeField()),
                ("noticed_at", models.DateTimeField()),
                ("last_at", models.DateTimeField()),
                ("logins", models.PositiveIntegerField()),
                (
                    "addresses",
                    django.contrib.postgres.fields.ArrayField(models.CharField(max_length=100), default=list),
                ),
                (
                    "review_groups",
                    django.contrib.postgres.fields.ArrayField(models.CharField(max_length=64), default=list),
                ),
                ("reviewed_at", models.DateTimeField(blank=True, null=True)),
                (
                    "finding",
                    models.CharField(blank=True, choices=[(one, one) for one in _FINDINGS], max_length=8),
                ),
                ("review_note", models.TextField(blank=True)),
                (
                    "kit",
                    models.ForeignKey(on_delete=_PROTECT, related_name="uses", to="accessrequests.offlinekit"),
                ),
                (
                    "reviewed_by",
                    models.ForeignKey(
                        blank=True, null=True, on_delete=_PROTECT, related_name="+", to=settings.AUTH_USER_MODEL
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.CheckConstraint(condition=Q(finding__in=[*_FINDINGS, ""]), name="kit_use_finding_known"),
                    models.CheckConstraint(
                        condition=Q(reviewed_at=None, reviewed_by=None, finding="")
                        | Q(reviewed_at__isnull=False, reviewed_by__isnull=False) & ~Q(finding=""),
                        name="kit_use_reviewed_by_somebody",
                    ),
                ],
            },
        ),
    ]
