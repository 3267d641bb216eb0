"""Keeps how an access was used, as its target tells."""

from __future__ import annotations

from typing import ClassVar

import django.db.models.deletion
from django.db import migrations, models

_JOBS = [
    *("revoke", "provision", "rotate", "erase_credential", "notify", "reconcile", "read_inventory", "prove_alive"),
    *("prune", "ask_provider", "rearm", "diagnose", "read_usage"),
]


class Migration(migrations.Migration):
    dependencies: ClassVar = [("accessrequests", "0014_diagnoses")]

    operations: ClassVar = [
        migrations.CreateModel(
            name="Usage",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("read_until", models.DateTimeField()),
                ("first_login", models.DateTimeField(blank=True, null=True)),
                ("last_login", models.DateTimeField(blank=True, null=True)),
                ("logins", models.PositiveIntegerField(default=0)),
                ("failures", models.PositiveIntegerField(default=0)),
                ("tried_after_end", models.PositiveIntegerField(default=0)),
                ("addresses", models.JSONField(blank=True, default=list)),
                ("is_final", models.BooleanField(default=False)),
                (
                    "grant",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT, related_name="usage", to="accessrequests.grant"
                    ),
                ),
            ],
            options={"verbose_name_plural": "usage"},
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
