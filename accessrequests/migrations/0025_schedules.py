"""Keeps who is on call."""

from __future__ import annotations

from typing import ClassVar

from django.db import migrations, models

_JOBS = [
    *("revoke", "provision", "rotate", "erase_credential", "notify", "reconcile", "read_inventory", "prove_alive"),
    *("prune", "ask_provider", "rearm", "extend", "diagnose", "read_usage", "change_custom_role", "read_schedules"),
]


class Migration(migrations.Migration):
    dependencies: ClassVar = [("accessrequests", "0024_custom_roles")]

    operations: ClassVar = [
        migrations.CreateModel(
            name="Schedule",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("name", models.CharField(max_length=80, unique=True)),
                ("shifts", models.JSONField(default=list)),
                ("good_for", models.DurationField()),
                ("read_at", models.DateTimeField(blank=True, null=True)),
                ("last_error", models.TextField(blank=True, default="")),
            ],
        ),
        migrations.RemoveConstraint("outboxmessage", "outbox_job_known"),
        migrations.AlterField(
            "outboxmessage",
            "job",
            models.CharField(choices=[(job, job.replace("_", " ")) for job in _JOBS], max_length=24),
        ),
        migrations.AddConstraint(
            "outboxmessage", models.CheckConstraint(condition=models.Q(job__in=_JOBS), name="outbox_job_known")
        ),
    ]
