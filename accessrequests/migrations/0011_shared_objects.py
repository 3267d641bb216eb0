"""Objects on a target that several grants use at once: their baseline, who may write to them, and what for."""

from __future__ import annotations

from typing import ClassVar

import django.db.models.deletion
from django.db import migrations, models

KINDS = ["access_list_entry", "custom_role", "database_user", "project_member", "turn"]


class Migration(migrations.Migration):
    dependencies: ClassVar = [("accessrequests", "0010_clusters_and_quotas")]

    operations: ClassVar = [
        migrations.CreateModel(
            name="SharedObject",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("kind", models.CharField(choices=[(k, k.replace("_", " ")) for k in KINDS], max_length=20)),
                ("key", models.CharField(max_length=1100)),
                ("baseline", models.JSONField(blank=True, null=True)),
                ("baseline_at", models.DateTimeField(blank=True, null=True)),
                ("lease_owner", models.CharField(blank=True, max_length=100)),
                ("lease_number", models.PositiveIntegerField(default=0)),
                ("lease_until", models.DateTimeField(blank=True, null=True)),
                ("stray_calls_until", models.DateTimeField(blank=True, null=True)),
                (
                    "target",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="shared_objects",
                        to="accessrequests.target",
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.CheckConstraint(condition=models.Q(("kind__in", KINDS)), name="shared_object_kind_known"),
                    models.UniqueConstraint(fields=("target", "kind", "key"), name="shared_object_once"),
                ],
            },
        ),
        migrations.CreateModel(
            name="SharedUse",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("wants", models.JSONField(default=dict)),
                ("attempted_at", models.DateTimeField()),
                ("ending_at", models.DateTimeField(blank=True, null=True)),
                (
                    "grant",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="shared_uses",
                        to="accessrequests.grant",
                    ),
                ),
                (
                    "shared",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="uses",
                        to="accessrequests.sharedobject",
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(fields=("shared", "grant"), name="shared_use_once"),
                ],
            },
        ),
    ]
