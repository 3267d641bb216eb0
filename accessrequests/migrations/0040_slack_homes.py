"""Keeps which accounts of Slack have opened the Home of the app, and what stands in it."""

from __future__ import annotations

from typing import ClassVar

import django.contrib.postgres.fields
from django.db import migrations, models


JOBS = [
    "revoke",
    "provision",
    "rotate",
    "erase_credential",
    "notify",
    "deliver",
    "reconcile",
    "read_inventory",
    "read_changes",
    "prove_alive",
    "prune",
    "ask_provider",
    "rearm",
    "extend",
    "diagnose",
    "read_usage",
    "change_custom_role",
    "read_schedules",
    "watch_break_glass",
    "self_test",
    "watch_kit",
    "rotate_kit",
    "show_in_slack",
    "send_to_slack",
    "show_home",
]


class Migration(migrations.Migration):
    dependencies: ClassVar = [("accessrequests", "0039_whispers")]

    operations: ClassVar = [
        migrations.CreateModel(
            name="SlackHome",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("slack_user_id", models.CharField(max_length=32, unique=True)),
                ("opened_at", models.DateTimeField()),
                ("drawn_at", models.DateTimeField(blank=True, null=True)),
                ("rendered_hash", models.CharField(blank=True, max_length=64)),
                ("view_hash", models.CharField(blank=True, max_length=64)),
                (
                    "shows",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.BigIntegerField(), blank=True, default=list, size=None
                    ),
                ),
            ],
        ),
        migrations.RemoveConstraint(model_name="outboxmessage", name="outbox_job_known"),
        migrations.AlterField(
            "outboxmessage",
            "job",
            models.CharField(choices=[(job, job.replace("_", " ")) for job in JOBS], max_length=24),
        ),
        migrations.AddConstraint(
            "outboxmessage",
            models.CheckConstraint(condition=models.Q(("job__in", JOBS)), name="outbox_job_known"),
        ),
    ]
