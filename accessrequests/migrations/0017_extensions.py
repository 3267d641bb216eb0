"""Lets a live access last longer: the request for it, its way to the target, and the warning before an end."""

from __future__ import annotations

from typing import ClassVar

import django.db.models.deletion
from django.db import migrations, models

_JOBS = [
    *("revoke", "provision", "rotate", "erase_credential", "notify", "reconcile", "read_inventory", "prove_alive"),
    *("prune", "ask_provider", "rearm", "extend", "diagnose", "read_usage"),
]
_STATES = ["waiting", "done", "failed"]


class Migration(migrations.Migration):
    dependencies: ClassVar = [("accessrequests", "0016_waits")]

    operations: ClassVar = [
        migrations.AddField("credential", "certificate_until", models.DateTimeField(blank=True, null=True)),
        migrations.AddField("grant", "warned_at", models.DateTimeField(blank=True, null=True)),
        migrations.AddIndex(
            "grant",
            models.Index(
                fields=["expires_at"], condition=models.Q(state="active", warned_at=None), name="grant_unwarned"
            ),
        ),
        migrations.AddField(
            "accessrequest",
            "extends",
            models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="extension_requests",
                to="accessrequests.grant",
            ),
        ),
        migrations.AddConstraint(
            "accessrequest",
            models.UniqueConstraint(
                fields=["extends"],
                condition=models.Q(state="pending"),
                name="access_request_one_extension_waits",
            ),
        ),
        migrations.CreateModel(
            name="Extension",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("state", models.CharField(choices=[(one, one) for one in _STATES], max_length=8)),
                ("ends_from", models.DateTimeField()),
                ("ends_at", models.DateTimeField()),
                ("approved_at", models.DateTimeField()),
                ("settled_at", models.DateTimeField(blank=True, null=True)),
                ("why", models.TextField(blank=True)),
                (
                    "access_request",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="extension",
                        to="accessrequests.accessrequest",
                    ),
                ),
                (
                    "grant",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="extensions",
                        to="accessrequests.grant",
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.CheckConstraint(condition=models.Q(state__in=_STATES), name="extension_state_known"),
                    models.CheckConstraint(
                        condition=models.Q(ends_at__gt=models.F("ends_from")), name="extension_is_later"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(state="waiting") ^ models.Q(settled_at__isnull=False),
                        name="extension_settled_or_waiting",
                    ),
                    models.UniqueConstraint(
                        fields=["grant"], condition=models.Q(state="waiting"), name="extension_one_waits"
                    ),
                ]
            },
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
