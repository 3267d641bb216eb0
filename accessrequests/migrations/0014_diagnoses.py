"""Lets somebody ask why an access does not work, and keeps the answer."""

from __future__ import annotations

from typing import ClassVar

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

_JOBS = [
    *("revoke", "provision", "rotate", "erase_credential", "notify", "reconcile", "read_inventory", "prove_alive"),
    *("prune", "ask_provider", "rearm", "diagnose"),
]


class Migration(migrations.Migration):
    dependencies: ClassVar = [("accessrequests", "0013_standing_logins")]

    operations: ClassVar = [
        migrations.CreateModel(
            name="Diagnosis",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("asked_from", models.CharField(blank=True, max_length=64)),
                ("asked_at", models.DateTimeField()),
                ("finished_at", models.DateTimeField(blank=True, null=True)),
                ("findings", models.JSONField(blank=True, default=list)),
                (
                    "asked_by",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "grant",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="diagnosis",
                        to="accessrequests.grant",
                    ),
                ),
            ],
            options={"verbose_name_plural": "diagnoses"},
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
