"""Adds break-glass: access first, review after; and messages for the receivers of webhooks."""

from __future__ import annotations

from typing import ClassVar

import django.contrib.postgres.fields
import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models
from django.db.models import F, Q

_JOBS = [
    *("revoke", "provision", "rotate", "erase_credential", "notify", "deliver"),
    *("reconcile", "read_inventory", "read_changes", "prove_alive", "prune", "ask_provider"),
    *("rearm", "extend", "diagnose", "read_usage", "change_custom_role", "read_schedules"),
    *("watch_break_glass", "self_test"),
]
_PERIODIC = ["reconcile", "read_inventory", "read_changes", "prove_alive", "prune", "watch_break_glass"]
_FINDINGS = ["real", "drill", "misuse"]
_PROTECT = django.db.models.deletion.PROTECT


class Migration(migrations.Migration):
    dependencies: ClassVar = [("accessrequests", "0026_outside")]

    operations: ClassVar = [
        migrations.AddField("accessrequest", "is_break_glass", models.BooleanField(default=False)),
        migrations.AddField("outboxmessage", "receiver", models.CharField(blank=True, max_length=40)),
        migrations.AddField("outboxmessage", "tells", models.BigIntegerField(blank=True, null=True)),
        migrations.RemoveConstraint("outboxmessage", "outbox_periodic_once"),
        migrations.RemoveConstraint("outboxmessage", "outbox_job_known"),
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
        migrations.AddConstraint(
            "outboxmessage",
            models.UniqueConstraint(
                condition=Q(tells__isnull=False), fields=("tells", "receiver"), name="outbox_delivery_once"
            ),
        ),
        migrations.CreateModel(
            name="BreakGlass",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("incident", models.CharField(max_length=200)),
                ("is_drill", models.BooleanField(default=False)),
                ("proved_by", models.CharField(max_length=40)),
                ("os_user", models.CharField(blank=True, max_length=64)),
                ("why_second", models.CharField(blank=True, max_length=300)),
                (
                    "review_groups",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.CharField(max_length=64), default=list, size=None
                    ),
                ),
                ("review_within", models.DurationField()),
                ("began_at", models.DateTimeField(blank=True, null=True)),
                ("used_at", models.DateTimeField(blank=True, null=True)),
                ("ended_at", models.DateTimeField(blank=True, null=True)),
                ("review_due_at", models.DateTimeField(blank=True, null=True)),
                ("escalated_at", models.DateTimeField(blank=True, null=True)),
                ("reviewed_at", models.DateTimeField(blank=True, null=True)),
                (
                    "finding",
                    models.CharField(blank=True, choices=[(one, one) for one in _FINDINGS], max_length=8),
                ),
                ("review_note", models.TextField(blank=True)),
                (
                    "access_request",
                    models.OneToOneField(
                        on_delete=_PROTECT, related_name="break_glass", to="accessrequests.accessrequest"
                    ),
                ),
                (
                    "person",
                    models.ForeignKey(
                        on_delete=_PROTECT, related_name="break_glasses", to=settings.AUTH_USER_MODEL
                    ),
                ),
                (
                    "reviewed_by",
                    models.ForeignKey(
                        blank=True, null=True, on_delete=_PROTECT, related_name="+", to=settings.AUTH_USER_MODEL
                    ),
                ),
                (
                    "target",
                    models.ForeignKey(on_delete=_PROTECT, related_name="break_glasses", to="accessrequests.target"),
                ),
            ],
            options={
                "verbose_name_plural": "break-glasses",
                "indexes": [
                    models.Index(fields=["person", "-began_at"], name="break_glass_of_person"),
                    models.Index(fields=["target", "-began_at"], name="break_glass_on_target"),
                    models.Index(
                        condition=Q(reviewed_at=None), fields=["review_due_at"], name="break_glass_to_review"
                    ),
                ],
                "constraints": [
                    models.CheckConstraint(
                        condition=Q(finding__in=[*_FINDINGS, ""]), name="break_glass_finding_known"
                    ),
                    models.CheckConstraint(
                        condition=Q(reviewed_at=None, reviewed_by=None, finding="")
                        | Q(reviewed_at__isnull=False, reviewed_by__isnull=False) & ~Q(finding=""),
                        name="break_glass_reviewed_by_somebody",
                    ),
                    models.CheckConstraint(
                        condition=~Q(reviewed_by=F("person")), name="break_glass_reviewed_by_another"
                    ),
                    models.CheckConstraint(
                        condition=Q(began_at=None, review_due_at=None)
                        | Q(began_at__isnull=False, review_due_at__isnull=False),
                        name="break_glass_begun_is_due",
                    ),
                ],
            },
        ),
    ]
